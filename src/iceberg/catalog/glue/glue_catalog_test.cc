#include "iceberg/catalog/glue/glue_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/catalog/glue/glue_client.h"
#include "iceberg/catalog/glue/glue_properties.h"
#include "iceberg/catalog/glue/glue_table.h"

namespace floe::iceberg {
namespace {

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

/// Glue in memory, behind an HTTP client, with faults where a test says so.
class FakeGlue final : public HttpClient {
 public:
  /// Runs before the next call of `action`; an answer of it is given in Glue's place.
  using Fault = std::function<std::optional<HttpResponse>()>;

  arrow::Result<HttpResponse> Send(const HttpRequest& request) override {
    const std::string action = ActionOf(request);
    Fault fault;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      requests.push_back(request);
      auto& faults = faults_[action];
      if (!faults.empty()) {
        fault = faults.front();
        faults.erase(faults.begin());
      }
    }
    if (fault) {
      if (auto answer = fault()) return *answer;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    return CarryOut(action, Json::parse(request.body));
  }

  void Inject(const std::string& action, Fault fault) {
    std::unique_lock<std::mutex> lock(mutex_);
    faults_[action].push_back(std::move(fault));
  }
  void Fail(const std::string& action, int status, const std::string& type) {
    Inject(action, [=] { return Error(status, type); });
  }
  int CallCount(const std::string& action) {
    std::unique_lock<std::mutex> lock(mutex_);
    return static_cast<int>(std::count_if(
        requests.begin(), requests.end(),
        [&](const HttpRequest& request) { return ActionOf(request) == action; }));
  }

  static HttpResponse Error(int status, const std::string& type) {
    return {
        status,
        {},
        Json({{"__type", "com.amazonaws.glue#" + type}, {"Message", "as told"}}).dump()};
  }

  std::vector<HttpRequest> requests;
  std::map<std::string, Json> databases;
  std::map<std::string, Json> tables;

 private:
  static std::string ActionOf(const HttpRequest& request) {
    for (const auto& [name, value] : request.headers) {
      if (name == "X-Amz-Target") return value.substr(value.find('.') + 1);
    }
    return "";
  }
  static HttpResponse Ok(const Json& body) { return {200, {}, body.dump()}; }

  HttpResponse CarryOut(const std::string& action, const Json& body) {
    if (action == "GetDatabases") return Page(databases, "", "DatabaseList", body);
    if (action == "CreateDatabase") {
      const Json& input = body["DatabaseInput"];
      bool is_new = databases.emplace(input["Name"].get<std::string>(), input).second;
      return is_new ? Ok(Json::object()) : Error(400, "AlreadyExistsException");
    }
    if (action == "GetDatabase") {
      auto found = databases.find(body["Name"].get<std::string>());
      if (found == databases.end()) return Error(400, "EntityNotFoundException");
      return Ok({{"Database", found->second}});
    }
    if (action == "DeleteDatabase") {
      databases.erase(body["Name"].get<std::string>());
      return Ok(Json::object());
    }
    return CarryOutOnTable(action, body);
  }

  HttpResponse CarryOutOnTable(const std::string& action, const Json& body) {
    const std::string database = body["DatabaseName"];
    if (databases.count(database) == 0) return Error(400, "EntityNotFoundException");
    if (action == "GetTables") return Page(tables, database + ".", "TableList", body);
    const Json input = body.value("TableInput", Json::object());
    const std::string name = input.is_object() && input.contains("Name")
                                 ? input["Name"].get<std::string>()
                                 : body["Name"].get<std::string>();
    auto found = tables.find(database + "." + name);
    if (action == "CreateTable") {
      if (found != tables.end()) return Error(400, "AlreadyExistsException");
      tables[database + "." + name] = Stored(input, 0);
      return Ok(Json::object());
    }
    if (found == tables.end()) return Error(400, "EntityNotFoundException");
    if (action == "GetTable") return Ok({{"Table", found->second}});
    if (action == "DeleteTable") {
      tables.erase(found);
      return Ok(Json::object());
    }
    if (found->second["VersionId"] != body["VersionId"]) {
      return Error(400, "ConcurrentModificationException");
    }
    int version = std::stoi(found->second["VersionId"].get<std::string>());
    found->second = Stored(input, version + 1);
    return Ok(Json::object());
  }

  static Json Stored(Json input, int version) {
    input["VersionId"] = std::to_string(version);
    input["CreatedBy"] = "arn:aws:iam::1:user/u";
    return input;
  }

  /// Two entries a page.
  static HttpResponse Page(const std::map<std::string, Json>& entries,
                           const std::string& prefix, const char* key, const Json& body) {
    Json list = Json::array();
    std::string token = body.value("NextToken", "");
    for (const auto& [name, entry] : entries) {
      if (!name.starts_with(prefix) || name <= token) continue;
      if (list.size() == 2) {
        return Ok({{key, list},
                   {"NextToken", prefix + list.back()["Name"].get<std::string>()}});
      }
      list.push_back(entry);
    }
    return Ok({{key, list}});
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<Fault>> faults_;
};

class GlueCatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe glue " + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  CatalogConfig Config() const {
    CatalogConfig config;
    config.catalog_type = "glue";
    config.warehouse = folder_.string();
    config.properties = {{"glue.endpoint", "http://127.0.0.1:1"},
                         {"client.region", "eu-west-1"},
                         {"glue.access-key-id", "AKIDEXAMPLE"},
                         {"glue.secret-access-key", "hush-secret"},
                         {"glue.id", "123456789012"}};
    return config;
  }
  std::shared_ptr<Catalog> Open(const CatalogConfig& config) {
    CatalogEnvironment environment;
    environment.io = *MakeFileIO({});
    environment.metadata_cache = nullptr;
    return Unwrap(OpenGlueCatalogOver(config, environment, glue_));
  }
  static CreateTableRequest Request() {
    CreateTableRequest request;
    NestedField value = NestedField::Optional(2, "v", Type::TimestampTz());
    value.doc = "a time\nof day";
    request.schema =
        Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long()), value}));
    request.properties = {{"k", "x"}, {"comment", "for people"}};
    return request;
  }
  std::shared_ptr<Catalog> WithTable() {
    auto catalog = Open(Config());
    EXPECT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
    EXPECT_TRUE(catalog->CreateTable(id_, Request()).ok());
    return catalog;
  }
  arrow::Status SetProperty(Catalog& catalog, const std::string& key,
                            const std::string& value) {
    return catalog.CommitTable(id_, {}, {update::SetProperties{{{key, value}}}}).status();
  }
  std::string Property(Catalog& catalog, const std::string& key) {
    return Unwrap(catalog.LoadTable(id_)).metadata->Property(key, "");
  }

  std::filesystem::path folder_;
  std::shared_ptr<FakeGlue> glue_ = std::make_shared<FakeGlue>();
  TableIdentifier id_{{"db"}, "t"};
};

TEST_F(GlueCatalogTest, SignsWithWhatIsConfigured) {
  auto catalog = WithTable();
  const HttpRequest& request = glue_->requests.back();
  EXPECT_EQ(request.url, "http://127.0.0.1:1");
  EXPECT_EQ(request.sigv4_scope.service, "glue");
  EXPECT_EQ(request.sigv4_scope.region, "eu-west-1");
  EXPECT_EQ(request.aws_credentials->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(request.kind, RequestKind::kCatalog);
  for (const HttpRequest& sent : glue_->requests) {
    EXPECT_EQ(Json::parse(sent.body)["CatalogId"], "123456789012");
    EXPECT_THAT(sent.body, Not(HasSubstr("hush-secret")));
  }
}

TEST_F(GlueCatalogTest, ReadsItsProperties) {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
                               "AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL"}) {
    ::unsetenv(variable);
  }
  ::setenv("AWS_CONFIG_FILE", (folder_ / "none").c_str(), 1);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (folder_ / "none").c_str(), 1);
  CatalogConfig config;
  arrow::Status no_region = glue::ReadGlueProperties(config).status();
  EXPECT_TRUE(IsError(no_region, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(no_region), HasSubstr("glue.region"));
  config.properties["glue.region"] = "cn-north-1";
  auto properties = Unwrap(glue::ReadGlueProperties(config));
  EXPECT_EQ(properties.client.endpoint, "https://glue.cn-north-1.amazonaws.com.cn/");
  EXPECT_TRUE(properties.skips_archive);
  config.properties["glue.max-retries"] = "3";
  properties = Unwrap(glue::ReadGlueProperties(config));
  EXPECT_EQ(properties.client.max_tries, 3);
  for (const auto& [key, value] :
       {std::pair("glue.max-retries", "many"), std::pair("glue.skip-archive", "no"),
        std::pair("glue.endpoint", "host:80"), std::pair("glue.call-timeout-ms", "0")}) {
    CatalogConfig bad = config;
    bad.properties[key] = value;
    arrow::Status status = glue::ReadGlueProperties(bad).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kInvalidConfig)) << key;
    EXPECT_THAT(ErrorText(status), HasSubstr(key));
  }
}

TEST_F(GlueCatalogTest, KeepsNamespacesAsDatabases) {
  auto catalog = Open(Config());
  for (const char* name : {"e", "d", "c", "b", "a"}) {
    ASSERT_TRUE(catalog->CreateNamespace({name}, {{"k", "v"}}).ok());
  }
  EXPECT_EQ(Unwrap(catalog->ListNamespaces({})).size(), 5u);
  EXPECT_EQ(glue_->CallCount("GetDatabases"), 3);
  EXPECT_EQ(Unwrap(ListAllNamespaces(*catalog)).size(), 5u);
  EXPECT_EQ(glue_->CallCount("GetDatabases"), 6);
  EXPECT_EQ(glue_->CallCount("GetDatabase"), 0);
  ASSERT_TRUE(
      catalog->CreateNamespace({"f"}, {{"comment", "c"}, {"location", "s3://b/f"}}).ok());
  auto properties = Unwrap(catalog->NamespaceProperties({"f"}));
  EXPECT_EQ(properties["comment"], "c");
  EXPECT_EQ(properties["location"], "s3://b/f");
  EXPECT_EQ(Unwrap(catalog->NamespaceProperties({"a"}))["k"], "v");
  EXPECT_TRUE(IsError(catalog->CreateNamespace({"a"}, {}), ErrorCode::kAlreadyExists));
  EXPECT_TRUE(
      IsError(catalog->CreateNamespace({"a", "b"}, {}), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(IsError(catalog->DropNamespace({"z"}), ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(IsError(catalog->ListTables({"z"}).status(), ErrorCode::kNoSuchNamespace));
  // Glue deletes a database with its tables, also with those that are not Iceberg's.
  glue_->tables["a.plain"] = {{"Name", "plain"}, {"TableType", "EXTERNAL_TABLE"}};
  EXPECT_TRUE(IsError(catalog->DropNamespace({"a"}), ErrorCode::kInvalidArgument));
  EXPECT_EQ(glue_->CallCount("DeleteDatabase"), 0);
  EXPECT_TRUE(catalog->DropNamespace({"b"}).ok());
  EXPECT_FALSE(Unwrap(catalog->NamespaceExists({"b"})));
}

TEST_F(GlueCatalogTest, WritesTablesAsJavaAndPyIcebergDo) {
  auto catalog = WithTable();
  LoadedTable loaded = Unwrap(catalog->LoadTable(id_));
  const Json& table = glue_->tables["db.t"];
  EXPECT_EQ(table["TableType"], "EXTERNAL_TABLE");
  EXPECT_EQ(table["Description"], "for people");
  EXPECT_EQ(table["Parameters"]["table_type"], "ICEBERG");
  EXPECT_EQ(table["Parameters"]["metadata_location"], loaded.metadata_location);
  EXPECT_EQ(table["Parameters"]["k"], "x");
  EXPECT_EQ(table["StorageDescriptor"]["Location"], loaded.metadata->location);
  const Json& columns = table["StorageDescriptor"]["Columns"];
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_EQ(columns[0]["Type"], "bigint");
  EXPECT_EQ(columns[0]["Parameters"]["iceberg.field.optional"], "false");
  EXPECT_EQ(columns[1]["Type"], "timestamp");
  EXPECT_EQ(columns[1]["Comment"], "a time of day");
  EXPECT_EQ(columns[1]["Parameters"]["iceberg.field.id"], "2");
}

TEST_F(GlueCatalogTest, KeepsWhatOthersStoredInATable) {
  auto catalog = WithTable();
  Json& table = glue_->tables["db.t"];
  const std::string before = table["Parameters"]["metadata_location"];
  table["Parameters"]["athena"] = "kept";
  table["Owner"] = "hadoop";
  table["StorageDescriptor"]["AdditionalLocations"] = {"s3://b/more"};
  ASSERT_TRUE(catalog->CommitTable(id_, {}, {update::RemoveProperties{{"k"}}}).ok());
  EXPECT_EQ(table["Parameters"]["athena"], "kept");
  EXPECT_EQ(table["Parameters"]["previous_metadata_location"], before);
  EXPECT_FALSE(table["Parameters"].contains("k"));
  EXPECT_EQ(table["Owner"], "hadoop");
  EXPECT_EQ(table["StorageDescriptor"]["AdditionalLocations"][0], "s3://b/more");
  const Json sent = Json::parse(glue_->requests.back().body);
  EXPECT_EQ(sent["SkipArchive"], true);
  EXPECT_EQ(sent["VersionId"], "0");
  EXPECT_FALSE(sent["TableInput"].contains("VersionId"));
  EXPECT_FALSE(sent["TableInput"].contains("CreatedBy"));
}

TEST_F(GlueCatalogTest, ListsIcebergTablesOverAllPages) {
  auto catalog = WithTable();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(catalog->CreateTable({{"db"}, fmt::format("u{}", i)}, Request()).ok());
  }
  glue_->tables["db.plain"] = {{"Name", "plain"}, {"TableType", "EXTERNAL_TABLE"}};
  EXPECT_EQ(Unwrap(catalog->ListTables({"db"})).size(), 6u);
  for (const arrow::Status& status : {catalog->LoadTable({{"db"}, "plain"}).status(),
                                      catalog->DropTable({{"db"}, "plain"}, false)}) {
    EXPECT_TRUE(IsError(status, ErrorCode::kNotSupported));
    EXPECT_THAT(ErrorText(status), HasSubstr("'db.plain'"));
  }
  // A service that gives the same page for ever is left.
  for (int i = 0; i < 2; ++i) {
    glue_->Inject("GetTables", [] {
      return HttpResponse{200, {}, R"({"TableList":[],"NextToken":"again"})"};
    });
  }
  EXPECT_TRUE(IsError(catalog->ListTables({"db"}).status(), ErrorCode::kCorruptData));
}

TEST_F(GlueCatalogTest, ConflictsByVersion) {
  auto catalog = WithTable();
  auto other = Open(Config());
  glue_->Inject("UpdateTable", [&]() -> std::optional<HttpResponse> {
    EXPECT_TRUE(SetProperty(*other, "b", "2").ok());
    return std::nullopt;
  });
  arrow::Status conflict = SetProperty(*catalog, "a", "1");
  EXPECT_TRUE(IsError(conflict, ErrorCode::kCommitConflict)) << conflict.ToString();
  // A change of something else than the pointer conflicts as well.
  glue_->Inject("UpdateTable", [&]() -> std::optional<HttpResponse> {
    glue_->tables["db.t"]["VersionId"] = "77";
    return std::nullopt;
  });
  EXPECT_TRUE(IsError(SetProperty(*catalog, "a", "1"), ErrorCode::kCommitConflict));
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_EQ(Property(*catalog, "b"), "2");
}

TEST_F(GlueCatalogTest, LosesNoCommitOfManyWriters) {
  auto first = WithTable();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      auto catalog = Open(Config());
      for (int i = 0; i < 5;) {
        arrow::Status done = SetProperty(*catalog, fmt::format("w{}-{}", writer, i), "1");
        if (done.ok()) ++i;
        if (!done.ok() && !IsError(done, ErrorCode::kCommitConflict)) {
          ADD_FAILURE() << done.ToString();
          return;
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Unwrap(first->LoadTable(id_)).metadata->properties.size(),
            Request().properties.size() + 20u);
}

TEST_F(GlueCatalogTest, FindsOutWhatBecameOfALostAnswer) {
  auto catalog = WithTable();
  // A repeated request meets its own first arrival.
  glue_->Inject("UpdateTable", [&]() -> std::optional<HttpResponse> {
    HttpRequest first = glue_->requests.back();
    EXPECT_EQ(glue_->Send(first)->status, 200);
    return std::nullopt;
  });
  EXPECT_TRUE(SetProperty(*catalog, "a", "1").ok());
  EXPECT_EQ(Property(*catalog, "a"), "1");
  // It failed inside after its work was done.
  glue_->Inject("UpdateTable", [&]() -> std::optional<HttpResponse> {
    HttpRequest first = glue_->requests.back();
    EXPECT_EQ(glue_->Send(first)->status, 200);
    return FakeGlue::Error(500, "InternalServiceException");
  });
  EXPECT_TRUE(SetProperty(*catalog, "a", "2").ok());
  // It failed inside, and nobody knows.
  glue_->Fail("UpdateTable", 500, "InternalServiceException");
  arrow::Status unknown = SetProperty(*catalog, "a", "3");
  EXPECT_TRUE(IsError(unknown, ErrorCode::kCommitStateUnknown)) << unknown.ToString();
  EXPECT_EQ(Property(*catalog, "a"), "2");
  glue_->Inject("CreateTable", [&]() -> std::optional<HttpResponse> {
    HttpRequest first = glue_->requests.back();
    EXPECT_EQ(glue_->Send(first)->status, 200);
    return FakeGlue::Error(500, "InternalServiceException");
  });
  EXPECT_TRUE(catalog->CreateTable({{"db"}, "u"}, Request()).ok());
}

TEST_F(GlueCatalogTest, RenamesInTwoStepsAndLosesNothing) {
  auto catalog = WithTable();
  TableIdentifier to{{"db"}, "u"};
  ASSERT_TRUE(catalog->RenameTable(id_, to).ok());
  EXPECT_FALSE(Unwrap(catalog->TableExists(id_)));
  EXPECT_EQ(glue_->tables["db.u"]["Description"], "for people");
  ASSERT_TRUE(catalog->CreateTable(id_, Request()).ok());
  EXPECT_TRUE(IsError(catalog->RenameTable(id_, to), ErrorCode::kAlreadyExists));
  EXPECT_TRUE(
      IsError(catalog->RenameTable(id_, {{"no"}, "u"}), ErrorCode::kNoSuchNamespace));
  EXPECT_TRUE(IsError(catalog->RenameTable({{"db"}, "no"}, {{"db"}, "w"}),
                      ErrorCode::kNoSuchTable));
  // A commit in between is not lost, and the new name is taken back.
  auto other = Open(Config());
  glue_->Inject("CreateTable", [&]() -> std::optional<HttpResponse> {
    EXPECT_TRUE(SetProperty(*other, "b", "2").ok());
    return std::nullopt;
  });
  EXPECT_TRUE(
      IsError(catalog->RenameTable(id_, {{"db"}, "w"}), ErrorCode::kCommitConflict));
  EXPECT_EQ(Property(*catalog, "b"), "2");
  EXPECT_FALSE(Unwrap(catalog->TableExists({{"db"}, "w"})));
  EXPECT_TRUE(catalog->DropTable(id_, false).ok());
  EXPECT_TRUE(IsError(catalog->DropTable(id_, false), ErrorCode::kNoSuchTable));
}

TEST_F(GlueCatalogTest, SaysWhatErrorsMeanAndWhatToDo) {
  auto catalog = WithTable();
  struct Case {
    int status;
    const char* type;
    ErrorCode code;
    const char* remedy;
  };
  for (const Case& one :
       {Case{400, "AccessDeniedException", ErrorCode::kNotAuthorized, "Lake Formation"},
        Case{403, "InvalidSignatureException", ErrorCode::kNotAuthorized, "clock"},
        Case{400, "UnrecognizedClientException", ErrorCode::kNotAuthorized, "access key"},
        Case{403, "", ErrorCode::kNotAuthorized, "access key"},
        Case{400, "InvalidInputException", ErrorCode::kInvalidArgument, "as told"},
        Case{400, "ResourceNumberLimitExceededException", ErrorCode::kResourceExhausted,
             "glue.skip-archive"},
        Case{500, "InternalServiceException", ErrorCode::kServiceUnavailable, "500"},
        Case{400, "GlueEncryptionException", ErrorCode::kIo, "GlueEncryption"}}) {
    glue_->Fail("GetTable", one.status, one.type);
    arrow::Status status = catalog->LoadTable(id_).status();
    EXPECT_TRUE(IsError(status, one.code)) << one.type << status.ToString();
    EXPECT_THAT(ErrorText(status),
                AllOf(HasSubstr(one.remedy), HasSubstr("http://127.0.0.1:1"),
                      HasSubstr("db.t"), Not(HasSubstr("hush-secret"))));
  }
  glue_->Inject("GetTable", [] { return HttpResponse{200, {}, "<html>"}; });
  EXPECT_TRUE(IsError(catalog->LoadTable(id_).status(), ErrorCode::kCorruptData));
  glue_->Fail("GetTable", 400, "ExpiredTokenException");
  arrow::Status expired = catalog->LoadTable(id_).status();
  EXPECT_TRUE(IsError(expired, ErrorCode::kNotAuthorized));
  EXPECT_THAT(ErrorText(expired), HasSubstr("renew"));
}

TEST_F(GlueCatalogTest, WaitsWhenThrottled) {
  std::vector<int64_t> waits_ms;
  glue::GlueClientOptions options;
  options.endpoint = "http://127.0.0.1:1";
  options.max_tries = 4;
  options.first_wait_ms = 100;
  options.max_wait_ms = 150;
  options.sleep = [&](int64_t wait_ms) { waits_ms.push_back(wait_ms); };
  AwsSettings settings;
  settings.prefix = glue::kGluePrefix;
  glue::GlueClient client(
      options, glue_, Unwrap(MakeAwsCredentialsProvider(Config().properties, settings)),
      Random::System());
  glue_->databases["a"] = {{"Name", "a"}};
  for (int i = 0; i < 3; ++i) glue_->Fail("GetDatabase", 400, "ThrottlingException");
  EXPECT_TRUE(
      client.Call("GetDatabase", {{"Name", "a"}}, glue::GlueClient::Effect::kReads).ok());
  ASSERT_EQ(waits_ms.size(), 3u);
  EXPECT_LE(waits_ms[0], 100);
  EXPECT_LE(waits_ms[2], 150);
  for (int i = 0; i < 4; ++i) glue_->Fail("GetDatabase", 400, "ThrottlingException");
  arrow::Status status =
      client.Call("GetDatabase", {{"Name", "a"}}, glue::GlueClient::Effect::kReads)
          .status();
  EXPECT_TRUE(IsError(status, ErrorCode::kThrottled));
  EXPECT_TRUE(IsRetryable(status));
}

}  // namespace
}  // namespace floe::iceberg
