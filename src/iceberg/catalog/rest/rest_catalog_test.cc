#include "iceberg/catalog/rest/rest_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "iceberg/catalog/rest/rest_endpoints.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/manifest.h"
#include "io/fake_http_server_test.h"

namespace floe::iceberg {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Ending = FakeAnswer::Ending;

const TableIdentifier kTable{{"a", "b"}, "t"};
constexpr char kTablePath[] = "/v1/p/namespaces/a%1Fb/tables/t";

FakeAnswer Json(const json& body, int status = 200) {
  return {.status = status, .body = body.dump()};
}

FakeAnswer Refusal(int status, const std::string& type, const std::string& message) {
  return Json({{"error", {{"type", type}, {"message", message}, {"code", status}}}},
              status);
}

Snapshot SnapshotOf(int64_t id, int64_t sequence_number) {
  Snapshot snapshot;
  snapshot.snapshot_id = id;
  snapshot.sequence_number = sequence_number;
  snapshot.manifest_list = "file:///nowhere/l.avro";
  snapshot.summary = {{"operation", "append"}};
  return snapshot;
}

SnapshotRef RefTo(int64_t id) {
  SnapshotRef ref;
  ref.snapshot_id = id;
  return ref;
}

class FakeTime final : public Clock {
 public:
  int64_t NowMicros() const override { return now_ms * 1000; }
  int64_t now_ms = 0;
};

// A server that answers each route with its answers in turn, the last one for ever.
class RestCatalogTest : public ::testing::Test {
 protected:
  RestCatalogTest()
      : server_([this](const FakeRequest& request) { return Answer(request); }) {
    config_ = {{"defaults", json::object()}, {"overrides", {{"prefix", "p"}}}};
  }

  FakeAnswer Answer(const FakeRequest& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path == "/v1/config") return Json(config_);
    auto found = routes_.find(request.method + " " + path);
    if (found == routes_.end()) return {.status = 404, .body = "<html>nothing</html>"};
    FakeAnswer answer = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return answer;
  }

  void On(const std::string& route, std::deque<FakeAnswer> answers) {
    routes_[route] = std::move(answers);
  }

  arrow::Result<std::shared_ptr<RestCatalog>> TryOpen(PropertyMap properties = {}) {
    CatalogConfig config;
    config.catalog_type = "rest";
    config.catalog_name = "c";
    config.uri = server_.url() + "/";
    config.warehouse = "w";
    config.properties = std::move(properties);
    CatalogEnvironment environment;
    environment.clock = &time_;
    return RestCatalog::Open(config, environment,
                             {.wait = [this](int64_t ms) { waits_.push_back(ms); }});
  }

  std::shared_ptr<RestCatalog> Open(PropertyMap properties = {}) {
    auto catalog = TryOpen(std::move(properties));
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    return *catalog;
  }

  json Metadata(std::vector<Snapshot> snapshots) {
    CreateTableRequest request;
    request.schema = *Schema::Make({NestedField::Optional(1, "id", Type::Long())});
    TableMetadata metadata = *NewTableMetadata(request, "file:///nowhere", "u-1", 5);
    for (const Snapshot& snapshot : snapshots) {
      metadata.last_sequence_number = snapshot.sequence_number;
      metadata.current_snapshot_id = snapshot.snapshot_id;
      metadata.refs["main"] = RefTo(snapshot.snapshot_id);
    }
    metadata.snapshots = std::move(snapshots);
    return json::parse(*TableMetadataToJson(metadata));
  }

  FakeAnswer Table(std::vector<Snapshot> snapshots, const std::string& etag = "") {
    FakeAnswer answer = Json({{"metadata-location", "file:///nowhere/m.json"},
                              {"metadata", Metadata(std::move(snapshots))}});
    if (!etag.empty()) answer.headers = {{"ETag", etag}};
    return answer;
  }

  arrow::Result<LoadedTable> Commit(RestCatalog& catalog, int64_t id, int64_t number) {
    return catalog.CommitTable(kTable, {requirement::AssertTableUuid{"u-1"}},
                               {update::AddSnapshot{SnapshotOf(id, number)},
                                update::SetSnapshotRef{"main", RefTo(id)}});
  }

  int Count(const std::string& method, const std::string& target) {
    int count = 0;
    for (const FakeRequest& request : server_.requests()) {
      count += request.method == method && request.target == target;
    }
    return count;
  }

  FakeTime time_;
  json config_;
  std::map<std::string, std::deque<FakeAnswer>> routes_;
  std::vector<int64_t> waits_;
  FakeHttpServer server_;
};

TEST_F(RestCatalogTest, NegotiatesItsConfiguration) {
  config_ = {{"defaults", {{"rest-page-size", "5"}, {"header.X-A", "server"}}},
             {"overrides", {{"prefix", "other%2Fone"}, {"warehouse", "theirs"}}}};
  On("GET /v1/other%2Fone/namespaces", {Json({{"namespaces", json::array()}})});
  auto catalog = Open({{"header.X-A", "mine"}, {"token", "t"}});
  ASSERT_TRUE(catalog->ListNamespaces({}).ok());
  const auto requests = server_.requests();
  EXPECT_EQ(requests[0].target, "/v1/config?warehouse=w");
  EXPECT_EQ(requests[0].headers.at("x-a"), "mine");
  EXPECT_EQ(requests[0].headers.at("authorization"), "Bearer t");
  EXPECT_EQ(requests[0].headers.at("x-iceberg-access-delegation"), "vended-credentials");
  EXPECT_EQ(requests[1].target, "/v1/other%2Fone/namespaces?pageToken=&pageSize=5");
  EXPECT_EQ(catalog->server().properties.at("warehouse"), "theirs");
}

TEST_F(RestCatalogTest, ListsPagesAndLevels) {
  On("GET /v1/p/namespaces",
     {{.body = R"({"namespaces":[["a","z"],["a","b"]],"next-page-token":"2+"})"},
      {.body = R"({"namespaces":[["a","c"],["a","c","deep"]]})"}});
  auto catalog = Open();
  const auto children = catalog->ListNamespaces({"a"});
  ASSERT_TRUE(children.ok()) << children.status();
  EXPECT_THAT(*children,
              ElementsAre(Namespace{"a", "b"}, Namespace{"a", "c"}, Namespace{"a", "z"}));
  EXPECT_EQ(server_.requests()[1].target, "/v1/p/namespaces?parent=a");
  EXPECT_EQ(server_.requests()[2].target, "/v1/p/namespaces?parent=a&pageToken=2%2B");
  On("GET /v1/p/namespaces",
     {Json({{"namespaces", json::array()}, {"next-page-token", "same"}})});
  EXPECT_TRUE(
      IsError(catalog->ListNamespaces({}).status(), ErrorCode::kServiceUnavailable));
  On("GET /v1/p/namespaces/a%1Fb%20%2F/tables",
     {Json({{"identifiers", {{{"namespace", {"a", "b /"}}, {"name", "t"}}}}})});
  const auto tables = catalog->ListTables({"a", "b /"});
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(tables->at(0).name, "t");
}

TEST_F(RestCatalogTest, JoinsLevelsAsTheServerSays) {
  config_["overrides"]["namespace-separator"] = "%2E";
  On("GET /v1/p/namespaces", {Json({{"namespaces", json::array()}})});
  On("GET /v1/p/namespaces/a%2Eb", {Json({{"properties", {{"k", "v"}}}})});
  auto catalog = Open();
  EXPECT_EQ(catalog->NamespaceProperties({"a", "b"})->at("k"), "v");
  ASSERT_TRUE(catalog->ListNamespaces({"a", "b"}).ok());
  EXPECT_EQ(server_.requests().back().target, "/v1/p/namespaces?parent=a.b");
}

TEST_F(RestCatalogTest, TellsNotFoundFromCouldNotLook) {
  auto catalog = Open();
  // No Iceberg server said this.
  EXPECT_TRUE(
      IsError(catalog->LoadTable(kTable).status(), ErrorCode::kServiceUnavailable));
  EXPECT_TRUE(
      IsError(catalog->TableExists(kTable).status(), ErrorCode::kServiceUnavailable));
  On(std::string("GET ") + kTablePath, {Refusal(404, "NoSuchTableException", "no t")});
  EXPECT_TRUE(IsError(catalog->LoadTable(kTable).status(), ErrorCode::kNoSuchTable));
  EXPECT_FALSE(*catalog->TableExists(kTable));
  On(std::string("GET ") + kTablePath,
     {Refusal(404, "NoSuchNamespaceException", "no ns")});
  EXPECT_TRUE(IsError(catalog->LoadTable(kTable).status(), ErrorCode::kNoSuchNamespace));
}

TEST_F(RestCatalogTest, NamesCatalogPathAndRemedyOfEachRefusal) {
  auto catalog = Open({{"token", "hunter2"}});
  const std::vector<std::pair<FakeAnswer, ErrorCode>> cases = {
      {Refusal(400, "BadRequestException", "bad"), ErrorCode::kInvalidArgument},
      {Refusal(401, "NotAuthorizedException", "bad hunter2"), ErrorCode::kNotAuthorized},
      {Refusal(403, "ForbiddenException", "bad"), ErrorCode::kNotAuthorized},
      {Refusal(406, "UnsupportedOperationException", "bad"), ErrorCode::kNotSupported},
      {Refusal(419, "AuthenticationTimeoutException", "bad"), ErrorCode::kNotAuthorized},
      {Refusal(429, "SlowDownException", "bad"), ErrorCode::kThrottled},
      {Refusal(503, "SlowDownException", "bad"), ErrorCode::kServiceUnavailable},
      {Refusal(500, "InternalServerError", "bad"), ErrorCode::kServiceUnavailable},
      {{.status = 302, .headers = {{"Location", "https://u:hunter2@h.example/x"}}},
       ErrorCode::kInvalidConfig},
  };
  for (const auto& [answer, code] : cases) {
    On(std::string("GET ") + kTablePath, {answer});
    const auto status = catalog->LoadTable(kTable).status();
    EXPECT_EQ(ErrorCodeOf(status), code) << status;
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("'c'"), HasSubstr("a.b.t"), HasSubstr(kTablePath),
                      Not(HasSubstr("hunter2"))));
  }
}

TEST_F(RestCatalogTest, AsksForATableThatChangedOnly) {
  On(std::string("GET ") + kTablePath, {Table({SnapshotOf(1, 1)}, "\"e1\""),
                                        {.status = 304},
                                        Table({SnapshotOf(2, 2)}, "\"e2\"")});
  auto catalog = Open();
  const auto first = catalog->LoadTable(kTable);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(catalog->LoadTable(kTable)->metadata, first->metadata);
  EXPECT_EQ(server_.requests()[2].headers.at("if-none-match"), "\"e1\"");
  const auto third = catalog->LoadTable(kTable);
  EXPECT_EQ(third->metadata->current_snapshot_id, 2);
  EXPECT_EQ(third->io, first->io);
}

TEST_F(RestCatalogTest, CreatesTablesAndNamespaces) {
  On("POST /v1/p/namespaces", {Json({{"namespace", {"a", "b"}}}),
                               Refusal(409, "AlreadyExistsException", "is there")});
  On("POST /v1/p/namespaces/a%1Fb/tables", {Table({})});
  auto catalog = Open({{"table-default.write.target", "5"},
                       {"table-default.owner", "nobody"},
                       {"table-override.write.codec", "zstd"}});
  ASSERT_TRUE(catalog->CreateNamespace({"a", "b"}, {{"k", "v"}}).ok());
  EXPECT_EQ(json::parse(server_.requests()[1].body),
            json::parse(R"({"namespace":["a","b"],"properties":{"k":"v"}})"));
  EXPECT_TRUE(
      IsError(catalog->CreateNamespace({"a", "b"}, {}), ErrorCode::kAlreadyExists));
  CreateTableRequest request;
  request.schema = *Schema::Make({NestedField::Optional(1, "id", Type::Long())});
  request.format_version = 3;
  request.location = "s3://b/t/";
  request.properties = {{"owner", "me"}, {"write.codec", "gzip"}};
  ASSERT_TRUE(catalog->CreateTable(kTable, request).ok());
  const json body = json::parse(server_.requests()[3].body);
  EXPECT_EQ(body["name"], "t");
  EXPECT_EQ(body["location"], "s3://b/t");
  EXPECT_EQ(body["stage-create"], false);
  EXPECT_EQ(body["properties"], json({{"format-version", "3"},
                                      {"owner", "me"},
                                      {"write.codec", "zstd"},
                                      {"write.target", "5"}}));
  EXPECT_EQ(body["schema"]["fields"][0]["name"], "id");
}

TEST_F(RestCatalogTest, CommitsAndNamesConflicts) {
  On(std::string("GET ") + kTablePath, {Table({})});
  On(std::string("POST ") + kTablePath,
     {Table({SnapshotOf(7, 1)}), Refusal(409, "CommitFailedException", "main moved")});
  auto catalog = Open();
  ASSERT_TRUE(catalog->LoadTable(kTable).ok());
  const auto committed = Commit(*catalog, 7, 1);
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->metadata->current_snapshot_id, 7);
  EXPECT_EQ(json::parse(server_.requests()[2].body)["updates"].size(), 2u);
  EXPECT_TRUE(IsError(Commit(*catalog, 8, 1).status(), ErrorCode::kCommitConflict));
}

TEST_F(RestCatalogTest, FindsACommitWhoseAnswerWasLost) {
  for (const FakeAnswer& lost :
       {FakeAnswer{.ending = Ending::kResetBefore}, FakeAnswer{.status = 504},
        Refusal(500, "CommitStateUnknownException", "who knows")}) {
    On(std::string("POST ") + kTablePath, {lost});
    On(std::string("GET ") + kTablePath, {Table({SnapshotOf(7, 1), SnapshotOf(9, 2)})});
    const int before = Count("POST", kTablePath);
    const auto committed = Commit(*Open(), 7, 1);
    ASSERT_TRUE(committed.ok()) << committed.status();
    EXPECT_EQ(Count("POST", kTablePath), before + 1);
  }
}

TEST_F(RestCatalogTest, SeesThatALostCommitCameTooLate) {
  On(std::string("POST ") + kTablePath, {{.ending = Ending::kResetBefore}});
  On(std::string("GET ") + kTablePath, {Table({SnapshotOf(9, 1)})});
  EXPECT_TRUE(IsError(Commit(*Open(), 7, 1).status(), ErrorCode::kCommitConflict));
}

TEST_F(RestCatalogTest, SaysThatACommitsStateIsUnknown) {
  On(std::string("POST ") + kTablePath, {{.ending = Ending::kResetBefore}});
  On(std::string("GET ") + kTablePath, {Table({})});
  const auto committed = Commit(*Open(), 7, 1);
  EXPECT_TRUE(IsError(committed.status(), ErrorCode::kCommitStateUnknown));
  EXPECT_EQ(Count("POST", kTablePath), 1);
  EXPECT_EQ(Count("GET", kTablePath), 3);
  EXPECT_THAT(waits_, ElementsAre(1000, 5000));
}

// A gateway answered 503 although the commit went through: its repetition conflicts.
TEST_F(RestCatalogTest, IsNotInConflictWithItself) {
  On(std::string("POST ") + kTablePath,
     {{.status = 503}, Refusal(409, "CommitFailedException", "main moved")});
  On(std::string("GET ") + kTablePath, {Table({SnapshotOf(7, 1)})});
  const auto committed = Commit(*Open(), 7, 1);
  ASSERT_TRUE(committed.ok()) << committed.status();
}

// Any other error would have the commit's files removed.
TEST_F(RestCatalogTest, NeverTakesACommitThatMayHaveHappenedForAFailure) {
  On(std::string("POST ") + kTablePath, {{.body = "no JSON"}});
  On(std::string("GET ") + kTablePath, {{.status = 500}});
  EXPECT_TRUE(IsError(Commit(*Open(), 7, 1).status(), ErrorCode::kCommitStateUnknown));
  On(std::string("POST ") + kTablePath, {{.body = "{}"}});
  EXPECT_TRUE(IsError(Commit(*Open(), 7, 1).status(), ErrorCode::kCommitStateUnknown));
  On(std::string("POST ") + kTablePath, {Refusal(409, "CommitFailedException", "moved")});
  EXPECT_TRUE(IsError(Commit(*Open(), 7, 1).status(), ErrorCode::kCommitStateUnknown));
}

TEST_F(RestCatalogTest, RepeatsUnderOneKeyWhereTheServerTakesKeys) {
  config_["idempotency-key-lifetime"] = "PT30M";
  On(std::string("POST ") + kTablePath,
     {{.ending = Ending::kResetBefore}, Table({SnapshotOf(7, 1)})});
  On(std::string("GET ") + kTablePath, {Table({})});
  auto catalog = Open();
  ASSERT_TRUE(catalog->LoadTable(kTable).ok());
  ASSERT_TRUE(Commit(*catalog, 7, 1).ok());
  const auto requests = server_.requests();
  const std::string key = requests[2].headers.at("idempotency-key");
  EXPECT_EQ(key.size(), 36u);
  EXPECT_EQ(key[14], '7');
  EXPECT_EQ(requests[3].headers.at("idempotency-key"), key);
  ASSERT_TRUE(Commit(*catalog, 7, 1).ok());
  EXPECT_NE(server_.requests().back().headers.at("idempotency-key"), key);
}

TEST_F(RestCatalogTest, CommitsToSeveralTables) {
  On("POST /v1/p/transactions/commit", {{.status = 204}, {.status = 502}});
  On(std::string("GET ") + kTablePath, {Table({SnapshotOf(7, 1)})});
  auto catalog = Open();
  const std::vector<TableCommit> commits = {
      {kTable, {}, {update::AddSnapshot{SnapshotOf(7, 1)}}},
      {{{"a"}, "u"}, {requirement::AssertTableUuid{"x"}}, {update::SetLocation{"l"}}}};
  EXPECT_TRUE(catalog->CommitTables(commits).ok());
  const json body = json::parse(server_.requests().back().body);
  EXPECT_EQ(body["table-changes"][1]["identifier"],
            json::parse(R"({"namespace":["a"],"name":"u"})"));
  EXPECT_TRUE(catalog->CommitTables(commits).ok());  // Looked up: it is there.
  config_["endpoints"] = {"GET /v1/{prefix}/namespaces"};
  EXPECT_TRUE(IsError(Open()->CommitTables(commits), ErrorCode::kNotSupported));
}

TEST_F(RestCatalogTest, DropsOnceThoughAskedTwice) {
  On(std::string("DELETE ") + kTablePath,
     {{.ending = Ending::kResetBefore}, Refusal(404, "NoSuchTableException", "gone")});
  auto catalog = Open();
  EXPECT_TRUE(catalog->DropTable(kTable, false).ok());
  EXPECT_TRUE(IsError(catalog->DropTable(kTable, false), ErrorCode::kNoSuchTable));
  On("DELETE /v1/p/namespaces/a",
     {Refusal(409, "NamespaceNotEmptyException", "has tables")});
  EXPECT_TRUE(IsError(catalog->DropNamespace({"a"}), ErrorCode::kInvalidArgument));
}

TEST_F(RestCatalogTest, RenewsARefusedLogin) {
  On("POST /v1/oauth/tokens",
     {Json({{"access_token", "one"}}), Json({{"access_token", "two"}})});
  On(std::string("GET ") + kTablePath,
     {Refusal(419, "AuthenticationTimeoutException", "expired"), Table({})});
  ASSERT_TRUE(Open({{"credential", "me:secret"}})->LoadTable(kTable).ok());
  EXPECT_EQ(server_.requests().back().headers.at("authorization"), "Bearer two");
  EXPECT_EQ(Count("POST", "/v1/oauth/tokens"), 2);
}

TEST_F(RestCatalogTest, SignsRequests) {
  On(std::string("GET ") + kTablePath, {Table({})});
  auto catalog = Open({{"rest.sigv4-enabled", "true"},
                       {"rest.signing-region", "us-east-1"},
                       {"rest.signing-name", "s3tables"},
                       {"client.access-key-id", "AKIDEXAMPLE"},
                       {"client.secret-access-key", "secret"},
                       {"token", "t"}});
  ASSERT_TRUE(catalog->LoadTable(kTable).ok());
  const FakeRequest request = server_.requests().back();
  EXPECT_THAT(request.headers.at("authorization"),
              AllOf(HasSubstr("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
                    HasSubstr("/us-east-1/s3tables/aws4_request")));
  EXPECT_EQ(request.headers.at("original-authorization"), "Bearer t");
}

TEST_F(RestCatalogTest, RenewsVendedCredentialsOfFilesInUse) {
  const auto credentials = [&](const char* id, const char* expires_at_ms) {
    const json config = {{"s3.access-key-id", id},
                         {"s3.secret-access-key", "secret"},
                         {"s3.session-token", "session"},
                         {"s3.session-token-expires-at-ms", expires_at_ms}};
    const json wrong = {{"prefix", "file:///"}, {"config", {{"s3.access-key-id", "no"}}}};
    return json::array({wrong, {{"prefix", "file:///nowhere"}, {"config", config}}});
  };
  json loaded = {{"metadata-location", "file:///nowhere/m.json"},
                 {"metadata", Metadata({})},
                 {"storage-credentials", credentials("FIRST", "1000000")}};
  On(std::string("GET ") + kTablePath, {Json(loaded)});
  On(std::string("GET ") + kTablePath + "/credentials",
     {Json({{"storage-credentials", credentials("SECOND", "9000000")}})});
  config_["endpoints"] = {kLoadTable, kLoadCredentials};
  auto catalog = Open({{"s3.endpoint", server_.url()}, {"s3.region", "us-east-1"}});
  const auto table = catalog->LoadTable(kTable);
  ASSERT_TRUE(table.ok()) << table.status();
  const auto key_of_last = [&] {
    const std::string text = server_.requests().back().headers.at("authorization");
    const size_t begin = text.find("Credential=") + 11;
    return text.substr(begin, text.find('/', begin) - begin);
  };
  static_cast<void>(table->io->ReadAll("s3://b/x"));
  EXPECT_EQ(key_of_last(), "FIRST");
  time_.now_ms = 2'000'000;
  static_cast<void>(table->io->ReadAll("s3://b/x"));
  EXPECT_EQ(key_of_last(), "SECOND");
  EXPECT_EQ(Count("GET", std::string(kTablePath) + "/credentials"), 1);
  // Another load brings keys of its own; those in use are renewed as they end.
  loaded["storage-credentials"] = credentials("THIRD", "9000001");
  On(std::string("GET ") + kTablePath, {Json(loaded)});
  EXPECT_EQ(catalog->LoadTable(kTable)->io, table->io);
}

TEST_F(RestCatalogTest, PlansScansOnTheServer) {
  const json file = {{"content", "data"},          {"file-path", "file:///f"},
                     {"file-format", "parquet"},   {"spec-id", 0},
                     {"partition", json::array()}, {"record-count", 3},
                     {"file-size-in-bytes", 9}};
  json deletes = file;
  deletes["content"] = "position-deletes";
  On(std::string("GET ") + kTablePath, {Table({SnapshotOf(7, 1)})});
  On(std::string("POST ") + kTablePath + "/plan",
     {Json({{"status", "submitted"}, {"plan-id", "id/1"}})});
  On(std::string("GET ") + kTablePath + "/plan/id%2F1",
     {Json({{"status", "submitted"}}),
      Json({{"status", "completed"},
            {"plan-tasks", {"more"}},
            {"delete-files", {deletes}},
            {"file-scan-tasks",
             {{{"data-file", file}, {"delete-file-references", {0}}}}}})});
  On(std::string("POST ") + kTablePath + "/tasks",
     {Json({{"file-scan-tasks", {{{"data-file", file}}}}})});
  On(std::string("DELETE ") + kTablePath + "/plan/id%2F1", {{.status = 204}});
  config_["endpoints"] = json::array();
  for (const char* endpoint :
       {"GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
        "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan",
        "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}",
        "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}",
        "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/tasks"}) {
    config_["endpoints"].push_back(endpoint);
  }
  const auto plan = [&](RestCatalog& catalog) {
    const auto loaded = *catalog.LoadTable(kTable);
    CatalogScanRequest request;
    request.snapshot_id = 7;
    request.columns = {"id"};
    request.filter = *Bind(*ParsePredicate("id > 5"), *loaded.metadata->schema());
    return catalog.PlanScan(kTable, *loaded.metadata, request);
  };
  EXPECT_FALSE(plan(*Open())->has_value());
  auto catalog =
      Open({{"scan-planning-mode", "server"}, {"rest.scan-planning-timeout-ms", "100"}});
  const auto scan = plan(*catalog);
  ASSERT_TRUE(scan.ok()) << scan.status();
  ASSERT_EQ((*scan)->tasks.size(), 2u);
  EXPECT_EQ((*scan)->tasks[0].deletes.size(), 1u);
  EXPECT_EQ((*scan)->tasks[1].deletes.size(), 0u);
  for (const FakeRequest& request : server_.requests()) {
    if (!request.target.ends_with("/plan")) continue;
    EXPECT_EQ(json::parse(request.body), json::parse(R"({"snapshot-id":7,"select":["id"],
        "case-sensitive":true,"use-snapshot-schema":false,
        "filter":{"type":"gt","term":"id","value":5}})"));
  }
  On(std::string("GET ") + kTablePath + "/plan/id%2F1",
     {Json({{"status", "submitted"}})});
  EXPECT_TRUE(IsError(plan(*catalog).status(), ErrorCode::kDeadlineExceeded));
  EXPECT_EQ(server_.requests().back().method, "DELETE");
  On(std::string("POST ") + kTablePath + "/plan",
     {Json({{"status", "failed"}, {"error", {{"message", "too much"}}}})});
  EXPECT_THAT(plan(*catalog).status().message(), HasSubstr("too much"));
}

TEST_F(RestCatalogTest, RefusesWrongSettings) {
  for (const PropertyMap& wrong :
       {PropertyMap{{"rest-page-size", "0"}}, PropertyMap{{"scan-planning-mode", "both"}},
        PropertyMap{{"rest.sigv4-enabled", "yes"}},
        PropertyMap{{"snapshot-loading-mode", "refs"}}}) {
    const auto opened = TryOpen(wrong);
    EXPECT_TRUE(IsError(opened.status(), ErrorCode::kInvalidConfig));
    EXPECT_THAT(opened.status().message(), HasSubstr(wrong.begin()->first));
  }
  CatalogRegistry registry;
  RegisterRestCatalog(registry);
  CatalogConfig config;
  config.catalog_type = "rest";
  config.uri = "h.example";
  EXPECT_TRUE(IsError(registry.Open(config).status(), ErrorCode::kInvalidConfig));
}

TEST(TableRecords, ChoosesTheLongestPrefixAndTheFirstEnd) {
  const std::vector<StorageCredential> credentials = {
      {"s3://b", {{"k", "1"}}}, {"s3://b/t", {{"k", "2"}}}, {"s3://other", {{"k", "3"}}}};
  EXPECT_EQ(CredentialFor(credentials, "s3://b/t/x")->config.at("k"), "2");
  EXPECT_EQ(CredentialFor(credentials, "s3://b/u")->config.at("k"), "1");
  EXPECT_EQ(CredentialFor(credentials, "gs://b"), nullptr);
  EXPECT_EQ(CredentialsExpiryMs({{"s3.session-token-expires-at-ms", "20"},
                                 {"gcs.oauth2.token-expires-at", "10"}}),
            10);
  EXPECT_EQ(CredentialsExpiryMs({{"s3.region", "20"}}), 0);
}

}  // namespace
}  // namespace floe::iceberg
