#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "iceberg/catalog/hive/thrift_value.h"

namespace floe::iceberg::hive {

/// Where an answer's bytes come from.
class ThriftInput {
 public:
  virtual ~ThriftInput() = default;
  /// Reads exactly `size` bytes or fails.
  virtual arrow::Status Read(char* out, size_t size) = 0;
};

/// What an answer may cost, whatever the server claims: bytes are only made room for as
/// they arrive. Beyond a limit: kResourceExhausted.
struct ThriftLimits {
  int64_t message_bytes = int64_t{256} << 20;
  int64_t values = 2'000'000;
  int depth = 64;
};

enum class ThriftMessageType : uint8_t {
  kCall = 1,
  kReply = 2,
  kException = 3,
};

struct ThriftMessage {
  std::string name;
  ThriftMessageType type = ThriftMessageType::kCall;
  int32_t sequence = 0;
  ThriftValue body;  ///< A struct: a call's arguments, a reply's results.
};

/// The message in Thrift's strict binary protocol (TBinaryProtocol, version 1).
/// kInvalidArgument for a text of 2 GiB or more.
arrow::Result<std::string> EncodeThriftMessage(const ThriftMessage& message);

/// The inverse; reads no byte past the message. kCorruptData for what is no such message,
/// kResourceExhausted past `limits`, else what `input` fails with.
arrow::Result<ThriftMessage> DecodeThriftMessage(ThriftInput& input,
                                                 const ThriftLimits& limits);

}  // namespace floe::iceberg::hive
