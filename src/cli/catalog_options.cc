#include "cli/catalog_options.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <map>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/join.h"
#include "iceberg/catalog/glue/glue_catalog.h"
#include "iceberg/catalog/hive/hive_catalog.h"
#include "iceberg/catalog/rest/rest_catalog.h"
#include "iceberg/catalog/sql/sql_catalog.h"
#include "io/file_io.h"
#include "io/path_mapping.h"

namespace floe::cli {
namespace {

using iceberg::CatalogConfig;

constexpr char kFeastConfigFile[] = "feature_store.yaml";
constexpr char kPyIcebergConfigFile[] = ".pyiceberg.yaml";
constexpr char kEmbeddedDatabase[] = "data/floe_catalog.db";
constexpr char kEmbeddedWarehouse[] = "data/warehouse";

std::filesystem::path RepoFolder(const CatalogOptions& options) {
  return std::filesystem::absolute(options.feast_repo.empty() ? "." : options.feast_repo);
}

void UseEmbedded(const std::filesystem::path& repo, CatalogConfig* config) {
  config->uri = "sqlite:///" + (repo / kEmbeddedDatabase).lexically_normal().string();
  config->warehouse = (repo / kEmbeddedWarehouse).lexically_normal().string();
}

bool IsFloeStore(const std::string& type) {
  return type == "iceberg" || type.rfind("floe.", 0) == 0;
}

// Feast expands ${VAR} and $VAR in its configuration; so must whoever else reads it.
arrow::Result<std::string> ExpandEnvironment(const std::string& text) {
  std::string expanded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size() || text[i + 1] != '{') {
      expanded += text[i];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == std::string::npos) {
      expanded += text[i];
      continue;
    }
    const std::string name = text.substr(i + 2, end - i - 2);
    const std::optional<std::string> value = GetEnv(name.c_str());
    if (!value) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "environment variable '{}' is not set; set it or write the value",
                       name);
    }
    expanded += *value;
    i = end;
  }
  return expanded;
}

arrow::Status ReadKey(const YAML::Node& store, const char* key, std::string* value) {
  if (!store[key]) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(*value, ExpandEnvironment(store[key].as<std::string>()));
  return arrow::Status::OK();
}

// Relative paths in a Feast repo's configuration start at the repo.
void MakeAbsolute(const std::filesystem::path& repo, CatalogConfig* config) {
  constexpr std::string_view kSqlite = "sqlite:///";
  if (config->uri.starts_with(kSqlite) && config->uri.size() > kSqlite.size() &&
      config->uri[kSqlite.size()] != '/') {
    config->uri =
        std::string(kSqlite) + (repo / config->uri.substr(kSqlite.size())).string();
  }
  // A REST catalog's warehouse is a name that its server knows.
  if (config->catalog_type != "rest" && !config->warehouse.empty() &&
      config->warehouse.find(':') == std::string::npos) {
    config->warehouse = (repo / config->warehouse).string();
  }
}

arrow::Status ReadStore(const YAML::Node& store, CatalogConfig* config) {
  ARROW_RETURN_NOT_OK(ReadKey(store, "catalog_type", &config->catalog_type));
  ARROW_RETURN_NOT_OK(ReadKey(store, "catalog_name", &config->catalog_name));
  ARROW_RETURN_NOT_OK(ReadKey(store, "uri", &config->uri));
  ARROW_RETURN_NOT_OK(ReadKey(store, "warehouse", &config->warehouse));
  for (const auto& option : store["storage_options"]) {
    ARROW_ASSIGN_OR_RAISE(config->properties[option.first.as<std::string>()],
                          ExpandEnvironment(option.second.as<std::string>()));
  }
  return arrow::Status::OK();
}

// Whether the repo's feature_store.yaml names a Floe store, whose keys are then read.
arrow::Result<bool> ReadFeastConfig(const std::filesystem::path& file,
                                    CatalogConfig* config) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO({}));
  ARROW_ASSIGN_OR_RAISE(const std::string text, io->ReadAll(file.string()));
  try {
    const YAML::Node root = YAML::Load(text);
    for (const char* name : {"offline_store", "online_store"}) {
      const YAML::Node store = root[name];
      if (!store || !store.IsMap() || !store["type"]) continue;
      if (!IsFloeStore(store["type"].as<std::string>())) continue;
      ARROW_RETURN_NOT_OK(ReadStore(store, config));
      MakeAbsolute(file.parent_path(), config);
      return true;
    }
  } catch (const YAML::Exception& error) {
    return MakeError(ErrorCode::kInvalidConfig, "{} is not the YAML Feast expects: {}",
                     file.string(), error.what());
  }
  return false;
}

arrow::Result<std::map<std::string, std::string>> StorageProperties(
    const CatalogOptions& options) {
  std::map<std::string, std::string> properties;
  for (const std::string& text : options.properties) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      // Not repeated: without its "=" it may be a secret alone.
      return MakeError(ErrorCode::kInvalidArgument,
                       "--property takes KEY=VALUE, such as s3.region=eu-central-1");
    }
    ARROW_ASSIGN_OR_RAISE(properties[text.substr(0, equals)],
                          ExpandEnvironment(text.substr(equals + 1)));
  }
  std::string prefixes;
  for (const std::string& prefix : options.path_prefixes) prefixes += prefix + ";";
  if (!prefixes.empty()) properties[kPathPrefixesProperty] = prefixes;
  return properties;
}

/// Where PyIceberg looks for its configuration, in its order.
std::vector<std::filesystem::path> PyIcebergFiles() {
  std::vector<std::filesystem::path> files;
  for (const char* variable : {"PYICEBERG_HOME", "HOME"}) {
    const auto folder = GetEnv(variable);
    if (folder && !folder->empty()) {
      files.push_back(std::filesystem::path(*folder) / kPyIcebergConfigFile);
    }
  }
  files.emplace_back(kPyIcebergConfigFile);
  return files;
}

/// PyIceberg's guess where a catalog has no type.
std::string TypeOfUri(const std::string& uri) {
  if (uri.starts_with("http")) return "rest";
  if (uri.starts_with("thrift")) return "hive";
  return "sql";
}

arrow::Status ReadPyIcebergCatalog(const YAML::Node& catalog, CatalogConfig* config) {
  config->catalog_type.clear();
  for (const auto& entry : catalog) {
    const auto key = entry.first.as<std::string>();
    const auto value = entry.second.as<std::string>();
    if (key == "py-catalog-impl") {
      return MakeError(ErrorCode::kNotSupported,
                       "the catalog uses {}, Python code that floe cannot run", key);
    }
    if (key == "type") {
      config->catalog_type = value;
    } else if (key == "uri") {
      config->uri = value;
    } else if (key == "warehouse") {
      config->warehouse = value;
    } else {
      config->properties[key] = value;
    }
  }
  if (config->catalog_type.empty()) config->catalog_type = TypeOfUri(config->uri);
  return arrow::Status::OK();
}

arrow::Result<std::string> ReadPyIcebergConfig(const std::string& name,
                                               CatalogConfig* config) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO({}));
  for (const std::filesystem::path& file : PyIcebergFiles()) {
    if (!std::filesystem::exists(file)) continue;
    ARROW_ASSIGN_OR_RAISE(const std::string text, io->ReadAll(file.string()));
    try {
      const YAML::Node catalogs = YAML::Load(text)["catalog"];
      std::vector<std::string> names;
      for (const auto& entry : catalogs) names.push_back(entry.first.as<std::string>());
      if (!catalogs || !catalogs[name]) {
        return MakeError(ErrorCode::kInvalidConfig, "{} has no catalog '{}'; it has: {}",
                         file.string(), name, JoinText(names, ", "));
      }
      config->catalog_name = name;
      ARROW_RETURN_NOT_OK(WithContext(ReadPyIcebergCatalog(catalogs[name], config),
                                      "file", file.string()));
      return file.string();
    } catch (const YAML::Exception& error) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "{} is not the YAML PyIceberg expects: {}", file.string(),
                       error.what());
    }
  }
  return MakeError(
      ErrorCode::kInvalidConfig,
      "there is no {} in PYICEBERG_HOME, the home folder or this one to take "
      "catalog '{}' from",
      kPyIcebergConfigFile, name);
}

bool LooksLikeMetadataFile(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".metadata.json") ||
         text.ends_with(".metadata.json.gz");
}

}  // namespace

arrow::Result<ResolvedCatalog> ResolveCatalog(const CatalogOptions& options) {
  ResolvedCatalog resolved;
  CatalogConfig& config = resolved.config;
  const std::filesystem::path repo = RepoFolder(options);
  const std::filesystem::path feast_config = repo / kFeastConfigFile;
  if (!options.pyiceberg.empty()) {
    ARROW_ASSIGN_OR_RAISE(resolved.origin,
                          ReadPyIcebergConfig(options.pyiceberg, &config));
  } else if (const auto uri = GetEnv("FLOE_CATALOG_URI"); options.uri.empty() && uri) {
    config.uri = *uri;
    config.warehouse = GetEnv("FLOE_WAREHOUSE").value_or("");
    resolved.origin = "environment (FLOE_CATALOG_URI)";
  } else if (options.uri.empty() && std::filesystem::exists(feast_config)) {
    ARROW_ASSIGN_OR_RAISE(const bool found, ReadFeastConfig(feast_config, &config));
    resolved.origin = found ? feast_config.string() : "";
  }
  if (!options.catalog_type.empty()) config.catalog_type = options.catalog_type;
  if (!options.catalog_name.empty()) config.catalog_name = options.catalog_name;
  if (!options.uri.empty()) {
    ARROW_ASSIGN_OR_RAISE(config.uri, ExpandEnvironment(options.uri));
    resolved.origin = "flags";
  }
  if (!options.warehouse.empty()) config.warehouse = options.warehouse;
  ARROW_ASSIGN_OR_RAISE(const auto properties, StorageProperties(options));
  for (const auto& [key, value] : properties) config.properties[key] = value;
  if (config.uri.empty() && config.catalog_type == "sql") {
    const std::string warehouse = config.warehouse;
    UseEmbedded(repo, &config);
    if (!warehouse.empty()) config.warehouse = warehouse;
    resolved.origin +=
        resolved.origin.empty() ? "embedded default" : " (embedded catalog)";
  }
  return resolved;
}

void RegisterCatalogs(iceberg::CatalogRegistry& registry) {
  iceberg::RegisterGlueCatalog(registry);
  iceberg::RegisterHiveCatalog(registry);
  iceberg::RegisterSqlCatalog(registry);
  iceberg::RegisterRestCatalog(registry);
}

arrow::Result<std::shared_ptr<iceberg::Catalog>> OpenCatalog(
    const CatalogOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const ResolvedCatalog resolved, ResolveCatalog(options));
  iceberg::CatalogRegistry registry;
  RegisterCatalogs(registry);
  return registry.Open(resolved.config);
}

arrow::Result<iceberg::TablePtr> LoadTable(const CatalogOptions& options,
                                           const std::string& name_or_path) {
  if (LooksLikeMetadataFile(name_or_path)) {
    ARROW_ASSIGN_OR_RAISE(const auto properties, StorageProperties(options));
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO(properties));
    return iceberg::Table::FromMetadataFile(std::move(io), name_or_path);
  }
  ARROW_ASSIGN_OR_RAISE(const auto identifier,
                        iceberg::TableIdentifier::Parse(name_or_path));
  ARROW_ASSIGN_OR_RAISE(auto catalog, OpenCatalog(options));
  return iceberg::Table::Load(std::move(catalog), identifier);
}

}  // namespace floe::cli
