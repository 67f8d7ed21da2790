#include "iceberg/table/snapshot_manifests.h"

#include <charconv>
#include <string>
#include <utility>

#include "base/error.h"
#include "iceberg/avro/container.h"

namespace floe::iceberg {
namespace {

constexpr char kSpecIdKey[] = "partition-spec-id";

/// What a manifest list would say of a manifest that is named by its location alone.
arrow::Result<ManifestFile> DescribeManifest(const Table& table, const Snapshot& snapshot,
                                             const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, table.io()->ReadAll(location));
  ARROW_ASSIGN_OR_RAISE(const auto container, avro::ContainerReader::Open(bytes));
  ManifestFile manifest;
  manifest.manifest_path = location;
  manifest.manifest_length = static_cast<int64_t>(bytes.size());
  manifest.added_snapshot_id = snapshot.snapshot_id;
  manifest.partition_spec_id = table.metadata()->partition_specs.front().spec_id;
  const auto spec_id = container.metadata().find(kSpecIdKey);
  if (spec_id == container.metadata().end()) {
    if (table.metadata()->partition_specs.size() == 1) return manifest;
    return MakeError(ErrorCode::kCorruptData,
                     "the manifest does not say which partition spec it is of");
  }
  const std::string& text = spec_id->second;
  const auto parsed =
      std::from_chars(text.data(), text.data() + text.size(), manifest.partition_spec_id);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return MakeError(ErrorCode::kCorruptData, "\"{}\" of the manifest is '{}'",
                     kSpecIdKey, text);
  }
  return manifest;
}

}  // namespace

arrow::Result<std::shared_ptr<const ManifestList>> ManifestsOf(const Table& table,
                                                               const Snapshot& snapshot) {
  if (snapshot.key_id) {
    return MakeError(
        ErrorCode::kNotSupported,
        "snapshot {} of table '{}' is encrypted (key '{}'); encrypted tables "
        "are not supported",
        snapshot.snapshot_id, table.name(), *snapshot.key_id);
  }
  if (!snapshot.manifest_list.empty()) {
    return table.context().cache->ManifestListAt(*table.io(), snapshot.manifest_list);
  }
  auto manifests = std::make_shared<ManifestList>();
  for (const std::string& location : snapshot.manifests) {
    auto manifest = DescribeManifest(table, snapshot, location);
    if (!manifest.ok()) return WithContext(manifest.status(), "manifest", location);
    manifests->push_back(*std::move(manifest));
  }
  return manifests;
}

}  // namespace floe::iceberg
