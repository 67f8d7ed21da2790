#include "pit/source_tables.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "arrow/builder.h"
#include "arrow/compute/api_vector.h"
#include "arrow/datum.h"
#include "arrow/io/file.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "iceberg/catalog/memory_catalog.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/table/append.h"
#include "iceberg/table/data_writer.h"
#include "offline/historical_features.h"
#include "offline/pull.h"
#include "parquet/arrow/writer.h"

namespace floe::pit {
namespace {

constexpr char kNamespace[] = "feast";

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> BatchesOf(
    const std::shared_ptr<arrow::Table>& table, int64_t batch_rows) {
  auto reader = std::make_shared<arrow::TableBatchReader>(table);
  reader->set_chunksize(batch_rows);
  return reader;
}

arrow::Result<offline::ViewRequest> RequestOf(const CaseFile& question,
                                              const CaseFile::View& view,
                                              const Layout& layout,
                                              SourceTables* tables) {
  offline::ViewRequest request;
  request.name = view.name;
  ARROW_ASSIGN_OR_RAISE(request.source,
                        tables->Store(view.table, *question.table(view.table), layout));
  request.source.timestamp_field = view.timestamp;
  request.source.created_timestamp_column = view.created;
  for (const CaseFile::Key& key : view.keys) {
    request.join_keys.push_back({key.entity_column, key.source_column});
  }
  request.ttl_us = view.ttl_us;
  for (const CaseFile::Feature& feature : view.features) {
    request.features.push_back({feature.source_column, feature.output_name, nullptr});
  }
  return request;
}

offline::RetrievalOptions OptionsOf(const Layout& layout) {
  offline::RetrievalOptions options;
  options.threads = layout.threads;
  options.batch_rows = layout.batch_rows;
  options.general_path_only = layout.general_path_only;
  options.memory_budget_bytes = layout.memory_budget_bytes;
  return options;
}

arrow::Result<std::shared_ptr<arrow::Table>> AskForPull(const CaseFile& question,
                                                        const Layout& layout,
                                                        SourceTables* tables) {
  const CaseFile::Pull& pull = *question.pull;
  offline::PullRequest request;
  ARROW_ASSIGN_OR_RAISE(
      request.source,
      tables->Store(pull.source.table, *question.table(pull.source.table), layout));
  request.source.timestamp_field = pull.source.timestamp;
  request.source.created_timestamp_column = pull.source.created;
  for (const CaseFile::Key& key : pull.source.keys) {
    request.join_key_columns.push_back(key.source_column);
  }
  for (const CaseFile::Feature& feature : pull.source.features) {
    request.feature_columns.push_back(feature.source_column);
  }
  request.start_us = pull.start_us;
  request.end_us = pull.end_us;
  request.options = OptionsOf(layout);
  ARROW_ASSIGN_OR_RAISE(offline::PulledRows rows,
                        pull.kind == "pull_latest"
                            ? offline::PullLatest(std::move(request))
                            : offline::PullAll(std::move(request)));
  return rows.reader->ToTable();
}

/// Each row followed by its rival: the same row with another row's last column.
arrow::Result<std::shared_ptr<arrow::Table>> WithRivals(const arrow::Table& table) {
  arrow::Int64Builder twice;
  arrow::Int64Builder shifted;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    ARROW_RETURN_NOT_OK(twice.AppendValues({row, row}));
    ARROW_RETURN_NOT_OK(shifted.AppendValues({row, (row + 1) % table.num_rows()}));
  }
  ARROW_ASSIGN_OR_RAISE(auto same, twice.Finish());
  ARROW_ASSIGN_OR_RAISE(auto other, shifted.Finish());
  arrow::ChunkedArrayVector columns;
  for (int i = 0; i < table.num_columns(); ++i) {
    const bool is_last = i + 1 == table.num_columns();
    ARROW_ASSIGN_OR_RAISE(arrow::Datum taken,
                          arrow::compute::Take(table.column(i), is_last ? other : same));
    columns.push_back(taken.chunked_array());
  }
  return arrow::Table::Make(table.schema(), std::move(columns), 2 * table.num_rows());
}

/// Files of a table are cached by path for ever, so a path is used once in a process.
std::string UniqueName(const char* stem, const iceberg::Table& table,
                       const char* extension) {
  return stem + std::to_string(table.metadata()->current_snapshot()->snapshot_id) +
         extension;
}

/// A position delete file (spec, "Position Delete Files") of the odd rows of `files`.
arrow::Result<iceberg::DataFile> WriteDeletesOfOddRows(
    const iceberg::Table& table, std::vector<iceberg::DataFile> files) {
  std::sort(files.begin(), files.end(), [](const auto& left, const auto& right) {
    return left.file_path < right.file_path;
  });
  arrow::StringBuilder paths;
  arrow::Int64Builder positions;
  for (const iceberg::DataFile& file : files) {
    for (int64_t row = 1; row < file.record_count; row += 2) {
      ARROW_RETURN_NOT_OK(paths.Append(file.file_path));
      ARROW_RETURN_NOT_OK(positions.Append(row));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto path_column, paths.Finish());
  ARROW_ASSIGN_OR_RAISE(auto position_column, positions.Finish());
  auto field = [](const char* field_name, const auto& type, const char* id) {
    return arrow::field(field_name, type, /*nullable=*/false,
                        arrow::key_value_metadata({iceberg::kFieldIdKey}, {id}));
  };
  auto deletes =
      arrow::Table::Make(arrow::schema({field("file_path", arrow::utf8(), "2147483546"),
                                        field("pos", arrow::int64(), "2147483545")}),
                         {path_column, position_column});
  iceberg::DataFile out;
  out.content = iceberg::FileContent::kPositionDeletes;
  out.file_path = table.location() + UniqueName("/data/deletes", table, ".parquet");
  out.record_count = deletes->num_rows();
  ARROW_ASSIGN_OR_RAISE(auto stream,
                        table.io()->OpenOutput(out.file_path, WriteMode::kCreate));
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*deletes, arrow::default_memory_pool(),
                                                 stream, deletes->num_rows()));
  ARROW_RETURN_NOT_OK(stream->Close());
  ARROW_ASSIGN_OR_RAISE(out.file_size_bytes, table.io()->FileSize(out.file_path));
  return out;
}

/// Commits the deletes by hand: Floe itself does not write them.
arrow::Result<iceberg::TablePtr> DeleteOddRows(
    const iceberg::Table& table, const std::vector<iceberg::DataFile>& files) {
  iceberg::ManifestEntry entry;
  ARROW_ASSIGN_OR_RAISE(entry.file, WriteDeletesOfOddRows(table, files));
  const iceberg::TableMetadata& metadata = *table.metadata();
  const iceberg::Snapshot& parent = *metadata.current_snapshot();
  iceberg::Snapshot snapshot;
  snapshot.snapshot_id = parent.snapshot_id + 1;
  snapshot.parent_snapshot_id = parent.snapshot_id;
  snapshot.sequence_number = metadata.last_sequence_number + 1;
  snapshot.timestamp_ms = parent.timestamp_ms + 1;
  snapshot.schema_id = metadata.current_schema_id;
  snapshot.summary = {{"operation", "delete"}};
  entry.snapshot_id = snapshot.snapshot_id;
  iceberg::ManifestWriteContext context;
  context.schema = metadata.schema();
  context.spec = metadata.default_spec();
  context.content = iceberg::ManifestContent::kDeletes;
  context.snapshot_id = snapshot.snapshot_id;
  ARROW_ASSIGN_OR_RAISE(auto manifest, iceberg::WriteManifest(context, {entry}));
  manifest.manifest.manifest_path =
      table.location() + UniqueName("/metadata/deletes-m0", table, ".avro");
  manifest.manifest.manifest_length = static_cast<int64_t>(manifest.bytes.size());
  manifest.manifest.sequence_number = snapshot.sequence_number;
  manifest.manifest.min_sequence_number = snapshot.sequence_number;
  manifest.manifest.added_snapshot_id = snapshot.snapshot_id;
  ARROW_RETURN_NOT_OK(table.io()->Write(manifest.manifest.manifest_path, manifest.bytes));
  ARROW_ASSIGN_OR_RAISE(std::string list, table.io()->ReadAll(parent.manifest_list));
  ARROW_ASSIGN_OR_RAISE(auto manifests, iceberg::ReadManifestList(list));
  manifests.push_back(manifest.manifest);
  iceberg::ManifestListContext list_context;
  list_context.snapshot_id = snapshot.snapshot_id;
  list_context.parent_snapshot_id = parent.snapshot_id;
  list_context.sequence_number = snapshot.sequence_number;
  ARROW_ASSIGN_OR_RAISE(list, iceberg::WriteManifestList(list_context, manifests));
  snapshot.manifest_list =
      table.location() + UniqueName("/metadata/deletes-snap", table, ".avro");
  ARROW_RETURN_NOT_OK(table.io()->Write(snapshot.manifest_list, list));
  iceberg::SnapshotRef main;
  main.snapshot_id = snapshot.snapshot_id;
  ARROW_ASSIGN_OR_RAISE(
      iceberg::LoadedTable loaded,
      table.catalog()->CommitTable(
          table.identifier(), {},
          {iceberg::update::AddSnapshot{snapshot},
           iceberg::update::SetSnapshotRef{iceberg::kMainBranch, main}}));
  return table.WithLoaded(std::move(loaded));
}

}  // namespace

arrow::Result<SourceTables> SourceTables::Make(const std::string& folder) {
  SourceTables tables;
  tables.folder_ = folder;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  ARROW_ASSIGN_OR_RAISE(tables.io_, MakeFileIO({}));
  iceberg::CatalogConfig config;
  config.warehouse = folder + "/warehouse";
  iceberg::CatalogEnvironment environment;
  environment.io = tables.io_;
  tables.catalog_ = std::make_shared<iceberg::MemoryCatalog>(config, environment);
  ARROW_RETURN_NOT_OK(tables.catalog_->CreateNamespace({kNamespace}, {}));
  return tables;
}

arrow::Result<offline::FeatureSource> SourceTables::Store(const std::string& name,
                                                          const arrow::Table& table,
                                                          const Layout& layout) {
  const std::string stored_name = name + "-" + std::to_string(stored_++);
  ARROW_ASSIGN_OR_RAISE(offline::FeatureSource source,
                        layout.iceberg ? StoreIceberg(stored_name, table, layout)
                                       : StoreParquet(stored_name, table, layout));
  source.name = name;
  return source;
}

arrow::Result<offline::FeatureSource> SourceTables::StoreIceberg(
    const std::string& name, const arrow::Table& table, const Layout& layout) {
  iceberg::CreateTableRequest request;
  ARROW_ASSIGN_OR_RAISE(request.schema, iceberg::FromArrowSchema(*table.schema()));
  ARROW_ASSIGN_OR_RAISE(iceberg::TablePtr stored,
                        iceberg::Table::Create(catalog_, {{kNamespace}, name}, request));
  offline::FeatureSource source;
  source.table = stored;
  if (table.num_rows() == 0) return source;
  std::shared_ptr<arrow::Table> rows = table.Slice(0);
  int64_t step = layout.rows_per_file > 0 ? layout.rows_per_file : table.num_rows();
  if (layout.with_deleted_rows) {
    ARROW_ASSIGN_OR_RAISE(rows, WithRivals(*rows));
    step *= 2;
  }
  std::vector<iceberg::DataFile> files;
  for (int64_t begin = 0; begin < rows->num_rows(); begin += step) {
    ARROW_ASSIGN_OR_RAISE(auto writer, iceberg::TableWriter::Make(stored));
    ARROW_ASSIGN_OR_RAISE(auto batch, rows->Slice(begin, step)->CombineChunksToBatch());
    ARROW_RETURN_NOT_OK(writer->Write(*batch));
    ARROW_ASSIGN_OR_RAISE(auto written, writer->Close());
    files.insert(files.end(), written.begin(), written.end());
  }
  ARROW_ASSIGN_OR_RAISE(stored, iceberg::AppendFiles(stored).Append(files).Commit());
  if (layout.with_deleted_rows) {
    ARROW_ASSIGN_OR_RAISE(stored, DeleteOddRows(*stored, files));
  }
  source.table = stored;
  return source;
}

arrow::Result<offline::FeatureSource> SourceTables::StoreParquet(
    const std::string& name, const arrow::Table& table, const Layout& layout) {
  const std::string folder = folder_ + "/" + name;
  std::filesystem::create_directories(folder);
  const int64_t step = layout.rows_per_file > 0 ? layout.rows_per_file
                                                : std::max<int64_t>(table.num_rows(), 1);
  const int64_t group = layout.rows_per_group > 0 ? layout.rows_per_group : step;
  int64_t begin = 0;
  int file = 0;
  do {
    char path[32];
    std::snprintf(path, sizeof(path), "/part-%06d.parquet", file++);
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(folder + path));
    ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(
        *table.Slice(begin, step), arrow::default_memory_pool(), out, group));
    ARROW_RETURN_NOT_OK(out->Close());
    begin += step;
  } while (begin < table.num_rows());
  offline::FeatureSource source;
  source.parquet_path = folder;
  return source;
}

arrow::Result<std::shared_ptr<arrow::Table>> Ask(const CaseFile& question,
                                                 const Layout& layout,
                                                 SourceTables* tables) {
  if (question.pull) return AskForPull(question, layout, tables);
  offline::HistoricalFeaturesRequest request;
  if (question.entities != nullptr) {
    ARROW_ASSIGN_OR_RAISE(request.entities,
                          BatchesOf(question.entities, layout.batch_rows));
  }
  request.entity_timestamp_column = question.entity_timestamp;
  request.start_us = question.start_us;
  request.end_us = question.end_us;
  request.filter_by_created_timestamp = question.filter_by_created;
  for (const CaseFile::View& view : question.views) {
    ARROW_ASSIGN_OR_RAISE(auto one, RequestOf(question, view, layout, tables));
    request.views.push_back(std::move(one));
  }
  request.options = OptionsOf(layout);
  ARROW_ASSIGN_OR_RAISE(offline::HistoricalFeatures features,
                        offline::GetHistoricalFeatures(std::move(request)));
  return features.reader->ToTable();
}

}  // namespace floe::pit
