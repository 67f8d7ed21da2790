#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "io/object_store.h"

namespace floe {

/// Where the bytes of one remote file come from. Thread-safe.
class RangeSource {
 public:
  virtual ~RangeSource() = default;

  /// Bytes [begin, begin + length) or what there is of them, and the file's size.
  virtual arrow::Result<ObjectPart> Get(int64_t begin, int64_t length) = 0;
  virtual const std::string& location() const = 0;
};

}  // namespace floe
