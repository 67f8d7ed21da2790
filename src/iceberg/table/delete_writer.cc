#include "iceberg/table/delete_writer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/format/parquet/parquet_writer.h"
#include "iceberg/format/puffin/deletion_vector.h"
#include "iceberg/table/conflict_check.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/file_location.h"

namespace floe::iceberg {
namespace {

constexpr int kVectorVersion = 3;
/// Rows of a batch given to the Parquet writer.
constexpr size_t kBatchRows = 64 * 1024;

arrow::Result<SchemaPtr> PositionDeleteSchema() {
  return Schema::Make(
      {NestedField::Required(kDeleteFilePathId, "file_path", Type::String()),
       NestedField::Required(kDeletePositionId, "pos", Type::Long())});
}

arrow::Status WritePositions(const DeletedRows& rows, const Schema& schema,
                             DataFileWriter* writer) {
  ARROW_ASSIGN_OR_RAISE(auto arrow_schema, ToArrowSchema(schema));
  for (size_t begin = 0; begin < rows.positions.size(); begin += kBatchRows) {
    size_t count = std::min(kBatchRows, rows.positions.size() - begin);
    arrow::StringBuilder paths;
    arrow::Int64Builder positions;
    for (size_t i = 0; i < count; ++i) {
      ARROW_RETURN_NOT_OK(paths.Append(rows.file.file_path));
    }
    ARROW_RETURN_NOT_OK(positions.AppendValues(rows.positions.data() + begin,
                                               static_cast<int64_t>(count)));
    ARROW_ASSIGN_OR_RAISE(auto path_array, paths.Finish());
    ARROW_ASSIGN_OR_RAISE(auto position_array, positions.Finish());
    auto batch =
        arrow::RecordBatch::Make(arrow_schema, static_cast<int64_t>(count),
                                 {std::move(path_array), std::move(position_array)});
    ARROW_RETURN_NOT_OK(writer->Write(*batch));
  }
  return arrow::Status::OK();
}

/// One position delete file for `group`: data files of one partition, sorted by path.
arrow::Result<DataFile> WritePositionFile(const Table& table,
                                          const std::vector<DeletedRows>& group) {
  const TableMetadata& metadata = *table.metadata();
  const DataFile& first = group.front().file;
  ARROW_ASSIGN_OR_RAISE(const PartitionSpec* spec, metadata.SpecById(first.spec_id));
  DataFileWriterOptions options;
  ARROW_ASSIGN_OR_RAISE(options.schema, PositionDeleteSchema());
  // Whole paths in the bounds say of which data file the deletes are.
  ARROW_RETURN_NOT_OK(
      options.ApplyTableProperties({{MetricsConfig::kDefaultProperty, "full"}}));
  options.location =
      DataFileLocation(metadata, *spec, first.partition,
                       NewUuid(*table.context().random) + "-deletes.parquet");
  SchemaPtr schema = options.schema;
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        DataFileWriter::Make(table.io(), std::move(options)));
  for (const DeletedRows& rows : group) {
    ARROW_RETURN_NOT_OK(WritePositions(rows, *schema, writer.get()));
  }
  ARROW_ASSIGN_OR_RAISE(DataFile deletes, writer->Close());
  deletes.content = FileContent::kPositionDeletes;
  deletes.spec_id = first.spec_id;
  deletes.partition = first.partition;
  if (group.size() == 1) deletes.referenced_data_file = first.file_path;
  return deletes;
}

arrow::Result<std::vector<std::vector<DeletedRows>>> GroupRows(
    const TableMetadata& metadata, std::vector<DeletedRows> rows) {
  std::string granularity = metadata.Property("write.delete.granularity", "file");
  if (granularity != "file" && granularity != "partition") {
    return MakeError(ErrorCode::kInvalidConfig,
                     "table property write.delete.granularity is '{}': expected file or "
                     "partition",
                     granularity);
  }
  std::map<std::string, std::vector<DeletedRows>> groups;
  for (DeletedRows& one : rows) {
    std::string key = one.file.file_path;
    if (granularity == "partition") {
      ARROW_ASSIGN_OR_RAISE(key, PartitionIdentity(one.file));
    }
    groups[key].push_back(std::move(one));
  }
  std::vector<std::vector<DeletedRows>> grouped;
  for (auto& [key, group] : groups) {
    std::sort(group.begin(), group.end(), [](const auto& a, const auto& b) {
      return a.file.file_path < b.file.file_path;
    });
    grouped.push_back(std::move(group));
  }
  return grouped;
}

arrow::Status WritePositionFiles(const Table& table, std::vector<DeletedRows> rows,
                                 std::vector<DataFile>* written) {
  ARROW_ASSIGN_OR_RAISE(auto groups, GroupRows(*table.metadata(), std::move(rows)));
  for (const std::vector<DeletedRows>& group : groups) {
    ARROW_ASSIGN_OR_RAISE(DataFile deletes, WritePositionFile(table, group));
    written->push_back(std::move(deletes));
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<DataFile>> WriteVectors(const Table& table,
                                                  const std::vector<DeletedRows>& rows) {
  std::vector<DeletedPositions> vectors;
  for (const DeletedRows& one : rows) {
    DeletedPositions vector;
    vector.data_file = one.file.file_path;
    ARROW_RETURN_NOT_OK(vector.positions.AddAll(one.positions));
    vectors.push_back(std::move(vector));
  }
  std::string location = JoinLocation(DataFolder(*table.metadata()),
                                      NewUuid(*table.context().random) + ".puffin");
  ARROW_ASSIGN_OR_RAISE(auto written,
                        WriteDeletionVectors(table.io().get(), location, vectors));
  for (size_t i = 0; i < written.size(); ++i) {
    written[i].spec_id = rows[i].file.spec_id;
    written[i].partition = rows[i].file.partition;
  }
  return written;
}

}  // namespace

arrow::Result<std::vector<DataFile>> WriteDeletes(const Table& table,
                                                  std::vector<DeletedRows> rows) {
  if (rows.empty()) return std::vector<DataFile>();
  for (DeletedRows& one : rows) {
    std::sort(one.positions.begin(), one.positions.end());
    one.positions.erase(std::unique(one.positions.begin(), one.positions.end()),
                        one.positions.end());
  }
  if (table.metadata()->format_version >= kVectorVersion) {
    return WriteVectors(table, rows);
  }
  std::vector<DataFile> written;
  arrow::Status status = WritePositionFiles(table, std::move(rows), &written);
  if (status.ok()) return written;
  RemoveUncommitted(table, written);
  return status;
}

void RemoveUncommitted(const Table& table, const std::vector<DataFile>& files) {
  std::set<std::string> paths;
  for (const DataFile& file : files) paths.insert(file.file_path);
  for (const std::string& path : paths) static_cast<void>(table.io()->Delete(path));
}

}  // namespace floe::iceberg
