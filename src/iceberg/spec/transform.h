#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/type.h"

namespace arrow {
class Array;
}

namespace floe::iceberg {

/// A partition or sort transform (spec, "Partition Transforms"). A value type.
class Transform {
 public:
  enum class Kind {
    kIdentity,
    kBucket,
    kTruncate,
    kYear,
    kMonth,
    kDay,
    kHour,
    kVoid,
    kUnknown
  };

  static Transform Identity() { return Transform(Kind::kIdentity, 0, "identity"); }
  static Transform Void() { return Transform(Kind::kVoid, 0, "void"); }
  static Transform Year() { return Transform(Kind::kYear, 0, "year"); }
  static Transform Month() { return Transform(Kind::kMonth, 0, "month"); }
  static Transform Day() { return Transform(Kind::kDay, 0, "day"); }
  static Transform Hour() { return Transform(Kind::kHour, 0, "hour"); }
  static Transform Bucket(int32_t bucket_count);
  static Transform Truncate(int32_t width);
  /// Parses "bucket[16]", "day", ... A name this version does not know becomes kUnknown
  /// and keeps its text: such a table is readable but not writable through that spec.
  static arrow::Result<Transform> FromString(std::string_view text);

  Kind kind() const { return kind_; }
  /// Bucket count or truncation width.
  int32_t parameter() const { return parameter_; }
  const std::string& ToString() const { return text_; }
  bool operator==(const Transform& other) const { return text_ == other.text_; }

  /// The type of results for a source type; kInvalidArgument when not applicable.
  arrow::Result<TypePtr> ResultType(const TypePtr& source) const;
  /// Applies to one value; NULL gives NULL. kNotSupported for kUnknown.
  arrow::Result<Literal> Apply(const Literal& value) const;
  /// Whether a < b implies Apply(a) <= Apply(b).
  bool PreservesOrder() const;

 private:
  Transform(Kind kind, int32_t parameter, std::string text)
      : kind_(kind), parameter_(parameter), text_(std::move(text)) {}

  Kind kind_;
  int32_t parameter_;
  std::string text_;
};

/// The 32-bit Murmur3 hash of a value as spec Appendix B defines it.
arrow::Result<int32_t> BucketHash(const Literal& value);

}  // namespace floe::iceberg
