#pragma once

#include <string>

#include "arrow/result.h"
#include "iceberg/spec/type.h"

namespace floe::iceberg {

/// The Avro schemas (JSON text) of manifest entries and manifest list rows for a format
/// version (spec, "Manifests", "Manifest Lists" and Appendix A). Fields come in the order
/// of the Java reference; the writers encode in that order.
std::string ManifestEntryAvroSchema(int format_version, const Type& partition_type);
std::string ManifestListAvroSchema(int format_version);

/// Bytes of the fixed that holds decimals of `precision` in Avro.
int32_t DecimalFixedBytes(int32_t precision);

/// A name that Avro allows: other characters become "_x" and their code, as the Java
/// reference does.
std::string AvroName(std::string_view name);

}  // namespace floe::iceberg
