#include "online/feature_request.h"

#include <limits>
#include <utility>

#include "base/error.h"
#include "feast/entity_key.h"
#include "feast/features_response.h"
#include "feast/types/EntityKey.pb.h"
#include "online/buffer_reader.h"

namespace floe::online {

namespace {

using feast::FeaturesResponse;
using feast::FieldStatus;
using ::feast::types::EntityKey;
using ::feast::types::Value;

/// What protobuf holds in one message.
constexpr size_t kMaxResponseBytes = std::numeric_limits<int32_t>::max();

constexpr size_t kMaxRows = 1'000'000;

enum class ColumnForm : uint8_t {
  kInt64 = 0,
  kInt32 = 1,
  kText = 2,
  kValue = 3,
  kEntityKey = 4,
  kSameText = 5,
};

/// One entity column of a buffer, still in its form.
struct PackedColumn {
  ColumnForm form = ColumnForm::kInt64;
  std::string_view numbers;             ///< Of kInt64 and kInt32.
  std::vector<std::string_view> texts;  ///< By row; one of kSameText.

  template <typename T>
  T Number(size_t row) const {
    T number;
    std::memcpy(&number, numbers.data() + row * sizeof number, sizeof number);
    return number;
  }
  std::string_view Text(size_t row) const {
    return texts[form == ColumnForm::kSameText ? 0 : row];
  }
};

arrow::Result<PackedColumn> ReadColumn(BufferReader* buffer, size_t row_count) {
  PackedColumn column;
  ARROW_ASSIGN_OR_RAISE(auto form, buffer->Number<uint8_t>());
  if (form > static_cast<uint8_t>(ColumnForm::kSameText)) {
    return buffer->Malformed("has a column of an unknown form");
  }
  column.form = static_cast<ColumnForm>(form);
  if (column.form == ColumnForm::kInt64 || column.form == ColumnForm::kInt32) {
    const size_t width = column.form == ColumnForm::kInt64 ? 8 : 4;
    ARROW_ASSIGN_OR_RAISE(column.numbers, buffer->Take(row_count * width));
    return column;
  }
  const size_t count = column.form == ColumnForm::kSameText ? 1 : row_count;
  // Each text takes its length at least, so a lying count cannot make room for itself.
  if (count > buffer->rest() / sizeof(uint32_t)) return buffer->Malformed("is cut short");
  column.texts.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    ARROW_ASSIGN_OR_RAISE(std::string_view text, buffer->Bytes());
    column.texts.push_back(text);
  }
  return column;
}

arrow::Status SetValue(const PackedColumn& column, size_t row, Value* value) {
  switch (column.form) {
    case ColumnForm::kInt64:
      value->set_int64_val(column.Number<int64_t>(row));
      return arrow::Status::OK();
    case ColumnForm::kInt32:
      value->set_int32_val(column.Number<int32_t>(row));
      return arrow::Status::OK();
    case ColumnForm::kText:
    case ColumnForm::kSameText:
      value->set_string_val(std::string(column.Text(row)));
      return arrow::Status::OK();
    case ColumnForm::kValue: {
      const std::string_view text = column.Text(row);
      if (value->ParseFromArray(text.data(), static_cast<int>(text.size()))) {
        return arrow::Status::OK();
      }
      break;
    }
    case ColumnForm::kEntityKey:
      break;
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "row {} of an entity column is no feast.types.Value", row);
}

/// One request's entities and the response being built from them.
class Answer {
 public:
  Answer(OnlineReader* reader, const FeatureRequest& request, int64_t now_micros)
      : reader_(*reader), request_(request), now_micros_(now_micros) {}

  arrow::Result<std::string> Build(std::string_view buffer) {
    BufferReader input(buffer);
    ARROW_ASSIGN_OR_RAISE(row_count_, input.Number<uint32_t>());
    if (row_count_ > kMaxRows) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a request for {} entities is over the limit of {}; ask in parts",
                       row_count_, kMaxRows);
    }
    for (size_t i = 0; i < request_.columns.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(PackedColumn column, ReadColumn(&input, row_count_));
      columns_.push_back(std::move(column));
    }
    if (!input.done()) return input.Malformed("has bytes left over");
    FeaturesResponse response(row_count_);
    ARROW_RETURN_NOT_OK(AddEntities(&response));
    for (const ViewRequest& view : request_.views) {
      ARROW_RETURN_NOT_OK(AddView(view, &response));
    }
    std::string message = response.Finish();
    if (message.size() > kMaxResponseBytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "the response to {} entities takes {} bytes, over the 2 GiB of a "
                       "protobuf message; ask in parts",
                       row_count_, message.size());
    }
    return message;
  }

 private:
  arrow::Status AddEntities(FeaturesResponse* response) {
    response->SetRows(std::vector<FieldStatus>(row_count_, FieldStatus::kPresent),
                      std::vector<int64_t>(row_count_, FeaturesResponse::kNoTime));
    std::vector<std::string> messages(row_count_);
    std::vector<std::string_view> values(row_count_);
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!request_.columns[i].is_returned) continue;
      for (size_t row = 0; row < row_count_; ++row) {
        if (columns_[i].form == ColumnForm::kValue) {
          values[row] = columns_[i].texts[row];
          continue;
        }
        Value value;
        ARROW_RETURN_NOT_OK(SetValue(columns_[i], row, &value));
        messages[row] = value.SerializeAsString();
        values[row] = messages[row];
      }
      response->AddColumn(request_.columns[i].name, values);
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::vector<std::string>> Keys(const ViewRequest& view) const {
    const int version = reader_.config().entity_key_serialization_version;
    std::vector<std::string> keys(row_count_);
    if (view.key_column) {
      const PackedColumn& column = columns_[*view.key_column];
      if (column.form != ColumnForm::kEntityKey) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "column '{}' of the entities must hold entity keys",
                         request_.columns[*view.key_column].name);
      }
      for (size_t row = 0; row < row_count_; ++row) {
        ARROW_ASSIGN_OR_RAISE(
            keys[row], feast::SerializeEntityKeyMessage(column.texts[row], version));
      }
      return keys;
    }
    EntityKey key;
    for (const JoinKeySource& source : view.join_keys) {
      key.add_join_keys(source.join_key);
      key.add_entity_values();
    }
    for (size_t row = 0; row < row_count_; ++row) {
      for (size_t i = 0; i < view.join_keys.size(); ++i) {
        ARROW_RETURN_NOT_OK(SetValue(columns_[view.join_keys[i].column], row,
                                     key.mutable_entity_values(static_cast<int>(i))));
      }
      ARROW_ASSIGN_OR_RAISE(keys[row], feast::SerializeEntityKey(key, version));
    }
    return keys;
  }

  FieldStatus StatusOf(const ViewRequest& view, const EncodedRow& row) const {
    if (!row.is_found) return FieldStatus::kNotFound;
    const bool is_old = view.ttl_micros > 0 && row.event_ts < now_micros_ &&
                        now_micros_ - row.event_ts > view.ttl_micros;
    return is_old ? FieldStatus::kOutsideMaxAge : FieldStatus::kPresent;
  }

  arrow::Status AddView(const ViewRequest& view, FeaturesResponse* response) {
    ARROW_ASSIGN_OR_RAISE(std::vector<std::string> keys, Keys(view));
    ARROW_ASSIGN_OR_RAISE(auto rows, reader_.ReadEncoded(*view.plan, keys));
    std::vector<FieldStatus> statuses(row_count_);
    std::vector<int64_t> times(row_count_);
    for (size_t row = 0; row < row_count_; ++row) {
      statuses[row] = StatusOf(view, *rows[row]);
      times[row] = rows[row]->is_found ? rows[row]->event_ts : FeaturesResponse::kNoTime;
    }
    response->SetRows(statuses, times);
    std::vector<std::string_view> values(row_count_);
    for (size_t feature = 0; feature < view.names.size(); ++feature) {
      if (view.names[feature].empty()) continue;
      for (size_t row = 0; row < row_count_; ++row) {
        values[row] = rows[row]->value(feature);
      }
      response->AddColumn(view.names[feature], values);
    }
    if (!view.metadata_name.empty()) {
      response->AddFeatureView(view.metadata_name, view.metadata_version);
    }
    return arrow::Status::OK();
  }

  OnlineReader& reader_;
  const FeatureRequest& request_;
  const int64_t now_micros_;
  size_t row_count_ = 0;
  std::vector<PackedColumn> columns_;
};

}  // namespace

arrow::Status FeatureRequest::Validate() const {
  const auto check_column = [this](size_t column) {
    if (column < columns.size()) return arrow::Status::OK();
    return MakeError(ErrorCode::kInvalidArgument,
                     "a view's key is in column {} of the entities, which have {}",
                     column, columns.size());
  };
  for (const ViewRequest& view : views) {
    if (view.names.size() != view.plan->features.size()) {
      return MakeError(
          ErrorCode::kInvalidArgument, "{} names are given for the {} features of '{}'",
          view.names.size(), view.plan->features.size(), view.plan->view.name);
    }
    if (view.key_column) {
      ARROW_RETURN_NOT_OK(check_column(*view.key_column));
    } else if (view.join_keys.empty()) {
      return MakeError(ErrorCode::kInvalidArgument, "the view '{}' is given no join keys",
                       view.plan->view.name);
    }
    for (const JoinKeySource& source : view.join_keys) {
      ARROW_RETURN_NOT_OK(check_column(source.column));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::string> AnswerFeatureRequest(OnlineReader& reader,
                                                const FeatureRequest& request,
                                                std::string_view buffer,
                                                const Clock& clock) {
  Answer answer(&reader, request, clock.NowMicros());
  return answer.Build(buffer);
}

}  // namespace floe::online
