#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "base/clock.h"
#include "io/file_io.h"

namespace floe {

/// Properties that hold credentials for a while, e.g. those a catalog vends for a table.
struct VendedProperties {
  static constexpr int64_t kNeverExpires = std::numeric_limits<int64_t>::max();

  std::map<std::string, std::string> properties;
  /// Milliseconds since the epoch.
  int64_t expires_at_ms = kNeverExpires;
};

/// Asks for properties anew. Called by one thread at a time.
using PropertiesSource = std::function<arrow::Result<VendedProperties>()>;

struct RefreshOptions {
  /// So long before they expire properties are asked for again.
  int64_t margin_ms = int64_t{5} * 60 * 1000;
  /// After an answer that is no better, or a failure while the old ones are still good,
  /// it is not asked again for so long.
  int64_t pause_ms = int64_t{30} * 1000;
  const Clock* clock = &Clock::System();
};

/// As MakeFileIO, with properties that change: `first` now, and what `source` gives once
/// those are about to expire. One caller asks while others go on with the old properties,
/// or wait where these have expired. Inputs opened before go on with the new ones. A
/// failure to refresh is the error of an operation only once the properties have expired.
/// Thread-safe.
arrow::Result<std::shared_ptr<FileIO>> MakeRefreshingFileIO(
    VendedProperties first, PropertiesSource source, const RefreshOptions& options = {});

}  // namespace floe
