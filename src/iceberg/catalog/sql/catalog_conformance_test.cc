// What every catalog that keeps pointers promises, over memory, SQLite and each database
// that FLOE_TEST_SQL_URIS names (blank-separated; test/services starts them).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <sstream>
#include <thread>

#include "base/env.h"
#include "base/error.h"
#include "iceberg/catalog/memory_catalog.h"
#include "iceberg/catalog/sql/sql_catalog.h"
#include "io/file_io.h"

namespace floe::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

std::vector<std::string> Backends() {
  std::vector<std::string> backends = {"memory", "sqlite"};
  std::istringstream uris(GetEnv("FLOE_TEST_SQL_URIS").value_or(""));
  for (std::string uri; uris >> uri;) backends.push_back(uri);
  return backends;
}

class CatalogConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    run_ = NewUuid(Random::System()).substr(0, 8);
    folder_ = std::filesystem::temp_directory_path() / ("floe catalogs " + run_);
    std::filesystem::create_directories(folder_);
    catalog_ = Open();
  }
  void TearDown() override {
    catalog_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::shared_ptr<Catalog> Open() {
    CatalogConfig config;
    // Of its own, so that what other runs left changes nothing.
    config.catalog_name = "conformance_" + run_;
    config.warehouse = (folder_ / "wh").string();
    config.uri = GetParam();
    if (GetParam() == "sqlite") {
      config.uri = "sqlite:///" + (folder_ / "catalog.db").string();
    }
    if (GetParam() == "memory") {
      CatalogEnvironment environment;
      environment.io = Unwrap(MakeFileIO({}));
      return std::make_shared<MemoryCatalog>(config, environment);
    }
    CatalogRegistry registry;
    RegisterSqlCatalog(registry);
    return Unwrap(registry.OpenNew(config, CatalogEnvironment()));
  }

  static CreateTableRequest Request() {
    CreateTableRequest request;
    request.schema = Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long())}));
    return request;
  }

  std::string run_;
  std::filesystem::path folder_;
  std::shared_ptr<Catalog> catalog_;
};

TEST_P(CatalogConformance, Namespaces) {
  EXPECT_THAT(Unwrap(catalog_->ListNamespaces({})), IsEmpty());
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {{"owner", "Zoë's \\ 100%"}}).ok());
  ASSERT_TRUE(catalog_->CreateNamespace({"db", "inner"}, {}).ok());
  ASSERT_TRUE(catalog_->CreateNamespace({"Db"}, {}).ok());
  EXPECT_TRUE(IsError(catalog_->CreateNamespace({"db"}, {}), ErrorCode::kAlreadyExists));
  EXPECT_THAT(Unwrap(catalog_->ListNamespaces({})),
              ElementsAre(Namespace{"Db"}, Namespace{"db"}));
  EXPECT_THAT(Unwrap(catalog_->ListNamespaces({"db"})),
              ElementsAre(Namespace{"db", "inner"}));
  EXPECT_EQ(Unwrap(catalog_->NamespaceProperties({"db"})).at("owner"), "Zoë's \\ 100%");
  EXPECT_TRUE(IsError(catalog_->NamespaceProperties({"none"}).status(),
                      ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(IsError(catalog_->DropNamespace({"db"}), ErrorCode::kInvalidArgument));
  ASSERT_TRUE(catalog_->DropNamespace({"db", "inner"}).ok());
  ASSERT_TRUE(catalog_->DropNamespace({"db"}).ok());
  EXPECT_TRUE(IsError(catalog_->DropNamespace({"db"}), ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(Unwrap(catalog_->NamespaceExists({"Db"})));
}

TEST_P(CatalogConformance, TablesAreToldApartByBytes) {
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  const std::vector<std::string> names = {
      "T", "it's \\ \"quoted\":p1", "select", "t", "tä", "雪"};
  for (const std::string& name : names) {
    LoadedTable table = Unwrap(catalog_->CreateTable({{"db"}, name}, Request()));
    EXPECT_EQ(Unwrap(catalog_->LoadTable({{"db"}, name})).metadata_location,
              table.metadata_location);
  }
  std::vector<std::string> listed;
  for (const auto& table : Unwrap(catalog_->ListTables({"db"}))) {
    listed.push_back(table.name);
  }
  EXPECT_EQ(listed, names);
  ASSERT_TRUE(catalog_->DropTable({{"db"}, "T"}, false).ok());
  EXPECT_TRUE(Unwrap(catalog_->TableExists({{"db"}, "t"})));
  EXPECT_FALSE(Unwrap(catalog_->TableExists({{"db"}, "T"})));
}

TEST_P(CatalogConformance, CreateRenameRegisterDrop) {
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  const TableIdentifier table{{"db"}, "t"};
  LoadedTable created = Unwrap(catalog_->CreateTable(table, Request()));
  EXPECT_TRUE(IsError(catalog_->CreateTable(table, Request()).status(),
                      ErrorCode::kAlreadyExists));
  EXPECT_TRUE(IsError(catalog_->CreateTable({{"no"}, "t"}, Request()).status(),
                      ErrorCode::kNoSuchNamespace));
  ASSERT_TRUE(catalog_->RenameTable(table, {{"db"}, "u"}).ok());
  EXPECT_TRUE(
      IsError(catalog_->RenameTable(table, {{"db"}, "v"}), ErrorCode::kNoSuchTable));
  Unwrap(catalog_->CreateTable(table, Request()));
  EXPECT_TRUE(
      IsError(catalog_->RenameTable(table, {{"db"}, "u"}), ErrorCode::kAlreadyExists));
  EXPECT_TRUE(IsError(catalog_->RenameTable(table, {{"none"}, "u"}),
                      ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(IsError(catalog_->DropNamespace({"db"}), ErrorCode::kInvalidArgument));

  ASSERT_TRUE(catalog_->DropTable({{"db"}, "u"}, false).ok());
  EXPECT_TRUE(
      IsError(catalog_->LoadTable({{"db"}, "u"}).status(), ErrorCode::kNoSuchTable));
  EXPECT_TRUE(
      IsError(catalog_->DropTable({{"db"}, "u"}, false), ErrorCode::kNoSuchTable));
  LoadedTable again =
      Unwrap(catalog_->RegisterTable({{"db"}, "u"}, created.metadata_location));
  EXPECT_EQ(again.metadata->table_uuid, created.metadata->table_uuid);
  EXPECT_TRUE(
      IsError(catalog_->RegisterTable({{"db"}, "u"}, created.metadata_location).status(),
              ErrorCode::kAlreadyExists));
  EXPECT_TRUE(IsError(
      catalog_->RegisterTable({{"db"}, "w"}, created.metadata_location + "x").status(),
      ErrorCode::kNoSuchFile));
}

TEST_P(CatalogConformance, AStaleCommitChangesNothing) {
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  const TableIdentifier table{{"db"}, "t"};
  LoadedTable created = Unwrap(catalog_->CreateTable(table, Request()));
  LoadedTable changed =
      Unwrap(catalog_->CommitTable(table, {}, {update::SetProperties{{{"a", "1"}}}}));
  EXPECT_NE(changed.metadata_location, created.metadata_location);
  arrow::Status stale = catalog_
                            ->CommitTable(table, {requirement::AssertCurrentSchemaId{7}},
                                          {update::SetProperties{{{"a", "2"}}}})
                            .status();
  EXPECT_TRUE(IsError(stale, ErrorCode::kCommitConflict));
  EXPECT_EQ(Unwrap(catalog_->LoadTable(table)).metadata->Property("a", ""), "1");
}

// Each thread has a catalog of its own where the backend is shared outside the process.
TEST_P(CatalogConformance, RacingCommitsAreAllKept) {
  constexpr int kThreads = 6;
  constexpr int kCommits = 10;
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  const TableIdentifier table{{"db"}, "t"};
  Unwrap(catalog_->CreateTable(table, Request()));
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      bool is_shared = GetParam() == "memory" || t % 2 == 0;
      std::shared_ptr<Catalog> mine = is_shared ? catalog_ : Open();
      for (int i = 0; i < kCommits;) {
        std::string key = std::to_string(t) + "." + std::to_string(i);
        arrow::Status status =
            mine->CommitTable(table, {}, {update::SetProperties{{{key, "x"}}}}).status();
        if (status.ok()) {
          ++i;
        } else if (!IsRetryable(status)) {
          ADD_FAILURE() << status.ToString();
          ++failures;
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Unwrap(catalog_->LoadTable(table)).metadata->properties.size(),
            static_cast<size_t>(kThreads * kCommits));
}

TEST_P(CatalogConformance, OfManyCreatorsOneWins) {
  constexpr int kThreads = 8;
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  std::atomic<int> created = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      arrow::Status status = catalog_->CreateTable({{"db"}, "t"}, Request()).status();
      if (status.ok()) ++created;
      if (IsError(status, ErrorCode::kAlreadyExists)) ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, kThreads - 1);
}

/// "0_memory", "2_postgresqlpsycopg2".
std::string NameOfBackend(const ::testing::TestParamInfo<std::string>& backend) {
  std::string name = std::to_string(backend.index) + "_";
  for (char c : backend.param.substr(0, backend.param.find(':'))) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Backends, CatalogConformance, ::testing::ValuesIn(Backends()),
                         NameOfBackend);

}  // namespace
}  // namespace floe::iceberg
