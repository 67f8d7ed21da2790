#include "iceberg/catalog/sql/sql_address.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace floe::iceberg {
namespace {

constexpr char kForms[] =
    "sqlite:////absolute.db, postgresql://user:password@host:5432/database or "
    "mysql://user:password@host:3306/database";
constexpr std::string_view kJdbc = "jdbc:";
constexpr int kMillisPerSecond = 1000;

/// What becomes of an option of a uri.
enum class OptionUse {
  kPass,      ///< Given to the client library under `name`.
  kUser,      ///< The user's name.
  kPassword,  ///< The password.
  kMillis,    ///< As kPass, from milliseconds to seconds.
  kHost,      ///< The host, or the folder of a socket.
  kPort,
  kSchema,   ///< The schema whose tables are the catalog's.
  kTls,      ///< A switch that asks for TLS.
  kNothing,  ///< Describes a driver that is not here; changes no answer.
};

struct OptionRule {
  const char* written;
  OptionUse use;
  const char* name;
};

/// Of libpq ("Parameter Key Words"), SQLAlchemy's drivers and pgjdbc.
constexpr OptionRule kPostgresqlOptions[] = {
    {"sslmode", OptionUse::kPass, "sslmode"},
    {"sslrootcert", OptionUse::kPass, "sslrootcert"},
    {"sslcert", OptionUse::kPass, "sslcert"},
    {"sslkey", OptionUse::kPass, "sslkey"},
    {"sslpassword", OptionUse::kPass, "sslpassword"},
    {"sslcrl", OptionUse::kPass, "sslcrl"},
    {"ssl_min_protocol_version", OptionUse::kPass, "ssl_min_protocol_version"},
    {"channel_binding", OptionUse::kPass, "channel_binding"},
    {"gssencmode", OptionUse::kPass, "gssencmode"},
    {"krbsrvname", OptionUse::kPass, "krbsrvname"},
    {"passfile", OptionUse::kPass, "passfile"},
    {"service", OptionUse::kPass, "service"},
    {"connect_timeout", OptionUse::kPass, "connect_timeout"},
    {"connectTimeout", OptionUse::kPass, "connect_timeout"},
    {"loginTimeout", OptionUse::kPass, "connect_timeout"},
    {"tcp_user_timeout", OptionUse::kPass, "tcp_user_timeout"},
    {"keepalives", OptionUse::kPass, "keepalives"},
    {"keepalives_idle", OptionUse::kPass, "keepalives_idle"},
    {"keepalives_interval", OptionUse::kPass, "keepalives_interval"},
    {"keepalives_count", OptionUse::kPass, "keepalives_count"},
    {"application_name", OptionUse::kPass, "application_name"},
    {"ApplicationName", OptionUse::kPass, "application_name"},
    {"target_session_attrs", OptionUse::kPass, "target_session_attrs"},
    {"options", OptionUse::kPass, "options"},
    {"currentSchema", OptionUse::kSchema, "options"},
    {"ssl", OptionUse::kTls, "sslmode"},
    {"host", OptionUse::kHost, ""},
    {"port", OptionUse::kPort, ""},
    {"user", OptionUse::kUser, ""},
    {"password", OptionUse::kPassword, ""},
};

/// Of PyMySQL, mysqlclient, Connector/J and MariaDB's connector.
constexpr OptionRule kMysqlOptions[] = {
    {"connect_timeout", OptionUse::kPass, "connect_timeout"},
    {"connectTimeout", OptionUse::kMillis, "connect_timeout"},
    {"read_timeout", OptionUse::kPass, "read_timeout"},
    {"write_timeout", OptionUse::kPass, "write_timeout"},
    {"socketTimeout", OptionUse::kMillis, "read_timeout"},
    {"unix_socket", OptionUse::kPass, "unix_socket"},
    {"ssl_ca", OptionUse::kPass, "sslca"},
    {"ssl_cert", OptionUse::kPass, "sslcert"},
    {"ssl_key", OptionUse::kPass, "sslkey"},
    {"useSSL", OptionUse::kTls, ""},
    {"sslMode", OptionUse::kTls, ""},
    {"charset", OptionUse::kNothing, ""},
    {"characterEncoding", OptionUse::kNothing, ""},
    {"useUnicode", OptionUse::kNothing, ""},
    {"serverTimezone", OptionUse::kNothing, ""},
    {"allowPublicKeyRetrieval", OptionUse::kNothing, ""},
    {"user", OptionUse::kUser, ""},
    {"password", OptionUse::kPassword, ""},
};

/// `text` with %XX as bytes; and '+' as a blank where a form is meant.
arrow::Result<std::string> PercentDecode(std::string_view text, bool is_form,
                                         std::string_view what) {
  constexpr size_t kEscapeChars = 3;
  constexpr int kHex = 16;
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += is_form && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    bool fits = i + kEscapeChars <= text.size();
    const char* end = fits ? digits + 2 : digits;
    if (!fits || std::from_chars(digits, end, value, kHex).ptr != end || value == 0) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "the {} in the catalog's uri has a % that no two hexadecimal "
                       "digits follow: write % itself as %25",
                       what);
    }
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

bool IsTrueText(std::string_view value) {
  return value == "true" || value == "True" || value == "1";
}
bool IsFalseText(std::string_view value) {
  return value == "false" || value == "False" || value == "0" || value == "DISABLED" ||
         value == "disable";
}

arrow::Status SetTls(const OptionRule& rule, const std::string& value,
                     SqlAddress* address) {
  if (IsFalseText(value)) return arrow::Status::OK();
  if (address->engine == SqlEngine::kPostgresql && IsTrueText(value)) {
    // What the same word means to pgjdbc.
    address->options.emplace("sslmode", "verify-full");
    return arrow::Status::OK();
  }
  return MakeError(ErrorCode::kNotSupported,
                   "catalog uri option '{}': ask for TLS with {} instead", rule.written,
                   address->engine == SqlEngine::kPostgresql
                       ? "sslmode=require or sslmode=verify-full"
                       : "ssl_ca=/path/of/authorities.pem");
}

arrow::Status ApplyOption(const OptionRule& rule, std::string value,
                          SqlAddress* address) {
  switch (rule.use) {
    case OptionUse::kPass:
      address->options[rule.name] = std::move(value);
      break;
    case OptionUse::kUser:
      address->user = std::move(value);
      break;
    case OptionUse::kPassword:
      address->password = std::move(value);
      break;
    case OptionUse::kHost:
      address->host = std::move(value);
      break;
    case OptionUse::kPort:
      address->port = std::move(value);
      break;
    case OptionUse::kSchema:
      address->options[rule.name] = "-csearch_path=" + value;
      break;
    case OptionUse::kTls:
      return SetTls(rule, value, address);
    case OptionUse::kNothing:
      break;
    case OptionUse::kMillis: {
      int64_t millis = -1;
      const char* end = value.data() + value.size();
      if (std::from_chars(value.data(), end, millis).ptr != end || millis < 0) {
        return MakeError(ErrorCode::kInvalidConfig,
                         "catalog uri option '{}' is '{}': expected milliseconds",
                         rule.written, value);
      }
      int64_t seconds = (millis + kMillisPerSecond - 1) / kMillisPerSecond;
      if (seconds > 0) address->options[rule.name] = std::to_string(seconds);
    }
  }
  return arrow::Status::OK();
}

template <size_t kCount>
arrow::Status ReadOption(const OptionRule (&rules)[kCount], const std::string& name,
                         std::string value, SqlAddress* address) {
  std::vector<std::string> known;
  for (const OptionRule& rule : rules) {
    if (name == rule.written) return ApplyOption(rule, std::move(value), address);
    known.emplace_back(rule.written);
  }
  std::string nearest = NearestName(name, known);
  return MakeError(ErrorCode::kInvalidConfig,
                   "the catalog's uri has an unknown option '{}'{}: remove it or correct "
                   "it",
                   name,
                   nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest));
}

arrow::Status ReadOptions(std::string_view query, SqlAddress* address) {
  while (!query.empty()) {
    std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.empty()) continue;
    size_t equals = one.find('=');
    ARROW_ASSIGN_OR_RAISE(std::string name,
                          PercentDecode(one.substr(0, equals), true, "options"));
    std::string value;
    if (equals != std::string_view::npos) {
      ARROW_ASSIGN_OR_RAISE(value,
                            PercentDecode(one.substr(equals + 1), true, "options"));
    }
    ARROW_RETURN_NOT_OK(address->engine == SqlEngine::kPostgresql
                            ? ReadOption(kPostgresqlOptions, name, value, address)
                            : ReadOption(kMysqlOptions, name, value, address));
  }
  return arrow::Status::OK();
}

/// One "host", "host:port" or "[v6]:port", appended to comma lists.
void AddHost(std::string_view one, bool is_first, SqlAddress* address) {
  std::string_view host = one;
  std::string_view port;
  if (one.starts_with('[')) {
    size_t close = one.find(']');
    host = one.substr(1, close == std::string_view::npos ? close : close - 1);
    one.remove_prefix(std::min(one.size(), host.size() + 2));
    if (one.starts_with(':')) port = one.substr(1);
  } else if (size_t colon = one.rfind(':'); colon != std::string_view::npos) {
    host = one.substr(0, colon);
    port = one.substr(colon + 1);
  }
  address->host += (is_first ? "" : ",") + std::string(host);
  address->port += (is_first ? "" : ",") + std::string(port);
}

arrow::Status ReadHosts(std::string_view hosts, SqlAddress* address) {
  bool is_first = true;
  while (!hosts.empty()) {
    std::string_view one = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), one.size() + 1));
    AddHost(one, is_first, address);
    is_first = false;
  }
  if (address->port.find_first_not_of("0123456789,") != std::string::npos) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "the port in the catalog's uri is no number: expected {}. A '/', "
                     "'@', ':' or '%' inside a user or password is written %2F, %40, %3A "
                     "or %25",
                     kForms);
  }
  if (address->port.find_first_not_of(',') == std::string::npos) address->port.clear();
  if (!is_first && address->engine == SqlEngine::kMysql &&
      address->host.find(',') != std::string::npos) {
    return MakeError(ErrorCode::kNotSupported,
                     "the catalog's uri names several MySQL hosts: give one");
  }
  return arrow::Status::OK();
}

/// What follows "scheme://" or, of JDBC's short form, "scheme:".
arrow::Status ReadServer(std::string_view rest, SqlAddress* address) {
  size_t question = rest.find('?');
  std::string_view place = rest.substr(0, question);
  if (size_t at = place.rfind('@'); at != std::string_view::npos) {
    std::string_view who = place.substr(0, at);
    place.remove_prefix(at + 1);
    size_t colon = who.find(':');
    ARROW_ASSIGN_OR_RAISE(address->user,
                          PercentDecode(who.substr(0, colon), false, "user"));
    if (colon != std::string_view::npos) {
      ARROW_ASSIGN_OR_RAISE(address->password,
                            PercentDecode(who.substr(colon + 1), false, "password"));
    }
  }
  size_t slash = place.find('/');
  ARROW_RETURN_NOT_OK(ReadHosts(place.substr(0, slash), address));
  if (slash != std::string_view::npos) {
    ARROW_ASSIGN_OR_RAISE(address->database,
                          PercentDecode(place.substr(slash + 1), false, "database"));
  }
  if (question != std::string_view::npos) {
    ARROW_RETURN_NOT_OK(ReadOptions(rest.substr(question + 1), address));
  }
  if (!address->database.empty()) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidConfig,
                   "the catalog's uri names no database: expected {}", kForms);
}

arrow::Result<SqlAddress> ReadSqlite(std::string_view path) {
  SqlAddress address;
  if (path.starts_with("file:")) path.remove_prefix(std::string_view("file:").size());
  address.path = path.substr(0, path.find('?'));
  if (address.path.empty() || address.path.find('"') != std::string::npos) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "catalog uri 'sqlite:///{}' names no usable file: expected "
                     "sqlite:///relative.db or sqlite:////absolute.db",
                     path);
  }
  return address;
}

std::optional<SqlEngine> ServerEngine(std::string_view scheme) {
  std::string_view dialect = scheme.substr(0, scheme.find('+'));
  if (dialect == "postgresql" || dialect == "postgres") return SqlEngine::kPostgresql;
  if (dialect == "mysql" || dialect == "mariadb") return SqlEngine::kMysql;
  return std::nullopt;
}

void UseJdbcProperties(const std::map<std::string, std::string>& properties,
                       SqlAddress* address) {
  auto user = properties.find("jdbc.user");
  if (user != properties.end() && address->user.empty()) address->user = user->second;
  auto password = properties.find("jdbc.password");
  if (password != properties.end() && address->password.empty()) {
    address->password = password->second;
  }
}

}  // namespace

std::string SqlAddress::ToString() const {
  if (engine == SqlEngine::kSqlite) return path;
  auto socket = options.find("unix_socket");
  std::string shown_host = socket != options.end() ? socket->second : host;
  return fmt::format("{}{}{}{}{}/{}", user, user.empty() ? "" : "@",
                     shown_host.empty() ? "localhost" : shown_host,
                     port.empty() ? "" : ":", port, database);
}

arrow::Result<SqlAddress> ParseSqlAddress(
    const std::string& uri, const std::map<std::string, std::string>& properties) {
  if (uri.empty()) {
    return MakeError(ErrorCode::kInvalidConfig, "catalog_type sql needs `uri`, e.g. {}",
                     kForms);
  }
  std::string_view rest = uri;
  bool is_jdbc = rest.starts_with(kJdbc);
  if (is_jdbc) rest.remove_prefix(kJdbc.size());
  size_t colon = rest.find(':');
  std::string_view scheme = rest.substr(0, colon);
  rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  bool has_slashes = rest.starts_with("//");
  if (scheme == "sqlite" && is_jdbc) return ReadSqlite(rest);
  if (scheme.substr(0, scheme.find('+')) == "sqlite" && rest.starts_with("///")) {
    return ReadSqlite(rest.substr(std::string_view("///").size()));
  }
  std::optional<SqlEngine> engine = ServerEngine(scheme);
  if (!engine || (!has_slashes && !is_jdbc)) {
    return MakeError(ErrorCode::kNotSupported,
                     "the catalog's uri starts with '{}', which names no database the "
                     "SQL catalog speaks: expected {}",
                     scheme.substr(0, scheme.find('@')), kForms);
  }
  SqlAddress address;
  address.engine = *engine;
  // JDBC's "postgresql:database" is a database of this machine.
  std::string local = has_slashes ? "" : "/" + std::string(rest);
  ARROW_RETURN_NOT_OK(
      ReadServer(has_slashes ? rest.substr(2) : std::string_view(local), &address));
  UseJdbcProperties(properties, &address);
  return address;
}

}  // namespace floe::iceberg
