#include "iceberg/catalog/hive/hive_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "base/error.h"
#include "base/request_counters.h"
#include "iceberg/catalog/hive/hive_lock.h"
#include "iceberg/catalog/hive/hive_properties.h"
#include "iceberg/catalog/hive/test_metastore.h"

namespace floe::iceberg::hive {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

class HiveCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe hive " + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  CatalogConfig Config() const {
    CatalogConfig config;
    config.catalog_type = "hive";
    config.uri = server_.Uri();
    config.warehouse = folder_.string();
    config.properties = {{"iceberg.hive.lock-check-min-wait-ms", "1"},
                         {"iceberg.hive.lock-check-max-wait-ms", "2"}};
    return config;
  }
  std::shared_ptr<Catalog> Open(const CatalogConfig& config) {
    CatalogRegistry registry;
    RegisterHiveCatalog(registry);
    CatalogEnvironment environment;
    environment.metadata_cache = nullptr;
    return Unwrap(registry.OpenNew(config, environment));
  }
  std::shared_ptr<Catalog> Open() { return Open(Config()); }

  static CreateTableRequest Request() {
    CreateTableRequest request;
    NestedField value = NestedField::Optional(2, "v", Type::TimestampTz());
    value.doc = "a time";
    request.schema =
        Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long()), value}));
    request.properties = {{"owner", "x"}, {"gc.enabled", "false"}};
    return request;
  }
  /// A catalog with the table db.t.
  std::shared_ptr<Catalog> WithTable(const CatalogConfig& config) {
    auto catalog = Open(config);
    EXPECT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
    EXPECT_TRUE(catalog->CreateTable(id_, Request()).ok());
    return catalog;
  }
  arrow::Result<LoadedTable> SetProperty(Catalog& catalog, const std::string& key,
                                         const std::string& value) {
    return catalog.CommitTable(id_, {}, {update::SetProperties{{{key, value}}}});
  }
  std::string Property(Catalog& catalog, const std::string& key) {
    return Unwrap(catalog.LoadTable(id_)).metadata->Property(key, "");
  }

  std::filesystem::path folder_;
  TestMetastore server_;
  TableIdentifier id_{{"db"}, "t"};
};

TEST(MetastoreUris, AreListsOfHostsAndPorts) {
  auto addresses =
      Unwrap(ParseMetastoreUris("thrift://a:1, thrift://b ,thrift://[::1]:2/"));
  ASSERT_EQ(addresses.size(), 3u);
  EXPECT_EQ(addresses[0].host + std::to_string(addresses[0].port), "a1");
  EXPECT_EQ(addresses[1].host + std::to_string(addresses[1].port), "b9083");
  EXPECT_EQ(addresses[2].host + std::to_string(addresses[2].port), "::12");
  for (const char* uri :
       {"", "a:1", "http://a:1", "thrift://", "thrift://:1", "thrift://a:0",
        "thrift://a:x", "thrift://a:99999", "thrift://a:1,", "thrift://[::1"}) {
    arrow::Status status = ParseMetastoreUris(uri).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kInvalidConfig)) << uri;
    EXPECT_THAT(ErrorText(status), HasSubstr("thrift://host:port"));
  }
}

TEST(HiveProperties, AreReadOrRefusedByName) {
  CatalogConfig config;
  config.uri = "thrift://a";
  config.properties = {{"ugi", "me:g1,g2"},
                       {"lock-check-min-wait-time", "0.2"},
                       {"iceberg.hive.lock-timeout-ms", "7000"},
                       {"hive.hive2-compatible", "True"},
                       {"iceberg.engine.hive.lock-enabled", "false"}};
  HiveProperties properties = Unwrap(ReadHiveProperties(config));
  EXPECT_EQ(properties.client.user, "me");
  EXPECT_THAT(properties.client.groups, ElementsAre("g1", "g2"));
  EXPECT_EQ(properties.lock.check_min_wait_ms, 200);
  EXPECT_EQ(properties.lock.timeout_ms, 7000);
  EXPECT_EQ(properties.layout.zoned_time, HiveZonedTime::kPlain);
  EXPECT_FALSE(properties.is_lock_enabled);
  for (const auto& [key, value] :
       {std::pair("hive.lock-enabled", "yes"), std::pair("hive.call-timeout-ms", "-1"),
        std::pair("lock-check-max-wait-time", "soon"),
        std::pair("hive.framed-transport", "")}) {
    config.properties = {{key, value}};
    arrow::Status status = ReadHiveProperties(config).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kInvalidConfig)) << key;
    EXPECT_THAT(ErrorText(status), HasSubstr(key));
  }
  config.properties = {{"hive.kerberos-authentication", "true"}};
  arrow::Status status = ReadHiveProperties(config).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(status), HasSubstr("Kerberos"));
}

TEST_F(HiveCatalogTest, KeepsNamespacesAsDatabases) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"b"}, {{"comment", "for b"}, {"k", "v"}}).ok());
  ASSERT_TRUE(catalog->CreateNamespace({"a"}, {{"location", "/elsewhere"}}).ok());
  EXPECT_THAT(Unwrap(catalog->ListNamespaces({})),
              ElementsAre(Namespace{"a"}, Namespace{"b"}));
  EXPECT_TRUE(Unwrap(catalog->ListNamespaces({"a"})).empty());
  EXPECT_TRUE(Unwrap(catalog->NamespaceExists({"a"})));
  EXPECT_FALSE(Unwrap(catalog->NamespaceExists({"c"})));
  EXPECT_FALSE(Unwrap(catalog->NamespaceExists({"a", "b"})));
  auto properties = Unwrap(catalog->NamespaceProperties({"b"}));
  EXPECT_THAT(properties,
              AllOf(Contains(Pair("comment", "for b")), Contains(Pair("k", "v")),
                    Contains(Pair("location", folder_.string() + "/b.db"))));
  EXPECT_THAT(Unwrap(catalog->NamespaceProperties({"a"})),
              Contains(Pair("location", "/elsewhere")));
  EXPECT_TRUE(IsError(catalog->CreateNamespace({"a"}, {}), ErrorCode::kAlreadyExists));
  EXPECT_TRUE(
      IsError(catalog->CreateNamespace({"a", "b"}, {}), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(IsError(catalog->DropNamespace({"c"}), ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(IsError(catalog->ListTables({"c"}).status(), ErrorCode::kNoSuchNamespace));
  ASSERT_TRUE(catalog->CreateTable({{"b"}, "t"}, Request()).ok());
  EXPECT_TRUE(IsError(catalog->DropNamespace({"b"}), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(catalog->DropNamespace({"a"}).ok());
}

TEST_F(HiveCatalogTest, WritesTablesAsJavaAndPyIcebergDo) {
  auto catalog = WithTable(Config());
  ThriftValue table = server_.Table("db.t");
  EXPECT_EQ(table.TextOf(field::kTableType), "EXTERNAL_TABLE");
  LoadedTable loaded = Unwrap(catalog->LoadTable(id_));
  EXPECT_THAT(
      server_.Parameters("db.t"),
      AllOf(Contains(Pair("table_type", "ICEBERG")), Contains(Pair("EXTERNAL", "TRUE")),
            Contains(Pair("metadata_location", loaded.metadata_location)),
            Contains(Pair("uuid", loaded.metadata->table_uuid)),
            Contains(Pair("owner", "x")), Contains(Pair("external.table.purge", "false")),
            Not(Contains(Pair("gc.enabled", "false")))));
  const ThriftValue& storage = *table.Find(field::kTableStorage);
  EXPECT_EQ(storage.TextOf(2), loaded.metadata->location);
  EXPECT_EQ(storage.TextOf(3), "org.apache.hadoop.mapred.FileInputFormat");
  const ThriftValue& columns = *storage.Find(1);
  ASSERT_EQ(columns.items().size(), 2u);
  EXPECT_EQ(columns.items()[0].TextOf(2), "bigint");
  EXPECT_EQ(columns.items()[1].TextOf(2), "timestamp with local time zone");
  EXPECT_EQ(columns.items()[1].TextOf(3), "a time");
}

TEST_F(HiveCatalogTest, KeepsWhatOthersStoredInATable) {
  auto catalog = WithTable(Config());
  ThriftValue table = server_.Table("db.t");
  auto parameters = table.StringMapOf(field::kTableParameters);
  parameters["hive.note"] = "kept";
  parameters["COLUMN_STATS_ACCURATE"] = "true";
  table.SetField(field::kTableParameters, ThriftValue::StringMap(parameters));
  table.SetField(99, ThriftValue::String("of a newer version"));
  server_.Put("db.t", table);
  std::string before = parameters["metadata_location"];
  ASSERT_TRUE(catalog
                  ->CommitTable(id_, {},
                                {update::RemoveProperties{{"owner"}},
                                 update::SetProperties{{{"new", "1"}}}})
                  .ok());
  EXPECT_THAT(server_.Parameters("db.t"),
              AllOf(Contains(Pair("hive.note", "kept")), Contains(Pair("new", "1")),
                    Contains(Pair("previous_metadata_location", before)),
                    Not(Contains(Pair("owner", "x"))),
                    Not(Contains(Pair("COLUMN_STATS_ACCURATE", "true")))));
  EXPECT_EQ(server_.Table("db.t").TextOf(99), "of a newer version");
  ASSERT_TRUE(catalog->RenameTable(id_, {{"db"}, "u"}).ok());
  EXPECT_EQ(server_.Table("db.u").TextOf(99), "of a newer version");
  EXPECT_FALSE(Unwrap(catalog->TableExists(id_)));
  EXPECT_TRUE(Unwrap(catalog->TableExists({{"db"}, "u"})));
}

TEST_F(HiveCatalogTest, LeavesTablesOfOtherFormatsAlone) {
  auto catalog = WithTable(Config());
  server_.Put(
      "db.plain",
      ThriftValue::Struct({{field::kTableName, ThriftValue::String("plain")},
                           {field::kTableType, ThriftValue::String("MANAGED_TABLE")}}));
  EXPECT_THAT(Unwrap(catalog->ListTables({"db"})), ElementsAre(id_));
  TableIdentifier plain{{"db"}, "plain"};
  for (const arrow::Status& status :
       {catalog->LoadTable(plain).status(), catalog->DropTable(plain, false),
        catalog->CreateTable(plain, Request()).status(),
        catalog->RenameTable(plain, {{"db"}, "u"})}) {
    EXPECT_TRUE(IsError(status, ErrorCode::kNotSupported)) << status.ToString();
    EXPECT_THAT(ErrorText(status),
                AllOf(HasSubstr("'db.plain'"), HasSubstr("MANAGED_TABLE")));
  }
  EXPECT_EQ(server_.Table("db.plain").TextOf(field::kTableName), "plain");
}

TEST_F(HiveCatalogTest, NamesWhatIsMissingOrTaken) {
  auto catalog = WithTable(Config());
  EXPECT_TRUE(
      IsError(catalog->CreateTable(id_, Request()).status(), ErrorCode::kAlreadyExists));
  arrow::Status missing = catalog->LoadTable({{"db"}, "tt"}).status();
  EXPECT_TRUE(IsError(missing, ErrorCode::kNoSuchTable));
  EXPECT_THAT(ErrorText(missing), HasSubstr("did you mean 't'"));
  EXPECT_TRUE(
      IsError(catalog->LoadTable({{"no"}, "t"}).status(), ErrorCode::kNoSuchTable));
  EXPECT_TRUE(
      IsError(catalog->RenameTable(id_, {{"no"}, "t"}), ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(IsError(catalog->RenameTable(id_, id_), ErrorCode::kAlreadyExists));
  EXPECT_TRUE(catalog->DropTable(id_, false).ok());
  EXPECT_TRUE(IsError(catalog->DropTable(id_, false), ErrorCode::kNoSuchTable));
}

TEST_F(HiveCatalogTest, LocksAroundACommit) {
  server_.lock_waits = 3;
  auto catalog = WithTable(Config());
  EXPECT_EQ(server_.CallCount("lock"), 0);
  ASSERT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_EQ(server_.CallCount("lock"), 1);
  EXPECT_EQ(server_.CallCount("check_lock"), 3);
  EXPECT_EQ(server_.CallCount("unlock"), 1);
  EXPECT_EQ(server_.HeldLocks(), 0u);
  EXPECT_EQ(Property(*catalog, "a"), "1");
}

TEST_F(HiveCatalogTest, LosesNoCommitOfManyWriters) {
  auto first = WithTable(Config());
  CatalogConfig lock_free = Config();
  lock_free.properties["hive.lock-enabled"] = "false";
  constexpr int kWriters = 6;
  constexpr int kCommits = 5;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      auto catalog = Open(writer % 2 == 0 ? Config() : lock_free);
      for (int i = 0; i < kCommits;) {
        auto done = SetProperty(*catalog, fmt::format("w{}-{}", writer, i), "1");
        if (done.ok()) ++i;
        if (!done.ok() && !IsError(done.status(), ErrorCode::kCommitConflict)) {
          ADD_FAILURE() << done.status().ToString();
          return;
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  LoadedTable table = Unwrap(first->LoadTable(id_));
  EXPECT_EQ(table.metadata->properties.size(), Request().properties.size() + 30u);
  EXPECT_EQ(server_.HeldLocks(), 0u);
}

TEST_F(HiveCatalogTest, CommitsWithoutLockOnlyWhereTheServerCompares) {
  CatalogConfig config = Config();
  config.properties["hive.lock-enabled"] = "false";
  auto catalog = WithTable(config);
  ASSERT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_EQ(server_.CallCount("lock"), 0);
  // Another writer comes between the look and the alter_table.
  auto other = Open();
  server_.Before("alter_table_with_environment_context",
                 [&] { EXPECT_TRUE(SetProperty(*other, "b", "2").ok()); });
  arrow::Status conflict = SetProperty(*catalog, "a", "3").status();
  EXPECT_TRUE(IsError(conflict, ErrorCode::kCommitConflict)) << conflict.ToString();
  EXPECT_EQ(Property(*catalog, "a"), "1");
  EXPECT_EQ(Property(*catalog, "b"), "2");
}

TEST_F(HiveCatalogTest, LocksWhereTheServersDatabaseCannotCompare) {
  server_.cannot_compare = true;
  auto catalog = WithTable(Config());
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_TRUE(SetProperty(*catalog, "a", "2").ok());
  EXPECT_EQ(server_.CallCount("alter_table_with_environment_context"), 3);
  CatalogConfig config = Config();
  config.properties["hive.lock-enabled"] = "false";
  arrow::Status refused = SetProperty(*Open(config), "a", "3").status();
  EXPECT_TRUE(IsError(refused, ErrorCode::kNotSupported)) << refused.ToString();
  EXPECT_THAT(ErrorText(refused), HasSubstr("hive.lock-enabled"));
  EXPECT_EQ(Property(*catalog, "a"), "2");
}

TEST_F(HiveCatalogTest, ShowsColumnsWhoseNamesDifferInCaseAsOne) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
  CreateTableRequest request;
  request.schema = Unwrap(Schema::Make({NestedField::Required(1, "A", Type::Long()),
                                        NestedField::Optional(2, "a", Type::Int())}));
  LoadedTable table = Unwrap(catalog->CreateTable(id_, request));
  EXPECT_EQ(table.metadata->schema()->fields().size(), 2u);
  EXPECT_EQ(server_.Table("db.t").Find(field::kTableStorage)->Find(1)->items().size(),
            1u);
}

TEST_F(HiveCatalogTest, RefusesToCommitWithoutLockOnAnOlderServer) {
  server_.version = "3.0";
  CatalogConfig config = Config();
  config.properties["iceberg.engine.hive.lock-enabled"] = "false";
  auto catalog = WithTable(config);
  arrow::Status refused = SetProperty(*catalog, "a", "1").status();
  EXPECT_TRUE(IsError(refused, ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(refused), AllOf(HasSubstr("'3.0'"), HasSubstr("lock-enabled")));
  // The table's own setting goes before the catalog's.
  auto locking = Open();
  ASSERT_TRUE(SetProperty(*locking, "engine.hive.lock-enabled", "true").ok());
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
}

TEST_F(HiveCatalogTest, FindsOutWhatBecameOfALostAnswer) {
  auto catalog = WithTable(Config());
  const std::string alter = "alter_table_with_environment_context";
  server_.Inject(alter, Fault::kCloseAfter);
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  server_.Inject(alter, Fault::kCutAnswer);
  EXPECT_TRUE(SetProperty(*catalog, "a", "2").ok());
  server_.Inject(alter, Fault::kFailAfter);
  EXPECT_TRUE(SetProperty(*catalog, "a", "3").ok());
  EXPECT_EQ(Property(*catalog, "a"), "3");
  // Nothing was done, but only the server knows: the metadata file stays.
  server_.Inject(alter, Fault::kCloseBefore);
  arrow::Status unknown = SetProperty(*catalog, "a", "4").status();
  EXPECT_TRUE(IsError(unknown, ErrorCode::kCommitStateUnknown)) << unknown.ToString();
  EXPECT_EQ(Property(*catalog, "a"), "3");
  EXPECT_EQ(server_.HeldLocks(), 0u);
  EXPECT_TRUE(SetProperty(*catalog, "a", "5").ok());

  server_.Inject("create_table", Fault::kCloseAfter);
  EXPECT_TRUE(catalog->CreateTable({{"db"}, "u"}, Request()).ok());
  server_.Inject("drop_table", Fault::kCloseAfter);
  EXPECT_TRUE(catalog->DropTable({{"db"}, "u"}, false).ok());
}

TEST_F(HiveCatalogTest, AMetastoreThatAnswersWithAnErrorChangedNothing) {
  auto catalog = WithTable(Config());
  server_.Inject("alter_table_with_environment_context", Fault::kFailBefore);
  arrow::Status failed = SetProperty(*catalog, "a", "1").status();
  EXPECT_TRUE(IsError(failed, ErrorCode::kIo)) << failed.ToString();
  EXPECT_THAT(ErrorText(failed), AllOf(HasSubstr("127.0.0.1:"), HasSubstr("listener")));
  EXPECT_EQ(Property(*catalog, "a"), "");
  EXPECT_EQ(server_.HeldLocks(), 0u);
}

TEST_F(HiveCatalogTest, FindsALockWhoseAnswerWasLost) {
  auto catalog = WithTable(Config());
  server_.Inject("lock", Fault::kCloseAfter);
  ASSERT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_EQ(server_.CallCount("lock"), 1);
  EXPECT_EQ(server_.HeldLocks(), 0u);
  server_.Inject("lock", Fault::kCloseBefore);
  arrow::Status failed = SetProperty(*catalog, "a", "2").status();
  EXPECT_TRUE(IsError(failed, ErrorCode::kServiceUnavailable)) << failed.ToString();
  EXPECT_TRUE(IsRetryable(failed));
}

TEST_F(HiveCatalogTest, GivesUpALockThatIsNeverFree) {
  server_.lock_waits = 1'000'000;
  CatalogConfig config = Config();
  config.properties["iceberg.hive.lock-timeout-ms"] = "20";
  auto catalog = WithTable(config);
  arrow::Status late = SetProperty(*catalog, "a", "1").status();
  EXPECT_TRUE(IsError(late, ErrorCode::kCommitConflict));
  EXPECT_THAT(ErrorText(late), HasSubstr("iceberg.hive.lock-timeout-ms"));
  EXPECT_EQ(server_.HeldLocks(), 0u);
}

TEST_F(HiveCatalogTest, BeatsWhileItHoldsALockAndNoticesItsLoss) {
  HiveClientOptions options;
  options.addresses = Unwrap(ParseMetastoreUris(server_.Uri()));
  HiveClient client(options);
  HiveLockOptions lock_options;
  lock_options.heartbeat_interval_ms = 1;
  {
    auto lock =
        Unwrap(HiveLock::Acquire(client, "db", "t", lock_options, Random::System()));
    server_.WaitForCalls("heartbeat", 3);
    EXPECT_TRUE(lock->CheckHeld().ok());
  }
  EXPECT_EQ(server_.HeldLocks(), 0u);
  auto lock =
      Unwrap(HiveLock::Acquire(client, "db", "t", lock_options, Random::System()));
  server_.DropLocks();
  int beats = server_.CallCount("heartbeat");
  server_.WaitForCalls("heartbeat", beats + 1);
  while (lock->CheckHeld().ok()) std::this_thread::yield();
  EXPECT_TRUE(IsError(lock->CheckHeld(), ErrorCode::kCommitConflict));
}

TEST_F(HiveCatalogTest, ReconnectsAfterTheServerClosed) {
  auto catalog = WithTable(Config());
  int before = server_.ConnectionCount();
  EXPECT_TRUE(catalog->LoadTable(id_).ok());
  EXPECT_EQ(server_.ConnectionCount(), before);
  server_.CloseAll();
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  server_.Inject("get_table_req", Fault::kCloseAfter);
  server_.Inject("get_table_req", Fault::kCutAnswer);
  EXPECT_TRUE(catalog->LoadTable(id_).ok());
  for (int i = 0; i < 3; ++i) server_.Inject("get_table_req", Fault::kCloseAfter);
  arrow::Status failed = catalog->LoadTable(id_).status();
  EXPECT_TRUE(IsError(failed, ErrorCode::kServiceUnavailable));
  EXPECT_THAT(ErrorText(failed), HasSubstr("127.0.0.1:"));
}

TEST_F(HiveCatalogTest, FallsBackOnTheNextAddress) {
  CatalogConfig config = Config();
  std::string closed;
  {
    TestMetastore gone;
    closed = gone.Uri();
  }
  config.uri = closed + "," + server_.Uri();
  auto catalog = WithTable(config);
  EXPECT_TRUE(catalog->LoadTable(id_).ok());
  config.uri = closed;
  arrow::Status failed = Open(config)->ListNamespaces({}).status();
  EXPECT_TRUE(IsError(failed, ErrorCode::kServiceUnavailable));
  EXPECT_THAT(ErrorText(failed), AllOf(HasSubstr("127.0.0.1:"), HasSubstr("refused")));
}

TEST_F(HiveCatalogTest, TakesNoAnswerThatIsNone) {
  CatalogConfig config = Config();
  config.properties["hive.call-timeout-ms"] = "50";
  auto catalog = WithTable(config);
  server_.raw_answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  server_.Inject("get_all_databases", Fault::kRawAnswer);
  arrow::Status http = catalog->ListNamespaces({}).status();
  EXPECT_TRUE(IsError(http, ErrorCode::kCorruptData));
  EXPECT_THAT(ErrorText(http), AllOf(HasSubstr("127.0.0.1:"), HasSubstr("SASL")));
  server_.raw_answer =
      std::string("\x80\x01\x00\x02\x00\x00\x00\x11get_all_databases", 25) +
      std::string("\x00\x00\x00\x01\x0f\x00\x00\x0b\x7f\xff\xff\xff", 12);
  server_.Inject("get_all_databases", Fault::kRawAnswer);
  arrow::Status huge = catalog->ListNamespaces({}).status();
  EXPECT_TRUE(IsError(huge, ErrorCode::kResourceExhausted)) << huge.ToString();
  server_.Inject("get_all_databases", Fault::kNoAnswer);
  arrow::Status late = catalog->ListNamespaces({}).status();
  EXPECT_TRUE(IsError(late, ErrorCode::kDeadlineExceeded)) << late.ToString();
  EXPECT_TRUE(catalog->ListNamespaces({}).ok());
}

TEST_F(HiveCatalogTest, SpeaksInFrames) {
  server_.is_framed = true;
  CatalogConfig config = Config();
  config.properties["hive.framed-transport"] = "true";
  config.properties["ugi"] = "me:group";
  auto catalog = WithTable(config);
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_EQ(server_.Table("db.t").TextOf(field::kTableOwner), "me");
  EXPECT_GE(server_.CallCount("set_ugi"), 1);
  server_.raw_answer = std::string("\x7f\xff\xff\xff", 4);
  server_.Inject("get_all_databases", Fault::kRawAnswer);
  EXPECT_TRUE(
      IsError(catalog->ListNamespaces({}).status(), ErrorCode::kResourceExhausted));
  server_.raw_answer =
      std::string("\x00\x00\x00\x04\x80\x01\x00\x02\x00\x00\x00\x00", 12);
  server_.Inject("get_all_databases", Fault::kRawAnswer);
  EXPECT_TRUE(IsError(catalog->ListNamespaces({}).status(), ErrorCode::kCorruptData));
}

TEST_F(HiveCatalogTest, AsksOlderServersByOlderCalls) {
  server_.unknown_methods = {"get_table_req"};
  auto catalog = WithTable(Config());
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_GE(server_.CallCount("get_table"), 1);
}

TEST_F(HiveCatalogTest, CountsItsRequests) {
  auto catalog = WithTable(Config());
  auto counters = std::make_shared<RequestCounters>();
  RequestScope scope(counters);
  EXPECT_TRUE(Unwrap(catalog->NamespaceExists({"db"})));
  EXPECT_EQ(counters->totals().of(RequestKind::kCatalog), 1);
  EXPECT_GT(counters->totals().read_bytes, 0);
  EXPECT_GT(counters->totals().written_bytes, 0);
}

}  // namespace
}  // namespace floe::iceberg::hive
