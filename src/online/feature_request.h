#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "base/clock.h"
#include "online/online_reader.h"

namespace floe::online {

/// A column of a request's entity rows.
struct EntityColumn {
  std::string name;
  /// Whether the response has it too, with status PRESENT and no time.
  bool is_returned = true;
};

/// Where a view's join key is found in the entity rows.
struct JoinKeySource {
  std::string join_key;
  size_t column = 0;
};

/// The features of one view in a request.
struct ViewRequest {
  std::shared_ptr<const ReadPlan> plan;
  /// What the response calls the plan's features; empty: left out.
  std::vector<std::string> names;
  std::vector<JoinKeySource> join_keys;
  /// Instead of `join_keys`: a column of whole EntityKey messages.
  std::optional<size_t> key_column;
  /// Rows older than this have the status OUTSIDE_MAX_AGE and keep their values; 0: no
  /// row is too old.
  int64_t ttl_micros = 0;
  /// What the metadata calls the view, and its version; empty: nothing.
  std::string metadata_name;
  int32_t metadata_version = 0;
};

/// Everything of an online request but the entities: made once, asked many times.
struct FeatureRequest {
  std::vector<EntityColumn> columns;
  std::vector<ViewRequest> views;

  /// kInvalidArgument for columns out of range and for names that do not fit the plan.
  arrow::Status Validate() const;
};

/// The response to `request` for the entities of `buffer`: a serialized
/// feast.serving.GetOnlineFeaturesResponse with the returned entity columns and then each
/// view's features, exactly as Feast's Python server fills it. A row that is found is
/// PRESENT, whatever its value; one that is not is NOT_FOUND.
///
/// `buffer`, little-endian, unaligned: u32 row count, then per column of the request one
/// byte that says how its values are written:
///   0: row count times i64, INT64      1: row count times i32, INT32
///   2: per row u32 length, UTF-8 STRING
///   3: per row u32 length, feast.types.Value
///   4: per row u32 length, feast.types.EntityKey; for key_column alone
///   5: u32 length, one UTF-8 STRING for all rows
/// kInvalidArgument for a buffer of another form; whatever OnlineReader::Read gives.
arrow::Result<std::string> AnswerFeatureRequest(OnlineReader& reader,
                                                const FeatureRequest& request,
                                                std::string_view buffer,
                                                const Clock& clock);

}  // namespace floe::online
