#include "capi/error.h"

#include <cstring>
#include <memory>

namespace floe::capi {

floe_error* ToCError(const arrow::Status& status) {
  if (status.ok()) return nullptr;
  auto error = std::make_unique<floe_error>();
  error->code = ErrorCodeName(ErrorCodeOf(status));
  error->message = ErrorText(status);
  error->retryable = IsRetryable(status);
  return error.release();
}

char* ToCString(const std::string& text) {
  auto copy = std::make_unique<char[]>(text.size() + 1);
  std::memcpy(copy.get(), text.c_str(), text.size() + 1);
  return copy.release();
}

arrow::Status CheckNotNull(const void* pointer, const char* argument) {
  if (pointer != nullptr) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument, "the argument {} must not be NULL",
                   argument);
}

}  // namespace floe::capi

extern "C" {

const char* floe_error_code_name(const floe_error* error) {
  return error == nullptr ? "" : error->code.c_str();
}

const char* floe_error_message(const floe_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}

int floe_error_retryable(const floe_error* error) {
  return error != nullptr && error->retryable ? 1 : 0;
}

void floe_error_free(floe_error* error) { std::unique_ptr<floe_error> owned(error); }

void floe_string_free(char* text) { std::unique_ptr<char[]> owned(text); }

void floe_bytes_free(floe_bytes* bytes) {
  if (bytes == nullptr) return;
  std::unique_ptr<std::string> owned(static_cast<std::string*>(bytes->owner));
  *bytes = floe_bytes{nullptr, 0, nullptr};
}

}  // extern "C"
