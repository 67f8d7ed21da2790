#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "iceberg/spec/partition_spec.h"
#include "iceberg/spec/schema.h"
#include "io/file_io.h"

namespace arrow {
class Field;
}

/// Parquet files that lie in folders and belong to no table yet.
namespace floe::iceberg {

/// One of them.
struct ForeignFile {
  std::string location;
  int64_t size_bytes = 0;
  /// The "key=value" folders above it, outermost first, decoded; nullopt is Hive's name
  /// for NULL (__HIVE_DEFAULT_PARTITION__).
  std::vector<std::pair<std::string, std::optional<std::string>>> partition;
};

/// At most so many are taken in one go.
inline constexpr size_t kMaxForeignFiles = 1'000'000;

/// The Parquet files below folders, and files named as such, sorted, absolute. Names that
/// start with "_" or "." are passed over, as Hive and Spark do; any other file that does
/// not end in .parquet, .parq or .pq is kInvalidArgument, as are no files at all and
/// files whose folders name different keys. kNoSuchFile for a path that is not there.
arrow::Result<std::vector<ForeignFile>> ListForeignFiles(
    const FileIO& io, const std::vector<std::string>& paths);

/// What becomes of timestamps in nanoseconds, which tables of format 2 do not have.
enum class NanosecondUse {
  kRefuse,    ///< kNotSupported names the file and the column.
  kTruncate,  ///< Read as microseconds, rounded down.
  kKeep,      ///< timestamp_ns, in a table of format 3.
};

struct ForeignSchemaOptions {
  NanosecondUse nanoseconds = NanosecondUse::kRefuse;
  /// Types of partition columns, by name, as Iceberg spells them ("string", "date"), in
  /// place of those the folders' values look like (int, long, date or string).
  std::map<std::string, std::string> partition_types;
  int threads = 1;
  /// Called with how many footers were read; one thread at a time.
  std::function<void(int64_t done, int64_t of)> progress;
};

/// A schema and an identity spec that fit all files.
struct ForeignTable {
  SchemaPtr schema;
  PartitionSpec spec;
  int format_version = 2;
  int64_t row_count = 0;
  int64_t size_bytes = 0;
};

/// Reads the footers: columns by name, in the order first met, all optional, with fresh
/// ids; int and long, float and double are united to the wider, a column some files lack
/// is NULL there. kInvalidArgument names the file, its column and the file it is at odds
/// with.
arrow::Result<ForeignTable> UniteForeignFiles(const FileIO& io,
                                              const std::vector<ForeignFile>& files,
                                              const ForeignSchemaOptions& options);

/// Whether a file's column can be read as the type at any depth: the same, or one that is
/// promoted to it.
arrow::Result<bool> CanBeReadAs(const arrow::Field& column, const Type& type,
                                int format_version);

}  // namespace floe::iceberg
