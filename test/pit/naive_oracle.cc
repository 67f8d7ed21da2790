#include "pit/naive_oracle.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "arrow/array.h"
#include "arrow/array/util.h"
#include "arrow/builder.h"
#include "arrow/chunked_array.h"
#include "arrow/scalar.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/check.h"

namespace floe::pit {
namespace {

using Nanos = __int128;
using ScalarPtr = std::shared_ptr<arrow::Scalar>;

constexpr Nanos kNanosPerMicro = 1000;

ScalarPtr Value(const arrow::Table& table, const std::string& column, int64_t row) {
  auto value = table.GetColumnByName(column)->GetScalar(row);
  FLOE_CHECK(value.ok());
  return *value;
}

std::optional<Nanos> Instant(const arrow::Scalar& value) {
  if (!value.is_valid) return std::nullopt;
  if (value.type->id() == arrow::Type::DATE32) {
    return Nanos{static_cast<const arrow::Date32Scalar&>(value).value} * 86'400 *
           1'000'000'000;
  }
  Nanos scale = 1;
  switch (static_cast<const arrow::TimestampType&>(*value.type).unit()) {
    case arrow::TimeUnit::SECOND:
      scale = 1'000'000'000;
      break;
    case arrow::TimeUnit::MILLI:
      scale = 1'000'000;
      break;
    case arrow::TimeUnit::MICRO:
      scale = 1'000;
      break;
    case arrow::TimeUnit::NANO:
      break;
  }
  return static_cast<const arrow::TimestampScalar&>(value).value * scale;
}

/// A key part as text that is equal just when the values are; nullopt for NULL.
std::optional<std::string> KeyText(const arrow::Scalar& value) {
  if (!value.is_valid) return std::nullopt;
  if (value.type->id() == arrow::Type::TIMESTAMP) {
    const Nanos instant = *Instant(value);
    return std::to_string(static_cast<int64_t>(instant / 1'000'000'000)) + "." +
           std::to_string(static_cast<int64_t>(instant % 1'000'000'000));
  }
  if (arrow::is_base_binary_like(value.type->id())) {
    return static_cast<const arrow::BaseBinaryScalar&>(value).value->ToString();
  }
  return value.ToString();
}

struct Order {
  Nanos event;
  bool has_created;
  Nanos created;
  auto operator<=>(const Order&) const = default;
};

/// When the row counts as newer than another of its key; nullopt when it never counts.
std::optional<Order> OrderOf(const arrow::Table& table, const CaseFile::View& view,
                             int64_t row) {
  const std::optional<Nanos> event = Instant(*Value(table, view.timestamp, row));
  if (!event) return std::nullopt;
  std::optional<Nanos> created;
  if (!view.created.empty()) created = Instant(*Value(table, view.created, row));
  return Order{*event, created.has_value(), created.value_or(0)};
}

bool SameKeys(const arrow::Table& entities, int64_t entity, const arrow::Table& table,
              int64_t row, const CaseFile::View& view) {
  for (const CaseFile::Key& key : view.keys) {
    auto left = KeyText(*Value(entities, key.entity_column, entity));
    auto right = KeyText(*Value(table, key.source_column, row));
    if (!left || !right || *left != *right) return false;
  }
  return true;
}

/// The row of the view's table that answers entity row `entity`; -1 for none.
int64_t Winner(const CaseFile& question, const CaseFile::View& view, int64_t entity) {
  const arrow::Table& table = *question.table(view.table);
  const std::optional<Nanos> now =
      Instant(*Value(*question.entities, question.entity_timestamp, entity));
  if (!now) return -1;
  int64_t best = -1;
  std::optional<Order> best_order;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    if (!SameKeys(*question.entities, entity, table, row, view)) continue;
    const std::optional<Order> order = OrderOf(table, view, row);
    if (!order || order->event > *now) continue;
    if (view.ttl_us > 0 && order->event < *now - view.ttl_us * kNanosPerMicro) continue;
    if (question.filter_by_created && !view.created.empty() &&
        (!order->has_created || order->created > *now)) {
      continue;
    }
    if (!best_order || *order >= *best_order) {
      best = row;
      best_order = order;
    }
  }
  return best;
}

arrow::Result<std::shared_ptr<arrow::Array>> PickRows(const arrow::Table& table,
                                                      const std::string& column,
                                                      const std::vector<int64_t>& rows) {
  auto type = table.GetColumnByName(column)->type();
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_ASSIGN_OR_RAISE(builder, arrow::MakeBuilder(type));
  for (int64_t row : rows) {
    if (row < 0) {
      ARROW_RETURN_NOT_OK(builder->AppendNull());
    } else {
      ARROW_RETURN_NOT_OK(builder->AppendScalar(*Value(table, column, row)));
    }
  }
  return builder->Finish();
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Table>> NaiveAnswer(const CaseFile& question) {
  std::shared_ptr<arrow::Table> answer = question.entities;
  for (const CaseFile::View& view : question.views) {
    std::vector<int64_t> rows;
    for (int64_t entity = 0; entity < answer->num_rows(); ++entity) {
      rows.push_back(Winner(question, view, entity));
    }
    const arrow::Table& table = *question.table(view.table);
    for (const CaseFile::Feature& feature : view.features) {
      ARROW_ASSIGN_OR_RAISE(auto values, PickRows(table, feature.source_column, rows));
      auto field = arrow::field(feature.output_name, values->type());
      ARROW_ASSIGN_OR_RAISE(
          answer, answer->AddColumn(answer->num_columns(), field,
                                    std::make_shared<arrow::ChunkedArray>(values)));
    }
  }
  return answer;
}

arrow::Result<std::shared_ptr<arrow::Table>> NaiveLatest(const CaseFile& question) {
  const CaseFile::Pull& pull = *question.pull;
  const arrow::Table& table = *question.table(pull.source.table);
  std::map<std::vector<std::optional<std::string>>, std::pair<Order, int64_t>> latest;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    const std::optional<Order> order = OrderOf(table, pull.source, row);
    if (!order) continue;
    if (pull.start_us && order->event < *pull.start_us * kNanosPerMicro) continue;
    if (pull.end_us && order->event > *pull.end_us * kNanosPerMicro) continue;
    std::vector<std::optional<std::string>> key;
    for (const CaseFile::Key& part : pull.source.keys) {
      key.push_back(KeyText(*Value(table, part.source_column, row)));
    }
    auto [entry, is_new] = latest.try_emplace(key, *order, row);
    if (!is_new && *order >= entry->second.first) entry->second = {*order, row};
  }
  std::vector<int64_t> rows;
  for (const auto& [key, winner] : latest) rows.push_back(winner.second);
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  auto add = [&](const std::string& name) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto values, PickRows(table, name, rows));
    fields.push_back(arrow::field(name, values->type()));
    columns.push_back(std::move(values));
    return arrow::Status::OK();
  };
  for (const CaseFile::Key& key : pull.source.keys) {
    ARROW_RETURN_NOT_OK(add(key.source_column));
  }
  for (const CaseFile::Feature& feature : pull.source.features) {
    ARROW_RETURN_NOT_OK(add(feature.source_column));
  }
  ARROW_RETURN_NOT_OK(add(pull.source.timestamp));
  if (!pull.source.created.empty()) ARROW_RETURN_NOT_OK(add(pull.source.created));
  if (pull.source.keys.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto dummy,
                          arrow::MakeArrayFromScalar(arrow::StringScalar(""),
                                                     static_cast<int64_t>(rows.size())));
    fields.push_back(arrow::field("__dummy_id", arrow::utf8()));
    columns.push_back(std::move(dummy));
  }
  return arrow::Table::Make(arrow::schema(std::move(fields)), columns,
                            static_cast<int64_t>(rows.size()));
}

}  // namespace floe::pit
