#pragma once

#include <cstdint>

#include "arrow/io/type_fwd.h"

namespace floe {

/// Says that bytes [begin, end) of an input that FileIO::OpenInput gave are done with for
/// now: of a mapped file they stop counting as this process's memory (the system's cache
/// keeps them, and a later read finds them again). Does nothing for other inputs.
/// Thread-safe.
void ReleaseInputPages(const arrow::io::RandomAccessFile& input, int64_t begin,
                       int64_t end);

}  // namespace floe
