#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "pit/case_file.h"
#include "pit/naive_oracle.h"
#include "pit/source_tables.h"
#include "test/source_folder.h"

namespace floe::pit {
namespace {

namespace fs = std::filesystem;

const std::vector<Layout>& Layouts() {
  static const std::vector<Layout> kLayouts = {
      {.name = "iceberg"},
      {.name = "iceberg_file_per_row", .rows_per_file = 1, .threads = 1},
      {.name = "iceberg_general", .general_path_only = true, .batch_rows = 1},
      {.name = "iceberg_two_rows_general",
       .rows_per_file = 2,
       .general_path_only = true,
       .batch_rows = 3},
      {.name = "iceberg_deletes", .rows_per_file = 3, .with_deleted_rows = true},
      {.name = "parquet", .iceberg = false, .threads = 1, .batch_rows = 1},
      {.name = "parquet_groups",
       .iceberg = false,
       .rows_per_file = 3,
       .rows_per_group = 1},
  };
  return kLayouts;
}

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& entry :
       fs::directory_iterator(std::string(SourceFolder()) + "/test/pit/cases")) {
    if (entry.path().extension() == ".case") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

arrow::Result<CaseFile> LoadCase(const std::string& name) {
  std::ifstream file(std::string(SourceFolder()) + "/test/pit/cases/" + name + ".case");
  std::ostringstream text;
  text << file.rdbuf();
  return ParseCase(name, text.str());
}

void ExpectSame(const CaseFile& question, const arrow::Table& answer) {
  const arrow::Schema& wanted = *question.expect->schema();
  ASSERT_EQ(answer.schema()->num_fields(), wanted.num_fields())
      << answer.schema()->ToString();
  for (int i = 0; i < wanted.num_fields(); ++i) {
    EXPECT_EQ(answer.schema()->field(i)->name(), wanted.field(i)->name());
    EXPECT_EQ(answer.schema()->field(i)->type()->ToString(),
              wanted.field(i)->type()->ToString())
        << wanted.field(i)->name();
  }
  std::vector<std::string> expected = RowsAsText(*question.expect);
  std::vector<std::string> actual = RowsAsText(answer);
  if (question.unordered) {
    std::sort(expected.begin(), expected.end());
    std::sort(actual.begin(), actual.end());
  }
  EXPECT_THAT(actual, ::testing::ElementsAreArray(expected));
}

class PitCase : public ::testing::TestWithParam<std::string> {};

TEST_P(PitCase, AnswersAsWritten) {
  auto question = LoadCase(GetParam());
  ASSERT_TRUE(question.ok()) << question.status();
  for (const Layout& layout : Layouts()) {
    SCOPED_TRACE(layout.name);
    auto tables = SourceTables::Make(::testing::TempDir() + "pit_case/" + GetParam());
    ASSERT_TRUE(tables.ok()) << tables.status();
    auto answer = Ask(*question, layout, &*tables);
    if (question->error) {
      ASSERT_FALSE(answer.ok());
      EXPECT_EQ(ErrorCodeName(ErrorCodeOf(answer.status())), question->error->code)
          << answer.status();
      for (const std::string& part : question->error->contains) {
        EXPECT_THAT(ErrorText(answer.status()), ::testing::HasSubstr(part));
      }
      continue;
    }
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_TRUE((*answer)->ValidateFull().ok());
    ExpectSame(*question, **answer);
  }
  fs::remove_all(::testing::TempDir() + "pit_case/" + GetParam());
}

// The oracle of the random tests is held to the written answers too.
TEST_P(PitCase, OracleAgrees) {
  auto question = LoadCase(GetParam());
  ASSERT_TRUE(question.ok()) << question.status();
  if (question->error) return;
  if (question->entities != nullptr) {
    auto answer = NaiveAnswer(*question);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ExpectSame(*question, **answer);
  } else if (question->pull && question->pull->kind == "pull_latest") {
    auto answer = NaiveLatest(*question);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ExpectSame(*question, **answer);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, PitCase, ::testing::ValuesIn(CaseNames()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace floe::pit
