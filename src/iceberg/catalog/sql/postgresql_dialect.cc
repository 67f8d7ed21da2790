#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include "base/error.h"
#include "iceberg/catalog/sql/server_message.h"
#include "iceberg/catalog/sql/sql_dialect.h"

namespace floe::iceberg {
namespace {

constexpr size_t kMaxSessions = 4;
constexpr char kConnectTimeoutSeconds[] = "10";
/// A peer that vanished without a word is noticed after so long.
constexpr char kTcpUserTimeoutMs[] = "30000";
/// No statement of a catalog takes longer unless something holds its tables locked.
constexpr char kStatementTimeout[] = "SET statement_timeout = '30s'";

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

class PostgresqlDialect final : public SqlDialect {
 public:
  explicit PostgresqlDialect(SqlAddress address) : address_(std::move(address)) {}

  std::string Describe() const override {
    return "PostgreSQL catalog " + address_.ToString();
  }
  const soci::backend_factory& factory() const override {
    return *soci::factory_postgresql();
  }
  arrow::Result<std::string> ConnectString() const override;
  std::vector<std::string> SessionSetup() const override {
    // Who gives options of the session is trusted to have meant what is left out.
    if (address_.options.count("options") > 0) return {};
    return {kStatementTimeout};
  }
  std::string BeginTransaction() const override { return "BEGIN"; }
  std::string LockRows() const override { return " FOR UPDATE"; }
  std::string Equals(const std::string& column,
                     const std::string& parameter) const override {
    return column + " = " + parameter;
  }
  std::string ColumnsQuery() const override {
    return "SELECT CAST(attname AS VARCHAR(255)) FROM pg_attribute WHERE attrelid = "
           "to_regclass('iceberg_tables') AND attnum > 0 AND NOT attisdropped AND "
           "to_regclass('iceberg_namespace_properties') IS NOT NULL";
  }
  std::string TableOptions() const override { return ""; }
  size_t max_sessions() const override { return kMaxSessions; }
  SqlFailure Classify(const soci::soci_error& error) const override;

 private:
  SqlFailure ClassifyConnect(const std::string& message) const;

  SqlAddress address_;
};

arrow::Result<std::string> PostgresqlDialect::ConnectString() const {
  std::map<std::string, std::string> options = address_.options;
  options.emplace("connect_timeout", kConnectTimeoutSeconds);
  options.emplace("tcp_user_timeout", kTcpUserTimeoutMs);
  options.emplace("fallback_application_name", "floe");
  options.emplace("client_encoding", "UTF8");
  options["dbname"] = address_.database;
  if (!address_.host.empty()) options["host"] = address_.host;
  if (!address_.port.empty()) options["port"] = address_.port;
  if (!address_.user.empty()) options["user"] = address_.user;
  if (!address_.password.empty()) options["password"] = address_.password;
  return ConnectOptions(options);
}

/// SOCI gives no code with a failed connection, and libpq none but for its words; those
/// looked for are longer than what a host may be called.
SqlFailure PostgresqlDialect::ClassifyConnect(const std::string& message) const {
  if (Contains(message, "authentication failed") ||
      Contains(message, "no password supplied") ||
      Contains(message, "no pg_hba.conf entry") || Contains(message, "role \"")) {
    return {SqlFailureKind::kOther,
            MakeError(ErrorCode::kNotAuthorized,
                      "{} refuses the login ({}): correct the user and password in "
                      "`uri`, or let the server's pg_hba.conf admit them",
                      Describe(), message)};
  }
  if (Contains(message, "\" does not exist") || Contains(message, "invalid sslmode") ||
      Contains(message, "invalid port") || Contains(message, "invalid integer value") ||
      Contains(message, "root certificate file")) {
    return {SqlFailureKind::kOther,
            MakeError(ErrorCode::kInvalidConfig,
                      "{} cannot be opened ({}): correct `uri`", Describe(), message)};
  }
  return {SqlFailureKind::kConnectionLost,
          MakeError(ErrorCode::kServiceUnavailable,
                    "{} cannot be reached ({}): check host and port in `uri`, and that "
                    "the server runs",
                    Describe(), message)};
}

/// Codes: PostgreSQL's documentation, appendix A.
SqlFailure PostgresqlDialect::Classify(const soci::soci_error& error) const {
  const std::string message = ServerMessage(error.get_error_message(), address_.password);
  auto* coded = dynamic_cast<const soci::postgresql_soci_error*>(&error);
  if (coded == nullptr) return ClassifyConnect(message);
  const std::string state = coded->sqlstate();
  // 57P01..03: shut down by the administrator, crashed, starting up.
  if (state.starts_with("08") || state.starts_with("57P") || state == "     ") {
    return {SqlFailureKind::kConnectionLost,
            MakeError(ErrorCode::kServiceUnavailable, "{}: the connection broke ({})",
                      Describe(), message)};
  }
  if (state == "40001" || state == "40P01") {
    return {SqlFailureKind::kRolledBack,
            MakeError(ErrorCode::kServiceUnavailable,
                      "{} undid the change in favour of another ({}): try again",
                      Describe(), message)};
  }
  if (state == "55P03" || state == "57014" || state.starts_with("53")) {
    return {SqlFailureKind::kOther,
            MakeError(ErrorCode::kServiceUnavailable,
                      "{} is too busy or its tables stayed locked; nothing was changed, "
                      "try again ({})",
                      Describe(), message)};
  }
  if (state == "23505" || state == "42P07") {
    return {SqlFailureKind::kOther,
            MakeError(ErrorCode::kAlreadyExists, "{}: {}", Describe(), message)};
  }
  if (state == "42501" || state == "25006") {
    return {SqlFailureKind::kOther,
            MakeError(ErrorCode::kNotAuthorized,
                      "{}: {}. Grant the user SELECT, INSERT, UPDATE and DELETE on "
                      "iceberg_tables and iceberg_namespace_properties, and CREATE on "
                      "the schema where they are to be created; write to the primary",
                      Describe(), message)};
  }
  return {SqlFailureKind::kOther,
          MakeError(ErrorCode::kIo, "{}: {}", Describe(), message)};
}

}  // namespace

std::unique_ptr<SqlDialect> MakePostgresqlDialect(SqlAddress address) {
  return std::make_unique<PostgresqlDialect>(std::move(address));
}

}  // namespace floe::iceberg
