#include "io/bearer_token.h"

#include <utility>

namespace floe {
namespace {

/// Tokens are renewed so long before they expire.
constexpr int64_t kRenewMarginMs = int64_t{3} * 60 * 1000;

}  // namespace

BearerToken::BearerToken(std::string origin, Source source, const Clock* clock)
    : origin_(std::move(origin)), source_(std::move(source)), clock_(clock) {}

arrow::Result<std::optional<std::string>> BearerToken::Get() {
  if (!source_) return std::nullopt;
  std::lock_guard<std::mutex> lock(mutex_);
  const int64_t now_ms = clock_->NowMillis();
  if (held_.has_value() && now_ms < held_->expires_at_ms - kRenewMarginMs) {
    return held_->token;
  }
  auto fresh = source_();
  if (fresh.ok()) {
    held_ = *std::move(fresh);
    return held_->token;
  }
  // What is held may still be good for a few minutes.
  if (held_.has_value() && now_ms < held_->expires_at_ms) return held_->token;
  return fresh.status();
}

}  // namespace floe
