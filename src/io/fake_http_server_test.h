#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace floe {

/// A request as the fake server received it.
struct FakeRequest {
  std::string method;
  std::string target;                          ///< Path and query, as sent.
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;
  int connection = 0;  ///< Counted from 0.
};

/// What the fake server does with a request.
struct FakeAnswer {
  enum class Ending {
    kKeep,          ///< Answers and keeps the connection.
    kClose,         ///< Answers and closes it.
    kResetBefore,   ///< Resets the connection instead of answering.
    kResetMidBody,  ///< Resets it after half of the body.
    kNever,         ///< Says nothing until the client or the test goes away.
  };
  int status = 200;
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  Ending ending = Ending::kKeep;
};

/// An HTTP server in the test's own process, on a free port of 127.0.0.1, that answers
/// as `handler` says (called from the connections' threads, one call at a time). With a
/// TLS context it speaks HTTPS.
class FakeHttpServer {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;

  enum class Accepts { kConnections, kNothing };

  explicit FakeHttpServer(Handler handler, SSL_CTX* tls = nullptr,
                          Accepts accepts = Accepts::kConnections)
      : handler_(std::move(handler)), tls_(tls) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    FLOE_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    FLOE_CHECK(listen(listener_, 64) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (accepts == Accepts::kConnections) accepting_ = std::thread([this] { Accept(); });
  }

  ~FakeHttpServer() {
    is_stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    if (accepting_.joinable()) accepting_.join();
    close(listener_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  std::string url() const {
    return (tls_ == nullptr ? "http://127.0.0.1:" : "https://127.0.0.1:") +
           std::to_string(port_);
  }
  int port() const { return port_; }
  int connections() const { return connections_; }
  std::vector<FakeRequest> requests() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }

 private:
  static constexpr char kTlsHandshake = 0x16;

  struct Connection {
    int fd;
    SSL* ssl;
    std::string buffer;

    bool Read() {
      char bytes[16384];
      const auto count = ssl != nullptr ? SSL_read(ssl, bytes, sizeof(bytes))
                                        : recv(fd, bytes, sizeof(bytes), 0);
      if (count <= 0) return false;
      buffer.append(bytes, static_cast<size_t>(count));
      return true;
    }
    void Write(const std::string& bytes) {
      for (size_t done = 0; done < bytes.size();) {
        const auto count =
            ssl != nullptr
                ? SSL_write(ssl, bytes.data() + done,
                            static_cast<int>(bytes.size() - done))
                : send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (count <= 0) return;
        done += static_cast<size_t>(count);
      }
    }
  };

  void Accept() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      std::lock_guard<std::mutex> lock(mutex_);
      if (is_stopping_) {
        close(fd);
        return;
      }
      open_.push_back(fd);
      const int number = connections_++;
      threads_.emplace_back([this, fd, number] { Serve(fd, number); });
    }
  }

  void Serve(int fd, int number) {
    Connection connection{fd, nullptr, ""};
    bool is_open = true;
    if (tls_ != nullptr) {
      connection.ssl = SSL_new(tls_);
      SSL_set_fd(connection.ssl, fd);
      is_open = SSL_accept(connection.ssl) == 1;
    }
    FakeRequest request;
    while (is_open && Receive(connection, request)) {
      request.connection = number;
      is_open = Answer(connection, request);
    }
    if (connection.ssl != nullptr) SSL_free(connection.ssl);
    std::lock_guard<std::mutex> lock(mutex_);
    std::erase(open_, fd);
    close(fd);
  }

  static bool Receive(Connection& connection, FakeRequest& request) {
    size_t end;
    while ((end = connection.buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!connection.Read()) return false;
      if (connection.buffer[0] == kTlsHandshake) {
        connection.Write("HTTP/1.1 400 Bad Request\r\n\r\n");
        return false;
      }
    }
    const std::string head = connection.buffer.substr(0, end + 2);
    connection.buffer.erase(0, end + 4);
    request = {};
    const size_t space = head.find(' ');
    request.method = head.substr(0, space);
    request.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
    for (size_t start = head.find("\r\n") + 2; start < head.size();) {
      const size_t line_end = head.find("\r\n", start);
      const size_t colon = head.find(':', start);
      std::string name = head.substr(start, colon - start);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      const size_t value = head.find_first_not_of(' ', colon + 1);
      request.headers[name] = head.substr(value, line_end - value);
      start = line_end + 2;
    }
    const auto length = request.headers.find("content-length");
    const size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (connection.buffer.size() < size) {
      if (!connection.Read()) return false;
    }
    request.body = connection.buffer.substr(0, size);
    connection.buffer.erase(0, size);
    return true;
  }

  /// Returns whether the connection goes on.
  bool Answer(Connection& connection, const FakeRequest& request) {
    FakeAnswer answer;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      requests_.push_back(request);
      answer = handler_(request);
    }
    if (answer.ending == FakeAnswer::Ending::kNever) {
      while (connection.Read()) {
      }
      return false;
    }
    std::string bytes = "HTTP/1.1 " + std::to_string(answer.status) + " Status\r\n";
    bool has_length = answer.status == 204 || answer.status == 304;
    for (const auto& [name, value] : answer.headers) {
      bytes += name + ": " + value + "\r\n";
      has_length |= name == "Content-Length";
    }
    if (!has_length) {
      bytes += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    }
    bytes += "\r\n";
    const bool has_reset = answer.ending == FakeAnswer::Ending::kResetBefore ||
                           answer.ending == FakeAnswer::Ending::kResetMidBody;
    if (has_reset) answer.body.resize(answer.body.size() / 2);
    if (request.method != "HEAD") bytes += answer.body;
    if (answer.ending != FakeAnswer::Ending::kResetBefore) connection.Write(bytes);
    if (has_reset) {
      const linger at_once{1, 0};
      setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    return answer.ending == FakeAnswer::Ending::kKeep;
  }

  const Handler handler_;
  SSL_CTX* const tls_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace floe
