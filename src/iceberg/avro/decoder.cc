#include "iceberg/avro/decoder.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace floe::iceberg::avro {
namespace {

bool IsNumber(const Schema& schema) {
  return schema.kind == Kind::kInt || schema.kind == Kind::kLong;
}

bool IsText(const Schema& schema) {
  return schema.kind == Kind::kBytes || schema.kind == Kind::kString;
}

}  // namespace

arrow::Status Decoder::status() const {
  if (ok()) return arrow::Status::OK();
  return MakeError(ErrorCode::kCorruptData, "{} at byte {} of the decompressed block",
                   error_, error_offset_);
}

int64_t Decoder::ReadLongSlow() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (position_ == end_) {
      Fail("a number cut off by the end of the block");
      return 0;
    }
    const auto byte = static_cast<unsigned char>(*position_++);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return ZigZag(value);
  }
  Fail("a number above 64 bits");
  return 0;
}

void Decoder::SkipPairs(int64_t count, bool of_bytes) {
  if (of_bytes) {
    for (; count > 0 && ok(); --count) {
      SkipLong();
      ReadBytes();
    }
    return;
  }
  // A number ends at its first byte without the high bit: eight bytes are counted at once
  // while a number is left that the bytes after their last end belong to.
  constexpr uint64_t kHighBits = 0x8080808080808080;
  int64_t numbers = 2 * count;
  while (end_ - position_ >= static_cast<int64_t>(sizeof(uint64_t))) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, position_, sizeof(bytes));
    const int ends = std::popcount(~bytes & kHighBits);
    if (ends >= numbers) break;
    numbers -= ends;
    position_ += sizeof(bytes);
  }
  for (; numbers > 0 && ok(); --numbers) SkipLong();
}

int64_t Decoder::ReadBlockCount(const Schema& item) {
  int64_t count = ReadLong();
  if (count < 0) {
    if (count == std::numeric_limits<int64_t>::min()) {
      Fail("an item count out of range");
      return 0;
    }
    count = -count;
    ReadLong();  // The block's size in bytes, for readers that skip it whole.
  }
  if (count > remaining() / item.min_encoded_bytes) {
    Fail("more items than bytes");
    return 0;
  }
  return count;
}

void Decoder::SkipRepeated(const Schema& schema) {
  const Schema& item = *schema.items;
  const bool pairs = schema.kind == Kind::kArray && item.kind == Kind::kRecord &&
                     item.fields.size() == 2 && IsNumber(*item.fields[0].type) &&
                     (IsNumber(*item.fields[1].type) || IsText(*item.fields[1].type));
  while (ok()) {
    int64_t count = ReadLong();
    if (count == 0) return;
    if (count < 0) {
      ReadRaw(ReadLong());
      continue;
    }
    if (count > remaining() / item.min_encoded_bytes) {
      return Fail("more items than bytes");
    }
    if (pairs) {
      SkipPairs(count, IsText(*item.fields[1].type));
      continue;
    }
    for (; count > 0 && ok(); --count) {
      if (schema.kind == Kind::kMap) ReadBytes();
      Skip(item);
    }
  }
}

void Decoder::Skip(const Schema& schema) {
  switch (schema.kind) {
    case Kind::kNull:
      return;
    case Kind::kBoolean:
      ReadRaw(1);
      return;
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kEnum:
      return SkipLong();
    case Kind::kFloat:
      ReadRaw(4);
      return;
    case Kind::kDouble:
      ReadRaw(8);
      return;
    case Kind::kBytes:
    case Kind::kString:
      ReadBytes();
      return;
    case Kind::kFixed:
      ReadRaw(schema.size);
      return;
    case Kind::kArray:
    case Kind::kMap:
      return SkipRepeated(schema);
    case Kind::kRecord:
      for (const Field& field : schema.fields) Skip(*field.type);
      return;
    case Kind::kUnion: {
      const int64_t branch = ReadLong();
      if (branch < 0 || branch >= static_cast<int64_t>(schema.branches.size())) {
        return Fail("a union branch that is not there");
      }
      return Skip(*schema.branches[static_cast<size_t>(branch)]);
    }
  }
}

}  // namespace floe::iceberg::avro
