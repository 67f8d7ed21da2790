#include "iceberg/catalog/hive/hive_lock.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace floe::iceberg::hive {
namespace {

/// Gives the lock back unless it was handed on. A lock that cannot be given back is
/// forgotten by the metastore once its heartbeats stop, so failures do no lasting harm.
class Unlocker {
 public:
  Unlocker(HiveClient& client, int64_t lock_id) : client_(&client), lock_id_(lock_id) {}
  ~Unlocker() {
    if (client_ != nullptr) static_cast<void>(client_->Unlock(lock_id_));
  }
  Unlocker(const Unlocker&) = delete;
  Unlocker& operator=(const Unlocker&) = delete;
  void HandOn() { client_ = nullptr; }

 private:
  HiveClient* client_;
  int64_t lock_id_;
};

/// Asks for the lock. Where the answer was lost, the metastore may hold a lock nobody
/// knows the number of: it is looked up.
arrow::Result<LockAnswer> Request(HiveClient& client, const std::string& database,
                                  const std::string& table, Random& random) {
  const std::string agent = "Floe-" + NewUuid(random);
  arrow::Result<LockAnswer> answer = client.Lock(database, table, agent);
  if (!IsError(answer.status(), ErrorCode::kCommitStateUnknown)) return answer;
  auto found = client.FindLock(database, table, agent);
  if (found.ok() && *found) return LockAnswer{**found, LockState::kWaiting};
  // Nothing of the table was changed, so this is no commit of unknown state.
  return MakeError(ErrorCode::kServiceUnavailable, "no lock of table '{}.{}': {}",
                   database, table, ErrorText(answer.status()));
}

arrow::Status NotAcquired(const std::string& database, const std::string& table,
                          std::string_view why) {
  return MakeError(ErrorCode::kCommitConflict, "no lock of table '{}.{}': {}", database,
                   table, why);
}

/// Looks at the lock until it is acquired.
arrow::Status WaitFor(HiveClient& client, LockAnswer answer, const std::string& database,
                      const std::string& table, const HiveLockOptions& options,
                      Random& random) {
  int64_t wait_ms = options.check_min_wait_ms;
  int64_t waited_ms = 0;
  while (answer.state == LockState::kWaiting) {
    if (waited_ms >= options.timeout_ms) {
      return NotAcquired(database, table,
                         fmt::format("others hold it for {} ms already; a writer that "
                                     "died is forgotten after five minutes, or give it "
                                     "longer by iceberg.hive.lock-timeout-ms",
                                     waited_ms));
    }
    // Anywhere in the second half, so that many writers do not look all at once.
    auto part = static_cast<int64_t>(random.Next() % (wait_ms / 2 + 1));
    int64_t next_ms = wait_ms - part;
    if (options.sleep) {
      options.sleep(next_ms);
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(next_ms));
    }
    waited_ms += next_ms;
    wait_ms = std::min(wait_ms + wait_ms / 2 + 1, options.check_max_wait_ms);
    ARROW_ASSIGN_OR_RAISE(answer, client.CheckLock(answer.lock_id));
  }
  if (answer.state == LockState::kAcquired) return arrow::Status::OK();
  return NotAcquired(database, table, "the metastore gave it up");
}

}  // namespace

arrow::Result<std::unique_ptr<HiveLock>> HiveLock::Acquire(HiveClient& client,
                                                           const std::string& database,
                                                           const std::string& table,
                                                           const HiveLockOptions& options,
                                                           Random& random) {
  ARROW_ASSIGN_OR_RAISE(LockAnswer answer, Request(client, database, table, random));
  Unlocker unlocker(client, answer.lock_id);
  ARROW_RETURN_NOT_OK(WaitFor(client, answer, database, table, options, random));
  unlocker.HandOn();
  return std::unique_ptr<HiveLock>(
      new HiveLock(client, answer.lock_id, options.heartbeat_interval_ms));
}

HiveLock::HiveLock(HiveClient& client, int64_t lock_id, int64_t heartbeat_interval_ms)
    : client_(client),
      lock_id_(lock_id),
      heartbeat_([this, heartbeat_interval_ms] { KeepAlive(heartbeat_interval_ms); }) {}

HiveLock::~HiveLock() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    is_released_ = true;
  }
  changed_.notify_all();
  heartbeat_.join();
  Unlocker unlocker(client_, lock_id_);
}

arrow::Status HiveLock::CheckHeld() const {
  std::unique_lock<std::mutex> lock(mutex_);
  return lost_;
}

void HiveLock::KeepAlive(int64_t interval_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto is_released = [this] { return is_released_; };
  while (!changed_.wait_for(lock, std::chrono::milliseconds(interval_ms), is_released)) {
    lock.unlock();
    arrow::Status status = client_.Heartbeat(lock_id_);
    lock.lock();
    if (!status.ok()) {
      lost_ = MakeError(ErrorCode::kCommitConflict, "the lock of the table is lost: {}",
                        ErrorText(status));
      return;
    }
  }
}

}  // namespace floe::iceberg::hive
