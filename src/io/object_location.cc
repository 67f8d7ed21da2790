#include "io/object_location.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/error.h"

namespace floe {
namespace {

using Kind = ObjectLocation::Kind;

struct KnownScheme {
  std::string_view name;
  Kind kind;
};
constexpr std::array<KnownScheme, 10> kSchemes = {{{"s3", Kind::kS3},
                                                   {"s3a", Kind::kS3},
                                                   {"s3n", Kind::kS3},
                                                   {"gs", Kind::kGcs},
                                                   {"gcs", Kind::kGcs},
                                                   {"abfs", Kind::kAzure},
                                                   {"abfss", Kind::kAzure},
                                                   {"wasb", Kind::kAzure},
                                                   {"wasbs", Kind::kAzure},
                                                   {"az", Kind::kAzure}}};

std::optional<Kind> KindOf(std::string_view scheme) {
  for (const KnownScheme& known : kSchemes) {
    if (known.name == scheme) return known.kind;
  }
  return std::nullopt;
}

}  // namespace

std::string ObjectLocation::Root() const {
  std::string root = scheme + "://" + bucket;
  if (!host.empty()) root += "@" + host;
  return root + "/";
}

std::string SchemeOf(std::string_view location) {
  const size_t colon = location.find(':');
  if (colon == std::string_view::npos || colon < 2) return "";
  std::string scheme(location.substr(0, colon));
  for (char& c : scheme) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isalnum(byte) && c != '+' && c != '-' && c != '.') return "";
    c = static_cast<char>(std::tolower(byte));
  }
  return std::isalpha(static_cast<unsigned char>(scheme[0])) ? scheme : "";
}

bool IsObjectScheme(std::string_view scheme) { return KindOf(scheme).has_value(); }

arrow::Result<ObjectLocation> ParseObjectLocation(std::string_view location) {
  ObjectLocation parsed;
  parsed.scheme = SchemeOf(location);
  const auto kind = KindOf(parsed.scheme);
  if (!kind.has_value()) {
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' has the scheme '{}', of which Floe knows no store", location,
                     parsed.scheme);
  }
  parsed.kind = *kind;
  std::string_view rest = location.substr(parsed.scheme.size() + 1);
  const bool has_slashes = rest.starts_with("//");
  if (has_slashes) rest.remove_prefix(2);
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  if (slash < rest.size()) parsed.key = std::string(rest.substr(slash + 1));
  const size_t at = authority.find('@');
  if (parsed.kind == Kind::kAzure && at != std::string_view::npos) {
    parsed.host = std::string(authority.substr(at + 1));
    authority = authority.substr(0, at);
  }
  parsed.bucket = std::string(authority);
  if (!has_slashes || parsed.bucket.empty() ||
      parsed.bucket.find_first_of("@:?#") != std::string::npos) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "a location of scheme '{}' does not name a bucket and a key; write it "
        "as {}",
        parsed.scheme,
        parsed.kind == Kind::kAzure
            ? "abfss://container@account.dfs.core.windows.net/path"
            : parsed.scheme + "://bucket/path");
  }
  return parsed;
}

}  // namespace floe
