#include "iceberg/catalog/rest/table_records.h"

#include <charconv>

namespace floe::iceberg {

std::optional<TableRecord> TableRecords::Find(const TableIdentifier& table) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = entries_.find({table.levels, table.name});
  if (found == entries_.end()) return std::nullopt;
  order_.splice(order_.begin(), order_, found->second.position);
  return found->second.record;
}

void TableRecords::Put(const TableIdentifier& table, TableRecord record) {
  std::lock_guard<std::mutex> lock(mutex_);
  const Key key{table.levels, table.name};
  Remove(key);
  if (record.bytes > kCapacityBytes) return;
  used_bytes_ += record.bytes;
  order_.push_front(key);
  entries_.emplace(key, Entry{std::move(record), order_.begin()});
  while (used_bytes_ > kCapacityBytes) Remove(Key(order_.back()));
}

void TableRecords::Forget(const TableIdentifier& table) {
  std::lock_guard<std::mutex> lock(mutex_);
  Remove({table.levels, table.name});
}

void TableRecords::Remove(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  used_bytes_ -= found->second.record.bytes;
  order_.erase(found->second.position);
  entries_.erase(found);
}

const StorageCredential* CredentialFor(const std::vector<StorageCredential>& credentials,
                                       const std::string& location) {
  const StorageCredential* best = nullptr;
  for (const StorageCredential& credential : credentials) {
    if (!location.starts_with(credential.prefix)) continue;
    if (best == nullptr || credential.prefix.size() > best->prefix.size()) {
      best = &credential;
    }
  }
  return best;
}

int64_t CredentialsExpiryMs(const PropertyMap& properties) {
  int64_t earliest_ms = 0;
  for (const auto& [key, value] : properties) {
    const bool is_expiry = key == "s3.session-token-expires-at-ms" ||
                           key == "gcs.oauth2.token-expires-at" ||
                           key.starts_with("adls.sas-token-expires-at-ms.");
    int64_t expiry_ms = 0;
    if (!is_expiry) continue;
    const auto parsed =
        std::from_chars(value.data(), value.data() + value.size(), expiry_ms);
    if (parsed.ec != std::errc() || expiry_ms <= 0) continue;
    if (earliest_ms == 0 || expiry_ms < earliest_ms) earliest_ms = expiry_ms;
  }
  return earliest_ms;
}

}  // namespace floe::iceberg
