#include "online/online_table.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/check.h"
#include "base/error.h"
#include "iceberg/table/update_schema.h"

namespace floe::online {

namespace {

using iceberg::NestedField;
using iceberg::TypeId;

constexpr int32_t kEntityKeyId = 1;
constexpr int32_t kEntityHashId = 2;
constexpr int32_t kEventTsId = 3;
constexpr int32_t kCreatedTsId = 4;
constexpr int32_t kFirstFeatureId = 5;
constexpr int32_t kSortOrderId = 1;
constexpr size_t kMd5Bytes = 16;

/// What makes any Iceberg writer lay out files as the reader likes them: a look-up reads
/// a page of each column, so pages are small; a bloom filter and exact bounds on the key
/// tell which files to open; bounds of features would only make manifests large. Snappy
/// needs no set-up per page, which small pages would feel.
const std::map<std::string, std::string>& LayoutProperties() {
  static const auto& properties = *new std::map<std::string, std::string>{
      {"write.format.default", "parquet"},
      {"write.parquet.bloom-filter-enabled.column.entity_key", "true"},
      {"write.parquet.compression-codec", "snappy"},
      {"write.parquet.page-row-limit", "256"},
      {"write.parquet.page-size-bytes", "65536"},
      {"write.parquet.row-group-size-bytes", "8388608"},
      {"write.metadata.metrics.default", "counts"},
      {"write.metadata.metrics.column.entity_key", "full"},
      {"write.metadata.metrics.column.event_ts", "full"},
      {"commit.retry.num-retries", "50"},
      {"commit.retry.min-wait-ms", "20"},
      {"commit.retry.max-wait-ms", "2000"},
  };
  return properties;
}

const std::vector<std::string>& FixedColumns() {
  static const auto& columns = *new std::vector<std::string>{
      kEntityKeyColumn, kEntityHashColumn, kEventTsColumn, kCreatedTsColumn};
  return columns;
}

arrow::Status CheckFeatures(const OnlineView& view) {
  std::set<std::string> names(FixedColumns().begin(), FixedColumns().end());
  for (const OnlineFeature& feature : view.features) {
    ARROW_RETURN_NOT_OK(
        WithContext(feast::GetValueType(feature.type).status(), "feature", feature.name));
    if (names.insert(feature.name).second) continue;
    const bool is_fixed =
        std::count(FixedColumns().begin(), FixedColumns().end(), feature.name) > 0;
    return MakeError(ErrorCode::kInvalidArgument,
                     "feature view '{}' {} '{}'; rename the feature", view.name,
                     is_fixed ? "has a feature with the name of an online table's column,"
                              : "has two features named",
                     feature.name);
  }
  return arrow::Status::OK();
}

std::vector<iceberg::PartitionField> PartitionFields(PartitionStrategy strategy) {
  using iceberg::Transform;
  constexpr int32_t kFirst = iceberg::PartitionSpec::kFirstFieldId;
  const iceberg::PartitionField hash = {kEntityHashId, kFirst, kEntityHashColumn,
                                        Transform::Identity()};
  switch (strategy) {
    case PartitionStrategy::kEntityHash:
      return {hash};
    case PartitionStrategy::kTimestamp:
      return {{kEventTsId, kFirst, "event_ts_hour", Transform::Hour()}};
    case PartitionStrategy::kHybrid:
      return {hash, {kEventTsId, kFirst + 1, "event_ts_day", Transform::Day()}};
  }
  return {};
}

arrow::Result<iceberg::CreateTableRequest> NewTable(const OnlineStoreConfig& config,
                                                    const OnlineView& view) {
  using iceberg::Type;
  std::vector<NestedField> fields = {
      NestedField::Required(kEntityKeyId, kEntityKeyColumn, Type::String()),
      NestedField::Required(kEntityHashId, kEntityHashColumn, Type::Int()),
      NestedField::Required(kEventTsId, kEventTsColumn, Type::TimestampTz()),
      NestedField::Optional(kCreatedTsId, kCreatedTsColumn, Type::TimestampTz())};
  fields[0].doc = "lower-case hex of Feast's serialized entity key";
  fields[1].doc = "md5 of the serialized entity key, modulo the partition count";
  iceberg::CreateTableRequest request;
  request.properties = LayoutProperties();
  // Ids of lists' elements follow those of all columns.
  int32_t next_id = kFirstFeatureId + static_cast<int32_t>(view.features.size());
  int32_t id = kFirstFeatureId;
  for (const OnlineFeature& feature : view.features) {
    ARROW_ASSIGN_OR_RAISE(auto type, feast::ToIcebergType(feature.type, &next_id));
    fields.push_back(NestedField::Optional(id++, feature.name, std::move(type)));
    request.properties[kFeatureTypePrefix + feature.name] =
        feast::ValueTypeName(feature.type);
  }
  ARROW_ASSIGN_OR_RAISE(
      request.schema, iceberg::Schema::Make(std::move(fields),
                                            iceberg::Schema::kInitialId, {kEntityKeyId}));
  request.spec.fields = PartitionFields(config.partition_strategy);
  request.sort_order.order_id = kSortOrderId;
  request.sort_order.fields = {iceberg::SortField{
      kEntityKeyId, iceberg::Transform::Identity(), iceberg::SortDirection::kAscending,
      iceberg::NullOrder::kNullsFirst}};
  request.properties[kPartitionStrategyProperty] =
      PartitionStrategyName(config.partition_strategy);
  request.properties[kPartitionCountProperty] = std::to_string(config.partition_count);
  request.properties[kKeyVersionProperty] =
      std::to_string(config.entity_key_serialization_version);
  return request;
}

bool SameStorage(const iceberg::Type& a, const iceberg::Type& b) {
  if (a.id() != b.id()) return false;
  return a.id() == TypeId::kList ? SameStorage(*a.element().type, *b.element().type)
                                 : a.Equals(b);
}

const NestedField* FindColumn(const iceberg::Schema& schema, const std::string& name) {
  const auto& fields = schema.fields();
  auto found = std::find_if(fields.begin(), fields.end(),
                            [&](const NestedField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

using Kind = OnlineColumnChange::Kind;

/// What an existing table needs to hold a view: the changes, as data and as an update.
class TableChanges {
 public:
  static arrow::Result<TableChanges> Plan(const iceberg::TablePtr& table,
                                          const OnlineView& view,
                                          const OnlineViewChange& change) {
    TableChanges changes(table);
    for (const OnlineFeature& feature : view.features) {
      ARROW_RETURN_NOT_OK(changes.PlanFeature(feature, view, change));
    }
    if (change.is_complete) changes.PlanDrops(view);
    return changes;
  }

  const std::vector<OnlineColumnChange>& columns() const { return columns_; }

  arrow::Result<iceberg::TablePtr> Commit() {
    iceberg::TablePtr updated = table_;
    if (!columns_.empty()) {
      ARROW_ASSIGN_OR_RAISE(updated, schema_.Commit());
    }
    if (properties_.empty() && removed_properties_.empty()) return updated;
    return iceberg::UpdateProperties(updated, properties_, removed_properties_);
  }

 private:
  explicit TableChanges(const iceberg::TablePtr& table) : table_(table), schema_(table) {}

  arrow::Status PlanFeature(const OnlineFeature& feature, const OnlineView& view,
                            const OnlineViewChange& change) {
    const std::string property = kFeatureTypePrefix + feature.name;
    const std::string type_name(feast::ValueTypeName(feature.type));
    int32_t element_id = 0;
    ARROW_ASSIGN_OR_RAISE(auto type, feast::ToIcebergType(feature.type, &element_id));
    const NestedField* column = FindColumn(*table_->schema(), feature.name);
    std::string stored_name = Property(feature.name);
    const auto renamed = change.renamed_from.find(feature.name);
    if (column == nullptr && renamed != change.renamed_from.end()) {
      column = PlanRename(renamed->second, feature, view, &stored_name);
    }
    if (Property(feature.name) != type_name) properties_[property] = type_name;
    if (column == nullptr) {
      columns_.push_back({Kind::kAdd, feature.name, "", type->ToString()});
      schema_.AddColumn(feature.name, std::move(type));
      return arrow::Status::OK();
    }
    const auto stored = feast::ValueTypeFromName(stored_name);
    const bool fits = !stored.ok() || feast::IsStorageCompatible(*stored, feature.type);
    if (fits && (SameStorage(*column->type, *type) ||
                 feast::KeepsMessages(feature.type, *column->type))) {
      return arrow::Status::OK();
    }
    if (fits && iceberg::IsPromotionAllowed(*column->type, *type,
                                            table_->metadata()->format_version)) {
      columns_.push_back(
          {Kind::kWiden, feature.name, column->type->ToString(), type->ToString()});
      schema_.WidenColumn(feature.name, std::move(type));
      return arrow::Status::OK();
    }
    return MakeError(
        ErrorCode::kInvalidArgument,
        "feature '{}' is {} in online table '{}' and cannot become {}; give the feature "
        "a new name, or drop the table (remove the feature view, `feast apply`, add it "
        "again)",
        feature.name, stored.ok() ? stored_name : column->type->ToString(),
        table_->name(), type_name);
  }

  /// The column that a feature had under its old name; null where there is none to take.
  const NestedField* PlanRename(const std::string& from, const OnlineFeature& feature,
                                const OnlineView& view, std::string* stored_name) {
    if (IsFeature(view, from)) return nullptr;
    const NestedField* column = FindColumn(*table_->schema(), from);
    const bool is_taken = !renamed_.insert(from).second;
    if (column == nullptr || is_taken) return nullptr;
    *stored_name = Property(from);
    schema_.RenameColumn(from, feature.name);
    columns_.push_back({Kind::kRename, feature.name, from, ""});
    removed_properties_.push_back(kFeatureTypePrefix + from);
    return column;
  }

  /// Columns that Floe made for features; those of other programs stay.
  void PlanDrops(const OnlineView& view) {
    for (const NestedField& field : table_->schema()->fields()) {
      const bool is_key =
          std::count(view.join_keys.begin(), view.join_keys.end(), field.name) > 0;
      if (is_key || Property(field.name).empty() || IsFeature(view, field.name) ||
          renamed_.count(field.name) > 0) {
        continue;
      }
      schema_.DropColumn(field.name);
      columns_.push_back({Kind::kDrop, field.name, field.type->ToString(), ""});
      removed_properties_.push_back(kFeatureTypePrefix + field.name);
    }
  }

  static bool IsFeature(const OnlineView& view, const std::string& name) {
    return std::any_of(view.features.begin(), view.features.end(),
                       [&](const OnlineFeature& known) { return known.name == name; });
  }

  std::string Property(const std::string& feature) const {
    return table_->metadata()->Property(kFeatureTypePrefix + feature, "");
  }

  iceberg::TablePtr table_;
  iceberg::UpdateSchema schema_;
  std::vector<OnlineColumnChange> columns_;
  std::map<std::string, std::string> properties_;
  std::vector<std::string> removed_properties_;
  std::set<std::string> renamed_;
};

arrow::Result<iceberg::TablePtr> UpdateOnlineTable(const iceberg::TablePtr& table,
                                                   const OnlineStoreConfig& config,
                                                   const OnlineView& view,
                                                   const OnlineViewChange& change) {
  ARROW_RETURN_NOT_OK(OnlineLayout::Of(*table, config).status());
  ARROW_ASSIGN_OR_RAISE(TableChanges changes, TableChanges::Plan(table, view, change));
  return changes.Commit();
}

arrow::Result<int32_t> IntegerProperty(const iceberg::Table& table, const char* key) {
  const std::string text = table.metadata()->Property(key, "");
  int32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "table '{}' is not an online table of Floe's: its property '{}' is "
                     "{}; drop it or choose another namespace, then `feast apply`",
                     table.name(), key, text.empty() ? "not set" : "'" + text + "'");
  }
  return value;
}

arrow::Status Differs(const iceberg::Table& table, std::string_view setting,
                      std::string_view stored, std::string_view configured) {
  return MakeError(ErrorCode::kInvalidArgument,
                   "online table '{}' was created with {} {}, the configuration says {}; "
                   "set it back, or drop the table and `feast apply`",
                   table.name(), setting, stored, configured);
}

}  // namespace

arrow::Result<PartitionStrategy> PartitionStrategyFromName(std::string_view name) {
  for (PartitionStrategy strategy :
       {PartitionStrategy::kEntityHash, PartitionStrategy::kTimestamp,
        PartitionStrategy::kHybrid}) {
    if (PartitionStrategyName(strategy) == name) return strategy;
  }
  return MakeError(ErrorCode::kInvalidConfig,
                   "partition_strategy '{}' is unknown; use entity_hash, timestamp or "
                   "hybrid",
                   name);
}

std::string_view PartitionStrategyName(PartitionStrategy strategy) {
  switch (strategy) {
    case PartitionStrategy::kEntityHash:
      return "entity_hash";
    case PartitionStrategy::kTimestamp:
      return "timestamp";
    case PartitionStrategy::kHybrid:
      return "hybrid";
  }
  return "";
}

arrow::Status OnlineStoreConfig::Validate() const {
  ARROW_RETURN_NOT_OK(WithContext(iceberg::ParseNamespace(table_namespace).status(),
                                  "setting", "namespace"));
  if (partition_count < 1 || partition_count > kMaxPartitionCount) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "partition_count is {}; it must be between 1 and {}",
                     partition_count, kMaxPartitionCount);
  }
  if (entity_key_serialization_version != 2 && entity_key_serialization_version != 3) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "entity_key_serialization_version is {}; use 3 (or 2 for stores "
                     "written with it)",
                     entity_key_serialization_version);
  }
  return arrow::Status::OK();
}

arrow::Result<iceberg::TableIdentifier> OnlineTableIdentifier(
    const OnlineStoreConfig& config, const OnlineView& view) {
  if (view.project.empty() || view.name.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "an online table needs a project and a feature view name, got '{}' "
                     "and '{}'",
                     view.project, view.name);
  }
  ARROW_ASSIGN_OR_RAISE(auto levels, iceberg::ParseNamespace(config.table_namespace));
  std::string name = view.project + "_" + view.name;
  if (view.version > 0) name += "_v" + std::to_string(view.version);
  return iceberg::TableIdentifier{std::move(levels), name + "_online"};
}

int32_t EntityHash(std::string_view serialized_key, int32_t partition_count) {
  // Looked up once: OpenSSL 3 finds an algorithm by name at every one-shot call. "-fips":
  // it places rows and guards nothing, so a FIPS setting need not forbid it.
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", "-fips");
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  FLOE_CHECK(md5 != nullptr && EVP_DigestInit_ex2(context.get(), md5, nullptr) == 1 &&
             EVP_DigestUpdate(context.get(), serialized_key.data(),
                              serialized_key.size()) == 1 &&
             EVP_DigestFinal_ex(context.get(), digest, &size) == 1 && size == kMd5Bytes);
  uint64_t remainder = 0;
  for (size_t i = 0; i < kMd5Bytes; ++i) {
    remainder = (remainder << 8 | digest[i]) % static_cast<uint64_t>(partition_count);
  }
  return static_cast<int32_t>(remainder);
}

arrow::Result<OnlineLayout> OnlineLayout::Of(const iceberg::Table& table,
                                             const OnlineStoreConfig& config) {
  OnlineLayout layout;
  ARROW_ASSIGN_OR_RAISE(layout.partition_count,
                        IntegerProperty(table, kPartitionCountProperty));
  ARROW_ASSIGN_OR_RAISE(layout.entity_key_version,
                        IntegerProperty(table, kKeyVersionProperty));
  const std::string strategy = table.metadata()->Property(kPartitionStrategyProperty, "");
  if (strategy != PartitionStrategyName(config.partition_strategy)) {
    return Differs(table, "partition_strategy", strategy,
                   PartitionStrategyName(config.partition_strategy));
  }
  layout.strategy = config.partition_strategy;
  if (layout.partition_count != config.partition_count) {
    return Differs(table, "partition_count", std::to_string(layout.partition_count),
                   std::to_string(config.partition_count));
  }
  if (layout.entity_key_version != config.entity_key_serialization_version) {
    return Differs(table, "entity_key_serialization_version",
                   std::to_string(layout.entity_key_version),
                   std::to_string(config.entity_key_serialization_version));
  }
  return layout;
}

arrow::Result<iceberg::TablePtr> LoadOnlineTable(
    const std::shared_ptr<iceberg::Catalog>& catalog, const OnlineStoreConfig& config,
    const OnlineView& view, const iceberg::TableContext& context) {
  ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config, view));
  auto table = iceberg::Table::Load(catalog, identifier, context);
  if (IsError(table.status(), ErrorCode::kNoSuchTable) ||
      IsError(table.status(), ErrorCode::kNoSuchNamespace)) {
    return MakeError(ErrorCode::kNoSuchTable,
                     "online table '{}' of feature view '{}' does not exist in catalog "
                     "'{}'; run `feast apply` to create it",
                     identifier.ToString(), view.name, catalog->name());
  }
  return table;
}

std::string_view OnlineColumnChangeName(OnlineColumnChange::Kind kind) {
  switch (kind) {
    case Kind::kAdd:
      return "add";
    case Kind::kDrop:
      return "drop";
    case Kind::kRename:
      return "rename";
    case Kind::kWiden:
      return "widen";
  }
  return "";
}

arrow::Result<OnlineTablePlan> PlanOnlineTable(
    const std::shared_ptr<iceberg::Catalog>& catalog, const OnlineStoreConfig& config,
    const OnlineView& view, const iceberg::TableContext& context,
    const OnlineViewChange& change) {
  ARROW_RETURN_NOT_OK(config.Validate());
  ARROW_RETURN_NOT_OK(CheckFeatures(view));
  ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config, view));
  OnlineTablePlan plan;
  plan.table = identifier.ToString();
  auto table = LoadOnlineTable(catalog, config, view, context);
  if (IsError(table.status(), ErrorCode::kNoSuchTable)) {
    ARROW_ASSIGN_OR_RAISE(auto request, NewTable(config, view));
    for (const NestedField& field : request.schema->fields()) {
      plan.changes.push_back({Kind::kAdd, field.name, "", field.type->ToString()});
    }
    return plan;
  }
  ARROW_RETURN_NOT_OK(table.status());
  ARROW_RETURN_NOT_OK(OnlineLayout::Of(**table, config).status());
  ARROW_ASSIGN_OR_RAISE(TableChanges changes, TableChanges::Plan(*table, view, change));
  plan.exists = true;
  plan.changes = changes.columns();
  return plan;
}

arrow::Result<iceberg::TablePtr> CreateOrUpdateOnlineTable(
    const std::shared_ptr<iceberg::Catalog>& catalog, const OnlineStoreConfig& config,
    const OnlineView& view, const iceberg::TableContext& context,
    const OnlineViewChange& change) {
  ARROW_RETURN_NOT_OK(config.Validate());
  ARROW_RETURN_NOT_OK(CheckFeatures(view));
  ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config, view));
  auto table = LoadOnlineTable(catalog, config, view, context);
  if (IsError(table.status(), ErrorCode::kNoSuchTable)) {
    ARROW_RETURN_NOT_OK(iceberg::EnsureNamespace(*catalog, identifier.levels));
    ARROW_ASSIGN_OR_RAISE(auto request, NewTable(config, view));
    auto created = iceberg::Table::Create(catalog, identifier, request, context);
    if (!IsError(created.status(), ErrorCode::kAlreadyExists)) return created;
    // Another apply was first.
    table = LoadOnlineTable(catalog, config, view, context);
  }
  ARROW_RETURN_NOT_OK(table.status());
  return UpdateOnlineTable(*table, config, view, change);
}

arrow::Result<bool> DropOnlineTable(const std::shared_ptr<iceberg::Catalog>& catalog,
                                    const OnlineStoreConfig& config,
                                    const OnlineView& view) {
  ARROW_ASSIGN_OR_RAISE(auto identifier, OnlineTableIdentifier(config, view));
  const arrow::Status status = catalog->DropTable(identifier, /*purge=*/true);
  if (IsError(status, ErrorCode::kNoSuchTable) ||
      IsError(status, ErrorCode::kNoSuchNamespace)) {
    return false;
  }
  ARROW_RETURN_NOT_OK(status);
  return true;
}

}  // namespace floe::online
