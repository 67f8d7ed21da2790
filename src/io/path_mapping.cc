#include "io/path_mapping.h"

#include <algorithm>

#include "base/error.h"

namespace floe {
namespace {

constexpr char kSeparator = ';';

/// A local path without its "file:" and its double slashes; others unchanged.
std::string_view PlainPath(std::string_view location) {
  constexpr std::string_view kFile = "file:";
  if (!location.starts_with(kFile)) return location;
  location.remove_prefix(kFile.size());
  while (location.starts_with("//")) location.remove_prefix(1);
  return location;
}

/// Whether `prefix` ends at the end of `location` or before a slash.
bool IsPathPrefix(std::string_view prefix, std::string_view location) {
  if (!location.starts_with(prefix)) return false;
  return location.size() == prefix.size() || prefix.ends_with('/') ||
         location[prefix.size()] == '/';
}

class MappedFileIO final : public FileIO {
 public:
  MappedFileIO(std::shared_ptr<FileIO> base, PathPrefixes prefixes)
      : base_(std::move(base)), prefixes_(std::move(prefixes)) {
    std::stable_sort(prefixes_.begin(), prefixes_.end(),
                     [](const auto& left, const auto& right) {
                       return left.first.size() > right.first.size();
                     });
  }

  std::string Map(const std::string& location) const {
    for (const auto& [from, to] : prefixes_) {
      if (IsPathPrefix(from, location)) return to + location.substr(from.size());
      const std::string_view plain = PlainPath(location);
      if (IsPathPrefix(PlainPath(from), plain)) {
        return to + std::string(plain.substr(PlainPath(from).size()));
      }
    }
    return location;
  }

  arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes) const override {
    return base_->OpenInput(Map(location), size_bytes);
  }
  arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) override {
    return base_->OpenOutput(Map(location), mode);
  }
  arrow::Result<bool> Exists(const std::string& location) const override {
    return base_->Exists(Map(location));
  }
  arrow::Result<int64_t> FileSize(const std::string& location) const override {
    return base_->FileSize(Map(location));
  }
  arrow::Status Delete(const std::string& location) override {
    return base_->Delete(Map(location));
  }
  std::string CacheName(const std::string& location) const override {
    return base_->CacheName(Map(location));
  }

  arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                             bool recursive) const override {
    const std::string mapped = Map(location);
    ARROW_ASSIGN_OR_RAISE(auto entries, base_->List(mapped, recursive));
    for (FileEntry& entry : entries) {
      if (entry.location.starts_with(mapped)) {
        entry.location = location + entry.location.substr(mapped.size());
      }
    }
    return entries;
  }

 private:
  std::shared_ptr<FileIO> base_;
  PathPrefixes prefixes_;
};

}  // namespace

arrow::Result<PathPrefixes> ParsePathPrefixes(std::string_view text) {
  PathPrefixes prefixes;
  while (!text.empty()) {
    const size_t end = std::min(text.find(kSeparator), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return MakeError(ErrorCode::kInvalidConfig,
                       "'{}' is no path prefix and what to read in its place: write "
                       "from=to",
                       pair);
    }
    prefixes.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return prefixes;
}

std::shared_ptr<FileIO> MapPaths(std::shared_ptr<FileIO> base, PathPrefixes prefixes) {
  if (prefixes.empty()) return base;
  return std::make_shared<MappedFileIO>(std::move(base), std::move(prefixes));
}

}  // namespace floe
