#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "iceberg/spec/avro_record.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/manifest_field_ids.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kMaxManifests = 10'000'000;
constexpr int64_t kMaxReserve = 1 << 16;

struct FieldShape {
  int32_t field_id;
  AvroShape shape;
};

constexpr FieldShape kShapes[] = {
    {list_field::kManifestPath, AvroShape::kText},
    {list_field::kManifestLength, AvroShape::kLong},
    {list_field::kPartitionSpecId, AvroShape::kInt},
    {list_field::kAddedSnapshotId, AvroShape::kLong},
    {list_field::kAddedFilesCount, AvroShape::kInt},
    {list_field::kExistingFilesCount, AvroShape::kInt},
    {list_field::kDeletedFilesCount, AvroShape::kInt},
    {list_field::kPartitions, AvroShape::kList},
    {list_field::kContainsNull, AvroShape::kBoolean},
    {list_field::kLowerBound, AvroShape::kText},
    {list_field::kUpperBound, AvroShape::kText},
    {list_field::kAddedRowsCount, AvroShape::kLong},
    {list_field::kExistingRowsCount, AvroShape::kLong},
    {list_field::kDeletedRowsCount, AvroShape::kLong},
    {list_field::kSequenceNumber, AvroShape::kLong},
    {list_field::kMinSequenceNumber, AvroShape::kLong},
    {list_field::kContent, AvroShape::kInt},
    {list_field::kContainsNan, AvroShape::kBoolean},
    {list_field::kKeyMetadata, AvroShape::kText},
    {list_field::kFirstRowId, AvroShape::kLong},
};

arrow::Status CheckShapes(const std::vector<AvroField>& fields) {
  for (const AvroField& field : fields) {
    for (const FieldShape& known : kShapes) {
      if (known.field_id == field.field_id) {
        ARROW_RETURN_NOT_OK(CheckShape(field, known.shape));
      }
    }
  }
  return arrow::Status::OK();
}

/// Reads the rows of one manifest list.
class ListReader {
 public:
  static arrow::Result<ListReader> Make(const avro::Schema& schema) {
    ListReader reader;
    ARROW_ASSIGN_OR_RAISE(reader.fields_, AvroFields(schema, "a manifest list's row"));
    ARROW_RETURN_NOT_OK(CheckShapes(reader.fields_));
    for (const int32_t needed : {list_field::kManifestPath, list_field::kManifestLength,
                                 list_field::kPartitionSpecId}) {
      const bool there =
          std::any_of(reader.fields_.begin(), reader.fields_.end(),
                      [&](const AvroField& field) { return field.field_id == needed; });
      if (!there) {
        return MakeError(ErrorCode::kCorruptData,
                         "the Avro schema of the manifest list has no field {}", needed);
      }
    }
    for (const AvroField& field : reader.fields_) {
      if (field.field_id != list_field::kPartitions) continue;
      ARROW_ASSIGN_OR_RAISE(reader.summary_fields_,
                            AvroFields(*field.value->items, "a partition summary"));
      ARROW_RETURN_NOT_OK(CheckShapes(reader.summary_fields_));
    }
    return reader;
  }

  ManifestFile Read(avro::Decoder* decoder) const {
    ManifestFile manifest;
    for (const AvroField& field : fields_) ReadField(field, decoder, &manifest);
    return manifest;
  }

 private:
  void ReadField(const AvroField& field, avro::Decoder* decoder,
                 ManifestFile* manifest) const {
    switch (field.field_id) {
      case list_field::kManifestPath:
        manifest->manifest_path = ReadText(field, decoder);
        return;
      case list_field::kManifestLength:
        manifest->manifest_length = ReadOptionalLong(field, decoder).value_or(0);
        return;
      case list_field::kPartitionSpecId:
        manifest->partition_spec_id = ReadOptionalInt(field, decoder).value_or(0);
        return;
      case list_field::kContent:
        manifest->content = ReadContent(field, decoder);
        return;
      case list_field::kSequenceNumber:
        manifest->sequence_number = ReadOptionalLong(field, decoder).value_or(0);
        return;
      case list_field::kMinSequenceNumber:
        manifest->min_sequence_number = ReadOptionalLong(field, decoder).value_or(0);
        return;
      case list_field::kAddedSnapshotId:
        manifest->added_snapshot_id = ReadOptionalLong(field, decoder).value_or(0);
        return;
      case list_field::kAddedFilesCount:
        manifest->added_files_count = ReadOptionalInt(field, decoder);
        return;
      case list_field::kExistingFilesCount:
        manifest->existing_files_count = ReadOptionalInt(field, decoder);
        return;
      case list_field::kDeletedFilesCount:
        manifest->deleted_files_count = ReadOptionalInt(field, decoder);
        return;
      case list_field::kAddedRowsCount:
        manifest->added_rows_count = ReadOptionalLong(field, decoder);
        return;
      case list_field::kExistingRowsCount:
        manifest->existing_rows_count = ReadOptionalLong(field, decoder);
        return;
      case list_field::kDeletedRowsCount:
        manifest->deleted_rows_count = ReadOptionalLong(field, decoder);
        return;
      case list_field::kPartitions:
        ReadSummaries(field, decoder, &manifest->partitions);
        return;
      case list_field::kKeyMetadata:
        manifest->key_metadata = ReadText(field, decoder);
        return;
      case list_field::kFirstRowId:
        manifest->first_row_id = ReadOptionalLong(field, decoder);
        return;
      default:
        decoder->Skip(*field.whole);
    }
  }

  static ManifestContent ReadContent(const AvroField& field, avro::Decoder* decoder) {
    const int64_t content = ReadOptionalLong(field, decoder).value_or(0);
    if (content != 0 && content != 1) {
      decoder->Fail("manifest content other than data and deletes");
    }
    return content == 1 ? ManifestContent::kDeletes : ManifestContent::kData;
  }

  void ReadSummaries(const AvroField& field, avro::Decoder* decoder,
                     std::vector<PartitionFieldSummary>* summaries) const {
    if (!ReadPresent(field, decoder)) return;
    const avro::Schema& item = *field.value->items;
    for (int64_t count = decoder->ReadBlockCount(item); count > 0;
         count = decoder->ReadBlockCount(item)) {
      for (; count > 0 && decoder->ok(); --count) {
        summaries->push_back(ReadSummary(decoder));
      }
    }
  }

  PartitionFieldSummary ReadSummary(avro::Decoder* decoder) const {
    PartitionFieldSummary summary;
    for (const AvroField& field : summary_fields_) {
      switch (field.field_id) {
        case list_field::kContainsNull:
          if (ReadPresent(field, decoder)) summary.contains_null = decoder->ReadBoolean();
          break;
        case list_field::kContainsNan:
          if (ReadPresent(field, decoder)) summary.contains_nan = decoder->ReadBoolean();
          break;
        case list_field::kLowerBound:
          if (ReadPresent(field, decoder)) summary.lower_bound = Bytes(field, decoder);
          break;
        case list_field::kUpperBound:
          if (ReadPresent(field, decoder)) summary.upper_bound = Bytes(field, decoder);
          break;
        default:
          decoder->Skip(*field.whole);
      }
    }
    return summary;
  }

  static std::string Bytes(const AvroField& field, avro::Decoder* decoder) {
    return std::string(field.value->kind == avro::Kind::kFixed
                           ? decoder->ReadRaw(field.value->size)
                           : decoder->ReadBytes());
  }

  std::vector<AvroField> fields_;
  std::vector<AvroField> summary_fields_;
};

}  // namespace

arrow::Result<std::vector<ManifestFile>> ReadManifestList(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto container, OpenMetadataFile(bytes));
  ARROW_ASSIGN_OR_RAISE(const ListReader reader, ListReader::Make(*container.schema()));
  std::vector<ManifestFile> manifests;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto block, container.Next());
    if (!block) return manifests;
    const auto have = static_cast<int64_t>(manifests.size());
    if (block->record_count > kMaxManifests - have) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a manifest list of more than {} manifests", kMaxManifests);
    }
    manifests.reserve(
        static_cast<size_t>(have + std::min(block->record_count, kMaxReserve)));
    avro::Decoder decoder(block->data);
    for (int64_t i = 0; i < block->record_count && decoder.ok(); ++i) {
      manifests.push_back(reader.Read(&decoder));
    }
    if (!decoder.ok()) {
      return WithContext(
          decoder.status(), "block",
          fmt::format("of the manifest list, at file offset {}", block->file_offset));
    }
  }
}

}  // namespace floe::iceberg
