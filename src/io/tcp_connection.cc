#include "io/tcp_connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace floe {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime After(int64_t timeout_ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
}

/// poll(2)'s timeout until `deadline`: rounded up, so that it does not spin.
int MillisUntil(SteadyTime deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000));
}

/// Whether `socket` became ready for `events` before the deadline; -1 with errno for a
/// failure of poll itself.
int PollUntil(int socket, short events, SteadyTime deadline) {
  while (true) {
    pollfd entry{socket, events, 0};
    int ready = ::poll(&entry, 1, MillisUntil(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && MillisUntil(deadline) > 0) continue;
    return ready;
  }
}

/// 0, or the errno of why this one address could not be connected to.
int ConnectTo(int socket, const addrinfo& address, SteadyTime deadline) {
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  int ready = PollUntil(socket, POLLOUT, deadline);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int failure = 0;
  socklen_t size = sizeof(failure);
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return errno;
  return failure;
}

}  // namespace

TcpConnection::TcpConnection(int socket, std::string peer)
    : socket_(socket), peer_(std::move(peer)), deadline_(After(0)) {}

TcpConnection::~TcpConnection() { ::close(socket_); }

arrow::Result<std::unique_ptr<TcpConnection>> TcpConnection::Connect(
    const std::string& host, int port, int64_t timeout_ms) {
  const std::string peer = fmt::format("{}:{}", host, port);
  const SteadyTime deadline = After(timeout_ms);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    return MakeError(ErrorCode::kServiceUnavailable,
                     "cannot connect to {}: the host name cannot be resolved ({}); check "
                     "its spelling and the name server",
                     peer, ::gai_strerror(failure));
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int cause = ECONNREFUSED;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    int socket =
        ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) {
      cause = errno;
      continue;
    }
    std::unique_ptr<TcpConnection> connection(new TcpConnection(socket, peer));
    cause = ConnectTo(socket, *address, deadline);
    if (cause != 0) continue;
    // Requests are small and each waits for its answer; the other side may vanish.
    int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return connection;
  }
  return MakeError(ErrorCode::kServiceUnavailable,
                   "cannot connect to {}: {}; check that the server runs and that host "
                   "and port are right",
                   peer, std::strerror(cause));
}

void TcpConnection::SetTimeout(int64_t timeout_ms) { deadline_ = After(timeout_ms); }

arrow::Status TcpConnection::Wait(short events, std::string_view what) const {
  int ready = PollUntil(socket_, events, deadline_);
  if (ready > 0) return arrow::Status::OK();
  if (ready < 0) return Broken(what, std::strerror(errno));
  return MakeError(ErrorCode::kDeadlineExceeded, "{}: no answer in time while {}", peer_,
                   what);
}

arrow::Status TcpConnection::Broken(std::string_view what, std::string_view cause) const {
  return MakeError(ErrorCode::kServiceUnavailable,
                   "the connection to {} broke while {}: {}", peer_, what, cause);
}

arrow::Status TcpConnection::Write(std::string_view bytes) {
  constexpr std::string_view kWhat = "sending a request";
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      ARROW_RETURN_NOT_OK(Wait(POLLOUT, kWhat));
    } else if (errno != EINTR) {
      return Broken(kWhat, std::strerror(errno));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<size_t> TcpConnection::ReadSome(char* out, size_t capacity) {
  constexpr std::string_view kWhat = "waiting for an answer";
  while (true) {
    ssize_t received = ::recv(socket_, out, capacity, 0);
    if (received > 0) return static_cast<size_t>(received);
    if (received == 0) return Broken(kWhat, "the server closed it");
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      ARROW_RETURN_NOT_OK(Wait(POLLIN, kWhat));
    } else if (errno != EINTR) {
      return Broken(kWhat, std::strerror(errno));
    }
  }
}

bool TcpConnection::IsIdle() const {
  char next = 0;
  ssize_t received = ::recv(socket_, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace floe
