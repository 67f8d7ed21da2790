#include <filesystem>
#include <set>

#include "iceberg/maintain/compact.h"
#include "iceberg/maintain/expire_snapshots.h"
#include "iceberg/maintain/remove_orphans.h"
#include "iceberg/maintain/rewrite_deletes.h"
#include "iceberg/maintain/rewrite_manifests.h"
#include "iceberg/table/manage_snapshots.h"
#include "iceberg/table/row_delete.h"
#include "iceberg/table/snapshot_operation.h"
#include "iceberg/table/test_table.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using ::testing::HasSubstr;
using Rows = std::vector<TestRow>;
using Op = Predicate::Op;

PredicatePtr IdIs(int64_t id) {
  return Predicate::Compare(Op::kEqual, "id", Literal::Long(id));
}

class MaintainTest : public TableTest {
 protected:
  TablePtr MakeTable(int format_version, bool by_day) {
    CreateTableRequest request = Request(by_day);
    request.format_version = format_version;
    request.properties["write.delete.mode"] = "merge-on-read";
    return CreateTable(request);
  }
  /// Ten commits of a file for each of two days, one of two rows.
  static TablePtr TenAppends(TablePtr table) {
    for (int i = 0; i < 10; ++i) {
      table =
          AppendRows(table, {{2 * i, 0, "a"}, {2 * i + 1, 1, "b"}, {100 + i, 0, "c"}});
    }
    return table;
  }
  std::set<std::string> StoredFiles(const TablePtr& table) {
    std::set<std::string> files;
    for (const FileEntry& file : Unwrap(io_->List(table->location(), true))) {
      files.insert(file.location);
    }
    return files;
  }
  static size_t FileCount(const TablePtr& table) {
    return Unwrap(PlanFiles(table, {}))->tasks.size();
  }
};

TEST_F(MaintainTest, CompactionKeepsRowsAndDropsDeletes) {
  for (int version : {2, 3}) {
    id_.name = "t" + std::to_string(version);
    TablePtr table = TenAppends(MakeTable(version, true));
    table = Unwrap(DeleteRows(table, IdIs(4))).table;
    Rows rows = ScanRows(table);
    CompactOptions dry;
    dry.dry_run = true;
    MaintenanceReport planned = Unwrap(CompactFiles(table, dry));
    EXPECT_EQ(planned.counts["rewritten_files"], 20);
    EXPECT_EQ(planned.table->metadata_location(), table->metadata_location());
    MaintenanceReport report = Unwrap(CompactFiles(table, {}));
    EXPECT_EQ(report.counts["groups"], 2);
    EXPECT_EQ(report.counts["added_files"], 2);
    EXPECT_EQ(FileCount(report.table), 2u);
    EXPECT_EQ(ScanRows(report.table), rows);
    const Snapshot& last = *report.table->metadata()->current_snapshot();
    EXPECT_EQ(last.operation(), "replace");
    EXPECT_EQ(last.summary.at("total-delete-files"), "0");
    // Two files of one size are left as they are.
    EXPECT_EQ(Unwrap(CompactFiles(report.table, {})).counts["groups"], 0);
  }
}

TEST_F(MaintainTest, CompactionSorts) {
  TablePtr table = TenAppends(MakeTable(2, false));
  CompactOptions options;
  options.sort_by = {{.column = "name", .direction = SortDirection::kDescending},
                     {.column = "id"}};
  MaintenanceReport report = Unwrap(CompactFiles(table, options));
  auto reader = Unwrap(Scan(report.table, {}));
  Rows rows = ReadRows(*reader);
  ASSERT_EQ(rows.size(), 30u);
  EXPECT_EQ(rows.front().id, 100);
  EXPECT_EQ(rows[9].id, 109);
  EXPECT_EQ(rows[10].id, 1);
  EXPECT_EQ(rows.back().id, 18);
}

TEST_F(MaintainTest, DeletesMeanwhileWinOverCompaction) {
  TablePtr table = TenAppends(MakeTable(2, true));
  TablePtr deleted = Unwrap(DeleteRows(table, IdIs(4))).table;
  MaintenanceReport report = Unwrap(CompactFiles(table, {}));
  EXPECT_EQ(report.counts["conflicts"], 1);
  EXPECT_EQ(report.counts["groups"], 1);
  EXPECT_EQ(ScanRows(report.table), ScanRows(deleted));
}

TEST_F(MaintainTest, DeleteFilesBecomeOneADataFile) {
  TablePtr table = MakeTable(2, false);
  table = Unwrap(UpdateProperties(table, {{"write.delete.granularity", "partition"}}));
  table = AppendRows(table, {{1, 0, "a"}, {2, 0, "b"}, {3, 0, "c"}});
  table = AppendRows(table, {{4, 0, "d"}, {5, 0, "e"}});
  for (int id : {1, 4}) table = Unwrap(DeleteRows(table, IdIs(id))).table;
  table = Unwrap(DeleteRows(table, Predicate::Or(IdIs(2), IdIs(5)))).table;
  Rows rows = ScanRows(table);
  TablePtr upgraded = Unwrap(UpgradeFormat(table, 3));
  MaintenanceReport report = Unwrap(RewriteDeletes(upgraded, {}));
  EXPECT_EQ(ScanRows(report.table), rows);
  EXPECT_EQ(
      report.table->metadata()->current_snapshot()->summary.at("total-delete-files"),
      std::to_string(report.counts["added_delete_files"]));
  auto plan = Unwrap(PlanFiles(report.table, {}));
  for (const FileScanTask& task : plan->tasks) {
    ASSERT_LE(task.position_deletes.size(), 1u);
    for (const auto& deletes : task.position_deletes) {
      EXPECT_EQ(deletes->file_format, FileFormat::kPuffin);
    }
  }
}

TEST_F(MaintainTest, ManifestsAreRewrittenByPartition) {
  TablePtr table = TenAppends(MakeTable(3, true));
  MaintenanceReport report = Unwrap(RewriteManifests(table, {}));
  EXPECT_EQ(report.counts["manifests_replaced"], 10);
  EXPECT_EQ(report.counts["manifests_created"], 1);
  EXPECT_EQ(ScanRows(report.table), ScanRows(table));
  auto ids = [](const TablePtr& of) {
    std::map<std::string, std::pair<int64_t, int64_t>> files;
    auto plan = Unwrap(PlanFiles(of, {}));
    for (const FileScanTask& task : plan->tasks) {
      files[task.file->file_path] = {*task.file->first_row_id, task.sequence_number};
    }
    return files;
  };
  EXPECT_EQ(ids(report.table), ids(table));
  // A new manifest takes ids for all its rows, though these keep theirs (spec, "First Row
  // ID Assignment").
  EXPECT_GE(report.table->metadata()->next_row_id, table->metadata()->next_row_id);
}

TEST_F(MaintainTest, ExpiryForgetsOldSnapshotsAndTheirFilesAlone) {
  TablePtr table = TenAppends(MakeTable(2, true));
  int64_t third = table->metadata()->snapshots[2].snapshot_id;
  table = Unwrap(ManageSnapshots(table).CreateTag("kept", third).Commit());
  table = Unwrap(CompactFiles(table, {})).table;
  Rows rows = ScanRows(table);
  ExpireSnapshotsOptions options;
  options.older_than_ms = table->metadata()->last_updated_ms + 1;
  options.dry_run = true;
  MaintenanceReport planned = Unwrap(ExpireSnapshots(table, options));
  auto before = StoredFiles(table);
  EXPECT_EQ(planned.table->metadata_location(), table->metadata_location());
  options.dry_run = false;
  MaintenanceReport report = Unwrap(ExpireSnapshots(table, options));
  EXPECT_EQ(report.counts["removed_files"], planned.counts["removed_files"]);
  EXPECT_EQ(report.failures.size(), 0u);
  EXPECT_EQ(report.table->metadata()->snapshots.size(), 2u);
  EXPECT_EQ(ScanRows(report.table), rows);
  ScanOptions tagged;
  tagged.selector = SnapshotSelector::ByRef("kept");
  EXPECT_EQ(ScanRows(report.table, tagged).size(), 9u);
  auto after = StoredFiles(report.table);
  EXPECT_LT(after.size(), before.size());
  // 14 of the 20 first data files are the tag's no more.
  size_t removed_data = 0;
  for (const std::string& path : report.removed) {
    removed_data += path.ends_with(".parquet");
  }
  EXPECT_EQ(removed_data, 14u);

  options.snapshot_ids = {third};
  EXPECT_TRUE(IsError(ExpireSnapshots(report.table, options).status(),
                      ErrorCode::kInvalidArgument));
}

TEST_F(MaintainTest, BranchesKeepWhatTheySay) {
  TablePtr table = TenAppends(MakeTable(2, false));
  ExpireSnapshotsOptions options;
  options.older_than_ms = table->metadata()->last_updated_ms + 1;
  options.retain_last = 4;
  table = Unwrap(ExpireSnapshots(table, options)).table;
  EXPECT_EQ(table->metadata()->snapshots.size(), 4u);
  table = Unwrap(ManageSnapshots(table).SetRetention("main", {2, 1, {}}).Commit());
  table = Unwrap(ExpireSnapshots(table, options)).table;
  EXPECT_EQ(table->metadata()->snapshots.size(), 2u);
  EXPECT_EQ(ScanRows(table).size(), 30u);
  TablePtr kept = Unwrap(UpdateProperties(table, {{"gc.enabled", "false"}}));
  EXPECT_TRUE(
      IsError(ExpireSnapshots(kept, options).status(), ErrorCode::kInvalidArgument));
}

TEST_F(MaintainTest, OrphansAreFoundAndNothingElse) {
  TablePtr table = Unwrap(DeleteRows(TenAppends(MakeTable(3, true)), IdIs(4))).table;
  auto used = StoredFiles(table);
  std::string orphan = JoinLocation(table->location(), "data/ts_day=x/orphan.parquet");
  ASSERT_TRUE(io_->Write(orphan, "x").ok());
  RemoveOrphansOptions options;
  // The test's clock is older than the files.
  options.older_than_ms = int64_t{4'000'000'000'000};
  EXPECT_TRUE(
      IsError(RemoveOrphanFiles(table, options).status(), ErrorCode::kInvalidArgument));
  options.allow_recent = true;
  options.dry_run = true;
  MaintenanceReport report = Unwrap(RemoveOrphanFiles(table, options));
  EXPECT_EQ(report.counts["removed_files"], 1);
  EXPECT_TRUE(Unwrap(io_->Exists(orphan)));
  options.dry_run = false;
  report = Unwrap(RemoveOrphanFiles(table, options));
  EXPECT_EQ(report.removed.size(), 1u);
  EXPECT_EQ(StoredFiles(table), used);
  EXPECT_THAT(MaintenanceReportToJson(report), HasSubstr("\"removed_files\":1"));
  options.older_than_ms = 0;
  ASSERT_TRUE(io_->Write(orphan, "x").ok());
  EXPECT_EQ(Unwrap(RemoveOrphanFiles(table, options)).counts["removed_files"], 0);

  std::string other =
      JoinLocation(table->location(), "data/t2/metadata/v1.metadata.json");
  ASSERT_TRUE(io_->Write(other, "x").ok());
  EXPECT_TRUE(
      IsError(RemoveOrphanFiles(table, options).status(), ErrorCode::kInvalidArgument));
}

}  // namespace
}  // namespace floe::iceberg
