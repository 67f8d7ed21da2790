#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "capi/request.h"
#include "floe/floe.h"
#include "iceberg/catalog/catalog.h"
#include "online/deadline_runner.h"
#include "online/online_reader.h"
#include "online/online_table.h"
#include "online/online_writer.h"

/// The online tables of one namespace.
struct floe_online {
  std::shared_ptr<floe::iceberg::Catalog> catalog;
  floe::online::OnlineStoreConfig config;
  /// Shared with reads that went on after their caller gave up on them.
  std::shared_ptr<floe::online::OnlineReader> reader;
  std::unique_ptr<floe::online::OnlineWriter> writer;
  std::shared_ptr<floe::online::DeadlineRunner> runner;
};

namespace floe::capi {

/// The keys of a view that is wholly described.
const std::vector<std::string>& FullViewKeys();

/// A view named to be dropped, without its features.
arrow::Result<online::OnlineView> ViewOf(const Request& request);

/// A view with its features.
arrow::Result<online::OnlineView> FullViewOf(const Request& request);

/// What such a view says of its change.
arrow::Result<online::OnlineViewChange> ViewChangeOf(const Request& request);

/// The view of a request that has one under "view".
arrow::Result<online::OnlineView> RequestedView(const Request& request);

/// The bytes of an argument; kInvalidArgument for NULL with a size.
arrow::Result<std::string_view> BufferOf(const uint8_t* data, size_t size,
                                         const char* argument);

/// `bytes` as memory that floe_bytes_free frees.
void PutBytes(std::string bytes, floe_bytes* out);

}  // namespace floe::capi
