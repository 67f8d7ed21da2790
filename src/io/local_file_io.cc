#include "io/local_file_io.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "base/error.h"
#include "base/random.h"
#include "io/mapped_pages.h"

namespace floe {
namespace {

namespace fs = std::filesystem;

constexpr char kUnfinishedPrefix[] = ".floe-unfinished-";
constexpr mode_t kFileMode = 0644;

arrow::Status ErrnoError(int error, std::string_view action, const std::string& location,
                         const std::string& path) {
  if (error == ENOENT) {
    return MakeError(ErrorCode::kNoSuchFile, "there is no file '{}'", location);
  }
  const std::string folder = fs::path(path).parent_path().string();
  const std::string reason = std::generic_category().message(error);
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return MakeError(
          ErrorCode::kIo,
          "cannot {} '{}': {}; give this process's user access to the folder "
          "'{}'",
          action, location, reason, folder);
    case ENOSPC:
    case EDQUOT:
      return MakeError(ErrorCode::kIo,
                       "cannot {} '{}': {}; free space for the folder '{}'", action,
                       location, reason, folder);
    case EMFILE:
    case ENFILE:
      return MakeError(ErrorCode::kIo,
                       "cannot {} '{}': {}; raise the limit on open files (ulimit -n)",
                       action, location, reason);
    case ENOTDIR:
    case EISDIR:
      return MakeError(
          ErrorCode::kIo,
          "cannot {} '{}': {}; a file and a folder have the same name in '{}'", action,
          location, reason, folder);
    default:
      return MakeError(ErrorCode::kIo, "cannot {} '{}': {}", action, location, reason);
  }
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor() { Reset(); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  /// The error of close, 0 when fine.
  int Reset(int fd = -1) {
    const int error = fd_ >= 0 && ::close(fd_) != 0 ? errno : 0;
    fd_ = fd;
    return error;
  }

 private:
  int fd_;
};

/// A file's bytes by memory map; needs no descriptor once mapped.
class MappedBuffer final : public arrow::Buffer {
 public:
  MappedBuffer(void* address, int64_t size)
      : Buffer(static_cast<const uint8_t*>(address), size) {}
  ~MappedBuffer() override {
    ::munmap(const_cast<uint8_t*>(data_), static_cast<size_t>(size_));
  }
};

arrow::Result<std::shared_ptr<arrow::Buffer>> MapFile(const std::string& location,
                                                      const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return ErrnoError(errno, "open", location, path);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return ErrnoError(errno, "open", location, path);
  if (!S_ISREG(info.st_mode)) {
    return MakeError(ErrorCode::kIo, "cannot open '{}': it is not a file", location);
  }
  if (info.st_size == 0) return std::make_shared<arrow::Buffer>(nullptr, 0);
  void* address = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ,
                         MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED) return ErrnoError(errno, "map", location, path);
  return std::make_shared<MappedBuffer>(address, info.st_size);
}

arrow::Status SyncFolder(const std::string& location, const fs::path& folder) {
  FileDescriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() < 0 || ::fsync(handle.get()) != 0) {
    return ErrnoError(errno, "sync the folder of", location, folder / "file");
  }
  return arrow::Status::OK();
}

arrow::Status MakeFolder(const std::string& location, const fs::path& folder) {
  std::error_code error;
  if (folder.empty() || fs::is_directory(folder, error)) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(MakeFolder(location, folder.parent_path()));
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoError(errno, "make the folder of", location, folder.string());
  }
  const fs::path parent = folder.parent_path();
  return SyncFolder(location, parent.empty() ? fs::path(".") : parent);
}

/// Moves without replacing, in one step; 0 or the error (EEXIST when taken).
int RenameToNew(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // The file system has no such rename: a hard link does not replace either.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  ::unlink(from.c_str());
  return 0;
}

class LocalOutput final : public arrow::io::OutputStream {
 public:
  LocalOutput(std::string location, std::string path, std::string unfinished,
              WriteMode write_mode, int fd)
      : location_(std::move(location)),
        path_(std::move(path)),
        unfinished_(std::move(unfinished)),
        write_mode_(write_mode),
        file_(fd) {
    set_mode(arrow::io::FileMode::WRITE);
  }

  ~LocalOutput() override { Discard(); }

  arrow::Status Write(const void* data, int64_t size) override {
    if (closed()) return Closed();
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(file_.get(), bytes, static_cast<size_t>(size));
      if (written < 0) {
        if (errno == EINTR) continue;
        return ErrnoError(errno, "write", location_, path_);
      }
      bytes += written;
      size -= written;
      position_ += written;
    }
    return arrow::Status::OK();
  }

  arrow::Status Flush() override { return arrow::Status::OK(); }
  arrow::Result<int64_t> Tell() const override { return position_; }
  bool closed() const override { return file_.get() < 0; }

  arrow::Status Close() override {
    if (closed()) return arrow::Status::OK();
    arrow::Status status = Publish();
    if (!status.ok()) Discard();
    return status;
  }

  arrow::Status Abort() override {
    Discard();
    return arrow::Status::OK();
  }

 private:
  arrow::Status Closed() const {
    return MakeError(ErrorCode::kInternal, "'{}' was written after it was closed",
                     location_);
  }

  arrow::Status Publish() {
    if (::fsync(file_.get()) != 0) return ErrnoError(errno, "sync", location_, path_);
    if (const int error = file_.Reset(); error != 0) {
      return ErrnoError(error, "close", location_, path_);
    }
    if (write_mode_ == WriteMode::kCreate) {
      const int error = RenameToNew(unfinished_, path_);
      if (error == EEXIST) {
        return MakeError(ErrorCode::kAlreadyExists, "'{}' exists already", location_);
      }
      if (error != 0) return ErrnoError(error, "create", location_, path_);
    } else if (::rename(unfinished_.c_str(), path_.c_str()) != 0) {
      return ErrnoError(errno, "replace", location_, path_);
    }
    unfinished_.clear();
    const fs::path folder = fs::path(path_).parent_path();
    return SyncFolder(location_, folder.empty() ? fs::path(".") : folder);
  }

  void Discard() {
    file_.Reset();
    if (!unfinished_.empty()) ::unlink(unfinished_.c_str());
    unfinished_.clear();
  }

  const std::string location_;
  const std::string path_;
  std::string unfinished_;
  const WriteMode write_mode_;
  FileDescriptor file_;
  int64_t position_ = 0;
};

/// `path` percent-decoded; unchanged where a '%' starts no valid escape.
std::string PercentDecoded(const std::string& path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    unsigned value = 0;
    if (path[i] == '%' && i + 2 < path.size() &&
        std::isxdigit(static_cast<unsigned char>(path[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(path[i + 2])) &&
        std::sscanf(path.c_str() + i + 1, "%2x", &value) == 1) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += path[i];
    }
  }
  return decoded;
}

/// The path of something that should exist: literal, else percent-decoded (see FileIO).
arrow::Result<std::string> ExistingPath(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(std::string path, LocalPath(location));
  if (path.size() == location.size() || path.find('%') == std::string::npos) return path;
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) return path;
  std::string decoded = PercentDecoded(path);
  return ::stat(decoded.c_str(), &info) == 0 ? decoded : path;
}

int64_t ModifiedMillis(const struct stat& info) {
  constexpr int64_t kMillisPerSecond = 1000;
  constexpr int64_t kNanosPerMilli = 1'000'000;
  return info.st_mtim.tv_sec * kMillisPerSecond + info.st_mtim.tv_nsec / kNanosPerMilli;
}

class LocalFileIO final : public FileIO {
 public:
  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t /*size_bytes*/) const override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, ExistingPath(location));
    ARROW_ASSIGN_OR_RAISE(auto buffer, MapFile(location, path));
    return std::make_shared<arrow::io::BufferReader>(std::move(buffer));
  }

  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override {
    ARROW_ASSIGN_OR_RAISE(std::string path, LocalPath(location));
    const fs::path folder = fs::path(path).parent_path();
    ARROW_RETURN_NOT_OK(MakeFolder(location, folder));
    std::string unfinished =
        (folder / (kUnfinishedPrefix + NewUuid(Random::System()))).string();
    const int fd =
        ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode);
    if (fd < 0) return ErrnoError(errno, "write", location, path);
    return std::make_shared<LocalOutput>(location, std::move(path), std::move(unfinished),
                                         mode, fd);
  }

  arrow::Result<bool> Exists(const std::string& location) const override {
    auto size = FileSize(location);
    if (size.ok()) return true;
    if (IsError(size.status(), ErrorCode::kNoSuchFile)) return false;
    return size.status();
  }

  arrow::Result<int64_t> FileSize(const std::string& location) const override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, ExistingPath(location));
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0)
      return ErrnoError(errno, "look at", location, path);
    if (!S_ISREG(info.st_mode)) return ErrnoError(ENOENT, "look at", location, path);
    return info.st_size;
  }

  arrow::Status Delete(const std::string& location) override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, ExistingPath(location));
    if (::unlink(path.c_str()) != 0) return ErrnoError(errno, "delete", location, path);
    return arrow::Status::OK();
  }

  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override {
    ARROW_ASSIGN_OR_RAISE(const std::string path, ExistingPath(location));
    std::vector<FileEntry> entries;
    ARROW_RETURN_NOT_OK(ListFolder(location, path, recursive, &entries));
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.location < b.location; });
    return entries;
  }

 private:
  static arrow::Status ListFolder(const std::string& location, const std::string& path,
                                  bool recursive, std::vector<FileEntry>* entries) {
    std::error_code error;
    fs::directory_iterator folder(path, error);
    if (error) {
      if (error.value() == ENOENT) return arrow::Status::OK();
      return ErrnoError(error.value(), "list", location, path);
    }
    for (const fs::directory_iterator end; folder != end; folder.increment(error)) {
      const std::string name = folder->path().filename().string();
      if (name.rfind(kUnfinishedPrefix, 0) == 0) continue;
      struct stat info{};
      if (::stat(folder->path().c_str(), &info) != 0) {
        // Deleted while listing, or a dangling link: not a file.
        if (errno == ENOENT) continue;
        return ErrnoError(errno, "list", location, folder->path().string());
      }
      const std::string child = JoinLocation(location, name);
      if (S_ISREG(info.st_mode)) {
        entries->push_back({child, info.st_size, ModifiedMillis(info)});
      } else if (S_ISDIR(info.st_mode) && recursive) {
        ARROW_RETURN_NOT_OK(ListFolder(child, folder->path().string(), true, entries));
      }
    }
    if (error) return ErrnoError(error.value(), "list", location, path);
    return arrow::Status::OK();
  }
};

}  // namespace

std::shared_ptr<FileIO> MakeLocalFileIO() { return std::make_shared<LocalFileIO>(); }

void ReleaseInputPages(const arrow::io::RandomAccessFile& input, int64_t begin,
                       int64_t end) {
  const auto* reader = dynamic_cast<const arrow::io::BufferReader*>(&input);
  if (reader == nullptr) return;
  // Of private memory this call would lose the content: a mapped file's alone comes back.
  const auto* mapped = dynamic_cast<const MappedBuffer*>(reader->buffer().get());
  if (mapped == nullptr) return;
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  begin = (std::max<int64_t>(begin, 0) + page - 1) / page * page;
  end = std::min(end, mapped->size()) / page * page;
  if (begin >= end) return;
  // A hint: failure leaves the pages where they are.
  (void)::madvise(const_cast<uint8_t*>(mapped->data()) + begin,
                  static_cast<size_t>(end - begin), MADV_DONTNEED);
}

}  // namespace floe
