#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "feast/value_type.h"
#include "iceberg/catalog/catalog.h"
#include "iceberg/table/table.h"

namespace floe::online {

/// How an online table's rows are split into partitions.
enum class PartitionStrategy {
  /// identity(entity_hash): a look-up sees one partition. The default.
  kEntityHash,
  /// hour(event_ts): old hours can be dropped as a whole; a look-up tells the files of
  /// all hours apart by bounds and bloom filters alone.
  kTimestamp,
  /// identity(entity_hash), day(event_ts): both, with more and smaller files.
  kHybrid,
};

/// kInvalidConfig names the text and the strategies there are.
arrow::Result<PartitionStrategy> PartitionStrategyFromName(std::string_view name);
std::string_view PartitionStrategyName(PartitionStrategy strategy);

/// The settings of an online store (`online_store:` of feature_store.yaml).
struct OnlineStoreConfig {
  static constexpr int32_t kMaxPartitionCount = 65536;

  /// The catalog namespace of the tables, "a.b" for levels. The catalog itself is given
  /// beside this.
  std::string table_namespace = "feast_online";
  PartitionStrategy partition_strategy = PartitionStrategy::kEntityHash;
  /// Buckets of entity_hash; fixed when a table is created.
  int32_t partition_count = 32;
  /// A read that takes longer fails with kDeadlineExceeded. 0 or less: no deadline.
  int64_t read_timeout_ms = 100;
  /// Feast's setting of the same name, 2 or 3; fixed when a table is created.
  int entity_key_serialization_version = 3;
  /// Threads a read may use; 0: DefaultThreadCount().
  int read_threads = 0;
  /// For how long a table's version is taken for the newest without asking the catalog;
  /// 0: every read asks.
  int64_t snapshot_refresh_ms = 0;
  /// Memory for rows read lately; 0 keeps none.
  int64_t row_cache_bytes = int64_t{256} << 20;

  /// kInvalidConfig names the setting, its value and what is allowed.
  arrow::Status Validate() const;
};

struct OnlineFeature {
  std::string name;
  feast::ValueType type = feast::ValueType::kUnknown;
  bool operator==(const OnlineFeature& other) const = default;
};

/// A feature view, as far as its online table is concerned.
struct OnlineView {
  std::string project;
  std::string name;
  /// Feast's feature view version; 0: not versioned.
  int32_t version = 0;
  std::vector<std::string> join_keys;
  std::vector<OnlineFeature> features;
};

/// What is known of a view's change beside the view itself.
struct OnlineViewChange {
  /// Whether the view's features are all it has: columns of others, but for its join
  /// keys, are then dropped.
  bool is_complete = false;
  /// Feature -> its name before, whose column becomes this one's.
  std::map<std::string, std::string> renamed_from = {};
};

/// Columns every online table has. A feature cannot take one of these names.
inline constexpr char kEntityKeyColumn[] = "entity_key";
inline constexpr char kEntityHashColumn[] = "entity_hash";
inline constexpr char kEventTsColumn[] = "event_ts";
inline constexpr char kCreatedTsColumn[] = "created_ts";

/// Table properties that say how a table was laid out: what is read and written by them.
inline constexpr char kPartitionStrategyProperty[] = "floe.online.partition-strategy";
inline constexpr char kPartitionCountProperty[] = "floe.online.partition-count";
inline constexpr char kKeyVersionProperty[] =
    "floe.online.entity-key-serialization-version";
/// One per feature: kFeatureTypePrefix + name -> "INT64". A column of messages or sets
/// could not be told from its Iceberg type.
inline constexpr char kFeatureTypePrefix[] = "floe.online.feature-type.";

/// {namespace}.{project}_{view}_online, or {project}_{view}_v{N}_online for version N >
/// 0. kInvalidArgument for an empty project or view name.
arrow::Result<iceberg::TableIdentifier> OnlineTableIdentifier(
    const OnlineStoreConfig& config, const OnlineView& view);

/// md5 of the serialized key's bytes, as a big-endian 128-bit number, modulo
/// `partition_count`: int(hashlib.md5(key).hexdigest(), 16) % partition_count in Python.
int32_t EntityHash(std::string_view serialized_key, int32_t partition_count);

/// The table of `view`; kNoSuchTable names the table and says to run `feast apply`.
arrow::Result<iceberg::TablePtr> LoadOnlineTable(
    const std::shared_ptr<iceberg::Catalog>& catalog, const OnlineStoreConfig& config,
    const OnlineView& view, const iceberg::TableContext& context = {});

/// A change of one column of an existing online table. None rewrites a data file.
struct OnlineColumnChange {
  enum class Kind { kAdd, kDrop, kRename, kWiden };
  Kind kind = Kind::kAdd;
  std::string column;  ///< Its name afterwards; of a drop, the name it had.
  std::string from;    ///< kRename: the name before; kWiden, kDrop: the type before.
  std::string to;      ///< kAdd, kWiden: the Iceberg type afterwards.
};
std::string_view OnlineColumnChangeName(OnlineColumnChange::Kind kind);

/// What CreateOrUpdateOnlineTable would do.
struct OnlineTablePlan {
  std::string table;
  bool exists = false;
  /// Of an existing table; else every column of the new one, as added.
  std::vector<OnlineColumnChange> changes;
};
/// Changes nothing. Errors as CreateOrUpdateOnlineTable's.
arrow::Result<OnlineTablePlan> PlanOnlineTable(
    const std::shared_ptr<iceberg::Catalog>& catalog, const OnlineStoreConfig& config,
    const OnlineView& view, const iceberg::TableContext& context = {},
    const OnlineViewChange& change = {});

/// Creates the table (and namespace) of `view`, or brings an existing one up to date:
/// columns of new features are added, those of renamed ones renamed, int32 -> int64 and
/// float -> double widened. Columns of features a complete view no longer has are
/// dropped: added again later, a feature starts without values. kInvalidArgument names
/// the feature and both types when a type changed otherwise, and the setting when the
/// table was created with another partitioning or key version. Idempotent; safe beside
/// others.
///
/// Layout: columns entity_key (string, the hex of Feast's serialized key; required and
/// the identifier field), entity_hash (int, EntityHash), event_ts (timestamptz,
/// required), created_ts (timestamptz), one optional column per feature
/// (feast::ToIcebergType); partitioned by identity(entity_hash); sort order entity_key.
/// Properties ask any Iceberg writer for bloom filters, small pages and full bounds on
/// entity_key.
arrow::Result<iceberg::TablePtr> CreateOrUpdateOnlineTable(
    const std::shared_ptr<iceberg::Catalog>& catalog, const OnlineStoreConfig& config,
    const OnlineView& view, const iceberg::TableContext& context = {},
    const OnlineViewChange& change = {});

/// Drops the table of `view` and deletes its files. A table that is not there is no
/// error; the result says whether it was.
arrow::Result<bool> DropOnlineTable(const std::shared_ptr<iceberg::Catalog>& catalog,
                                    const OnlineStoreConfig& config,
                                    const OnlineView& view);

/// How a table's keys are laid out, by its properties. kInvalidArgument when it is not an
/// online table of this layout; a setting of `config` that differs is an error that names
/// it, since keys would be looked for in the wrong place.
struct OnlineLayout {
  PartitionStrategy strategy = PartitionStrategy::kEntityHash;
  int32_t partition_count = 0;
  int entity_key_version = 3;

  static arrow::Result<OnlineLayout> Of(const iceberg::Table& table,
                                        const OnlineStoreConfig& config);
};

}  // namespace floe::online
