#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "io/range_source.h"

namespace floe {

/// A file of a store. Each read is a request, several at once for a large one, unless
/// bytes that were fetched along hold it; WithRanges adds such bytes. Reads at positions
/// are thread-safe; Read and Seek share one position.
class RemoteInput final : public arrow::io::RandomAccessFile {
 public:
  /// With a size of 0 or less the front of the file is fetched (up to kFirstReadBytes),
  /// which tells the size. kNoSuchFile then; with a size the first read says so.
  static arrow::Result<std::shared_ptr<RemoteInput>> Open(
      std::shared_ptr<RangeSource> source, int64_t size_bytes);
  static constexpr int64_t kFirstReadBytes = int64_t{1} << 20;
  /// What one request asks for at most; larger reads are several at once.
  static constexpr int64_t kRequestBytes = int64_t{8} << 20;
  /// Requests of one read or of one call of WithRanges at a time.
  static constexpr int kParallelRequests = 16;
  /// Ranges closer than this are fetched together: the bytes between cost less than
  /// another request.
  static constexpr int64_t kHoleBytes = int64_t{256} << 10;

  /// This input with `ranges` (of any order, clipped to the file) fetched beforehand, in
  /// few requests at once. The bytes live as long as the input returned.
  arrow::Result<std::shared_ptr<RemoteInput>> WithRanges(
      std::vector<arrow::io::ReadRange> ranges) const;

  /// Bytes kept beside the file.
  int64_t held_bytes() const;

  arrow::Status Close() override;
  bool closed() const override { return is_closed_; }
  arrow::Result<int64_t> Tell() const override;
  arrow::Status Seek(int64_t position) override;
  arrow::Result<int64_t> GetSize() override { return size_bytes_; }
  arrow::Result<int64_t> Read(int64_t size, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override;
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, bool allow_short,
                                void* out) override;
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size,
                                                       bool allow_short) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position,
                                                       int64_t size) override;

 private:
  struct Segment {
    int64_t begin = 0;
    std::shared_ptr<arrow::Buffer> bytes;
    int64_t end() const { return begin + bytes->size(); }
  };

  RemoteInput(std::shared_ptr<RangeSource> source, int64_t size_bytes,
              std::vector<Segment> segments)
      : source_(std::move(source)),
        size_bytes_(size_bytes),
        segments_(std::move(segments)) {}

  /// The held segment that has all of [begin, end), or null.
  const Segment* Holding(int64_t begin, int64_t end) const;
  /// Exactly these bytes, in one request.
  arrow::Result<std::string> Fetch(int64_t begin, int64_t length) const;
  /// Exactly these bytes, in as many requests at once as they need.
  arrow::Status FetchInto(int64_t begin, int64_t length, uint8_t* out) const;
  arrow::Result<int64_t> Clip(int64_t position, int64_t size) const;

  const std::shared_ptr<RangeSource> source_;
  const int64_t size_bytes_;
  const std::vector<Segment> segments_;  ///< Ascending, disjoint.
  mutable std::mutex mutex_;
  int64_t position_ = 0;
  bool is_closed_ = false;
};

}  // namespace floe
