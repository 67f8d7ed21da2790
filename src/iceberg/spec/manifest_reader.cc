#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "iceberg/spec/avro_record.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/manifest_field_ids.h"

namespace floe::iceberg {
namespace {

namespace id = manifest_field;

constexpr int64_t kMaxEntries = 20'000'000;
/// A count that a file claims is not trusted with more memory than this many entries.
constexpr int64_t kMaxReserve = 1 << 16;

struct FieldShape {
  int32_t field_id;
  AvroShape shape;
};

constexpr FieldShape kEntryShapes[] = {
    {id::kStatus, AvroShape::kInt},          {id::kSnapshotId, AvroShape::kLong},
    {id::kSequenceNumber, AvroShape::kLong}, {id::kFileSequenceNumber, AvroShape::kLong},
    {id::kDataFile, AvroShape::kRecord},
};

constexpr FieldShape kFileShapes[] = {
    {id::kContent, AvroShape::kInt},        {id::kFilePath, AvroShape::kText},
    {id::kFileFormat, AvroShape::kText},    {id::kPartition, AvroShape::kRecord},
    {id::kRecordCount, AvroShape::kLong},   {id::kFileSize, AvroShape::kLong},
    {id::kColumnSizes, AvroShape::kPairs},  {id::kValueCounts, AvroShape::kPairs},
    {id::kNullCounts, AvroShape::kPairs},   {id::kNanCounts, AvroShape::kPairs},
    {id::kLowerBounds, AvroShape::kPairs},  {id::kUpperBounds, AvroShape::kPairs},
    {id::kKeyMetadata, AvroShape::kText},   {id::kSplitOffsets, AvroShape::kList},
    {id::kEqualityIds, AvroShape::kList},   {id::kSortOrderId, AvroShape::kInt},
    {id::kFirstRowId, AvroShape::kLong},    {id::kReferencedDataFile, AvroShape::kText},
    {id::kContentOffset, AvroShape::kLong}, {id::kContentSize, AvroShape::kLong},
};

/// One map of column ids to counts or bounds, written as an array of key-value records.
struct MetricMap {
  AvroField key;
  AvroField value;
};

struct FileField {
  AvroField field;
  MetricMap map;  ///< Where the field is one of the six metric maps.
};

struct PartitionField {
  AvroField field;
  int target = -1;  ///< Place in the tuple, -1: skipped.
  TypePtr type;
};

template <size_t kCount>
arrow::Status CheckShapes(const std::vector<AvroField>& fields,
                          const FieldShape (&shapes)[kCount]) {
  for (const AvroField& field : fields) {
    for (const FieldShape& known : shapes) {
      if (known.field_id == field.field_id) {
        ARROW_RETURN_NOT_OK(CheckShape(field, known.shape));
      }
    }
  }
  return arrow::Status::OK();
}

bool IsMetricMap(int32_t field_id) {
  return field_id == id::kColumnSizes || field_id == id::kValueCounts ||
         field_id == id::kNullCounts || field_id == id::kNanCounts ||
         field_id == id::kLowerBounds || field_id == id::kUpperBounds;
}

bool IsBoundMap(int32_t field_id) {
  return field_id == id::kLowerBounds || field_id == id::kUpperBounds;
}

arrow::Status RequireFields(const std::vector<AvroField>& fields,
                            std::initializer_list<int32_t> needed) {
  for (const int32_t field_id : needed) {
    const bool there =
        std::any_of(fields.begin(), fields.end(),
                    [&](const AvroField& field) { return field.field_id == field_id; });
    if (!there) {
      return MakeError(ErrorCode::kCorruptData,
                       "the Avro schema of the manifest has no field {}", field_id);
    }
  }
  return arrow::Status::OK();
}

void MergeInto(ColumnMetrics&& from, ColumnMetrics* to) {
  if (from.size_bytes) to->size_bytes = from.size_bytes;
  if (from.value_count) to->value_count = from.value_count;
  if (from.null_count) to->null_count = from.null_count;
  if (from.nan_count) to->nan_count = from.nan_count;
  if (from.lower_bound) to->lower_bound = std::move(from.lower_bound);
  if (from.upper_bound) to->upper_bound = std::move(from.upper_bound);
}

/// Joins the six maps of a file to one row per column, sorted by field id. Maps list
/// columns mostly in the same, rising order, so the place of one predicts the next.
class MetricsJoin {
 public:
  MetricsJoin(std::vector<ColumnMetrics>* columns, size_t expected_columns)
      : columns_(columns) {
    columns_->reserve(expected_columns);
  }

  void StartMap() {
    sorted_count_ = columns_->size();
    next_ = 0;
  }

  ColumnMetrics& Column(int32_t field_id) {
    if (next_ < columns_->size() && (*columns_)[next_].field_id == field_id) {
      return (*columns_)[next_++];
    }
    const auto sorted_end = columns_->begin() + static_cast<ptrdiff_t>(sorted_count_);
    const auto found = std::lower_bound(columns_->begin(), sorted_end, field_id, Before);
    if (found != sorted_end && found->field_id == field_id) {
      next_ = static_cast<size_t>(found - columns_->begin()) + 1;
      return *found;
    }
    columns_->emplace_back().field_id = field_id;
    next_ = columns_->size();
    return columns_->back();
  }

  void EndMap() {
    const auto rising = [](const ColumnMetrics& left, const ColumnMetrics& right) {
      return left.field_id >= right.field_id;
    };
    if (std::adjacent_find(columns_->begin(), columns_->end(), rising) ==
        columns_->end()) {
      return;
    }
    std::stable_sort(columns_->begin(), columns_->end(),
                     [](const ColumnMetrics& left, const ColumnMetrics& right) {
                       return left.field_id < right.field_id;
                     });
    size_t kept = 0;
    for (size_t i = 1; i < columns_->size(); ++i) {
      if ((*columns_)[i].field_id == (*columns_)[kept].field_id) {
        MergeInto(std::move((*columns_)[i]), &(*columns_)[kept]);
      } else if (++kept != i) {
        (*columns_)[kept] = std::move((*columns_)[i]);
      }
    }
    columns_->resize(kept + 1);
  }

 private:
  static bool Before(const ColumnMetrics& column, int32_t field_id) {
    return column.field_id < field_id;
  }

  std::vector<ColumnMetrics>* columns_;
  size_t sorted_count_ = 0;
  size_t next_ = 0;
};

/// Reads the entries of one manifest.
class EntryReader {
 public:
  EntryReader(const ManifestFile& manifest, const ManifestReadOptions& options)
      : manifest_(manifest), options_(options), next_row_id_(manifest.first_row_id) {
    if (options.metrics_field_ids) {
      wanted_columns_ = *options.metrics_field_ids;
      std::sort(wanted_columns_.begin(), wanted_columns_.end());
    }
  }

  arrow::Status Plan(const avro::Schema& schema, const Type& partition_type) {
    ARROW_ASSIGN_OR_RAISE(entry_fields_, AvroFields(schema, "a manifest entry"));
    ARROW_RETURN_NOT_OK(CheckShapes(entry_fields_, kEntryShapes));
    ARROW_RETURN_NOT_OK(RequireFields(entry_fields_, {id::kStatus, id::kDataFile}));
    for (const AvroField& entry_field : entry_fields_) {
      if (entry_field.field_id != id::kDataFile) continue;
      ARROW_ASSIGN_OR_RAISE(auto fields, AvroFields(*entry_field.value, "data_file"));
      ARROW_RETURN_NOT_OK(CheckShapes(fields, kFileShapes));
      ARROW_RETURN_NOT_OK(RequireFields(
          fields, {id::kFilePath, id::kFileFormat, id::kRecordCount, id::kFileSize}));
      for (const AvroField& field : fields) {
        FileField planned{field, {}};
        if (IsMetricMap(field.field_id)) {
          ARROW_ASSIGN_OR_RAISE(planned.map, PlanMap(field));
        }
        if (field.field_id == id::kPartition) {
          ARROW_RETURN_NOT_OK(PlanPartition(*field.value, partition_type));
        }
        file_fields_.push_back(planned);
      }
    }
    return PlanMissingPartition(partition_type);
  }

  /// Reads the next entry; appends it unless it is filtered out.
  void Read(avro::Decoder* decoder, std::vector<ManifestEntry>* entries) {
    ManifestEntry& entry = entries->emplace_back();
    bool keep = true;
    for (const AvroField& field : entry_fields_) {
      switch (field.field_id) {
        case id::kStatus:
          keep = ReadStatus(field, decoder, &entry);
          break;
        case id::kSnapshotId:
          entry.snapshot_id = ReadOptionalLong(field, decoder);
          break;
        case id::kSequenceNumber:
          entry.sequence_number = ReadOptionalLong(field, decoder);
          break;
        case id::kFileSequenceNumber:
          entry.file_sequence_number = ReadOptionalLong(field, decoder);
          break;
        case id::kDataFile:
          // What decides about an entry precedes its file in every known writer; where
          // it does not, the file is read and dropped below.
          if (ReadPresent(field, decoder)) keep = ReadFile(decoder, keep, &entry);
          break;
        default:
          decoder->Skip(*field.whole);
      }
    }
    if (!decoder->ok()) return;
    if (!keep || IsUnwanted(entry)) {
      entries->pop_back();
      return;
    }
    Inherit(decoder, &entry);
  }

 private:
  static arrow::Result<MetricMap> PlanMap(const AvroField& field) {
    ARROW_ASSIGN_OR_RAISE(const auto pair,
                          AvroFields(*field.value->items, "a map of column metrics"));
    MetricMap map{pair[0], pair[1]};
    ARROW_RETURN_NOT_OK(CheckShape(map.key, AvroShape::kInt));
    ARROW_RETURN_NOT_OK(CheckShape(
        map.value, IsBoundMap(field.field_id) ? AvroShape::kText : AvroShape::kLong));
    if (map.key.branch >= 0) {
      return MakeError(ErrorCode::kCorruptData,
                       "the keys of metric map {} may be null in the Avro schema",
                       field.field_id);
    }
    return map;
  }

  arrow::Status PlanPartition(const avro::Schema& schema, const Type& partition_type) {
    ARROW_ASSIGN_OR_RAISE(const auto fields, AvroFields(schema, "a partition tuple"));
    for (const AvroField& field : fields) {
      PartitionField planned{field, -1, nullptr};
      const auto& targets = partition_type.fields();
      for (size_t i = 0; i < targets.size(); ++i) {
        if (targets[i].id != field.field_id) continue;
        planned.target = static_cast<int>(i);
        ARROW_ASSIGN_OR_RAISE(planned.type, ReadableAs(field, targets[i].type));
      }
      partition_fields_.push_back(std::move(planned));
    }
    return arrow::Status::OK();
  }

  /// Tuples start as NULL of the types they will hold.
  arrow::Status PlanMissingPartition(const Type& partition_type) {
    for (const NestedField& field : partition_type.fields()) {
      const auto written =
          std::find_if(partition_fields_.begin(), partition_fields_.end(),
                       [&](const PartitionField& planned) {
                         return planned.field.field_id == field.id;
                       });
      const bool has_none =
          written == partition_fields_.end() && field.type->id() != TypeId::kUnknown;
      if (has_none) {
        return MakeError(ErrorCode::kCorruptData,
                         "the partition tuples of the manifest have no field {} ('{}'), "
                         "which its partition spec has",
                         field.id, field.name);
      }
      null_tuple_.push_back(
          Literal::Null(written == partition_fields_.end() ? field.type : written->type));
    }
    return arrow::Status::OK();
  }

  bool IsUnwanted(const ManifestEntry& entry) const {
    return entry.status == EntryStatus::kDeleted && !options_.include_deleted;
  }

  bool ReadStatus(const AvroField& field, avro::Decoder* decoder, ManifestEntry* entry) {
    const int64_t status = ReadOptionalLong(field, decoder).value_or(-1);
    if (status < 0 || status > 2) {
      decoder->Fail("an entry status other than existing, added and deleted");
      return false;
    }
    entry->status = static_cast<EntryStatus>(status);
    return !IsUnwanted(*entry);
  }

  /// Returns whether to keep the entry. Once it is not to be kept, only what the first
  /// row ids of later files depend on is still read.
  bool ReadFile(avro::Decoder* decoder, bool keep, ManifestEntry* entry) {
    DataFile& file = entry->file;
    file.spec_id = manifest_.partition_spec_id;
    std::string_view path;
    bool has_partition = false;
    for (const FileField& planned : file_fields_) {
      const AvroField& field = planned.field;
      if (field.field_id == id::kRecordCount) {
        file.record_count = ReadCount(field, decoder);
      } else if (field.field_id == id::kFirstRowId) {
        file.first_row_id = ReadOptionalLong(field, decoder);
      } else if (!keep) {
        decoder->Skip(*field.whole);
      } else if (field.field_id == id::kFilePath) {
        path = ReadText(field, decoder);
      } else if (field.field_id == id::kPartition) {
        has_partition = true;
        keep = ReadPartition(field, decoder, &file.partition);
      } else if (IsMetricMap(field.field_id)) {
        ReadMetrics(planned, decoder, &file.metrics);
      } else {
        ReadFileField(field, decoder, &file);
      }
    }
    AssignFirstRowId(entry);
    if (!keep || !decoder->ok()) return false;
    if (!has_partition) file.partition = null_tuple_;
    file.file_path = path;
    expected_columns_ = file.metrics.size();
    return true;
  }

  static int64_t ReadCount(const AvroField& field, avro::Decoder* decoder) {
    const int64_t count = ReadOptionalLong(field, decoder).value_or(-1);
    if (count < 0) decoder->Fail("a negative or missing count");
    return count;
  }

  bool ReadPartition(const AvroField& field, avro::Decoder* decoder,
                     std::vector<Literal>* partition) const {
    *partition = null_tuple_;
    if (ReadPresent(field, decoder)) {
      for (const PartitionField& planned : partition_fields_) {
        if (planned.target < 0) {
          decoder->Skip(*planned.field.whole);
        } else {
          (*partition)[static_cast<size_t>(planned.target)] =
              ReadLiteral(planned.field, planned.type, decoder);
        }
      }
    }
    if (!decoder->ok() || options_.partition_filter == nullptr) return true;
    return options_.partition_filter(*partition);
  }

  void ReadFileField(const AvroField& field, avro::Decoder* decoder,
                     DataFile* file) const {
    switch (field.field_id) {
      case id::kContent:
        file->content = ReadContent(field, decoder);
        return;
      case id::kFileFormat:
        file->file_format = ReadFormat(field, decoder);
        return;
      case id::kFileSize:
        file->file_size_bytes = ReadCount(field, decoder);
        return;
      case id::kKeyMetadata:
        file->key_metadata = ReadText(field, decoder);
        return;
      case id::kSplitOffsets:
        ReadNumbers(field, decoder, &file->split_offsets);
        return;
      case id::kEqualityIds:
        ReadNumbers(field, decoder, &file->equality_ids);
        return;
      case id::kSortOrderId:
        file->sort_order_id = ReadOptionalInt(field, decoder);
        return;
      case id::kReferencedDataFile:
        if (ReadPresent(field, decoder)) {
          file->referenced_data_file = std::string(decoder->ReadBytes());
        }
        return;
      case id::kContentOffset:
        file->content_offset = ReadOptionalLong(field, decoder);
        return;
      case id::kContentSize:
        file->content_size_bytes = ReadOptionalLong(field, decoder);
        return;
      default:
        decoder->Skip(*field.whole);
    }
  }

  static FileContent ReadContent(const AvroField& field, avro::Decoder* decoder) {
    const int64_t content = ReadOptionalLong(field, decoder).value_or(0);
    if (content >= 0 && content <= 2) return static_cast<FileContent>(content);
    decoder->Fail("a file content other than data, position and equality deletes");
    return FileContent::kData;
  }

  static FileFormat ReadFormat(const AvroField& field, avro::Decoder* decoder) {
    const std::string_view written = ReadText(field, decoder);
    for (const FileFormat format : {FileFormat::kParquet, FileFormat::kAvro,
                                    FileFormat::kOrc, FileFormat::kPuffin}) {
      const std::string_view name = FileFormatName(format);
      const bool same = std::equal(
          written.begin(), written.end(), name.begin(), name.end(),
          [](char left, char right) { return (left & ~0x20) == (right & ~0x20); });
      if (same) return format;
    }
    decoder->Fail("a file format other than Parquet, Avro, ORC and Puffin");
    return FileFormat::kParquet;
  }

  template <typename Number>
  static void ReadNumbers(const AvroField& field, avro::Decoder* decoder,
                          std::vector<Number>* numbers) {
    if (!ReadPresent(field, decoder)) return;
    const avro::Schema& item = *field.value->items;
    if (item.kind != avro::Kind::kInt && item.kind != avro::Kind::kLong) {
      return decoder->Fail("a list of another type than numbers");
    }
    for (int64_t count = decoder->ReadBlockCount(item); count > 0;
         count = decoder->ReadBlockCount(item)) {
      numbers->reserve(numbers->size() + static_cast<size_t>(count));
      for (; count > 0 && decoder->ok(); --count) {
        const int64_t number = decoder->ReadLong();
        if (number != static_cast<Number>(number)) {
          return decoder->Fail("a list item out of range");
        }
        numbers->push_back(static_cast<Number>(number));
      }
    }
  }

  bool WantsColumn(int32_t field_id) const {
    return !options_.metrics_field_ids ||
           std::binary_search(wanted_columns_.begin(), wanted_columns_.end(), field_id);
  }

  void ReadMetrics(const FileField& planned, avro::Decoder* decoder,
                   std::vector<ColumnMetrics>* columns) const {
    if (options_.metrics_field_ids && wanted_columns_.empty()) {
      return decoder->Skip(*planned.field.whole);
    }
    if (!ReadPresent(planned.field, decoder)) return;
    MetricsJoin join(columns, expected_columns_);
    join.StartMap();
    const avro::Schema& item = *planned.field.value->items;
    for (int64_t count = decoder->ReadBlockCount(item); count > 0;
         count = decoder->ReadBlockCount(item)) {
      for (; count > 0 && decoder->ok(); --count) {
        const int32_t column = decoder->ReadInt();
        if (!WantsColumn(column)) {
          decoder->Skip(*planned.map.value.whole);
        } else if (ReadPresent(planned.map.value, decoder)) {
          ReadMetric(planned.field.field_id, planned.map.value, decoder,
                     &join.Column(column));
        }
      }
    }
    join.EndMap();
  }

  static void ReadMetric(int32_t map_id, const AvroField& value, avro::Decoder* decoder,
                         ColumnMetrics* column) {
    if (IsBoundMap(map_id)) {
      auto& bound =
          map_id == id::kLowerBounds ? column->lower_bound : column->upper_bound;
      const std::string_view bytes = value.value->kind == avro::Kind::kFixed
                                         ? decoder->ReadRaw(value.value->size)
                                         : decoder->ReadBytes();
      bound.emplace(bytes);
      return;
    }
    const int64_t number = decoder->ReadLong();
    switch (map_id) {
      case id::kColumnSizes:
        column->size_bytes = number;
        return;
      case id::kValueCounts:
        column->value_count = number;
        return;
      case id::kNullCounts:
        column->null_count = number;
        return;
      default:
        column->nan_count = number;
    }
  }

  /// Spec, "First Row ID Inheritance".
  void AssignFirstRowId(ManifestEntry* entry) {
    DataFile& file = entry->file;
    if (!next_row_id_) {
      file.first_row_id.reset();
    } else if (!file.first_row_id && entry->status != EntryStatus::kDeleted &&
               manifest_.content == ManifestContent::kData) {
      file.first_row_id = *next_row_id_;
      int64_t next = 0;
      const bool overflow =
          __builtin_add_overflow(*next_row_id_, file.record_count, &next);
      next_row_id_ = overflow ? std::numeric_limits<int64_t>::max() : next;
    }
  }

  /// Spec, "Sequence Number Inheritance" and "Manifest Entry Fields".
  void Inherit(avro::Decoder* decoder, ManifestEntry* entry) const {
    if (!entry->snapshot_id) entry->snapshot_id = manifest_.added_snapshot_id;
    const bool inherits =
        manifest_.sequence_number == 0 || entry->status == EntryStatus::kAdded;
    if (!entry->sequence_number) {
      if (!inherits) {
        return decoder->Fail("an entry that is not added has no sequence number");
      }
      entry->sequence_number = manifest_.sequence_number;
    }
    if (!entry->file_sequence_number && inherits) {
      entry->file_sequence_number = manifest_.sequence_number;
    }
  }

  const ManifestFile& manifest_;
  const ManifestReadOptions& options_;
  std::vector<int32_t> wanted_columns_;
  std::vector<AvroField> entry_fields_;
  std::vector<FileField> file_fields_;
  std::vector<PartitionField> partition_fields_;
  std::vector<Literal> null_tuple_;
  std::optional<int64_t> next_row_id_;
  size_t expected_columns_ = 0;
};

/// Room for `count` more entries. Some writers make a block of each entry, so room grows
/// by a factor.
void ReserveMore(size_t count, std::vector<ManifestEntry>* entries) {
  const size_t needed = entries->size() + count;
  if (needed <= entries->capacity()) return;
  entries->reserve(std::max(needed, 2 * entries->capacity()));
}

arrow::Result<std::vector<ManifestEntry>> ReadEntries(
    std::string_view bytes, const ManifestFile& manifest, const Type& partition_type,
    const ManifestReadOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto container, OpenMetadataFile(bytes));
  EntryReader reader(manifest, options);
  ARROW_RETURN_NOT_OK(reader.Plan(*container.schema(), partition_type));
  std::vector<ManifestEntry> entries;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto block, container.Next());
    if (!block) return entries;
    if (block->record_count > kMaxEntries - static_cast<int64_t>(entries.size())) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a manifest of more than {} entries", kMaxEntries);
    }
    if (options.partition_filter == nullptr) {
      ReserveMore(static_cast<size_t>(std::min(block->record_count, kMaxReserve)),
                  &entries);
    }
    avro::Decoder decoder(block->data);
    for (int64_t i = 0; i < block->record_count && decoder.ok(); ++i) {
      reader.Read(&decoder, &entries);
    }
    if (!decoder.ok()) {
      return WithContext(decoder.status(), "block",
                         fmt::format("at file offset {}", block->file_offset));
    }
  }
}

}  // namespace

arrow::Result<std::vector<ManifestEntry>> ReadManifest(
    std::string_view bytes, const ManifestFile& manifest, const Type& partition_type,
    const ManifestReadOptions& options) {
  if (!manifest.key_metadata.empty()) {
    return MakeError(ErrorCode::kNotSupported,
                     "manifest '{}' is encrypted, which is not supported",
                     manifest.manifest_path);
  }
  auto entries = ReadEntries(bytes, manifest, partition_type, options);
  if (!entries.ok()) {
    return WithContext(entries.status(), "manifest", manifest.manifest_path);
  }
  return entries;
}

}  // namespace floe::iceberg
