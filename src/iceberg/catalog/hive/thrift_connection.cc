#include "iceberg/catalog/hive/thrift_connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/request_counters.h"

namespace floe::iceberg::hive {
namespace {

/// A connection's bytes, read ahead in blocks; in frames when they come so.
class ConnectionInput final : public ThriftInput {
 public:
  explicit ConnectionInput(TcpConnection& connection) : connection_(connection) {}

  arrow::Status Read(char* out, size_t size) override {
    if (is_framed_) {
      if (size > frame_left_) {
        return MakeError(ErrorCode::kCorruptData, "its frame ends before its message");
      }
      frame_left_ -= size;
    }
    return Take(out, size);
  }

  /// From here on, no more than the frame that comes next.
  arrow::Status BeginFrame(int64_t bytes_max) {
    std::array<unsigned char, 4> raw{};
    ARROW_RETURN_NOT_OK(Take(reinterpret_cast<char*>(raw.data()), raw.size()));
    int64_t size = int64_t{raw[0]} << 24 | raw[1] << 16 | raw[2] << 8 | raw[3];
    if (size > bytes_max) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a frame of {} bytes, of which at most {} are taken", size,
                       bytes_max);
    }
    is_framed_ = true;
    frame_left_ = static_cast<size_t>(size);
    return arrow::Status::OK();
  }

  int64_t received_bytes() const { return received_bytes_; }
  /// Whether the message was all that came.
  bool IsSpent() const { return begin_ == end_ && frame_left_ == 0; }

 private:
  arrow::Status Take(char* out, size_t size) {
    while (size > 0) {
      if (begin_ == end_) {
        ARROW_ASSIGN_OR_RAISE(end_, connection_.ReadSome(block_.data(), block_.size()));
        begin_ = 0;
        received_bytes_ += static_cast<int64_t>(end_);
      }
      size_t part = std::min(size, end_ - begin_);
      std::memcpy(out, block_.data() + begin_, part);
      begin_ += part;
      out += part;
      size -= part;
    }
    return arrow::Status::OK();
  }

  TcpConnection& connection_;
  std::array<char, 16384> block_{};
  size_t begin_ = 0;
  size_t end_ = 0;
  int64_t received_bytes_ = 0;
  bool is_framed_ = false;
  size_t frame_left_ = 0;
};

std::string FrameHeader(size_t size) {
  std::string header;
  for (int shift = 24; shift >= 0; shift -= 8) {
    header.push_back(static_cast<char>(size >> shift));
  }
  return header;
}

}  // namespace

arrow::Result<std::unique_ptr<ThriftConnection>> ThriftConnection::Open(
    const ThriftAddress& address, const ThriftConnectionOptions& options) {
  ARROW_ASSIGN_OR_RAISE(
      auto connection,
      TcpConnection::Connect(address.host, address.port, options.connect_timeout_ms));
  return std::unique_ptr<ThriftConnection>(
      new ThriftConnection(std::move(connection), options));
}

arrow::Result<ThriftMessage> ThriftConnection::Receive(int64_t* received_bytes) {
  ConnectionInput input(*connection_);
  arrow::Status framed;
  if (options_.is_framed) framed = input.BeginFrame(options_.limits.message_bytes);
  arrow::Result<ThriftMessage> reply =
      framed.ok() ? DecodeThriftMessage(input, options_.limits) : framed;
  *received_bytes = input.received_bytes();
  if (!reply.ok() && (IsError(reply.status(), ErrorCode::kCorruptData) ||
                      IsError(reply.status(), ErrorCode::kResourceExhausted))) {
    return MakeError(ErrorCodeOf(reply.status()),
                     "the answer of {} cannot be read: {}. Check that a Hive Metastore "
                     "listens there, without SASL, TLS or HTTP, and that "
                     "`hive.framed-transport` is as the server has it",
                     peer(), ErrorText(reply.status()));
  }
  ARROW_RETURN_NOT_OK(reply.status());
  if (!input.IsSpent()) {
    return MakeError(ErrorCode::kCorruptData, "{} sent more than its answer", peer());
  }
  return reply;
}

arrow::Result<ThriftMessage> ThriftConnection::Call(const std::string& method,
                                                    ThriftValue arguments) {
  was_sent_ = false;
  ThriftMessage call;
  call.name = method;
  call.sequence = ++sequence_;
  call.body = std::move(arguments);
  ARROW_ASSIGN_OR_RAISE(std::string bytes, EncodeThriftMessage(call));
  if (options_.is_framed) bytes.insert(0, FrameHeader(bytes.size()));

  is_in_step_ = false;
  connection_->SetTimeout(options_.call_timeout_ms);
  arrow::Status sent = connection_->Write(bytes);
  if (!sent.ok()) {
    CountRequest(RequestKind::kCatalog, 0, 0);
    return sent;
  }
  was_sent_ = true;
  int64_t received_bytes = 0;
  arrow::Result<ThriftMessage> reply = Receive(&received_bytes);
  CountRequest(RequestKind::kCatalog, received_bytes, static_cast<int64_t>(bytes.size()));
  ARROW_RETURN_NOT_OK(reply.status());
  if (reply->sequence != sequence_ || reply->name != method) {
    return MakeError(ErrorCode::kCorruptData,
                     "{} answered call {} of {} with call {} of {}", peer(), sequence_,
                     method, reply->sequence, reply->name);
  }
  is_in_step_ = true;
  return reply;
}

}  // namespace floe::iceberg::hive
