#include "iceberg/table/data_writer.h"

#include <algorithm>
#include <charconv>
#include <list>
#include <unordered_map>
#include <utility>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "base/error.h"
#include "base/parallel.h"
#include "iceberg/format/parquet/parquet_writer.h"
#include "iceberg/table/append.h"
#include "iceberg/table/file_location.h"
#include "iceberg/table/partition_router.h"
#include "iceberg/table/row_lineage.h"
#include "iceberg/table/sort_rows.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kDefaultTargetFileBytes = int64_t{512} << 20;
/// Rows kept back so that each partition's are written in runs, not batch by batch.
constexpr int64_t kPendingBytes = int64_t{64} << 20;
/// Splitting a batch by partition gives many small ones; a pending one costs at least
/// this.
constexpr int64_t kPendingBatchBytes = 1024;
constexpr int64_t kSortedSliceRows = 64 * 1024;
/// Files closed at a time.
constexpr int kClosingThreads = 16;
constexpr char kTargetFileBytesProperty[] = "write.target-file-size-bytes";

arrow::Result<int64_t> TargetFileBytes(
    const std::map<std::string, std::string>& properties) {
  auto found = properties.find(kTargetFileBytesProperty);
  if (found == properties.end()) return kDefaultTargetFileBytes;
  const std::string& text = found->second;
  int64_t bytes = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error == std::errc() && end == text.data() + text.size() && bytes > 0) return bytes;
  return MakeError(ErrorCode::kInvalidConfig,
                   "table property {} is '{}': expected a number of bytes above 0",
                   kTargetFileBytesProperty, text);
}

arrow::Status CheckFileFormat(const std::map<std::string, std::string>& properties) {
  auto found = properties.find("write.format.default");
  if (found == properties.end() || found->second == "parquet") return arrow::Status::OK();
  return MakeError(ErrorCode::kNotSupported,
                   "table property write.format.default is '{}': this version of Floe "
                   "writes parquet only",
                   found->second);
}

/// A pending batch's own share of memory; a slice counts only its part.
int64_t PendingCost(const arrow::RecordBatch& batch) {
  auto bytes = arrow::util::ReferencedBufferSize(batch);
  return kPendingBatchBytes + (bytes.ok() ? *bytes : arrow::util::TotalBufferSize(batch));
}

}  // namespace

class TableWriter::Impl {
 public:
  static arrow::Result<std::unique_ptr<Impl>> Make(TablePtr table,
                                                   const TableWriterOptions& options) {
    const TableMetadata& metadata = *table->metadata();
    auto impl = std::make_unique<Impl>();
    impl->spec_ = metadata.default_spec();
    impl->schema_ = metadata.schema();
    if (options.keeps_row_lineage) {
      ARROW_ASSIGN_OR_RAISE(impl->schema_, WithLineageColumns(*metadata.schema()));
    }
    ARROW_ASSIGN_OR_RAISE(impl->router_,
                          PartitionRouter::Make(*impl->schema_, impl->spec_));
    ARROW_RETURN_NOT_OK(impl->ChooseOrder(metadata, options));
    std::map<std::string, std::string> properties = metadata.properties;
    for (auto& [key, value] : options.properties) properties[key] = value;
    ARROW_RETURN_NOT_OK(CheckFileFormat(properties));
    ARROW_ASSIGN_OR_RAISE(impl->target_file_bytes_, TargetFileBytes(properties));
    impl->max_open_files_ = static_cast<size_t>(std::max(options.max_open_files, 1));
    impl->max_buffered_bytes_ = std::max(options.max_buffered_bytes, kPendingBytes);
    impl->file_options_.schema = impl->schema_;
    ARROW_RETURN_NOT_OK(impl->file_options_.ApplyTableProperties(properties));
    impl->table_ = std::move(table);
    return impl;
  }

  ~Impl() {
    // Nobody is left to hear of a file that could not be removed: an orphan.
    if (!is_closed_) static_cast<void>(Abort());
  }

  arrow::Status Write(const arrow::RecordBatch& batch) {
    if (is_closed_) {
      return MakeError(ErrorCode::kInvalidArgument, "the writer is closed");
    }
    ARROW_ASSIGN_OR_RAISE(auto conformed, ConformBatch(batch, *schema_));
    rows_written_ += conformed->num_rows();
    if (spec_.is_unpartitioned() && order_.fields.empty()) {
      if (conformed->num_rows() == 0) return arrow::Status::OK();
      std::vector<Literal> nulls;
      if (!spec_.fields.empty()) {
        ARROW_ASSIGN_OR_RAISE(auto routed, router_.Split(conformed));
        nulls = routed[0].partition;
      }
      return WriteTo("", nulls, *conformed);
    }
    ARROW_ASSIGN_OR_RAISE(auto split, router_.Split(conformed));
    for (PartitionRows& part : split) {
      Pending& pending = pending_[part.key];
      if (pending.batches.empty()) pending.partition = std::move(part.partition);
      pending_bytes_ += PendingCost(*part.rows);
      pending.batches.push_back(std::move(part.rows));
    }
    int64_t limit = order_.fields.empty() ? kPendingBytes : max_buffered_bytes_;
    return pending_bytes_ < limit ? arrow::Status::OK() : Flush();
  }

  int64_t rows_written() const { return rows_written_; }

  arrow::Result<std::vector<DataFile>> Close() {
    if (is_closed_) {
      return MakeError(ErrorCode::kInvalidArgument, "the writer is closed");
    }
    ARROW_RETURN_NOT_OK(Flush());
    ARROW_RETURN_NOT_OK(CloseFiles(open_.size()));
    is_closed_ = true;
    return std::move(files_);
  }

  arrow::Status Abort() {
    is_closed_ = true;
    pending_.clear();
    arrow::Status first_failure;
    auto note = [&](const arrow::Status& status) {
      if (first_failure.ok()) first_failure = status;
    };
    for (OpenFile& file : open_) note(file.writer->Abort());
    open_.clear();
    by_key_.clear();
    for (const DataFile& file : files_) note(table_->io()->Delete(file.file_path));
    files_.clear();
    return first_failure;
  }

 private:
  struct Pending {
    std::vector<Literal> partition;
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  };
  struct OpenFile {
    std::string key;
    std::vector<Literal> partition;
    std::unique_ptr<DataFileWriter> writer;
    int64_t buffered_bytes = 0;
  };
  using OpenFiles = std::list<OpenFile>;  ///< Most recently written first.

  arrow::Status ChooseOrder(const TableMetadata& metadata,
                            const TableWriterOptions& options) {
    if (options.sort_order) {
      order_ = *options.sort_order;
      return arrow::Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(
        order_, SortOrderById(metadata.sort_orders, metadata.default_sort_order_id));
    return arrow::Status::OK();
  }

  arrow::Status Flush() {
    for (auto& [key, pending] : pending_) {
      if (!order_.fields.empty()) {
        ARROW_RETURN_NOT_OK(WriteSorted(key, &pending));
        continue;
      }
      for (const auto& batch : pending.batches) {
        ARROW_RETURN_NOT_OK(WriteTo(key, pending.partition, *batch));
      }
      pending.batches.clear();
    }
    pending_.clear();
    pending_bytes_ = 0;
    return arrow::Status::OK();
  }

  /// A partition's rows so far become files of their own: later ones would not be in
  /// order with them.
  arrow::Status WriteSorted(const std::string& key, Pending* pending) {
    ARROW_ASSIGN_OR_RAISE(auto all, arrow::ConcatenateRecordBatches(pending->batches));
    pending->batches.clear();
    ARROW_ASSIGN_OR_RAISE(auto sorted, SortRows(all, *schema_, order_));
    all.reset();
    for (int64_t row = 0; row < sorted->num_rows(); row += kSortedSliceRows) {
      ARROW_RETURN_NOT_OK(
          WriteTo(key, pending->partition, *sorted->Slice(row, kSortedSliceRows)));
    }
    // Its key is free for the partition's next file; the file is closed with others.
    by_key_.erase(key);
    return arrow::Status::OK();
  }

  arrow::Status WriteTo(const std::string& key, const std::vector<Literal>& partition,
                        const arrow::RecordBatch& batch) {
    ARROW_ASSIGN_OR_RAISE(auto file, FileFor(key, partition));
    ARROW_RETURN_NOT_OK(file->writer->Write(batch));
    int64_t held = std::min(file->buffered_bytes + PendingCost(batch),
                            file_options_.row_group_bytes);
    buffered_bytes_ += held - file->buffered_bytes;
    file->buffered_bytes = held;
    if (file->writer->bytes_written() >= target_file_bytes_) return CloseFirst();
    if (buffered_bytes_ < max_buffered_bytes_) return arrow::Status::OK();
    return CloseFiles((open_.size() + 1) / 2);
  }

  arrow::Result<OpenFiles::iterator> FileFor(const std::string& key,
                                             const std::vector<Literal>& partition) {
    if (auto found = by_key_.find(key); found != by_key_.end()) {
      open_.splice(open_.begin(), open_, found->second);
      return open_.begin();
    }
    if (open_.size() >= max_open_files_) {
      ARROW_RETURN_NOT_OK(CloseFiles((open_.size() + 1) / 2));
    }
    DataFileWriterOptions options = file_options_;
    options.location = DataFileLocation(*table_->metadata(), spec_, partition,
                                        NewUuid(*table_->context().random) + ".parquet");
    ARROW_ASSIGN_OR_RAISE(auto writer,
                          DataFileWriter::Make(table_->io(), std::move(options)));
    open_.push_front({key, partition, std::move(writer)});
    by_key_[key] = open_.begin();
    return open_.begin();
  }

  arrow::Status CloseFirst() {
    OpenFiles closing;
    closing.splice(closing.begin(), open_, open_.begin());
    return Close(std::move(closing));
  }

  /// The `count` files that were written to least recently.
  arrow::Status CloseFiles(size_t count) {
    OpenFiles closing;
    auto from = std::prev(open_.end(), static_cast<OpenFiles::difference_type>(count));
    closing.splice(closing.begin(), open_, from, open_.end());
    return Close(std::move(closing));
  }

  /// Most of closing a small file is waiting for the disk, which takes the syncs of many
  /// files in one go.
  arrow::Status Close(OpenFiles closing) {
    std::vector<OpenFile*> files;
    for (OpenFile& file : closing) {
      if (auto found = by_key_.find(file.key);
          found != by_key_.end() && &*found->second == &file) {
        by_key_.erase(found);
      }
      buffered_bytes_ -= file.buffered_bytes;
      files.push_back(&file);
    }
    std::vector<DataFile> closed(files.size());
    std::vector<char> is_closed(files.size(), 0);
    arrow::Status status =
        ParallelFor(static_cast<int64_t>(files.size()), kClosingThreads,
                    [&](int64_t i) -> arrow::Status {
                      auto index = static_cast<size_t>(i);
                      ARROW_ASSIGN_OR_RAISE(closed[index], files[index]->writer->Close());
                      is_closed[index] = 1;
                      return arrow::Status::OK();
                    });
    // Those that were closed are known from now on, also to Abort.
    for (size_t i = files.size(); i-- > 0;) {
      if (is_closed[i] == 0) continue;
      closed[i].spec_id = spec_.spec_id;
      closed[i].partition = std::move(files[i]->partition);
      if (order_.order_id != SortOrder::kUnsortedId) {
        closed[i].sort_order_id = order_.order_id;
      }
      files_.push_back(std::move(closed[i]));
    }
    return status;
  }

  TablePtr table_;
  PartitionSpec spec_;
  SchemaPtr schema_;
  SortOrder order_;
  PartitionRouter router_;
  DataFileWriterOptions file_options_;
  int64_t target_file_bytes_ = kDefaultTargetFileBytes;
  size_t max_open_files_ = TableWriterOptions::kMaxOpenFiles;
  int64_t max_buffered_bytes_ = TableWriterOptions::kMaxBufferedBytes;
  /// Ordered, so that the same rows always make files in the same order.
  std::map<std::string, Pending> pending_;
  int64_t pending_bytes_ = 0;
  OpenFiles open_;
  int64_t buffered_bytes_ = 0;  ///< Held by the open files, roughly.
  std::unordered_map<std::string, OpenFiles::iterator> by_key_;
  std::vector<DataFile> files_;
  int64_t rows_written_ = 0;
  bool is_closed_ = false;
};

TableWriter::TableWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableWriter::~TableWriter() = default;

arrow::Result<std::unique_ptr<TableWriter>> TableWriter::Make(
    TablePtr table, TableWriterOptions options) {
  std::string name = table->name();
  auto impl = Impl::Make(std::move(table), options);
  if (!impl.ok()) return WithContext(impl.status(), "table", name);
  return std::unique_ptr<TableWriter>(new TableWriter(std::move(*impl)));
}

arrow::Status TableWriter::Write(const arrow::RecordBatch& batch) {
  return impl_->Write(batch);
}

int64_t TableWriter::rows_written() const { return impl_->rows_written(); }

arrow::Result<std::vector<DataFile>> TableWriter::Close() { return impl_->Close(); }

arrow::Status TableWriter::Abort() { return impl_->Abort(); }

namespace {

arrow::Result<std::vector<DataFile>> WriteAll(const TablePtr& table,
                                              arrow::RecordBatchReader& reader,
                                              const TableWriterOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(table, options));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader.Next());
    if (batch == nullptr) return writer->Close();
    ARROW_RETURN_NOT_OK(writer->Write(*batch));
  }
}

}  // namespace

arrow::Result<TablePtr> AppendBatches(const TablePtr& table,
                                      arrow::RecordBatchReader& reader,
                                      const TableWriterOptions& options,
                                      const std::map<std::string, std::string>& summary) {
  auto files = WriteAll(table, reader, options);
  if (!files.ok()) return WithContext(files.status(), "table", table->name());
  if (files->empty()) return table;
  AppendFiles append(table);
  append.Append(*files);
  for (const auto& [key, value] : summary) append.SetSummary(key, value);
  auto committed = append.Commit();
  if (!committed.ok() && !IsError(committed.status(), ErrorCode::kCommitStateUnknown)) {
    // What cannot be removed is an orphan that no snapshot refers to.
    for (const DataFile& file : *files) {
      static_cast<void>(table->io()->Delete(file.file_path));
    }
  }
  return committed;
}

}  // namespace floe::iceberg
