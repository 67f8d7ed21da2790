#include "iceberg/spec/variant.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "arrow/util/base64.h"
#include "arrow/util/decimal.h"
#include "base/error.h"
#include "iceberg/spec/date_time.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr int kMaxDepth = 100;
constexpr int kBasicBits = 2;
enum Basic { kPrimitive, kShortString, kObject, kArray };
enum Primitive {
  kNull,
  kTrue,
  kFalse,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kDouble,
  kDecimal4,
  kDecimal8,
  kDecimal16,
  kDate,
  kTimestampTz,
  kTimestamp,
  kFloat,
  kBinary,
  kString,
  kTime,
  kTimestampTzNs,
  kTimestampNs,
  kUuid,
};
constexpr size_t kMaxShortString = 63;
constexpr size_t kUuidBytes = 16;

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "variant: {}", what);
}

/// Takes numbers and bytes from the front of a text, never past its end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  arrow::Result<std::string_view> Take(uint64_t size) {
    if (size > bytes_.size()) return Corrupt("it is cut off");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  arrow::Result<uint32_t> Unsigned(int width) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, Take(width));
    uint32_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  template <typename T>
  arrow::Result<T> Number() {
    ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, Take(sizeof(T)));
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  std::string_view left() const { return bytes_; }

 private:
  std::string_view bytes_;
};

/// The parts of an object or array.
struct Container {
  std::vector<uint32_t> ids;  ///< Of an object's names.
  std::vector<std::string_view> values;
};

arrow::Result<Container> ReadContainer(std::string_view value) {
  Reader reader(value);
  ARROW_ASSIGN_OR_RAISE(const uint32_t header, reader.Unsigned(1));
  const bool is_object = (header & 3) == kObject;
  const uint32_t flags = header >> kBasicBits;
  const int offset_width = static_cast<int>(flags & 3) + 1;
  const int id_width = is_object ? static_cast<int>((flags >> 2) & 3) + 1 : 0;
  const bool is_large = ((flags >> (is_object ? 4 : 2)) & 1) != 0;
  ARROW_ASSIGN_OR_RAISE(const uint32_t count, reader.Unsigned(is_large ? 4 : 1));
  const uint64_t needed =
      uint64_t{count} * id_width + (uint64_t{count} + 1) * offset_width;
  if (needed > reader.left().size()) return Corrupt("more fields than bytes");
  Container container;
  for (uint32_t i = 0; i < count && is_object; ++i) {
    ARROW_ASSIGN_OR_RAISE(container.ids.emplace_back(), reader.Unsigned(id_width));
  }
  std::vector<uint32_t> offsets;
  for (uint32_t i = 0; i <= count; ++i) {
    ARROW_ASSIGN_OR_RAISE(offsets.emplace_back(), reader.Unsigned(offset_width));
  }
  const std::string_view values = reader.left();
  // An object's values may be in any order: each ends where it says itself.
  for (uint32_t i = 0; i < count; ++i) {
    if (offsets[i] >= values.size()) return Corrupt("a field beyond its end");
    container.values.push_back(values.substr(offsets[i]));
  }
  return container;
}

class JsonWriter {
 public:
  explicit JsonWriter(const VariantMetadata& metadata) : metadata_(metadata) {}

  arrow::Status Write(std::string_view value, int depth) {
    if (depth > kMaxDepth) return Corrupt("it nests too deep");
    // Offsets of a crafted value may all lead to the same bytes, again and again.
    if (text_.size() > kMaxJsonBytes) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a variant is more than {} bytes of JSON", kMaxJsonBytes);
    }
    Reader reader(value);
    ARROW_ASSIGN_OR_RAISE(const uint32_t header, reader.Unsigned(1));
    const uint32_t detail = header >> kBasicBits;
    switch (header & 3) {
      case kShortString: {
        ARROW_ASSIGN_OR_RAISE(const std::string_view text, reader.Take(detail));
        return Quote(text);
      }
      case kObject:
        return WriteObject(value, depth);
      case kArray:
        return WriteArray(value, depth);
      default:
        return WritePrimitive(detail, reader);
    }
  }

  std::string Finish() { return std::move(text_); }

 private:
  static constexpr size_t kMaxJsonBytes = size_t{256} << 20;

  arrow::Status Quote(std::string_view text) {
    ARROW_ASSIGN_OR_RAISE(const std::string quoted,
                          DumpJson(nlohmann::json(std::string(text)), "variant"));
    text_ += quoted;
    return arrow::Status::OK();
  }

  arrow::Status WriteObject(std::string_view value, int depth) {
    ARROW_ASSIGN_OR_RAISE(const Container container, ReadContainer(value));
    text_ += '{';
    for (size_t i = 0; i < container.values.size(); ++i) {
      if (container.ids[i] >= metadata_.size()) return Corrupt("a name out of range");
      if (i > 0) text_ += ',';
      ARROW_RETURN_NOT_OK(Quote(metadata_.name(container.ids[i])));
      text_ += ':';
      ARROW_RETURN_NOT_OK(Write(container.values[i], depth + 1));
    }
    text_ += '}';
    return arrow::Status::OK();
  }

  arrow::Status WriteArray(std::string_view value, int depth) {
    ARROW_ASSIGN_OR_RAISE(const Container container, ReadContainer(value));
    text_ += '[';
    for (size_t i = 0; i < container.values.size(); ++i) {
      if (i > 0) text_ += ',';
      ARROW_RETURN_NOT_OK(Write(container.values[i], depth + 1));
    }
    text_ += ']';
    return arrow::Status::OK();
  }

  template <typename T>
  arrow::Status WriteNumber(Reader reader) {
    ARROW_ASSIGN_OR_RAISE(const T value, reader.Number<T>());
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(value)) return Quote("NaN");
      if (std::isinf(value)) return Quote(value > 0 ? "Infinity" : "-Infinity");
      const std::string text = fmt::format("{}", value);
      text_ += text;
      // A whole number of floating point stays one when the JSON is read again.
      if (text.find_first_of(".e") == std::string::npos) text_ += ".0";
    } else {
      text_ += std::to_string(value);
    }
    return arrow::Status::OK();
  }

  arrow::Status WriteDecimal(Reader reader, size_t width) {
    ARROW_ASSIGN_OR_RAISE(const uint32_t scale, reader.Unsigned(1));
    ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, reader.Take(width));
    if (scale > 38) return Corrupt("a decimal's scale");
    const bool is_negative = (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
    uint8_t padded[sizeof(arrow::Decimal128)];
    std::memset(padded, is_negative ? 0xFF : 0, sizeof(padded));
    std::memcpy(padded, bytes.data(), bytes.size());
    text_ += arrow::Decimal128(padded).ToString(static_cast<int32_t>(scale));
    return arrow::Status::OK();
  }

  template <typename T>
  arrow::Status WriteTime(const TypePtr& type, Reader reader) {
    ARROW_ASSIGN_OR_RAISE(const T value, reader.Number<T>());
    ARROW_ASSIGN_OR_RAISE(const std::string json, Literal(type, value).ToJsonText());
    text_ += json;
    return arrow::Status::OK();
  }

  arrow::Status WritePrimitive(uint32_t kind, Reader reader) {
    switch (kind) {
      case kNull:
        text_ += "null";
        return arrow::Status::OK();
      case kTrue:
      case kFalse:
        text_ += kind == kTrue ? "true" : "false";
        return arrow::Status::OK();
      case kInt8:
        return WriteNumber<int8_t>(reader);
      case kInt16:
        return WriteNumber<int16_t>(reader);
      case kInt32:
        return WriteNumber<int32_t>(reader);
      case kInt64:
        return WriteNumber<int64_t>(reader);
      case kFloat:
        return WriteNumber<float>(reader);
      case kDouble:
        return WriteNumber<double>(reader);
      case kDecimal4:
        return WriteDecimal(reader, 4);
      case kDecimal8:
        return WriteDecimal(reader, 8);
      case kDecimal16:
        return WriteDecimal(reader, 16);
      case kDate:
        return WriteTime<int32_t>(Type::Date(), reader);
      case kTime:
        return WriteTime<int64_t>(Type::Time(), reader);
      case kTimestampTz:
        return WriteTime<int64_t>(Type::TimestampTz(), reader);
      case kTimestamp:
        return WriteTime<int64_t>(Type::Timestamp(), reader);
      case kTimestampTzNs:
        return WriteTime<int64_t>(Type::TimestampTzNs(), reader);
      case kTimestampNs:
        return WriteTime<int64_t>(Type::TimestampNs(), reader);
      default:
        return WriteBytes(kind, reader);
    }
  }

  arrow::Status WriteBytes(uint32_t kind, Reader reader) {
    if (kind == kUuid) {
      ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, reader.Take(kUuidBytes));
      ARROW_ASSIGN_OR_RAISE(const std::string json,
                            Literal(Type::Uuid(), std::string(bytes)).ToJsonText());
      text_ += json;
      return arrow::Status::OK();
    }
    if (kind != kBinary && kind != kString) return Corrupt("an unknown primitive type");
    ARROW_ASSIGN_OR_RAISE(const uint32_t size, reader.Unsigned(4));
    ARROW_ASSIGN_OR_RAISE(const std::string_view bytes, reader.Take(size));
    return kind == kString ? Quote(bytes) : Quote(arrow::util::base64_encode(bytes));
  }

  const VariantMetadata& metadata_;
  std::string text_;
};

template <typename T>
std::string Encode(Primitive kind, T value) {
  std::string bytes(1 + sizeof(T), static_cast<char>(kind << kBasicBits));
  std::memcpy(bytes.data() + 1, &value, sizeof(T));
  return bytes;
}

std::string EncodeSized(Primitive kind, std::string_view content) {
  std::string bytes = Encode(kind, static_cast<uint32_t>(content.size()));
  bytes += content;
  return bytes;
}

int WidthOf(uint64_t value) {
  return value <= 0xFF ? 1 : value <= 0xFFFF ? 2 : value <= 0xFFFFFF ? 3 : 4;
}

void AppendUnsigned(uint64_t value, int width, std::string* out) {
  for (int i = 0; i < width; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

arrow::Result<VariantMetadata> VariantMetadata::Parse(std::string_view bytes) {
  Reader reader(bytes);
  ARROW_ASSIGN_OR_RAISE(const uint32_t header, reader.Unsigned(1));
  if ((header & 0xF) != 1) return Corrupt("its metadata are not of version 1");
  const int width = static_cast<int>(header >> 6) + 1;
  ARROW_ASSIGN_OR_RAISE(const uint32_t count, reader.Unsigned(width));
  if ((uint64_t{count} + 1) * width > reader.left().size()) {
    return Corrupt("more names than bytes");
  }
  std::vector<uint32_t> offsets;
  for (uint32_t i = 0; i <= count; ++i) {
    ARROW_ASSIGN_OR_RAISE(offsets.emplace_back(), reader.Unsigned(width));
  }
  VariantMetadata metadata;
  for (uint32_t i = 0; i < count; ++i) {
    if (offsets[i] > offsets[i + 1] || offsets[i + 1] > reader.left().size()) {
      return Corrupt("a name beyond its end");
    }
    metadata.names_.push_back(
        reader.left().substr(offsets[i], offsets[i + 1] - offsets[i]));
  }
  return metadata;
}

std::optional<uint32_t> VariantMetadata::Find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<uint32_t>(found - names_.begin());
}

arrow::Result<std::string> VariantToJson(std::string_view metadata,
                                         std::string_view value) {
  ARROW_ASSIGN_OR_RAISE(const VariantMetadata names, VariantMetadata::Parse(metadata));
  JsonWriter writer(names);
  ARROW_RETURN_NOT_OK(writer.Write(value, 0));
  return writer.Finish();
}

namespace {

/// The bytes that the value at the start of `value` takes.
arrow::Result<size_t> SizeOf(std::string_view value, int depth) {
  if (depth > kMaxDepth) return Corrupt("it nests too deep");
  Reader reader(value);
  ARROW_ASSIGN_OR_RAISE(const uint32_t header, reader.Unsigned(1));
  const uint32_t detail = header >> kBasicBits;
  size_t size = 0;
  if ((header & 3) == kShortString) {
    size = 1 + detail;
  } else if ((header & 3) == kPrimitive) {
    constexpr size_t kSizes[] = {0, 0, 0, 1, 2, 4, 8, 8, 5, 9,         17,
                                 4, 8, 8, 4, 4, 4, 8, 8, 8, kUuidBytes};
    if (detail > kUuid) return Corrupt("an unknown primitive type");
    size = 1 + kSizes[detail];
    if (detail == kBinary || detail == kString) {
      ARROW_ASSIGN_OR_RAISE(const uint32_t length, reader.Unsigned(4));
      size += length;
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(const Container container, ReadContainer(value));
    const char* end = value.data();
    for (const std::string_view child : container.values) {
      ARROW_ASSIGN_OR_RAISE(const size_t child_size, SizeOf(child, depth + 1));
      end = std::max(end, child.data() + child_size);
    }
    size = static_cast<size_t>(end - value.data());
    if (container.values.empty()) {
      const bool is_object = (header & 3) == kObject;
      const bool is_large = ((detail >> (is_object ? 4 : 2)) & 1) != 0;
      size = 1 + (is_large ? 4 : 1) + (detail & 3) + 1;
    }
  }
  if (size > value.size()) return Corrupt("it is cut off");
  return size;
}

}  // namespace

arrow::Result<std::optional<VariantFields>> VariantObjectFields(
    const VariantMetadata& metadata, std::string_view value) {
  if (value.empty()) return Corrupt("it is empty");
  if ((static_cast<unsigned char>(value[0]) & 3) != kObject) {
    return std::optional<VariantFields>();
  }
  ARROW_ASSIGN_OR_RAISE(const Container container, ReadContainer(value));
  VariantFields fields;
  for (size_t i = 0; i < container.values.size(); ++i) {
    if (container.ids[i] >= metadata.size()) return Corrupt("a name out of range");
    ARROW_ASSIGN_OR_RAISE(const size_t size, SizeOf(container.values[i], 0));
    fields.emplace_back(metadata.name(container.ids[i]),
                        container.values[i].substr(0, size));
  }
  return std::optional<VariantFields>(std::move(fields));
}

namespace variant {

std::string Null() { return std::string(1, static_cast<char>(kNull << kBasicBits)); }

std::string Boolean(bool value) {
  return std::string(1, static_cast<char>((value ? kTrue : kFalse) << kBasicBits));
}

std::string Integer(int64_t value, int width) {
  switch (width) {
    case 1:
      return Encode(kInt8, static_cast<int8_t>(value));
    case 2:
      return Encode(kInt16, static_cast<int16_t>(value));
    case 4:
      return Encode(kInt32, static_cast<int32_t>(value));
    default:
      return Encode(kInt64, value);
  }
}

std::string Float(float value) { return Encode(kFloat, value); }
std::string Double(double value) { return Encode(kDouble, value); }

std::string Decimal(std::string_view unscaled, int32_t scale) {
  const Primitive kind = unscaled.size() == 4   ? kDecimal4
                         : unscaled.size() == 8 ? kDecimal8
                                                : kDecimal16;
  std::string bytes = Encode(kind, static_cast<uint8_t>(scale));
  bytes += unscaled;
  return bytes;
}

std::string Date(int32_t days) { return Encode(kDate, days); }
std::string Time(int64_t micros) { return Encode(kTime, micros); }

std::string Timestamp(int64_t value, bool is_utc, bool is_nanos) {
  if (is_nanos) return Encode(is_utc ? kTimestampTzNs : kTimestampNs, value);
  return Encode(is_utc ? kTimestampTz : kTimestamp, value);
}

std::string Binary(std::string_view bytes) { return EncodeSized(kBinary, bytes); }

std::string String(std::string_view text) {
  if (text.size() > kMaxShortString) return EncodeSized(kString, text);
  std::string bytes(1, static_cast<char>(text.size() << kBasicBits | kShortString));
  bytes += text;
  return bytes;
}

std::string Uuid(std::string_view content) {
  std::string bytes(1, static_cast<char>(kUuid << kBasicBits));
  bytes += content;
  return bytes;
}

std::string Array(const std::vector<std::string>& elements) {
  uint64_t total = 0;
  for (const std::string& element : elements) total += element.size();
  const int width = WidthOf(total);
  const bool is_large = elements.size() > 0xFF;
  std::string bytes(
      1, static_cast<char>(((is_large ? 4 : 0) | (width - 1)) << kBasicBits | kArray));
  AppendUnsigned(elements.size(), is_large ? 4 : 1, &bytes);
  uint64_t offset = 0;
  AppendUnsigned(offset, width, &bytes);
  for (const std::string& element : elements) {
    offset += element.size();
    AppendUnsigned(offset, width, &bytes);
  }
  for (const std::string& element : elements) bytes += element;
  return bytes;
}

arrow::Result<std::string> Object(
    const VariantMetadata& metadata,
    std::vector<std::pair<std::string, std::string>> fields) {
  std::sort(fields.begin(), fields.end());
  uint64_t total = 0;
  uint32_t highest = 0;
  std::vector<uint32_t> ids;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0 && fields[i].first == fields[i - 1].first) {
      return Corrupt(fmt::format("field '{}' is there twice", fields[i].first));
    }
    const auto id = metadata.Find(fields[i].first);
    if (!id) {
      return Corrupt(fmt::format("field '{}' is not in its metadata", fields[i].first));
    }
    ids.push_back(*id);
    highest = std::max(highest, *id);
    total += fields[i].second.size();
  }
  const int offset_width = WidthOf(total);
  const int id_width = WidthOf(highest);
  const bool is_large = fields.size() > 0xFF;
  const int flags = (is_large ? 16 : 0) | (id_width - 1) << 2 | (offset_width - 1);
  std::string bytes(1, static_cast<char>(flags << kBasicBits | kObject));
  AppendUnsigned(fields.size(), is_large ? 4 : 1, &bytes);
  for (const uint32_t id : ids) AppendUnsigned(id, id_width, &bytes);
  uint64_t offset = 0;
  AppendUnsigned(offset, offset_width, &bytes);
  for (const auto& [name, value] : fields) {
    offset += value.size();
    AppendUnsigned(offset, offset_width, &bytes);
  }
  for (const auto& [name, value] : fields) bytes += value;
  return bytes;
}

}  // namespace variant

}  // namespace floe::iceberg
