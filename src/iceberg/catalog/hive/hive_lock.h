#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "arrow/result.h"
#include "base/random.h"
#include "iceberg/catalog/hive/hive_client.h"

namespace floe::iceberg::hive {

/// How patiently a lock is waited for, and how it is kept.
struct HiveLockOptions {
  int64_t timeout_ms = 180'000;
  /// The waits between two looks grow from the one to the other.
  int64_t check_min_wait_ms = 50;
  int64_t check_max_wait_ms = 5'000;
  /// Metastores forget a lock they have not heard of for five minutes, by default.
  int64_t heartbeat_interval_ms = 60'000;
  /// Waits; for tests to replace.
  std::function<void(int64_t wait_ms)> sleep;
};

/// The exclusive lock of a table in the metastore, kept alive by a thread of its own
/// until it is destroyed, which gives it back.
class HiveLock {
 public:
  /// kCommitConflict (retryable) when others hold it for longer than the timeout;
  /// otherwise as HiveClient. The client must outlive the lock.
  static arrow::Result<std::unique_ptr<HiveLock>> Acquire(HiveClient& client,
                                                          const std::string& database,
                                                          const std::string& table,
                                                          const HiveLockOptions& options,
                                                          Random& random);
  ~HiveLock();
  HiveLock(const HiveLock&) = delete;
  HiveLock& operator=(const HiveLock&) = delete;

  /// OK while the metastore acknowledges the lock; else why it is lost.
  arrow::Status CheckHeld() const;

 private:
  HiveLock(HiveClient& client, int64_t lock_id, int64_t heartbeat_interval_ms);
  void KeepAlive(int64_t interval_ms);

  HiveClient& client_;
  const int64_t lock_id_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_released_ = false;
  arrow::Status lost_;
  std::thread heartbeat_;
};

}  // namespace floe::iceberg::hive
