#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace floe::exec {

/// How the values of one key column are compared on the two sides of a join.
enum class KeyClass : uint8_t {
  kInt64,   ///< Any integers; also float against integer (a fraction matches nothing).
  kUInt64,  ///< uint64 on both sides.
  kBool,
  kDouble,     ///< float and double; -0.0 equals 0.0, NaN is NULL.
  kBytes,      ///< Strings, binaries of any layout, fixed-size binary and its extensions.
  kDecimal,    ///< Decimals by value, whatever their scales.
  kDate,       ///< date32 and date64, by day.
  kTime,       ///< time32 and time64, by instant of the day.
  kTimestamp,  ///< Timestamps of any unit, by instant; naive means UTC.
};

/// One row in, a canonical form out: what makes key values of different Arrow types
/// comparable by bytes. Built from the key types of both sides, it turns each side's
/// columns into either int64 values (a single integer, bool or date key) or row-encoded
/// bytes (anything else, composite keys, and the empty key of an entity-less view).
/// Immutable; thread-safe.
class KeySpace {
 public:
  struct Column {
    std::string name;  ///< For messages only.
    std::shared_ptr<arrow::DataType> left;
    std::shared_ptr<arrow::DataType> right;
  };

  /// kInvalidArgument, naming column and types, where a pair cannot be compared (text
  /// against integer); kNotSupported for a type that cannot be a key (list, struct).
  /// With `nulls_are_values` NULL (and NaN) equals NULL, as GROUP BY has it: byte keys
  /// hold NULLs and are always valid; a NULL integer key is still reported as not valid.
  static arrow::Result<KeySpace> Make(const std::vector<Column>& columns,
                                      bool nulls_are_values = false);

  int column_count() const { return static_cast<int>(parts_.size()); }
  /// Whether keys are plain int64 values rather than bytes.
  bool is_integer() const { return integer_; }

  /// Canonical keys of `length` rows from `first_row` on. A row with a NULL part, or with
  /// a value the other side cannot hold, is not `valid`: it matches nothing.
  struct Integers {
    std::vector<int64_t> values;
    std::vector<uint8_t> valid;  ///< A byte a row; empty when all are.
  };
  struct Bytes {
    std::vector<uint8_t> data;
    std::vector<uint32_t> offsets;  ///< length + 1 of them.
    std::vector<uint8_t> valid;     ///< A byte a row; empty when all are.
    std::string_view key(int64_t row) const {
      return {reinterpret_cast<const char*>(data.data()) + offsets[row],
              offsets[row + 1] - offsets[row]};
    }
  };
  /// Arrays must be of the types given to Make or dictionaries of them, in that order.
  /// kInvalidArgument otherwise. Reuses the memory of `out`.
  arrow::Status EncodeIntegers(const arrow::Array& key, int64_t first_row, int64_t length,
                               Integers* out) const;
  arrow::Status EncodeBytes(const std::vector<std::shared_ptr<arrow::Array>>& keys,
                            int64_t first_row, int64_t length, Bytes* out) const;

 private:
  struct Part {
    std::string name;
    KeyClass key_class;
    int scale = 0;  ///< kDecimal: the common scale.
  };
  KeySpace() = default;
  std::vector<Part> parts_;
  bool integer_ = false;
  bool nulls_are_values_ = false;
};

}  // namespace floe::exec
