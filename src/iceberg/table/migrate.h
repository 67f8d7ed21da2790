#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/table/foreign_files.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

struct AddForeignOptions {
  int threads = 1;
  /// Called with how many files are described; one thread at a time.
  std::function<void(int64_t done, int64_t of)> progress;
};

/// Adds Parquet files to a table where they lie, in one snapshot: nothing is copied or
/// rewritten, statistics come from the footers, columns are found by the table's
/// schema.name-mapping.default (set from its schema when it has none). The table is
/// partitioned by identity of exactly the keys of the files' folders. kInvalidArgument
/// names the file that does not fit, kAlreadyExists one the table holds already.
arrow::Result<TablePtr> AddForeignFiles(const TablePtr& table,
                                        const std::vector<ForeignFile>& files,
                                        const AddForeignOptions& options);

/// A new table over `files` as UniteForeignFiles described them; its namespace is made
/// when missing. Upkeep of the table will in time delete files it no longer needs, these
/// among them, unless `properties` say gc.enabled=false. On failure the table is taken
/// out of the catalog again and the files are as they were.
arrow::Result<TablePtr> MigrateFiles(std::shared_ptr<Catalog> catalog,
                                     const TableIdentifier& identifier,
                                     const std::vector<ForeignFile>& files,
                                     const ForeignTable& description,
                                     const std::map<std::string, std::string>& properties,
                                     const AddForeignOptions& options);

/// The names of all fields of `schema`, for files without ids.
NameMapping NameMappingOf(const Schema& schema);

}  // namespace floe::iceberg
