#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"

struct roaring_bitmap_s;

namespace floe::iceberg {

/// A set of row positions of one data file, held as one Roaring bitmap for each 2^32
/// positions. Move-only. Not thread-safe while it is changed.
class PositionBitmap {
 public:
  /// The highest position a deletion vector can hold in every implementation.
  static constexpr int64_t kMaxPosition = (int64_t{0x7FFFFFFE} << 32) | 0x80000000;

  PositionBitmap();
  ~PositionBitmap();
  PositionBitmap(PositionBitmap&& other) noexcept;
  PositionBitmap& operator=(PositionBitmap&& other) noexcept;

  /// kInvalidArgument unless 0 <= position <= kMaxPosition.
  arrow::Status Add(int64_t position);
  /// Any order, repetitions allowed.
  arrow::Status AddAll(std::span<const int64_t> positions);
  void Merge(const PositionBitmap& other);

  bool Contains(int64_t position) const;
  int64_t size() const;
  bool empty() const { return size() == 0; }
  /// Positions below `end`, ascending. At most `end` numbers, whatever the bitmap claims.
  std::vector<int64_t> PositionsBelow(int64_t end) const;
  /// kMaxPosition + 1 numbers are more than any caller wants: use PositionsBelow for
  /// vectors that were read.
  std::vector<int64_t> Positions() const { return PositionsBelow(kMaxPosition + 1); }

  /// The portable form of 64-bit bitmaps (RoaringFormatSpec, "Extension for 64-bit
  /// Implementations"): kCorruptData for keys out of order or above those of
  /// kMaxPosition, for bitmaps that are cut off or not ascending, and for left-over
  /// bytes.
  static arrow::Result<PositionBitmap> FromRoaring(std::string_view bytes);
  /// Run-length encoded where that is smaller, as the Java reference writes.
  std::string ToRoaring() const;

 private:
  struct Free {
    void operator()(roaring_bitmap_s* bitmap) const;
  };
  using BitmapPtr = std::unique_ptr<roaring_bitmap_s, Free>;

  roaring_bitmap_s* BitmapOf(uint32_t key);

  std::map<uint32_t, BitmapPtr> bitmaps_;  ///< By the upper 32 bits of positions.
};

}  // namespace floe::iceberg
