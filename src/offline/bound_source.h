#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/spec/schema.h"
#include "iceberg/table/scan.h"
#include "io/file_io.h"
#include "offline/source.h"

namespace floe::iceberg {
class FileSchema;
class ParquetFile;
}  // namespace floe::iceberg

namespace floe::offline {

/// A top-level column of a source. `field` belongs to the source's schema.
struct SourceColumn {
  const iceberg::NestedField* field = nullptr;
  std::shared_ptr<arrow::DataType> type;
};

/// Which version of a source an answer came from.
struct SourcePin {
  std::string source;
  std::string table_uuid;  ///< "" for Parquet files.
  std::optional<int64_t> snapshot_id;
  int32_t schema_id = 0;
  /// Of Parquet files: path and size.
  std::vector<std::pair<std::string, int64_t>> files;
};

/// The files a request has to look at, oldest write first. Immutable.
struct SourcePlan {
  std::shared_ptr<const FileIO> io;
  iceberg::SchemaPtr schema;
  std::shared_ptr<const iceberg::NameMapping> name_mapping;
  iceberg::PredicatePtr filter;  ///< Bound to `schema`.
  std::vector<iceberg::FileScanTask> tasks;
  int64_t files_total = 0;
  iceberg::ScanPlanPtr scan;  ///< Null for Parquet files.
};

/// A FeatureSource opened: its version chosen and its schema known. Immutable, shared by
/// threads.
class BoundSource {
 public:
  /// `view` is named in every error.
  static arrow::Result<std::shared_ptr<const BoundSource>> Open(
      const FeatureSource& source, const std::string& view);

  const std::string& view() const { return view_; }
  const FeatureSource& source() const { return source_; }
  const iceberg::SchemaPtr& schema() const { return schema_; }
  const SourcePin& pin() const { return pin_; }

  /// kNoSuchColumn names the view, the source, the column and the nearest one. `role` is
  /// what the column is for, e.g. "join key".
  arrow::Result<SourceColumn> Column(const std::string& name,
                                     std::string_view role) const;
  /// The event or created time column: kInvalidArgument unless it is a time.
  arrow::Result<SourceColumn> TimeColumn(const std::string& name,
                                         std::string_view role) const;

  /// Chooses the files that may hold rows matching `filter` (unbound).
  arrow::Result<SourcePlan> Plan(const iceberg::PredicatePtr& filter) const;

 private:
  BoundSource(FeatureSource source, std::string view)
      : source_(std::move(source)), view_(std::move(view)) {}
  arrow::Status OpenTable();
  arrow::Status OpenParquet();
  arrow::Status ListParquetFiles();
  arrow::Status AdoptSchema(const iceberg::ParquetFile& file);
  arrow::Result<SourcePlan> PlanTable(const iceberg::PredicatePtr& filter) const;
  arrow::Result<SourcePlan> PlanParquet(const iceberg::PredicatePtr& filter) const;

  FeatureSource source_;
  std::string view_;
  std::shared_ptr<const FileIO> io_;
  iceberg::SchemaPtr schema_;
  std::shared_ptr<const iceberg::NameMapping> name_mapping_;
  /// Columns of Parquet files that have no Iceberg type, with the reason.
  std::vector<std::pair<std::string, std::string>> unusable_;
  SourcePin pin_;
};

/// kNotSupported where some but not all columns of a file outside a table have field ids:
/// those without would not be found, and their values taken for NULL.
arrow::Status CheckFieldIds(const iceberg::ParquetFile& file,
                            const iceberg::FileSchema& fields);

/// The unbound predicate min <= `column` <= max in microseconds since the epoch, in the
/// column's own unit, never excluding a time within the bounds. Open ends are nullopt.
iceberg::PredicatePtr TimeRangePredicate(const SourceColumn& column,
                                         std::optional<int64_t> min_us,
                                         std::optional<int64_t> max_us);

}  // namespace floe::offline
