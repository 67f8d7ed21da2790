#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "arrow/result.h"

namespace floe {

/// A cache of immutable values by text key, bounded by bytes, least recently used out
/// first. A missing value is loaded once however many threads ask (the others wait).
/// Errors are not cached. Thread-safe.
template <typename Value>
class LruCache {
 public:
  struct Loaded {
    std::shared_ptr<const Value> value;
    int64_t bytes;  ///< What keeping the value costs.
  };
  using Loader = std::function<arrow::Result<Loaded>()>;

  explicit LruCache(int64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  arrow::Result<std::shared_ptr<const Value>> GetOrLoad(const std::string& key,
                                                        const Loader& load) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      loaded_.wait(lock, [&] { return loading_.count(key) == 0; });
      if (auto found = entries_.find(key); found != entries_.end()) {
        order_.splice(order_.begin(), order_, found->second.position);
        return found->second.value;
      }
      loading_.insert(key);
    }
    arrow::Result<Loaded> result = load();
    std::unique_lock<std::mutex> lock(mutex_);
    loading_.erase(key);
    loaded_.notify_all();
    ARROW_RETURN_NOT_OK(result.status());
    Insert(key, *result);
    return result->value;
  }

  int64_t used_bytes() const {
    std::unique_lock<std::mutex> lock(mutex_);
    return used_bytes_;
  }

  void Clear() {
    std::unique_lock<std::mutex> lock(mutex_);
    entries_.clear();
    order_.clear();
    used_bytes_ = 0;
  }

 private:
  struct Entry {
    std::shared_ptr<const Value> value;
    int64_t bytes;
    std::list<std::string>::iterator position;
  };

  void Insert(const std::string& key, const Loaded& loaded) {
    if (loaded.bytes > capacity_bytes_) return;
    order_.push_front(key);
    entries_[key] = Entry{loaded.value, loaded.bytes, order_.begin()};
    used_bytes_ += loaded.bytes;
    while (used_bytes_ > capacity_bytes_) {
      auto oldest = entries_.find(order_.back());
      used_bytes_ -= oldest->second.bytes;
      entries_.erase(oldest);
      order_.pop_back();
    }
  }

  const int64_t capacity_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  std::unordered_set<std::string> loading_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> order_;
  int64_t used_bytes_ = 0;
};

}  // namespace floe
