#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace floe::cli {

/// A feature view as typed after --view, before its table is opened.
struct ViewText {
  struct Pair {
    std::string left;   ///< A key's entity column; a feature's output name.
    std::string right;  ///< The source's column.
  };
  std::string name;
  std::string table;
  std::string parquet;
  std::string timestamp_field;
  std::string created_timestamp_column;
  std::vector<Pair> keys;
  std::vector<Pair> features;
  int64_t ttl_us = 0;
};

/// Parses "table=feast.stats;key=driver_id;time=event_timestamp;created=created;ttl=1d;
/// features=a,b". Also: parquet=PATH for table=; name=NAME for messages and for
/// --full-feature-names (default: the table's last part);
/// key=entity_column:source_column; features=source_column:output. kInvalidArgument names
/// the part and the known keys.
arrow::Result<ViewText> ParseViewText(std::string_view text);

}  // namespace floe::cli
