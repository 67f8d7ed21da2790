#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/hive/thrift_value.h"
#include "iceberg/catalog/hive_type_text.h"
#include "iceberg/catalog/metastore_catalog.h"

namespace floe::iceberg::hive {

/// How Iceberg tables are written down in a metastore.
struct HiveTableLayout {
  HiveZonedTime zoned_time = HiveZonedTime::kLocalTimeZone;
  /// Unless the table's engine.hive.enabled says otherwise: whether Hive itself is to
  /// query it, through Iceberg's storage handler.
  bool is_hive_engine_enabled = false;
};

/// A table parameter: which metadata file is current.
inline constexpr char kMetadataLocationKey[] = "metadata_location";

/// The metastore's Table for a new Iceberg table, as Java's HiveTableOperations and
/// PyIceberg lay it out.
ThriftValue NewHiveTable(const TableIdentifier& table, const TablePointer& pointer,
                         const std::string& owner, int64_t now_ms,
                         const HiveTableLayout& layout);

/// Makes `stored` say what `to` is. Parameters that are neither Iceberg's nor the
/// table's, and whatever else the metastore keeps, stay.
void UpdateHiveTable(ThriftValue* stored, const TablePointer& from,
                     const TablePointer& to, const HiveTableLayout& layout);

/// Whether the metastore's table is an Iceberg table (not a view).
bool IsIcebergTable(const ThriftValue& stored);
/// Its metadata file. kNotSupported for a table of another format, kCorruptData for an
/// Iceberg table without one; `table` names it.
arrow::Result<std::string> MetadataLocationOf(const ThriftValue& stored,
                                              const TableIdentifier& table);

}  // namespace floe::iceberg::hive
