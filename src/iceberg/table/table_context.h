#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "base/lru_cache.h"
#include "base/parallel.h"
#include "base/random.h"
#include "iceberg/spec/manifest.h"
#include "io/file_io.h"

namespace floe::iceberg {

using ManifestList = std::vector<ManifestFile>;
using ManifestEntries = std::vector<ManifestEntry>;

/// Parsed manifest lists and manifests by location: Iceberg never rewrites one in place,
/// so an entry never goes stale. (metadata.json files: catalog/metadata_file.h.) Bounded
/// by bytes. Thread-safe; a file is read once however many threads ask.
class MetadataCache {
 public:
  static constexpr int64_t kManifestListBytes = int64_t{64} << 20;
  static constexpr int64_t kManifestBytes = int64_t{256} << 20;

  MetadataCache();

  /// The one all tables of the process share unless told otherwise.
  static const std::shared_ptr<MetadataCache>& Process();

  arrow::Result<std::shared_ptr<const ManifestList>> ManifestListAt(
      const FileIO& io, const std::string& location);

  /// Live entries (added and existing) with the metrics of `metrics_field_ids` alone, or
  /// of all columns when it is nullopt.
  arrow::Result<std::shared_ptr<const ManifestEntries>> ManifestAt(
      const FileIO& io, const ManifestFile& manifest, const Type& partition_type,
      const std::optional<std::vector<int32_t>>& metrics_field_ids);

  int64_t used_bytes() const;
  void Clear();

 private:
  LruCache<ManifestList> manifest_lists_;
  LruCache<ManifestEntries> manifests_;
};

/// Puts the calling thread to sleep.
void SleepMilliseconds(int64_t milliseconds);

/// What a table takes from its surroundings; tests replace the parts.
struct TableContext {
  std::shared_ptr<MetadataCache> cache = MetadataCache::Process();
  const Clock* clock = &Clock::System();
  Random* random = &Random::System();
  /// Waits between attempts to commit.
  std::function<void(int64_t milliseconds)> sleep = SleepMilliseconds;
  int threads = DefaultThreadCount();
};

}  // namespace floe::iceberg
