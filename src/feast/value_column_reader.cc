#include <utility>

#include "arrow/array.h"
#include "base/error.h"
#include "feast/types/Value.pb.h"
#include "feast/value_codec.h"
#include "feast/value_json.h"
#include "feast/value_wire.h"
#include "feast/zoned_text.h"

namespace floe::feast {

namespace {

namespace proto = ::feast::types;

constexpr int64_t kMicrosPerSecond = 1000000;
constexpr int32_t kListField = 1;           // "val" in every list and set message.
constexpr int32_t kUnixTimestampField = 1;  // Of ZonedTimestamp.
constexpr int32_t kZoneField = 2;

int64_t FloorSeconds(int64_t micros) {
  return micros / kMicrosPerSecond - (micros % kMicrosPerSecond < 0 ? 1 : 0);
}

class ReaderImpl final : public ValueColumnReader {
 public:
  ReaderImpl(const ValueTypeInfo& info, std::string column,
             std::shared_ptr<arrow::Array> array)
      : info_(info), array_(std::move(array)) {
    column_ = std::move(column);
    if (info.is_repeated) {
      list_ = static_cast<const arrow::ListArray*>(array_.get());
      elements_ = list_->values().get();
    } else {
      elements_ = array_.get();
    }
  }

  arrow::Status AppendSerialized(int64_t row, std::string* out) const override {
    if (array_->IsNull(row)) return arrow::Status::OK();
    if (info_.is_repeated) {
      AppendList(list_->value_offset(row), list_->value_length(row), out);
      return arrow::Status::OK();
    }
    switch (info_.storage) {
      case ValueStorage::kBoolean:
      case ValueStorage::kInt32:
      case ValueStorage::kInt64:
      case ValueStorage::kTimestamp:
        wire::AppendTag(info_.proto_field, wire::kVarint, out);
        wire::AppendVarint(Varint(row), out);
        return arrow::Status::OK();
      case ValueStorage::kFloat:
        wire::AppendTag(info_.proto_field, wire::kFixed32, out);
        wire::AppendFixed(As<arrow::FloatArray>().Value(row), out);
        return arrow::Status::OK();
      case ValueStorage::kDouble:
        wire::AppendTag(info_.proto_field, wire::kFixed64, out);
        wire::AppendFixed(As<arrow::DoubleArray>().Value(row), out);
        return arrow::Status::OK();
      case ValueStorage::kString:
      case ValueStorage::kBytes:
        wire::AppendBytes(info_.proto_field, As<arrow::BinaryArray>().GetView(row), out);
        return arrow::Status::OK();
      case ValueStorage::kMessage:
        out->append(As<arrow::BinaryArray>().GetView(row));
        return arrow::Status::OK();
      case ValueStorage::kZonedText:
        break;
    }
    return AppendZoned(As<arrow::BinaryArray>().GetView(row), out);
  }

 private:
  template <typename Array>
  const Array& As() const {
    return static_cast<const Array&>(*elements_);
  }

  /// The number at `i` of the elements as a varint; Feast's stand-in for a null one.
  uint64_t Varint(int64_t i) const {
    const bool is_null = elements_->IsNull(i);
    switch (info_.storage) {
      case ValueStorage::kBoolean:
        return !is_null && As<arrow::BooleanArray>().Value(i) ? 1 : 0;
      case ValueStorage::kInt32:
        // Negative numbers are sign-extended to 64 bits (protobuf's int32).
        return is_null ? 0
                       : static_cast<uint64_t>(int64_t{As<arrow::Int32Array>().Value(i)});
      case ValueStorage::kInt64:
        return is_null ? 0 : static_cast<uint64_t>(As<arrow::Int64Array>().Value(i));
      default:
        return static_cast<uint64_t>(
            is_null ? kNullTimestampSeconds
                    : FloorSeconds(As<arrow::TimestampArray>().Value(i)));
    }
  }

  void AppendList(int64_t begin, int64_t count, std::string* out) const {
    std::string body;
    std::string packed;
    for (int64_t i = begin; i < begin + count; ++i) {
      const bool is_null = elements_->IsNull(i);
      switch (info_.storage) {
        case ValueStorage::kFloat:
          wire::AppendFixed(is_null ? 0.0F : As<arrow::FloatArray>().Value(i), &packed);
          break;
        case ValueStorage::kDouble:
          wire::AppendFixed(is_null ? 0.0 : As<arrow::DoubleArray>().Value(i), &packed);
          break;
        case ValueStorage::kString:
        case ValueStorage::kBytes:
          wire::AppendBytes(
              kListField,
              is_null ? std::string_view() : As<arrow::BinaryArray>().GetView(i), &body);
          break;
        default:
          wire::AppendVarint(Varint(i), &packed);
      }
    }
    if (!packed.empty()) wire::AppendBytes(kListField, packed, &body);
    wire::AppendBytes(info_.proto_field, body, out);
  }

  arrow::Status AppendZoned(std::string_view text, std::string* out) const {
    arrow::Result<ZonedInstant> instant = ZonedFromText(text);
    if (!instant.ok()) return WithContext(instant.status(), "column", column_);
    std::string body;
    if (instant->seconds != 0) {
      wire::AppendTag(kUnixTimestampField, wire::kVarint, &body);
      wire::AppendVarint(static_cast<uint64_t>(instant->seconds), &body);
    }
    if (!instant->zone.empty()) wire::AppendBytes(kZoneField, instant->zone, &body);
    wire::AppendBytes(info_.proto_field, body, out);
    return arrow::Status::OK();
  }

  const ValueTypeInfo& info_;
  std::shared_ptr<arrow::Array> array_;
  const arrow::ListArray* list_ = nullptr;
  const arrow::Array* elements_ = nullptr;
};

/// Messages kept as JSON text.
class JsonReader final : public ValueColumnReader {
 public:
  JsonReader(ValueType type, std::string column, std::shared_ptr<arrow::Array> array)
      : type_(type), array_(std::move(array)) {
    column_ = std::move(column);
  }

  arrow::Status AppendSerialized(int64_t row, std::string* out) const override {
    if (array_->IsNull(row)) return arrow::Status::OK();
    proto::Value value;
    const arrow::Status read = ValueFromJson(
        type_, static_cast<const arrow::StringArray&>(*array_).GetView(row), &value);
    if (!read.ok()) return WithContext(read, "column", column_);
    if (value.AppendToString(out)) return arrow::Status::OK();
    return MakeError(ErrorCode::kResourceExhausted, "row {} of column '{}' is over 2 GiB",
                     row, column_);
  }

 private:
  ValueType type_;
  std::shared_ptr<arrow::Array> array_;
};

/// Equal but for the names and nullability of nested fields.
bool SameColumnType(const arrow::DataType& a, const arrow::DataType& b) {
  if (a.id() != b.id()) return false;
  if (a.id() == arrow::Type::LIST) {
    return SameColumnType(*a.field(0)->type(), *b.field(0)->type());
  }
  return a.Equals(b);
}

}  // namespace

arrow::Result<std::unique_ptr<ValueColumnReader>> ValueColumnReader::Make(
    ValueType type, std::string column, std::shared_ptr<arrow::Array> array) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  ARROW_ASSIGN_OR_RAISE(auto expected, ToArrowType(type));
  if (info->storage == ValueStorage::kMessage &&
      array->type_id() == arrow::Type::STRING) {
    return std::make_unique<JsonReader>(type, std::move(column), std::move(array));
  }
  if (!SameColumnType(*array->type(), *expected)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "column '{}' of value type {} is {} where {} is needed", column,
                     info->name, array->type()->ToString(), expected->ToString());
  }
  return std::make_unique<ReaderImpl>(*info, std::move(column), std::move(array));
}

arrow::Status ValueColumnReader::Get(int64_t row, proto::Value* value) const {
  std::string bytes;
  ARROW_RETURN_NOT_OK(AppendSerialized(row, &bytes));
  if (!value->ParseFromString(bytes)) {
    return MakeError(ErrorCode::kCorruptData,
                     "row {} of column '{}' holds {} bytes that are not a "
                     "feast.types.Value",
                     row, column_, bytes.size());
  }
  return arrow::Status::OK();
}

}  // namespace floe::feast
