#include "iceberg/format/orc/orc_metadata.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "base/error.h"
#include "iceberg/format/orc/orc_stream.h"
#include "iceberg/format/orc/protobuf_fields.h"

namespace floe::iceberg::orc {
namespace {

constexpr std::string_view kMagic = "ORC";
constexpr int64_t kDefaultBlockSize = 256 << 10;
/// The format's own limit: a chunk's length takes 23 bits.
constexpr int64_t kMaxBlockSize = 1 << 23;
constexpr int64_t kMaxFooterBytes = int64_t{1} << 30;
constexpr size_t kMaxTypes = 1 << 20;
constexpr size_t kMaxTypeDepth = 100;

struct Postscript {
  int64_t footer_length = 0;
  Compression compression = Compression::kNone;
  int64_t block_size = kDefaultBlockSize;
};

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "ORC file: {}", what);
}

/// A length or offset; what does not fit is made one that no check lets pass.
int64_t ToLength(uint64_t value) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / 4);
  return static_cast<int64_t>(std::min(value, kMax));
}

arrow::Result<Postscript> ParsePostscript(std::string_view bytes) {
  Postscript postscript;
  ProtobufFields fields(bytes);
  uint64_t compression = 0;
  while (fields.Next()) {
    if (fields.number() == 1) postscript.footer_length = ToLength(fields.value());
    if (fields.number() == 2) compression = fields.value();
    if (fields.number() == 3) postscript.block_size = ToLength(fields.value());
  }
  ARROW_RETURN_NOT_OK(fields.status("postscript"));
  if (compression > static_cast<uint64_t>(Compression::kBrotli)) {
    return MakeError(ErrorCode::kNotSupported, "ORC file: unknown compression {}",
                     compression);
  }
  postscript.compression = static_cast<Compression>(compression);
  if (postscript.compression == Compression::kLzo) {
    return MakeError(ErrorCode::kNotSupported,
                     "ORC file: LZO compression is not supported; rewrite the file");
  }
  if (postscript.block_size < 1 || postscript.block_size > kMaxBlockSize) {
    return Corrupt(fmt::format("a compression block of {} bytes", postscript.block_size));
  }
  return postscript;
}

arrow::Result<Stripe> ParseStripe(std::string_view bytes) {
  Stripe stripe;
  ProtobufFields fields(bytes);
  while (fields.Next()) {
    switch (fields.number()) {
      case 1:
        stripe.offset = ToLength(fields.value());
        break;
      case 2:
        stripe.index_length = ToLength(fields.value());
        break;
      case 3:
        stripe.data_length = ToLength(fields.value());
        break;
      case 4:
        stripe.footer_length = ToLength(fields.value());
        break;
      case 5:
        stripe.row_count = ToLength(fields.value());
        break;
      default:
        break;
    }
  }
  ARROW_RETURN_NOT_OK(fields.status("stripe information"));
  return stripe;
}

arrow::Result<Type> ParseType(std::string_view bytes) {
  Type type;
  ProtobufFields fields(bytes);
  uint64_t kind = 0;
  while (fields.Next()) {
    switch (fields.number()) {
      case 1:
        kind = fields.value();
        break;
      case 2:
        fields.ForEachNumber([&](uint64_t child) {
          type.children.push_back(static_cast<uint32_t>(
              std::min<uint64_t>(child, std::numeric_limits<uint32_t>::max())));
        });
        break;
      case 3:
        type.names.emplace_back(fields.bytes());
        break;
      case 5:
        type.precision = static_cast<uint32_t>(fields.value());
        break;
      case 6:
        type.scale = static_cast<uint32_t>(fields.value());
        break;
      case 7: {
        ProtobufFields pair(fields.bytes());
        std::string key;
        std::string value;
        while (pair.Next()) {
          if (pair.number() == 1) key = pair.bytes();
          if (pair.number() == 2) value = pair.bytes();
        }
        ARROW_RETURN_NOT_OK(pair.status("type attribute"));
        type.attributes[std::move(key)] = std::move(value);
        break;
      }
      default:
        break;
    }
  }
  ARROW_RETURN_NOT_OK(fields.status("type"));
  if (kind > static_cast<uint64_t>(Kind::kGeography)) {
    return MakeError(ErrorCode::kNotSupported, "ORC file: unknown type {}", kind);
  }
  type.kind = static_cast<Kind>(kind);
  return type;
}

size_t ExpectedChildren(const Type& type) {
  switch (type.kind) {
    case Kind::kStruct:
    case Kind::kUnion:
      return type.children.size();
    case Kind::kList:
      return 1;
    case Kind::kMap:
      return 2;
    default:
      return 0;
  }
}

/// Children come after their parent, each has one parent, and nesting is bounded.
arrow::Status CheckTypes(const std::vector<Type>& types) {
  if (types.empty() || types[0].kind != Kind::kStruct) {
    return Corrupt("its root type is no struct");
  }
  std::vector<size_t> depth(types.size(), 0);
  depth[0] = 1;
  for (size_t i = 0; i < types.size(); ++i) {
    const Type& type = types[i];
    if (depth[i] == 0 || depth[i] > kMaxTypeDepth ||
        type.children.size() != ExpectedChildren(type) ||
        (type.kind == Kind::kStruct && type.names.size() != type.children.size())) {
      return Corrupt(fmt::format("type {} is not part of a sound type tree", i));
    }
    for (const uint32_t child : type.children) {
      if (child <= i || child >= types.size() || depth[child] != 0) {
        return Corrupt(fmt::format("type {} has a child {}", i, child));
      }
      depth[child] = depth[i] + 1;
    }
  }
  return arrow::Status::OK();
}

arrow::Status ParseFooter(std::string_view bytes, FileTail* tail) {
  ProtobufFields fields(bytes);
  while (fields.Next()) {
    switch (fields.number()) {
      case 3: {
        ARROW_ASSIGN_OR_RAISE(Stripe stripe, ParseStripe(fields.bytes()));
        tail->stripes.push_back(stripe);
        break;
      }
      case 4: {
        ARROW_ASSIGN_OR_RAISE(Type type, ParseType(fields.bytes()));
        tail->types.push_back(std::move(type));
        if (tail->types.size() > kMaxTypes) return Corrupt("too many types");
        break;
      }
      case 6:
        tail->row_count = ToLength(fields.value());
        break;
      case 10:
        return MakeError(ErrorCode::kNotSupported,
                         "ORC file: encrypted columns are not supported");
      default:
        break;
    }
  }
  ARROW_RETURN_NOT_OK(fields.status("footer"));
  return CheckTypes(tail->types);
}

arrow::Status CheckStripes(int64_t file_size, FileTail* tail) {
  int64_t rows = 0;
  for (Stripe& stripe : tail->stripes) {
    int64_t end = stripe.offset;
    for (const int64_t length :
         {stripe.index_length, stripe.data_length, stripe.footer_length}) {
      if (length > file_size || end > file_size)
        return Corrupt("a stripe beyond its end");
      end += length;
    }
    if (end > file_size) return Corrupt("a stripe beyond its end");
    stripe.first_row = rows;
    if (__builtin_add_overflow(rows, stripe.row_count, &rows)) {
      return Corrupt("its stripes count too many rows");
    }
  }
  if (rows != tail->row_count) {
    return Corrupt(fmt::format("its stripes have {} rows, its footer says {}", rows,
                               tail->row_count));
  }
  return arrow::Status::OK();
}

/// A whole compressed section of the file.
arrow::Result<std::string> ReadSection(arrow::io::RandomAccessFile* file, int64_t offset,
                                       int64_t length, Compression compression,
                                       int64_t block_size) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, file->ReadAt(offset, length));
  if (buffer->size() != length) return Corrupt("it is cut off");
  ByteStream stream(std::move(buffer), compression, block_size);
  return stream.ReadAll(kMaxFooterBytes);
}

StreamKind StreamKindOf(uint64_t kind) {
  return kind <= static_cast<uint64_t>(StreamKind::kSecondary)
             ? static_cast<StreamKind>(kind)
             : StreamKind::kUnused;
}

arrow::Result<Stream> ParseStream(std::string_view bytes) {
  Stream stream;
  ProtobufFields fields(bytes);
  while (fields.Next()) {
    if (fields.number() == 1) stream.kind = StreamKindOf(fields.value());
    if (fields.number() == 2) {
      stream.column = static_cast<uint32_t>(
          std::min<uint64_t>(fields.value(), std::numeric_limits<uint32_t>::max()));
    }
    if (fields.number() == 3) stream.length = ToLength(fields.value());
  }
  ARROW_RETURN_NOT_OK(fields.status("stream"));
  return stream;
}

arrow::Result<Encoding> ParseEncoding(std::string_view bytes) {
  Encoding encoding;
  ProtobufFields fields(bytes);
  uint64_t kind = 0;
  while (fields.Next()) {
    if (fields.number() == 1) kind = fields.value();
    if (fields.number() == 2) encoding.dictionary_size = ToLength(fields.value());
  }
  ARROW_RETURN_NOT_OK(fields.status("column encoding"));
  if (kind > static_cast<uint64_t>(EncodingKind::kDictionaryV2)) {
    return MakeError(ErrorCode::kNotSupported, "ORC file: unknown column encoding {}",
                     kind);
  }
  encoding.kind = static_cast<EncodingKind>(kind);
  return encoding;
}

}  // namespace

arrow::Result<FileTail> ReadFileTail(arrow::io::RandomAccessFile* file) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
  const auto magic_size = static_cast<int64_t>(kMagic.size());
  if (size < magic_size + 1) return Corrupt(fmt::format("{} bytes are too few", size));
  ARROW_ASSIGN_OR_RAISE(auto last, file->ReadAt(size - 1, 1));
  const int64_t postscript_length = last->size() == 1 ? last->data()[0] : 0;
  const int64_t postscript_begin = size - 1 - postscript_length;
  if (postscript_begin < magic_size) return Corrupt("its postscript is cut off");
  ARROW_ASSIGN_OR_RAISE(auto head, file->ReadAt(0, magic_size));
  if (static_cast<std::string_view>(*head) != kMagic) {
    return Corrupt("it does not start with ORC");
  }
  ARROW_ASSIGN_OR_RAISE(auto bytes, file->ReadAt(postscript_begin, postscript_length));
  ARROW_ASSIGN_OR_RAISE(const Postscript postscript,
                        ParsePostscript(static_cast<std::string_view>(*bytes)));
  const int64_t footer_begin = postscript_begin - postscript.footer_length;
  if (footer_begin < magic_size) return Corrupt("its footer is cut off");
  FileTail tail;
  tail.compression = postscript.compression;
  tail.block_size = postscript.block_size;
  ARROW_ASSIGN_OR_RAISE(const std::string footer,
                        ReadSection(file, footer_begin, postscript.footer_length,
                                    tail.compression, tail.block_size));
  ARROW_RETURN_NOT_OK(ParseFooter(footer, &tail));
  ARROW_RETURN_NOT_OK(CheckStripes(footer_begin, &tail));
  return tail;
}

arrow::Result<StripeFooter> ReadStripeFooter(arrow::io::RandomAccessFile* file,
                                             const FileTail& tail, const Stripe& stripe) {
  const int64_t streams_end = stripe.offset + stripe.index_length + stripe.data_length;
  ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                        ReadSection(file, streams_end, stripe.footer_length,
                                    tail.compression, tail.block_size));
  StripeFooter footer;
  ProtobufFields fields(bytes);
  int64_t offset = stripe.offset;
  while (fields.Next()) {
    switch (fields.number()) {
      case 1: {
        ARROW_ASSIGN_OR_RAISE(Stream stream, ParseStream(fields.bytes()));
        stream.offset = offset;
        if (stream.length > streams_end - offset) {
          return Corrupt("a stream beyond its stripe's end");
        }
        offset += stream.length;
        if (stream.kind != StreamKind::kUnused) footer.streams.push_back(stream);
        break;
      }
      case 2: {
        ARROW_ASSIGN_OR_RAISE(const Encoding encoding, ParseEncoding(fields.bytes()));
        footer.encodings.push_back(encoding);
        break;
      }
      case 3:
        footer.writer_time_zone = fields.bytes();
        break;
      default:
        break;
    }
  }
  ARROW_RETURN_NOT_OK(fields.status("stripe footer"));
  if (footer.encodings.size() != tail.types.size()) {
    return Corrupt(fmt::format("a stripe has {} column encodings for {} columns",
                               footer.encodings.size(), tail.types.size()));
  }
  return footer;
}

}  // namespace floe::iceberg::orc
