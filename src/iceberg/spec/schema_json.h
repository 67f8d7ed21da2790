#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "arrow/result.h"
#include "iceberg/spec/schema.h"

namespace floe::iceberg {

/// Spec Appendix C, "Schemas", for the parsers of this folder and of the catalogs.
/// `where` names the schema in errors, e.g. "schemas[1]".
arrow::Result<SchemaPtr> SchemaFromJson(const nlohmann::json& value,
                                        const std::string& where);
nlohmann::json SchemaToJson(const Schema& schema);

}  // namespace floe::iceberg
