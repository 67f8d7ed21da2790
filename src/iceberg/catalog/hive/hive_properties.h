#pragma once

#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/catalog/hive/hive_client.h"
#include "iceberg/catalog/hive/hive_lock.h"
#include "iceberg/catalog/hive/hive_table.h"
#include "io/store_properties.h"

namespace floe::iceberg::hive {

/// What a configuration says about a hive catalog.
struct HiveProperties {
  HiveClientOptions client;
  HiveLockOptions lock;
  HiveTableLayout layout;
  /// Unless the table's engine.hive.lock-enabled says otherwise.
  bool is_lock_enabled = true;
  /// Of the tables and databases made.
  std::string owner;
};

/// kInvalidConfig names the key with a bad value; kNotSupported for Kerberos.
arrow::Result<HiveProperties> ReadHiveProperties(const CatalogConfig& config);

/// The keys ReadHiveProperties reads from the properties, beside those of every catalog.
std::vector<PropertyKey> HivePropertyKeys();

}  // namespace floe::iceberg::hive
