#include "iceberg/avro/container.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace floe::iceberg::avro {
namespace {

constexpr std::string_view kMagic("Obj\1", 4);
constexpr size_t kSyncBytes = 16;
constexpr char kSchemaKey[] = "avro.schema";
constexpr char kCodecKey[] = "avro.codec";
/// Encoded bytes after which a block is closed.
constexpr size_t kBlockBytes = 1 << 20;

arrow::Status Broken(std::string_view what, size_t offset) {
  return MakeError(ErrorCode::kCorruptData, "Avro file: {} at byte {}", what, offset);
}

arrow::Result<Metadata> ReadMetadata(Decoder* decoder) {
  // A key and a value take at least their two lengths.
  Schema entry;
  entry.min_encoded_bytes = 2;
  Metadata metadata;
  for (int64_t count = decoder->ReadBlockCount(entry); count > 0;
       count = decoder->ReadBlockCount(entry)) {
    for (; count > 0 && decoder->ok(); --count) {
      std::string key(decoder->ReadBytes());
      metadata[std::move(key)] = std::string(decoder->ReadBytes());
    }
  }
  ARROW_RETURN_NOT_OK(decoder->status());
  return metadata;
}

/// FNV-1a of 64 bits, from `hash` on.
uint64_t Hash(uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace

arrow::Result<ContainerReader> ContainerReader::Open(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) {
    return MakeError(ErrorCode::kCorruptData,
                     "{} bytes are no Avro file: they do not start with \"Obj\" 1",
                     bytes.size());
  }
  Decoder decoder(bytes.substr(kMagic.size()));
  auto metadata = ReadMetadata(&decoder);
  if (!metadata.ok()) {
    return WithContext(metadata.status(), "part", "the header of the Avro file");
  }
  const size_t sync_offset = kMagic.size() + static_cast<size_t>(decoder.offset());
  if (bytes.size() - sync_offset < kSyncBytes) {
    return Broken("the header is cut off", bytes.size());
  }
  const auto schema_json = metadata->find(kSchemaKey);
  if (schema_json == metadata->end()) {
    return Broken("the header has no avro.schema", kMagic.size());
  }
  const auto codec_name = metadata->find(kCodecKey);
  Codec codec = Codec::kNull;
  if (codec_name != metadata->end()) {
    ARROW_ASSIGN_OR_RAISE(codec, CodecFromName(codec_name->second));
  }
  ContainerReader reader(bytes, codec);
  ARROW_ASSIGN_OR_RAISE(reader.schema_, ParseSchema(schema_json->second));
  reader.metadata_ = *std::move(metadata);
  reader.sync_ = bytes.substr(sync_offset, kSyncBytes);
  reader.position_ = sync_offset + kSyncBytes;
  return reader;
}

arrow::Result<std::optional<Block>> ContainerReader::Next() {
  if (position_ == bytes_.size()) return std::optional<Block>();
  Block block;
  block.file_offset = static_cast<int64_t>(position_);
  Decoder decoder(bytes_.substr(position_));
  block.record_count = decoder.ReadLong();
  const std::string_view data = decoder.ReadBytes();
  const std::string_view sync = decoder.ReadRaw(kSyncBytes);
  if (!decoder.ok() || block.record_count < 0) {
    return Broken("a block is cut off or broken", position_);
  }
  if (sync != sync_) {
    return Broken("a block does not end with the file's sync marker", position_);
  }
  auto decompressed = decompressor_.Decompress(data);
  if (!decompressed.ok()) {
    return WithContext(decompressed.status(), "offset", fmt::format("{}", position_));
  }
  block.data = *decompressed;
  const int64_t smallest = schema_->min_encoded_bytes;
  const bool too_many =
      smallest > 0
          ? block.record_count > static_cast<int64_t>(block.data.size()) / smallest
          : block.record_count > 0;
  if (too_many) return Broken("a block counts more records than its bytes", position_);
  position_ += static_cast<size_t>(decoder.offset());
  return std::optional<Block>(block);
}

void Encoder::WriteLong(int64_t value) {
  uint64_t bits =
      (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (bits >= 0x80) {
    out_->push_back(static_cast<char>(bits | 0x80));
    bits >>= 7;
  }
  out_->push_back(static_cast<char>(bits));
}

void Encoder::WriteFloat(float value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out_->append(bytes, sizeof(value));
}

void Encoder::WriteDouble(double value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out_->append(bytes, sizeof(value));
}

ContainerWriter::ContainerWriter(std::string schema_json, Metadata metadata, Codec codec)
    : codec_(codec) {
  metadata[kSchemaKey] = std::move(schema_json);
  metadata[kCodecKey] = std::string(CodecName(codec));
  header_ = kMagic;
  Encoder encoder(&header_);
  encoder.WriteLong(static_cast<int64_t>(metadata.size()));
  for (const auto& [key, value] : metadata) {
    encoder.WriteBytes(key);
    encoder.WriteBytes(value);
  }
  encoder.WriteLong(0);
}

arrow::Status ContainerWriter::Append(const std::function<void(Encoder*)>& encode) {
  Encoder encoder(&block_);
  encode(&encoder);
  ++block_records_;
  return block_.size() >= kBlockBytes ? FlushBlock() : arrow::Status::OK();
}

arrow::Status ContainerWriter::FlushBlock() {
  if (block_records_ == 0) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::string data, Compress(codec_, block_));
  blocks_.push_back({block_records_, std::move(data)});
  block_.clear();
  block_records_ = 0;
  return arrow::Status::OK();
}

arrow::Result<std::string> ContainerWriter::Finish() {
  ARROW_RETURN_NOT_OK(FlushBlock());
  uint64_t first = Hash(0xcbf29ce484222325ULL, header_);
  uint64_t second = Hash(0x84222325cbf29ce4ULL, header_);
  size_t size = header_.size() + kSyncBytes;
  for (const CompressedBlock& block : blocks_) {
    first = Hash(first, block.data);
    second = Hash(second, block.data);
    size += block.data.size() + kSyncBytes + 20;
  }
  std::string sync(kSyncBytes, '\0');
  std::memcpy(sync.data(), &first, 8);
  std::memcpy(sync.data() + 8, &second, 8);
  std::string file = std::move(header_);
  file.reserve(size);
  file += sync;
  Encoder encoder(&file);
  for (const CompressedBlock& block : blocks_) {
    encoder.WriteLong(block.record_count);
    encoder.WriteBytes(block.data);
    encoder.WriteRaw(sync);
  }
  blocks_.clear();
  return file;
}

}  // namespace floe::iceberg::avro
