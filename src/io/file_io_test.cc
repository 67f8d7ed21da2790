#include "io/file_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/random.h"
#include "io/fault_file_io.h"

namespace floe {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Operation = FaultFileIO::Operation;

class FileIOTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        (fs::temp_directory_path() / ("floe-io-" + NewUuid(Random::System()))).string();
    fs::create_directories(folder_);
    io_ = *MakeFileIO({});
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) {
        names.push_back(fs::relative(entry.path(), folder_).string());
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
  std::shared_ptr<FileIO> io_;
};

TEST_F(FileIOTest, WritesReadsListsAndDeletesByPathAndUri) {
  ASSERT_TRUE(io_->Write(At("a/b.txt"), "one").ok());
  ASSERT_TRUE(io_->Write("file:" + At("a/c.txt"), "").ok());
  ASSERT_TRUE(io_->Write("file://" + At("d.txt"), "three").ok());
  EXPECT_EQ(*io_->ReadAll("file://" + At("a/b.txt")), "one");
  EXPECT_EQ(*io_->ReadAll(At("a/c.txt")), "");
  EXPECT_EQ(*io_->FileSize(At("d.txt")), 5);
  auto shallow = *io_->List("file://" + folder_, false);
  ASSERT_EQ(shallow.size(), 1u);
  EXPECT_EQ(shallow[0].location, "file://" + At("d.txt"));
  EXPECT_EQ(shallow[0].size_bytes, 5);
  EXPECT_GT(shallow[0].modified_ms, 1'600'000'000'000);
  EXPECT_EQ(io_->List(folder_, true)->size(), 3u);
  EXPECT_TRUE(io_->List(At("none"), true)->empty());
  ASSERT_TRUE(io_->Delete(At("d.txt")).ok());
  EXPECT_FALSE(*io_->Exists(At("d.txt")));
  EXPECT_TRUE(IsError(io_->Delete(At("d.txt")), ErrorCode::kNoSuchFile));
}

TEST_F(FileIOTest, ErrorsNameTheLocationAndTheRemedy) {
  const arrow::Status missing = io_->ReadAll(At("none")).status();
  EXPECT_TRUE(IsError(missing, ErrorCode::kNoSuchFile));
  EXPECT_THAT(ErrorText(missing), HasSubstr(At("none")));
  const arrow::Status scheme = io_->ReadAll("s9://bucket/x").status();
  EXPECT_TRUE(IsError(scheme, ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(scheme), HasSubstr("'s9'"));
  EXPECT_THAT(ErrorText(scheme), HasSubstr("file:"));
  EXPECT_TRUE(IsError(io_->OpenInput(folder_).status(), ErrorCode::kIo));
  ASSERT_TRUE(io_->Write(At("f"), "12345").ok());
  EXPECT_TRUE(IsError(io_->ReadAll(At("f"), 4).status(), ErrorCode::kResourceExhausted));
  EXPECT_TRUE(IsError(io_->Write(At("f/g"), "x"), ErrorCode::kIo));
  EXPECT_TRUE(IsError(LocalPath("file://host/x").status(), ErrorCode::kInvalidArgument));
}

TEST_F(FileIOTest, UnwritableFolderIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ::chmod(folder_.c_str(), 0555);
  const arrow::Status status = io_->Write(At("x"), "y");
  ::chmod(folder_.c_str(), 0755);
  EXPECT_TRUE(IsError(status, ErrorCode::kIo));
  EXPECT_THAT(ErrorText(status), HasSubstr(folder_));
}

TEST_F(FileIOTest, PercentSignsAreLiteralFirst) {
  ASSERT_TRUE(io_->Write("file://" + At("k=a%2Fb"), "literal").ok());
  EXPECT_THAT(Names(), ElementsAre("k=a%2Fb"));
  EXPECT_EQ(*io_->ReadAll("file://" + At("k=a%2Fb")), "literal");
  ASSERT_TRUE(io_->Write(At("with space"), "decoded").ok());
  EXPECT_EQ(*io_->ReadAll("file://" + At("with%20space")), "decoded");
  // A plain path is never decoded.
  EXPECT_FALSE(*io_->Exists(At("with%20space")));
}

TEST_F(FileIOTest, OfManyCreatorsExactlyOneWins) {
  std::atomic<int> created = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const arrow::Status status =
          io_->Write(At("v1"), std::to_string(i), WriteMode::kCreate);
      if (status.ok()) ++created;
      if (IsError(status, ErrorCode::kAlreadyExists)) ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_THAT(Names(), ElementsAre("v1"));
}

TEST_F(FileIOTest, NothingHalfWrittenIsSeen) {
  ASSERT_TRUE(io_->Write(At("x"), "old").ok());
  {
    auto output = *io_->OpenOutput(At("x"), WriteMode::kReplace);
    ASSERT_TRUE(output->Write("half", 4).ok());
    EXPECT_EQ(*io_->ReadAll(At("x")), "old");
    EXPECT_EQ(io_->List(folder_, true)->size(), 1u);
  }
  auto aborted = *io_->OpenOutput(At("y"), WriteMode::kReplace);
  ASSERT_TRUE(aborted->Abort().ok());
  EXPECT_THAT(Names(), ElementsAre("x"));
  EXPECT_EQ(*io_->ReadAll(At("x")), "old");
}

TEST_F(FileIOTest, FaultsHitTheNthOperationAndLeaveNothing) {
  FaultFileIO write_fails(io_, FaultFileIO::FailNth(Operation::kWrite, 1));
  EXPECT_TRUE(IsError(write_fails.Write(At("a"), "b"), ErrorCode::kIo));
  FaultFileIO close_fails(io_, FaultFileIO::FailNth(Operation::kClose, 2));
  EXPECT_TRUE(close_fails.Write(At("a"), "b").ok());
  EXPECT_TRUE(IsError(close_fails.Write(At("c"), "d"), ErrorCode::kIo));
  EXPECT_THAT(Names(), ElementsAre("a"));
  FaultFileIO unknown(io_, FaultFileIO::FailNth(Operation::kAfterClose, 1));
  EXPECT_TRUE(IsError(unknown.Write(At("e"), "f"), ErrorCode::kIo));
  EXPECT_EQ(*io_->ReadAll(At("e")), "f");
  FaultFileIO read_fails(io_, FaultFileIO::FailNth(Operation::kRead, 1));
  EXPECT_TRUE(IsError(read_fails.ReadAll(At("a")).status(), ErrorCode::kIo));
}

TEST_F(FileIOTest, ShortReadsAreCompleted) {
  ASSERT_TRUE(io_->Write(At("a"), "0123456789").ok());
  FaultFileIO short_reads(io_, nullptr);
  short_reads.set_max_read_bytes(3);
  EXPECT_EQ(*short_reads.ReadAll(At("a")), "0123456789");
}

TEST(LocationTest, JoinsWithOneSlash) {
  EXPECT_EQ(JoinLocation("file:/x/", "/y"), "file:/x/y");
  EXPECT_EQ(JoinLocation("/x", "y"), "/x/y");
}

}  // namespace
}  // namespace floe
