#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <string>

#include "arrow/io/interfaces.h"
#include "io/object_store.h"

namespace floe {

/// Writes an object: in one request up to kPartBytes, else in parts, a few of which are
/// under way while more is written. Nothing is seen of it before Close. For one thread.
class RemoteOutput final : public arrow::io::OutputStream {
 public:
  /// All parts of one size, as R2 demands.
  static constexpr int64_t kPartBytes = int64_t{16} << 20;
  /// S3's limit.
  static constexpr int kPartsMax = 10'000;

  /// `location` is for messages.
  RemoteOutput(std::shared_ptr<ObjectStore> store, std::string key, std::string location,
               WriteMode write_mode);
  ~RemoteOutput() override;

  arrow::Status Write(const void* data, int64_t size) override;
  arrow::Status Flush() override { return arrow::Status::OK(); }
  arrow::Result<int64_t> Tell() const override { return position_; }
  bool closed() const override { return is_closed_; }
  arrow::Status Close() override;
  arrow::Status Abort() override;

 private:
  arrow::Status Publish();
  arrow::Status SendPart(std::string bytes);
  /// Waits until at most `count` parts are under way; the first error of those that
  /// ended.
  arrow::Status WaitFor(size_t count);

  const std::shared_ptr<ObjectStore> store_;
  const std::string key_;
  const std::string location_;
  const WriteMode write_mode_;
  std::string buffer_;
  int64_t position_ = 0;
  bool is_closed_ = false;
  std::unique_ptr<ObjectUpload> upload_;
  int part_count_ = 0;
  std::deque<std::future<arrow::Status>> under_way_;
};

}  // namespace floe
