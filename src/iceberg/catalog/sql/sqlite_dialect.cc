#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>

#include "base/error.h"
#include "iceberg/catalog/sql/sql_dialect.h"

namespace floe::iceberg {
namespace {

/// SQLite keeps the primary result code in the low byte of an extended one.
constexpr int kPrimaryCodeMask = 0xff;

class SqliteDialect final : public SqlDialect {
 public:
  SqliteDialect(std::string path, int busy_timeout_seconds)
      : path_(std::move(path)), busy_timeout_seconds_(busy_timeout_seconds) {}

  std::string Describe() const override { return "SQLite catalog " + path_; }
  const soci::backend_factory& factory() const override {
    return *soci::factory_sqlite3();
  }
  arrow::Result<std::string> ConnectString() const override;
  // SOCI runs the `synchronous` of a connect string before it sets the timeout, so that
  // it fails at once beside another process's commit; here it waits like any statement.
  std::vector<std::string> SessionSetup() const override {
    return {"PRAGMA synchronous = FULL"};
  }
  // Taking the write lock at once lets SQLite wait for it; a lock upgraded later fails.
  std::string BeginTransaction() const override { return "BEGIN IMMEDIATE"; }
  std::string LockRows() const override { return ""; }
  std::string Equals(const std::string& column,
                     const std::string& parameter) const override {
    return column + " = " + parameter;
  }
  std::string ColumnsQuery() const override {
    return "SELECT name FROM pragma_table_info('iceberg_tables') WHERE (SELECT count(*) "
           "FROM sqlite_master WHERE type IN ('table', 'view') AND name IN "
           "('iceberg_tables', 'iceberg_namespace_properties')) = 2";
  }
  std::string TableOptions() const override { return ""; }
  // A file has one writer at a time; a second connection would only wait.
  size_t max_sessions() const override { return 1; }
  SqlFailure Classify(const soci::soci_error& error) const override;

 private:
  std::string path_;
  int busy_timeout_seconds_;
};

arrow::Result<std::string> SqliteDialect::ConnectString() const {
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
  return fmt::format("dbname=\"{}\" timeout={}", path_, busy_timeout_seconds_);
}

SqlFailure SqliteDialect::Classify(const soci::soci_error& error) const {
  const std::string message = error.get_error_message();
  auto* coded = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  int code = coded == nullptr ? SQLITE_ERROR : coded->result() & kPrimaryCodeMask;
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {SqlFailureKind::kOther,
              MakeError(ErrorCode::kServiceUnavailable,
                        "{} stayed locked by another process; nothing was changed, try "
                        "again",
                        Describe())};
    case SQLITE_CONSTRAINT:
      return {SqlFailureKind::kOther,
              MakeError(ErrorCode::kAlreadyExists, "{}: {}", Describe(), message)};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {SqlFailureKind::kOther,
              MakeError(ErrorCode::kNotAuthorized,
                        "{} cannot be written ({}): make the file and its folder "
                        "writable, or point `uri` elsewhere",
                        Describe(), message)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {SqlFailureKind::kOther,
              MakeError(ErrorCode::kCorruptData,
                        "{} is not a readable SQLite database ({})", path_, message)};
    default:
      return {SqlFailureKind::kOther,
              MakeError(ErrorCode::kIo, "{}: {}", Describe(), message)};
  }
}

}  // namespace

std::unique_ptr<SqlDialect> MakeSqliteDialect(SqlAddress address,
                                              int busy_timeout_seconds) {
  return std::make_unique<SqliteDialect>(std::move(address.path), busy_timeout_seconds);
}

}  // namespace floe::iceberg
