#include "cli/view_text.h"

#include "base/error.h"
#include "cli/timestamp_text.h"

namespace floe::cli {
namespace {

const std::vector<std::string>& KnownKeys() {
  static const std::vector<std::string> keys = {"table", "parquet", "name", "key",
                                                "time",  "created", "ttl",  "features"};
  return keys;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// "a" is the same name on both sides, "a:b" two names.
std::vector<std::pair<std::string, std::string>> SplitPairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& part : Split(text, ',')) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) {
      pairs.emplace_back(part, part);
    } else {
      pairs.emplace_back(part.substr(0, colon), part.substr(colon + 1));
    }
  }
  return pairs;
}

arrow::Status SetPart(const std::string& key, const std::string& value, ViewText* view) {
  if (key == "table") {
    view->table = value;
  } else if (key == "parquet") {
    view->parquet = value;
  } else if (key == "name") {
    view->name = value;
  } else if (key == "time") {
    view->timestamp_field = value;
  } else if (key == "created") {
    view->created_timestamp_column = value;
  } else if (key == "ttl") {
    ARROW_ASSIGN_OR_RAISE(view->ttl_us, ParseDurationMicros(value));
  } else if (key == "key") {
    for (auto& [left, right] : SplitPairs(value)) view->keys.push_back({left, right});
  } else if (key == "features") {
    for (auto& [source, output] : SplitPairs(value)) {
      view->features.push_back({output, source});
    }
  } else {
    const std::string nearest = NearestName(key, KnownKeys());
    return MakeError(
        ErrorCode::kInvalidArgument,
        "--view has no part '{}'{}; the parts are table, parquet, name, key, "
        "time, created, ttl and features",
        key, nearest.empty() ? "" : " (did you mean '" + nearest + "'?)");
  }
  return arrow::Status::OK();
}

arrow::Status CheckComplete(const ViewText& view, std::string_view text) {
  const char* missing = view.table.empty() == view.parquet.empty()
                            ? "either table=NAME or parquet=PATH"
                        : view.timestamp_field.empty() ? "time=COLUMN"
                        : view.features.empty()        ? "features=COLUMN,..."
                                                       : nullptr;
  if (missing == nullptr) return arrow::Status::OK();
  return MakeError(ErrorCode::kInvalidArgument, "--view needs {}; got '{}'", missing,
                   text);
}

}  // namespace

arrow::Result<ViewText> ParseViewText(std::string_view text) {
  ViewText view;
  for (const std::string& part : Split(text, ';')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    if (equals == std::string::npos || equals + 1 == part.size()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "--view is made of KEY=VALUE parts between semicolons; got '{}'",
                       part);
    }
    ARROW_RETURN_NOT_OK(SetPart(part.substr(0, equals), part.substr(equals + 1), &view));
  }
  ARROW_RETURN_NOT_OK(CheckComplete(view, text));
  if (view.name.empty()) {
    const std::string& source = view.table.empty() ? view.parquet : view.table;
    view.name = source.substr(source.find_last_of("./") + 1);
  }
  return view;
}

}  // namespace floe::cli
