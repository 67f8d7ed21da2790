#include "iceberg/catalog/sql/sql_connection.h"

#include <soci/soci.h>

#include <chrono>

#include "base/error.h"
#include "base/request_counters.h"

namespace floe::iceberg {
namespace {

/// Names of the parameters, which must live as long as the statement uses them.
std::vector<std::string> ParameterNames(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("p{}", i));
  return names;
}

SqlConnection::Row ReadRow(const soci::row& row) {
  SqlConnection::Row values;
  for (size_t i = 0; i < row.size(); ++i) {
    bool is_null = row.get_indicator(i) == soci::i_null;
    values.push_back(is_null ? std::nullopt
                             : std::optional<std::string>(row.get<std::string>(i)));
  }
  return values;
}

/// The client libraries take C strings.
arrow::Status CheckParameters(const std::vector<SqlConnection::Statement>& statements) {
  for (const auto& statement : statements) {
    for (const std::string& parameter : statement.parameters) {
      if (parameter.find('\0') == std::string::npos) continue;
      return MakeError(ErrorCode::kInvalidArgument,
                       "a name or value for a SQL catalog holds a NUL character");
    }
  }
  return arrow::Status::OK();
}

SqlFailure Succeeded() { return {SqlFailureKind::kOther, arrow::Status::OK()}; }

}  // namespace

struct SqlConnection::Session {
  Session(const soci::backend_factory& factory, const std::string& connect)
      : soci(factory, connect) {}
  soci::session soci;
};

/// Counts the session as closed unless it is given back.
class SqlConnection::Lease {
 public:
  Lease(SqlConnection* owner, std::unique_ptr<Session> session)
      : owner_(owner), session_(std::move(session)) {}
  ~Lease() { owner_->Release(std::move(session_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  soci::session& soci() { return session_->soci; }
  void Discard() { session_.reset(); }

 private:
  SqlConnection* owner_;
  std::unique_ptr<Session> session_;
};

SqlConnection::SqlConnection(std::unique_ptr<SqlDialect> dialect)
    : dialect_(std::move(dialect)) {}

SqlConnection::~SqlConnection() = default;

arrow::Result<std::unique_ptr<SqlConnection>> SqlConnection::Open(
    std::unique_ptr<SqlDialect> dialect) {
  std::unique_ptr<SqlConnection> connection(new SqlConnection(std::move(dialect)));
  ARROW_ASSIGN_OR_RAISE(auto session, connection->Acquire());
  connection->Release(std::move(session));
  return connection;
}

/// Runs `body`, turning what SOCI throws into a failure.
template <typename Body>
SqlFailure SqlConnection::Guard(const Body& body) const {
  try {
    body();
    return Succeeded();
  } catch (const soci::soci_error& error) {
    return dialect_->Classify(error);
  }
}

arrow::Result<std::unique_ptr<SqlConnection::Session>> SqlConnection::Connect() {
  ARROW_ASSIGN_OR_RAISE(const std::string connect, dialect_->ConnectString());
  std::unique_ptr<Session> session;
  SqlFailure failure = Guard([&] {
    session = std::make_unique<Session>(dialect_->factory(), connect);
    for (const std::string& sql : dialect_->SessionSetup()) session->soci.once << sql;
  });
  ARROW_RETURN_NOT_OK(failure.status);
  return session;
}

arrow::Result<std::unique_ptr<SqlConnection::Session>> SqlConnection::Acquire() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    bool is_free = released_.wait_for(
        lock, std::chrono::milliseconds(kMaxSessionWaitMs),
        [&] { return !idle_.empty() || open_sessions_ < dialect_->max_sessions(); });
    if (!is_free) {
      return MakeError(ErrorCode::kServiceUnavailable,
                       "{}: all {} connections stayed in use for {} s; try again",
                       dialect_->Describe(), dialect_->max_sessions(),
                       kMaxSessionWaitMs / 1000);
    }
    if (!idle_.empty()) {
      std::unique_ptr<Session> session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
    ++open_sessions_;
  }
  auto session = Connect();
  if (!session.ok()) Release(nullptr);
  return session;
}

void SqlConnection::Release(std::unique_ptr<Session> session) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (session == nullptr) {
      --open_sessions_;
    } else {
      idle_.push_back(std::move(session));
    }
  }
  released_.notify_one();
}

template <typename Body>
arrow::Status SqlConnection::WithSession(const Body& body) {
  for (int tries = 1;; ++tries) {
    ARROW_ASSIGN_OR_RAISE(auto session, Acquire());
    Lease lease(this, std::move(session));
    SqlFailure failure = body(lease.soci());
    if (failure.status.ok()) return failure.status;
    if (failure.kind == SqlFailureKind::kConnectionLost) {
      lease.Discard();
      // The others were cut with it, most likely: do not try each in turn.
      std::unique_lock<std::mutex> lock(mutex_);
      open_sessions_ -= idle_.size();
      idle_.clear();
    }
    bool is_final = failure.kind == SqlFailureKind::kOther || tries == kMaxTries ||
                    IsError(failure.status, ErrorCode::kCommitStateUnknown);
    if (is_final) return failure.status;
    CountRetry();
  }
}

SqlFailure SqlConnection::RunStatement(soci::session& session, const Statement& statement,
                                       int64_t* changed, std::vector<Row>* rows) {
  CountRequest(RequestKind::kCatalog);
  return Guard([&] {
    std::vector<std::string> names = ParameterNames(statement.parameters.size());
    soci::row row;
    soci::statement soci(session);
    for (size_t i = 0; i < names.size(); ++i) {
      soci.exchange(soci::use(statement.parameters[i], names[i]));
    }
    if (rows != nullptr) soci.exchange(soci::into(row));
    soci.alloc();
    // Sent in one piece and forgotten: connection poolers lose prepared statements.
    soci.prepare(statement.sql, soci::details::st_one_time_query);
    soci.define_and_bind();
    soci.execute(rows == nullptr);
    *changed = soci.get_affected_rows();
    while (rows != nullptr && soci.fetch()) rows->push_back(ReadRow(row));
  });
}

SqlFailure SqlConnection::RunTransaction(soci::session& session,
                                         const std::vector<Statement>& statements,
                                         int64_t* changed, std::vector<Row>* rows) {
  SqlFailure failure = Guard([&] { session.once << dialect_->BeginTransaction(); });
  if (!failure.status.ok()) return failure;
  auto roll_back = [&] {
    // A session that cannot even do this is found broken at its next use.
    static_cast<void>(Guard([&] { session.once << "ROLLBACK"; }));
  };
  for (const Statement& statement : statements) {
    failure = RunStatement(session, statement, changed, rows);
    if (failure.status.ok()) continue;
    if (failure.kind != SqlFailureKind::kConnectionLost) roll_back();
    return failure;
  }
  failure = Guard([&] { session.once << "COMMIT"; });
  if (failure.status.ok()) return failure;
  if (failure.kind == SqlFailureKind::kRolledBack) return failure;
  roll_back();
  // SQLite's waiting readers make COMMIT fail cleanly; after any other failure only a
  // look at the rows tells.
  bool is_clean = failure.kind == SqlFailureKind::kOther &&
                  IsError(failure.status, ErrorCode::kServiceUnavailable);
  if (is_clean) return failure;
  failure.status =
      MakeError(ErrorCode::kCommitStateUnknown, "the outcome of a commit is unknown: {}",
                ErrorText(failure.status));
  return failure;
}

arrow::Result<std::vector<SqlConnection::Row>> SqlConnection::Query(
    const Statement& query) {
  ARROW_RETURN_NOT_OK(CheckParameters({query}));
  std::vector<Row> rows;
  ARROW_RETURN_NOT_OK(WithSession([&](soci::session& session) {
    rows.clear();
    int64_t unused = 0;
    return RunStatement(session, query, &unused, &rows);
  }));
  return rows;
}

arrow::Result<std::vector<SqlConnection::Row>> SqlConnection::QueryLocked(
    Statement query) {
  query.sql += dialect_->LockRows();
  ARROW_RETURN_NOT_OK(CheckParameters({query}));
  std::vector<Row> rows;
  ARROW_RETURN_NOT_OK(WithSession([&](soci::session& session) {
    rows.clear();
    int64_t unused = 0;
    return RunTransaction(session, {query}, &unused, &rows);
  }));
  return rows;
}

arrow::Result<int64_t> SqlConnection::Execute(const std::vector<Statement>& statements) {
  ARROW_RETURN_NOT_OK(CheckParameters(statements));
  int64_t changed = 0;
  ARROW_RETURN_NOT_OK(WithSession([&](soci::session& session) {
    return RunTransaction(session, statements, &changed, nullptr);
  }));
  return changed;
}

std::unique_ptr<SqlDialect> MakeSqlDialect(SqlAddress address) {
  switch (address.engine) {
    case SqlEngine::kPostgresql:
      return MakePostgresqlDialect(std::move(address));
    case SqlEngine::kMysql:
      return MakeMysqlDialect(std::move(address));
    case SqlEngine::kSqlite:
      break;
  }
  return MakeSqliteDialect(std::move(address));
}

}  // namespace floe::iceberg
