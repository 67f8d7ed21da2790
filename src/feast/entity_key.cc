#include "feast/entity_key.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "arrow/array.h"
#include "arrow/buffer_builder.h"
#include "arrow/builder.h"
#include "base/error.h"
#include "feast/types/EntityKey.pb.h"
#include "feast/value_codec.h"

namespace floe::feast {

namespace {

namespace proto = ::feast::types;

// The layout is feast.infra.key_encoding_utils.serialize_entity_key, little-endian.
static_assert(std::endian::native == std::endian::little);

constexpr int64_t kMicrosPerSecond = 1000000;
constexpr size_t kMaxKeyBytes = size_t{1} << 20;

void AppendU32(uint32_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

void AppendValueHeader(ValueType type, size_t size, std::string* out) {
  AppendU32(static_cast<uint32_t>(type), out);
  AppendU32(static_cast<uint32_t>(size), out);
}

template <typename Int>
void AppendInteger(ValueType type, Int value, std::string* out) {
  AppendValueHeader(type, sizeof value, out);
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

arrow::Status CheckVersion(int version) {
  if (version == 2 || version == 3) return arrow::Status::OK();
  return MakeError(
      ErrorCode::kInvalidArgument,
      "entity_key_serialization_version {} is not supported; use 3 (or 2 for "
      "stores written with it)",
      version);
}

arrow::Status AppendValue(const std::string& join_key, const proto::Value& value,
                          std::string* out) {
  switch (value.val_case()) {
    case proto::Value::kStringVal:
      AppendValueHeader(ValueType::kString, value.string_val().size(), out);
      out->append(value.string_val());
      return arrow::Status::OK();
    case proto::Value::kBytesVal:
      AppendValueHeader(ValueType::kBytes, value.bytes_val().size(), out);
      out->append(value.bytes_val());
      return arrow::Status::OK();
    case proto::Value::kInt32Val:
      AppendInteger(ValueType::kInt32, value.int32_val(), out);
      return arrow::Status::OK();
    case proto::Value::kInt64Val:
      AppendInteger(ValueType::kInt64, value.int64_val(), out);
      return arrow::Status::OK();
    case proto::Value::kUnixTimestampVal:
      AppendInteger(ValueType::kUnixTimestamp, value.unix_timestamp_val(), out);
      return arrow::Status::OK();
    default:
      return MakeError(ErrorCode::kInvalidArgument,
                       "join key '{}' has {}; an entity key holds STRING, BYTES, INT32, "
                       "INT64 or UNIX_TIMESTAMP values",
                       join_key,
                       value.val_case() == proto::Value::VAL_NOT_SET
                           ? "no value"
                           : "a value of an unsupported type");
  }
}

/// Positions of `names` in bytewise order; kInvalidArgument for a duplicate.
arrow::Result<std::vector<int>> SortedOrder(const std::vector<std::string_view>& names) {
  std::vector<int> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return names[a] < names[b]; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (names[order[i]] == names[order[i - 1]]) {
      return MakeError(ErrorCode::kInvalidArgument, "join key '{}' occurs twice",
                       names[order[i]]);
    }
  }
  return order;
}

/// All that precedes the values: it depends on the names alone.
std::string KeyPrefix(const std::vector<std::string_view>& names,
                      const std::vector<int>& order, int version) {
  std::string prefix;
  if (version > 2) AppendU32(static_cast<uint32_t>(names.size()), &prefix);
  for (int i : order) {
    AppendU32(static_cast<uint32_t>(ValueType::kString), &prefix);
    if (version > 2) AppendU32(static_cast<uint32_t>(names[i].size()), &prefix);
    prefix.append(names[i]);
  }
  return prefix;
}

class KeyParser {
 public:
  explicit KeyParser(std::string_view bytes) : bytes_(bytes) {}

  bool done() const { return position_ == bytes_.size(); }

  arrow::Result<uint32_t> U32() {
    ARROW_ASSIGN_OR_RAISE(std::string_view raw, Take(sizeof(uint32_t)));
    uint32_t value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  arrow::Result<std::string_view> Take(size_t size) {
    if (bytes_.size() - position_ < size) return Malformed("is cut short");
    std::string_view taken = bytes_.substr(position_, size);
    position_ += size;
    return taken;
  }

  arrow::Status Malformed(std::string_view what) const {
    return MakeError(ErrorCode::kInvalidArgument,
                     "a serialized entity key of {} bytes {} at byte {}", bytes_.size(),
                     what, position_);
  }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
};

arrow::Status ParseValue(KeyParser* parser, proto::Value* value) {
  ARROW_ASSIGN_OR_RAISE(uint32_t type, parser->U32());
  ARROW_ASSIGN_OR_RAISE(uint32_t size, parser->U32());
  ARROW_ASSIGN_OR_RAISE(std::string_view raw, parser->Take(size));
  auto integer = [&](auto* out) -> arrow::Status {
    if (raw.size() != sizeof *out) return parser->Malformed("has an integer of odd size");
    std::memcpy(out, raw.data(), sizeof *out);
    return arrow::Status::OK();
  };
  int64_t wide = 0;
  int32_t narrow = 0;
  switch (static_cast<ValueType>(type)) {
    case ValueType::kString:
      value->set_string_val(raw.data(), raw.size());
      break;
    case ValueType::kBytes:
      value->set_bytes_val(raw.data(), raw.size());
      break;
    case ValueType::kInt32:
      ARROW_RETURN_NOT_OK(integer(&narrow));
      value->set_int32_val(narrow);
      break;
    case ValueType::kInt64:
      ARROW_RETURN_NOT_OK(integer(&wide));
      value->set_int64_val(wide);
      break;
    case ValueType::kUnixTimestamp:
      ARROW_RETURN_NOT_OK(integer(&wide));
      value->set_unix_timestamp_val(wide);
      break;
    default:
      return parser->Malformed("has a value of a type no entity key has");
  }
  return arrow::Status::OK();
}

/// Appends one column's values to keys under construction.
class KeyColumn {
 public:
  static arrow::Result<KeyColumn> Make(const JoinKeyColumn& column,
                                       arrow::MemoryPool* pool) {
    switch (column.type) {
      case ValueType::kString:
      case ValueType::kBytes:
      case ValueType::kInt32:
      case ValueType::kInt64:
      case ValueType::kUnixTimestamp:
        break;
      default:
        return MakeError(ErrorCode::kInvalidArgument,
                         "join key '{}' is {}; an entity key holds STRING, BYTES, INT32, "
                         "INT64 or UNIX_TIMESTAMP values",
                         column.name, ValueTypeName(column.type));
    }
    ARROW_ASSIGN_OR_RAISE(auto values,
                          ToStorage(column.type, column.name, column.values, pool));
    return KeyColumn(column.type, std::move(values));
  }

  bool IsNull(int64_t row) const { return values_->IsNull(row); }

  void Append(int64_t row, std::string* out) const {
    switch (type_) {
      case ValueType::kString:
      case ValueType::kBytes: {
        const auto view = static_cast<const arrow::BinaryArray&>(*values_).GetView(row);
        AppendValueHeader(type_, view.size(), out);
        out->append(view);
        return;
      }
      case ValueType::kInt32:
        AppendInteger(type_, static_cast<const arrow::Int32Array&>(*values_).Value(row),
                      out);
        return;
      case ValueType::kInt64:
        AppendInteger(type_, static_cast<const arrow::Int64Array&>(*values_).Value(row),
                      out);
        return;
      default: {
        const int64_t micros =
            static_cast<const arrow::TimestampArray&>(*values_).Value(row);
        const int64_t seconds =
            micros / kMicrosPerSecond - (micros % kMicrosPerSecond < 0 ? 1 : 0);
        AppendInteger(type_, seconds, out);
      }
    }
  }

 private:
  KeyColumn(ValueType type, std::shared_ptr<arrow::Array> values)
      : type_(type), values_(std::move(values)) {}

  ValueType type_;
  std::shared_ptr<arrow::Array> values_;
};

}  // namespace

arrow::Result<std::string> SerializeEntityKey(const proto::EntityKey& key, int version) {
  ARROW_RETURN_NOT_OK(CheckVersion(version));
  if (key.join_keys_size() != key.entity_values_size()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "an entity key has {} join keys but {} values", key.join_keys_size(),
                     key.entity_values_size());
  }
  std::vector<std::string_view> names(key.join_keys().begin(), key.join_keys().end());
  ARROW_ASSIGN_OR_RAISE(std::vector<int> order, SortedOrder(names));
  std::string bytes = KeyPrefix(names, order, version);
  for (int i : order) {
    ARROW_RETURN_NOT_OK(AppendValue(key.join_keys(i), key.entity_values(i), &bytes));
  }
  return bytes;
}

arrow::Result<std::string> SerializeEntityKeyMessage(std::string_view message,
                                                     int version) {
  proto::EntityKey key;
  if (message.size() > kMaxKeyBytes ||
      !key.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "{} bytes are not a feast.types.EntityKey message of at most {} bytes",
        message.size(), kMaxKeyBytes);
  }
  return SerializeEntityKey(key, version);
}

arrow::Result<proto::EntityKey> DeserializeEntityKey(std::string_view bytes) {
  KeyParser parser(bytes);
  proto::EntityKey key;
  ARROW_ASSIGN_OR_RAISE(uint32_t key_count, parser.U32());
  for (uint32_t i = 0; i < key_count; ++i) {
    ARROW_ASSIGN_OR_RAISE(uint32_t type, parser.U32());
    if (type != static_cast<uint32_t>(ValueType::kString)) {
      return parser.Malformed("has a join key that is no string");
    }
    ARROW_ASSIGN_OR_RAISE(uint32_t size, parser.U32());
    ARROW_ASSIGN_OR_RAISE(std::string_view name, parser.Take(size));
    key.add_join_keys(name.data(), name.size());
  }
  for (uint32_t i = 0; i < key_count; ++i) {
    ARROW_RETURN_NOT_OK(ParseValue(&parser, key.add_entity_values()));
  }
  if (!parser.done()) return parser.Malformed("has more values than join keys");
  return key;
}

arrow::Result<std::shared_ptr<arrow::BinaryArray>> SerializeEntityKeys(
    const std::vector<JoinKeyColumn>& columns, int64_t row_count, int version,
    arrow::MemoryPool* pool) {
  ARROW_RETURN_NOT_OK(CheckVersion(version));
  if (pool == nullptr) pool = arrow::default_memory_pool();
  std::vector<std::string_view> names;
  for (const JoinKeyColumn& column : columns) {
    names.push_back(column.name);
    if (column.values->length() != row_count) {
      return MakeError(ErrorCode::kInvalidArgument, "join key '{}' has {} rows, not {}",
                       column.name, column.values->length(), row_count);
    }
  }
  ARROW_ASSIGN_OR_RAISE(std::vector<int> order, SortedOrder(names));
  std::vector<KeyColumn> sorted;
  for (int i : order) {
    ARROW_ASSIGN_OR_RAISE(KeyColumn column, KeyColumn::Make(columns[i], pool));
    sorted.push_back(std::move(column));
  }
  const std::string prefix = KeyPrefix(names, order, version);
  arrow::BinaryBuilder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(row_count));
  std::string key;
  for (int64_t row = 0; row < row_count; ++row) {
    if (std::any_of(sorted.begin(), sorted.end(),
                    [&](const KeyColumn& column) { return column.IsNull(row); })) {
      builder.UnsafeAppendNull();
      continue;
    }
    key = prefix;
    for (const KeyColumn& column : sorted) column.Append(row, &key);
    ARROW_RETURN_NOT_OK(builder.Append(key));
  }
  std::shared_ptr<arrow::BinaryArray> keys;
  ARROW_RETURN_NOT_OK(builder.Finish(&keys));
  return keys;
}

}  // namespace floe::feast
