#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "base/check.h"
#include "fuzz/bytes_file_io.h"
#include "fuzz/fuzz_target.h"
#include "iceberg/avro/container.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/format/avro/avro_data_file.h"
#include "iceberg/format/avro/avro_fields.h"
#include "iceberg/format/file_schema.h"
#include "iceberg/format/orc/orc_column.h"
#include "iceberg/format/orc/orc_data_file.h"
#include "iceberg/format/orc/orc_metadata.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/format/read_options.h"
#include "iceberg/spec/schema.h"

namespace floe::fuzz {

using namespace iceberg;  // NOLINT: what is fuzzed.

namespace {

/// A broken count may make rows of nothing, as many as it says.
constexpr int64_t kMaxRows = 200'000;

/// The field as it is in the file, with ids where a table's schema has them.
std::shared_ptr<arrow::Field> WithIds(const FileField& field) {
  std::shared_ptr<arrow::DataType> type = field.field->type();
  if (!field.children.empty()) {
    arrow::FieldVector children;
    for (const FileField& child : field.children) children.push_back(WithIds(child));
    if (type->id() == arrow::Type::STRUCT) {
      type = arrow::struct_(children);
    } else if (type->id() == arrow::Type::LIST && children.size() == 1) {
      type = arrow::list(children[0]);
    } else if (type->id() == arrow::Type::MAP && children.size() == 2) {
      type =
          std::make_shared<arrow::MapType>(children[0]->WithNullable(false), children[1]);
    }
  }
  return arrow::field(
      field.name, type, /*nullable=*/true,
      arrow::key_value_metadata({kFieldIdKey}, {std::to_string(field.field_id)}));
}

/// A table whose columns are the file's; nullptr where no table can have such.
SchemaPtr SchemaOf(const std::vector<FileField>& fields) {
  arrow::FieldVector columns;
  for (const FileField& field : fields) {
    if (field.field != nullptr) columns.push_back(WithIds(field));
  }
  return FromArrowSchema(*arrow::schema(columns), /*format_version=*/3).ValueOr(nullptr);
}

using OpenRows = std::function<arrow::Result<std::shared_ptr<arrow::RecordBatchReader>>(
    const FileReadOptions&)>;

void ReadRows(const OpenRows& open, const FileReadOptions& options) {
  auto reader = open(options);
  if (!reader.ok()) return;
  for (int64_t rows = 0; rows < kMaxRows;) {
    auto batch = (*reader)->Next();
    if (!batch.ok() || *batch == nullptr) return;
    FLOE_CHECK((*batch)->Validate().ok());
    rows += std::max<int64_t>((*batch)->num_rows(), 1);
  }
}

/// All columns straight through; then some rows of them, with a filter.
void ReadAllWays(const OpenRows& open, const SchemaPtr& schema) {
  FileReadOptions options;
  options.schema = schema;
  options.batch_rows = 1024;
  ReadRows(open, options);
  options.row_ranges = {{1, 3}, {7, 8}, {900, 1 << 20}};
  options.include_position = true;
  ReadRows(open, options);
  if (schema->fields().empty()) return;
  auto filter =
      Bind(Predicate::Unary(Predicate::Op::kNotNull, schema->fields()[0].name), *schema);
  if (!filter.ok()) return;
  options.row_ranges.reset();
  options.filter = *filter;
  options.filter_schema = schema;
  options.filter_rows = true;
  ReadRows(open, options);
}

}  // namespace

void FuzzParquet(std::string_view bytes) {
  const BytesFileIO io(bytes);
  auto file = ParquetFile::Open(io, BytesFileIO::kLocation, -1, nullptr);
  if (!file.ok()) return;
  auto fields = (*file)->Fields(nullptr);
  if (!fields.ok()) return;
  const SchemaPtr schema = SchemaOf((*fields)->fields());
  if (schema == nullptr) return;
  for (int group = 0; group < std::min((*file)->row_group_count(), 4); ++group) {
    for (int column = 0; column < (*file)->column_count(); ++column) {
      (void)(*file)->BloomFilter(group, column);
      (void)(*file)->PageBounds(group, column, Type::Long());
    }
  }
  ReadAllWays(
      [&](const FileReadOptions& options) { return ReadDataFile(*file, options); },
      schema);
}

void FuzzOrc(std::string_view bytes) {
  const BytesFileIO io(bytes);
  auto input = io.OpenInput(BytesFileIO::kLocation, -1);
  auto tail = orc::ReadFileTail(input->get());
  if (!tail.ok()) return;
  const SchemaPtr schema = SchemaOf(orc::OrcFileFields(tail->types));
  if (schema == nullptr) return;
  ReadAllWays(
      [&](const FileReadOptions& options) {
        return ReadOrcFile(io, BytesFileIO::kLocation, -1, options);
      },
      schema);
}

void FuzzAvroData(std::string_view bytes) {
  const BytesFileIO io(bytes);
  auto container = avro::ContainerReader::Open(bytes);
  if (!container.ok()) return;
  auto fields = AvroFileFields(*container->schema());
  if (!fields.ok()) return;
  const SchemaPtr schema = SchemaOf(*fields);
  if (schema == nullptr) return;
  ReadAllWays(
      [&](const FileReadOptions& options) {
        return ReadAvroFile(io, BytesFileIO::kLocation, -1, options);
      },
      schema);
}

}  // namespace floe::fuzz
