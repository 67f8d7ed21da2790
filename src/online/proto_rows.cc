#include "online/proto_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "feast/entity_key.h"
#include "feast/value_codec.h"
#include "online/buffer_reader.h"

namespace floe::online {

namespace {

/// The columns of a write request while its rows are read.
class RowBuilders {
 public:
  static arrow::Result<RowBuilders> Make(const OnlineView& view) {
    RowBuilders builders(view);
    for (const OnlineFeature& feature : view.features) {
      ARROW_ASSIGN_OR_RAISE(auto builder,
                            feast::ValueColumnBuilder::Make(feature.type, feature.name));
      builders.features_.push_back(std::move(builder));
    }
    return builders;
  }

  arrow::Status AppendRow(BufferReader* buffer, int key_version) {
    ARROW_ASSIGN_OR_RAISE(std::string_view message, buffer->Bytes());
    ARROW_ASSIGN_OR_RAISE(std::string key,
                          feast::SerializeEntityKeyMessage(message, key_version));
    ARROW_RETURN_NOT_OK(keys_.Append(key));
    ARROW_ASSIGN_OR_RAISE(int64_t event_ts, buffer->Number<int64_t>());
    if (event_ts == kNoTimestamp) return buffer->Malformed("has a row without event_ts");
    ARROW_RETURN_NOT_OK(event_ts_.Append(event_ts));
    ARROW_ASSIGN_OR_RAISE(int64_t created_ts, buffer->Number<int64_t>());
    ARROW_RETURN_NOT_OK(created_ts == kNoTimestamp ? created_ts_.AppendNull()
                                                   : created_ts_.Append(created_ts));
    ARROW_ASSIGN_OR_RAISE(uint32_t value_count, buffer->Number<uint32_t>());
    for (uint32_t i = 0; i < value_count; ++i) {
      ARROW_RETURN_NOT_OK(AppendValue(buffer));
    }
    for (auto& feature : features_) {
      if (feature->length() < keys_.length()) ARROW_RETURN_NOT_OK(feature->AppendNull());
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish() {
    arrow::FieldVector fields;
    arrow::ArrayVector columns;
    auto add = [&](const std::string& name, std::shared_ptr<arrow::Array> column) {
      fields.push_back(arrow::field(name, column->type()));
      columns.push_back(std::move(column));
    };
    const int64_t rows = keys_.length();
    ARROW_ASSIGN_OR_RAISE(auto keys, keys_.Finish());
    add(kEntityKeyColumn, std::move(keys));
    ARROW_ASSIGN_OR_RAISE(auto event_ts, event_ts_.Finish());
    add(kEventTsColumn, std::move(event_ts));
    ARROW_ASSIGN_OR_RAISE(auto created_ts, created_ts_.Finish());
    add(kCreatedTsColumn, std::move(created_ts));
    for (size_t i = 0; i < features_.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto column, features_[i]->Finish());
      add(view_->features[i].name, std::move(column));
    }
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows,
                                    std::move(columns));
  }

 private:
  explicit RowBuilders(const OnlineView& view)
      : view_(&view),
        event_ts_(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                  arrow::default_memory_pool()),
        created_ts_(event_ts_.type(), arrow::default_memory_pool()) {}

  arrow::Status AppendValue(BufferReader* buffer) {
    ARROW_ASSIGN_OR_RAISE(uint32_t index, buffer->Number<uint32_t>());
    if (index >= features_.size()) {
      return buffer->Malformed("has a feature index past the view's features");
    }
    ARROW_ASSIGN_OR_RAISE(std::string_view value, buffer->Bytes());
    if (features_[index]->length() >= keys_.length()) {
      return buffer->Malformed("has two values of one feature in a row");
    }
    return features_[index]->AppendSerialized(value);
  }

  const OnlineView* view_;
  arrow::BinaryBuilder keys_;
  arrow::TimestampBuilder event_ts_;
  arrow::TimestampBuilder created_ts_;
  std::vector<std::unique_ptr<feast::ValueColumnBuilder>> features_;
};

template <typename T>
void AppendNumber(T value, std::string* out) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out->append(raw, sizeof raw);
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeWriteRequest(
    const OnlineView& view, std::string_view buffer, int entity_key_version) {
  BufferReader reader(buffer);
  ARROW_ASSIGN_OR_RAISE(RowBuilders builders, RowBuilders::Make(view));
  while (!reader.done()) {
    ARROW_RETURN_NOT_OK(builders.AppendRow(&reader, entity_key_version));
  }
  return builders.Finish();
}

arrow::Result<std::vector<std::string>> DecodeReadRequest(std::string_view buffer,
                                                          int entity_key_version) {
  BufferReader reader(buffer);
  ARROW_ASSIGN_OR_RAISE(uint32_t count, reader.Number<uint32_t>());
  // Each key takes its length at least, so a lying count cannot make room for itself.
  if (count > reader.rest() / sizeof(uint32_t)) return reader.Malformed("is cut short");
  std::vector<std::string> keys;
  keys.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    ARROW_ASSIGN_OR_RAISE(std::string_view message, reader.Bytes());
    ARROW_ASSIGN_OR_RAISE(std::string key,
                          feast::SerializeEntityKeyMessage(message, entity_key_version));
    keys.push_back(std::move(key));
  }
  if (!reader.done()) return reader.Malformed("has bytes left over");
  return keys;
}

std::string EncodeReadResponse(std::span<const EncodedRowPtr> rows) {
  std::string out;
  for (const EncodedRowPtr& row : rows) {
    AppendNumber<int64_t>(row->is_found ? row->event_ts : kNoTimestamp, &out);
    for (size_t feature = 0; feature < row->ends.size(); ++feature) {
      const std::string_view value = row->value(feature);
      AppendNumber(static_cast<uint32_t>(value.size()), &out);
      out.append(value);
    }
  }
  return out;
}

arrow::Result<OnlineWriteResult> WriteProtoRows(OnlineWriter& writer,
                                                const OnlineView& view,
                                                std::string_view buffer) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows,
      DecodeWriteRequest(view, buffer, writer.config().entity_key_serialization_version));
  return writer.Write(view, rows);
}

arrow::Result<std::string> ReadProtoRows(OnlineReader& reader, const OnlineView& view,
                                         std::string_view request,
                                         const std::vector<std::string>& features) {
  ARROW_ASSIGN_OR_RAISE(
      auto keys,
      DecodeReadRequest(request, reader.config().entity_key_serialization_version));
  ARROW_ASSIGN_OR_RAISE(auto plan, reader.Plan(view, features));
  ARROW_ASSIGN_OR_RAISE(auto rows, reader.ReadEncoded(*plan, keys));
  return EncodeReadResponse(rows);
}

}  // namespace floe::online
