#include "online/file_index.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/table/scan.h"

namespace floe::online {

namespace {

using iceberg::Literal;

constexpr int64_t kBytesPerFile = 512;

uint64_t NewLineage() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

/// Position in the partition tuple of identity(`field_id`), or -1.
int IdentityPosition(const iceberg::PartitionSpec& spec, int32_t field_id) {
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    if (spec.fields[i].source_id == field_id &&
        spec.fields[i].transform == iceberg::Transform::Identity()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

}  // namespace

arrow::Result<iceberg::ParquetFilePtr> IndexedFile::Open(const FileIO& io) const {
  {
    std::unique_lock<std::mutex> lock(opened_mutex_);
    if (auto known = opened_.lock()) return known;
  }
  ARROW_ASSIGN_OR_RAISE(auto opened, iceberg::ParquetFile::Open(io, file->file_path,
                                                                file->file_size_bytes));
  std::unique_lock<std::mutex> lock(opened_mutex_);
  opened_ = opened;
  return opened;
}

arrow::Result<int> IndexedFile::KeyLeaf(const iceberg::ParquetFile& opened,
                                        int32_t key_field_id,
                                        const iceberg::NameMapping* mapping) const {
  if (const int known = key_leaf_.load(); known >= 0) return known;
  ARROW_ASSIGN_OR_RAISE(auto fields, opened.Fields(mapping));
  const int leaf = fields->LeafColumn(key_field_id);
  if (leaf < 0) {
    return MakeError(ErrorCode::kCorruptData, "data file '{}' has no column '{}'",
                     opened.location(), kEntityKeyColumn);
  }
  key_leaf_.store(leaf);
  return leaf;
}

struct FileIndex::Source {
  std::shared_ptr<const iceberg::DataFile> file;
  const iceberg::PartitionSpec* spec;
  int64_t sequence_number;
  std::map<int32_t, Literal> constants;
  std::vector<std::shared_ptr<const iceberg::DataFile>> position_deletes;
  std::vector<std::shared_ptr<const iceberg::DataFile>> equality_deletes;
};

arrow::Result<std::shared_ptr<const FileIndex>> FileIndex::Make(
    iceberg::TablePtr table, const OnlineStoreConfig& config,
    const std::shared_ptr<const FileIndex>& previous) {
  std::shared_ptr<FileIndex> index(new FileIndex());
  index->table_ = std::move(table);
  const iceberg::Table& version = *index->table_;
  ARROW_ASSIGN_OR_RAISE(index->layout_, OnlineLayout::Of(version, config));
  ARROW_ASSIGN_OR_RAISE(const auto* key, version.schema()->GetField(kEntityKeyColumn));
  ARROW_ASSIGN_OR_RAISE(const auto* hash, version.schema()->GetField(kEntityHashColumn));
  index->key_field_id_ = key->id;
  index->hash_field_id_ = hash->id;
  ARROW_ASSIGN_OR_RAISE(index->name_mapping_,
                        iceberg::TableNameMapping(*version.metadata()));
  index->by_hash_.resize(static_cast<size_t>(index->layout_.partition_count));

  index->lineage_ = NewLineage();
  const iceberg::Snapshot* snapshot = version.metadata()->current_snapshot();
  if (snapshot == nullptr) return index;
  bool extended = false;
  if (!snapshot->manifest_list.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto manifests, version.context().cache->ManifestListAt(
                                              *version.io(), snapshot->manifest_list));
    for (const iceberg::ManifestFile& manifest : *manifests) {
      index->manifests_.insert(manifest.manifest_path);
      if (manifest.content == iceberg::ManifestContent::kDeletes) {
        index->has_delete_manifests_ = true;
      }
    }
    if (previous != nullptr) {
      ARROW_ASSIGN_OR_RAISE(extended, index->Extend(*previous));
    }
  }
  if (!extended) {
    ARROW_RETURN_NOT_OK(index->Plan());
  } else if (index->Succeeds(*previous)) {
    index->lineage_ = previous->lineage_;
    index->version_ = previous->version_ + 1;
  }
  return index;
}

bool FileIndex::Succeeds(const FileIndex& previous) const {
  const iceberg::TableMetadata& before = *previous.table_->metadata();
  const iceberg::TableMetadata& now = *table_->metadata();
  return before.current_schema_id == now.current_schema_id &&
         before.Property(iceberg::NameMapping::kProperty, "") ==
             now.Property(iceberg::NameMapping::kProperty, "") &&
         !previous.has_successor_.exchange(true);
}

arrow::Status FileIndex::Plan() {
  by_hash_.assign(by_hash_.size(), {});
  unplaced_.clear();
  file_count_ = 0;
  files_added_ = 0;
  iceberg::ScanOptions options;
  options.columns = {kEntityKeyColumn};
  options.metrics_columns = {kEntityKeyColumn};
  ARROW_ASSIGN_OR_RAISE(auto plan, iceberg::PlanFiles(table_, options));
  for (const iceberg::FileScanTask& task : plan->tasks) {
    ARROW_RETURN_NOT_OK(
        Add(Source{task.file, task.spec.get(), task.sequence_number, task.constants,
                   task.position_deletes, task.equality_deletes}));
  }
  return arrow::Status::OK();
}

arrow::Result<bool> FileIndex::Extend(const FileIndex& previous) {
  const iceberg::TableMetadata& metadata = *table_->metadata();
  if (has_delete_manifests_ || previous.has_delete_manifests_ ||
      previous.table_->metadata()->table_uuid != metadata.table_uuid ||
      !std::includes(manifests_.begin(), manifests_.end(), previous.manifests_.begin(),
                     previous.manifests_.end())) {
    return false;
  }
  by_hash_ = previous.by_hash_;
  unplaced_ = previous.unplaced_;
  file_count_ = previous.file_count_;
  auto& cache = *table_->context().cache;
  ARROW_ASSIGN_OR_RAISE(
      auto manifests,
      cache.ManifestListAt(*table_->io(), metadata.current_snapshot()->manifest_list));
  for (const iceberg::ManifestFile& manifest : *manifests) {
    if (previous.manifests_.count(manifest.manifest_path) > 0) continue;
    ARROW_ASSIGN_OR_RAISE(const auto* spec,
                          metadata.SpecById(manifest.partition_spec_id));
    ARROW_ASSIGN_OR_RAISE(auto type, spec->PartitionType(*table_->schema()));
    ARROW_ASSIGN_OR_RAISE(auto entries,
                          cache.ManifestAt(*table_->io(), manifest, *type,
                                           std::vector<int32_t>{key_field_id_}));
    for (const iceberg::ManifestEntry& entry : *entries) {
      // Planning knows what to say of what it cannot read, and the constants of files
      // that other engines imported.
      if (entry.file.content != iceberg::FileContent::kData ||
          entry.file.file_format != iceberg::FileFormat::kParquet) {
        return false;
      }
      ARROW_RETURN_NOT_OK(
          Add(Source{std::shared_ptr<const iceberg::DataFile>(entries, &entry.file),
                     spec,
                     entry.sequence_number.value_or(0),
                     {},
                     {},
                     {}}));
    }
  }
  return true;
}

arrow::Status FileIndex::Add(Source source) {
  auto indexed = std::make_shared<IndexedFile>();
  const int position = IdentityPosition(*source.spec, hash_field_id_);
  int32_t hash = -1;
  if (position >= 0) {
    const Literal& value = source.file->partition[position];
    if (!value.is_null() && std::holds_alternative<int32_t>(value.value())) {
      hash = value.as<int32_t>();
    }
  }
  if (const auto* metrics = source.file->FindMetrics(key_field_id_);
      metrics != nullptr && metrics->lower_bound && metrics->upper_bound) {
    indexed->has_bounds = true;
    indexed->lower = *metrics->lower_bound;
    indexed->upper = *metrics->upper_bound;
  }
  indexed->file = std::move(source.file);
  indexed->sequence_number = source.sequence_number;
  indexed->constants = std::move(source.constants);
  indexed->position_deletes = std::move(source.position_deletes);
  indexed->equality_deletes = std::move(source.equality_deletes);
  const bool is_placed = hash >= 0 && hash < layout_.partition_count;
  (is_placed ? by_hash_[hash] : unplaced_).push_back(std::move(indexed));
  ++file_count_;
  ++files_added_;
  return arrow::Status::OK();
}

int64_t FileIndex::memory_bytes() const {
  return file_count_ * kBytesPerFile +
         static_cast<int64_t>(by_hash_.size() * sizeof(IndexedFiles));
}

}  // namespace floe::online
