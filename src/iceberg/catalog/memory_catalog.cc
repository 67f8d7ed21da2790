#include "iceberg/catalog/memory_catalog.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace floe::iceberg {
namespace {

bool IsWithin(const Namespace& levels, const Namespace& parent) {
  return levels.size() > parent.size() &&
         std::equal(parent.begin(), parent.end(), levels.begin());
}

arrow::Status NoSuchNamespace(const Namespace& levels) {
  return MakeError(ErrorCode::kNoSuchNamespace, "namespace '{}' does not exist",
                   NamespaceToString(levels));
}

arrow::Status NoSuchTable(const TableIdentifier& table) {
  return MakeError(ErrorCode::kNoSuchTable, "table '{}' does not exist",
                   table.ToString());
}

}  // namespace

arrow::Result<std::vector<Namespace>> MemoryCatalog::ListNamespaces(
    const Namespace& parent) {
  std::unique_lock<std::mutex> lock(mutex_);
  std::set<Namespace> children;
  for (const auto& [levels, unused] : namespaces_) {
    if (!IsWithin(levels, parent)) continue;
    children.emplace(levels.begin(),
                     levels.begin() + static_cast<int64_t>(parent.size()) + 1);
  }
  return std::vector<Namespace>(children.begin(), children.end());
}

arrow::Result<bool> MemoryCatalog::NamespaceExists(const Namespace& levels) {
  std::unique_lock<std::mutex> lock(mutex_);
  return namespaces_.count(levels) > 0;
}

arrow::Status MemoryCatalog::CreateNamespace(
    const Namespace& levels, const std::map<std::string, std::string>& properties) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!namespaces_.emplace(levels, properties).second) {
    return MakeError(ErrorCode::kAlreadyExists, "namespace '{}' exists already",
                     NamespaceToString(levels));
  }
  return arrow::Status::OK();
}

arrow::Status MemoryCatalog::DropNamespace(const Namespace& levels) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (namespaces_.count(levels) == 0) return NoSuchNamespace(levels);
  bool is_used = std::any_of(pointers_.begin(), pointers_.end(), [&](const auto& entry) {
    return entry.first.first == levels || IsWithin(entry.first.first, levels);
  });
  bool has_children =
      std::any_of(namespaces_.begin(), namespaces_.end(),
                  [&](const auto& entry) { return IsWithin(entry.first, levels); });
  if (is_used || has_children) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "namespace '{}' still holds tables or namespaces: drop them first",
                     NamespaceToString(levels));
  }
  namespaces_.erase(levels);
  return arrow::Status::OK();
}

arrow::Result<std::map<std::string, std::string>> MemoryCatalog::NamespaceProperties(
    const Namespace& levels) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = namespaces_.find(levels);
  if (found == namespaces_.end()) return NoSuchNamespace(levels);
  return found->second;
}

arrow::Result<std::vector<TableIdentifier>> MemoryCatalog::ListTables(
    const Namespace& levels) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (namespaces_.count(levels) == 0) return NoSuchNamespace(levels);
  std::vector<TableIdentifier> tables;
  for (const auto& [key, unused] : pointers_) {
    if (key.first == levels) tables.push_back({key.first, key.second});
  }
  return tables;
}

arrow::Status MemoryCatalog::RenameTable(const TableIdentifier& from,
                                         const TableIdentifier& to) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = pointers_.find({from.levels, from.name});
  if (found == pointers_.end()) return NoSuchTable(from);
  if (namespaces_.count(to.levels) == 0) return NoSuchNamespace(to.levels);
  if (!pointers_.emplace(TableKey{to.levels, to.name}, found->second).second) {
    return MakeError(ErrorCode::kAlreadyExists, "table '{}' exists already",
                     to.ToString());
  }
  pointers_.erase({from.levels, from.name});
  return arrow::Status::OK();
}

arrow::Result<std::optional<std::string>> MemoryCatalog::FindPointer(
    const TableIdentifier& table) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = pointers_.find({table.levels, table.name});
  if (found == pointers_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

arrow::Status MemoryCatalog::InsertPointer(const TableIdentifier& table,
                                           const TablePointer& to) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!pointers_.emplace(TableKey{table.levels, table.name}, to.location).second) {
    return MakeError(ErrorCode::kAlreadyExists, "table '{}' exists already",
                     table.ToString());
  }
  return arrow::Status::OK();
}

arrow::Status MemoryCatalog::SwapPointer(const TableIdentifier& table,
                                         const TablePointer& from,
                                         const TablePointer& to) {
  std::unique_lock<std::mutex> lock(mutex_);
  auto found = pointers_.find({table.levels, table.name});
  if (found == pointers_.end() || found->second != from.location) {
    return MakeError(ErrorCode::kCommitConflict,
                     "table '{}' was changed by another writer", table.ToString());
  }
  found->second = to.location;
  return arrow::Status::OK();
}

arrow::Status MemoryCatalog::DeletePointer(const TableIdentifier& table) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (pointers_.erase({table.levels, table.name}) == 0) return NoSuchTable(table);
  return arrow::Status::OK();
}

}  // namespace floe::iceberg
