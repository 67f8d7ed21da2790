#include "iceberg/catalog/rest/predicate_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "iceberg/spec/literal_json.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;
using Op = Predicate::Op;

const char* OpName(Op op) {
  switch (op) {
    case Op::kAnd:
      return "and";
    case Op::kOr:
      return "or";
    case Op::kIsNull:
      return "is-null";
    case Op::kNotNull:
      return "not-null";
    case Op::kIsNan:
      return "is-nan";
    case Op::kNotNan:
      return "not-nan";
    case Op::kLess:
      return "lt";
    case Op::kLessEqual:
      return "lt-eq";
    case Op::kGreater:
      return "gt";
    case Op::kGreaterEqual:
      return "gt-eq";
    case Op::kEqual:
      return "eq";
    case Op::kNotEqual:
      return "not-eq";
    case Op::kIn:
      return "in";
    case Op::kNotIn:
      return "not-in";
    case Op::kStartsWith:
      return "starts-with";
    case Op::kNotStartsWith:
      return "not-starts-with";
    default:
      return nullptr;
  }
}

bool IsSayable(const Literal& literal) {
  switch (literal.type()->id()) {
    case TypeId::kBinary:
    case TypeId::kFixed:
    case TypeId::kVariant:
    case TypeId::kGeometry:
    case TypeId::kGeography:
    case TypeId::kUnknown:
      return false;
    case TypeId::kFloat:
      return !literal.is_null() && std::isfinite(literal.as<float>());
    case TypeId::kDouble:
      return !literal.is_null() && std::isfinite(literal.as<double>());
    default:
      return !literal.is_null();
  }
}

std::optional<json> LiteralValue(const Literal& literal) {
  if (!IsSayable(literal)) return std::nullopt;
  auto value = LiteralToJson(literal);
  if (!value.ok()) return std::nullopt;
  return std::move(*value);
}

/// nullopt: cannot be said. NOT is already at the leaves, so leaving a part out of AND
/// and OR as "true" only lets more rows through.
std::optional<json> LeafToJson(const Predicate& leaf, const Schema& schema) {
  const char* name = OpName(leaf.op());
  const std::string column = schema.FullName(leaf.field_id());
  if (name == nullptr || column.empty()) return std::nullopt;
  json value = {{"type", name}, {"term", column}};
  if (leaf.literals().empty()) return value;
  if (leaf.op() != Op::kIn && leaf.op() != Op::kNotIn) {
    const auto literal = LiteralValue(leaf.literals().front());
    if (!literal) return std::nullopt;
    value["value"] = *literal;
    return value;
  }
  value["values"] = json::array();
  for (const Literal& item : leaf.literals()) {
    const auto literal = LiteralValue(item);
    if (!literal) return std::nullopt;
    value["values"].push_back(*literal);
  }
  return value;
}

}  // namespace

json PredicateToJson(const Predicate& bound, const Schema& schema) {
  switch (bound.op()) {
    case Op::kTrue:
      return true;
    case Op::kFalse:
      return false;
    case Op::kNot:  // Not in bound predicates.
      return true;
    case Op::kAnd:
    case Op::kOr: {
      const auto& children = bound.children();
      json value = PredicateToJson(*children.front(), schema);
      for (size_t i = 1; i < children.size(); ++i) {
        json both = {{"type", OpName(bound.op())}, {"left", std::move(value)}};
        both["right"] = PredicateToJson(*children[i], schema);
        value = std::move(both);
      }
      return value;
    }
    default:
      return LeafToJson(bound, schema).value_or(json(true));
  }
}

}  // namespace floe::iceberg
