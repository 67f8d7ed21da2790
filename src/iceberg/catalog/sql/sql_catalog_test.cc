#include "iceberg/catalog/sql/sql_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/request_counters.h"
#include "iceberg/catalog/sql/sql_connection.h"

namespace floe::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Pair;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

arrow::Result<std::unique_ptr<SqlConnection>> OpenSqlite(
    const std::string& path, int busy_timeout_seconds = kSqliteBusyTimeoutSeconds) {
  SqlAddress address;
  address.path = path;
  return SqlConnection::Open(MakeSqliteDialect(address, busy_timeout_seconds));
}

class SqlCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe sql " + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path() const { return (folder_ / "catalog.db").string(); }

  CatalogConfig Config() const {
    CatalogConfig config;
    config.uri = "sqlite:///" + Path();
    config.warehouse = (folder_ / "wh").string();
    return config;
  }

  static std::shared_ptr<Catalog> Open(const CatalogConfig& config) {
    CatalogRegistry registry;
    RegisterSqlCatalog(registry);
    return Unwrap(registry.OpenNew(config, CatalogEnvironment()));
  }

  static CreateTableRequest Request() {
    CreateTableRequest request;
    request.schema =
        Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long()),
                             NestedField::Optional(2, "v", Type::Double())}));
    return request;
  }

  std::filesystem::path folder_;
};

TEST_F(SqlCatalogTest, KeepsNamespacesByLevel) {
  auto catalog = Open(Config());
  ASSERT_TRUE(catalog->CreateNamespace({"a", "b"}, {{"owner", "x"}}).ok());
  ASSERT_TRUE(catalog->CreateNamespace({"ab"}, {}).ok());
  EXPECT_THAT(Unwrap(catalog->ListNamespaces({})),
              ElementsAre(Namespace{"a"}, Namespace{"ab"}));
  EXPECT_THAT(Unwrap(catalog->ListNamespaces({"a"})), ElementsAre(Namespace{"a", "b"}));
  EXPECT_TRUE(Unwrap(catalog->NamespaceExists({"a"})));
  EXPECT_FALSE(Unwrap(catalog->NamespaceExists({"b"})));
  EXPECT_EQ(Unwrap(catalog->NamespaceProperties({"a", "b"})).at("owner"), "x");
  EXPECT_TRUE(IsError(catalog->CreateNamespace({"ab"}, {}), ErrorCode::kAlreadyExists));
  EXPECT_TRUE(IsError(catalog->DropNamespace({"a"}), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(catalog->DropNamespace({"a", "b"}).ok());
  EXPECT_FALSE(Unwrap(catalog->NamespaceExists({"a"})));
  EXPECT_TRUE(
      IsError(catalog->CreateNamespace({"a.b"}, {}), ErrorCode::kInvalidArgument));
}

TEST_F(SqlCatalogTest, CreatesRenamesAndDropsTables) {
  auto catalog = Open(Config());
  TableIdentifier table{{"db"}, "trips"};
  EXPECT_TRUE(IsError(catalog->CreateTable(table, Request()).status(),
                      ErrorCode::kNoSuchNamespace));
  ASSERT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
  LoadedTable created = Unwrap(catalog->CreateTable(table, Request()));
  EXPECT_EQ(created.metadata->location, (folder_ / "wh/db/trips").string());
  EXPECT_THAT(created.metadata_location, HasSubstr("/metadata/00000-"));
  EXPECT_TRUE(IsError(catalog->CreateTable(table, Request()).status(),
                      ErrorCode::kAlreadyExists));

  arrow::Status missing = catalog->LoadTable({{"db"}, "trip"}).status();
  EXPECT_TRUE(IsError(missing, ErrorCode::kNoSuchTable));
  EXPECT_THAT(ErrorText(missing), HasSubstr("did you mean 'trips'"));
  EXPECT_THAT(ErrorText(catalog->LoadTable({{"dc"}, "trips"}).status()),
              HasSubstr("there is no namespace 'dc'"));

  ASSERT_TRUE(catalog->RenameTable(table, {{"db"}, "rides"}).ok());
  EXPECT_FALSE(Unwrap(catalog->TableExists(table)));
  EXPECT_THAT(Unwrap(catalog->ListTables({"db"})),
              ElementsAre(TableIdentifier{{"db"}, "rides"}));
  EXPECT_TRUE(IsError(catalog->DropNamespace({"db"}), ErrorCode::kInvalidArgument));
  ASSERT_TRUE(catalog->DropTable({{"db"}, "rides"}, true).ok());
  EXPECT_FALSE(std::filesystem::exists(created.metadata_location));
  EXPECT_TRUE(
      IsError(catalog->DropTable({{"db"}, "rides"}, false), ErrorCode::kNoSuchTable));
}

TEST_F(SqlCatalogTest, CommitSwapsOnlyTheExpectedMetadata) {
  auto first = Open(Config());
  auto second = Open(Config());
  TableIdentifier table{{"db"}, "t"};
  ASSERT_TRUE(first->CreateNamespace({"db"}, {}).ok());
  LoadedTable created = Unwrap(first->CreateTable(table, Request()));
  LoadedTable changed =
      Unwrap(second->CommitTable(table, {}, {update::SetProperties{{{"a", "1"}}}}));
  EXPECT_THAT(changed.metadata_location, HasSubstr("/metadata/00001-"));
  ASSERT_EQ(changed.metadata->metadata_log.size(), 1u);
  EXPECT_EQ(changed.metadata->metadata_log[0].metadata_file, created.metadata_location);
  EXPECT_EQ(Unwrap(first->LoadTable(table)).metadata->Property("a", ""), "1");

  arrow::Status conflict =
      first
          ->CommitTable(table, {requirement::AssertCurrentSchemaId{7}},
                        {update::SetProperties{{{"a", "2"}}}})
          .status();
  EXPECT_TRUE(IsError(conflict, ErrorCode::kCommitConflict));
  EXPECT_TRUE(IsRetryable(conflict));
  auto rows = Unwrap(Unwrap(OpenSqlite(Path()))
                         ->Query({"SELECT metadata_location, previous_metadata_location, "
                                  "iceberg_type FROM iceberg_tables",
                                  {}}));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0][0], changed.metadata_location);
  EXPECT_EQ(rows[0][1], created.metadata_location);
  EXPECT_EQ(rows[0][2], "TABLE");
}

TEST_F(SqlCatalogTest, ReadsBothSchemaVersions) {
  // Version 0 of both other clients has no iceberg_type column.
  auto connection = Unwrap(OpenSqlite(Path()));
  ASSERT_TRUE(
      connection
          ->Execute({{"CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, "
                      "table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) "
                      "NOT NULL, metadata_location VARCHAR(1000), "
                      "previous_metadata_location VARCHAR(1000), PRIMARY KEY "
                      "(catalog_name, table_namespace, table_name))",
                      {}}})
          .ok());
  TableIdentifier table{{"db"}, "t"};
  auto old_catalog = Open(Config());
  ASSERT_TRUE(old_catalog->CreateNamespace({"db"}, {}).ok());
  ASSERT_TRUE(old_catalog->CreateTable(table, Request()).ok());
  EXPECT_TRUE(Unwrap(old_catalog->TableExists(table)));

  ASSERT_TRUE(
      connection
          ->Execute(
              {{"ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)", {}},
               {"INSERT INTO iceberg_tables VALUES ('floe', 'db', 'vw', 'x', NULL, "
                "'VIEW')",
                {}}})
          .ok());
  auto catalog = Open(Config());
  EXPECT_THAT(Unwrap(catalog->ListTables({"db"})), ElementsAre(table));
  EXPECT_FALSE(Unwrap(catalog->TableExists({{"db"}, "vw"})));
  EXPECT_TRUE(IsError(catalog->CreateTable({{"db"}, "vw"}, Request()).status(),
                      ErrorCode::kAlreadyExists));
}

TEST_F(SqlCatalogTest, KeepsCatalogNamesApart) {
  CatalogConfig other = Config();
  other.catalog_name = "other";
  ASSERT_TRUE(Open(Config())->CreateNamespace({"db"}, {}).ok());
  EXPECT_FALSE(Unwrap(Open(other)->NamespaceExists({"db"})));
}

TEST_F(SqlCatalogTest, SaysWhatIsWrongWithTheDatabase) {
  CatalogConfig config = Config();
  config.uri = "sqlite:///" + (folder_ / "no/such/folder.db").string();
  CatalogRegistry registry;
  RegisterSqlCatalog(registry);
  arrow::Status no_folder = registry.Open(config).status();
  EXPECT_TRUE(IsError(no_folder, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(no_folder), HasSubstr("no/such"));

  std::ofstream(Path()) << std::string(4096, 'x');
  EXPECT_TRUE(IsError(registry.Open(Config()).status(), ErrorCode::kCorruptData));
}

TEST_F(SqlCatalogTest, ALockThatStaysIsUnavailableAndChangesNothing) {
  auto catalog = Open(Config());
  auto holder = Unwrap(OpenSqlite(Path()));
  auto waiting = Unwrap(OpenSqlite(Path(), 0));
  ASSERT_TRUE(holder->Query({"SELECT 1", {}}).ok());
  ASSERT_TRUE(holder
                  ->Execute({{"PRAGMA locking_mode = EXCLUSIVE", {}},
                             {"CREATE TABLE held (x TEXT)", {}}})
                  .ok());
  arrow::Status locked = waiting->Execute({{"CREATE TABLE other (x TEXT)", {}}}).status();
  EXPECT_TRUE(IsError(locked, ErrorCode::kServiceUnavailable)) << locked.ToString();
  EXPECT_TRUE(IsRetryable(locked));
}

TEST_F(SqlCatalogTest, OpeningWaitsForAnotherProcessesCommit) {
  auto catalog = Open(Config());
  auto holder = Unwrap(OpenSqlite(Path()));
  ASSERT_TRUE(holder
                  ->Execute({{"PRAGMA locking_mode = EXCLUSIVE", {}},
                             {"CREATE TABLE held (x TEXT)", {}}})
                  .ok());
  const auto start = std::chrono::steady_clock::now();
  const arrow::Status opened = OpenSqlite(Path(), /*busy_timeout_seconds=*/1).status();
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_TRUE(IsRetryable(opened)) << opened.ToString();
}

TEST_F(SqlCatalogTest, AFailedStatementUndoesItsTransaction) {
  auto connection = Unwrap(OpenSqlite(Path()));
  ASSERT_TRUE(connection->Execute({{"CREATE TABLE t (x TEXT PRIMARY KEY)", {}}}).ok());
  arrow::Status status = connection
                             ->Execute({{"INSERT INTO t VALUES (:p0)", {"a"}},
                                        {"INSERT INTO t VALUES (:p0)", {"a"}}})
                             .status();
  EXPECT_TRUE(IsError(status, ErrorCode::kAlreadyExists)) << status.ToString();
  EXPECT_TRUE(Unwrap(connection->Query({"SELECT x FROM t", {}})).empty());
}

TEST_F(SqlCatalogTest, CountsItsStatements) {
  auto counters = std::make_shared<RequestCounters>();
  auto catalog = Open(Config());
  {
    RequestScope scope(counters);
    ASSERT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
  }
  // One to see whether it is there, one to insert it.
  EXPECT_EQ(counters->totals().of(RequestKind::kCatalog), 2);
}

TEST_F(SqlCatalogTest, CreatesNoTablesWhereItMayNot) {
  CatalogConfig config = Config();
  config.properties["init_catalog_tables"] = "false";
  CatalogRegistry registry;
  RegisterSqlCatalog(registry);
  arrow::Status status = registry.OpenNew(config, CatalogEnvironment()).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(status), HasSubstr("init_catalog_tables=false"));
  Open(Config());
  EXPECT_TRUE(registry.OpenNew(config, CatalogEnvironment()).ok());
}

TEST_F(SqlCatalogTest, NewTablesGetThePropertiesTheConfigurationSays) {
  CatalogConfig config = Config();
  config.properties = {
      {"table-default.a", "1"}, {"table-default.b", "2"}, {"table-override.c", "3"}};
  auto catalog = Open(config);
  ASSERT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
  CreateTableRequest request = Request();
  request.properties = {{"b", "mine"}, {"c", "mine"}};
  LoadedTable created = Unwrap(catalog->CreateTable({{"db"}, "t"}, request));
  EXPECT_THAT(created.metadata->properties,
              IsSupersetOf({Pair("a", "1"), Pair("b", "mine"), Pair("c", "3")}));
}

TEST_F(SqlCatalogTest, RefusesWhatACStringCannotHold) {
  auto catalog = Open(Config());
  EXPECT_TRUE(IsError(catalog->TableExists({{"db"}, std::string("a\0b", 3)}).status(),
                      ErrorCode::kInvalidArgument));
}

TEST_F(SqlCatalogTest, RefusesAKeyThatNobodyReads) {
  CatalogConfig config = Config();
  config.properties = {{"s3.regoin", "secret-value"}};
  CatalogRegistry registry;
  RegisterSqlCatalog(registry);
  const arrow::Status unknown = registry.Open(config).status();
  EXPECT_TRUE(IsError(unknown, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(unknown), HasSubstr("'s3.regoin'"));
  EXPECT_THAT(ErrorText(unknown), HasSubstr("'s3.region'"));
  EXPECT_EQ(ErrorText(unknown).find("secret-value"), std::string::npos);
  config.properties = {{"s3.region", "auto"}, {"py-io-impl", "x"}, {"uri", "y"}};
  EXPECT_TRUE(registry.Open(config).ok());
}

TEST_F(SqlCatalogTest, RegistryLetsGoOfWhatNobodyAskedForLong) {
  CatalogRegistry registry;
  RegisterSqlCatalog(registry);
  // Credentials that change make a configuration of its own each time.
  auto config = [&](size_t number) {
    CatalogConfig changed = Config();
    changed.properties["s3.session-token"] = std::to_string(number);
    return changed;
  };
  std::weak_ptr<Catalog> used = Unwrap(registry.Open(config(0)));
  std::weak_ptr<Catalog> forgotten = Unwrap(registry.Open(config(1)));
  auto held = Unwrap(registry.Open(config(2)));
  for (size_t i = 3; i < CatalogRegistry::kMaxIdleCatalogs + 3; ++i) {
    ASSERT_TRUE(registry.Open(config(i)).ok());
    ASSERT_TRUE(registry.Open(config(0)).ok());
  }
  EXPECT_FALSE(used.expired());
  EXPECT_TRUE(forgotten.expired());
  EXPECT_TRUE(held->ListNamespaces({}).ok());
}

TEST(CatalogRegistry, NamesTheTypesThereAre) {
  CatalogRegistry registry;
  RegisterSqlCatalog(registry);
  CatalogConfig config;
  config.catalog_type = "sqll";
  arrow::Status unknown = registry.Open(config).status();
  EXPECT_TRUE(IsError(unknown, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(unknown), HasSubstr("did you mean 'sql'"));
  config.catalog_type = "rest";
  EXPECT_TRUE(IsError(registry.Open(config).status(), ErrorCode::kNotSupported));
}

}  // namespace
}  // namespace floe::iceberg
