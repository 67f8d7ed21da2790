#include "iceberg/catalog/hive/hive_properties.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/env.h"
#include "base/error.h"

namespace floe::iceberg::hive {
namespace {

constexpr int64_t kMaxMillis = 3'600'000;

using Properties = std::map<std::string, std::string>;

constexpr char kHive2Compatible[] = "hive.hive2-compatible";
constexpr char kKerberos[] = "hive.kerberos-authentication";
constexpr char kKerberosService[] = "hive.kerberos-service-name";
constexpr char kFramed[] = "hive.framed-transport";
constexpr char kConnectTimeout[] = "hive.connect-timeout-ms";
constexpr char kCallTimeout[] = "hive.call-timeout-ms";
constexpr char kUser[] = "ugi";
constexpr char kLockEnabled[] = "hive.lock-enabled";
constexpr char kLockEnabledJava[] = "iceberg.engine.hive.lock-enabled";
constexpr char kEngineEnabled[] = "iceberg.engine.hive.enabled";
constexpr char kLockTimeout[] = "iceberg.hive.lock-timeout-ms";
constexpr char kLockMinWait[] = "iceberg.hive.lock-check-min-wait-ms";
constexpr char kLockMaxWait[] = "iceberg.hive.lock-check-max-wait-ms";
constexpr char kHeartbeat[] = "iceberg.hive.lock-heartbeat-interval-ms";
// PyIceberg's names of the same, in seconds, and how often it looks.
constexpr char kLockMinWaitSeconds[] = "lock-check-min-wait-time";
constexpr char kLockMaxWaitSeconds[] = "lock-check-max-wait-time";
constexpr char kLockRetries[] = "lock-check-retries";

arrow::Status ReadBool(const Properties& properties, const char* key, bool* value) {
  auto found = properties.find(key);
  if (found == properties.end()) return arrow::Status::OK();
  std::string text = found->second;
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  if (text != "true" && text != "false") {
    return MakeError(ErrorCode::kInvalidConfig,
                     "property '{}' of a hive catalog is '{}': expected true or false",
                     key, found->second);
  }
  *value = text == "true";
  return arrow::Status::OK();
}

/// Reads a number times `unit_ms` as milliseconds.
arrow::Status ReadMillis(const Properties& properties, const char* key, int unit_ms,
                         int64_t* value) {
  auto found = properties.find(key);
  if (found == properties.end()) return arrow::Status::OK();
  const std::string& text = found->second;
  double number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  double millis = number * unit_ms;
  bool is_whole = failure == std::errc() && end == text.data() + text.size();
  if (!is_whole || !(millis >= 1 && millis <= static_cast<double>(kMaxMillis))) {
    return MakeError(ErrorCode::kInvalidConfig,
                     "property '{}' of a hive catalog is '{}': expected {} up to an hour",
                     key, text, unit_ms == 1 ? "milliseconds" : "seconds");
  }
  *value = std::llround(millis);
  return arrow::Status::OK();
}

arrow::Status RefuseKerberos(const Properties& properties) {
  bool kerberos = false;
  ARROW_RETURN_NOT_OK(ReadBool(properties, kKerberos, &kerberos));
  if (!kerberos) return arrow::Status::OK();
  return MakeError(ErrorCode::kNotSupported,
                   "property '{}': Floe does not speak Kerberos; use a metastore without "
                   "it, or the same tables through a REST catalog",
                   kKerberos);
}

/// "user:group,group" as PyIceberg takes it.
void ReadUser(const Properties& properties, HiveClientOptions* client) {
  auto found = properties.find(kUser);
  if (found == properties.end()) return;
  const std::string& text = found->second;
  size_t colon = std::min(text.find(':'), text.size());
  client->user = text.substr(0, colon);
  while (colon < text.size()) {
    size_t end = std::min(text.find_first_of(",:", colon + 1), text.size());
    client->groups.push_back(text.substr(colon + 1, end - colon - 1));
    colon = end;
  }
}

arrow::Status ReadLock(const Properties& properties, HiveLockOptions* lock) {
  ARROW_RETURN_NOT_OK(
      ReadMillis(properties, kLockMinWaitSeconds, 1000, &lock->check_min_wait_ms));
  ARROW_RETURN_NOT_OK(
      ReadMillis(properties, kLockMaxWaitSeconds, 1000, &lock->check_max_wait_ms));
  ARROW_RETURN_NOT_OK(ReadMillis(properties, kLockMinWait, 1, &lock->check_min_wait_ms));
  ARROW_RETURN_NOT_OK(ReadMillis(properties, kLockMaxWait, 1, &lock->check_max_wait_ms));
  ARROW_RETURN_NOT_OK(ReadMillis(properties, kLockTimeout, 1, &lock->timeout_ms));
  return ReadMillis(properties, kHeartbeat, 1, &lock->heartbeat_interval_ms);
}

}  // namespace

arrow::Result<HiveProperties> ReadHiveProperties(const CatalogConfig& config) {
  const Properties& properties = config.properties;
  ARROW_RETURN_NOT_OK(RefuseKerberos(properties));
  HiveProperties result;
  ARROW_ASSIGN_OR_RAISE(result.client.addresses, ParseMetastoreUris(config.uri));
  ThriftConnectionOptions& connection = result.client.connection;
  ARROW_RETURN_NOT_OK(ReadBool(properties, kFramed, &connection.is_framed));
  ARROW_RETURN_NOT_OK(
      ReadMillis(properties, kConnectTimeout, 1, &connection.connect_timeout_ms));
  ARROW_RETURN_NOT_OK(
      ReadMillis(properties, kCallTimeout, 1, &connection.call_timeout_ms));
  ReadUser(properties, &result.client);
  ARROW_RETURN_NOT_OK(ReadLock(properties, &result.lock));
  bool hive2 = false;
  ARROW_RETURN_NOT_OK(ReadBool(properties, kHive2Compatible, &hive2));
  if (hive2) result.layout.zoned_time = HiveZonedTime::kPlain;
  ARROW_RETURN_NOT_OK(
      ReadBool(properties, kEngineEnabled, &result.layout.is_hive_engine_enabled));
  ARROW_RETURN_NOT_OK(ReadBool(properties, kLockEnabledJava, &result.is_lock_enabled));
  ARROW_RETURN_NOT_OK(ReadBool(properties, kLockEnabled, &result.is_lock_enabled));
  result.owner = result.client.user;
  if (result.owner.empty()) result.owner = GetEnv("USER").value_or("floe");
  return result;
}

std::vector<PropertyKey> HivePropertyKeys() {
  return {
      {kLockEnabled,
       "false: commit without locks, on metastores of version 4; default true; a table's "
       "engine.hive.lock-enabled goes before it"},
      {kLockEnabledJava, "hive.lock-enabled, as Java names it"},
      {kEngineEnabled,
       "true: tables are made for Hive itself to query; default false; a table's "
       "engine.hive.enabled goes before it"},
      {kHive2Compatible,
       "true: columns have no type Hive 2 does not know; default false"},
      {kFramed, "true: the metastore uses Thrift's framed transport; default false"},
      {kConnectTimeout, "milliseconds to connect to one address, default 10000"},
      {kCallTimeout, "milliseconds of one call, default 120000"},
      {kUser, "user:group,group told to the metastore"},
      {kLockTimeout, "milliseconds to wait for a table's lock, default 180000"},
      {kLockMinWait, "milliseconds between the first looks at a lock, default 50"},
      {kLockMaxWait, "milliseconds between looks at a lock at most, default 5000"},
      {kHeartbeat, "milliseconds between a lock's heartbeats, default 60000"},
      {kLockMinWaitSeconds, "lock-check-min-wait-ms in seconds, as PyIceberg names it"},
      {kLockMaxWaitSeconds, "lock-check-max-wait-ms in seconds, as PyIceberg names it"},
      {kLockRetries, "not used: iceberg.hive.lock-timeout-ms bounds the wait"},
      {kKerberos, "true is refused: Kerberos is not spoken"},
      {kKerberosService, "not used: Kerberos is not spoken"},
  };
}

}  // namespace floe::iceberg::hive
