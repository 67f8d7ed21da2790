#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "base/clock.h"

namespace floe {

/// A token that services take as "Authorization: Bearer", asked for again before it
/// expires. Thread-safe.
class BearerToken {
 public:
  struct Lasting {
    std::string token;
    int64_t expires_at_ms = std::numeric_limits<int64_t>::max();
  };
  /// Asks for a token. Called by one thread at a time.
  using Source = std::function<arrow::Result<Lasting>()>;

  /// `origin` is for messages: where the token comes from. No source: no token is sent.
  BearerToken(std::string origin, Source source, const Clock* clock = &Clock::System());

  /// nullopt: requests carry none.
  arrow::Result<std::optional<std::string>> Get();
  const std::string& origin() const { return origin_; }

 private:
  const std::string origin_;
  const Source source_;
  const Clock* const clock_;
  std::mutex mutex_;
  std::optional<Lasting> held_;
};

}  // namespace floe
