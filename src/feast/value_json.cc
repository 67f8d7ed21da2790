#include "feast/value_json.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "base/error.h"
#include "base/hex.h"
#include "feast/types/Value.pb.h"
#include "feast/zoned_text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/reflection.h"
#include "iceberg/spec/json_reader.h"

namespace floe::feast {

namespace {

namespace proto = ::feast::types;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::json;

constexpr char kMark = '$';
constexpr char kNullTag[] = "$null";
constexpr char kValueTag[] = "$value";  // Whatever has no form here: the message's hex.
constexpr int kListField = 1;           // "val" in every list, set and map message.
constexpr std::string_view kValueSuffix = "_val";
constexpr std::string_view kKeySuffix = "_key";

arrow::Status NoValue(std::string_view what, const json& found) {
  constexpr size_t kMaxQuotedBytes = 200;
  return MakeError(ErrorCode::kCorruptData,
                   "the JSON of a feature value has {} where {} is needed",
                   found.dump(-1, ' ', false, json::error_handler_t::replace)
                       .substr(0, kMaxQuotedBytes),
                   what);
}

const FieldDescriptor* ValField(const Message& message) {
  return message.GetDescriptor()->FindFieldByNumber(kListField);
}

json FromDouble(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

/// The double nearest to the float's shortest text, which reads better than its own.
json FromFloat(float number) {
  if (!std::isfinite(number)) return FromDouble(number);
  return std::strtod(fmt::format("{}", number).c_str(), nullptr);
}

arrow::Result<double> ToDouble(const json& text) {
  if (text.is_number()) return text.get<double>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return NoValue("a number", text);
}

std::string WithoutSuffix(const std::string& name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

class Encoder {
 public:
  static json Plain(const proto::Value& value) {
    switch (value.val_case()) {
      case proto::Value::VAL_NOT_SET:
        return nullptr;
      case proto::Value::kNullVal:
        return {{kNullTag, true}};
      case proto::Value::kStringVal:
        return value.string_val();
      case proto::Value::kInt64Val:
        return value.int64_val();
      case proto::Value::kBoolVal:
        return value.bool_val();
      case proto::Value::kDoubleVal:
        if (std::isfinite(value.double_val())) return value.double_val();
        break;
      case proto::Value::kMapVal:
        return OfMap(value.map_val());
      case proto::Value::kStringListVal:
      case proto::Value::kInt64ListVal:
      case proto::Value::kBoolListVal:
      case proto::Value::kDoubleListVal:
        if (HasPlainList(value)) return Tagged(value);
        break;
      default:
        break;
    }
    return OneMember(value);
  }

  /// The value's content, of a field known from elsewhere.
  static json Tagged(const proto::Value& value) { return Content(value, FieldOf(value)); }

 private:
  static const FieldDescriptor* FieldOf(const proto::Value& value) {
    return proto::Value::descriptor()->FindFieldByNumber(value.val_case());
  }

  /// Whether the elements tell the list's type: an empty one has none, and infinities are
  /// texts.
  static bool HasPlainList(const proto::Value& value) {
    const auto& doubles = value.double_list_val().val();
    return value.string_list_val().val_size() > 0 ||
           value.int64_list_val().val_size() > 0 ||
           value.bool_list_val().val_size() > 0 ||
           (!doubles.empty() &&
            std::all_of(doubles.begin(), doubles.end(),
                        [](double number) { return std::isfinite(number); }));
  }

  static json OneMember(const proto::Value& value) {
    if (value.val_case() == proto::Value::kZonedTimestampVal) {
      const auto& zoned = value.zoned_timestamp_val();
      // Instants that RFC 9557 has no text for keep their bytes.
      const ZonedInstant instant = {zoned.unix_timestamp(), zoned.zone()};
      auto text = ZonedToText(instant);
      if (text.ok() && IsTextOf(*text, instant)) return {{"$zoned_timestamp", *text}};
      return {{kValueTag, HexEncode(value.SerializeAsString())}};
    }
    return {{kMark + WithoutSuffix(FieldOf(value)->name(), kValueSuffix), Tagged(value)}};
  }

  static bool IsTextOf(const std::string& text, const ZonedInstant& instant) {
    auto read = ZonedFromText(text);
    return read.ok() && read->seconds == instant.seconds && read->zone == instant.zone;
  }

  static json OfMap(const proto::Map& map) {
    json object = json::object();
    for (const auto& [key, value] : map.val()) {
      object[key.rfind(kMark, 0) == 0 ? kMark + key : key] = Plain(value);
    }
    return object;
  }

  static json Content(const Message& message, const FieldDescriptor* field) {
    const auto& reflection = *message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection.GetInt32(message, field);
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.GetInt64(message, field);
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection.GetBool(message, field);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return FromFloat(reflection.GetFloat(message, field));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return FromDouble(reflection.GetDouble(message, field));
      case FieldDescriptor::CPPTYPE_STRING:
        return Text(reflection.GetString(message, field), field);
      default:
        return OfMessage(reflection.GetMessage(message, field));
    }
  }

  static json Text(const std::string& text, const FieldDescriptor* field) {
    return field->type() == FieldDescriptor::TYPE_BYTES ? HexEncode(text) : text;
  }

  static json OfMessage(const Message& message) {
    if (message.GetDescriptor() == proto::Map::descriptor()) {
      return OfMap(static_cast<const proto::Map&>(message));
    }
    json list = json::array();
    if (message.GetDescriptor() == proto::MapList::descriptor()) {
      for (const auto& map : static_cast<const proto::MapList&>(message).val()) {
        list.push_back(OfMap(map));
      }
    } else if (message.GetDescriptor() == proto::RepeatedValue::descriptor()) {
      for (const auto& value : static_cast<const proto::RepeatedValue&>(message).val()) {
        list.push_back(Plain(value));
      }
    } else if (message.GetDescriptor() == proto::ScalarMap::descriptor()) {
      for (const auto& entry : static_cast<const proto::ScalarMap&>(message).val()) {
        list.push_back(json::array({Key(entry.key()), Plain(entry.value())}));
      }
    } else {
      AddElements(message, &list);
    }
    return list;
  }

  static json Key(const proto::MapKey& key) {
    switch (key.key_case()) {
      case proto::MapKey::KEY_NOT_SET:
        return nullptr;
      case proto::MapKey::kInt64Key:
        return key.int64_key();
      case proto::MapKey::kBoolKey:
        return key.bool_key();
      default:
        break;
    }
    const FieldDescriptor* field =
        proto::MapKey::descriptor()->FindFieldByNumber(key.key_case());
    return {{kMark + WithoutSuffix(field->name(), kKeySuffix), Content(key, field)}};
  }

  static void AddElements(const Message& message, json* list) {
    const FieldDescriptor* val = ValField(message);
    const auto& reflection = *message.GetReflection();
    for (int i = 0; i < reflection.FieldSize(message, val); ++i) {
      switch (val->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
          list->push_back(reflection.GetRepeatedInt32(message, val, i));
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          list->push_back(reflection.GetRepeatedInt64(message, val, i));
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          list->push_back(reflection.GetRepeatedBool(message, val, i));
          break;
        case FieldDescriptor::CPPTYPE_FLOAT:
          list->push_back(FromFloat(reflection.GetRepeatedFloat(message, val, i)));
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          list->push_back(FromDouble(reflection.GetRepeatedDouble(message, val, i)));
          break;
        default:
          list->push_back(Text(reflection.GetRepeatedString(message, val, i), val));
      }
    }
  }
};

class Decoder {
 public:
  static arrow::Status Plain(const json& text, proto::Value* value) {
    switch (text.type()) {
      case json::value_t::null:
        return arrow::Status::OK();
      case json::value_t::string:
        value->set_string_val(text.get<std::string>());
        return arrow::Status::OK();
      case json::value_t::boolean:
        value->set_bool_val(text.get<bool>());
        return arrow::Status::OK();
      case json::value_t::number_float:
        value->set_double_val(text.get<double>());
        return arrow::Status::OK();
      case json::value_t::number_integer:
      case json::value_t::number_unsigned: {
        ARROW_ASSIGN_OR_RAISE(int64_t number, Long(text));
        value->set_int64_val(number);
        return arrow::Status::OK();
      }
      case json::value_t::array:
        return PlainList(text, value);
      default:
        break;
    }
    if (text.size() == 1) {
      const std::string& name = text.begin().key();
      if (name.rfind("$$", 0) != 0 && name.rfind(kMark, 0) == 0) {
        return OneMember(name, text.begin().value(), value);
      }
    }
    return IntoMap(text, value->mutable_map_val());
  }

  /// Content of a field known from elsewhere.
  static arrow::Status Tagged(const json& text, const FieldDescriptor* field,
                              Message* message) {
    const auto& reflection = *message->GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto number = iceberg::JsonToInt(text);
        if (!number) return NoValue("a whole number of 32 bits", text);
        reflection.SetInt32(message, field, *number);
        return arrow::Status::OK();
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        ARROW_ASSIGN_OR_RAISE(int64_t number, Long(text));
        reflection.SetInt64(message, field, number);
        return arrow::Status::OK();
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!text.is_boolean()) return NoValue("true or false", text);
        reflection.SetBool(message, field, text.get<bool>());
        return arrow::Status::OK();
      case FieldDescriptor::CPPTYPE_FLOAT: {
        ARROW_ASSIGN_OR_RAISE(double number, ToDouble(text));
        reflection.SetFloat(message, field, static_cast<float>(number));
        return arrow::Status::OK();
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        ARROW_ASSIGN_OR_RAISE(double number, ToDouble(text));
        reflection.SetDouble(message, field, number);
        return arrow::Status::OK();
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        ARROW_ASSIGN_OR_RAISE(std::string bytes, Text(text, field));
        reflection.SetString(message, field, std::move(bytes));
        return arrow::Status::OK();
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return IntoMessage(text, reflection.MutableMessage(message, field));
      default:
        return NoValue("a value of a known type", text);
    }
  }

 private:
  static arrow::Result<int64_t> Long(const json& text) {
    const auto number = iceberg::JsonToLong(text);
    if (!number) return NoValue("a whole number of 64 bits", text);
    return *number;
  }

  static arrow::Result<std::string> Text(const json& text, const FieldDescriptor* field) {
    if (!text.is_string()) return NoValue("text", text);
    if (field->type() != FieldDescriptor::TYPE_BYTES) return text.get<std::string>();
    auto bytes = HexDecode(text.get<std::string>());
    if (!bytes.ok()) return NoValue("bytes in hexadecimal", text);
    return bytes;
  }

  static arrow::Status PlainList(const json& text, proto::Value* value) {
    if (text.empty()) return NoValue("a list that names its type", text);
    Message* list = nullptr;
    switch (text[0].type()) {
      case json::value_t::string:
        list = value->mutable_string_list_val();
        break;
      case json::value_t::boolean:
        list = value->mutable_bool_list_val();
        break;
      case json::value_t::number_float:
        list = value->mutable_double_list_val();
        break;
      case json::value_t::number_integer:
      case json::value_t::number_unsigned:
        list = value->mutable_int64_list_val();
        break;
      default:
        return NoValue("a list of texts, numbers or booleans", text);
    }
    return AddElements(text, list);
  }

  static arrow::Status OneMember(const std::string& name, const json& text,
                                 proto::Value* value) {
    if (name == kNullTag) {
      value->set_null_val(proto::NULL_);
      return arrow::Status::OK();
    }
    if (name == kValueTag) {
      if (!text.is_string()) return NoValue("bytes in hexadecimal", text);
      auto bytes = HexDecode(text.get<std::string>());
      if (bytes.ok() && value->ParseFromString(*bytes)) return arrow::Status::OK();
      return NoValue("the bytes of a value", text);
    }
    if (name == "$zoned_timestamp") {
      if (!text.is_string()) return NoValue("a time with its zone", text);
      ARROW_ASSIGN_OR_RAISE(ZonedInstant instant, ZonedFromText(text.get<std::string>()));
      value->mutable_zoned_timestamp_val()->set_unix_timestamp(instant.seconds);
      value->mutable_zoned_timestamp_val()->set_zone(instant.zone);
      return arrow::Status::OK();
    }
    const FieldDescriptor* field = proto::Value::descriptor()->FindFieldByName(
        name.substr(1) + std::string(kValueSuffix));
    if (field == nullptr) return NoValue("the name of a value type", name);
    return Tagged(text, field, value);
  }

  static arrow::Status IntoMap(const json& text, proto::Map* map) {
    if (!text.is_object()) return NoValue("an object", text);
    auto& entries = *map->mutable_val();
    for (const auto& [name, member] : text.items()) {
      const bool is_marked = name.rfind("$$", 0) == 0;
      ARROW_RETURN_NOT_OK(
          Plain(member, &entries[is_marked ? name.substr(1) : std::string(name)]));
    }
    return arrow::Status::OK();
  }

  static arrow::Status IntoMessage(const json& text, Message* message) {
    if (message->GetDescriptor() == proto::Map::descriptor()) {
      return IntoMap(text, static_cast<proto::Map*>(message));
    }
    if (!text.is_array()) return NoValue("a list", text);
    if (message->GetDescriptor() == proto::MapList::descriptor()) {
      for (const json& element : text) {
        ARROW_RETURN_NOT_OK(
            IntoMap(element, static_cast<proto::MapList*>(message)->add_val()));
      }
      return arrow::Status::OK();
    }
    if (message->GetDescriptor() == proto::RepeatedValue::descriptor()) {
      for (const json& element : text) {
        ARROW_RETURN_NOT_OK(
            Plain(element, static_cast<proto::RepeatedValue*>(message)->add_val()));
      }
      return arrow::Status::OK();
    }
    if (message->GetDescriptor() == proto::ScalarMap::descriptor()) {
      return IntoScalarMap(text, static_cast<proto::ScalarMap*>(message));
    }
    return AddElements(text, message);
  }

  static arrow::Status IntoScalarMap(const json& text, proto::ScalarMap* map) {
    for (const json& pair : text) {
      if (!pair.is_array() || pair.size() != 2) {
        return NoValue("a list of a key and a value", pair);
      }
      proto::ScalarMapEntry* entry = map->add_val();
      ARROW_RETURN_NOT_OK(IntoKey(pair[0], entry->mutable_key()));
      ARROW_RETURN_NOT_OK(Plain(pair[1], entry->mutable_value()));
    }
    return arrow::Status::OK();
  }

  static arrow::Status IntoKey(const json& text, proto::MapKey* key) {
    if (text.is_null()) return arrow::Status::OK();
    if (text.is_boolean()) {
      key->set_bool_key(text.get<bool>());
      return arrow::Status::OK();
    }
    if (text.is_number_integer()) {
      ARROW_ASSIGN_OR_RAISE(int64_t number, Long(text));
      key->set_int64_key(number);
      return arrow::Status::OK();
    }
    if (!text.is_object() || text.size() != 1) return NoValue("a map's key", text);
    const FieldDescriptor* field = proto::MapKey::descriptor()->FindFieldByName(
        text.begin().key().substr(1) + std::string(kKeySuffix));
    if (field == nullptr) return NoValue("a map's key", text);
    return Tagged(text.begin().value(), field, key);
  }

  static arrow::Status AddElements(const json& text, Message* list) {
    const FieldDescriptor* val = ValField(*list);
    if (val == nullptr) return NoValue("a list", text);
    const auto& reflection = *list->GetReflection();
    for (const json& element : text) {
      switch (val->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32: {
          const auto number = iceberg::JsonToInt(element);
          if (!number) return NoValue("a whole number of 32 bits", element);
          reflection.AddInt32(list, val, *number);
          break;
        }
        case FieldDescriptor::CPPTYPE_INT64: {
          ARROW_ASSIGN_OR_RAISE(int64_t number, Long(element));
          reflection.AddInt64(list, val, number);
          break;
        }
        case FieldDescriptor::CPPTYPE_BOOL:
          if (!element.is_boolean()) return NoValue("true or false", element);
          reflection.AddBool(list, val, element.get<bool>());
          break;
        case FieldDescriptor::CPPTYPE_FLOAT: {
          ARROW_ASSIGN_OR_RAISE(double number, ToDouble(element));
          reflection.AddFloat(list, val, static_cast<float>(number));
          break;
        }
        case FieldDescriptor::CPPTYPE_DOUBLE: {
          ARROW_ASSIGN_OR_RAISE(double number, ToDouble(element));
          reflection.AddDouble(list, val, number);
          break;
        }
        case FieldDescriptor::CPPTYPE_STRING: {
          ARROW_ASSIGN_OR_RAISE(std::string bytes, Text(element, val));
          reflection.AddString(list, val, std::move(bytes));
          break;
        }
        default:
          return NoValue("a list of plain values", element);
      }
    }
    return arrow::Status::OK();
  }
};

}  // namespace

arrow::Result<std::string> ValueToJson(ValueType type, const proto::Value& value) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  if (value.val_case() != info->proto_field) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a value of field {} cannot be written as the JSON of a {}",
                     static_cast<int>(value.val_case()), info->name);
  }
  return iceberg::DumpJson(Encoder::Tagged(value), "a feature value");
}

arrow::Status ValueFromJson(ValueType type, std::string_view text, proto::Value* value) {
  ARROW_ASSIGN_OR_RAISE(const ValueTypeInfo* info, GetValueType(type));
  ARROW_ASSIGN_OR_RAISE(json parsed, iceberg::ParseJson(text, "a feature value"));
  value->Clear();
  return Decoder::Tagged(
      parsed, proto::Value::descriptor()->FindFieldByNumber(info->proto_field), value);
}

arrow::Result<std::shared_ptr<arrow::Array>> MessagesToJson(ValueType type,
                                                            const std::string& column,
                                                            const arrow::Array& messages,
                                                            arrow::MemoryPool* pool) {
  const auto& bytes = static_cast<const arrow::BinaryArray&>(messages);
  arrow::StringBuilder builder(pool == nullptr ? arrow::default_memory_pool() : pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(messages.length()));
  proto::Value value;
  for (int64_t row = 0; row < messages.length(); ++row) {
    if (messages.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const std::string_view message = bytes.GetView(row);
    if (!value.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "row {} of column '{}' is no feast.types.Value", row, column);
    }
    auto text = ValueToJson(type, value);
    if (!text.ok()) return WithContext(text.status(), "column", column);
    ARROW_RETURN_NOT_OK(builder.Append(*text));
  }
  return builder.Finish();
}

}  // namespace floe::feast
