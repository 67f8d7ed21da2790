#include "iceberg/catalog/hive/hive_client.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/env.h"
#include "base/error.h"
#include "base/join.h"
#include "base/request_counters.h"

namespace floe::iceberg::hive {
namespace {

constexpr int kDefaultPort = 9083;
constexpr int kMaxPort = 65535;
constexpr size_t kMaxServerTextBytes = 500;

/// The exceptions the metastore declares, and what they mean to a caller.
struct Exception {
  const char* name;
  ErrorCode code;
};
constexpr Exception kMeta{"MetaException", ErrorCode::kIo};
constexpr Exception kNoSuchObject{"NoSuchObjectException", ErrorCode::kNoSuchTable};
constexpr Exception kNoSuchDatabase{"NoSuchObjectException", ErrorCode::kNoSuchNamespace};
constexpr Exception kUnknownDatabase{"UnknownDBException", ErrorCode::kNoSuchNamespace};
constexpr Exception kAlreadyExists{"AlreadyExistsException", ErrorCode::kAlreadyExists};
constexpr Exception kInvalidObject{"InvalidObjectException", ErrorCode::kInvalidArgument};
constexpr Exception kInvalidOperation{"InvalidOperationException",
                                      ErrorCode::kInvalidArgument};
constexpr Exception kLockGone{"NoSuchLockException", ErrorCode::kCommitConflict};
constexpr Exception kNoSuchTxn{"NoSuchTxnException", ErrorCode::kCommitConflict};
constexpr Exception kTxnAborted{"TxnAbortedException", ErrorCode::kCommitConflict};
constexpr Exception kTxnOpen{"TxnOpenException", ErrorCode::kIo};

/// TApplicationException's type for a method the server does not have.
constexpr int64_t kUnknownMethod = 1;

std::string Shortened(const std::string& text) {
  if (text.size() <= kMaxServerTextBytes) return text;
  return text.substr(0, kMaxServerTextBytes) + "...";
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The code of what the server said; its words tell more than the exception's class.
ErrorCode CodeOfAnswer(const Exception& exception, std::string_view text) {
  if (Contains(text, "The table has been modified. The parameter value for key '")) {
    return ErrorCode::kCommitConflict;
  }
  if (Contains(text, "AccessControlException") || Contains(text, "Permission denied") ||
      Contains(text, "No privilege")) {
    return ErrorCode::kNotAuthorized;
  }
  // Derby has no comparison for the column that holds parameters.
  if (Contains(text, "Comparisons between 'CLOB")) return ErrorCode::kNotSupported;
  return exception.code;
}

std::string RemedyOfAnswer(std::string_view text) {
  if (Contains(text, "HIVE_LOCKS")) {
    return "; its database has no lock tables: create its schema in full, or set "
           "`hive.lock-enabled` to false on a metastore of version 4";
  }
  if (Contains(text, "Comparisons between 'CLOB")) {
    return "; the metastore's database (Derby) cannot compare the pointer: set "
           "`hive.lock-enabled` to true, or give the metastore another database";
  }
  if (Contains(text, "No FileSystem for scheme")) {
    return "; the metastore itself makes tables' folders: give it the jar and settings "
           "of that store (for s3: hadoop-aws and fs.s3.impl)";
  }
  return "";
}

arrow::Result<ThriftAddress> ParseAddress(std::string_view uri) {
  auto invalid = [&](std::string_view why) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "`uri` of a hive catalog: '{}' {}; expected thrift://host:port, "
                     "several separated by commas",
                     uri, why);
  };
  constexpr std::string_view kScheme = "thrift://";
  if (!uri.starts_with(kScheme)) return invalid("does not begin with thrift://");
  std::string_view rest = uri.substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  ThriftAddress address;
  address.port = kDefaultPort;
  size_t colon = rest.rfind(':');
  if (rest.starts_with('[')) {  // [::1]:9083
    size_t end = rest.find(']');
    if (end == std::string_view::npos) return invalid("has an unclosed bracket");
    address.host = rest.substr(1, end - 1);
    colon = end + 1 < rest.size() ? end + 1 : std::string_view::npos;
  } else {
    address.host = rest.substr(0, colon);
  }
  if (address.host.empty()) return invalid("has no host");
  if (colon == std::string_view::npos) return address;
  std::string_view port = rest.substr(colon + 1);
  auto [end, failure] =
      std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (rest[colon] != ':' || failure != std::errc() || end != port.data() + port.size() ||
      address.port < 1 || address.port > kMaxPort) {
    return invalid("has no port between 1 and 65535");
  }
  return address;
}

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

arrow::Result<LockAnswer> LockAnswerOf(const ThriftValue& answer) {
  const ThriftValue* id = answer.Find(1);
  const ThriftValue* state = answer.Find(2);
  if (id == nullptr || state == nullptr || state->number() < 1 || state->number() > 4) {
    return MakeError(ErrorCode::kCorruptData,
                     "the metastore answered a request for a lock without a known state");
  }
  return LockAnswer{id->number(), static_cast<LockState>(state->number())};
}

}  // namespace

arrow::Result<std::vector<ThriftAddress>> ParseMetastoreUris(const std::string& uris) {
  std::vector<ThriftAddress> addresses;
  size_t begin = 0;
  while (begin <= uris.size()) {
    size_t end = std::min(uris.find(',', begin), uris.size());
    std::string_view uri = std::string_view(uris).substr(begin, end - begin);
    while (uri.starts_with(' ')) uri.remove_prefix(1);
    while (uri.ends_with(' ')) uri.remove_suffix(1);
    ARROW_ASSIGN_OR_RAISE(ThriftAddress address, ParseAddress(uri));
    addresses.push_back(std::move(address));
    begin = end + 1;
  }
  return addresses;
}

struct HiveClient::Method {
  const char* name;
  bool is_repeatable;
  /// Those it declares, from field 1 of its result on.
  std::array<Exception, 4> exceptions{};
};

std::string HiveClient::AddressText() const {
  std::vector<std::string> texts;
  for (const ThriftAddress& address : options_.addresses) {
    texts.push_back(fmt::format("{}:{}", address.host, address.port));
  }
  return JoinText(texts, ", ");
}

arrow::Result<std::unique_ptr<ThriftConnection>> HiveClient::OpenAny() {
  size_t first = 0;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    first = preferred_address_;
  }
  arrow::Status failure;
  for (size_t i = 0; i < options_.addresses.size(); ++i) {
    size_t index = (first + i) % options_.addresses.size();
    auto connection =
        ThriftConnection::Open(options_.addresses[index], options_.connection);
    if (!connection.ok()) {
      // The first failure is told; that of the others rarely differs.
      if (failure.ok()) failure = connection.status();
      continue;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    preferred_address_ = index;
    return connection;
  }
  if (options_.addresses.size() == 1) return failure;
  return WithContext(failure, "none of the metastores answers", AddressText());
}

arrow::Result<std::unique_ptr<ThriftConnection>> HiveClient::Take() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!kept_.empty()) {
      std::unique_ptr<ThriftConnection> connection = std::move(kept_.back());
      kept_.pop_back();
      if (connection->IsUsable()) return connection;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto connection, OpenAny());
  if (!options_.user.empty()) {
    ThriftValue user = ThriftValue::Struct({{1, ThriftValue::String(options_.user)},
                                            {2, ThriftValue::Strings(options_.groups)}});
    ARROW_RETURN_NOT_OK(connection->Call("set_ugi", std::move(user)).status());
  }
  return connection;
}

void HiveClient::Keep(std::unique_ptr<ThriftConnection> connection) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (kept_.size() < kMaxKeptConnections) kept_.push_back(std::move(connection));
}

arrow::Result<ThriftValue> HiveClient::CallOnce(const Method& method,
                                                const ThriftValue& arguments,
                                                Progress* progress) {
  *progress = Progress::kNotSent;
  ARROW_ASSIGN_OR_RAISE(auto connection, Take());
  arrow::Result<ThriftMessage> reply = connection->Call(method.name, arguments);
  if (connection->was_sent()) *progress = Progress::kSent;
  ARROW_RETURN_NOT_OK(reply.status());
  *progress = Progress::kAnswered;
  const std::string peer = connection->peer();
  Keep(std::move(connection));
  if (reply->type == ThriftMessageType::kException) {
    const ThriftValue* type = reply->body.Find(2);
    bool is_unknown = type != nullptr && type->number() == kUnknownMethod;
    return MakeError(is_unknown ? ErrorCode::kNotSupported : ErrorCode::kIo,
                     "metastore {} failed in {}: {}", peer, method.name,
                     Shortened(reply->body.TextOf(1)));
  }
  for (size_t i = 0; i < reply->body.ids().size(); ++i) {
    int16_t id = reply->body.ids()[i];
    if (id == 0) return reply->body.items()[i];
    bool is_declared = id >= 1 && id <= static_cast<int>(method.exceptions.size()) &&
                       method.exceptions[id - 1].name != nullptr;
    const Exception exception =
        is_declared ? method.exceptions[id - 1] : Exception{"an exception", kMeta.code};
    std::string text = Shortened(reply->body.items()[i].TextOf(1));
    return MakeError(CodeOfAnswer(exception, text), "metastore {}: {}: {}: {}{}", peer,
                     method.name, exception.name, text, RemedyOfAnswer(text));
  }
  return ThriftValue();
}

arrow::Result<ThriftValue> HiveClient::Call(const Method& method, ThriftValue arguments) {
  for (int attempt = 1;; ++attempt) {
    Progress progress = Progress::kNotSent;
    arrow::Result<ThriftValue> answer = CallOnce(method, arguments, &progress);
    if (progress == Progress::kAnswered) return answer;
    if (progress == Progress::kSent && !method.is_repeatable) {
      return MakeError(ErrorCode::kCommitStateUnknown,
                       "whether {} was carried out is not known: {}", method.name,
                       ErrorText(answer.status()));
    }
    if (attempt == kMaxTries ||
        !IsError(answer.status(), ErrorCode::kServiceUnavailable)) {
      return answer;
    }
    CountRetry();
  }
}

arrow::Result<std::vector<std::string>> HiveClient::ListDatabases() {
  static constexpr Method kMethod{"get_all_databases", true, {kMeta}};
  ARROW_ASSIGN_OR_RAISE(ThriftValue names, Call(kMethod, ThriftValue()));
  return ThriftValue::Struct({{0, std::move(names)}}).StringsOf(0);
}

arrow::Result<std::optional<ThriftValue>> HiveClient::FindDatabase(
    const std::string& name) {
  static constexpr Method kMethod{"get_database", true, {kNoSuchDatabase, kMeta}};
  auto database = Call(kMethod, ThriftValue::Struct({{1, ThriftValue::String(name)}}));
  if (IsError(database.status(), ErrorCode::kNoSuchNamespace)) {
    return std::optional<ThriftValue>();
  }
  ARROW_RETURN_NOT_OK(database.status());
  return std::optional<ThriftValue>(*std::move(database));
}

arrow::Status HiveClient::CreateDatabase(ThriftValue database) {
  static constexpr Method kMethod{
      "create_database", false, {kAlreadyExists, kInvalidObject, kMeta}};
  return Call(kMethod, ThriftValue::Struct({{1, std::move(database)}})).status();
}

arrow::Status HiveClient::DropDatabase(const std::string& name) {
  static constexpr Method kMethod{
      "drop_database", false, {kNoSuchDatabase, kInvalidOperation, kMeta}};
  return Call(kMethod, ThriftValue::Struct({{1, ThriftValue::String(name)},
                                            {2, ThriftValue::Bool(false)},
                                            {3, ThriftValue::Bool(false)}}))
      .status();
}

arrow::Result<std::vector<std::string>> HiveClient::ListTables(
    const std::string& database) {
  static constexpr Method kMethod{"get_all_tables", true, {kMeta}};
  ARROW_ASSIGN_OR_RAISE(
      ThriftValue names,
      Call(kMethod, ThriftValue::Struct({{1, ThriftValue::String(database)}})));
  return ThriftValue::Struct({{0, std::move(names)}}).StringsOf(0);
}

arrow::Result<std::vector<ThriftValue>> HiveClient::GetTables(
    const std::string& database, const std::vector<std::string>& names) {
  static constexpr Method kRequest{"get_table_objects_by_name_req",
                                   true,
                                   {kMeta, kInvalidOperation, kUnknownDatabase}};
  static constexpr Method kOlder{
      "get_table_objects_by_name", true, {kMeta, kInvalidOperation, kUnknownDatabase}};
  // Without this capability a server refuses to show tables of Hive's own transactions,
  // and with them the whole list.
  constexpr int32_t kInsertOnlyTables = 2;
  ThriftValue capabilities = ThriftValue::Struct(
      {{1, ThriftValue::List(ThriftType::kI32, {ThriftValue::I32(kInsertOnlyTables)})}});
  auto answer = Call(
      kRequest,
      ThriftValue::Struct({{1, ThriftValue::Struct({{1, ThriftValue::String(database)},
                                                    {2, ThriftValue::Strings(names)},
                                                    {3, std::move(capabilities)}})}}));
  if (IsError(answer.status(), ErrorCode::kNotSupported)) {
    ARROW_ASSIGN_OR_RAISE(
        ThriftValue tables,
        Call(kOlder, ThriftValue::Struct({{1, ThriftValue::String(database)},
                                          {2, ThriftValue::Strings(names)}})));
    return tables.items();
  }
  ARROW_RETURN_NOT_OK(answer.status());
  const ThriftValue* tables = answer->Find(1);
  return tables == nullptr ? std::vector<ThriftValue>() : tables->items();
}

arrow::Result<std::optional<ThriftValue>> HiveClient::FindTable(
    const std::string& database, const std::string& name) {
  // Version 4 has no get_table; version 2 no get_table_req.
  static constexpr Method kRequest{"get_table_req", true, {kMeta, kNoSuchObject}};
  static constexpr Method kOlder{"get_table", true, {kMeta, kNoSuchObject}};
  ThriftValue names = ThriftValue::Struct(
      {{1, ThriftValue::String(database)}, {2, ThriftValue::String(name)}});
  auto answer = Call(kRequest, ThriftValue::Struct({{1, names}}));
  if (answer.ok() && answer->Find(1) != nullptr) answer = ThriftValue(*answer->Find(1));
  if (IsError(answer.status(), ErrorCode::kNotSupported)) answer = Call(kOlder, names);
  if (IsError(answer.status(), ErrorCode::kNoSuchTable)) {
    return std::optional<ThriftValue>();
  }
  ARROW_RETURN_NOT_OK(answer.status());
  return std::optional<ThriftValue>(*std::move(answer));
}

arrow::Status HiveClient::CreateTable(ThriftValue table) {
  static constexpr Method kMethod{
      "create_table", false, {kAlreadyExists, kInvalidObject, kMeta, kNoSuchDatabase}};
  return Call(kMethod, ThriftValue::Struct({{1, std::move(table)}})).status();
}

arrow::Status HiveClient::AlterTable(const std::string& database, const std::string& name,
                                     ThriftValue table,
                                     const std::map<std::string, std::string>& context) {
  static constexpr Method kMethod{
      "alter_table_with_environment_context", false, {kInvalidOperation, kMeta}};
  ThriftValue properties = ThriftValue::Struct({{1, ThriftValue::StringMap(context)}});
  return Call(kMethod, ThriftValue::Struct({{1, ThriftValue::String(database)},
                                            {2, ThriftValue::String(name)},
                                            {3, std::move(table)},
                                            {4, std::move(properties)}}))
      .status();
}

arrow::Status HiveClient::DropTable(const std::string& database,
                                    const std::string& name) {
  static constexpr Method kMethod{"drop_table", false, {kNoSuchObject, kMeta}};
  return Call(kMethod, ThriftValue::Struct({{1, ThriftValue::String(database)},
                                            {2, ThriftValue::String(name)},
                                            {3, ThriftValue::Bool(false)}}))
      .status();
}

arrow::Result<LockAnswer> HiveClient::Lock(const std::string& database,
                                           const std::string& table,
                                           const std::string& agent) {
  static constexpr Method kMethod{"lock", false, {kNoSuchTxn, kTxnAborted}};
  constexpr int32_t kExclusive = 3;
  constexpr int32_t kTableLevel = 2;
  ThriftValue component = ThriftValue::Struct({{1, ThriftValue::I32(kExclusive)},
                                               {2, ThriftValue::I32(kTableLevel)},
                                               {3, ThriftValue::String(database)},
                                               {4, ThriftValue::String(table)}});
  std::string user = options_.user;
  if (user.empty()) user = GetEnv("USER").value_or("floe");
  ThriftValue request = ThriftValue::Struct(
      {{1, ThriftValue::List(ThriftType::kStruct, {std::move(component)})},
       {3, ThriftValue::String(user)},
       {4, ThriftValue::String(HostName())},
       {5, ThriftValue::String(agent)}});
  ARROW_ASSIGN_OR_RAISE(ThriftValue answer,
                        Call(kMethod, ThriftValue::Struct({{1, std::move(request)}})));
  return LockAnswerOf(answer);
}

arrow::Result<std::optional<int64_t>> HiveClient::FindLock(const std::string& database,
                                                           const std::string& table,
                                                           const std::string& agent) {
  static constexpr Method kMethod{"show_locks", true, {}};
  constexpr int16_t kLockId = 1;
  constexpr int16_t kAgent = 13;
  ThriftValue request = ThriftValue::Struct(
      {{1, ThriftValue::String(database)}, {2, ThriftValue::String(table)}});
  ARROW_ASSIGN_OR_RAISE(ThriftValue answer,
                        Call(kMethod, ThriftValue::Struct({{1, std::move(request)}})));
  const ThriftValue* locks = answer.Find(1);
  if (locks == nullptr) return std::optional<int64_t>();
  for (const ThriftValue& lock : locks->items()) {
    const ThriftValue* id = lock.Find(kLockId);
    if (id != nullptr && lock.TextOf(kAgent) == agent) {
      return std::optional<int64_t>(id->number());
    }
  }
  return std::optional<int64_t>();
}

arrow::Result<LockAnswer> HiveClient::CheckLock(int64_t lock_id) {
  static constexpr Method kMethod{
      "check_lock", true, {kNoSuchTxn, kTxnAborted, kLockGone}};
  ThriftValue request = ThriftValue::Struct({{1, ThriftValue::I64(lock_id)}});
  ARROW_ASSIGN_OR_RAISE(ThriftValue answer,
                        Call(kMethod, ThriftValue::Struct({{1, std::move(request)}})));
  return LockAnswerOf(answer);
}

arrow::Status HiveClient::Heartbeat(int64_t lock_id) {
  static constexpr Method kMethod{
      "heartbeat", true, {kLockGone, kNoSuchTxn, kTxnAborted}};
  ThriftValue request = ThriftValue::Struct({{1, ThriftValue::I64(lock_id)}});
  return Call(kMethod, ThriftValue::Struct({{1, std::move(request)}})).status();
}

arrow::Status HiveClient::Unlock(int64_t lock_id) {
  static constexpr Method kMethod{"unlock", true, {kLockGone, kTxnOpen}};
  ThriftValue request = ThriftValue::Struct({{1, ThriftValue::I64(lock_id)}});
  arrow::Status status =
      Call(kMethod, ThriftValue::Struct({{1, std::move(request)}})).status();
  return IsError(status, ErrorCode::kCommitConflict) ? arrow::Status::OK() : status;
}

arrow::Result<std::string> HiveClient::ServerVersion() {
  static constexpr Method kMethod{"getVersion", true, {}};
  ARROW_ASSIGN_OR_RAISE(ThriftValue version, Call(kMethod, ThriftValue()));
  return version.text();
}

}  // namespace floe::iceberg::hive
