#include "iceberg/catalog/sql/sqlite_connection.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>

#include "base/error.h"

namespace floe::iceberg {
namespace {

constexpr std::string_view kSqlAlchemyPrefix = "sqlite:///";
constexpr std::string_view kJdbcPrefix = "jdbc:sqlite:";
/// SQLite keeps the primary result code in the low byte of an extended one.
constexpr int kPrimaryCodeMask = 0xff;

arrow::Status FromSqliteCode(int code, const std::string& path, const char* message) {
  switch (code & kPrimaryCodeMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return MakeError(ErrorCode::kServiceUnavailable,
                       "SQLite catalog {} stayed locked by another process; nothing was "
                       "changed, try again",
                       path);
    case SQLITE_CONSTRAINT:
      return MakeError(ErrorCode::kAlreadyExists, "SQLite catalog {}: {}", path, message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return MakeError(ErrorCode::kNotAuthorized,
                       "SQLite catalog {} cannot be written ({}): make the file and its "
                       "folder writable, or point `uri` elsewhere",
                       path, message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return MakeError(ErrorCode::kCorruptData,
                       "{} is not a readable SQLite database ({})", path, message);
    default:
      return MakeError(ErrorCode::kIo, "SQLite catalog {}: {}", path, message);
  }
}

/// Runs `body`, turning what SOCI throws into a Status.
template <typename Body>
arrow::Status Guard(const std::string& path, const Body& body) {
  try {
    body();
    return arrow::Status::OK();
  } catch (const soci::sqlite3_soci_error& error) {
    return FromSqliteCode(error.result(), path, error.what());
  } catch (const soci::soci_error& error) {
    return MakeError(ErrorCode::kIo, "SQLite catalog {}: {}", path, error.what());
  }
}

/// Names of the parameters, which must live as long as the statement uses them.
std::vector<std::string> ParameterNames(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("p{}", i));
  return names;
}

void Bind(soci::statement& statement, const std::vector<std::string>& names,
          const std::vector<std::string>& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    statement.exchange(soci::use(parameters[i], names[i]));
  }
}

SqliteConnection::Row ReadRow(const soci::row& row) {
  SqliteConnection::Row values;
  for (size_t i = 0; i < row.size(); ++i) {
    bool is_null = row.get_indicator(i) == soci::i_null;
    values.push_back(is_null ? std::nullopt
                             : std::optional<std::string>(row.get<std::string>(i)));
  }
  return values;
}

}  // namespace

arrow::Result<std::string> SqliteConnection::PathOfUri(const std::string& uri) {
  std::string path;
  if (uri.starts_with(kSqlAlchemyPrefix)) {
    path = uri.substr(kSqlAlchemyPrefix.size());
  } else if (uri.starts_with(kJdbcPrefix)) {
    path = uri.substr(kJdbcPrefix.size());
    if (path.starts_with("file:")) path = path.substr(std::string_view("file:").size());
  } else if (uri.empty()) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "catalog_type sql needs `uri`, e.g. sqlite:////data/catalog.db");
  } else {
    size_t colon = uri.find("://");
    return MakeError(ErrorCode::kNotSupported,
                     "the SQL catalog of this build speaks SQLite, not '{}': use "
                     "sqlite:///relative.db or sqlite:////absolute.db",
                     uri.substr(0, colon));
  }
  path = path.substr(0, path.find('?'));
  if (path.empty() || path.find('"') != std::string::npos) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "catalog uri '{}' names no usable file: expected "
                     "sqlite:///relative.db or sqlite:////absolute.db",
                     uri);
  }
  return path;
}

arrow::Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(
    const std::string& path, int busy_timeout_seconds) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path));
  ARROW_RETURN_NOT_OK(connection->Connect(busy_timeout_seconds));
  return connection;
}

SqliteConnection::SqliteConnection(std::string path) : path_(std::move(path)) {}

SqliteConnection::~SqliteConnection() = default;

arrow::Status SqliteConnection::Connect(int busy_timeout_seconds) {
  std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  std::error_code error;
  bool is_missing = !folder.empty() && !std::filesystem::exists(folder, error);
  if (is_missing && !error) {
    return MakeError(
        ErrorCode::kInvalidConfig,
        "cannot open the SQLite catalog {}: folder {} does not exist; create "
        "it or correct `uri`",
        path_, folder.string());
  }
  std::string settings = fmt::format("dbname=\"{}\" timeout={} synchronous=full", path_,
                                     busy_timeout_seconds);
  return Guard(path_, [&] {
    session_ = std::make_unique<soci::session>(*soci::factory_sqlite3(), settings);
  });
}

arrow::Result<std::vector<SqliteConnection::Row>> SqliteConnection::Query(
    const std::string& sql, const std::vector<std::string>& parameters) {
  std::unique_lock<std::mutex> lock(mutex_);
  std::vector<Row> rows;
  ARROW_RETURN_NOT_OK(Guard(path_, [&] {
    std::vector<std::string> names = ParameterNames(parameters.size());
    soci::row row;
    soci::statement statement(*session_);
    Bind(statement, names, parameters);
    statement.exchange(soci::into(row));
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    statement.execute();
    while (statement.fetch()) rows.push_back(ReadRow(row));
  }));
  return rows;
}

arrow::Result<int64_t> SqliteConnection::RunAll(
    const std::vector<Statement>& statements) {
  int64_t changed = 0;
  // Taking the write lock at once lets SQLite wait for it; a lock upgraded later fails.
  ARROW_RETURN_NOT_OK(Guard(path_, [&] { session_->once << "BEGIN IMMEDIATE"; }));
  for (const Statement& one : statements) {
    arrow::Status status = Guard(path_, [&] {
      std::vector<std::string> names = ParameterNames(one.parameters.size());
      soci::statement statement(*session_);
      Bind(statement, names, one.parameters);
      statement.alloc();
      statement.prepare(one.sql);
      statement.define_and_bind();
      statement.execute(true);
      changed = statement.get_affected_rows();
    });
    if (!status.ok()) {
      Rollback();
      return status;
    }
  }
  return changed;
}

arrow::Result<int64_t> SqliteConnection::Execute(
    const std::vector<Statement>& statements) {
  std::unique_lock<std::mutex> lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(int64_t changed, RunAll(statements));
  ARROW_RETURN_NOT_OK(Commit());
  return changed;
}

arrow::Status SqliteConnection::Commit() {
  arrow::Status status = Guard(path_, [&] { session_->once << "COMMIT"; });
  if (status.ok()) return status;
  Rollback();
  // Waiting readers make COMMIT fail cleanly; after any other failure the journal
  // decides.
  if (IsError(status, ErrorCode::kServiceUnavailable)) return status;
  return MakeError(ErrorCode::kCommitStateUnknown,
                   "the outcome of a commit is unknown: {}", ErrorText(status));
}

void SqliteConnection::Rollback() {
  static_cast<void>(Guard(path_, [&] { session_->once << "ROLLBACK"; }));
}

}  // namespace floe::iceberg
