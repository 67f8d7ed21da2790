#include "iceberg/table/table.h"

#include "base/error.h"
#include "iceberg/catalog/metadata_file.h"

namespace floe::iceberg {

Table::Table(std::shared_ptr<Catalog> catalog, TableIdentifier identifier,
             LoadedTable loaded, TableContext context)
    : catalog_(std::move(catalog)),
      identifier_(std::move(identifier)),
      loaded_(std::move(loaded)),
      context_(std::move(context)) {
  name_ = catalog_ == nullptr ? loaded_.metadata_location : identifier_.ToString();
}

arrow::Result<TablePtr> Table::Load(std::shared_ptr<Catalog> catalog,
                                    const TableIdentifier& identifier,
                                    TableContext context) {
  ARROW_ASSIGN_OR_RAISE(LoadedTable loaded, catalog->LoadTable(identifier));
  return TablePtr(
      new Table(std::move(catalog), identifier, std::move(loaded), std::move(context)));
}

arrow::Result<TablePtr> Table::Create(std::shared_ptr<Catalog> catalog,
                                      const TableIdentifier& identifier,
                                      const CreateTableRequest& request,
                                      TableContext context) {
  ARROW_ASSIGN_OR_RAISE(LoadedTable loaded, catalog->CreateTable(identifier, request));
  return TablePtr(
      new Table(std::move(catalog), identifier, std::move(loaded), std::move(context)));
}

arrow::Result<TablePtr> Table::FromMetadataFile(std::shared_ptr<FileIO> io,
                                                const std::string& metadata_location,
                                                TableContext context) {
  ARROW_ASSIGN_OR_RAISE(TableMetadataPtr metadata,
                        ReadTableMetadata(*io, metadata_location));
  LoadedTable loaded{metadata_location, std::move(metadata), std::move(io)};
  return TablePtr(
      new Table(nullptr, TableIdentifier(), std::move(loaded), std::move(context)));
}

arrow::Result<TablePtr> Table::Refresh() const {
  if (catalog_ == nullptr) return WithLoaded(loaded_);
  return Load(catalog_, identifier_, context_);
}

TablePtr Table::WithLoaded(LoadedTable loaded) const {
  return TablePtr(new Table(catalog_, identifier_, std::move(loaded), context_));
}

}  // namespace floe::iceberg
