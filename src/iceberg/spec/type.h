#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"

namespace floe::iceberg {

class Literal;

/// The types of the Iceberg table specification ("Schemas and Data Types"), V1 to V3.
enum class TypeId {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampTz,
  kTimestampNs,
  kTimestampTzNs,
  kString,
  kUuid,
  kFixed,
  kBinary,
  kUnknown,
  kVariant,
  kGeometry,
  kGeography,
  kStruct,
  kList,
  kMap,
};

class Type;
using TypePtr = std::shared_ptr<const Type>;

/// One field of a struct, or the element of a list, or the key or value of a map.
struct NestedField {
  int32_t id = 0;
  std::string name;
  TypePtr type;
  bool required = false;
  std::string doc;
  /// The value of rows written before the field existed (V3); null pointer: none.
  std::shared_ptr<const Literal> initial_default;
  /// The value a writer uses when it is given none (V3); null pointer: none.
  std::shared_ptr<const Literal> write_default;

  static NestedField Required(int32_t id, std::string name, TypePtr type);
  static NestedField Optional(int32_t id, std::string name, TypePtr type);
  bool Equals(const NestedField& other) const;
};

/// An Iceberg type. Immutable and shared. A struct's fields, a list's single element
/// field ("element") and a map's two fields ("key", "value") are its children.
class Type {
 public:
  static TypePtr Boolean();
  static TypePtr Int();
  static TypePtr Long();
  static TypePtr Float();
  static TypePtr Double();
  static TypePtr Date();
  static TypePtr Time();
  static TypePtr Timestamp();
  static TypePtr TimestampTz();
  static TypePtr TimestampNs();
  static TypePtr TimestampTzNs();
  static TypePtr String();
  static TypePtr Uuid();
  static TypePtr Binary();
  static TypePtr Unknown();
  static TypePtr Variant();
  static TypePtr Decimal(int32_t precision, int32_t scale);
  static TypePtr Fixed(int32_t length);
  static TypePtr Geometry(std::string crs);
  static TypePtr Geography(std::string crs, std::string algorithm);
  static TypePtr Struct(std::vector<NestedField> fields);
  static TypePtr List(NestedField element);
  static TypePtr Map(NestedField key, NestedField value);

  /// Parses a primitive type's JSON text, e.g. "decimal(9,2)"; kNotSupported for a name
  /// this version does not know, naming it.
  static arrow::Result<TypePtr> FromString(std::string_view text);

  TypeId id() const { return id_; }
  bool is_nested() const { return id_ >= TypeId::kStruct; }
  bool is_primitive() const { return !is_nested(); }
  int32_t precision() const { return precision_; }
  int32_t scale() const { return scale_; }
  /// Bytes of a fixed.
  int32_t length() const { return length_; }
  const std::string& crs() const { return crs_; }
  const std::string& algorithm() const { return algorithm_; }
  const std::vector<NestedField>& fields() const { return fields_; }
  const NestedField& element() const { return fields_[0]; }
  const NestedField& key() const { return fields_[0]; }
  const NestedField& value() const { return fields_[1]; }

  /// The JSON text of a primitive type; a readable form, e.g. "list<int>", of others.
  std::string ToString() const;
  bool Equals(const Type& other) const;

 private:
  explicit Type(TypeId id) : id_(id) {}

  TypeId id_;
  int32_t precision_ = 0;
  int32_t scale_ = 0;
  int32_t length_ = 0;
  std::string crs_;
  std::string algorithm_;
  std::vector<NestedField> fields_;
};

/// Whether a column of type `from` may become `to` without rewriting (spec, "Schema
/// Evolution"), for a table of `format_version`.
bool IsPromotionAllowed(const Type& from, const Type& to, int format_version);

}  // namespace floe::iceberg
