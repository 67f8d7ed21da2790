#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

namespace floe {

/// What a request to a store or a catalog is billed as.
enum class RequestKind { kGet, kHead, kPut, kList, kDelete, kCatalog };
inline constexpr int kRequestKinds = 6;

/// "get", "head", ...: the name in --stats, results and metrics.
std::string_view RequestKindName(RequestKind kind);

/// Requests sent (every try counts) and bytes moved, by kind. Thread-safe.
class RequestCounters {
 public:
  struct Totals {
    std::array<int64_t, kRequestKinds> requests{};
    int64_t read_bytes = 0;
    int64_t written_bytes = 0;
    /// Tries beyond the first of a request.
    int64_t retries = 0;

    int64_t of(RequestKind kind) const { return requests[static_cast<int>(kind)]; }
  };

  void Add(RequestKind kind, int64_t read_bytes, int64_t written_bytes);
  void AddRetry();
  Totals totals() const;

  /// Those of the whole process since it began.
  static RequestCounters& Process();

 private:
  std::array<std::atomic<int64_t>, kRequestKinds> requests_{};
  std::atomic<int64_t> read_bytes_ = 0;
  std::atomic<int64_t> written_bytes_ = 0;
  std::atomic<int64_t> retries_ = 0;
};

/// While it lives, requests made by this thread, and by threads that ParallelFor starts
/// from it, are also counted in `counters`. Scopes nest: the outer ones count too. An
/// object that moves work to threads of its own carries Current() over and opens a scope
/// on it there.
class RequestScope {
 public:
  explicit RequestScope(std::shared_ptr<RequestCounters> counters);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

  /// A chain of scopes, to be continued on another thread.
  struct Link {
    std::shared_ptr<RequestCounters> counters;
    std::shared_ptr<const Link> outer;
  };
  static std::shared_ptr<const Link> Current();
  /// Continues `chain` on this thread.
  explicit RequestScope(std::shared_ptr<const Link> chain);

 private:
  std::shared_ptr<const Link> previous_;
};

/// Counts one try of a request in the process's totals and in every open scope.
void CountRequest(RequestKind kind, int64_t read_bytes = 0, int64_t written_bytes = 0);
/// Counts that a request is about to be tried again.
void CountRetry();

}  // namespace floe
