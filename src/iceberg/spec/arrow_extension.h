#pragma once

#include <memory>

#include "arrow/util/key_value_metadata.h"
#include "iceberg/spec/type.h"

namespace floe::iceberg {

/// What a field of Iceberg's `type` says in its metadata so that readers of the Arrow C
/// data interface know it: uuid is fixed_size_binary[16] inside and arrow.uuid to them
/// (arrow.apache.org, "Canonical Extension Types"), variant a struct of its two parts and
/// arrow.parquet.variant. nullptr for all other types.
inline std::shared_ptr<const arrow::KeyValueMetadata> ExtensionMetadata(
    const Type& type) {
  const bool is_uuid = type.id() == TypeId::kUuid;
  if (!is_uuid && type.id() != TypeId::kVariant) return nullptr;
  return arrow::key_value_metadata(
      {"ARROW:extension:name", "ARROW:extension:metadata"},
      {is_uuid ? "arrow.uuid" : "arrow.parquet.variant", ""});
}

}  // namespace floe::iceberg
