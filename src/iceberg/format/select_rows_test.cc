#include "iceberg/format/select_rows.h"

#include <gtest/gtest.h>

#include "arrow/array.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/json/from_string.h"
#include "arrow/memory_pool.h"
#include "arrow/type.h"
#include "base/random.h"

// Arrow's filter by a mask says what must come out.
namespace floe::iceberg {
namespace {

std::shared_ptr<arrow::Array> FromJson(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

std::shared_ptr<arrow::Array> Filtered(const std::shared_ptr<arrow::Array>& column,
                                       const std::vector<RowRange>& ranges) {
  arrow::BooleanBuilder mask;
  for (int64_t row = 0; row < column->length(); ++row) {
    bool wanted = false;
    for (const RowRange& range : ranges) wanted |= row >= range.begin && row < range.end;
    EXPECT_TRUE(mask.Append(wanted).ok());
  }
  return arrow::compute::Filter(column, mask.Finish().ValueOrDie())
      .ValueOrDie()
      .make_array();
}

std::vector<RowRange> RandomRanges(Random* random, int64_t length) {
  std::vector<RowRange> ranges;
  for (auto row = static_cast<int64_t>(random->Next() % 3); row < length;) {
    const auto end = std::min<int64_t>(length, row + 1 + random->Next() % 4);
    ranges.push_back({row, end});
    row = end + 1 + static_cast<int64_t>(random->Next() % 3);
  }
  return ranges;
}

TEST(SelectRows, GivesWhatAFilterGives) {
  const std::vector<std::shared_ptr<arrow::Array>> columns = {
      FromJson(arrow::int64(), "[1, null, 3, 4, 5, 6, null, 8, 9, 10, 11, 12]"),
      FromJson(arrow::float32(), "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]"),
      FromJson(arrow::int8(), "[1, 2, 3, 4, 5, 6, 7, 8, null, 10, 11, 12]"),
      FromJson(arrow::decimal128(20, 2), R"(["1.00", "2.00", null, "4.00", "5.00", "6.50",
                                             "7.00", "8.00", "9.00", "-1.00"])"),
      FromJson(arrow::fixed_size_binary(3), R"(["abc", "def", null, "ghi", "jkl"])"),
      FromJson(arrow::utf8(),
               R"(["", "a", null, "bcd", "e", "", "fgh", null, "ij", "k"])"),
      FromJson(arrow::binary(), R"(["x", "yy", "", "zzz", "w", "v"])"),
  };
  const auto random = Random::Seeded(3);
  for (const auto& whole : columns) {
    for (int round = 0; round < 200; ++round) {
      const auto first = static_cast<int64_t>(random->Next() % 3);
      const auto column = whole->Slice(first);
      const std::vector<RowRange> ranges = RandomRanges(random.get(), column->length());
      const auto selected =
          SelectRows(*column, ranges, arrow::default_memory_pool()).ValueOrDie();
      ASSERT_NE(selected, nullptr) << column->type()->ToString();
      ASSERT_TRUE(selected->ValidateFull().ok());
      const auto expected = Filtered(column, ranges);
      ASSERT_TRUE(selected->Equals(expected))
          << selected->ToString() << " instead of " << expected->ToString();
    }
  }
}

TEST(SelectRows, LeavesOtherTypesToTheCaller) {
  for (const auto& type : {arrow::boolean(), arrow::list(arrow::int32()),
                           arrow::dictionary(arrow::int32(), arrow::utf8())}) {
    const auto column = arrow::MakeEmptyArray(type).ValueOrDie();
    EXPECT_EQ(SelectRows(*column, {}, arrow::default_memory_pool()).ValueOrDie(),
              nullptr);
  }
}

}  // namespace
}  // namespace floe::iceberg
