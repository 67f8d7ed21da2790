#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace floe {

/// Milliseconds since the epoch of "2026-01-02T03:04:05.678Z" (UTC; the fraction may be
/// absent or longer); nullopt for anything else.
std::optional<int64_t> ParseIsoTimeMillis(std::string_view text);

/// "Fri, 02 Jan 2026 03:04:05 GMT", as HTTP headers want it.
std::string HttpDate(int64_t now_ms);

/// The reverse; nullopt for anything else.
std::optional<int64_t> ParseHttpDateMillis(std::string_view text);

}  // namespace floe
