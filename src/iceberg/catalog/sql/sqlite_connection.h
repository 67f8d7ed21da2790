#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"

namespace soci {
class session;
}

namespace floe::iceberg {

/// One SQLite database through SOCI, with its exceptions as Status: kAlreadyExists for a
/// broken unique key, kServiceUnavailable when it stays locked, kNotAuthorized when it
/// cannot be written, kCommitStateUnknown when a commit's outcome is unknown,
/// kCorruptData for a file that is no database, kIo otherwise; each names the database.
/// Thread-safe: statements run one at a time.
class SqliteConnection {
 public:
  /// How long a statement waits for another process's lock.
  static constexpr int kBusyTimeoutSeconds = 10;

  using Row = std::vector<std::optional<std::string>>;

  /// The path of "sqlite:///p", "sqlite:////abs" or "jdbc:sqlite:p"; kInvalidConfig or
  /// kNotSupported otherwise.
  static arrow::Result<std::string> PathOfUri(const std::string& uri);

  /// Opens or creates the database file.
  static arrow::Result<std::unique_ptr<SqliteConnection>> Open(
      const std::string& path, int busy_timeout_seconds = kBusyTimeoutSeconds);
  ~SqliteConnection();

  /// All rows of a query over text columns. Parameters are :p0, :p1, ...
  arrow::Result<std::vector<Row>> Query(const std::string& sql,
                                        const std::vector<std::string>& parameters);

  struct Statement {
    std::string sql;
    std::vector<std::string> parameters;
  };

  /// Runs statements in one transaction and returns how many rows the last one changed.
  arrow::Result<int64_t> Execute(const std::vector<Statement>& statements);

  const std::string& path() const { return path_; }

 private:
  explicit SqliteConnection(std::string path);

  arrow::Status Connect(int busy_timeout_seconds);
  arrow::Result<int64_t> RunAll(const std::vector<Statement>& statements);
  arrow::Status Commit();
  void Rollback();

  std::string path_;
  std::mutex mutex_;
  std::unique_ptr<soci::session> session_;
};

}  // namespace floe::iceberg
