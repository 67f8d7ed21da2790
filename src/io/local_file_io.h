#pragma once

#include <memory>

#include "io/file_io.h"

namespace floe {

/// A FileIO over the machine's files. Writes go to a hidden name in the same folder, are
/// synced, then renamed; the folder is synced too.
std::shared_ptr<FileIO> MakeLocalFileIO();

}  // namespace floe
