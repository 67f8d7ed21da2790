#include "io/store_properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "io/file_io.h"
#include "test/source_folder.h"

namespace floe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(StorePropertiesTest, AnUnknownKeyIsNamedWithTheNearestAndWithoutItsValue) {
  const arrow::Status status =
      CheckPropertyKeys({{"s3.acces-key-id", "hidden"}}, StoreProperties());
  EXPECT_TRUE(IsError(status, ErrorCode::kInvalidConfig));
  EXPECT_THAT(ErrorText(status), HasSubstr("'s3.acces-key-id'"));
  EXPECT_THAT(ErrorText(status), HasSubstr("did you mean 's3.access-key-id'?"));
  EXPECT_THAT(ErrorText(status), Not(HasSubstr("hidden")));
}

TEST(StorePropertiesTest, KnowsPyIcebergsNamesAndOpenEndedOnes) {
  EXPECT_TRUE(CheckPropertyKeys({{"s3.endpoint", ""},
                                 {"client.region", ""},
                                 {"gcs.oauth2.token-expires-at", ""},
                                 {"adls.sas-token.account.blob.core.windows.net", ""}},
                                StoreProperties())
                  .ok());
  EXPECT_TRUE(IsError(CheckPropertyKeys({{"adls.sas", ""}}, StoreProperties()),
                      ErrorCode::kInvalidConfig));
}

TEST(StorePropertiesTest, TheDocumentationHasThemAll) {
  const std::string page =
      MakeFileIO({})
          .ValueOrDie()
          ->ReadAll(std::string(SourceFolder()) + "/docs/object_stores.md")
          .ValueOrDie();
  for (const PropertyKey& key : StoreProperties()) {
    EXPECT_THAT(page, HasSubstr("| `" + key.name + "` | " + key.meaning + " |"));
  }
}

}  // namespace
}  // namespace floe
