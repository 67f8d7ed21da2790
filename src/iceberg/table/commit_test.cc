#include <functional>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "iceberg/catalog/memory_catalog.h"
#include "iceberg/table/test_table.h"
#include "iceberg/table/transaction.h"
#include "iceberg/table/update_schema.h"
#include "io/fault_file_io.h"

namespace floe::iceberg {
namespace {

using namespace floe::iceberg::testing;  // NOLINT: the tests' own helpers.
using ::testing::HasSubstr;
using Operation = FaultFileIO::Operation;
using Rows = std::vector<TestRow>;

std::set<std::string> FilesUnder(const std::filesystem::path& folder) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.insert(entry.path().string());
  }
  return files;
}

TEST_F(TableTest, TwoWritersLoseNothing) {
  constexpr int kWriters = 2;
  constexpr int kAppends = 8;
  TablePtr table = CreateTable(Request(true));
  table = Unwrap(UpdateProperties(table, {{"commit.retry.num-retries", "1000"}}));
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    // Each with a connection of its own, as two processes would have.
    auto own = Unwrap(Table::Load(OpenCatalog(io_), id_, Context()));
    threads.emplace_back([own, writer] {
      TablePtr mine = own;
      for (int i = 0; i < kAppends; ++i) {
        mine = AppendRows(mine, {{writer * 100 + i, i, "w"}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  TablePtr final_table = Unwrap(table->Refresh());
  EXPECT_EQ(ScanRows(final_table).size(), size_t{kWriters * kAppends});
  EXPECT_EQ(final_table->metadata()->snapshots.size(), size_t{kWriters * kAppends});
  EXPECT_EQ(final_table->metadata()->last_sequence_number, kWriters * kAppends);
  EXPECT_EQ(final_table->metadata()->current_snapshot()->summary.at("total-records"),
            std::to_string(kWriters * kAppends));
}

TEST_F(TableTest, AStaleBaseIsRetriedOnTheNewOne) {
  TablePtr stale = CreateTable(Request(false));
  AppendRows(stale, {{1, 0, "first"}});
  TablePtr table = AppendRows(stale, {{2, 0, "second"}});
  EXPECT_GT(slept_ms_, 0);
  EXPECT_EQ(ScanRows(table), (Rows{{1, 0, "first"}, {2, 0, "second"}}));
  // The manifest list of the attempt that lost is gone.
  int lists = 0;
  for (const std::string& file : FilesUnder(folder_ / "wh/db/t/metadata")) {
    if (file.find("/snap-") != std::string::npos) ++lists;
  }
  EXPECT_EQ(lists, 2);

  TablePtr no_retry =
      Unwrap(UpdateProperties(table, {{"commit.retry.num-retries", "0"}}));
  AppendRows(no_retry, {{3, 0, "third"}});
  auto before = FilesUnder(folder_ / "wh");
  arrow::Status status = TryAppend(no_retry, {{4, 0, "fourth"}}).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitConflict)) << status.ToString();
  EXPECT_EQ(FilesUnder(folder_ / "wh"), before);
}

/// Every operation of an append failing once, one after the other.
class FaultTest : public TableTest, public ::testing::WithParamInterface<Operation> {};

TEST_P(FaultTest, AFailedAppendLeavesTheTableAsItWas) {
  const Operation operation = GetParam();
  TablePtr good = AppendRows(CreateTable(Request(true)), {{1, 0, "a"}, {2, 1, "b"}});
  const Rows rows_before = ScanRows(good);
  for (int64_t count = 1;; ++count) {
    ASSERT_LT(count, 1000);
    auto before = FilesUnder(folder_ / "wh");
    auto faulty =
        std::make_shared<FaultFileIO>(io_, FaultFileIO::FailNth(operation, count));
    auto loaded = Table::Load(OpenCatalog(faulty), id_, Context());
    arrow::Status status = loaded.status();
    if (loaded.ok()) status = TryAppend(*loaded, {{3, 0, "c"}, {4, 1, "d"}}).status();
    TablePtr now = Unwrap(Table::Load(OpenCatalog(io_), id_, Context()));
    if (status.ok()) {
      EXPECT_EQ(ScanRows(now).size(), rows_before.size() + 2);
      EXPECT_GT(count, 1) << "the operation was never used";
      return;
    }
    EXPECT_TRUE(IsError(status, ErrorCode::kIo)) << status.ToString();
    EXPECT_EQ(ScanRows(now), rows_before) << "after failure " << count;
    EXPECT_EQ(now->metadata_location(), good->metadata_location());
    // A file whose writer was told it failed though it did not may stay as an orphan.
    if (operation != Operation::kAfterClose) {
      EXPECT_EQ(FilesUnder(folder_ / "wh"), before) << "after failure " << count;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, FaultTest,
                         ::testing::Values(Operation::kOpenOutput, Operation::kWrite,
                                           Operation::kClose, Operation::kAfterClose,
                                           Operation::kOpenInput));

/// A catalog that loses the answer of its swaps.
class ForgetfulCatalog final : public MemoryCatalog {
 public:
  using MemoryCatalog::MemoryCatalog;
  bool forget = false;
  bool swap_first = false;
  /// What another writer does before the forgotten answer is looked up.
  std::function<void()> meanwhile;

 protected:
  arrow::Status SwapPointer(const TableIdentifier& table, const TablePointer& from,
                            const TablePointer& to) override {
    if (!forget) return MemoryCatalog::SwapPointer(table, from, to);
    if (swap_first) ARROW_RETURN_NOT_OK(MemoryCatalog::SwapPointer(table, from, to));
    forget = false;
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    return MakeError(ErrorCode::kCommitStateUnknown, "the connection broke");
  }
};

TEST_F(TableTest, AnUnknownOutcomeIsLookedUpAndNeverCleanedUp) {
  CatalogConfig config;
  config.warehouse = (folder_ / "wh").string();
  CatalogEnvironment environment;
  environment.io = io_;
  auto catalog = std::make_shared<ForgetfulCatalog>(config, environment);
  ASSERT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
  TablePtr table = Unwrap(Table::Create(catalog, id_, Request(false), Context()));
  catalog->forget = true;
  catalog->swap_first = true;
  table = AppendRows(table, {{1, 0, "a"}});
  EXPECT_EQ(ScanRows(table).size(), 1u);

  catalog->forget = true;
  catalog->swap_first = false;
  auto before = FilesUnder(folder_ / "wh");
  arrow::Status status = TryAppend(table, {{2, 0, "b"}}).status();
  EXPECT_TRUE(IsError(status, ErrorCode::kCommitStateUnknown)) << status.ToString();
  // Data file, manifest, manifest list and metadata file: all may be the table's.
  EXPECT_EQ(FilesUnder(folder_ / "wh").size(), before.size() + 4);
  EXPECT_EQ(ScanRows(Unwrap(table->Refresh())).size(), 1u);
}

TEST_F(TableTest, AnUnknownOutcomeIsFoundUnderALaterCommit) {
  CatalogConfig config;
  config.warehouse = (folder_ / "wh").string();
  CatalogEnvironment environment;
  environment.io = io_;
  for (bool swap_first : {true, false}) {
    auto catalog = std::make_shared<ForgetfulCatalog>(config, environment);
    ASSERT_TRUE(catalog->CreateNamespace({"db"}, {}).ok());
    TablePtr table = Unwrap(Table::Create(catalog, id_, Request(false), Context()));
    catalog->forget = true;
    catalog->swap_first = swap_first;
    catalog->meanwhile = [&] { AppendRows(Unwrap(table->Refresh()), {{9, 0, "z"}}); };
    // The first time it lies below the other's; the second it is made again on top.
    AppendRows(table, {{1, 0, "a"}});
    TablePtr now = Unwrap(table->Refresh());
    EXPECT_EQ(ScanRows(now).size(), 2u) << "swap_first " << swap_first;
    EXPECT_EQ(now->metadata()->snapshots.size(), 2u);
  }
}

TEST_F(TableTest, SummaryTakesExtraPropertiesButKeepsItsOwn) {
  TablePtr table = CreateTable(Request(false));
  AppendFiles append(table);
  append.SetSummary("floe.writer", "w1").SetSummary("operation", "nonsense");
  TablePtr committed = Unwrap(append.Commit());
  const auto& summary = committed->metadata()->current_snapshot()->summary;
  EXPECT_EQ(summary.at("floe.writer"), "w1");
  EXPECT_EQ(summary.at("operation"), "append");
  EXPECT_EQ(summary.at("total-records"), "0");
  EXPECT_EQ(summary.count("added-data-files"), 0u);
}

TEST(CommitRetry, ReadsTableProperties) {
  CommitRetry retry = Unwrap(CommitRetry::FromProperties(
      {{"commit.retry.num-retries", "7"}, {"commit.retry.min-wait-ms", "5"}}));
  EXPECT_EQ(retry.max_retries, 7);
  EXPECT_EQ(retry.min_wait_ms, 5);
  EXPECT_EQ(retry.max_wait_ms, 60'000);
  arrow::Status bad =
      CommitRetry::FromProperties({{"commit.retry.num-retries", "-1"}}).status();
  EXPECT_TRUE(IsError(bad, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(bad), HasSubstr("commit.retry.num-retries"));
}

}  // namespace
}  // namespace floe::iceberg
