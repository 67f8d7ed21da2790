#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "base/row_pick.h"
#include "iceberg/format/parquet/gather_convert.h"
#include "iceberg/format/parquet/gather_output.h"
#include "iceberg/format/parquet/page_decoder.h"

namespace floe::iceberg {

/// Which rows of a row group go where, ascending by row: picks, a list of rows whose
/// positions are 0, 1, ..., or every row at its own position.
class RowSelection {
 public:
  static RowSelection Picks(std::span<const RowPick> picks) {
    RowSelection selection;
    selection.picks_ = picks;
    selection.size_ = static_cast<int64_t>(picks.size());
    selection.kind_ = Kind::kPicks;
    return selection;
  }
  static RowSelection Rows(std::span<const uint32_t> rows) {
    RowSelection selection;
    selection.rows_ = rows;
    selection.size_ = static_cast<int64_t>(rows.size());
    selection.kind_ = Kind::kRows;
    return selection;
  }
  static RowSelection All(int64_t row_count) {
    RowSelection selection;
    selection.size_ = row_count;
    selection.kind_ = Kind::kAll;
    return selection;
  }

  int64_t size() const { return size_; }
  int64_t row(int64_t i) const {
    switch (kind_) {
      case Kind::kPicks:
        return picks_[static_cast<size_t>(i)].row;
      case Kind::kRows:
        return rows_[static_cast<size_t>(i)];
      default:
        return i;
    }
  }
  /// The first index, from `begin` on, whose row is `row` or later.
  int64_t LowerBound(int64_t begin, int64_t row) const;
  /// Calls `visit(accessor)`, an accessor having row(i) and slot(i) without branches.
  template <typename Visit>
  auto Dispatch(const Visit& visit) const {
    struct PickAccess {
      const RowPick* picks;
      int64_t row(int64_t i) const { return picks[i].row; }
      int64_t slot(int64_t i) const { return picks[i].slot; }
    };
    struct RowAccess {
      const uint32_t* rows;
      int64_t row(int64_t i) const { return rows[i]; }
      int64_t slot(int64_t i) const { return i; }
    };
    struct AllAccess {
      int64_t row(int64_t i) const { return i; }
      int64_t slot(int64_t i) const { return i; }
    };
    switch (kind_) {
      case Kind::kPicks:
        return visit(PickAccess{picks_.data()});
      case Kind::kRows:
        return visit(RowAccess{rows_.data()});
      default:
        return visit(AllAccess{});
    }
  }

 private:
  enum class Kind : uint8_t { kPicks, kRows, kAll };
  std::span<const RowPick> picks_;
  std::span<const uint32_t> rows_;
  int64_t size_ = 0;
  Kind kind_ = Kind::kAll;
};

/// Copies bytes into blocks that an output column keeps.
class ValueArena {
 public:
  ValueArena(OutputColumn* out, arrow::MemoryPool* pool) : out_(out), pool_(pool) {}
  /// A stable copy of `value`; `more` values about as long are expected after it.
  arrow::Result<const char*> Copy(std::string_view value, int64_t more);

 private:
  OutputColumn* out_;
  arrow::MemoryPool* pool_;
  char* at_ = nullptr;
  int64_t left_ = 0;
};

/// Writes the values of picked rows of a chunk's pages to an output column.
class ValueGatherer {
 public:
  ValueGatherer(const parquet::ColumnDescriptor& column, ValueConversion conversion,
                RowSelection selection, OutputColumn* out, arrow::MemoryPool* pool)
      : column_(column),
        conversion_(conversion),
        selection_(selection),
        out_(out),
        pool_(pool),
        arena_(out, pool) {}

  /// Selected rows [begin, end), all of which lie in `page`, whose first row is
  /// `page_row`.
  arrow::Status Gather(PageDecoder* decoder, const DataPage& page, int64_t page_row,
                       int64_t begin, int64_t end);

 private:
  struct Range {
    const DataPage& page;
    int64_t page_row;
    int64_t begin;
    int64_t end;
  };
  arrow::Status GatherFixed(PageDecoder* decoder, const Range& range);
  arrow::Status GatherBytes(PageDecoder* decoder, const Range& range);
  arrow::Status GatherBools(PageDecoder* decoder, const Range& range);
  arrow::Status CopyDictionary(const PageDecoder& decoder);
  template <typename Source>
  arrow::Status ConvertFrom(Source source, const Range& range);
  template <typename Source, typename Convert>
  arrow::Status WriteFixed(Source source, Convert convert, const Range& range);
  template <typename Source>
  arrow::Status WriteViews(Source source, const Range& range, bool stable);

  const parquet::ColumnDescriptor& column_;
  const ValueConversion conversion_;
  const RowSelection selection_;
  OutputColumn* out_;
  arrow::MemoryPool* pool_;
  ValueArena arena_;
  /// The dictionary's entries once copied for good, where that is cheaper than a copy of
  /// each value.
  std::vector<std::string_view> entries_;
};

/// Writes the dictionary indices of the selected rows, all in `page`, to an int32 column.
arrow::Status GatherIndices(const PageDecoder& decoder, const DataPage& page,
                            const RowSelection& selection, int64_t page_row,
                            int64_t begin, int64_t end, OutputColumn* out);

}  // namespace floe::iceberg
