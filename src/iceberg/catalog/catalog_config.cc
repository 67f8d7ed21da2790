#include "iceberg/catalog/catalog_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/join.h"

namespace floe::iceberg {
namespace {

constexpr std::array<const char*, 4> kKnownTypes = {"rest", "sql", "glue", "hive"};

constexpr std::string_view kTableDefaultPrefix = "table-default.";
constexpr std::string_view kTableOverridePrefix = "table-override.";

constexpr std::string_view kHidden = "***";
/// Parts of the names of options whose values are secrets.
constexpr std::array<std::string_view, 5> kSecretNames = {"password", "secret", "token",
                                                          "credential", "passwd"};

bool NamesASecret(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::any_of(kSecretNames.begin(), kSecretNames.end(),
                     [&](auto part) { return lower.find(part) != std::string::npos; });
}

arrow::Status NoFactory(const std::string& type, const std::vector<std::string>& held) {
  bool is_known =
      std::find(kKnownTypes.begin(), kKnownTypes.end(), type) != kKnownTypes.end();
  if (is_known) {
    return MakeError(
        ErrorCode::kNotSupported,
        "catalog_type '{}' is not in this build of Floe, which holds: {}. Use one of "
        "those; a SQL catalog can be shared with PyIceberg and Java",
        type, JoinText(held, ", "));
  }
  std::string nearest = NearestName(type, {kKnownTypes.begin(), kKnownTypes.end()});
  return MakeError(ErrorCode::kInvalidConfig,
                   "unknown catalog_type '{}': expected one of {}{}", type,
                   JoinText(kKnownTypes, ", "),
                   nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

}  // namespace

std::string ShownUri(std::string_view uri) {
  size_t question = std::min(uri.find('?'), uri.size());
  std::string shown(uri.substr(0, question));
  size_t slashes = shown.find("://");
  size_t at = shown.rfind('@');
  if (slashes != std::string::npos && at != std::string::npos && at > slashes) {
    size_t begin = slashes + std::string_view("://").size();
    size_t colon = shown.find(':', begin);
    if (colon < at) shown.replace(colon + 1, at - colon - 1, kHidden);
  }
  std::string_view query = uri.substr(question);
  while (!query.empty()) {
    size_t length = query.find('&', 1);
    std::string_view one = query.substr(0, length);
    query.remove_prefix(std::min(query.size(), one.size()));
    size_t equals = one.find('=');
    bool is_secret =
        equals != std::string_view::npos && NamesASecret(one.substr(0, equals));
    shown += is_secret ? one.substr(0, equals + 1) : one;
    if (is_secret) shown += kHidden;
  }
  return shown;
}

const std::vector<PropertyKey>& CommonCatalogKeys() {
  static const std::vector<PropertyKey> keys = {
      {"type", "catalog_type, as PyIceberg writes it"},
      {"name", "catalog_name, as PyIceberg writes it"},
      {"uri", "the catalog's address, as PyIceberg writes it"},
      {"warehouse", "the warehouse, as PyIceberg writes it"},
      {"py-io-impl", "not used: a class of PyIceberg's"},
      {"py-catalog-impl", "not used: a class of PyIceberg's"},
      {"py-location-provider-impl", "not used: a class of PyIceberg's"},
      {"io-impl", "not used: a class of Java's"},
      {"catalog-impl", "not used: a class of Java's"},
      {"downcast-ns-timestamp-to-us-on-write", "not used: a setting of PyIceberg's"},
      {"pyarrow.*", "not used: settings of PyIceberg's"},
      {"cache-enabled", "not used: a setting of Java's"},
      {"cache.*", "not used: settings of Java's"},
      {"table-default.*", "properties of new tables"},
      {"table-override.*", "properties of new tables, whatever their maker says"},
  };
  return keys;
}

CreateTableRequest WithTableProperties(
    CreateTableRequest request, const std::map<std::string, std::string>& properties) {
  for (const auto& [key, value] : properties) {
    if (key.starts_with(kTableDefaultPrefix)) {
      request.properties.emplace(key.substr(kTableDefaultPrefix.size()), value);
    } else if (key.starts_with(kTableOverridePrefix)) {
      request.properties[key.substr(kTableOverridePrefix.size())] = value;
    }
  }
  return request;
}

void CatalogRegistry::Register(const std::string& catalog_type, CatalogFactory factory,
                               std::vector<PropertyKey> keys) {
  const auto& common = CommonCatalogKeys();
  keys.insert(keys.end(), common.begin(), common.end());
  keys.insert(keys.end(), StoreProperties().begin(), StoreProperties().end());
  std::unique_lock<std::mutex> lock(mutex_);
  kinds_[catalog_type] = {std::move(factory), std::move(keys)};
}

arrow::Result<std::shared_ptr<Catalog>> CatalogRegistry::Open(
    const CatalogConfig& config) {
  std::unique_lock<std::mutex> open_lock(open_mutex_);
  auto known = std::find_if(open_.begin(), open_.end(),
                            [&](const auto& one) { return one.first == config; });
  if (known != open_.end()) {
    std::rotate(known, known + 1, open_.end());
    return open_.back().second;
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, OpenNew(config, CatalogEnvironment()));
  open_.emplace_back(config, catalog);
  if (open_.size() > kMaxIdleCatalogs) open_.erase(open_.begin());
  return catalog;
}

arrow::Result<std::shared_ptr<Catalog>> CatalogRegistry::OpenNew(
    const CatalogConfig& config, const CatalogEnvironment& environment) const {
  Kind kind;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    auto found = kinds_.find(config.catalog_type);
    if (found == kinds_.end()) {
      std::vector<std::string> held;
      for (const auto& [type, unused] : kinds_) held.push_back(type);
      return NoFactory(config.catalog_type, held);
    }
    kind = found->second;
  }
  ARROW_RETURN_NOT_OK(CheckPropertyKeys(config.properties, kind.keys));
  CatalogEnvironment complete = environment;
  if (complete.io == nullptr) {
    ARROW_ASSIGN_OR_RAISE(complete.io, MakeFileIO(config.properties));
  }
  return kind.factory(config, complete);
}

}  // namespace floe::iceberg
