#include "io/prefetch.h"

#include <algorithm>
#include <utility>

#include "io/object_location.h"
#include "io/remote_input.h"

namespace floe {

arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> PrefetchRanges(
    std::shared_ptr<arrow::io::RandomAccessFile> input,
    std::vector<arrow::io::ReadRange> ranges) {
  const auto* remote = dynamic_cast<const RemoteInput*>(input.get());
  if (remote == nullptr) return input;
  ARROW_ASSIGN_OR_RAISE(auto with_ranges, remote->WithRanges(std::move(ranges)));
  return with_ranges;
}

int ThreadsToRead(std::string_view location, int threads) {
  constexpr int kRemoteThreads = 16;
  return IsObjectScheme(SchemeOf(location)) ? std::max(threads, kRemoteThreads) : threads;
}

bool IsRemoteInput(const arrow::io::RandomAccessFile& input) {
  return dynamic_cast<const RemoteInput*>(&input) != nullptr;
}

int64_t PrefetchedBytes(const arrow::io::RandomAccessFile& input) {
  const auto* remote = dynamic_cast<const RemoteInput*>(&input);
  return remote == nullptr ? 0 : remote->held_bytes();
}

}  // namespace floe
