#include "io/aws_profile.h"

#include <algorithm>
#include <set>

#include "base/env.h"
#include "base/error.h"
#include "io/local_file_io.h"

namespace floe {
namespace {

constexpr int64_t kProfileFileBytesMax = 1 << 20;
/// So many names an error lists.
constexpr size_t kProfilesListedMax = 20;
constexpr char kDefaultProfile[] = "default";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// The profile a section's title names; "" for sections of other things.
std::string ProfileOfTitle(std::string_view title, bool is_config) {
  constexpr std::string_view kPrefix = "profile ";
  if (!is_config || title == kDefaultProfile) return std::string(title);
  if (!title.starts_with(kPrefix)) return "";
  return std::string(Trimmed(title.substr(kPrefix.size())));
}

/// A file of profiles; `path` is "" where neither a variable nor HOME says where it is.
struct ProfileFile {
  std::string path;
  std::map<std::string, AwsProfile> profiles;
};

arrow::Result<ProfileFile> ReadProfiles(const char* variable, std::string_view name,
                                        bool is_config) {
  ProfileFile file{GetEnv(variable).value_or(""), {}};
  if (file.path.empty()) {
    const auto home = GetEnv("HOME");
    if (!home.has_value()) return file;
    file.path = *home + "/.aws/" + std::string(name);
  }
  auto text = MakeLocalFileIO()->ReadAll(file.path, kProfileFileBytesMax);
  if (IsError(text.status(), ErrorCode::kNoSuchFile)) return file;
  ARROW_RETURN_NOT_OK(text.status());
  file.profiles = ParseAwsProfiles(*text, is_config);
  return file;
}

arrow::Result<ProfileFile> ReadCredentialsFile() {
  return ReadProfiles("AWS_SHARED_CREDENTIALS_FILE", "credentials", /*is_config=*/false);
}

arrow::Result<ProfileFile> ReadConfigFile() {
  return ReadProfiles("AWS_CONFIG_FILE", "config", /*is_config=*/true);
}

}  // namespace

std::map<std::string, AwsProfile> ParseAwsProfiles(std::string_view text,
                                                   bool is_config) {
  std::map<std::string, AwsProfile> profiles;
  std::string profile;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = Trimmed(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      const size_t close = line.find(']');
      profile = ProfileOfTitle(Trimmed(line.substr(1, close - 1)), is_config);
      if (!profile.empty()) profiles[profile];
      continue;
    }
    // Indented lines are settings below a setting ("s3 ="), which mean nothing here.
    const bool is_nested = raw[0] == ' ' || raw[0] == '\t';
    const size_t equals = line.find('=');
    if (profile.empty() || is_nested || equals == std::string_view::npos) continue;
    profiles[profile][std::string(Trimmed(line.substr(0, equals)))] =
        std::string(Trimmed(line.substr(equals + 1)));
  }
  return profiles;
}

arrow::Result<std::optional<AwsProfile>> ReadAwsProfile(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const ProfileFile credentials_file, ReadCredentialsFile());
  ARROW_ASSIGN_OR_RAISE(const ProfileFile config_file, ReadConfigFile());
  const auto& credentials = credentials_file.profiles;
  const auto& config = config_file.profiles;
  const auto in_credentials = credentials.find(name);
  const auto in_config = config.find(name);
  if (in_credentials == credentials.end() && in_config == config.end()) {
    return std::nullopt;
  }
  AwsProfile profile;
  if (in_credentials != credentials.end()) profile = in_credentials->second;
  if (in_config != config.end()) {
    profile.insert(in_config->second.begin(), in_config->second.end());
  }
  return profile;
}

arrow::Status NoSuchAwsProfile(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const ProfileFile credentials, ReadCredentialsFile());
  ARROW_ASSIGN_OR_RAISE(const ProfileFile config, ReadConfigFile());
  std::set<std::string> names;
  for (const ProfileFile* file : {&credentials, &config}) {
    for (const auto& [each, _] : file->profiles) names.insert(each);
  }
  std::string listed;
  size_t count = 0;
  for (const std::string& each : names) {
    if (count++ == kProfilesListedMax) break;
    listed += (listed.empty() ? "'" : ", '") + each + "'";
  }
  if (names.size() > kProfilesListedMax) listed += " and others";
  return MakeError(ErrorCode::kInvalidConfig,
                   "there is no profile '{}' in '{}' or '{}', which hold {}; name one of "
                   "theirs or add it",
                   name, credentials.path, config.path,
                   listed.empty() ? "no profiles" : listed);
}

std::string DefaultAwsProfileName() {
  return GetEnv("AWS_PROFILE").value_or(kDefaultProfile);
}

}  // namespace floe
