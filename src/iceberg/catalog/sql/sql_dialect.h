#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/sql/sql_address.h"

namespace soci {
class backend_factory;
class soci_error;
}  // namespace soci

namespace floe::iceberg {

/// What a failure means for what comes next.
enum class SqlFailureKind {
  /// The connection is gone; an open transaction is undone by the server.
  kConnectionLost,
  /// The server undid the transaction in favour of another; it may be run again.
  kRolledBack,
  kOther,
};

struct SqlFailure {
  SqlFailureKind kind = SqlFailureKind::kOther;
  arrow::Status status;
};

/// In what the databases differ. Immutable; thread-safe.
class SqlDialect {
 public:
  virtual ~SqlDialect() = default;

  /// "SQLite catalog /x.db": the start of every message.
  virtual std::string Describe() const = 0;
  virtual const soci::backend_factory& factory() const = 0;
  /// SOCI's connect string, the password in it. kInvalidConfig when it cannot work.
  virtual arrow::Result<std::string> ConnectString() const = 0;
  /// What is run first on every new connection.
  virtual std::vector<std::string> SessionSetup() const = 0;
  virtual std::string BeginTransaction() const = 0;
  /// After a SELECT: waits for, and keeps out, other writers of its rows.
  virtual std::string LockRows() const = 0;
  /// `column` is the parameter, by bytes.
  virtual std::string Equals(const std::string& column,
                             const std::string& parameter) const = 0;
  /// A query of one text column: the columns of iceberg_tables; no row when that table or
  /// iceberg_namespace_properties is missing.
  virtual std::string ColumnsQuery() const = 0;
  /// What follows "CREATE TABLE ... (...)".
  virtual std::string TableOptions() const = 0;
  /// How many connections are of use at once.
  virtual size_t max_sessions() const = 0;
  /// The Status of what SOCI threw: kAlreadyExists for a broken unique key,
  /// kServiceUnavailable, kNotAuthorized, kInvalidConfig, kCorruptData, else kIo.
  virtual SqlFailure Classify(const soci::soci_error& error) const = 0;
};

/// For tests: how long SQLite waits for another process's lock.
inline constexpr int kSqliteBusyTimeoutSeconds = 10;

std::unique_ptr<SqlDialect> MakeSqliteDialect(
    SqlAddress address, int busy_timeout_seconds = kSqliteBusyTimeoutSeconds);
std::unique_ptr<SqlDialect> MakePostgresqlDialect(SqlAddress address);
std::unique_ptr<SqlDialect> MakeMysqlDialect(SqlAddress address);
std::unique_ptr<SqlDialect> MakeSqlDialect(SqlAddress address);

}  // namespace floe::iceberg
