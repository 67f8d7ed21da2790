#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "offline/source.h"

namespace floe::offline {

/// One requested feature.
struct RequestedFeature {
  std::string source_column;
  /// The output column: Feast's feature name, or "view__feature". Unique in a request.
  std::string output_name;
  /// nullptr: the source column's own type. Else values are cast safely.
  std::shared_ptr<arrow::DataType> type;
};

/// How conflicting labels of one key are resolved, other than by the last one written.
enum class LabelPolicy { kMajorityVote, kLabelerPriority };

struct LabelResolution {
  LabelPolicy policy = LabelPolicy::kMajorityVote;
  /// kLabelerPriority: the source's column that names the labeler, and the labelers, the
  /// one to hear first in front; all others come after them.
  std::string labeler_column = {};
  std::vector<std::string> labelers = {};
};

/// One feature view of a request, its field mapping and projection already applied.
struct ViewRequest {
  std::string name;
  FeatureSource source;
  /// None: an entity-less view, whose latest row at each time goes to every entity row.
  std::vector<JoinKey> join_keys;
  /// How old a row may be, both ends inclusive; 0: of any age.
  int64_t ttl_us = 0;
  std::vector<RequestedFeature> features;
  /// Of a label view: how its rows are resolved; nullopt: the newest counts, as ever.
  std::optional<LabelResolution> labels = std::nullopt;
};

/// What to retrieve. Exactly one of `entities` and the time range is given.
struct HistoricalFeaturesRequest {
  /// The entity frame, consumed once; nullptr for the mode without entities.
  std::shared_ptr<arrow::RecordBatchReader> entities;
  /// The entity frame's time column: timestamp of any unit, with a zone or without (UTC),
  /// or date. Without entities, the name of the output's time column.
  std::string entity_timestamp_column = "event_timestamp";
  /// Without entities: the rows are the distinct (join keys, event time) of all views'
  /// sources with start <= event time <= end (open where not given), ordered by time,
  /// then keys; a key that a view lacks is NULL there. Microseconds since the epoch.
  std::optional<int64_t> start_us;
  std::optional<int64_t> end_us;
  std::vector<ViewRequest> views;
  /// Rows whose created timestamp is NULL or after the entity's time do not take part.
  bool filter_by_created_timestamp = false;
  /// Set when the caller needs to say what was asked for; kept in the receipt as given.
  std::string query_text;
  RetrievalOptions options;
};

/// A training set and what it was made of.
struct HistoricalFeatures {
  /// The entity frame's columns in its order, then each view's features in request order;
  /// one row per entity row, in order.
  std::shared_ptr<arrow::RecordBatchReader> reader;
  /// -1 when the frame did not fit the memory budget: later passes run as the reader is
  /// drawn.
  int64_t row_count = 0;
  /// JSON: {"format": 1, "query": {...}, "views": [{"view", "source", "table_uuid",
  /// "snapshot_id", "schema_id"}]}; asking again with those pins gives the same rows.
  std::string receipt_json;
  /// One per view, in request order, of the first pass.
  std::vector<ReadCounters> counters;
};

/// The point-in-time join. For each entity row and view: the row with the greatest
/// (event time, created) among those of the row's keys with event time <= the entity's
/// and, when ttl_us > 0, >= the entity's - ttl_us. NULL created is older than any other;
/// of rows equal in both, the one from the newer file, then of the higher position.
/// NULL keys and NULL entity times match nothing.
///
/// kInvalidArgument: key types that cannot be compared, duplicate output names, a bad
/// time type. kNoSuchColumn names the view, the source, the column and the nearest name.
/// Reads happen here, and the reader only slices what was built, unless the entity frame
/// is larger than the memory budget allows.
arrow::Result<HistoricalFeatures> GetHistoricalFeatures(
    HistoricalFeaturesRequest request);

/// What GetHistoricalFeatures would read, as JSON: per view its snapshot, the predicate
/// of times and keys, and the files and row groups kept and left out with their bytes
/// (ViewJoin::Preview). Consumes the entity frame (its keys and times decide); reads
/// footers and indexes, no rows. Of an entity frame larger than the memory budget, the
/// first part is explained and "all_entity_rows_seen" is false.
arrow::Result<std::string> ExplainHistoricalFeatures(HistoricalFeaturesRequest request);

}  // namespace floe::offline
