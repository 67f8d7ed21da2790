#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/array_binary.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "capi/config_keys.h"
#include "capi/error.h"
#include "capi/handles.h"
#include "capi/online_request.h"
#include "capi/request.h"
#include "capi/stream.h"
#include "feast/entity_key.h"
#include "feast/value_type.h"
#include "iceberg/spec/json_reader.h"
#include "online/online_reader.h"
#include "online/online_table.h"
#include "online/online_writer.h"
#include "online/proto_rows.h"

namespace floe::capi {

namespace {

constexpr int32_t kMaxReadTimeoutMs = 24 * 3600 * 1000;
constexpr int64_t kMaxRefreshMs = 24 * 3600 * 1000;
constexpr int64_t kMaxRowCacheMb = int64_t{1} << 40;

arrow::Result<online::OnlineStoreConfig> ConfigOf(const char* config_json) {
  // What only Feast's own calls look at (enforce_ttl and the like) is taken and left.
  std::vector<std::string> keys = OnlineStoreKeys();
  keys.emplace_back("entity_key_serialization_version");
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(config_json, "the online store configuration",
                                       std::move(keys), ErrorCode::kInvalidConfig));
  online::OnlineStoreConfig config;
  ARROW_ASSIGN_OR_RAISE(config.table_namespace,
                        request.TextOr("namespace", config.table_namespace));
  ARROW_ASSIGN_OR_RAISE(
      std::string strategy,
      request.TextOr("partition_strategy", std::string(online::PartitionStrategyName(
                                               config.partition_strategy))));
  ARROW_ASSIGN_OR_RAISE(config.partition_strategy,
                        online::PartitionStrategyFromName(strategy));
  ARROW_ASSIGN_OR_RAISE(int64_t partition_count,
                        request.IntegerOr("partition_count", config.partition_count, 1,
                                          online::OnlineStoreConfig::kMaxPartitionCount));
  config.partition_count = static_cast<int32_t>(partition_count);
  ARROW_ASSIGN_OR_RAISE(
      config.read_timeout_ms,
      request.IntegerOr("read_timeout_ms", config.read_timeout_ms, 0, kMaxReadTimeoutMs));
  ARROW_ASSIGN_OR_RAISE(int64_t version,
                        request.IntegerOr("entity_key_serialization_version",
                                          config.entity_key_serialization_version, 2, 3));
  config.entity_key_serialization_version = static_cast<int>(version);
  ARROW_ASSIGN_OR_RAISE(config.snapshot_refresh_ms,
                        request.IntegerOr("snapshot_refresh_ms",
                                          config.snapshot_refresh_ms, 0, kMaxRefreshMs));
  ARROW_ASSIGN_OR_RAISE(
      int64_t row_cache_mb,
      request.IntegerOr("row_cache_mb", config.row_cache_bytes >> 20, 0, kMaxRowCacheMb));
  config.row_cache_bytes = row_cache_mb << 20;
  ARROW_RETURN_NOT_OK(config.Validate());
  return config;
}

arrow::Status Open(floe_catalog* handle, const char* config_json, floe_online** out) {
  ARROW_RETURN_NOT_OK(CheckNotNull(out, "out"));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<iceberg::Catalog> catalog, CatalogOf(handle));
  ARROW_ASSIGN_OR_RAISE(online::OnlineStoreConfig config, ConfigOf(config_json));
  ARROW_ASSIGN_OR_RAISE(std::unique_ptr<online::OnlineReader> reader,
                        online::OnlineReader::Make(catalog, config));
  auto writer = std::make_unique<online::OnlineWriter>(catalog, config);
  *out = std::make_unique<floe_online>(
             floe_online{catalog, config, std::move(reader), std::move(writer),
                         std::make_shared<online::DeadlineRunner>()})
             .release();
  return arrow::Status::OK();
}

arrow::Status DropViews(floe_online* handle, const Request& request) {
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> drops,
                        request.Objects("drop", {"project", "view", "version"}));
  for (const Request& drop : drops) {
    ARROW_ASSIGN_OR_RAISE(online::OnlineView view, ViewOf(drop));
    ARROW_RETURN_NOT_OK(
        online::DropOnlineTable(handle->catalog, handle->config, view).status());
  }
  return arrow::Status::OK();
}

arrow::Status Update(floe_online* handle, const char* request_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_ASSIGN_OR_RAISE(
      Request request,
      Request::Parse(request_json, "the update request", {"create", "drop"}));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> creates,
                        request.Objects("create", FullViewKeys()));
  for (const Request& create : creates) {
    ARROW_ASSIGN_OR_RAISE(online::OnlineView view, FullViewOf(create));
    ARROW_ASSIGN_OR_RAISE(online::OnlineViewChange change, ViewChangeOf(create));
    ARROW_RETURN_NOT_OK(online::CreateOrUpdateOnlineTable(handle->catalog, handle->config,
                                                          view, {}, change)
                            .status());
  }
  return DropViews(handle, request);
}

nlohmann::json PlanJson(const online::OnlineTablePlan& plan) {
  nlohmann::json changes = nlohmann::json::array();
  for (const online::OnlineColumnChange& change : plan.changes) {
    changes.push_back({{"kind", online::OnlineColumnChangeName(change.kind)},
                       {"column", change.column},
                       {"from", change.from},
                       {"to", change.to}});
  }
  return {{"table", plan.table}, {"exists", plan.exists}, {"changes", changes}};
}

arrow::Status Plan(floe_online* handle, const char* request_json, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_RETURN_NOT_OK(CheckNotNull(out_json, "out_json"));
  ARROW_ASSIGN_OR_RAISE(Request request, Request::Parse(request_json, "the plan request",
                                                        {"create", "drop"}));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> creates,
                        request.Objects("create", FullViewKeys()));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> drops,
                        request.Objects("drop", {"project", "view", "version"}));
  nlohmann::json tables = nlohmann::json::array();
  for (const Request& create : creates) {
    ARROW_ASSIGN_OR_RAISE(online::OnlineView view, FullViewOf(create));
    ARROW_ASSIGN_OR_RAISE(online::OnlineViewChange change, ViewChangeOf(create));
    ARROW_ASSIGN_OR_RAISE(
        online::OnlineTablePlan plan,
        online::PlanOnlineTable(handle->catalog, handle->config, view, {}, change));
    tables.push_back(PlanJson(plan));
  }
  nlohmann::json dropped = nlohmann::json::array();
  for (const Request& drop : drops) {
    ARROW_ASSIGN_OR_RAISE(online::OnlineView view, ViewOf(drop));
    ARROW_ASSIGN_OR_RAISE(auto table,
                          online::OnlineTableIdentifier(handle->config, view));
    ARROW_ASSIGN_OR_RAISE(bool exists, handle->catalog->TableExists(table));
    if (exists) dropped.push_back(table.ToString());
  }
  ARROW_ASSIGN_OR_RAISE(
      std::string text,
      iceberg::DumpJson({{"tables", tables}, {"drops", dropped}}, "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

arrow::Status PutWriteResult(const online::OnlineWriteResult& result, char** out_json) {
  if (out_json == nullptr) return arrow::Status::OK();
  nlohmann::json snapshot = nullptr;
  if (result.snapshot_id) snapshot = *result.snapshot_id;
  ARROW_ASSIGN_OR_RAISE(std::string text,
                        iceberg::DumpJson({{"rows_in", result.rows_in},
                                           {"rows_written", result.rows_written},
                                           {"files_written", result.files_written},
                                           {"snapshot_id", snapshot}},
                                          "the answer"));
  *out_json = ToCString(text);
  return arrow::Status::OK();
}

/// The names of columns of an Arrow write, and their types where they are keys.
struct WriteColumns {
  std::vector<std::pair<std::string, feast::ValueType>> join_keys;
  std::string timestamp;
  std::string created;

  bool IsJoinKey(const std::string& name) const {
    return std::any_of(join_keys.begin(), join_keys.end(),
                       [&](const auto& key) { return key.first == name; });
  }
};

arrow::Result<WriteColumns> WriteColumnsOf(const Request& request) {
  WriteColumns columns;
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> keys,
                        request.Objects("join_keys", {"name", "type"}));
  for (const Request& key : keys) {
    ARROW_ASSIGN_OR_RAISE(std::string name, key.Text("name"));
    ARROW_ASSIGN_OR_RAISE(std::string type_name, key.Text("type"));
    ARROW_ASSIGN_OR_RAISE(feast::ValueType type, feast::ValueTypeFromName(type_name));
    columns.join_keys.emplace_back(std::move(name), type);
  }
  ARROW_ASSIGN_OR_RAISE(columns.timestamp, request.Text("timestamp_column"));
  ARROW_ASSIGN_OR_RAISE(columns.created, request.TextOr("created_timestamp_column", ""));
  return columns;
}

arrow::Result<std::shared_ptr<arrow::Array>> ColumnOf(const arrow::RecordBatch& rows,
                                                      const std::string& name) {
  if (auto column = rows.GetColumnByName(name)) return column;
  std::string nearest = NearestName(name, rows.schema()->field_names());
  return MakeError(ErrorCode::kNoSuchColumn, "the rows to write have no column '{}'{}",
                   name, nearest.empty() ? "" : "; the nearest is '" + nearest + "'");
}

/// `rows` with the key columns serialized and the times under the names online tables
/// use.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> ToOnlineRows(
    const arrow::RecordBatch& rows, const WriteColumns& columns, int key_version) {
  std::vector<feast::JoinKeyColumn> keys;
  for (const auto& [name, type] : columns.join_keys) {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> values, ColumnOf(rows, name));
    keys.push_back({name, type, std::move(values)});
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::BinaryArray> serialized,
                        feast::SerializeEntityKeys(keys, rows.num_rows(), key_version));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> times,
                        ColumnOf(rows, columns.timestamp));
  arrow::FieldVector fields = {arrow::field(online::kEntityKeyColumn, serialized->type()),
                               arrow::field(online::kEventTsColumn, times->type())};
  arrow::ArrayVector arrays = {std::move(serialized), std::move(times)};
  if (!columns.created.empty()) {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> created,
                          ColumnOf(rows, columns.created));
    fields.push_back(arrow::field(online::kCreatedTsColumn, created->type()));
    arrays.push_back(std::move(created));
  }
  for (int index = 0; index < rows.num_columns(); ++index) {
    const std::string& name = rows.column_name(index);
    if (columns.IsJoinKey(name) || name == columns.timestamp || name == columns.created) {
      continue;
    }
    fields.push_back(rows.schema()->field(index));
    arrays.push_back(rows.column(index));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows.num_rows(),
                                  std::move(arrays));
}

arrow::Status Write(floe_online* handle, const char* request_json, ArrowArrayStream* rows,
                    char** out_json) {
  InputStream input(rows);
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_RETURN_NOT_OK(CheckNotNull(rows, "rows"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(request_json, "the write request",
                                       {"view", "join_keys", "timestamp_column",
                                        "created_timestamp_column"}));
  ARROW_ASSIGN_OR_RAISE(online::OnlineView view, RequestedView(request));
  ARROW_ASSIGN_OR_RAISE(WriteColumns columns, WriteColumnsOf(request));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::RecordBatchReader> reader,
                        input.ToReader());
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Table> table, reader->ToTable());
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::RecordBatch> batch,
                        table->CombineChunksToBatch());
  ARROW_ASSIGN_OR_RAISE(
      std::shared_ptr<arrow::RecordBatch> online_rows,
      ToOnlineRows(*batch, columns, handle->config.entity_key_serialization_version));
  ARROW_ASSIGN_OR_RAISE(online::OnlineWriteResult result,
                        handle->writer->Write(view, online_rows));
  handle->reader->Forget(view);
  return PutWriteResult(result, out_json);
}

arrow::Status WriteProtos(floe_online* handle, const char* request_json,
                          const uint8_t* rows, size_t size, char** out_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_ASSIGN_OR_RAISE(std::string_view buffer, BufferOf(rows, size, "rows"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(request_json, "the write request", {"view"}));
  ARROW_ASSIGN_OR_RAISE(online::OnlineView view, RequestedView(request));
  ARROW_ASSIGN_OR_RAISE(online::OnlineWriteResult result,
                        online::WriteProtoRows(*handle->writer, view, buffer));
  handle->reader->Forget(view);
  return PutWriteResult(result, out_json);
}

arrow::Status Teardown(floe_online* handle, const char* request_json) {
  ARROW_RETURN_NOT_OK(CheckNotNull(handle, "online"));
  ARROW_ASSIGN_OR_RAISE(Request request,
                        Request::Parse(request_json, "the teardown request", {"drop"}));
  return DropViews(handle, request);
}

}  // namespace

}  // namespace floe::capi

extern "C" {

floe_error* floe_online_open(floe_catalog* catalog, const char* config_json,
                             floe_online** out) {
  return floe::capi::Export([&] { return floe::capi::Open(catalog, config_json, out); });
}

void floe_online_close(floe_online* online) {
  std::unique_ptr<floe_online> owned(online);
}

floe_error* floe_online_plan(floe_online* online, const char* request_json,
                             char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::Plan(online, request_json, out_json); });
}

floe_error* floe_online_update(floe_online* online, const char* request_json) {
  return floe::capi::Export([&] { return floe::capi::Update(online, request_json); });
}

floe_error* floe_online_write(floe_online* online, const char* request_json,
                              struct ArrowArrayStream* rows, char** out_json) {
  return floe::capi::Export(
      [&] { return floe::capi::Write(online, request_json, rows, out_json); });
}

floe_error* floe_online_write_protos(floe_online* online, const char* request_json,
                                     const uint8_t* rows, size_t size, char** out_json) {
  return floe::capi::Export([&] {
    return floe::capi::WriteProtos(online, request_json, rows, size, out_json);
  });
}

floe_error* floe_online_teardown(floe_online* online, const char* request_json) {
  return floe::capi::Export([&] { return floe::capi::Teardown(online, request_json); });
}

}  // extern "C"
