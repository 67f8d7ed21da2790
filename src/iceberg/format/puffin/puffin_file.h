#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "io/file_io.h"

namespace arrow::io {
class RandomAccessFile;
}

namespace floe::iceberg {

/// How a blob or a footer is compressed (Puffin specification, "Compression codecs").
enum class PuffinCodec { kNone, kLz4, kZstd };

/// What a Puffin footer says of one blob.
struct PuffinBlob {
  std::string type;
  std::vector<int32_t> fields;
  int64_t snapshot_id = -1;
  int64_t sequence_number = -1;
  int64_t offset = 0;
  int64_t length = 0;  ///< As stored.
  PuffinCodec codec = PuffinCodec::kNone;
  std::map<std::string, std::string> properties;
};

/// An opened Puffin file. Immutable; thread-safe.
class PuffinFile {
 public:
  /// The most a blob or a footer may decompress to.
  static constexpr int64_t kMaxBlobBytes = int64_t{1} << 30;

  /// kCorruptData names the file and what of it is broken; kNotSupported an unknown
  /// codec or flag.
  static arrow::Result<PuffinFile> Open(const FileIO& io, const std::string& location);

  const std::vector<PuffinBlob>& blobs() const { return blobs_; }
  const std::map<std::string, std::string>& properties() const { return properties_; }

  /// The blob's bytes, decompressed.
  arrow::Result<std::string> Read(const PuffinBlob& blob) const;

 private:
  PuffinFile() = default;
  arrow::Status ReadFooter();
  arrow::Status ParseFooter(std::string_view json, int64_t blobs_end);

  std::string location_;
  std::shared_ptr<arrow::io::RandomAccessFile> input_;
  std::vector<PuffinBlob> blobs_;
  std::map<std::string, std::string> properties_;
};

/// Builds a Puffin file in memory. Not thread-safe.
class PuffinWriter {
 public:
  PuffinWriter();

  /// Adds a blob's bytes, compressed by blob.codec; returns the blob with its offset and
  /// length. kResourceExhausted above PuffinFile::kMaxBlobBytes.
  arrow::Result<PuffinBlob> Add(PuffinBlob blob, std::string_view bytes);
  void SetProperty(std::string key, std::string value);
  /// The whole file; `footer_codec` is kNone or kLz4. The writer is empty afterwards.
  arrow::Result<std::string> Finish(PuffinCodec footer_codec = PuffinCodec::kNone);

 private:
  std::string bytes_;
  std::vector<PuffinBlob> blobs_;
  std::map<std::string, std::string> properties_;
};

}  // namespace floe::iceberg
