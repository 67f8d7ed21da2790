#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "arrow/type.h"
#include "base/error.h"
#include "base/parallel.h"
#include "iceberg/table/metadata_table_rows.h"
#include "iceberg/table/snapshot_history.h"
#include "iceberg/table/snapshot_manifests.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;

/// The partition fields of all specs of a table, as one struct.
class PartitionUnion {
 public:
  static arrow::Result<PartitionUnion> Make(const TableMetadata& metadata) {
    PartitionUnion all;
    std::vector<const PartitionSpec*> specs;
    for (const PartitionSpec& spec : metadata.partition_specs) specs.push_back(&spec);
    // The newest spec's names and types count; a void field gives way to what it was.
    std::sort(specs.begin(), specs.end(),
              [](const auto* a, const auto* b) { return a->spec_id > b->spec_id; });
    std::map<int32_t, NestedField> fields;
    for (const PartitionSpec* spec : specs) {
      ARROW_ASSIGN_OR_RAISE(const TypePtr type, spec->PartitionType(*metadata.schema()));
      for (size_t i = 0; i < spec->fields.size(); ++i) {
        const int32_t id = spec->fields[i].field_id;
        const auto [place, added] = fields.emplace(id, type->fields()[i]);
        const bool is_void = spec->fields[i].transform.kind() == Transform::Kind::kVoid;
        if (!added && !is_void && all.void_ids_.erase(id) > 0) {
          place->second.type = type->fields()[i].type;
        }
        if (added && is_void) all.void_ids_.insert(id);
        all.places_[spec->spec_id].push_back(id);
      }
    }
    arrow::FieldVector arrow_fields;
    for (const auto& [id, field] : fields) {
      all.index_[id] = arrow_fields.size();
      ARROW_ASSIGN_OR_RAISE(auto arrow_type, ToArrowType(*field.type));
      all.types_.push_back(field.type);
      arrow_fields.push_back(arrow::field(field.name, std::move(arrow_type)));
    }
    all.type_ = arrow::struct_(std::move(arrow_fields));
    return all;
  }

  bool empty() const { return types_.empty(); }
  const std::shared_ptr<arrow::DataType>& type() const { return type_; }

  /// The partition of a file in this struct.
  Cell::Parts Of(const DataFile& file) const {
    Cell::Parts parts(types_.size());
    const auto ids = places_.find(file.spec_id);
    if (ids == places_.end()) return parts;
    for (size_t i = 0; i < ids->second.size() && i < file.partition.size(); ++i) {
      const size_t place = index_.at(ids->second[i]);
      // Of a source column that was promoted since.
      const auto value = file.partition[i].CastTo(types_[place]);
      parts[place] = Cell(value.ok() ? *value : file.partition[i]);
    }
    return parts;
  }

 private:
  std::shared_ptr<arrow::DataType> type_;
  std::vector<TypePtr> types_;
  std::map<int32_t, size_t> index_;                 ///< By partition field id.
  std::map<int32_t, std::vector<int32_t>> places_;  ///< Field ids by spec.
  std::set<int32_t> void_ids_;
};

/// A leaf column of the table, whose metrics are shown readably.
struct Leaf {
  int32_t id = 0;
  std::string name;
  TypePtr type;
};

void AddLeaves(const Schema& schema, const NestedField& field, std::vector<Leaf>* out) {
  if (!field.type->is_nested()) {
    out->push_back({field.id, schema.FullName(field.id), field.type});
    return;
  }
  // Columns within lists and maps have no bounds.
  if (field.type->id() != TypeId::kStruct) return;
  for (const NestedField& child : field.type->fields()) AddLeaves(schema, child, out);
}

/// The columns of a file, and of an entry around it.
class FileColumns {
 public:
  static arrow::Result<FileColumns> Make(const TableMetadata& metadata) {
    FileColumns columns;
    ARROW_ASSIGN_OR_RAISE(columns.partition_, PartitionUnion::Make(metadata));
    for (const NestedField& field : metadata.schema()->fields()) {
      AddLeaves(*metadata.schema(), field, &columns.leaves_);
    }
    std::sort(columns.leaves_.begin(), columns.leaves_.end(),
              [](const Leaf& a, const Leaf& b) { return a.name < b.name; });
    return columns;
  }

  const PartitionUnion& partition() const { return partition_; }

  arrow::FieldVector FileFields() const {
    const auto counts = arrow::map(arrow::int32(), arrow::int64());
    const auto bounds = arrow::map(arrow::int32(), arrow::binary());
    arrow::FieldVector fields = {arrow::field("content", arrow::int32()),
                                 arrow::field("file_path", arrow::utf8(), false),
                                 arrow::field("file_format", arrow::utf8(), false),
                                 arrow::field("spec_id", arrow::int32())};
    if (!partition_.empty()) {
      fields.push_back(arrow::field("partition", partition_.type(), false));
    }
    for (auto& field : arrow::FieldVector{
             arrow::field("record_count", arrow::int64(), false),
             arrow::field("file_size_in_bytes", arrow::int64(), false),
             arrow::field("column_sizes", counts), arrow::field("value_counts", counts),
             arrow::field("null_value_counts", counts),
             arrow::field("nan_value_counts", counts),
             arrow::field("lower_bounds", bounds), arrow::field("upper_bounds", bounds),
             arrow::field("key_metadata", arrow::binary()),
             arrow::field("split_offsets", arrow::list(arrow::int64())),
             arrow::field("equality_ids", arrow::list(arrow::int32())),
             arrow::field("sort_order_id", arrow::int32()),
             arrow::field("first_row_id", arrow::int64()),
             arrow::field("referenced_data_file", arrow::utf8()),
             arrow::field("content_offset", arrow::int64()),
             arrow::field("content_size_in_bytes", arrow::int64())}) {
      fields.push_back(std::move(field));
    }
    return fields;
  }

  arrow::Result<std::shared_ptr<arrow::Field>> ReadableMetrics() const {
    arrow::FieldVector columns;
    for (const Leaf& leaf : leaves_) {
      ARROW_ASSIGN_OR_RAISE(const auto type, ToArrowType(*leaf.type));
      columns.push_back(arrow::field(
          leaf.name, arrow::struct_({arrow::field("column_size", arrow::int64()),
                                     arrow::field("value_count", arrow::int64()),
                                     arrow::field("null_value_count", arrow::int64()),
                                     arrow::field("nan_value_count", arrow::int64()),
                                     arrow::field("lower_bound", type),
                                     arrow::field("upper_bound", type)})));
    }
    return arrow::field("readable_metrics", arrow::struct_(std::move(columns)));
  }

  CellRow FileRow(const DataFile& file) const {
    CellRow row = {static_cast<int32_t>(file.content), file.file_path,
                   FormatText(file.file_format), file.spec_id};
    if (!partition_.empty()) row.push_back(partition_.Of(file));
    row.push_back(file.record_count);
    row.push_back(file.file_size_bytes);
    for (const auto member : {&ColumnMetrics::size_bytes, &ColumnMetrics::value_count,
                              &ColumnMetrics::null_count, &ColumnMetrics::nan_count}) {
      row.push_back(MapOf(file, member));
    }
    for (const auto member : {&ColumnMetrics::lower_bound, &ColumnMetrics::upper_bound}) {
      row.push_back(MapOf(file, member));
    }
    row.push_back(file.key_metadata.empty() ? Cell() : Cell(file.key_metadata));
    row.push_back(ListOf(file.split_offsets));
    row.push_back(ListOf(file.equality_ids));
    row.push_back(file.sort_order_id);
    row.push_back(file.first_row_id);
    row.push_back(file.referenced_data_file);
    row.push_back(file.content_offset);
    row.push_back(file.content_size_bytes);
    return row;
  }

  arrow::Result<Cell> MetricsCell(const DataFile& file) const {
    Cell::Parts columns;
    for (const Leaf& leaf : leaves_) {
      const ColumnMetrics* metrics = file.FindMetrics(leaf.id);
      if (metrics == nullptr) {
        columns.push_back(Cell::Parts(6));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(Cell lower, BoundCell(leaf, metrics->lower_bound));
      ARROW_ASSIGN_OR_RAISE(Cell upper, BoundCell(leaf, metrics->upper_bound));
      columns.push_back(Cell::Parts{metrics->size_bytes, metrics->value_count,
                                    metrics->null_count, metrics->nan_count,
                                    std::move(lower), std::move(upper)});
    }
    return Cell(std::move(columns));
  }

 private:
  /// In capitals, as the Java reference has it.
  static std::string FormatText(FileFormat format) {
    std::string text(FileFormatName(format));
    for (char& letter : text) letter = static_cast<char>(std::toupper(letter));
    return text;
  }

  template <typename T>
  static Cell ListOf(const std::vector<T>& values) {
    if (values.empty()) return {};
    return Cell::Parts(values.begin(), values.end());
  }

  /// NULL where no column has the metric.
  template <typename T>
  static Cell MapOf(const DataFile& file, std::optional<T> ColumnMetrics::* member) {
    Cell::Parts entries;
    for (const ColumnMetrics& metrics : file.metrics) {
      if (!(metrics.*member)) continue;
      entries.push_back(Cell::Parts{metrics.field_id, *(metrics.*member)});
    }
    return entries.empty() ? Cell() : Cell(std::move(entries));
  }

  static arrow::Result<Cell> BoundCell(const Leaf& leaf,
                                       const std::optional<std::string>& bound) {
    // What the bounds of places are is said by their own encoding, not by the type's.
    const bool is_place =
        leaf.type->id() == TypeId::kGeometry || leaf.type->id() == TypeId::kGeography;
    if (!bound || is_place || leaf.type->id() == TypeId::kVariant) return Cell();
    ARROW_ASSIGN_OR_RAISE(Literal literal, Literal::FromBytes(leaf.type, *bound));
    return Cell(std::move(literal));
  }

  PartitionUnion partition_;
  std::vector<Leaf> leaves_;
};

/// The manifests of the snapshots, each once, in their order.
arrow::Result<std::vector<ManifestFile>> DistinctManifests(
    const Table& table, const std::vector<const Snapshot*>& snapshots) {
  std::vector<ManifestFile> distinct;
  std::set<std::string> seen;
  for (const Snapshot* snapshot : snapshots) {
    ARROW_ASSIGN_OR_RAISE(const auto manifests, ManifestsOf(table, *snapshot));
    for (const ManifestFile& manifest : *manifests) {
      if (seen.insert(manifest.manifest_path).second) distinct.push_back(manifest);
    }
  }
  return distinct;
}

/// Entries of manifests, read in parallel, in the manifests' order.
arrow::Result<std::vector<std::vector<ManifestEntry>>> ReadManifests(
    const Table& table, const std::vector<ManifestFile>& manifests) {
  std::vector<std::vector<ManifestEntry>> entries(manifests.size());
  ARROW_RETURN_NOT_OK(ParallelFor(
      static_cast<int64_t>(manifests.size()), table.context().threads,
      [&](int64_t i) -> arrow::Status {
        const ManifestFile& manifest = manifests[static_cast<size_t>(i)];
        auto read = ReadAllEntries(table, manifest);
        if (!read.ok()) {
          return WithContext(read.status(), "manifest", manifest.manifest_path);
        }
        entries[static_cast<size_t>(i)] = *std::move(read);
        return arrow::Status::OK();
      }));
  return entries;
}

arrow::Result<Cell> SummaryCell(const PartitionFieldSummary& summary,
                                const TypePtr& type) {
  Cell::Parts parts = {summary.contains_null, Cell(summary.contains_nan)};
  for (const auto& bound : {summary.lower_bound, summary.upper_bound}) {
    if (!bound || type->id() == TypeId::kUnknown) {
      parts.emplace_back();
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Literal literal, Literal::FromBytes(type, *bound));
    std::string text = literal.ToString();
    if (type->id() == TypeId::kString) text = *bound;
    parts.push_back(Cell(std::move(text)));
  }
  return Cell(std::move(parts));
}

}  // namespace

arrow::Result<MetadataTableRows> ManifestRows(
    const Table& table, const std::vector<const Snapshot*>& snapshots,
    bool with_snapshot) {
  MetadataTableRows answer;
  arrow::FieldVector fields = {arrow::field("content", arrow::int32(), false),
                               arrow::field("path", arrow::utf8(), false),
                               arrow::field("length", arrow::int64(), false),
                               arrow::field("partition_spec_id", arrow::int32()),
                               arrow::field("added_snapshot_id", arrow::int64())};
  for (const char* kind : {"data", "delete"}) {
    for (const char* status : {"added", "existing", "deleted"}) {
      fields.push_back(arrow::field(std::string(status) + "_" + kind + "_files_count",
                                    arrow::int32(), false));
    }
  }
  fields.push_back(arrow::field(
      "partition_summaries",
      arrow::list(arrow::struct_({arrow::field("contains_null", arrow::boolean()),
                                  arrow::field("contains_nan", arrow::boolean()),
                                  arrow::field("lower_bound", arrow::utf8()),
                                  arrow::field("upper_bound", arrow::utf8())})),
      false));
  if (with_snapshot) {
    fields.push_back(arrow::field("reference_snapshot_id", arrow::int64(), false));
  }
  answer.schema = arrow::schema(std::move(fields));
  const TableMetadata& metadata = *table.metadata();
  for (const Snapshot* snapshot : snapshots) {
    ARROW_ASSIGN_OR_RAISE(const auto manifests, ManifestsOf(table, *snapshot));
    for (const ManifestFile& manifest : *manifests) {
      ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec,
                            metadata.SpecById(manifest.partition_spec_id));
      ARROW_ASSIGN_OR_RAISE(const TypePtr type, spec->PartitionType(*metadata.schema()));
      CellRow row = {static_cast<int32_t>(manifest.content), manifest.manifest_path,
                     manifest.manifest_length, manifest.partition_spec_id,
                     manifest.added_snapshot_id};
      for (const ManifestContent content :
           {ManifestContent::kData, ManifestContent::kDeletes}) {
        const bool counts = manifest.content == content;
        for (const auto& count :
             {manifest.added_files_count, manifest.existing_files_count,
              manifest.deleted_files_count}) {
          row.push_back(counts ? count.value_or(0) : 0);
        }
      }
      Cell::Parts summaries;
      for (size_t i = 0; i < manifest.partitions.size(); ++i) {
        ARROW_ASSIGN_OR_RAISE(
            Cell summary, SummaryCell(manifest.partitions[i], type->fields().at(i).type));
        summaries.push_back(std::move(summary));
      }
      row.push_back(std::move(summaries));
      if (with_snapshot) row.push_back(snapshot->snapshot_id);
      answer.rows.push_back(std::move(row));
    }
  }
  return answer;
}

arrow::Result<MetadataTableRows> EntryRows(const Table& table,
                                           const std::vector<const Snapshot*>& snapshots,
                                           const EntryChoice& choice) {
  ARROW_ASSIGN_OR_RAISE(const FileColumns columns, FileColumns::Make(*table.metadata()));
  ARROW_ASSIGN_OR_RAISE(const auto metrics, columns.ReadableMetrics());
  MetadataTableRows answer;
  arrow::FieldVector fields = columns.FileFields();
  if (choice.as_entries) {
    fields = {arrow::field("status", arrow::int32(), false),
              arrow::field("snapshot_id", arrow::int64()),
              arrow::field("sequence_number", arrow::int64()),
              arrow::field("file_sequence_number", arrow::int64()),
              arrow::field("data_file", arrow::struct_(std::move(fields)), false)};
  }
  fields.push_back(metrics);
  answer.schema = arrow::schema(std::move(fields));
  ARROW_ASSIGN_OR_RAISE(auto manifests, DistinctManifests(table, snapshots));
  std::erase_if(manifests, [&](const ManifestFile& manifest) {
    return manifest.content == ManifestContent::kData ? !choice.data : !choice.deletes;
  });
  ARROW_ASSIGN_OR_RAISE(const auto entries, ReadManifests(table, manifests));
  for (const auto& of_manifest : entries) {
    for (const ManifestEntry& entry : of_manifest) {
      if (entry.status == EntryStatus::kDeleted && !choice.as_entries) continue;
      CellRow row = columns.FileRow(entry.file);
      if (choice.as_entries) {
        row = {static_cast<int32_t>(entry.status), entry.snapshot_id,
               entry.sequence_number, entry.file_sequence_number, std::move(row)};
      }
      ARROW_ASSIGN_OR_RAISE(row.emplace_back(), columns.MetricsCell(entry.file));
      answer.rows.push_back(std::move(row));
    }
  }
  return answer;
}

namespace {

/// What is counted of a partition's live files.
struct PartitionCounts {
  Cell::Parts partition;
  int32_t spec_id = 0;
  int64_t records = 0;
  int32_t files = 0;
  int64_t bytes = 0;
  int64_t position_records = 0;
  int32_t position_files = 0;
  int64_t equality_records = 0;
  int32_t equality_files = 0;
  const Snapshot* updated = nullptr;

  void Add(const ManifestEntry& entry, const Snapshot* snapshot) {
    const DataFile& file = entry.file;
    switch (file.content) {
      case FileContent::kData:
        records += file.record_count;
        files += 1;
        bytes += file.file_size_bytes;
        break;
      case FileContent::kPositionDeletes:
        position_records += file.record_count;
        position_files += 1;
        break;
      case FileContent::kEqualityDeletes:
        equality_records += file.record_count;
        equality_files += 1;
        break;
    }
    spec_id = std::max(spec_id, file.spec_id);
    if (snapshot != nullptr &&
        (updated == nullptr || snapshot->timestamp_ms > updated->timestamp_ms)) {
      updated = snapshot;
    }
  }
};

}  // namespace

arrow::Result<MetadataTableRows> PartitionRows(
    const Table& table, const std::vector<const Snapshot*>& snapshots) {
  const TableMetadata& metadata = *table.metadata();
  ARROW_ASSIGN_OR_RAISE(const PartitionUnion partition, PartitionUnion::Make(metadata));
  MetadataTableRows answer;
  arrow::FieldVector fields;
  if (!partition.empty()) {
    fields = {arrow::field("partition", partition.type(), false),
              arrow::field("spec_id", arrow::int32(), false)};
  }
  for (auto& field : arrow::FieldVector{
           arrow::field("record_count", arrow::int64(), false),
           arrow::field("file_count", arrow::int32(), false),
           arrow::field("total_data_file_size_in_bytes", arrow::int64(), false),
           arrow::field("position_delete_record_count", arrow::int64(), false),
           arrow::field("position_delete_file_count", arrow::int32(), false),
           arrow::field("equality_delete_record_count", arrow::int64(), false),
           arrow::field("equality_delete_file_count", arrow::int32(), false),
           arrow::field("last_updated_at",
                        arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
           arrow::field("last_updated_snapshot_id", arrow::int64())}) {
    fields.push_back(std::move(field));
  }
  answer.schema = arrow::schema(std::move(fields));
  ARROW_ASSIGN_OR_RAISE(const auto manifests, DistinctManifests(table, snapshots));
  ARROW_ASSIGN_OR_RAISE(const auto entries, ReadManifests(table, manifests));
  std::map<std::string, PartitionCounts> counts;
  for (const auto& of_manifest : entries) {
    for (const ManifestEntry& entry : of_manifest) {
      if (entry.status == EntryStatus::kDeleted) continue;
      Cell::Parts parts = partition.Of(entry.file);
      std::string key;
      for (const Cell& part : parts) {
        const auto* literal = std::get_if<Literal>(&part.value);
        key += literal == nullptr ? "null" : literal->ToString();
        key += '\0';
      }
      PartitionCounts& of_partition = counts[key];
      of_partition.partition = std::move(parts);
      const auto snapshot = metadata.SnapshotById(entry.snapshot_id.value_or(-1));
      of_partition.Add(entry, snapshot.ok() ? *snapshot : nullptr);
    }
  }
  for (auto& [key, of] : counts) {
    CellRow row;
    if (!partition.empty()) row = {std::move(of.partition), of.spec_id};
    const Cell at =
        of.updated == nullptr ? Cell() : Cell(of.updated->timestamp_ms * kMicrosPerMilli);
    const Cell id = of.updated == nullptr ? Cell() : Cell(of.updated->snapshot_id);
    for (const Cell& cell :
         {Cell(of.records), Cell(of.files), Cell(of.bytes), Cell(of.position_records),
          Cell(of.position_files), Cell(of.equality_records), Cell(of.equality_files), at,
          id}) {
      row.push_back(cell);
    }
    answer.rows.push_back(std::move(row));
  }
  return answer;
}

}  // namespace floe::iceberg
