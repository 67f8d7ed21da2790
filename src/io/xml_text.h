#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace floe {

/// What stands between <tag ...> and </tag> of each such element of `xml`, in order and
/// not decoded. Made for the flat answers of object stores: an element may not hold
/// another of its own name. Never reads past `xml`.
std::vector<std::string_view> XmlElements(std::string_view xml, std::string_view tag);

/// The text of the first such element, entities decoded; nullopt when there is none.
std::optional<std::string> XmlText(std::string_view xml, std::string_view tag);

/// `text` so that it can stand in an element.
std::string XmlEscape(std::string_view text);

}  // namespace floe
