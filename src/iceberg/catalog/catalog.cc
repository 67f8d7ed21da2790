#include "iceberg/catalog/catalog.h"

#include "base/error.h"
#include "base/join.h"

namespace floe::iceberg {
namespace {

std::vector<std::string> SplitDots(std::string_view text) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (true) {
    size_t dot = text.find('.', start);
    parts.emplace_back(text.substr(start, dot - start));
    if (dot == std::string_view::npos) return parts;
    start = dot + 1;
  }
}

bool HasEmptyPart(const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    if (part.empty()) return true;
  }
  return false;
}

}  // namespace

std::string NamespaceToString(const Namespace& levels) { return JoinText(levels, "."); }

arrow::Result<Namespace> ParseNamespace(std::string_view text) {
  Namespace levels = SplitDots(text);
  if (HasEmptyPart(levels)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is no namespace: expected names joined by dots, like 'a.b'",
                     text);
  }
  return levels;
}

arrow::Result<TableIdentifier> TableIdentifier::Parse(std::string_view text) {
  std::vector<std::string> parts = SplitDots(text);
  if (parts.size() < 2 || HasEmptyPart(parts)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "'{}' is no table name: expected 'namespace.table'", text);
  }
  TableIdentifier identifier;
  identifier.name = std::move(parts.back());
  parts.pop_back();
  identifier.levels = std::move(parts);
  return identifier;
}

std::string TableIdentifier::ToString() const {
  return levels.empty() ? name : NamespaceToString(levels) + "." + name;
}

arrow::Status EnsureNamespace(Catalog& catalog, const Namespace& levels) {
  ARROW_ASSIGN_OR_RAISE(bool exists, catalog.NamespaceExists(levels));
  if (exists) return arrow::Status::OK();
  arrow::Status status = catalog.CreateNamespace(levels, {});
  // Another process may have created it in between, which is what was wanted.
  if (IsError(status, ErrorCode::kAlreadyExists)) return arrow::Status::OK();
  return status;
}

}  // namespace floe::iceberg
