#include "iceberg/table/key_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/buffer.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"

namespace floe::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

/// Schema 0 had an int `a`, a struct with `x` and `y`, and `old`; schema 1 widened `a`,
/// dropped `x` and `old`, and gave `old`'s name to another column.
TableMetadata History() {
  TableMetadata metadata;
  const auto point = [](std::vector<NestedField> fields) {
    return NestedField::Optional(2, "p", Type::Struct(std::move(fields)));
  };
  metadata.schemas.push_back(Unwrap(Schema::Make(
      {NestedField::Required(1, "a", Type::Int()),
       point({NestedField::Optional(3, "x", Type::Double()),
              NestedField::Optional(4, "y", Type::String())}),
       NestedField::Optional(5, "old", Type::String()),
       NestedField::Optional(
           7, "list", Type::List(NestedField::Optional(8, "element", Type::Int())))},
      0)));
  metadata.schemas.push_back(
      Unwrap(Schema::Make({NestedField::Required(1, "a", Type::Long()),
                           point({NestedField::Optional(4, "y", Type::String())}),
                           NestedField::Optional(6, "old", Type::String())},
                          1)));
  metadata.current_schema_id = 1;
  return metadata;
}

std::vector<std::string> Keys(const KeyColumns& columns,
                              const arrow::RecordBatch& batch) {
  std::vector<std::string> keys;
  const arrow::Status status =
      columns.ForEachKey(batch, [&](int64_t row, std::string_view key) {
        EXPECT_EQ(row, static_cast<int64_t>(keys.size()));
        keys.emplace_back(key);
        return arrow::Status::OK();
      });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return keys;
}

TEST(KeyColumnsTest, FindsColumnsOfAllSchemas) {
  const TableMetadata metadata = History();
  const KeyColumns columns = Unwrap(KeyColumns::Make(metadata, {5, 3, 1, 4, 1}));
  EXPECT_EQ(columns.schema()->ToString(),
            "struct<1: f1 long, 2: f2 struct<4: f4 string, 3: f3 double>, 5: f5 string>");
  EXPECT_EQ(Unwrap(KeyColumns::Make(metadata, {1, 3, 4, 5})).signature(),
            columns.signature());
  EXPECT_NE(Unwrap(KeyColumns::Make(metadata, {1, 3, 4, 6})).signature(),
            columns.signature());
  for (const auto& [ids, name] : {std::pair(std::vector<int32_t>{1, 99}, "field 99"),
                                  std::pair(std::vector<int32_t>{8}, "field 8"),
                                  std::pair(std::vector<int32_t>{2}, "field 2"),
                                  std::pair(std::vector<int32_t>{}, "without columns")}) {
    const arrow::Status status = KeyColumns::Make(metadata, ids).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kCorruptData)) << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr(name));
  }
}

TEST(KeyColumnsTest, EqualRowsAloneHaveEqualKeys) {
  const KeyColumns columns = Unwrap(KeyColumns::Make(History(), {3, 4}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::optional<double>> numbers = {nan,          -nan, 0.0, -0.0,
                                                      std::nullopt, 1.0,  1.0, 1.0};
  const std::vector<std::optional<std::string>> texts = {"", "",           "", "",
                                                         "", std::nullopt, "", "a"};
  arrow::DoubleBuilder x;
  arrow::StringBuilder y;
  for (size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_TRUE((numbers[i] ? x.Append(*numbers[i]) : x.AppendNull()).ok());
    ASSERT_TRUE((texts[i] ? y.Append(*texts[i]) : y.AppendNull()).ok());
  }
  // The last row's struct is NULL, so both of its fields are.
  const auto schema = Unwrap(ToArrowSchema(*columns.schema()));
  const auto structs = Unwrap(arrow::StructArray::Make(
      {Unwrap(y.Finish()), Unwrap(x.Finish())}, schema->field(0)->type()->fields(),
      arrow::Buffer::FromString("\x7F"), 1));
  const auto batch = arrow::RecordBatch::Make(schema, 8, {structs});
  const std::vector<std::string> keys = Keys(columns, *batch);
  ASSERT_EQ(keys.size(), 8u);
  EXPECT_EQ(keys[0], keys[1]);  // NaN, whatever its bits.
  for (size_t i = 1; i < keys.size(); ++i) {
    for (size_t j = i + 1; j < keys.size(); ++j) EXPECT_NE(keys[i], keys[j]) << i << j;
  }
  EXPECT_THAT(Keys(columns, *batch->Slice(6, 2)), ElementsAre(keys[6], keys[7]));
  EXPECT_EQ(keys[7], std::string("\0\0", 2));
}

}  // namespace
}  // namespace floe::iceberg
