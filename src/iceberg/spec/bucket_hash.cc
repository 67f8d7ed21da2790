#include <bit>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "iceberg/spec/date_time.h"
#include "iceberg/spec/transform.h"

namespace floe::iceberg {
namespace {

uint32_t MixBlock(uint32_t block) {
  block *= 0xcc9e2d51U;
  block = std::rotl(block, 15);
  return block * 0x1b873593U;
}

/// MurmurHash3_x86_32 with seed 0 (Austin Appleby, public domain).
int32_t Murmur3(std::string_view bytes) {
  uint32_t hash = 0;
  const size_t block_count = bytes.size() / 4;
  for (size_t i = 0; i < block_count; ++i) {
    uint32_t block;
    std::memcpy(&block, bytes.data() + 4 * i, 4);
    hash = std::rotl(hash ^ MixBlock(block), 13) * 5 + 0xe6546b64U;
  }
  uint32_t tail = 0;
  for (size_t i = bytes.size(); i > 4 * block_count; --i) {
    tail = tail << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  hash ^= MixBlock(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash ^= hash >> 16;
  hash *= 0x85ebca6bU;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35U;
  hash ^= hash >> 16;
  return static_cast<int32_t>(hash);
}

int32_t HashLong(int64_t value) {
  return Murmur3({reinterpret_cast<const char*>(&value), sizeof(value)});
}

int32_t HashDouble(double value) {
  // +0.0 and -0.0 hash alike.
  return HashLong(value == 0 ? 0 : std::bit_cast<int64_t>(value));
}

}  // namespace

arrow::Result<int32_t> BucketHash(const Literal& value) {
  if (value.is_null()) {
    return MakeError(ErrorCode::kInvalidArgument, "NULL has no bucket hash");
  }
  switch (value.type()->id()) {
    case TypeId::kBoolean:
      return HashLong(value.as<bool>() ? 1 : 0);
    case TypeId::kInt:
    case TypeId::kDate:
      return HashLong(value.as<int32_t>());
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return HashLong(value.as<int64_t>());
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return HashLong(FloorDiv(value.as<int64_t>(), 1000));
    case TypeId::kFloat:
      return HashDouble(value.as<float>());
    case TypeId::kDouble:
      return HashDouble(value.as<double>());
    case TypeId::kDecimal:
      return Murmur3(DecimalToMinimalBytes(value.as<arrow::Decimal128>()));
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary:
      return Murmur3(value.as<std::string>());
    default:
      return MakeError(ErrorCode::kInvalidArgument, "type {} has no bucket hash",
                       value.type()->ToString());
  }
}

}  // namespace floe::iceberg
