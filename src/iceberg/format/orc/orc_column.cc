#include "iceberg/format/orc/orc_column.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "arrow/array/array_nested.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/buffer_builder.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "base/error.h"
#include "iceberg/format/orc/orc_runs.h"

namespace floe::iceberg::orc {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using ColumnPtr = std::unique_ptr<OrcColumn>;

/// Values that one batch may have in all its lists or maps.
constexpr int64_t kMaxNestedValues = int64_t{1} << 28;
/// A count that a file claims is not trusted with more memory than this many values.
constexpr int64_t kMaxReserve = 1 << 16;
constexpr int64_t kMaxDictionary = int64_t{1} << 28;
constexpr int32_t kMaxDecimalDigits = 38;

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "ORC file: {}", what);
}

arrow::Status NotSupported(const std::string& name, std::string_view what) {
  return MakeError(ErrorCode::kNotSupported, "ORC column '{}': {}", name, what);
}

bool IsV2(const Encoding& encoding) {
  return encoding.kind == EncodingKind::kDirectV2 ||
         encoding.kind == EncodingKind::kDictionaryV2;
}

arrow::Result<ByteStream> Need(StripeSource* stripe, uint32_t column, StreamKind kind) {
  ARROW_ASSIGN_OR_RAISE(auto stream, stripe->Open(column, kind));
  if (!stream) {
    // A column without values has no streams; whoever reads one all the same finds out.
    return ByteStream(std::make_shared<arrow::Buffer>(std::string_view()),
                      Compression::kNone, 1);
  }
  return *std::move(stream);
}

arrow::Result<IntegerRuns> NeedRuns(StripeSource* stripe, uint32_t column,
                                    StreamKind kind, bool is_signed) {
  ARROW_ASSIGN_OR_RAISE(auto stream, Need(stripe, column, kind));
  return IntegerRuns(std::move(stream), is_signed, IsV2(stripe->encoding(column)));
}

int64_t CountOf(const std::vector<bool>& valid) {
  return std::count(valid.begin(), valid.end(), true);
}

/// Values appended one by one to a builder of Arrow's.
template <typename Builder, typename ReadValue>
class LeafColumn final : public OrcColumn {
 public:
  LeafColumn(const std::shared_ptr<arrow::DataType>& type, ReadValue read,
             arrow::MemoryPool* pool)
      : OrcColumn(pool), builder_(type, pool), read_(std::move(read)) {}

 protected:
  arrow::Result<ArrayPtr> ReadValues(const std::vector<bool>& valid) override {
    ARROW_RETURN_NOT_OK(builder_.Reserve(
        std::min<int64_t>(static_cast<int64_t>(valid.size()), kMaxReserve)));
    for (const bool is_valid : valid) {
      ARROW_RETURN_NOT_OK(is_valid ? read_(&builder_) : builder_.AppendNull());
    }
    return builder_.Finish();
  }

 private:
  Builder builder_;
  ReadValue read_;
};

template <typename Builder, typename ReadValue>
ColumnPtr MakeLeaf(const std::shared_ptr<arrow::DataType>& type, arrow::MemoryPool* pool,
                   ReadValue read) {
  return std::make_unique<LeafColumn<Builder, ReadValue>>(type, std::move(read), pool);
}

template <typename Builder>
ColumnPtr MakeInteger(IntegerRuns runs, const std::shared_ptr<arrow::DataType>& type,
                      arrow::MemoryPool* pool) {
  using Value = typename Builder::value_type;
  return MakeLeaf<Builder>(
      type, pool, [runs = std::move(runs)](Builder* builder) mutable -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(const int64_t value, runs.Next());
        if (value != static_cast<Value>(value)) return Corrupt("a number out of range");
        return builder->Append(static_cast<Value>(value));
      });
}

template <typename Builder>
ColumnPtr MakeFloat(ByteStream stream, const std::shared_ptr<arrow::DataType>& type,
                    arrow::MemoryPool* pool) {
  static_assert(std::endian::native == std::endian::little);
  using Value = typename Builder::value_type;
  return MakeLeaf<Builder>(
      type, pool,
      [stream = std::move(stream)](Builder* builder) mutable -> arrow::Status {
        char bytes[sizeof(Value)];
        ARROW_RETURN_NOT_OK(stream.ReadInto(bytes, sizeof(Value)));
        Value value;
        std::memcpy(&value, bytes, sizeof(Value));
        return builder->Append(value);
      });
}

/// Times: seconds from a base on, and nanoseconds without their trailing zeros.
class TimestampReader {
 public:
  TimestampReader(IntegerRuns seconds, IntegerRuns nanos, int64_t base, bool is_nanos)
      : seconds_(std::move(seconds)),
        nanos_(std::move(nanos)),
        base_(base),
        is_nanos_(is_nanos) {}

  arrow::Status operator()(arrow::TimestampBuilder* builder) {
    ARROW_ASSIGN_OR_RAISE(int64_t seconds, seconds_.Next());
    ARROW_ASSIGN_OR_RAISE(const int64_t packed, nanos_.Next());
    int64_t nanos = static_cast<int64_t>(static_cast<uint64_t>(packed) >> 3);
    if (const auto zeros = static_cast<int>(packed & 7); zeros != 0) {
      for (int i = 0; i <= zeros; ++i) {
        if (nanos > kNanosPerSecond) return Corrupt("a fraction of a second above one");
        nanos *= 10;
      }
    }
    if (nanos < 0 || nanos >= kNanosPerSecond) {
      return Corrupt("a fraction of a second above one");
    }
    if (__builtin_add_overflow(seconds, base_, &seconds)) return OutOfRange();
    // Writers cut the seconds of times before 1970 toward zero, where there are
    // milliseconds to cut.
    if (seconds < 0 && nanos >= kNanosPerMilli) --seconds;
    const int64_t scale = is_nanos_ ? kNanosPerSecond : kNanosPerSecond / 1000;
    const int64_t fraction = is_nanos_ ? nanos : nanos / 1000;
    int64_t value = 0;
    if (__builtin_mul_overflow(seconds, scale, &value) ||
        __builtin_add_overflow(value, fraction, &value)) {
      return OutOfRange();
    }
    return builder->Append(value);
  }

 private:
  static constexpr int64_t kNanosPerSecond = 1'000'000'000;
  static constexpr int64_t kNanosPerMilli = 1'000'000;
  static arrow::Status OutOfRange() { return Corrupt("a time beyond what 64 bits hold"); }

  IntegerRuns seconds_;
  IntegerRuns nanos_;
  int64_t base_;
  bool is_nanos_;
};

/// Decimals: unscaled numbers of any length, each with its own scale.
class DecimalReader {
 public:
  DecimalReader(ByteStream data, IntegerRuns scales, int32_t precision, int32_t scale)
      : data_(std::move(data)),
        scales_(std::move(scales)),
        precision_(precision),
        scale_(scale) {}

  arrow::Status operator()(arrow::Decimal128Builder* builder) {
    ARROW_ASSIGN_OR_RAISE(arrow::Decimal128 value, ReadUnscaled());
    ARROW_ASSIGN_OR_RAISE(const int64_t scale, scales_.Next());
    if (scale < 0 || scale > kMaxDecimalDigits) return Corrupt("a decimal's scale");
    if (scale != scale_) {
      auto rescaled = value.Rescale(static_cast<int32_t>(scale), scale_);
      if (!rescaled.ok()) return Corrupt("a decimal with more digits than its column");
      value = *rescaled;
    }
    if (!value.FitsInPrecision(precision_)) {
      return Corrupt("a decimal with more digits than its column");
    }
    return builder->Append(value);
  }

 private:
  arrow::Result<arrow::Decimal128> ReadUnscaled() {
    constexpr int kMaxBits = 126;
    unsigned __int128 bits = 0;
    for (int shift = 0;; shift += 7) {
      if (shift > kMaxBits) return Corrupt("a decimal above 127 bits");
      ARROW_ASSIGN_OR_RAISE(const uint8_t byte, data_.ReadByte());
      bits |= static_cast<unsigned __int128>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    const unsigned __int128 value = (bits >> 1) ^ (~(bits & 1) + 1);
    return arrow::Decimal128(static_cast<int64_t>(value >> 64),
                             static_cast<uint64_t>(value));
  }

  ByteStream data_;
  IntegerRuns scales_;
  int32_t precision_;
  int32_t scale_;
};

/// Texts and bytes one after the other, with their lengths.
class BytesReader {
 public:
  BytesReader(ByteStream data, IntegerRuns lengths)
      : data_(std::move(data)), lengths_(std::move(lengths)) {}

  /// The next value, valid until the next call.
  arrow::Result<std::string_view> Next() {
    ARROW_ASSIGN_OR_RAISE(int64_t left, lengths_.Next());
    if (left < 0) return Corrupt("a negative length");
    buffer_.clear();
    while (left > 0) {
      ARROW_ASSIGN_OR_RAISE(const std::string_view some, data_.ReadSome(left));
      buffer_ += some;
      left -= static_cast<int64_t>(some.size());
    }
    return std::string_view(buffer_);
  }

  template <typename Builder>
  arrow::Status operator()(Builder* builder) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view value, Next());
    return builder->Append(value);
  }

 private:
  ByteStream data_;
  IntegerRuns lengths_;
  std::string buffer_;
};

/// Texts by their place in the stripe's dictionary.
class DictionaryReader {
 public:
  static arrow::Result<DictionaryReader> Make(StripeSource* stripe, uint32_t column) {
    const int64_t size = stripe->encoding(column).dictionary_size;
    if (size > kMaxDictionary) return Corrupt("a dictionary of too many values");
    ARROW_ASSIGN_OR_RAISE(auto indexes,
                          NeedRuns(stripe, column, StreamKind::kData, false));
    ARROW_ASSIGN_OR_RAISE(auto data, Need(stripe, column, StreamKind::kDictionary));
    ARROW_ASSIGN_OR_RAISE(auto lengths,
                          NeedRuns(stripe, column, StreamKind::kLength, false));
    DictionaryReader reader(std::move(indexes));
    BytesReader values(std::move(data), std::move(lengths));
    reader.values_.reserve(static_cast<size_t>(std::min(size, kMaxReserve)));
    for (int64_t i = 0; i < size; ++i) {
      ARROW_ASSIGN_OR_RAISE(const std::string_view value, values.Next());
      reader.values_.emplace_back(value);
    }
    return reader;
  }

  template <typename Builder>
  arrow::Status operator()(Builder* builder) {
    ARROW_ASSIGN_OR_RAISE(const int64_t index, indexes_.Next());
    if (index < 0 || index >= static_cast<int64_t>(values_.size())) {
      return Corrupt("a value that is not in its dictionary");
    }
    return builder->Append(values_[static_cast<size_t>(index)]);
  }

 private:
  explicit DictionaryReader(IntegerRuns indexes) : indexes_(std::move(indexes)) {}

  IntegerRuns indexes_;
  std::vector<std::string> values_;
};

class StructColumn final : public OrcColumn {
 public:
  StructColumn(std::vector<std::pair<std::string, ColumnPtr>> children,
               arrow::MemoryPool* pool)
      : OrcColumn(pool), children_(std::move(children)) {}

 protected:
  arrow::Result<ArrayPtr> ReadValues(const std::vector<bool>& valid) override {
    const auto length = static_cast<int64_t>(valid.size());
    const int64_t nulls = length - CountOf(valid);
    arrow::ArrayVector arrays;
    arrow::FieldVector fields;
    for (auto& [name, column] : children_) {
      ARROW_ASSIGN_OR_RAISE(auto array,
                            column->Read(length, nulls > 0 ? &valid : nullptr));
      fields.push_back(arrow::field(name, array->type()));
      arrays.push_back(std::move(array));
    }
    std::shared_ptr<arrow::Buffer> validity;
    if (nulls > 0) {
      arrow::TypedBufferBuilder<bool> bits(pool_);
      for (const bool is_valid : valid) ARROW_RETURN_NOT_OK(bits.Append(is_valid));
      ARROW_ASSIGN_OR_RAISE(validity, bits.Finish());
    }
    return std::make_shared<arrow::StructArray>(arrow::struct_(std::move(fields)), length,
                                                std::move(arrays), std::move(validity),
                                                nulls);
  }

 private:
  std::vector<std::pair<std::string, ColumnPtr>> children_;
};

/// Lists (one child) and maps (two).
class RepeatedColumn final : public OrcColumn {
 public:
  RepeatedColumn(IntegerRuns lengths, std::vector<ColumnPtr> children,
                 arrow::MemoryPool* pool)
      : OrcColumn(pool), lengths_(std::move(lengths)), children_(std::move(children)) {}

 protected:
  arrow::Result<ArrayPtr> ReadValues(const std::vector<bool>& valid) override {
    arrow::TypedBufferBuilder<int32_t> offsets(pool_);
    arrow::TypedBufferBuilder<bool> bits(pool_);
    int64_t end = 0;
    ARROW_RETURN_NOT_OK(offsets.Append(0));
    for (const bool is_valid : valid) {
      if (is_valid) {
        ARROW_ASSIGN_OR_RAISE(const int64_t length, lengths_.Next());
        if (length < 0 || length > kMaxNestedValues - end) {
          return Corrupt("lists of more values than a batch can hold");
        }
        end += length;
      }
      ARROW_RETURN_NOT_OK(offsets.Append(static_cast<int32_t>(end)));
      ARROW_RETURN_NOT_OK(bits.Append(is_valid));
    }
    arrow::ArrayVector values;
    for (ColumnPtr& child : children_) {
      ARROW_ASSIGN_OR_RAISE(values.emplace_back(), child->Read(end, nullptr));
    }
    const int64_t nulls = bits.false_count();
    std::shared_ptr<arrow::Buffer> validity;
    if (nulls > 0) {
      ARROW_ASSIGN_OR_RAISE(validity, bits.Finish());
    }
    ARROW_ASSIGN_OR_RAISE(auto offset_buffer, offsets.Finish());
    const auto length = static_cast<int64_t>(valid.size());
    if (values.size() == 1) {
      return std::make_shared<arrow::ListArray>(arrow::list(values[0]->type()), length,
                                                std::move(offset_buffer), values[0],
                                                std::move(validity), nulls);
    }
    return std::make_shared<arrow::MapArray>(
        arrow::map(values[0]->type(), values[1]->type()), length,
        std::move(offset_buffer), values[0], values[1], std::move(validity), nulls);
  }

 private:
  IntegerRuns lengths_;
  std::vector<ColumnPtr> children_;
};

class Maker {
 public:
  Maker(const std::set<int>& leaves, StripeSource* stripe, arrow::MemoryPool* pool)
      : leaves_(leaves), stripe_(stripe), pool_(pool) {}

  arrow::Result<ColumnPtr> Make(const FileField& field, uint32_t column) const {
    const Type& type = stripe_->type(column);
    switch (type.kind) {
      case Kind::kStruct:
        return MakeStruct(field, type);
      case Kind::kList:
      case Kind::kMap: {
        ARROW_ASSIGN_OR_RAISE(auto lengths,
                              NeedRuns(stripe_, column, StreamKind::kLength, false));
        std::vector<ColumnPtr> children;
        for (size_t i = 0; i < type.children.size(); ++i) {
          ARROW_ASSIGN_OR_RAISE(children.emplace_back(),
                                OrcColumn::Make(field.children[i], type.children[i],
                                                leaves_, stripe_, pool_));
        }
        return std::make_unique<RepeatedColumn>(std::move(lengths), std::move(children),
                                                pool_);
      }
      default:
        return MakeLeafColumn(field, column, type);
    }
  }

 private:
  arrow::Result<ColumnPtr> MakeStruct(const FileField& field, const Type& type) const {
    std::vector<std::pair<std::string, ColumnPtr>> children;
    for (size_t i = 0; i < type.children.size(); ++i) {
      if (!HasLeafIn(field.children[i], leaves_)) continue;
      ARROW_ASSIGN_OR_RAISE(
          auto child,
          OrcColumn::Make(field.children[i], type.children[i], leaves_, stripe_, pool_));
      children.emplace_back(type.names[i], std::move(child));
    }
    return std::make_unique<StructColumn>(std::move(children), pool_);
  }

  arrow::Result<ColumnPtr> MakeLeafColumn(const FileField& field, uint32_t column,
                                          const Type& type) const {
    const auto& arrow_type = field.field->type();
    switch (type.kind) {
      case Kind::kBoolean:
        return MakeBoolean(column, arrow_type);
      case Kind::kByte:
        return MakeByte(column, arrow_type);
      case Kind::kShort:
      case Kind::kInt:
      case Kind::kLong:
      case Kind::kDate:
        return MakeWhole(column, arrow_type);
      case Kind::kFloat: {
        ARROW_ASSIGN_OR_RAISE(auto stream, Need(stripe_, column, StreamKind::kData));
        return MakeFloat<arrow::FloatBuilder>(std::move(stream), arrow_type, pool_);
      }
      case Kind::kDouble: {
        ARROW_ASSIGN_OR_RAISE(auto stream, Need(stripe_, column, StreamKind::kData));
        return MakeFloat<arrow::DoubleBuilder>(std::move(stream), arrow_type, pool_);
      }
      case Kind::kTimestamp:
      case Kind::kTimestampInstant:
        return MakeTimestamp(column, type, arrow_type);
      case Kind::kDecimal:
        return MakeDecimal(field, column, type, arrow_type);
      case Kind::kUnion:
        return NotSupported(field.name, "unions have no Iceberg type");
      default:
        return MakeBytes(column, arrow_type);
    }
  }

  arrow::Result<ColumnPtr> MakeBoolean(
      uint32_t column, const std::shared_ptr<arrow::DataType>& type) const {
    ARROW_ASSIGN_OR_RAISE(auto stream, Need(stripe_, column, StreamKind::kData));
    return MakeLeaf<arrow::BooleanBuilder>(
        type, pool_,
        [runs = BooleanRuns(std::move(stream))](
            arrow::BooleanBuilder* builder) mutable -> arrow::Status {
          ARROW_ASSIGN_OR_RAISE(const bool value, runs.Next());
          return builder->Append(value);
        });
  }

  arrow::Result<ColumnPtr> MakeByte(uint32_t column,
                                    const std::shared_ptr<arrow::DataType>& type) const {
    ARROW_ASSIGN_OR_RAISE(auto stream, Need(stripe_, column, StreamKind::kData));
    return MakeLeaf<arrow::Int32Builder>(
        type, pool_,
        [runs = ByteRuns(std::move(stream))](
            arrow::Int32Builder* builder) mutable -> arrow::Status {
          ARROW_ASSIGN_OR_RAISE(const uint8_t value, runs.Next());
          return builder->Append(static_cast<int8_t>(value));
        });
  }

  arrow::Result<ColumnPtr> MakeWhole(uint32_t column,
                                     const std::shared_ptr<arrow::DataType>& type) const {
    ARROW_ASSIGN_OR_RAISE(auto runs, NeedRuns(stripe_, column, StreamKind::kData, true));
    switch (type->id()) {
      case arrow::Type::DATE32:
        return MakeInteger<arrow::Date32Builder>(std::move(runs), type, pool_);
      case arrow::Type::INT32:
        return MakeInteger<arrow::Int32Builder>(std::move(runs), type, pool_);
      case arrow::Type::TIME64:
        return MakeInteger<arrow::Time64Builder>(std::move(runs), type, pool_);
      default:
        return MakeInteger<arrow::Int64Builder>(std::move(runs), type, pool_);
    }
  }

  arrow::Result<ColumnPtr> MakeTimestamp(
      uint32_t column, const Type& type,
      const std::shared_ptr<arrow::DataType>& arrow_type) const {
    ARROW_ASSIGN_OR_RAISE(auto seconds,
                          NeedRuns(stripe_, column, StreamKind::kData, true));
    ARROW_ASSIGN_OR_RAISE(auto nanos,
                          NeedRuns(stripe_, column, StreamKind::kSecondary, false));
    int64_t base = kUtcTimeBase;
    if (type.kind == Kind::kTimestamp) {
      ARROW_ASSIGN_OR_RAISE(base, stripe_->LocalTimeBase());
    }
    const bool is_nanos = static_cast<const arrow::TimestampType&>(*arrow_type).unit() ==
                          arrow::TimeUnit::NANO;
    return MakeLeaf<arrow::TimestampBuilder>(
        arrow_type, pool_,
        TimestampReader(std::move(seconds), std::move(nanos), base, is_nanos));
  }

  arrow::Result<ColumnPtr> MakeDecimal(
      const FileField& field, uint32_t column, const Type& type,
      const std::shared_ptr<arrow::DataType>& arrow_type) const {
    if (arrow_type->id() == arrow::Type::NA) {
      return NotSupported(field.name, "a decimal of more than 38 digits");
    }
    ARROW_ASSIGN_OR_RAISE(auto data, Need(stripe_, column, StreamKind::kData));
    ARROW_ASSIGN_OR_RAISE(auto scales,
                          NeedRuns(stripe_, column, StreamKind::kSecondary, true));
    return MakeLeaf<arrow::Decimal128Builder>(
        arrow_type, pool_,
        DecimalReader(std::move(data), std::move(scales),
                      static_cast<int32_t>(type.precision),
                      static_cast<int32_t>(type.scale)));
  }

  arrow::Result<ColumnPtr> MakeBytes(
      uint32_t column, const std::shared_ptr<arrow::DataType>& arrow_type) const {
    const EncodingKind encoding = stripe_->encoding(column).kind;
    if (encoding == EncodingKind::kDictionary ||
        encoding == EncodingKind::kDictionaryV2) {
      ARROW_ASSIGN_OR_RAISE(auto reader, DictionaryReader::Make(stripe_, column));
      return WithReader(std::move(reader), arrow_type);
    }
    ARROW_ASSIGN_OR_RAISE(auto data, Need(stripe_, column, StreamKind::kData));
    ARROW_ASSIGN_OR_RAISE(auto lengths,
                          NeedRuns(stripe_, column, StreamKind::kLength, false));
    return WithReader(BytesReader(std::move(data), std::move(lengths)), arrow_type);
  }

  template <typename Reader>
  ColumnPtr WithReader(Reader reader,
                       const std::shared_ptr<arrow::DataType>& type) const {
    if (type->id() == arrow::Type::STRING) {
      return MakeLeaf<arrow::StringBuilder>(type, pool_, std::move(reader));
    }
    return MakeLeaf<arrow::BinaryBuilder>(type, pool_, std::move(reader));
  }

  static constexpr int64_t kUtcTimeBase = 1'420'070'400;  ///< 2015-01-01.

  const std::set<int>& leaves_;
  StripeSource* const stripe_;
  arrow::MemoryPool* const pool_;
};

std::string Attribute(const Type& type, const std::string& key) {
  const auto found = type.attributes.find(key);
  return found == type.attributes.end() ? "" : found->second;
}

int32_t FieldIdOf(const Type& type) {
  const std::string text = Attribute(type, "iceberg.id");
  int32_t id = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_number =
      parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && id >= 0;
  return is_number ? id : -1;
}

std::shared_ptr<arrow::DataType> LeafType(const Type& type) {
  switch (type.kind) {
    case Kind::kBoolean:
      return arrow::boolean();
    case Kind::kByte:
    case Kind::kShort:
    case Kind::kInt:
      return arrow::int32();
    case Kind::kLong:
      return Attribute(type, "iceberg.long-type") == "TIME"
                 ? arrow::time64(arrow::TimeUnit::MICRO)
                 : arrow::int64();
    case Kind::kFloat:
      return arrow::float32();
    case Kind::kDouble:
      return arrow::float64();
    case Kind::kDate:
      return arrow::date32();
    case Kind::kTimestamp:
    case Kind::kTimestampInstant: {
      const auto unit = Attribute(type, "iceberg.timestamp-unit") == "NANOS"
                            ? arrow::TimeUnit::NANO
                            : arrow::TimeUnit::MICRO;
      return type.kind == Kind::kTimestamp ? arrow::timestamp(unit)
                                           : arrow::timestamp(unit, "UTC");
    }
    case Kind::kDecimal: {
      const bool fits = type.precision >= 1 && type.precision <= kMaxDecimalDigits &&
                        type.scale <= type.precision;
      return fits ? arrow::decimal128(static_cast<int32_t>(type.precision),
                                      static_cast<int32_t>(type.scale))
                  : arrow::null();
    }
    case Kind::kString:
    case Kind::kVarchar:
    case Kind::kChar:
      return arrow::utf8();
    case Kind::kBinary:
    case Kind::kGeometry:
    case Kind::kGeography:
      return arrow::binary();
    default:
      return arrow::null();
  }
}

FileField FieldOf(const std::vector<Type>& types, uint32_t column, std::string name) {
  const Type& type = types[column];
  FileField field;
  field.field_id = FieldIdOf(type);
  const bool is_nested =
      type.kind == Kind::kStruct || type.kind == Kind::kList || type.kind == Kind::kMap;
  if (!is_nested) {
    field.column = static_cast<int>(column);
    field.field = arrow::field(name, LeafType(type));
    field.name = std::move(name);
    return field;
  }
  arrow::FieldVector children;
  for (size_t i = 0; i < type.children.size(); ++i) {
    std::string child = type.kind == Kind::kStruct ? type.names[i]
                        : type.kind == Kind::kList ? "element"
                        : i == 0                   ? "key"
                                                   : "value";
    field.children.push_back(FieldOf(types, type.children[i], std::move(child)));
    children.push_back(field.children.back().field);
  }
  std::shared_ptr<arrow::DataType> nested;
  if (type.kind == Kind::kStruct) {
    nested = arrow::struct_(std::move(children));
  } else if (type.kind == Kind::kList) {
    nested = arrow::list(children[0]);
  } else {
    nested = arrow::map(children[0]->type(), children[1]->type());
  }
  field.field = arrow::field(name, std::move(nested));
  field.name = std::move(name);
  return field;
}

}  // namespace

struct OrcColumn::Presence {
  BooleanRuns runs;
};

bool HasLeafIn(const FileField& field, const std::set<int>& leaves) {
  if (field.is_leaf()) return leaves.count(field.column) > 0;
  return std::any_of(field.children.begin(), field.children.end(),
                     [&](const FileField& child) { return HasLeafIn(child, leaves); });
}

std::vector<FileField> OrcFileFields(const std::vector<Type>& types) {
  return FieldOf(types, 0, "").children;
}

arrow::Result<std::unique_ptr<OrcColumn>> OrcColumn::Make(const FileField& field,
                                                          uint32_t column,
                                                          const std::set<int>& leaves,
                                                          StripeSource* stripe,
                                                          arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto made, Maker(leaves, stripe, pool).Make(field, column));
  ARROW_ASSIGN_OR_RAISE(auto present, stripe->Open(column, StreamKind::kPresent));
  if (present) {
    made->presence_ =
        std::make_shared<Presence>(Presence{BooleanRuns(*std::move(present))});
  }
  return made;
}

arrow::Result<ArrayPtr> OrcColumn::Read(int64_t count, const std::vector<bool>* parents) {
  std::vector<bool> valid;
  valid.reserve(static_cast<size_t>(std::min(count, kMaxReserve)));
  for (int64_t i = 0; i < count; ++i) {
    bool is_valid = parents == nullptr || (*parents)[static_cast<size_t>(i)];
    if (is_valid && presence_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(is_valid, presence_->runs.Next());
    }
    valid.push_back(is_valid);
  }
  return ReadValues(valid);
}

}  // namespace floe::iceberg::orc
