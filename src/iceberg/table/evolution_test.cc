#include "iceberg/table/test_table.h"
#include "iceberg/table/update_schema.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using Rows = std::vector<TestRow>;

class EvolutionTest : public TableTest {
 protected:
  TablePtr NestedTable(int format_version) {
    TypePtr point = Type::Struct({NestedField::Optional(10, "x", Type::Int()),
                                  NestedField::Required(11, "y", Type::Float())});
    CreateTableRequest request;
    request.format_version = format_version;
    request.schema = Unwrap(Schema::Make(
        {NestedField::Required(1, "id", Type::Long()),
         NestedField::Optional(2, "p", point),
         NestedField::Optional(
             3, "l",
             Type::List(NestedField::Optional(
                 4, "element",
                 Type::Struct({NestedField::Optional(12, "z", Type::Int())})))),
         NestedField::Optional(
             5, "m",
             Type::Map(NestedField::Required(6, "key", Type::String()),
                       NestedField::Optional(7, "value", Type::Int())))}));
    return CreateTable(request);
  }

  static ErrorCode Fails(UpdateSchema& update) {
    auto result = update.Commit();
    EXPECT_FALSE(result.ok());
    return ErrorCodeOf(result.status());
  }
};

TEST_F(EvolutionTest, ColumnsChangeAtAnyDepth) {
  TablePtr table = NestedTable(2);
  UpdateSchema update(table);
  update.AddColumn({.parent = "p", .name = "label", .type = Type::String()})
      .AddColumn({.parent = "l", .name = "w", .type = Type::Long()})
      .WidenColumn("p.x", Type::Long())
      .RenameColumn("p.x", "ex")
      .WidenColumn("m.value", Type::Long())
      .DropColumn("l.element.z")
      .MoveFirst("p.label")
      .MoveAfter("m", "id")
      .SetDoc("p.ex", "east")
      .MakeOptional("p.y");
  TablePtr changed = Unwrap(update.Commit());
  const Schema& schema = *changed->schema();
  EXPECT_EQ(schema.ColumnNames(), (std::vector<std::string>{"id", "m", "p", "l"}));
  EXPECT_EQ(schema.FindField("p.ex")->id, 10);
  EXPECT_EQ(schema.FindField("p.ex")->type->id(), TypeId::kLong);
  EXPECT_EQ(schema.FindField("p.ex")->doc, "east");
  EXPECT_EQ(schema.FindField("p")->type->fields()[0].name, "label");
  EXPECT_EQ(schema.FindField("p.label")->id, 13);
  EXPECT_EQ(schema.FindField("l.element.w")->id, 14);
  EXPECT_EQ(schema.FindField("l.element.z"), nullptr);
  EXPECT_EQ(schema.FindField("m.value")->type->id(), TypeId::kLong);
  EXPECT_FALSE(schema.FindField("p.y")->required);
}

TEST_F(EvolutionTest, ChangesThatCannotBeMadeSayWhy) {
  TablePtr table = NestedTable(2);
  EXPECT_EQ(Fails(UpdateSchema(table).DropColumn("p.q")), ErrorCode::kNoSuchColumn);
  EXPECT_EQ(Fails(UpdateSchema(table).RenameColumn("p.x", "y")),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(Fails(UpdateSchema(table).WidenColumn("id", Type::Int())),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(Fails(UpdateSchema(table).DropColumn("m.key")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Fails(UpdateSchema(table).MoveAfter("p.x", "id")),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(Fails(UpdateSchema(table).SetIdentifierColumns({"p.y"})),
            ErrorCode::kInvalidArgument);
  NewColumn required{.name = "r", .type = Type::Int(), .required = true};
  EXPECT_EQ(Fails(UpdateSchema(table).AddColumn(required)), ErrorCode::kInvalidArgument);
  NewColumn with_default{
      .name = "d", .type = Type::Int(), .default_value = Literal::Int(3)};
  EXPECT_EQ(Fails(UpdateSchema(table).AddColumn(with_default)), ErrorCode::kNotSupported);
  TablePtr named = Unwrap(UpdateSchema(table).SetIdentifierColumns({"id"}).Commit());
  EXPECT_EQ(named->schema()->identifier_field_ids(), (std::vector<int32_t>{1}));
  EXPECT_EQ(Fails(UpdateSchema(named).DropColumn("id")), ErrorCode::kInvalidArgument);
}

TEST_F(EvolutionTest, DefaultsFillOldAndNewRows) {
  CreateTableRequest request = Request(false);
  request.format_version = 3;
  TablePtr table = AppendRows(CreateTable(request), {{1, 0, "a"}});
  NewColumn column{.name = "n",
                   .type = Type::Long(),
                   .required = true,
                   .default_value = Literal::Int(7)};
  table = Unwrap(UpdateSchema(table).AddColumn(column).Commit());
  table = AppendRows(table, {{2, 0, "b"}});
  table = Unwrap(UpdateSchema(table).SetWriteDefault("n", Literal::Long(9)).Commit());
  table = AppendRows(table, {{3, 0, "c"}});
  std::map<int64_t, int64_t> values;
  auto reader = Unwrap(Scan(table, {}));
  while (auto batch = Unwrap(reader->Next())) {
    auto ids = std::static_pointer_cast<arrow::Int64Array>(batch->GetColumnByName("id"));
    auto n = std::static_pointer_cast<arrow::Int64Array>(batch->GetColumnByName("n"));
    for (int64_t i = 0; i < batch->num_rows(); ++i) values[ids->Value(i)] = n->Value(i);
  }
  EXPECT_EQ(values, (std::map<int64_t, int64_t>{{1, 7}, {2, 7}, {3, 9}}));
}

TEST_F(EvolutionTest, SpecsEvolveAndReuseIds) {
  TablePtr table = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}});
  UpdateSpec change(table);
  change.RemoveField("ts_day").AddField("id", Transform::Bucket(4));
  table = Unwrap(change.Commit());
  const PartitionSpec& bucketed = table->metadata()->default_spec();
  EXPECT_EQ(bucketed.spec_id, 1);
  ASSERT_EQ(bucketed.fields.size(), 1u);
  EXPECT_EQ(bucketed.fields[0].name, "id_bucket_4");
  EXPECT_EQ(bucketed.fields[0].field_id, 1001);
  table = AppendRows(table, {{3, 1, "c"}});
  EXPECT_EQ(ScanRows(table).size(), 3u);
  UpdateSpec back(table);
  back.RemoveField("id_bucket_4").AddField("ts", Transform::Day(), "ts_day");
  table = Unwrap(back.Commit());
  EXPECT_EQ(table->metadata()->default_spec_id, 0);
  EXPECT_EQ(ErrorCodeOf(UpdateSpec(table).RemoveField("ts_dat").Commit().status()),
            ErrorCode::kNoSuchColumn);
  EXPECT_EQ(
      ErrorCodeOf(UpdateSpec(table).AddField("ts", Transform::Day()).Commit().status()),
      ErrorCode::kAlreadyExists);
}

TEST_F(EvolutionTest, RemovedFieldsOfFormat1StayAsVoid) {
  CreateTableRequest request = Request(true);
  request.format_version = 1;
  TablePtr table = AppendRows(CreateTable(request), {{1, 0, "a"}});
  table = Unwrap(UpdateSpec(table).RemoveField("ts_day").Commit());
  ASSERT_EQ(table->metadata()->default_spec().fields.size(), 1u);
  EXPECT_EQ(table->metadata()->default_spec().fields[0].transform, Transform::Void());
  EXPECT_EQ(ScanRows(AppendRows(table, {{2, 1, "b"}})).size(), 2u);
}

TEST_F(EvolutionTest, FilesAreSortedAsTheTableSays) {
  TablePtr table = CreateTable(Request(false));
  SortColumn by_name{.column = "name",
                     .direction = SortDirection::kDescending,
                     .null_order = NullOrder::kNullsLast};
  SortColumn by_bucket{.column = "id", .transform = Transform::Bucket(2)};
  SortColumn by_id{.column = "id"};
  table = Unwrap(ReplaceSortOrder(table, {by_name, by_bucket, by_id}));
  Rows rows;
  for (int i = 0; i < 50; ++i) {
    std::optional<std::string> name;
    if (i % 5 != 0) name = std::string(1, static_cast<char>('a' + i % 3));
    rows.push_back({(i * 37) % 50, 0, name});
  }
  table = AppendRows(table, rows);
  auto plan = Unwrap(PlanFiles(table, {}));
  ASSERT_EQ(plan->tasks.size(), 1u);
  EXPECT_EQ(plan->tasks[0].file->sort_order_id, 1);
  auto reader = Unwrap(Scan(table, {}));
  Rows written = ReadRows(*reader);
  ASSERT_EQ(written.size(), rows.size());
  auto bucket = [](const TestRow& row) {
    return Unwrap(Transform::Bucket(2).Apply(Literal::Long(row.id))).as<int32_t>();
  };
  for (size_t i = 1; i < written.size(); ++i) {
    const TestRow& a = written[i - 1];
    const TestRow& b = written[i];
    if (a.name != b.name) {
      EXPECT_TRUE(a.name.has_value());
      EXPECT_TRUE(!b.name || *a.name > *b.name);
    } else if (bucket(a) != bucket(b)) {
      EXPECT_LT(bucket(a), bucket(b));
    } else {
      EXPECT_LT(a.id, b.id);
    }
  }
}

}  // namespace
}  // namespace floe::iceberg
