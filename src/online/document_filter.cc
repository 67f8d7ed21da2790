#include "online/document_filter.h"

#include <algorithm>
#include <compare>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "feast/types/Value.pb.h"

namespace floe::online {

namespace {

using ::feast::types::Value;
using nlohmann::json;

enum class Operator { kAnd, kOr, kEq, kNe, kGt, kGte, kLt, kLte, kIn, kNin };

std::optional<Operator> OperatorOf(const std::string& name) {
  static const auto& names = *new std::vector<std::pair<std::string, Operator>>{
      {"and", Operator::kAnd}, {"or", Operator::kOr},   {"eq", Operator::kEq},
      {"ne", Operator::kNe},   {"gt", Operator::kGt},   {"gte", Operator::kGte},
      {"lt", Operator::kLt},   {"lte", Operator::kLte}, {"in", Operator::kIn},
      {"nin", Operator::kNin}};
  for (const auto& [known, value] : names) {
    if (known == name) return value;
  }
  return std::nullopt;
}

arrow::Status Malformed(std::string_view what) {
  return MakeError(ErrorCode::kInvalidArgument, "a document filter {}", what);
}

/// The order of numbers of which either may be a floating point one; a NaN is after all.
int CompareNumbers(double a, double b) {
  const std::partial_ordering order = a <=> b;
  if (order == std::partial_ordering::unordered) return a != a ? 1 : -1;
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

template <typename T>
int CompareExact(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

struct DocumentFilter::Node {
  Operator op = Operator::kAnd;
  std::vector<Node> children;  ///< Of kAnd and kOr.
  size_t key = 0;              ///< Into keys_.
  std::vector<Scalar> wanted;  ///< One but for kIn and kNin.
};

struct DocumentFilter::Parser {
  DocumentFilter* filter;

  arrow::Result<Scalar> ToScalar(const json& value) const {
    if (value.is_boolean()) return Scalar(value.get<bool>());
    if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) {
      return Scalar(value.get<double>());
    }
    if (value.is_number_integer()) return Scalar(value.get<int64_t>());
    if (value.is_number()) return Scalar(value.get<double>());
    if (value.is_string()) return Scalar(value.get<std::string>());
    return Malformed("compares with something that is no text, number or boolean");
  }

  arrow::Result<Node> ToNode(const json& object, int depth) const {
    if (depth > kMaxDepth) return Malformed("is nested too deeply");
    if (!object.is_object() || !object.contains("type") || !object["type"].is_string()) {
      return Malformed("needs a \"type\"");
    }
    const auto type = object["type"].get<std::string>();
    const std::optional<Operator> op = OperatorOf(type);
    if (!op) return Malformed("has the unknown type '" + type + "'");
    Node node;
    node.op = *op;
    if (node.op == Operator::kAnd || node.op == Operator::kOr) {
      if (!object.contains("filters") || !object["filters"].is_array()) {
        return Malformed("of type '" + type + "' needs a list of \"filters\"");
      }
      for (const json& child : object["filters"]) {
        ARROW_ASSIGN_OR_RAISE(Node parsed, ToNode(child, depth + 1));
        node.children.push_back(std::move(parsed));
      }
      return node;
    }
    if (!object.contains("key") || !object["key"].is_string() ||
        !object.contains("value")) {
      return Malformed("of type '" + type + "' needs a \"key\" and a \"value\"");
    }
    node.key = KeyIndex(object["key"].get<std::string>());
    const json& value = object["value"];
    if (node.op == Operator::kIn || node.op == Operator::kNin) {
      if (!value.is_array()) return Malformed("of type '" + type + "' needs a list");
      for (const json& one : value) {
        ARROW_ASSIGN_OR_RAISE(Scalar scalar, ToScalar(one));
        node.wanted.push_back(std::move(scalar));
      }
      return node;
    }
    ARROW_ASSIGN_OR_RAISE(Scalar scalar, ToScalar(value));
    node.wanted.push_back(std::move(scalar));
    return node;
  }

  size_t KeyIndex(const std::string& key) const {
    auto& keys = filter->keys_;
    const auto found = std::find(keys.begin(), keys.end(), key);
    const auto index = static_cast<size_t>(found - keys.begin());
    if (found == keys.end()) keys.push_back(key);
    return index;
  }
};

arrow::Result<std::shared_ptr<const DocumentFilter>> DocumentFilter::Parse(
    std::string_view text) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return Malformed("is not JSON");
  std::shared_ptr<DocumentFilter> filter(new DocumentFilter());
  ARROW_ASSIGN_OR_RAISE(Node root, Parser{filter.get()}.ToNode(document, 0));
  filter->root_ = std::make_shared<const Node>(std::move(root));
  return filter;
}

arrow::Result<bool> DocumentFilter::Matches(
    const std::vector<const Value*>& values) const {
  return Evaluate(*root_, values);
}

arrow::Result<bool> DocumentFilter::Evaluate(
    const Node& node, const std::vector<const Value*>& values) const {
  if (node.op == Operator::kAnd || node.op == Operator::kOr) {
    // As Feast's stores: an empty list filters nothing.
    const bool stops_at = node.op == Operator::kOr;
    for (const Node& child : node.children) {
      ARROW_ASSIGN_OR_RAISE(bool matches, Evaluate(child, values));
      if (matches == stops_at) return stops_at;
    }
    return !stops_at || node.children.empty();
  }
  const Value& value = *values[node.key];
  if (value.val_case() == Value::VAL_NOT_SET || value.has_null_val()) return false;
  bool is_among = false;
  int order = 0;
  for (const Scalar& wanted : node.wanted) {
    ARROW_ASSIGN_OR_RAISE(order, Compare(keys_[node.key], value, wanted));
    is_among = is_among || order == 0;
  }
  switch (node.op) {
    case Operator::kEq:
    case Operator::kIn:
      return is_among;
    case Operator::kNe:
    case Operator::kNin:
      return !is_among;
    case Operator::kGt:
      return order > 0;
    case Operator::kGte:
      return order >= 0;
    case Operator::kLt:
      return order < 0;
    default:
      return order <= 0;
  }
}

arrow::Result<int> DocumentFilter::Compare(const std::string& key, const Value& value,
                                           const Scalar& wanted) const {
  std::optional<int64_t> whole;
  std::optional<double> real;
  const std::string* text = nullptr;
  switch (value.val_case()) {
    case Value::kInt32Val:
      whole = value.int32_val();
      break;
    case Value::kInt64Val:
      whole = value.int64_val();
      break;
    case Value::kBoolVal:
      whole = value.bool_val() ? 1 : 0;
      break;
    case Value::kUnixTimestampVal:
      whole = value.unix_timestamp_val();
      break;
    case Value::kFloatVal:
      real = value.float_val();
      break;
    case Value::kDoubleVal:
      real = value.double_val();
      break;
    case Value::kStringVal:
      text = &value.string_val();
      break;
    case Value::kUuidVal:
      text = &value.uuid_val();
      break;
    case Value::kTimeUuidVal:
      text = &value.time_uuid_val();
      break;
    case Value::kJsonVal:
      text = &value.json_val();
      break;
    default:
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' cannot be filtered by: only numbers, booleans, times and "
                       "texts can",
                       key);
  }
  if (const auto* wanted_text = std::get_if<std::string>(&wanted)) {
    if (text == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' is a number and cannot be compared with the text '{}'", key,
                       *wanted_text);
    }
    return CompareExact(*text, *wanted_text);
  }
  if (text != nullptr) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is a text and cannot be compared with a number", key);
  }
  if (const auto* wanted_real = std::get_if<double>(&wanted)) {
    return CompareNumbers(real ? *real : static_cast<double>(*whole), *wanted_real);
  }
  const auto* flag = std::get_if<bool>(&wanted);
  const int64_t number = flag != nullptr ? (*flag ? 1 : 0) : std::get<int64_t>(wanted);
  if (real) return CompareNumbers(*real, static_cast<double>(number));
  return CompareExact(*whole, number);
}

}  // namespace floe::online
