#include "online/key_read.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "arrow/array.h"
#include "arrow/chunked_array.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/parallel.h"
#include "iceberg/format/parquet/key_lookup.h"
#include "iceberg/table/scan.h"
#include "io/prefetch.h"

namespace floe::online {

using iceberg::OutputColumn;

namespace {

/// Fewer files than this are looked into by the calling thread alone: a thread costs
/// about as much to start as a small file to probe.
constexpr size_t kMinFilesPerThread = 4;
constexpr int32_t kNoRow = -1;
constexpr int32_t kKnownRow = -2;

const std::shared_ptr<arrow::DataType>& TimesType() {
  static const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  return type;
}

arrow::Result<std::shared_ptr<arrow::Array>> FinishColumn(OutputColumn* column) {
  ARROW_ASSIGN_OR_RAISE(auto chunked, column->Finish());
  if (chunked->num_chunks() == 1) return chunked->chunk(0);
  if (chunked->num_chunks() == 0) return arrow::MakeEmptyArray(chunked->type());
  return MakeError(ErrorCode::kResourceExhausted,
                   "a feature's values of one request are over 2 GiB; ask for fewer "
                   "entities");
}

arrow::Result<std::shared_ptr<arrow::TimestampArray>> FinishTimes(OutputColumn* column) {
  ARROW_ASSIGN_OR_RAISE(auto times, FinishColumn(column));
  return std::static_pointer_cast<arrow::TimestampArray>(times);
}

arrow::Result<std::vector<OutputColumn*>> MakeOutputs(
    const std::vector<WantedColumn>& columns, int64_t length,
    std::vector<std::unique_ptr<OutputColumn>>* outputs) {
  std::vector<OutputColumn*> places;
  for (const WantedColumn& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto output, OutputColumn::Make(column.type, length));
    places.push_back(output.get());
    outputs->push_back(std::move(output));
  }
  return places;
}

int64_t TimeOr(const arrow::TimestampArray& times, int64_t row, int64_t fallback) {
  return times.IsNull(row) ? fallback : times.Value(row);
}

}  // namespace

/// The newest row of one key so far.
struct KeyRead::Winner {
  int32_t task = kNoRow;  ///< kKnownRow: what was known before.
  int64_t row = 0;
  int64_t event_ts = 0;
  int64_t created_ts = kNoTimestamp;
  int64_t sequence_number = 0;

  bool IsNewerThan(const Winner& other) const {
    if (other.task == kNoRow) return true;
    if (event_ts != other.event_ts) return event_ts > other.event_ts;
    if (created_ts != other.created_ts) return created_ts > other.created_ts;
    if (sequence_number != other.sequence_number) {
      return sequence_number > other.sequence_number;
    }
    return std::pair(task, row) > std::pair(other.task, other.row);
  }
};

/// The keys to look for in one file, and what was found.
struct KeyRead::FileTask {
  const IndexedFile* file = nullptr;
  std::vector<int32_t> keys;  ///< Ordinals of distinct keys, ascending.
  std::vector<iceberg::KeyMatch> matches;
  /// Of the matches whose keys have others: what decides between them.
  std::shared_ptr<arrow::TimestampArray> event_ts;
  std::shared_ptr<arrow::TimestampArray> created_ts;
  iceberg::ParquetFilePtr parquet;  ///< Set where there are matches.
  iceberg::KeyLookupCounters counters;
};

KeyRead::KeyRead(const FileIndex& index, const ReadDeadline& deadline,
                 KeyReadCaches* caches, int threads)
    : index_(index), deadline_(deadline), caches_(caches), threads_(threads) {}
KeyRead::~KeyRead() = default;

arrow::Result<KeyReadRows> KeyRead::Run(std::span<const std::string> keys,
                                        std::span<const KnownKey> known,
                                        const std::vector<WantedColumn>& features) {
  SortKeys(keys, known);
  AddPlacedTasks();
  AddUnplacedTasks();
  ARROW_RETURN_NOT_OK(ForEachTask([this](FileTask* task) { return LookUp(task); }));
  CountMatches();
  ARROW_RETURN_NOT_OK(ForEachTask([this](FileTask* task) { return ReadTimes(task); }));
  ChooseWinners();
  return Collect(static_cast<int64_t>(keys.size()), features);
}

void KeyRead::AddCounters(OnlineReadCounters* counters) const {
  for (const FileTask& task : tasks_) {
    counters->files_in_partitions += static_cast<int64_t>(task.keys.size());
    counters->bloom_checks += task.counters.bloom_checks;
    counters->bloom_hits += task.counters.bloom_hits;
    counters->key_pages_read += task.counters.pages_read;
    counters->rows_matched += static_cast<int64_t>(task.matches.size());
  }
  counters->files_opened += static_cast<int64_t>(tasks_.size());
}

arrow::Status KeyRead::ForEachTask(const std::function<arrow::Status(FileTask*)>& body) {
  int threads =
      std::min<int>(threads_, static_cast<int>(tasks_.size() / kMinFilesPerThread) + 1);
  // Of remote files each read is a wait, so that even two are worth a thread.
  threads = ThreadsToRead(index_.table()->metadata()->location, threads);
  return ParallelFor(static_cast<int64_t>(tasks_.size()), threads,
                     [&](int64_t i) { return body(&tasks_[i]); });
}

/// Distinct keys in byte order (which their hex has too), and where each was asked for.
void KeyRead::SortKeys(std::span<const std::string> keys,
                       std::span<const KnownKey> known) {
  std::vector<uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  for (uint32_t position : order) {
    if (raw_keys_.empty() || raw_keys_.back() != keys[position]) {
      raw_keys_.push_back(keys[position]);
      hex_keys_.push_back(HexEncode(keys[position]));
      known_.push_back(known.empty() ? KnownKey() : known[position]);
      positions_.emplace_back();
    }
    positions_.back().push_back(position);
  }
}

void KeyRead::AddTask(const IndexedFile& file, std::span<const int32_t> keys) {
  FileTask task;
  for (int32_t key : keys) {
    if (!file.has_bounds ||
        (file.lower <= hex_keys_[key] && hex_keys_[key] <= file.upper)) {
      task.keys.push_back(key);
    }
  }
  if (task.keys.empty()) return;
  task.file = &file;
  tasks_.push_back(std::move(task));
}

void KeyRead::AddPlacedTasks() {
  std::vector<std::pair<int32_t, int32_t>> hashed;
  for (size_t key = 0; key < raw_keys_.size(); ++key) {
    hashed.emplace_back(EntityHash(raw_keys_[key], index_.layout().partition_count),
                        static_cast<int32_t>(key));
  }
  std::sort(hashed.begin(), hashed.end());
  std::vector<int32_t> group;
  for (size_t begin = 0, end = 0; begin < hashed.size(); begin = end) {
    while (end < hashed.size() && hashed[end].first == hashed[begin].first) ++end;
    const IndexedFiles& files = index_.PartitionFiles(hashed[begin].first);
    for (size_t file = 0; file < files.size(); ++file) {
      group.clear();
      for (size_t i = begin; i < end; ++i) {
        const int32_t key = hashed[i].second;
        if (known_[key].placed_files <= file) group.push_back(key);
      }
      AddTask(*files[file], group);
    }
  }
}

void KeyRead::AddUnplacedTasks() {
  const IndexedFiles& files = index_.UnplacedFiles();
  std::vector<int32_t> group;
  for (size_t file = 0; file < files.size(); ++file) {
    group.clear();
    for (size_t key = 0; key < raw_keys_.size(); ++key) {
      if (known_[key].unplaced_files <= file) group.push_back(static_cast<int32_t>(key));
    }
    AddTask(*files[file], group);
  }
}

arrow::Status KeyRead::LookUp(FileTask* task) {
  ARROW_RETURN_NOT_OK(deadline_.Check("looking into a data file"));
  ARROW_ASSIGN_OR_RAISE(auto parquet, task->file->Open(*index_.table()->io()));
  ARROW_ASSIGN_OR_RAISE(
      const int column,
      task->file->KeyLeaf(*parquet, index_.key_field_id(), index_.name_mapping().get()));
  std::vector<std::string_view> keys;
  keys.reserve(task->keys.size());
  for (int32_t key : task->keys) keys.push_back(hex_keys_[key]);
  ARROW_ASSIGN_OR_RAISE(task->matches,
                        iceberg::LookupKeys(*parquet, column, keys, &task->counters));
  ARROW_RETURN_NOT_OK(DropDeleted(task));
  if (!task->matches.empty()) task->parquet = std::move(parquet);
  return arrow::Status::OK();
}

arrow::Status KeyRead::DropDeleted(FileTask* task) {
  if (!task->file->has_deletes() || task->matches.empty()) {
    return arrow::Status::OK();
  }
  const std::string key =
      index_.table()->metadata_location() + "|" + task->file->file->file_path;
  ARROW_ASSIGN_OR_RAISE(
      auto deleted,
      caches_->deleted_rows.GetOrLoad(
          key, [&]() -> arrow::Result<LruCache<DeletedRows>::Loaded> {
            iceberg::FileScanTask scan;
            scan.file = task->file->file;
            scan.sequence_number = task->file->sequence_number;
            scan.position_deletes = task->file->position_deletes;
            scan.equality_deletes = task->file->equality_deletes;
            scan.constants = task->file->constants;
            ARROW_ASSIGN_OR_RAISE(DeletedRows rows,
                                  iceberg::LoadDeletedRows(*index_.table(), scan));
            const auto bytes = static_cast<int64_t>(rows.size() * sizeof(int64_t));
            return LruCache<DeletedRows>::Loaded{
                std::make_shared<const DeletedRows>(std::move(rows)), bytes};
          }));
  std::erase_if(task->matches, [&](const iceberg::KeyMatch& match) {
    return std::binary_search(deleted->begin(), deleted->end(), match.row);
  });
  return arrow::Status::OK();
}

void KeyRead::CountMatches() {
  match_counts_.resize(raw_keys_.size());
  for (size_t key = 0; key < known_.size(); ++key) {
    match_counts_[key] = known_[key].is_found ? 1 : 0;
  }
  for (const FileTask& task : tasks_) {
    for (const iceberg::KeyMatch& match : task.matches) {
      ++match_counts_[task.keys[match.key]];
    }
  }
}

bool KeyRead::IsContested(const FileTask& task, int32_t match_key) const {
  return match_counts_[task.keys[match_key]] > 1;
}

/// Event and creation times of the rows that are not their key's only ones.
arrow::Status KeyRead::ReadTimes(FileTask* task) {
  std::vector<RowPick> picks;
  for (size_t i = 0; i < task->matches.size(); ++i) {
    if (!IsContested(*task, task->matches[i].key)) continue;
    picks.push_back(
        {static_cast<uint32_t>(task->matches[i].row), static_cast<uint32_t>(i)});
  }
  if (picks.empty()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(deadline_.Check("reading event times"));
  ARROW_ASSIGN_OR_RAISE(auto columns, TimeColumns());
  std::vector<std::unique_ptr<OutputColumn>> outputs;
  ARROW_ASSIGN_OR_RAISE(
      auto places,
      MakeOutputs(columns, static_cast<int64_t>(task->matches.size()), &outputs));
  FileRows rows(task->parquet, *task->file, index_, &caches_->scratch);
  ARROW_RETURN_NOT_OK(rows.Gather(columns, picks, places, deadline_));
  ARROW_ASSIGN_OR_RAISE(task->event_ts, FinishTimes(outputs[0].get()));
  ARROW_ASSIGN_OR_RAISE(task->created_ts, FinishTimes(outputs[1].get()));
  return arrow::Status::OK();
}

arrow::Result<std::vector<WantedColumn>> KeyRead::TimeColumns() const {
  std::vector<WantedColumn> columns;
  for (const char* name : {kEventTsColumn, kCreatedTsColumn}) {
    ARROW_ASSIGN_OR_RAISE(const auto* field, index_.table()->schema()->GetField(name));
    columns.push_back({*field, TimesType()});
  }
  return columns;
}

void KeyRead::ChooseWinners() {
  winners_.resize(raw_keys_.size());
  for (size_t key = 0; key < known_.size(); ++key) {
    if (!known_[key].is_found) continue;
    winners_[key] = {kKnownRow, 0, known_[key].event_ts, known_[key].created_ts,
                     known_[key].sequence_number};
  }
  for (size_t t = 0; t < tasks_.size(); ++t) {
    const FileTask& task = tasks_[t];
    for (size_t i = 0; i < task.matches.size(); ++i) {
      Winner candidate;
      candidate.task = static_cast<int32_t>(t);
      candidate.row = task.matches[i].row;
      candidate.sequence_number = task.file->sequence_number;
      Winner& winner = winners_[task.keys[task.matches[i].key]];
      if (IsContested(task, task.matches[i].key)) {
        const auto row = static_cast<int64_t>(i);
        if (task.event_ts->IsNull(row)) continue;
        candidate.event_ts = task.event_ts->Value(row);
        candidate.created_ts = TimeOr(*task.created_ts, row, kNoTimestamp);
        if (!candidate.IsNewerThan(winner)) continue;
      }
      winner = candidate;
    }
  }
}

arrow::Result<KeyReadRows> KeyRead::Collect(int64_t length,
                                            const std::vector<WantedColumn>& features) {
  ARROW_ASSIGN_OR_RAISE(std::vector<WantedColumn> columns, TimeColumns());
  const size_t first_feature = columns.size();
  columns.insert(columns.end(), features.begin(), features.end());
  std::vector<std::unique_ptr<OutputColumn>> outputs;
  ARROW_ASSIGN_OR_RAISE(auto places, MakeOutputs(columns, length, &outputs));
  KeyReadRows result;
  result.sequence_numbers.resize(static_cast<size_t>(length));
  result.is_known.resize(static_cast<size_t>(length));
  std::vector<std::vector<RowPick>> picks(tasks_.size());
  for (size_t key = 0; key < winners_.size(); ++key) {
    const Winner& winner = winners_[key];
    for (uint32_t position : positions_[key]) {
      result.sequence_numbers[position] = winner.sequence_number;
      result.is_known[position] = winner.task == kKnownRow;
      if (winner.task < 0) continue;
      picks[winner.task].push_back({static_cast<uint32_t>(winner.row), position});
    }
  }
  ARROW_RETURN_NOT_OK(ForEachTask([&](FileTask* task) -> arrow::Status {
    std::vector<RowPick>& wanted = picks[task - tasks_.data()];
    if (wanted.empty()) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(deadline_.Check("reading features"));
    std::sort(wanted.begin(), wanted.end(),
              [](const RowPick& a, const RowPick& b) { return a.row < b.row; });
    FileRows rows(task->parquet, *task->file, index_, &caches_->scratch);
    return rows.Gather(columns, wanted, places, deadline_);
  }));
  ARROW_ASSIGN_OR_RAISE(result.rows.event_ts, FinishTimes(outputs[0].get()));
  ARROW_ASSIGN_OR_RAISE(result.rows.created_ts, FinishTimes(outputs[1].get()));
  for (size_t i = first_feature; i < outputs.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto column, FinishColumn(outputs[i].get()));
    result.rows.features.push_back(std::move(column));
  }
  ARROW_RETURN_NOT_OK(deadline_.Check("returning the answer"));
  return result;
}

}  // namespace floe::online
