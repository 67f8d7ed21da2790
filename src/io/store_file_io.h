#pragma once

#include <memory>

#include "io/current_properties.h"
#include "io/disk_cache.h"
#include "io/file_io.h"

namespace floe {

/// A FileIO over the machine's files and every object store, by the location's scheme.
/// Makes a store when a location of it is first used. `cache` may be null; it keeps what
/// is read of remote files whose size is given. Thread-safe.
std::shared_ptr<FileIO> MakeStoreFileIO(std::shared_ptr<CurrentProperties> properties,
                                        std::shared_ptr<DiskCache> cache);

}  // namespace floe
