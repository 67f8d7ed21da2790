#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// The sequence number of a manifest that is not committed yet: WriteManifestList puts
/// the snapshot's in its place.
inline constexpr int64_t kUnassignedSequenceNumber = -1;

enum class FileContent { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };
enum class FileFormat { kAvro, kOrc, kParquet, kPuffin };
enum class ManifestContent { kData = 0, kDeletes = 1 };
enum class EntryStatus { kExisting = 0, kAdded = 1, kDeleted = 2 };

std::string_view FileFormatName(FileFormat format);

/// Statistics of one column of one data file. A typed row per column rather than the
/// spec's six maps: most planning looks at one or two columns.
struct ColumnMetrics {
  int32_t field_id = 0;
  std::optional<int64_t> size_bytes;
  std::optional<int64_t> value_count;
  std::optional<int64_t> null_count;
  std::optional<int64_t> nan_count;
  /// Spec Appendix D bytes of the column's type.
  std::optional<std::string> lower_bound;
  std::optional<std::string> upper_bound;
};

/// A data or delete file as a manifest describes it.
struct DataFile {
  FileContent content = FileContent::kData;
  std::string file_path;
  FileFormat file_format = FileFormat::kParquet;
  int32_t spec_id = 0;
  std::vector<Literal> partition;  ///< One per partition field of the spec.
  int64_t record_count = 0;
  int64_t file_size_bytes = 0;
  std::vector<ColumnMetrics> metrics;  ///< Sorted by field id.
  std::string key_metadata;
  std::vector<int64_t> split_offsets;
  std::vector<int32_t> equality_ids;
  std::optional<int32_t> sort_order_id;
  std::optional<int64_t> first_row_id;
  std::optional<std::string> referenced_data_file;
  std::optional<int64_t> content_offset;
  std::optional<int64_t> content_size_bytes;

  /// nullptr when the file has no metrics of the field.
  const ColumnMetrics* FindMetrics(int32_t field_id) const;
};

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<int64_t> snapshot_id;
  /// Data sequence number; inherited from the manifest on read where absent.
  std::optional<int64_t> sequence_number;
  std::optional<int64_t> file_sequence_number;
  DataFile file;
};

struct PartitionFieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower_bound;
  std::optional<std::string> upper_bound;
};

/// One row of a manifest list.
struct ManifestFile {
  std::string manifest_path;
  int64_t manifest_length = 0;
  int32_t partition_spec_id = 0;
  ManifestContent content = ManifestContent::kData;
  int64_t sequence_number = 0;
  int64_t min_sequence_number = 0;
  int64_t added_snapshot_id = 0;
  std::optional<int32_t> added_files_count;
  std::optional<int32_t> existing_files_count;
  std::optional<int32_t> deleted_files_count;
  std::optional<int64_t> added_rows_count;
  std::optional<int64_t> existing_rows_count;
  std::optional<int64_t> deleted_rows_count;
  std::vector<PartitionFieldSummary> partitions;
  std::string key_metadata;
  std::optional<int64_t> first_row_id;
};

struct ManifestReadOptions {
  /// Field ids whose metrics to decode; nullopt: all. Others are skipped, not decoded.
  std::optional<std::vector<int32_t>> metrics_field_ids = std::nullopt;
  /// Keep deleted entries (a scan does not).
  bool include_deleted = false;
  /// Called with the partition tuple before metrics are decoded; false drops the entry.
  std::function<bool(const std::vector<Literal>& partition)> partition_filter = nullptr;
};

/// Reads a manifest list's bytes. kCorruptData names the place in the bytes.
arrow::Result<std::vector<ManifestFile>> ReadManifestList(std::string_view bytes);

/// Reads a manifest's bytes; sequence numbers, snapshot ids and first row ids are
/// inherited from `manifest`. `partition_type` is the spec's struct type.
arrow::Result<std::vector<ManifestEntry>> ReadManifest(
    std::string_view bytes, const ManifestFile& manifest, const Type& partition_type,
    const ManifestReadOptions& options);

struct ManifestWriteContext {
  int format_version = 2;
  SchemaPtr schema;
  PartitionSpec spec;
  ManifestContent content = ManifestContent::kData;
  int64_t snapshot_id = 0;
};

struct WrittenManifest {
  std::string bytes;
  /// Counts, partition summaries, length and, where entries have explicit ones, the min
  /// sequence number filled in. The path is the committer's to set; sequence numbers left
  /// at kUnassignedSequenceNumber are assigned by WriteManifestList.
  ManifestFile manifest;
};

/// Writes entries of one spec as an Avro manifest. Added entries get the context's
/// snapshot id; their file sequence number is left to inheritance, and so is their data
/// sequence number unless they have one. Existing and deleted entries must have both and
/// a snapshot id (a deleted one without gets the context's): else kInvalidArgument.
arrow::Result<WrittenManifest> WriteManifest(const ManifestWriteContext& context,
                                             const std::vector<ManifestEntry>& entries);

struct ManifestListContext {
  int format_version = 2;
  int64_t snapshot_id = 0;
  std::optional<int64_t> parent_snapshot_id;
  int64_t sequence_number = 0;
  std::optional<int64_t> first_row_id;  ///< V3.
};

/// Gives data manifests without a first row id theirs (spec, "First Row ID Assignment")
/// and returns the id after the last row: the table's next-row-id.
int64_t AssignFirstRowIds(int64_t first_row_id, std::vector<ManifestFile>* manifests);

/// Writes a snapshot's manifest list. Unassigned sequence numbers become the context's;
/// for V3 first row ids are assigned from the context's on. kInvalidArgument for V2 and
/// V3 when a manifest lacks its file and row counts, or for V1 when it holds deletes.
arrow::Result<std::string> WriteManifestList(const ManifestListContext& context,
                                             const std::vector<ManifestFile>& manifests);

}  // namespace floe::iceberg
