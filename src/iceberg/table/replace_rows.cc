#include "iceberg/table/replace_rows.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrow/record_batch.h"
#include "base/error.h"
#include "iceberg/catalog/table_update.h"
#include "iceberg/table/merging_operation.h"
#include "iceberg/table/schema_of_rows.h"

namespace floe::iceberg {
namespace {

/// The rows: every file goes, whoever added it, and the new ones come.
class AllFiles final : public MergingOperation {
 public:
  AllFiles(SnapshotOptions options, FileChanges changes)
      : MergingOperation(std::move(options), std::move(changes)) {}

 protected:
  std::string OperationName() const override {
    return changes().data.empty() ? "delete" : "overwrite";
  }
  arrow::Status Validate(const Table& /*base*/, const Snapshot* /*parent*/) override {
    return arrow::Status::OK();
  }
};

/// `base` as the updates of a change leave it.
arrow::Result<TablePtr> After(const Table& base, const TableChange& change) {
  ARROW_ASSIGN_OR_RAISE(TableMetadata metadata,
                        ApplyUpdates(*base.metadata(), base.metadata_location(),
                                     change.updates, base.context().clock->NowMillis()));
  return base.WithLoaded({base.metadata_location(),
                          std::make_shared<const TableMetadata>(std::move(metadata)),
                          base.io()});
}

/// Columns and rows as one change.
class Replacement final : public TableOperation {
 public:
  /// `schema` nullopt: the columns stay.
  Replacement(const Table& start, std::optional<UpdateSchema> schema, AllFiles rows)
      : start_schema_id_(start.metadata()->current_schema_id),
        start_column_id_(start.metadata()->last_column_id),
        schema_(std::move(schema)),
        rows_(std::move(rows)) {}

  arrow::Result<TableChange> Apply(const Table& base) override {
    if (base.metadata()->current_schema_id != start_schema_id_ ||
        base.metadata()->last_column_id != start_column_id_) {
      return MakeError(ErrorCode::kCommitConflict,
                       "table '{}': its columns were changed while its rows were being "
                       "replaced; try again",
                       base.name());
    }
    if (!schema_) return rows_.Apply(base);
    ARROW_ASSIGN_OR_RAISE(TableChange change, schema_->ChangeOf(base));
    ARROW_ASSIGN_OR_RAISE(TablePtr changed, After(base, change));
    ARROW_ASSIGN_OR_RAISE(TableChange rows, rows_.Apply(*changed));
    change.requirements.insert(change.requirements.end(), rows.requirements.begin(),
                               rows.requirements.end());
    change.updates.insert(change.updates.end(), rows.updates.begin(), rows.updates.end());
    return change;
  }
  void CleanUpAttempt(const Table& base) override { rows_.CleanUpAttempt(base); }
  void CleanUp(const Table& base) override { rows_.CleanUp(base); }
  void Committed(const Table& committed) override { rows_.Committed(committed); }

 private:
  int32_t start_schema_id_;
  int32_t start_column_id_;
  std::optional<UpdateSchema> schema_;
  AllFiles rows_;
};

arrow::Result<std::vector<DataFile>> WriteAll(const TablePtr& table,
                                              arrow::RecordBatchReader& reader,
                                              const TableWriterOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(table, options));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) return writer->Close();
    ARROW_RETURN_NOT_OK(writer->Write(*batch));
  }
}

}  // namespace

arrow::Result<TablePtr> ReplaceRows(const TablePtr& table,
                                    arrow::RecordBatchReader& reader,
                                    const TableWriterOptions& options,
                                    const std::map<std::string, std::string>& summary) {
  ARROW_ASSIGN_OR_RAISE(UpdateSchema update, MatchColumns(table, *reader.schema()));
  std::optional<UpdateSchema> schema;
  TablePtr written = table;
  if (!update.is_empty()) {
    ARROW_ASSIGN_OR_RAISE(TableChange change, update.ChangeOf(*table));
    ARROW_ASSIGN_OR_RAISE(written, After(*table, change));
    schema = std::move(update);
  }
  auto files = WriteAll(written, reader, options);
  if (!files.ok()) return WithContext(files.status(), "table", table->name());
  FileChanges changes;
  changes.removed_where = Predicate::True();
  for (const DataFile& file : *files) changes.data.push_back({file, std::nullopt});
  SnapshotOptions snapshot;
  snapshot.summary = summary;
  Replacement replacement(*table, std::move(schema),
                          AllFiles(std::move(snapshot), std::move(changes)));
  auto committed = CommitWithRetry(table, replacement);
  if (!committed.ok() && !IsError(committed.status(), ErrorCode::kCommitStateUnknown)) {
    // What cannot be removed is an orphan that no snapshot refers to.
    for (const DataFile& file : *files) {
      static_cast<void>(table->io()->Delete(file.file_path));
    }
  }
  return committed;
}

}  // namespace floe::iceberg
