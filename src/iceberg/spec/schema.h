#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/type.h"

namespace arrow {
class DataType;
class Schema;
}  // namespace arrow

namespace floe::iceberg {

/// A table schema: a struct with an id and identifier fields. Immutable after Make.
class Schema {
 public:
  static constexpr int32_t kInitialId = 0;

  /// kInvalidArgument when two fields share an id or a full name, an identifier field
  /// does not exist, or a name or default has no JSON form.
  static arrow::Result<std::shared_ptr<const Schema>> Make(
      std::vector<NestedField> fields, int32_t schema_id = kInitialId,
      std::vector<int32_t> identifier_field_ids = {});

  int32_t schema_id() const { return schema_id_; }
  const std::vector<NestedField>& fields() const { return struct_->fields(); }
  const TypePtr& struct_type() const { return struct_; }
  const std::vector<int32_t>& identifier_field_ids() const { return identifier_ids_; }
  int32_t highest_field_id() const { return highest_field_id_; }

  /// Any field at any depth, or nullptr.
  const NestedField* FindField(int32_t field_id) const;
  /// By full dotted name ("a.b", "list.element", "map.value"), or nullptr.
  const NestedField* FindField(std::string_view full_name) const;
  /// Like FindField, but kNoSuchColumn naming the column and the nearest one.
  arrow::Result<const NestedField*> GetField(std::string_view full_name) const;
  /// The full dotted name, or "" for an unknown id.
  std::string FullName(int32_t field_id) const;
  /// Full names of all top-level columns.
  std::vector<std::string> ColumnNames() const;

  /// A schema of the named top-level columns, in the order given.
  arrow::Result<std::shared_ptr<const Schema>> Select(
      const std::vector<std::string>& names) const;

  bool SameFields(const Schema& other) const;
  std::string ToString() const;

 private:
  Schema() = default;

  int32_t schema_id_ = 0;
  int32_t highest_field_id_ = 0;
  TypePtr struct_;
  std::vector<int32_t> identifier_ids_;
  std::unordered_map<int32_t, const NestedField*> by_id_;
  std::unordered_map<std::string, int32_t> id_by_name_;
  std::unordered_map<int32_t, std::string> name_by_id_;
};

using SchemaPtr = std::shared_ptr<const Schema>;

/// Metadata key under which Arrow and Parquet keep a field id.
inline constexpr char kFieldIdKey[] = "PARQUET:field_id";

/// Iceberg to Arrow: timestamp -> timestamp[us], timestamptz -> timestamp[us, UTC],
/// uuid -> fixed_size_binary(16), unknown -> null; field ids ride in kFieldIdKey.
arrow::Result<std::shared_ptr<arrow::DataType>> ToArrowType(const Type& type);
arrow::Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const Schema& schema);

/// Arrow to Iceberg for a new table. Field ids are taken from kFieldIdKey where every
/// field has one, else assigned in preorder from 1. int8/16 and unsigned up to 16 bits ->
/// int, uint32 -> long; timestamps of s, ms and us -> timestamp(tz), ns -> timestamp(tz)
/// (microseconds) unless `format_version` >= 3. kNotSupported names the column.
arrow::Result<SchemaPtr> FromArrowSchema(const arrow::Schema& schema,
                                         int format_version = 2);

/// Spec Appendix C, JSON of schemas.
arrow::Result<SchemaPtr> SchemaFromJsonText(std::string_view json);
std::string SchemaToJsonText(const Schema& schema);

}  // namespace floe::iceberg
