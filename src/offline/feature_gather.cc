#include "offline/feature_gather.h"

#include <algorithm>
#include <mutex>
#include <span>
#include <utility>

#include "arrow/array.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "base/parallel.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "iceberg/format/parquet/gather_output.h"

namespace floe::offline {
namespace {

using iceberg::OutputColumn;
using iceberg::RowRange;

/// Work is split by columns as well where units alone would leave threads idle.
constexpr size_t kTasksPerThread = 3;

/// The rows that picks name, as ranges; adjacent rows are one range.
std::vector<RowRange> PickedRanges(std::span<const RowPick> picks) {
  std::vector<RowRange> ranges;
  for (const RowPick& pick : picks) {
    if (!ranges.empty() && pick.row < ranges.back().end) continue;
    if (!ranges.empty() && pick.row == ranges.back().end) {
      ++ranges.back().end;
    } else {
      ranges.push_back({pick.row, int64_t{pick.row} + 1});
    }
  }
  return ranges;
}

class Gather {
 public:
  Gather(const SourceUnits& units, const std::vector<SourceColumn>& columns,
         std::vector<std::unique_ptr<OutputColumn>>& outputs)
      : units_(units), columns_(columns), outputs_(outputs) {}

  /// Columns [begin, end) of one unit.
  arrow::Status Run(const SourceUnit& unit, std::span<const RowPick> picks, size_t begin,
                    size_t end) {
    const SourceFile& file = units_.file_of(unit);
    std::vector<size_t> by_pages;
    std::vector<size_t> by_reader;
    std::vector<int> leaves;
    for (size_t i = begin; i < end; ++i) {
      ARROW_ASSIGN_OR_RAISE(ColumnAccess access, units_.Access(file, columns_[i]));
      if (access.kind == ColumnAccess::Kind::kPages) {
        by_pages.push_back(i);
        leaves.push_back(access.leaf);
      } else if (access.kind == ColumnAccess::Kind::kReader) {
        by_reader.push_back(i);
      }
    }
    if (!by_pages.empty()) {
      ARROW_RETURN_NOT_OK(GatherPages(unit, picks, by_pages, leaves));
    }
    if (!by_reader.empty()) return GatherGenerally(unit, picks, by_reader);
    return arrow::Status::OK();
  }

  const ReadCounters& counters() const { return counters_; }

 private:
  arrow::Status GatherPages(const SourceUnit& unit, std::span<const RowPick> picks,
                            const std::vector<size_t>& indices,
                            const std::vector<int>& leaves) {
    iceberg::RowGroupColumns reader(units_.file_of(unit).parquet, unit.row_group,
                                    &scratch_);
    reader.WillRead(leaves);
    for (size_t i = 0; i < indices.size(); ++i) {
      arrow::Status status = reader.Gather(leaves[i], picks, outputs_[indices[i]].get());
      if (!status.ok()) {
        return WithContext(status, "column", columns_[indices[i]].field->name);
      }
    }
    Count(reader.counters().bytes_read, reader.counters().pages_skipped);
    return arrow::Status::OK();
  }

  arrow::Status GatherGenerally(const SourceUnit& unit, std::span<const RowPick> picks,
                                const std::vector<size_t>& indices) {
    std::vector<SourceColumn> distinct;
    std::vector<int> place;
    for (size_t index : indices) {
      auto same = std::find_if(distinct.begin(), distinct.end(), [&](const auto& other) {
        return other.field == columns_[index].field;
      });
      place.push_back(static_cast<int>(same - distinct.begin()));
      if (same == distinct.end()) distinct.push_back(columns_[index]);
    }
    const std::vector<RowRange> ranges = PickedRanges(picks);
    ARROW_ASSIGN_OR_RAISE(auto reader, units_.ReadGenerally(unit, distinct, ranges));
    size_t range = 0;
    int64_t within = 0;  // Rows of ranges[range] already seen.
    std::shared_ptr<arrow::RecordBatch> batch;
    for (;;) {
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(
          PutBatch(*batch, ranges, &range, &within, &picks, indices, place));
    }
    if (!picks.empty()) {
      return MakeError(ErrorCode::kCorruptData, "'{}' ends {} rows early",
                       units_.file_of(unit).location(), picks.size());
    }
    return arrow::Status::OK();
  }

  /// Puts the picks whose rows are in `batch`, and takes them off `picks`. The batch
  /// starts `within` rows into ranges[range].
  arrow::Status PutBatch(const arrow::RecordBatch& batch,
                         const std::vector<RowRange>& ranges, size_t* range,
                         int64_t* within, std::span<const RowPick>* picks,
                         const std::vector<size_t>& indices,
                         const std::vector<int>& place) {
    arrow::Int64Builder positions;
    size_t taken = 0;
    for (int64_t row = 0; row < batch.num_rows() && *range < ranges.size(); ++row) {
      const int64_t at = ranges[*range].begin + *within;
      for (; taken < picks->size() && (*picks)[taken].row == at; ++taken) {
        ARROW_RETURN_NOT_OK(positions.Append(row));
      }
      if (++*within == ranges[*range].end - ranges[*range].begin) {
        ++*range;
        *within = 0;
      }
    }
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> wanted, positions.Finish());
    for (size_t i = 0; i < indices.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(
          arrow::Datum values,
          arrow::compute::Take(batch.column(place[i]), wanted,
                               arrow::compute::TakeOptions::NoBoundsCheck()));
      ARROW_RETURN_NOT_OK(
          outputs_[indices[i]]->PutArray(picks->first(taken), *values.make_array()));
    }
    *picks = picks->subspan(taken);
    return arrow::Status::OK();
  }

  void Count(int64_t bytes, int64_t pages) {
    std::lock_guard<std::mutex> lock(mutex_);
    counters_.bytes_read += bytes;
    counters_.pages_skipped += pages;
  }

  const SourceUnits& units_;
  const std::vector<SourceColumn>& columns_;
  std::vector<std::unique_ptr<OutputColumn>>& outputs_;
  iceberg::DecodeScratchPool scratch_;
  std::mutex mutex_;
  ReadCounters counters_;
};

}  // namespace

GatherRange AllOf(const exec::Resolution& resolution) {
  return {0, resolution.unit_count(), 0};
}

arrow::Result<arrow::ChunkedArrayVector> GatherColumns(
    const SourceUnits& units, const exec::Resolution& resolution,
    const GatherRange& range, const std::vector<SourceColumn>& columns, int64_t length,
    const RetrievalOptions& options, ReadCounters* counters) {
  std::vector<std::unique_ptr<OutputColumn>> outputs;
  for (const SourceColumn& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto output, OutputColumn::Make(column.type, length));
    outputs.push_back(std::move(output));
  }
  const size_t threads =
      static_cast<size_t>(options.threads > 0 ? options.threads : DefaultThreadCount());
  const size_t wanted =
      range.count == 0 ? 1 : (threads * kTasksPerThread + range.count - 1) / range.count;
  const size_t parts = std::clamp<size_t>(wanted, 1, std::max<size_t>(columns.size(), 1));
  Gather gather(units, columns, outputs);
  ARROW_RETURN_NOT_OK(ParallelFor(
      static_cast<int64_t>(range.count * parts), static_cast<int>(threads),
      [&](int64_t task) -> arrow::Status {
        ARROW_RETURN_NOT_OK(options.CheckGoOn());
        const exec::UnitPicks picks =
            resolution.unit(range.first + static_cast<size_t>(task) / parts);
        const size_t part = static_cast<size_t>(task) % parts;
        std::vector<RowPick> shifted;
        std::span<const RowPick> slots = picks.picks;
        if (range.slot_offset != 0) {
          shifted.assign(slots.begin(), slots.end());
          for (RowPick& pick : shifted) pick.slot -= range.slot_offset;
          slots = shifted;
        }
        const SourceUnit& unit = units.unit(picks.unit);
        arrow::Status status = gather.Run(unit, slots, columns.size() * part / parts,
                                          columns.size() * (part + 1) / parts);
        return WithContext(status, "file", units.file_of(unit).location());
      }));
  counters->Add(gather.counters());
  arrow::ChunkedArrayVector finished;
  for (auto& output : outputs) {
    ARROW_ASSIGN_OR_RAISE(auto column, output->Finish());
    output.reset();
    finished.push_back(std::move(column));
  }
  return finished;
}

}  // namespace floe::offline
