#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/catalog/catalog.h"
#include "io/file_io.h"
#include "offline/source.h"
#include "pit/case_file.h"

namespace floe::pit {

/// How a case's tables are stored and asked: what must not change the answer.
struct Layout {
  std::string name;
  bool iceberg = true;
  int64_t rows_per_file = 0;  ///< 0: all in one.
  /// Iceberg: every row is followed by one that would win and is deleted by position.
  bool with_deleted_rows = false;
  int64_t rows_per_group = 0;  ///< Of Parquet files; 0: all in one.
  bool general_path_only = false;
  int threads = 2;
  int64_t batch_rows = 65536;
  int64_t memory_budget_bytes = int64_t{1} << 30;
};

/// Makes tables for tests under one folder.
class SourceTables {
 public:
  static arrow::Result<SourceTables> Make(const std::string& folder);

  /// `table` as a source of the layout's kind; the time columns are the caller's to set.
  arrow::Result<offline::FeatureSource> Store(const std::string& name,
                                              const arrow::Table& table,
                                              const Layout& layout);

 private:
  arrow::Result<offline::FeatureSource> StoreIceberg(const std::string& name,
                                                     const arrow::Table& table,
                                                     const Layout& layout);
  arrow::Result<offline::FeatureSource> StoreParquet(const std::string& name,
                                                     const arrow::Table& table,
                                                     const Layout& layout);

  std::string folder_;
  std::shared_ptr<FileIO> io_;
  std::shared_ptr<iceberg::Catalog> catalog_;
  int stored_ = 0;
};

/// The case's question put to the offline module with its tables stored as `layout` says.
arrow::Result<std::shared_ptr<arrow::Table>> Ask(const CaseFile& question,
                                                 const Layout& layout,
                                                 SourceTables* tables);

}  // namespace floe::pit
