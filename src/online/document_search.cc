#include "online/document_search.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "base/error.h"
#include "feast/entity_key.h"
#include "feast/types/EntityKey.pb.h"
#include "feast/types/Value.pb.h"

namespace floe::online {

namespace {

using ::feast::types::EntityKey;
using ::feast::types::Value;

/// Rows are read this many at a time, so that memory follows the answer, not the table.
constexpr size_t kKeysPerRead = 4096;
constexpr double kTermSaturation = 1.2;  // k1
constexpr double kLengthWeight = 0.75;   // b

bool IsWordByte(unsigned char byte) { return byte >= 0x80 || std::isalnum(byte) != 0; }

/// Words in lower case: runs of ASCII letters and digits and of bytes beyond ASCII.
std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  bool is_inside = false;
  for (const char raw : text) {
    const auto byte = static_cast<unsigned char>(raw);
    if (!IsWordByte(byte)) {
      is_inside = false;
      continue;
    }
    if (!is_inside) words.emplace_back();
    is_inside = true;
    words.back().push_back(byte < 0x80 ? static_cast<char>(std::tolower(byte)) : raw);
  }
  return words;
}

/// What the text search knows of one document.
struct DocumentWords {
  int64_t length = 0;
  std::vector<int64_t> counts;  ///< By word of the query.
};

/// The texts of all documents that were looked at, to rank them by BM25.
class TextRanker {
 public:
  explicit TextRanker(std::string_view query) : words_(WordsOf(query)) {
    std::sort(words_.begin(), words_.end());
    words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
    documents_with_.resize(words_.size());
  }

  bool is_empty() const { return words_.empty(); }

  DocumentWords Add(const std::vector<std::string_view>& texts) {
    DocumentWords document;
    document.counts.resize(words_.size());
    for (std::string_view text : texts) {
      for (const std::string& word : WordsOf(text)) {
        ++document.length;
        const auto found = std::lower_bound(words_.begin(), words_.end(), word);
        if (found == words_.end() || *found != word) continue;
        ++document.counts[static_cast<size_t>(found - words_.begin())];
      }
    }
    for (size_t word = 0; word < words_.size(); ++word) {
      documents_with_[word] += document.counts[word] > 0 ? 1 : 0;
    }
    ++document_count_;
    total_length_ += document.length;
    return document;
  }

  static bool HasAllWords(const DocumentWords& document) {
    return std::all_of(document.counts.begin(), document.counts.end(),
                       [](int64_t count) { return count > 0; });
  }

  /// Within [0, 1).
  double Rank(const DocumentWords& document) const {
    const double average =
        static_cast<double>(total_length_) / static_cast<double>(document_count_);
    double score = 0;
    for (size_t word = 0; word < words_.size(); ++word) {
      const auto with = static_cast<double>(documents_with_[word]);
      const double rarity = std::log(
          1 + (static_cast<double>(document_count_) - with + 0.5) / (with + 0.5));
      const auto count = static_cast<double>(document.counts[word]);
      const double length = static_cast<double>(document.length) / average;
      score += rarity * count * (kTermSaturation + 1) /
               (count + kTermSaturation * (1 - kLengthWeight + kLengthWeight * length));
    }
    return score / (1 + score);
  }

 private:
  std::vector<std::string> words_;  ///< Of the query: distinct, ascending.
  std::vector<int64_t> documents_with_;
  int64_t document_count_ = 0;
  int64_t total_length_ = 0;
};

/// The numbers of a list; kInvalidArgument for anything else.
arrow::Status NumbersOf(const Value& value, const std::string& feature,
                        std::vector<float>* numbers) {
  const auto copy = [&](const auto& list) {
    numbers->assign(list.val().begin(), list.val().end());
    return arrow::Status::OK();
  };
  switch (value.val_case()) {
    case Value::kFloatListVal:
      return copy(value.float_list_val());
    case Value::kDoubleListVal:
      return copy(value.double_list_val());
    case Value::kInt32ListVal:
      return copy(value.int32_list_val());
    case Value::kInt64ListVal:
      return copy(value.int64_list_val());
    default:
      return MakeError(ErrorCode::kInvalidArgument,
                       "feature '{}' is no vector: a list of numbers is needed", feature);
  }
}

double DistanceOf(DistanceMetric metric, const std::vector<float>& a,
                  const std::vector<float>& b) {
  double sum = 0;
  double a_square = 0;
  double b_square = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    switch (metric) {
      case DistanceMetric::kL2:
        sum += (x - y) * (x - y);
        break;
      case DistanceMetric::kL1:
        sum += std::abs(x - y);
        break;
      case DistanceMetric::kCosine:
        a_square += x * x;
        b_square += y * y;
        [[fallthrough]];
      case DistanceMetric::kDot:
        sum += x * y;
    }
  }
  switch (metric) {
    case DistanceMetric::kL2:
      return std::sqrt(sum);
    case DistanceMetric::kL1:
      return sum;
    case DistanceMetric::kDot:
      return -sum;
    case DistanceMetric::kCosine:
      break;
  }
  const double norms = std::sqrt(a_square) * std::sqrt(b_square);
  return norms == 0 ? 1 : 1 - sum / norms;
}

/// A document that may be among the answers.
struct Candidate {
  size_t key = 0;
  double distance = 0;
  double text_rank = 0;
  DocumentWords words;
};

class Search {
 public:
  Search(OnlineReader* reader, const DocumentQuery& query, int64_t timeout_ms)
      : reader_(*reader),
        query_(query),
        timeout_ms_(timeout_ms),
        ranker_(query.text.value_or("")) {}

  arrow::Result<std::vector<DocumentHit>> Run() {
    if (query_.top_k < 0 || query_.top_k > DocumentQuery::kMaxTopK) {
      return MakeError(ErrorCode::kInvalidArgument, "top_k is {}; it must be up to {}",
                       query_.top_k, DocumentQuery::kMaxTopK);
    }
    ARROW_RETURN_NOT_OK(MakePlan());
    ARROW_ASSIGN_OR_RAISE(keys_, reader_.Keys(*plan_, timeout_ms_));
    if (query_.text && ranker_.is_empty()) return std::vector<DocumentHit>();
    for (size_t begin = 0; begin < keys_->size(); begin += kKeysPerRead) {
      const size_t count = std::min(kKeysPerRead, keys_->size() - begin);
      const std::span<const std::string> keys(keys_->data() + begin, count);
      ARROW_ASSIGN_OR_RAISE(auto rows,
                            reader_.ReadEncoded(*plan_, keys, nullptr, timeout_ms_));
      for (size_t i = 0; i < count; ++i) {
        ARROW_RETURN_NOT_OK(Consider(begin + i, *rows[i]));
      }
      // A rank depends on all documents, a distance on none other.
      if (query_.embedding) KeepBest();
    }
    if (query_.text) {
      for (Candidate& candidate : candidates_) {
        candidate.text_rank = ranker_.Rank(candidate.words);
      }
    }
    KeepBest();
    return Answer();
  }

 private:
  size_t PlaceOf(const std::string& feature, std::vector<std::string>* features) {
    const auto found = std::find(features->begin(), features->end(), feature);
    const auto place = static_cast<size_t>(found - features->begin());
    if (found == features->end()) features->push_back(feature);
    return place;
  }

  bool IsFeature(const std::string& name) const {
    return std::any_of(query_.view.features.begin(), query_.view.features.end(),
                       [&](const OnlineFeature& known) { return known.name == name; });
  }

  /// What is looked at is read; the features to answer with only for the hits.
  arrow::Status MakePlan() {
    std::vector<std::string> looked_at;
    if (query_.embedding) vector_ = PlaceOf(query_.vector_feature, &looked_at);
    if (query_.text) {
      for (const std::string& feature : query_.text_features) {
        texts_.push_back(PlaceOf(feature, &looked_at));
      }
    }
    if (query_.filter != nullptr) {
      for (const std::string& key : query_.filter->keys()) {
        if (IsFeature(key)) {
          filter_places_.push_back(PlaceOf(key, &looked_at));
        } else {
          filter_places_.push_back(std::nullopt);
        }
      }
    }
    ARROW_ASSIGN_OR_RAISE(plan_, reader_.Plan(query_.view, looked_at));
    ARROW_ASSIGN_OR_RAISE(answer_plan_, reader_.Plan(query_.view, query_.features));
    return arrow::Status::OK();
  }

  arrow::Result<Value> ValueOf(const EncodedRow& row, size_t place) const {
    Value value;
    const std::string_view bytes = row.value(place);
    if (value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return value;
    return MakeError(ErrorCode::kCorruptData,
                     "a value of feature '{}' is no feast.types.Value",
                     plan_->features[place].name);
  }

  arrow::Result<bool> PassesFilter(size_t key, const EncodedRow& row) const {
    if (query_.filter == nullptr) return true;
    std::vector<Value> values;
    std::optional<EntityKey> entity;
    for (size_t i = 0; i < filter_places_.size(); ++i) {
      if (filter_places_[i]) {
        ARROW_ASSIGN_OR_RAISE(Value value, ValueOf(row, *filter_places_[i]));
        values.push_back(std::move(value));
        continue;
      }
      if (!entity) {
        ARROW_ASSIGN_OR_RAISE(entity, feast::DeserializeEntityKey((*keys_)[key]));
      }
      ARROW_ASSIGN_OR_RAISE(Value value, JoinKeyValue(*entity, query_.filter->keys()[i]));
      values.push_back(std::move(value));
    }
    std::vector<const Value*> pointers;
    for (const Value& value : values) pointers.push_back(&value);
    return query_.filter->Matches(pointers);
  }

  arrow::Result<Value> JoinKeyValue(const EntityKey& entity,
                                    const std::string& name) const {
    std::vector<std::string> known;
    for (int i = 0; i < entity.join_keys_size(); ++i) {
      if (entity.join_keys(i) == name) return entity.entity_values(i);
      known.push_back(entity.join_keys(i));
    }
    for (const OnlineFeature& feature : query_.view.features) {
      known.push_back(feature.name);
    }
    const std::string nearest = NearestName(name, known);
    return MakeError(ErrorCode::kInvalidArgument,
                     "feature view '{}' has no feature or join key '{}' to filter by{}",
                     query_.view.name, name,
                     nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
  }

  arrow::Status Consider(size_t key, const EncodedRow& row) {
    if (!row.is_found) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(bool passes, PassesFilter(key, row));
    if (!passes) return arrow::Status::OK();
    Candidate candidate;
    candidate.key = key;
    if (query_.text) {
      std::vector<Value> values;
      std::vector<std::string_view> texts;
      for (size_t place : texts_) {
        ARROW_ASSIGN_OR_RAISE(Value value, ValueOf(row, place));
        values.push_back(std::move(value));
      }
      for (const Value& value : values) texts.push_back(value.string_val());
      candidate.words = ranker_.Add(texts);
      if (!TextRanker::HasAllWords(candidate.words)) return arrow::Status::OK();
    }
    if (query_.embedding) {
      ARROW_ASSIGN_OR_RAISE(Value value, ValueOf(row, vector_));
      if (value.val_case() == Value::VAL_NOT_SET) return arrow::Status::OK();
      ARROW_RETURN_NOT_OK(NumbersOf(value, query_.vector_feature, &numbers_));
      if (numbers_.size() != query_.embedding->size()) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "the query's embedding has {} numbers where feature '{}' has {}",
                         query_.embedding->size(), query_.vector_feature,
                         numbers_.size());
      }
      candidate.distance = DistanceOf(query_.metric, *query_.embedding, numbers_);
    }
    candidates_.push_back(std::move(candidate));
    return arrow::Status::OK();
  }

  bool IsBetter(const Candidate& a, const Candidate& b) const {
    if (query_.embedding) {
      // A NaN is farther than anything, so that the order stays one.
      const bool a_is_nan = std::isnan(a.distance);
      const bool b_is_nan = std::isnan(b.distance);
      if (a_is_nan != b_is_nan) return b_is_nan;
      if (!a_is_nan && a.distance != b.distance) return a.distance < b.distance;
    } else if (a.text_rank != b.text_rank) {
      return a.text_rank > b.text_rank;
    }
    return a.key < b.key;
  }

  void KeepBest() {
    const auto is_better = [this](const Candidate& a, const Candidate& b) {
      return IsBetter(a, b);
    };
    const size_t count = std::min(candidates_.size(), static_cast<size_t>(query_.top_k));
    std::partial_sort(candidates_.begin(),
                      candidates_.begin() + static_cast<std::ptrdiff_t>(count),
                      candidates_.end(), is_better);
    candidates_.resize(count);
  }

  arrow::Result<std::vector<DocumentHit>> Answer() {
    std::vector<std::string> keys;
    for (const Candidate& candidate : candidates_)
      keys.push_back((*keys_)[candidate.key]);
    ARROW_ASSIGN_OR_RAISE(auto rows,
                          reader_.ReadEncoded(*answer_plan_, keys, nullptr, timeout_ms_));
    std::vector<DocumentHit> hits;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!rows[i]->is_found) continue;  // Removed meanwhile.
      hits.push_back({std::move(keys[i]), std::move(rows[i]), candidates_[i].distance,
                      candidates_[i].text_rank});
    }
    return hits;
  }

  OnlineReader& reader_;
  const DocumentQuery& query_;
  const int64_t timeout_ms_;
  TextRanker ranker_;
  std::shared_ptr<const ReadPlan> plan_;
  std::shared_ptr<const ReadPlan> answer_plan_;
  std::shared_ptr<const std::vector<std::string>> keys_;
  size_t vector_ = 0;
  std::vector<size_t> texts_;
  std::vector<std::optional<size_t>> filter_places_;
  std::vector<float> numbers_;
  std::vector<Candidate> candidates_;
};

template <typename T>
void AppendNumber(T value, std::string* out) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out->append(raw, sizeof raw);
}

void AppendBytes(std::string_view bytes, std::string* out) {
  AppendNumber(static_cast<uint32_t>(bytes.size()), out);
  out->append(bytes);
}

}  // namespace

arrow::Result<DistanceMetric> DistanceMetricFromName(std::string_view name) {
  static const auto& names = *new std::map<std::string, DistanceMetric>{
      {"l2", DistanceMetric::kL2},         {"euclidean", DistanceMetric::kL2},
      {"l1", DistanceMetric::kL1},         {"manhattan", DistanceMetric::kL1},
      {"cosine", DistanceMetric::kCosine}, {"dot", DistanceMetric::kDot},
      {"ip", DistanceMetric::kDot},        {"inner_product", DistanceMetric::kDot}};
  std::string lower;
  for (const char byte : name) {
    lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(byte))));
  }
  const auto found = names.find(lower);
  if (found != names.end()) return found->second;
  return MakeError(ErrorCode::kInvalidArgument,
                   "the distance metric '{}' is unknown; use L2, L1, cosine or dot",
                   name);
}

arrow::Result<std::vector<DocumentHit>> SearchDocuments(OnlineReader& reader,
                                                        const DocumentQuery& query,
                                                        int64_t timeout_ms) {
  Search search(&reader, query, timeout_ms);
  return search.Run();
}

std::string EncodeDocumentHits(std::span<const DocumentHit> hits) {
  std::string out;
  AppendNumber(static_cast<uint32_t>(hits.size()), &out);
  for (const DocumentHit& hit : hits) {
    AppendBytes(hit.entity_key, &out);
    AppendNumber(hit.row->event_ts, &out);
    AppendNumber(hit.distance, &out);
    AppendNumber(hit.text_rank, &out);
    for (size_t feature = 0; feature < hit.row->ends.size(); ++feature) {
      AppendBytes(hit.row->value(feature), &out);
    }
  }
  return out;
}

}  // namespace floe::online
