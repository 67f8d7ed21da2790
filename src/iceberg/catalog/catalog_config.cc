#include "iceberg/catalog/catalog_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/join.h"

namespace floe::iceberg {
namespace {

constexpr std::array<const char*, 4> kKnownTypes = {"rest", "sql", "glue", "hive"};

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

void CatalogRegistry::Register(const std::string& catalog_type, CatalogFactory factory) {
  std::unique_lock<std::mutex> lock(mutex_);
  factories_[catalog_type] = std::move(factory);
}

arrow::Result<std::shared_ptr<Catalog>> CatalogRegistry::Open(
    const CatalogConfig& config) {
  std::unique_lock<std::mutex> open_lock(open_mutex_);
  for (const auto& [known, catalog] : open_) {
    if (known == config) return catalog;
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, OpenNew(config, CatalogEnvironment()));
  open_.emplace_back(config, catalog);
  return catalog;
}

arrow::Result<std::shared_ptr<Catalog>> CatalogRegistry::OpenNew(
    const CatalogConfig& config, const CatalogEnvironment& environment) const {
  CatalogFactory factory;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    auto found = factories_.find(config.catalog_type);
    if (found == factories_.end()) {
      std::vector<std::string> held;
      for (const auto& [type, unused] : factories_) held.push_back(type);
      return NoFactory(config.catalog_type, held);
    }
    factory = found->second;
  }
  CatalogEnvironment complete = environment;
  if (complete.io == nullptr) {
    ARROW_ASSIGN_OR_RAISE(complete.io, MakeFileIO(config.properties));
  }
  return factory(config, complete);
}

}  // namespace floe::iceberg
