#include "iceberg/maintain/rewrite_manifests.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "iceberg/table/snapshot_history.h"
#include "iceberg/table/snapshot_operation.h"

namespace floe::iceberg {
namespace {

constexpr int64_t kTargetBytes = int64_t{8} << 20;
constexpr char kTargetProperty[] = "commit.manifest.target-size-bytes";

bool IsBefore(const std::vector<Literal>& a, const std::vector<Literal>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    int order = a[i].is_null() || b[i].is_null()
                    ? static_cast<int>(b[i].is_null()) - static_cast<int>(a[i].is_null())
                    : a[i].Compare(b[i]);
    if (order != 0) return order < 0;
  }
  return false;
}

class ManifestsOperation final : public SnapshotOperation {
 public:
  explicit ManifestsOperation(int64_t target_bytes)
      : SnapshotOperation(SnapshotOptions()), target_bytes_(target_bytes) {}

  int64_t replaced() const { return replaced_; }
  int64_t created() const { return created_; }

 protected:
  std::string OperationName() const override { return "replace"; }
  arrow::Status Validate(const Table&, const Snapshot*) override {
    return arrow::Status::OK();
  }

  arrow::Result<std::vector<ManifestFile>> MakeManifests(
      const Table& base, const std::vector<ManifestFile>& parent,
      SnapshotSummary* summary) override {
    std::map<std::pair<ManifestContent, int32_t>, std::vector<ManifestFile>> groups;
    for (const ManifestFile& manifest : parent) {
      groups[{manifest.content, manifest.partition_spec_id}].push_back(manifest);
    }
    replaced_ = static_cast<int64_t>(parent.size());
    std::vector<ManifestFile> all;
    for (const auto& [key, manifests] : groups) {
      ARROW_RETURN_NOT_OK(Rewrite(base, manifests, &all));
    }
    created_ = static_cast<int64_t>(all.size());
    summary->Set("manifests-created", std::to_string(created_));
    summary->Set("manifests-replaced", std::to_string(replaced_));
    summary->Set("manifests-kept", "0");
    return all;
  }

 private:
  arrow::Status Rewrite(const Table& base, const std::vector<ManifestFile>& manifests,
                        std::vector<ManifestFile>* all) {
    std::vector<ManifestEntry> entries;
    int64_t bytes = 0;
    for (const ManifestFile& manifest : manifests) {
      bytes += manifest.manifest_length;
      ARROW_ASSIGN_OR_RAISE(auto read, ReadAllEntries(base, manifest));
      for (ManifestEntry& entry : read) {
        if (entry.status == EntryStatus::kDeleted) continue;
        entry.status = EntryStatus::kExisting;
        entries.push_back(std::move(entry));
      }
    }
    if (entries.empty()) return arrow::Status::OK();
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return IsBefore(a.file.partition, b.file.partition);
    });
    auto count = static_cast<int64_t>(entries.size());
    int64_t parts =
        std::clamp<int64_t>((bytes + target_bytes_ - 1) / target_bytes_, 1, count);
    for (int64_t part = 0; part < parts; ++part) {
      std::vector<ManifestEntry> slice(entries.begin() + count * part / parts,
                                       entries.begin() + count * (part + 1) / parts);
      ARROW_ASSIGN_OR_RAISE(ManifestFile manifest,
                            WriteNewManifest(base, manifests[0].partition_spec_id,
                                             manifests[0].content, slice, false));
      all->push_back(std::move(manifest));
    }
    return arrow::Status::OK();
  }

  int64_t target_bytes_;
  int64_t replaced_ = 0;
  int64_t created_ = 0;
};

arrow::Result<int64_t> TargetOf(const TableMetadata& metadata,
                                const RewriteManifestsOptions& options) {
  int64_t value = kTargetBytes;
  std::string text = metadata.Property(kTargetProperty, "");
  if (options.target_bytes) {
    value = *options.target_bytes;
  } else if (!text.empty()) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) value = 0;
  }
  if (value > 0) return value;
  return MakeError(ErrorCode::kInvalidConfig,
                   "manifests of {} bytes were asked for ({}): expected a number above 0",
                   text, kTargetProperty);
}

}  // namespace

arrow::Result<MaintenanceReport> RewriteManifests(
    const TablePtr& table, const RewriteManifestsOptions& options) {
  MaintenanceReport report;
  report.action = "rewrite-manifests";
  report.is_dry_run = options.dry_run;
  report.table = table;
  ARROW_ASSIGN_OR_RAISE(int64_t target, TargetOf(*table->metadata(), options));
  ARROW_ASSIGN_OR_RAISE(auto manifests,
                        ManifestsOf(*table, table->metadata()->current_snapshot()));
  report.counts["manifests_replaced"] = static_cast<int64_t>(manifests.size());
  report.counts["manifests_created"] = 0;
  if (options.dry_run || manifests.empty()) return report;
  ManifestsOperation operation(target);
  ARROW_ASSIGN_OR_RAISE(report.table, CommitWithRetry(table, operation));
  report.counts["manifests_replaced"] = operation.replaced();
  report.counts["manifests_created"] = operation.created();
  return report;
}

}  // namespace floe::iceberg
