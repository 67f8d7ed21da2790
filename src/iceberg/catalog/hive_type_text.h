#pragma once

#include <string>

#include "iceberg/spec/type.h"

namespace floe::iceberg {

/// How a metastore of Hive's kind writes a timestamp with time zone.
enum class HiveZonedTime {
  kLocalTimeZone,  ///< "timestamp with local time zone", Hive 3 and later.
  kPlain,          ///< "timestamp": Hive 2 and AWS Glue.
};

/// The type of a column in Hive's words ("struct<a:int,b:array<string>>"), as Java's and
/// PyIceberg's catalogs write them. For other engines to show: Iceberg's readers take the
/// schema from the metadata file. Types Hive has no word for get the nearest that holds
/// their values, or its own name.
std::string HiveTypeText(const Type& type, HiveZonedTime zoned_time);

}  // namespace floe::iceberg
