#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "exec/asof_join.h"
#include "offline/bound_source.h"
#include "offline/historical_features.h"
#include "offline/key_scan.h"

namespace floe::offline {

class SourceUnits;

/// One view of a request, checked against its source and the entity frame's schema, and
/// ready to be joined to any part of the frame. Immutable.
class ViewJoin {
 public:
  /// Errors as GetHistoricalFeatures says.
  static arrow::Result<ViewJoin> Make(const ViewRequest& view,
                                      const HistoricalFeaturesRequest& request,
                                      std::shared_ptr<const BoundSource> source,
                                      const arrow::Schema& entity_schema);

  const BoundSource& source() const { return *source_; }
  /// The output columns.
  const arrow::FieldVector& fields() const { return fields_; }

  /// The features of `spine`'s rows, in its order: one column per requested feature.
  arrow::Result<arrow::ChunkedArrayVector> Run(const arrow::Table& spine,
                                               ReadCounters* counters) const;

  /// What Run would look at. Row groups and bytes are by the files' footers, bytes
  /// compressed and of the row groups kept: of keys and times, which are read to find the
  /// rows, and of features, of which only pages with such rows are.
  struct Preview {
    struct File {
      std::string path;
      int64_t size_bytes = 0;
      int row_groups = 0;
      int row_groups_kept = 0;
      int64_t rows_kept = 0;
      int64_t key_bytes = 0;
      int64_t feature_bytes = 0;
    };
    iceberg::PredicatePtr filter;  ///< Null: nothing can match.
    int64_t files_total = 0;
    std::vector<File> files;  ///< Kept by the table's metadata; see row_groups_kept.
  };
  arrow::Result<Preview> Explain(const arrow::Table& spine) const;

 private:
  ViewJoin() = default;
  arrow::Status BindKeys(const ViewRequest& view, const arrow::Schema& entity_schema);
  arrow::Status BindFeatures(const ViewRequest& view);
  arrow::Result<arrow::ChunkedArrayVector> RunLabels(const SourceUnits& units,
                                                     const arrow::Table& spine,
                                                     ReadCounters* counters) const;
  arrow::Result<std::unique_ptr<exec::AsOfJoin>> MakeJoin(
      const arrow::Table& spine) const;
  /// Null when nothing can match.
  arrow::Result<iceberg::PredicatePtr> Filter(const exec::AsOfJoin& join,
                                              const arrow::Table& spine) const;
  arrow::Result<iceberg::PredicatePtr> KeyFilter(const exec::AsOfJoin& join,
                                                 const arrow::Table& spine) const;
  arrow::Result<arrow::ChunkedArrayVector> Nulls(int64_t length) const;
  arrow::Result<arrow::ChunkedArrayVector> CastToRequested(
      arrow::ChunkedArrayVector columns) const;

  std::shared_ptr<const BoundSource> source_;
  std::vector<std::string> entity_keys_;
  std::string entity_timestamp_;
  KeyColumns columns_;
  std::vector<SourceColumn> features_;
  arrow::FieldVector fields_;
  exec::AsOfOptions join_options_;
  RetrievalOptions options_;
  std::optional<LabelResolution> labels_;
  std::optional<SourceColumn> labeler_;
};

}  // namespace floe::offline
