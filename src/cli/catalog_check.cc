#include "cli/catalog_check.h"

#include <filesystem>
#include <utility>

#include "arrow/array.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/scan.h"
#include "iceberg/table/table.h"
#include "io/file_io.h"

namespace floe::cli {
namespace {

using iceberg::Catalog;
using iceberg::Namespace;
using iceberg::TableIdentifier;
using iceberg::TablePtr;

constexpr int64_t kRows = 10;
constexpr int64_t kSumOfRows = kRows * (kRows - 1) / 2;
constexpr size_t kSuffixChars = 8;

std::string RemedyFor(const std::string& step, const arrow::Status& status) {
  const bool is_storage = step == "create" || step == "commit" || step == "read";
  switch (ErrorCodeOf(status)) {
    case ErrorCode::kServiceUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return is_storage ? "check the store's endpoint (s3.endpoint, gcs.service.host, "
                          "adls.account-host) and that it can be reached from here"
                        : "check `uri` (scheme, host, port), the network and the "
                          "server's certificate";
    case ErrorCode::kNotAuthorized:
      return is_storage ? "give this identity read, write, list and delete on the "
                          "warehouse, or correct the store's keys"
                        : "correct the catalog's user and password, token or credential, "
                          "and what it is granted";
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kInvalidArgument:
      return "correct the key the message names";
    case ErrorCode::kNoSuchFile:
      return "create the bucket, container or folder of `warehouse`, or correct it";
    case ErrorCode::kNoSuchNamespace:
      return "create the namespace, or leave --namespace out";
    case ErrorCode::kNotSupported:
      return "use a catalog type and a warehouse scheme that this build holds";
    case ErrorCode::kThrottled:
      return "try again later, or ask for a higher limit";
    case ErrorCode::kCommitConflict:
    case ErrorCode::kCommitStateUnknown:
      return "try again; should it persist, something rewrites or delays commits";
    case ErrorCode::kCorruptData:
      return "check that `uri` names an Iceberg catalog and the store returns what was "
             "written";
    default:
      return is_storage ? "check that the warehouse exists and can be written"
                        : "the message is the server's own: see its log";
  }
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SomeRows() {
  arrow::Int64Builder ids;
  for (int64_t i = 0; i < kRows; ++i) ARROW_RETURN_NOT_OK(ids.Append(i));
  ARROW_ASSIGN_OR_RAISE(auto column, ids.Finish());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}),
                                  kRows, {column});
}

/// Folders a local warehouse is left with once their files are gone, innermost first: the
/// table's, and the one above it where that is the namespace's of this check.
void RemoveEmptyFolders(const std::string& location, const std::string& name_space) {
  const auto path = LocalPath(location);
  if (location.empty() || !path.ok()) return;
  std::error_code ignored;
  const std::filesystem::path above = std::filesystem::path(*path).parent_path();
  std::vector<std::filesystem::path> folders;
  if (above.filename() == name_space) folders.push_back(above);
  folders.emplace_back(*path);
  for (std::filesystem::recursive_directory_iterator entry(*path, ignored), end;
       entry != end; entry.increment(ignored)) {
    if (ignored) return;
    if (entry->is_directory(ignored)) folders.push_back(entry->path());
  }
  // remove() takes empty folders only.
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    std::filesystem::remove(*folder, ignored);
  }
}

class CatalogCheck {
 public:
  explicit CatalogCheck(const CheckOptions& options) : options_(options) {
    const std::string suffix = NewUuid(*options.random).substr(0, kSuffixChars);
    own_namespace_ = "floe_check_" + suffix;
    table_name_.name = own_namespace_;
    table_name_.levels = {own_namespace_};
  }

  std::vector<CheckStep> Run(
      const std::function<arrow::Result<std::shared_ptr<Catalog>>()>& open) {
    Reach(open);
    Do("list", [this] { return List(); });
    Do("create", [this] { return Create(); });
    Do("commit", [this] { return Commit(); });
    Do("read", [this] { return Read(); });
    Do("drop", [this] { return Drop(); });
    CleanUp();
    return std::move(steps_);
  }

 private:
  template <typename Body>
  void Do(const std::string& name, const Body& body) {
    CheckStep step;
    step.name = name;
    step.is_skipped = has_failed_;
    if (!has_failed_) {
      const int64_t begin = options_.clock->NowMicros();
      arrow::Result<std::string> found = body();
      step.micros = options_.clock->NowMicros() - begin;
      step.status = found.status();
      if (found.ok()) step.found = *found;
    }
    if (!step.status.ok()) {
      step.remedy = RemedyFor(name, step.status);
      has_failed_ = true;
    }
    steps_.push_back(std::move(step));
  }

  /// Whoever answers "not you" has been reached.
  void Reach(const std::function<arrow::Result<std::shared_ptr<Catalog>>()>& open) {
    arrow::Status refused;
    Do("reach", [&]() -> arrow::Result<std::string> {
      arrow::Status answer = FirstRequest(open);
      if (!IsError(answer, ErrorCode::kNotAuthorized)) {
        ARROW_RETURN_NOT_OK(answer);
      }
      refused = answer;
      return std::string("the catalog answers");
    });
    Do("authenticate", [&]() -> arrow::Result<std::string> {
      ARROW_RETURN_NOT_OK(refused);
      return std::string("the catalog lets this identity in");
    });
  }

  arrow::Status FirstRequest(
      const std::function<arrow::Result<std::shared_ptr<Catalog>>()>& open) {
    ARROW_ASSIGN_OR_RAISE(catalog_, open());
    return catalog_->NamespaceExists(table_name_.levels).status();
  }

  arrow::Result<std::string> List() {
    if (!options_.name_space.empty()) {
      ARROW_ASSIGN_OR_RAISE(table_name_.levels,
                            iceberg::ParseNamespace(options_.name_space));
      ARROW_ASSIGN_OR_RAISE(const auto tables, catalog_->ListTables(table_name_.levels));
      return fmt::format("{} tables in namespace {}", tables.size(), options_.name_space);
    }
    ARROW_ASSIGN_OR_RAISE(const auto namespaces, catalog_->ListNamespaces({}));
    return fmt::format("{} namespaces", namespaces.size());
  }

  arrow::Result<std::string> Create() {
    if (options_.name_space.empty()) {
      // Before it is tried: an answer that is lost may hide a success.
      has_namespace_ = true;
      ARROW_RETURN_NOT_OK(catalog_->CreateNamespace(table_name_.levels, {}));
    }
    iceberg::CreateTableRequest request;
    ARROW_ASSIGN_OR_RAISE(request.schema,
                          iceberg::Schema::Make({iceberg::NestedField::Optional(
                              1, "id", iceberg::Type::Long())}));
    has_table_ = true;
    ARROW_ASSIGN_OR_RAISE(table_, iceberg::Table::Create(catalog_, table_name_, request));
    location_ = table_->location();
    return fmt::format("table {} at {}", table_name_.ToString(), location_);
  }

  arrow::Result<std::string> Commit() {
    ARROW_ASSIGN_OR_RAISE(const auto rows, SomeRows());
    ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::RecordBatchReader::Make({rows}));
    ARROW_ASSIGN_OR_RAISE(table_, iceberg::AppendBatches(table_, *reader));
    return fmt::format("{} rows appended", kRows);
  }

  arrow::Result<std::string> Read() {
    ARROW_ASSIGN_OR_RAISE(table_, iceberg::Table::Load(catalog_, table_name_));
    ARROW_ASSIGN_OR_RAISE(const auto reader,
                          iceberg::Scan(table_, iceberg::ScanOptions()));
    int64_t rows = 0;
    int64_t sum = 0;
    for (std::shared_ptr<arrow::RecordBatch> batch;;) {
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (int64_t i = 0; i < ids.length(); ++i) sum += ids.Value(i);
      rows += ids.length();
    }
    if (rows == kRows && sum == kSumOfRows) {
      return fmt::format("{} rows, as written", rows);
    }
    return MakeError(ErrorCode::kCorruptData,
                     "{} rows with the sum {} came back where {} with {} were written",
                     rows, sum, kRows, kSumOfRows);
  }

  arrow::Result<std::string> Drop() {
    ARROW_RETURN_NOT_OK(catalog_->DropTable(table_name_, /*purge=*/true));
    has_table_ = false;
    if (has_namespace_) {
      ARROW_RETURN_NOT_OK(catalog_->DropNamespace(table_name_.levels));
      has_namespace_ = false;
    }
    RemoveEmptyFolders(location_, own_namespace_);
    return std::string("table and files removed");
  }

  /// What a failed step left; nothing to do, and no step, when there is nothing.
  void CleanUp() {
    if (catalog_ == nullptr || (!has_table_ && !has_namespace_)) return;
    has_failed_ = false;
    Do("clean up", [this]() -> arrow::Result<std::string> {
      arrow::Status table;
      if (has_table_) table = DropLeftTable();
      arrow::Status name_space;
      if (has_namespace_) name_space = catalog_->DropNamespace(table_name_.levels);
      if (IsError(name_space, ErrorCode::kNoSuchNamespace)) name_space = {};
      ARROW_RETURN_NOT_OK(WithContext(table, "left behind", table_name_.ToString()));
      ARROW_RETURN_NOT_OK(WithContext(name_space, "left behind",
                                      iceberg::NamespaceToString(table_name_.levels)));
      RemoveEmptyFolders(location_, own_namespace_);
      return std::string("what the failed step left was removed");
    });
  }

  arrow::Status DropLeftTable() {
    arrow::Status purged = catalog_->DropTable(table_name_, /*purge=*/true);
    if (purged.ok() || IsError(purged, ErrorCode::kNoSuchTable) ||
        IsError(purged, ErrorCode::kNoSuchNamespace)) {
      return arrow::Status::OK();
    }
    // Its files cannot be listed or removed; the entry at least must not stay.
    arrow::Status dropped = catalog_->DropTable(table_name_, /*purge=*/false);
    if (!dropped.ok() && !IsError(dropped, ErrorCode::kNoSuchTable)) return dropped;
    return WithContext(purged, "files left at", location_);
  }

  const CheckOptions& options_;
  std::string own_namespace_;
  TableIdentifier table_name_;
  std::shared_ptr<Catalog> catalog_;
  TablePtr table_;
  std::string location_;
  bool has_namespace_ = false;
  bool has_table_ = false;
  bool has_failed_ = false;
  std::vector<CheckStep> steps_;
};

}  // namespace

std::vector<CheckStep> CheckCatalog(
    const std::function<arrow::Result<std::shared_ptr<Catalog>>()>& open,
    const CheckOptions& options) {
  return CatalogCheck(options).Run(open);
}

}  // namespace floe::cli
