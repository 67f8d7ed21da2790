#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/random.h"
#include "iceberg/catalog/memory_catalog.h"
#include "iceberg/maintain/compact.h"
#include "iceberg/maintain/expire_snapshots.h"
#include "iceberg/maintain/remove_orphans.h"
#include "iceberg/maintain/rewrite_deletes.h"
#include "iceberg/maintain/rewrite_manifests.h"
#include "iceberg/table/row_delete.h"
#include "iceberg/table/test_table.h"
#include "iceberg/table/update_table.h"
#include "sim/memory_file_io.h"

/// Several writers change one table, other writers' changes coming in just before their
/// commits, and each may crash at any step. What the table then holds must be what the
/// commits that happened say, one after the other. A seed replays a run:
/// FLOE_SIM_FIRST_SEED and FLOE_SIM_SEEDS choose which.
namespace floe::sim {
namespace {

using namespace floe::iceberg;           // NOLINT: what is simulated.
using namespace floe::iceberg::testing;  // NOLINT: its tables and rows.
using Op = Predicate::Op;

constexpr int kDefaultSeeds = 20;
constexpr int kStepsPerSeed = 14;
constexpr int kDays = 3;
constexpr int kMaxDepth = 3;
/// More steps than any one change takes.
constexpr int64_t kMaxOperations = 400;

enum class Kind { kAppend, kDelete, kCompact, kManifests, kDeletes, kExpire, kUpgrade };

/// What a commit that happened does to the rows there are.
using Effect = std::function<void(std::map<int64_t, TestRow>* rows)>;

/// One run. Writers are calls on one stack: a commit under way lets others run whole
/// changes before it goes on.
class Simulation {
 public:
  /// `warehouse`: where the files lie. Runs of one seed need one each, since the
  /// process's caches take a location's content for immutable.
  explicit Simulation(uint64_t seed, std::string warehouse = "/wh");
  void Run();
  /// Makes a table with rows, then one change of `kind` that crashes after `operations`
  /// steps. False when it was done before.
  bool CrashesAfter(Kind kind, int64_t operations);

 private:
  /// A writer's state: what its next commit does, and when it crashes.
  struct Writer {
    Effect effect;
    int64_t operations_left = -1;  ///< Until it crashes; -1: never.
    bool has_crashed = false;
  };
  class Swapping;

  uint64_t Below(uint64_t limit) { return random_->Next() % limit; }
  arrow::Status Step();
  void Create();
  void RunWriter();
  /// True when the writer crashed on the way.
  bool RunWriter(Kind kind, int64_t operations);
  Kind AnyKind();
  void Change(Kind kind, const TablePtr& table, Writer* writer);
  void Append(const TablePtr& table, Writer* writer);
  void Delete(const TablePtr& table, Writer* writer);
  void Note(const arrow::Status& status, const Writer& writer, const char* what);
  void Check();
  TableContext Context();

  std::unique_ptr<Random> random_;
  StepClock clock_;
  std::shared_ptr<MemoryFileIO> io_;
  std::shared_ptr<Catalog> catalog_;
  TableMetadataCache metadata_cache_{kTableMetadataCacheBytes};
  TableIdentifier id_{{"db"}, "t"};
  std::vector<Writer*> stack_;
  std::map<int64_t, TestRow> rows_;
  int64_t next_id_ = 0;
};

/// A catalog whose swaps are where writers meet.
class Simulation::Swapping final : public MemoryCatalog {
 public:
  Swapping(Simulation* sim, CatalogConfig config, CatalogEnvironment environment)
      : MemoryCatalog(std::move(config), std::move(environment)), sim_(sim) {}

 protected:
  arrow::Status SwapPointer(const TableIdentifier& table, const TablePointer& from,
                            const TablePointer& to) override {
    Writer* writer = sim_->stack_.empty() ? nullptr : sim_->stack_.back();
    if (writer == nullptr) return MemoryCatalog::SwapPointer(table, from, to);
    const auto depth = static_cast<int>(sim_->stack_.size());
    while (depth < kMaxDepth && sim_->Below(3) == 0) sim_->RunWriter();
    ARROW_RETURN_NOT_OK(sim_->Step());
    ARROW_RETURN_NOT_OK(MemoryCatalog::SwapPointer(table, from, to));
    if (writer->effect) writer->effect(&sim_->rows_);
    // A crash here loses the answer to a swap that happened.
    if (sim_->Step().ok()) return arrow::Status::OK();
    return MakeError(ErrorCode::kCommitStateUnknown, "the answer was lost");
  }

  arrow::Result<std::optional<std::string>> FindPointer(
      const TableIdentifier& table) override {
    if (!sim_->stack_.empty()) ARROW_RETURN_NOT_OK(sim_->Step());
    return MemoryCatalog::FindPointer(table);
  }

 private:
  Simulation* sim_;
};

Simulation::Simulation(uint64_t seed, std::string warehouse)
    : random_(Random::Seeded(seed)), io_(std::make_shared<MemoryFileIO>(clock_)) {
  io_->set_hook([this] { return Step(); });
  CatalogConfig config;
  config.warehouse = std::move(warehouse);
  CatalogEnvironment environment;
  environment.io = io_;
  environment.clock = &clock_;
  environment.random = random_.get();
  environment.metadata_cache = &metadata_cache_;
  catalog_ = std::make_shared<Swapping>(this, config, environment);
}

TableContext Simulation::Context() {
  TableContext context;
  context.cache = std::make_shared<MetadataCache>();
  context.clock = &clock_;
  context.random = random_.get();
  context.sleep = [](int64_t) {};
  context.threads = 1;
  return context;
}

/// Called at every step of the writer that runs: a crashed one gets nothing done.
arrow::Status Simulation::Step() {
  if (stack_.empty()) return arrow::Status::OK();
  Writer& writer = *stack_.back();
  if (writer.operations_left == 0) writer.has_crashed = true;
  if (writer.operations_left > 0) --writer.operations_left;
  if (!writer.has_crashed) return arrow::Status::OK();
  return MakeError(ErrorCode::kIo, "the writer has crashed");
}

void Simulation::Note(const arrow::Status& status, const Writer& writer,
                      const char* what) {
  if (status.ok() || writer.has_crashed) return;
  // Lost to another writer, or its files expired under it.
  bool is_expected = IsError(status, ErrorCode::kCommitConflict) ||
                     IsError(status, ErrorCode::kNoSuchFile) ||
                     IsError(status, ErrorCode::kNoSuchSnapshot);
  EXPECT_TRUE(is_expected) << what << ": " << status.ToString();
}

void Simulation::Append(const TablePtr& table, Writer* writer) {
  std::vector<TestRow> rows;
  for (uint64_t i = 0; i <= Below(4); ++i) {
    TestRow row{next_id_++, static_cast<int>(Below(kDays)), "n"};
    if (Below(4) == 0) row.name.reset();
    rows.push_back(row);
  }
  writer->effect = [rows](std::map<int64_t, TestRow>* all) {
    for (const TestRow& row : rows) (*all)[row.id] = row;
  };
  Note(TryAppend(table, rows).status(), *writer, "append");
}

void Simulation::Delete(const TablePtr& table, Writer* writer) {
  auto bound = static_cast<int64_t>(Below(static_cast<uint64_t>(next_id_) + 1));
  auto day = static_cast<int>(Below(kDays));
  bool by_day = Below(3) == 0;
  PredicatePtr filter;
  if (by_day) {
    filter = Predicate::And(
        Predicate::Compare(Op::kGreaterEqual, "ts",
                           Literal::TimestampTz(kFirstDayMicros + day * kDay)),
        Predicate::Compare(Op::kLess, "ts",
                           Literal::TimestampTz(kFirstDayMicros + (day + 1) * kDay)));
  } else {
    filter =
        Predicate::And(Predicate::Compare(Op::kGreaterEqual, "id", Literal::Long(bound)),
                       Predicate::Compare(Op::kLess, "id", Literal::Long(bound + 3)));
  }
  writer->effect = [=](std::map<int64_t, TestRow>* all) {
    std::erase_if(*all, [&](const auto& entry) {
      const TestRow& row = entry.second;
      return by_day ? row.day == day : row.id >= bound && row.id < bound + 3;
    });
  };
  DeleteRowsOptions options;
  options.mode = Below(2) == 0 ? DeleteMode::kCopyOnWrite : DeleteMode::kMergeOnRead;
  Note(DeleteRows(table, filter, options).status(), *writer, "delete");
}

Kind Simulation::AnyKind() {
  switch (Below(12)) {
    case 0:
      return Kind::kCompact;
    case 1:
      return Kind::kManifests;
    case 2:
      return Kind::kDeletes;
    case 3:
      return Kind::kExpire;
    case 4:
      return Below(4) > 0 ? Kind::kAppend : Kind::kUpgrade;
    case 5:
    case 6:
    case 7:
    case 8:
      return Kind::kDelete;
    default:
      return Kind::kAppend;
  }
}

void Simulation::Change(Kind kind, const TablePtr& table, Writer* writer) {
  switch (kind) {
    case Kind::kAppend:
      return Append(table, writer);
    case Kind::kDelete:
      return Delete(table, writer);
    case Kind::kCompact: {
      CompactOptions options;
      options.min_input_files = 2;
      return Note(CompactFiles(table, options).status(), *writer, "compact");
    }
    case Kind::kManifests:
      return Note(RewriteManifests(table, {}).status(), *writer, "manifests");
    case Kind::kDeletes:
      return Note(RewriteDeletes(table, {}).status(), *writer, "deletes");
    case Kind::kExpire: {
      ExpireSnapshotsOptions options;
      options.older_than_ms = clock_.NowMillis();
      options.retain_last = 1 + static_cast<int32_t>(Below(3));
      return Note(ExpireSnapshots(table, options).status(), *writer, "expire");
    }
    case Kind::kUpgrade:
      return Note(UpgradeFormat(table, 3).status(), *writer, "upgrade");
  }
}

void Simulation::RunWriter() {
  const bool crashes = Below(5) == 0;
  const int64_t operations = crashes ? static_cast<int64_t>(Below(60)) : -1;
  RunWriter(AnyKind(), operations);
}

bool Simulation::RunWriter(Kind kind, int64_t operations) {
  Writer writer;
  writer.operations_left = operations;
  stack_.push_back(&writer);
  auto table = Table::Load(catalog_, id_, Context());
  Note(table.status(), writer, "load");
  if (table.ok()) Change(kind, *table, &writer);
  stack_.pop_back();
  return writer.has_crashed;
}

void Simulation::Check() {
  auto table = Unwrap(Table::Load(catalog_, id_, Context()));
  std::vector<TestRow> expected;
  for (const auto& [id, row] : rows_) expected.push_back(row);
  ScanOptions options;
  options.threads = 1;
  ASSERT_EQ(ScanRows(table, options), expected);
}

void Simulation::Create() {
  ASSERT_TRUE(catalog_->CreateNamespace({"db"}, {}).ok());
  CreateTableRequest request;
  request.schema =
      Unwrap(Schema::Make({NestedField::Required(1, "id", Type::Long()),
                           NestedField::Optional(2, "ts", Type::TimestampTz()),
                           NestedField::Optional(3, "name", Type::String())}));
  request.spec.fields = {{2, 0, "ts_day", Transform::Day()}};
  request.format_version = 2 + static_cast<int>(Below(2));
  request.properties = {{"commit.retry.num-retries", "6"},
                        {"commit.manifest.min-count-to-merge", "4"}};
  Unwrap(Table::Create(catalog_, id_, request, Context()));
}

bool Simulation::CrashesAfter(Kind kind, int64_t operations) {
  Create();
  for (const Kind before : {Kind::kAppend, Kind::kAppend, Kind::kDelete, Kind::kAppend}) {
    RunWriter(before, -1);
  }
  const bool crashed = RunWriter(kind, operations);
  Check();
  // Whatever the crash left behind, the next writer gets its rows in.
  RunWriter(Kind::kAppend, -1);
  Check();
  return crashed;
}

void Simulation::Run() {
  Create();
  for (int step = 0; step < kStepsPerSeed; ++step) {
    RunWriter();
    Check();
    if (::testing::Test::HasFatalFailure()) return;
  }
  // What crashes left behind is all that goes, and the table stays readable.
  RemoveOrphansOptions orphans;
  orphans.older_than_ms = clock_.NowMillis() + 1;
  orphans.allow_recent = true;
  auto table = Unwrap(Table::Load(catalog_, id_, Context()));
  Unwrap(RemoveOrphanFiles(table, orphans));
  Check();
}

uint64_t NumberFromEnvironment(const char* name, uint64_t unset) {
  auto text = GetEnv(name);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : unset;
}

TEST(ConcurrencySim, HoldsWhatASerialOrderOfTheCommitsWould) {
  uint64_t first = NumberFromEnvironment("FLOE_SIM_FIRST_SEED", 1);
  uint64_t count = NumberFromEnvironment("FLOE_SIM_SEEDS", kDefaultSeeds);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Simulation(seed).Run();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ConcurrencySim, ACrashAtAnyStepLeavesTheRowsOfBeforeOrAfter) {
  for (const Kind kind : {Kind::kAppend, Kind::kDelete, Kind::kCompact, Kind::kManifests,
                          Kind::kDeletes, Kind::kExpire, Kind::kUpgrade}) {
    for (const uint64_t seed : {1, 2}) {
      int64_t operations = 0;
      bool crashed = true;
      for (; crashed && operations < kMaxOperations; ++operations) {
        SCOPED_TRACE(fmt::format("kind {}, seed {}, after {} operations",
                                 static_cast<int>(kind), seed, operations));
        const std::string warehouse =
            fmt::format("/wh{}/{}", static_cast<int>(kind), operations);
        crashed = Simulation(seed, warehouse).CrashesAfter(kind, operations);
        if (::testing::Test::HasFailure()) return;
      }
      EXPECT_FALSE(crashed) << "a change of more steps than expected";
    }
  }
}

}  // namespace
}  // namespace floe::sim
