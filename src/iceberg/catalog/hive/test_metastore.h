#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "iceberg/catalog/hive/hive_client.h"
#include "iceberg/catalog/hive/thrift_protocol.h"

namespace floe::iceberg::hive {

/// What goes wrong with a call, once.
enum class Fault {
  kCloseBefore,  ///< The connection is closed and nothing done.
  kCloseAfter,   ///< It is done, and the connection closed instead of an answer.
  kCutAnswer,    ///< Half of the answer, then the end.
  kRawAnswer,    ///< The bytes of `raw_answer`.
  kNoAnswer,     ///< It is done, and nothing is sent until the client goes.
  kFailAfter,    ///< It is done, and a MetaException is answered.
  kFailBefore,   ///< A MetaException is answered and nothing done.
};

/// A socket's bytes, one frame at a time where there are frames.
class SocketInput final : public ThriftInput {
 public:
  explicit SocketInput(int socket) : socket_(socket) {}
  arrow::Status Read(char* out, size_t size) override {
    for (size_t done = 0; done < size;) {
      ssize_t received = ::recv(socket_, out + done, size - done, 0);
      if (received <= 0) return arrow::Status::IOError("closed");
      done += static_cast<size_t>(received);
    }
    return arrow::Status::OK();
  }

 private:
  int socket_;
};

/// A metastore for tests, on a loopback port of its own: databases and tables in memory,
/// the calls Floe makes, and answers that go wrong where a test says so. Its settings are
/// set before the first call.
class TestMetastore {
 public:
  TestMetastore() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    FLOE_CHECK(::bind(listener_, raw, size) == 0);
    FLOE_CHECK(::listen(listener_, 64) == 0);
    FLOE_CHECK(::getsockname(listener_, raw, &size) == 0);
    port_ = ::ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~TestMetastore() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      std::unique_lock<std::mutex> lock(mutex_);
      for (int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (int socket : sockets_) ::close(socket);
    ::close(listener_);
  }

  std::string Uri() const { return "thrift://127.0.0.1:" + std::to_string(port_); }

  /// Settings.
  std::string version = "4.0.1";
  bool is_framed = false;
  std::set<std::string> unknown_methods;
  std::string raw_answer;
  /// How often a lock is looked at before it is given.
  int lock_waits = 0;
  /// Whether alter_table compares what it is told to expect.
  bool compares = true;
  /// Whether alter_table fails when it is told to expect something, as on Derby.
  bool cannot_compare = false;

  void Inject(const std::string& method, Fault fault) {
    std::unique_lock<std::mutex> lock(mutex_);
    faults_[method].push_back(fault);
  }
  /// Runs before the next call of `method` is carried out, once.
  void Before(const std::string& method, std::function<void()> action) {
    std::unique_lock<std::mutex> lock(mutex_);
    before_[method] = std::move(action);
  }
  void DropLocks() {
    std::unique_lock<std::mutex> lock(mutex_);
    locks_.clear();
  }
  int CallCount(const std::string& method) {
    std::unique_lock<std::mutex> lock(mutex_);
    return calls_[method];
  }
  int ConnectionCount() {
    std::unique_lock<std::mutex> lock(mutex_);
    return static_cast<int>(sockets_.size());
  }
  size_t HeldLocks() {
    std::unique_lock<std::mutex> lock(mutex_);
    return locks_.size();
  }
  void WaitForCalls(const std::string& method, int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    called_.wait(lock, [&] { return calls_[method] >= count; });
  }
  /// Closes the connections that are open, as a server that starts anew.
  void CloseAll() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  std::map<std::string, std::string> Parameters(const std::string& table) {
    std::unique_lock<std::mutex> lock(mutex_);
    return tables_[table].StringMapOf(field::kTableParameters);
  }
  ThriftValue Table(const std::string& table) {
    std::unique_lock<std::mutex> lock(mutex_);
    return tables_[table];
  }
  /// `table` is "db.name".
  void Put(const std::string& table, ThriftValue value) {
    std::unique_lock<std::mutex> lock(mutex_);
    tables_[table] = std::move(value);
  }

 private:
  using Fields = std::vector<std::pair<int16_t, ThriftValue>>;

  void Accept() {
    while (true) {
      int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      std::unique_lock<std::mutex> lock(mutex_);
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket] { Serve(socket); });
    }
  }

  void Serve(int socket) {
    SocketInput input(socket);
    std::string header(4, '\0');
    while (true) {
      if (is_framed && !input.Read(header.data(), header.size()).ok()) break;
      auto call = DecodeThriftMessage(input, ThriftLimits());
      if (!call.ok() || !Answer(socket, *call)) break;
    }
    ::shutdown(socket, SHUT_RDWR);
  }

  static void Send(int socket, const std::string& bytes) {
    static_cast<void>(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

  std::optional<Fault> NextFault(const std::string& method) {
    std::function<void()> action;
    std::optional<Fault> fault;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      std::vector<Fault>& faults = faults_[method];
      if (!faults.empty()) {
        fault = faults.front();
        faults.erase(faults.begin());
      }
      action = std::exchange(before_[method], nullptr);
    }
    if (action) action();
    return fault;
  }

  /// Whether the connection goes on.
  bool Answer(int socket, const ThriftMessage& call) {
    std::optional<Fault> fault = NextFault(call.name);
    ThriftMessage reply = call;
    reply.type = ThriftMessageType::kReply;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      ++calls_[call.name];
      if (unknown_methods.count(call.name) > 0) {
        reply.type = ThriftMessageType::kException;
        reply.body = ThriftValue::Struct(
            {{1, ThriftValue::String("Invalid method name")}, {2, ThriftValue::I32(1)}});
      } else if (fault != Fault::kCloseBefore && fault != Fault::kFailBefore) {
        reply.body = CarryOut(call);
      }
    }
    called_.notify_all();
    bool is_failed = fault == Fault::kFailAfter || fault == Fault::kFailBefore;
    if (is_failed) reply.body = Exception(2, "a listener failed");
    std::string bytes = *EncodeThriftMessage(reply);
    if (is_framed) {
      std::string header;
      for (int shift = 24; shift >= 0; shift -= 8) {
        header.push_back(static_cast<char>(bytes.size() >> shift));
      }
      bytes = header + bytes;
    }
    if (fault == Fault::kCutAnswer) bytes.resize(bytes.size() / 2);
    if (fault == Fault::kRawAnswer) bytes = raw_answer;
    bool is_answered =
        !fault || is_failed || fault == Fault::kCutAnswer || fault == Fault::kRawAnswer;
    if (is_answered) Send(socket, bytes);
    if (fault == Fault::kNoAnswer) {
      char end = 0;
      static_cast<void>(::recv(socket, &end, 1, 0));
    }
    return !fault || is_failed;
  }

  static ThriftValue Exception(int16_t id, const std::string& text) {
    return ThriftValue::Struct(
        {{id, ThriftValue::Struct({{1, ThriftValue::String(text)}})}});
  }
  static ThriftValue Success(ThriftValue value) {
    return ThriftValue::Struct({{0, std::move(value)}});
  }

  ThriftValue CarryOut(const ThriftMessage& call) {
    const ThriftValue& body = call.body;
    if (call.name == "getVersion") return Success(ThriftValue::String(version));
    if (call.name == "set_ugi") return Success(ThriftValue::Strings({}));
    if (call.name == "create_database") return CreateDatabase(*body.Find(1));
    if (call.name == "get_database") {
      auto found = databases_.find(body.TextOf(1));
      return found == databases_.end() ? Exception(1, "no database")
                                       : Success(found->second);
    }
    if (call.name == "get_all_databases") {
      std::vector<std::string> names;
      for (const auto& [name, unused] : databases_) names.push_back(name);
      return Success(ThriftValue::Strings(names));
    }
    if (call.name == "drop_database") return DropDatabase(body.TextOf(1));
    if (call.name == "get_all_tables") return ListTables(body.TextOf(1));
    if (call.name == "get_table_objects_by_name_req") return GetTables(*body.Find(1));
    if (call.name == "get_table_req") {
      auto found = Found(body.Find(1)->TextOf(1), body.Find(1)->TextOf(2));
      if (found == tables_.end()) return Exception(2, "no table");
      return Success(ThriftValue::Struct({{1, found->second}}));
    }
    if (call.name == "get_table") {
      auto found = Found(body.TextOf(1), body.TextOf(2));
      return found == tables_.end() ? Exception(2, "no table") : Success(found->second);
    }
    if (call.name == "create_table") return CreateTable(*body.Find(1));
    if (call.name == "alter_table_with_environment_context") return Alter(body);
    if (call.name == "drop_table") {
      bool was_there = tables_.erase(body.TextOf(1) + "." + body.TextOf(2)) > 0;
      return was_there ? ThriftValue() : Exception(1, "no table");
    }
    return CarryOutLock(call);
  }

  std::map<std::string, ThriftValue>::iterator Found(const std::string& database,
                                                     const std::string& name) {
    return tables_.find(database + "." + name);
  }
  ThriftValue CreateDatabase(const ThriftValue& database) {
    bool is_new = databases_.emplace(database.TextOf(1), database).second;
    return is_new ? ThriftValue() : Exception(1, "exists");
  }
  ThriftValue DropDatabase(const std::string& name) {
    for (const auto& [table, unused] : tables_) {
      if (table.starts_with(name + ".")) return Exception(2, "not empty");
    }
    return databases_.erase(name) > 0 ? ThriftValue() : Exception(1, "no database");
  }
  ThriftValue ListTables(const std::string& database) {
    std::vector<std::string> names;
    for (const auto& [table, unused] : tables_) {
      if (!table.starts_with(database + ".")) continue;
      names.push_back(table.substr(database.size() + 1));
    }
    return Success(ThriftValue::Strings(names));
  }
  ThriftValue GetTables(const ThriftValue& request) {
    std::vector<ThriftValue> found;
    for (const std::string& name : request.StringsOf(2)) {
      auto table = Found(request.TextOf(1), name);
      if (table != tables_.end()) found.push_back(table->second);
    }
    return Success(ThriftValue::Struct(
        {{1, ThriftValue::List(ThriftType::kStruct, std::move(found))}}));
  }
  ThriftValue CreateTable(const ThriftValue& table) {
    const std::string database = table.TextOf(field::kTableDatabase);
    if (databases_.count(database) == 0) return Exception(4, "no database");
    bool is_new =
        tables_.emplace(database + "." + table.TextOf(field::kTableName), table).second;
    return is_new ? ThriftValue() : Exception(1, "exists");
  }
  ThriftValue Alter(const ThriftValue& body) {
    auto found = Found(body.TextOf(1), body.TextOf(2));
    if (found == tables_.end()) return Exception(1, "table does not exist");
    auto context = body.Find(4)->StringMapOf(1);
    auto parameters = found->second.StringMapOf(field::kTableParameters);
    const std::string key = context["expected_parameter_key"];
    if (cannot_compare && !key.empty()) {
      return Exception(2, "Comparisons between 'CLOB (UCS_BASIC)' are not supported");
    }
    if (compares && !key.empty() &&
        parameters[key] != context["expected_parameter_value"]) {
      return Exception(2, "The table has been modified. The parameter value for key '" +
                              key + "' is different");
    }
    ThriftValue table = *body.Find(3);
    tables_.erase(found);
    tables_[table.TextOf(field::kTableDatabase) + "." + table.TextOf(field::kTableName)] =
        table;
    return ThriftValue();
  }

  ThriftValue CarryOutLock(const ThriftMessage& call) {
    const ThriftValue& request = *call.body.Find(1);
    if (call.name == "lock") {
      int64_t id = next_lock_++;
      locks_[id] = {request.TextOf(5), lock_waits};
      return LockState(id);
    }
    if (call.name == "show_locks") {
      std::vector<ThriftValue> shown;
      for (const auto& [id, lock] : locks_) {
        shown.push_back(ThriftValue::Struct(
            {{1, ThriftValue::I64(id)}, {13, ThriftValue::String(lock.first)}}));
      }
      return Success(ThriftValue::Struct(
          {{1, ThriftValue::List(ThriftType::kStruct, std::move(shown))}}));
    }
    int64_t id = request.Find(1)->number();
    if (locks_.count(id) == 0) {
      return Exception(call.name == "check_lock" ? 3 : 1, "no such lock");
    }
    if (call.name == "check_lock") return LockState(id);
    if (call.name == "unlock") locks_.erase(id);
    return ThriftValue();
  }
  /// A lock is waited for until it is the oldest and its waits are over.
  ThriftValue LockState(int64_t id) {
    bool waits = locks_.begin()->first != id || locks_[id].second-- > 0;
    return Success(ThriftValue::Struct(
        {{1, ThriftValue::I64(id)}, {2, ThriftValue::I32(waits ? 2 : 1)}}));
  }

  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  std::mutex mutex_;
  std::condition_variable called_;
  std::vector<std::thread> threads_;
  std::vector<int> sockets_;
  std::map<std::string, ThriftValue> databases_;
  std::map<std::string, ThriftValue> tables_;
  std::map<std::string, int> calls_;
  std::map<std::string, std::vector<Fault>> faults_;
  std::map<std::string, std::function<void()>> before_;
  int64_t next_lock_ = 1;
  /// By number: who asked, and the waits left.
  std::map<int64_t, std::pair<std::string, int>> locks_;
};

}  // namespace floe::iceberg::hive
