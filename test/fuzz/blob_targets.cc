#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/bytes_file_io.h"
#include "fuzz/fuzz_target.h"
#include "iceberg/format/puffin/deletion_vector.h"
#include "iceberg/format/puffin/puffin_file.h"
#include "iceberg/spec/variant.h"

namespace floe::fuzz {

using namespace iceberg;  // NOLINT: what is fuzzed.

namespace {
constexpr int64_t kMaxListed = 1 << 20;
}  // namespace

void FuzzPuffin(std::string_view bytes) {
  const BytesFileIO io(bytes);
  auto file = PuffinFile::Open(io, BytesFileIO::kLocation);
  if (!file.ok()) return;
  for (const PuffinBlob& blob : file->blobs()) {
    auto content = file->Read(blob);
    if (content.ok()) FuzzDeletionVector(*content);
  }
}

void FuzzDeletionVector(std::string_view bytes) {
  auto positions = DecodeDeletionVector(bytes);
  if (!positions.ok()) positions = PositionBitmap::FromRoaring(bytes);
  if (!positions.ok()) return;
  const std::vector<int64_t> listed = positions->PositionsBelow(kMaxListed);
  for (const int64_t position : listed) FLOE_CHECK(positions->Contains(position));
  auto again = PositionBitmap::FromRoaring(positions->ToRoaring());
  FLOE_CHECK(again.ok() && again->size() == positions->size());
}

/// The first byte says how many of those that follow are metadata; the rest is the value.
void FuzzVariant(std::string_view bytes) {
  if (bytes.empty()) return;
  const size_t size =
      std::min<size_t>(static_cast<unsigned char>(bytes[0]), bytes.size() - 1);
  // Copies of their own: a step outside is then seen.
  const std::string metadata(bytes.substr(1, size));
  const std::string value(bytes.substr(1 + size));
  (void)VariantToJson(metadata, value);
  auto names = VariantMetadata::Parse(metadata);
  if (names.ok()) (void)VariantObjectFields(*names, value);
}

}  // namespace floe::fuzz
