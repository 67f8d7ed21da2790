#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"
#include "io/http_client.h"

namespace floe::iceberg {

/// Makes `catalog_type` "glue" known to `registry`.
void RegisterGlueCatalog(CatalogRegistry& registry);

/// A catalog in AWS Glue's Data Catalog, shared with PyIceberg, Java, Athena, Spark and
/// Trino. Namespaces are databases: one level, lower case. A commit is an UpdateTable
/// that Glue refuses when the table has another version by then. Properties and their
/// defaults are in docs/catalogs.md; credentials are as AwsCredentialsProvider finds
/// them. kInvalidConfig names a property with a bad value. Sends nothing before the first
/// call.
arrow::Result<std::shared_ptr<Catalog>> OpenGlueCatalog(
    const CatalogConfig& config, const CatalogEnvironment& environment);

/// The same over a client of the caller's.
arrow::Result<std::shared_ptr<Catalog>> OpenGlueCatalogOver(
    const CatalogConfig& config, const CatalogEnvironment& environment,
    std::shared_ptr<HttpClient> http);

}  // namespace floe::iceberg
