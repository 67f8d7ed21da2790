#include "offline/bound_source.h"

#include <algorithm>
#include <limits>

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "base/error.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/schema.h"

namespace floe::offline {
namespace {

using iceberg::Literal;
using iceberg::Predicate;
using iceberg::PredicatePtr;
using iceberg::TypeId;

/// The highest format version whose types a Parquet file's columns may have (nanosecond
/// times came with V3).
constexpr int kParquetTypesFormatVersion = 3;
constexpr int64_t kMicrosPerDay = int64_t{86'400} * 1'000'000;
constexpr int64_t kNanosPerMicro = 1000;

iceberg::MappedField MappingOf(const iceberg::NestedField& field) {
  iceberg::MappedField mapped;
  mapped.names = {field.name};
  mapped.field_id = field.id;
  if (field.type->is_nested()) {
    for (const iceberg::NestedField& child : field.type->fields()) {
      mapped.fields.push_back(MappingOf(child));
    }
  }
  return mapped;
}

bool IsHidden(std::string_view path_below_root) {
  size_t begin = 0;
  while (begin < path_below_root.size()) {
    size_t end = path_below_root.find('/', begin);
    if (end == std::string_view::npos) end = path_below_root.size();
    if (end > begin && (path_below_root[begin] == '.' || path_below_root[begin] == '_')) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

bool IsParquetName(std::string_view path) {
  return path.ends_with(".parquet") || path.ends_with(".parq") || path.ends_with(".pq");
}

int64_t FloorDivide(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return value % divisor < 0 ? quotient - 1 : quotient;
}

/// The bound in the column's unit, or nullopt when every value of the unit satisfies it.
std::optional<Literal> TimeLiteral(const iceberg::TypePtr& type, int64_t micros,
                                   bool upper) {
  constexpr int64_t kMaxMicros = std::numeric_limits<int64_t>::max() / kNanosPerMicro - 1;
  switch (type->id()) {
    case TypeId::kDate:
      return Literal(type, static_cast<int32_t>(FloorDivide(micros, kMicrosPerDay)));
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      if (micros > kMaxMicros || micros < -kMaxMicros) return std::nullopt;
      return Literal(type, micros * kNanosPerMicro + (upper ? kNanosPerMicro - 1 : 0));
    default:
      return Literal(type, micros);
  }
}

std::shared_ptr<arrow::Field> WithoutFieldId(const std::shared_ptr<arrow::Field>& field);

/// The type without the Iceberg ids of its inner fields. Rows of an answer have none of
/// their own; written to a file, ids of inner fields alone would make it unreadable.
std::shared_ptr<arrow::DataType> WithoutFieldIds(
    const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::LIST:
      return arrow::list(WithoutFieldId(type->field(0)));
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type->fields()) fields.push_back(WithoutFieldId(field));
      return arrow::struct_(std::move(fields));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return std::make_shared<arrow::MapType>(WithoutFieldId(map.key_field()),
                                              WithoutFieldId(map.item_field()),
                                              map.keys_sorted());
    }
    default:
      return type;
  }
}

std::shared_ptr<arrow::Field> WithoutFieldId(const std::shared_ptr<arrow::Field>& field) {
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  for (int64_t i = 0; field->HasMetadata() && i < field->metadata()->size(); ++i) {
    if (field->metadata()->key(i) == iceberg::kFieldIdKey) continue;
    metadata->Append(field->metadata()->key(i), field->metadata()->value(i));
  }
  return field->WithType(WithoutFieldIds(field->type()))->WithMetadata(metadata);
}

}  // namespace

void ReadCounters::Add(const ReadCounters& other) {
  files_total += other.files_total;
  files_read += other.files_read;
  row_groups_total += other.row_groups_total;
  row_groups_read += other.row_groups_read;
  pages_skipped += other.pages_skipped;
  bytes_read += other.bytes_read;
  rows_matched += other.rows_matched;
  row_groups_read_generally += other.row_groups_read_generally;
}

arrow::Result<std::shared_ptr<const BoundSource>> BoundSource::Open(
    const FeatureSource& source, const std::string& view) {
  std::shared_ptr<BoundSource> bound(new BoundSource(source, view));
  bound->pin_.source = source.name.empty() ? source.parquet_path : source.name;
  if (bound->pin_.source.empty() && source.table != nullptr) {
    bound->pin_.source = source.table->name();
  }
  arrow::Status opened =
      source.table != nullptr ? bound->OpenTable() : bound->OpenParquet();
  ARROW_RETURN_NOT_OK(WithContext(opened, "view", view));
  return bound;
}

arrow::Status BoundSource::OpenTable() {
  iceberg::ScanOptions options;
  options.selector = source_.snapshot;
  // Nothing matches, so no manifest is read: this resolves the snapshot and its schema.
  options.filter = Predicate::False();
  ARROW_ASSIGN_OR_RAISE(iceberg::ScanPlanPtr plan,
                        iceberg::PlanFiles(source_.table, options));
  io_ = source_.table->io();
  schema_ = plan->table_schema;
  const iceberg::TableMetadata& metadata = *source_.table->metadata();
  ARROW_ASSIGN_OR_RAISE(name_mapping_, iceberg::TableNameMapping(metadata));
  pin_.table_uuid = metadata.table_uuid;
  if (plan->snapshot) pin_.snapshot_id = plan->snapshot->snapshot_id;
  pin_.schema_id = schema_->schema_id();
  return arrow::Status::OK();
}

arrow::Status BoundSource::OpenParquet() {
  if (source_.parquet_path.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the source '{}' has neither a table nor a Parquet path",
                     pin_.source);
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO(source_.storage_options));
  io_ = io;
  ARROW_RETURN_NOT_OK(ListParquetFiles());
  ARROW_ASSIGN_OR_RAISE(iceberg::ParquetFilePtr first,
                        iceberg::ParquetFile::Open(*io_, pin_.files.front().first,
                                                   pin_.files.front().second, nullptr));
  return AdoptSchema(*first);
}

arrow::Status BoundSource::ListParquetFiles() {
  const std::string& root = source_.parquet_path;
  const arrow::Result<int64_t> size = io_->FileSize(root);
  if (size.ok()) {
    pin_.files.emplace_back(root, *size);
    return arrow::Status::OK();
  }
  if (!IsError(size.status(), ErrorCode::kNoSuchFile)) return size.status();
  ARROW_ASSIGN_OR_RAISE(std::vector<FileEntry> entries,
                        io_->List(root, /*recursive=*/true));
  for (const FileEntry& entry : entries) {
    std::string_view below(entry.location);
    below.remove_prefix(std::min(root.size(), below.size()));
    if (IsParquetName(below) && !IsHidden(below)) {
      pin_.files.emplace_back(entry.location, entry.size_bytes);
    }
  }
  if (!pin_.files.empty()) return arrow::Status::OK();
  if (!entries.empty()) {
    return MakeError(ErrorCode::kNoSuchFile, "the folder '{}' holds no *.parquet file",
                     root);
  }
  return size.status();
}

arrow::Status BoundSource::AdoptSchema(const iceberg::ParquetFile& file) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<const iceberg::FileSchema> fields,
                        file.Fields(nullptr));
  ARROW_RETURN_NOT_OK(CheckFieldIds(file, *fields));
  arrow::FieldVector usable;
  for (const iceberg::FileField& field : fields->fields()) {
    auto converted = iceberg::FromArrowSchema(arrow::Schema({field.field}),
                                              kParquetTypesFormatVersion);
    if (converted.ok()) {
      usable.push_back(field.field);
    } else {
      unusable_.emplace_back(field.name, ErrorText(converted.status()));
    }
  }
  ARROW_ASSIGN_OR_RAISE(schema_, iceberg::FromArrowSchema(arrow::Schema(usable),
                                                          kParquetTypesFormatVersion));
  auto mapping = std::make_shared<iceberg::NameMapping>();
  for (const iceberg::NestedField& field : schema_->fields()) {
    mapping->fields.push_back(MappingOf(field));
  }
  name_mapping_ = mapping;
  return arrow::Status::OK();
}

arrow::Status CheckFieldIds(const iceberg::ParquetFile& file,
                            const iceberg::FileSchema& fields) {
  if (!fields.has_own_ids()) return arrow::Status::OK();
  for (const iceberg::FileField& field : fields.fields()) {
    if (field.field_id >= 0) continue;
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' has Iceberg field ids, but its column '{}' has none, so which "
                     "column is which cannot be told; write the file again without ids",
                     file.location(), field.name);
  }
  return arrow::Status::OK();
}

arrow::Result<SourceColumn> BoundSource::Column(const std::string& name,
                                                std::string_view role) const {
  for (const iceberg::NestedField& field : schema_->fields()) {
    if (field.name != name) continue;
    ARROW_ASSIGN_OR_RAISE(auto type, iceberg::ToArrowType(*field.type));
    return SourceColumn{&field, WithoutFieldIds(type)};
  }
  for (const auto& [column, reason] : unusable_) {
    if (column == name) {
      return MakeError(ErrorCode::kNotSupported,
                       "view '{}': {} '{}' of '{}' cannot be read: {}", view_, role, name,
                       pin_.source, reason);
    }
  }
  const std::string nearest = NearestName(name, schema_->ColumnNames());
  return MakeError(ErrorCode::kNoSuchColumn,
                   "view '{}': {} '{}' is not a column of '{}'{}", view_, role, name,
                   pin_.source,
                   nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

arrow::Result<SourceColumn> BoundSource::TimeColumn(const std::string& name,
                                                    std::string_view role) const {
  ARROW_ASSIGN_OR_RAISE(SourceColumn column, Column(name, role));
  switch (column.field->type->id()) {
    case TypeId::kDate:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return column;
    default:
      return MakeError(
          ErrorCode::kInvalidArgument,
          "view '{}': {} '{}' of '{}' has type {}; it must be a timestamp or "
          "a date",
          view_, role, name, pin_.source, column.field->type->ToString());
  }
}

arrow::Result<SourcePlan> BoundSource::Plan(const PredicatePtr& filter) const {
  return source_.table != nullptr ? PlanTable(filter) : PlanParquet(filter);
}

arrow::Result<SourcePlan> BoundSource::PlanTable(const PredicatePtr& filter) const {
  iceberg::ScanOptions options;
  options.selector = source_.snapshot;
  options.filter = filter;
  options.filter_rows = false;
  SourcePlan plan;
  ARROW_ASSIGN_OR_RAISE(plan.scan, iceberg::PlanFiles(source_.table, options));
  plan.io = io_;
  plan.schema = schema_;
  plan.name_mapping = name_mapping_;
  plan.filter = plan.scan->filter;
  plan.files_total = plan.scan->counters.files;
  plan.tasks = plan.scan->tasks;
  // Ties between rows go to the later write.
  std::stable_sort(plan.tasks.begin(), plan.tasks.end(),
                   [](const auto& left, const auto& right) {
                     return left.sequence_number < right.sequence_number;
                   });
  return plan;
}

arrow::Result<SourcePlan> BoundSource::PlanParquet(const PredicatePtr& filter) const {
  SourcePlan plan;
  plan.io = io_;
  plan.schema = schema_;
  plan.name_mapping = name_mapping_;
  ARROW_ASSIGN_OR_RAISE(plan.filter, iceberg::Bind(filter, *schema_));
  plan.files_total = static_cast<int64_t>(pin_.files.size());
  if (plan.filter->op() == Predicate::Op::kFalse) return plan;
  for (const auto& [path, size] : pin_.files) {
    auto file = std::make_shared<iceberg::DataFile>();
    file->file_path = path;
    file->file_size_bytes = size;
    iceberg::FileScanTask task;
    task.file = file;
    task.residual = plan.filter;
    plan.tasks.push_back(std::move(task));
  }
  return plan;
}

PredicatePtr TimeRangePredicate(const SourceColumn& column, std::optional<int64_t> min_us,
                                std::optional<int64_t> max_us) {
  const std::string& name = column.field->name;
  const iceberg::TypePtr& type = column.field->type;
  PredicatePtr predicate = Predicate::True();
  if (min_us) {
    if (auto literal = TimeLiteral(type, *min_us, /*upper=*/false)) {
      predicate = Predicate::Compare(Predicate::Op::kGreaterEqual, name, *literal);
    }
  }
  if (max_us) {
    if (auto literal = TimeLiteral(type, *max_us, /*upper=*/true)) {
      auto below = Predicate::Compare(Predicate::Op::kLessEqual, name, *literal);
      predicate = min_us ? Predicate::And(std::move(predicate), std::move(below)) : below;
    }
  }
  return predicate;
}

}  // namespace floe::offline
