#include "capi/online_request.h"

#include <limits>
#include <memory>
#include <utility>

#include "capi/error.h"
#include "feast/value_type.h"

namespace floe::capi {

arrow::Result<online::OnlineView> ViewOf(const Request& request) {
  online::OnlineView view;
  ARROW_ASSIGN_OR_RAISE(view.project, request.Text("project"));
  ARROW_ASSIGN_OR_RAISE(view.name, request.Text("view"));
  ARROW_ASSIGN_OR_RAISE(
      int64_t version,
      request.IntegerOr("version", 0, 0, std::numeric_limits<int32_t>::max()));
  view.version = static_cast<int32_t>(version);
  return view;
}

arrow::Result<online::OnlineView> FullViewOf(const Request& request) {
  ARROW_ASSIGN_OR_RAISE(online::OnlineView view, ViewOf(request));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> features,
                        request.Objects("features", {"name", "type", "renamed_from"}));
  for (const Request& feature : features) {
    online::OnlineFeature online_feature;
    ARROW_ASSIGN_OR_RAISE(online_feature.name, feature.Text("name"));
    ARROW_ASSIGN_OR_RAISE(std::string type, feature.Text("type"));
    ARROW_ASSIGN_OR_RAISE(online_feature.type, feast::ValueTypeFromName(type));
    view.features.push_back(std::move(online_feature));
  }
  ARROW_ASSIGN_OR_RAISE(auto join_keys, request.FindTexts("join_keys"));
  if (join_keys) view.join_keys = std::move(*join_keys);
  return view;
}

arrow::Result<online::OnlineViewChange> ViewChangeOf(const Request& request) {
  online::OnlineViewChange change;
  ARROW_ASSIGN_OR_RAISE(change.is_complete, request.BooleanOr("complete", false));
  ARROW_ASSIGN_OR_RAISE(std::vector<Request> features,
                        request.Objects("features", {"name", "type", "renamed_from"}));
  for (const Request& feature : features) {
    ARROW_ASSIGN_OR_RAISE(auto old_name, feature.FindText("renamed_from"));
    if (!old_name) continue;
    ARROW_ASSIGN_OR_RAISE(std::string name, feature.Text("name"));
    change.renamed_from[std::move(name)] = *std::move(old_name);
  }
  return change;
}

const std::vector<std::string>& FullViewKeys() {
  static const auto* const keys = new std::vector<std::string>{
      "project", "view", "version", "features", "complete", "join_keys"};
  return *keys;
}

arrow::Result<online::OnlineView> RequestedView(const Request& request) {
  ARROW_ASSIGN_OR_RAISE(Request view, request.Object("view", FullViewKeys()));
  return FullViewOf(view);
}

arrow::Result<std::string_view> BufferOf(const uint8_t* data, size_t size,
                                         const char* argument) {
  if (size > 0) ARROW_RETURN_NOT_OK(CheckNotNull(data, argument));
  return std::string_view(reinterpret_cast<const char*>(data), size);
}

void PutBytes(std::string bytes, floe_bytes* out) {
  auto owner = std::make_unique<std::string>(std::move(bytes));
  out->data = reinterpret_cast<const uint8_t*>(owner->data());
  out->size = owner->size();
  out->owner = owner.release();
}

}  // namespace floe::capi
