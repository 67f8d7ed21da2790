#include "iceberg/format/shredded_variant.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_decimal.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_binary.h"
#include "arrow/buffer.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/util/bitmap_ops.h"
#include "arrow/util/decimal.h"
#include "base/error.h"
#include "iceberg/spec/variant.h"

namespace floe::iceberg {
namespace {

constexpr int kMaxDepth = 100;
constexpr int32_t kDecimal4Digits = 9;
constexpr int32_t kDecimal8Digits = 18;
constexpr int kUuidBytes = 16;

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "shredded variant: {}", what);
}

std::shared_ptr<arrow::Array> Child(const arrow::StructArray& group, const char* name) {
  auto child = group.GetFieldByName(name);
  if (child != nullptr && child->type_id() == arrow::Type::EXTENSION) {
    return static_cast<const arrow::ExtensionArray&>(*child).storage();
  }
  return child;
}

arrow::Result<std::string_view> BytesAt(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::BINARY || array.type_id() == arrow::Type::STRING) {
    return static_cast<const arrow::BinaryArray&>(array).GetView(row);
  }
  return Corrupt("its parts are not binary");
}

template <typename ArrayType>
auto ValueAt(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).Value(row);
}

std::string DecimalAt(const arrow::Array& array, int64_t row) {
  const auto& type = static_cast<const arrow::DecimalType&>(*array.type());
  const char* bytes = reinterpret_cast<const char*>(
      static_cast<const arrow::FixedSizeBinaryArray&>(array).GetValue(row));
  const size_t width = type.precision() <= kDecimal4Digits   ? 4
                       : type.precision() <= kDecimal8Digits ? 8
                                                             : 16;
  return variant::Decimal(std::string_view(bytes, width), type.scale());
}

arrow::Result<std::string> PrimitiveAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return variant::Boolean(ValueAt<arrow::BooleanArray>(array, row));
    case arrow::Type::INT8:
      return variant::Integer(ValueAt<arrow::Int8Array>(array, row), 1);
    case arrow::Type::INT16:
      return variant::Integer(ValueAt<arrow::Int16Array>(array, row), 2);
    case arrow::Type::INT32:
      return variant::Integer(ValueAt<arrow::Int32Array>(array, row), 4);
    case arrow::Type::INT64:
      return variant::Integer(ValueAt<arrow::Int64Array>(array, row), 8);
    case arrow::Type::FLOAT:
      return variant::Float(ValueAt<arrow::FloatArray>(array, row));
    case arrow::Type::DOUBLE:
      return variant::Double(ValueAt<arrow::DoubleArray>(array, row));
    case arrow::Type::DECIMAL128:
      return DecimalAt(array, row);
    case arrow::Type::DATE32:
      return variant::Date(ValueAt<arrow::Date32Array>(array, row));
    case arrow::Type::TIME64:
      return variant::Time(ValueAt<arrow::Time64Array>(array, row));
    case arrow::Type::TIMESTAMP: {
      const auto& type = static_cast<const arrow::TimestampType&>(*array.type());
      return variant::Timestamp(ValueAt<arrow::TimestampArray>(array, row),
                                !type.timezone().empty(),
                                type.unit() == arrow::TimeUnit::NANO);
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, BytesAt(array, row));
      return array.type_id() == arrow::Type::STRING ? variant::String(bytes)
                                                    : variant::Binary(bytes);
    }
    case arrow::Type::FIXED_SIZE_BINARY: {
      const auto& fixed = static_cast<const arrow::FixedSizeBinaryArray&>(array);
      if (fixed.byte_width() == kUuidBytes) return variant::Uuid(fixed.GetView(row));
      break;
    }
    default:
      break;
  }
  return MakeError(ErrorCode::kNotSupported,
                   "shredded variant: values of type {} are not read",
                   array.type()->ToString());
}

/// Puts the values of one row together.
class Assembler {
 public:
  explicit Assembler(const VariantMetadata& metadata) : metadata_(metadata) {}

  /// The value of `group`, a struct of value and typed_value; nullopt: there is none.
  arrow::Result<std::optional<std::string>> Read(const arrow::StructArray& group,
                                                 int64_t row, int depth) const {
    if (depth > kMaxDepth) return Corrupt("it nests too deep");
    const auto value = Child(group, "value");
    const auto typed = Child(group, "typed_value");
    std::optional<std::string> rest;
    if (value != nullptr && value->IsValid(row)) {
      ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, BytesAt(*value, row));
      rest = std::string(bytes);
    }
    if (typed == nullptr || typed->IsNull(row)) return rest;
    if (typed->type_id() == arrow::Type::STRUCT) {
      return ReadObject(static_cast<const arrow::StructArray&>(*typed), row, rest, depth);
    }
    if (rest) return Corrupt("two values for one field");
    if (typed->type_id() == arrow::Type::LIST) {
      return ReadArray(static_cast<const arrow::ListArray&>(*typed), row, depth);
    }
    ARROW_ASSIGN_OR_RAISE(std::string primitive, PrimitiveAt(*typed, row));
    return std::optional<std::string>(std::move(primitive));
  }

 private:
  arrow::Result<std::optional<std::string>> ReadObject(
      const arrow::StructArray& typed, int64_t row,
      const std::optional<std::string>& rest, int depth) const {
    std::vector<std::pair<std::string, std::string>> fields;
    std::set<std::string, std::less<>> shredded;
    for (int i = 0; i < typed.num_fields(); ++i) {
      const std::string& name = typed.type()->field(i)->name();
      const auto child = typed.field(i);
      if (child->type_id() != arrow::Type::STRUCT) return Corrupt("a field is no group");
      shredded.insert(name);
      if (child->IsNull(row)) continue;
      ARROW_ASSIGN_OR_RAISE(
          auto value,
          Read(static_cast<const arrow::StructArray&>(*child), row, depth + 1));
      if (value) fields.emplace_back(name, *std::move(value));
    }
    if (rest) {
      ARROW_ASSIGN_OR_RAISE(const auto others, VariantObjectFields(metadata_, *rest));
      if (!others) return Corrupt("beside a shredded object is a value that is none");
      for (const auto& [name, value] : *others) {
        if (shredded.contains(name)) return Corrupt("a field that is shredded and not");
        fields.emplace_back(std::string(name), std::string(value));
      }
    }
    ARROW_ASSIGN_OR_RAISE(std::string object,
                          variant::Object(metadata_, std::move(fields)));
    return std::optional<std::string>(std::move(object));
  }

  arrow::Result<std::optional<std::string>> ReadArray(const arrow::ListArray& typed,
                                                      int64_t row, int depth) const {
    const auto values = typed.values();
    if (values->type_id() != arrow::Type::STRUCT)
      return Corrupt("an element is no group");
    std::vector<std::string> elements;
    for (int64_t i = typed.value_offset(row); i < typed.value_offset(row + 1); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          auto value,
          Read(static_cast<const arrow::StructArray&>(*values), i, depth + 1));
      elements.push_back(value ? *std::move(value) : variant::Null());
    }
    return std::optional<std::string>(variant::Array(elements));
  }

  const VariantMetadata& metadata_;
};

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> AssembleVariant(
    const arrow::StructArray& column, const std::shared_ptr<arrow::DataType>& type,
    arrow::MemoryPool* pool) {
  const auto metadata = Child(column, "metadata");
  if (metadata == nullptr) return Corrupt("it has no metadata");
  arrow::BinaryBuilder names(pool);
  arrow::BinaryBuilder values(pool);
  for (int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) {
      ARROW_RETURN_NOT_OK(names.AppendEmptyValue());
      ARROW_RETURN_NOT_OK(values.AppendEmptyValue());
      continue;
    }
    if (metadata->IsNull(row)) return Corrupt("a value without metadata");
    ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, BytesAt(*metadata, row));
    ARROW_RETURN_NOT_OK(names.Append(bytes));
    ARROW_ASSIGN_OR_RAISE(const VariantMetadata parsed, VariantMetadata::Parse(bytes));
    ARROW_ASSIGN_OR_RAISE(const auto value, Assembler(parsed).Read(column, row, 0));
    ARROW_RETURN_NOT_OK(values.Append(value ? *value : variant::Null()));
  }
  arrow::ArrayVector parts(2);
  ARROW_RETURN_NOT_OK(names.Finish(&parts[0]));
  ARROW_RETURN_NOT_OK(values.Finish(&parts[1]));
  std::shared_ptr<arrow::Buffer> validity;
  if (column.null_count() > 0) {
    ARROW_ASSIGN_OR_RAISE(validity,
                          arrow::internal::CopyBitmap(pool, column.null_bitmap_data(),
                                                      column.offset(), column.length()));
  }
  return std::make_shared<arrow::StructArray>(type, column.length(), std::move(parts),
                                              std::move(validity), column.null_count());
}

}  // namespace floe::iceberg
