#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/rest/rest_settings.h"
#include "io/store_properties.h"

namespace floe::iceberg {

// What a server may say it serves, in the words of the specification.
inline constexpr char kListNamespaces[] = "GET /v1/{prefix}/namespaces";
inline constexpr char kCreateNamespace[] = "POST /v1/{prefix}/namespaces";
inline constexpr char kLoadNamespace[] = "GET /v1/{prefix}/namespaces/{namespace}";
inline constexpr char kHeadNamespace[] = "HEAD /v1/{prefix}/namespaces/{namespace}";
inline constexpr char kDropNamespace[] = "DELETE /v1/{prefix}/namespaces/{namespace}";
inline constexpr char kUpdateNamespace[] =
    "POST /v1/{prefix}/namespaces/{namespace}/properties";
inline constexpr char kListTables[] = "GET /v1/{prefix}/namespaces/{namespace}/tables";
inline constexpr char kCreateTable[] = "POST /v1/{prefix}/namespaces/{namespace}/tables";
inline constexpr char kLoadTable[] =
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}";
inline constexpr char kHeadTable[] =
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}";
inline constexpr char kCommitTable[] =
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}";
inline constexpr char kDropTable[] =
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}";
inline constexpr char kRegisterTable[] =
    "POST /v1/{prefix}/namespaces/{namespace}/register";
inline constexpr char kRenameTable[] = "POST /v1/{prefix}/tables/rename";
inline constexpr char kCommitTransaction[] = "POST /v1/{prefix}/transactions/commit";
inline constexpr char kLoadCredentials[] =
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials";
inline constexpr char kListViews[] = "GET /v1/{prefix}/namespaces/{namespace}/views";
inline constexpr char kLoadView[] =
    "GET /v1/{prefix}/namespaces/{namespace}/views/{view}";
inline constexpr char kHeadView[] =
    "HEAD /v1/{prefix}/namespaces/{namespace}/views/{view}";
inline constexpr char kPlanScan[] =
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan";
inline constexpr char kFetchPlan[] =
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}";
inline constexpr char kCancelPlan[] =
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}";
inline constexpr char kFetchTasks[] =
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/tasks";

/// The properties a REST catalog reads beside those of stores and of every catalog.
std::vector<PropertyKey> RestPropertyKeys();

/// The character(s) between levels, as in query strings before encoding.
std::string DecodedSeparator(const RestSettings& settings);

/// Of a list's "identifiers", sorted.
arrow::Result<std::vector<TableIdentifier>> IdentifiersOf(
    const std::vector<nlohmann::json>& items);

}  // namespace floe::iceberg
