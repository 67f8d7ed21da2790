#include "offline/key_scan.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <span>
#include <utility>

#include "arrow/array.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "base/parallel.h"
#include "io/prefetch.h"

namespace floe::offline {
namespace {

using iceberg::RowRange;

/// Times are read for matching rows alone where those are fewer than one row in so many;
/// with a page index whole pages are spared, so it pays earlier. Measured.
constexpr int64_t kLateReadFraction = 16;
constexpr int64_t kLateReadFractionPaged = 4;

using Array = std::shared_ptr<arrow::Array>;
using Match = exec::AsOfJoin::Match;

std::vector<uint32_t> RowsOf(const std::vector<RowRange>& ranges) {
  std::vector<uint32_t> rows;
  for (const RowRange& range : ranges) {
    const size_t at = rows.size();
    rows.resize(at + static_cast<size_t>(range.end - range.begin));
    std::iota(rows.begin() + static_cast<int64_t>(at), rows.end(),
              static_cast<uint32_t>(range.begin));
  }
  return rows;
}

arrow::Result<Array> TakePositions(const Array& values,
                                   const std::vector<uint32_t>& positions) {
  if (static_cast<int64_t>(positions.size()) == values->length()) return values;
  arrow::UInt32Builder builder;
  ARROW_RETURN_NOT_OK(builder.AppendValues(positions));
  ARROW_ASSIGN_OR_RAISE(Array indices, builder.Finish());
  ARROW_ASSIGN_OR_RAISE(
      arrow::Datum taken,
      arrow::compute::Take(values, indices,
                           arrow::compute::TakeOptions::NoBoundsCheck()));
  return taken.make_array();
}

}  // namespace

/// One row group's share of the scan, on one thread.
class KeyScan::Unit {
 public:
  Unit(KeyScan* scan, const SourceUnit& unit)
      : units_(scan->units_), columns_(scan->columns_), unit_(unit), scan_(scan) {}

  template <typename Kernel>
  arrow::Status Feed(Kernel* kernel) {
    ARROW_ASSIGN_OR_RAISE(bool by_pages, ResolveAccess());
    if (!by_pages) return FeedGenerally(kernel);
    reader_.emplace(units_.file_of(unit_).parquet, unit_.row_group, &scan_->scratch_);
    reader_->WillRead(leaves_);
    ARROW_RETURN_NOT_OK(ReadKeys());
    int64_t offset = 0;
    for (const RowRange& range : unit_.ranges) {
      ARROW_RETURN_NOT_OK(FeedRange(kernel, range, offset));
      offset += range.end - range.begin;
    }
    counters_.bytes_read += reader_->counters().bytes_read;
    counters_.pages_skipped += reader_->counters().pages_skipped;
    return arrow::Status::OK();
  }

  const ReadCounters& counters() const { return counters_; }

 private:
  bool IsWhole() const {
    const SourceFile& file = units_.file_of(unit_);
    return unit_.ranges.size() == 1 &&
           unit_.ranges[0] == RowRange{0, file.row_group_rows(unit_.row_group)};
  }

  std::vector<SourceColumn> AllColumns() const {
    std::vector<SourceColumn> all = columns_.keys;
    all.push_back(columns_.timestamp);
    if (columns_.created) all.push_back(*columns_.created);
    return all;
  }

  /// Whether all columns can be read by pages; fills leaves_.
  arrow::Result<bool> ResolveAccess() {
    for (const SourceColumn& column : AllColumns()) {
      ARROW_ASSIGN_OR_RAISE(ColumnAccess access,
                            units_.Access(units_.file_of(unit_), column));
      if (access.kind != ColumnAccess::Kind::kPages) return false;
      leaves_.push_back(access.leaf);
    }
    return true;
  }

  int timestamp_leaf() const { return leaves_[columns_.keys.size()]; }
  int created_leaf() const { return leaves_.back(); }

  /// Every row that may match, whole columns where all rows may.
  arrow::Result<Array> ReadLeaf(int leaf, const SourceColumn& column, bool is_key) {
    if (IsWhole()) return reader_->Read(leaf, column.type, is_key);
    if (rows_.empty()) rows_ = RowsOf(unit_.ranges);
    return reader_->ReadRows(leaf, column.type, rows_);
  }

  arrow::Status ReadKeys() {
    for (size_t i = 0; i < columns_.keys.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(Array key,
                            ReadLeaf(leaves_[i], columns_.keys[i], /*is_key=*/true));
      keys_.push_back(std::move(key));
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadTimes() {
    if (timestamps_ != nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(timestamps_,
                          ReadLeaf(timestamp_leaf(), columns_.timestamp, false));
    if (columns_.created) {
      ARROW_ASSIGN_OR_RAISE(created_, ReadLeaf(created_leaf(), *columns_.created, false));
    }
    return arrow::Status::OK();
  }

  arrow::Result<exec::RowBatch> KeyBatch(const RowRange& range, int64_t offset) const {
    exec::RowBatch batch;
    batch.unit = unit_.unit;
    batch.first_row = static_cast<uint32_t>(range.begin);
    batch.length = range.end - range.begin;
    for (const Array& key : keys_) batch.keys.push_back(key->Slice(offset, batch.length));
    ARROW_ASSIGN_OR_RAISE(batch.live, units_.Live(unit_, range));
    return batch;
  }

  arrow::Status AddTimes(int64_t offset, exec::RowBatch* batch) {
    ARROW_RETURN_NOT_OK(ReadTimes());
    batch->timestamps = timestamps_->Slice(offset, batch->length);
    if (created_ != nullptr) batch->created = created_->Slice(offset, batch->length);
    return arrow::Status::OK();
  }

  arrow::Status FeedRange(exec::LatestByKey* latest, const RowRange& range,
                          int64_t offset) {
    ARROW_ASSIGN_OR_RAISE(exec::RowBatch batch, KeyBatch(range, offset));
    ARROW_RETURN_NOT_OK(AddTimes(offset, &batch));
    counters_.rows_matched += batch.length;
    return latest->Observe(batch);
  }

  arrow::Status FeedRange(exec::AsOfJoin* join, const RowRange& range, int64_t offset) {
    ARROW_ASSIGN_OR_RAISE(exec::RowBatch batch, KeyBatch(range, offset));
    std::vector<Match> matches;
    ARROW_RETURN_NOT_OK(join->Probe(batch, &matches));
    if (matches.empty()) return arrow::Status::OK();
    counters_.rows_matched += static_cast<int64_t>(matches.size());
    if (timestamps_ == nullptr && IsSparse(matches.size(), batch.length)) {
      return UpdateLate(join, range, &batch, &matches);
    }
    ARROW_RETURN_NOT_OK(AddTimes(offset, &batch));
    return join->Update(batch, matches, /*compact=*/false);
  }

  bool IsSparse(size_t matches, int64_t length) const {
    const int64_t fraction = IsWhole() ? kLateReadFraction : kLateReadFractionPaged;
    return static_cast<int64_t>(matches) * fraction < length;
  }

  /// Reads event times of the matches, drops those that cannot win, then reads created
  /// times of what is left.
  arrow::Status UpdateLate(exec::AsOfJoin* join, const RowRange& range,
                           exec::RowBatch* batch, std::vector<Match>* matches) {
    std::vector<uint32_t> rows = MatchRows(range, *matches);
    ARROW_ASSIGN_OR_RAISE(
        batch->timestamps,
        reader_->ReadRows(timestamp_leaf(), columns_.timestamp.type, rows));
    ARROW_ASSIGN_OR_RAISE(std::vector<uint32_t> kept,
                          join->Narrow(*batch, /*compact=*/true, matches));
    if (matches->empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(batch->timestamps, TakePositions(batch->timestamps, kept));
    if (columns_.created) {
      rows = MatchRows(range, *matches);
      ARROW_ASSIGN_OR_RAISE(
          batch->created,
          reader_->ReadRows(created_leaf(), columns_.created->type, rows));
    }
    return join->Update(*batch, *matches, /*compact=*/true);
  }

  static std::vector<uint32_t> MatchRows(const RowRange& range,
                                         const std::vector<Match>& matches) {
    std::vector<uint32_t> rows;
    rows.reserve(matches.size());
    for (const Match& match : matches) {
      rows.push_back(static_cast<uint32_t>(range.begin) + match.index);
    }
    return rows;
  }

  /// Any columns at all, by batches of the data file reader.
  template <typename Kernel>
  arrow::Status FeedGenerally(Kernel* kernel) {
    std::vector<SourceColumn> distinct;
    std::vector<int> place;
    for (const SourceColumn& column : AllColumns()) {
      auto same = std::find_if(
          distinct.begin(), distinct.end(),
          [&](const SourceColumn& other) { return other.field == column.field; });
      place.push_back(static_cast<int>(same - distinct.begin()));
      if (same == distinct.end()) distinct.push_back(column);
    }
    for (const RowRange& range : unit_.ranges) {
      ARROW_ASSIGN_OR_RAISE(auto reader, units_.ReadGenerally(unit_, distinct, {range}));
      int64_t at = range.begin;
      std::shared_ptr<arrow::RecordBatch> rows;
      for (;;) {
        ARROW_RETURN_NOT_OK(reader->ReadNext(&rows));
        if (rows == nullptr) break;
        ARROW_RETURN_NOT_OK(ObserveRows(kernel, *rows, place, at));
        at += rows->num_rows();
      }
    }
    counters_.row_groups_read_generally += 1;
    return arrow::Status::OK();
  }

  template <typename Kernel>
  arrow::Status ObserveRows(Kernel* kernel, const arrow::RecordBatch& rows,
                            const std::vector<int>& place, int64_t first_row) {
    exec::RowBatch batch;
    batch.unit = unit_.unit;
    batch.first_row = static_cast<uint32_t>(first_row);
    batch.length = rows.num_rows();
    const size_t key_count = columns_.keys.size();
    for (size_t i = 0; i < key_count; ++i) batch.keys.push_back(rows.column(place[i]));
    batch.timestamps = rows.column(place[key_count]);
    if (columns_.created) batch.created = rows.column(place[key_count + 1]);
    ARROW_ASSIGN_OR_RAISE(batch.live,
                          units_.Live(unit_, {first_row, first_row + batch.length}));
    counters_.rows_matched += batch.length;
    return kernel->Observe(batch);
  }

  const SourceUnits& units_;
  const KeyColumns& columns_;
  const SourceUnit& unit_;
  KeyScan* scan_;
  std::vector<int> leaves_;  ///< Of the keys, the timestamp, then created.
  std::optional<iceberg::RowGroupColumns> reader_;
  std::vector<uint32_t> rows_;
  std::vector<Array> keys_;
  Array timestamps_;
  Array created_;
  ReadCounters counters_;
};

template <typename Kernel>
arrow::Status KeyScan::FeedAll(Kernel* kernel, ReadCounters* counters) {
  const auto& units = units_.units();
  int threads = options_.threads > 0 ? options_.threads : DefaultThreadCount();
  if (!units.empty()) {
    threads = ThreadsToRead(units_.file_of(units[0]).location(), threads);
  }
  std::mutex mutex;
  return ParallelFor(
      static_cast<int64_t>(units.size()), threads, [&](int64_t task) -> arrow::Status {
        ARROW_RETURN_NOT_OK(options_.CheckGoOn());
        const SourceUnit& unit = units[units.size() - 1 - static_cast<size_t>(task)];
        Unit one(this, unit);
        arrow::Status status = one.Feed(kernel);
        if (!status.ok()) {
          return WithContext(status, "file", units_.file_of(unit).location());
        }
        std::lock_guard<std::mutex> lock(mutex);
        counters->Add(one.counters());
        return status;
      });
}

arrow::Status KeyScan::Feed(exec::AsOfJoin* join, ReadCounters* counters) {
  return FeedAll(join, counters);
}

arrow::Status KeyScan::Feed(exec::LatestByKey* latest, ReadCounters* counters) {
  return FeedAll(latest, counters);
}

}  // namespace floe::offline
