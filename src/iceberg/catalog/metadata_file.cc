#include "iceberg/catalog/metadata_file.h"

#include <charconv>

#include "base/error.h"

namespace floe::iceberg {
namespace {

constexpr size_t kUuidLength = 36;
/// Memory that parsed metadata takes, roughly, per byte of JSON.
constexpr int64_t kParsedBytesPerJsonByte = 3;
constexpr std::string_view kSuffix = ".metadata.json";
constexpr std::string_view kGzipSuffix = ".gz.metadata.json";

std::string_view FileName(std::string_view location) {
  size_t slash = location.rfind('/');
  return slash == std::string_view::npos ? location : location.substr(slash + 1);
}

bool NameHoldsUuid(std::string_view location) {
  std::string_view name = FileName(location);
  if (name.ends_with(kGzipSuffix)) {
    name.remove_suffix(kGzipSuffix.size());
  } else if (name.ends_with(kSuffix)) {
    name.remove_suffix(kSuffix.size());
  }
  if (name.size() < kUuidLength) return false;
  std::string_view uuid = name.substr(name.size() - kUuidLength);
  for (size_t i = 0; i < uuid.size(); ++i) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool is_hex = std::string_view("0123456789abcdefABCDEF").find(uuid[i]) !=
                  std::string_view::npos;
    if (is_dash ? uuid[i] != '-' : !is_hex) return false;
  }
  return true;
}

arrow::Result<TableMetadataCache::Loaded> LoadTableMetadata(const FileIO& io,
                                                            const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(std::string bytes, io.ReadAll(location));
  auto parsed = ParseTableMetadata(bytes);
  if (!parsed.ok()) return WithContext(parsed.status(), "metadata file", location);
  return TableMetadataCache::Loaded{
      *parsed, kParsedBytesPerJsonByte * static_cast<int64_t>(bytes.size())};
}

}  // namespace

TableMetadataCache& ProcessTableMetadataCache() {
  static auto& cache = *new TableMetadataCache(kTableMetadataCacheBytes);
  return cache;
}

arrow::Result<TableMetadataPtr> ReadTableMetadata(const FileIO& io,
                                                  const std::string& location,
                                                  TableMetadataCache* cache) {
  if (cache == nullptr || !NameHoldsUuid(location)) {
    ARROW_ASSIGN_OR_RAISE(auto loaded, LoadTableMetadata(io, location));
    return loaded.value;
  }
  return cache->GetOrLoad(io.CacheName(location),
                          [&] { return LoadTableMetadata(io, location); });
}

int64_t MetadataVersion(std::string_view location) {
  std::string_view name = FileName(location);
  if (name.starts_with('v')) name.remove_prefix(1);
  int64_t version = -1;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  bool is_version = error == std::errc() && end != name.data() + name.size() &&
                    (*end == '-' || *end == '.') && version >= 0;
  return is_version ? version : -1;
}

arrow::Result<std::string> WriteTableMetadata(FileIO& io, const TableMetadata& metadata,
                                              int64_t version, Random& random) {
  ARROW_ASSIGN_OR_RAISE(std::string json, TableMetadataToJson(metadata));
  std::string folder = metadata.Property("write.metadata.path",
                                         JoinLocation(metadata.location, "metadata"));
  std::string location =
      JoinLocation(folder, fmt::format("{:05}-{}{}", version, NewUuid(random), kSuffix));
  ARROW_RETURN_NOT_OK(io.Write(location, json, WriteMode::kCreate));
  return location;
}

}  // namespace floe::iceberg
