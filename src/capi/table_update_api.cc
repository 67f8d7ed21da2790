#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/join.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/partition_text.h"
#include "capi/request.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/table/manage_snapshots.h"
#include "iceberg/table/update_schema.h"
#include "iceberg/table/update_table.h"

namespace floe::capi {

namespace {

using iceberg::TablePtr;
using nlohmann::json;

/// One step of a list of changes: read strictly, and as it is for keys of any JSON.
struct StepText {
  Request request;
  const json& document;

  arrow::Result<std::string> Text(const std::string& key) const {
    return request.Text(key);
  }
  const std::string& where() const { return request.where(); }

  /// What `key` holds, as JSON text.
  arrow::Result<std::string> JsonText(const std::string& key) const {
    if (!request.Has(key)) {
      return MakeError(ErrorCode::kInvalidArgument, "{} lacks the key '{}'", where(),
                       key);
    }
    return iceberg::DumpJson(document[key], where());
  }
};

/// What one "op" of a list takes, and doing it to a builder of the changes.
template <typename Builder>
struct Step {
  std::vector<std::string> keys;
  std::function<arrow::Status(const StepText& step, Builder* builder)> apply;
};

/// Applies each object of the list `key` by its "op".
template <typename Builder>
arrow::Status ApplySteps(const json& change, const std::string& key,
                         const std::map<std::string, Step<Builder>>& steps,
                         Builder* builder) {
  if (!change[key].is_array()) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' of the change must be a list",
                     key);
  }
  size_t index = 0;
  for (const json& document : change[key]) {
    const std::string where = fmt::format("'{}[{}]' of the change", key, index++);
    std::string op;
    if (document.is_object() && document.contains("op") && document["op"].is_string()) {
      op = document["op"].get<std::string>();
    }
    const auto found = steps.find(op);
    if (found == steps.end()) {
      std::vector<std::string> names;
      for (const auto& [name, step] : steps) names.push_back(name);
      return MakeError(ErrorCode::kInvalidArgument, "'op' of {} is '{}'; it is one of {}",
                       where, op, JoinText(names, ", "));
    }
    std::vector<std::string> keys = found->second.keys;
    keys.push_back("op");
    ARROW_ASSIGN_OR_RAISE(const std::string text, iceberg::DumpJson(document, where));
    ARROW_ASSIGN_OR_RAISE(Request request,
                          Request::Parse(text.c_str(), where, std::move(keys)));
    ARROW_RETURN_NOT_OK(found->second.apply({std::move(request), document}, builder));
  }
  return arrow::Status::OK();
}

/// A whole change, in both forms.
struct Change {
  Request request;
  json document;
};

/// The Iceberg type that "type" holds as JSON.
arrow::Result<iceberg::TypePtr> TypeOf(const StepText& step) {
  ARROW_ASSIGN_OR_RAISE(const std::string type, step.JsonText("type"));
  const arrow::Result<iceberg::SchemaPtr> schema = iceberg::SchemaFromJsonText(
      R"({"type":"struct","fields":[{"id":0,"name":"a","required":false,"type":)" + type +
      "}]}");
  if (!schema.ok()) {
    return MakeError(ErrorCode::kInvalidArgument, "'type' of {} is no Iceberg type: {}",
                     step.where(), ErrorText(schema.status()));
  }
  return (*schema)->fields()[0].type;
}

arrow::Result<iceberg::Literal> DefaultOf(const StepText& step, iceberg::TypePtr type) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, step.JsonText("default"));
  const auto value = iceberg::Literal::FromJsonText(std::move(type), text);
  if (value.ok()) return value;
  return MakeError(ErrorCode::kInvalidArgument, "'default' of {}: {}", step.where(),
                   ErrorText(value.status()));
}

arrow::Status AddColumn(const StepText& step, iceberg::UpdateSchema* schema) {
  iceberg::NewColumn column;
  ARROW_ASSIGN_OR_RAISE(column.name, step.Text("column"));
  ARROW_ASSIGN_OR_RAISE(column.parent, step.request.TextOr("parent", ""));
  ARROW_ASSIGN_OR_RAISE(column.doc, step.request.TextOr("doc", ""));
  ARROW_ASSIGN_OR_RAISE(column.type, TypeOf(step));
  ARROW_ASSIGN_OR_RAISE(column.required, step.request.BooleanOr("required", false));
  if (step.request.Has("default")) {
    ARROW_ASSIGN_OR_RAISE(column.default_value, DefaultOf(step, column.type));
  }
  schema->AddColumn(std::move(column));
  return arrow::Status::OK();
}

arrow::Status MoveColumn(const StepText& step, iceberg::UpdateSchema* schema) {
  ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("column"));
  ARROW_ASSIGN_OR_RAISE(auto before, step.request.FindText("before"));
  ARROW_ASSIGN_OR_RAISE(auto after, step.request.FindText("after"));
  if (before && after) {
    return MakeError(ErrorCode::kInvalidArgument, "{} has both 'before' and 'after'",
                     step.where());
  }
  if (before) {
    schema->MoveBefore(std::move(name), *std::move(before));
  } else if (after) {
    schema->MoveAfter(std::move(name), *std::move(after));
  } else {
    schema->MoveFirst(std::move(name));
  }
  return arrow::Status::OK();
}

/// A step that is a call with the column and another text.
template <typename Call>
auto WithColumnAnd(const char* key, Call call) {
  return [key, call](const StepText& step, iceberg::UpdateSchema* schema) {
    ARROW_ASSIGN_OR_RAISE(std::string column, step.Text("column"));
    ARROW_ASSIGN_OR_RAISE(std::string text, step.Text(key));
    (schema->*call)(std::move(column), std::move(text));
    return arrow::Status::OK();
  };
}

template <typename Call>
auto WithColumn(Call call) {
  return [call](const StepText& step, iceberg::UpdateSchema* schema) {
    ARROW_ASSIGN_OR_RAISE(std::string column, step.Text("column"));
    (schema->*call)(std::move(column));
    return arrow::Status::OK();
  };
}

arrow::Result<TablePtr> ChangeSchema(const TablePtr& table, const Change& change) {
  using iceberg::UpdateSchema;
  const std::map<std::string, Step<UpdateSchema>> steps = {
      {"add", {{"column", "parent", "type", "doc", "required", "default"}, AddColumn}},
      {"drop", {{"column"}, WithColumn(&UpdateSchema::DropColumn)}},
      {"optional", {{"column"}, WithColumn(&UpdateSchema::MakeOptional)}},
      {"rename", {{"column", "to"}, WithColumnAnd("to", &UpdateSchema::RenameColumn)}},
      {"doc", {{"column", "doc"}, WithColumnAnd("doc", &UpdateSchema::SetDoc)}},
      {"widen",
       {{"column", "type"},
        [](const StepText& step, UpdateSchema* schema) {
          ARROW_ASSIGN_OR_RAISE(std::string column, step.Text("column"));
          ARROW_ASSIGN_OR_RAISE(iceberg::TypePtr type, TypeOf(step));
          schema->WidenColumn(std::move(column), std::move(type));
          return arrow::Status::OK();
        }}},
      {"write_default",
       {{"column", "default"},
        [&table](const StepText& step, UpdateSchema* schema) {
          ARROW_ASSIGN_OR_RAISE(std::string column, step.Text("column"));
          ARROW_ASSIGN_OR_RAISE(const iceberg::NestedField* field,
                                table->schema()->GetField(column));
          ARROW_ASSIGN_OR_RAISE(iceberg::Literal value, DefaultOf(step, field->type));
          schema->SetWriteDefault(std::move(column), std::move(value));
          return arrow::Status::OK();
        }}},
      {"move", {{"column", "before", "after"}, MoveColumn}},
      {"identifier",
       {{"columns"},
        [](const StepText& step, UpdateSchema* schema) {
          ARROW_ASSIGN_OR_RAISE(auto columns, step.request.Texts("columns"));
          schema->SetIdentifierColumns(std::move(columns));
          return arrow::Status::OK();
        }}},
  };
  UpdateSchema update(table);
  ARROW_RETURN_NOT_OK(ApplySteps(change.document, "schema", steps, &update));
  return update.Commit();
}

arrow::Result<TablePtr> ChangeSpec(const TablePtr& table, const Change& change) {
  using iceberg::UpdateSpec;
  const std::map<std::string, Step<UpdateSpec>> steps = {
      {"add",
       {{"field", "name"},
        [&table](const StepText& step, UpdateSpec* spec) {
          ARROW_ASSIGN_OR_RAISE(const std::string text, step.Text("field"));
          ARROW_ASSIGN_OR_RAISE(const iceberg::PartitionSpec parsed,
                                ParsePartitionBy({text}, *table->schema()));
          ARROW_ASSIGN_OR_RAISE(std::string name, step.request.TextOr("name", ""));
          spec->AddField(table->schema()->FullName(parsed.fields[0].source_id),
                         parsed.fields[0].transform, std::move(name));
          return arrow::Status::OK();
        }}},
      {"remove",
       {{"name"},
        [](const StepText& step, UpdateSpec* spec) {
          ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
          spec->RemoveField(std::move(name));
          return arrow::Status::OK();
        }}},
      {"rename",
       {{"name", "to"},
        [](const StepText& step, UpdateSpec* spec) {
          ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
          ARROW_ASSIGN_OR_RAISE(std::string to, step.Text("to"));
          spec->RenameField(std::move(name), std::move(to));
          return arrow::Status::OK();
        }}},
  };
  UpdateSpec update(table);
  ARROW_RETURN_NOT_OK(ApplySteps(change.document, "partition_spec", steps, &update));
  return update.Commit();
}

arrow::Result<int64_t> SnapshotIdOf(const StepText& step) {
  ARROW_ASSIGN_OR_RAISE(auto id, step.request.FindInteger("snapshot_id"));
  if (id) return *id;
  return MakeError(ErrorCode::kInvalidArgument, "{} lacks the key 'snapshot_id'",
                   step.where());
}

arrow::Status CreateRef(bool is_tag, const StepText& step,
                        iceberg::ManageSnapshots* refs) {
  ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
  ARROW_ASSIGN_OR_RAISE(auto snapshot_id, step.request.FindInteger("snapshot_id"));
  if (is_tag) {
    refs->CreateTag(std::move(name), snapshot_id);
  } else {
    refs->CreateBranch(std::move(name), snapshot_id);
  }
  return arrow::Status::OK();
}

arrow::Status Rollback(const StepText& step, iceberg::ManageSnapshots* refs) {
  ARROW_ASSIGN_OR_RAISE(auto snapshot_id, step.request.FindInteger("snapshot_id"));
  ARROW_ASSIGN_OR_RAISE(auto timestamp_ms, step.request.FindInteger("timestamp_ms"));
  if (snapshot_id.has_value() == timestamp_ms.has_value()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} must have one of 'snapshot_id' and 'timestamp_ms'",
                     step.where());
  }
  if (snapshot_id) {
    refs->RollbackTo(*snapshot_id);
  } else {
    refs->RollbackToTime(*timestamp_ms);
  }
  return arrow::Status::OK();
}

arrow::Status Retain(const StepText& step, iceberg::ManageSnapshots* refs) {
  ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
  iceberg::RefRetention retention;
  if (step.request.Has("min_snapshots_to_keep")) {
    ARROW_ASSIGN_OR_RAISE(int64_t count,
                          step.request.IntegerOr("min_snapshots_to_keep", 1, 1,
                                                 std::numeric_limits<int32_t>::max()));
    retention.min_snapshots_to_keep = static_cast<int32_t>(count);
  }
  ARROW_ASSIGN_OR_RAISE(retention.max_snapshot_age_ms,
                        step.request.FindInteger("max_snapshot_age_ms"));
  ARROW_ASSIGN_OR_RAISE(retention.max_ref_age_ms,
                        step.request.FindInteger("max_ref_age_ms"));
  refs->SetRetention(std::move(name), retention);
  return arrow::Status::OK();
}

template <typename Call>
auto WithNameAndTarget(Call call) {
  return [call](const StepText& step, iceberg::ManageSnapshots* refs) {
    ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
    ARROW_ASSIGN_OR_RAISE(std::string to, step.Text("to"));
    (refs->*call)(std::move(name), std::move(to));
    return arrow::Status::OK();
  };
}

arrow::Result<TablePtr> ChangeRefs(const TablePtr& table, const Change& change) {
  using iceberg::ManageSnapshots;
  const std::map<std::string, Step<ManageSnapshots>> steps = {
      {"create_branch",
       {{"name", "snapshot_id"},
        [](const StepText& step, ManageSnapshots* refs) {
          return CreateRef(false, step, refs);
        }}},
      {"create_tag",
       {{"name", "snapshot_id"},
        [](const StepText& step, ManageSnapshots* refs) {
          return CreateRef(true, step, refs);
        }}},
      {"replace",
       {{"name", "snapshot_id"},
        [](const StepText& step, ManageSnapshots* refs) {
          ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
          ARROW_ASSIGN_OR_RAISE(int64_t id, SnapshotIdOf(step));
          refs->Replace(std::move(name), id);
          return arrow::Status::OK();
        }}},
      {"remove",
       {{"name"},
        [](const StepText& step, ManageSnapshots* refs) {
          ARROW_ASSIGN_OR_RAISE(std::string name, step.Text("name"));
          refs->Remove(std::move(name));
          return arrow::Status::OK();
        }}},
      {"rename", {{"name", "to"}, WithNameAndTarget(&ManageSnapshots::Rename)}},
      {"fast_forward",
       {{"name", "to"}, WithNameAndTarget(&ManageSnapshots::FastForward)}},
      {"retain",
       {{"name", "min_snapshots_to_keep", "max_snapshot_age_ms", "max_ref_age_ms"},
        Retain}},
      {"set_current",
       {{"snapshot_id"},
        [](const StepText& step, ManageSnapshots* refs) {
          ARROW_ASSIGN_OR_RAISE(int64_t id, SnapshotIdOf(step));
          refs->SetCurrent(id);
          return arrow::Status::OK();
        }}},
      {"rollback", {{"snapshot_id", "timestamp_ms"}, Rollback}},
  };
  ManageSnapshots update(table);
  ARROW_RETURN_NOT_OK(ApplySteps(change.document, "refs", steps, &update));
  return update.Commit();
}

arrow::Result<TablePtr> ChangeSortOrder(const TablePtr& table, const Change& change) {
  ARROW_ASSIGN_OR_RAISE(auto texts, change.request.Texts("sort_order"));
  ARROW_ASSIGN_OR_RAISE(auto columns, ParseSortOrder(texts, *table->schema()));
  return iceberg::ReplaceSortOrder(table, columns);
}

arrow::Result<TablePtr> ChangeProperties(const TablePtr& table, const Change& change) {
  ARROW_ASSIGN_OR_RAISE(auto updates, change.request.TextMap("properties"));
  ARROW_ASSIGN_OR_RAISE(auto removals, change.request.FindTexts("remove_properties"));
  return iceberg::UpdateProperties(table, updates,
                                   removals.value_or(std::vector<std::string>()));
}

arrow::Result<TablePtr> ChangeFormat(const TablePtr& table, const Change& change) {
  ARROW_ASSIGN_OR_RAISE(int64_t version, change.request.IntegerOr(
                                             "format_version", 1, 1,
                                             iceberg::TableMetadata::kFormatVersionMax));
  return iceberg::UpgradeFormat(table, static_cast<int>(version));
}

arrow::Result<TablePtr> ChangeLocation(const TablePtr& table, const Change& change) {
  ARROW_ASSIGN_OR_RAISE(std::string location, change.request.Text("location"));
  return iceberg::UpdateLocation(table, std::move(location));
}

arrow::Result<TablePtr> PickSnapshot(const TablePtr& table, const Change& change) {
  ARROW_ASSIGN_OR_RAISE(auto id, change.request.FindInteger("cherry_pick"));
  return iceberg::CherryPick(table, *id);
}

using Changer = arrow::Result<TablePtr> (*)(const TablePtr&, const Change&);

/// What does the one change that is asked for.
arrow::Result<Changer> ChangerOf(const Request& change) {
  static const auto& changers = *new std::vector<std::pair<const char*, Changer>>{
      {"schema", ChangeSchema},
      {"partition_spec", ChangeSpec},
      {"sort_order", ChangeSortOrder},
      {"refs", ChangeRefs},
      {"cherry_pick", PickSnapshot},
      {"properties", ChangeProperties},
      {"format_version", ChangeFormat},
      {"location", ChangeLocation},
      {"remove_properties", ChangeProperties},
  };
  Changer chosen = nullptr;
  for (const auto& [key, changer] : changers) {
    if (!change.Has(key) || changer == chosen) continue;
    if (chosen != nullptr) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "{} asks for '{}' and more; a call makes one kind of change",
                       change.where(), key);
    }
    chosen = changer;
  }
  if (chosen != nullptr) return chosen;
  return MakeError(ErrorCode::kInvalidArgument,
                   "{} asks for nothing; give one of schema, partition_spec, sort_order, "
                   "refs, cherry_pick, properties, remove_properties, format_version and "
                   "location",
                   change.where());
}

arrow::Status UpdateTable(floe_catalog* handle, const char* name, const char* change_json,
                          char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(name, "table"));
  ARROW_RETURN_NOT_OK(CheckNotNull(change_json, "change_json"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(change_json, "the change",
                     {"schema", "partition_spec", "sort_order", "refs", "cherry_pick",
                      "properties", "remove_properties", "format_version", "location"}));
  ARROW_ASSIGN_OR_RAISE(const Changer changer, ChangerOf(request));
  ARROW_ASSIGN_OR_RAISE(json document, iceberg::ParseJson(change_json, "the change"));
  const Change change{std::move(request), std::move(document)};
  ARROW_ASSIGN_OR_RAISE(const TablePtr table, LoadTable(handle, name));
  ARROW_ASSIGN_OR_RAISE(const TablePtr changed, changer(table, change));
  if (out_json == nullptr) return arrow::Status::OK();
  const iceberg::TableMetadata& metadata = *changed->metadata();
  json current = nullptr;
  if (metadata.current_snapshot_id) current = *metadata.current_snapshot_id;
  const json answer = {{"metadata_location", changed->metadata_location()},
                       {"current_snapshot_id", current},
                       {"schema_id", metadata.current_schema_id},
                       {"spec_id", metadata.default_spec_id},
                       {"sort_order_id", metadata.default_sort_order_id}};
  ARROW_ASSIGN_OR_RAISE(const std::string text, iceberg::DumpJson(answer, "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

}  // namespace

}  // namespace floe::capi

extern "C" floe_error* floe_table_update(floe_catalog* catalog, const char* table,
                                         const char* change_json, char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::UpdateTable(catalog, table, change_json, out_json); });
}
