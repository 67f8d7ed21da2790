#pragma once

#include <string>
#include <string_view>

#include "arrow/status.h"
#include "io/http_client.h"

namespace floe {

/// What an error of a store has to say beside the store's own code.
struct StoreRequest {
  std::string_view action;  ///< "read", "write", "delete", "list".
  std::string location;     ///< What was asked for, as users write it.
  std::string bucket;       ///< "bucket 'b'", "container 'c'": what may be missing.
  std::string endpoint;     ///< The host asked.
  std::string credentials;  ///< Where they came from.
};

/// The error of an answer that is no success. `code` is the store's own word for it
/// ("NoSuchKey"), "" where it gave none; nothing else of the answer is shown, since it
/// may quote what was signed.
arrow::Status StoreError(const StoreRequest& request, const HttpResponse& response,
                         std::string_view code);

/// The error of a request that got no answer.
arrow::Status WithStoreContext(const StoreRequest& request, const arrow::Status& failure);

/// `key` for the path of a URL: percent-encoded but for its slashes.
std::string EncodeKey(std::string_view key);

/// The size of the whole object that a Content-Range header gives, or -1.
int64_t ObjectSizeOfRange(const HttpResponse& response);

/// The Range header of `length` bytes from `begin`.
std::string RangeHeader(int64_t begin, int64_t length);

/// What of a URL is its host and port.
std::string HostOfUrl(std::string_view url);

}  // namespace floe
