#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/env.h"
#include "base/request_counters.h"

namespace floe {

int DefaultThreadCount() {
  const std::string text = GetEnv("FLOE_THREADS").value_or("");
  int count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (parsed.ec == std::errc() && count > 0) return count;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

arrow::Status ParallelFor(int64_t task_count, int thread_count,
                          const std::function<arrow::Status(int64_t task)>& body) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  int64_t failed_task = task_count;
  arrow::Status failure;
  const auto work = [&] {
    while (!failed.load(std::memory_order_relaxed)) {
      const int64_t task = next.fetch_add(1);
      if (task >= task_count) return;
      arrow::Status status = body(task);
      if (status.ok()) continue;
      std::lock_guard<std::mutex> lock(mutex);
      failed = true;
      if (task < failed_task) {
        failed_task = task;
        failure = std::move(status);
      }
    }
  };
  const int64_t helpers = std::min<int64_t>(thread_count, task_count) - 1;
  std::vector<std::thread> threads;
  const auto help = [&work, scope = RequestScope::Current()] {
    RequestScope continued(scope);
    work();
  };
  for (int64_t i = 0; i < helpers; ++i) threads.emplace_back(help);
  work();
  for (std::thread& thread : threads) thread.join();
  return failure;
}

}  // namespace floe
