#pragma once

#include <optional>
#include <string>

namespace floe {

/// The environment variable, or nullopt when unset. The only place that reads it.
std::optional<std::string> GetEnv(const char* name);

}  // namespace floe
