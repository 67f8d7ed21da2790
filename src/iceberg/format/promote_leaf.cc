#include <algorithm>
#include <initializer_list>

#include "arrow/array.h"
#include "arrow/array/array_primitive.h"
#include "arrow/buffer.h"
#include "arrow/compute/cast.h"
#include "arrow/compute/exec.h"
#include "arrow/extension_type.h"
#include "arrow/type.h"
#include "arrow/util/bitmap_ops.h"
#include "base/error.h"
#include "iceberg/format/column_projection.h"

namespace floe::iceberg {
namespace {

using ArrowId = arrow::Type::type;
using ArrayPtr = std::shared_ptr<arrow::Array>;
using DataTypePtr = std::shared_ptr<arrow::DataType>;

constexpr int64_t kNanosPerMicro = 1000;

bool IsOneOf(ArrowId id, std::initializer_list<ArrowId> ids) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// Whether a file's column read as `source` may stand for a table's column of `target`.
bool IsReadableAs(const arrow::DataType& source, const Type& target) {
  const ArrowId id = source.id();
  switch (target.id()) {
    case TypeId::kBoolean:
      return id == arrow::Type::BOOL;
    case TypeId::kInt:
      return IsOneOf(id, {arrow::Type::INT8, arrow::Type::INT16, arrow::Type::INT32,
                          arrow::Type::UINT8, arrow::Type::UINT16});
    case TypeId::kLong:
      return arrow::is_integer(id) || id == arrow::Type::DURATION;
    case TypeId::kFloat:
      return IsOneOf(id, {arrow::Type::FLOAT, arrow::Type::HALF_FLOAT});
    case TypeId::kDouble:
      return arrow::is_floating(id);
    case TypeId::kDecimal:
      return arrow::is_decimal(id) &&
             static_cast<const arrow::DecimalType&>(source).scale() == target.scale() &&
             static_cast<const arrow::DecimalType&>(source).precision() <=
                 target.precision();
    case TypeId::kDate:
      return IsOneOf(id, {arrow::Type::DATE32, arrow::Type::DATE64});
    case TypeId::kTime:
      return IsOneOf(id, {arrow::Type::TIME32, arrow::Type::TIME64});
    case TypeId::kTimestamp:
    case TypeId::kTimestampNs:
      return IsOneOf(id, {arrow::Type::TIMESTAMP, arrow::Type::DATE32});
    case TypeId::kTimestampTz:
    case TypeId::kTimestampTzNs:
      return id == arrow::Type::TIMESTAMP;
    case TypeId::kString:
    case TypeId::kBinary:
    case TypeId::kGeometry:
    case TypeId::kGeography:
      return arrow::is_base_binary_like(id) || arrow::is_binary_view_like(id);
    case TypeId::kUuid:
    case TypeId::kFixed:
      return IsOneOf(id, {arrow::Type::FIXED_SIZE_BINARY, arrow::Type::BINARY});
    default:
      return false;
  }
}

arrow::Result<ArrayPtr> Cast(const ArrayPtr& array, const DataTypePtr& type,
                             arrow::MemoryPool* pool) {
  arrow::compute::ExecContext context(pool);
  return arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe(),
                              &context);
}

/// Nanoseconds to microseconds, downwards: Arrow's own cast goes toward zero, which would
/// put instants before 1970 after the ones they stand for.
arrow::Result<ArrayPtr> FloorToMicros(const arrow::ArrayData& nanos,
                                      const DataTypePtr& type, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(
      auto buffer,
      arrow::AllocateBuffer(nanos.length * static_cast<int64_t>(sizeof(int64_t)), pool));
  const int64_t* in = nanos.GetValues<int64_t>(1);
  auto* out = buffer->mutable_data_as<int64_t>();
  for (int64_t i = 0; i < nanos.length; ++i) {
    out[i] = in[i] / kNanosPerMicro - (in[i] % kNanosPerMicro < 0 ? 1 : 0);
  }
  std::shared_ptr<arrow::Buffer> validity;
  if (nanos.GetNullCount() > 0) {
    if (nanos.offset == 0) {
      validity = nanos.buffers[0];
    } else {
      ARROW_ASSIGN_OR_RAISE(validity,
                            arrow::internal::CopyBitmap(pool, nanos.buffers[0]->data(),
                                                        nanos.offset, nanos.length));
    }
  }
  return arrow::MakeArray(arrow::ArrayData::Make(type, nanos.length,
                                                 {std::move(validity), std::move(buffer)},
                                                 nanos.GetNullCount()));
}

arrow::Result<ArrayPtr> PromoteTimestamp(const ArrayPtr& array, const DataTypePtr& type,
                                         arrow::MemoryPool* pool) {
  const auto& target = static_cast<const arrow::TimestampType&>(*type);
  if (array->type_id() == arrow::Type::DATE32) {
    ARROW_ASSIGN_OR_RAISE(auto plain, Cast(array, arrow::timestamp(target.unit()), pool));
    return plain->View(type);
  }
  const auto& source = static_cast<const arrow::TimestampType&>(*array->type());
  // The zone is the table's: a file's is a note on how it was written.
  if (source.unit() == target.unit()) return array->View(type);
  if (source.unit() == arrow::TimeUnit::NANO)
    return FloorToMicros(*array->data(), type, pool);
  ARROW_ASSIGN_OR_RAISE(auto local, array->View(arrow::timestamp(source.unit())));
  ARROW_ASSIGN_OR_RAISE(auto scaled, Cast(local, arrow::timestamp(target.unit()), pool));
  return scaled->View(type);
}

arrow::Result<ArrayPtr> PromoteTime(const ArrayPtr& array, const DataTypePtr& type,
                                    arrow::MemoryPool* pool) {
  const auto& source = static_cast<const arrow::TimeType&>(*array->type());
  if (source.unit() == arrow::TimeUnit::NANO)
    return FloorToMicros(*array->data(), type, pool);
  return Cast(array, type, pool);
}

}  // namespace

arrow::Result<ArrayPtr> PromoteLeaf(const ArrayPtr& input, const Type& target,
                                    const DataTypePtr& type, const std::string& name,
                                    arrow::MemoryPool* pool) {
  ArrayPtr array = input;
  if (array->type()->Equals(*type)) return array;
  if (array->type_id() == arrow::Type::NA) {
    return arrow::MakeArrayOfNull(type, array->length(), pool);
  }
  if (array->type_id() == arrow::Type::EXTENSION) {
    array = static_cast<const arrow::ExtensionArray&>(*array).storage();
  }
  if (array->type_id() == arrow::Type::DICTIONARY) {
    ARROW_ASSIGN_OR_RAISE(
        array,
        Cast(array,
             static_cast<const arrow::DictionaryType&>(*array->type()).value_type(),
             pool));
  }
  if (array->type()->Equals(*type)) return array;
  if (!IsReadableAs(*array->type(), target)) {
    return MakeError(
        ErrorCode::kNotSupported,
        "column '{}' is {} in the file, which is not promoted to the table's "
        "{}",
        name, array->type()->ToString(), target.ToString());
  }
  arrow::Result<ArrayPtr> result;
  switch (type->id()) {
    case arrow::Type::TIMESTAMP:
      result = PromoteTimestamp(array, type, pool);
      break;
    case arrow::Type::TIME64:
      result = PromoteTime(array, type, pool);
      break;
    default:
      result = array->type_id() == arrow::Type::DURATION ? array->View(type)
                                                         : Cast(array, type, pool);
  }
  if (!result.ok()) {
    return MakeError(ErrorCode::kCorruptData,
                     "column '{}' has a value in the file that is no {}: {}", name,
                     target.ToString(), result.status().message());
  }
  return result;
}

}  // namespace floe::iceberg
