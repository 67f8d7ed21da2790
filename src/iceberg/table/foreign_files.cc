#include "iceberg/table/foreign_files.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "arrow/type.h"
#include "base/error.h"
#include "base/join.h"
#include "base/parallel.h"
#include "iceberg/format/parquet/foreign_file.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {
namespace {

constexpr char kHiveNull[] = "__HIVE_DEFAULT_PARTITION__";
constexpr int kFormatWithNanoseconds = 3;

bool IsParquetName(std::string_view name) {
  return name.ends_with(".parquet") || name.ends_with(".parq") || name.ends_with(".pq");
}

std::vector<std::string_view> PathParts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

/// Hive writes bytes that a path cannot hold as %XX; what is no such escape stays.
std::string DecodeFolder(std::string_view text) {
  constexpr int kHex = 16;
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, kHex).ptr == digits + 2;
    decoded += is_escape ? static_cast<char>(value) : text[i];
    if (is_escape) i += 2;
  }
  return decoded;
}

/// A local path as every process means it; URIs as they are.
std::string AbsoluteForeignPath(const std::string& path) {
  if (path.starts_with('/') || path.find(':') != std::string::npos) return path;
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

/// `folders` is the part of the location whose folders may be partitions.
ForeignFile MakeForeignFile(std::string location, int64_t size_bytes,
                            std::string_view folders) {
  ForeignFile file;
  file.size_bytes = size_bytes;
  for (std::string_view part : PathParts(folders)) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    const std::string_view value = part.substr(equals + 1);
    std::optional<std::string> decoded;
    if (value != kHiveNull) decoded = DecodeFolder(value);
    file.partition.emplace_back(DecodeFolder(part.substr(0, equals)), std::move(decoded));
  }
  file.location = std::move(location);
  return file;
}

bool IsHidden(std::string_view below) {
  for (std::string_view part : PathParts(below)) {
    if (part.starts_with('.')) return true;
    // A column may be named so: "_day=1" is a partition.
    if (part.starts_with('_') && part.find('=') == std::string_view::npos) return true;
  }
  return false;
}

arrow::Status ListFolder(const FileIO& io, const std::string& folder,
                         std::vector<ForeignFile>* files) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, io.List(folder, /*recursive=*/true));
  if (entries.empty()) {
    return MakeError(ErrorCode::kNoSuchFile, "'{}' is no file, and no folder with files",
                     folder);
  }
  for (const FileEntry& entry : entries) {
    std::string_view below = entry.location;
    below.remove_prefix(std::min(below.size(), folder.size()));
    if (IsHidden(below)) continue;
    if (!IsParquetName(below)) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' does not look like a Parquet file (.parquet, .parq, .pq): "
                       "move it out of the folder, or name the files to take",
                       entry.location);
    }
    if (files->size() == kMaxForeignFiles) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "more than {} files: take them over folder by folder",
                       kMaxForeignFiles);
    }
    files->push_back(MakeForeignFile(entry.location, entry.size_bytes,
                                     below.substr(0, below.rfind('/') + 1)));
  }
  return arrow::Status::OK();
}

std::string KeysOf(const ForeignFile& file) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : file.partition) keys.push_back(key);
  return keys.empty() ? "no partition folders" : JoinText(keys, "/");
}

arrow::Status CheckKeys(const std::vector<ForeignFile>& files) {
  for (const ForeignFile& file : files) {
    const std::string keys = KeysOf(file);
    const std::string expected = KeysOf(files.front());
    if (keys == expected) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' lies in {}, but '{}' in {}: all files of a table are "
                     "partitioned by the same key=value folders",
                     file.location, keys, files.front().location, expected);
  }
  return arrow::Status::OK();
}

/// int64 columns where others have int32 and the like; everything else must be equal.
arrow::Field::MergeOptions PromotionsOfIceberg() {
  arrow::Field::MergeOptions options;
  options.promote_numeric_width = true;
  return options;
}

/// Whether a type has timestamps of nanoseconds anywhere.
bool HasNanoseconds(const arrow::DataType& type) {
  if (type.id() == arrow::Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
  }
  return std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return HasNanoseconds(*field->type()); });
}

/// Nested fields as optional ones that carry no ids; a map's key stays required.
std::shared_ptr<arrow::DataType> WithoutIds(
    const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::STRUCT: {
      std::vector<std::shared_ptr<arrow::Field>> fields;
      for (const auto& field : type->fields()) {
        fields.push_back(arrow::field(field->name(), WithoutIds(field->type()), true));
      }
      return arrow::struct_(std::move(fields));
    }
    case arrow::Type::LIST:
      return arrow::list(
          arrow::field("element", WithoutIds(type->field(0)->type()), true));
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return std::make_shared<arrow::MapType>(
          arrow::field("key", WithoutIds(map.key_type()), false),
          arrow::field("value", WithoutIds(map.item_type()), true));
    }
    default:
      return type;
  }
}

/// A column of a file as Iceberg has it: optional, without ids.
arrow::Result<std::shared_ptr<arrow::Field>> AsIceberg(const arrow::Field& column,
                                                       int format_version) {
  ARROW_ASSIGN_OR_RAISE(const SchemaPtr schema,
                        FromArrowSchema(*arrow::schema({column.Copy()}), format_version));
  ARROW_ASSIGN_OR_RAISE(auto type, ToArrowType(*schema->fields()[0].type));
  return arrow::field(column.name(), WithoutIds(type), true);
}

/// Unites the columns of files by name.
class SchemaUnion {
 public:
  explicit SchemaUnion(const ForeignSchemaOptions& options) : options_(options) {}

  arrow::Status Add(const std::string& location, const arrow::Schema& file) {
    for (const auto& column : file.fields()) {
      ARROW_RETURN_NOT_OK(AddColumn(location, *column));
    }
    return arrow::Status::OK();
  }

  int format_version() const {
    return options_.nanoseconds == NanosecondUse::kKeep ? kFormatWithNanoseconds
                                                        : ForeignTable().format_version;
  }
  const std::vector<std::shared_ptr<arrow::Field>>& columns() const { return columns_; }

 private:
  arrow::Status AddColumn(const std::string& location, const arrow::Field& column) {
    if (options_.nanoseconds == NanosecondUse::kRefuse &&
        HasNanoseconds(*column.type())) {
      return MakeError(ErrorCode::kNotSupported,
                       "column '{}' of '{}' has times in nanoseconds, which tables of "
                       "format 2 do not: choose --nanoseconds keep (format 3) or "
                       "--nanoseconds truncate (to microseconds)",
                       column.name(), location);
    }
    auto as_iceberg = AsIceberg(column, format_version());
    if (!as_iceberg.ok()) return WithContext(as_iceberg.status(), "file", location);
    std::shared_ptr<arrow::Field> united = *std::move(as_iceberg);
    auto [found, is_new] = index_.try_emplace(column.name(), columns_.size());
    if (is_new) {
      columns_.push_back(std::move(united));
      first_files_.push_back(location);
      return arrow::Status::OK();
    }
    auto& kept = columns_[found->second];
    auto merged = kept->MergeWith(united, PromotionsOfIceberg());
    if (!merged.ok()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' is {} in '{}' but {} in '{}': files of one table "
                       "must agree; leave one of them out or rewrite it",
                       column.name(), united->type()->ToString(), location,
                       kept->type()->ToString(), first_files_[found->second]);
    }
    kept = *std::move(merged);
    return arrow::Status::OK();
  }

  const ForeignSchemaOptions& options_;
  std::vector<std::shared_ptr<arrow::Field>> columns_;
  std::vector<std::string> first_files_;
  std::unordered_map<std::string, size_t> index_;
};

/// The narrowest of int, long, date and string that all values of key `index` are.
TypePtr LooksLike(const std::vector<ForeignFile>& files, size_t index) {
  for (const TypePtr& type : {Type::Int(), Type::Long(), Type::Date()}) {
    const bool fits = std::all_of(files.begin(), files.end(), [&](const auto& file) {
      const auto& value = file.partition[index].second;
      return !value || Literal::FromText(type, *value).ok();
    });
    const bool has_value = std::any_of(files.begin(), files.end(), [&](const auto& file) {
      return file.partition[index].second.has_value();
    });
    if (fits && has_value) return type;
  }
  return Type::String();
}

arrow::Result<TypePtr> PartitionColumnType(const std::vector<ForeignFile>& files,
                                           size_t index,
                                           const ForeignSchemaOptions& options) {
  auto chosen = options.partition_types.find(files.front().partition[index].first);
  if (chosen == options.partition_types.end()) return LooksLike(files, index);
  return Type::FromString(chosen->second);
}

arrow::Status CheckPartitionTypes(const std::vector<ForeignFile>& files,
                                  const ForeignSchemaOptions& options) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : files.front().partition) keys.push_back(key);
  for (const auto& [key, type] : options.partition_types) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "--partition-type names '{}', but the folders have {}", key,
                     KeysOf(files.front()));
  }
  return arrow::Status::OK();
}

/// Adds the folders' keys to the columns where the files do not hold them.
arrow::Status AddPartitions(const std::vector<ForeignFile>& files,
                            const ForeignSchemaOptions& options,
                            std::vector<NestedField> fields, ForeignTable* table) {
  ARROW_RETURN_NOT_OK(CheckPartitionTypes(files, options));
  int32_t next_id = table->schema->highest_field_id() + 1;
  for (size_t i = 0; i < files.front().partition.size(); ++i) {
    const std::string& key = files.front().partition[i].first;
    const NestedField* held = table->schema->FindField(std::string_view(key));
    int32_t source_id = held == nullptr ? next_id : held->id;
    if (held == nullptr) {
      ARROW_ASSIGN_OR_RAISE(TypePtr type, PartitionColumnType(files, i, options));
      fields.push_back(NestedField::Optional(next_id++, key, std::move(type)));
    }
    table->spec.fields.push_back({source_id, 0, key, Transform::Identity()});
  }
  ARROW_ASSIGN_OR_RAISE(table->schema, Schema::Make(std::move(fields)));
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::vector<ForeignFile>> ListForeignFiles(
    const FileIO& io, const std::vector<std::string>& paths) {
  std::vector<ForeignFile> files;
  for (const std::string& path : paths) {
    std::string absolute = AbsoluteForeignPath(path);
    while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
    if (!IsParquetName(absolute)) {
      ARROW_RETURN_NOT_OK(ListFolder(io, absolute, &files));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const bool is_file, io.Exists(absolute));
    if (!is_file) {
      // A folder may be named so.
      ARROW_RETURN_NOT_OK(ListFolder(io, absolute, &files));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const int64_t size, io.FileSize(absolute));
    files.push_back(
        MakeForeignFile(absolute, size, absolute.substr(0, absolute.rfind('/') + 1)));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.location < b.location; });
  auto twice = std::adjacent_find(
      files.begin(), files.end(),
      [](const auto& a, const auto& b) { return a.location == b.location; });
  if (twice != files.end()) {
    return MakeError(ErrorCode::kInvalidArgument, "'{}' is named twice", twice->location);
  }
  if (files.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "no Parquet files below {}",
                     JoinText(paths, ", "));
  }
  ARROW_RETURN_NOT_OK(CheckKeys(files));
  return files;
}

arrow::Result<bool> CanBeReadAs(const arrow::Field& column, const Type& type,
                                int format_version) {
  ARROW_ASSIGN_OR_RAISE(const auto held, AsIceberg(column, format_version));
  ARROW_ASSIGN_OR_RAISE(auto wanted_type, ToArrowType(type));
  const auto wanted = arrow::field(column.name(), WithoutIds(wanted_type), true);
  const auto merged = wanted->MergeWith(held, PromotionsOfIceberg());
  return merged.ok() && (*merged)->type()->Equals(wanted->type());
}

arrow::Result<ForeignTable> UniteForeignFiles(const FileIO& io,
                                              const std::vector<ForeignFile>& files,
                                              const ForeignSchemaOptions& options) {
  // Footers are read in parallel and united in the files' order, a stretch at a time.
  constexpr int64_t kStretch = 1024;
  SchemaUnion united(options);
  ForeignTable table;
  table.format_version = united.format_version();
  std::mutex progress_mutex;
  int64_t done = 0;
  const auto count = static_cast<int64_t>(files.size());
  for (int64_t begin = 0; begin < count; begin += kStretch) {
    const int64_t length = std::min(kStretch, count - begin);
    std::vector<std::shared_ptr<arrow::Schema>> schemas(static_cast<size_t>(length));
    std::atomic<int64_t> rows = 0;
    ARROW_RETURN_NOT_OK(ParallelFor(length, options.threads, [&](int64_t i) {
      const ForeignFile& file = files[static_cast<size_t>(begin + i)];
      ARROW_ASSIGN_OR_RAISE(const auto opened,
                            ParquetFile::Open(io, file.location, file.size_bytes));
      ARROW_ASSIGN_OR_RAISE(schemas[static_cast<size_t>(i)], ForeignSchema(*opened));
      rows += opened->row_count();
      std::unique_lock<std::mutex> lock(progress_mutex);
      if (options.progress) options.progress(++done, count);
      return arrow::Status::OK();
    }));
    for (int64_t i = 0; i < length; ++i) {
      const ForeignFile& file = files[static_cast<size_t>(begin + i)];
      ARROW_RETURN_NOT_OK(united.Add(file.location, *schemas[static_cast<size_t>(i)]));
      table.size_bytes += file.size_bytes;
    }
    table.row_count += rows;
  }
  ARROW_ASSIGN_OR_RAISE(table.schema, FromArrowSchema(*arrow::schema(united.columns()),
                                                      table.format_version));
  std::vector<NestedField> fields = table.schema->fields();
  ARROW_RETURN_NOT_OK(AddPartitions(files, options, std::move(fields), &table));
  return table;
}

}  // namespace floe::iceberg
