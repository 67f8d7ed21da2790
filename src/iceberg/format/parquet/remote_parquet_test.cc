#include <gtest/gtest.h>

#include <atomic>

#include "arrow/table.h"
#include "iceberg/expr/evaluator.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "iceberg/format/parquet/test_rows.h"
#include "io/remote_input.h"
#include "parquet/schema.h"

// Parquet files of a store: the same rows as of a local file, in few requests.
namespace floe::iceberg {
namespace {

using testing::ReadTable;
using testing::Unwrap;

/// Local files as a store would serve them, and the requests that took.
class StoreStandIn final : public FileIO {
 public:
  class Source final : public RangeSource {
   public:
    Source(const StoreStandIn* store, std::string location)
        : store_(store), location_(std::move(location)) {}
    arrow::Result<ObjectPart> Get(int64_t begin, int64_t length) override {
      ++store_->requests;
      store_->bytes += length;
      ARROW_ASSIGN_OR_RAISE(auto input, store_->local_->OpenInput(location_));
      ARROW_ASSIGN_OR_RAISE(const int64_t size, input->GetSize());
      ARROW_ASSIGN_OR_RAISE(auto buffer, input->ReadAt(begin, length));
      return ObjectPart{buffer->ToString(), size};
    }
    const std::string& location() const override { return location_; }

   private:
    const StoreStandIn* const store_;
    const std::string location_;
  };

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes) const override {
    ARROW_ASSIGN_OR_RAISE(
        auto input,
        RemoteInput::Open(std::make_shared<Source>(this, location), size_bytes));
    return input;
  }
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override {
    return local_->OpenOutput(location, mode);
  }
  arrow::Result<bool> Exists(const std::string& location) const override {
    return local_->Exists(location);
  }
  arrow::Result<int64_t> FileSize(const std::string& location) const override {
    return local_->FileSize(location);
  }
  arrow::Status Delete(const std::string& location) override {
    return local_->Delete(location);
  }
  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override {
    return local_->List(location, recursive);
  }

  int TakeRequests() const { return requests.exchange(0); }

  mutable std::atomic<int> requests = 0;
  mutable std::atomic<int64_t> bytes = 0;

 private:
  const std::shared_ptr<FileIO> local_ = MakeFileIO({}).ValueOrDie();
};

class RemoteParquetTest : public ::testing::Test {
 protected:
  static constexpr int64_t kRows = 12'000;
  static constexpr int64_t kGroupRows = 4'000;

  void SetUp() override {
    testing::Rng rng(7);
    schema_ = testing::EveryTypeSchema();
    DataFileWriterOptions options;
    options.schema = schema_;
    options.location = location_ = folder_.At("file.parquet");
    options.row_group_rows = kGroupRows;
    options.rows_per_page = 100;
    options.bloom_filters = {{2}, {13}};
    size_ =
        testing::WriteFile(local_, options, {testing::RandomBatch(*schema_, kRows, rng)})
            .file_size_bytes;
    // Otherwise all of it would come with its footer.
    ASSERT_GT(size_, 768 << 10);
  }

  std::shared_ptr<arrow::Table> Read(const FileIO& io, const ParquetReadOptions& read) {
    auto file = Unwrap(ParquetFile::Open(io, location_, size_, nullptr));
    return Unwrap(Unwrap(Unwrap(ReadDataFile(file, read))->ToTable())->CombineChunks());
  }

  testing::TempFolder folder_;
  std::shared_ptr<FileIO> local_ = MakeFileIO({}).ValueOrDie();
  StoreStandIn store_;
  SchemaPtr schema_;
  std::string location_;
  int64_t size_ = 0;
};

TEST_F(RemoteParquetTest, OpeningAFileOfKnownSizeIsOneRequest) {
  auto file = Unwrap(ParquetFile::Open(store_, location_, size_, nullptr));
  EXPECT_EQ(store_.TakeRequests(), 1);
  EXPECT_EQ(file->row_count(), kRows);
}

TEST_F(RemoteParquetTest, ARowGroupsColumnsComeTogether) {
  ParquetReadOptions read;
  read.schema = schema_;
  const auto expected = Read(*local_, read);
  const auto table = Read(store_, read);
  EXPECT_TRUE(table->Equals(*expected, arrow::EqualOptions::Defaults().nans_equal(true)));
  // The footer, and one request for each row group: the chunks lie side by side.
  EXPECT_LE(store_.TakeRequests(), 1 + static_cast<int>(kRows / kGroupRows));
}

TEST_F(RemoteParquetTest, FewRowsCostFewRequests) {
  ParquetReadOptions read;
  read.schema =
      Unwrap(Schema::Make({NestedField::Optional(2, "int", Type::Int()),
                           NestedField::Optional(13, "string", Type::String())}));
  read.filter = Unwrap(Bind(Unwrap(ParsePredicate("int = 77")), *schema_));
  read.filter_rows = true;
  const auto expected = Read(*local_, read);
  const auto table = Read(store_, read);
  EXPECT_TRUE(table->Equals(*expected));
  // Footer, indexes; then per row group the filter's column and the others'.
  EXPECT_LE(store_.TakeRequests(), 2 + 4 * static_cast<int>(kRows / kGroupRows));
}

TEST_F(RemoteParquetTest, RowsOfManyColumnsComeAtOnce) {
  auto local = Unwrap(ParquetFile::Open(*local_, location_, size_, nullptr));
  auto remote = Unwrap(ParquetFile::Open(store_, location_, size_, nullptr));
  const auto type = [&](int column) {
    return remote->column(column)->physical_type() == parquet::Type::INT64
               ? arrow::int64()
               : arrow::int32();
  };
  std::vector<int> columns;
  for (int i = 0; i < remote->column_count(); ++i) {
    if (RowGroupColumns::CanRead(*remote, i, *type(i))) columns.push_back(i);
  }
  ASSERT_GE(columns.size(), 2u);
  const std::vector<uint32_t> rows = {3, 1500, 3999};
  store_.TakeRequests();
  RowGroupColumns reader(remote, 1);
  RowGroupColumns expected(local, 1);
  ASSERT_TRUE(reader.WillReadRows(columns, rows).ok());
  const int indexes = store_.TakeRequests();
  EXPECT_LE(indexes, 1);
  for (const int column : columns) {
    auto values = Unwrap(reader.ReadRows(column, type(column), rows));
    EXPECT_TRUE(values->Equals(*Unwrap(expected.ReadRows(column, type(column), rows))));
  }
  // All that was planned went out at the first read.
  const int at_once = store_.TakeRequests();
  EXPECT_GT(at_once, 0);
  auto again = Unwrap(reader.ReadRows(columns[0], type(columns[0]), rows));
  EXPECT_EQ(store_.TakeRequests(), 0);
}

}  // namespace
}  // namespace floe::iceberg
