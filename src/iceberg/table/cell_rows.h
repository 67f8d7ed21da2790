#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {

/// A value of any Arrow type for tables so small that rows may be objects: NULL, a
/// boolean, a whole number (of any width, times included), bytes or text, an Iceberg
/// value, or the parts of a struct, a list or a map (whose entries are pairs of parts).
struct Cell {
  using Parts = std::vector<Cell>;

  Cell() = default;
  // NOLINTBEGIN(google-explicit-constructor): rows read as lists of their values.
  Cell(bool boolean) : value(boolean) {}
  Cell(int32_t number) : value(int64_t{number}) {}
  Cell(int64_t number) : value(number) {}
  Cell(std::string text) : value(std::move(text)) {}
  Cell(const char* text) : value(std::string(text)) {}
  Cell(Literal literal) : value(std::move(literal)) {}
  Cell(Parts parts) : value(std::move(parts)) {}
  template <typename T>
  Cell(const std::optional<T>& optional) {
    if (optional) *this = Cell(*optional);
  }
  // NOLINTEND(google-explicit-constructor)

  std::variant<std::monostate, bool, int64_t, std::string, Literal, Parts> value;
};

using CellRow = std::vector<Cell>;

/// The rows as a batch of `schema`. kInternal where a cell is not of its column's kind.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> ToRecordBatch(
    const std::shared_ptr<arrow::Schema>& schema, const std::vector<CellRow>& rows);

}  // namespace floe::iceberg
