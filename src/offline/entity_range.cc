#include "offline/entity_range.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "arrow/array/builder_primitive.h"
#include "arrow/array/concatenate.h"
#include "arrow/array/util.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/cast.h"
#include "arrow/datum.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "base/error.h"
#include "exec/latest_by_key.h"
#include "offline/compute_kernels.h"
#include "offline/feature_gather.h"
#include "offline/key_scan.h"
#include "offline/source_units.h"

namespace floe::offline {
namespace {

using ChunkedArray = std::shared_ptr<arrow::ChunkedArray>;

/// The distinct rows of one view's source, columns under the entity frame's names.
class RangeOfView {
 public:
  RangeOfView(const HistoricalFeaturesRequest& request, const ViewRequest& view,
              const BoundSource& source)
      : request_(request), view_(view), source_(source) {}

  arrow::Result<std::shared_ptr<arrow::Table>> Read() {
    ARROW_RETURN_NOT_OK(BindColumns());
    exec::LatestOptions latest_options;
    latest_options.min_micros = request_.start_us;
    latest_options.max_micros = request_.end_us;
    latest_options.thread_count = request_.options.threads;
    ARROW_ASSIGN_OR_RAISE(auto latest, exec::LatestByKey::Make(types_, latest_options));
    ARROW_ASSIGN_OR_RAISE(SourcePlan plan,
                          source_.Plan(TimeRangePredicate(
                              columns_.timestamp, request_.start_us, request_.end_us)));
    ReadCounters counters;
    ARROW_ASSIGN_OR_RAISE(
        SourceUnits units,
        SourceUnits::Open(std::move(plan), request_.options, &counters));
    KeyScan scan(units, columns_, request_.options);
    ARROW_RETURN_NOT_OK(scan.Feed(latest.get(), &counters));
    ARROW_ASSIGN_OR_RAISE(exec::Resolution resolution, latest->Resolve());
    ARROW_ASSIGN_OR_RAISE(
        arrow::ChunkedArrayVector columns,
        GatherColumns(units, resolution, AllOf(resolution), columns_.keys,
                      static_cast<int64_t>(resolution.pick_count()), request_.options,
                      &counters));
    return MakeTable(std::move(columns), static_cast<int64_t>(resolution.pick_count()));
  }

 private:
  /// The event time is the last key: rows are distinct by it too.
  arrow::Status BindColumns() {
    for (const JoinKey& key : view_.join_keys) {
      ARROW_ASSIGN_OR_RAISE(SourceColumn column,
                            source_.Column(key.source_column, "join key"));
      types_.push_back({key.entity_column, column.type});
      columns_.keys.push_back(std::move(column));
    }
    ARROW_ASSIGN_OR_RAISE(
        columns_.timestamp,
        source_.TimeColumn(source_.source().timestamp_field, "timestamp field"));
    types_.push_back({request_.entity_timestamp_column, columns_.timestamp.type});
    columns_.keys.push_back(columns_.timestamp);
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::Table>> MakeTable(
      arrow::ChunkedArrayVector columns, int64_t rows) const {
    arrow::FieldVector fields;
    for (const exec::KeyColumnType& type : types_) {
      fields.push_back(arrow::field(type.name, type.type));
    }
    return arrow::Table::Make(arrow::schema(std::move(fields)), std::move(columns), rows);
  }

  const HistoricalFeaturesRequest& request_;
  const ViewRequest& view_;
  const BoundSource& source_;
  KeyColumns columns_;
  std::vector<exec::KeyColumnType> types_;
};

/// `times` as a timestamp of `unit` in UTC; naive times are UTC, dates are midnights.
arrow::Result<ChunkedArray> AsUtc(ChunkedArray times, arrow::TimeUnit::type unit) {
  if (times->type()->id() == arrow::Type::TIMESTAMP) {
    const auto& type = static_cast<const arrow::TimestampType&>(*times->type());
    ARROW_ASSIGN_OR_RAISE(times, times->View(arrow::timestamp(type.unit())));
  }
  ARROW_ASSIGN_OR_RAISE(
      arrow::Datum cast,
      arrow::compute::Cast(arrow::Datum(times),
                           arrow::compute::CastOptions::Safe(arrow::timestamp(unit))));
  return cast.chunked_array()->View(arrow::timestamp(unit, "UTC"));
}

bool IsNanosecond(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIMESTAMP &&
         static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
}

/// The columns of all tables, keys in order of first use, the time column last.
arrow::Result<std::shared_ptr<arrow::Schema>> UnionSchema(
    const std::vector<std::shared_ptr<arrow::Table>>& tables,
    const std::string& time_column) {
  arrow::FieldVector fields;
  std::map<std::string, size_t> places;
  auto unit = arrow::TimeUnit::MICRO;
  for (const auto& table : tables) {
    for (const auto& field : table->schema()->fields()) {
      if (field->name() == time_column) {
        if (IsNanosecond(*field->type())) unit = arrow::TimeUnit::NANO;
        continue;
      }
      auto [place, is_new] = places.emplace(field->name(), fields.size());
      if (is_new) {
        fields.push_back(field);
      } else if (!fields[place->second]->type()->Equals(*field->type())) {
        const auto& have = fields[place->second]->type();
        if (!arrow::is_integer(have->id()) || !arrow::is_integer(field->type()->id())) {
          return MakeError(ErrorCode::kInvalidArgument,
                           "join key '{}' is {} in one view and {} in another; give an "
                           "entity frame instead of a time range",
                           field->name(), have->ToString(), field->type()->ToString());
        }
        fields[place->second] = arrow::field(field->name(), arrow::int64());
      }
    }
  }
  fields.push_back(arrow::field(time_column, arrow::timestamp(unit, "UTC")));
  return arrow::schema(std::move(fields));
}

arrow::Result<std::shared_ptr<arrow::Table>> Conform(
    const arrow::Table& table, const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ChunkedArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    const auto& field = schema->field(i);
    ChunkedArray column = table.GetColumnByName(field->name());
    if (column == nullptr) {
      ARROW_ASSIGN_OR_RAISE(auto nulls,
                            arrow::MakeArrayOfNull(field->type(), table.num_rows()));
      column = std::make_shared<arrow::ChunkedArray>(std::move(nulls));
    } else if (i + 1 == schema->num_fields()) {
      const auto& type = static_cast<const arrow::TimestampType&>(*field->type());
      ARROW_ASSIGN_OR_RAISE(column, AsUtc(column, type.unit()));
    } else if (!column->type()->Equals(*field->type())) {
      ARROW_ASSIGN_OR_RAISE(arrow::Datum cast,
                            arrow::compute::Cast(column, field->type()));
      column = cast.chunked_array();
    }
    columns.push_back(std::move(column));
  }
  return arrow::Table::Make(schema, std::move(columns), table.num_rows());
}

/// The distinct rows of `table` by all its columns.
arrow::Result<std::shared_ptr<arrow::Table>> Distinct(
    const std::shared_ptr<arrow::Table>& table) {
  std::vector<exec::KeyColumnType> types;
  for (const auto& field : table->schema()->fields()) {
    types.push_back({field->name(), field->type()});
  }
  ARROW_ASSIGN_OR_RAISE(auto latest, exec::LatestByKey::Make(types, {}));
  exec::RowBatch batch;
  batch.length = table->num_rows();
  for (const ChunkedArray& column : table->columns()) {
    ARROW_ASSIGN_OR_RAISE(auto whole, column->num_chunks() == 0
                                          ? arrow::MakeEmptyArray(column->type())
                                          : arrow::Concatenate(column->chunks()));
    batch.keys.push_back(std::move(whole));
  }
  batch.timestamps = batch.keys.back();
  ARROW_RETURN_NOT_OK(latest->Observe(batch));
  ARROW_ASSIGN_OR_RAISE(exec::Resolution resolution, latest->Resolve());
  arrow::UInt32Builder rows;
  for (const RowPick& pick : resolution.picks_of(0)) {
    ARROW_RETURN_NOT_OK(rows.Append(pick.row));
  }
  ARROW_ASSIGN_OR_RAISE(auto indices, rows.Finish());
  ARROW_ASSIGN_OR_RAISE(arrow::Datum taken, arrow::compute::Take(table, indices));
  return taken.table();
}

arrow::Result<std::shared_ptr<arrow::Table>> SortByTimeAndKeys(
    const std::shared_ptr<arrow::Table>& table) {
  ARROW_RETURN_NOT_OK(RegisterComputeKernels());
  std::vector<arrow::compute::SortKey> keys;
  const int last = table->num_columns() - 1;
  keys.emplace_back(arrow::FieldRef(last));
  for (int i = 0; i < last; ++i) keys.emplace_back(arrow::FieldRef(i));
  ARROW_ASSIGN_OR_RAISE(
      auto order, arrow::compute::SortIndices(
                      arrow::Datum(table), arrow::compute::SortOptions(std::move(keys))));
  ARROW_ASSIGN_OR_RAISE(arrow::Datum sorted, arrow::compute::Take(table, order));
  return sorted.table();
}

/// Join keys become columns of the result, beside its time column.
arrow::Status CheckKeyNames(const HistoricalFeaturesRequest& request,
                            const ViewRequest& view) {
  std::set<std::string> names = {request.entity_timestamp_column};
  for (const JoinKey& key : view.join_keys) {
    if (names.insert(key.entity_column).second) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "view '{}': without an entity frame two columns of the result would "
                     "be called '{}'; rename the time column or give an entity frame",
                     view.name, key.entity_column);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Table>> EntitiesOfRange(
    const HistoricalFeaturesRequest& request,
    const std::vector<std::shared_ptr<const BoundSource>>& sources) {
  std::vector<std::shared_ptr<arrow::Table>> tables;
  for (size_t i = 0; i < sources.size(); ++i) {
    ARROW_RETURN_NOT_OK(CheckKeyNames(request, request.views[i]));
    ARROW_ASSIGN_OR_RAISE(auto table,
                          RangeOfView(request, request.views[i], *sources[i]).Read());
    tables.push_back(std::move(table));
  }
  ARROW_ASSIGN_OR_RAISE(auto schema,
                        UnionSchema(tables, request.entity_timestamp_column));
  for (auto& table : tables) {
    ARROW_ASSIGN_OR_RAISE(table, Conform(*table, schema));
  }
  if (tables.empty()) return arrow::Table::MakeEmpty(schema);
  if (tables.size() == 1) return SortByTimeAndKeys(tables[0]);
  ARROW_ASSIGN_OR_RAISE(auto all, arrow::ConcatenateTables(tables));
  ARROW_ASSIGN_OR_RAISE(all, Distinct(all));
  return SortByTimeAndKeys(all);
}

}  // namespace floe::offline
