#include "iceberg/table/transaction.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace floe::iceberg {
namespace {

constexpr int kMaxRetries = 1000;
constexpr int64_t kMaxWaitMs = int64_t{24} * 3600 * 1000;

arrow::Status ReadNumber(const std::map<std::string, std::string>& properties,
                         const char* key, int64_t max, int64_t* value) {
  auto found = properties.find(key);
  if (found == properties.end()) return arrow::Status::OK();
  const std::string& text = found->second;
  int64_t number = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number || number < 0 || number > max) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "table property {} is '{}': expected a number from 0 to {}", key,
                     text, max);
  }
  *value = number;
  return arrow::Status::OK();
}

/// Twice as long each time, and anywhere in the upper half of that, so that writers who
/// collided once do not collide again in step.
int64_t WaitBefore(int retry, const CommitRetry& limits, Random& random) {
  constexpr int kMaxDoublings = 30;
  int64_t full = limits.min_wait_ms << std::min(retry - 1, kMaxDoublings);
  full = std::clamp(full, limits.min_wait_ms,
                    std::max(limits.min_wait_ms, limits.max_wait_ms));
  int64_t half = full / 2;
  return half + static_cast<int64_t>(random.Next() % static_cast<uint64_t>(half + 1));
}

/// One attempt, and whether another one may help.
struct Attempt {
  arrow::Result<LoadedTable> outcome;
  bool may_retry = false;
};

Attempt TryOnce(const Table& base, TableOperation& operation) {
  auto change = operation.Apply(base);
  if (!change.ok()) {
    operation.CleanUpAttempt(base);
    return {change.status()};
  }
  if (change->updates.empty()) {
    return {LoadedTable{base.metadata_location(), base.metadata(), base.io()}};
  }
  auto committed = base.catalog()->CommitTable(base.identifier(), change->requirements,
                                               change->updates);
  // Where the outcome is unknown the files may be the table's: they stay.
  if (!committed.ok() && !IsError(committed.status(), ErrorCode::kCommitStateUnknown)) {
    operation.CleanUpAttempt(base);
  }
  bool is_conflict = IsError(committed.status(), ErrorCode::kCommitConflict);
  return {std::move(committed), is_conflict};
}

arrow::Status Fail(const Table& base, TableOperation& operation,
                   const arrow::Status& status, int attempts) {
  if (!IsError(status, ErrorCode::kCommitStateUnknown)) operation.CleanUp(base);
  return WithContext(status, "commit attempts", std::to_string(attempts));
}

}  // namespace

arrow::Result<CommitRetry> CommitRetry::FromProperties(
    const std::map<std::string, std::string>& properties) {
  CommitRetry retry;
  int64_t count = retry.max_retries;
  ARROW_RETURN_NOT_OK(
      ReadNumber(properties, "commit.retry.num-retries", kMaxRetries, &count));
  retry.max_retries = static_cast<int>(count);
  ARROW_RETURN_NOT_OK(
      ReadNumber(properties, "commit.retry.min-wait-ms", kMaxWaitMs, &retry.min_wait_ms));
  ARROW_RETURN_NOT_OK(
      ReadNumber(properties, "commit.retry.max-wait-ms", kMaxWaitMs, &retry.max_wait_ms));
  ARROW_RETURN_NOT_OK(ReadNumber(properties, "commit.retry.total-timeout-ms", kMaxWaitMs,
                                 &retry.total_wait_ms));
  return retry;
}

arrow::Result<TablePtr> CommitWithRetry(const TablePtr& table,
                                        TableOperation& operation) {
  if (table->catalog() == nullptr) {
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' was opened by its metadata file and can only be read: open "
                     "the table through its catalog to change it",
                     table->name());
  }
  ARROW_ASSIGN_OR_RAISE(CommitRetry limits,
                        CommitRetry::FromProperties(table->metadata()->properties));
  const TableContext& context = table->context();
  TablePtr base = table;
  int64_t waited_ms = 0;
  for (int attempt = 0;; ++attempt) {
    Attempt tried = TryOnce(*base, operation);
    if (tried.outcome.ok()) {
      TablePtr committed = base->WithLoaded(std::move(*tried.outcome));
      operation.Committed(*committed);
      return committed;
    }
    if (!tried.may_retry || attempt >= limits.max_retries ||
        waited_ms >= limits.total_wait_ms) {
      return Fail(*base, operation, tried.outcome.status(), attempt + 1);
    }
    int64_t wait_ms = WaitBefore(attempt + 1, limits, *context.random);
    context.sleep(wait_ms);
    waited_ms += wait_ms;
    auto refreshed = base->Refresh();
    if (!refreshed.ok()) {
      return Fail(*base, operation, refreshed.status(), attempt + 1);
    }
    base = std::move(*refreshed);
  }
}

}  // namespace floe::iceberg
