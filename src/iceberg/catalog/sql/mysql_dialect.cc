#include <mysqld_error.h>
#include <soci/mysql/soci-mysql.h>
#include <soci/soci.h>

#include "base/error.h"
#include "iceberg/catalog/sql/server_message.h"
#include "iceberg/catalog/sql/sql_dialect.h"

namespace floe::iceberg {
namespace {

constexpr size_t kMaxSessions = 4;
constexpr char kConnectTimeoutSeconds[] = "10";
/// Above how long a statement may wait for a lock, so that the server answers first.
constexpr char kReadTimeoutSeconds[] = "30";
/// MySQL reads "localhost" as its socket, which PyMySQL and Java do not.
constexpr char kLoopback[] = "127.0.0.1";

class MysqlDialect final : public SqlDialect {
 public:
  explicit MysqlDialect(SqlAddress address) : address_(std::move(address)) {}

  std::string Describe() const override { return "MySQL catalog " + address_.ToString(); }
  const soci::backend_factory& factory() const override { return *soci::factory_mysql(); }
  arrow::Result<std::string> ConnectString() const override;
  std::vector<std::string> SessionSetup() const override {
    // Backslashes are escaped by SOCI as the server's default mode reads them.
    return {
        "SET SESSION innodb_lock_wait_timeout = 10, lock_wait_timeout = 10, "
        "autocommit = 1"};
  }
  std::string BeginTransaction() const override { return "START TRANSACTION"; }
  std::string LockRows() const override { return " FOR UPDATE"; }
  // Its usual collations hold 'T' and 't' for equal; the first test finds the index.
  std::string Equals(const std::string& column,
                     const std::string& parameter) const override {
    return fmt::format("{0} = {1} AND {0} = {1} COLLATE utf8mb4_bin", column, parameter);
  }
  std::string ColumnsQuery() const override {
    return "SELECT CAST(column_name AS CHAR(255)) FROM information_schema.columns WHERE "
           "table_schema = DATABASE() AND table_name = 'iceberg_tables' AND EXISTS "
           "(SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND "
           "table_name = 'iceberg_namespace_properties')";
  }
  // Without transactions a commit could be seen half done.
  std::string TableOptions() const override {
    return " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
  }
  size_t max_sessions() const override { return kMaxSessions; }
  SqlFailure Classify(const soci::soci_error& error) const override;

 private:
  SqlFailure Other(ErrorCode code, const std::string& message,
                   const std::string& remedy) const {
    return {SqlFailureKind::kOther,
            MakeError(code, "{}: {}{}", Describe(), message, remedy)};
  }

  SqlAddress address_;
};

arrow::Result<std::string> MysqlDialect::ConnectString() const {
  std::map<std::string, std::string> options = address_.options;
  options.emplace("connect_timeout", kConnectTimeoutSeconds);
  options.emplace("read_timeout", kReadTimeoutSeconds);
  options.emplace("write_timeout", kReadTimeoutSeconds);
  options["charset"] = "utf8mb4";
  options["db"] = address_.database;
  if (options.count("unix_socket") == 0) {
    bool is_local = address_.host.empty() || address_.host == "localhost";
    options["host"] = is_local ? kLoopback : address_.host;
  }
  if (!address_.port.empty()) options["port"] = address_.port;
  if (!address_.user.empty()) options["user"] = address_.user;
  if (!address_.password.empty()) options["password"] = address_.password;
  if (options.count("sslca") == 0 &&
      (options.count("sslcert") > 0 || options.count("sslkey") > 0)) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "{}: ssl_cert and ssl_key need ssl_ca too, the authority that "
                     "signed the server's certificate",
                     Describe());
  }
  return ConnectOptions(options);
}

SqlFailure MysqlDialect::Classify(const soci::soci_error& error) const {
  const std::string message = ServerMessage(error.get_error_message(), address_.password);
  auto* coded = dynamic_cast<const soci::mysql_soci_error*>(&error);
  switch (coded == nullptr ? 0 : coded->err_num_) {
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case ER_SERVER_SHUTDOWN:
    case ER_CONNECTION_KILLED:
    case ER_NORMAL_SHUTDOWN:
      return {SqlFailureKind::kConnectionLost,
              MakeError(ErrorCode::kServiceUnavailable,
                        "{} cannot be reached ({}): check host and port in `uri`, and "
                        "that the server runs",
                        Describe(), message)};
    case ER_LOCK_DEADLOCK:
      return {SqlFailureKind::kRolledBack,
              MakeError(ErrorCode::kServiceUnavailable,
                        "{} undid the change in favour of another ({}): try again",
                        Describe(), message)};
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
      return Other(ErrorCode::kServiceUnavailable, message,
                   "; nothing was changed, try again");
    case ER_DUP_ENTRY:
    case ER_TABLE_EXISTS_ERROR:
      return Other(ErrorCode::kAlreadyExists, message, "");
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
    case ER_OPTION_PREVENTS_STATEMENT:
      return Other(ErrorCode::kNotAuthorized, message,
                   ". Correct the user and password in `uri`, or grant the user SELECT, "
                   "INSERT, UPDATE, DELETE and CREATE on the database");
    case ER_BAD_DB_ERROR:
      return Other(ErrorCode::kInvalidConfig, message,
                   ". Create the database or correct `uri`");
    case CR_SSL_CONNECTION_ERROR:
      return Other(ErrorCode::kInvalidConfig, message, ". Correct ssl_ca in `uri`");
    default:
      return Other(ErrorCode::kIo, message, "");
  }
}

}  // namespace

std::unique_ptr<SqlDialect> MakeMysqlDialect(SqlAddress address) {
  return std::make_unique<MysqlDialect>(std::move(address));
}

}  // namespace floe::iceberg
