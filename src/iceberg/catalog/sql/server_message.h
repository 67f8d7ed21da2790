#pragma once

#include <map>
#include <string>
#include <string_view>

namespace floe::iceberg {

/// A database server's message on one line, `secret` blotted out should it be in it.
std::string ServerMessage(const std::string& message, const std::string& secret);

/// " key='value'" for each entry, quoted as libpq and SOCI read it.
std::string ConnectOptions(const std::map<std::string, std::string>& options);

}  // namespace floe::iceberg
