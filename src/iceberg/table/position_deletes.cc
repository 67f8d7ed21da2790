#include <algorithm>

#include "arrow/array/array_primitive.h"
#include "base/error.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/table/delete_index.h"
#include "iceberg/table/scan.h"

namespace floe::iceberg {
namespace {

arrow::Status ReadDeleteFile(const FileIO& io, const DataFile& deletes,
                             const std::string& data_path,
                             std::vector<int64_t>* positions) {
  ARROW_ASSIGN_OR_RAISE(
      SchemaPtr schema,
      Schema::Make({NestedField::Required(kDeleteFilePathId, "file_path", Type::String()),
                    NestedField::Required(kDeletePositionId, "pos", Type::Long())}));
  PredicatePtr of_file =
      Predicate::Compare(Predicate::Op::kEqual, "file_path", Literal::String(data_path));
  ParquetReadOptions options;
  ARROW_ASSIGN_OR_RAISE(options.filter, Bind(of_file, *schema));
  options.filter_schema = schema;
  options.filter_rows = true;
  ARROW_ASSIGN_OR_RAISE(options.schema, schema->Select({"pos"}));
  ARROW_ASSIGN_OR_RAISE(ParquetFilePtr file, ParquetFile::Open(io, deletes.file_path,
                                                               deletes.file_size_bytes));
  ARROW_ASSIGN_OR_RAISE(auto reader, ReadDataFile(std::move(file), options));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (batch == nullptr) return arrow::Status::OK();
    const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
    positions->insert(positions->end(), column.raw_values(),
                      column.raw_values() + column.length());
  }
}

}  // namespace

arrow::Result<std::vector<int64_t>> LoadPositionDeletes(const FileIO& io,
                                                        const FileScanTask& task) {
  std::vector<int64_t> positions;
  for (const auto& deletes : task.position_deletes) {
    arrow::Status status = ReadDeleteFile(io, *deletes, task.file->file_path, &positions);
    ARROW_RETURN_NOT_OK(WithContext(status, "delete file", deletes->file_path));
  }
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

std::vector<RowRange> LiveRanges(int64_t file_rows, const std::vector<int64_t>& deleted) {
  std::vector<RowRange> live;
  int64_t begin = 0;
  for (int64_t position : deleted) {
    if (position < 0 || position >= file_rows) continue;
    if (position > begin) live.push_back({begin, position});
    begin = position + 1;
  }
  if (begin < file_rows) live.push_back({begin, file_rows});
  return live;
}

}  // namespace floe::iceberg
