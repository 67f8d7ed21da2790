#include "io/current_properties.h"

#include <utility>

#include "base/error.h"

namespace floe {

CurrentProperties::CurrentProperties(VendedProperties first, PropertiesSource source,
                                     const RefreshOptions& options)
    : source_(std::move(source)), options_(options) {
  Take(std::move(first));
  not_before_ms_ = 0;
}

bool CurrentProperties::IsDue(int64_t now_ms) const {
  return source_ && generation_->expires_at_ms != VendedProperties::kNeverExpires &&
         now_ms >= generation_->expires_at_ms - options_.margin_ms &&
         now_ms >= not_before_ms_;
}

void CurrentProperties::Take(arrow::Result<VendedProperties> answer) {
  not_before_ms_ = options_.clock->NowMillis() + options_.pause_ms;
  failure_ = answer.status();
  if (!answer.ok()) return;
  auto next = std::make_shared<Generation>();
  next->number = generation_ == nullptr ? 0 : generation_->number + 1;
  next->properties = std::move(answer->properties);
  next->expires_at_ms = answer->expires_at_ms;
  generation_ = std::move(next);
}

arrow::Result<std::shared_ptr<const CurrentProperties::Generation>>
CurrentProperties::Get() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const int64_t now_ms = options_.clock->NowMillis();
    const bool has_expired = source_ && now_ms >= generation_->expires_at_ms;
    if (is_refreshing_) {
      if (!has_expired) return generation_;
      is_refreshed_.wait(lock);
      continue;
    }
    if (!IsDue(now_ms)) {
      if (!has_expired) return generation_;
      if (!failure_.ok()) {
        return WithContext(failure_, "while", "renewing the store's credentials");
      }
      return MakeError(ErrorCode::kNotAuthorized,
                       "the credentials that were given for the store have expired, and "
                       "those given in their place too; check the clocks of this machine "
                       "and of the catalog's server");
    }
    is_refreshing_ = true;
    lock.unlock();
    auto answer = source_();
    lock.lock();
    is_refreshing_ = false;
    Take(std::move(answer));
    is_refreshed_.notify_all();
  }
}

std::shared_ptr<const CurrentProperties::Generation> CurrentProperties::Latest() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return generation_;
}

}  // namespace floe
