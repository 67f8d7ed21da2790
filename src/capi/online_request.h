#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "capi/request.h"
#include "floe/floe.h"
#include "iceberg/catalog/catalog.h"
#include "online/online_reader.h"
#include "online/online_table.h"
#include "online/online_writer.h"

/// The online tables of one namespace.
struct floe_online {
  std::shared_ptr<floe::iceberg::Catalog> catalog;
  floe::online::OnlineStoreConfig config;
  std::unique_ptr<floe::online::OnlineReader> reader;
  std::unique_ptr<floe::online::OnlineWriter> writer;
};

namespace floe::capi {

/// The keys of a view that is wholly described.
const std::vector<std::string>& FullViewKeys();

/// A view named to be dropped, without its features.
arrow::Result<online::OnlineView> ViewOf(const Request& request);

/// A view with its features.
arrow::Result<online::OnlineView> FullViewOf(const Request& request);

/// The view of a request that has one under "view".
arrow::Result<online::OnlineView> RequestedView(const Request& request);

}  // namespace floe::capi
