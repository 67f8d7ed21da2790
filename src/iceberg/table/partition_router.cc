#include "iceberg/table/partition_router.h"

#include <unordered_map>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_decimal.h"
#include "arrow/array/array_dict.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/record_batch.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kHourMicros = int64_t{3600} * 1'000'000;
constexpr int64_t kDayMicros = 24 * kHourMicros;
constexpr int64_t kNanosPerMicro = 1000;

int64_t FloorDiv(int64_t value, int64_t by) {
  int64_t quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

/// Values within one such span have the same result; 0: no such span is known.
int64_t SpanOf(const Transform& transform, const Type& source) {
  bool is_micros =
      source.id() == TypeId::kTimestamp || source.id() == TypeId::kTimestampTz;
  bool is_nanos =
      source.id() == TypeId::kTimestampNs || source.id() == TypeId::kTimestampTzNs;
  if (!is_micros && !is_nanos) return 0;
  int64_t unit = is_nanos ? kNanosPerMicro : 1;
  switch (transform.kind()) {
    case Transform::Kind::kHour:
      return kHourMicros * unit;
    case Transform::Kind::kDay:
    case Transform::Kind::kMonth:
    case Transform::Kind::kYear:
      return kDayMicros * unit;
    default:
      return 0;
  }
}

/// Times rounded down to their span, NULL kept.
arrow::Result<std::shared_ptr<arrow::Array>> FloorToSpan(const arrow::Array& array,
                                                         int64_t span) {
  const auto& times = static_cast<const arrow::TimestampArray&>(array);
  arrow::TimestampBuilder builder(array.type(), arrow::default_memory_pool());
  ARROW_RETURN_NOT_OK(builder.Reserve(times.length()));
  for (int64_t row = 0; row < times.length(); ++row) {
    if (times.IsNull(row)) {
      builder.UnsafeAppendNull();
    } else {
      builder.UnsafeAppend(FloorDiv(times.Value(row), span) * span);
    }
  }
  return builder.Finish();
}

arrow::Result<std::vector<int>> ColumnPath(const std::vector<NestedField>& fields,
                                           int32_t source_id) {
  for (size_t i = 0; i < fields.size(); ++i) {
    int index = static_cast<int>(i);
    if (fields[i].id == source_id) return std::vector<int>{index};
    if (fields[i].type->id() != TypeId::kStruct) continue;
    auto below = ColumnPath(fields[i].type->fields(), source_id);
    if (!below.ok()) continue;
    below->insert(below->begin(), index);
    return below;
  }
  return MakeError(ErrorCode::kNotSupported,
                   "the partition source with field id {} is not a column of the current "
                   "schema outside lists and maps: the table's spec cannot be written",
                   source_id);
}

arrow::Result<std::string> PartitionKey(const std::vector<Literal>& partition) {
  std::string key;
  for (const Literal& value : partition) {
    if (value.is_null()) {
      key += "null|";
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(std::string bytes, value.ToBytes());
    key += fmt::format("{}:", bytes.size());
    key += bytes;
    key += '|';
  }
  return key;
}

/// Rows by group, in their order: rows[starts[g]] to rows[starts[g + 1]].
struct GroupedRows {
  std::vector<int64_t> starts;
  std::vector<int64_t> rows;
};

GroupedRows GroupRows(const std::vector<int32_t>& group_of_row, size_t group_count) {
  GroupedRows grouped;
  grouped.starts.assign(group_count + 1, 0);
  for (int32_t group : group_of_row) ++grouped.starts[group + 1];
  for (size_t g = 0; g < group_count; ++g) grouped.starts[g + 1] += grouped.starts[g];
  grouped.rows.resize(group_of_row.size());
  std::vector<int64_t> next(grouped.starts.begin(), grouped.starts.end() - 1);
  for (size_t row = 0; row < group_of_row.size(); ++row) {
    grouped.rows[next[group_of_row[row]]++] = static_cast<int64_t>(row);
  }
  return grouped;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const int64_t* rows,
    int64_t count) {
  bool is_contiguous = rows[count - 1] - rows[0] == count - 1;
  if (is_contiguous) return batch->Slice(rows[0], count);
  auto buffer = arrow::Buffer::Wrap(rows, count);
  arrow::Int64Array indices(count, buffer);
  ARROW_ASSIGN_OR_RAISE(
      arrow::Datum taken,
      arrow::compute::Take(arrow::Datum(batch), arrow::Datum(indices.data()),
                           arrow::compute::TakeOptions::NoBoundsCheck()));
  return taken.record_batch();
}

}  // namespace

arrow::Result<Literal> LiteralAt(const arrow::Array& array, int64_t row,
                                 const TypePtr& type) {
  if (array.IsNull(row)) return Literal::Null(type);
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return Literal(type, static_cast<const arrow::BooleanArray&>(array).Value(row));
    case arrow::Type::INT32:
      return Literal(type, static_cast<const arrow::Int32Array&>(array).Value(row));
    case arrow::Type::DATE32:
      return Literal(type, static_cast<const arrow::Date32Array&>(array).Value(row));
    case arrow::Type::INT64:
      return Literal(type, static_cast<const arrow::Int64Array&>(array).Value(row));
    case arrow::Type::TIME64:
      return Literal(type, static_cast<const arrow::Time64Array&>(array).Value(row));
    case arrow::Type::TIMESTAMP:
      return Literal(type, static_cast<const arrow::TimestampArray&>(array).Value(row));
    case arrow::Type::FLOAT:
      return Literal(type, static_cast<const arrow::FloatArray&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return Literal(type, static_cast<const arrow::DoubleArray&>(array).Value(row));
    case arrow::Type::DECIMAL128:
      return Literal(
          type, arrow::Decimal128(
                    static_cast<const arrow::Decimal128Array&>(array).GetValue(row)));
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return Literal(type, static_cast<const arrow::BinaryArray&>(array).GetString(row));
    case arrow::Type::FIXED_SIZE_BINARY:
      return Literal(
          type, static_cast<const arrow::FixedSizeBinaryArray&>(array).GetString(row));
    default:
      return MakeError(ErrorCode::kNotSupported, "a partition cannot be made of {}",
                       array.type()->ToString());
  }
}

arrow::Result<PartitionRouter> PartitionRouter::Make(const Schema& schema,
                                                     const PartitionSpec& spec) {
  PartitionRouter router;
  for (const PartitionField& field : spec.fields) {
    Field routed;
    routed.transform = field.transform;
    if (field.transform.kind() == Transform::Kind::kUnknown) {
      return MakeError(
          ErrorCode::kNotSupported,
          "the table is partitioned by the unknown transform '{}': it can be "
          "read but not written",
          field.transform.ToString());
    }
    const NestedField* source = schema.FindField(field.source_id);
    bool is_void = field.transform.kind() == Transform::Kind::kVoid;
    if (is_void) {
      routed.source_type = source == nullptr ? Type::Unknown() : source->type;
    } else {
      ARROW_ASSIGN_OR_RAISE(routed.column_path,
                            ColumnPath(schema.fields(), field.source_id));
      routed.source_type = source->type;
    }
    router.fields_.push_back(std::move(routed));
  }
  return router;
}

arrow::Result<TransformedColumn> TransformColumn(const Schema& schema,
                                                 const PartitionField& field,
                                                 const arrow::RecordBatch& batch) {
  PartitionSpec spec;
  spec.fields = {field};
  ARROW_ASSIGN_OR_RAISE(PartitionRouter router, PartitionRouter::Make(schema, spec));
  return PartitionRouter::Encode(router.fields_[0], batch);
}

arrow::Result<TransformedColumn> PartitionRouter::Encode(
    const Field& field, const arrow::RecordBatch& batch) {
  TransformedColumn codes;
  if (field.transform.kind() == Transform::Kind::kVoid) {
    codes.rows.assign(static_cast<size_t>(batch.num_rows()), 0);
    codes.values.push_back(Literal::Null(field.source_type));
    return codes;
  }
  std::shared_ptr<arrow::Array> source = batch.column(field.column_path[0]);
  for (size_t depth = 1; depth < field.column_path.size(); ++depth) {
    const auto& parent = static_cast<const arrow::StructArray&>(*source);
    ARROW_ASSIGN_OR_RAISE(source, parent.GetFlattenedField(field.column_path[depth]));
  }
  if (int64_t span = SpanOf(field.transform, *field.source_type); span > 0) {
    ARROW_ASSIGN_OR_RAISE(source, FloorToSpan(*source, span));
  }
  ARROW_ASSIGN_OR_RAISE(arrow::Datum encoded,
                        arrow::compute::DictionaryEncode(arrow::Datum(source)));
  auto array = encoded.make_array();
  const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*array);
  const auto& indices = static_cast<const arrow::Int32Array&>(*dictionary.indices());
  // Several values of the column may have one result (bucket, month).
  std::vector<int32_t> code_of_value;
  std::unordered_map<std::string, int32_t> code_of_result;
  for (int64_t i = 0; i < dictionary.dictionary()->length(); ++i) {
    ARROW_ASSIGN_OR_RAISE(Literal value,
                          LiteralAt(*dictionary.dictionary(), i, field.source_type));
    ARROW_ASSIGN_OR_RAISE(Literal result, field.transform.Apply(value));
    ARROW_ASSIGN_OR_RAISE(std::string bytes, result.ToBytes());
    auto [found, is_new] = code_of_result.emplace(
        std::move(bytes), static_cast<int32_t>(codes.values.size()));
    if (is_new) codes.values.push_back(std::move(result));
    code_of_value.push_back(found->second);
  }
  int32_t null_code = -1;
  codes.rows.resize(static_cast<size_t>(indices.length()));
  for (int64_t row = 0; row < indices.length(); ++row) {
    if (indices.IsValid(row)) {
      codes.rows[row] = code_of_value[indices.Value(row)];
      continue;
    }
    if (null_code < 0) {
      null_code = static_cast<int32_t>(codes.values.size());
      ARROW_ASSIGN_OR_RAISE(TypePtr type, field.transform.ResultType(field.source_type));
      codes.values.push_back(Literal::Null(std::move(type)));
    }
    codes.rows[row] = null_code;
  }
  return codes;
}

arrow::Result<std::vector<PartitionRows>> PartitionRouter::Split(
    const std::shared_ptr<arrow::RecordBatch>& batch) const {
  if (batch->num_rows() == 0) return std::vector<PartitionRows>();
  // Groups by the fields so far, refined by one field after the other.
  std::vector<int32_t> group_of_row(static_cast<size_t>(batch->num_rows()), 0);
  std::vector<std::vector<Literal>> groups(1);
  for (const Field& field : fields_) {
    ARROW_ASSIGN_OR_RAISE(TransformedColumn codes, Encode(field, *batch));
    std::unordered_map<uint64_t, int32_t> refined;
    std::vector<std::vector<Literal>> next;
    for (size_t row = 0; row < group_of_row.size(); ++row) {
      uint64_t pair = static_cast<uint64_t>(group_of_row[row]) << 32 |
                      static_cast<uint32_t>(codes.rows[row]);
      auto [found, is_new] = refined.emplace(pair, static_cast<int32_t>(next.size()));
      if (is_new) {
        next.push_back(groups[group_of_row[row]]);
        next.back().push_back(codes.values[codes.rows[row]]);
      }
      group_of_row[row] = found->second;
    }
    groups = std::move(next);
  }

  std::vector<PartitionRows> result;
  for (std::vector<Literal>& group : groups) {
    ARROW_ASSIGN_OR_RAISE(std::string key, PartitionKey(group));
    result.push_back({std::move(key), std::move(group), nullptr});
  }
  GroupedRows grouped = GroupRows(group_of_row, result.size());
  for (size_t g = 0; g < result.size(); ++g) {
    int64_t begin = grouped.starts[g];
    ARROW_ASSIGN_OR_RAISE(result[g].rows, TakeRows(batch, grouped.rows.data() + begin,
                                                   grouped.starts[g + 1] - begin));
  }
  return result;
}

}  // namespace floe::iceberg
