#include "io/aws_sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "test/source_folder.h"

namespace floe {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

nlohmann::json ReadGolden() {
  std::ifstream stream(std::string(SourceFolder()) +
                       "/test/golden/sigv4/signatures.json");
  return nlohmann::json::parse(stream);
}

TEST(AwsSigV4, SignsAsBotocoreDoes) {
  const nlohmann::json golden = ReadGolden();
  ASSERT_GE(golden["cases"].size(), 16u);
  for (const nlohmann::json& item : golden["cases"]) {
    Headers headers;
    for (const auto& [name, value] : item["headers"].items()) {
      headers.emplace_back(name, value.get<std::string>());
    }
    const AwsCredentials credentials{golden["access_key_id"], golden["secret_access_key"],
                                     item["session_token"]};
    const auto method = item["method"].get<std::string>();
    const auto url = item["url"].get<std::string>();
    const auto body = item["body"].get<std::string>();
    const auto added =
        SignSigV4({.method = method, .url = url, .headers = headers, .body = body},
                  credentials, {item["region"], item["service"]}, golden["now_ms"]);
    ASSERT_TRUE(added.ok()) << item["name"] << added.status();
    std::map<std::string, std::string> by_name(added->begin(), added->end());
    EXPECT_EQ(by_name, (item["signed"].get<std::map<std::string, std::string>>()))
        << item["name"];
  }
}

TEST(AwsSigV4, SaysWhatIsMissing) {
  const Headers none;
  const SigV4Request request{
      .method = "GET", .url = "https://h.example/", .headers = none, .body = ""};
  const auto no_keys = SignSigV4(request, {"id", "", ""}, {"us-east-1", "glue"}, 0);
  EXPECT_TRUE(IsError(no_keys.status(), ErrorCode::kInvalidConfig));
  const auto no_region = SignSigV4(request, {"id", "key", ""}, {"", "glue"}, 0);
  EXPECT_THAT(no_region.status().message(), testing::HasSubstr("region"));
  const SigV4Request relative{.method = "GET", .url = "/v1", .headers = none, .body = ""};
  EXPECT_FALSE(SignSigV4(relative, {"id", "key", ""}, {"us-east-1", "glue"}, 0).ok());
}

}  // namespace
}  // namespace floe
