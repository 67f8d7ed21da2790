#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/result.h"

namespace floe::iceberg::orc {

enum class Compression { kNone, kZlib, kSnappy, kLzo, kLz4, kZstd, kBrotli };

enum class Kind {
  kBoolean,
  kByte,
  kShort,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kString,
  kBinary,
  kTimestamp,
  kList,
  kMap,
  kStruct,
  kUnion,
  kDecimal,
  kDate,
  kVarchar,
  kChar,
  kTimestampInstant,
  kGeometry,
  kGeography,
};

/// A node of the type tree. Columns are numbered by their place in it, the root 0.
struct Type {
  Kind kind = Kind::kStruct;
  std::vector<uint32_t> children;  ///< Columns.
  std::vector<std::string> names;  ///< Of a struct's children.
  uint32_t precision = 0;
  uint32_t scale = 0;
  std::map<std::string, std::string> attributes;
};

struct Stripe {
  int64_t offset = 0;
  int64_t index_length = 0;
  int64_t data_length = 0;
  int64_t footer_length = 0;
  int64_t row_count = 0;
  int64_t first_row = 0;
};

/// What a file says of itself (ORC specification v1, "File Tail").
struct FileTail {
  Compression compression = Compression::kNone;
  int64_t block_size = 0;  ///< The most bytes a compressed chunk holds.
  std::vector<Type> types;
  std::vector<Stripe> stripes;
  int64_t row_count = 0;
};

enum class StreamKind { kPresent, kData, kLength, kDictionary, kUnused, kSecondary };

struct Stream {
  StreamKind kind = StreamKind::kUnused;
  uint32_t column = 0;
  int64_t offset = 0;  ///< In the file.
  int64_t length = 0;
};

enum class EncodingKind { kDirect, kDictionary, kDirectV2, kDictionaryV2 };

struct Encoding {
  EncodingKind kind = EncodingKind::kDirect;
  int64_t dictionary_size = 0;
};

struct StripeFooter {
  std::vector<Stream> streams;      ///< Those that hold values.
  std::vector<Encoding> encodings;  ///< By column.
  std::string writer_time_zone;     ///< "" where it is not said.
};

/// Reads and checks the tail: every stripe lies within the file, the types are a tree.
/// kCorruptData; kNotSupported for encrypted columns and unknown compression.
arrow::Result<FileTail> ReadFileTail(arrow::io::RandomAccessFile* file);

/// Streams lie within the stripe, encodings are there for every column.
arrow::Result<StripeFooter> ReadStripeFooter(arrow::io::RandomAccessFile* file,
                                             const FileTail& tail, const Stripe& stripe);

}  // namespace floe::iceberg::orc
