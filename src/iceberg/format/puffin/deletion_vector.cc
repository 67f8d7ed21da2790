#include "iceberg/format/puffin/deletion_vector.h"

#include <zlib.h>

#include <set>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "base/error.h"
#include "iceberg/format/puffin/puffin_file.h"

namespace floe::iceberg {
namespace {

constexpr std::string_view kMagic("\xD1\xD3\x39\x64", 4);
constexpr size_t kLengthBytes = 4;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kMaxBitmapBytes = 0x7FFFFFFF - 4;
/// The metadata column "_pos", which vectors are about.
constexpr int32_t kRowPositionId = 2147483645;
constexpr char kReferencedDataFile[] = "referenced-data-file";
constexpr char kCardinality[] = "cardinality";

uint32_t ReadBigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void WriteBigEndian(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

uint32_t Checksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

arrow::Status Corrupt(std::string_view what) {
  return MakeError(ErrorCode::kCorruptData, "deletion vector: {}", what);
}

arrow::Result<PositionBitmap> ReadVector(const FileIO& io, const DataFile& entry) {
  if (!entry.content_offset || !entry.content_size_bytes || !entry.referenced_data_file) {
    return Corrupt(
        "its manifest entry lacks the offset, the size or the data file it is about");
  }
  if (*entry.content_offset < 0 || *entry.content_size_bytes < 0 ||
      *entry.content_size_bytes > PuffinFile::kMaxBlobBytes) {
    return Corrupt(fmt::format("{} bytes at offset {} are out of range",
                               *entry.content_size_bytes, *entry.content_offset));
  }
  ARROW_ASSIGN_OR_RAISE(auto input, io.OpenInput(entry.file_path, entry.file_size_bytes));
  ARROW_ASSIGN_OR_RAISE(const int64_t file_size, input->GetSize());
  if (*entry.content_offset > file_size - *entry.content_size_bytes) {
    return Corrupt(fmt::format("{} bytes at offset {} lie beyond the file's {} bytes",
                               *entry.content_size_bytes, *entry.content_offset,
                               file_size));
  }
  ARROW_ASSIGN_OR_RAISE(auto blob,
                        input->ReadAt(*entry.content_offset, *entry.content_size_bytes));
  ARROW_ASSIGN_OR_RAISE(auto positions,
                        DecodeDeletionVector(static_cast<std::string_view>(*blob)));
  if (positions.size() != entry.record_count) {
    return Corrupt(fmt::format("it removes {} rows, its manifest entry says {}",
                               positions.size(), entry.record_count));
  }
  return positions;
}

}  // namespace

arrow::Result<PositionBitmap> DecodeDeletionVector(std::string_view blob) {
  if (blob.size() < kLengthBytes + kMagic.size() + kChecksumBytes) {
    return Corrupt(fmt::format("{} bytes are too few", blob.size()));
  }
  const std::string_view content =
      blob.substr(kLengthBytes, blob.size() - kLengthBytes - kChecksumBytes);
  if (ReadBigEndian(blob.substr(0, kLengthBytes)) != content.size()) {
    return Corrupt("its length does not fit the blob's");
  }
  if (!content.starts_with(kMagic)) return Corrupt("it does not start with D1D33964");
  if (ReadBigEndian(blob.substr(blob.size() - kChecksumBytes)) != Checksum(content)) {
    return Corrupt("its checksum does not match");
  }
  return PositionBitmap::FromRoaring(content.substr(kMagic.size()));
}

arrow::Result<std::string> EncodeDeletionVector(const PositionBitmap& positions) {
  const std::string bitmap = positions.ToRoaring();
  if (bitmap.size() > kMaxBitmapBytes) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "a deletion vector of {} bytes is above the limit of {}",
                     bitmap.size(), kMaxBitmapBytes);
  }
  std::string blob;
  blob.reserve(kLengthBytes + kMagic.size() + bitmap.size() + kChecksumBytes);
  WriteBigEndian(static_cast<uint32_t>(kMagic.size() + bitmap.size()), &blob);
  blob += kMagic;
  blob += bitmap;
  WriteBigEndian(Checksum(std::string_view(blob).substr(kLengthBytes)), &blob);
  return blob;
}

arrow::Result<PositionBitmap> ReadDeletionVector(const FileIO& io,
                                                 const DataFile& entry) {
  auto positions = ReadVector(io, entry);
  if (!positions.ok()) {
    return WithContext(positions.status(), "delete file", entry.file_path);
  }
  return positions;
}

arrow::Result<std::vector<DataFile>> WriteDeletionVectors(
    FileIO* io, const std::string& location,
    const std::vector<DeletedPositions>& vectors) {
  PuffinWriter writer;
  std::vector<DataFile> entries;
  std::set<std::string_view> data_files;
  for (const DeletedPositions& vector : vectors) {
    if (vector.positions.empty() || !data_files.insert(vector.data_file).second) {
      return MakeError(ErrorCode::kInternal,
                       "the vector of '{}' is empty or its second in one file",
                       vector.data_file);
    }
    const int64_t count = vector.positions.size();
    ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                          EncodeDeletionVector(vector.positions));
    PuffinBlob blob;
    blob.type = kDeletionVectorBlob;
    blob.fields = {kRowPositionId};
    blob.properties = {{kReferencedDataFile, vector.data_file},
                       {kCardinality, std::to_string(count)}};
    ARROW_ASSIGN_OR_RAISE(blob, writer.Add(std::move(blob), bytes));
    DataFile& entry = entries.emplace_back();
    entry.content = FileContent::kPositionDeletes;
    entry.file_format = FileFormat::kPuffin;
    entry.file_path = location;
    entry.record_count = count;
    entry.referenced_data_file = vector.data_file;
    entry.content_offset = blob.offset;
    entry.content_size_bytes = blob.length;
  }
  if (entries.empty()) {
    return MakeError(ErrorCode::kInternal, "a file of no deletion vectors");
  }
  ARROW_ASSIGN_OR_RAISE(const std::string file, writer.Finish());
  ARROW_RETURN_NOT_OK(io->Write(location, file, WriteMode::kCreate));
  for (DataFile& entry : entries) {
    entry.file_size_bytes = static_cast<int64_t>(file.size());
  }
  return entries;
}

}  // namespace floe::iceberg
