#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/schema.h"
#include "iceberg/spec/transform.h"

namespace floe::iceberg {

struct PartitionField {
  int32_t source_id = 0;
  int32_t field_id = 0;  ///< From kFirstFieldId up.
  std::string name;
  Transform transform = Transform::Identity();

  bool operator==(const PartitionField& other) const = default;
};

/// How rows map to partitions. A value type.
struct PartitionSpec {
  static constexpr int32_t kFirstFieldId = 1000;

  int32_t spec_id = 0;
  std::vector<PartitionField> fields;

  bool is_unpartitioned() const;
  /// The struct type of partition tuples for `schema`; fields whose source was dropped,
  /// or whose transform is unknown, get type unknown.
  arrow::Result<TypePtr> PartitionType(const Schema& schema) const;
  /// "a=1/ts_day=2026-11-22", values URL-escaped, as the reference implementation does.
  std::string PartitionPath(const std::vector<Literal>& partition) const;
  /// Same fields (source, transform, name), whatever the ids.
  bool IsEquivalentTo(const PartitionSpec& other) const;
};

enum class SortDirection { kAscending, kDescending };
enum class NullOrder { kNullsFirst, kNullsLast };

struct SortField {
  int32_t source_id = 0;
  Transform transform = Transform::Identity();
  SortDirection direction = SortDirection::kAscending;
  NullOrder null_order = NullOrder::kNullsFirst;

  bool operator==(const SortField& other) const = default;
};

struct SortOrder {
  static constexpr int32_t kUnsortedId = 0;
  int32_t order_id = kUnsortedId;
  std::vector<SortField> fields;
};

}  // namespace floe::iceberg
