#include "iceberg/table/table.h"

#include "iceberg/format/parquet/parquet_writer.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/overwrite.h"
#include "iceberg/table/test_table.h"
#include "iceberg/table/update_schema.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Rows = std::vector<TestRow>;

PredicatePtr Parse(const std::string& text) { return Unwrap(ParsePredicate(text)); }

ScanOptions Filtered(const std::string& text) {
  ScanOptions options;
  options.filter = Parse(text);
  return options;
}

TEST_F(TableTest, AppendsAndScansThroughTheCatalog) {
  TablePtr empty = CreateTable(Request(false));
  EXPECT_TRUE(ScanRows(empty).empty());
  TablePtr one = AppendRows(empty, {{1, 0, "a"}, {2, 0, std::nullopt}});
  TablePtr two = AppendRows(one, {{3, 1, "c"}});
  EXPECT_EQ(ScanRows(two), (Rows{{1, 0, "a"}, {2, 0, std::nullopt}, {3, 1, "c"}}));
  // Every version stays what it was.
  EXPECT_EQ(ScanRows(one).size(), 2u);
  EXPECT_TRUE(ScanRows(empty).empty());
  EXPECT_EQ(ScanRows(Unwrap(empty->Refresh())).size(), 3u);

  const Snapshot* snapshot = two->metadata()->current_snapshot();
  EXPECT_EQ(snapshot->operation(), "append");
  EXPECT_EQ(snapshot->sequence_number, 2);
  EXPECT_EQ(snapshot->summary.at("added-records"), "1");
  EXPECT_EQ(snapshot->summary.at("total-records"), "3");
  EXPECT_EQ(snapshot->summary.at("total-data-files"), "2");
  EXPECT_EQ(snapshot->summary.at("changed-partition-count"), "1");
  EXPECT_GT(snapshot->snapshot_id, 0);
}

TEST_F(TableTest, OpensByMetadataFileToReadOnly) {
  TablePtr table = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}});
  TablePtr by_file =
      Unwrap(Table::FromMetadataFile(io_, table->metadata_location(), Context()));
  EXPECT_EQ(ScanRows(by_file), (Rows{{1, 0, "a"}}));
  arrow::Status status = TryAppend(by_file, {{2, 0, "b"}}).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kNotSupported)) << status.ToString();
}

TEST_F(TableTest, TravelsInTime) {
  TablePtr one = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  TablePtr two = AppendRows(one, {{2, 0, "b"}});
  const Snapshot first = *one->metadata()->current_snapshot();
  ScanOptions options;
  options.selector = SnapshotSelector::ById(first.snapshot_id);
  EXPECT_EQ(ScanRows(two, options).size(), 1u);
  options.selector = SnapshotSelector::AsOf(first.timestamp_ms);
  EXPECT_EQ(ScanRows(two, options).size(), 1u);
  options.selector = SnapshotSelector::AsOf(first.timestamp_ms + 3'600'000);
  EXPECT_EQ(ScanRows(two, options).size(), 2u);
  options.selector = SnapshotSelector::ByRef("main");
  EXPECT_EQ(ScanRows(two, options).size(), 2u);

  for (SnapshotSelector missing :
       {SnapshotSelector::ById(5), SnapshotSelector::ByRef("nope"),
        SnapshotSelector::AsOf(1)}) {
    options.selector = missing;
    arrow::Status status = PlanFiles(two, options).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kNoSuchSnapshot)) << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr("db.t"));
  }
  options.selector = SnapshotSelector::ById(first.snapshot_id);
  options.selector.ref = "main";
  EXPECT_TRUE(IsError(PlanFiles(two, options).status(), ErrorCode::kInvalidArgument));
}

TEST_F(TableTest, OldSnapshotsKeepTheirSchema) {
  TablePtr one = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  TablePtr changed = Unwrap(UpdateSchema(one)
                                .RenameColumn("name", "label")
                                .AddColumn("extra", Type::Int())
                                .Commit());
  ScanOptions old;
  old.selector = SnapshotSelector::ById(one->metadata()->current_snapshot()->snapshot_id);
  EXPECT_EQ(Unwrap(PlanFiles(changed, old))->schema->ColumnNames(),
            (std::vector<std::string>{"id", "ts", "name"}));
  EXPECT_EQ(ScanRows(changed, old), (Rows{{1, 0, "a"}}));
  auto reader = Unwrap(Scan(changed, {}));
  auto batch = Unwrap(reader->Next());
  const auto& labels =
      static_cast<const arrow::StringArray&>(*batch->GetColumnByName("label"));
  EXPECT_EQ(labels.GetString(0), "a");
  EXPECT_EQ(batch->GetColumnByName("extra")->null_count(), 1);

  EXPECT_TRUE(IsError(UpdateSchema(changed).DropColumn("nmae").Commit().status(),
                      ErrorCode::kNoSuchColumn));
  EXPECT_TRUE(
      IsError(UpdateSchema(changed).AddColumn("id", Type::Int()).Commit().status(),
              ErrorCode::kAlreadyExists));
  EXPECT_TRUE(
      IsError(UpdateSchema(changed).WidenColumn("id", Type::Int()).Commit().status(),
              ErrorCode::kInvalidArgument));
  TablePtr dropped = Unwrap(UpdateSchema(changed).DropColumn("label").Commit());
  TablePtr again =
      Unwrap(UpdateSchema(dropped).AddColumn("label", Type::String()).Commit());
  // A column of the same name is another one: the old values stay gone.
  auto reread = Unwrap(Scan(again, {}));
  EXPECT_EQ(Unwrap(reread->Next())->GetColumnByName("label")->null_count(), 1);
}

TEST_F(TableTest, PrunesByPartitionThenByBounds) {
  TablePtr table = CreateTable(Request(true));
  table = AppendRows(table, {{1, 0, "a"}, {2, 1, "b"}, {3, 2, "c"}});
  table = AppendRows(table, {{11, 1, "d"}, {12, 2, "e"}});
  table = AppendRows(table, {{21, 9, "f"}});

  ScanPlanPtr plan = Unwrap(PlanFiles(table, Filtered("ts < '2026-01-02T00:00:00'")));
  EXPECT_EQ(plan->counters.manifests, 3);
  EXPECT_EQ(plan->counters.manifests_skipped, 2);
  EXPECT_EQ(plan->counters.files, 3);
  EXPECT_EQ(plan->counters.files_skipped_by_partition, 2);
  EXPECT_EQ(plan->counters.files_kept, 1);
  EXPECT_EQ(plan->counters.rows_kept, 1);
  ASSERT_EQ(plan->tasks.size(), 1u);
  EXPECT_THAT(plan->tasks[0].file->file_path, HasSubstr("/data/ts_day=2026-01-01/"));

  plan = Unwrap(PlanFiles(table, Filtered("id >= 12 AND ts < '2026-01-05T00:00:00'")));
  EXPECT_EQ(plan->counters.manifests_skipped, 1);
  EXPECT_EQ(plan->counters.files_skipped_by_metrics, 4);
  EXPECT_EQ(plan->counters.files_kept, 1);
  EXPECT_EQ(ScanRows(table, Filtered("id >= 12 AND ts < '2026-01-05T00:00:00'")),
            (Rows{{12, 2, "e"}}));
  EXPECT_EQ(ScanRows(table, Filtered("name IN ('a', 'f') OR id = 2")),
            (Rows{{1, 0, "a"}, {2, 1, "b"}, {21, 9, "f"}}));

  arrow::Status status = PlanFiles(table, Filtered("nmae = 'a'")).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kNoSuchColumn)) << status.ToString();
  EXPECT_THAT(ErrorText(status), HasSubstr("name"));
}

TEST_F(TableTest, IdentityPartitionsAnswerTheFilterAlone) {
  CreateTableRequest request = Request(false);
  request.spec.fields = {{3, 0, "name", Transform::Identity()}};
  TablePtr table = AppendRows(CreateTable(request),
                              {{1, 0, "a"}, {2, 0, "b/c=d"}, {3, 0, std::nullopt}});
  ScanPlanPtr plan = Unwrap(PlanFiles(table, Filtered("name = 'b/c=d'")));
  ASSERT_EQ(plan->tasks.size(), 1u);
  EXPECT_EQ(plan->tasks[0].residual->op(), Predicate::Op::kTrue);
  EXPECT_EQ(plan->tasks[0].constants.at(3), Literal::String("b/c=d"));
  EXPECT_EQ(ScanRows(table, Filtered("name = 'b/c=d'")), (Rows{{2, 0, "b/c=d"}}));
  EXPECT_EQ(ScanRows(table, Filtered("name IS NULL AND id = 3")),
            (Rows{{3, 0, std::nullopt}}));
  EXPECT_EQ(Unwrap(PlanFiles(table, Filtered("name IS NULL AND id = 4")))->tasks.size(),
            0u);
}

TEST_F(TableTest, LimitsProjectsAndKeepsTheOrder) {
  TablePtr table = CreateTable(Request(false));
  for (int64_t i = 0; i < 6; ++i)
    table = AppendRows(table, {{2 * i, 0, "x"}, {2 * i + 1, 0, "y"}});
  auto whole = Unwrap(Scan(table, {}));
  Rows first = ReadRows(*whole);
  auto repeated = Unwrap(Scan(table, {}));
  EXPECT_EQ(ReadRows(*repeated), first);

  ScanOptions options;
  options.limit = 3;
  auto limited = Unwrap(Scan(table, options));
  Rows head = ReadRows(*limited);
  EXPECT_EQ(head, Rows(first.begin(), first.begin() + 3));
  options.limit = 0;
  auto none = Unwrap(Scan(table, options));
  EXPECT_TRUE(ReadRows(*none).empty());

  options = {};
  options.columns = {"name", "id"};
  options.filter = Parse("ts >= '2026-01-01T00:00:00' AND id = 7");
  auto projected = Unwrap(Scan(table, options));
  EXPECT_EQ(projected->schema()->field_names(), (std::vector<std::string>{"name", "id"}));
  auto batch = Unwrap(projected->Next());
  ASSERT_EQ(batch->num_rows(), 1);
  EXPECT_EQ(std::static_pointer_cast<arrow::Int64Array>(batch->column(1))->Value(0), 7);
  options.columns = {"nope"};
  EXPECT_TRUE(IsError(Scan(table, options).status(), ErrorCode::kNoSuchColumn));

  // A scan that is left in the middle stops its threads.
  auto abandoned = Unwrap(Scan(table, {}));
  ASSERT_NE(Unwrap(abandoned->Next()), nullptr);
}

TEST_F(TableTest, CachesEveryMetadataFile) {
  TablePtr table = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}});
  ASSERT_EQ(Unwrap(PlanFiles(table, {}))->tasks.size(), 1u);
  int64_t used = table->context().cache->used_bytes();
  EXPECT_GT(used, 0);
  // The cache answers though the files are gone.
  std::filesystem::remove_all(folder_ / "wh/db/t/metadata");
  EXPECT_EQ(Unwrap(PlanFiles(table, {}))->tasks.size(), 1u);
  EXPECT_EQ(table->context().cache->used_bytes(), used);
  table->context().cache->Clear();
  arrow::Status gone = PlanFiles(table, {}).status();
  EXPECT_TRUE(IsError(gone, ErrorCode::kNoSuchFile)) << gone.ToString();
}

TEST_F(TableTest, ReplacesFilesInOneSnapshot) {
  TablePtr table = CreateTable(Request(false));
  table = AppendRows(table, {{1, 0, "a"}});
  table = AppendRows(table, {{2, 0, "b"}});
  TablePtr old = table;
  ScanPlanPtr plan = Unwrap(PlanFiles(table, {}));
  auto writer = Unwrap(TableWriter::Make(table));
  ASSERT_TRUE(writer->Write(*MakeBatch({{1, 0, "a"}, {2, 0, "b"}})).ok());
  std::vector<DataFile> merged = Unwrap(writer->Close());
  ReplaceFiles replace(table, ReplaceFiles::Kind::kReplace);
  for (const FileScanTask& task : plan->tasks) replace.Delete(task.file->file_path);
  replace.Append(merged[0]);
  TablePtr replaced = Unwrap(replace.Commit());
  EXPECT_EQ(ScanRows(replaced), (Rows{{1, 0, "a"}, {2, 0, "b"}}));
  EXPECT_EQ(Unwrap(PlanFiles(replaced, {}))->tasks.size(), 1u);
  const Snapshot* snapshot = replaced->metadata()->current_snapshot();
  EXPECT_EQ(snapshot->operation(), "replace");
  EXPECT_EQ(snapshot->summary.at("total-records"), "2");
  EXPECT_EQ(snapshot->summary.at("total-data-files"), "1");
  EXPECT_EQ(ScanRows(old).size(), 2u);

  ReplaceFiles again(old, ReplaceFiles::Kind::kReplace);
  again.Delete(plan->tasks[0].file->file_path);
  arrow::Status status = again.Commit().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict)) << status.ToString();
}

/// Commits a position delete file that removes rows of `path`.
class DeletesTest : public TableTest {
 protected:
  DataFile WritePositionDeletes(const TablePtr& table, const std::string& path,
                                const std::vector<int64_t>& positions) {
    DataFileWriterOptions options;
    options.schema = Unwrap(Schema::Make(
        {NestedField::Required(kDeleteFilePathId, "file_path", Type::String()),
         NestedField::Required(kDeletePositionId, "pos", Type::Long())}));
    options.location = table->location() + "/data/" + NewUuid(Random::System());
    arrow::StringBuilder paths;
    arrow::Int64Builder rows;
    for (int64_t position : positions) {
      EXPECT_TRUE(paths.Append(path).ok() && rows.Append(position).ok());
    }
    auto writer = Unwrap(DataFileWriter::Make(table->io(), options));
    auto batch = arrow::RecordBatch::Make(
        Unwrap(ToArrowSchema(*options.schema)), static_cast<int64_t>(positions.size()),
        {Unwrap(paths.Finish()), Unwrap(rows.Finish())});
    EXPECT_TRUE(writer->Write(*batch).ok());
    DataFile file = Unwrap(writer->Close());
    file.content = FileContent::kPositionDeletes;
    return file;
  }

  TablePtr CommitDeletes(const TablePtr& table, const DataFile& file) {
    const TableMetadata& metadata = *table->metadata();
    Snapshot snapshot;
    snapshot.snapshot_id = static_cast<int64_t>(Random::System().Next() >> 2);
    snapshot.parent_snapshot_id = metadata.current_snapshot_id;
    snapshot.sequence_number = metadata.last_sequence_number + 1;
    snapshot.timestamp_ms = metadata.last_updated_ms;
    snapshot.summary["operation"] = "delete";
    snapshot.schema_id = metadata.current_schema_id;
    ManifestEntry entry;
    entry.snapshot_id = snapshot.snapshot_id;
    entry.file = file;
    WrittenManifest written = Unwrap(WriteManifest(
        {metadata.format_version, metadata.schema(), metadata.default_spec(),
         ManifestContent::kDeletes, snapshot.snapshot_id},
        {entry}));
    written.manifest.manifest_path =
        table->location() + "/metadata/" + NewUuid(Random::System()) + ".avro";
    written.manifest.manifest_length = static_cast<int64_t>(written.bytes.size());
    written.manifest.sequence_number = snapshot.sequence_number;
    written.manifest.min_sequence_number = snapshot.sequence_number;
    EXPECT_TRUE(table->io()->Write(written.manifest.manifest_path, written.bytes).ok());
    std::string old_list =
        Unwrap(table->io()->ReadAll(metadata.current_snapshot()->manifest_list));
    std::vector<ManifestFile> manifests = Unwrap(ReadManifestList(old_list));
    manifests.push_back(written.manifest);
    snapshot.manifest_list =
        table->location() + "/metadata/snap-" + NewUuid(Random::System()) + ".avro";
    std::string list = Unwrap(WriteManifestList(
        {metadata.format_version, snapshot.snapshot_id, snapshot.parent_snapshot_id,
         snapshot.sequence_number, std::nullopt},
        manifests));
    EXPECT_TRUE(table->io()->Write(snapshot.manifest_list, list).ok());
    SnapshotRef ref;
    ref.snapshot_id = snapshot.snapshot_id;
    return table->WithLoaded(Unwrap(catalog_->CommitTable(
        id_, {},
        {update::AddSnapshot{snapshot}, update::SetSnapshotRef{kMainBranch, ref}})));
  }
};

TEST_F(DeletesTest, AppliesPositionDeletesToOlderFilesOnly) {
  TablePtr table = CreateTable(Request(false));
  table = AppendRows(table, {{1, 0, "a"}, {2, 0, "b"}, {3, 0, "c"}, {4, 0, "d"}});
  std::string path = Unwrap(PlanFiles(table, {}))->tasks[0].file->file_path;
  TablePtr before = table;
  table = CommitDeletes(table, WritePositionDeletes(table, path, {0, 2}));
  table = AppendRows(table, {{5, 0, "e"}});
  EXPECT_EQ(ScanRows(table), (Rows{{2, 0, "b"}, {4, 0, "d"}, {5, 0, "e"}}));
  EXPECT_EQ(ScanRows(table, Filtered("id <= 2")), (Rows{{2, 0, "b"}}));
  EXPECT_EQ(ScanRows(before).size(), 4u);

  ScanPlanPtr plan = Unwrap(PlanFiles(table, {}));
  EXPECT_EQ(plan->counters.delete_files, 1);
  for (const FileScanTask& task : plan->tasks) {
    bool is_older = task.file->file_path == path;
    EXPECT_EQ(task.position_deletes.size(), is_older ? 1u : 0u);
    if (!is_older) continue;
    EXPECT_EQ(Unwrap(LoadPositionDeletes(*io_, task)), (std::vector<int64_t>{0, 2}));
  }
  // All rows gone.
  table = CommitDeletes(table, WritePositionDeletes(table, path, {1, 3}));
  EXPECT_EQ(ScanRows(table), (Rows{{5, 0, "e"}}));
}

TEST_F(DeletesTest, ReplacingFilesWhoseRowsWereDeletedMeanwhileIsRefused) {
  TablePtr start = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}, {2, 0, "b"}});
  std::string path = Unwrap(PlanFiles(start, {}))->tasks[0].file->file_path;
  TablePtr deleted = CommitDeletes(start, WritePositionDeletes(start, path, {0}));
  ReplaceFiles replace(start, ReplaceFiles::Kind::kReplace);
  replace.Delete(path);
  arrow::Status status = replace.Commit().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict)) << status.ToString();
  EXPECT_EQ(ScanRows(Unwrap(start->Refresh())), (Rows{{2, 0, "b"}}));
}

TEST_F(DeletesTest, WhatCannotBeAppliedIsRefusedByName) {
  TablePtr table = AppendRows(CreateTable(Request(false)), {{1, 0, "a"}});
  std::string path = Unwrap(PlanFiles(table, {}))->tasks[0].file->file_path;
  DataFile equality = WritePositionDeletes(table, path, {0});
  equality.content = FileContent::kEqualityDeletes;
  equality.equality_ids = {99};
  TablePtr with_equality = CommitDeletes(table, equality);
  arrow::Status status = Unwrap(Scan(with_equality, {}))->ToTable().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCorruptData)) << status.ToString();
  EXPECT_THAT(ErrorText(status), HasSubstr("field 99"));
  EXPECT_THAT(ErrorText(status), HasSubstr(path));
  EXPECT_THAT(ErrorText(status), HasSubstr("db.t"));
}

TEST(LiveRanges, SkipsDeletedRows) {
  EXPECT_EQ(LiveRanges(5, {}), (std::vector<RowRange>{{0, 5}}));
  EXPECT_EQ(LiveRanges(5, {0, 1, 4}), (std::vector<RowRange>{{2, 4}}));
  EXPECT_EQ(LiveRanges(5, {2, 9}), (std::vector<RowRange>{{0, 2}, {3, 5}}));
  EXPECT_TRUE(LiveRanges(2, {0, 1}).empty());
}

TEST(DeleteIndex, FollowsSequenceNumbersPartitionsAndPaths) {
  auto make = [](FileContent content, const std::string& path, const std::string& part) {
    auto file = std::make_shared<DataFile>();
    file->content = content;
    file->file_path = path;
    file->spec_id = 1;
    file->partition = {Literal::String(part)};
    return file;
  };
  auto by_path = make(FileContent::kPositionDeletes, "d1", "p");
  by_path->referenced_data_file = "data1";
  auto by_partition = make(FileContent::kPositionDeletes, "d2", "p");
  DeleteIndex index;
  ASSERT_TRUE(index.Add(by_path, 5, false).ok());
  ASSERT_TRUE(index.Add(by_partition, 5, false).ok());
  auto applying = [&](const std::string& path, const std::string& part,
                      int64_t sequence) {
    std::vector<std::string> paths;
    auto data = make(FileContent::kData, path, part);
    const ApplyingDeletes deletes = Unwrap(index.For(*data, sequence));
    for (const auto& file : deletes.positions) paths.push_back(file->file_path);
    for (const auto& file : deletes.equality) paths.push_back(file->file_path);
    return paths;
  };
  EXPECT_THAT(applying("data1", "p", 5), UnorderedElementsAre("d1", "d2"));
  EXPECT_THAT(applying("data2", "p", 5), UnorderedElementsAre("d2"));
  EXPECT_THAT(applying("data2", "q", 5), UnorderedElementsAre());
  EXPECT_THAT(applying("data1", "p", 6), UnorderedElementsAre());

  // An equality delete reaches strictly older files, of all partitions when its own spec
  // has none.
  auto equality = make(FileContent::kEqualityDeletes, "e", "");
  ASSERT_TRUE(index.Add(equality, 5, true).ok());
  auto of_partition = make(FileContent::kEqualityDeletes, "f", "p");
  ASSERT_TRUE(index.Add(of_partition, 5, false).ok());
  EXPECT_THAT(applying("data3", "z", 5), UnorderedElementsAre());
  EXPECT_THAT(applying("data3", "z", 4), UnorderedElementsAre("e"));
  EXPECT_THAT(applying("data2", "p", 4), UnorderedElementsAre("d2", "e", "f"));

  // A deletion vector holds what position deletes of its file do.
  auto vector = make(FileContent::kPositionDeletes, "v", "p");
  vector->file_format = FileFormat::kPuffin;
  EXPECT_TRUE(IsError(index.Add(vector, 7, false), ErrorCode::kCorruptData));
  vector->referenced_data_file = "data1";
  ASSERT_TRUE(index.Add(vector, 7, false).ok());
  EXPECT_THAT(applying("data1", "p", 5), UnorderedElementsAre("v"));
  EXPECT_THAT(applying("data1", "p", 4), UnorderedElementsAre("v", "e", "f"));
  EXPECT_THAT(applying("data1", "p", 8), UnorderedElementsAre());
  ASSERT_TRUE(index.Add(vector, 8, false).ok());
  auto data = make(FileContent::kData, "data1", "p");
  EXPECT_TRUE(IsError(index.For(*data, 5).status(), ErrorCode::kCorruptData));
}

}  // namespace
}  // namespace floe::iceberg
