#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "iceberg/avro/container.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/manifest_schema.h"
#include "iceberg/spec/metadata_json.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kNullBranch = 0;
constexpr int64_t kValueBranch = 1;
/// What the Java reference writes to V1's deprecated block_size_in_bytes.
constexpr int64_t kV1BlockSize = 64 << 20;

void WriteOptionalLong(const std::optional<int64_t>& value, avro::Encoder* encoder) {
  encoder->WriteLong(value ? kValueBranch : kNullBranch);
  if (value) encoder->WriteLong(*value);
}

void WriteOptionalBytes(const std::string& bytes, avro::Encoder* encoder) {
  encoder->WriteLong(bytes.empty() ? kNullBranch : kValueBranch);
  if (!bytes.empty()) encoder->WriteBytes(bytes);
}

template <typename Number>
void WriteOptionalList(const std::vector<Number>& numbers, avro::Encoder* encoder) {
  encoder->WriteLong(numbers.empty() ? kNullBranch : kValueBranch);
  if (numbers.empty()) return;
  encoder->WriteLong(static_cast<int64_t>(numbers.size()));
  for (const Number number : numbers) encoder->WriteLong(number);
  encoder->WriteLong(0);
}

/// One of the metric maps: `get` gives a column's value, an empty optional where it has
/// none.
template <typename Get, typename Write>
void WriteMetricMap(const std::vector<ColumnMetrics>& columns, Get get, Write write,
                    avro::Encoder* encoder) {
  const auto count =
      std::count_if(columns.begin(), columns.end(),
                    [&](const ColumnMetrics& column) { return get(column).has_value(); });
  encoder->WriteLong(count == 0 ? kNullBranch : kValueBranch);
  if (count == 0) return;
  encoder->WriteLong(count);
  for (const ColumnMetrics& column : columns) {
    const auto& value = get(column);
    if (!value) continue;
    encoder->WriteLong(column.field_id);
    write(*value);
  }
  encoder->WriteLong(0);
}

void WriteMetrics(const std::vector<ColumnMetrics>& columns, avro::Encoder* encoder) {
  const auto counts = [&](std::optional<int64_t> ColumnMetrics::* member) {
    WriteMetricMap(
        columns,
        [&](const ColumnMetrics& column) -> const std::optional<int64_t>& {
          return column.*member;
        },
        [&](int64_t value) { encoder->WriteLong(value); }, encoder);
  };
  const auto bounds = [&](std::optional<std::string> ColumnMetrics::* member) {
    WriteMetricMap(
        columns,
        [&](const ColumnMetrics& column) -> const std::optional<std::string>& {
          return column.*member;
        },
        [&](const std::string& value) { encoder->WriteBytes(value); }, encoder);
  };
  counts(&ColumnMetrics::size_bytes);
  counts(&ColumnMetrics::value_count);
  counts(&ColumnMetrics::null_count);
  counts(&ColumnMetrics::nan_count);
  bounds(&ColumnMetrics::lower_bound);
  bounds(&ColumnMetrics::upper_bound);
}

std::string DecimalBytes(const arrow::Decimal128& value, size_t size) {
  std::string bytes = DecimalToMinimalBytes(value);
  const char sign = value.IsNegative() ? '\xff' : '\0';
  if (bytes.size() < size) bytes.insert(0, size - bytes.size(), sign);
  return bytes;
}

struct LiteralWriter {
  const Type& type;
  avro::Encoder* encoder;

  void operator()(std::monostate) const {}
  void operator()(bool value) const { encoder->WriteBoolean(value); }
  void operator()(int32_t value) const { encoder->WriteLong(value); }
  void operator()(int64_t value) const { encoder->WriteLong(value); }
  void operator()(float value) const { encoder->WriteFloat(value); }
  void operator()(double value) const { encoder->WriteDouble(value); }
  void operator()(const arrow::Decimal128& value) const {
    const auto size = static_cast<size_t>(DecimalFixedBytes(type.precision()));
    encoder->WriteRaw(DecimalBytes(value, size));
  }
  void operator()(const std::string& value) const {
    if (type.id() == TypeId::kUuid || type.id() == TypeId::kFixed) {
      encoder->WriteRaw(value);
    } else {
      encoder->WriteBytes(value);
    }
  }
};

/// Whether `literal` is held in the form that values of `type` are written from.
bool FitsType(const Literal& literal, const Type& type) {
  if (literal.is_null()) return true;
  const Literal::Value& value = literal.value();
  switch (type.id()) {
    case TypeId::kBoolean:
      return std::holds_alternative<bool>(value);
    case TypeId::kInt:
    case TypeId::kDate:
      return std::holds_alternative<int32_t>(value);
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return std::holds_alternative<int64_t>(value);
    case TypeId::kFloat:
      return std::holds_alternative<float>(value);
    case TypeId::kDouble:
      return std::holds_alternative<double>(value);
    case TypeId::kDecimal:
      return std::holds_alternative<arrow::Decimal128>(value) &&
             std::get<arrow::Decimal128>(value).FitsInPrecision(type.precision());
    case TypeId::kUuid:
      return std::holds_alternative<std::string>(value) &&
             std::get<std::string>(value).size() == 16;
    case TypeId::kFixed:
      return std::holds_alternative<std::string>(value) &&
             std::get<std::string>(value).size() == static_cast<size_t>(type.length());
    case TypeId::kUnknown:
      return false;
    default:
      return std::holds_alternative<std::string>(value);
  }
}

/// Gathers the summary of one partition field over a manifest's entries.
class SummaryBuilder {
 public:
  void Add(const Literal& value) {
    if (value.is_null()) {
      contains_null_ = true;
      return;
    }
    const auto is_nan = [&] {
      if (const float* f = std::get_if<float>(&value.value())) return std::isnan(*f);
      if (const double* d = std::get_if<double>(&value.value())) return std::isnan(*d);
      return false;
    };
    if (is_nan()) {
      contains_nan_ = true;
      return;
    }
    if (lower_ == nullptr || value.Compare(*lower_) < 0) lower_ = &value;
    if (upper_ == nullptr || value.Compare(*upper_) > 0) upper_ = &value;
  }

  arrow::Result<PartitionFieldSummary> Finish() const {
    PartitionFieldSummary summary;
    summary.contains_null = contains_null_;
    summary.contains_nan = contains_nan_;
    if (lower_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(summary.lower_bound, lower_->ToBytes());
      ARROW_ASSIGN_OR_RAISE(summary.upper_bound, upper_->ToBytes());
    }
    return summary;
  }

 private:
  bool contains_null_ = false;
  bool contains_nan_ = false;
  /// Into the entries, which outlive the builder.
  const Literal* lower_ = nullptr;
  const Literal* upper_ = nullptr;
};

/// Checks and encodes the entries of one manifest.
class EntryWriter {
 public:
  EntryWriter(const ManifestWriteContext& context, TypePtr partition_type)
      : context_(context), partition_type_(std::move(partition_type)) {}

  const Type& partition_type() const { return *partition_type_; }

  arrow::Status Check(const ManifestEntry& entry) const {
    const DataFile& file = entry.file;
    const auto bad = [&](std::string_view what) {
      return MakeError(ErrorCode::kInvalidArgument, "manifest entry of {}: {}",
                       file.file_path, what);
    };
    if (file.partition.size() != partition_type_->fields().size()) {
      return bad(fmt::format("{} partition values for the {} fields of spec {}",
                             file.partition.size(), partition_type_->fields().size(),
                             context_.spec.spec_id));
    }
    for (size_t i = 0; i < file.partition.size(); ++i) {
      const NestedField& field = partition_type_->fields()[i];
      if (!FitsType(file.partition[i], *field.type)) {
        return bad(fmt::format("partition value {} of '{}' is not of type {}",
                               file.partition[i].ToString(), field.name,
                               field.type->ToString()));
      }
    }
    const bool is_data = file.content == FileContent::kData;
    if (is_data != (context_.content == ManifestContent::kData)) {
      return bad("a manifest holds either data files or delete files");
    }
    if (entry.status != EntryStatus::kAdded && context_.format_version > 1 &&
        (!entry.sequence_number || !entry.file_sequence_number)) {
      return bad("an entry that is not added needs both sequence numbers");
    }
    if (entry.status == EntryStatus::kExisting && !entry.snapshot_id) {
      return bad("an existing entry needs the snapshot id it was added in");
    }
    return arrow::Status::OK();
  }

  void Write(const ManifestEntry& entry, avro::Encoder* encoder) const {
    const bool added = entry.status == EntryStatus::kAdded;
    encoder->WriteLong(static_cast<int64_t>(entry.status));
    encoder->WriteLong(kValueBranch);
    encoder->WriteLong(added ? context_.snapshot_id
                             : entry.snapshot_id.value_or(context_.snapshot_id));
    if (context_.format_version > 1) {
      WriteOptionalLong(entry.sequence_number, encoder);
      WriteOptionalLong(added ? std::nullopt : entry.file_sequence_number, encoder);
    }
    WriteFile(entry.file, encoder);
  }

 private:
  void WriteFile(const DataFile& file, avro::Encoder* encoder) const {
    const int version = context_.format_version;
    if (version > 1) encoder->WriteLong(static_cast<int64_t>(file.content));
    encoder->WriteBytes(file.file_path);
    encoder->WriteBytes(FileFormatName(file.file_format));
    WritePartition(file.partition, encoder);
    encoder->WriteLong(file.record_count);
    encoder->WriteLong(file.file_size_bytes);
    if (version == 1) encoder->WriteLong(kV1BlockSize);
    WriteMetrics(file.metrics, encoder);
    WriteOptionalBytes(file.key_metadata, encoder);
    WriteOptionalList(file.split_offsets, encoder);
    if (version > 1) WriteOptionalList(file.equality_ids, encoder);
    // Position deletes are sorted by file and position, whatever the table's order.
    const bool sorted =
        file.sort_order_id && file.content != FileContent::kPositionDeletes;
    WriteOptionalLong(sorted ? std::optional<int64_t>(*file.sort_order_id) : std::nullopt,
                      encoder);
    if (version >= 3) {
      WriteOptionalLong(
          file.content == FileContent::kData ? file.first_row_id : std::nullopt, encoder);
    }
    if (version > 1) {
      WriteOptionalBytes(file.referenced_data_file.value_or(""), encoder);
    }
    if (version >= 3) {
      WriteOptionalLong(file.content_offset, encoder);
      WriteOptionalLong(file.content_size_bytes, encoder);
    }
  }

  void WritePartition(const std::vector<Literal>& partition,
                      avro::Encoder* encoder) const {
    for (size_t i = 0; i < partition.size(); ++i) {
      const Type& type = *partition_type_->fields()[i].type;
      if (type.id() == TypeId::kUnknown) continue;
      encoder->WriteLong(partition[i].is_null() ? kNullBranch : kValueBranch);
      std::visit(LiteralWriter{type, encoder}, partition[i].value());
    }
  }

  const ManifestWriteContext& context_;
  TypePtr partition_type_;
};

/// The spec's partition type; fields of unknown type get the type of the values there
/// are.
arrow::Result<TypePtr> WrittenPartitionType(const ManifestWriteContext& context,
                                            const std::vector<ManifestEntry>& entries) {
  ARROW_ASSIGN_OR_RAISE(const TypePtr type, context.spec.PartitionType(*context.schema));
  std::vector<NestedField> fields = type->fields();
  for (size_t i = 0; i < fields.size(); ++i) {
    for (const ManifestEntry& entry : entries) {
      if (fields[i].type->id() != TypeId::kUnknown) break;
      if (i < entry.file.partition.size()) {
        fields[i].type = entry.file.partition[i].type();
      }
    }
  }
  return Type::Struct(std::move(fields));
}

void Count(const ManifestEntry& entry, ManifestFile* manifest) {
  const int64_t rows = entry.file.record_count;
  switch (entry.status) {
    case EntryStatus::kAdded:
      ++*manifest->added_files_count;
      *manifest->added_rows_count += rows;
      break;
    case EntryStatus::kExisting:
      ++*manifest->existing_files_count;
      *manifest->existing_rows_count += rows;
      break;
    case EntryStatus::kDeleted:
      ++*manifest->deleted_files_count;
      *manifest->deleted_rows_count += rows;
      return;
  }
  if (!entry.sequence_number) return;
  manifest->min_sequence_number =
      manifest->min_sequence_number == kUnassignedSequenceNumber
          ? *entry.sequence_number
          : std::min(manifest->min_sequence_number, *entry.sequence_number);
}

arrow::Result<ManifestFile> Describe(const ManifestWriteContext& context,
                                     const std::vector<ManifestEntry>& entries) {
  ManifestFile manifest;
  manifest.partition_spec_id = context.spec.spec_id;
  manifest.content = context.content;
  manifest.sequence_number = kUnassignedSequenceNumber;
  manifest.min_sequence_number = kUnassignedSequenceNumber;
  manifest.added_snapshot_id = context.snapshot_id;
  manifest.added_files_count = 0;
  manifest.existing_files_count = 0;
  manifest.deleted_files_count = 0;
  manifest.added_rows_count = 0;
  manifest.existing_rows_count = 0;
  manifest.deleted_rows_count = 0;
  std::vector<SummaryBuilder> summaries(context.spec.fields.size());
  for (const ManifestEntry& entry : entries) {
    Count(entry, &manifest);
    for (size_t i = 0; i < summaries.size(); ++i) {
      summaries[i].Add(entry.file.partition[i]);
    }
  }
  for (const SummaryBuilder& builder : summaries) {
    ARROW_ASSIGN_OR_RAISE(auto summary, builder.Finish());
    manifest.partitions.push_back(std::move(summary));
  }
  return manifest;
}

arrow::Result<avro::Metadata> ManifestMetadata(const ManifestWriteContext& context) {
  avro::Metadata metadata;
  metadata["schema"] = SchemaToJsonText(*context.schema);
  metadata["schema-id"] = fmt::format("{}", context.schema->schema_id());
  ARROW_ASSIGN_OR_RAISE(
      metadata["partition-spec"],
      DumpJson(PartitionFieldsToJson(context.spec), "the partition spec"));
  metadata["partition-spec-id"] = fmt::format("{}", context.spec.spec_id);
  metadata["format-version"] = fmt::format("{}", context.format_version);
  if (context.format_version > 1) {
    metadata["content"] = context.content == ManifestContent::kData ? "data" : "deletes";
  }
  return metadata;
}

}  // namespace

arrow::Result<WrittenManifest> WriteManifest(const ManifestWriteContext& context,
                                             const std::vector<ManifestEntry>& entries) {
  if (context.format_version < 1 || context.format_version > 3) {
    return MakeError(ErrorCode::kNotSupported,
                     "manifests of format version {} cannot be written",
                     context.format_version);
  }
  if (context.format_version == 1 && context.content != ManifestContent::kData) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "format version 1 has no delete files; upgrade the table to 2");
  }
  ARROW_ASSIGN_OR_RAISE(TypePtr partition_type, WrittenPartitionType(context, entries));
  const EntryWriter writer(context, std::move(partition_type));
  for (const ManifestEntry& entry : entries) ARROW_RETURN_NOT_OK(writer.Check(entry));
  ARROW_ASSIGN_OR_RAISE(avro::Metadata metadata, ManifestMetadata(context));
  avro::ContainerWriter container(
      ManifestEntryAvroSchema(context.format_version, writer.partition_type()),
      std::move(metadata), avro::Codec::kDeflate);
  for (const ManifestEntry& entry : entries) {
    ARROW_RETURN_NOT_OK(
        container.Append([&](avro::Encoder* encoder) { writer.Write(entry, encoder); }));
  }
  WrittenManifest written;
  ARROW_ASSIGN_OR_RAISE(written.manifest, Describe(context, entries));
  ARROW_ASSIGN_OR_RAISE(written.bytes, container.Finish());
  written.manifest.manifest_length = static_cast<int64_t>(written.bytes.size());
  return written;
}

}  // namespace floe::iceberg
