#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "arrow/record_batch.h"
#include "base/env.h"
#include "base/error.h"
#include "fuzz/broken_bytes.h"
#include "iceberg/table/scan.h"
#include "io/path_mapping.h"

namespace floe {
namespace {

namespace fs = std::filesystem;
using fuzz::Broken;
using fuzz::Rng;

int64_t Setting(const char* name, int64_t otherwise) {
  const auto text = GetEnv(name);
  return text ? std::stoll(*text) : otherwise;
}

/// The stored files with one of them broken. Every round has locations of its own, so
/// that no cache of the process knows the files of another.
class BrokenFileIO final : public FileIO {
 public:
  BrokenFileIO(std::shared_ptr<FileIO> base, std::string prefix, std::string broken,
               std::string bytes)
      : base_(std::move(base)),
        prefix_(std::move(prefix)),
        broken_(std::move(broken)),
        bytes_(std::move(bytes)) {}

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t /*size_bytes*/) const override {
    const std::string stored = Stored(location);
    if (stored != broken_) return base_->OpenInput(stored);
    return std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes_));
  }
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode) override {
    return MakeError(ErrorCode::kNotSupported, "'{}' is not to be written", location);
  }
  arrow::Result<bool> Exists(const std::string& location) const override {
    return base_->Exists(Stored(location));
  }
  arrow::Result<int64_t> FileSize(const std::string& location) const override {
    const std::string stored = Stored(location);
    return stored == broken_ ? static_cast<int64_t>(bytes_.size())
                             : base_->FileSize(stored);
  }
  arrow::Status Delete(const std::string& location) override {
    return MakeError(ErrorCode::kNotSupported, "'{}' is not to be deleted", location);
  }
  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override {
    return base_->List(Stored(location), recursive);
  }

 private:
  std::string Stored(const std::string& location) const {
    return location.starts_with(prefix_)
               ? FLOE_FIXTURE_FOLDER + location.substr(prefix_.size())
               : location;
  }

  std::shared_ptr<FileIO> base_;
  std::string prefix_;
  std::string broken_;
  std::string bytes_;
};

struct SeedTable {
  std::string metadata_file;
  std::vector<std::string> files;
};

/// The newest metadata file of each table, and all its files.
std::vector<SeedTable> SeedTables() {
  std::vector<SeedTable> tables;
  for (const auto& folder : fs::directory_iterator(FLOE_FIXTURE_FOLDER "/wh/db")) {
    SeedTable table;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().string();
      if (path.ends_with(".metadata.json")) {
        const auto newer = [](const std::string& a, const std::string& b) {
          return std::pair(a.size(), a) > std::pair(b.size(), b);
        };
        if (table.metadata_file.empty() || newer(path, table.metadata_file)) {
          table.metadata_file = path;
        }
      } else if (!path.ends_with("version-hint.text")) {
        table.files.push_back(path);
      }
    }
    if (table.metadata_file.empty()) continue;
    table.files.push_back(table.metadata_file);
    std::sort(table.files.begin(), table.files.end());
    tables.push_back(std::move(table));
  }
  std::sort(tables.begin(), tables.end(), [](const auto& a, const auto& b) {
    return a.metadata_file < b.metadata_file;
  });
  return tables;
}

arrow::Status ReadAll(std::shared_ptr<FileIO> io, const std::string& metadata_file) {
  iceberg::TableContext context;
  context.cache = std::make_shared<iceberg::MetadataCache>();
  ARROW_ASSIGN_OR_RAISE(auto table, iceberg::Table::FromMetadataFile(
                                        std::move(io), metadata_file, context));
  iceberg::ScanOptions options;
  options.threads = 1;
  ARROW_ASSIGN_OR_RAISE(auto reader, iceberg::Scan(table, options));
  int64_t rows = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    // A broken count may make rows of nothing, as many as it says.
    if (batch == nullptr || (rows += batch->num_rows()) > 1'000'000) break;
    ARROW_RETURN_NOT_OK(batch->Validate());
  }
  return arrow::Status::OK();
}

TEST(BrokenTablesTest, AreRefusedOrRead) {
  const std::vector<SeedTable> tables = SeedTables();
  ASSERT_FALSE(tables.empty());
  auto local = MakeFileIO({});
  ASSERT_TRUE(local.ok());
  const int64_t first = Setting("FLOE_FUZZ_SEED", 1);
  const int64_t rounds = Setting("FLOE_FUZZ_ROUNDS", 600);
  int64_t refused = 0;
  for (int64_t round = first; round < first + rounds; ++round) {
    SCOPED_TRACE(fmt::format("FLOE_FUZZ_SEED={}", round));
    Rng rng(static_cast<uint64_t>(round));
    const SeedTable& table = tables[rng() % tables.size()];
    const std::string& file = table.files[rng() % table.files.size()];
    const auto bytes = (*local)->ReadAll(file);
    ASSERT_TRUE(bytes.ok());
    // Locations of this round alone, inside the metadata and out.
    const std::string prefix = fmt::format("/broken/{}", round);
    auto broken =
        std::make_shared<BrokenFileIO>(*local, prefix, file, Broken(*bytes, rng));
    auto io = MapPaths(broken, {{"/tmp/iceberg-fixtures", prefix}});
    const std::string metadata =
        prefix + table.metadata_file.substr(std::string(FLOE_FIXTURE_FOLDER).size());
    const arrow::Status status = ReadAll(io, metadata);
    if (status.ok()) continue;
    ++refused;
    EXPECT_FALSE(IsError(status, ErrorCode::kInternal)) << ErrorText(status);
  }
  EXPECT_GT(refused, rounds / 10);
}

}  // namespace
}  // namespace floe
