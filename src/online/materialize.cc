#include "online/materialize.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "base/error.h"
#include "feast/entity_key.h"
#include "feast/value_codec.h"

namespace floe::online {

namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

/// Columns of more bytes are committed at once, whatever the number of rows; text columns
/// of Arrow end at two gigabytes.
constexpr int64_t kMaxBytesPerCommit = int64_t{1} << 30;

constexpr size_t kMaxQuotedBytes = 80;

arrow::Result<ArrayPtr> ColumnOf(const arrow::RecordBatch& rows,
                                 const std::string& name) {
  if (ArrayPtr column = rows.GetColumnByName(name)) return column;
  const std::string nearest = NearestName(name, rows.schema()->field_names());
  return MakeError(ErrorCode::kNoSuchColumn, "the rows have no column '{}'{}", name,
                   nearest.empty() ? "" : "; the nearest is '" + nearest + "'");
}

arrow::Status RefuseNulls(const arrow::Array& column, const std::string& name,
                          const char* what) {
  if (column.null_count() == 0) return arrow::Status::OK();
  return MakeError(
      ErrorCode::kInvalidArgument,
      "{} rows have no {} '{}': such a row cannot be served; fill the column "
      "or leave the rows out of the source",
      column.null_count(), what, name);
}

/// Rows of the source as rows of the writer.
class RowConverter {
 public:
  RowConverter(const OnlineView& view, const MaterializeColumns& columns, int key_version)
      : view_(view), columns_(columns), key_version_(key_version) {
    for (const MaterializedFeature& feature : columns.features) {
      lengths_.push_back(feature.vector_length.value_or(0));
    }
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Convert(
      const arrow::RecordBatch& rows) {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    const auto add = [&](const std::string& name, ArrayPtr array) {
      fields.push_back(arrow::field(name, array->type()));
      arrays.push_back(std::move(array));
    };
    ARROW_ASSIGN_OR_RAISE(ArrayPtr keys, EntityKeys(rows));
    add(kEntityKeyColumn, std::move(keys));
    ARROW_ASSIGN_OR_RAISE(ArrayPtr times, Times(rows, columns_.timestamp));
    ARROW_RETURN_NOT_OK(RefuseNulls(*times, columns_.timestamp, "event time"));
    add(kEventTsColumn, std::move(times));
    if (!columns_.created_timestamp.empty()) {
      ARROW_ASSIGN_OR_RAISE(ArrayPtr created, Times(rows, columns_.created_timestamp));
      add(kCreatedTsColumn, std::move(created));
    }
    for (size_t i = 0; i < columns_.features.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(ArrayPtr feature, Feature(rows, i));
      add(columns_.features[i].feature, std::move(feature));
    }
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows.num_rows(),
                                    std::move(arrays));
  }

 private:
  arrow::Result<ArrayPtr> EntityKeys(const arrow::RecordBatch& rows) const {
    std::vector<feast::JoinKeyColumn> keys;
    for (const MaterializedKey& key : columns_.join_keys) {
      ARROW_ASSIGN_OR_RAISE(ArrayPtr column, ColumnOf(rows, key.source_column));
      ARROW_RETURN_NOT_OK(RefuseNulls(*column, key.source_column, "join key"));
      keys.push_back({key.join_key, key.type, std::move(column)});
    }
    return feast::SerializeEntityKeys(keys, rows.num_rows(), key_version_);
  }

  static arrow::Result<ArrayPtr> Times(const arrow::RecordBatch& rows,
                                       const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(ArrayPtr column, ColumnOf(rows, name));
    return feast::ToStorage(feast::ValueType::kUnixTimestamp, name, column);
  }

  arrow::Result<ArrayPtr> Feature(const arrow::RecordBatch& rows, size_t index) {
    const MaterializedFeature& wanted = columns_.features[index];
    const auto feature = std::find_if(
        view_.features.begin(), view_.features.end(),
        [&](const OnlineFeature& known) { return known.name == wanted.feature; });
    if (feature == view_.features.end()) {
      return MakeError(ErrorCode::kInvalidArgument, "the view has no feature '{}'",
                       wanted.feature);
    }
    ARROW_ASSIGN_OR_RAISE(ArrayPtr column, ColumnOf(rows, wanted.source_column));
    ARROW_ASSIGN_OR_RAISE(ArrayPtr stored,
                          feast::ToStorage(feature->type, wanted.source_column, column));
    if (wanted.vector_length) ARROW_RETURN_NOT_OK(CheckLengths(*stored, index));
    if (feature->type == feast::ValueType::kJson) {
      ARROW_RETURN_NOT_OK(CheckJson(*stored, wanted.source_column));
    } else if (feature->type == feast::ValueType::kJsonList) {
      ARROW_RETURN_NOT_OK(CheckJson(
          *static_cast<const arrow::ListArray&>(*stored).values(), wanted.source_column));
    }
    return stored;
  }

  /// Feast refuses to write such a feature too (python_values_to_proto_values).
  static arrow::Status CheckJson(const arrow::Array& column, const std::string& name) {
    const auto& texts = static_cast<const arrow::StringArray&>(column);
    for (int64_t i = 0; i < texts.length(); ++i) {
      if (texts.IsNull(i) || nlohmann::json::accept(texts.GetView(i))) continue;
      return MakeError(ErrorCode::kInvalidArgument,
                       "column '{}' of a JSON feature holds text that is not JSON: '{}'",
                       name, texts.GetView(i).substr(0, kMaxQuotedBytes));
    }
    return arrow::Status::OK();
  }

  /// Feast's check of vectors before they are written (_validate_vector_field_lengths).
  arrow::Status CheckLengths(const arrow::Array& column, size_t index) {
    const MaterializedFeature& wanted = columns_.features[index];
    if (column.type_id() != arrow::Type::LIST) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "vector feature '{}' is {}, which is no list", wanted.feature,
                       column.type()->ToString());
    }
    const auto& lists = static_cast<const arrow::ListArray&>(column);
    int64_t& length = lengths_[index];
    for (int64_t row = 0; row < lists.length(); ++row) {
      if (lists.IsNull(row)) continue;
      if (length == 0) length = lists.value_length(row);
      if (lists.value_length(row) == length) continue;
      return MakeError(
          ErrorCode::kInvalidArgument,
          "a vector of length {} does not match {}{} for feature '{}'; all of them must "
          "be of one length",
          lists.value_length(row), length,
          wanted.vector_length.value_or(0) > 0 ? "" : ", that of the first row",
          wanted.feature);
    }
    return arrow::Status::OK();
  }

  const OnlineView& view_;
  const MaterializeColumns& columns_;
  int key_version_;
  std::vector<int64_t> lengths_;  ///< Of vectors, by feature; 0: not known yet.
};

class Materialization {
 public:
  Materialization(OnlineWriter& writer, const OnlineView& view,
                  const MaterializeColumns& columns, const MaterializeOptions& options)
      : writer_(writer),
        view_(view),
        options_(options),
        converter_(view, columns, writer.config().entity_key_serialization_version) {}

  arrow::Result<MaterializeResult> Run(arrow::RecordBatchReader& rows) {
    for (;;) {
      ARROW_RETURN_NOT_OK(Check());
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows.ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_ASSIGN_OR_RAISE(batch, converter_.Convert(*batch));
      ARROW_ASSIGN_OR_RAISE(int64_t bytes, arrow::util::ReferencedBufferSize(*batch));
      const bool is_full = pending_rows_ + batch->num_rows() > options_.rows_per_commit ||
                           pending_bytes_ + bytes > kMaxBytesPerCommit;
      if (is_full && pending_rows_ > 0) ARROW_RETURN_NOT_OK(Commit());
      pending_rows_ += batch->num_rows();
      pending_bytes_ += bytes;
      result_.rows_read += batch->num_rows();
      if (options_.progress != nullptr) options_.progress->Advance(batch->num_rows());
      pending_.push_back(std::move(batch));
    }
    if (pending_rows_ > 0) ARROW_RETURN_NOT_OK(Commit());
    return result_;
  }

 private:
  arrow::Status Check() const {
    return options_.progress == nullptr ? arrow::Status::OK()
                                        : options_.progress->Check();
  }

  arrow::Status Commit() {
    ARROW_ASSIGN_OR_RAISE(auto rows, arrow::ConcatenateRecordBatches(pending_));
    pending_.clear();
    ARROW_RETURN_NOT_OK(Check());
    ARROW_ASSIGN_OR_RAISE(OnlineWriteResult written, writer_.Write(view_, rows));
    result_.rows_written += written.rows_written;
    result_.files_written += written.files_written;
    result_.commits += 1;
    result_.snapshot_id = written.snapshot_id;
    if (options_.progress != nullptr) options_.progress->Advance(pending_rows_);
    pending_rows_ = pending_bytes_ = 0;
    return arrow::Status::OK();
  }

  OnlineWriter& writer_;
  const OnlineView& view_;
  const MaterializeOptions& options_;
  RowConverter converter_;
  arrow::RecordBatchVector pending_;
  int64_t pending_rows_ = 0;
  int64_t pending_bytes_ = 0;
  MaterializeResult result_;
};

}  // namespace

arrow::Result<MaterializeResult> Materialize(OnlineWriter& writer, const OnlineView& view,
                                             const MaterializeColumns& columns,
                                             arrow::RecordBatchReader& rows,
                                             const MaterializeOptions& options) {
  auto result = Materialization(writer, view, columns, options).Run(rows);
  if (!result.ok()) return WithContext(result.status(), "feature view", view.name);
  return result;
}

}  // namespace floe::online
