#include <algorithm>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "arrow/type.h"
#include "arrow/util/byte_size.h"
#include "base/error.h"
#include "base/request_counters.h"
#include "iceberg/table/any_file.h"
#include "iceberg/table/metadata_columns.h"
#include "iceberg/table/reading_plan.h"
#include "iceberg/table/scan.h"
#include "io/prefetch.h"

namespace floe::iceberg {
namespace {

/// Bytes of batches read ahead of the caller; the task being returned may always hold
/// one.
constexpr int64_t kReadaheadBytes = int64_t{128} << 20;

int ThreadCount(const ScanPlan& plan, const ScanOptions& options) {
  const int wanted = options.threads > 0 ? options.threads
                                         : ThreadsToRead(plan.table->metadata()->location,
                                                         plan.table->context().threads);
  return static_cast<int>(
      std::min<int64_t>(std::max(wanted, 1), static_cast<int64_t>(plan.tasks.size())));
}

/// Batches of all tasks in task order, read by threads that run ahead within bounds.
class ParallelReader final : public arrow::RecordBatchReader {
 public:
  ParallelReader(ScanPlanPtr plan, ScanOptions options,
                 std::shared_ptr<arrow::Schema> schema)
      : plan_(std::move(plan)),
        options_(std::move(options)),
        schema_(std::move(schema)),
        queues_(plan_->tasks.size()) {
    int count = ThreadCount(*plan_, options_);
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, scope = RequestScope::Current()] {
        RequestScope continued(scope);
        Work();
      });
    }
  }

  ~ParallelReader() override { Stop(); }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    std::unique_lock<std::mutex> lock(mutex_);
    while (head_ < queues_.size()) {
      Queue& queue = queues_[head_];
      changed_.wait(lock,
                    [&] { return stopped_ || !queue.batches.empty() || queue.is_done; });
      if (stopped_) return MakeError(ErrorCode::kCancelled, "the scan was closed");
      if (!queue.batches.empty()) {
        *out = std::move(queue.batches.front());
        queue.batches.pop_front();
        queued_bytes_ -= arrow::util::TotalBufferSize(**out);
        changed_.notify_all();
        return arrow::Status::OK();
      }
      ARROW_RETURN_NOT_OK(queue.status);
      ++head_;
      changed_.notify_all();
    }
    return arrow::Status::OK();
  }

  arrow::Status Close() override {
    Stop();
    return arrow::Status::OK();
  }

 private:
  struct Queue {
    std::deque<std::shared_ptr<arrow::RecordBatch>> batches;
    bool is_done = false;
    arrow::Status status;
  };

  void Stop() {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      stopped_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void Work() {
    while (true) {
      size_t index;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        if (stopped_ || next_ >= queues_.size()) return;
        index = next_++;
      }
      arrow::Status status = ReadInto(index);
      std::unique_lock<std::mutex> lock(mutex_);
      queues_[index].status = std::move(status);
      queues_[index].is_done = true;
      changed_.notify_all();
    }
  }

  arrow::Status ReadInto(size_t index) {
    ARROW_ASSIGN_OR_RAISE(auto reader, ReadTask(*plan_, plan_->tasks[index], options_));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      if (batch == nullptr) return arrow::Status::OK();
      if (batch->num_rows() == 0) continue;
      if (!Push(index, std::move(batch))) return arrow::Status::OK();
    }
  }

  /// False when the scan was closed.
  bool Push(size_t index, std::shared_ptr<arrow::RecordBatch> batch) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] {
      bool is_awaited = index == head_ && queues_[index].batches.empty();
      return stopped_ || is_awaited || queued_bytes_ < kReadaheadBytes;
    });
    if (stopped_) return false;
    queued_bytes_ += arrow::util::TotalBufferSize(*batch);
    queues_[index].batches.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }

  const ScanPlanPtr plan_;
  const ScanOptions options_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Queue> queues_;
  size_t head_ = 0;
  size_t next_ = 0;
  int64_t queued_bytes_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

/// The first `limit` rows of a reader, which is closed once they are read.
class LimitedReader final : public arrow::RecordBatchReader {
 public:
  LimitedReader(std::shared_ptr<arrow::RecordBatchReader> base, int64_t limit)
      : base_(std::move(base)), left_(limit) {}

  std::shared_ptr<arrow::Schema> schema() const override { return base_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    *out = nullptr;
    if (left_ <= 0) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(base_->ReadNext(out));
    if (*out == nullptr) return arrow::Status::OK();
    if ((*out)->num_rows() > left_) *out = (*out)->Slice(0, left_);
    left_ -= (*out)->num_rows();
    return left_ == 0 ? base_->Close() : arrow::Status::OK();
  }

  arrow::Status Close() override { return base_->Close(); }

 private:
  std::shared_ptr<arrow::RecordBatchReader> base_;
  int64_t left_;
};

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> OpenTask(
    const ScanPlan& plan, const FileScanTask& task, const ScanOptions& options) {
  FileReadOptions read;
  read.schema = plan.schema;
  if (task.residual->op() != Predicate::Op::kTrue) {
    read.filter = task.residual;
    read.filter_schema = plan.table_schema;
    read.filter_rows = options.filter_rows;
  }
  read.batch_rows = options.batch_rows;
  if (options.limit) {
    read.batch_rows = std::clamp<int64_t>(*options.limit, 1, options.batch_rows);
  }
  return ReadLiveRowsOf(*plan.table, task, std::move(read));
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadLiveRowsOf(
    const Table& table, const FileScanTask& task, FileReadOptions read) {
  if (HasMetadataColumns(*read.schema)) {
    return ReadWithMetadataColumns(table, task, std::move(read));
  }
  ARROW_ASSIGN_OR_RAISE(read.name_mapping, TableNameMapping(*table.metadata()));
  read.constants = task.constants;
  if (task.has_deletes()) {
    ARROW_ASSIGN_OR_RAISE(const auto deleted, LoadDeletedRows(table, task));
    if (!deleted.empty()) {
      read.row_ranges = LiveRanges(std::numeric_limits<int64_t>::max(), deleted);
    }
  }
  return ReadAnyFile(*table.io(), *task.file, read);
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadTask(
    const ScanPlan& plan, const FileScanTask& task, const ScanOptions& options) {
  auto reader = OpenTask(plan, task, options);
  if (reader.ok()) return reader;
  arrow::Status status = WithContext(reader.status(), "file", task.file->file_path);
  return WithContext(status, "table", plan.table->name());
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> ReadPlan(
    ScanPlanPtr plan, const ScanOptions& options) {
  if (options.batch_rows < 1 || options.limit.value_or(0) < 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "batch_rows must be at least 1 and limit at least 0");
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, ToArrowSchema(*plan->schema));
  std::shared_ptr<arrow::RecordBatchReader> reader =
      std::make_shared<ParallelReader>(std::move(plan), options, std::move(schema));
  if (options.limit) {
    reader = std::make_shared<LimitedReader>(std::move(reader), *options.limit);
  }
  return reader;
}

arrow::Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
    const TablePtr& table, const ScanOptions& options) {
  ARROW_ASSIGN_OR_RAISE(ScanPlanPtr plan, PlanForReading(table, options));
  return ReadPlan(std::move(plan), options);
}

}  // namespace floe::iceberg
