#include "offline/view_join.h"

#include <utility>

#include "arrow/array/concatenate.h"
#include "arrow/array/util.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/cast.h"
#include "arrow/datum.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/format/parquet/chunk_bytes.h"
#include "iceberg/spec/arrow_extension.h"
#include "offline/feature_gather.h"
#include "offline/key_filter.h"
#include "offline/label_join.h"
#include "offline/source_units.h"

namespace floe::offline {
namespace {

using iceberg::Predicate;
using iceberg::PredicatePtr;

/// With at most this many distinct keys they are looked for one by one in bounds and
/// bloom filters, instead of by their smallest and largest.
constexpr int64_t kMaxKeysInSet = 256;

arrow::Result<std::shared_ptr<arrow::Array>> WholeColumn(const arrow::Table& table,
                                                         const std::string& name) {
  std::shared_ptr<arrow::ChunkedArray> column = table.GetColumnByName(name);
  if (column->num_chunks() == 1) return column->chunk(0);
  if (column->num_chunks() == 0) return arrow::MakeEmptyArray(column->type());
  return arrow::Concatenate(column->chunks());
}

int64_t BytesOf(const SourceFile& file, int row_group, const SourceColumn& column) {
  // Other formats do not say how long a column is.
  if (file.parquet == nullptr) return 0;
  const iceberg::FileField* field = file.fields->Find(column.field->id);
  return field == nullptr ? 0 : iceberg::ChunkBytes(*file.parquet, row_group, *field);
}

}  // namespace

arrow::Result<ViewJoin> ViewJoin::Make(const ViewRequest& view,
                                       const HistoricalFeaturesRequest& request,
                                       std::shared_ptr<const BoundSource> source,
                                       const arrow::Schema& entity_schema) {
  if (view.ttl_us < 0) {
    return MakeError(ErrorCode::kInvalidArgument, "view '{}' has a negative ttl: {} us",
                     view.name, view.ttl_us);
  }
  ViewJoin join;
  join.source_ = std::move(source);
  join.entity_timestamp_ = request.entity_timestamp_column;
  join.options_ = request.options;
  if (view.ttl_us > 0) join.join_options_.ttl_micros = view.ttl_us;
  join.join_options_.thread_count = request.options.threads;
  ARROW_RETURN_NOT_OK(join.BindKeys(view, entity_schema));
  join.join_options_.filter_by_created_timestamp =
      request.filter_by_created_timestamp && join.columns_.created.has_value();
  ARROW_RETURN_NOT_OK(join.BindFeatures(view));
  join.labels_ = view.labels;
  if (view.labels && view.labels->policy == LabelPolicy::kLabelerPriority) {
    ARROW_ASSIGN_OR_RAISE(join.labeler_,
                          join.source_->Column(view.labels->labeler_column, "labeler"));
  }
  return join;
}

arrow::Status ViewJoin::BindKeys(const ViewRequest& view,
                                 const arrow::Schema& entity_schema) {
  const FeatureSource& source = source_->source();
  ARROW_ASSIGN_OR_RAISE(columns_.timestamp,
                        source_->TimeColumn(source.timestamp_field, "timestamp field"));
  if (!source.created_timestamp_column.empty()) {
    ARROW_ASSIGN_OR_RAISE(
        columns_.created,
        source_->TimeColumn(source.created_timestamp_column, "created timestamp column"));
  }
  for (const JoinKey& key : view.join_keys) {
    if (entity_schema.GetFieldByName(key.entity_column) == nullptr) {
      const std::string nearest =
          NearestName(key.entity_column, entity_schema.field_names());
      return MakeError(
          ErrorCode::kNoSuchColumn,
          "view '{}': join key '{}' is not a column of the entity frame{}", view.name,
          key.entity_column,
          nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
    }
    ARROW_ASSIGN_OR_RAISE(SourceColumn column,
                          source_->Column(key.source_column, "join key"));
    entity_keys_.push_back(key.entity_column);
    columns_.keys.push_back(std::move(column));
  }
  return arrow::Status::OK();
}

arrow::Status ViewJoin::BindFeatures(const ViewRequest& view) {
  for (const RequestedFeature& feature : view.features) {
    ARROW_ASSIGN_OR_RAISE(SourceColumn column,
                          source_->Column(feature.source_column, "feature"));
    fields_.push_back(arrow::field(
        feature.output_name, feature.type != nullptr ? feature.type : column.type,
        /*nullable=*/true,
        feature.type != nullptr ? nullptr
                                : iceberg::ExtensionMetadata(*column.field->type)));
    features_.push_back(std::move(column));
  }
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<exec::AsOfJoin>> ViewJoin::MakeJoin(
    const arrow::Table& spine) const {
  std::vector<std::shared_ptr<arrow::Array>> keys;
  std::vector<exec::KeyColumnType> key_types;
  for (size_t i = 0; i < entity_keys_.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto key, WholeColumn(spine, entity_keys_[i]));
    keys.push_back(std::move(key));
    key_types.push_back({entity_keys_[i], columns_.keys[i].type});
  }
  ARROW_ASSIGN_OR_RAISE(auto times, WholeColumn(spine, entity_timestamp_));
  return exec::AsOfJoin::Make(keys, *times, key_types, join_options_);
}

arrow::Result<PredicatePtr> ViewJoin::KeyFilter(const exec::AsOfJoin& join,
                                                const arrow::Table& spine) const {
  std::shared_ptr<arrow::Array> distinct;
  if (entity_keys_.size() == 1) {
    ARROW_ASSIGN_OR_RAISE(distinct, join.DistinctKeys(kMaxKeysInSet));
  }
  PredicatePtr filter = Predicate::True();
  for (size_t i = 0; i < entity_keys_.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(
        PredicatePtr part,
        KeyPredicate(columns_.keys[i], *spine.GetColumnByName(entity_keys_[i]),
                     distinct.get()));
    filter = Predicate::And(std::move(filter), std::move(part));
  }
  return filter;
}

arrow::Result<PredicatePtr> ViewJoin::Filter(const exec::AsOfJoin& join,
                                             const arrow::Table& spine) const {
  const exec::AsOfJoin::TimeBounds bounds = join.time_bounds();
  if (bounds.none) return PredicatePtr();
  ARROW_ASSIGN_OR_RAISE(PredicatePtr keys, KeyFilter(join, spine));
  return Predicate::And(
      TimeRangePredicate(columns_.timestamp, bounds.min_micros, bounds.max_micros), keys);
}

arrow::Result<arrow::ChunkedArrayVector> ViewJoin::Run(const arrow::Table& spine,
                                                       ReadCounters* counters) const {
  ARROW_ASSIGN_OR_RAISE(auto join, MakeJoin(spine));
  ARROW_ASSIGN_OR_RAISE(PredicatePtr filter, Filter(*join, spine));
  if (filter == nullptr) return Nulls(spine.num_rows());
  ARROW_ASSIGN_OR_RAISE(SourcePlan plan, source_->Plan(filter));
  ARROW_ASSIGN_OR_RAISE(SourceUnits units,
                        SourceUnits::Open(std::move(plan), options_, counters));
  if (labels_) {
    ARROW_ASSIGN_OR_RAISE(arrow::ChunkedArrayVector columns,
                          RunLabels(units, spine, counters));
    return CastToRequested(std::move(columns));
  }
  KeyScan scan(units, columns_, options_);
  ARROW_RETURN_NOT_OK(scan.Feed(join.get(), counters));
  ARROW_ASSIGN_OR_RAISE(exec::Resolution resolution, join->Resolve());
  join.reset();  // Its memory is not needed while features are gathered.
  ARROW_ASSIGN_OR_RAISE(arrow::ChunkedArrayVector columns,
                        GatherColumns(units, resolution, AllOf(resolution), features_,
                                      spine.num_rows(), options_, counters));
  return CastToRequested(std::move(columns));
}

arrow::Result<arrow::ChunkedArrayVector> ViewJoin::RunLabels(
    const SourceUnits& units, const arrow::Table& spine, ReadCounters* counters) const {
  LabelSpine rows;
  for (const std::string& key : entity_keys_) {
    ARROW_ASSIGN_OR_RAISE(auto values, WholeColumn(spine, key));
    rows.keys.push_back(std::move(values));
  }
  ARROW_ASSIGN_OR_RAISE(rows.times, WholeColumn(spine, entity_timestamp_));
  return ResolveLabels(units, {columns_, features_, labeler_}, rows, *labels_,
                       join_options_.ttl_micros.value_or(0),
                       join_options_.filter_by_created_timestamp, options_, counters);
}

arrow::Result<ViewJoin::Preview> ViewJoin::Explain(const arrow::Table& spine) const {
  ARROW_ASSIGN_OR_RAISE(auto join, MakeJoin(spine));
  Preview preview;
  ARROW_ASSIGN_OR_RAISE(preview.filter, Filter(*join, spine));
  ARROW_ASSIGN_OR_RAISE(
      SourcePlan plan,
      source_->Plan(preview.filter != nullptr ? preview.filter : Predicate::False()));
  ReadCounters counters;
  ARROW_ASSIGN_OR_RAISE(SourceUnits units,
                        SourceUnits::Open(std::move(plan), options_, &counters));
  preview.files_total = counters.files_total;
  for (const SourceFile& file : units.files()) {
    preview.files.push_back({file.task->file->file_path, file.task->file->file_size_bytes,
                             file.row_group_count()});
  }
  for (const SourceUnit& unit : units.units()) {
    const SourceFile& file = units.file_of(unit);
    Preview::File& kept = preview.files[unit.file];
    kept.row_groups_kept += 1;
    for (const iceberg::RowRange& range : unit.ranges) {
      kept.rows_kept += range.end - range.begin;
    }
    for (const SourceColumn& column : columns_.keys) {
      kept.key_bytes += BytesOf(file, unit.row_group, column);
    }
    kept.key_bytes += BytesOf(file, unit.row_group, columns_.timestamp);
    if (columns_.created) {
      kept.key_bytes += BytesOf(file, unit.row_group, *columns_.created);
    }
    for (const SourceColumn& column : features_) {
      kept.feature_bytes += BytesOf(file, unit.row_group, column);
    }
  }
  return preview;
}

arrow::Result<arrow::ChunkedArrayVector> ViewJoin::Nulls(int64_t length) const {
  arrow::ChunkedArrayVector columns;
  for (const auto& field : fields_) {
    ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(field->type(), length));
    columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(nulls)));
  }
  return columns;
}

arrow::Result<arrow::ChunkedArrayVector> ViewJoin::CastToRequested(
    arrow::ChunkedArrayVector columns) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::shared_ptr<arrow::DataType>& wanted = fields_[i]->type();
    if (columns[i]->type()->Equals(*wanted)) continue;
    auto cast = arrow::compute::Cast(arrow::Datum(columns[i]),
                                     arrow::compute::CastOptions::Safe(wanted));
    if (!cast.ok()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "view '{}': feature '{}' of '{}' is {} and cannot be given as {}: "
                       "{}",
                       source_->view(), features_[i].field->name, source_->pin().source,
                       columns[i]->type()->ToString(), wanted->ToString(),
                       cast.status().message());
    }
    columns[i] = cast->chunked_array();
  }
  return columns;
}

}  // namespace floe::offline
