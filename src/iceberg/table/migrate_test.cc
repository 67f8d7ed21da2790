#include "iceberg/table/migrate.h"

#include <fstream>

#include "arrow/array/builder_binary.h"
#include "arrow/io/memory.h"
#include "arrow/scalar.h"
#include "arrow/table.h"
#include "iceberg/table/test_table.h"
#include "parquet/arrow/writer.h"

namespace floe::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Unwrap;

std::shared_ptr<arrow::Array> Longs(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}
std::shared_ptr<arrow::Array> Ints(const std::vector<int32_t>& values) {
  arrow::Int32Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}
std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

class MigrateTest : public ::testing::Test {
 protected:
  using Columns = std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>;

  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe migrate " + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_ / "data");
    io_ = Unwrap(MakeFileIO({}));
    CatalogConfig config;
    config.uri = "sqlite:///" + (folder_ / "catalog.db").string();
    config.warehouse = (folder_ / "wh").string();
    CatalogRegistry registry;
    RegisterSqlCatalog(registry);
    catalog_ = Unwrap(registry.OpenNew(config, CatalogEnvironment()));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Data() const { return (folder_ / "data").string(); }

  /// A file as any Parquet writer makes it: names, no ids.
  std::string WriteFile(const std::string& name, const Columns& columns) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    std::vector<std::shared_ptr<arrow::Array>> arrays;
    for (const auto& [column, array] : columns) {
      fields.push_back(arrow::field(column, array->type(), false));
      arrays.push_back(array);
    }
    auto table = arrow::Table::Make(arrow::schema(fields), arrays);
    auto sink = Unwrap(arrow::io::BufferOutputStream::Create());
    EXPECT_TRUE(
        parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink).ok());
    auto bytes = Unwrap(sink->Finish());
    std::string location = Data() + "/" + name;
    EXPECT_TRUE(io_->Write(location, std::string_view(*bytes)).ok());
    return location;
  }

  arrow::Result<TablePtr> Migrate(ForeignSchemaOptions options = {},
                                  std::map<std::string, std::string> properties = {}) {
    ARROW_ASSIGN_OR_RAISE(auto files, ListForeignFiles(*io_, {Data()}));
    ARROW_ASSIGN_OR_RAISE(auto description, UniteForeignFiles(*io_, files, options));
    return MigrateFiles(catalog_, {{"db"}, "t"}, files, description, properties, {});
  }

  static std::vector<std::string> Rows(const TablePtr& table,
                                       const ScanOptions& options = {}) {
    auto reader = Unwrap(Scan(table, options));
    auto all = Unwrap(reader->ToTable());
    std::vector<std::string> rows;
    auto batch = Unwrap(all->CombineChunksToBatch());
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      std::string row;
      for (const auto& column : batch->columns()) {
        row += Unwrap(column->GetScalar(i))->ToString() + ";";
      }
      rows.push_back(row);
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::filesystem::path folder_;
  std::shared_ptr<FileIO> io_;
  std::shared_ptr<Catalog> catalog_;
};

TEST_F(MigrateTest, ReadsFilesWhereTheyLie) {
  std::string file =
      WriteFile("a.parquet", {{"id", Longs({1, 2})}, {"s", Texts({"x", "y"})}});
  WriteFile("b.parquet", {{"s", Texts({"z"})}, {"id", Longs({3})}});
  std::ofstream(folder_ / "data/_SUCCESS") << "";
  std::ofstream(folder_ / "data/.hidden.crc") << "";
  TablePtr table = Unwrap(Migrate());
  EXPECT_THAT(Rows(table), ElementsAre("1;x;", "2;y;", "3;z;"));
  EXPECT_TRUE(std::filesystem::exists(file));
  auto plan = Unwrap(PlanFiles(table, ScanOptions()));
  ASSERT_EQ(plan->tasks.size(), 2u);
  EXPECT_EQ(plan->tasks[0].file->file_path, file);
  EXPECT_NE(table->metadata()->Property(NameMapping::kProperty, ""), "");
}

TEST_F(MigrateTest, FootersBoundsLeaveFilesOut) {
  WriteFile("a.parquet", {{"id", Longs({1, 2})}});
  WriteFile("b.parquet", {{"id", Longs({10, 20})}});
  ScanOptions options;
  options.filter = Unwrap(ParsePredicate("id > 5"));
  options.metrics_columns = std::nullopt;
  auto plan = Unwrap(PlanFiles(Unwrap(Migrate()), options));
  ASSERT_EQ(plan->tasks.size(), 1u);
  const ColumnMetrics* metrics = plan->tasks[0].file->FindMetrics(1);
  ASSERT_NE(metrics, nullptr);
  EXPECT_EQ(metrics->value_count, 2);
  EXPECT_EQ(metrics->null_count, 0);
}

TEST_F(MigrateTest, FoldersBecomeIdentityPartitions) {
  WriteFile("day=2026-01-01/region=eu%2Fwest/a.parquet", {{"id", Longs({1})}});
  WriteFile("day=2026-01-02/region=__HIVE_DEFAULT_PARTITION__/a.parquet",
            {{"id", Longs({2})}});
  TablePtr table = Unwrap(Migrate());
  EXPECT_THAT(Rows(table), ElementsAre("1;2026-01-01;eu/west;", "2;2026-01-02;null;"));
  ScanOptions options;
  options.filter = Unwrap(ParsePredicate("day = '2026-01-02'"));
  EXPECT_EQ(Unwrap(PlanFiles(table, options))->tasks.size(), 1u);
}

TEST_F(MigrateTest, PartitionTypesAreGuessedOrGiven) {
  WriteFile("m=01/a.parquet", {{"id", Longs({1})}});
  ForeignSchemaOptions options;
  options.partition_types = {{"m", "string"}};
  EXPECT_THAT(Rows(Unwrap(Migrate(options))), ElementsAre("1;01;"));
  ASSERT_TRUE(catalog_->DropTable({{"db"}, "t"}, false).ok());
  EXPECT_THAT(Rows(Unwrap(Migrate())), ElementsAre("1;1;"));
  options.partition_types = {{"month", "string"}};
  EXPECT_THAT(ErrorText(Migrate(options).status()), HasSubstr("'month'"));
}

TEST_F(MigrateTest, AColumnNamedLikeItsFolderMustSayTheSame) {
  WriteFile("k=1/a.parquet", {{"id", Longs({1})}, {"k", Longs({1})}});
  EXPECT_THAT(Rows(Unwrap(Migrate())), ElementsAre("1;1;"));
  ASSERT_TRUE(catalog_->DropTable({{"db"}, "t"}, false).ok());
  WriteFile("k=2/b.parquet", {{"id", Longs({2})}, {"k", Longs({3})}});
  arrow::Status status = Migrate().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(status), HasSubstr("b.parquet"));
  EXPECT_FALSE(Unwrap(catalog_->TableExists({{"db"}, "t"})));
}

TEST_F(MigrateTest, UnitesWhatIcebergCanPromote) {
  WriteFile("a.parquet", {{"id", Ints({1})}});
  WriteFile("b.parquet", {{"id", Longs({2})}, {"s", Texts({"x"})}});
  EXPECT_THAT(Rows(Unwrap(Migrate())), ElementsAre("1;null;", "2;x;"));
}

TEST_F(MigrateTest, RefusesByTheFilesName) {
  WriteFile("a.parquet", {{"id", Longs({1})}});
  std::string odd = WriteFile("b.parquet", {{"id", Texts({"x"})}});
  arrow::Status status = Migrate().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument));
  EXPECT_THAT(ErrorText(status), HasSubstr(odd));
  EXPECT_THAT(ErrorText(status), HasSubstr("'id'"));

  std::filesystem::rename(odd, folder_ / "data/b.csv");
  EXPECT_THAT(ErrorText(Migrate().status()), HasSubstr("b.csv"));
  std::filesystem::remove(folder_ / "data/b.csv");

  WriteFile("p=1/c.parquet", {{"id", Longs({1})}});
  EXPECT_THAT(ErrorText(Migrate().status()), HasSubstr("c.parquet"));
  std::filesystem::remove_all(folder_ / "data/p=1");

  std::ofstream(folder_ / "data/d.parquet") << "no parquet";
  status = Migrate().status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCorruptData)) << status.ToString();
  EXPECT_THAT(ErrorText(status), HasSubstr("d.parquet"));
  EXPECT_TRUE(IsError(ListForeignFiles(*io_, {Data() + "/none"}).status(),
                      ErrorCode::kNoSuchFile));
}

TEST_F(MigrateTest, NanosecondsNeedADecision) {
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::NANO),
                                  arrow::default_memory_pool());
  ASSERT_TRUE(builder.Append(1'500).ok());
  WriteFile("a.parquet", {{"ts", *builder.Finish()}});
  arrow::Status refused = Migrate().status();
  EXPECT_TRUE(IsError(refused, ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(refused), HasSubstr("'ts'"));
  ForeignSchemaOptions options;
  options.nanoseconds = NanosecondUse::kTruncate;
  EXPECT_THAT(Rows(Unwrap(Migrate(options))), ElementsAre("1970-01-01 00:00:00.000001;"));
  ASSERT_TRUE(catalog_->DropTable({{"db"}, "t"}, false).ok());
  options.nanoseconds = NanosecondUse::kKeep;
  EXPECT_THAT(Rows(Unwrap(Migrate(options))),
              ElementsAre("1970-01-01 00:00:00.000001500;"));
}

TEST_F(MigrateTest, IcebergsOwnFilesAreNotTakenOver) {
  WriteFile("a.parquet", {{"id", Longs({1})}});
  TablePtr table = Unwrap(Migrate());
  auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64())}), 1, {Longs({5})});
  auto reader = Unwrap(arrow::RecordBatchReader::Make({batch}));
  table = Unwrap(AppendBatches(table, *reader));
  EXPECT_THAT(Rows(table), ElementsAre("1;", "5;"));
  auto files = Unwrap(ListForeignFiles(*io_, {table->location() + "/data"}));
  EXPECT_THAT(ErrorText(UniteForeignFiles(*io_, files, {}).status()),
              HasSubstr("floe register"));
}

TEST_F(MigrateTest, AddsToATableOnce) {
  WriteFile("a.parquet", {{"id", Longs({1})}});
  TablePtr table = Unwrap(Migrate());
  std::string more = WriteFile("b.parquet", {{"id", Longs({2})}});
  auto files = Unwrap(ListForeignFiles(*io_, {more}));
  table = Unwrap(AddForeignFiles(table, files, {}));
  EXPECT_THAT(Rows(table), ElementsAre("1;", "2;"));
  EXPECT_TRUE(
      IsError(AddForeignFiles(table, files, {}).status(), ErrorCode::kAlreadyExists));
  std::string wider = WriteFile("c.parquet", {{"id", Longs({2})}, {"n", Longs({1})}});
  arrow::Status status =
      AddForeignFiles(table, Unwrap(ListForeignFiles(*io_, {wider})), {}).status();
  EXPECT_THAT(ErrorText(status), HasSubstr("'n'"));
  std::string other = WriteFile("d.parquet", {{"id", Texts({"x"})}});
  status = AddForeignFiles(table, Unwrap(ListForeignFiles(*io_, {other})), {}).status();
  EXPECT_THAT(ErrorText(status), HasSubstr("d.parquet"));
  WriteFile("x=1/c.parquet", {{"id", Longs({2})}});
  std::filesystem::create_directories(folder_ / "parted");
  std::filesystem::rename(folder_ / "data/x=1", folder_ / "parted/x=1");
  auto parted = Unwrap(ListForeignFiles(*io_, {(folder_ / "parted").string()}));
  EXPECT_THAT(ErrorText(AddForeignFiles(table, parted, {}).status()),
              HasSubstr("key=value folders"));
}

}  // namespace
}  // namespace floe::iceberg
