#include "iceberg/format/parquet/column_metrics.h"

#include <algorithm>
#include <cmath>

#include "arrow/array.h"
#include "arrow/array/array_nested.h"
#include "iceberg/format/parquet/parquet_bounds.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"

namespace floe::iceberg {
namespace {

constexpr uint32_t kFirstSurrogate = 0xD800;
constexpr uint32_t kAfterSurrogates = 0xE000;
constexpr uint32_t kMaxCodePoint = 0x10FFFF;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes of the first `length` characters.
size_t PrefixBytes(std::string_view text, int32_t length) {
  size_t end = 0;
  for (int32_t i = 0; i < length && end < text.size(); ++i) {
    ++end;
    while (end < text.size() && IsContinuation(text[end])) ++end;
  }
  return end;
}

std::optional<uint32_t> DecodeCodePoint(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  size_t length = 1;
  uint32_t value = lead;
  if (lead >= 0xF0 && lead < 0xF8) {
    length = 4;
    value = lead & 0x07;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    length = 3;
    value = lead & 0x0F;
  } else if (lead >= 0xC0 && lead < 0xE0) {
    length = 2;
    value = lead & 0x1F;
  } else if (lead >= 0x80) {
    return std::nullopt;
  }
  if (bytes.size() != length) return std::nullopt;
  for (size_t i = 1; i < length; ++i) {
    value = value << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3F);
  }
  return value;
}

void AppendCodePoint(uint32_t value, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6);
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

/// A bound that the footer leaves out for its length is one of the long values'.
void FillIn(const TypePtr& type,
            const std::map<int32_t, LongValueBounds::Bounds>& long_bounds,
            int32_t field_id, ColumnBounds* group) {
  auto found = long_bounds.find(field_id);
  if (found == long_bounds.end()) return;
  if (!group->lower) group->lower = Literal(type, found->second.lower);
  if (!group->upper) group->upper = Literal(type, found->second.upper);
}

/// Bounds over all row groups; none where a row group with values has none.
struct FileBound {
  bool known = true;
  std::optional<Literal> lower;
  std::optional<Literal> upper;
};

void Merge(const ColumnBounds& group, FileBound* file) {
  const bool all_null =
      group.value_count && group.null_count && *group.value_count == *group.null_count;
  if (all_null) return;
  if (!group.lower || !group.upper) {
    file->known = false;
    return;
  }
  if (!file->lower || group.lower->Compare(*file->lower) < 0) file->lower = group.lower;
  if (!file->upper || group.upper->Compare(*file->upper) > 0) file->upper = group.upper;
}

arrow::Status SetBounds(const FileBound& bound, const MetricsMode& mode,
                        ColumnMetrics* metrics) {
  if (!bound.known || !bound.lower || !bound.upper) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::string lower, bound.lower->ToBytes());
  ARROW_ASSIGN_OR_RAISE(std::string upper_bytes, bound.upper->ToBytes());
  std::optional<std::string> upper = std::move(upper_bytes);
  if (mode.kind == MetricsMode::Kind::kTruncate) {
    if (bound.lower->type()->id() == TypeId::kString) {
      lower = TruncatedLowerText(lower, mode.length);
      upper = TruncatedUpperText(*upper, mode.length);
    } else if (bound.lower->type()->id() == TypeId::kBinary) {
      lower = lower.substr(0, static_cast<size_t>(mode.length));
      upper = TruncatedUpperBytes(*upper, mode.length);
    }
  }
  metrics->lower_bound = std::move(lower);
  metrics->upper_bound = std::move(upper);
  return arrow::Status::OK();
}

template <typename ArrayType>
int64_t CountNans(const ArrayType& array,
                  const std::vector<const arrow::Array*>& parents) {
  int64_t count = 0;
  const auto* values = array.raw_values();
  for (int64_t i = 0; i < array.length(); ++i) {
    if (!std::isnan(values[i]) || array.IsNull(i)) continue;
    count += std::all_of(parents.begin(), parents.end(),
                         [i](const arrow::Array* parent) { return parent->IsValid(i); });
  }
  return count;
}

}  // namespace

std::string TruncatedLowerText(std::string_view text, int32_t length) {
  return std::string(text.substr(0, PrefixBytes(text, length)));
}

std::optional<std::string> TruncatedUpperText(std::string_view text, int32_t length) {
  const size_t bytes = PrefixBytes(text, length);
  if (bytes == text.size()) return std::string(text);
  std::string prefix(text.substr(0, bytes));
  while (!prefix.empty()) {
    size_t start = prefix.size() - 1;
    while (start > 0 && IsContinuation(prefix[start])) --start;
    const auto code_point = DecodeCodePoint(std::string_view(prefix).substr(start));
    if (!code_point) return std::nullopt;
    prefix.resize(start);
    if (*code_point < kMaxCodePoint) {
      const uint32_t next = *code_point + 1;
      AppendCodePoint(next == kFirstSurrogate ? kAfterSurrogates : next, &prefix);
      return prefix;
    }
  }
  return std::nullopt;
}

std::optional<std::string> TruncatedUpperBytes(std::string_view bytes, int32_t length) {
  if (bytes.size() <= static_cast<size_t>(length)) return std::string(bytes);
  std::string prefix(bytes.substr(0, static_cast<size_t>(length)));
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) {
    prefix.pop_back();
  }
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

void NanCounter::Count(const arrow::Array& array, const NestedField& field) {
  std::vector<const arrow::Array*> parents;
  CountBelow(array, field, &parents);
}

void NanCounter::CountBelow(const arrow::Array& array, const NestedField& field,
                            std::vector<const arrow::Array*>* parents) {
  switch (field.type->id()) {
    case TypeId::kFloat:
      counts_[field.id] +=
          CountNans(static_cast<const arrow::FloatArray&>(array), *parents);
      break;
    case TypeId::kDouble:
      counts_[field.id] +=
          CountNans(static_cast<const arrow::DoubleArray&>(array), *parents);
      break;
    case TypeId::kStruct: {
      const auto& structs = static_cast<const arrow::StructArray&>(array);
      parents->push_back(&array);
      for (size_t i = 0; i < field.type->fields().size(); ++i) {
        CountBelow(*structs.field(static_cast<int>(i)), field.type->fields()[i], parents);
      }
      parents->pop_back();
      break;
    }
    default:
      break;
  }
}

void LongValueBounds::Count(const arrow::Array& array, const NestedField& field) {
  if (field.type->id() == TypeId::kStruct) {
    const auto& structs = static_cast<const arrow::StructArray&>(array);
    for (size_t i = 0; i < field.type->fields().size(); ++i) {
      Count(*structs.field(static_cast<int>(i)), field.type->fields()[i]);
    }
    return;
  }
  bool has_length =
      field.type->id() == TypeId::kString || field.type->id() == TypeId::kBinary;
  if (!has_length) return;
  const auto& values = static_cast<const arrow::BinaryArray&>(array);
  for (int64_t i = 0; i < values.length(); ++i) {
    if (values.value_length(i) <= kMaxFooterBytes || values.IsNull(i)) continue;
    std::string_view value = values.GetView(i);
    auto [found, is_new] = bounds_.try_emplace(field.id);
    if (is_new || value < found->second.lower) found->second.lower = value;
    if (is_new || value > found->second.upper) found->second.upper = value;
  }
}

std::vector<int32_t> FooterFieldIds(const parquet::FileMetaData& footer) {
  std::vector<int32_t> ids;
  for (int column = 0; column < footer.num_columns(); ++column) {
    ids.push_back(footer.schema()->Column(column)->schema_node()->field_id());
  }
  return ids;
}

std::vector<int64_t> SplitOffsets(const parquet::FileMetaData& footer) {
  std::vector<int64_t> offsets;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto chunk = footer.RowGroup(group)->ColumnChunk(0);
    offsets.push_back(chunk->has_dictionary_page() ? chunk->dictionary_page_offset()
                                                   : chunk->data_page_offset());
  }
  return offsets;
}

arrow::Result<std::vector<ColumnMetrics>> MakeColumnMetrics(
    const parquet::FileMetaData& footer, const std::vector<int32_t>& field_ids,
    const Schema& schema, const MetricsConfig& config,
    const std::map<int32_t, int64_t>& nan_counts,
    const std::map<int32_t, LongValueBounds::Bounds>& long_bounds) {
  std::vector<ColumnMetrics> result;
  for (int column = 0; column < footer.num_columns(); ++column) {
    const parquet::ColumnDescriptor& descriptor = *footer.schema()->Column(column);
    const int32_t field_id = field_ids[static_cast<size_t>(column)];
    const NestedField* field = schema.FindField(field_id);
    if (field == nullptr) continue;
    ColumnMetrics metrics;
    metrics.field_id = field_id;
    const MetricsMode mode = config.ModeOf(field_id);
    int64_t size = 0;
    int64_t values = 0;
    std::optional<int64_t> nulls = 0;
    FileBound bound;
    for (int group = 0; group < footer.num_row_groups(); ++group) {
      const auto chunk = footer.RowGroup(group)->ColumnChunk(column);
      size += chunk->total_compressed_size();
      values += chunk->num_values();
      const auto statistics = chunk->encoded_statistics();
      if (statistics == nullptr || !statistics->has_null_count) {
        nulls.reset();
      } else if (nulls) {
        *nulls += statistics->null_count;
      }
      ColumnBounds group_bounds = ChunkBounds(*chunk, descriptor, field->type);
      FillIn(field->type, long_bounds, field_id, &group_bounds);
      Merge(group_bounds, &bound);
    }
    metrics.size_bytes = size;
    if (mode.kind != MetricsMode::Kind::kNone) {
      metrics.value_count = values;
      metrics.null_count = nulls;
      const auto nans = nan_counts.find(field_id);
      if (nans != nan_counts.end()) metrics.nan_count = nans->second;
      if (mode.kind != MetricsMode::Kind::kCounts) {
        ARROW_RETURN_NOT_OK(SetBounds(bound, mode, &metrics));
      }
    }
    result.push_back(std::move(metrics));
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.field_id < b.field_id; });
  return result;
}

}  // namespace floe::iceberg
