#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "arrow/result.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/metastore_catalog.h"

namespace floe::iceberg::glue {

/// Glue's TableInput for a new Iceberg table, as Java's GlueTableOperations and PyIceberg
/// lay it out.
nlohmann::json NewTableInput(const TableIdentifier& table, const TablePointer& pointer);

/// The TableInput that makes `stored`, a Table of Glue's, say what `to` is. Parameters
/// and fields that are not Iceberg's stay.
nlohmann::json UpdatedTableInput(const nlohmann::json& stored, const TablePointer& from,
                                 const TablePointer& to);

/// The TableInput of `stored` under another name.
nlohmann::json RenamedTableInput(const nlohmann::json& stored, const std::string& name);

/// Whether Glue's Table is an Iceberg table.
bool IsIcebergTable(const nlohmann::json& stored);
/// Its metadata file. kNotSupported for a table of another format, kCorruptData for an
/// Iceberg table without one; `table` names it.
arrow::Result<std::string> MetadataLocationOf(const nlohmann::json& stored,
                                              const TableIdentifier& table);

/// A text field of an object; "" where there is none.
std::string TextOf(const nlohmann::json& object, const char* key);

}  // namespace floe::iceberg::glue
