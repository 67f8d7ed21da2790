#include "base/request_counters.h"

#include <utility>

namespace floe {
namespace {

thread_local std::shared_ptr<const RequestScope::Link> current_scope;

}  // namespace

std::string_view RequestKindName(RequestKind kind) {
  constexpr std::array<std::string_view, kRequestKinds> kNames = {
      "get", "head", "put", "list", "delete", "catalog"};
  return kNames[static_cast<int>(kind)];
}

void RequestCounters::Add(RequestKind kind, int64_t read_bytes, int64_t written_bytes) {
  requests_[static_cast<int>(kind)].fetch_add(1, std::memory_order_relaxed);
  read_bytes_.fetch_add(read_bytes, std::memory_order_relaxed);
  written_bytes_.fetch_add(written_bytes, std::memory_order_relaxed);
}

void RequestCounters::AddRetry() { retries_.fetch_add(1, std::memory_order_relaxed); }

RequestCounters::Totals RequestCounters::totals() const {
  Totals totals;
  for (int i = 0; i < kRequestKinds; ++i) {
    totals.requests[i] = requests_[i].load(std::memory_order_relaxed);
  }
  totals.read_bytes = read_bytes_.load(std::memory_order_relaxed);
  totals.written_bytes = written_bytes_.load(std::memory_order_relaxed);
  totals.retries = retries_.load(std::memory_order_relaxed);
  return totals;
}

RequestCounters& RequestCounters::Process() {
  static RequestCounters counters;
  return counters;
}

RequestScope::RequestScope(std::shared_ptr<RequestCounters> counters)
    : previous_(current_scope) {
  current_scope = std::make_shared<const Link>(Link{std::move(counters), previous_});
}

RequestScope::RequestScope(std::shared_ptr<const Link> chain)
    : previous_(std::exchange(current_scope, std::move(chain))) {}

RequestScope::~RequestScope() { current_scope = std::move(previous_); }

std::shared_ptr<const RequestScope::Link> RequestScope::Current() {
  return current_scope;
}

void CountRequest(RequestKind kind, int64_t read_bytes, int64_t written_bytes) {
  RequestCounters::Process().Add(kind, read_bytes, written_bytes);
  for (const auto* link = current_scope.get(); link != nullptr;
       link = link->outer.get()) {
    link->counters->Add(kind, read_bytes, written_bytes);
  }
}

void CountRetry() {
  RequestCounters::Process().AddRetry();
  for (const auto* link = current_scope.get(); link != nullptr;
       link = link->outer.get()) {
    link->counters->AddRetry();
  }
}

}  // namespace floe
