#include "capi/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace floe::capi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

arrow::Result<Request> ParseScan(const char* text) {
  return Request::Parse(text, "the scan options",
                        {"columns", "filter", "limit", "flag", "map", "view", "views"});
}

std::string ErrorOf(const arrow::Status& status) {
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidArgument)) << status.ToString();
  return ErrorText(status);
}

TEST(RequestTest, UnknownKeyIsNamedWithTheNearest) {
  std::string message = ErrorOf(ParseScan(R"({"colums": []})").status());
  EXPECT_THAT(message, HasSubstr("the scan options"));
  EXPECT_THAT(message, HasSubstr("'colums'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'columns'?"));
  EXPECT_THAT(ErrorOf(ParseScan(R"({"zzzzzzzz": 1})").status()),
              HasSubstr("the keys are columns, filter"));
}

TEST(RequestTest, TextThatIsNoObjectIsRefused) {
  for (const char* text : {"", "[]", "3", "{", "{\"limit\": 1,}", "nonsense"}) {
    EXPECT_THAT(ErrorOf(ParseScan(text).status()), HasSubstr("JSON object")) << text;
  }
  std::string deep(100'000, '[');
  EXPECT_FALSE(ParseScan(deep.c_str()).ok());
}

TEST(RequestTest, NullPointerIsAnEmptyObjectAndNullAMissingKey) {
  ASSERT_TRUE(ParseScan(nullptr).ok());
  auto request = *ParseScan(R"({"filter": null, "limit": null})");
  EXPECT_FALSE(request.Has("filter"));
  EXPECT_EQ(*request.IntegerOr("limit", 7), 7);
  EXPECT_EQ(*request.TextOr("filter", "x"), "x");
  EXPECT_THAT(ErrorOf(request.Text("filter").status()),
              HasSubstr("lacks the key 'filter'"));
}

TEST(RequestTest, WrongTypesAreNamed) {
  auto request = *ParseScan(
      R"({"columns": "a", "filter": 3, "limit": 1.5, "flag": "yes", "map": {"a": 1}})");
  EXPECT_THAT(ErrorOf(request.Texts("columns").status()), HasSubstr("'columns'"));
  EXPECT_THAT(ErrorOf(request.Text("filter").status()), HasSubstr("must be text"));
  EXPECT_THAT(ErrorOf(request.FindInteger("limit").status()), HasSubstr("whole number"));
  EXPECT_THAT(ErrorOf(request.BooleanOr("flag", false).status()), HasSubstr("true"));
  EXPECT_THAT(ErrorOf(request.TextMap("map").status()), HasSubstr("'map'"));
}

TEST(RequestTest, IntegersAreExactAndBounded) {
  auto request = *ParseScan(R"({"limit": 9223372036854775807})");
  EXPECT_EQ(*request.IntegerOr("limit", 0), INT64_MAX);
  EXPECT_THAT(ErrorOf(request.IntegerOr("limit", 0, 0, 10).status()),
              HasSubstr("must be in 0 to 10"));
  request = *ParseScan(R"({"limit": 9223372036854775808})");
  EXPECT_FALSE(request.FindInteger("limit").ok());
}

TEST(RequestTest, NestedObjectsSayWhereTheyAre) {
  auto request = *ParseScan(R"({"views": [{"name": "a"}, {"nme": "b"}],
                                "view": {"name": "c"}, "columns": ["x", "y"]})");
  EXPECT_EQ(*request.Object("view", {"name"})->Text("name"), "c");
  EXPECT_THAT(*request.Texts("columns"), ElementsAre("x", "y"));
  EXPECT_THAT(ErrorOf(request.Objects("views", {"name"}).status()),
              HasSubstr("'views[1]' of the scan options has an unknown key 'nme'"));
  EXPECT_TRUE(request.Objects("filter", {"name"})->empty());
}

}  // namespace
}  // namespace floe::capi
