#pragma once

#include <nlohmann/json_fwd.hpp>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {

/// The JSON value forms of Literal::FromJsonText and ToJsonText, for the parsers of this
/// folder.
arrow::Result<Literal> LiteralFromJson(TypePtr type, const nlohmann::json& value);
arrow::Result<nlohmann::json> LiteralToJson(const Literal& literal);

}  // namespace floe::iceberg
