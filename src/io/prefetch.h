#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "arrow/io/interfaces.h"
#include "arrow/result.h"

namespace floe {

/// `input`, with the bytes of `ranges` fetched beforehand where it is a remote file: in
/// few requests, at once, near ones together. They live as long as the input returned, so
/// keep it while they are read and drop it after. Other inputs come back as they are.
arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> PrefetchRanges(
    std::shared_ptr<arrow::io::RandomAccessFile> input,
    std::vector<arrow::io::ReadRange> ranges);

/// Whether reads of `input` are requests to a store.
bool IsRemoteInput(const arrow::io::RandomAccessFile& input);

/// How many threads to read files like `location` with, where `threads` suffice for local
/// ones: of remote files more wait than compute.
int ThreadsToRead(std::string_view location, int threads);

/// Bytes of it that are kept in memory beside the file: 0 for local files.
int64_t PrefetchedBytes(const arrow::io::RandomAccessFile& input);

}  // namespace floe
