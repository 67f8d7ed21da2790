#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "base/error.h"
#include "io/file_io.h"

namespace floe::fuzz {

/// One file in memory, under every location. Its bytes have an allocation of their own
/// size, so that a sanitizer sees a step outside.
class BytesFileIO final : public FileIO {
 public:
  static constexpr char kLocation[] = "/fuzzed";

  explicit BytesFileIO(std::string_view bytes)
      : bytes_(arrow::Buffer::FromString(std::string(bytes))) {}

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string&, int64_t) const override {
    return std::make_shared<arrow::io::BufferReader>(bytes_);
  }
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode) override {
    return MakeError(ErrorCode::kNotSupported, "'{}' is not to be written", location);
  }
  arrow::Result<bool> Exists(const std::string&) const override { return true; }
  arrow::Result<int64_t> FileSize(const std::string&) const override {
    return bytes_->size();
  }
  arrow::Status Delete(const std::string& location) override {
    return MakeError(ErrorCode::kNotSupported, "'{}' is not to be deleted", location);
  }
  arrow::Result<std::vector<FileEntry>> List(const std::string&, bool) const override {
    return std::vector<FileEntry>();
  }

 private:
  std::shared_ptr<arrow::Buffer> bytes_;
};

}  // namespace floe::fuzz
