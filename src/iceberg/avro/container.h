#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/avro/codec.h"
#include "iceberg/avro/decoder.h"
#include "iceberg/avro/schema.h"

namespace floe::iceberg::avro {

using Metadata = std::map<std::string, std::string, std::less<>>;

/// Some records of a file.
struct Block {
  int64_t record_count = 0;
  std::string_view data;  ///< Decompressed.
  int64_t file_offset = 0;
};

/// Reads an Avro object container file (Avro specification 1.11, "Object Container
/// Files") held in memory. Not thread-safe.
class ContainerReader {
 public:
  /// Reads the header. `bytes` must outlive the reader. kCorruptData for a broken header,
  /// kNotSupported for an unknown codec.
  static arrow::Result<ContainerReader> Open(std::string_view bytes);

  const Metadata& metadata() const { return metadata_; }
  const SchemaPtr& schema() const { return schema_; }

  /// The next block, nullopt at the end of the file. Its data are valid until the next
  /// call. kCorruptData names the offset in the file.
  arrow::Result<std::optional<Block>> Next();

 private:
  ContainerReader(std::string_view bytes, Codec codec)
      : bytes_(bytes), decompressor_(codec) {}

  std::string_view bytes_;
  size_t position_ = 0;
  std::string_view sync_;
  Metadata metadata_;
  SchemaPtr schema_;
  Decompressor decompressor_;
};

/// Appends Avro's binary encoding to a string.
class Encoder {
 public:
  explicit Encoder(std::string* out) : out_(out) {}

  void WriteLong(int64_t value);
  void WriteBoolean(bool value) { out_->push_back(value ? '\1' : '\0'); }
  void WriteFloat(float value);
  void WriteDouble(double value);
  void WriteBytes(std::string_view bytes) {
    WriteLong(static_cast<int64_t>(bytes.size()));
    out_->append(bytes);
  }
  void WriteRaw(std::string_view bytes) { out_->append(bytes); }

 private:
  std::string* out_;
};

/// Builds an Avro object container file in memory. The sync marker is derived from the
/// content, so the same records give the same file. Not thread-safe.
class ContainerWriter {
 public:
  /// `metadata` must not hold the reserved avro.* keys.
  ContainerWriter(std::string schema_json, Metadata metadata, Codec codec);

  /// Encodes one record through `encode`.
  arrow::Status Append(const std::function<void(Encoder*)>& encode);
  /// The whole file; the writer is empty afterwards.
  arrow::Result<std::string> Finish();

 private:
  arrow::Status FlushBlock();

  std::string header_;
  Codec codec_;
  std::string block_;
  int64_t block_records_ = 0;
  struct CompressedBlock {
    int64_t record_count;
    std::string data;
  };
  std::vector<CompressedBlock> blocks_;
};

}  // namespace floe::iceberg::avro
