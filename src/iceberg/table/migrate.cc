#include "iceberg/table/migrate.h"

#include <mutex>
#include <set>

#include "arrow/type.h"
#include "base/error.h"
#include "base/join.h"
#include "base/parallel.h"
#include "iceberg/format/parquet/foreign_file.h"
#include "iceberg/table/append.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/update_table.h"

namespace floe::iceberg {
namespace {

std::vector<MappedField> MappedFieldsOf(const Type& type) {
  std::vector<MappedField> mapped;
  for (const NestedField& field : type.fields()) {
    mapped.push_back({{field.name}, field.id, MappedFieldsOf(*field.type)});
  }
  return mapped;
}

/// A table's identity spec with the folders' keys, and their columns.
struct FolderSpec {
  int32_t spec_id = 0;
  /// In the order of the spec: the column, and which folder of a file names its value.
  std::vector<std::pair<const NestedField*, size_t>> columns;
};

arrow::Result<FolderSpec> MatchSpec(const Table& table, const ForeignFile& file) {
  const PartitionSpec& spec = table.metadata()->default_spec();
  FolderSpec result;
  result.spec_id = spec.spec_id;
  for (const PartitionField& field : spec.fields) {
    if (field.transform.kind() == Transform::Kind::kVoid) continue;
    const NestedField* column = table.schema()->FindField(field.source_id);
    size_t folder = 0;
    while (folder < file.partition.size() && column != nullptr &&
           file.partition[folder].first != column->name) {
      ++folder;
    }
    if (column == nullptr || folder == file.partition.size() ||
        field.transform.kind() != Transform::Kind::kIdentity) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "table '{}' is partitioned by {}({}), which the folders of '{}' "
                       "do not tell: files as they lie fit identity partitions in "
                       "key=value folders only",
                       table.name(), field.transform.ToString(),
                       table.schema()->FullName(field.source_id), file.location);
    }
    result.columns.emplace_back(column, folder);
  }
  if (result.columns.size() == file.partition.size()) return result;
  return MakeError(ErrorCode::kInvalidArgument,
                   "'{}' lies in {} key=value folders, but table '{}' is partitioned by "
                   "{} columns: name the files' folders so that they are the same",
                   file.location, file.partition.size(), table.name(),
                   result.columns.size());
}

arrow::Result<Literal> FolderValue(const ForeignFile& file, const NestedField& column,
                                   size_t folder) {
  const auto& value = file.partition[folder].second;
  if (!value) return Literal::Null(column.type);
  auto literal = Literal::FromText(column.type, *value);
  if (literal.ok()) return literal;
  return MakeError(ErrorCode::kInvalidArgument,
                   "the folder {}={} of '{}' is no value of type {}: {}", column.name,
                   *value, file.location, column.type->ToString(),
                   ErrorText(literal.status()));
}

/// Every column of the file must be one of the table's that it can be read as.
arrow::Status CheckColumns(const ParquetFile& file, const Schema& schema,
                           int format_version) {
  ARROW_ASSIGN_OR_RAISE(const auto columns, ForeignSchema(file));
  for (const auto& column : columns->fields()) {
    const NestedField* field = schema.FindField(std::string_view(column->name()));
    if (field == nullptr) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "'{}' has a column '{}' that the table does not: add it to the "
                       "table first, or leave the file out",
                       file.location(), column->name());
    }
    ARROW_ASSIGN_OR_RAISE(const bool fits,
                          CanBeReadAs(*column, *field->type, format_version));
    if (fits) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "column '{}' is {} in '{}' but {} in the table: leave the file out "
                     "or rewrite it",
                     column->name(), column->type()->ToString(), file.location(),
                     field->type->ToString());
  }
  return arrow::Status::OK();
}

arrow::Result<DataFile> Describe(const Table& table, const ForeignFile& file,
                                 const FolderSpec& spec, const NameMapping& mapping,
                                 const MetricsConfig& metrics) {
  ARROW_ASSIGN_OR_RAISE(const auto opened,
                        ParquetFile::Open(*table.io(), file.location, file.size_bytes));
  ARROW_RETURN_NOT_OK(
      CheckColumns(*opened, *table.schema(), table.metadata()->format_version));
  ARROW_ASSIGN_OR_RAISE(DataFile described,
                        DescribeForeignFile(*opened, *table.schema(), mapping, metrics));
  ARROW_ASSIGN_OR_RAISE(const auto columns, ForeignSchema(*opened));
  described.spec_id = spec.spec_id;
  size_t next = 0;
  for (const PartitionField& field : table.metadata()->default_spec().fields) {
    if (field.transform.kind() == Transform::Kind::kVoid) {
      described.partition.push_back(Literal::Null(Type::Unknown()));
      continue;
    }
    const auto& [column, folder] = spec.columns[next++];
    ARROW_ASSIGN_OR_RAISE(Literal value, FolderValue(file, *column, folder));
    if (columns->GetFieldByName(column->name) != nullptr) {
      ARROW_ASSIGN_OR_RAISE(const bool agrees,
                            IsConstantColumn(*opened, *column, mapping, value));
      if (!agrees) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "'{}' lies in the folder of {}={}, but holds a column of that "
                         "name whose statistics do not say the same of every row",
                         file.location, column->name, value.ToString());
      }
    }
    described.partition.push_back(std::move(value));
  }
  return described;
}

arrow::Status RefuseKnownFiles(const TablePtr& table,
                               const std::vector<ForeignFile>& files) {
  if (table->metadata()->current_snapshot() == nullptr) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto plan, PlanFiles(table, ScanOptions()));
  std::set<std::string> held;
  for (const FileScanTask& task : plan->tasks) held.insert(task.file->file_path);
  for (const ForeignFile& file : files) {
    if (held.count(file.location) == 0) continue;
    return MakeError(ErrorCode::kAlreadyExists, "table '{}' holds '{}' already",
                     table->name(), file.location);
  }
  return arrow::Status::OK();
}

/// The table with a name mapping, and that mapping.
arrow::Result<std::pair<TablePtr, NameMapping>> WithNameMapping(TablePtr table) {
  ARROW_ASSIGN_OR_RAISE(const auto known, TableNameMapping(*table->metadata()));
  if (known != nullptr) return std::make_pair(std::move(table), *known);
  NameMapping mapping = NameMappingOf(*table->schema());
  ARROW_ASSIGN_OR_RAISE(
      table, UpdateProperties(table, {{NameMapping::kProperty, mapping.ToJsonText()}}));
  return std::make_pair(std::move(table), std::move(mapping));
}

}  // namespace

NameMapping NameMappingOf(const Schema& schema) {
  return {MappedFieldsOf(*schema.struct_type())};
}

arrow::Result<TablePtr> AddForeignFiles(const TablePtr& table,
                                        const std::vector<ForeignFile>& files,
                                        const AddForeignOptions& options) {
  if (files.empty()) return table;
  ARROW_ASSIGN_OR_RAISE(const FolderSpec spec, MatchSpec(*table, files.front()));
  ARROW_RETURN_NOT_OK(RefuseKnownFiles(table, files));
  ARROW_ASSIGN_OR_RAISE(const auto mapped, WithNameMapping(table));
  const TablePtr& base = mapped.first;
  const NameMapping& mapping = mapped.second;
  ARROW_ASSIGN_OR_RAISE(
      const auto metrics,
      MetricsConfig::FromProperties(*base->schema(), base->metadata()->properties));
  std::vector<DataFile> described(files.size());
  std::mutex progress_mutex;
  int64_t done = 0;
  const auto count = static_cast<int64_t>(files.size());
  ARROW_RETURN_NOT_OK(ParallelFor(count, options.threads, [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    ARROW_ASSIGN_OR_RAISE(described[at],
                          Describe(*base, files[at], spec, mapping, metrics));
    std::unique_lock<std::mutex> lock(progress_mutex);
    if (options.progress) options.progress(++done, count);
    return arrow::Status::OK();
  }));
  return AppendFiles(base).Append(std::move(described)).Commit();
}

arrow::Result<TablePtr> MigrateFiles(std::shared_ptr<Catalog> catalog,
                                     const TableIdentifier& identifier,
                                     const std::vector<ForeignFile>& files,
                                     const ForeignTable& description,
                                     const std::map<std::string, std::string>& properties,
                                     const AddForeignOptions& options) {
  ARROW_RETURN_NOT_OK(EnsureNamespace(*catalog, identifier.levels));
  CreateTableRequest request;
  request.schema = description.schema;
  request.spec = description.spec;
  request.format_version = description.format_version;
  request.properties = properties;
  ARROW_ASSIGN_OR_RAISE(TablePtr table, Table::Create(catalog, identifier, request));
  auto filled = AddForeignFiles(table, files, options);
  if (filled.ok() || IsError(filled.status(), ErrorCode::kCommitStateUnknown)) {
    return filled;
  }
  // Without purge: the files are not the table's yet.
  arrow::Status dropped = catalog->DropTable(identifier, /*purge=*/false);
  if (dropped.ok()) return filled;
  return WithContext(filled.status(), "empty table left behind", identifier.ToString());
}

}  // namespace floe::iceberg
