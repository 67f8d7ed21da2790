#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/catalog/glue/glue_client.h"
#include "io/store_properties.h"

namespace floe::iceberg::glue {

/// What a configuration says about a glue catalog.
struct GlueProperties {
  GlueClientOptions client;
  /// Whether an update keeps no version of the table before it.
  bool skips_archive = true;
};

/// What AwsCredentialsProvider puts before its names: "glue.region".
inline constexpr char kGluePrefix[] = "glue.";

/// Reads the properties, and what they leave open from AWS's environment and profile
/// (region, endpoint). kInvalidConfig names the key with a bad value, or that no region
/// is given.
arrow::Result<GlueProperties> ReadGlueProperties(const CatalogConfig& config);

/// The keys ReadGlueProperties reads, beside those of every catalog and of stores.
std::vector<PropertyKey> GluePropertyKeys();

}  // namespace floe::iceberg::glue
