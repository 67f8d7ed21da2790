#include "iceberg/catalog/hive/thrift_value.h"

namespace floe::iceberg::hive {

ThriftValue ThriftValue::Number(ThriftType type, int64_t value) {
  ThriftValue result(type);
  result.number_ = value;
  return result;
}

ThriftValue ThriftValue::Bool(bool value) {
  return Number(ThriftType::kBool, value ? 1 : 0);
}
ThriftValue ThriftValue::Byte(int8_t value) { return Number(ThriftType::kByte, value); }
ThriftValue ThriftValue::I16(int16_t value) { return Number(ThriftType::kI16, value); }
ThriftValue ThriftValue::I32(int32_t value) { return Number(ThriftType::kI32, value); }
ThriftValue ThriftValue::I64(int64_t value) { return Number(ThriftType::kI64, value); }

ThriftValue ThriftValue::Double(double value) {
  ThriftValue result(ThriftType::kDouble);
  result.real_ = value;
  return result;
}

ThriftValue ThriftValue::String(std::string value) {
  ThriftValue result(ThriftType::kString);
  result.text_ = std::move(value);
  return result;
}

ThriftValue ThriftValue::Struct(std::vector<std::pair<int16_t, ThriftValue>> fields) {
  ThriftValue result;
  for (auto& [id, value] : fields) {
    result.ids_.push_back(id);
    result.items_.push_back(std::move(value));
  }
  return result;
}

ThriftValue ThriftValue::List(ThriftType element, std::vector<ThriftValue> items) {
  ThriftValue result(ThriftType::kList);
  result.element_type_ = element;
  result.items_ = std::move(items);
  return result;
}

ThriftValue ThriftValue::Set(ThriftType element, std::vector<ThriftValue> items) {
  ThriftValue result = List(element, std::move(items));
  result.type_ = ThriftType::kSet;
  return result;
}

ThriftValue ThriftValue::Map(ThriftType key, ThriftType value,
                             std::vector<ThriftValue> items) {
  ThriftValue result(ThriftType::kMap);
  result.key_type_ = key;
  result.element_type_ = value;
  result.items_ = std::move(items);
  return result;
}

ThriftValue ThriftValue::Strings(const std::vector<std::string>& items) {
  std::vector<ThriftValue> values;
  values.reserve(items.size());
  for (const std::string& item : items) values.push_back(String(item));
  return List(ThriftType::kString, std::move(values));
}

ThriftValue ThriftValue::StringMap(const std::map<std::string, std::string>& entries) {
  std::vector<ThriftValue> values;
  values.reserve(entries.size() * 2);
  for (const auto& [key, value] : entries) {
    values.push_back(String(key));
    values.push_back(String(value));
  }
  return Map(ThriftType::kString, ThriftType::kString, std::move(values));
}

const ThriftValue* ThriftValue::Find(int16_t id) const {
  for (size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i] == id) return &items_[i];
  }
  return nullptr;
}

std::string ThriftValue::TextOf(int16_t id) const {
  const ThriftValue* field = Find(id);
  return field == nullptr ? "" : field->text_;
}

std::map<std::string, std::string> ThriftValue::StringMapOf(int16_t id) const {
  std::map<std::string, std::string> entries;
  const ThriftValue* field = Find(id);
  if (field == nullptr || field->type_ != ThriftType::kMap) return entries;
  if (field->key_type_ != ThriftType::kString) return entries;
  if (field->element_type_ != ThriftType::kString) return entries;
  for (size_t i = 0; i + 1 < field->items_.size(); i += 2) {
    entries[field->items_[i].text_] = field->items_[i + 1].text_;
  }
  return entries;
}

std::vector<std::string> ThriftValue::StringsOf(int16_t id) const {
  std::vector<std::string> texts;
  const ThriftValue* field = Find(id);
  if (field == nullptr || field->element_type_ != ThriftType::kString) return texts;
  if (field->type_ != ThriftType::kList && field->type_ != ThriftType::kSet) return texts;
  for (const ThriftValue& item : field->items_) texts.push_back(item.text_);
  return texts;
}

void ThriftValue::SetField(int16_t id, ThriftValue value) {
  for (size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i] == id) {
      items_[i] = std::move(value);
      return;
    }
  }
  ids_.push_back(id);
  items_.push_back(std::move(value));
}

}  // namespace floe::iceberg::hive
