#include "iceberg/table/row_delete.h"

#include <map>

#include "iceberg/table/conflict_check.h"
#include "iceberg/table/delete_writer.h"
#include "iceberg/table/overwrite.h"
#include "iceberg/table/test_table.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using Rows = std::vector<TestRow>;
using Op = Predicate::Op;

struct Shape {
  int format_version;
  DeleteMode mode;
};

class RowDeleteTest : public TableTest, public ::testing::WithParamInterface<Shape> {
 protected:
  TablePtr MakeTable(bool by_day) {
    CreateTableRequest request = Request(by_day);
    request.format_version = GetParam().format_version;
    request.properties["write.delete.mode"] =
        GetParam().mode == DeleteMode::kMergeOnRead ? "merge-on-read" : "copy-on-write";
    return CreateTable(request);
  }
  static Rows TenRows() {
    Rows rows;
    for (int i = 0; i < 10; ++i) {
      rows.push_back({i, i % 2, i == 7 ? std::nullopt : std::optional<std::string>("n")});
    }
    return rows;
  }
  bool makes_deletes() const {
    return GetParam().mode == DeleteMode::kMergeOnRead && GetParam().format_version > 1;
  }
  /// _row_id by id.
  static std::map<int64_t, int64_t> RowIds(const TablePtr& table) {
    ScanOptions options;
    options.columns = {"id", "_row_id"};
    auto reader = Unwrap(Scan(table, options));
    std::map<int64_t, int64_t> ids;
    while (auto batch = Unwrap(reader->Next())) {
      const auto& id = static_cast<const arrow::Int64Array&>(*batch->column(0));
      const auto& row_id = static_cast<const arrow::Int64Array&>(*batch->column(1));
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        EXPECT_TRUE(row_id.IsValid(i));
        ids[id.Value(i)] = row_id.Value(i);
      }
    }
    return ids;
  }
};

PredicatePtr IdIs(int64_t id) {
  return Predicate::Compare(Op::kEqual, "id", Literal::Long(id));
}

TEST_P(RowDeleteTest, RemovesMatchesAndNothingElse) {
  TablePtr table = AppendRows(MakeTable(true), TenRows());
  PredicatePtr filter =
      Predicate::Or(Predicate::Compare(Op::kLess, "id", Literal::Long(3)),
                    Predicate::Unary(Op::kIsNull, "name"));
  auto result = Unwrap(DeleteRows(table, filter));
  EXPECT_EQ(result.deleted_rows, 4);
  Rows expected;
  for (const TestRow& row : TenRows()) {
    if (row.id >= 3 && row.name) expected.push_back(row);
  }
  EXPECT_EQ(ScanRows(result.table), expected);
  EXPECT_EQ(result.delete_files > 0, makes_deletes());
  EXPECT_EQ(result.rewritten_files > 0, !makes_deletes());
  EXPECT_EQ(result.table->metadata()->current_snapshot()->operation(),
            makes_deletes() ? "delete" : "overwrite");
  // Again, in the same files: there is one delete file or vector a file at most.
  auto again = Unwrap(DeleteRows(result.table, IdIs(4)));
  std::erase_if(expected, [](const TestRow& row) { return row.id == 4; });
  EXPECT_EQ(ScanRows(again.table), expected);
  auto plan = Unwrap(PlanFiles(again.table, {}));
  for (const FileScanTask& task : plan->tasks) {
    EXPECT_LE(task.position_deletes.size(), 1u);
  }
  // Nothing matches: nothing is committed.
  auto none = Unwrap(DeleteRows(again.table, IdIs(100)));
  EXPECT_EQ(none.table->metadata_location(), again.table->metadata_location());
  // What is left of a file goes with it, and its deletes too.
  auto day = Unwrap(DeleteRows(
      again.table,
      Predicate::Compare(Op::kLess, "ts", Literal::TimestampTz(kFirstDayMicros + kDay))));
  EXPECT_EQ(day.removed_files, 1);
  for (const TestRow& row : ScanRows(day.table)) EXPECT_EQ(row.day, 1);
  auto all = Unwrap(DeleteRows(day.table, Predicate::True()));
  EXPECT_TRUE(ScanRows(all.table).empty());
  const auto& summary = all.table->metadata()->current_snapshot()->summary;
  EXPECT_EQ(summary.at("total-data-files"), "0");
  EXPECT_EQ(summary.at("total-delete-files"), "0");
}

TEST_P(RowDeleteTest, KeepsTheIdsOfOtherRows) {
  if (GetParam().format_version < 3) GTEST_SKIP() << "format 3 alone has row ids";
  TablePtr table = AppendRows(MakeTable(false), TenRows());
  auto before = RowIds(table);
  auto result = Unwrap(DeleteRows(table, IdIs(5)));
  auto after = RowIds(result.table);
  before.erase(5);
  EXPECT_EQ(after, before);
}

TEST_P(RowDeleteTest, IsDoneAnewWhenAnotherWriterWasFirst) {
  TablePtr stale = AppendRows(MakeTable(false), TenRows());
  Unwrap(DeleteRows(stale, IdIs(1)));
  AppendRows(stale, {{20, 0, "late"}});
  auto result = Unwrap(DeleteRows(stale, Predicate::Or(IdIs(2), IdIs(20))));
  Rows rows = ScanRows(result.table);
  EXPECT_EQ(rows.size(), 8u);
  for (const TestRow& row : rows) {
    EXPECT_TRUE(row.id != 1 && row.id != 2 && row.id != 20) << row.id;
  }
}

TEST_P(RowDeleteTest, LeavesNothingBehindWhenItFails) {
  TablePtr table = AppendRows(MakeTable(false), TenRows());
  auto count = [&] { return Unwrap(io_->List(table->location(), true)).size(); };
  size_t before = count();
  EXPECT_FALSE(
      DeleteRows(table, Predicate::Compare(Op::kEqual, "nam", Literal::String("x")))
          .ok());
  TablePtr no_retry =
      Unwrap(UpdateProperties(table, {{"commit.retry.num-retries", "0"}}));
  AppendRows(no_retry, {{30, 0, "x"}});
  before = count();
  auto status = DeleteRows(no_retry, IdIs(3)).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict)) << status.ToString();
  EXPECT_EQ(count(), before);
}

INSTANTIATE_TEST_SUITE_P(Shapes, RowDeleteTest,
                         ::testing::Values(Shape{1, DeleteMode::kCopyOnWrite},
                                           Shape{2, DeleteMode::kCopyOnWrite},
                                           Shape{2, DeleteMode::kMergeOnRead},
                                           Shape{3, DeleteMode::kCopyOnWrite},
                                           Shape{3, DeleteMode::kMergeOnRead}),
                         [](const auto& shape) {
                           return fmt::format("v{}{}", shape.param.format_version,
                                              shape.param.mode == DeleteMode::kMergeOnRead
                                                  ? "Merge"
                                                  : "Copy");
                         });

TEST_F(TableTest, UpgradesTurnPositionDeletesIntoVectors) {
  CreateTableRequest request = Request(false);
  request.properties["write.delete.mode"] = "merge-on-read";
  TablePtr table =
      AppendRows(CreateTable(request), {{1, 0, "a"}, {2, 0, "b"}, {3, 0, "c"}});
  table = Unwrap(DeleteRows(table, IdIs(1))).table;
  table = Unwrap(UpgradeFormat(table, 3));
  EXPECT_EQ(ScanRows(table).size(), 2u);
  auto result = Unwrap(DeleteRows(table, IdIs(2)));
  EXPECT_EQ(ScanRows(result.table), (Rows{{3, 0, "c"}}));
  auto plan = Unwrap(PlanFiles(result.table, {}));
  ASSERT_EQ(plan->tasks[0].position_deletes.size(), 1u);
  EXPECT_EQ(plan->tasks[0].position_deletes[0]->file_format, FileFormat::kPuffin);
  const auto& summary = result.table->metadata()->current_snapshot()->summary;
  EXPECT_EQ(summary.at("total-delete-files"), "1");
  EXPECT_EQ(summary.at("added-dvs"), "1");
}

TEST_F(TableTest, DeletesOfAFileThatWasReplacedAreAConflict) {
  CreateTableRequest request = Request(false);
  request.format_version = 3;
  TablePtr table = AppendRows(CreateTable(request), {{1, 0, "a"}, {2, 0, "b"}});
  auto plan = Unwrap(PlanFiles(table, {}));
  const DataFile file = *plan->tasks[0].file;
  auto deletes = Unwrap(WriteDeletes(*table, {{file, {0}}}));
  ASSERT_EQ(deletes.size(), 1u);
  RowDelta first(table);
  ASSERT_TRUE(first.AddDeletes(deletes[0]).Commit().ok());
  // A second vector for the file from the same base.
  auto second_file = Unwrap(WriteDeletes(*table, {{file, {1}}}));
  RowDelta second(table);
  auto status = second.AddDeletes(second_file[0]).Commit().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict)) << status.ToString();
  EXPECT_EQ(ScanRows(Unwrap(table->Refresh())), (Rows{{2, 0, "b"}}));
  // A compaction from the same base would bring the row back.
  ReplaceFiles compaction(table, ReplaceFiles::Kind::kReplace);
  compaction.Delete(file);
  status = compaction.Commit().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict)) << status.ToString();
}

}  // namespace
}  // namespace floe::iceberg
