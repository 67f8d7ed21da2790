#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "arrow/result.h"

namespace feast::types {
class Value;
}  // namespace feast::types

namespace floe::online {

/// A filter on documents, as Feast's ComparisonFilter and CompoundFilter (feast.
/// filter_models) say it. Immutable.
///
/// A comparison holds where the value is set and compares so; a document without the
/// value matches none, "ne" and "nin" included. Numbers compare with numbers and
/// booleans, texts with texts.
class DocumentFilter {
 public:
  static constexpr int kMaxDepth = 64;

  /// Parses {"type": "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "in" | "nin", "key":
  /// text, "value": text, number, boolean, or a list of those for "in" and "nin"}, or
  /// {"type": "and" | "or", "filters": [...]}; kInvalidArgument for anything else.
  static arrow::Result<std::shared_ptr<const DocumentFilter>> Parse(
      std::string_view json);

  /// The keys compared, each once, in the order they appear.
  const std::vector<std::string>& keys() const { return keys_; }

  /// `values` belong to keys(). kInvalidArgument for a value that cannot be compared with
  /// the filter's, naming the key.
  arrow::Result<bool> Matches(
      const std::vector<const ::feast::types::Value*>& values) const;

 private:
  struct Node;
  using Scalar = std::variant<bool, int64_t, double, std::string>;

  DocumentFilter() = default;
  struct Parser;
  arrow::Result<bool> Evaluate(
      const Node& node, const std::vector<const ::feast::types::Value*>& values) const;
  arrow::Result<int> Compare(const std::string& key, const ::feast::types::Value& value,
                             const Scalar& wanted) const;

  std::vector<std::string> keys_;
  std::shared_ptr<const Node> root_;
};

}  // namespace floe::online
