#include "io/token_answer.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace floe {
namespace {

constexpr int64_t kDefaultSeconds = 3600;
constexpr int64_t kSecondsMax = int64_t{366} * 24 * 3600;

/// A number, or text that is one, as Azure writes it.
int64_t SecondsOf(const nlohmann::json& json) {
  const auto found = json.find("expires_in");
  int64_t seconds = kDefaultSeconds;
  if (found == json.end()) return seconds;
  if (found->is_number_integer()) {
    seconds = found->get<int64_t>();
  } else if (found->is_string()) {
    const auto text = found->get<std::string>();
    std::from_chars(text.data(), text.data() + text.size(), seconds);
  }
  return std::clamp<int64_t>(seconds, 0, kSecondsMax);
}

/// The "error" of an OAuth2 failure: one word, such as invalid_grant.
std::string ErrorWord(const nlohmann::json& json) {
  if (!json.is_object() || !json.contains("error") || !json["error"].is_string()) {
    return "";
  }
  return " " + json["error"].get<std::string>();
}

}  // namespace

arrow::Result<BearerToken::Lasting> AskForToken(HttpClient* http,
                                                const HttpRequest& request,
                                                std::string_view who, int64_t now_ms) {
  ARROW_ASSIGN_OR_RAISE(const HttpResponse response, http->Send(request));
  const auto json =
      nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (response.status != 200) {
    return MakeError(response.status >= 500 ? ErrorCode::kServiceUnavailable
                                            : ErrorCode::kNotAuthorized,
                     "{} gave no token (HTTP status {}{}); check the account it is for",
                     who, response.status, ErrorWord(json));
  }
  if (!json.is_object() || !json.contains("access_token") ||
      !json["access_token"].is_string()) {
    return MakeError(ErrorCode::kServiceUnavailable, "{} gave an answer without a token",
                     who);
  }
  constexpr int64_t kMillis = 1000;
  return BearerToken::Lasting{json["access_token"].get<std::string>(),
                              now_ms + SecondsOf(json) * kMillis};
}

arrow::Result<std::shared_ptr<HttpClient>> MakeTokenClient() {
  HttpClientOptions options;
  options.connect_timeout_ms = 3'000;
  options.retry.max_tries = 3;
  options.retry.total_timeout_ms = 20'000;
  options.max_response_bytes = 1 << 20;
  return MakeHttpClient(options);
}

}  // namespace floe
