#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/json/from_string.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/application.h"
#include "cli/catalog_check.h"
#include "cli/catalog_options.h"
#include "cli/cell_text.h"
#include "cli/request_stats.h"
#include "cli/store_prices.h"
#include "cli/timestamp_text.h"
#include "cli/view_text.h"
#include "iceberg/catalog/memory_catalog.h"
#include "io/file_io.h"

namespace floe::cli {
namespace {

using testing::HasSubstr;

std::string Json(const std::shared_ptr<arrow::DataType>& type, const std::string& value) {
  auto array = arrow::json::ArrayFromJSONString(type, "[" + value + "]");
  EXPECT_TRUE(array.ok()) << array.status();
  std::string text;
  if (array.ok()) AppendJson(**array, 0, &text);
  return text;
}

TEST(CellText, ValuesAsJson) {
  EXPECT_EQ(Json(arrow::int64(), "-9007199254740993"), "-9007199254740993");
  EXPECT_EQ(Json(arrow::float64(), "0.1"), "0.1");
  EXPECT_EQ(Json(arrow::float32(), "0.1"), "0.1");
  EXPECT_EQ(Json(arrow::float64(), "-2"), "-2.0");
  EXPECT_EQ(Json(arrow::float64(), "Inf"), "\"Infinity\"");
  EXPECT_EQ(Json(arrow::utf8(), "\"a\\\"b\""), "\"a\\\"b\"");
  EXPECT_EQ(Json(arrow::list(arrow::int32()), "[1, null]"), "[1,null]");
  EXPECT_EQ(Json(arrow::decimal128(5, 2), "\"1.50\""), "\"1.50\"");
  EXPECT_EQ(Json(arrow::decimal128(38, 10), "\"-0.0000000001\""), "\"-0.0000000001\"");
  EXPECT_EQ(Json(arrow::decimal128(38, 10), "\"0.0000000000\""), "\"0.0000000000\"");
  EXPECT_EQ(Json(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "-1"),
            "\"1969-12-31T23:59:59.999999Z\"");
  EXPECT_EQ(Json(arrow::struct_({arrow::field("a", arrow::int32())}), "{\"a\": 1}"),
            "{\"a\":1}");
}

TEST(TimestampText, ParsesTimesAndDurations) {
  EXPECT_EQ(TimestampText(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(*ParseTimestampMicros("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(*ParseTimestampMicros("1970-01-01T02:00:00+02:00"), 0);
  EXPECT_EQ(*ParseDurationMicros("7d"), int64_t{7} * 86'400'000'000);
  EXPECT_THAT(ParseDurationMicros("7 days").status().message(), HasSubstr("7d"));
  EXPECT_FALSE(ParseDurationMicros("99999999999999999w").ok());
}

TEST(ViewText, ParsesEveryPart) {
  const auto view = ParseViewText(
      "table=feast.stats;key=driver:driver_id,city;time=ts;created=c;ttl=2h;features=a,b:"
      "x");
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->name, "stats");
  EXPECT_EQ(view->keys[0].left, "driver");
  EXPECT_EQ(view->keys[0].right, "driver_id");
  EXPECT_EQ(view->keys[1].right, "city");
  EXPECT_EQ(view->ttl_us, int64_t{2} * 3'600'000'000);
  EXPECT_EQ(view->features[1].left, "x");
  EXPECT_EQ(view->features[1].right, "b");
}

TEST(ViewText, NamesWhatIsWrong) {
  EXPECT_THAT(ParseViewText("tabel=x").status().message(), HasSubstr("'table'"));
  EXPECT_THAT(ParseViewText("table=x;time=t").status().message(), HasSubstr("features="));
  EXPECT_THAT(ParseViewText("time=t;features=a").status().message(),
              HasSubstr("parquet=PATH"));
}

TEST(ExitCode, TellsCausesApart) {
  EXPECT_EQ(ExitCodeFor(arrow::Status::OK()), kExitOk);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kNoSuchTable, "x")), kExitNotFound);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kInvalidConfig, "x")), kExitUsage);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kCorruptData, "x")), kExitData);
  EXPECT_EQ(ExitCodeFor(MakeError(ErrorCode::kCommitConflict, "x")), kExitTryAgain);
}

/// Runs the program as a shell would; its answer, and its stdout.
struct Outcome {
  int code;
  std::string out;
  std::string err;
};
Outcome RunFloe(std::vector<std::string> words) {
  words.insert(words.begin(), "floe");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = Run(static_cast<int>(argv.size()), argv.data());
  return {code, testing::internal::GetCapturedStdout(),
          testing::internal::GetCapturedStderr()};
}

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("floe cli " + NewUuid(Random::System()));
    std::filesystem::create_directories(folder_);
    io_ = *MakeFileIO({});
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
  std::shared_ptr<FileIO> io_;
};

TEST_F(CommandTest, PropertiesAndPyIcebergsFileMakeAConfiguration) {
  ASSERT_TRUE(io_->Write(Path(".pyiceberg.yaml"),
                         "catalog:\n  lake:\n    uri: postgresql://u:p@h/d\n"
                         "    warehouse: s3://b/w\n    s3.region: auto\n")
                  .ok());
  setenv("PYICEBERG_HOME", folder_.c_str(), 1);
  setenv("FLOE_TEST_SECRET", "s3cret", 1);
  CatalogOptions options;
  options.pyiceberg = "lake";
  options.properties = {"s3.secret-access-key=${FLOE_TEST_SECRET}", "s3.region=eu"};
  const auto resolved = ResolveCatalog(options);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->config.catalog_type, "sql");
  EXPECT_EQ(resolved->config.catalog_name, "lake");
  EXPECT_EQ(resolved->config.uri, "postgresql://u:p@h/d");
  EXPECT_EQ(resolved->config.properties.at("s3.secret-access-key"), "s3cret");
  EXPECT_EQ(resolved->config.properties.at("s3.region"), "eu");
  options.pyiceberg = "other";
  EXPECT_THAT(ErrorText(ResolveCatalog(options).status()), HasSubstr("lake"));
  options = CatalogOptions();
  options.properties = {"s3cret"};
  const std::string text = ErrorText(ResolveCatalog(options).status());
  EXPECT_THAT(text, HasSubstr("KEY=VALUE"));
  EXPECT_THAT(text, testing::Not(HasSubstr("s3cret")));
}

TEST_F(CommandTest, WarehousesOfAFeatureRepositoryArePathsButForARestCatalogs) {
  const auto resolve = [&](const std::string& store) {
    EXPECT_TRUE(io_->Write(Path("feature_store.yaml"),
                           "offline_store:\n    type: iceberg\n" + store)
                    .ok());
    CatalogOptions options;
    options.feast_repo = folder_.string();
    const auto resolved = ResolveCatalog(options);
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    return resolved->config.warehouse;
  };
  EXPECT_EQ(resolve("    catalog_type: rest\n    uri: http://h/c\n    warehouse: main\n"),
            "main");
  EXPECT_EQ(resolve("    catalog_type: glue\n    warehouse: wh\n"), Path("wh"));
}

TEST_F(CommandTest, CatalogsLeavesNothingBehind) {
  const Outcome done =
      RunFloe({"--json", "--stats", "--catalog-uri", "sqlite:///" + Path("catalog.db"),
               "--warehouse", Path("wh"), "catalogs"});
  ASSERT_EQ(done.code, kExitOk) << done.out << done.err;
  const auto answer = nlohmann::json::parse(done.out);
  std::vector<std::string> steps;
  for (const auto& step : answer["steps"]) {
    EXPECT_EQ(step["verdict"], "ok") << step;
    steps.push_back(step["step"]);
  }
  EXPECT_THAT(steps, testing::ElementsAre("reach", "authenticate", "list", "create",
                                          "commit", "read", "drop"));
  EXPECT_GT(nlohmann::json::parse(done.err)["stats"]["requests"]["catalog"], 0);
  EXPECT_FALSE(std::filesystem::exists(Path("catalog.db")));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    EXPECT_TRUE(entry.is_directory()) << entry.path();
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("floe_check")));
  }
}

TEST_F(CommandTest, CatalogsSaysWhatToDo) {
  const Outcome done =
      RunFloe({"--catalog-uri", "postgresql://u:hidden-word@127.0.0.1:9/d", "--warehouse",
               Path("wh"), "catalogs"});
  EXPECT_EQ(done.code, kExitTryAgain);
  EXPECT_THAT(done.out, HasSubstr("failed   reach"));
  EXPECT_THAT(done.out, HasSubstr("-> check `uri`"));
  EXPECT_THAT(done.out, HasSubstr("skipped  drop"));
  EXPECT_THAT(done.out + done.err, testing::Not(HasSubstr("hidden-word")));
}

/// A store that takes no data files: the check fails in its middle.
class NoDataIo final : public FileIO {
 public:
  explicit NoDataIo(std::shared_ptr<FileIO> io) : io_(std::move(io)) {}
  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes) const override {
    return io_->OpenInput(location, size_bytes);
  }
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override {
    if (location.ends_with(".parquet")) {
      return MakeError(ErrorCode::kNotAuthorized, "'{}' may not be written", location);
    }
    return io_->OpenOutput(location, mode);
  }
  arrow::Result<bool> Exists(const std::string& location) const override {
    return io_->Exists(location);
  }
  arrow::Result<int64_t> FileSize(const std::string& location) const override {
    return io_->FileSize(location);
  }
  arrow::Status Delete(const std::string& location) override {
    return io_->Delete(location);
  }
  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override {
    return io_->List(location, recursive);
  }

 private:
  std::shared_ptr<FileIO> io_;
};

TEST_F(CommandTest, ACheckThatFailsMidwayCleansUp) {
  iceberg::CatalogConfig config;
  config.warehouse = Path("wh");
  iceberg::CatalogEnvironment environment;
  environment.io = std::make_shared<NoDataIo>(io_);
  auto catalog = std::make_shared<iceberg::MemoryCatalog>(config, environment);
  const auto steps = CheckCatalog(
      [&]() -> arrow::Result<std::shared_ptr<iceberg::Catalog>> { return catalog; }, {});
  ASSERT_EQ(steps.size(), 8u);
  EXPECT_EQ(steps[4].name, "commit");
  EXPECT_TRUE(IsError(steps[4].status, ErrorCode::kNotAuthorized));
  EXPECT_THAT(steps[4].remedy, HasSubstr("warehouse"));
  EXPECT_TRUE(steps[6].is_skipped);
  EXPECT_EQ(steps[7].name, "clean up");
  EXPECT_TRUE(steps[7].status.ok()) << steps[7].status;
  EXPECT_TRUE(catalog->ListNamespaces({})->empty());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    EXPECT_TRUE(entry.is_directory()) << entry.path();
  }
}

TEST_F(CommandTest, RegistersByMetadataAndRefusesBadMigrations) {
  const std::vector<std::string> flags = {
      "--catalog-uri", "sqlite:///" + Path("catalog.db"), "--warehouse", Path("wh")};
  auto with = [&](std::vector<std::string> words) {
    words.insert(words.begin(), flags.begin(), flags.end());
    return RunFloe(std::move(words));
  };
  EXPECT_EQ(with({"register", "db.t", Path("none.metadata.json")}).code, kExitNotFound);
  EXPECT_EQ(with({"migrate", "db.t"}).code, kExitUsage);
  EXPECT_EQ(with({"migrate", Path("none"), "db.t"}).code, kExitNotFound);
  EXPECT_EQ(with({"migrate", Path("x"), "db.t", "--nanoseconds", "round"}).code,
            kExitNotFound);
}

TEST(StorePrices, ChargeReadsAndWritesByClass) {
  RequestCounters counters;
  for (int i = 0; i < 1000; ++i) counters.Add(RequestKind::kPut, 0, 1);
  for (int i = 0; i < 2000; ++i) counters.Add(RequestKind::kGet, 1 << 20, 0);
  counters.Add(RequestKind::kDelete, 0, 0);
  counters.Add(RequestKind::kCatalog, 0, 0);
  const StorePrice price{"x", 0.5, 0.25, 2.0, "", ""};
  const StoreCost cost = CostAt(price, counters.totals());
  EXPECT_DOUBLE_EQ(cost.requests_usd, 0.5 + 2 * 0.25);
  EXPECT_DOUBLE_EQ(cost.egress_usd, 2000.0 / 1024 * 2.0);
  EXPECT_EQ(StatsJson(counters.totals())["requests"]["get"], 2000);
  EXPECT_THAT(StatsText(counters.totals()), HasSubstr("Cloudflare R2"));
}

}  // namespace
}  // namespace floe::cli
