#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arrow/buffer.h"
#include "base/clock.h"
#include "io/file_io.h"

namespace floe::sim {

/// Files in memory, with a hook before each operation that may fail it. Thread-safe.
class MemoryFileIO final : public FileIO {
 public:
  using Hook = std::function<arrow::Status()>;

  explicit MemoryFileIO(const Clock& clock) : clock_(clock) {}
  void set_hook(Hook hook) { hook_ = std::move(hook); }

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes = kUnknownSize) const override;
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override;
  arrow::Result<bool> Exists(const std::string& location) const override;
  arrow::Result<int64_t> FileSize(const std::string& location) const override;
  arrow::Status Delete(const std::string& location) override;
  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override;

  /// Past the hook.
  std::vector<std::string> Locations() const;

 private:
  friend class MemoryOutput;
  struct File {
    std::shared_ptr<arrow::Buffer> bytes;
    int64_t modified_ms = 0;
  };

  arrow::Status CallHook() const;
  arrow::Status Publish(const std::string& location, WriteMode mode,
                        std::shared_ptr<arrow::Buffer> bytes);
  arrow::Result<std::shared_ptr<arrow::Buffer>> Find(const std::string& location) const;

  const Clock& clock_;
  Hook hook_;
  mutable std::mutex mutex_;
  std::map<std::string, File> files_;
};

}  // namespace floe::sim
