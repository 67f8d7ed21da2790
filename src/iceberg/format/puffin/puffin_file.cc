#include "iceberg/format/puffin/puffin_file.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "arrow/util/compression.h"
#include "base/error.h"
#include "iceberg/spec/json_reader.h"
#include "io/prefetch.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic("PFA1", 4);
/// After the footer's payload: its size, the flags and the magic bytes.
constexpr int64_t kTailBytes = 12;
constexpr int64_t kSizeOffset = 0;
constexpr int64_t kFlagsOffset = 4;
constexpr int64_t kMagicOffset = 8;
constexpr uint32_t kFooterIsCompressed = 1;
constexpr char kCreatedBy[] = "created-by";
constexpr size_t kMaxBlobs = 1 << 20;

uint32_t ReadNumber(std::string_view bytes, int64_t offset) {
  uint32_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

void WriteNumber(uint32_t value, std::string* out) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out->append(bytes, sizeof(value));
}

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::string_view CodecName(PuffinCodec codec) {
  return codec == PuffinCodec::kLz4 ? "lz4" : "zstd";
}

arrow::Result<PuffinCodec> CodecFromName(const std::optional<std::string>& name) {
  if (!name) return PuffinCodec::kNone;
  for (const PuffinCodec codec : {PuffinCodec::kLz4, PuffinCodec::kZstd}) {
    if (*name == CodecName(codec)) return codec;
  }
  return MakeError(ErrorCode::kNotSupported,
                   "a blob is compressed with '{}', which is neither lz4 nor zstd",
                   *name);
}

arrow::Compression::type ArrowCodec(PuffinCodec codec) {
  return codec == PuffinCodec::kLz4 ? arrow::Compression::LZ4_FRAME
                                    : arrow::Compression::ZSTD;
}

arrow::Result<std::string> Decompress(PuffinCodec kind, std::string_view bytes) {
  if (kind == PuffinCodec::kNone) return std::string(bytes);
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(ArrowCodec(kind)));
  ARROW_ASSIGN_OR_RAISE(auto stream, codec->MakeDecompressor());
  std::string out;
  size_t written = 0;
  int64_t room = std::max<int64_t>(1024, 4 * static_cast<int64_t>(bytes.size()));
  while (!stream->IsFinished()) {
    room = std::min(room, PuffinFile::kMaxBlobBytes);
    if (static_cast<int64_t>(written) >= PuffinFile::kMaxBlobBytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "{} bytes of {} decompress to more than the limit of {}",
                       bytes.size(), CodecName(kind), PuffinFile::kMaxBlobBytes);
    }
    out.resize(static_cast<size_t>(room));
    auto step = stream->Decompress(static_cast<int64_t>(bytes.size()), Bytes(bytes),
                                   room - static_cast<int64_t>(written),
                                   reinterpret_cast<uint8_t*>(out.data()) + written);
    const bool is_stuck = step.ok() && step->bytes_read == 0 &&
                          step->bytes_written == 0 && !step->need_more_output &&
                          !stream->IsFinished();
    if (!step.ok() || is_stuck) {
      return MakeError(ErrorCode::kCorruptData, "bytes that are no complete {} data",
                       CodecName(kind));
    }
    bytes.remove_prefix(static_cast<size_t>(step->bytes_read));
    written += static_cast<size_t>(step->bytes_written);
    if (step->need_more_output || static_cast<int64_t>(written) == room) room *= 2;
  }
  if (!bytes.empty()) {
    return MakeError(ErrorCode::kCorruptData, "{} bytes after the {} data", bytes.size(),
                     CodecName(kind));
  }
  out.resize(written);
  return out;
}

arrow::Result<std::string> CompressLz4(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto codec,
                        arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME));
  const auto size = static_cast<int64_t>(bytes.size());
  std::string out(static_cast<size_t>(codec->MaxCompressedLen(size, Bytes(bytes))), '\0');
  ARROW_ASSIGN_OR_RAISE(
      const int64_t written,
      codec->Compress(size, Bytes(bytes), static_cast<int64_t>(out.size()),
                      reinterpret_cast<uint8_t*>(out.data())));
  out.resize(static_cast<size_t>(written));
  return out;
}

/// A frame that says how long its content is, as the specification asks for.
arrow::Result<std::string> CompressZstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(),
                                    ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) {
    return MakeError(ErrorCode::kInternal, "zstd: {}", ZSTD_getErrorName(size));
  }
  out.resize(size);
  return out;
}

arrow::Result<std::map<std::string, std::string>> ParseProperties(
    const JsonObject& object) {
  std::map<std::string, std::string> properties;
  const json* members = object.Find("properties");
  if (members == nullptr) return properties;
  if (!members->is_object()) {
    return MakeError(ErrorCode::kCorruptData, "\"properties\" of {} is no object",
                     object.where());
  }
  for (const auto& [key, value] : members->items()) {
    if (!value.is_string()) {
      return MakeError(ErrorCode::kCorruptData, "property \"{}\" of {} is no text", key,
                       object.where());
    }
    properties[key] = value.get<std::string>();
  }
  return properties;
}

arrow::Result<PuffinBlob> ParseBlob(const json& value, size_t index) {
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(value, fmt::format("blobs[{}]", index)));
  PuffinBlob blob;
  ARROW_ASSIGN_OR_RAISE(blob.type, object.GetString("type"));
  ARROW_ASSIGN_OR_RAISE(blob.fields, object.FindIntList("fields"));
  ARROW_ASSIGN_OR_RAISE(blob.snapshot_id, object.GetLong("snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(blob.sequence_number, object.GetLong("sequence-number"));
  ARROW_ASSIGN_OR_RAISE(blob.offset, object.GetLong("offset"));
  ARROW_ASSIGN_OR_RAISE(blob.length, object.GetLong("length"));
  ARROW_ASSIGN_OR_RAISE(const auto codec, object.FindString("compression-codec"));
  ARROW_ASSIGN_OR_RAISE(blob.codec, CodecFromName(codec));
  ARROW_ASSIGN_OR_RAISE(blob.properties, ParseProperties(object));
  return blob;
}

json BlobToJson(const PuffinBlob& blob) {
  json value = {{"type", blob.type},
                {"fields", blob.fields},
                {"snapshot-id", blob.snapshot_id},
                {"sequence-number", blob.sequence_number},
                {"offset", blob.offset},
                {"length", blob.length}};
  if (blob.codec != PuffinCodec::kNone)
    value["compression-codec"] = CodecName(blob.codec);
  if (!blob.properties.empty()) value["properties"] = blob.properties;
  return value;
}

}  // namespace

arrow::Result<PuffinFile> PuffinFile::Open(const FileIO& io,
                                           const std::string& location) {
  PuffinFile file;
  file.location_ = location;
  ARROW_ASSIGN_OR_RAISE(file.input_, io.OpenInput(location));
  const arrow::Status status = file.ReadFooter();
  if (!status.ok()) return WithContext(status, "Puffin file", location);
  return file;
}

arrow::Status PuffinFile::ReadFooter() {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, input_->GetSize());
  const auto magic_size = static_cast<int64_t>(kMagic.size());
  if (size < 2 * magic_size + kTailBytes) {
    return MakeError(ErrorCode::kCorruptData, "{} bytes are too few for a Puffin file",
                     size);
  }
  constexpr int64_t kFooterReadBytes = 64 << 10;
  ARROW_ASSIGN_OR_RAISE(
      input_, PrefetchRanges(
                  input_, {{size - std::min(size, kFooterReadBytes), kFooterReadBytes}}));
  ARROW_ASSIGN_OR_RAISE(auto tail_buffer, input_->ReadAt(size - kTailBytes, kTailBytes));
  const auto tail = static_cast<std::string_view>(*tail_buffer);
  if (tail.size() != kTailBytes || tail.substr(kMagicOffset) != kMagic) {
    return MakeError(ErrorCode::kCorruptData, "the file does not end with PFA1");
  }
  const auto payload = static_cast<int64_t>(ReadNumber(tail, kSizeOffset));
  const uint32_t flags = ReadNumber(tail, kFlagsOffset);
  if ((flags & ~kFooterIsCompressed) != 0) {
    return MakeError(ErrorCode::kNotSupported, "the footer has unknown flags {:#x}",
                     flags);
  }
  const int64_t begin = size - kTailBytes - payload - magic_size;
  if (begin < magic_size || payload > kMaxBlobBytes) {
    return MakeError(ErrorCode::kCorruptData,
                     "a footer of {} bytes does not fit into {} bytes", payload, size);
  }
  ARROW_ASSIGN_OR_RAISE(auto head, input_->ReadAt(0, magic_size));
  ARROW_ASSIGN_OR_RAISE(auto footer, input_->ReadAt(begin, magic_size + payload));
  const auto text = static_cast<std::string_view>(*footer);
  if (static_cast<std::string_view>(*head) != kMagic || !text.starts_with(kMagic) ||
      static_cast<int64_t>(text.size()) != magic_size + payload) {
    return MakeError(ErrorCode::kCorruptData,
                     "the file or its footer does not start with PFA1");
  }
  const PuffinCodec codec =
      (flags & kFooterIsCompressed) != 0 ? PuffinCodec::kLz4 : PuffinCodec::kNone;
  ARROW_ASSIGN_OR_RAISE(const std::string json_text,
                        Decompress(codec, text.substr(kMagic.size())));
  return ParseFooter(json_text, begin);
}

arrow::Status PuffinFile::ParseFooter(std::string_view text, int64_t blobs_end) {
  ARROW_ASSIGN_OR_RAISE(const json value, ParseJson(text, "Puffin footer"));
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(value, "the Puffin footer"));
  ARROW_ASSIGN_OR_RAISE(const json* blobs, object.GetArray("blobs"));
  if (blobs->size() > kMaxBlobs) {
    return MakeError(ErrorCode::kResourceExhausted, "{} blobs are above the limit of {}",
                     blobs->size(), kMaxBlobs);
  }
  for (size_t i = 0; i < blobs->size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(PuffinBlob blob, ParseBlob((*blobs)[i], i));
    const auto first = static_cast<int64_t>(kMagic.size());
    if (blob.offset < first || blob.length < 0 || blob.length > blobs_end - blob.offset) {
      return MakeError(ErrorCode::kCorruptData,
                       "blob {} ({}) claims {} bytes at {}, beyond the blobs' end at {}",
                       i, blob.type, blob.length, blob.offset, blobs_end);
    }
    blobs_.push_back(std::move(blob));
  }
  ARROW_ASSIGN_OR_RAISE(properties_, ParseProperties(object));
  return arrow::Status::OK();
}

arrow::Result<std::string> PuffinFile::Read(const PuffinBlob& blob) const {
  if (blob.length > kMaxBlobBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "the Puffin file '{}' has a blob of {} bytes; at most {} are read",
                     location_, blob.length, kMaxBlobBytes);
  }
  ARROW_ASSIGN_OR_RAISE(auto buffer, input_->ReadAt(blob.offset, blob.length));
  if (buffer->size() != blob.length) {
    return MakeError(ErrorCode::kCorruptData,
                     "the Puffin file '{}' ends within the blob at {}", location_,
                     blob.offset);
  }
  auto bytes = Decompress(blob.codec, static_cast<std::string_view>(*buffer));
  if (!bytes.ok()) return WithContext(bytes.status(), "Puffin file", location_);
  return bytes;
}

PuffinWriter::PuffinWriter() : bytes_(kMagic) { SetProperty(kCreatedBy, "Floe"); }

void PuffinWriter::SetProperty(std::string key, std::string value) {
  properties_[std::move(key)] = std::move(value);
}

arrow::Result<PuffinBlob> PuffinWriter::Add(PuffinBlob blob, std::string_view bytes) {
  if (static_cast<int64_t>(bytes.size()) > PuffinFile::kMaxBlobBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "a Puffin blob of {} bytes is above the limit of {}", bytes.size(),
                     PuffinFile::kMaxBlobBytes);
  }
  blob.offset = static_cast<int64_t>(bytes_.size());
  if (blob.codec == PuffinCodec::kNone) {
    bytes_ += bytes;
  } else if (blob.codec == PuffinCodec::kLz4) {
    ARROW_ASSIGN_OR_RAISE(const std::string compressed, CompressLz4(bytes));
    bytes_ += compressed;
  } else {
    ARROW_ASSIGN_OR_RAISE(const std::string compressed, CompressZstd(bytes));
    bytes_ += compressed;
  }
  blob.length = static_cast<int64_t>(bytes_.size()) - blob.offset;
  blobs_.push_back(blob);
  return blob;
}

arrow::Result<std::string> PuffinWriter::Finish(PuffinCodec footer_codec) {
  json footer = {{"blobs", json::array()}, {"properties", properties_}};
  for (const PuffinBlob& blob : blobs_) footer["blobs"].push_back(BlobToJson(blob));
  ARROW_ASSIGN_OR_RAISE(std::string payload, DumpJson(footer, "Puffin footer"));
  uint32_t flags = 0;
  if (footer_codec != PuffinCodec::kNone) {
    ARROW_ASSIGN_OR_RAISE(payload, CompressLz4(payload));
    flags = kFooterIsCompressed;
  }
  bytes_ += kMagic;
  bytes_ += payload;
  WriteNumber(static_cast<uint32_t>(payload.size()), &bytes_);
  WriteNumber(flags, &bytes_);
  bytes_ += kMagic;
  blobs_.clear();
  return std::exchange(bytes_, std::string(kMagic));
}

}  // namespace floe::iceberg
