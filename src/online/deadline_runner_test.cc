#include "online/deadline_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"

namespace floe::online {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

arrow::Status Late() { return MakeError(ErrorCode::kDeadlineExceeded, "late"); }

TEST(DeadlineRunnerTest, GivesWhatTheCallGives) {
  DeadlineRunner runner;
  for (int timeout : {0, 60'000}) {
    EXPECT_TRUE(
        runner.Run(milliseconds(timeout), [] { return arrow::Status::OK(); }, Late).ok());
    EXPECT_TRUE(IsError(runner.Run(
                            milliseconds(timeout),
                            [] { return MakeError(ErrorCode::kIo, "broken"); }, Late),
                        ErrorCode::kIo));
  }
  EXPECT_THAT(runner
                  .Run(
                      milliseconds(60'000),
                      []() -> arrow::Status { throw std::runtime_error("thrown"); }, Late)
                  .ToString(),
              HasSubstr("thrown"));
}

TEST(DeadlineRunnerTest, ABlockedCallIsCutAndTooManyOfThemAreRefused) {
  auto release = std::make_shared<std::promise<void>>();
  std::shared_future<void> released = release->get_future().share();
  auto ended = std::make_shared<std::atomic<int>>(0);
  const auto blocked = [released, ended] {
    released.wait();
    ++*ended;
    return arrow::Status::OK();
  };
  {
    DeadlineRunner runner;
    for (int i = 0; i < DeadlineRunner::kMaxAbandoned; ++i) {
      ASSERT_TRUE(IsError(runner.Run(milliseconds(1), blocked, Late),
                          ErrorCode::kDeadlineExceeded));
    }
    // A call that had not begun when its time was over never does.
    const int abandoned = runner.abandoned();
    if (abandoned == DeadlineRunner::kMaxAbandoned) {
      const arrow::Status refused = runner.Run(milliseconds(60'000), blocked, Late);
      EXPECT_TRUE(IsError(refused, ErrorCode::kResourceExhausted)) << refused;
    }
    release->set_value();
    while (runner.abandoned() > 0) std::this_thread::yield();
    EXPECT_EQ(ended->load(), abandoned);
    EXPECT_TRUE(
        runner.Run(milliseconds(60'000), [] { return arrow::Status::OK(); }, Late).ok());
  }
}

TEST(DeadlineRunnerTest, ACallGivenUpOnOutlivesTheRunner) {
  auto release = std::make_shared<std::promise<void>>();
  auto started = std::make_shared<std::promise<void>>();
  auto ended = std::make_shared<std::promise<void>>();
  std::future<void> has_ended = ended->get_future();
  std::thread caller([=] {
    DeadlineRunner runner;
    EXPECT_TRUE(IsError(runner.Run(
                            milliseconds(2000),
                            [=] {
                              started->set_value();
                              release->get_future().wait();
                              ended->set_value();
                              return arrow::Status::OK();
                            },
                            Late),
                        ErrorCode::kDeadlineExceeded));
  });
  started->get_future().wait();
  caller.join();
  release->set_value();
  has_ended.wait();
}

TEST(DeadlineRunnerTest, CallsRunAtTheSameTime) {
  constexpr int kCalls = 8;
  DeadlineRunner runner;
  auto together = std::make_shared<std::atomic<int>>(0);
  std::vector<std::thread> callers;
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([&runner, together] {
      EXPECT_TRUE(runner
                      .Run(
                          milliseconds(60'000),
                          [together] {
                            ++*together;
                            while (together->load() < kCalls) std::this_thread::yield();
                            return arrow::Status::OK();
                          },
                          Late)
                      .ok());
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace floe::online
