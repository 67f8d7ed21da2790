#pragma once

#include <memory>

#include "arrow/result.h"
#include "iceberg/spec/snapshot.h"
#include "iceberg/table/table.h"

namespace floe::iceberg {

/// The manifests of a snapshot: those of its manifest list, through the table's cache, or
/// those it names itself, as format 1 allows.
arrow::Result<std::shared_ptr<const ManifestList>> ManifestsOf(const Table& table,
                                                               const Snapshot& snapshot);

}  // namespace floe::iceberg
