#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "arrow/result.h"
#include "io/refreshing_file_io.h"

namespace floe {

/// The properties to use now, asked for again before they expire (see
/// MakeRefreshingFileIO). Thread-safe.
class CurrentProperties {
 public:
  struct Generation {
    int64_t number = 0;  ///< Another one for each answer of the source.
    std::map<std::string, std::string> properties;
    int64_t expires_at_ms = 0;
  };

  /// `source` may be empty: then `first` is used whatever the time.
  CurrentProperties(VendedProperties first, PropertiesSource source,
                    const RefreshOptions& options);

  arrow::Result<std::shared_ptr<const Generation>> Get();

  /// Those at hand, which may have expired: for what does not depend on credentials.
  std::shared_ptr<const Generation> Latest() const;

 private:
  bool IsDue(int64_t now_ms) const;
  void Take(arrow::Result<VendedProperties> answer);

  const PropertiesSource source_;
  const RefreshOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable is_refreshed_;
  bool is_refreshing_ = false;
  int64_t not_before_ms_ = 0;
  arrow::Status failure_;  ///< Of the last refresh.
  std::shared_ptr<const Generation> generation_;
};

}  // namespace floe
