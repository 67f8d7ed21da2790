#include "cli/output.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "arrow/array.h"
#include "arrow/io/stdio.h"
#include "arrow/ipc/writer.h"
#include "arrow/type.h"
#include "base/error.h"
#include "cli/cell_text.h"
#include "iceberg/format/parquet/parquet_writer.h"
#include "iceberg/spec/schema.h"
#include "io/file_io.h"

namespace floe::cli {
namespace {

constexpr int64_t kGridRowsMax = 1000;
constexpr size_t kGridCellWidthMax = 60;
constexpr char kNullText[] = "null";

using Sink = arrow::io::OutputStream;

arrow::Result<std::shared_ptr<Sink>> OpenSink(const std::string& path) {
  if (path.empty()) return std::make_shared<arrow::io::StdoutStream>();
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO({}));
  return io->OpenOutput(path, WriteMode::kReplace);
}

// Terminal columns of UTF-8 text, counting each code point as one.
size_t DisplayWidth(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (c & 0xc0) != 0x80; });
}

std::string Shortened(std::string text) {
  if (DisplayWidth(text) <= kGridCellWidthMax) return text;
  size_t end = 0;
  for (size_t width = 0; end < text.size(); ++end) {
    if ((text[end] & 0xc0) != 0x80 && width++ == kGridCellWidthMax - 1) break;
  }
  return text.substr(0, end) + "\u2026";
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string QuotedName(const std::string& name) {
  return nlohmann::json(name).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

// An empty text and a NULL differ in CSV as "" and nothing.
void AppendCsvRow(const arrow::RecordBatch& batch, int64_t row, std::string* text) {
  for (int c = 0; c < batch.num_columns(); ++c) {
    if (c > 0) *text += ',';
    const arrow::Array& column = *batch.column(c);
    if (column.IsNull(row)) continue;
    const std::string cell = CellText(column, row, "");
    *text += cell.empty() ? "\"\"" : CsvCell(cell);
  }
  *text += '\n';
}

void AppendJsonRow(const arrow::RecordBatch& batch, int64_t row, std::string* text) {
  *text += '{';
  for (int c = 0; c < batch.num_columns(); ++c) {
    if (c > 0) *text += ',';
    *text += QuotedName(batch.schema()->field(c)->name()) + ":";
    AppendJson(*batch.column(c), row, text);
  }
  *text += "}\n";
}

std::string CsvHeader(const arrow::Schema& schema) {
  std::string text;
  for (const auto& field : schema.fields()) {
    text += (text.empty() ? "" : ",") + CsvCell(field->name());
  }
  return text + '\n';
}

// Rows as text, a batch at a time.
arrow::Result<int64_t> WriteText(arrow::RecordBatchReader& reader, OutputFormat format,
                                 Sink& sink, Progress& progress) {
  int64_t rows = 0;
  if (format == OutputFormat::kCsv) {
    ARROW_RETURN_NOT_OK(sink.Write(CsvHeader(*reader.schema())));
  }
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) return rows;
    std::string text;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (format == OutputFormat::kCsv) {
        AppendCsvRow(*batch, row, &text);
      } else {
        AppendJsonRow(*batch, row, &text);
      }
    }
    ARROW_RETURN_NOT_OK(sink.Write(text));
    rows += batch->num_rows();
    progress.Advance(rows);
  }
}

struct Grid {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> right_aligned;
};

std::string GridText(const Grid& grid) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < grid.header.size(); ++c) {
    size_t width = DisplayWidth(grid.header[c]);
    for (const auto& row : grid.rows) width = std::max(width, DisplayWidth(row[c]));
    widths.push_back(width);
  }
  std::string text;
  const auto append_row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - DisplayWidth(cells[c]), ' ');
      line += (c > 0 ? "  " : "");
      line += grid.right_aligned[c] ? padding + cells[c] : cells[c] + padding;
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  append_row(grid.header);
  std::vector<std::string> rule;
  for (size_t width : widths) rule.push_back(std::string(width, '-'));
  append_row(rule);
  for (const auto& row : grid.rows) append_row(row);
  return text;
}

arrow::Result<int64_t> WriteGrid(arrow::RecordBatchReader& reader, Sink& sink,
                                 Progress& progress) {
  Grid grid;
  for (const auto& field : reader.schema()->fields()) {
    grid.header.push_back(Shortened(field->name()));
    grid.right_aligned.push_back(arrow::is_numeric(field->type()->id()));
  }
  int64_t rows = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows() && rows + row < kGridRowsMax; ++row) {
      std::vector<std::string> cells;
      for (const auto& column : batch->columns()) {
        cells.push_back(Shortened(CellText(*column, row, kNullText)));
      }
      grid.rows.push_back(std::move(cells));
    }
    rows += batch->num_rows();
    progress.Advance(rows);
  }
  ARROW_RETURN_NOT_OK(sink.Write(GridText(grid)));
  const std::string shown =
      rows > kGridRowsMax
          ? fmt::format("({} rows, the first {} shown; --format csv prints all)\n", rows,
                        kGridRowsMax)
          : fmt::format("({} row{})\n", rows, rows == 1 ? "" : "s");
  ARROW_RETURN_NOT_OK(sink.Write(shown));
  return rows;
}

arrow::Result<int64_t> WriteArrow(arrow::RecordBatchReader& reader, Sink& sink,
                                  Progress& progress) {
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        arrow::ipc::MakeStreamWriter(&sink, reader.schema()));
  int64_t rows = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*batch));
    rows += batch->num_rows();
    progress.Advance(rows);
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  return rows;
}

arrow::Result<int64_t> WriteParquet(arrow::RecordBatchReader& reader,
                                    const std::string& path, Progress& progress) {
  if (path.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "Parquet is not written to a terminal or pipe; add --output FILE");
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FileIO> io, MakeFileIO({}));
  iceberg::DataFileWriterOptions options;
  ARROW_ASSIGN_OR_RAISE(options.schema, iceberg::FromArrowSchema(*reader.schema(), 3));
  options.location = path;
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        iceberg::DataFileWriter::Make(io, std::move(options)));
  int64_t rows = 0;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(writer->Write(*batch));
    rows += batch->num_rows();
    progress.Advance(rows);
  }
  ARROW_RETURN_NOT_OK(writer->Close().status());
  return rows;
}

arrow::Result<int64_t> WriteToSink(arrow::RecordBatchReader& reader, OutputFormat format,
                                   Sink& sink, Progress& progress) {
  switch (format) {
    case OutputFormat::kGrid:
      return WriteGrid(reader, sink, progress);
    case OutputFormat::kArrow:
      return WriteArrow(reader, sink, progress);
    default:
      return WriteText(reader, format, sink, progress);
  }
}

}  // namespace

arrow::Result<OutputFormat> ParseOutputFormat(const std::string& text) {
  static const std::vector<std::string> kNames = {"grid", "csv", "jsonl", "parquet",
                                                  "arrow"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) return static_cast<OutputFormat>(i);
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   "no output format '{}'; there are grid, csv, jsonl, parquet and arrow",
                   text);
}

arrow::Result<int64_t> WriteRows(arrow::RecordBatchReader& reader, OutputFormat format,
                                 const std::string& path, Progress& progress) {
  if (format == OutputFormat::kParquet) return WriteParquet(reader, path, progress);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Sink> sink, OpenSink(path));
  arrow::Result<int64_t> rows = WriteToSink(reader, format, *sink, progress);
  if (!rows.ok()) {
    ARROW_RETURN_NOT_OK(sink->Abort());
    return rows;
  }
  if (path.empty()) {
    ARROW_RETURN_NOT_OK(sink->Flush());
  } else {
    ARROW_RETURN_NOT_OK(sink->Close());
  }
  return rows;
}

}  // namespace floe::cli
