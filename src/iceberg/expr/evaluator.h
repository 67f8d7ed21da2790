#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/partition_spec.h"

namespace arrow {
class BooleanArray;
class RecordBatch;
}  // namespace arrow

namespace floe::iceberg {

/// Bounds and counts of one column over some rows: a file, a row group or a page.
struct ColumnBounds {
  std::optional<int64_t> value_count;
  std::optional<int64_t> null_count;
  std::optional<int64_t> nan_count;
  std::optional<Literal> lower;
  std::optional<Literal> upper;
};

/// Gives a column's bounds; all unset when nothing is known.
using BoundsLookup = std::function<ColumnBounds(int32_t field_id, const TypePtr& type)>;

/// Whether any row within the bounds may match `bound`. Never false for a match (the
/// inclusive evaluator of the Java reference). NaN is outside all bounds.
bool MayMatch(const Predicate& bound, const BoundsLookup& bounds);

/// The lookup over a manifest entry's metrics. `file` must outlive it.
BoundsLookup FileBounds(const DataFile& file);

/// `bound` (over rows) as a predicate over partition tuples of `spec` that is true for
/// every partition that may hold a match (inclusive projection). Bound to the fields of
/// PartitionType.
arrow::Result<PredicatePtr> ProjectToPartition(const PredicatePtr& bound,
                                               const Schema& schema,
                                               const PartitionSpec& spec);

/// Evaluates a projected predicate on one tuple, or on a manifest's field summaries.
bool PartitionMayMatch(const Predicate& projected, const PartitionSpec& spec,
                       const std::vector<Literal>& partition);
bool ManifestMayMatch(const Predicate& projected, const PartitionSpec& spec,
                      const Type& partition_type,
                      const std::vector<PartitionFieldSummary>& summaries);

/// Exact evaluation on rows: a mask without nulls (NULL counts as false). Columns are
/// found by the field id in their metadata, else by name.
arrow::Result<std::shared_ptr<arrow::BooleanArray>> EvaluateRows(
    const Predicate& bound, const arrow::RecordBatch& batch);

}  // namespace floe::iceberg
