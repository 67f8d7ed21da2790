#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/catalog/catalog.h"
#include "iceberg/catalog/rest/rest_settings.h"

namespace floe::iceberg {

/// Credentials for the files below a location.
struct StorageCredential {
  std::string prefix;
  PropertyMap config;
};

/// What is known of a table from its last answer.
struct TableRecord {
  std::string etag;  ///< "": none was given.
  LoadedTable loaded;
  PropertyMap config;
  std::vector<StorageCredential> credentials;
  int64_t bytes = 0;  ///< What keeping it costs.
};

/// The records of the tables used last, bounded by bytes. Thread-safe.
class TableRecords {
 public:
  static constexpr int64_t kCapacityBytes = int64_t{64} << 20;

  std::optional<TableRecord> Find(const TableIdentifier& table);
  void Put(const TableIdentifier& table, TableRecord record);
  void Forget(const TableIdentifier& table);

 private:
  using Key = std::pair<Namespace, std::string>;
  struct Entry {
    TableRecord record;
    std::list<Key>::iterator position;
  };

  void Remove(const Key& key);

  std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::list<Key> order_;  ///< Used last first.
  int64_t used_bytes_ = 0;
};

/// The credentials to use at `location`: of those whose prefix it starts with the one of
/// the longest; null when none fits.
const StorageCredential* CredentialFor(const std::vector<StorageCredential>& credentials,
                                       const std::string& location);

/// When the first of the credentials ends, in ms since the epoch; 0: none says so.
int64_t CredentialsExpiryMs(const PropertyMap& properties);

}  // namespace floe::iceberg
