#include "capi/source_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "capi/config_keys.h"
#include "capi/handles.h"

namespace floe::capi {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

/// Two catalogs, each with a table lake.t, of columns that tell them apart.
class SourceRequestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe source " + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_);
    MakeTable("home", "at_home");
    MakeTable("other", "elsewhere");
    home_.catalog = Open("home");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  nlohmann::json Config(const std::string& name) const {
    return {{"catalog_type", "sql"},
            {"catalog_name", name},
            {"uri", "sqlite:///" + (folder_ / (name + ".db")).string()},
            {"warehouse", (folder_ / name).string()}};
  }

  std::shared_ptr<iceberg::Catalog> Open(const std::string& name) const {
    Request config = Unwrap(
        Request::Parse(Config(name).dump().c_str(), "the settings", CatalogKeys()));
    return Unwrap(SharedCatalog(config));
  }

  void MakeTable(const std::string& name, const std::string& column) const {
    auto catalog = Open(name);
    ASSERT_TRUE(catalog->CreateNamespace({"lake"}, {}).ok());
    iceberg::CreateTableRequest request;
    request.schema = Unwrap(iceberg::Schema::Make(
        {iceberg::NestedField::Required(1, column, iceberg::Type::Long())}));
    auto identifier = Unwrap(iceberg::TableIdentifier::Parse("lake.t"));
    ASSERT_TRUE(catalog->CreateTable(identifier, request).ok());
  }

  /// The source lake.t of the catalog of `config`, or of home where it is null.
  arrow::Result<offline::FeatureSource> Source(const nlohmann::json& config) {
    nlohmann::json source = {{"table", "lake.t"}, {"timestamp_field", "ts"}};
    if (!config.is_null()) source["catalog"] = config;
    Request request =
        Unwrap(Request::Parse(source.dump().c_str(), "the source", SourceKeys()));
    return SourceOf(&home_, request);
  }

  static std::string ColumnOf(const offline::FeatureSource& source) {
    return source.table->schema()->fields()[0].name;
  }

  std::filesystem::path folder_;
  floe_catalog home_;
};

TEST_F(SourceRequestTest, ATableIsThatOfItsOwnCatalog) {
  EXPECT_EQ(ColumnOf(Unwrap(Source(nullptr))), "at_home");
  EXPECT_EQ(ColumnOf(Unwrap(Source(Config("other")))), "elsewhere");
}

TEST_F(SourceRequestTest, OneCatalogServesAllRequests) {
  auto first = Unwrap(Source(Config("other")));
  auto second = Unwrap(Source(Config("other")));
  EXPECT_EQ(first.table->catalog(), second.table->catalog());
  EXPECT_EQ(first.table->catalog(), Open("other"));
  EXPECT_NE(first.table->catalog(), home_.catalog);
}

TEST_F(SourceRequestTest, FilesHaveNoCatalog) {
  nlohmann::json source = {
      {"parquet", "/x.parquet"}, {"timestamp_field", "ts"}, {"catalog", Config("other")}};
  Request request =
      Unwrap(Request::Parse(source.dump().c_str(), "the source", SourceKeys()));
  arrow::Status status = SourceOf(&home_, request).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument)) << status.ToString();
  EXPECT_THAT(status.ToString(), HasSubstr("'catalog'"));
}

TEST_F(SourceRequestTest, AWrongSettingIsNamedWithoutItsValue) {
  nlohmann::json config = Config("other");
  config["storage_option"] = {{"s3.secret-access-key", "hunter2"}};
  EXPECT_THAT(
      Source(config).status().ToString(),
      AllOf(HasSubstr("did you mean 'storage_options'?"), Not(HasSubstr("hunter2"))));
  config = Config("other");
  config["storage_options"] = {{"s3.secret-access-keys", "hunter2"}};
  EXPECT_THAT(Source(config).status().ToString(),
              AllOf(HasSubstr("s3.secret-access-key"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace floe::capi
