#include "iceberg/catalog/hive/thrift_protocol.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"

namespace floe::iceberg::hive {
namespace {

constexpr uint32_t kVersionMask = 0xffff0000;
constexpr uint32_t kVersionOne = 0x80010000;
/// A text is made room for in steps of this, as its bytes arrive.
constexpr size_t kTextStepBytes = size_t{64} << 10;

class Encoder {
 public:
  void Integer(uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
      out_.push_back(static_cast<char>(value >> shift));
    }
  }
  void Byte(ThriftType type) { out_.push_back(static_cast<char>(type)); }
  arrow::Status Text(std::string_view text) {
    ARROW_RETURN_NOT_OK(Size(text.size()));
    out_.append(text);
    return arrow::Status::OK();
  }
  arrow::Status Value(const ThriftValue& value);
  std::string Take() { return std::move(out_); }

 private:
  arrow::Status Size(size_t size) {
    if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a text or list of {} entries is too large for Thrift", size);
    }
    Integer(size, 4);
    return arrow::Status::OK();
  }
  arrow::Status Items(const ThriftValue& value) {
    for (const ThriftValue& item : value.items()) ARROW_RETURN_NOT_OK(Value(item));
    return arrow::Status::OK();
  }
  arrow::Status Struct(const ThriftValue& value) {
    for (size_t i = 0; i < value.items().size(); ++i) {
      Byte(value.items()[i].type());
      Integer(static_cast<uint16_t>(value.ids()[i]), 2);
      ARROW_RETURN_NOT_OK(Value(value.items()[i]));
    }
    Byte(ThriftType::kStop);
    return arrow::Status::OK();
  }

  std::string out_;
};

arrow::Status Encoder::Value(const ThriftValue& value) {
  auto number = static_cast<uint64_t>(value.number());
  switch (value.type()) {
    case ThriftType::kBool:
    case ThriftType::kByte:
      Integer(number, 1);
      return arrow::Status::OK();
    case ThriftType::kI16:
      Integer(number, 2);
      return arrow::Status::OK();
    case ThriftType::kI32:
      Integer(number, 4);
      return arrow::Status::OK();
    case ThriftType::kI64:
      Integer(number, 8);
      return arrow::Status::OK();
    case ThriftType::kDouble:
      Integer(std::bit_cast<uint64_t>(value.real()), 8);
      return arrow::Status::OK();
    case ThriftType::kString:
      return Text(value.text());
    case ThriftType::kStruct:
      return Struct(value);
    case ThriftType::kMap:
      Byte(value.key_type());
      Byte(value.element_type());
      ARROW_RETURN_NOT_OK(Size(value.items().size() / 2));
      return Items(value);
    case ThriftType::kSet:
    case ThriftType::kList:
      Byte(value.element_type());
      ARROW_RETURN_NOT_OK(Size(value.items().size()));
      return Items(value);
    case ThriftType::kStop:
      break;
  }
  return MakeError(ErrorCode::kInternal, "a Thrift value without a type");
}

class Decoder {
 public:
  Decoder(ThriftInput& input, const ThriftLimits& limits)
      : input_(input), limits_(limits) {}

  arrow::Result<uint64_t> Integer(int bytes) {
    std::array<char, 8> raw{};
    ARROW_RETURN_NOT_OK(Take(raw.data(), static_cast<size_t>(bytes)));
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(raw[i]);
    return value;
  }
  arrow::Result<std::string> Text();
  arrow::Result<ThriftValue> Value(ThriftType type, int depth);

 private:
  arrow::Status Take(char* out, size_t size) {
    if (static_cast<int64_t>(size) > limits_.message_bytes - bytes_) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "the answer is larger than {} bytes", limits_.message_bytes);
    }
    bytes_ += static_cast<int64_t>(size);
    return input_.Read(out, size);
  }
  /// A length that the bytes left could hold; each entry is at least one byte.
  arrow::Result<size_t> Size() {
    ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(4));
    auto size = static_cast<int32_t>(static_cast<uint32_t>(raw));
    if (size < 0) return MakeError(ErrorCode::kCorruptData, "a length of {}", size);
    if (size > limits_.message_bytes - bytes_) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a length of {} in an answer of at most {} bytes", size,
                       limits_.message_bytes);
    }
    return static_cast<size_t>(size);
  }
  arrow::Result<ThriftType> Type() {
    ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(1));
    return static_cast<ThriftType>(raw);
  }
  arrow::Result<ThriftValue> Struct(int depth);
  arrow::Result<ThriftValue> Map(int depth);
  arrow::Result<ThriftValue> Sequence(ThriftType type, int depth);

  ThriftInput& input_;
  const ThriftLimits& limits_;
  int64_t bytes_ = 0;
  int64_t values_ = 0;
};

arrow::Result<std::string> Decoder::Text() {
  ARROW_ASSIGN_OR_RAISE(size_t size, Size());
  std::string text;
  while (text.size() < size) {
    size_t begin = text.size();
    text.resize(begin + std::min(size - begin, kTextStepBytes));
    ARROW_RETURN_NOT_OK(Take(text.data() + begin, text.size() - begin));
  }
  return text;
}

arrow::Result<ThriftValue> Decoder::Struct(int depth) {
  std::vector<std::pair<int16_t, ThriftValue>> fields;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(ThriftType type, Type());
    if (type == ThriftType::kStop) return ThriftValue::Struct(std::move(fields));
    ARROW_ASSIGN_OR_RAISE(uint64_t id, Integer(2));
    ARROW_ASSIGN_OR_RAISE(ThriftValue value, Value(type, depth));
    fields.emplace_back(static_cast<int16_t>(static_cast<uint16_t>(id)),
                        std::move(value));
  }
}

arrow::Result<ThriftValue> Decoder::Map(int depth) {
  ARROW_ASSIGN_OR_RAISE(ThriftType key, Type());
  ARROW_ASSIGN_OR_RAISE(ThriftType value, Type());
  ARROW_ASSIGN_OR_RAISE(size_t size, Size());
  std::vector<ThriftValue> items;
  for (size_t i = 0; i < size; ++i) {
    ARROW_ASSIGN_OR_RAISE(ThriftValue next_key, Value(key, depth));
    items.push_back(std::move(next_key));
    ARROW_ASSIGN_OR_RAISE(ThriftValue next_value, Value(value, depth));
    items.push_back(std::move(next_value));
  }
  return ThriftValue::Map(key, value, std::move(items));
}

arrow::Result<ThriftValue> Decoder::Sequence(ThriftType type, int depth) {
  ARROW_ASSIGN_OR_RAISE(ThriftType element, Type());
  ARROW_ASSIGN_OR_RAISE(size_t size, Size());
  std::vector<ThriftValue> items;
  for (size_t i = 0; i < size; ++i) {
    ARROW_ASSIGN_OR_RAISE(ThriftValue item, Value(element, depth));
    items.push_back(std::move(item));
  }
  return type == ThriftType::kSet ? ThriftValue::Set(element, std::move(items))
                                  : ThriftValue::List(element, std::move(items));
}

arrow::Result<ThriftValue> Decoder::Value(ThriftType type, int depth) {
  if (depth >= limits_.depth || ++values_ > limits_.values) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "the answer holds more than {} values or {} levels", limits_.values,
                     limits_.depth);
  }
  switch (type) {
    case ThriftType::kBool: {
      ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(1));
      return ThriftValue::Bool(raw != 0);
    }
    case ThriftType::kByte: {
      ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(1));
      return ThriftValue::Byte(static_cast<int8_t>(static_cast<uint8_t>(raw)));
    }
    case ThriftType::kI16: {
      ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(2));
      return ThriftValue::I16(static_cast<int16_t>(static_cast<uint16_t>(raw)));
    }
    case ThriftType::kI32: {
      ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(4));
      return ThriftValue::I32(static_cast<int32_t>(static_cast<uint32_t>(raw)));
    }
    case ThriftType::kI64: {
      ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(8));
      return ThriftValue::I64(static_cast<int64_t>(raw));
    }
    case ThriftType::kDouble: {
      ARROW_ASSIGN_OR_RAISE(uint64_t raw, Integer(8));
      return ThriftValue::Double(std::bit_cast<double>(raw));
    }
    case ThriftType::kString: {
      ARROW_ASSIGN_OR_RAISE(std::string text, Text());
      return ThriftValue::String(std::move(text));
    }
    case ThriftType::kStruct:
      return Struct(depth + 1);
    case ThriftType::kMap:
      return Map(depth + 1);
    case ThriftType::kSet:
    case ThriftType::kList:
      return Sequence(type, depth + 1);
    case ThriftType::kStop:
      break;
  }
  return MakeError(ErrorCode::kCorruptData, "a value of the unknown type {}",
                   static_cast<int>(type));
}

}  // namespace

arrow::Result<std::string> EncodeThriftMessage(const ThriftMessage& message) {
  Encoder encoder;
  encoder.Integer(kVersionOne | static_cast<uint32_t>(message.type), 4);
  ARROW_RETURN_NOT_OK(encoder.Text(message.name));
  encoder.Integer(static_cast<uint32_t>(message.sequence), 4);
  ARROW_RETURN_NOT_OK(encoder.Value(message.body));
  return encoder.Take();
}

arrow::Result<ThriftMessage> DecodeThriftMessage(ThriftInput& input,
                                                 const ThriftLimits& limits) {
  Decoder decoder(input, limits);
  ARROW_ASSIGN_OR_RAISE(uint64_t version, decoder.Integer(4));
  auto type = static_cast<ThriftMessageType>(version & 0xff);
  bool is_known = type == ThriftMessageType::kCall || type == ThriftMessageType::kReply ||
                  type == ThriftMessageType::kException;
  if ((version & kVersionMask) != kVersionOne || !is_known) {
    return MakeError(ErrorCode::kCorruptData,
                     "it begins with {:#010x}, which is no message of Thrift's strict "
                     "binary protocol",
                     version);
  }
  ThriftMessage message;
  message.type = type;
  ARROW_ASSIGN_OR_RAISE(message.name, decoder.Text());
  ARROW_ASSIGN_OR_RAISE(uint64_t sequence, decoder.Integer(4));
  message.sequence = static_cast<int32_t>(static_cast<uint32_t>(sequence));
  ARROW_ASSIGN_OR_RAISE(message.body, decoder.Value(ThriftType::kStruct, 0));
  return message;
}

}  // namespace floe::iceberg::hive
