#include "online/deadline_runner.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"

namespace floe::online {

struct DeadlineRunner::Call {
  enum class Stage { kQueued, kRunning, kDone, kAbandoned };

  std::function<arrow::Status()> body;
  std::condition_variable done;
  Stage stage = Stage::kQueued;
  arrow::Status result;
};

/// Shared with the threads, which may outlive the runner.
struct DeadlineRunner::State {
  std::mutex mutex;
  std::condition_variable has_work;
  std::deque<std::shared_ptr<Call>> queue;
  int threads = 0;
  int idle = 0;
  int abandoned = 0;
  bool is_closed = false;
};

DeadlineRunner::DeadlineRunner() : state_(std::make_shared<State>()) {}

DeadlineRunner::~DeadlineRunner() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->is_closed = true;
  state_->has_work.notify_all();
}

int DeadlineRunner::abandoned() const {
  std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->abandoned;
}

void DeadlineRunner::Work(const std::shared_ptr<State>& state) {
  std::unique_lock<std::mutex> lock(state->mutex);
  while (true) {
    ++state->idle;
    state->has_work.wait(lock, [&] { return state->is_closed || !state->queue.empty(); });
    --state->idle;
    if (state->queue.empty()) break;
    std::shared_ptr<Call> call = std::move(state->queue.front());
    state->queue.pop_front();
    call->stage = Call::Stage::kRunning;
    lock.unlock();
    arrow::Status result;
    try {
      result = call->body();
    } catch (const std::exception& thrown) {
      result = MakeError(ErrorCode::kInternal, "a library threw an exception: {}",
                         thrown.what());
    }
    // What the call holds is let go before anybody is told, and outside the lock.
    call->body = nullptr;
    lock.lock();
    if (call->stage == Call::Stage::kAbandoned) --state->abandoned;
    call->stage = Call::Stage::kDone;
    call->result = std::move(result);
    call->done.notify_all();
  }
  --state->threads;
}

arrow::Status DeadlineRunner::Run(std::chrono::milliseconds timeout,
                                  std::function<arrow::Status()> body,
                                  const std::function<arrow::Status()>& on_timeout) {
  if (timeout.count() <= 0) return body();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto call = std::make_shared<Call>();
  call->body = std::move(body);
  std::unique_lock<std::mutex> lock(state_->mutex);
  if (state_->abandoned >= kMaxAbandoned) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "{} reads that passed their deadline are still blocked in the "
                     "catalog or in storage; no more are started until some of them end",
                     state_->abandoned);
  }
  state_->queue.push_back(call);
  if (state_->idle < static_cast<int>(state_->queue.size()) &&
      state_->threads < kMaxThreads) {
    try {
      std::thread([state = state_] { Work(state); }).detach();
      ++state_->threads;
    } catch (const std::system_error& thrown) {
      // With threads that exist the call is only later.
      if (state_->threads == 0) {
        std::erase(state_->queue, call);
        return MakeError(ErrorCode::kResourceExhausted,
                         "cannot start a thread to read online features: {}",
                         thrown.what());
      }
    }
  }
  state_->has_work.notify_one();
  const bool is_done = call->done.wait_until(
      lock, deadline, [&] { return call->stage == Call::Stage::kDone; });
  if (is_done) return std::move(call->result);
  if (call->stage == Call::Stage::kQueued) {
    std::erase(state_->queue, call);
  } else {
    call->stage = Call::Stage::kAbandoned;
    ++state_->abandoned;
  }
  lock.unlock();
  return on_timeout();
}

}  // namespace floe::online
