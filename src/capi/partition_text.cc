#include "capi/partition_text.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace floe::capi {

namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct ParsedField {
  std::string transform = "identity";
  std::optional<int32_t> parameter;
  std::string column;
};

arrow::Status Malformed(std::string_view text) {
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' is no partition field; write a column, or identity(c), year(c), "
                   "month(c), day(c), hour(c), bucket(N, c) or truncate(W, c)",
                   text);
}

arrow::Result<ParsedField> ParseField(std::string_view text) {
  ParsedField field;
  size_t open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') {
    field.column = Trim(text);
    return field.column.empty() ? arrow::Result<ParsedField>(Malformed(text)) : field;
  }
  field.transform = Trim(text.substr(0, open));
  std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  if (field.transform == "bucket" || field.transform == "truncate") {
    size_t comma = inside.find(',');
    if (comma == std::string_view::npos) return Malformed(text);
    std::string_view number = Trim(inside.substr(0, comma));
    int32_t parameter = 0;
    auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), parameter);
    if (error != std::errc() || end != number.data() + number.size() || parameter <= 0) {
      return Malformed(text);
    }
    field.parameter = parameter;
    inside = inside.substr(comma + 1);
  }
  field.column = Trim(inside);
  if (field.column.empty()) return Malformed(text);
  return field;
}

}  // namespace

arrow::Result<iceberg::PartitionSpec> ParsePartitionBy(
    const std::vector<std::string>& texts, const iceberg::Schema& schema) {
  iceberg::PartitionSpec spec;
  for (const std::string& text : texts) {
    ARROW_ASSIGN_OR_RAISE(ParsedField parsed, ParseField(text));
    std::string transform_text = parsed.transform;
    if (parsed.parameter) {
      transform_text = fmt::format("{}[{}]", parsed.transform, *parsed.parameter);
    }
    ARROW_ASSIGN_OR_RAISE(iceberg::Transform transform,
                          iceberg::Transform::FromString(transform_text));
    if (transform.kind() == iceberg::Transform::Kind::kUnknown ||
        transform.kind() == iceberg::Transform::Kind::kVoid) {
      return Malformed(text);
    }
    ARROW_ASSIGN_OR_RAISE(const iceberg::NestedField* source,
                          schema.GetField(parsed.column));
    std::string name = parsed.column;
    if (parsed.transform == "truncate") {
      name += "_trunc";
    } else if (parsed.transform != "identity") {
      name += "_" + parsed.transform;
    }
    spec.fields.push_back(
        {.source_id = source->id, .name = std::move(name), .transform = transform});
  }
  return spec;
}

namespace {

/// Takes a word and the spaces before it off the end of `text`, where it ends so.
bool TakeSuffix(std::string_view word, std::string_view* text) {
  if (!text->ends_with(word)) return false;
  std::string_view rest = text->substr(0, text->size() - word.size());
  if (!rest.ends_with(' ')) return false;
  *text = Trim(rest);
  return true;
}

}  // namespace

arrow::Result<std::vector<iceberg::SortColumn>> ParseSortOrder(
    const std::vector<std::string>& texts, const iceberg::Schema& schema) {
  std::vector<iceberg::SortColumn> columns;
  for (const std::string& text : texts) {
    iceberg::SortColumn column;
    std::string_view rest = Trim(text);
    const bool nulls_last = TakeSuffix("nulls last", &rest);
    const bool nulls_first = !nulls_last && TakeSuffix("nulls first", &rest);
    if (TakeSuffix("desc", &rest)) {
      column.direction = iceberg::SortDirection::kDescending;
      column.null_order = iceberg::NullOrder::kNullsLast;
    } else {
      TakeSuffix("asc", &rest);
    }
    if (nulls_last) column.null_order = iceberg::NullOrder::kNullsLast;
    if (nulls_first) column.null_order = iceberg::NullOrder::kNullsFirst;
    ARROW_ASSIGN_OR_RAISE(iceberg::PartitionSpec field,
                          ParsePartitionBy({std::string(rest)}, schema));
    column.column = schema.FullName(field.fields[0].source_id);
    column.transform = field.fields[0].transform;
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace floe::capi
