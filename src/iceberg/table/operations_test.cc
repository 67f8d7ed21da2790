#include <map>
#include <set>

#include "iceberg/table/manage_snapshots.h"
#include "iceberg/table/overwrite.h"
#include "iceberg/table/snapshot_history.h"
#include "iceberg/table/snapshot_operation.h"
#include "iceberg/table/test_table.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using ::testing::HasSubstr;
using Rows = std::vector<TestRow>;
using Op = Predicate::Op;
using Kind = ReplaceFiles::Kind;

std::vector<DataFile> WriteFiles(const TablePtr& table, const Rows& rows) {
  auto writer = Unwrap(TableWriter::Make(table));
  EXPECT_TRUE(writer->Write(*MakeBatch(rows)).ok());
  return Unwrap(writer->Close());
}

std::vector<ManifestFile> Manifests(const TablePtr& table) {
  return Unwrap(ManifestsOf(*table, table->metadata()->current_snapshot()));
}

/// The live data files of the current snapshot by path.
std::map<std::string, ManifestEntry> LiveFiles(const TablePtr& table) {
  std::map<std::string, ManifestEntry> files;
  for (const ManifestFile& manifest : Manifests(table)) {
    for (ManifestEntry& entry : Unwrap(ReadAllEntries(*table, manifest))) {
      bool is_live = entry.status != EntryStatus::kDeleted;
      if (is_live) files[entry.file.file_path] = std::move(entry);
    }
  }
  return files;
}

DataFile OnlyFile(const TablePtr& table) {
  auto files = LiveFiles(table);
  EXPECT_EQ(files.size(), 1u);
  return files.begin()->second.file;
}

PredicatePtr Day(int day) {
  PredicatePtr from = Predicate::Compare(
      Op::kGreaterEqual, "ts", Literal::TimestampTz(kFirstDayMicros + day * kDay));
  PredicatePtr to = Predicate::Compare(
      Op::kLess, "ts", Literal::TimestampTz(kFirstDayMicros + (day + 1) * kDay));
  return Predicate::And(from, to);
}

PredicatePtr IdBelow(int64_t id) {
  return Predicate::Compare(Op::kLess, "id", Literal::Long(id));
}

std::string Summary(const TablePtr& table, const char* key) {
  const auto& summary = table->metadata()->current_snapshot()->summary;
  auto found = summary.find(key);
  return found == summary.end() ? "" : found->second;
}

bool IsConflict(const arrow::Status& status) {
  return IsError(status, ErrorCode::kCommitConflict);
}

TEST_F(TableTest, AppendsMergeSmallManifestsAndKeepSequenceNumbers) {
  TablePtr table = CreateTable(Request(true));
  table = Unwrap(UpdateProperties(table, {{"commit.manifest.min-count-to-merge", "3"}}));
  for (int i = 0; i < 7; ++i) table = AppendRows(table, {{i, i, "x"}});
  EXPECT_LE(Manifests(table).size(), 3u);
  EXPECT_EQ(ScanRows(table).size(), 7u);
  std::set<int64_t> numbers;
  for (const auto& [path, entry] : LiveFiles(table)) {
    numbers.insert(*entry.sequence_number);
  }
  EXPECT_EQ(numbers, (std::set<int64_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(Summary(table, "total-data-files"), "7");
  // No manifest is left that no snapshot lists.
  std::set<std::string> listed;
  for (const Snapshot& snapshot : table->metadata()->snapshots) {
    for (const ManifestFile& manifest : Unwrap(ManifestsOf(*table, &snapshot))) {
      listed.insert(manifest.manifest_path);
    }
  }
  size_t stored = 0;
  for (const FileEntry& file : Unwrap(io_->List(table->location(), true))) {
    stored += file.location.find("-m") != std::string::npos &&
              file.location.ends_with(".avro") &&
              file.location.find("/snap-") == std::string::npos;
  }
  EXPECT_EQ(stored, listed.size());

  AppendFiles fast(table);
  fast.Append(WriteFiles(table, {{8, 1, "y"}})).Fast();
  size_t before = Manifests(table).size();
  EXPECT_EQ(Manifests(Unwrap(fast.Commit())).size(), before + 1);
}

TEST_F(TableTest, WholeFilesAreDeletedByMetadata) {
  TablePtr table =
      AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}, {3, 2, "c"}});
  ReplaceFiles of_day(table, Kind::kOverwrite);
  TablePtr deleted = Unwrap(of_day.DeleteWhere(Day(1)).Commit());
  EXPECT_EQ(ScanRows(deleted), (Rows{{1, 0, "a"}, {3, 2, "c"}}));
  EXPECT_EQ(deleted->metadata()->current_snapshot()->operation(), "delete");
  EXPECT_EQ(Summary(deleted, "deleted-records"), "1");
  // By bounds of a column that is no partition source.
  ReplaceFiles by_id(deleted, Kind::kOverwrite);
  EXPECT_EQ(ScanRows(Unwrap(by_id.DeleteWhere(IdBelow(3)).Commit())),
            (Rows{{3, 2, "c"}}));

  TablePtr mixed = AppendRows(deleted, {{10, 5, "d"}, {11, 5, "e"}});
  ReplaceFiles part(mixed, Kind::kOverwrite);
  auto status = part.DeleteWhere(IdBelow(11)).Commit().status();
  EXPECT_TRUE(IsConflict(status)) << status.ToString();
  EXPECT_THAT(ErrorText(status), HasSubstr("row by row"));
}

TEST_F(TableTest, NullsAreNotMatchedByWholeFileDeletes) {
  TablePtr table =
      AppendRows(CreateTable(Request(false)), {{1, 0, "a"}, {2, 0, std::nullopt}});
  ReplaceFiles all_named(table, Kind::kOverwrite);
  all_named.DeleteWhere(Predicate::Compare(Op::kEqual, "name", Literal::String("a")));
  EXPECT_TRUE(IsConflict(all_named.Commit().status()));
}

TEST_F(TableTest, OverwriteByFilterIsOneSnapshot) {
  TablePtr table = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}});
  ReplaceFiles overwrite(table, Kind::kOverwrite);
  overwrite.DeleteWhere(Day(1)).Append(WriteFiles(table, {{3, 1, "c"}})[0]);
  TablePtr done = Unwrap(overwrite.Commit());
  EXPECT_EQ(ScanRows(done), (Rows{{1, 0, "a"}, {3, 1, "c"}}));
  EXPECT_EQ(done->metadata()->snapshots.size(), 2u);
  EXPECT_EQ(done->metadata()->current_snapshot()->operation(), "overwrite");
}

TEST_F(TableTest, SerializableSeesRowsAddedMeanwhileAndSnapshotDoesNot) {
  TablePtr table = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}});
  auto overwrite = [&](IsolationLevel level) {
    ReplaceFiles change(table, Kind::kOverwrite);
    change.Delete(LiveFiles(table).begin()->second.file);
    return change.ValidateNothingNew(Day(0), level).Commit();
  };
  AppendRows(table, {{3, 1, "elsewhere"}});
  AppendRows(table, {{4, 0, "same day"}});
  auto status = overwrite(IsolationLevel::kSerializable).status();
  EXPECT_TRUE(IsConflict(status)) << status.ToString();
  EXPECT_THAT(ErrorText(status), HasSubstr("added a file"));
  EXPECT_EQ(ScanRows(Unwrap(overwrite(IsolationLevel::kSnapshot))).size(), 3u);
}

TEST_F(TableTest, SerializableOverlooksRowsThatCannotMatchAndCompaction) {
  TablePtr table = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}});
  TablePtr other = AppendRows(table, {{3, 1, "elsewhere"}});
  ReplaceFiles compaction(other, Kind::kReplace);
  for (const auto& [path, entry] : LiveFiles(other)) {
    if (entry.file.partition[0] == LiveFiles(table).begin()->second.file.partition[0]) {
      continue;
    }
    compaction.Delete(entry.file);
  }
  for (DataFile& file : WriteFiles(other, {{2, 1, "b"}, {3, 1, "elsewhere"}})) {
    compaction.Append(file);
  }
  ASSERT_TRUE(compaction.Commit().ok());
  ReplaceFiles change(table, Kind::kOverwrite);
  change.Delete(LiveFiles(table).begin()->second.file);
  change.ValidateNothingNew(Predicate::Compare(Op::kEqual, "id", Literal::Long(100)),
                            IsolationLevel::kSerializable);
  EXPECT_EQ(ScanRows(Unwrap(change.Commit())).size(), 2u);
}

TEST_F(TableTest, AFileCannotBeReplacedTwice) {
  TablePtr table = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}, {2, 0, "b"}});
  auto compact = [&] {
    ReplaceFiles change(table, Kind::kReplace);
    change.Delete(OnlyFile(table));
    change.Append(WriteFiles(table, {{1, 0, "a"}, {2, 0, "b"}})[0]);
    return change.Commit();
  };
  ASSERT_TRUE(compact().ok());
  auto status = compact().status();
  EXPECT_TRUE(IsConflict(status)) << status.ToString();
  EXPECT_EQ(ScanRows(Unwrap(table->Refresh())).size(), 2u);
}

TEST_F(TableTest, ReplacePartitionsReplacesTheirsAlone) {
  TablePtr table =
      AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}, {3, 1, "c"}});
  ReplacePartitions replace(table);
  for (DataFile& file : WriteFiles(table, {{4, 1, "d"}, {5, 3, "e"}})) {
    replace.Append(file);
  }
  TablePtr replaced = Unwrap(replace.Commit());
  EXPECT_EQ(ScanRows(replaced), (Rows{{1, 0, "a"}, {4, 1, "d"}, {5, 3, "e"}}));
  EXPECT_EQ(Summary(replaced, "replace-partitions"), "true");

  ReplacePartitions append_only(replaced);
  append_only.Append(WriteFiles(replaced, {{6, 1, "f"}})[0]).ValidateAppendOnly();
  EXPECT_TRUE(IsConflict(append_only.Commit().status()));

  ReplacePartitions raced(replaced);
  raced.Append(WriteFiles(replaced, {{7, 0, "g"}})[0]);
  raced.ValidateNothingNew(IsolationLevel::kSerializable);
  AppendRows(replaced, {{8, 0, "h"}});
  EXPECT_TRUE(IsConflict(raced.Commit().status()));
}

TEST_F(TableTest, RowIdsAreAssignedByCommitsAndKeptByMerging) {
  CreateTableRequest request = Request(false);
  request.format_version = 3;
  request.properties["commit.manifest.min-count-to-merge"] = "2";
  TablePtr table = CreateTable(request);
  table = AppendRows(table, {{1, 0, "a"}, {2, 0, "b"}});
  const Snapshot first = *table->metadata()->current_snapshot();
  EXPECT_EQ(first.first_row_id, 0);
  EXPECT_EQ(first.added_rows, 2);
  std::string first_path = OnlyFile(table).file_path;
  EXPECT_EQ(OnlyFile(table).first_row_id, 0);
  table = AppendRows(table, {{3, 0, "c"}});
  table = AppendRows(table, {{4, 0, "d"}, {5, 0, "e"}, {6, 0, "f"}});
  auto files = LiveFiles(table);
  EXPECT_EQ(Manifests(table).size(), 1u);
  EXPECT_EQ(files.at(first_path).file.first_row_id, 0);
  std::map<int64_t, int64_t> rows_by_first_id;
  for (const auto& [path, entry] : files) {
    rows_by_first_id[*entry.file.first_row_id] = entry.file.record_count;
  }
  // Ids are distinct and below the table's next.
  int64_t next = 0;
  for (const auto& [id, rows] : rows_by_first_id) {
    EXPECT_GE(id, next);
    next = id + rows;
  }
  EXPECT_LE(next, table->metadata()->next_row_id);
  EXPECT_EQ(ScanRows(table).size(), 6u);
}

TEST_F(TableTest, UpgradesGiveOldRowsTheirIds) {
  CreateTableRequest request = Request(false);
  request.format_version = 1;
  TablePtr table = AppendRows(CreateTable(request), {{1, 0, "a"}, {2, 0, "b"}});
  table = AppendRows(Unwrap(UpgradeFormat(table, 2)), {{3, 0, "c"}});
  EXPECT_EQ(table->metadata()->last_sequence_number, 1);
  table = Unwrap(UpgradeFormat(table, 3));
  EXPECT_EQ(table->metadata()->next_row_id, 0);
  table = AppendRows(table, {{4, 0, "d"}});
  EXPECT_EQ(ScanRows(table).size(), 4u);
  EXPECT_EQ(table->metadata()->next_row_id, 4);
  std::set<int64_t> ids;
  for (const auto& [path, entry] : LiveFiles(table)) {
    ASSERT_TRUE(entry.file.first_row_id.has_value()) << path;
    for (int64_t i = 0; i < entry.file.record_count; ++i) {
      ids.insert(*entry.file.first_row_id + i);
    }
  }
  EXPECT_EQ(ids, (std::set<int64_t>{0, 1, 2, 3}));
  auto back = UpgradeFormat(table, 2).status();
  EXPECT_TRUE(IsError(back, ErrorCode::kInvalidArgument)) << back.ToString();
}

TEST_F(TableTest, BranchesGrowApart) {
  TablePtr table = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  AppendFiles to_branch(table);
  to_branch.Append(WriteFiles(table, {{2, 0, "b"}})).ToBranch("dev");
  TablePtr branched = Unwrap(to_branch.Commit());
  // From a stale base: its sequence number is taken by the branch.
  TablePtr both = AppendRows(table, {{3, 0, "c"}});
  EXPECT_EQ(ScanRows(both), (Rows{{1, 0, "a"}, {3, 0, "c"}}));
  ScanOptions on_branch;
  on_branch.selector = SnapshotSelector::ByRef("dev");
  EXPECT_EQ(ScanRows(both, on_branch), (Rows{{1, 0, "a"}, {2, 0, "b"}}));
  EXPECT_EQ(both->metadata()->last_sequence_number, 3);

  TablePtr tagged = Unwrap(ManageSnapshots(both).CreateTag("v1").Commit());
  AppendFiles to_tag(tagged);
  to_tag.Append(WriteFiles(tagged, {{4, 0, "d"}})).ToBranch("v1");
  EXPECT_TRUE(IsError(to_tag.Commit().status(), ErrorCode::kInvalidArgument));
}

TEST_F(TableTest, RefsAreMadeMovedAndRemoved) {
  TablePtr table = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  int64_t first = *table->metadata()->current_snapshot_id;
  table = AppendRows(table, {{2, 0, "b"}});
  int64_t second = *table->metadata()->current_snapshot_id;
  ManageSnapshots make(table);
  make.CreateTag("v1", first).CreateBranch("dev", first).Rename("v1", "first");
  make.SetRetention("dev", {2, 1000, 5000});
  table = Unwrap(make.Commit());
  EXPECT_EQ(table->metadata()->refs.at("first").snapshot_id, first);
  EXPECT_EQ(table->metadata()->refs.at("dev").min_snapshots_to_keep, 2);
  EXPECT_EQ(table->metadata()->refs.count("v1"), 0u);
  EXPECT_TRUE(IsError(ManageSnapshots(table).CreateTag("dev").Commit().status(),
                      ErrorCode::kAlreadyExists));
  table = Unwrap(ManageSnapshots(table).FastForward("dev", "main").Commit());
  EXPECT_EQ(table->metadata()->refs.at("dev").snapshot_id, second);
  EXPECT_EQ(table->metadata()->refs.at("dev").max_ref_age_ms, 5000);

  table = Unwrap(ManageSnapshots(table).RollbackTo(first).Commit());
  EXPECT_EQ(ScanRows(table), (Rows{{1, 0, "a"}}));
  // What was rolled back is no ancestor any more.
  EXPECT_TRUE(IsError(ManageSnapshots(table).RollbackTo(second).Commit().status(),
                      ErrorCode::kInvalidArgument));
  auto diverged = ManageSnapshots(AppendRows(table, {{3, 0, "c"}}));
  EXPECT_TRUE(IsError(diverged.FastForward("main", "dev").Commit().status(),
                      ErrorCode::kInvalidArgument));
  table = Unwrap(ManageSnapshots(table).SetCurrent(second).Commit());
  EXPECT_EQ(ScanRows(table).size(), 2u);
  table = Unwrap(ManageSnapshots(table).Remove("first").Commit());
  EXPECT_EQ(table->metadata()->refs.count("first"), 0u);
  EXPECT_TRUE(IsError(ManageSnapshots(table).Remove("main").Commit().status(),
                      ErrorCode::kInvalidArgument));
}

TEST_F(TableTest, StagedSnapshotsArePickedOnce) {
  TablePtr table = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  auto stage = [&](const TablePtr& base, const Rows& rows) {
    AppendFiles append(base);
    append.Append(WriteFiles(base, rows)).StageOnly().SetSummary("wap.id", "w1");
    return Unwrap(append.Commit());
  };
  TablePtr staged = stage(table, {{2, 0, "b"}});
  EXPECT_EQ(ScanRows(staged).size(), 1u);
  int64_t picked = staged->metadata()->snapshots.back().snapshot_id;
  TablePtr grown = AppendRows(staged, {{3, 0, "c"}});
  TablePtr done = Unwrap(CherryPick(grown, picked));
  EXPECT_EQ(ScanRows(done).size(), 3u);
  EXPECT_EQ(Summary(done, "source-snapshot-id"), std::to_string(picked));
  EXPECT_EQ(Summary(done, "published-wap-id"), "w1");
  EXPECT_TRUE(IsError(CherryPick(done, picked).status(), ErrorCode::kInvalidArgument));
  // One that follows on the current snapshot becomes it.
  TablePtr next = stage(done, {{4, 0, "d"}});
  int64_t follows = next->metadata()->snapshots.back().snapshot_id;
  EXPECT_EQ(Unwrap(CherryPick(next, follows))->metadata()->current_snapshot_id, follows);
}

TEST_F(TableTest, LongTextsHaveBoundsToo) {
  // Longer than what Parquet keeps in its statistics.
  const std::string longest(5000, 'b');
  TablePtr table = AppendRows(CreateTable(Request(false)),
                              {{1, 0, longest}, {2, 0, "bb"}, {3, 0, std::nullopt}});
  const DataFile file = OnlyFile(table);
  const ColumnMetrics* names = file.FindMetrics(3);
  ASSERT_NE(names, nullptr);
  EXPECT_EQ(names->lower_bound, "bb");
  EXPECT_EQ(names->upper_bound, std::string(15, 'b') + "c");
  ScanOptions options;
  options.filter = Predicate::Compare(Op::kEqual, "name", Literal::String(longest));
  EXPECT_EQ(ScanRows(table, options).size(), 1u);
  options.filter = Predicate::Compare(Op::kGreater, "name", Literal::String("c"));
  EXPECT_TRUE(Unwrap(PlanFiles(table, options))->tasks.empty());
}

TEST_F(TableTest, StatisticsBelongToTheirSnapshot) {
  TablePtr table = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  int64_t id = *table->metadata()->current_snapshot_id;
  std::string json = fmt::format(
      R"({{"snapshot-id":{},"statistics-path":"s.puffin","file-size-in-bytes":9,)"
      R"("file-footer-size-in-bytes":5,"blob-metadata":[]}})",
      id);
  table = Unwrap(SetStatistics(table, id, json));
  table = Unwrap(SetStatistics(table, id, json));
  EXPECT_EQ(table->metadata()->statistics_json.find("s.puffin"),
            table->metadata()->statistics_json.rfind("s.puffin"));
  EXPECT_THAT(table->metadata()->statistics_json, HasSubstr("s.puffin"));
  EXPECT_FALSE(SetStatistics(table, 7, json).ok());
  table = Unwrap(RemoveStatistics(table, id));
  EXPECT_EQ(table->metadata()->statistics_json, "");
}

}  // namespace
}  // namespace floe::iceberg
