#include "io/xml_text.h"

#include <cstdlib>

namespace floe {
namespace {

/// The position behind "<tag" of an opening tag of exactly that name at or after `from`.
size_t FindOpening(std::string_view xml, std::string_view tag, size_t from) {
  const std::string opening = "<" + std::string(tag);
  for (size_t at = xml.find(opening, from); at != std::string_view::npos;
       at = xml.find(opening, at + 1)) {
    const size_t after = at + opening.size();
    if (after >= xml.size()) return std::string_view::npos;
    const char next = xml[after];
    if (next == '>' || next == '/' || next == ' ' || next == '\t' || next == '\r' ||
        next == '\n') {
      return after;
    }
  }
  return std::string_view::npos;
}

/// UTF-8 of a code point.
void AppendUtf8(unsigned long code, std::string* text) {
  constexpr unsigned long kMaxCode = 0x10ffff;
  const auto put = [text](unsigned long byte) { *text += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else if (code <= kMaxCode) {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

/// The text of an entity without '&' and ';'; false where it is none that is known.
bool AppendEntity(std::string_view entity, std::string* text) {
  struct Named {
    std::string_view name;
    char character;
  };
  constexpr Named kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const Named& named : kNamed) {
    if (entity == named.name) {
      *text += named.character;
      return true;
    }
  }
  if (entity.size() < 2 || entity[0] != '#') return false;
  const bool is_hex = entity[1] == 'x';
  const std::string digits(entity.substr(is_hex ? 2 : 1));
  char* end = nullptr;
  const unsigned long code = std::strtoul(digits.c_str(), &end, is_hex ? 16 : 10);
  if (digits.empty() || *end != '\0') return false;
  AppendUtf8(code, text);
  return true;
}

std::string Decode(std::string_view raw) {
  constexpr size_t kMaxEntity = 12;
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    const size_t end = raw[i] == '&' ? raw.find(';', i) : std::string_view::npos;
    if (end != std::string_view::npos && end - i <= kMaxEntity &&
        AppendEntity(raw.substr(i + 1, end - i - 1), &text)) {
      i = end;
    } else {
      text += raw[i];
    }
  }
  return text;
}

}  // namespace

std::vector<std::string_view> XmlElements(std::string_view xml, std::string_view tag) {
  std::vector<std::string_view> elements;
  const std::string closing = "</" + std::string(tag) + ">";
  for (size_t at = FindOpening(xml, tag, 0); at != std::string_view::npos;) {
    const size_t opened = xml.find('>', at);
    if (opened == std::string_view::npos) break;
    if (xml[opened - 1] == '/') {
      elements.push_back(xml.substr(opened, 0));
      at = FindOpening(xml, tag, opened);
      continue;
    }
    const size_t closed = xml.find(closing, opened + 1);
    if (closed == std::string_view::npos) break;
    elements.push_back(xml.substr(opened + 1, closed - opened - 1));
    at = FindOpening(xml, tag, closed + closing.size());
  }
  return elements;
}

std::optional<std::string> XmlText(std::string_view xml, std::string_view tag) {
  const size_t at = FindOpening(xml, tag, 0);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t opened = xml.find('>', at);
  if (opened == std::string_view::npos) return std::nullopt;
  if (xml[opened - 1] == '/') return "";
  const size_t closed = xml.find("</" + std::string(tag) + ">", opened + 1);
  if (closed == std::string_view::npos) return std::nullopt;
  return Decode(xml.substr(opened + 1, closed - opened - 1));
}

std::string XmlEscape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace floe
