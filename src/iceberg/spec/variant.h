#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"

namespace floe::iceberg {

/// The names a variant's objects use (Parquet's variant encoding, "Metadata encoding").
/// Refers to the bytes it was parsed from.
class VariantMetadata {
 public:
  /// kCorruptData for anything but version 1 with names in bounds.
  static arrow::Result<VariantMetadata> Parse(std::string_view bytes);

  uint32_t size() const { return static_cast<uint32_t>(names_.size()); }
  std::string_view name(uint32_t id) const { return names_[id]; }
  std::optional<uint32_t> Find(std::string_view name) const;

 private:
  std::vector<std::string_view> names_;
};

/// A variant as JSON text: times as ISO text, binary as base64, NaN and the infinities as
/// text. kCorruptData for bytes that are no variant.
arrow::Result<std::string> VariantToJson(std::string_view metadata,
                                         std::string_view value);

/// Name and value of each field, when `value` is an object; nullopt when it is not.
using VariantFields = std::vector<std::pair<std::string_view, std::string_view>>;
arrow::Result<std::optional<VariantFields>> VariantObjectFields(
    const VariantMetadata& metadata, std::string_view value);

/// Builds values ("Value encoding") for a given metadata.
namespace variant {
std::string Null();
std::string Boolean(bool value);
/// In as many bytes as `width` (1, 2, 4, 8) says.
std::string Integer(int64_t value, int width);
std::string Float(float value);
std::string Double(double value);
/// `unscaled` little-endian, of 4, 8 or 16 bytes.
std::string Decimal(std::string_view unscaled, int32_t scale);
std::string Date(int32_t days);
std::string Time(int64_t micros);
std::string Timestamp(int64_t value, bool is_utc, bool is_nanos);
std::string Binary(std::string_view bytes);
std::string String(std::string_view text);
std::string Uuid(std::string_view bytes);
std::string Array(const std::vector<std::string>& elements);
/// kCorruptData for a name that is not in `metadata`, or twice in `fields`.
arrow::Result<std::string> Object(
    const VariantMetadata& metadata,
    std::vector<std::pair<std::string, std::string>> fields);
}  // namespace variant

/// Metadata key and value by which Arrow fields say that they hold a variant.
inline constexpr char kArrowExtensionKey[] = "ARROW:extension:name";
inline constexpr char kVariantExtension[] = "arrow.parquet.variant";

}  // namespace floe::iceberg
