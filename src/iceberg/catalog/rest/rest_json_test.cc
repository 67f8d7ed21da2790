#include "iceberg/catalog/rest/rest_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/catalog/rest/commit_outcome.h"
#include "iceberg/catalog/rest/content_file_json.h"
#include "iceberg/catalog/rest/predicate_json.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;

SchemaPtr TestSchema() {
  return *Schema::Make({NestedField::Required(1, "id", Type::Long()),
                        NestedField::Optional(2, "d", Type::Date())},
                       3, {1});
}

// Texts as the specification's component schemas give them.
TEST(RestJson, WritesEveryUpdate) {
  Snapshot snapshot;
  snapshot.snapshot_id = 7;
  snapshot.parent_snapshot_id = 6;
  snapshot.sequence_number = 2;
  snapshot.timestamp_ms = 1000;
  snapshot.manifest_list = "s3://b/l.avro";
  snapshot.summary = {{"operation", "append"}};
  snapshot.schema_id = 0;
  PartitionSpec spec;
  spec.spec_id = 1;
  spec.fields = {{2, 1000, "d_day", Transform::Day()}};
  SortOrder order;
  order.order_id = 1;
  order.fields = {
      {1, Transform::Identity(), SortDirection::kAscending, NullOrder::kNullsFirst}};
  const std::vector<std::pair<TableUpdate, const char*>> cases = {
      {update::AssignUuid{"u"}, R"({"action":"assign-uuid","uuid":"u"})"},
      {update::UpgradeFormatVersion{3},
       R"({"action":"upgrade-format-version","format-version":3})"},
      {update::AddSchema{TestSchema()},
       R"({"action":"add-schema","last-column-id":2,"schema":{"type":"struct","schema-id":3,
           "identifier-field-ids":[1],"fields":[
           {"id":1,"name":"id","required":true,"type":"long"},
           {"id":2,"name":"d","required":false,"type":"date"}]}})"},
      {update::SetCurrentSchema{}, R"({"action":"set-current-schema","schema-id":-1})"},
      {update::AddSpec{spec},
       R"({"action":"add-spec","spec":{"spec-id":1,"fields":[
           {"source-id":2,"field-id":1000,"name":"d_day","transform":"day"}]}})"},
      {update::SetDefaultSpec{}, R"({"action":"set-default-spec","spec-id":-1})"},
      {update::AddSortOrder{order},
       R"({"action":"add-sort-order","sort-order":{"order-id":1,"fields":[
           {"transform":"identity","source-id":1,"direction":"asc","null-order":"nulls-first"}]}})"},
      {update::SetDefaultSortOrder{},
       R"({"action":"set-default-sort-order","sort-order-id":-1})"},
      {update::AddSnapshot{snapshot},
       R"({"action":"add-snapshot","snapshot":{"snapshot-id":7,"parent-snapshot-id":6,
           "sequence-number":2,"timestamp-ms":1000,"manifest-list":"s3://b/l.avro",
           "summary":{"operation":"append"},"schema-id":0}})"},
      {update::SetSnapshotRef{"main", {7, RefType::kBranch, 2, 3, 4}},
       R"({"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":7,
           "min-snapshots-to-keep":2,"max-snapshot-age-ms":3,"max-ref-age-ms":4})"},
      {update::RemoveSnapshots{{1, 2}},
       R"({"action":"remove-snapshots","snapshot-ids":[1,2]})"},
      {update::RemoveSnapshotRef{"t"},
       R"({"action":"remove-snapshot-ref","ref-name":"t"})"},
      {update::SetProperties{{{"k", "v"}}},
       R"({"action":"set-properties","updates":{"k":"v"}})"},
      {update::RemoveProperties{{"k"}},
       R"({"action":"remove-properties","removals":["k"]})"},
      {update::SetLocation{"s3://b/t"},
       R"({"action":"set-location","location":"s3://b/t"})"},
      {update::SetStatistics{7, R"({"snapshot-id":7,"statistics-path":"p"})"},
       R"({"action":"set-statistics","snapshot-id":7,
           "statistics":{"snapshot-id":7,"statistics-path":"p"}})"},
      {update::RemoveStatistics{7}, R"({"action":"remove-statistics","snapshot-id":7})"},
      {update::SetPartitionStatistics{7, R"({"snapshot-id":7})"},
       R"({"action":"set-partition-statistics","partition-statistics":{"snapshot-id":7}})"},
      {update::RemovePartitionStatistics{7},
       R"({"action":"remove-partition-statistics","snapshot-id":7})"},
      {update::RemoveSchemas{{1}}, R"({"action":"remove-schemas","schema-ids":[1]})"},
      {update::RemovePartitionSpecs{{1}},
       R"({"action":"remove-partition-specs","spec-ids":[1]})"},
  };
  EXPECT_EQ(cases.size(), std::variant_size_v<TableUpdate>);
  for (const auto& [change, text] : cases) {
    EXPECT_EQ(*TableUpdateToJson(change), json::parse(text)) << text;
  }
  EXPECT_FALSE(TableUpdateToJson(update::SetStatistics{7, "{"}).ok());
}

TEST(RestJson, WritesEveryRequirement) {
  const std::vector<std::pair<TableRequirement, const char*>> cases = {
      {requirement::AssertCreate{}, R"({"type":"assert-create"})"},
      {requirement::AssertTableUuid{"u"}, R"({"type":"assert-table-uuid","uuid":"u"})"},
      {requirement::AssertRefSnapshotId{"main", 7},
       R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":7})"},
      {requirement::AssertRefSnapshotId{"main", std::nullopt},
       R"({"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null})"},
      {requirement::AssertLastAssignedFieldId{2},
       R"({"type":"assert-last-assigned-field-id","last-assigned-field-id":2})"},
      {requirement::AssertCurrentSchemaId{2},
       R"({"type":"assert-current-schema-id","current-schema-id":2})"},
      {requirement::AssertLastAssignedPartitionId{2},
       R"({"type":"assert-last-assigned-partition-id","last-assigned-partition-id":2})"},
      {requirement::AssertDefaultSpecId{2},
       R"({"type":"assert-default-spec-id","default-spec-id":2})"},
      {requirement::AssertDefaultSortOrderId{2},
       R"({"type":"assert-default-sort-order-id","default-sort-order-id":2})"},
  };
  for (const auto& [required, text] : cases) {
    EXPECT_EQ(TableRequirementToJson(required), json::parse(text)) << text;
  }
}

TEST(RestJson, WritesPredicatesThatLetNoRowBeLost) {
  const SchemaPtr schema = *Schema::Make({NestedField::Optional(1, "id", Type::Long()),
                                          NestedField::Optional(2, "d", Type::Date()),
                                          NestedField::Optional(3, "b", Type::Binary())});
  const auto text_of = [&](const PredicatePtr& predicate) {
    return PredicateToJson(**Bind(predicate, *schema), *schema);
  };
  const auto parsed =
      *ParsePredicate("NOT (id < 3 OR d IN ('2026-01-02', '2026-01-03'))");
  EXPECT_EQ(text_of(parsed),
            json::parse(
                R"({"type":"and","left":{"type":"gt-eq","term":"id","value":3},
                    "right":{"type":"not-in","term":"d","values":["2026-01-02","2026-01-03"]}})"));
  const auto binary =
      Predicate::Compare(Predicate::Op::kEqual, "b", Literal::Binary("x"));
  EXPECT_EQ(text_of(Predicate::Not(binary)), json(true));
  EXPECT_EQ(text_of(Predicate::And(binary, *ParsePredicate("id IS NULL"))),
            json::parse(
                R"({"type":"and","left":true,"right":{"type":"is-null","term":"id"}})"));
}

TEST(RestJson, ReadsContentFilesOfOlderAndNewerServers) {
  CreateTableRequest request;
  request.schema = TestSchema();
  request.spec.fields = {{2, 0, "d", Transform::Identity()}};
  const TableMetadata metadata = *NewTableMetadata(request, "s3://b/t", "u", 0);
  const auto newer = ContentFileFromJson(
      json::parse(R"({"content":"data","file-path":"s3://b/f","file-format":"parquet",
          "spec-id":0,"partition":["2026-01-02"],"record-count":3,"file-size-in-bytes":9})"),
      metadata, *metadata.schema());
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(newer->partition[0].ToString(), "2026-01-02");
  const auto older = ContentFileFromJson(
      json::parse(
          R"({"content":"POSITION_DELETES","file-path":"s3://b/f","file-format":"PUFFIN",
          "spec-id":0,"partition":{"1000":null},"record-count":3,"file-size-in-bytes":9,
          "content-offset":4,"content-size-in-bytes":5})"),
      metadata, *metadata.schema());
  ASSERT_TRUE(older.ok()) << older.status();
  EXPECT_EQ(older->content, FileContent::kPositionDeletes);
  EXPECT_EQ(older->content_offset, 4);
  EXPECT_TRUE(older->partition[0].is_null());
  const auto none = ContentFileFromJson(json::parse(R"({"file-path":"s3://b/f"})"),
                                        metadata, *metadata.schema());
  EXPECT_TRUE(IsError(none.status(), ErrorCode::kCorruptData));
  EXPECT_THAT(ErrorText(none.status()), testing::HasSubstr("s3://b/f"));
}

Snapshot SnapshotOf(int64_t id, int64_t sequence_number) {
  Snapshot snapshot;
  snapshot.snapshot_id = id;
  snapshot.sequence_number = sequence_number;
  return snapshot;
}

TEST(CommitOutcome, TellsLandedFromLostFromUnknown) {
  CreateTableRequest request;
  request.schema = TestSchema();
  TableMetadata now = *NewTableMetadata(request, "s3://b/t", "u", 0);
  now.snapshots = {SnapshotOf(1, 1), SnapshotOf(2, 2)};
  now.properties = {{"k", "v"}};
  const auto outcome = [&](std::vector<TableUpdate> updates) {
    return OutcomeOfCommit(now, updates);
  };
  EXPECT_EQ(outcome({update::AddSnapshot{SnapshotOf(2, 2)}}), CommitOutcome::kLanded);
  EXPECT_EQ(outcome({update::AddSnapshot{SnapshotOf(3, 2)}}), CommitOutcome::kLost);
  EXPECT_EQ(outcome({update::AddSnapshot{SnapshotOf(3, 3)}}), CommitOutcome::kUnknown);
  // In V1 tables every number is 0 and tells nothing.
  EXPECT_EQ(outcome({update::AddSnapshot{SnapshotOf(3, 0)}}), CommitOutcome::kUnknown);
  EXPECT_EQ(outcome({update::SetProperties{{{"k", "v"}}}}), CommitOutcome::kLanded);
  EXPECT_EQ(outcome({update::SetProperties{{{"k", "w"}}}}), CommitOutcome::kUnknown);
  EXPECT_EQ(outcome({update::RemoveProperties{{"x"}}, update::RemoveProperties{{"k"}}}),
            CommitOutcome::kUnknown);
  EXPECT_EQ(outcome({update::AddSchema{TestSchema()}, update::SetCurrentSchema{}}),
            CommitOutcome::kLanded);
  const SchemaPtr other =
      *Schema::Make({NestedField::Required(1, "id", Type::Long())}, 1);
  EXPECT_EQ(outcome({update::AddSchema{other}, update::SetCurrentSchema{}}),
            CommitOutcome::kUnknown);
}

}  // namespace
}  // namespace floe::iceberg
