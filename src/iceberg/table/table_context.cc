#include "iceberg/table/table_context.h"

#include <chrono>
#include <string_view>
#include <thread>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

int64_t StringBytes(const std::string& text) {
  constexpr size_t kInlineBytes = 15;
  return text.size() > kInlineBytes ? static_cast<int64_t>(text.size()) : 0;
}

int64_t OptionalBytes(const std::optional<std::string>& text) {
  return text ? StringBytes(*text) : 0;
}

int64_t CostOf(const ManifestFile& manifest) {
  int64_t bytes = sizeof(ManifestFile) + StringBytes(manifest.manifest_path) +
                  StringBytes(manifest.key_metadata);
  for (const PartitionFieldSummary& summary : manifest.partitions) {
    bytes += sizeof(summary) + OptionalBytes(summary.lower_bound) +
             OptionalBytes(summary.upper_bound);
  }
  return bytes;
}

int64_t CostOf(const ManifestEntry& entry) {
  const DataFile& file = entry.file;
  int64_t bytes = sizeof(ManifestEntry) + StringBytes(file.file_path) +
                  StringBytes(file.key_metadata);
  bytes += static_cast<int64_t>(file.partition.size() * sizeof(Literal) +
                                file.split_offsets.size() * sizeof(int64_t) +
                                file.equality_ids.size() * sizeof(int32_t));
  for (const ColumnMetrics& metrics : file.metrics) {
    bytes += sizeof(metrics) + OptionalBytes(metrics.lower_bound) +
             OptionalBytes(metrics.upper_bound);
  }
  return bytes;
}

template <typename Item>
typename LruCache<std::vector<Item>>::Loaded ToLoaded(std::vector<Item> items) {
  int64_t bytes = sizeof(items);
  for (const Item& item : items) bytes += CostOf(item);
  return {std::make_shared<const std::vector<Item>>(std::move(items)), bytes};
}

/// As FileIO::ReadAll, without a copy where the file is mapped.
arrow::Result<std::shared_ptr<arrow::Buffer>> ReadWhole(const FileIO& io,
                                                        const std::string& location,
                                                        int64_t size_bytes) {
  ARROW_ASSIGN_OR_RAISE(const auto input, io.OpenInput(location, size_bytes));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
  if (size > FileIO::kMaxReadAllBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "'{}' has {} bytes, more than the limit of {} for a manifest",
                     location, size, FileIO::kMaxReadAllBytes);
  }
  ARROW_ASSIGN_OR_RAISE(auto bytes, input->ReadAt(0, size));
  if (bytes->size() == size) return bytes;
  return MakeError(ErrorCode::kIo, "'{}' ended after {} of {} bytes", location,
                   bytes->size(), size);
}

/// The same manifest is decoded anew for partition values of other types: those of the
/// schema of an older snapshot.
std::string ManifestKey(const std::string& location, const Type& partition_type,
                        const std::optional<std::vector<int32_t>>& field_ids) {
  std::string key = location + "|" + partition_type.ToString() + "|";
  if (!field_ids) return key + "all";
  for (int32_t id : *field_ids) key += std::to_string(id) + ",";
  return key;
}

}  // namespace

MetadataCache::MetadataCache()
    : manifest_lists_(kManifestListBytes), manifests_(kManifestBytes) {}

const std::shared_ptr<MetadataCache>& MetadataCache::Process() {
  static const auto& cache =
      *new std::shared_ptr<MetadataCache>(std::make_shared<MetadataCache>());
  return cache;
}

arrow::Result<std::shared_ptr<const ManifestList>> MetadataCache::ManifestListAt(
    const FileIO& io, const std::string& location) {
  return manifest_lists_.GetOrLoad(
      io.CacheName(location), [&]() -> arrow::Result<LruCache<ManifestList>::Loaded> {
        ARROW_ASSIGN_OR_RAISE(std::string bytes, io.ReadAll(location));
        auto manifests = ReadManifestList(bytes);
        if (!manifests.ok()) {
          return WithContext(manifests.status(), "manifest list", location);
        }
        return ToLoaded(std::move(*manifests));
      });
}

arrow::Result<std::shared_ptr<const ManifestEntries>> MetadataCache::ManifestAt(
    const FileIO& io, const ManifestFile& manifest, const Type& partition_type,
    const std::optional<std::vector<int32_t>>& metrics_field_ids) {
  return manifests_.GetOrLoad(
      ManifestKey(io.CacheName(manifest.manifest_path), partition_type,
                  metrics_field_ids),
      [&]() -> arrow::Result<LruCache<ManifestEntries>::Loaded> {
        ARROW_ASSIGN_OR_RAISE(const auto bytes, ReadWhole(io, manifest.manifest_path,
                                                          manifest.manifest_length));
        ManifestReadOptions options;
        options.metrics_field_ids = metrics_field_ids;
        auto entries =
            ReadManifest(std::string_view(*bytes), manifest, partition_type, options);
        if (!entries.ok()) {
          return WithContext(entries.status(), "manifest", manifest.manifest_path);
        }
        return ToLoaded(std::move(*entries));
      });
}

int64_t MetadataCache::used_bytes() const {
  return manifest_lists_.used_bytes() + manifests_.used_bytes();
}

void MetadataCache::Clear() {
  manifest_lists_.Clear();
  manifests_.Clear();
}

void SleepMilliseconds(int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

}  // namespace floe::iceberg
