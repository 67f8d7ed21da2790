#include "iceberg/expr/arrow_literal.h"

#include "arrow/buffer.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

template <typename ScalarType, typename Value>
std::shared_ptr<arrow::Scalar> Make(const Literal& literal,
                                    const std::shared_ptr<arrow::DataType>& type) {
  return std::make_shared<ScalarType>(literal.as<Value>(), type);
}

// Null when the literal does not hold what the type takes.
std::shared_ptr<arrow::Scalar> NumberScalar(
    const Literal& literal, const std::shared_ptr<arrow::DataType>& type) {
  const Literal::Value& value = literal.value();
  switch (type->id()) {
    case arrow::Type::BOOL:
      if (std::holds_alternative<bool>(value)) {
        return std::make_shared<arrow::BooleanScalar>(literal.as<bool>());
      }
      break;
    case arrow::Type::INT32:
      if (std::holds_alternative<int32_t>(value)) {
        return std::make_shared<arrow::Int32Scalar>(literal.as<int32_t>());
      }
      break;
    case arrow::Type::DATE32:
      if (std::holds_alternative<int32_t>(value)) {
        return std::make_shared<arrow::Date32Scalar>(literal.as<int32_t>());
      }
      break;
    case arrow::Type::INT64:
      if (std::holds_alternative<int64_t>(value)) {
        return std::make_shared<arrow::Int64Scalar>(literal.as<int64_t>());
      }
      break;
    case arrow::Type::TIME64:
      if (std::holds_alternative<int64_t>(value)) {
        return Make<arrow::Time64Scalar, int64_t>(literal, type);
      }
      break;
    case arrow::Type::TIMESTAMP:
      if (std::holds_alternative<int64_t>(value)) {
        return Make<arrow::TimestampScalar, int64_t>(literal, type);
      }
      break;
    case arrow::Type::FLOAT:
      if (std::holds_alternative<float>(value)) {
        return std::make_shared<arrow::FloatScalar>(literal.as<float>());
      }
      break;
    case arrow::Type::DOUBLE:
      if (std::holds_alternative<double>(value)) {
        return std::make_shared<arrow::DoubleScalar>(literal.as<double>());
      }
      break;
    case arrow::Type::DECIMAL128:
      if (std::holds_alternative<arrow::Decimal128>(value)) {
        return Make<arrow::Decimal128Scalar, arrow::Decimal128>(literal, type);
      }
      break;
    default:
      break;
  }
  return nullptr;
}

std::shared_ptr<arrow::Scalar> BytesScalar(const Literal& literal,
                                           const std::shared_ptr<arrow::DataType>& type) {
  const auto* bytes = std::get_if<std::string>(&literal.value());
  if (bytes == nullptr) return nullptr;
  switch (type->id()) {
    case arrow::Type::STRING:
      return std::make_shared<arrow::StringScalar>(*bytes);
    case arrow::Type::BINARY:
      return std::make_shared<arrow::BinaryScalar>(*bytes);
    case arrow::Type::FIXED_SIZE_BINARY:
      if (static_cast<int>(bytes->size()) !=
          static_cast<const arrow::FixedSizeBinaryType&>(*type).byte_width()) {
        return nullptr;
      }
      return std::make_shared<arrow::FixedSizeBinaryScalar>(
          arrow::Buffer::FromString(*bytes), type);
    default:
      return nullptr;
  }
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Scalar>> ToArrowScalar(
    const Literal& literal, const std::shared_ptr<arrow::DataType>& type) {
  if (literal.is_null()) return arrow::MakeNullScalar(type);
  if (auto scalar = NumberScalar(literal, type)) return scalar;
  if (auto scalar = BytesScalar(literal, type)) return scalar;
  return MakeError(ErrorCode::kInternal, "a literal of type {} is no value of {}",
                   literal.type()->ToString(), type->ToString());
}

}  // namespace floe::iceberg
