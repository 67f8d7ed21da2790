#include "feast/features_columns.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "feast/value_wire.h"

namespace floe::feast {

namespace {

// Field numbers of GetOnlineFeaturesResponse, FeatureVector and Value.
constexpr uint32_t kResponseResults = 2;
constexpr uint32_t kVectorValues = 1;
constexpr uint32_t kStringVal = 2;
constexpr uint32_t kInt32Val = 3;
constexpr uint32_t kInt64Val = 4;
constexpr uint32_t kDoubleVal = 5;
constexpr uint32_t kFloatVal = 6;
constexpr uint32_t kBoolVal = 7;

enum class ColumnForm : uint8_t {
  kOther = 0,
  kDoubles = 1,
  kInt64s = 2,
  kBools = 3,
  kTexts = 4
};

/// One field of a message: a number, or the bytes of a longer one.
struct WireField {
  uint32_t number = 0;
  wire::WireType type = wire::kVarint;
  uint64_t value = 0;
  std::string_view bytes;
};

/// Takes a message apart, never past its end.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  bool done() const { return rest_.empty(); }

  arrow::Result<WireField> Next() {
    WireField field;
    ARROW_ASSIGN_OR_RAISE(const uint64_t tag, Varint());
    field.number = static_cast<uint32_t>(tag >> 3);
    field.type = static_cast<wire::WireType>(tag & 7);
    switch (field.type) {
      case wire::kVarint: {
        ARROW_ASSIGN_OR_RAISE(field.value, Varint());
        return field;
      }
      case wire::kFixed64: {
        ARROW_ASSIGN_OR_RAISE(field.value, Fixed<uint64_t>());
        return field;
      }
      case wire::kFixed32: {
        ARROW_ASSIGN_OR_RAISE(field.value, Fixed<uint32_t>());
        return field;
      }
      case wire::kLengthDelimited: {
        ARROW_ASSIGN_OR_RAISE(const uint64_t size, Varint());
        ARROW_ASSIGN_OR_RAISE(field.bytes, Take(size));
        return field;
      }
    }
    return Malformed();
  }

 private:
  static arrow::Status Malformed() {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the bytes are no serialized GetOnlineFeaturesResponse");
  }

  arrow::Result<uint64_t> Varint() {
    constexpr int kMaxShift = 63;
    uint64_t value = 0;
    for (int shift = 0; shift <= kMaxShift; shift += 7) {
      if (rest_.empty()) return Malformed();
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Malformed();
  }

  template <typename T>
  arrow::Result<T> Fixed() {
    ARROW_ASSIGN_OR_RAISE(std::string_view raw, Take(sizeof(T)));
    T value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  arrow::Result<std::string_view> Take(uint64_t size) {
    if (size > rest_.size()) return Malformed();
    std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

/// One column while its values are read.
struct Column {
  uint32_t field = 0;  ///< Of Value, of all values so far; 0: none was set.
  bool is_other = false;
  std::vector<uint32_t> nulls;
  std::vector<uint64_t> numbers;        ///< By row, as on the wire.
  std::vector<std::string_view> texts;  ///< By row.

  arrow::Status Add(std::string_view value) {
    const auto row = static_cast<uint32_t>(numbers.size());
    numbers.push_back(0);
    texts.emplace_back();
    if (value.empty()) {
      nulls.push_back(row);
      return arrow::Status::OK();
    }
    WireReader reader(value);
    ARROW_ASSIGN_OR_RAISE(WireField set, reader.Next());
    is_other = is_other || !reader.done() || (field != 0 && field != set.number);
    field = set.number;
    numbers.back() = set.value;
    texts.back() = set.bytes;
    return arrow::Status::OK();
  }

  ColumnForm form() const {
    if (is_other) return ColumnForm::kOther;
    switch (field) {
      case kDoubleVal:
      case kFloatVal:
        return ColumnForm::kDoubles;
      // A column without a value can have any form.
      case 0:
      case kInt64Val:
      case kInt32Val:
        return ColumnForm::kInt64s;
      case kBoolVal:
        return ColumnForm::kBools;
      case kStringVal:
        return ColumnForm::kTexts;
      default:
        return ColumnForm::kOther;
    }
  }

  void Append(std::string* out) const {
    const ColumnForm column_form = form();
    wire::AppendFixed(static_cast<uint8_t>(column_form), out);
    wire::AppendFixed(static_cast<uint32_t>(numbers.size()), out);
    wire::AppendFixed(static_cast<uint32_t>(nulls.size()), out);
    for (uint32_t row : nulls) wire::AppendFixed(row, out);
    switch (column_form) {
      case ColumnForm::kOther:
        return;
      case ColumnForm::kDoubles:
        for (uint64_t number : numbers) wire::AppendFixed(DoubleOf(number), out);
        return;
      case ColumnForm::kInt64s:
        for (uint64_t number : numbers) wire::AppendFixed(number, out);
        return;
      case ColumnForm::kBools:
        for (uint64_t number : numbers) out->push_back(number != 0 ? 1 : 0);
        return;
      case ColumnForm::kTexts:
        for (std::string_view text : texts) {
          wire::AppendFixed(static_cast<uint32_t>(text.size()), out);
        }
        for (std::string_view text : texts) out->append(text);
    }
  }

  double DoubleOf(uint64_t number) const {
    if (field == kDoubleVal) return std::bit_cast<double>(number);
    return std::bit_cast<float>(static_cast<uint32_t>(number));
  }
};

}  // namespace

arrow::Result<std::string> FeaturesColumns(std::string_view message) {
  std::string columns;
  uint32_t count = 0;
  WireReader response(message);
  while (!response.done()) {
    ARROW_ASSIGN_OR_RAISE(WireField field, response.Next());
    if (field.number != kResponseResults) continue;
    Column column;
    WireReader vector(field.bytes);
    while (!vector.done()) {
      ARROW_ASSIGN_OR_RAISE(WireField part, vector.Next());
      if (part.number != kVectorValues) continue;
      ARROW_RETURN_NOT_OK(column.Add(part.bytes));
    }
    column.Append(&columns);
    ++count;
  }
  std::string out;
  wire::AppendFixed(count, &out);
  out.append(columns);
  return out;
}

}  // namespace floe::feast
