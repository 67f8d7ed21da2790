#include "cli/entity_frame.h"

#include <vector>

#include "arrow/csv/options.h"
#include "arrow/csv/reader.h"
#include "arrow/io/interfaces.h"
#include "arrow/ipc/reader.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/format/parquet/file_schema.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/spec/schema.h"
#include "io/file_io.h"

namespace floe::cli {
namespace {

using iceberg::ParquetFile;
using ReaderPtr = std::shared_ptr<arrow::RecordBatchReader>;

// Parquet columns may have nanosecond times, which version 3 has types for.
constexpr int kTypesFormatVersion = 3;

// Columns by name: whatever wrote an entity file knew nothing of field ids.
arrow::Result<ReaderPtr> OpenParquet(const FileIO& io, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, ParquetFile::Open(io, path, -1, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto fields, file->Fields(nullptr));
  std::vector<std::shared_ptr<arrow::Field>> columns;
  for (const iceberg::FileField& field : fields->fields()) {
    columns.push_back(field.field->RemoveMetadata());
  }
  iceberg::ParquetReadOptions options;
  ARROW_ASSIGN_OR_RAISE(options.schema, iceberg::FromArrowSchema(arrow::Schema(columns),
                                                                 kTypesFormatVersion));
  auto mapping = std::make_shared<iceberg::NameMapping>();
  for (const iceberg::NestedField& field : options.schema->fields()) {
    mapping->fields.push_back({{field.name}, field.id, {}});
  }
  if (fields->has_own_ids()) {
    return MakeError(ErrorCode::kNotSupported,
                     "{} is a data file of an Iceberg table; export it with "
                     "floe scan --format parquet first",
                     path);
  }
  options.name_mapping = std::move(mapping);
  return iceberg::ReadDataFile(file, options);
}

arrow::Result<ReaderPtr> OpenCsv(const FileIO& io, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto input, io.OpenInput(path));
  ARROW_ASSIGN_OR_RAISE(
      auto reader, arrow::csv::TableReader::Make(arrow::io::default_io_context(), input,
                                                 arrow::csv::ReadOptions::Defaults(),
                                                 arrow::csv::ParseOptions::Defaults(),
                                                 arrow::csv::ConvertOptions::Defaults()));
  ARROW_ASSIGN_OR_RAISE(const auto table, reader->Read());
  return std::make_shared<arrow::TableBatchReader>(table);
}

arrow::Result<ReaderPtr> OpenArrow(const FileIO& io, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto input, io.OpenInput(path));
  auto as_file = arrow::ipc::RecordBatchFileReader::Open(input);
  if (as_file.ok()) {
    ARROW_ASSIGN_OR_RAISE(const auto table, (*as_file)->ToTable());
    return std::make_shared<arrow::TableBatchReader>(table);
  }
  ARROW_RETURN_NOT_OK(input->Seek(0));
  return arrow::ipc::RecordBatchStreamReader::Open(input);
}

}  // namespace

arrow::Result<ReaderPtr> OpenEntityFrame(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<FileIO> io, MakeFileIO({}));
  if (path.ends_with(".parquet")) return OpenParquet(*io, path);
  if (path.ends_with(".csv")) return OpenCsv(*io, path);
  if (path.ends_with(".arrow")) return OpenArrow(*io, path);
  return MakeError(ErrorCode::kInvalidArgument,
                   "cannot tell what '{}' holds; entity files end in .parquet, .csv or "
                   ".arrow",
                   path);
}

}  // namespace floe::cli
