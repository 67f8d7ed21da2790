#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "online/online_reader.h"
#include "online/online_table.h"
#include "online/online_writer.h"

namespace floe::online {

/// Buffers of protobuf messages, as the Python plugin exchanges them with the C ABI.
/// Everything is little-endian and unaligned; a length that passes the end, and bytes
/// left over, are kInvalidArgument naming the offset.
///
/// Write request, per row:
///   u32 length, feast.types.EntityKey bytes
///   i64 event_ts, i64 created_ts   microseconds since the epoch; kNoTimestamp: none
///   u32 value count, then per value:
///     u32 index into the view's features; u32 length, feast.types.Value bytes
/// Read request:
///   u32 key count, then per key: u32 length, feast.types.EntityKey bytes
/// Read response, per key in request order:
///   i64 event_ts   microseconds; kNoTimestamp: not found
///   per requested feature: u32 length, feast.types.Value bytes; length 0: NULL (an unset
///   Value), also for all features of a key that is not found
/// The rows of a write request as the batch OnlineWriter::Write takes.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeWriteRequest(
    const OnlineView& view, std::string_view buffer, int entity_key_version);

/// The serialized entity keys of a read request.
arrow::Result<std::vector<std::string>> DecodeReadRequest(std::string_view buffer,
                                                          int entity_key_version);

std::string EncodeReadResponse(std::span<const EncodedRowPtr> rows);

/// DecodeWriteRequest and Write.
arrow::Result<OnlineWriteResult> WriteProtoRows(OnlineWriter& writer,
                                                const OnlineView& view,
                                                std::string_view buffer);

/// DecodeReadRequest, ReadEncoded and EncodeReadResponse.
arrow::Result<std::string> ReadProtoRows(OnlineReader& reader, const OnlineView& view,
                                         std::string_view request,
                                         const std::vector<std::string>& features);

}  // namespace floe::online
