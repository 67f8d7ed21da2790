#pragma once

#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe {

/// Lower-case hexadecimal of `bytes`.
std::string HexEncode(std::string_view bytes);
/// The inverse; kInvalidArgument for an odd length or a character that is no hex digit.
arrow::Result<std::string> HexDecode(std::string_view text);

}  // namespace floe
