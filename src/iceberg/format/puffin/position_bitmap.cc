#include "iceberg/format/puffin/position_bitmap.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "roaring/roaring.h"

namespace floe::iceberg {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr int kLowBits = 32;
constexpr auto kMaxKey = static_cast<uint32_t>(PositionBitmap::kMaxPosition >> kLowBits);
/// The bytes of an entry that holds no position: a key, a cookie and a container count.
constexpr size_t kMinEntryBytes = 12;

arrow::Status Corrupt(std::string_view what, size_t offset) {
  return MakeError(ErrorCode::kCorruptData, "Roaring bitmap: {} at byte {}", what,
                   offset);
}

template <typename T>
T ReadNumber(std::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
void WriteNumber(T value, std::string* out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

/// Walks one 32-bit bitmap of the portable form (RoaringFormatSpec) and checks all that
/// the library takes as given: a container that is miscounted or out of order would make
/// it run over its buffers.
class BitmapChecker {
 public:
  explicit BitmapChecker(std::string_view bytes) : bytes_(bytes) {}

  /// The bytes the bitmap takes, or nothing where it is not sound.
  std::optional<size_t> Check() {
    const auto cookie = Take<uint32_t>();
    const bool has_runs = (cookie & 0xFFFF) == kRunCookie;
    if (!has_runs && cookie != kNoRunCookie) return std::nullopt;
    const uint32_t count = has_runs ? (cookie >> 16) + 1 : Take<uint32_t>();
    if (count > kMaxContainers) return std::nullopt;
    const size_t flags = offset_;
    if (has_runs) Skip((count + 7) / 8);
    const size_t headers = offset_;
    Skip(size_t{count} * 2 * sizeof(uint16_t));
    if (!has_runs || count >= kNoOffsetThreshold) Skip(size_t{count} * sizeof(uint32_t));
    int64_t last_key = -1;
    for (uint32_t i = 0; i < count && ok_; ++i) {
      const auto key = At<uint16_t>(headers + 4 * i);
      const uint32_t cardinality = At<uint16_t>(headers + 4 * i + 2) + 1U;
      const bool is_run = has_runs && ((At<uint8_t>(flags + i / 8) >> (i % 8)) & 1) != 0;
      if (key <= last_key) return std::nullopt;
      last_key = key;
      CheckContainer(is_run, cardinality);
    }
    return ok_ ? std::optional<size_t>(offset_) : std::nullopt;
  }

 private:
  static constexpr uint32_t kRunCookie = 12347;
  static constexpr uint32_t kNoRunCookie = 12346;
  static constexpr uint32_t kMaxContainers = 1 << 16;
  static constexpr uint32_t kNoOffsetThreshold = 4;
  static constexpr uint32_t kMaxArray = 4096;
  static constexpr int kBitsetWords = 1024;

  void CheckContainer(bool is_run, uint32_t cardinality) {
    uint32_t counted = 0;
    int64_t last = -1;
    if (is_run) {
      const auto runs = Take<uint16_t>();
      for (uint32_t i = 0; i < runs && ok_; ++i) {
        const int64_t start = Take<uint16_t>();
        const int64_t end = start + Take<uint16_t>();
        ok_ = ok_ && start > last && end <= 0xFFFF;
        last = end;
        counted += static_cast<uint32_t>(end - start) + 1;
      }
    } else if (cardinality <= kMaxArray) {
      for (; counted < cardinality && ok_; ++counted) {
        const int64_t value = Take<uint16_t>();
        ok_ = ok_ && value > last;
        last = value;
      }
    } else {
      for (int i = 0; i < kBitsetWords && ok_; ++i) {
        counted += static_cast<uint32_t>(std::popcount(Take<uint64_t>()));
      }
    }
    ok_ = ok_ && counted == cardinality;
  }

  void Skip(size_t size) {
    ok_ = ok_ && size <= bytes_.size() - offset_;
    if (ok_) offset_ += size;
  }
  template <typename T>
  T At(size_t offset) const {
    return ok_ ? ReadNumber<T>(bytes_, offset) : T{};
  }
  template <typename T>
  T Take() {
    const size_t begin = offset_;
    Skip(sizeof(T));
    return At<T>(begin);
  }

  std::string_view bytes_;
  size_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace

void PositionBitmap::Free::operator()(roaring_bitmap_s* bitmap) const {
  roaring_bitmap_free(bitmap);
}

PositionBitmap::PositionBitmap() = default;
PositionBitmap::~PositionBitmap() = default;
PositionBitmap::PositionBitmap(PositionBitmap&& other) noexcept = default;
PositionBitmap& PositionBitmap::operator=(PositionBitmap&& other) noexcept = default;

roaring_bitmap_s* PositionBitmap::BitmapOf(uint32_t key) {
  BitmapPtr& bitmap = bitmaps_[key];
  if (bitmap == nullptr) bitmap.reset(roaring_bitmap_create());
  FLOE_CHECK(bitmap != nullptr);  // Out of memory.
  return bitmap.get();
}

arrow::Status PositionBitmap::Add(int64_t position) { return AddAll({&position, 1}); }

arrow::Status PositionBitmap::AddAll(std::span<const int64_t> positions) {
  for (const int64_t position : positions) {
    if (position < 0 || position > kMaxPosition) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "row position {} is outside what a deletion vector can hold, 0 "
                       "to {}",
                       position, kMaxPosition);
    }
    roaring_bitmap_add(BitmapOf(static_cast<uint32_t>(position >> kLowBits)),
                       static_cast<uint32_t>(position));
  }
  return arrow::Status::OK();
}

void PositionBitmap::Merge(const PositionBitmap& other) {
  for (const auto& [key, bitmap] : other.bitmaps_) {
    roaring_bitmap_or_inplace(BitmapOf(key), bitmap.get());
  }
}

bool PositionBitmap::Contains(int64_t position) const {
  if (position < 0 || position > kMaxPosition) return false;
  const auto found = bitmaps_.find(static_cast<uint32_t>(position >> kLowBits));
  return found != bitmaps_.end() &&
         roaring_bitmap_contains(found->second.get(), static_cast<uint32_t>(position));
}

int64_t PositionBitmap::size() const {
  int64_t count = 0;
  for (const auto& [key, bitmap] : bitmaps_) {
    count += static_cast<int64_t>(roaring_bitmap_get_cardinality(bitmap.get()));
  }
  return count;
}

std::vector<int64_t> PositionBitmap::PositionsBelow(int64_t end) const {
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(std::clamp<int64_t>(end, 0, size())));
  for (const auto& [key, bitmap] : bitmaps_) {
    const int64_t base = static_cast<int64_t>(key) << kLowBits;
    roaring_uint32_iterator_t values;
    for (roaring_init_iterator(bitmap.get(), &values); values.has_value;
         roaring_advance_uint32_iterator(&values)) {
      const int64_t position = base | values.current_value;
      if (position >= end) return positions;
      positions.push_back(position);
    }
  }
  return positions;
}

arrow::Result<PositionBitmap> PositionBitmap::FromRoaring(std::string_view bytes) {
  if (bytes.size() < sizeof(uint64_t)) return Corrupt("the count is cut off", 0);
  const auto count = ReadNumber<uint64_t>(bytes, 0);
  size_t offset = sizeof(uint64_t);
  if (count > (bytes.size() - offset) / kMinEntryBytes) {
    return Corrupt("more bitmaps are counted than there are bytes for", 0);
  }
  PositionBitmap result;
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.size() - offset < sizeof(uint32_t))
      return Corrupt("a key is cut off", offset);
    const auto key = ReadNumber<uint32_t>(bytes, offset);
    if (key > kMaxKey) return Corrupt("a key above the highest position", offset);
    if (!result.bitmaps_.empty() && key <= result.bitmaps_.rbegin()->first) {
      return Corrupt("keys that do not ascend", offset);
    }
    offset += sizeof(uint32_t);
    const std::optional<size_t> size = BitmapChecker(bytes.substr(offset)).Check();
    if (!size) {
      return Corrupt("a bitmap that is cut off, out of order or miscounted", offset);
    }
    BitmapPtr bitmap(
        roaring_bitmap_portable_deserialize_safe(bytes.data() + offset, *size));
    if (bitmap == nullptr) return Corrupt("a bitmap that cannot be read", offset);
    result.bitmaps_.emplace(key, std::move(bitmap));
    offset += *size;
  }
  if (offset != bytes.size()) return Corrupt("bytes after the last bitmap", offset);
  return result;
}

std::string PositionBitmap::ToRoaring() const {
  std::string bytes;
  WriteNumber<uint64_t>(bitmaps_.size(), &bytes);
  for (const auto& [key, bitmap] : bitmaps_) {
    WriteNumber(key, &bytes);
    BitmapPtr packed(roaring_bitmap_copy(bitmap.get()));
    FLOE_CHECK(packed != nullptr);  // Out of memory.
    roaring_bitmap_run_optimize(packed.get());
    const size_t begin = bytes.size();
    bytes.resize(begin + roaring_bitmap_portable_size_in_bytes(packed.get()));
    roaring_bitmap_portable_serialize(packed.get(), bytes.data() + begin);
  }
  return bytes;
}

}  // namespace floe::iceberg
