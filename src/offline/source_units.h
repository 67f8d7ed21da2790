#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "offline/bound_source.h"
#include "offline/source.h"

namespace floe::offline {

/// How a column of one file is had.
struct ColumnAccess {
  enum class Kind {
    kPages,   ///< A flat leaf: decoded or gathered page by page.
    kReader,  ///< Nested, of a file that is not Parquet, or not in the file but with a
              ///< value: by the general reader.
    kAbsent,  ///< Not in the file and without a value: NULL in every row.
  };
  Kind kind = Kind::kAbsent;
  int leaf = -1;  ///< Of kPages.
};

/// An opened data file of a plan. One that is not Parquet counts as one row group, whose
/// columns are all read by the reader of its format.
struct SourceFile {
  const iceberg::FileScanTask* task = nullptr;
  iceberg::ParquetFilePtr parquet;                    ///< Null for other formats.
  std::shared_ptr<const iceberg::FileSchema> fields;  ///< Of `parquet`.
  /// Rows that may match the plan's filter.
  std::vector<iceberg::RowRange> ranges;
  /// Positions of deleted rows, ascending.
  std::vector<int64_t> deleted;
  uint32_t first_unit = 0;

  const std::string& location() const { return task->file->file_path; }
  int row_group_count() const;
  /// The place in the file of a row group's first row.
  int64_t row_group_start(int row_group) const;
  int64_t row_group_rows(int row_group) const;
};

/// A row group to read: its number is its place among all row groups of the files kept,
/// oldest write first, so between equal rows the higher (unit, row) is the later write.
struct SourceUnit {
  uint32_t unit = 0;
  size_t file = 0;
  int row_group = 0;
  /// Rows within the row group that may match, ascending and disjoint.
  std::vector<iceberg::RowRange> ranges;
};

/// The files of a plan opened, pruned to the row groups and pages that may match, and
/// numbered for the kernels. Immutable; thread-safe.
class SourceUnits {
 public:
  /// Opens Parquet's footers on `options.threads` threads. Adds what was kept and left
  /// out to `counters`.
  static arrow::Result<SourceUnits> Open(SourcePlan plan, const RetrievalOptions& options,
                                         ReadCounters* counters);

  const SourcePlan& plan() const { return *plan_; }
  const std::vector<SourceFile>& files() const { return files_; }
  /// Ascending by number; only those with rows that may match.
  const std::vector<SourceUnit>& units() const { return units_; }
  /// The unit of any number that a kernel saw.
  const SourceUnit& unit(uint32_t number) const;
  const SourceFile& file_of(const SourceUnit& unit) const { return files_[unit.file]; }

  arrow::Result<ColumnAccess> Access(const SourceFile& file,
                                     const SourceColumn& column) const;

  /// One bit a row of [range.begin, range.end) of the unit's row group, clear where the
  /// row is deleted; nullptr when none is.
  arrow::Result<std::shared_ptr<arrow::Buffer>> Live(const SourceUnit& unit,
                                                     iceberg::RowRange range) const;

  /// Reads `columns` at `rows` (row numbers within the unit's row group, ascending and
  /// disjoint ranges) in batches of the options' size, whatever the columns are.
  arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadGenerally(
      const SourceUnit& unit, const std::vector<SourceColumn>& columns,
      const std::vector<iceberg::RowRange>& rows) const;

 private:
  arrow::Status OpenFile(size_t index);
  arrow::Status OpenParquet(SourceFile* out) const;
  void NumberUnits(ReadCounters* counters);

  std::shared_ptr<const SourcePlan> plan_;
  RetrievalOptions options_;
  std::vector<SourceFile> files_;
  std::vector<SourceUnit> units_;
};

}  // namespace floe::offline
