#include "io/remote_input.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"

namespace floe {
namespace {

arrow::Status WrongSize(const std::string& location, int64_t actual, int64_t expected) {
  return MakeError(ErrorCode::kCorruptData,
                   "'{}' has {} bytes, the metadata that names it says {}", location,
                   actual, expected);
}

}  // namespace

arrow::Result<std::shared_ptr<RemoteInput>> RemoteInput::Open(
    std::shared_ptr<RangeSource> source, int64_t size_bytes) {
  std::vector<Segment> segments;
  if (size_bytes <= 0) {
    ARROW_ASSIGN_OR_RAISE(ObjectPart part, source->Get(0, kFirstReadBytes));
    size_bytes = part.object_size_bytes;
    if (!part.bytes.empty()) {
      segments.push_back({0, arrow::Buffer::FromString(std::move(part.bytes))});
    }
  }
  return std::shared_ptr<RemoteInput>(
      new RemoteInput(std::move(source), size_bytes, std::move(segments)));
}

int64_t RemoteInput::held_bytes() const {
  int64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.bytes->size();
  return bytes;
}

const RemoteInput::Segment* RemoteInput::Holding(int64_t begin, int64_t end) const {
  auto after = std::upper_bound(
      segments_.begin(), segments_.end(), begin,
      [](int64_t at, const Segment& segment) { return at < segment.begin; });
  if (after == segments_.begin()) return nullptr;
  --after;
  return after->end() >= end ? &*after : nullptr;
}

arrow::Result<std::string> RemoteInput::Fetch(int64_t begin, int64_t length) const {
  ARROW_ASSIGN_OR_RAISE(ObjectPart part, source_->Get(begin, length));
  if (part.object_size_bytes != size_bytes_) {
    return WrongSize(source_->location(), part.object_size_bytes, size_bytes_);
  }
  if (static_cast<int64_t>(part.bytes.size()) != length) {
    return MakeError(ErrorCode::kServiceUnavailable,
                     "'{}' gave {} bytes from {} on where {} were asked for",
                     source_->location(), part.bytes.size(), begin, length);
  }
  return std::move(part.bytes);
}

arrow::Status RemoteInput::FetchInto(int64_t begin, int64_t length, uint8_t* out) const {
  const int64_t requests = (length + kRequestBytes - 1) / kRequestBytes;
  return ParallelFor(requests, kParallelRequests, [&](int64_t i) -> arrow::Status {
    const int64_t offset = i * kRequestBytes;
    const int64_t part = std::min(kRequestBytes, length - offset);
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, Fetch(begin + offset, part));
    std::memcpy(out + offset, bytes.data(), bytes.size());
    return arrow::Status::OK();
  });
}

arrow::Result<std::shared_ptr<RemoteInput>> RemoteInput::WithRanges(
    std::vector<arrow::io::ReadRange> ranges) const {
  struct Span {
    int64_t begin;
    int64_t end;
  };
  std::vector<Span> wanted;
  for (const arrow::io::ReadRange& range : ranges) {
    const int64_t begin = std::clamp<int64_t>(range.offset, 0, size_bytes_);
    const int64_t end = begin + std::clamp<int64_t>(range.length, 0, size_bytes_ - begin);
    if (begin < end && Holding(begin, end) == nullptr) wanted.push_back({begin, end});
  }
  std::sort(wanted.begin(), wanted.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::vector<Span> merged;
  for (const Span& span : wanted) {
    if (!merged.empty() && span.begin - merged.back().end <= kHoleBytes) {
      merged.back().end = std::max(merged.back().end, span.end);
    } else {
      merged.push_back(span);
    }
  }
  // A long one is cut for its requests to go at once, and put together again.
  struct Piece {
    int64_t begin;
    int64_t length;
    uint8_t* out;
  };
  std::vector<Segment> segments;
  std::vector<Piece> pieces;
  for (const Span& span : merged) {
    const int64_t length = span.end - span.begin;
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(length));
    for (int64_t at = 0; at < length; at += kRequestBytes) {
      pieces.push_back({span.begin + at, std::min(kRequestBytes, length - at),
                        buffer->mutable_data() + at});
    }
    segments.push_back({span.begin, std::move(buffer)});
  }
  ARROW_RETURN_NOT_OK(ParallelFor(
      static_cast<int64_t>(pieces.size()), kParallelRequests,
      [&](int64_t i) -> arrow::Status {
        const Piece& piece = pieces[static_cast<size_t>(i)];
        ARROW_ASSIGN_OR_RAISE(const std::string bytes, Fetch(piece.begin, piece.length));
        std::memcpy(piece.out, bytes.data(), bytes.size());
        return arrow::Status::OK();
      }));
  // What is held already and lies within a new segment is held once.
  for (const Segment& old : segments_) {
    const bool is_covered =
        std::any_of(segments.begin(), segments.end(), [&](const Segment& segment) {
          return segment.begin <= old.begin && segment.end() >= old.end();
        });
    if (!is_covered) segments.push_back(old);
  }
  std::sort(segments.begin(), segments.end(),
            [](const Segment& a, const Segment& b) { return a.begin < b.begin; });
  return std::shared_ptr<RemoteInput>(
      new RemoteInput(source_, size_bytes_, std::move(segments)));
}

arrow::Result<int64_t> RemoteInput::Clip(int64_t position, int64_t size) const {
  if (position < 0 || size < 0) {
    return MakeError(ErrorCode::kInternal, "'{}' was read at {} for {} bytes",
                     source_->location(), position, size);
  }
  return std::clamp<int64_t>(size_bytes_ - position, 0, size);
}

arrow::Status RemoteInput::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  is_closed_ = true;
  return arrow::Status::OK();
}

arrow::Result<int64_t> RemoteInput::Tell() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return position_;
}

arrow::Status RemoteInput::Seek(int64_t position) {
  ARROW_RETURN_NOT_OK(Clip(position, 0).status());
  std::lock_guard<std::mutex> lock(mutex_);
  position_ = position;
  return arrow::Status::OK();
}

arrow::Result<int64_t> RemoteInput::Read(int64_t size, void* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position_, size, true, out));
  position_ += read;
  return read;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> RemoteInput::Read(int64_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, size, true));
  position_ += buffer->size();
  return buffer;
}

arrow::Result<int64_t> RemoteInput::ReadAt(int64_t position, int64_t size,
                                           bool /*allow_short*/, void* out) {
  ARROW_ASSIGN_OR_RAISE(size, Clip(position, size));
  if (size == 0) return 0;
  if (const Segment* held = Holding(position, position + size)) {
    std::memcpy(out, held->bytes->data() + (position - held->begin),
                static_cast<size_t>(size));
  } else {
    ARROW_RETURN_NOT_OK(FetchInto(position, size, static_cast<uint8_t*>(out)));
  }
  return size;
}

arrow::Result<int64_t> RemoteInput::ReadAt(int64_t position, int64_t size, void* out) {
  return ReadAt(position, size, true, out);
}

arrow::Result<std::shared_ptr<arrow::Buffer>> RemoteInput::ReadAt(int64_t position,
                                                                  int64_t size,
                                                                  bool /*allow_short*/) {
  ARROW_ASSIGN_OR_RAISE(size, Clip(position, size));
  if (size == 0) return arrow::Buffer::FromString("");
  if (const Segment* held = Holding(position, position + size)) {
    return arrow::SliceBuffer(held->bytes, position - held->begin, size);
  }
  if (size <= kRequestBytes) {
    ARROW_ASSIGN_OR_RAISE(std::string bytes, Fetch(position, size));
    return arrow::Buffer::FromString(std::move(bytes));
  }
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(size));
  ARROW_RETURN_NOT_OK(FetchInto(position, size, buffer->mutable_data()));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

arrow::Result<std::shared_ptr<arrow::Buffer>> RemoteInput::ReadAt(int64_t position,
                                                                  int64_t size) {
  return ReadAt(position, size, true);
}

}  // namespace floe
