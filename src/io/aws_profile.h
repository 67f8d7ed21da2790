#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/status.h"

namespace floe {

using AwsProfile = std::map<std::string, std::string>;

/// The settings of each profile in the text of ~/.aws/credentials (`is_config` false) or
/// ~/.aws/config, where sections are called "profile name".
std::map<std::string, AwsProfile> ParseAwsProfiles(std::string_view text, bool is_config);

/// The settings of a profile, those of the credentials file first, from the files that
/// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name or ~/.aws holds; nullopt where
/// neither has it.
arrow::Result<std::optional<AwsProfile>> ReadAwsProfile(const std::string& name);

/// kInvalidConfig: both files have no profile of that name; says which they have.
arrow::Status NoSuchAwsProfile(const std::string& name);

/// AWS_PROFILE, or "default".
std::string DefaultAwsProfileName();

}  // namespace floe
