#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe {

/// A TCP connection to a server, for the protocols that are no HTTP. Used by one thread
/// at a time; closed when destroyed. Errors name host and port: kServiceUnavailable when
/// it cannot be opened or breaks, kDeadlineExceeded when the time given runs out.
class TcpConnection {
 public:
  /// Tries the addresses of `host` one after the other, all within `timeout_ms` (but for
  /// the name's look-up, which the system bounds).
  static arrow::Result<std::unique_ptr<TcpConnection>> Connect(const std::string& host,
                                                               int port,
                                                               int64_t timeout_ms);
  ~TcpConnection();
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  /// From now on, reads and writes fail once `timeout_ms` have passed.
  void SetTimeout(int64_t timeout_ms);
  /// Sends all bytes.
  arrow::Status Write(std::string_view bytes);
  /// Waits for bytes and reads at most `capacity` of them; at least one, for an end of
  /// the stream is an error too.
  arrow::Result<size_t> ReadSome(char* out, size_t capacity);
  /// Whether the other side has neither closed it nor sent what nobody asked for, so that
  /// a connection kept for later may be used again.
  bool IsIdle() const;

  /// "host:port".
  const std::string& peer() const { return peer_; }

 private:
  TcpConnection(int socket, std::string peer);

  /// Waits until the socket is ready for `events` of poll(2).
  arrow::Status Wait(short events, std::string_view what) const;
  arrow::Status Broken(std::string_view what, std::string_view cause) const;

  int socket_;
  std::string peer_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace floe
