#include "offline/label_join.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>

#include "arrow/array.h"
#include "arrow/array/concatenate.h"
#include "arrow/builder.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "arrow/type_traits.h"
#include "arrow/util/bit_util.h"
#include "base/error.h"
#include "exec/instants.h"
#include "exec/key_space.h"
#include "offline/compute_kernels.h"

namespace floe::offline {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
/// Nanoseconds of any time there is: more than 64 bits.
using Nanos = __int128;

constexpr int32_t kNone = -1;
/// What Feast's resolver puts for the labeler of a vote.
constexpr char kVotedLabelerColumn[] = "labeler";
constexpr char kVotedLabeler[] = "majority_vote";

/// One row of the view: where its values are, and what orders it.
struct LabelRow {
  Nanos time = 0;
  bool has_created = false;
  Nanos created = 0;
  int32_t row = 0;
  int32_t rank = 0;  ///< Of its labeler; the smallest is heard first.

  bool operator<(const LabelRow& other) const {
    if (time != other.time) return time < other.time;
    if (has_created != other.has_created) return other.has_created;
    if (created != other.created) return created < other.created;
    return row < other.row;
  }
};

class KeyEncoder {
 public:
  static arrow::Result<KeyEncoder> Make(const LabelColumns& columns,
                                        const LabelSpine& spine) {
    std::vector<exec::KeySpace::Column> pairs;
    for (size_t i = 0; i < spine.keys.size(); ++i) {
      const SourceColumn& key = columns.keys.keys[i];
      pairs.push_back({key.field->name, spine.keys[i]->type(), key.type});
    }
    ARROW_ASSIGN_OR_RAISE(exec::KeySpace space, exec::KeySpace::Make(pairs));
    return KeyEncoder(std::move(space));
  }

  /// Comparable keys of `length` rows; nullopt for those that match nothing.
  arrow::Result<std::vector<std::optional<std::string>>> Encode(
      const std::vector<ArrayPtr>& keys, int64_t length) const {
    std::vector<std::optional<std::string>> encoded(static_cast<size_t>(length));
    const auto is_valid = [](const std::vector<uint8_t>& valid, size_t row) {
      return valid.empty() || valid[row] != 0;
    };
    if (space_.is_integer()) {
      exec::KeySpace::Integers integers;
      ARROW_RETURN_NOT_OK(space_.EncodeIntegers(*keys[0], 0, length, &integers));
      for (size_t row = 0; row < encoded.size(); ++row) {
        if (is_valid(integers.valid, row)) {
          encoded[row] = std::to_string(integers.values[row]);
        }
      }
      return encoded;
    }
    exec::KeySpace::Bytes bytes;
    ARROW_RETURN_NOT_OK(space_.EncodeBytes(keys, 0, length, &bytes));
    for (size_t row = 0; row < encoded.size(); ++row) {
      if (is_valid(bytes.valid, row)) {
        encoded[row] = std::string(bytes.key(static_cast<int64_t>(row)));
      }
    }
    return encoded;
  }

 private:
  explicit KeyEncoder(exec::KeySpace space) : space_(std::move(space)) {}
  exec::KeySpace space_;
};

/// The rows of the keys asked for, by key, oldest first.
class LabelTable {
 public:
  LabelTable(const LabelColumns& columns, const LabelResolution& resolution)
      : columns_(columns), resolution_(resolution), parts_(columns.features.size()) {
    read_ = columns.keys.keys;
    read_.push_back(columns.keys.timestamp);
    if (columns.keys.created) read_.push_back(*columns.keys.created);
    first_feature_ = read_.size();
    read_.insert(read_.end(), columns.features.begin(), columns.features.end());
    if (columns.labeler) read_.push_back(*columns.labeler);
  }

  /// `keys` asks: a group is made for each.
  void Ask(const std::vector<std::optional<std::string>>& keys) {
    for (const auto& key : keys) {
      if (key) groups_.try_emplace(*key);
    }
  }

  arrow::Status Read(const SourceUnits& units, const KeyEncoder& encoder,
                     const RetrievalOptions& options, ReadCounters* counters) {
    // A reader gives each column once.
    std::vector<SourceColumn> distinct;
    for (const SourceColumn& column : read_) {
      auto same = std::find_if(
          distinct.begin(), distinct.end(),
          [&](const SourceColumn& other) { return other.field == column.field; });
      place_.push_back(static_cast<int>(same - distinct.begin()));
      if (same == distinct.end()) distinct.push_back(column);
    }
    for (const SourceUnit& unit : units.units()) {
      for (const iceberg::RowRange& range : unit.ranges) {
        ARROW_RETURN_NOT_OK(options.CheckGoOn());
        ARROW_ASSIGN_OR_RAISE(auto reader, units.ReadGenerally(unit, distinct, {range}));
        int64_t at = range.begin;
        std::shared_ptr<arrow::RecordBatch> batch;
        while (true) {
          ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
          if (batch == nullptr) break;
          ARROW_ASSIGN_OR_RAISE(auto live,
                                units.Live(unit, {at, at + batch->num_rows()}));
          ARROW_RETURN_NOT_OK(Add(*batch, live.get(), encoder));
          at += batch->num_rows();
        }
      }
      counters->row_groups_read_generally += 1;
    }
    counters->rows_matched += row_count_;
    for (auto& [key, rows] : groups_) std::sort(rows.begin(), rows.end());
    return arrow::Status::OK();
  }

  const std::vector<LabelRow>* Find(const std::string& key) const {
    const auto found = groups_.find(key);
    return found == groups_.end() ? nullptr : &found->second;
  }

  /// All values read of a feature; LabelRow::row counts them.
  arrow::Result<ArrayPtr> Feature(size_t index) const {
    const std::vector<ArrayPtr>& parts = parts_[index];
    if (parts.empty()) return arrow::MakeEmptyArray(columns_.features[index].type);
    return arrow::Concatenate(parts);
  }

 private:
  arrow::Status Add(const arrow::RecordBatch& batch, const arrow::Buffer* live,
                    const KeyEncoder& encoder) {
    const size_t key_count = columns_.keys.keys.size();
    std::vector<ArrayPtr> keys;
    for (size_t i = 0; i < key_count; ++i) keys.push_back(batch.column(place_[i]));
    ARROW_ASSIGN_OR_RAISE(auto encoded, encoder.Encode(keys, batch.num_rows()));
    ARROW_ASSIGN_OR_RAISE(
        auto times, exec::Instants::Make(*batch.column(place_[key_count]), "event time"));
    exec::Instants created;
    const bool has_created = columns_.keys.created.has_value();
    if (has_created) {
      ARROW_ASSIGN_OR_RAISE(
          created,
          exec::Instants::Make(*batch.column(place_[key_count + 1]), "created time"));
    }
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const bool is_live = live == nullptr || arrow::bit_util::GetBit(live->data(), row);
      const auto& key = encoded[static_cast<size_t>(row)];
      if (!is_live || !key || !times.valid(row)) continue;
      const auto group = groups_.find(*key);
      if (group == groups_.end()) continue;
      LabelRow label;
      label.time = Nanos{times.value(row)} * times.nanos_per_unit();
      if (has_created && created.valid(row)) {
        label.has_created = true;
        label.created = Nanos{created.value(row)} * created.nanos_per_unit();
      }
      label.row = static_cast<int32_t>(row_count_ + row);
      ARROW_ASSIGN_OR_RAISE(label.rank, Rank(batch, row));
      group->second.push_back(label);
    }
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].push_back(batch.column(place_[first_feature_ + i]));
    }
    row_count_ += batch.num_rows();
    if (row_count_ <= kMaxLabelRows) return arrow::Status::OK();
    return MakeError(ErrorCode::kResourceExhausted,
                     "the label view has more than {} rows in the time asked for, too "
                     "many to resolve; ask for less time or give the view a ttl",
                     kMaxLabelRows);
  }

  arrow::Result<int32_t> Rank(const arrow::RecordBatch& batch, int64_t row) const {
    if (!columns_.labeler) return 0;
    ARROW_ASSIGN_OR_RAISE(auto labeler, batch.column(place_.back())->GetScalar(row));
    const auto& ranks = resolution_.labelers;
    const auto found = labeler->is_valid
                           ? std::find(ranks.begin(), ranks.end(), labeler->ToString())
                           : ranks.end();
    return static_cast<int32_t>(found - ranks.begin());
  }

  const LabelColumns& columns_;
  const LabelResolution& resolution_;
  std::vector<SourceColumn> read_;
  size_t first_feature_ = 0;
  std::vector<int> place_;  ///< Of each of read_ in a batch.
  std::unordered_map<std::string, std::vector<LabelRow>> groups_;
  std::vector<std::vector<ArrayPtr>> parts_;
  int64_t row_count_ = 0;
};

/// For each spine row the labels that count, as a run of its key's rows.
struct Window {
  const LabelRow* begin = nullptr;
  const LabelRow* end = nullptr;
};

/// The row heard for one feature of a window; kNone for none.
using Chooser = std::function<int32_t(const Window&)>;

int32_t HighestRanked(const Window& window) {
  const LabelRow* best = nullptr;
  for (const LabelRow* row = window.begin; row != window.end; ++row) {
    if (best == nullptr || row->rank <= best->rank) best = row;
  }
  return best == nullptr ? kNone : best->row;
}

/// The most frequent value's newest row; of values as frequent as each other, the newest.
/// NULL and NaN have no vote.
class Vote {
 public:
  static arrow::Result<Vote> Make(const ArrayPtr& values, const std::string& feature) {
    auto encoded = arrow::compute::DictionaryEncode(arrow::Datum(values));
    if (!encoded.ok()) {
      return MakeError(ErrorCode::kNotSupported,
                       "values of '{}', which are {}, cannot be counted for a majority "
                       "vote; label with texts, numbers or booleans",
                       feature, values->type()->ToString());
    }
    const auto dictionary =
        std::static_pointer_cast<arrow::DictionaryArray>(encoded->make_array());
    Vote vote;
    vote.ids_ = std::static_pointer_cast<arrow::Int32Array>(dictionary->indices());
    vote.nan_ = IndexOfNan(*dictionary->dictionary());
    return vote;
  }

  int32_t operator()(const Window& window) const {
    std::unordered_map<int32_t, std::pair<int64_t, const LabelRow*>> counts;
    const std::pair<int64_t, const LabelRow*>* best = nullptr;
    for (const LabelRow* row = window.begin; row != window.end; ++row) {
      if (ids_->IsNull(row->row) || ids_->Value(row->row) == nan_) continue;
      auto& count = counts[ids_->Value(row->row)];
      ++count.first;
      count.second = row;
    }
    for (const auto& [id, count] : counts) {
      if (best == nullptr || count.first > best->first ||
          (count.first == best->first && count.second > best->second)) {
        best = &count;
      }
    }
    return best == nullptr ? kNone : best->second->row;
  }

 private:
  static int32_t IndexOfNan(const arrow::Array& dictionary) {
    for (int64_t i = 0; i < dictionary.length(); ++i) {
      if (dictionary.type_id() == arrow::Type::DOUBLE) {
        const double value = static_cast<const arrow::DoubleArray&>(dictionary).Value(i);
        if (value != value) return static_cast<int32_t>(i);
      } else if (dictionary.type_id() == arrow::Type::FLOAT) {
        const float value = static_cast<const arrow::FloatArray&>(dictionary).Value(i);
        if (value != value) return static_cast<int32_t>(i);
      }
    }
    return kNone;
  }

  std::shared_ptr<arrow::Int32Array> ids_;
  int32_t nan_ = kNone;
};

arrow::Result<std::vector<std::vector<LabelRow>>> Windows(
    const LabelTable& labels, const LabelSpine& spine,
    const std::vector<std::optional<std::string>>& keys, int64_t ttl_us,
    bool filter_by_created) {
  ARROW_ASSIGN_OR_RAISE(auto times, exec::Instants::Make(*spine.times, "entity time"));
  std::vector<std::vector<LabelRow>> windows(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (!keys[i] || !times.valid(at)) continue;
    const std::vector<LabelRow>* rows = labels.Find(*keys[i]);
    if (rows == nullptr) continue;
    const Nanos time = Nanos{times.value(at)} * times.nanos_per_unit();
    const auto end =
        std::partition_point(rows->begin(), rows->end(),
                             [&](const LabelRow& row) { return row.time <= time; });
    const auto begin =
        ttl_us <= 0 ? rows->begin()
                    : std::partition_point(rows->begin(), end, [&](const LabelRow& row) {
                        return row.time < time - Nanos{ttl_us} * exec::kNanosPerMicro;
                      });
    std::copy_if(begin, end, std::back_inserter(windows[i]), [&](const LabelRow& row) {
      return !filter_by_created || (row.has_created && row.created <= time);
    });
  }
  return windows;
}

arrow::Result<ArrayPtr> Choose(const ArrayPtr& values,
                               const std::vector<std::vector<LabelRow>>& windows,
                               const Chooser& chooser) {
  arrow::Int32Builder rows;
  ARROW_RETURN_NOT_OK(rows.Reserve(static_cast<int64_t>(windows.size())));
  for (const std::vector<LabelRow>& window : windows) {
    const int32_t row = chooser(Window{window.data(), window.data() + window.size()});
    if (row == kNone) {
      rows.UnsafeAppendNull();
    } else {
      rows.UnsafeAppend(row);
    }
  }
  ARROW_ASSIGN_OR_RAISE(ArrayPtr indices, rows.Finish());
  return arrow::compute::Take(*values, *indices);
}

/// What stands for the labeler of a vote: nobody's name.
arrow::Result<ArrayPtr> VotedLabelers(const std::vector<std::vector<LabelRow>>& windows) {
  arrow::StringBuilder names;
  for (const std::vector<LabelRow>& window : windows) {
    ARROW_RETURN_NOT_OK(window.empty() ? names.AppendNull()
                                       : names.Append(kVotedLabeler));
  }
  return names.Finish();
}

}  // namespace

arrow::Result<arrow::ChunkedArrayVector> ResolveLabels(
    const SourceUnits& units, const LabelColumns& columns, const LabelSpine& spine,
    const LabelResolution& resolution, int64_t ttl_us, bool filter_by_created,
    const RetrievalOptions& options, ReadCounters* counters) {
  ARROW_RETURN_NOT_OK(RegisterComputeKernels());
  ARROW_ASSIGN_OR_RAISE(KeyEncoder encoder, KeyEncoder::Make(columns, spine));
  ARROW_ASSIGN_OR_RAISE(auto keys, encoder.Encode(spine.keys, spine.times->length()));
  LabelTable labels(columns, resolution);
  labels.Ask(keys);
  ARROW_RETURN_NOT_OK(labels.Read(units, encoder, options, counters));
  ARROW_ASSIGN_OR_RAISE(auto windows,
                        Windows(labels, spine, keys, ttl_us, filter_by_created));
  const bool votes = resolution.policy == LabelPolicy::kMajorityVote;
  arrow::ChunkedArrayVector answer;
  for (size_t i = 0; i < columns.features.size(); ++i) {
    ARROW_RETURN_NOT_OK(options.CheckGoOn());
    const SourceColumn& feature = columns.features[i];
    ARROW_ASSIGN_OR_RAISE(ArrayPtr values, labels.Feature(i));
    ArrayPtr chosen;
    if (votes && feature.field->name == kVotedLabelerColumn &&
        feature.type->id() == arrow::Type::STRING) {
      ARROW_ASSIGN_OR_RAISE(chosen, VotedLabelers(windows));
    } else if (votes) {
      ARROW_ASSIGN_OR_RAISE(Vote vote, Vote::Make(values, feature.field->name));
      ARROW_ASSIGN_OR_RAISE(chosen, Choose(values, windows, vote));
    } else {
      ARROW_ASSIGN_OR_RAISE(chosen, Choose(values, windows, HighestRanked));
    }
    answer.push_back(std::make_shared<arrow::ChunkedArray>(std::move(chosen)));
  }
  return answer;
}

}  // namespace floe::offline
