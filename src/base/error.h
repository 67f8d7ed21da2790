#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"

namespace floe {

/// What went wrong, as a caller may act on it. Names follow the REST catalog's and
/// iceberg-cpp's error kinds, so mapping to and from the wire is one to one.
enum class ErrorCode {
  kInvalidArgument,  ///< The caller's input is wrong; the message names the remedy.
  kInvalidConfig,    ///< A configuration key is unknown, missing or has a bad value.
  kNoSuchNamespace,
  kNoSuchTable,
  kNoSuchSnapshot,
  kNoSuchColumn,
  kNoSuchFile,
  kAlreadyExists,
  kCommitConflict,      ///< Another writer was first; retryable on the newer base.
  kCommitStateUnknown,  ///< The commit may or may not have happened.
  kCorruptData,         ///< Bytes that no conforming writer produces.
  kNotSupported,
  kNotAuthorized,
  kThrottled,
  kServiceUnavailable,
  kDeadlineExceeded,
  kCancelled,
  kResourceExhausted,  ///< A limit of Floe's was reached; the message names it.
  kIo,
  kInternal,  ///< A bug in Floe.
};

/// The stable text of a code, e.g. "NO_SUCH_TABLE"; what the C ABI and --json print.
std::string_view ErrorCodeName(ErrorCode code);

/// Rides in arrow::Status; built only by MakeError and WithContext. Immutable.
class ErrorDetail final : public arrow::StatusDetail {
 public:
  using Context = std::vector<std::pair<std::string, std::string>>;
  ErrorDetail(ErrorCode code, bool retryable, Context context)
      : code_(code), retryable_(retryable), context_(std::move(context)) {}

  const char* type_id() const override;
  std::string ToString() const override;
  ErrorCode code() const { return code_; }
  bool retryable() const { return retryable_; }
  const Context& context() const { return context_; }

 private:
  ErrorCode code_;
  bool retryable_;
  Context context_;
};

/// A Status with `code` and `message`. Retryable by default only for the codes whose
/// cause passes: kCommitConflict, kThrottled, kServiceUnavailable.
arrow::Status MakeErrorMessage(ErrorCode code, std::string message);

template <typename... Args>
arrow::Status MakeError(ErrorCode code, fmt::format_string<Args...> format,
                        Args&&... args) {
  return MakeErrorMessage(code, fmt::format(format, std::forward<Args>(args)...));
}

/// `status` with one more context pair, e.g. ("table", "db.t"). OK stays OK. A status
/// that did not come from Floe gets the code that fits its arrow::StatusCode.
arrow::Status WithContext(const arrow::Status& status, std::string_view key,
                          std::string_view value);

/// The code of any Status; kInternal only for what Floe cannot classify.
ErrorCode ErrorCodeOf(const arrow::Status& status);
bool IsRetryable(const arrow::Status& status);
bool IsError(const arrow::Status& status, ErrorCode code);

/// One line for people: "message (table=db.t, file=...)", without code or type names.
std::string ErrorText(const arrow::Status& status);

/// The candidate nearest to `name` by edit distance, or "" when none is near; for "did
/// you mean" in messages.
std::string NearestName(std::string_view name,
                        const std::vector<std::string>& candidates);

}  // namespace floe
