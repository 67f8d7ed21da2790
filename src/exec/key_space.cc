#include "exec/key_space.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "arrow/array.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "base/error.h"

namespace floe::exec {

namespace {

using arrow::Type;

constexpr int64_t kMillisPerDay = 86'400'000;
/// Of one encoded batch: offsets are 32-bit.
constexpr uint64_t kMaxEncodedBytes = std::numeric_limits<uint32_t>::max();
constexpr int kMaxDecimalScale = 76;

const arrow::DataType& Storage(const arrow::DataType& type) {
  if (type.id() == Type::EXTENSION) {
    return Storage(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  if (type.id() == Type::DICTIONARY) {
    return Storage(*static_cast<const arrow::DictionaryType&>(type).value_type());
  }
  return type;
}

std::optional<KeyClass> ClassOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
      return KeyClass::kInt64;
    case Type::UINT64:
      return KeyClass::kUInt64;
    case Type::BOOL:
      return KeyClass::kBool;
    case Type::FLOAT:
    case Type::DOUBLE:
      return KeyClass::kDouble;
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY:
      return KeyClass::kBytes;
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      return KeyClass::kDecimal;
    case Type::DATE32:
    case Type::DATE64:
      return KeyClass::kDate;
    case Type::TIME32:
    case Type::TIME64:
      return KeyClass::kTime;
    case Type::TIMESTAMP:
      return KeyClass::kTimestamp;
    default:
      return std::nullopt;
  }
}

/// The class both sides are brought to, or nullopt when they cannot be compared.
std::optional<KeyClass> CommonClass(KeyClass left, KeyClass right) {
  if (left == right) return left;
  auto number = [](KeyClass c) {
    return c == KeyClass::kInt64 || c == KeyClass::kUInt64 || c == KeyClass::kDouble;
  };
  // An integer beside a double or an unsigned one: what does not fit int64 matches
  // nothing.
  if (number(left) && number(right) &&
      (left == KeyClass::kInt64 || right == KeyClass::kInt64)) {
    return KeyClass::kInt64;
  }
  return std::nullopt;
}

bool IsInt64Class(KeyClass c) {
  return c == KeyClass::kInt64 || c == KeyClass::kUInt64 || c == KeyClass::kBool ||
         c == KeyClass::kDate;
}

int ScaleOf(const arrow::DataType& type) {
  return static_cast<const arrow::DecimalType&>(type).scale();
}

int64_t NanosPer(arrow::TimeUnit::type unit) {
  constexpr int64_t kNanos[] = {1'000'000'000, 1'000'000, 1'000, 1};
  return kNanos[static_cast<int>(unit)];
}

/// Canonical values of one column: fixed-width ones in `fixed`, else `views`.
struct Canonical {
  int width = 0;  ///< 0: variable, in views.
  std::vector<uint8_t> fixed;
  std::vector<std::string_view> views;
  std::vector<uint8_t> valid;  ///< A byte a row, always filled.

  template <typename T>
  T* Fixed(int64_t length) {
    width = sizeof(T);
    fixed.resize(static_cast<size_t>(length) * sizeof(T));
    return reinterpret_cast<T*>(fixed.data());
  }
};

void FillValidity(const arrow::Array& array, int64_t first, int64_t length,
                  std::vector<uint8_t>* valid) {
  valid->assign(static_cast<size_t>(length), 1);
  if (array.null_count() == 0) return;
  for (int64_t i = 0; i < length; ++i) (*valid)[i] = array.IsValid(first + i) ? 1 : 0;
}

/// Calls `visit(T{})` with the C type of a numeric, date or time array; false otherwise.
template <typename Visit>
bool VisitNumber(Type::type id, const Visit& visit) {
  switch (id) {
    case Type::INT8:
      return visit(int8_t{}), true;
    case Type::INT16:
      return visit(int16_t{}), true;
    case Type::INT32:
    case Type::DATE32:
    case Type::TIME32:
      return visit(int32_t{}), true;
    case Type::INT64:
    case Type::DATE64:
    case Type::TIME64:
    case Type::TIMESTAMP:
      return visit(int64_t{}), true;
    case Type::UINT8:
      return visit(uint8_t{}), true;
    case Type::UINT16:
      return visit(uint16_t{}), true;
    case Type::UINT32:
      return visit(uint32_t{}), true;
    case Type::UINT64:
      return visit(uint64_t{}), true;
    case Type::FLOAT:
      return visit(float{}), true;
    case Type::DOUBLE:
      return visit(double{}), true;
    default:
      return false;
  }
}

/// One value as int64; false when it has no equal among them (or, for kUInt64, by bits).
template <typename T>
bool ToInt64(T value, bool unsigned_bits, int64_t* out) {
  if constexpr (std::is_floating_point_v<T>) {
    const double wide = value;
    // 2^63 itself does not fit; NaN fails both comparisons.
    if (!(wide >= -0x1p63 && wide < 0x1p63) || std::trunc(wide) != wide) return false;
    *out = static_cast<int64_t>(wide);
    return true;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    *out = static_cast<int64_t>(value);
    return unsigned_bits || *out >= 0;
  } else {
    *out = static_cast<int64_t>(value);
    return true;
  }
}

int64_t FloorDay(int64_t millis) {
  return millis / kMillisPerDay - (millis % kMillisPerDay < 0 ? 1 : 0);
}

/// Integers, booleans and dates as int64. `valid` is already filled.
void IntegerValues(const arrow::Array& array, KeyClass key_class, int64_t first,
                   int64_t length, int64_t* out, uint8_t* valid) {
  if (array.type_id() == Type::BOOL) {
    const auto& bools = static_cast<const arrow::BooleanArray&>(array);
    for (int64_t i = 0; i < length; ++i) out[i] = bools.Value(first + i) ? 1 : 0;
    return;
  }
  const bool unsigned_bits = key_class == KeyClass::kUInt64;
  const bool days = array.type_id() == Type::DATE64;
  VisitNumber(array.type_id(), [&](auto tag) {
    using T = decltype(tag);
    const T* values = array.data()->GetValues<T>(1) + first;
    for (int64_t i = 0; i < length; ++i) {
      int64_t value = 0;
      if (!ToInt64(values[i], unsigned_bits, &value)) valid[i] = 0;
      out[i] = days ? FloorDay(value) : value;
    }
  });
}

void DoubleValues(const arrow::Array& array, int64_t first, int64_t length,
                  Canonical* out) {
  double* doubles = out->Fixed<double>(length);
  VisitNumber(array.type_id(), [&](auto tag) {
    using T = decltype(tag);
    const T* values = array.data()->GetValues<T>(1) + first;
    for (int64_t i = 0; i < length; ++i) {
      const double value = static_cast<double>(values[i]);
      if (std::isnan(value)) out->valid[i] = 0;
      doubles[i] = value == 0 ? 0.0 : value;
    }
  });
}

/// Timestamps and times as 128-bit nanoseconds, which hold every unit's whole range.
void NanosValues(const arrow::Array& array, int64_t first, int64_t length,
                 Canonical* out) {
  int64_t factor = 1;
  if (array.type_id() == Type::TIMESTAMP) {
    factor = NanosPer(static_cast<const arrow::TimestampType&>(*array.type()).unit());
  } else {
    factor = NanosPer(static_cast<const arrow::TimeType&>(*array.type()).unit());
  }
  struct Nanos {
    uint64_t low, high;
  };
  Nanos* nanos = out->Fixed<Nanos>(length);
  VisitNumber(array.type_id(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>) {
      const T* values = array.data()->GetValues<T>(1) + first;
      for (int64_t i = 0; i < length; ++i) {
        const __int128 wide = static_cast<__int128>(values[i]) * factor;
        nanos[i] = {static_cast<uint64_t>(wide),
                    static_cast<uint64_t>(static_cast<unsigned __int128>(wide) >> 64)};
      }
    }
  });
}

/// Decimals as 256-bit integers of the common scale.
void DecimalValues(const arrow::Array& array, int scale, int64_t first, int64_t length,
                   Canonical* out) {
  const auto& fixed = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  const int width = fixed.byte_width();
  const int up = scale - ScaleOf(*array.type());
  using Words = std::array<uint64_t, 4>;
  Words* words = out->Fixed<Words>(length);
  for (int64_t i = 0; i < length; ++i) {
    if (!out->valid[i]) {
      words[i] = Words{};
      continue;
    }
    const uint8_t* bytes = fixed.GetValue(first + i);
    Words value;
    value.fill((bytes[width - 1] & 0x80) ? ~uint64_t{0} : 0);
    std::memcpy(value.data(), bytes, static_cast<size_t>(width));
    arrow::Decimal256 decimal(arrow::Decimal256::LittleEndianArray, value);
    if (up > 0) {
      auto scaled = decimal.Rescale(0, up);
      // Too large for the common scale: no value of the other side equals it.
      if (!scaled.ok()) out->valid[i] = 0;
      decimal = scaled.ValueOr(arrow::Decimal256());
    }
    words[i] = decimal.little_endian_array();
  }
}

template <typename ArrayType>
void ViewsOf(const arrow::Array& array, int64_t first, int64_t length, Canonical* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  for (int64_t i = 0; i < length; ++i) {
    if (out->valid[i]) out->views[i] = typed.GetView(first + i);
  }
}

void BytesValues(const arrow::Array& array, int64_t first, int64_t length,
                 Canonical* out) {
  out->width = 0;
  out->views.assign(static_cast<size_t>(length), {});
  switch (array.type_id()) {
    case Type::STRING:
    case Type::BINARY:
      return ViewsOf<arrow::BinaryArray>(array, first, length, out);
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return ViewsOf<arrow::LargeBinaryArray>(array, first, length, out);
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      return ViewsOf<arrow::BinaryViewArray>(array, first, length, out);
    default:
      return ViewsOf<arrow::FixedSizeBinaryArray>(array, first, length, out);
  }
}

int64_t IndexAt(const arrow::Array& indices, int64_t i) {
  int64_t value = 0;
  VisitNumber(indices.type_id(), [&](auto tag) {
    using T = decltype(tag);
    value = static_cast<int64_t>(indices.data()->GetValues<T>(1)[i]);
  });
  return value;
}

arrow::Status Canonicalize(const std::string& name, const arrow::Array& array,
                           KeyClass key_class, int scale, int64_t first, int64_t length,
                           Canonical* out);

arrow::Status CanonicalizeDictionary(const std::string& name,
                                     const arrow::DictionaryArray& array,
                                     KeyClass key_class, int scale, int64_t first,
                                     int64_t length, Canonical* out) {
  const arrow::Array& values = *array.dictionary();
  Canonical dictionary;
  ARROW_RETURN_NOT_OK(
      Canonicalize(name, values, key_class, scale, 0, values.length(), &dictionary));
  out->width = dictionary.width;
  const size_t width = static_cast<size_t>(dictionary.width);
  out->fixed.assign(static_cast<size_t>(length) * width, 0);
  out->views.assign(width == 0 ? static_cast<size_t>(length) : 0, {});
  FillValidity(array, first, length, &out->valid);
  for (int64_t i = 0; i < length; ++i) {
    if (!out->valid[i]) continue;
    const int64_t index = IndexAt(*array.indices(), first + i);
    if (index < 0 || index >= values.length()) {
      return MakeError(ErrorCode::kCorruptData,
                       "key column '{}' has dictionary index {} of {} values", name,
                       index, values.length());
    }
    out->valid[i] = dictionary.valid[index];
    if (width == 0) {
      out->views[i] = dictionary.views[index];
    } else {
      std::memcpy(out->fixed.data() + i * width, dictionary.fixed.data() + index * width,
                  width);
    }
  }
  return arrow::Status::OK();
}

arrow::Status Canonicalize(const std::string& name, const arrow::Array& array,
                           KeyClass key_class, int scale, int64_t first, int64_t length,
                           Canonical* out) {
  if (array.type_id() == Type::EXTENSION) {
    return Canonicalize(name, *static_cast<const arrow::ExtensionArray&>(array).storage(),
                        key_class, scale, first, length, out);
  }
  if (array.type_id() == Type::DICTIONARY) {
    return CanonicalizeDictionary(name, static_cast<const arrow::DictionaryArray&>(array),
                                  key_class, scale, first, length, out);
  }
  const std::optional<KeyClass> own = ClassOf(*array.type());
  if (!own || CommonClass(*own, key_class) != key_class ||
      (key_class == KeyClass::kDecimal && ScaleOf(*array.type()) > scale)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "key column '{}' came as {}, which is not the type declared for it",
                     name, array.type()->ToString());
  }
  FillValidity(array, first, length, &out->valid);
  switch (key_class) {
    case KeyClass::kInt64:
    case KeyClass::kUInt64:
    case KeyClass::kBool:
    case KeyClass::kDate:
      IntegerValues(array, key_class, first, length, out->Fixed<int64_t>(length),
                    out->valid.data());
      break;
    case KeyClass::kDouble:
      DoubleValues(array, first, length, out);
      break;
    case KeyClass::kBytes:
      BytesValues(array, first, length, out);
      break;
    case KeyClass::kDecimal:
      DecimalValues(array, scale, first, length, out);
      break;
    case KeyClass::kTime:
    case KeyClass::kTimestamp:
      NanosValues(array, first, length, out);
      break;
  }
  return arrow::Status::OK();
}

/// Lays canonical columns out row by row: optionally a null flag, then the fixed bytes,
/// or a length (left out when the column is alone) and the bytes.
class RowEncoder {
 public:
  RowEncoder(std::span<const Canonical> columns, bool nulls_are_values, int64_t length)
      : columns_(columns), flags_(nulls_are_values), length_(length) {}

  arrow::Status Encode(KeySpace::Bytes* out) {
    const bool lengths = columns_.size() > 1;
    out->offsets.assign(static_cast<size_t>(length_) + 1, 0);
    uint64_t total = 0;
    for (int64_t i = 0; i < length_; ++i) {
      out->offsets[i] = static_cast<uint32_t>(total);
      for (const Canonical& column : columns_) total += Size(column, i, lengths);
      if (total > kMaxEncodedBytes) {
        return MakeError(ErrorCode::kResourceExhausted,
                         "the keys of {} rows take more than {} bytes", length_,
                         kMaxEncodedBytes);
      }
    }
    out->offsets[length_] = static_cast<uint32_t>(total);
    out->data.resize(total);
    for (int64_t i = 0; i < length_; ++i) {
      uint8_t* at = out->data.data() + out->offsets[i];
      for (const Canonical& column : columns_) at = Write(column, i, lengths, at);
    }
    return arrow::Status::OK();
  }

 private:
  size_t Size(const Canonical& column, int64_t i, bool lengths) const {
    size_t size = flags_ ? 1 : 0;
    if (flags_ && !column.valid[i]) return size;
    if (column.width > 0) return size + static_cast<size_t>(column.width);
    return size + (lengths ? sizeof(uint32_t) : 0) + column.views[i].size();
  }

  uint8_t* Write(const Canonical& column, int64_t i, bool lengths, uint8_t* at) const {
    if (flags_) *at++ = column.valid[i];
    if (flags_ && !column.valid[i]) return at;
    if (column.width > 0) {
      const size_t width = static_cast<size_t>(column.width);
      std::memcpy(at, column.fixed.data() + i * width, width);
      return at + width;
    }
    const std::string_view view = column.views[i];
    if (lengths) {
      const auto size = static_cast<uint32_t>(view.size());
      std::memcpy(at, &size, sizeof(size));
      at += sizeof(size);
    }
    if (!view.empty()) std::memcpy(at, view.data(), view.size());
    return at + view.size();
  }

  std::span<const Canonical> columns_;
  bool flags_;
  int64_t length_;
};

}  // namespace

arrow::Result<KeySpace> KeySpace::Make(const std::vector<Column>& columns,
                                       bool nulls_are_values) {
  KeySpace space;
  space.nulls_are_values_ = nulls_are_values;
  for (const Column& column : columns) {
    const arrow::DataType& left = Storage(*column.left);
    const arrow::DataType& right = Storage(*column.right);
    const std::optional<KeyClass> left_class = ClassOf(left);
    const std::optional<KeyClass> right_class = ClassOf(right);
    if (!left_class || !right_class) {
      return MakeError(ErrorCode::kNotSupported,
                       "key column '{}' is of type {}, which cannot be a key",
                       column.name,
                       (left_class ? column.right : column.left)->ToString());
    }
    const auto common = CommonClass(*left_class, *right_class);
    if (!common) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "key column '{}' is {} on one side and {} on the other; cast one "
                       "of them",
                       column.name, column.left->ToString(), column.right->ToString());
    }
    Part part;
    part.name = column.name;
    part.key_class = *common;
    if (*common == KeyClass::kDecimal) {
      part.scale = std::max(ScaleOf(left), ScaleOf(right));
      if (part.scale > kMaxDecimalScale) {
        return MakeError(ErrorCode::kNotSupported, "key column '{}' has scale {}",
                         column.name, part.scale);
      }
    }
    space.parts_.push_back(std::move(part));
  }
  space.integer_ = space.parts_.size() == 1 && IsInt64Class(space.parts_[0].key_class);
  return space;
}

arrow::Status KeySpace::EncodeIntegers(const arrow::Array& key, int64_t first_row,
                                       int64_t length, Integers* out) const {
  if (!integer_) return MakeError(ErrorCode::kInternal, "the key is not an integer");
  const Part& part = parts_[0];
  const std::optional<KeyClass> own = ClassOf(*key.type());
  if (own && CommonClass(*own, part.key_class) == part.key_class) {
    const bool all_valid =
        key.null_count() == 0 && *own != KeyClass::kDouble && *own != KeyClass::kUInt64;
    FillValidity(key, first_row, length, &out->valid);
    out->values.resize(static_cast<size_t>(length));
    IntegerValues(key, part.key_class, first_row, length, out->values.data(),
                  out->valid.data());
    if (all_valid) out->valid.clear();
    return arrow::Status::OK();
  }
  Canonical column;
  ARROW_RETURN_NOT_OK(
      Canonicalize(part.name, key, part.key_class, 0, first_row, length, &column));
  out->values.resize(static_cast<size_t>(length));
  if (length > 0) {
    std::memcpy(out->values.data(), column.fixed.data(), column.fixed.size());
  }
  out->valid = std::move(column.valid);
  return arrow::Status::OK();
}

arrow::Status KeySpace::EncodeBytes(
    const std::vector<std::shared_ptr<arrow::Array>>& keys, int64_t first_row,
    int64_t length, Bytes* out) const {
  if (keys.size() != parts_.size()) {
    return MakeError(ErrorCode::kInvalidArgument, "{} key columns where {} were declared",
                     keys.size(), parts_.size());
  }
  std::vector<Canonical> columns(parts_.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    ARROW_RETURN_NOT_OK(Canonicalize(parts_[c].name, *keys[c], parts_[c].key_class,
                                     parts_[c].scale, first_row, length, &columns[c]));
  }
  out->valid.clear();
  if (!nulls_are_values_) {
    for (const Canonical& column : columns) {
      if (out->valid.empty()) {
        out->valid = column.valid;
        continue;
      }
      for (int64_t i = 0; i < length; ++i) out->valid[i] &= column.valid[i];
    }
  }
  return RowEncoder(columns, nulls_are_values_, length).Encode(out);
}

}  // namespace floe::exec
