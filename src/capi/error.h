#pragma once

#include <exception>
#include <string>
#include <utility>

#include "arrow/status.h"
#include "base/error.h"
#include "floe/floe.h"

/// A failure as the C interface hands it out.
struct floe_error {
  std::string code;
  std::string message;
  bool retryable = false;
};

namespace floe::capi {

/// NULL for OK, else an error the caller of the C interface owns.
floe_error* ToCError(const arrow::Status& status);

/// Runs the body of an exported function: its Status as a floe_error, and whatever a
/// library below throws as INTERNAL, so that nothing unwinds into C.
template <typename Body>
floe_error* Export(Body&& body) {
  try {
    return ToCError(std::forward<Body>(body)());
  } catch (const std::exception& thrown) {
    return ToCError(MakeError(ErrorCode::kInternal, "a library threw an exception: {}",
                              thrown.what()));
  }
}

/// `text` as memory that floe_string_free frees.
char* ToCString(const std::string& text);

/// kInvalidArgument for a null pointer, naming the argument.
arrow::Status CheckNotNull(const void* pointer, const char* argument);

}  // namespace floe::capi
