#pragma once

#include <exception>
#include <new>
#include <string>

#include "arrow/result.h"
#include "arrow/status.h"
#include "base/error.h"
#include "parquet/exception.h"

namespace floe::iceberg {

/// A failure of the Parquet library while handling `location`: what it cannot decode is
/// kCorruptData; errors of Floe's own (a store's) pass with the file added.
arrow::Status ParquetError(const std::string& location, const arrow::Status& status);

/// Runs `body`, which returns a Status or a Result, and turns the Parquet library's
/// exceptions and errors into a Status that names `location`.
template <typename Body>
auto GuardParquet(const std::string& location, Body&& body) -> decltype(body()) {
  try {
    auto result = body();
    if (result.ok()) return result;
    return ParquetError(location, arrow::ToStatus(result));
  } catch (const parquet::ParquetStatusException& error) {
    return ParquetError(location, error.status());
  } catch (const std::bad_alloc&) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "out of memory while reading the Parquet file '{}'", location);
  } catch (const std::exception& error) {
    return MakeError(ErrorCode::kCorruptData, "cannot decode the Parquet file '{}': {}",
                     location, error.what());
  }
}

}  // namespace floe::iceberg
