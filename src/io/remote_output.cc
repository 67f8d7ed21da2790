#include "io/remote_output.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/request_counters.h"

namespace floe {

RemoteOutput::RemoteOutput(std::shared_ptr<ObjectStore> store, std::string key,
                           std::string location, WriteMode write_mode)
    : store_(std::move(store)),
      key_(std::move(key)),
      location_(std::move(location)),
      write_mode_(write_mode) {
  set_mode(arrow::io::FileMode::WRITE);
}

RemoteOutput::~RemoteOutput() {
  // Nobody is left to be told; the store's own rules clear what stays.
  static_cast<void>(Abort());
}

arrow::Status RemoteOutput::Write(const void* data, int64_t size) {
  if (is_closed_) {
    return MakeError(ErrorCode::kInternal, "'{}' was written after it was closed",
                     location_);
  }
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    if (static_cast<int64_t>(buffer_.size()) == kPartBytes) {
      ARROW_RETURN_NOT_OK(SendPart(std::exchange(buffer_, {})));
    }
    const int64_t taken =
        std::min(size, kPartBytes - static_cast<int64_t>(buffer_.size()));
    buffer_.append(bytes, static_cast<size_t>(taken));
    bytes += taken;
    size -= taken;
    position_ += taken;
  }
  return arrow::Status::OK();
}

arrow::Status RemoteOutput::SendPart(std::string bytes) {
  if (part_count_ == kPartsMax) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "'{}' is larger than {} parts of {} bytes; write smaller files",
                     location_, kPartsMax, kPartBytes);
  }
  if (upload_ == nullptr) {
    ARROW_ASSIGN_OR_RAISE(upload_, store_->StartUpload(key_, write_mode_));
  }
  const int number = part_count_++;
  const auto parallel = static_cast<size_t>(upload_->parallel_parts_max());
  if (parallel <= 1) return upload_->PutPart(number, std::move(bytes));
  ARROW_RETURN_NOT_OK(WaitFor(parallel - 1));
  under_way_.push_back(
      std::async(std::launch::async,
                 [upload = upload_.get(), number, scope = RequestScope::Current(),
                  bytes = std::move(bytes)]() mutable {
                   RequestScope continued(scope);
                   return upload->PutPart(number, std::move(bytes));
                 }));
  return arrow::Status::OK();
}

arrow::Status RemoteOutput::WaitFor(size_t count) {
  arrow::Status status;
  while (under_way_.size() > count) {
    arrow::Status ended = under_way_.front().get();
    under_way_.pop_front();
    if (status.ok()) status = std::move(ended);
  }
  return status;
}

arrow::Status RemoteOutput::Publish() {
  if (upload_ == nullptr) return store_->Put(key_, std::move(buffer_), write_mode_);
  ARROW_RETURN_NOT_OK(SendPart(std::exchange(buffer_, {})));
  ARROW_RETURN_NOT_OK(WaitFor(0));
  return upload_->Complete();
}

arrow::Status RemoteOutput::Close() {
  if (is_closed_) return arrow::Status::OK();
  const arrow::Status status = Publish();
  // The failure to publish is the one to report; the abort only tidies up. A completion
  // whose answer is lost may have succeeded: then there is nothing left to abort.
  if (!status.ok()) static_cast<void>(Abort());
  is_closed_ = true;
  return status;
}

arrow::Status RemoteOutput::Abort() {
  if (is_closed_) return arrow::Status::OK();
  is_closed_ = true;
  static_cast<void>(WaitFor(0));
  buffer_.clear();
  return upload_ == nullptr ? arrow::Status::OK() : upload_->Abort();
}

}  // namespace floe
