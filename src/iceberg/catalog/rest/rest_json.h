#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/table_update.h"

namespace floe::iceberg {

// JSON of the REST catalog specification (open-api/rest-catalog-open-api.yaml of Apache
// Iceberg): what Floe sends.

/// A string; kCorruptData names `what` otherwise.
arrow::Result<std::string> JsonText(const nlohmann::json& value, const char* what);
/// An object of strings; null is an empty one. Numbers and booleans, which some servers
/// send, are taken as their text.
arrow::Result<std::map<std::string, std::string>> JsonTextMap(const nlohmann::json* value,
                                                              const char* what);

/// TableUpdate; kCorruptData when a statistics file's JSON text is none.
arrow::Result<nlohmann::json> TableUpdateToJson(const TableUpdate& change);
/// TableRequirement.
nlohmann::json TableRequirementToJson(const TableRequirement& required);
/// TableIdentifier.
nlohmann::json TableIdentifierToJson(const TableIdentifier& table);
arrow::Result<TableIdentifier> TableIdentifierFromJson(const nlohmann::json& value);
/// CommitTableRequest, with the identifier that commits of several tables need.
arrow::Result<nlohmann::json> CommitToJson(
    const TableIdentifier& table, const std::vector<TableRequirement>& requirements,
    const std::vector<TableUpdate>& updates);
/// CreateTableRequest. Checked and completed (ids) as other catalogs do.
arrow::Result<nlohmann::json> CreateToJson(const std::string& name,
                                           const CreateTableRequest& request);

}  // namespace floe::iceberg
