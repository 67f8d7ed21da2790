#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"

namespace floe::iceberg::hive {

/// The types of Thrift's binary protocol, by their numbers on the wire.
enum class ThriftType : uint8_t {
  kStop = 0,
  kBool = 2,
  kByte = 3,
  kDouble = 4,
  kI16 = 6,
  kI32 = 8,
  kI64 = 10,
  kString = 11,
  kStruct = 12,
  kMap = 13,
  kSet = 14,
  kList = 15,
};

/// Any Thrift value as a tree. Structs are kept by field number rather than as classes of
/// their own, so that what a newer metastore sends and Floe does not know goes back to it
/// untouched when a table is altered. A plain value: copied, moved and compared.
class ThriftValue {
 public:
  ThriftValue() = default;  ///< An empty struct.
  static ThriftValue Bool(bool value);
  static ThriftValue Byte(int8_t value);
  static ThriftValue I16(int16_t value);
  static ThriftValue I32(int32_t value);
  static ThriftValue I64(int64_t value);
  static ThriftValue Double(double value);
  static ThriftValue String(std::string value);
  static ThriftValue Struct(std::vector<std::pair<int16_t, ThriftValue>> fields);
  /// All of `items` are of type `element`.
  static ThriftValue List(ThriftType element, std::vector<ThriftValue> items);
  static ThriftValue Set(ThriftType element, std::vector<ThriftValue> items);
  /// `items` are keys and values in turn.
  static ThriftValue Map(ThriftType key, ThriftType value,
                         std::vector<ThriftValue> items);
  static ThriftValue Strings(const std::vector<std::string>& items);
  static ThriftValue StringMap(const std::map<std::string, std::string>& entries);

  ThriftType type() const { return type_; }
  /// Of a map's keys.
  ThriftType key_type() const { return key_type_; }
  /// Of a map's values, a list's or a set's elements.
  ThriftType element_type() const { return element_type_; }
  /// A bool (0 or 1) or an integer.
  int64_t number() const { return number_; }
  double real() const { return real_; }
  /// Of a string, which may hold any bytes.
  const std::string& text() const { return text_; }
  /// A struct's values, a list's or set's elements, a map's keys and values in turn.
  const std::vector<ThriftValue>& items() const { return items_; }
  /// The numbers of a struct's fields, in the order of items().
  const std::vector<int16_t>& ids() const { return ids_; }

  /// A struct's field, or nullptr; also when this is no struct.
  const ThriftValue* Find(int16_t id) const;
  /// Its text; "" where there is none.
  std::string TextOf(int16_t id) const;
  /// Its entries; empty where there is none. Entries that are not text are left out.
  std::map<std::string, std::string> StringMapOf(int16_t id) const;
  /// Its elements that are text.
  std::vector<std::string> StringsOf(int16_t id) const;
  /// Puts a struct's field in place of the one there was.
  void SetField(int16_t id, ThriftValue value);

  bool operator==(const ThriftValue& other) const = default;

 private:
  explicit ThriftValue(ThriftType type) : type_(type) {}
  static ThriftValue Number(ThriftType type, int64_t value);

  ThriftType type_ = ThriftType::kStruct;
  ThriftType key_type_ = ThriftType::kStop;
  ThriftType element_type_ = ThriftType::kStop;
  int64_t number_ = 0;
  double real_ = 0;
  std::string text_;
  std::vector<int16_t> ids_;
  std::vector<ThriftValue> items_;
};

}  // namespace floe::iceberg::hive
