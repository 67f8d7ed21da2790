#include "iceberg/catalog/sql/server_message.h"

namespace floe::iceberg {
namespace {

/// A shorter one would blot out words that only look like it, and tell what it is.
constexpr size_t kMinBlottedChars = 6;

}  // namespace

std::string ServerMessage(const std::string& message, const std::string& secret) {
  std::string line;
  for (char c : message) {
    bool is_blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (is_blank && (line.empty() || line.back() == ' ')) continue;
    line += is_blank ? ' ' : c;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (secret.size() < kMinBlottedChars) return line;
  for (size_t at = line.find(secret); at != std::string::npos; at = line.find(secret)) {
    line.replace(at, secret.size(), "***");
  }
  return line;
}

std::string ConnectOptions(const std::map<std::string, std::string>& options) {
  std::string text;
  for (const auto& [key, value] : options) {
    text += " " + key + "='";
    for (char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

}  // namespace floe::iceberg
