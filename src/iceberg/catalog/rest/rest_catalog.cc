#include "iceberg/catalog/rest/rest_catalog.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "iceberg/catalog/rest/rest_endpoints.h"
#include "iceberg/catalog/rest/rest_json.h"
#include "iceberg/spec/json_reader.h"
#include "io/aws_credentials.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

constexpr int kMaxPages = 100'000;
constexpr char kConfigPath[] = "/v1/config";

PropertyMap ClientProperties(const CatalogConfig& config) {
  PropertyMap properties = config.properties;
  properties["uri"] = config.uri;
  if (!config.warehouse.empty()) properties["warehouse"] = config.warehouse;
  // The one setting for every store's and catalog's authorities.
  const std::string authorities = FirstProperty(properties, {"floe.ca-file"});
  if (!authorities.empty()) properties.try_emplace("ssl.cabundle", authorities);
  return properties;
}

/// A session as `properties` say; with the login of `previous` when it is the same.
arrow::Result<std::unique_ptr<RestSession>> MakeSession(const std::string& name,
                                                        const PropertyMap& properties,
                                                        const HttpClientEnvironment& http,
                                                        const RestSession* previous) {
  ARROW_ASSIGN_OR_RAISE(RestSettings settings, RestSettings::FromProperties(properties));
  ARROW_ASSIGN_OR_RAISE(RestAuthOptions login,
                        RestAuthOptions::FromProperties(properties, settings.uri));
  RestSession::Parts parts;
  parts.catalog_name = name;
  parts.clock = http.clock;
  parts.random = http.random;
  ARROW_ASSIGN_OR_RAISE(parts.http, MakeHttpClient(settings.http, http));
  if (settings.signs_requests) {
    AwsSettings aws;
    aws.prefix = "rest.";
    aws.clock = http.clock;
    ARROW_ASSIGN_OR_RAISE(parts.signing_keys,
                          MakeAwsCredentialsProvider(properties, aws));
  }
  if (previous != nullptr && previous->parts().auth->options() == login) {
    parts.auth = previous->parts().auth;
  } else {
    parts.auth = std::make_shared<RestAuth>(std::move(login), parts.http, http.clock);
  }
  return std::make_unique<RestSession>(std::move(settings), std::move(parts));
}

arrow::Status CheckLevels(const Namespace& levels) {
  const bool has_empty = std::any_of(levels.begin(), levels.end(),
                                     [](const auto& level) { return level.empty(); });
  if (!levels.empty() && !has_empty) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' is no namespace: expected names joined by dots, like 'a.b'",
                   NamespaceToString(levels));
}

std::string What(std::string_view verb, const Namespace& levels) {
  return fmt::format("{} namespace '{}'", verb, NamespaceToString(levels));
}

}  // namespace

void RegisterRestCatalog(CatalogRegistry& registry) {
  registry.Register(
      "rest",
      [](const CatalogConfig& config, const CatalogEnvironment& environment)
          -> arrow::Result<std::shared_ptr<Catalog>> {
        return RestCatalog::Open(config, environment);
      },
      RestPropertyKeys());
}

RestCatalog::RestCatalog(std::string name, RestServerConfig server,
                         std::shared_ptr<const RestSession> session,
                         std::shared_ptr<FileIO> io, HttpClientEnvironment http)
    : name_(std::move(name)),
      server_(std::move(server)),
      session_(std::move(session)),
      io_(std::move(io)),
      http_(std::move(http)) {}

arrow::Result<std::shared_ptr<RestCatalog>> RestCatalog::Open(
    const CatalogConfig& config, const CatalogEnvironment& environment,
    const HttpClientEnvironment& http) {
  HttpClientEnvironment surroundings = http;
  surroundings.clock = environment.clock;
  surroundings.random = environment.random;
  const PropertyMap properties = ClientProperties(config);
  const std::string& name = config.catalog_name;
  ARROW_ASSIGN_OR_RAISE(auto first, MakeSession(name, properties, surroundings, nullptr));
  RestCall call{.path = kConfigPath};
  call.what = "ask for the configuration";
  call.not_found = ErrorCode::kInvalidConfig;
  if (!config.warehouse.empty()) call.query = {{"warehouse", config.warehouse}};
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, first->Send(call));
  auto server = RestServerConfig::FromJson(answer.body, properties);
  if (!server.ok()) return WithContext(server.status(), "catalog", name);
  ARROW_ASSIGN_OR_RAISE(auto session,
                        MakeSession(name, server->properties, surroundings, first.get()));
  RestSession::Parts parts = session->parts();
  parts.takes_idempotency_keys = server->takes_idempotency_keys;
  std::shared_ptr<const RestSession> complete =
      std::make_shared<RestSession>(session->settings(), std::move(parts));
  std::shared_ptr<FileIO> io = environment.io;
  if (io == nullptr || server->properties != properties) {
    ARROW_ASSIGN_OR_RAISE(io, MakeFileIO(server->properties));
  }
  return std::shared_ptr<RestCatalog>(new RestCatalog(
      name, std::move(*server), std::move(complete), std::move(io), surroundings));
}

std::string RestCatalog::NamespacePath(const Namespace& levels) const {
  const RestSettings& settings = session_->settings();
  std::string path = "/v1";
  if (!settings.prefix.empty()) path += "/" + settings.prefix;
  path += "/namespaces";
  for (size_t i = 0; i < levels.size(); ++i) {
    path += i == 0 ? "/" : settings.namespace_separator;
    path += PercentEncode(levels[i]);
  }
  return path;
}

arrow::Status RestCatalog::CheckServed(const char* endpoint,
                                       const std::string& what) const {
  if (server_.Serves(endpoint)) return arrow::Status::OK();
  return MakeError(ErrorCode::kNotSupported,
                   "{}: the server of catalog '{}' does not offer '{}'; use a catalog "
                   "that does",
                   what, name_, endpoint);
}

void RestCatalog::Wait(int64_t wait_ms) const {
  if (http_.wait) {
    http_.wait(wait_ms);
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

arrow::Result<std::vector<json>> RestCatalog::ListAll(RestCall call,
                                                      const char* member) const {
  std::vector<json> items;
  const auto given_query = call.query;
  std::string token;
  if (const auto& page_size = session_->settings().page_size) {
    // An empty token asks for the first page: without one all come at once.
    call.query.emplace_back("pageToken", "");
    call.query.emplace_back("pageSize", std::to_string(*page_size));
  }
  for (int page = 0; page < kMaxPages; ++page) {
    ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
    ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                          JsonObject::Make(answer.body, "the catalog's answer"));
    ARROW_ASSIGN_OR_RAISE(const json* list, object.GetArray(member));
    items.insert(items.end(), list->begin(), list->end());
    ARROW_ASSIGN_OR_RAISE(const auto next, object.FindString("next-page-token"));
    if (!next || next->empty()) return items;
    if (*next == token) break;
    token = *next;
    call.query = given_query;
    call.query.emplace_back("pageToken", token);
    if (const auto& page_size = session_->settings().page_size) {
      call.query.emplace_back("pageSize", std::to_string(*page_size));
    }
  }
  return MakeError(ErrorCode::kServiceUnavailable,
                   "{}: catalog '{}' does not come to the last page of its answer",
                   call.what, name_);
}

arrow::Result<bool> RestCatalog::Exists(const char* head_endpoint,
                                        const char* get_endpoint, RestCall call) const {
  call.asks_existence = true;
  if (server_.Serves(head_endpoint)) {
    call.method = "HEAD";
  } else {
    ARROW_RETURN_NOT_OK(CheckServed(get_endpoint, call.what));
  }
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
  constexpr int kNotFound = 404;
  return answer.status != kNotFound;
}

arrow::Result<std::vector<Namespace>> RestCatalog::ListNamespaces(
    const Namespace& parent) {
  RestCall call{.path = NamespacePath({})};
  call.what = parent.empty() ? "list namespaces" : What("list what is in", parent);
  call.not_found = ErrorCode::kNoSuchNamespace;
  ARROW_RETURN_NOT_OK(CheckServed(kListNamespaces, call.what));
  if (!parent.empty()) {
    ARROW_RETURN_NOT_OK(CheckLevels(parent));
    // The levels are joined by the character that the separator stands for in paths.
    std::string text;
    for (const std::string& level : parent) {
      text += (text.empty() ? "" : DecodedSeparator(session_->settings())) + level;
    }
    call.query = {{"parent", text}};
  }
  ARROW_ASSIGN_OR_RAISE(const auto items, ListAll(std::move(call), "namespaces"));
  std::vector<Namespace> namespaces;
  for (const json& item : items) {
    Namespace levels;
    if (!item.is_array()) {
      return MakeError(ErrorCode::kCorruptData,
                       "catalog '{}' lists a namespace that is no array", name_);
    }
    for (const json& level : item) {
      ARROW_ASSIGN_OR_RAISE(std::string text, JsonText(level, "namespaces"));
      levels.push_back(std::move(text));
    }
    // Some servers list all descendants.
    if (levels.size() == parent.size() + 1) namespaces.push_back(std::move(levels));
  }
  std::sort(namespaces.begin(), namespaces.end());
  return namespaces;
}

arrow::Result<bool> RestCatalog::NamespaceExists(const Namespace& levels) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  RestCall call{.path = NamespacePath(levels)};
  call.what = What("look for", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  return Exists(kHeadNamespace, kLoadNamespace, std::move(call));
}

arrow::Status RestCatalog::CreateNamespace(
    const Namespace& levels, const std::map<std::string, std::string>& properties) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  RestCall call{.method = "POST", .path = NamespacePath({})};
  call.what = What("create", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  call.is_idempotent = false;
  call.is_change = true;
  ARROW_RETURN_NOT_OK(CheckServed(kCreateNamespace, call.what));
  const json body = {{"namespace", levels}, {"properties", properties}};
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(body, call.what));
  return session_->Send(call).status();
}

arrow::Status RestCatalog::DropNamespace(const Namespace& levels) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  RestCall call{.method = "DELETE", .path = NamespacePath(levels)};
  call.what = What("drop", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  call.conflict = ErrorCode::kInvalidArgument;  // It is not empty.
  ARROW_RETURN_NOT_OK(CheckServed(kDropNamespace, call.what));
  call.asks_existence = true;
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
  constexpr int kNotFound = 404;
  // A repeated drop that finds nothing has found its own work.
  if (answer.status != kNotFound || answer.is_perhaps_repeated)
    return arrow::Status::OK();
  return MakeError(ErrorCode::kNoSuchNamespace,
                   "{}: there is no such namespace in catalog '{}'", call.what, name_);
}

arrow::Result<std::map<std::string, std::string>> RestCatalog::NamespaceProperties(
    const Namespace& levels) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  RestCall call{.path = NamespacePath(levels)};
  call.what = What("load", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  ARROW_RETURN_NOT_OK(CheckServed(kLoadNamespace, call.what));
  ARROW_ASSIGN_OR_RAISE(const RestAnswer answer, session_->Send(call));
  ARROW_ASSIGN_OR_RAISE(const JsonObject object,
                        JsonObject::Make(answer.body, "the catalog's answer"));
  return JsonTextMap(object.Find("properties"), "properties");
}

arrow::Status RestCatalog::UpdateNamespaceProperties(
    const Namespace& levels, const std::map<std::string, std::string>& updates,
    const std::vector<std::string>& removals) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  RestCall call{.method = "POST", .path = NamespacePath(levels) + "/properties"};
  call.what = What("change the properties of", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  ARROW_RETURN_NOT_OK(CheckServed(kUpdateNamespace, call.what));
  const json body = {{"updates", updates}, {"removals", removals}};
  ARROW_ASSIGN_OR_RAISE(call.body, DumpJson(body, call.what));
  return session_->Send(call).status();
}

arrow::Result<std::vector<TableIdentifier>> RestCatalog::ListTables(
    const Namespace& levels) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  RestCall call{.path = NamespacePath(levels) + "/tables"};
  call.what = What("list the tables of", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  ARROW_RETURN_NOT_OK(CheckServed(kListTables, call.what));
  ARROW_ASSIGN_OR_RAISE(const auto items, ListAll(std::move(call), "identifiers"));
  return IdentifiersOf(items);
}

arrow::Result<std::vector<TableIdentifier>> RestCatalog::ListViews(
    const Namespace& levels) {
  ARROW_RETURN_NOT_OK(CheckLevels(levels));
  if (!server_.Serves(kListViews)) return std::vector<TableIdentifier>();
  RestCall call{.path = NamespacePath(levels) + "/views"};
  call.what = What("list the views of", levels);
  call.not_found = ErrorCode::kNoSuchNamespace;
  ARROW_ASSIGN_OR_RAISE(const auto items, ListAll(std::move(call), "identifiers"));
  return IdentifiersOf(items);
}

arrow::Result<bool> RestCatalog::ViewExists(const TableIdentifier& view) {
  if (!server_.Serves(kHeadView) && !server_.Serves(kLoadView)) return false;
  RestCall call{.path =
                    NamespacePath(view.levels) + "/views/" + PercentEncode(view.name)};
  call.what = fmt::format("look for view '{}'", view.ToString());
  return Exists(kHeadView, kLoadView, std::move(call));
}

}  // namespace floe::iceberg
