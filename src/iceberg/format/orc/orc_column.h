#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/format/orc/orc_metadata.h"
#include "iceberg/format/orc/orc_stream.h"

namespace floe::iceberg::orc {

/// The fields of a file with the Arrow types their values are decoded to (spec Appendix
/// A, "ORC"). Leaves carry the number of their ORC column as ordinal. Times are
/// microseconds unless the file says nanoseconds. A leaf that cannot be read has
/// arrow::null().
std::vector<FileField> OrcFileFields(const std::vector<Type>& types);

/// Where a column reader gets its stripe's parts.
class StripeSource {
 public:
  virtual ~StripeSource() = default;
  virtual const Type& type(uint32_t column) const = 0;
  virtual const Encoding& encoding(uint32_t column) const = 0;
  /// nullopt where the stripe has no such stream.
  virtual arrow::Result<std::optional<ByteStream>> Open(uint32_t column,
                                                        StreamKind kind) = 0;
  /// Seconds since 1970 at which times without a zone start to count; kNotSupported for a
  /// time zone other than UTC.
  virtual arrow::Result<int64_t> LocalTimeBase() const = 0;
};

/// Decodes values of one column of one stripe, in order. One thread.
class OrcColumn {
 public:
  /// Of `field`, with its leaves in `leaves` alone.
  static arrow::Result<std::unique_ptr<OrcColumn>> Make(const FileField& field,
                                                        uint32_t column,
                                                        const std::set<int>& leaves,
                                                        StripeSource* stripe,
                                                        arrow::MemoryPool* pool);
  virtual ~OrcColumn() = default;

  /// The next `count` values, those NULL where `parents` (one flag a value; null: none)
  /// is false being NULL and not stored.
  arrow::Result<std::shared_ptr<arrow::Array>> Read(int64_t count,
                                                    const std::vector<bool>* parents);

 protected:
  explicit OrcColumn(arrow::MemoryPool* pool) : pool_(pool) {}
  /// `valid[i]` says whether a value is stored for i.
  virtual arrow::Result<std::shared_ptr<arrow::Array>> ReadValues(
      const std::vector<bool>& valid) = 0;

  arrow::MemoryPool* const pool_;

 private:
  struct Presence;
  std::shared_ptr<Presence> presence_;  ///< Null: a value is stored for every parent.
};

/// Whether any leaf of `field` is in `leaves`.
bool HasLeafIn(const FileField& field, const std::set<int>& leaves);

}  // namespace floe::iceberg::orc
