#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/spec/table_metadata.h"
#include "iceberg/table/table_context.h"
#include "io/file_io.h"

namespace floe::iceberg {

class Table;
using TablePtr = std::shared_ptr<const Table>;

/// One version of a table: a name, the metadata as loaded, and how to read its files.
/// Immutable, so one thread's commit never moves another's ground; Refresh and every
/// commit return the newer version. Thread-safe.
class Table {
 public:
  /// Loads from the catalog. kNoSuchTable names the table and the nearest there is.
  static arrow::Result<TablePtr> Load(std::shared_ptr<Catalog> catalog,
                                      const TableIdentifier& identifier,
                                      TableContext context = {});
  static arrow::Result<TablePtr> Create(std::shared_ptr<Catalog> catalog,
                                        const TableIdentifier& identifier,
                                        const CreateTableRequest& request,
                                        TableContext context = {});
  /// A table by the path of a metadata.json. It can be read only; commits give
  /// kNotSupported.
  static arrow::Result<TablePtr> FromMetadataFile(std::shared_ptr<FileIO> io,
                                                  const std::string& metadata_location,
                                                  TableContext context = {});

  /// The newest version by the catalog. A table from a metadata file stays as it is.
  arrow::Result<TablePtr> Refresh() const;
  /// The version that `loaded` describes, of the same table.
  TablePtr WithLoaded(LoadedTable loaded) const;

  /// The identifier's text, or the metadata file of a table without catalog.
  const std::string& name() const { return name_; }
  const TableIdentifier& identifier() const { return identifier_; }
  const TableMetadataPtr& metadata() const { return loaded_.metadata; }
  const std::string& metadata_location() const { return loaded_.metadata_location; }
  const std::string& location() const { return loaded_.metadata->location; }
  const SchemaPtr& schema() const { return loaded_.metadata->schema(); }
  const std::shared_ptr<FileIO>& io() const { return loaded_.io; }
  /// Null for a table from a metadata file.
  const std::shared_ptr<Catalog>& catalog() const { return catalog_; }
  const TableContext& context() const { return context_; }

 private:
  Table(std::shared_ptr<Catalog> catalog, TableIdentifier identifier, LoadedTable loaded,
        TableContext context);

  std::shared_ptr<Catalog> catalog_;
  TableIdentifier identifier_;
  std::string name_;
  LoadedTable loaded_;
  TableContext context_;
};

}  // namespace floe::iceberg
