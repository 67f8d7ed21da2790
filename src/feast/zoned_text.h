#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace floe::feast {

/// An instant and the zone it was given in, as Feast's ZonedTimestamp holds them.
struct ZonedInstant {
  int64_t seconds = 0;
  std::string zone;  ///< IANA name, fixed offset, or "" (UTC, not zoned).
};

/// RFC 9557 text, e.g. "2026-11-22T10:00:00Z[Europe/Paris]"; no suffix for no zone.
/// kInvalidArgument for a year outside 0000-9999 or a zone that holds ']'.
arrow::Result<std::string> ZonedToText(const ZonedInstant& instant);
/// The inverse; kInvalidArgument names the text.
arrow::Result<ZonedInstant> ZonedFromText(std::string_view text);

}  // namespace floe::feast
