#pragma once

#include <cstdint>
#include <string_view>

#include "arrow/result.h"

namespace floe::iceberg::orc {

/// Walks the fields of a protobuf message (its encoding specification, "Message
/// Structure") without generated code. Errors stick; then Next is false.
class ProtobufFields {
 public:
  explicit ProtobufFields(std::string_view bytes) : bytes_(bytes) {}

  /// Goes to the next field; false at the end or after an error.
  bool Next();
  uint32_t number() const { return number_; }
  /// Of a number field; 0 with an error for another kind.
  uint64_t value();
  /// Of a message, string or packed list; empty with an error for another kind.
  std::string_view bytes();
  /// Numbers of a repeated field, packed or not: calls `add(value)` for each.
  template <typename Add>
  void ForEachNumber(Add add) {
    if (!is_bytes_) return add(value());
    ProtobufFields packed(bytes_field_);
    while (packed.ok_ && !packed.bytes_.empty()) add(packed.ReadVarint());
    if (!packed.ok_) ok_ = false;
  }
  bool ok() const { return ok_; }
  /// kCorruptData when anything was wrong; `what` names the message.
  arrow::Status status(std::string_view what) const;

 private:
  uint64_t ReadVarint();
  std::string_view Take(uint64_t size);

  std::string_view bytes_;
  bool ok_ = true;
  uint32_t number_ = 0;
  bool is_bytes_ = false;
  uint64_t value_ = 0;
  std::string_view bytes_field_;
};

}  // namespace floe::iceberg::orc
