#include <utility>

#include "base/error.h"
#include "iceberg/avro/container.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/manifest_schema.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kNullBranch = 0;
constexpr int64_t kValueBranch = 1;

void WriteOptionalBytes(const std::optional<std::string>& bytes, avro::Encoder* encoder) {
  encoder->WriteLong(bytes ? kValueBranch : kNullBranch);
  if (bytes) encoder->WriteBytes(*bytes);
}

/// V2 and V3 require the counters, V1 does not.
template <typename Number>
void WriteCounter(const std::optional<Number>& value, int format_version,
                  avro::Encoder* encoder) {
  if (format_version == 1) encoder->WriteLong(value ? kValueBranch : kNullBranch);
  if (value) encoder->WriteLong(*value);
}

void WriteSummary(const PartitionFieldSummary& summary, avro::Encoder* encoder) {
  encoder->WriteBoolean(summary.contains_null);
  encoder->WriteLong(summary.contains_nan ? kValueBranch : kNullBranch);
  if (summary.contains_nan) encoder->WriteBoolean(*summary.contains_nan);
  WriteOptionalBytes(summary.lower_bound, encoder);
  WriteOptionalBytes(summary.upper_bound, encoder);
}

void WriteRow(const ManifestFile& manifest, int format_version, avro::Encoder* encoder) {
  encoder->WriteBytes(manifest.manifest_path);
  encoder->WriteLong(manifest.manifest_length);
  encoder->WriteLong(manifest.partition_spec_id);
  if (format_version > 1) {
    encoder->WriteLong(static_cast<int64_t>(manifest.content));
    encoder->WriteLong(manifest.sequence_number);
    encoder->WriteLong(manifest.min_sequence_number);
  }
  encoder->WriteLong(manifest.added_snapshot_id);
  WriteCounter(manifest.added_files_count, format_version, encoder);
  WriteCounter(manifest.existing_files_count, format_version, encoder);
  WriteCounter(manifest.deleted_files_count, format_version, encoder);
  WriteCounter(manifest.added_rows_count, format_version, encoder);
  WriteCounter(manifest.existing_rows_count, format_version, encoder);
  WriteCounter(manifest.deleted_rows_count, format_version, encoder);
  encoder->WriteLong(kValueBranch);
  if (!manifest.partitions.empty()) {
    encoder->WriteLong(static_cast<int64_t>(manifest.partitions.size()));
    for (const PartitionFieldSummary& summary : manifest.partitions) {
      WriteSummary(summary, encoder);
    }
  }
  encoder->WriteLong(0);
  encoder->WriteLong(manifest.key_metadata.empty() ? kNullBranch : kValueBranch);
  if (!manifest.key_metadata.empty()) encoder->WriteBytes(manifest.key_metadata);
  if (format_version >= 3) {
    encoder->WriteLong(manifest.first_row_id ? kValueBranch : kNullBranch);
    if (manifest.first_row_id) encoder->WriteLong(*manifest.first_row_id);
  }
}

arrow::Status Check(const ManifestFile& manifest, int format_version) {
  const auto bad = [&](std::string_view what) {
    return MakeError(ErrorCode::kInvalidArgument, "manifest {}: {}",
                     manifest.manifest_path, what);
  };
  if (manifest.manifest_path.empty()) return bad("it has no path");
  const bool has_counts = manifest.added_files_count && manifest.existing_files_count &&
                          manifest.deleted_files_count && manifest.added_rows_count &&
                          manifest.existing_rows_count && manifest.deleted_rows_count;
  if (format_version > 1 && !has_counts) {
    return bad("format versions above 1 need its file and row counts");
  }
  if (format_version == 1 && manifest.content != ManifestContent::kData) {
    return bad("format version 1 has no delete files; upgrade the table to 2");
  }
  return arrow::Status::OK();
}

avro::Metadata ListMetadata(const ManifestListContext& context) {
  avro::Metadata metadata;
  metadata["format-version"] = fmt::format("{}", context.format_version);
  metadata["snapshot-id"] = fmt::format("{}", context.snapshot_id);
  metadata["parent-snapshot-id"] = context.parent_snapshot_id
                                       ? fmt::format("{}", *context.parent_snapshot_id)
                                       : "null";
  if (context.format_version > 1) {
    metadata["sequence-number"] = fmt::format("{}", context.sequence_number);
  }
  if (context.format_version >= 3 && context.first_row_id) {
    metadata["first-row-id"] = fmt::format("{}", *context.first_row_id);
  }
  return metadata;
}

}  // namespace

arrow::Result<std::string> WriteManifestList(const ManifestListContext& context,
                                             const std::vector<ManifestFile>& manifests) {
  if (context.format_version < 1 || context.format_version > 3) {
    return MakeError(ErrorCode::kNotSupported,
                     "manifest lists of format version {} cannot be written",
                     context.format_version);
  }
  std::vector<ManifestFile> rows = manifests;
  for (ManifestFile& row : rows) {
    ARROW_RETURN_NOT_OK(Check(row, context.format_version));
    if (row.sequence_number == kUnassignedSequenceNumber) {
      row.sequence_number = context.sequence_number;
    }
    if (row.min_sequence_number == kUnassignedSequenceNumber) {
      row.min_sequence_number = context.sequence_number;
    }
  }
  if (context.format_version >= 3) {
    if (!context.first_row_id) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a manifest list of format version 3 needs the snapshot's first "
                       "row id");
    }
    AssignFirstRowIds(*context.first_row_id, &rows);
  }
  avro::ContainerWriter container(ManifestListAvroSchema(context.format_version),
                                  ListMetadata(context), avro::Codec::kDeflate);
  for (const ManifestFile& row : rows) {
    ARROW_RETURN_NOT_OK(container.Append(
        [&](avro::Encoder* encoder) { WriteRow(row, context.format_version, encoder); }));
  }
  return container.Finish();
}

}  // namespace floe::iceberg
