#include "capi/request.h"

#include <algorithm>

#include "base/join.h"
#include "iceberg/spec/json_reader.h"

namespace floe::capi {

using nlohmann::json;

arrow::Result<Request> Request::Parse(const char* text, std::string where,
                                      std::vector<std::string> keys, ErrorCode code) {
  auto document = std::make_shared<json>(json::object());
  if (text != nullptr) {
    arrow::Result<json> parsed = iceberg::ParseJson(text, where);
    if (!parsed.ok()) {
      return MakeError(code, "{} must be a JSON object: {}", where,
                       ErrorText(parsed.status()));
    }
    *document = *std::move(parsed);
  }
  if (!document->is_object()) {
    return MakeError(code, "{} must be a JSON object", where);
  }
  const json* object = document.get();
  Request request(std::move(document), object, std::move(where), code);
  ARROW_RETURN_NOT_OK(request.CheckKeys(keys));
  return request;
}

arrow::Status Request::CheckKeys(const std::vector<std::string>& keys) const {
  for (const auto& [key, unused] : object_->items()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    std::string nearest = NearestName(key, keys);
    if (!nearest.empty()) {
      return MakeError(code_, "{} has an unknown key '{}'; did you mean '{}'?", where_,
                       key, nearest);
    }
    return MakeError(code_, "{} has an unknown key '{}'; the keys are {}", where_, key,
                     JoinText(keys, ", "));
  }
  return arrow::Status::OK();
}

arrow::Result<Request> Request::Child(const json* value, std::string where,
                                      const std::vector<std::string>& keys) const {
  if (!value->is_object()) {
    return MakeError(code_, "{} must be a JSON object", where);
  }
  Request child(document_, value, std::move(where), code_);
  ARROW_RETURN_NOT_OK(child.CheckKeys(keys));
  return child;
}

const json* Request::Find(const std::string& key) const {
  auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

arrow::Result<const json*> Request::Get(const std::string& key) const {
  if (const json* value = Find(key)) return value;
  return MakeError(code_, "{} lacks the key '{}'", where_, key);
}

arrow::Status Request::WrongType(const std::string& key, const char* expected) const {
  return MakeError(code_, "'{}' of {} must be {}", key, where_, expected);
}

arrow::Result<std::string> Request::Text(const std::string& key) const {
  ARROW_ASSIGN_OR_RAISE(const json* value, Get(key));
  if (!value->is_string()) return WrongType(key, "text");
  return value->get<std::string>();
}

arrow::Result<std::optional<std::string>> Request::FindText(
    const std::string& key) const {
  if (!Has(key)) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(std::string text, Text(key));
  return text;
}

arrow::Result<std::string> Request::TextOr(const std::string& key,
                                           std::string fallback) const {
  if (!Has(key)) return fallback;
  return Text(key);
}

arrow::Result<std::optional<int64_t>> Request::FindInteger(const std::string& key) const {
  const json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> number = iceberg::JsonToLong(*value);
  if (!number) return WrongType(key, "a whole number of 64 bits");
  return number;
}

arrow::Result<int64_t> Request::IntegerOr(const std::string& key, int64_t fallback,
                                          int64_t min, int64_t max) const {
  ARROW_ASSIGN_OR_RAISE(std::optional<int64_t> number, FindInteger(key));
  if (!number) return fallback;
  if (*number < min || *number > max) {
    return MakeError(code_, "'{}' of {} is {}; it must be in {} to {}", key, where_,
                     *number, min, max);
  }
  return *number;
}

arrow::Result<bool> Request::BooleanOr(const std::string& key, bool fallback) const {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return WrongType(key, "true or false");
  return value->get<bool>();
}

arrow::Result<std::vector<std::string>> Request::ToTexts(const std::string& key,
                                                         const json& value) const {
  if (!value.is_array()) return WrongType(key, "a list of texts");
  std::vector<std::string> texts;
  for (const json& element : value) {
    if (!element.is_string()) return WrongType(key, "a list of texts");
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

arrow::Result<std::vector<std::string>> Request::Texts(const std::string& key) const {
  ARROW_ASSIGN_OR_RAISE(const json* value, Get(key));
  return ToTexts(key, *value);
}

arrow::Result<std::optional<std::vector<std::string>>> Request::FindTexts(
    const std::string& key) const {
  const json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(std::vector<std::string> texts, ToTexts(key, *value));
  return texts;
}

arrow::Result<std::map<std::string, std::string>> Request::TextMap(
    const std::string& key) const {
  std::map<std::string, std::string> texts;
  const json* value = Find(key);
  if (value == nullptr) return texts;
  if (!value->is_object()) return WrongType(key, "an object of texts");
  for (const auto& [name, member] : value->items()) {
    if (!member.is_string()) return WrongType(key, "an object of texts");
    texts[name] = member.get<std::string>();
  }
  return texts;
}

arrow::Result<Request> Request::Object(const std::string& key,
                                       std::vector<std::string> keys) const {
  ARROW_ASSIGN_OR_RAISE(const json* value, Get(key));
  return Child(value, fmt::format("'{}' of {}", key, where_), keys);
}

arrow::Result<Request> Request::ObjectOrEmpty(const std::string& key,
                                              std::vector<std::string> keys) const {
  if (Has(key)) return Object(key, std::move(keys));
  static const json kEmpty = json::object();
  return Request(document_, &kEmpty, where_, code_);
}

arrow::Result<std::vector<Request>> Request::Objects(
    const std::string& key, std::vector<std::string> keys) const {
  std::vector<Request> objects;
  const json* value = Find(key);
  if (value == nullptr) return objects;
  if (!value->is_array()) return WrongType(key, "a list of objects");
  for (size_t index = 0; index < value->size(); ++index) {
    ARROW_ASSIGN_OR_RAISE(
        Request object,
        Child(&(*value)[index], fmt::format("'{}[{}]' of {}", key, index, where_), keys));
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace floe::capi
