#include "base/error.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace floe {
namespace {

constexpr char kDetailTypeId[] = "floe::ErrorDetail";

struct CodeEntry {
  ErrorCode code;
  std::string_view name;
  arrow::StatusCode arrow_code;
  bool retryable;
};

// The one table from codes to their names, Arrow codes and default retryability.
constexpr CodeEntry kCodes[] = {
    {ErrorCode::kInvalidArgument, "INVALID_ARGUMENT", arrow::StatusCode::Invalid, false},
    {ErrorCode::kInvalidConfig, "INVALID_CONFIG", arrow::StatusCode::Invalid, false},
    {ErrorCode::kNoSuchNamespace, "NO_SUCH_NAMESPACE", arrow::StatusCode::KeyError,
     false},
    {ErrorCode::kNoSuchTable, "NO_SUCH_TABLE", arrow::StatusCode::KeyError, false},
    {ErrorCode::kNoSuchSnapshot, "NO_SUCH_SNAPSHOT", arrow::StatusCode::KeyError, false},
    {ErrorCode::kNoSuchColumn, "NO_SUCH_COLUMN", arrow::StatusCode::KeyError, false},
    {ErrorCode::kNoSuchFile, "NO_SUCH_FILE", arrow::StatusCode::IOError, false},
    {ErrorCode::kAlreadyExists, "ALREADY_EXISTS", arrow::StatusCode::AlreadyExists,
     false},
    {ErrorCode::kCommitConflict, "COMMIT_CONFLICT", arrow::StatusCode::IOError, true},
    {ErrorCode::kCommitStateUnknown, "COMMIT_STATE_UNKNOWN", arrow::StatusCode::IOError,
     false},
    {ErrorCode::kCorruptData, "CORRUPT_DATA", arrow::StatusCode::SerializationError,
     false},
    {ErrorCode::kNotSupported, "NOT_SUPPORTED", arrow::StatusCode::NotImplemented, false},
    {ErrorCode::kNotAuthorized, "NOT_AUTHORIZED", arrow::StatusCode::IOError, false},
    {ErrorCode::kThrottled, "THROTTLED", arrow::StatusCode::IOError, true},
    {ErrorCode::kServiceUnavailable, "SERVICE_UNAVAILABLE", arrow::StatusCode::IOError,
     true},
    {ErrorCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", arrow::StatusCode::Cancelled,
     false},
    {ErrorCode::kCancelled, "CANCELLED", arrow::StatusCode::Cancelled, false},
    {ErrorCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
     arrow::StatusCode::CapacityError, false},
    {ErrorCode::kIo, "IO", arrow::StatusCode::IOError, false},
    {ErrorCode::kInternal, "INTERNAL", arrow::StatusCode::UnknownError, false},
};

const CodeEntry& EntryOf(ErrorCode code) { return kCodes[static_cast<size_t>(code)]; }

const ErrorDetail* DetailOf(const arrow::Status& status) {
  if (status.ok() || status.detail() == nullptr) return nullptr;
  if (std::string_view(status.detail()->type_id()) != kDetailTypeId) return nullptr;
  return static_cast<const ErrorDetail*>(status.detail().get());
}

ErrorCode CodeForArrow(arrow::StatusCode code) {
  switch (code) {
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::TypeError:
    case arrow::StatusCode::IndexError:
      return ErrorCode::kInvalidArgument;
    case arrow::StatusCode::KeyError:
      return ErrorCode::kNoSuchColumn;
    case arrow::StatusCode::IOError:
      return ErrorCode::kIo;
    case arrow::StatusCode::SerializationError:
      return ErrorCode::kCorruptData;
    case arrow::StatusCode::NotImplemented:
      return ErrorCode::kNotSupported;
    case arrow::StatusCode::OutOfMemory:
    case arrow::StatusCode::CapacityError:
      return ErrorCode::kResourceExhausted;
    case arrow::StatusCode::AlreadyExists:
      return ErrorCode::kAlreadyExists;
    case arrow::StatusCode::Cancelled:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kInternal;
  }
}

std::string ContextText(const ErrorDetail::Context& context) {
  std::string text;
  for (const auto& [key, value] : context) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
  }
  return text;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) { return EntryOf(code).name; }

const char* ErrorDetail::type_id() const { return kDetailTypeId; }

std::string ErrorDetail::ToString() const {
  std::string text = fmt::format("code={}", ErrorCodeName(code_));
  if (retryable_) text += " retryable";
  if (!context_.empty()) text += " " + ContextText(context_);
  return text;
}

arrow::Status MakeErrorMessage(ErrorCode code, std::string message) {
  const CodeEntry& entry = EntryOf(code);
  return arrow::Status::FromDetailAndArgs(
      entry.arrow_code,
      std::make_shared<ErrorDetail>(code, entry.retryable, ErrorDetail::Context{}),
      std::move(message));
}

arrow::Status WithContext(const arrow::Status& status, std::string_view key,
                          std::string_view value) {
  if (status.ok()) return status;
  ErrorDetail::Context context;
  ErrorCode code = ErrorCodeOf(status);
  bool retryable = IsRetryable(status);
  if (const ErrorDetail* detail = DetailOf(status)) context = detail->context();
  context.emplace_back(key, value);
  return arrow::Status::FromDetailAndArgs(
      status.code(), std::make_shared<ErrorDetail>(code, retryable, std::move(context)),
      status.message());
}

ErrorCode ErrorCodeOf(const arrow::Status& status) {
  const ErrorDetail* detail = DetailOf(status);
  return detail != nullptr ? detail->code() : CodeForArrow(status.code());
}

bool IsRetryable(const arrow::Status& status) {
  const ErrorDetail* detail = DetailOf(status);
  return detail != nullptr && detail->retryable();
}

bool IsError(const arrow::Status& status, ErrorCode code) {
  return !status.ok() && ErrorCodeOf(status) == code;
}

std::string ErrorText(const arrow::Status& status) {
  const ErrorDetail* detail = DetailOf(status);
  if (detail == nullptr || detail->context().empty()) return status.message();
  return fmt::format("{} ({})", status.message(), ContextText(detail->context()));
}

std::string NearestName(std::string_view name,
                        const std::vector<std::string>& candidates) {
  std::string nearest;
  size_t nearest_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    if (distance < nearest_distance) {
      nearest_distance = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace floe
