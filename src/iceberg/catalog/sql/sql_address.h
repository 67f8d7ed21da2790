#pragma once

#include <map>
#include <string>

#include "arrow/result.h"

namespace floe::iceberg {

enum class SqlEngine { kSqlite, kPostgresql, kMysql };

/// Where a catalog's database is and who asks, as its `uri` says.
struct SqlAddress {
  SqlEngine engine = SqlEngine::kSqlite;
  std::string path;  ///< SQLite's file; the rest is of servers.
  std::string host;
  std::string port;
  std::string user;
  std::string password;
  std::string database;
  /// By the names the client library has, e.g. "sslmode", "connect_timeout" (seconds).
  std::map<std::string, std::string> options;

  /// For messages: which database, never with a password.
  std::string ToString() const;
};

/// Reads `uri` as users of PyIceberg (SQLAlchemy) and of Java write it:
/// "sqlite:///relative.db", "sqlite:////absolute.db", "postgresql://user:password@host:
/// 5432/database?sslmode=require", "mysql://...", "mariadb://...", each also with a
/// driver
/// ("postgresql+psycopg2://", "mysql+pymysql://") which is passed over, and
/// "jdbc:sqlite:path", "jdbc:postgresql://...", "jdbc:mysql://...", "jdbc:mariadb://...".
/// User, password, database and options are percent-decoded. `properties` may hold
/// "jdbc.user" and "jdbc.password". kInvalidConfig and kNotSupported say what is wrong
/// and never repeat a password.
arrow::Result<SqlAddress> ParseSqlAddress(
    const std::string& uri, const std::map<std::string, std::string>& properties);

}  // namespace floe::iceberg
