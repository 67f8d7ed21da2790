#pragma once

#include <exception>
#include <new>
#include <string>

#include "arrow/result.h"
#include "arrow/status.h"
#include "base/error.h"
#include "parquet/exception.h"

namespace floe::iceberg {

enum class ParquetUse { kRead, kWrite };

/// A failure of the Parquet library while handling `location`: what it cannot decode is
/// kCorruptData, what it cannot write kInternal; errors of Floe's own (a store's) pass
/// with the file added.
arrow::Status ParquetError(const std::string& location, const arrow::Status& status,
                           ParquetUse use);

/// Runs `body`, which returns a Status or a Result, and turns the Parquet library's
/// exceptions and errors into a Status that names `location`.
template <typename Body>
auto GuardParquet(const std::string& location, Body&& body,
                  ParquetUse use = ParquetUse::kRead) -> decltype(body()) {
  try {
    auto result = body();
    if (result.ok()) return result;
    return ParquetError(location, arrow::ToStatus(result), use);
  } catch (const parquet::ParquetStatusException& error) {
    return ParquetError(location, error.status(), use);
  } catch (const std::bad_alloc&) {
    return ParquetError(location, arrow::Status::OutOfMemory("no memory"), use);
  } catch (const std::exception& error) {
    return ParquetError(location, arrow::Status::Invalid(error.what()), use);
  }
}

}  // namespace floe::iceberg
