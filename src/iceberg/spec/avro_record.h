#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/avro/container.h"
#include "iceberg/avro/decoder.h"
#include "iceberg/avro/schema.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {

/// How one field of the record a file was written with is read. Refers to the schema.
struct AvroField {
  int32_t field_id = avro::kNoId;
  const avro::Schema* whole = nullptr;
  /// The field's type without null; nullptr when it is a union of anything else.
  const avro::Schema* value = nullptr;
  int branch = -1;  ///< The union branch of `value`; -1 for no union.
};

/// Opens the bytes of a manifest or manifest list. kNotSupported when they are encrypted.
arrow::Result<avro::ContainerReader> OpenMetadataFile(std::string_view bytes);

/// The fields of a written record, in its order. kCorruptData when `schema` is no record,
/// or a field without an id; `where` names the record.
arrow::Result<std::vector<AvroField>> AvroFields(const avro::Schema& schema,
                                                 std::string_view where);

/// What a field that Floe reads may be written as.
enum class AvroShape { kLong, kInt, kBoolean, kText, kList, kRecord, kPairs };

/// kCorruptData when `field` was not written in a form that can be read as `shape`.
arrow::Status CheckShape(const AvroField& field, AvroShape shape);

/// Whether a value of `field` follows; a null has then been passed over.
inline bool ReadPresent(const AvroField& field, avro::Decoder* decoder) {
  if (field.branch < 0) return true;
  const int64_t branch = decoder->ReadLong();
  if (branch == field.branch) return decoder->ok();
  if (branch != 1 - field.branch) decoder->Fail("a union branch that is not there");
  return false;
}

inline std::optional<int64_t> ReadOptionalLong(const AvroField& field,
                                               avro::Decoder* decoder) {
  if (!ReadPresent(field, decoder)) return std::nullopt;
  return decoder->ReadLong();
}

inline std::optional<int32_t> ReadOptionalInt(const AvroField& field,
                                              avro::Decoder* decoder) {
  if (!ReadPresent(field, decoder)) return std::nullopt;
  return decoder->ReadInt();
}

/// A string, byte sequence or fixed; empty for null.
inline std::string_view ReadText(const AvroField& field, avro::Decoder* decoder) {
  if (!ReadPresent(field, decoder)) return {};
  if (field.value->kind == avro::Kind::kFixed) return decoder->ReadRaw(field.value->size);
  return decoder->ReadBytes();
}

/// The type a value of `target` read from `field` gets: `target`, or for type unknown the
/// one that fits what was written. kNotSupported when the written form cannot be read so.
arrow::Result<TypePtr> ReadableAs(const AvroField& field, const TypePtr& target);

/// Reads one value of `field`, which ReadableAs has let pass, as `type`. Errors stick to
/// the decoder.
Literal ReadLiteral(const AvroField& field, const TypePtr& type, avro::Decoder* decoder);

}  // namespace floe::iceberg
