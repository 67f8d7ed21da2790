#pragma once

#include <string>
#include <string_view>

namespace floe {

/// The texts of `items` with `separator` between them. (fmt::join over strings trips GCC
/// 12's -Wstringop-overflow.)
template <typename Items>
std::string JoinText(const Items& items, std::string_view separator) {
  std::string text;
  bool is_first = true;
  for (const auto& item : items) {
    if (!is_first) text += separator;
    is_first = false;
    text += item;
  }
  return text;
}

}  // namespace floe
