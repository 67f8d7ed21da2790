#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"

namespace floe::iceberg {

/// Makes `catalog_type` "sql" known to `registry`.
void RegisterSqlCatalog(CatalogRegistry& registry);

/// A catalog in the tables iceberg_tables and iceberg_namespace_properties that PyIceberg
/// and Java's JDBC catalog share (both of its schema versions), in SQLite, PostgreSQL,
/// MySQL or MariaDB; they are created when missing, unless the property
/// init_catalog_tables is "false". `config.uri` as ParseSqlAddress reads it.
/// kNotSupported names another database; kServiceUnavailable when it cannot be reached or
/// stays locked; kNotAuthorized when it refuses the login or the writing; no message
/// holds a password.
arrow::Result<std::shared_ptr<Catalog>> OpenSqlCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment);

}  // namespace floe::iceberg
