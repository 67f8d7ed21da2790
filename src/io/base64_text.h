#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace floe {

/// Base64 with '+', '/' and padding (RFC 4648, 4).
std::string Base64Encode(std::string_view bytes);
/// With '-', '_' and none (RFC 4648, 5), as JSON web tokens want it.
std::string Base64UrlEncode(std::string_view bytes);
/// The reverse of the first; nullopt for what is none.
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace floe
