#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "arrow/result.h"
#include "io/current_properties.h"
#include "io/http_client.h"
#include "io/object_location.h"
#include "io/object_store.h"

namespace floe {

/// The stores of one set of properties, each made when it is first asked for and kept
/// until the properties change. Thread-safe.
class StoreDirectory {
 public:
  explicit StoreDirectory(std::shared_ptr<CurrentProperties> properties);
  ~StoreDirectory();

  /// The store of a location's bucket; its key is not looked at.
  arrow::Result<std::shared_ptr<ObjectStore>> Find(const ObjectLocation& location);

  /// The address of the server that a location's bucket is at, as the properties or the
  /// environment give it; "" where that is the one the scheme stands for. Settings that
  /// cannot be read give a text of their own, under which nothing is ever loaded.
  std::string Address(const ObjectLocation& location);

 private:
  struct Made;

  const std::shared_ptr<CurrentProperties> properties_;
  std::mutex mutex_;
  int64_t generation_ = -1;
  std::unique_ptr<Made> made_;
  std::map<std::string, std::string> addresses_;  ///< By the location's root.
};

}  // namespace floe
