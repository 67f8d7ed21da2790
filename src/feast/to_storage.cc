#include <optional>
#include <utility>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/compute/cast.h"
#include "arrow/extension_type.h"
#include "arrow/util/bitmap_ops.h"
#include "base/error.h"
#include "base/hex.h"
#include "feast/message_from_arrow.h"
#include "feast/value_codec.h"
#include "feast/zoned_text.h"

namespace floe::feast {

namespace {

using arrow::Type;
using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr int64_t kNanosPerMicro = 1000;
constexpr int64_t kMicrosPerSecond = 1000000;
constexpr int32_t kUuidBytes = 16;

const std::shared_ptr<arrow::DataType>& MicrosUtc() {
  static const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  return type;
}

bool IsStringLike(const arrow::DataType& type) {
  return type.id() == Type::STRING || type.id() == Type::LARGE_STRING ||
         type.id() == Type::STRING_VIEW;
}

bool IsBinaryLike(const arrow::DataType& type) {
  return type.id() == Type::BINARY || type.id() == Type::LARGE_BINARY ||
         type.id() == Type::BINARY_VIEW || type.id() == Type::FIXED_SIZE_BINARY;
}

bool IsNumber(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
         arrow::is_decimal(type.id());
}

bool IsDecimalText(ValueType type) {
  return type == ValueType::kDecimal || type == ValueType::kDecimalList ||
         type == ValueType::kDecimalSet;
}

bool IsUuidText(ValueType type) {
  switch (type) {
    case ValueType::kUuid:
    case ValueType::kTimeUuid:
    case ValueType::kUuidList:
    case ValueType::kTimeUuidList:
    case ValueType::kUuidSet:
    case ValueType::kTimeUuidSet:
      return true;
    default:
      return false;
  }
}

/// Converts the values of one column, or the elements of its lists.
class Converter {
 public:
  Converter(const ValueTypeInfo& info, const std::string& column, arrow::MemoryPool* pool)
      : info_(info), column_(column), pool_(pool), context_(pool) {}

  arrow::Result<ArrayPtr> Column(ArrayPtr array) const {
    ARROW_ASSIGN_OR_RAISE(array, Plain(std::move(array)));
    ARROW_ASSIGN_OR_RAISE(auto target, ToArrowType(info_.type));
    if (array->type_id() == Type::NA) {
      return arrow::MakeArrayOfNull(target, array->length(), pool_);
    }
    if (info_.storage == ValueStorage::kMessage) {
      return MessagesFromArrow(info_, column_, array, pool_);
    }
    if (!info_.is_repeated) return Elements(std::move(array));
    return Lists(std::move(array), target);
  }

 private:
  arrow::Status Unfit(const arrow::DataType& from, std::string_view why) const {
    return MakeError(ErrorCode::kInvalidArgument,
                     "column '{}' is {} and cannot be stored as Feast's {}: {}", column_,
                     from.ToString(), info_.name, why);
  }

  arrow::Status WrongType(const arrow::DataType& from) const {
    return Unfit(from, "the types do not fit; change the field's dtype or the column");
  }

  arrow::Result<ArrayPtr> Cast(const ArrayPtr& array,
                               const std::shared_ptr<arrow::DataType>& type) const {
    if (array->type()->Equals(*type)) return array;
    auto cast = arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe(),
                                     &context_);
    if (!cast.ok()) return Unfit(*array->type(), cast.status().message());
    return cast;
  }

  /// Extension and dictionary layers taken off.
  arrow::Result<ArrayPtr> Plain(ArrayPtr array) const {
    if (array->type_id() == Type::EXTENSION) {
      array = static_cast<const arrow::ExtensionArray&>(*array).storage();
    }
    if (array->type_id() == Type::DICTIONARY) {
      return Cast(array,
                  static_cast<const arrow::DictionaryType&>(*array->type()).value_type());
    }
    return array;
  }

  arrow::Result<ArrayPtr> Lists(ArrayPtr array,
                                const std::shared_ptr<arrow::DataType>& target) const {
    if (array->type_id() == Type::LARGE_LIST ||
        array->type_id() == Type::FIXED_SIZE_LIST) {
      ARROW_ASSIGN_OR_RAISE(array, Cast(array, arrow::list(array->type()->field(0))));
    }
    if (array->type_id() != Type::LIST) return WrongType(*array->type());
    const auto& lists = static_cast<const arrow::ListArray&>(*array);
    ARROW_ASSIGN_OR_RAISE(ArrayPtr elements, Plain(lists.values()));
    if (elements->type_id() == Type::NA) {
      ARROW_ASSIGN_OR_RAISE(elements, arrow::MakeArrayOfNull(target->field(0)->type(),
                                                             elements->length(), pool_));
    } else {
      ARROW_ASSIGN_OR_RAISE(elements, Elements(std::move(elements)));
    }
    auto data = lists.data()->Copy();
    data->type = target;
    data->child_data = {elements->data()};
    return arrow::MakeArray(std::move(data));
  }

  arrow::Result<ArrayPtr> Elements(ArrayPtr array) const {
    const arrow::DataType& type = *array->type();
    switch (info_.storage) {
      case ValueStorage::kBoolean:
        return type.id() == Type::BOOL ? std::move(array)
                                       : arrow::Result<ArrayPtr>(WrongType(type));
      case ValueStorage::kInt32:
        return Number(array, arrow::int32());
      case ValueStorage::kInt64:
        return Number(array, arrow::int64());
      case ValueStorage::kFloat:
        return Number(array, arrow::float32());
      case ValueStorage::kDouble:
        return Number(array, arrow::float64());
      case ValueStorage::kString:
        return Text(array);
      case ValueStorage::kBytes:
        if (!IsBinaryLike(type) && !IsStringLike(type)) return WrongType(type);
        return Cast(array, arrow::binary());
      case ValueStorage::kTimestamp:
        return Timestamps(array);
      case ValueStorage::kZonedText:
        return Zoned(array);
      case ValueStorage::kMessage:
        break;
    }
    return WrongType(type);
  }

  arrow::Result<ArrayPtr> Number(const ArrayPtr& array,
                                 const std::shared_ptr<arrow::DataType>& type) const {
    if (!IsNumber(*array->type())) return WrongType(*array->type());
    return Cast(array, type);
  }

  arrow::Result<ArrayPtr> Text(const ArrayPtr& array) const {
    const arrow::DataType& type = *array->type();
    if (IsDecimalText(info_.type) && arrow::is_decimal(type.id())) {
      return Cast(array, arrow::utf8());
    }
    if (IsUuidText(info_.type) && type.id() == Type::FIXED_SIZE_BINARY &&
        static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width() == kUuidBytes) {
      return UuidText(static_cast<const arrow::FixedSizeBinaryArray&>(*array));
    }
    if (!IsStringLike(type)) return WrongType(type);
    return Cast(array, arrow::utf8());
  }

  arrow::Result<ArrayPtr> UuidText(const arrow::FixedSizeBinaryArray& array) const {
    arrow::StringBuilder builder(pool_);
    ARROW_RETURN_NOT_OK(builder.Reserve(array.length()));
    for (int64_t i = 0; i < array.length(); ++i) {
      if (array.IsNull(i)) {
        builder.UnsafeAppendNull();
        continue;
      }
      std::string text = HexEncode(array.GetView(i));
      for (size_t dash : {8, 13, 18, 23}) text.insert(dash, 1, '-');
      ARROW_RETURN_NOT_OK(builder.Append(text));
    }
    return builder.Finish();
  }

  /// `array` of timestamps in `unit` as the same numbers of UTC microseconds.
  static ArrayPtr WithType(const ArrayPtr& array,
                           const std::shared_ptr<arrow::DataType>& type) {
    auto data = array->data()->Copy();
    data->type = type;
    return arrow::MakeArray(std::move(data));
  }

  arrow::Result<ArrayPtr> Timestamps(const ArrayPtr& array) const {
    const arrow::DataType& type = *array->type();
    if (arrow::is_integer(type.id())) {
      // Feast takes a bare integer for seconds.
      ARROW_ASSIGN_OR_RAISE(ArrayPtr seconds, Cast(array, arrow::int64()));
      return Cast(WithType(seconds, arrow::timestamp(arrow::TimeUnit::SECOND, "UTC")),
                  MicrosUtc());
    }
    if (type.id() == Type::DATE32 || type.id() == Type::DATE64) {
      ARROW_ASSIGN_OR_RAISE(ArrayPtr micros,
                            Cast(array, arrow::timestamp(arrow::TimeUnit::MICRO)));
      return WithType(micros, MicrosUtc());
    }
    if (type.id() != Type::TIMESTAMP) return WrongType(type);
    const auto unit = static_cast<const arrow::TimestampType&>(type).unit();
    if (unit == arrow::TimeUnit::NANO) return FlooredMicros(*array);
    return Cast(WithType(array, arrow::timestamp(unit, "UTC")), MicrosUtc());
  }

  arrow::Result<ArrayPtr> FlooredMicros(const arrow::Array& array) const {
    const auto& nanos = static_cast<const arrow::TimestampArray&>(array);
    arrow::TimestampBuilder builder(MicrosUtc(), pool_);
    ARROW_RETURN_NOT_OK(builder.Reserve(nanos.length()));
    for (int64_t i = 0; i < nanos.length(); ++i) {
      if (nanos.IsNull(i)) {
        builder.UnsafeAppendNull();
        continue;
      }
      const int64_t value = nanos.Value(i);
      builder.UnsafeAppend(value / kNanosPerMicro - (value % kNanosPerMicro < 0 ? 1 : 0));
    }
    return builder.Finish();
  }

  arrow::Result<ArrayPtr> Zoned(const ArrayPtr& array) const {
    std::string zone;
    if (array->type_id() == Type::TIMESTAMP) {
      zone = static_cast<const arrow::TimestampType&>(*array->type()).timezone();
    } else if (!IsStringLike(*array->type())) {
      return WrongType(*array->type());
    }
    const bool is_text = array->type_id() != Type::TIMESTAMP;
    ARROW_ASSIGN_OR_RAISE(ArrayPtr values,
                          is_text ? Cast(array, arrow::utf8()) : Timestamps(array));
    arrow::StringBuilder builder(pool_);
    for (int64_t i = 0; i < values->length(); ++i) {
      if (values->IsNull(i)) {
        ARROW_RETURN_NOT_OK(builder.AppendNull());
        continue;
      }
      ZonedInstant instant;
      if (is_text) {
        ARROW_ASSIGN_OR_RAISE(
            instant,
            ZonedFromText(static_cast<const arrow::StringArray&>(*values).GetView(i)));
      } else {
        const int64_t micros =
            static_cast<const arrow::TimestampArray&>(*values).Value(i);
        instant = {micros / kMicrosPerSecond - (micros % kMicrosPerSecond < 0 ? 1 : 0),
                   zone};
      }
      ARROW_ASSIGN_OR_RAISE(std::string text, ZonedToText(instant));
      ARROW_RETURN_NOT_OK(builder.Append(text));
    }
    return builder.Finish();
  }

  const ValueTypeInfo& info_;
  const std::string& column_;
  arrow::MemoryPool* pool_;
  mutable arrow::compute::ExecContext context_;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> ToStorage(
    ValueType type, const std::string& column, const std::shared_ptr<arrow::Array>& array,
    arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  if (pool == nullptr) pool = arrow::default_memory_pool();
  return Converter(*info, column, pool).Column(array);
}

}  // namespace floe::feast
