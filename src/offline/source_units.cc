#include "offline/source_units.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "arrow/buffer.h"
#include "arrow/type.h"
#include "arrow/util/bit_util.h"
#include "base/check.h"
#include "base/error.h"
#include "base/parallel.h"
#include "iceberg/format/parquet/column_chunk.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/table/any_file.h"
#include "io/prefetch.h"

namespace floe::offline {
namespace {

using iceberg::RowRange;

/// The parts of `ranges` (positions in a file) within [begin, end), relative to begin.
std::vector<RowRange> Within(const std::vector<RowRange>& ranges, int64_t begin,
                             int64_t end) {
  std::vector<RowRange> within;
  for (const RowRange& range : ranges) {
    const int64_t from = std::max(range.begin, begin);
    const int64_t to = std::min(range.end, end);
    if (from < to) within.push_back({from - begin, to - begin});
  }
  return within;
}

}  // namespace

int SourceFile::row_group_count() const {
  return parquet == nullptr ? 1 : parquet->row_group_count();
}

int64_t SourceFile::row_group_start(int row_group) const {
  return parquet == nullptr ? 0 : parquet->row_group_start(row_group);
}

int64_t SourceFile::row_group_rows(int row_group) const {
  return parquet == nullptr ? task->file->record_count
                            : parquet->row_group_rows(row_group);
}

arrow::Result<SourceUnits> SourceUnits::Open(SourcePlan plan,
                                             const RetrievalOptions& options,
                                             ReadCounters* counters) {
  SourceUnits units;
  units.plan_ = std::make_shared<const SourcePlan>(std::move(plan));
  units.options_ = options;
  units.files_.resize(units.plan_->tasks.size());
  int threads = options.threads > 0 ? options.threads : DefaultThreadCount();
  if (!units.plan_->tasks.empty()) {
    threads = ThreadsToRead(units.plan_->tasks.front().file->file_path, threads);
  }
  ARROW_RETURN_NOT_OK(ParallelFor(
      static_cast<int64_t>(units.files_.size()), threads,
      [&](int64_t index) { return units.OpenFile(static_cast<size_t>(index)); }));
  int64_t row_groups = 0;
  for (const SourceFile& file : units.files_) row_groups += file.row_group_count();
  if (row_groups > std::numeric_limits<uint32_t>::max()) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "{} row groups to read; at most {} are supported", row_groups,
                     std::numeric_limits<uint32_t>::max());
  }
  units.NumberUnits(counters);
  return units;
}

arrow::Status SourceUnits::OpenFile(size_t index) {
  const iceberg::FileScanTask& task = plan_->tasks[index];
  SourceFile& out = files_[index];
  out.task = &task;
  if (!task.file->key_metadata.empty()) {
    return MakeError(ErrorCode::kNotSupported,
                     "file '{}' is encrypted, which is not supported",
                     task.file->file_path);
  }
  if (task.file->file_format == iceberg::FileFormat::kParquet) {
    ARROW_RETURN_NOT_OK(OpenParquet(&out));
  } else {
    // Row numbers within a unit are of 32 bits.
    const int64_t rows = task.file->record_count;
    if (rows > std::numeric_limits<uint32_t>::max()) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "'{}' has {} rows; of files that are not Parquet at most {} are "
                       "supported; compact the table into Parquet",
                       task.file->file_path, rows, std::numeric_limits<uint32_t>::max());
    }
    if (rows > 0) out.ranges.push_back({0, rows});
  }
  if (task.has_deletes() && !out.ranges.empty()) {
    ARROW_ASSIGN_OR_RAISE(out.deleted,
                          iceberg::LoadDeletedRows(*plan_->scan->table, task));
  }
  return arrow::Status::OK();
}

arrow::Status SourceUnits::OpenParquet(SourceFile* out) const {
  const iceberg::FileScanTask& task = *out->task;
  // A file outside a table may be replaced under its path, so its footer is not cached.
  iceberg::ParquetFileCache* cache =
      plan_->scan != nullptr ? &iceberg::ParquetFile::ProcessCache() : nullptr;
  ARROW_ASSIGN_OR_RAISE(out->parquet,
                        iceberg::ParquetFile::Open(*plan_->io, task.file->file_path,
                                                   task.file->file_size_bytes, cache));
  ARROW_ASSIGN_OR_RAISE(out->fields, out->parquet->Fields(plan_->name_mapping.get()));
  if (plan_->scan == nullptr) {
    ARROW_RETURN_NOT_OK(CheckFieldIds(*out->parquet, *out->fields));
  }
  const iceberg::PredicatePtr& filter =
      task.residual != nullptr ? task.residual : plan_->filter;
  return iceberg::PruneRows(*out->parquet, *filter, plan_->name_mapping.get(), nullptr)
      .Value(&out->ranges);
}

void SourceUnits::NumberUnits(ReadCounters* counters) {
  uint32_t next = 0;
  for (size_t index = 0; index < files_.size(); ++index) {
    SourceFile& file = files_[index];
    file.first_unit = next;
    const int row_groups = file.row_group_count();
    next += static_cast<uint32_t>(row_groups);
    if (file.ranges.empty()) continue;
    counters->files_read += 1;
    counters->row_groups_total += row_groups;
    for (int group = 0; group < row_groups; ++group) {
      const int64_t begin = file.row_group_start(group);
      std::vector<RowRange> ranges =
          Within(file.ranges, begin, begin + file.row_group_rows(group));
      if (ranges.empty()) continue;
      counters->row_groups_read += 1;
      units_.push_back({file.first_unit + static_cast<uint32_t>(group), index, group,
                        std::move(ranges)});
    }
  }
  counters->files_total += plan_->files_total;
}

const SourceUnit& SourceUnits::unit(uint32_t number) const {
  auto found = std::lower_bound(
      units_.begin(), units_.end(), number,
      [](const SourceUnit& unit, uint32_t wanted) { return unit.unit < wanted; });
  FLOE_CHECK(found != units_.end() && found->unit == number);
  return *found;
}

arrow::Result<ColumnAccess> SourceUnits::Access(const SourceFile& file,
                                                const SourceColumn& column) const {
  if (file.parquet == nullptr) return ColumnAccess{ColumnAccess::Kind::kReader, -1};
  const int32_t id = column.field->id;
  const iceberg::FileField* in_file = file.fields->Find(id);
  if (in_file == nullptr) {
    const bool has_value =
        file.task->constants.contains(id) || column.field->initial_default != nullptr;
    // ReadDataFile reports a required column without a value as corrupt.
    const bool by_reader = has_value || column.field->required;
    return ColumnAccess{
        by_reader ? ColumnAccess::Kind::kReader : ColumnAccess::Kind::kAbsent, -1};
  }
  if (plan_->scan == nullptr && in_file->name != column.field->name) {
    return MakeError(ErrorCode::kNotSupported,
                     "'{}' gives field id {} to column '{}', other files of the folder "
                     "give it to '{}'; write the files with one schema",
                     file.location(), id, in_file->name, column.field->name);
  }
  if (!options_.general_path_only && in_file->is_leaf() &&
      iceberg::RowGroupColumns::CanRead(*file.parquet, in_file->column, *column.type)) {
    return ColumnAccess{ColumnAccess::Kind::kPages, in_file->column};
  }
  return ColumnAccess{ColumnAccess::Kind::kReader, -1};
}

arrow::Result<std::shared_ptr<arrow::Buffer>> SourceUnits::Live(const SourceUnit& unit,
                                                                RowRange range) const {
  const SourceFile& file = files_[unit.file];
  const int64_t start = file.row_group_start(unit.row_group);
  auto next =
      std::lower_bound(file.deleted.begin(), file.deleted.end(), start + range.begin);
  if (next == file.deleted.end() || *next >= start + range.end) return nullptr;
  const int64_t length = range.end - range.begin;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> live,
                        arrow::AllocateBuffer(arrow::bit_util::BytesForBits(length)));
  std::memset(live->mutable_data(), 0xff, static_cast<size_t>(live->size()));
  for (; next != file.deleted.end() && *next < start + range.end; ++next) {
    arrow::bit_util::ClearBit(live->mutable_data(), *next - start - range.begin);
  }
  return live;
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> SourceUnits::ReadGenerally(
    const SourceUnit& unit, const std::vector<SourceColumn>& columns,
    const std::vector<RowRange>& rows) const {
  const SourceFile& file = files_[unit.file];
  iceberg::ParquetReadOptions options;
  std::vector<iceberg::NestedField> fields;
  for (const SourceColumn& column : columns) fields.push_back(*column.field);
  ARROW_ASSIGN_OR_RAISE(
      options.schema,
      iceberg::Schema::Make(std::move(fields), plan_->schema->schema_id()));
  options.name_mapping = plan_->name_mapping;
  options.constants = file.task->constants;
  options.batch_rows = options_.batch_rows;
  const int64_t start = file.row_group_start(unit.row_group);
  std::vector<RowRange> positions;
  for (const RowRange& range : rows) {
    positions.push_back({range.begin + start, range.end + start});
  }
  options.row_ranges = std::move(positions);
  if (file.parquet == nullptr) {
    return iceberg::ReadAnyFile(*plan_->io, *file.task->file, options);
  }
  return iceberg::ReadDataFile(file.parquet, options);
}

}  // namespace floe::offline
