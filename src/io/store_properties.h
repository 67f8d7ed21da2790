#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/status.h"

namespace floe {

/// A property that users may set (in storage_options), by PyIceberg's name where it has
/// one.
struct PropertyKey {
  /// "s3.region"; a name that ends in '*' stands for all that start like it.
  std::string name;
  /// One line: unit, default, effect.
  std::string meaning;
};

/// Whatever MakeFileIO reads, of every store. The one table of them: the check of unknown
/// keys is made from it, and docs/object_stores.md is held to it.
const std::vector<PropertyKey>& StoreProperties();

/// kInvalidConfig for the first key of `properties` that no entry of `known` names; the
/// message holds the key and the nearest known one, never a value.
arrow::Status CheckPropertyKeys(const std::map<std::string, std::string>& properties,
                                const std::vector<PropertyKey>& known);

}  // namespace floe
