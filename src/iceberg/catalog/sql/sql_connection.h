#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/sql/sql_dialect.h"

namespace soci {
class session;
}

namespace floe::iceberg {

/// One database through SOCI: a few sessions, opened as threads need them and kept. A
/// session that broke (a restarted server, an idle connection that was cut) is replaced
/// and its work done again wherever that is safe. SOCI's exceptions end here, as the
/// Status of SqlDialect::Classify, and kCommitStateUnknown where only a commit's answer
/// was lost. Every statement sent counts as RequestKind::kCatalog. Thread-safe.
class SqlConnection {
 public:
  /// How long a thread waits for one of the sessions others are using.
  static constexpr int64_t kMaxSessionWaitMs = 60'000;
  /// How often work that the server undid, or never saw, is begun.
  static constexpr int kMaxTries = 3;

  using Row = std::vector<std::optional<std::string>>;

  struct Statement {
    std::string sql;
    /// For :p0, :p1, ...; kInvalidArgument when one holds a NUL.
    std::vector<std::string> parameters;
  };

  /// Connects once, so that a wrong address shows at once.
  static arrow::Result<std::unique_ptr<SqlConnection>> Open(
      std::unique_ptr<SqlDialect> dialect);
  ~SqlConnection();

  /// All rows of a query over text columns.
  arrow::Result<std::vector<Row>> Query(const Statement& query);

  /// The same, once every transaction that changes those rows has ended.
  arrow::Result<std::vector<Row>> QueryLocked(Statement query);

  /// Runs statements in one transaction and returns how many rows the last one changed
  /// (on MySQL: rows whose values became others).
  arrow::Result<int64_t> Execute(const std::vector<Statement>& statements);

  const SqlDialect& dialect() const { return *dialect_; }

 private:
  struct Session;
  class Lease;

  explicit SqlConnection(std::unique_ptr<SqlDialect> dialect);

  /// A session of one's own: an idle one, or a new one.
  arrow::Result<std::unique_ptr<Session>> Acquire();
  arrow::Result<std::unique_ptr<Session>> Connect();
  void Release(std::unique_ptr<Session> session);

  template <typename Body>
  SqlFailure Guard(const Body& body) const;
  /// Runs `body(session)` until it succeeds, may not be repeated, or kMaxTries is used
  /// up.
  template <typename Body>
  arrow::Status WithSession(const Body& body);
  SqlFailure RunTransaction(soci::session& session,
                            const std::vector<Statement>& statements, int64_t* changed,
                            std::vector<Row>* rows);
  SqlFailure RunStatement(soci::session& session, const Statement& statement,
                          int64_t* changed, std::vector<Row>* rows);

  std::unique_ptr<SqlDialect> dialect_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<Session>> idle_;
  size_t open_sessions_ = 0;
};

}  // namespace floe::iceberg
