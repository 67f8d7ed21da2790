#include "sim/memory_file_io.h"

#include <utility>

#include "arrow/io/memory.h"
#include "base/error.h"

namespace floe::sim {

class MemoryOutput final : public arrow::io::OutputStream {
 public:
  MemoryOutput(MemoryFileIO* io, std::string location, WriteMode write_mode)
      : io_(io), location_(std::move(location)), write_mode_(write_mode) {
    set_mode(arrow::io::FileMode::WRITE);
  }

  arrow::Status Write(const void* data, int64_t size) override {
    ARROW_RETURN_NOT_OK(io_->CallHook());
    bytes_.append(static_cast<const char*>(data), static_cast<size_t>(size));
    return arrow::Status::OK();
  }
  arrow::Status Flush() override { return arrow::Status::OK(); }
  arrow::Result<int64_t> Tell() const override {
    return static_cast<int64_t>(bytes_.size());
  }
  bool closed() const override { return is_closed_; }
  arrow::Status Close() override {
    if (is_closed_) return arrow::Status::OK();
    is_closed_ = true;
    return io_->Publish(location_, write_mode_,
                        arrow::Buffer::FromString(std::move(bytes_)));
  }
  arrow::Status Abort() override {
    is_closed_ = true;
    return arrow::Status::OK();
  }

 private:
  MemoryFileIO* io_;
  std::string location_;
  WriteMode write_mode_;
  std::string bytes_;
  bool is_closed_ = false;
};

arrow::Status MemoryFileIO::CallHook() const {
  return hook_ == nullptr ? arrow::Status::OK() : hook_();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> MemoryFileIO::Find(
    const std::string& location) const {
  ARROW_RETURN_NOT_OK(CallHook());
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = files_.find(location);
  if (found != files_.end()) return found->second.bytes;
  return MakeError(ErrorCode::kNoSuchFile, "there is no file '{}'", location);
}

arrow::Status MemoryFileIO::Publish(const std::string& location, WriteMode mode,
                                    std::shared_ptr<arrow::Buffer> bytes) {
  ARROW_RETURN_NOT_OK(CallHook());
  std::lock_guard<std::mutex> lock(mutex_);
  bool is_taken = files_.count(location) > 0;
  if (is_taken && mode == WriteMode::kCreate) {
    return MakeError(ErrorCode::kAlreadyExists, "'{}' exists already", location);
  }
  files_[location] = {std::move(bytes), clock_.NowMillis()};
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> MemoryFileIO::OpenInput(
    const std::string& location, int64_t /*size_bytes*/) const {
  ARROW_ASSIGN_OR_RAISE(auto bytes, Find(location));
  return std::make_shared<arrow::io::BufferReader>(std::move(bytes));
}

arrow::Result<std::shared_ptr<arrow::io::OutputStream>> MemoryFileIO::OpenOutput(
    const std::string& location, WriteMode mode) {
  ARROW_RETURN_NOT_OK(CallHook());
  return std::make_shared<MemoryOutput>(this, location, mode);
}

arrow::Result<bool> MemoryFileIO::Exists(const std::string& location) const {
  ARROW_RETURN_NOT_OK(CallHook());
  std::lock_guard<std::mutex> lock(mutex_);
  return files_.count(location) > 0;
}

arrow::Result<int64_t> MemoryFileIO::FileSize(const std::string& location) const {
  ARROW_ASSIGN_OR_RAISE(auto bytes, Find(location));
  return bytes->size();
}

arrow::Status MemoryFileIO::Delete(const std::string& location) {
  ARROW_RETURN_NOT_OK(CallHook());
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.erase(location) > 0) return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchFile, "there is no file '{}'", location);
}

arrow::Result<std::vector<FileEntry>> MemoryFileIO::List(const std::string& location,
                                                         bool recursive) const {
  ARROW_RETURN_NOT_OK(CallHook());
  std::string folder = JoinLocation(location, "");
  std::vector<FileEntry> entries;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [path, file] : files_) {
    if (!path.starts_with(folder)) continue;
    if (!recursive && path.find('/', folder.size()) != std::string::npos) continue;
    entries.push_back({path, file.bytes->size(), file.modified_ms});
  }
  return entries;
}

std::vector<std::string> MemoryFileIO::Locations() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> locations;
  for (const auto& [path, file] : files_) locations.push_back(path);
  return locations;
}

}  // namespace floe::sim
