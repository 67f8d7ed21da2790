#include "iceberg/format/parquet/dictionary_values.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "iceberg/format/parquet/parquet_status.h"
#include "io/prefetch.h"
#include "parquet/column_page.h"
#include "parquet/column_reader.h"
#include "parquet/encoding.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace floe::iceberg {
namespace {

using Values = std::set<std::string>;

template <typename T>
std::string BytesOf(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

bool IsDictionary(parquet::Encoding::type encoding) {
  return encoding == parquet::Encoding::PLAIN_DICTIONARY ||
         encoding == parquet::Encoding::RLE_DICTIONARY;
}

/// Whether the footer says that every data page is encoded by the dictionary.
bool HasDictionaryPagesOnly(const parquet::ColumnChunkMetaData& chunk) {
  if (!chunk.has_dictionary_page()) return false;
  const int64_t dictionary_bytes =
      chunk.data_page_offset() - chunk.dictionary_page_offset();
  if (dictionary_bytes <= 0 || dictionary_bytes > kMaxDictionaryBytes) return false;
  bool has_data_pages = false;
  for (const parquet::PageEncodingStats& pages : chunk.encoding_stats()) {
    if (pages.page_type != parquet::PageType::DATA_PAGE &&
        pages.page_type != parquet::PageType::DATA_PAGE_V2) {
      continue;
    }
    if (!IsDictionary(pages.encoding)) return false;
    has_data_pages = true;
  }
  return has_data_pages;
}

template <typename Type, typename ToBytes>
Values Decode(const parquet::DictionaryPage& page,
              const parquet::ColumnDescriptor& column, ToBytes to_bytes) {
  auto decoder = parquet::MakeTypedDecoder<Type>(parquet::Encoding::PLAIN, &column);
  decoder->SetData(page.num_values(), page.data(), static_cast<int>(page.size()));
  std::vector<typename Type::c_type> values(static_cast<size_t>(page.num_values()));
  const int count = decoder->Decode(values.data(), page.num_values());
  Values distinct;
  for (int i = 0; i < count; ++i)
    distinct.insert(to_bytes(values[static_cast<size_t>(i)]));
  return distinct;
}

std::optional<Values> DecodeAny(const parquet::DictionaryPage& page,
                                const parquet::ColumnDescriptor& column) {
  switch (column.physical_type()) {
    case parquet::Type::INT32:
      return Decode<parquet::Int32Type>(page, column, BytesOf<int32_t>);
    case parquet::Type::INT64:
      return Decode<parquet::Int64Type>(page, column, BytesOf<int64_t>);
    case parquet::Type::BYTE_ARRAY:
      return Decode<parquet::ByteArrayType>(
          page, column, [](const parquet::ByteArray& value) {
            return std::string(reinterpret_cast<const char*>(value.ptr), value.len);
          });
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return Decode<parquet::FLBAType>(
          page, column, [&](const parquet::FixedLenByteArray& value) {
            return std::string(reinterpret_cast<const char*>(value.ptr),
                               static_cast<size_t>(column.type_length()));
          });
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> PhysicalBytes(const parquet::ColumnDescriptor& column,
                                         const Literal& literal) {
  const parquet::LogicalType& logical = *column.logical_type();
  const Literal::Value& value = literal.value();
  switch (column.physical_type()) {
    case parquet::Type::INT32:
      // A date or an int; also a long table column over an int file column.
      if (!logical.is_none() && !logical.is_date() && !logical.is_int())
        return std::nullopt;
      if (const auto* narrow = std::get_if<int32_t>(&value)) return BytesOf(*narrow);
      if (const auto* wide = std::get_if<int64_t>(&value);
          wide != nullptr && literal.type()->id() == TypeId::kLong &&
          *wide == static_cast<int32_t>(*wide)) {
        return BytesOf(static_cast<int32_t>(*wide));
      }
      return std::nullopt;
    case parquet::Type::INT64: {
      const auto* wide = std::get_if<int64_t>(&value);
      if (wide == nullptr) return std::nullopt;
      if (literal.type()->id() == TypeId::kLong) {
        if (!logical.is_none() && !logical.is_int()) return std::nullopt;
        return BytesOf(*wide);
      }
      const bool is_micros =
          logical.is_timestamp() &&
          static_cast<const parquet::TimestampLogicalType&>(logical).time_unit() ==
              parquet::LogicalType::TimeUnit::MICROS;
      const bool wants_micros = literal.type()->id() == TypeId::kTimestamp ||
                                literal.type()->id() == TypeId::kTimestampTz;
      if (!is_micros || !wants_micros) return std::nullopt;
      return BytesOf(*wide);
    }
    case parquet::Type::BYTE_ARRAY: {
      const auto* bytes = std::get_if<std::string>(&value);
      if (bytes == nullptr || logical.is_decimal()) return std::nullopt;
      return *bytes;
    }
    case parquet::Type::FIXED_LEN_BYTE_ARRAY: {
      const auto* bytes = std::get_if<std::string>(&value);
      if (bytes == nullptr || logical.is_decimal() ||
          static_cast<int>(bytes->size()) != column.type_length()) {
        return std::nullopt;
      }
      return *bytes;
    }
    default:
      // Floats have two zeros and many NaNs; booleans have no filters.
      return std::nullopt;
  }
}

arrow::Result<std::optional<Values>> DictionaryValues(const ParquetFile& file,
                                                      int row_group, int column) {
  return GuardParquet(file.location(), [&]() -> arrow::Result<std::optional<Values>> {
    if (!HasDictionaryPagesOnly(*file.row_group(row_group).ColumnChunk(column))) {
      return std::nullopt;
    }
    const auto chunk = file.row_group(row_group).ColumnChunk(column);
    parquet::ReaderProperties properties;
    std::shared_ptr<arrow::io::RandomAccessFile> input = file.input();
    if (IsRemoteInput(*input)) {
      // Of the chunk its first page alone is read.
      properties.enable_buffered_stream();
      const int64_t begin = chunk->dictionary_page_offset();
      const int64_t end = chunk->data_page_offset() + properties.buffer_size();
      ARROW_ASSIGN_OR_RAISE(input, PrefetchRanges(input, {{begin, end - begin}}));
    }
    auto reader = parquet::ParquetFileReader::Open(input, properties, file.metadata());
    auto pages = reader->RowGroup(row_group)->GetColumnPageReader(column);
    const std::shared_ptr<parquet::Page> page = pages->NextPage();
    if (page == nullptr || page->type() != parquet::PageType::DICTIONARY_PAGE) {
      return std::nullopt;
    }
    return DecodeAny(static_cast<const parquet::DictionaryPage&>(*page),
                     *file.column(column));
  });
}

}  // namespace floe::iceberg
