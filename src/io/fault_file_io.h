#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/file_io.h"

namespace floe {

/// A FileIO that fails where a test says so. Thread-safe when its hook is.
class FaultFileIO final : public FileIO {
 public:
  enum class Operation {
    kOpenInput,
    kRead,  ///< A read from an opened input.
    kOpenOutput,
    kWrite,       ///< Before the bytes are written.
    kClose,       ///< Before the file is published.
    kAfterClose,  ///< After it was published: the caller cannot know that it was.
    kExists,
    kFileSize,
    kDelete,
    kList,
  };
  /// Decides an operation: OK lets it through, anything else is what the caller gets.
  using Hook = std::function<arrow::Status(Operation operation,
                                           const std::string& location, int64_t count)>;

  /// `count` given to the hook is the number of operations of that kind so far, from 1.
  FaultFileIO(std::shared_ptr<FileIO> base, Hook hook);

  /// A hook that fails the `count`-th `operation` (from 1) with kIo.
  static Hook FailNth(Operation operation, int64_t count);

  /// Reads return at most this many bytes; 0: no limit.
  void set_max_read_bytes(int64_t bytes) { max_read_bytes_ = bytes; }

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes = kUnknownSize) const override;
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override;
  arrow::Result<bool> Exists(const std::string& location) const override;
  arrow::Result<int64_t> FileSize(const std::string& location) const override;
  arrow::Status Delete(const std::string& location) override;
  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override;
  std::string CacheName(const std::string& location) const override {
    return base_->CacheName(location);
  }

 private:
  class Gate;

  std::shared_ptr<FileIO> base_;
  std::shared_ptr<Gate> gate_;
  std::atomic<int64_t> max_read_bytes_ = 0;
};

}  // namespace floe
