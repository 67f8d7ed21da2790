#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/name_mapping.h"

namespace arrow {
class Field;
}

namespace floe::iceberg {

/// One field of a data file, at any depth, as its decoder gives it.
struct FileField {
  int32_t field_id = -1;  ///< -1: none.
  std::string name;
  std::shared_ptr<arrow::Field> field;  ///< The type the whole field is decoded to.
  int column = -1;                      ///< Leaf ordinal; -1 for a nested field.
  /// A struct's fields; a list's element; a map's key and value.
  std::vector<FileField> children;
  bool is_leaf() const { return column >= 0; }
};

/// The fields of a data file by Iceberg field id. Immutable.
class FileSchema {
 public:
  /// Where no field has an id, those of `mapping` (may be null) are taken.
  static std::shared_ptr<const FileSchema> Make(std::vector<FileField> fields,
                                                const NameMapping* mapping);

  const std::vector<FileField>& fields() const { return fields_; }
  /// Whether the ids are the file's own.
  bool has_own_ids() const { return has_own_ids_; }

  /// The field, or nullptr.
  const FileField* Find(int32_t field_id) const;
  /// The leaf ordinal of a primitive field, or -1 when the file has no such leaf.
  int LeafColumn(int32_t field_id) const;

 private:
  std::vector<FileField> fields_;
  bool has_own_ids_ = false;
  std::unordered_map<int32_t, const FileField*> by_id_;
};

}  // namespace floe::iceberg
