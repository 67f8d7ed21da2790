#include "iceberg/maintain/reachable_files.h"

#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/table/snapshot_operation.h"

namespace floe::iceberg {
namespace {

/// Files a table may have: what is to be removed must be known as a whole.
constexpr size_t kMaxContentFiles = 50'000'000;

arrow::Status AddStatistics(const std::string& text, std::set<std::string>* files) {
  if (text.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(nlohmann::json known, ParseJson(text, "statistics"));
  for (const nlohmann::json& file : known) {
    ARROW_ASSIGN_OR_RAISE(JsonObject object, JsonObject::Make(file, "statistics"));
    ARROW_ASSIGN_OR_RAISE(std::string path, object.GetString("statistics-path"));
    files->insert(std::move(path));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status ReachableFiles::AddSnapshot(const Table& table, const Snapshot& snapshot,
                                          const std::set<std::string>& skipped) {
  manifest_lists_.insert(snapshot.manifest_list);
  const TableMetadata& metadata = *table.metadata();
  ARROW_ASSIGN_OR_RAISE(auto manifests, ManifestsOf(table, &snapshot));
  for (const ManifestFile& manifest : manifests) {
    if (skipped.count(manifest.manifest_path) > 0) continue;
    if (!manifests_.insert(manifest.manifest_path).second) continue;
    ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                          metadata.SpecById(manifest.partition_spec_id));
    ARROW_ASSIGN_OR_RAISE(TypePtr type, spec->PartitionType(*metadata.schema()));
    ARROW_ASSIGN_OR_RAISE(
        std::string bytes,
        table.io()->ReadAll(manifest.manifest_path, FileIO::kMaxReadAllBytes,
                            manifest.manifest_length));
    ManifestReadOptions options;
    options.metrics_field_ids.emplace();
    ARROW_ASSIGN_OR_RAISE(auto entries, ReadManifest(bytes, manifest, *type, options));
    for (ManifestEntry& entry : entries) {
      content_.insert(std::move(entry.file.file_path));
      if (content_.size() <= kMaxContentFiles) continue;
      return MakeError(ErrorCode::kResourceExhausted,
                       "table '{}' has more than {} files: more than this can look after",
                       table.name(), kMaxContentFiles);
    }
  }
  return arrow::Status::OK();
}

arrow::Status ReachableFiles::AddMetadata(const TableMetadata& metadata,
                                          const std::string& location) {
  others_.insert(location);
  for (const MetadataLogEntry& entry : metadata.metadata_log) {
    others_.insert(entry.metadata_file);
  }
  ARROW_RETURN_NOT_OK(AddStatistics(metadata.statistics_json, &others_));
  return AddStatistics(metadata.partition_statistics_json, &others_);
}

}  // namespace floe::iceberg
