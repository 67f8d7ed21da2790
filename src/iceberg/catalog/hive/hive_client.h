#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/hive/thrift_connection.h"
#include "iceberg/catalog/hive/thrift_value.h"

namespace floe::iceberg::hive {

struct HiveClientOptions {
  /// Tried in turn, from the one that last answered.
  std::vector<ThriftAddress> addresses;
  ThriftConnectionOptions connection;
  /// Told to the server of every connection (set_ugi); empty: nothing is told.
  std::string user;
  std::vector<std::string> groups;
};

/// The addresses of "thrift://host:port,thrift://other:port"; the port is 9083 where none
/// is given. kInvalidConfig names what is none.
arrow::Result<std::vector<ThriftAddress>> ParseMetastoreUris(const std::string& uris);

/// Field numbers of the metastore's IDL (hive_metastore.thrift).
namespace field {
// struct Database
inline constexpr int16_t kDatabaseName = 1;
inline constexpr int16_t kDatabaseDescription = 2;
inline constexpr int16_t kDatabaseLocation = 3;
inline constexpr int16_t kDatabaseParameters = 4;
inline constexpr int16_t kDatabaseOwner = 6;
inline constexpr int16_t kDatabaseOwnerType = 7;
// struct Table
inline constexpr int16_t kTableName = 1;
inline constexpr int16_t kTableDatabase = 2;
inline constexpr int16_t kTableOwner = 3;
inline constexpr int16_t kTableCreateTime = 4;
inline constexpr int16_t kTableLastAccessTime = 5;
inline constexpr int16_t kTableRetention = 6;
inline constexpr int16_t kTableStorage = 7;
inline constexpr int16_t kTablePartitionKeys = 8;
inline constexpr int16_t kTableParameters = 9;
inline constexpr int16_t kTableType = 12;
}  // namespace field

enum class LockState { kAcquired = 1, kWaiting = 2, kAborted = 3, kNotAcquired = 4 };

struct LockAnswer {
  int64_t lock_id = 0;
  LockState state = LockState::kNotAcquired;
};

/// The calls of a Hive Metastore (2.3 to 4) that a catalog needs. Databases and tables
/// are Thrift structs (`field`). Thread-safe: calls use connections of their own, of
/// which a few are kept.
///
/// Errors name the server and what it said: kServiceUnavailable and kDeadlineExceeded
/// when none of the addresses could be asked, kNotAuthorized, kAlreadyExists,
/// kInvalidArgument for names and operations it refuses, kIo for the rest of its errors;
/// of calls that change something, kCommitStateUnknown when the answer was lost. A call
/// is repeated where that does no harm: it only reads, or was not sent.
class HiveClient {
 public:
  explicit HiveClient(HiveClientOptions options) : options_(std::move(options)) {}

  arrow::Result<std::vector<std::string>> ListDatabases();
  arrow::Result<std::optional<ThriftValue>> FindDatabase(const std::string& name);
  arrow::Status CreateDatabase(ThriftValue database);
  /// kInvalidArgument when it holds tables. Files stay.
  arrow::Status DropDatabase(const std::string& name);

  /// Names of all tables and views; empty when there is no such database.
  arrow::Result<std::vector<std::string>> ListTables(const std::string& database);
  /// Those of `names` that exist, in any order.
  arrow::Result<std::vector<ThriftValue>> GetTables(
      const std::string& database, const std::vector<std::string>& names);
  arrow::Result<std::optional<ThriftValue>> FindTable(const std::string& database,
                                                      const std::string& name);
  /// kNoSuchNamespace when the database is missing.
  arrow::Status CreateTable(ThriftValue table);
  /// kCommitConflict when `context` names an expected parameter that has another value;
  /// kNotSupported when the metastore's database cannot compare it. Versions before 4
  /// ignore it.
  arrow::Status AlterTable(const std::string& database, const std::string& name,
                           ThriftValue table,
                           const std::map<std::string, std::string>& context);
  /// kNoSuchTable when there is none. Files stay.
  arrow::Status DropTable(const std::string& database, const std::string& name);

  /// Asks for the table's exclusive lock. `agent` tells this request from others, so that
  /// FindLock finds it when the answer was lost.
  arrow::Result<LockAnswer> Lock(const std::string& database, const std::string& table,
                                 const std::string& agent);
  arrow::Result<std::optional<int64_t>> FindLock(const std::string& database,
                                                 const std::string& table,
                                                 const std::string& agent);
  /// kCommitConflict when the lock is gone, also of Heartbeat.
  arrow::Result<LockAnswer> CheckLock(int64_t lock_id);
  arrow::Status Heartbeat(int64_t lock_id);
  /// Fine when the lock is gone already.
  arrow::Status Unlock(int64_t lock_id);

  /// What the server says its version is.
  arrow::Result<std::string> ServerVersion();

  /// "host:port, host:port".
  std::string AddressText() const;

 private:
  struct Method;
  /// How far a call came.
  enum class Progress { kNotSent, kSent, kAnswered };

  arrow::Result<ThriftValue> Call(const Method& method, ThriftValue arguments);
  arrow::Result<ThriftValue> CallOnce(const Method& method, const ThriftValue& arguments,
                                      Progress* progress);
  arrow::Result<std::unique_ptr<ThriftConnection>> Take();
  arrow::Result<std::unique_ptr<ThriftConnection>> OpenAny();
  void Keep(std::unique_ptr<ThriftConnection> connection);

  static constexpr size_t kMaxKeptConnections = 8;
  static constexpr int kMaxTries = 3;

  const HiveClientOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ThriftConnection>> kept_;
  size_t preferred_address_ = 0;
};

}  // namespace floe::iceberg::hive
