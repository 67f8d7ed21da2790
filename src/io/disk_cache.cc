#include "io/disk_cache.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/hex.h"
#include "base/random.h"

namespace floe {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChecksumBytes = 32;
constexpr char kUnfinishedPrefix[] = ".unfinished-";
constexpr char kLockName[] = ".lock";
/// Eviction goes below the limit by so much, so that it is not needed at every block.
constexpr int64_t kRoomDivisor = 10;
/// The folder is counted again after so much of its limit was written.
constexpr int64_t kCountDivisor = 20;
constexpr auto kUnfinishedAgeMax = std::chrono::hours(1);
/// A hit is noted at most so often, to spare the file system.
constexpr auto kTouchAge = std::chrono::minutes(10);

std::string Sha256(std::initializer_list<std::string_view> parts) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  for (const std::string_view part : parts) {
    EVP_DigestUpdate(context, part.data(), part.size());
  }
  EVP_DigestFinal_ex(context, digest.data(), &size);
  EVP_MD_CTX_free(context);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

/// Held by one process while it clears up; others go on without.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : fd_(::open((folder + "/" + kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                   0600)) {
    is_held_ = fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool is_held() const { return is_held_; }

 private:
  int fd_;
  bool is_held_ = false;
};

}  // namespace

/// A file whose blocks are kept.
class DiskCache::Source final : public RangeSource {
 public:
  Source(std::shared_ptr<DiskCache> cache, std::shared_ptr<RangeSource> base,
         std::string file_name, int64_t size_bytes)
      : cache_(std::move(cache)),
        base_(std::move(base)),
        file_name_(std::move(file_name)),
        size_bytes_(size_bytes) {}

  const std::string& location() const override { return base_->location(); }

  arrow::Result<ObjectPart> Get(int64_t begin, int64_t length) override {
    const int64_t end = std::min(begin + length, size_bytes_);
    if (begin >= end) return ObjectPart{"", size_bytes_};
    const int64_t first = begin / kBlockBytes;
    const int64_t last = (end - 1) / kBlockBytes;
    std::vector<std::string> blocks;
    for (int64_t i = first; i <= last; ++i) {
      blocks.push_back(cache_->Find(Name(i), static_cast<size_t>(BlockLength(i))));
    }
    ARROW_RETURN_NOT_OK(FetchMissing(first, &blocks));
    ObjectPart part;
    part.object_size_bytes = size_bytes_;
    if (first == last && begin == first * kBlockBytes &&
        end - begin == BlockLength(first)) {
      part.bytes = std::move(blocks[0]);
      return part;
    }
    part.bytes.reserve(static_cast<size_t>(end - begin));
    for (int64_t i = first; i <= last; ++i) {
      const int64_t start = i * kBlockBytes;
      const int64_t from = std::max(begin, start) - start;
      const int64_t to = std::min(end, start + BlockLength(i)) - start;
      part.bytes.append(blocks[static_cast<size_t>(i - first)], static_cast<size_t>(from),
                        static_cast<size_t>(to - from));
    }
    return part;
  }

 private:
  int64_t BlockLength(int64_t block) const {
    return std::min(kBlockBytes, size_bytes_ - block * kBlockBytes);
  }

  std::string Name(int64_t block) const {
    return fmt::format("{}#{}#{}", file_name_, size_bytes_, block);
  }

  /// One request for each run of blocks that are not there.
  arrow::Status FetchMissing(int64_t first, std::vector<std::string>* blocks) {
    for (size_t i = 0; i < blocks->size();) {
      if (!(*blocks)[i].empty()) {
        ++i;
        continue;
      }
      size_t stop = i;
      while (stop < blocks->size() && (*blocks)[stop].empty()) ++stop;
      const int64_t begin = (first + static_cast<int64_t>(i)) * kBlockBytes;
      const int64_t end =
          std::min((first + static_cast<int64_t>(stop)) * kBlockBytes, size_bytes_);
      ARROW_ASSIGN_OR_RAISE(const ObjectPart part, base_->Get(begin, end - begin));
      if (part.object_size_bytes != size_bytes_ ||
          static_cast<int64_t>(part.bytes.size()) != end - begin) {
        return MakeError(ErrorCode::kCorruptData,
                         "'{}' has {} bytes, the metadata that names it says {}",
                         location(), part.object_size_bytes, size_bytes_);
      }
      size_t offset = 0;
      for (; i < stop; ++i) {
        const int64_t block = first + static_cast<int64_t>(i);
        (*blocks)[i] = part.bytes.substr(offset, static_cast<size_t>(BlockLength(block)));
        offset += (*blocks)[i].size();
        cache_->Keep(Name(block), (*blocks)[i]);
      }
    }
    return arrow::Status::OK();
  }

  const std::shared_ptr<DiskCache> cache_;
  const std::shared_ptr<RangeSource> base_;
  const std::string file_name_;
  const int64_t size_bytes_;
};

arrow::Result<std::shared_ptr<DiskCache>> DiskCache::Open(const std::string& folder,
                                                          int64_t max_bytes) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || ::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "the folder '{}' of 'floe.disk-cache.path' cannot be written; name "
                     "another or change its permissions",
                     folder);
  }
  std::shared_ptr<DiskCache> cache(new DiskCache(folder, max_bytes));
  cache->self_ = cache;
  cache->Evict();
  return cache;
}

std::shared_ptr<RangeSource> DiskCache::Wrap(std::shared_ptr<RangeSource> source,
                                             std::string file_name, int64_t size_bytes) {
  return std::make_shared<Source>(self_.lock(), std::move(source), std::move(file_name),
                                  size_bytes);
}

DiskCache::Counters DiskCache::counters() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

std::string DiskCache::Find(const std::string& name, size_t length) {
  const std::string path = folder_ + "/" + HexEncode(Sha256({name}));
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  bool is_whole = false;
  if (file.is_open()) {
    std::string checksum(kChecksumBytes, '\0');
    bytes.resize(length);
    file.read(checksum.data(), static_cast<std::streamsize>(kChecksumBytes));
    file.read(bytes.data(), static_cast<std::streamsize>(length));
    is_whole = file.good() && file.peek() == std::ifstream::traits_type::eof() &&
               checksum == Sha256({name, bytes});
  }
  std::error_code error;
  if (is_whole) {
    const auto now = fs::file_time_type::clock::now();
    if (now - fs::last_write_time(path, error) > kTouchAge) {
      fs::last_write_time(path, now, error);
    }
  } else if (file.is_open()) {
    fs::remove(path, error);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  ++(is_whole ? counters_.block_hits : counters_.block_misses);
  if (!is_whole && file.is_open()) ++counters_.blocks_damaged;
  return is_whole ? bytes : "";
}

void DiskCache::Keep(const std::string& name, std::string_view bytes) {
  const std::string path = folder_ + "/" + HexEncode(Sha256({name}));
  const std::string unfinished =
      folder_ + "/" + kUnfinishedPrefix + NewUuid(Random::System());
  std::error_code error;
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << Sha256({name, bytes}) << bytes;
  file.close();
  if (file.fail()) {
    fs::remove(unfinished, error);
    return;
  }
  fs::rename(unfinished, path, error);
  if (error) fs::remove(unfinished, error);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    written_bytes_ += static_cast<int64_t>(bytes.size() + kChecksumBytes);
    if (written_bytes_ < max_bytes_ / kCountDivisor) return;
    written_bytes_ = 0;
  }
  Evict();
}

void DiskCache::Evict() {
  const FolderLock lock(folder_);
  if (!lock.is_held()) return;
  struct Entry {
    fs::file_time_type used;
    int64_t bytes;
    fs::path path;
  };
  std::vector<Entry> entries;
  int64_t total_bytes = 0;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator at(folder_, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    Entry entry{at->last_write_time(gone), static_cast<int64_t>(at->file_size(gone)),
                at->path()};
    const std::string name = entry.path.filename().string();
    if (gone || name == kLockName) continue;
    if (name.starts_with(kUnfinishedPrefix)) {
      // Of a process that died; younger ones may be under way.
      if (now - entry.used > kUnfinishedAgeMax) fs::remove(entry.path, gone);
      continue;
    }
    total_bytes += entry.bytes;
    entries.push_back(std::move(entry));
  }
  if (total_bytes <= max_bytes_) return;
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.used < b.used; });
  int64_t evicted = 0;
  for (const Entry& entry : entries) {
    if (total_bytes <= max_bytes_ - max_bytes_ / kRoomDivisor) break;
    if (fs::remove(entry.path, error)) ++evicted;
    total_bytes -= entry.bytes;
  }
  std::lock_guard<std::mutex> counter_lock(mutex_);
  counters_.blocks_evicted += evicted;
}

}  // namespace floe
