#include "iceberg/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/catalog/metadata_file.h"
#include "iceberg/catalog/table_update.h"

namespace floe::iceberg {
namespace {

using ::testing::HasSubstr;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

SchemaPtr TwoColumns() {
  return Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long()),
                              NestedField::Optional(2, "ts", Type::TimestampTz())}));
}

TableMetadata NewTable() {
  CreateTableRequest request;
  request.schema = TwoColumns();
  request.spec.fields = {{2, 0, "ts_day", Transform::Day()}};
  return Unwrap(NewTableMetadata(request, "/wh/t/", "uuid-1", 1000));
}

TableUpdate Add(int64_t id, int64_t sequence_number, int64_t at_ms,
                std::optional<int64_t> parent = std::nullopt) {
  Snapshot snapshot;
  snapshot.snapshot_id = id;
  snapshot.sequence_number = sequence_number;
  snapshot.timestamp_ms = at_ms;
  snapshot.parent_snapshot_id = parent;
  snapshot.manifest_list = "/wh/t/metadata/snap.avro";
  return update::AddSnapshot{snapshot};
}

TableUpdate Main(int64_t id) {
  SnapshotRef ref;
  ref.snapshot_id = id;
  return update::SetSnapshotRef{kMainBranch, ref};
}

TEST(TableIdentifier, SplitsAtDots) {
  TableIdentifier table = Unwrap(TableIdentifier::Parse("a.b.c"));
  EXPECT_EQ(table.levels, (Namespace{"a", "b"}));
  EXPECT_EQ(table.name, "c");
  EXPECT_EQ(table.ToString(), "a.b.c");
  for (const char* bad : {"", "t", ".t", "a.", "a..t"}) {
    EXPECT_FALSE(TableIdentifier::Parse(bad).ok()) << bad;
  }
}

TEST(MetadataVersion, ReadsBothNamings) {
  EXPECT_EQ(MetadataVersion("s3://b/t/metadata/00012-abc.metadata.json"), 12);
  EXPECT_EQ(MetadataVersion("/t/v7.metadata.json"), 7);
  EXPECT_EQ(MetadataVersion("/t/00012"), -1);
  EXPECT_EQ(MetadataVersion("/t/current.json"), -1);
}

TEST(NewTableMetadata, AssignsIdsAndTrimsTheLocation) {
  TableMetadata table = NewTable();
  EXPECT_EQ(table.location, "/wh/t");
  EXPECT_EQ(table.last_column_id, 2);
  EXPECT_EQ(table.default_spec().fields[0].field_id, 1000);
  EXPECT_EQ(table.last_partition_id, 1000);
  EXPECT_EQ(table.sort_orders.size(), 1u);
}

TEST(NewTableMetadata, RefusesWhatNoTableCanHave) {
  CreateTableRequest request;
  request.schema = TwoColumns();
  auto refused = [&] { return NewTableMetadata(request, "/t", "u", 1).status(); };
  request.spec.fields = {{9, 0, "x", Transform::Day()}};
  EXPECT_THAT(ErrorText(refused()), HasSubstr("field id 9"));
  request.spec.fields = {{1, 0, "x", Transform::Day()}};
  EXPECT_FALSE(refused().ok());
  request.spec.fields = {{2, 0, "id", Transform::Day()}};
  EXPECT_THAT(ErrorText(refused()), HasSubstr("has the name of a column"));
  request.spec.fields = {{1, 0, "a", Transform::Bucket(4)},
                         {2, 0, "a", Transform::Day()}};
  EXPECT_THAT(ErrorText(refused()), HasSubstr("two partition fields"));
  request.spec.fields.clear();
  request.format_version = 4;
  EXPECT_TRUE(IsError(refused(), ErrorCode::kNotSupported));
}

TEST(AddedIds, AreThoseOfEqualOnesOrTheNext) {
  const TableMetadata base = NewTable();
  EXPECT_EQ(AddedSchemaId(base, *TwoColumns()), 0);
  const SchemaPtr other =
      Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long())}));
  EXPECT_EQ(AddedSchemaId(base, *other), 1);
  EXPECT_EQ(Unwrap(AddedSpec(base, base.default_spec())).spec_id, 0);
  PartitionSpec spec;
  spec.fields = {{1, 0, "bucket", Transform::Bucket(4)}, {2, 0, "day", Transform::Day()}};
  spec = Unwrap(AddedSpec(base, spec));
  EXPECT_EQ(spec.spec_id, 1);
  EXPECT_EQ(spec.fields[0].field_id, 1001);
  EXPECT_EQ(spec.fields[1].field_id, 1000);
  EXPECT_EQ(AddedSortOrderId(base, SortOrder()), SortOrder::kUnsortedId);
  SortOrder by_id;
  by_id.fields = {
      {1, Transform::Identity(), SortDirection::kAscending, NullOrder::kNullsFirst}};
  EXPECT_EQ(AddedSortOrderId(base, by_id), 1);
}

TEST(ApplyUpdates, KeepsLogsAndSequenceNumbers) {
  TableMetadata base = NewTable();
  TableMetadata one =
      Unwrap(ApplyUpdates(base, "/wh/t/m0.json", {Add(11, 1, 2000), Main(11)}, 2000));
  EXPECT_EQ(one.current_snapshot_id, 11);
  EXPECT_EQ(one.last_sequence_number, 1);
  EXPECT_EQ(one.snapshot_log.size(), 1u);
  EXPECT_EQ(one.metadata_log.size(), 1u);
  EXPECT_EQ(one.last_updated_ms, 2000);
  EXPECT_TRUE(IsError(ApplyUpdates(one, "m", {Add(12, 1, 2500, 11)}, 2500).status(),
                      ErrorCode::kCommitConflict));
  EXPECT_FALSE(ApplyUpdates(one, "m", {Add(11, 2, 2500, 11)}, 2500).ok());
  EXPECT_FALSE(ApplyUpdates(one, "m", {Main(99)}, 2500).ok());

  // A clock that went back does not make history run back.
  TableMetadata two =
      Unwrap(ApplyUpdates(one, "m1", {Add(12, 2, 2000, 11), Main(12)}, 500));
  EXPECT_EQ(two.last_updated_ms, 2000);

  TableMetadata cut = Unwrap(ApplyUpdates(two, "m2", {update::RemoveSnapshots{{11}}}, 1));
  EXPECT_EQ(cut.snapshots.size(), 1u);
  ASSERT_EQ(cut.snapshot_log.size(), 1u);
  EXPECT_EQ(cut.snapshot_log[0].snapshot_id, 12);
}

TEST(ApplyUpdates, BoundsTheMetadataLog) {
  TableMetadata table = NewTable();
  table.properties["write.metadata.previous-versions-max"] = "2";
  for (int i = 0; i < 4; ++i) {
    table = Unwrap(ApplyUpdates(table, fmt::format("m{}", i),
                                {update::SetProperties{{{"k", "v"}}}}, 1000 + i));
  }
  ASSERT_EQ(table.metadata_log.size(), 2u);
  EXPECT_EQ(table.metadata_log[0].metadata_file, "m2");
  table.properties["write.metadata.previous-versions-max"] = "many";
  EXPECT_TRUE(
      IsError(ApplyUpdates(table, "m", {}, 1).status(), ErrorCode::kInvalidConfig));
}

TEST(ApplyUpdates, ReusesEqualSchemasAndSpecs) {
  TableMetadata base = NewTable();
  PartitionSpec same;
  same.fields = {{2, 0, "ts_day", Transform::Day()}};
  PartitionSpec other;
  other.fields = {{2, 0, "ts_day", Transform::Day()}, {1, 0, "b", Transform::Bucket(8)}};
  TableMetadata changed = Unwrap(ApplyUpdates(
      base, "m", {update::AddSchema{TwoColumns()}, update::AddSpec{same}}, 1));
  EXPECT_EQ(changed.schemas.size(), 1u);
  EXPECT_EQ(changed.partition_specs.size(), 1u);
  changed = Unwrap(
      ApplyUpdates(base, "m", {update::AddSpec{other}, update::SetDefaultSpec{}}, 1));
  EXPECT_EQ(changed.default_spec_id, 1);
  EXPECT_EQ(changed.default_spec().fields[0].field_id, 1000);
  EXPECT_EQ(changed.default_spec().fields[1].field_id, 1001);
}

TEST(CheckRequirements, NamesWhatChanged) {
  TableMetadata table = NewTable();
  auto check = [&](TableRequirement required) {
    return CheckRequirements(&table, {std::move(required)});
  };
  EXPECT_TRUE(check(requirement::AssertTableUuid{"uuid-1"}).ok());
  EXPECT_TRUE(check(requirement::AssertRefSnapshotId{kMainBranch, std::nullopt}).ok());
  arrow::Status status = check(requirement::AssertRefSnapshotId{kMainBranch, 5});
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict));
  EXPECT_THAT(ErrorText(status), HasSubstr("none"));
  EXPECT_FALSE(check(requirement::AssertTableUuid{"uuid-2"}).ok());
  EXPECT_FALSE(check(requirement::AssertCreate{}).ok());
  EXPECT_TRUE(CheckRequirements(nullptr, {requirement::AssertCreate{}}).ok());
  EXPECT_FALSE(CheckRequirements(nullptr, {requirement::AssertTableUuid{"u"}}).ok());
}

TEST(ShownUri, HoldsNoPassword) {
  EXPECT_EQ(ShownUri("postgresql://u:p%40s@h:5432/d?sslmode=require"),
            "postgresql://u:***@h:5432/d?sslmode=require");
  EXPECT_EQ(ShownUri("jdbc:mysql://h/d?user=u&password=p&x=1"),
            "jdbc:mysql://h/d?user=u&password=***&x=1");
  EXPECT_EQ(ShownUri("sqlite:////data/a@b.db"), "sqlite:////data/a@b.db");
  EXPECT_EQ(ShownUri("https://h/v1?access_token=t"), "https://h/v1?access_token=***");
  EXPECT_EQ(ShownUri(""), "");
}

}  // namespace
}  // namespace floe::iceberg
