#include "iceberg/format/parquet/gather_output.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "arrow/array.h"
#include "arrow/array/concatenate.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/builder.h"
#include "arrow/chunked_array.h"
#include "arrow/compute/api_vector.h"
#include "arrow/compute/exec.h"
#include "arrow/datum.h"
#include "arrow/extension_type.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "base/error.h"

namespace floe::iceberg {

namespace {

using arrow::Type;

constexpr int64_t kMaxSlots = std::numeric_limits<uint32_t>::max();
constexpr int64_t kMaxOffset32 = std::numeric_limits<int32_t>::max();

std::shared_ptr<arrow::DataType> StorageOf(const std::shared_ptr<arrow::DataType>& type) {
  if (type->id() != Type::EXTENSION) return type;
  return StorageOf(static_cast<const arrow::ExtensionType&>(*type).storage_type());
}

bool IsVariable(const arrow::DataType& storage) {
  return arrow::is_base_binary_like(storage.id());
}

bool IsFixed(const arrow::DataType& storage) {
  return arrow::is_fixed_width(storage.id()) && storage.id() != Type::DICTIONARY &&
         storage.id() != Type::NA;
}

const arrow::Array& StorageOf(const arrow::Array& array) {
  if (array.type_id() != Type::EXTENSION) return array;
  return StorageOf(*static_cast<const arrow::ExtensionArray&>(array).storage());
}

std::string_view ViewAt(const arrow::Array& array, int64_t i) {
  if (arrow::is_large_binary_like(array.type_id())) {
    return static_cast<const arrow::LargeBinaryArray&>(array).GetView(i);
  }
  return static_cast<const arrow::BinaryArray&>(array).GetView(i);
}

}  // namespace

bool OutputColumn::IsFlat(const arrow::DataType& type) {
  const arrow::DataType* storage = &type;
  while (storage->id() == Type::EXTENSION) {
    storage = static_cast<const arrow::ExtensionType&>(*storage).storage_type().get();
  }
  return IsFixed(*storage) || IsVariable(*storage);
}

OutputColumn::~OutputColumn() = default;

arrow::Result<std::unique_ptr<OutputColumn>> OutputColumn::Make(
    std::shared_ptr<arrow::DataType> type, int64_t length, arrow::MemoryPool* pool) {
  if (length < 0 || length > kMaxSlots) {
    return MakeError(ErrorCode::kResourceExhausted,
                     "a result column of {} rows; at most {} are possible", length,
                     kMaxSlots);
  }
  std::unique_ptr<OutputColumn> column(new OutputColumn());
  column->storage_ = StorageOf(type);
  column->type_ = std::move(type);
  column->length_ = length;
  column->pool_ = pool == nullptr ? arrow::default_memory_pool() : pool;
  if (IsFlat(*column->type_)) ARROW_RETURN_NOT_OK(column->Allocate());
  return column;
}

arrow::Status OutputColumn::Allocate() {
  ARROW_ASSIGN_OR_RAISE(validity_buffer_, arrow::AllocateBuffer(length_, pool_));
  validity_ = validity_buffer_->mutable_data();
  if (length_ > 0) std::memset(validity_, 0, static_cast<size_t>(length_));
  if (IsVariable(*storage_)) {
    const int64_t bytes = length_ * static_cast<int64_t>(sizeof(View));
    ARROW_ASSIGN_OR_RAISE(views_buffer_, arrow::AllocateBuffer(bytes, pool_));
    views_ = reinterpret_cast<View*>(views_buffer_->mutable_data());
    return arrow::Status::OK();
  }
  byte_width_ = storage_->id() == Type::BOOL ? 1 : storage_->byte_width();
  const int64_t bytes = length_ * byte_width_;
  ARROW_ASSIGN_OR_RAISE(values_buffer_, arrow::AllocateBuffer(bytes, pool_));
  values_ = values_buffer_->mutable_data();
  return arrow::Status::OK();
}

void OutputColumn::AddArena(std::shared_ptr<arrow::Buffer> memory) {
  std::lock_guard<std::mutex> lock(mutex_);
  arenas_.push_back(std::move(memory));
}

arrow::Status OutputColumn::PutArray(std::span<const RowPick> picks,
                                     const arrow::Array& array) {
  if (array.length() != static_cast<int64_t>(picks.size()) ||
      !array.type()->Equals(*type_)) {
    return MakeError(ErrorCode::kInternal, "{} values of {} for {} places of {}",
                     array.length(), array.type()->ToString(), picks.size(),
                     type_->ToString());
  }
  if (!IsFlat(*type_)) {
    Piece piece;
    piece.values = arrow::MakeArray(array.data());
    for (const RowPick& pick : picks) piece.slots.push_back(pick.slot);
    std::lock_guard<std::mutex> lock(mutex_);
    pieces_.push_back(std::move(piece));
    return arrow::Status::OK();
  }
  const arrow::Array& storage = StorageOf(array);
  if (views_ != nullptr) {
    // The array's own buffers are the arena.
    for (const auto& buffer : storage.data()->buffers) AddArena(buffer);
  }
  const bool bits = storage.type_id() == Type::BOOL;
  const uint8_t* bytes = nullptr;
  if (views_ == nullptr && !bits) {
    bytes = storage.data()->buffers[1] == nullptr
                ? nullptr
                : storage.data()->buffers[1]->data() + storage.offset() * byte_width_;
  }
  for (size_t i = 0; i < picks.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i);
    const uint32_t slot = picks[i].slot;
    if (storage.IsNull(at)) continue;
    validity_[slot] = 1;
    if (views_ != nullptr) {
      const std::string_view view = ViewAt(storage, at);
      views_[slot] = {view.data(), static_cast<int64_t>(view.size())};
    } else if (bits) {
      values_[slot] = static_cast<const arrow::BooleanArray&>(storage).Value(at) ? 1 : 0;
    } else {
      std::memcpy(values_ + int64_t{slot} * byte_width_, bytes + at * byte_width_,
                  static_cast<size_t>(byte_width_));
    }
  }
  return arrow::Status::OK();
}

arrow::Status OutputColumn::PutScalar(std::span<const RowPick> picks,
                                      const arrow::Scalar& value) {
  if (!value.is_valid || picks.empty()) return arrow::Status::OK();
  if (!IsFlat(*type_)) {
    ARROW_ASSIGN_OR_RAISE(
        auto repeated,
        arrow::MakeArrayFromScalar(value, static_cast<int64_t>(picks.size()), pool_));
    return PutArray(picks, *repeated);
  }
  ARROW_ASSIGN_OR_RAISE(auto one, arrow::MakeArrayFromScalar(value, 1, pool_));
  const RowPick first = picks[0];
  ARROW_RETURN_NOT_OK(PutArray({&first, 1}, *one));
  for (const RowPick& pick : picks.subspan(1)) {
    validity_[pick.slot] = 1;
    if (views_ != nullptr) {
      views_[pick.slot] = views_[first.slot];
    } else {
      std::memcpy(values_ + int64_t{pick.slot} * byte_width_,
                  values_ + int64_t{first.slot} * byte_width_,
                  static_cast<size_t>(byte_width_));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> OutputColumn::PackValidity(
    int64_t begin, int64_t end, int64_t* null_count) const {
  int64_t present = 0;
  for (int64_t i = begin; i < end; ++i) present += validity_[i];
  *null_count = (end - begin) - present;
  if (*null_count == 0) return std::shared_ptr<arrow::Buffer>();
  return PackBits(validity_ + begin, end - begin);
}

arrow::Result<std::shared_ptr<arrow::Buffer>> OutputColumn::PackBits(
    const uint8_t* bytes, int64_t count) const {
  ARROW_ASSIGN_OR_RAISE(auto packed, arrow::AllocateBuffer((count + 7) / 8, pool_));
  uint8_t* out = packed->mutable_data();
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, bytes + i, sizeof(eight));
    // Gathers the lowest bit of each byte into the product's top byte.
    *out++ = static_cast<uint8_t>((eight * 0x0102040810204080ULL) >> 56);
  }
  if (i < count) {
    uint8_t last = 0;
    for (int64_t b = 0; i + b < count; ++b) {
      last = static_cast<uint8_t>(last | (bytes[i + b] << b));
    }
    *out = last;
  }
  return std::shared_ptr<arrow::Buffer>(std::move(packed));
}

arrow::Result<std::shared_ptr<arrow::ChunkedArray>> OutputColumn::FinishFixed() {
  int64_t null_count = 0;
  ARROW_ASSIGN_OR_RAISE(auto validity, PackValidity(0, length_, &null_count));
  if (null_count > 0) {
    // Positions without a value are zero, so that equal results are equal bytes.
    for (int64_t i = 0; i < length_; ++i) {
      if (!validity_[i]) {
        std::memset(values_ + i * byte_width_, 0, static_cast<size_t>(byte_width_));
      }
    }
  }
  std::shared_ptr<arrow::Buffer> values = std::move(values_buffer_);
  if (storage_->id() == Type::BOOL) {
    ARROW_ASSIGN_OR_RAISE(values, PackBits(values_, length_));
  }
  auto data = arrow::ArrayData::Make(
      type_, length_, {std::move(validity), std::move(values)}, null_count);
  return std::make_shared<arrow::ChunkedArray>(arrow::MakeArray(std::move(data)));
}

template <typename Offset>
arrow::Result<std::shared_ptr<arrow::Array>> OutputColumn::AssembleVariable(
    int64_t begin, int64_t end) const {
  const int64_t count = end - begin;
  int64_t null_count = 0;
  ARROW_ASSIGN_OR_RAISE(auto validity, PackValidity(begin, end, &null_count));
  ARROW_ASSIGN_OR_RAISE(
      auto offsets_buffer,
      arrow::AllocateBuffer((count + 1) * static_cast<int64_t>(sizeof(Offset)), pool_));
  auto* offsets = reinterpret_cast<Offset*>(offsets_buffer->mutable_data());
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    offsets[i] = static_cast<Offset>(total);
    if (validity_[begin + i]) total += views_[begin + i].size;
  }
  offsets[count] = static_cast<Offset>(total);
  ARROW_ASSIGN_OR_RAISE(auto bytes, arrow::AllocateBuffer(total, pool_));
  for (int64_t i = 0; i < count; ++i) {
    const View view = validity_[begin + i] ? views_[begin + i] : View{nullptr, 0};
    if (view.size > 0) {
      std::memcpy(bytes->mutable_data() + offsets[i], view.data,
                  static_cast<size_t>(view.size));
    }
  }
  return arrow::MakeArray(arrow::ArrayData::Make(
      type_, count,
      {std::move(validity), std::shared_ptr<arrow::Buffer>(std::move(offsets_buffer)),
       std::shared_ptr<arrow::Buffer>(std::move(bytes))},
      null_count));
}

arrow::Result<std::shared_ptr<arrow::ChunkedArray>> OutputColumn::FinishVariable() {
  const bool large = arrow::is_large_binary_like(storage_->id());
  arrow::ArrayVector chunks;
  int64_t begin = 0;
  do {
    int64_t end = begin;
    for (int64_t bytes = 0; end < length_; ++end) {
      bytes += validity_[end] ? views_[end].size : 0;
      if (!large && bytes > kMaxOffset32) break;
    }
    if (end == begin && begin < length_) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "a value of {} bytes does not fit {}", views_[begin].size,
                       type_->ToString());
    }
    ARROW_ASSIGN_OR_RAISE(auto chunk, large ? AssembleVariable<int64_t>(begin, end)
                                            : AssembleVariable<int32_t>(begin, end));
    chunks.push_back(std::move(chunk));
    begin = end;
  } while (begin < length_);
  return std::make_shared<arrow::ChunkedArray>(std::move(chunks), type_);
}

arrow::Result<std::shared_ptr<arrow::ChunkedArray>> OutputColumn::FinishNested() {
  if (pieces_.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(type_, length_, pool_));
    return std::make_shared<arrow::ChunkedArray>(std::move(nulls));
  }
  std::vector<int64_t> sources(static_cast<size_t>(length_), -1);
  arrow::ArrayVector values;
  int64_t at = 0;
  for (Piece& piece : pieces_) {
    for (uint32_t slot : piece.slots) sources[slot] = at++;
    values.push_back(std::move(piece.values));
  }
  arrow::Int64Builder indices(pool_);
  ARROW_RETURN_NOT_OK(indices.Reserve(length_));
  for (int64_t source : sources) {
    if (source < 0) {
      indices.UnsafeAppendNull();
    } else {
      indices.UnsafeAppend(source);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto order, indices.Finish());
  ARROW_ASSIGN_OR_RAISE(auto all, arrow::ChunkedArray::Make(std::move(values), type_));
  arrow::compute::ExecContext context(pool_);
  ARROW_ASSIGN_OR_RAISE(
      arrow::Datum taken,
      arrow::compute::Take(all, order, arrow::compute::TakeOptions::NoBoundsCheck(),
                           &context));
  return taken.chunked_array();
}

arrow::Result<std::shared_ptr<arrow::ChunkedArray>> OutputColumn::Finish() {
  auto result = !IsFlat(*type_)     ? FinishNested()
                : views_ != nullptr ? FinishVariable()
                                    : FinishFixed();
  validity_buffer_.reset();
  values_buffer_.reset();
  views_buffer_.reset();
  validity_ = values_ = nullptr;
  arenas_.clear();
  pieces_.clear();
  return result;
}

}  // namespace floe::iceberg
