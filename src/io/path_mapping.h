#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "io/file_io.h"

namespace floe {

/// Prefixes of locations and what to read in their place: for tables that were moved
/// together with the absolute paths in their metadata.
using PathPrefixes = std::vector<std::pair<std::string, std::string>>;

/// The storage property that sets them for MakeFileIO: "from=to", several separated by
/// ';'. Of several that fit a location the longest counts.
inline constexpr char kPathPrefixesProperty[] = "floe.path-prefixes";

/// Parses the property. kInvalidConfig names what is no "from=to".
arrow::Result<PathPrefixes> ParsePathPrefixes(std::string_view text);

/// `base`, in which locations that start with a prefix are found elsewhere. "file:" URIs
/// of local paths, in any of their spellings, are matched as plain paths too. Errors name
/// the location looked at.
std::shared_ptr<FileIO> MapPaths(std::shared_ptr<FileIO> base, PathPrefixes prefixes);

}  // namespace floe
