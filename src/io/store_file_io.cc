#include "io/store_file_io.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "io/local_file_io.h"
#include "io/object_location.h"
#include "io/path_mapping.h"
#include "io/property_reader.h"
#include "io/refreshing_file_io.h"
#include "io/remote_input.h"
#include "io/remote_output.h"
#include "io/store_directory.h"

namespace floe {
namespace {

/// The bytes of one object, by whatever credentials are good at the time.
class StoreRangeSource final : public RangeSource {
 public:
  StoreRangeSource(std::shared_ptr<StoreDirectory> stores, ObjectLocation object,
                   std::string location)
      : stores_(std::move(stores)),
        object_(std::move(object)),
        location_(std::move(location)) {}

  arrow::Result<ObjectPart> Get(int64_t begin, int64_t length) override {
    ARROW_ASSIGN_OR_RAISE(auto store, stores_->Find(object_));
    return store->Get(object_.key, begin, length);
  }
  const std::string& location() const override { return location_; }

 private:
  const std::shared_ptr<StoreDirectory> stores_;
  const ObjectLocation object_;
  const std::string location_;
};

class StoreFileIO final : public FileIO {
 public:
  StoreFileIO(std::shared_ptr<CurrentProperties> properties,
              std::shared_ptr<DiskCache> cache)
      : stores_(std::make_shared<StoreDirectory>(std::move(properties))),
        cache_(std::move(cache)) {}

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes) const override {
    if (IsLocal(location)) return local_->OpenInput(location, size_bytes);
    ARROW_ASSIGN_OR_RAISE(ObjectLocation object, ParseFile(location));
    std::shared_ptr<RangeSource> source =
        std::make_shared<StoreRangeSource>(stores_, std::move(object), location);
    if (cache_ != nullptr && size_bytes > 0) {
      source = cache_->Wrap(std::move(source), CacheName(location), size_bytes);
    }
    ARROW_ASSIGN_OR_RAISE(auto input, RemoteInput::Open(std::move(source), size_bytes));
    return input;
  }

  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override {
    if (IsLocal(location)) return local_->OpenOutput(location, mode);
    ARROW_ASSIGN_OR_RAISE(ObjectLocation object, ParseFile(location));
    ARROW_ASSIGN_OR_RAISE(auto store, stores_->Find(object));
    return std::make_shared<RemoteOutput>(std::move(store), std::move(object.key),
                                          location, mode);
  }

  arrow::Result<bool> Exists(const std::string& location) const override {
    if (IsLocal(location)) return local_->Exists(location);
    auto size = FileSize(location);
    if (size.ok()) return true;
    if (IsError(size.status(), ErrorCode::kNoSuchFile)) return false;
    return size.status();
  }

  arrow::Result<int64_t> FileSize(const std::string& location) const override {
    if (IsLocal(location)) return local_->FileSize(location);
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseFile(location));
    ARROW_ASSIGN_OR_RAISE(auto store, stores_->Find(object));
    ARROW_ASSIGN_OR_RAISE(const ObjectInfo info, store->Head(object.key));
    return info.size_bytes;
  }

  arrow::Status Delete(const std::string& location) override {
    if (IsLocal(location)) return local_->Delete(location);
    ARROW_ASSIGN_OR_RAISE(const ObjectLocation object, ParseFile(location));
    ARROW_ASSIGN_OR_RAISE(auto store, stores_->Find(object));
    return store->Delete(object.key);
  }

  std::string CacheName(const std::string& location) const override {
    if (IsLocal(location)) return location;
    const auto object = ParseObjectLocation(location);
    if (!object.ok()) return location;
    const std::string address = stores_->Address(*object);
    return address.empty() ? location : address + " " + location;
  }

  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override {
    if (IsLocal(location)) return local_->List(location, recursive);
    ARROW_ASSIGN_OR_RAISE(ObjectLocation object, ParseObjectLocation(location));
    std::string prefix = object.key;
    while (prefix.ends_with('/')) prefix.pop_back();
    if (!prefix.empty()) prefix += '/';
    std::string folder = location;
    while (folder.ends_with('/')) folder.pop_back();
    std::vector<FileEntry> entries;
    std::string token;
    do {
      // Asked for at each page: a long listing may outlive its credentials.
      ARROW_ASSIGN_OR_RAISE(auto store, stores_->Find(object));
      ARROW_ASSIGN_OR_RAISE(ObjectPage page, store->List(prefix, recursive, token));
      for (const ObjectInfo& info : page.objects) {
        // What other tools leave in place of folders.
        if (info.key.ends_with('/') || !info.key.starts_with(prefix)) continue;
        entries.push_back({folder + "/" + info.key.substr(prefix.size()), info.size_bytes,
                           info.modified_ms});
      }
      if (!page.next_token.empty() && page.next_token == token) {
        return MakeError(ErrorCode::kServiceUnavailable,
                         "listing '{}' does not end: the store gives the same page again",
                         location);
      }
      token = std::move(page.next_token);
    } while (!token.empty());
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.location < b.location; });
    return entries;
  }

 private:
  /// Everything that is no object's, so that the local store says what it does not know.
  static bool IsLocal(const std::string& location) {
    return !IsObjectScheme(SchemeOf(location));
  }

  static arrow::Result<ObjectLocation> ParseFile(const std::string& location) {
    ARROW_ASSIGN_OR_RAISE(ObjectLocation object, ParseObjectLocation(location));
    if (object.key.empty()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' names a bucket but no file in it", location);
    }
    return object;
  }

  const std::shared_ptr<FileIO> local_ = MakeLocalFileIO();
  const std::shared_ptr<StoreDirectory> stores_;
  const std::shared_ptr<DiskCache> cache_;
};

arrow::Result<std::shared_ptr<DiskCache>> OpenCache(
    const std::map<std::string, std::string>& properties) {
  const PropertyReader reader(properties);
  ARROW_ASSIGN_OR_RAISE(
      const int64_t max_bytes,
      reader.Integer("floe.disk-cache.max-bytes", DiskCache::kDefaultMaxBytes,
                     DiskCache::kBlockBytes, std::numeric_limits<int64_t>::max()));
  const auto folder = reader.Text("floe.disk-cache.path");
  if (!folder.has_value()) return nullptr;
  return DiskCache::Open(*folder, max_bytes);
}

}  // namespace

std::shared_ptr<FileIO> MakeStoreFileIO(std::shared_ptr<CurrentProperties> properties,
                                        std::shared_ptr<DiskCache> cache) {
  return std::make_shared<StoreFileIO>(std::move(properties), std::move(cache));
}

arrow::Result<std::shared_ptr<FileIO>> MakeRefreshingFileIO(
    VendedProperties first, PropertiesSource source, const RefreshOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto cache, OpenCache(first.properties));
  PathPrefixes prefixes;
  const auto moved = first.properties.find(kPathPrefixesProperty);
  if (moved != first.properties.end()) {
    ARROW_ASSIGN_OR_RAISE(prefixes, ParsePathPrefixes(moved->second));
  }
  auto properties =
      std::make_shared<CurrentProperties>(std::move(first), std::move(source), options);
  return MapPaths(MakeStoreFileIO(std::move(properties), std::move(cache)),
                  std::move(prefixes));
}

arrow::Result<std::shared_ptr<FileIO>> MakeFileIO(
    const std::map<std::string, std::string>& properties) {
  return MakeRefreshingFileIO({properties, VendedProperties::kNeverExpires}, nullptr);
}

}  // namespace floe
