#include <utility>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "base/error.h"
#include "feast/types/Value.pb.h"
#include "feast/value_codec.h"
#include "feast/zoned_text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/reflection.h"

namespace floe::feast {

namespace {

namespace proto = ::feast::types;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int64_t kMicrosPerSecond = 1000000;
constexpr size_t kMaxValueBytes = size_t{1} << 30;
constexpr int kListField = 1;  // "val" in every list and set message.

std::string_view FieldName(const proto::Value& value) {
  return proto::Value::descriptor()->FindFieldByNumber(value.val_case())->name();
}

class BuilderImpl final : public ValueColumnBuilder {
 public:
  BuilderImpl(const ValueTypeInfo& info, std::string column,
              std::unique_ptr<arrow::ArrayBuilder> builder)
      : info_(info),
        column_(std::move(column)),
        field_(proto::Value::descriptor()->FindFieldByNumber(info.proto_field)),
        builder_(std::move(builder)),
        list_(info.is_repeated ? static_cast<arrow::ListBuilder*>(builder_.get())
                               : nullptr),
        element_(list_ == nullptr ? builder_.get() : list_->value_builder()) {}

  arrow::Status Append(const proto::Value& value) override {
    const auto kind = value.val_case();
    if (kind == proto::Value::VAL_NOT_SET || kind == proto::Value::kNullVal) {
      return builder_->AppendNull();
    }
    if (kind != info_.proto_field) return AppendWidened(value);
    if (info_.is_repeated) return AppendList(value);
    return AppendScalar(value);
  }

  arrow::Status AppendSerialized(std::string_view bytes) override {
    if (bytes.size() > kMaxValueBytes ||
        !scratch_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' was given {} bytes that are not a feast.types.Value",
                       column_, bytes.size());
    }
    return Append(scratch_);
  }

  arrow::Status AppendNull() override { return builder_->AppendNull(); }
  int64_t length() const override { return builder_->length(); }
  arrow::Result<std::shared_ptr<arrow::Array>> Finish() override {
    return builder_->Finish();
  }

 private:
  template <typename Builder>
  Builder& As() {
    return static_cast<Builder&>(*element_);
  }

  arrow::Status AppendWidened(const proto::Value& value) {
    if (info_.type == ValueType::kInt64 && value.has_int32_val()) {
      return As<arrow::Int64Builder>().Append(value.int32_val());
    }
    if (info_.type == ValueType::kDouble && value.has_float_val()) {
      return As<arrow::DoubleBuilder>().Append(static_cast<double>(value.float_val()));
    }
    return MakeError(ErrorCode::kInvalidArgument,
                     "column '{}' is {} and cannot hold a {}; make the value of the "
                     "field's dtype",
                     column_, info_.name, FieldName(value));
  }

  arrow::Status AppendScalar(const proto::Value& value) {
    switch (info_.storage) {
      case ValueStorage::kBoolean:
        return As<arrow::BooleanBuilder>().Append(value.bool_val());
      case ValueStorage::kInt32:
        return As<arrow::Int32Builder>().Append(value.int32_val());
      case ValueStorage::kInt64:
        return As<arrow::Int64Builder>().Append(value.int64_val());
      case ValueStorage::kFloat:
        return As<arrow::FloatBuilder>().Append(value.float_val());
      case ValueStorage::kDouble:
        return As<arrow::DoubleBuilder>().Append(value.double_val());
      case ValueStorage::kTimestamp:
        return AppendSeconds(value.unix_timestamp_val());
      case ValueStorage::kZonedText:
        return AppendZoned(value.zoned_timestamp_val());
      case ValueStorage::kMessage:
        return AppendMessage(value);
      case ValueStorage::kString:
      case ValueStorage::kBytes:
        break;
    }
    std::string unused;
    return As<arrow::BinaryBuilder>().Append(
        value.GetReflection()->GetStringReference(value, field_, &unused));
  }

  arrow::Status AppendSeconds(int64_t seconds) {
    auto& builder = As<arrow::TimestampBuilder>();
    if (seconds == kNullTimestampSeconds) return builder.AppendNull();
    constexpr int64_t kMaxSeconds = INT64_MAX / kMicrosPerSecond;
    if (seconds > kMaxSeconds || seconds < -kMaxSeconds) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' was given the unix timestamp {} seconds, which is "
                       "beyond what microseconds can hold; was it in other units?",
                       column_, seconds);
    }
    return builder.Append(seconds * kMicrosPerSecond);
  }

  arrow::Status AppendZoned(const proto::ZonedTimestamp& value) {
    if (value.unix_timestamp() == kNullTimestampSeconds) return builder_->AppendNull();
    ARROW_ASSIGN_OR_RAISE(std::string text,
                          ZonedToText({value.unix_timestamp(), value.zone()}));
    return As<arrow::StringBuilder>().Append(text);
  }

  arrow::Status AppendMessage(const proto::Value& value) {
    // Deterministic: a map's entries are in the order of their keys, so that equal values
    // are equal bytes.
    std::string bytes;
    {
      google::protobuf::io::StringOutputStream stream(&bytes);
      google::protobuf::io::CodedOutputStream coded(&stream);
      coded.SetSerializationDeterministic(true);
      value.SerializeToCodedStream(&coded);
    }
    return As<arrow::BinaryBuilder>().Append(bytes);
  }

  template <typename T, typename Builder>
  arrow::Status AppendNumbers(const Message& list, const FieldDescriptor* val) {
    const auto numbers = list.GetReflection()->GetRepeatedFieldRef<T>(list, val);
    ARROW_RETURN_NOT_OK(As<Builder>().Reserve(numbers.size()));
    for (T number : numbers) As<Builder>().UnsafeAppend(number);
    return arrow::Status::OK();
  }

  arrow::Status AppendList(const proto::Value& value) {
    const Message& list = value.GetReflection()->GetMessage(value, field_);
    const FieldDescriptor* val = list.GetDescriptor()->FindFieldByNumber(kListField);
    ARROW_RETURN_NOT_OK(list_->Append());
    switch (info_.storage) {
      case ValueStorage::kBoolean:
        return AppendNumbers<bool, arrow::BooleanBuilder>(list, val);
      case ValueStorage::kInt32:
        return AppendNumbers<int32_t, arrow::Int32Builder>(list, val);
      case ValueStorage::kInt64:
        return AppendNumbers<int64_t, arrow::Int64Builder>(list, val);
      case ValueStorage::kFloat:
        return AppendNumbers<float, arrow::FloatBuilder>(list, val);
      case ValueStorage::kDouble:
        return AppendNumbers<double, arrow::DoubleBuilder>(list, val);
      case ValueStorage::kTimestamp:
        for (int64_t seconds :
             list.GetReflection()->GetRepeatedFieldRef<int64_t>(list, val)) {
          ARROW_RETURN_NOT_OK(AppendSeconds(seconds));
        }
        return arrow::Status::OK();
      default:
        break;
    }
    for (const std::string& text :
         list.GetReflection()->GetRepeatedFieldRef<std::string>(list, val)) {
      ARROW_RETURN_NOT_OK(As<arrow::BinaryBuilder>().Append(text));
    }
    return arrow::Status::OK();
  }

  const ValueTypeInfo& info_;
  std::string column_;
  const FieldDescriptor* field_;
  std::unique_ptr<arrow::ArrayBuilder> builder_;
  arrow::ListBuilder* list_;
  arrow::ArrayBuilder* element_;
  proto::Value scratch_;
};

}  // namespace

arrow::Result<std::unique_ptr<ValueColumnBuilder>> ValueColumnBuilder::Make(
    ValueType type, std::string column, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  ARROW_ASSIGN_OR_RAISE(auto arrow_type, ToArrowType(type));
  if (pool == nullptr) pool = arrow::default_memory_pool();
  ARROW_ASSIGN_OR_RAISE(auto builder, arrow::MakeBuilder(arrow_type, pool));
  return std::make_unique<BuilderImpl>(*info, std::move(column), std::move(builder));
}

}  // namespace floe::feast
