#pragma once

namespace floe {

/// The root folder of the source tree the test was built from, without a slash at its
/// end. For tests alone: an installed library knows no source tree.
const char* SourceFolder();

}  // namespace floe
