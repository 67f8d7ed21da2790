#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/format/parquet/dictionary_values.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "iceberg/format/row_ranges.h"
#include "parquet/bloom_filter.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

using Op = Predicate::Op;
using Ranges = std::vector<RowRange>;

/// The hash a bloom filter of `column` holds for `literal`; nullopt where there is none.
std::optional<uint64_t> BloomHash(const parquet::BloomFilter& filter,
                                  const parquet::ColumnDescriptor& column,
                                  const Literal& literal) {
  const std::optional<std::string> bytes = PhysicalBytes(column, literal);
  if (!bytes) return std::nullopt;
  switch (column.physical_type()) {
    case parquet::Type::INT32: {
      int32_t value;
      std::memcpy(&value, bytes->data(), sizeof(value));
      return filter.Hash(value);
    }
    case parquet::Type::INT64: {
      int64_t value;
      std::memcpy(&value, bytes->data(), sizeof(value));
      return filter.Hash(value);
    }
    case parquet::Type::BYTE_ARRAY:
      return filter.Hash(std::string_view(*bytes));
    default: {
      const parquet::FLBA fixed(reinterpret_cast<const uint8_t*>(bytes->data()));
      return filter.Hash(&fixed, static_cast<uint32_t>(bytes->size()));
    }
  }
}

class Pruner {
 public:
  Pruner(const ParquetFile& file, const FileSchema& fields, int row_group)
      : file_(file), fields_(fields), row_group_(row_group) {}

  bool BoundsMayMatch(const Predicate& filter) const {
    return MayMatch(filter, [this](int32_t field_id, const TypePtr& type) {
      const int column = RowColumn(field_id);
      return column < 0 ? ColumnBounds{} : file_.RowGroupBounds(row_group_, column, type);
    });
  }

  arrow::Result<bool> BloomMayMatch(const Predicate& filter) const {
    return EqualsMayMatch(filter, &Pruner::LeafBloomMayMatch);
  }

  arrow::Result<bool> DictionaryMayMatch(const Predicate& filter) const {
    return EqualsMayMatch(filter, &Pruner::LeafDictionaryMayMatch);
  }

  /// Rows, as positions in the file, of pages that may hold matches.
  arrow::Result<Ranges> PagesMayMatch(const Predicate& filter) const {
    switch (filter.op()) {
      case Op::kFalse:
        return Ranges{};
      case Op::kAnd: {
        Ranges ranges = AllRows();
        for (const PredicatePtr& child : filter.children()) {
          ARROW_ASSIGN_OR_RAISE(const Ranges child_ranges, PagesMayMatch(*child));
          ranges = IntersectRanges(ranges, child_ranges);
          if (ranges.empty()) break;
        }
        return ranges;
      }
      case Op::kOr: {
        Ranges ranges;
        for (const PredicatePtr& child : filter.children()) {
          ARROW_ASSIGN_OR_RAISE(const Ranges child_ranges, PagesMayMatch(*child));
          ranges = UniteRanges(ranges, child_ranges);
        }
        return ranges;
      }
      case Op::kTrue:
        return AllRows();
      default:
        return LeafPagesMayMatch(filter);
    }
  }

 private:
  /// The leaf ordinal of a field that has one value per row, or -1.
  int RowColumn(int32_t field_id) const {
    const int column = fields_.LeafColumn(field_id);
    if (column < 0 || file_.column(column)->max_repetition_level() > 0) return -1;
    return column;
  }

  Ranges AllRows() const {
    return {{file_.row_group_start(row_group_), file_.row_group_start(row_group_ + 1)}};
  }

  /// Asks `leaf_may_match` about comparisons for equality.
  arrow::Result<bool> EqualsMayMatch(
      const Predicate& filter,
      arrow::Result<bool> (Pruner::*leaf_may_match)(const Predicate&) const) const {
    switch (filter.op()) {
      case Op::kAnd:
      case Op::kOr:
        for (const PredicatePtr& child : filter.children()) {
          ARROW_ASSIGN_OR_RAISE(const bool may, EqualsMayMatch(*child, leaf_may_match));
          if (may == (filter.op() == Op::kOr)) return may;
        }
        return filter.op() == Op::kAnd;
      case Op::kEqual:
      case Op::kIn:
        return (this->*leaf_may_match)(filter);
      default:
        return true;
    }
  }

  arrow::Result<bool> LeafDictionaryMayMatch(const Predicate& leaf) const {
    const int column = RowColumn(leaf.field_id());
    if (column < 0) return true;
    std::vector<std::string> wanted;
    for (const Literal& literal : leaf.literals()) {
      auto bytes = PhysicalBytes(*file_.column(column), literal);
      if (!bytes) return true;
      wanted.push_back(*std::move(bytes));
    }
    ARROW_ASSIGN_OR_RAISE(const auto values, DictionaryValues(file_, row_group_, column));
    if (!values) return true;
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const std::string& bytes) { return values->contains(bytes); });
  }

  arrow::Result<bool> LeafBloomMayMatch(const Predicate& leaf) const {
    const int column = RowColumn(leaf.field_id());
    if (column < 0) return true;
    const auto chunk = file_.row_group(row_group_).ColumnChunk(column);
    if (!chunk->bloom_filter_offset().has_value()) return true;
    ARROW_ASSIGN_OR_RAISE(const auto filter, file_.BloomFilter(row_group_, column));
    if (filter == nullptr) return true;
    for (const Literal& literal : leaf.literals()) {
      const auto hash = BloomHash(*filter, *file_.column(column), literal);
      if (!hash.has_value() || filter->FindHash(*hash)) return true;
    }
    return false;
  }

  arrow::Result<Ranges> LeafPagesMayMatch(const Predicate& leaf) const {
    const int column = RowColumn(leaf.field_id());
    if (column < 0) return AllRows();
    ARROW_ASSIGN_OR_RAISE(const auto bounds,
                          file_.PageBounds(row_group_, column, leaf.type()));
    if (bounds.empty()) return AllRows();
    ARROW_ASSIGN_OR_RAISE(const auto offsets, file_.OffsetIndex(row_group_, column));
    const auto& pages = offsets->page_locations();
    const int64_t start = file_.row_group_start(row_group_);
    Ranges ranges;
    for (size_t i = 0; i < bounds.size(); ++i) {
      const bool may = MayMatch(leaf, [&](int32_t, const TypePtr&) { return bounds[i]; });
      if (!may) continue;
      const int64_t begin = start + pages[i].first_row_index;
      const int64_t end = begin + *bounds[i].value_count;
      if (!ranges.empty() && ranges.back().end == begin) {
        ranges.back().end = end;
      } else {
        ranges.push_back({begin, end});
      }
    }
    return ranges;
  }

  const ParquetFile& file_;
  const FileSchema& fields_;
  const int row_group_;
};

}  // namespace

arrow::Result<std::vector<RowRange>> PruneRows(const ParquetFile& file,
                                               const Predicate& filter,
                                               const NameMapping* name_mapping,
                                               ParquetReadCounters* counters) {
  ParquetReadCounters unused;
  if (counters == nullptr) counters = &unused;
  ARROW_ASSIGN_OR_RAISE(const auto fields, file.Fields(name_mapping));
  Ranges result;
  for (int group = 0; group < file.row_group_count(); ++group) {
    ++counters->row_groups;
    const int64_t rows = file.row_group_rows(group);
    const Pruner pruner(file, *fields, group);
    Ranges ranges;
    if (!pruner.BoundsMayMatch(filter)) {
      ++counters->row_groups_pruned_by_bounds;
    } else {
      ARROW_ASSIGN_OR_RAISE(const bool may, pruner.BloomMayMatch(filter));
      if (!may) {
        ++counters->row_groups_pruned_by_bloom;
      } else {
        ARROW_ASSIGN_OR_RAISE(ranges, pruner.PagesMayMatch(filter));
        if (ranges.empty() && rows > 0) {
          ++counters->row_groups_pruned_by_pages;
        } else {
          ARROW_ASSIGN_OR_RAISE(const bool is_there, pruner.DictionaryMayMatch(filter));
          if (!is_there) {
            ++counters->row_groups_pruned_by_dictionary;
            ranges.clear();
          }
        }
      }
    }
    counters->rows_pruned += rows - RangesLength(ranges);
    for (const RowRange& range : ranges) {
      if (!result.empty() && result.back().end == range.begin) {
        result.back().end = range.end;
      } else {
        result.push_back(range);
      }
    }
  }
  return result;
}

}  // namespace floe::iceberg
