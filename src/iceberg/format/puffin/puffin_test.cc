#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "iceberg/format/puffin/deletion_vector.h"
#include "iceberg/format/puffin/position_bitmap.h"
#include "iceberg/format/puffin/puffin_file.h"
#include "io/file_io.h"
#include "test/source_folder.h"

namespace floe::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

class PuffinTest : public ::testing::Test {
 protected:
  PuffinTest()
      : io_(Unwrap(MakeFileIO({}))),
        folder_((std::filesystem::temp_directory_path() /
                 ("floe-puffin-" + NewUuid(Random::System())))
                    .string()) {}
  ~PuffinTest() override { std::filesystem::remove_all(folder_); }

  static std::string GoldenPath(const std::string& name) {
    return std::string(SourceFolder()) + "/test/golden/puffin/" + name;
  }
  std::string Golden(const std::string& name) const {
    return Unwrap(io_->ReadAll(GoldenPath(name)));
  }
  static PositionBitmap BitmapOf(const std::vector<int64_t>& positions) {
    PositionBitmap bitmap;
    EXPECT_TRUE(bitmap.AddAll(positions).ok());
    return bitmap;
  }

  std::shared_ptr<FileIO> io_;
  std::string folder_;
};

TEST_F(PuffinTest, KeepsTheReferencesBitmaps) {
  struct Case {
    const char* name;
    int64_t size;
  };
  for (const auto& [name, size] :
       {Case{"64map32bitvals.bin", 10}, Case{"64mapempty.bin", 0},
        Case{"64mapspreadvals.bin", 100}}) {
    const PositionBitmap bitmap = Unwrap(PositionBitmap::FromRoaring(Golden(name)));
    EXPECT_EQ(bitmap.size(), size) << name;
    EXPECT_EQ(Unwrap(PositionBitmap::FromRoaring(bitmap.ToRoaring())).Positions(),
              bitmap.Positions())
        << name;
  }
  const arrow::Status high =
      PositionBitmap::FromRoaring(Golden("64maphighvals.bin")).status();
  EXPECT_TRUE(IsError(high, ErrorCode::kCorruptData)) << high.ToString();
}

// What the Java reference wrote is read and written again byte by byte.
TEST_F(PuffinTest, KeepsTheReferencesVectors) {
  struct Case {
    const char* name;
    int64_t size;
  };
  for (const auto& [name, size] : {Case{"empty-position-index.bin", 0},
                                   Case{"small-alternating-values-position-index.bin", 5},
                                   Case{"small-and-large-values-position-index.bin", 4},
                                   Case{"all-container-types-position-index.bin", -1}}) {
    const std::string bytes = Golden(name);
    const PositionBitmap bitmap = Unwrap(DecodeDeletionVector(bytes));
    if (size >= 0) {
      EXPECT_EQ(bitmap.size(), size) << name;
    }
    EXPECT_EQ(Unwrap(EncodeDeletionVector(bitmap)), bytes) << name;
  }
  const PositionBitmap alternating =
      Unwrap(DecodeDeletionVector(Golden("small-alternating-values-position-index.bin")));
  EXPECT_THAT(alternating.Positions(), ElementsAre(1, 3, 5, 7, 9));
}

TEST_F(PuffinTest, HoldsWhatASetHolds) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 20; ++round) {
    std::set<int64_t> expected;
    PositionBitmap bitmap;
    for (int i = 0; i < 2000; ++i) {
      const auto spread = static_cast<int64_t>(rng() % 4);
      const int64_t position = static_cast<int64_t>(rng() % (1ULL << (10 + 11 * spread)));
      expected.insert(position);
      ASSERT_TRUE(bitmap.Add(position).ok());
    }
    bitmap.Merge(BitmapOf({3, 4, 5, PositionBitmap::kMaxPosition}));
    expected.insert({3, 4, 5, PositionBitmap::kMaxPosition});
    const PositionBitmap again =
        Unwrap(DecodeDeletionVector(Unwrap(EncodeDeletionVector(bitmap))));
    EXPECT_EQ(again.Positions(), std::vector<int64_t>(expected.begin(), expected.end()));
    EXPECT_EQ(again.size(), static_cast<int64_t>(expected.size()));
    EXPECT_TRUE(again.Contains(*expected.rbegin()));
    EXPECT_FALSE(again.Contains(PositionBitmap::kMaxPosition - 1));
    const std::vector<int64_t> below = again.PositionsBelow(1000);
    EXPECT_EQ(below.size(), static_cast<size_t>(std::distance(
                                expected.begin(), expected.lower_bound(1000))));
  }
  PositionBitmap bitmap;
  EXPECT_TRUE(IsError(bitmap.Add(-1), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(
      IsError(bitmap.Add(PositionBitmap::kMaxPosition + 1), ErrorCode::kInvalidArgument));
}

// Whatever is done to a vector's bytes, it is refused or read, never run over.
TEST_F(PuffinTest, RefusesBrokenVectors) {
  const std::string good = Golden("all-container-types-position-index.bin");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodeDeletionVector(good.substr(0, size)).ok()) << size;
  }
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeDeletionVector(bytes).ok()) << bit;
    // Without length, magic and checksum.
    const auto bitmap = PositionBitmap::FromRoaring(bytes.substr(8, bytes.size() - 12));
    if (bitmap.ok()) bitmap->PositionsBelow(1 << 20);
  }
}

TEST_F(PuffinTest, ReadsTheReferencesFiles) {
  const PuffinFile empty =
      Unwrap(PuffinFile::Open(*io_, GoldenPath("empty-puffin-uncompressed.bin")));
  EXPECT_TRUE(empty.blobs().empty());
  for (const char* name : {"sample-metric-data-uncompressed.bin",
                           "sample-metric-data-compressed-zstd.bin"}) {
    const PuffinFile file = Unwrap(PuffinFile::Open(*io_, GoldenPath(name)));
    ASSERT_EQ(file.blobs().size(), 2u) << name;
    EXPECT_THAT(file.properties().at("created-by"), HasSubstr("Test")) << name;
    EXPECT_EQ(file.blobs()[0].type, "some-blob");
    EXPECT_THAT(file.blobs()[0].fields, ElementsAre(1));
    EXPECT_EQ(file.blobs()[0].snapshot_id, 2);
    EXPECT_EQ(file.blobs()[0].sequence_number, 1);
    EXPECT_EQ(Unwrap(file.Read(file.blobs()[0])), "abcdefghi");
    EXPECT_EQ(file.blobs()[1].type, "some-other-blob");
    EXPECT_THAT(Unwrap(file.Read(file.blobs()[1])), HasSubstr("some blob"));
  }
}

TEST_F(PuffinTest, ReadsAVectorThatGoWrote) {
  const PuffinFile file =
      Unwrap(PuffinFile::Open(*io_, GoldenPath("go/deletion-vector-v1.puffin")));
  ASSERT_EQ(file.blobs().size(), 1u);
  const PuffinBlob& blob = file.blobs()[0];
  EXPECT_EQ(blob.type, "deletion-vector-v1");
  EXPECT_EQ(blob.properties.at("referenced-data-file"), "data/test.parquet");
  EXPECT_EQ(blob.properties.at("cardinality"), "5");
  const std::string payload = Unwrap(file.Read(blob));
  EXPECT_EQ(payload, Golden("go/deletion-vector-v1-payload.bin"));
  EXPECT_THAT(Unwrap(DecodeDeletionVector(payload)).PositionsBelow(100),
              ElementsAre(1, 3, 5, 7, 9));
}

TEST_F(PuffinTest, ReadsWhatItWrites) {
  const std::string text(100'000, 'x');
  for (const PuffinCodec footer : {PuffinCodec::kNone, PuffinCodec::kLz4}) {
    PuffinWriter writer;
    writer.SetProperty("key", "välue");
    std::vector<std::string> contents = {text, "", text + "y"};
    std::vector<PuffinCodec> codecs = {PuffinCodec::kNone, PuffinCodec::kLz4,
                                       PuffinCodec::kZstd};
    for (const PuffinCodec codec : codecs) {
      for (const std::string& content : contents) {
        PuffinBlob blob;
        blob.type = "t";
        blob.codec = codec;
        blob.properties["size"] = std::to_string(content.size());
        ASSERT_TRUE(writer.Add(blob, content).ok());
      }
    }
    const std::string location = folder_ + "/a.puffin";
    ASSERT_TRUE(io_->Write(location, Unwrap(writer.Finish(footer))).ok());
    const PuffinFile file = Unwrap(PuffinFile::Open(*io_, location));
    ASSERT_EQ(file.blobs().size(), 9u);
    EXPECT_EQ(file.properties().at("key"), "välue");
    for (size_t i = 0; i < 9; ++i) {
      EXPECT_EQ(Unwrap(file.Read(file.blobs()[i])), contents[i % 3]) << i;
    }
  }
}

TEST_F(PuffinTest, RefusesBrokenFiles) {
  const std::string location = folder_ + "/broken.puffin";
  const std::string good = Golden("sample-metric-data-compressed-zstd.bin");
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bytes = i % 2 == 0 ? good.substr(0, i) : good;
    if (i % 2 == 1) bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
    ASSERT_TRUE(io_->Write(location, bytes).ok());
    const auto file = PuffinFile::Open(*io_, location);
    if (!file.ok()) {
      EXPECT_THAT(ErrorText(file.status()), HasSubstr(location));
      continue;
    }
    EXPECT_NE(i % 2, 0u) << "cut off at " << i;
    for (const PuffinBlob& blob : file->blobs()) (void)file->Read(blob);
  }
}

TEST_F(PuffinTest, WritesSeveralVectorsIntoOneFile) {
  std::vector<DeletedPositions> vectors;
  vectors.push_back({"s3://b/data/1.parquet", BitmapOf({0, 7, 1'000'000})});
  vectors.push_back({"s3://b/data/2.parquet", BitmapOf({5})});
  const std::string location = folder_ + "/deletes.puffin";
  const auto entries = Unwrap(WriteDeletionVectors(io_.get(), location, vectors));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].content, FileContent::kPositionDeletes);
  EXPECT_EQ(entries[0].file_format, FileFormat::kPuffin);
  EXPECT_EQ(entries[0].record_count, 3);
  EXPECT_EQ(entries[1].referenced_data_file, "s3://b/data/2.parquet");
  EXPECT_EQ(entries[1].file_size_bytes, Unwrap(io_->FileSize(location)));
  EXPECT_THAT(Unwrap(ReadDeletionVector(*io_, entries[0])).Positions(),
              ElementsAre(0, 7, 1'000'000));
  EXPECT_THAT(Unwrap(ReadDeletionVector(*io_, entries[1])).Positions(), ElementsAre(5));
  const PuffinFile file = Unwrap(PuffinFile::Open(*io_, location));
  EXPECT_EQ(file.blobs()[1].type, kDeletionVectorBlob);
  EXPECT_EQ(file.blobs()[1].properties.at("referenced-data-file"),
            "s3://b/data/2.parquet");
  EXPECT_EQ(file.blobs()[0].properties.at("cardinality"), "3");

  DataFile miscounted = entries[0];
  miscounted.record_count = 2;
  DataFile elsewhere = entries[0];
  elsewhere.content_offset = *entries[1].content_offset;
  DataFile beyond = entries[1];
  beyond.content_offset = beyond.file_size_bytes;
  for (const DataFile& entry : {miscounted, elsewhere, beyond}) {
    const arrow::Status status = ReadDeletionVector(*io_, entry).status();
    EXPECT_TRUE(IsError(status, ErrorCode::kCorruptData)) << status.ToString();
    EXPECT_THAT(ErrorText(status), HasSubstr(location));
  }
}

}  // namespace
}  // namespace floe::iceberg
