#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/io/interfaces.h"
#include "arrow/result.h"

namespace floe {

/// One file of a listing.
struct FileEntry {
  std::string location;
  int64_t size_bytes = 0;
  int64_t modified_ms = 0;  ///< Milliseconds since the epoch.
};

/// What a write does when the location is taken.
enum class WriteMode {
  kReplace,  ///< Takes the file's place in one step; readers see the old or the new.
  kCreate,   ///< Fails with kAlreadyExists; of several creators exactly one succeeds.
};

/// Files and objects by location. The only way Floe reaches a store. Thread-safe.
///
/// A location is a plain path, or a URI whose scheme picks the store: "/x", "file:/x" and
/// "file:///x" are local; s3, s3a, s3n; gs, gcs; abfs, abfss, wasb, wasbs and az are
/// objects, whose keys are taken literally too. Paths in file: URIs are taken literally,
/// as Hadoop and PyIceberg take them (a partition folder may be named "a%2Fb"); only
/// where no such file exists and the percent-decoded one does, that one is read. Errors:
/// kNoSuchFile for a missing file, kNotSupported for a scheme without a store, kIo
/// (local) otherwise, and ObjectStore's for objects; each names the location.
class FileIO {
 public:
  /// ReadAll's default limit: no metadata file of a table comes near it.
  static constexpr int64_t kMaxReadAllBytes = int64_t{1} << 30;
  static constexpr int64_t kUnknownSize = -1;

  virtual ~FileIO() = default;

  /// Local files are memory-mapped and hold no file descriptor, so any number may be
  /// kept. A mapped file must not be truncated while open (Iceberg's never are).
  /// `size_bytes`: the file's size where the caller knows it, as Iceberg's metadata says
  /// it; 0 or less: it is not known. It spares remote files a request: nothing is asked
  /// before the first read, which then says kNoSuchFile, or kCorruptData where the size
  /// is another. See prefetch.h for reading remote files in few requests.
  virtual arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(
      const std::string& location, int64_t size_bytes = kUnknownSize) const = 0;

  /// Opens a stream whose bytes appear under `location` in full when Close succeeds.
  /// Abort, or destruction without Close, leaves nothing. Parent folders are made.
  virtual arrow::Result<std::shared_ptr<arrow::io::OutputStream>> OpenOutput(
      const std::string& location, WriteMode mode) = 0;

  virtual arrow::Result<bool> Exists(const std::string& location) const = 0;
  virtual arrow::Result<int64_t> FileSize(const std::string& location) const = 0;

  /// kNoSuchFile when there was none; S3 does not tell, so there it is OK.
  virtual arrow::Status Delete(const std::string& location) = 0;

  /// Files under the folder `location` (no folders, no unfinished writes), sorted by
  /// location; empty when there is no such folder. Locations keep the form asked with.
  virtual arrow::Result<std::vector<FileEntry>> List(const std::string& location,
                                                     bool recursive) const = 0;

  /// What to know a file by in a cache: `location`, and where that does not tell a file
  /// from another (two stores with a bucket of one name), what does. Asks no store.
  virtual std::string CacheName(const std::string& location) const { return location; }

  /// The file's bytes. kResourceExhausted when it is larger than `max_bytes`.
  /// `size_bytes` as for OpenInput.
  arrow::Result<std::string> ReadAll(const std::string& location,
                                     int64_t max_bytes = kMaxReadAllBytes,
                                     int64_t size_bytes = kUnknownSize) const;

  /// Writes a whole file atomically and durably (as OpenOutput, Write, Close).
  arrow::Status Write(const std::string& location, std::string_view bytes,
                      WriteMode mode = WriteMode::kReplace);
};

/// A FileIO over every store Floe has. `properties` are a catalog's ("s3.region", ...);
/// those of stores not used are ignored. Makes no connection.
arrow::Result<std::shared_ptr<FileIO>> MakeFileIO(
    const std::map<std::string, std::string>& properties);

/// The local path of a plain path or file: URI, percent signs untouched; kNotSupported
/// names another scheme.
arrow::Result<std::string> LocalPath(std::string_view location);

/// `folder` and `name` with exactly one slash between them.
std::string JoinLocation(std::string_view folder, std::string_view name);

}  // namespace floe
