#include "iceberg/format/orc/protobuf_fields.h"

#include "base/error.h"

namespace floe::iceberg::orc {
namespace {

constexpr uint32_t kVarintWire = 0;
constexpr uint32_t kFixed64Wire = 1;
constexpr uint32_t kBytesWire = 2;
constexpr uint32_t kFixed32Wire = 5;
constexpr int kWireBits = 3;

}  // namespace

uint64_t ProtobufFields::ReadVarint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes_.empty()) break;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

std::string_view ProtobufFields::Take(uint64_t size) {
  if (size > bytes_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view taken = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return taken;
}

bool ProtobufFields::Next() {
  if (!ok_ || bytes_.empty()) return false;
  const uint64_t tag = ReadVarint();
  number_ = static_cast<uint32_t>(tag >> kWireBits);
  is_bytes_ = false;
  value_ = 0;
  bytes_field_ = {};
  switch (tag & ((1 << kWireBits) - 1)) {
    case kVarintWire:
      value_ = ReadVarint();
      break;
    case kFixed64Wire:
      Take(sizeof(uint64_t));
      break;
    case kFixed32Wire:
      Take(sizeof(uint32_t));
      break;
    case kBytesWire:
      is_bytes_ = true;
      bytes_field_ = Take(ReadVarint());
      break;
    default:
      ok_ = false;
  }
  return ok_;
}

uint64_t ProtobufFields::value() {
  if (is_bytes_) ok_ = false;
  return is_bytes_ ? 0 : value_;
}

std::string_view ProtobufFields::bytes() {
  if (!is_bytes_) ok_ = false;
  return bytes_field_;
}

arrow::Status ProtobufFields::status(std::string_view what) const {
  if (ok_) return arrow::Status::OK();
  return MakeError(ErrorCode::kCorruptData, "ORC file: the {} is no protobuf message",
                   what);
}

}  // namespace floe::iceberg::orc
