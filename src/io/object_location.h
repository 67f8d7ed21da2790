#pragma once

#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe {

/// An object's location, taken apart. Keys are taken literally: no percent-decoding.
struct ObjectLocation {
  enum class Kind { kS3, kGcs, kAzure };
  Kind kind = Kind::kS3;
  std::string scheme;  ///< Lower case.
  std::string bucket;  ///< Or container.
  std::string host;    ///< Azure's "account.dfs.core.windows.net"; else "".
  std::string key;     ///< Without a slash at the front; "" for the bucket itself.

  /// What stands before the key: "s3://bucket/".
  std::string Root() const;
};

/// The scheme of a URI, lower case; "" for a plain path. One letter is no scheme.
std::string SchemeOf(std::string_view location);

/// Whether the scheme is that of an object store: s3, s3a, s3n; gs, gcs; abfs, abfss,
/// wasb, wasbs, az.
bool IsObjectScheme(std::string_view scheme);

/// kInvalidArgument names a location without bucket and how one is written.
arrow::Result<ObjectLocation> ParseObjectLocation(std::string_view location);

}  // namespace floe
