#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "iceberg/catalog/hive/thrift_protocol.h"
#include "io/tcp_connection.h"

namespace floe::iceberg::hive {

struct ThriftAddress {
  std::string host;
  int port = 0;
};

struct ThriftConnectionOptions {
  int64_t connect_timeout_ms = 10'000;
  /// Of one call, from its first byte to the answer's last.
  int64_t call_timeout_ms = 120'000;
  /// Whether each message goes behind its length (TFramedTransport) or plain.
  bool is_framed = false;
  ThriftLimits limits;
};

/// A connection that carries one call after another. Used by one thread at a time. Every
/// call is counted as a catalog request.
class ThriftConnection {
 public:
  /// kServiceUnavailable names host, port and cause.
  static arrow::Result<std::unique_ptr<ThriftConnection>> Open(
      const ThriftAddress& address, const ThriftConnectionOptions& options);

  /// Calls `method` and returns the reply, whichever of results and exceptions it holds.
  /// Errors name the server; kCorruptData when it answers in another protocol.
  arrow::Result<ThriftMessage> Call(const std::string& method, ThriftValue arguments);

  /// Whether the server may have acted on the last call although it failed: all of it was
  /// sent. A server acts on nothing less.
  bool was_sent() const { return was_sent_; }
  /// Whether another call may follow: no call has failed, and the other side is there.
  bool IsUsable() const { return is_in_step_ && connection_->IsIdle(); }
  const std::string& peer() const { return connection_->peer(); }

 private:
  ThriftConnection(std::unique_ptr<TcpConnection> connection,
                   const ThriftConnectionOptions& options)
      : connection_(std::move(connection)), options_(options) {}

  arrow::Result<ThriftMessage> Receive(int64_t* received_bytes);

  std::unique_ptr<TcpConnection> connection_;
  ThriftConnectionOptions options_;
  int32_t sequence_ = 0;
  bool was_sent_ = false;
  bool is_in_step_ = true;
};

}  // namespace floe::iceberg::hive
