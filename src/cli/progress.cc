#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace floe::cli {
namespace {

constexpr std::chrono::milliseconds kFirstAfter{1000};
constexpr std::chrono::milliseconds kEvery{200};

}  // namespace

Progress::Progress(std::string what, bool quiet, std::string unit)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      enabled_(!quiet && isatty(STDERR_FILENO) != 0),
      started_(std::chrono::steady_clock::now()),
      printed_(started_) {}

Progress::~Progress() {
  if (shown_) std::fprintf(stderr, "\r\033[K");
}

void Progress::Advance(int64_t count) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - started_ < kFirstAfter || now - printed_ < kEvery) return;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  std::fprintf(stderr, "\r\033[K%s: %lld %s, %.1f s, %.0f %s/s", what_.c_str(),
               static_cast<long long>(count), unit_.c_str(), seconds,
               static_cast<double>(count) / seconds, unit_.c_str());
  printed_ = now;
  shown_ = true;
}

}  // namespace floe::cli
