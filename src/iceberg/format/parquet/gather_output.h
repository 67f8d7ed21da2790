#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "base/row_pick.h"

namespace floe::iceberg {

/// One column of a result that is filled by position, out of order and from several
/// threads, then finished into an Arrow column. Positions never written are NULL. Each
/// position is written at most once; threads write different positions and need no lock.
///
/// Fixed-width values go to their place in the final buffer; validity is a byte a
/// position until Finish packs it; variable-width values are kept in arenas with 16 bytes
/// a position and copied once by Finish.
class OutputColumn {
 public:
  /// Whether values of `type` can be written in place (everything but nested types).
  /// Nested columns take PutArray alone.
  static bool IsFlat(const arrow::DataType& type);

  /// A column of `length` NULLs of `type`. `pool` null: Arrow's default.
  /// kResourceExhausted when memory cannot be had.
  static arrow::Result<std::unique_ptr<OutputColumn>> Make(
      std::shared_ptr<arrow::DataType> type, int64_t length,
      arrow::MemoryPool* pool = nullptr);
  ~OutputColumn();

  const std::shared_ptr<arrow::DataType>& type() const { return type_; }
  int64_t length() const { return length_; }

  /// Position picks[i].slot becomes array[i] (array[rows] compact, one per pick). The
  /// array's type is the column's. Any type, nested ones included. Thread-safe.
  arrow::Status PutArray(std::span<const RowPick> picks, const arrow::Array& array);
  /// Every pick's position becomes `value`, e.g. a column's initial default or the
  /// partition's constant; a NULL scalar is allowed. Thread-safe.
  arrow::Status PutScalar(std::span<const RowPick> picks, const arrow::Scalar& value);

  /// The column, `length()` long, in as few chunks as offsets of the type allow (one,
  /// unless 32-bit offsets overflow). Leaves this object empty. Call once.
  arrow::Result<std::shared_ptr<arrow::ChunkedArray>> Finish();

  /// The raw places, for the decoders. `validity` has a byte per position, 1 = present.
  uint8_t* validity() { return validity_; }
  /// Fixed-width types but boolean: byte_width() bytes a position. Boolean: 1 byte.
  uint8_t* values() { return values_; }
  int byte_width() const { return byte_width_; }
  /// Variable-width types: a view a position, over memory that an arena below owns.
  struct View {
    const char* data;
    int64_t size;
  };
  View* views() { return views_; }
  /// Keeps `memory` alive until Finish. Thread-safe.
  void AddArena(std::shared_ptr<arrow::Buffer> memory);

 private:
  struct Piece {
    std::vector<uint32_t> slots;
    std::shared_ptr<arrow::Array> values;
  };
  OutputColumn() = default;
  arrow::Status Allocate();
  arrow::Result<std::shared_ptr<arrow::Buffer>> PackValidity(int64_t begin, int64_t end,
                                                             int64_t* null_count) const;
  arrow::Result<std::shared_ptr<arrow::Buffer>> PackBits(const uint8_t* bytes,
                                                         int64_t count) const;
  template <typename Offset>
  arrow::Result<std::shared_ptr<arrow::Array>> AssembleVariable(int64_t begin,
                                                                int64_t end) const;
  arrow::Result<std::shared_ptr<arrow::ChunkedArray>> FinishFixed();
  arrow::Result<std::shared_ptr<arrow::ChunkedArray>> FinishVariable();
  arrow::Result<std::shared_ptr<arrow::ChunkedArray>> FinishNested();

  std::shared_ptr<arrow::DataType> type_;     ///< As asked for.
  std::shared_ptr<arrow::DataType> storage_;  ///< Below an extension type.
  int64_t length_ = 0;
  arrow::MemoryPool* pool_ = nullptr;
  int byte_width_ = 0;
  uint8_t* validity_ = nullptr;
  uint8_t* values_ = nullptr;
  View* views_ = nullptr;
  std::shared_ptr<arrow::Buffer> validity_buffer_;
  std::shared_ptr<arrow::Buffer> values_buffer_;
  std::shared_ptr<arrow::Buffer> views_buffer_;
  std::mutex mutex_;  ///< Guards arenas_ and pieces_.
  std::vector<std::shared_ptr<arrow::Buffer>> arenas_;
  std::vector<Piece> pieces_;
};

}  // namespace floe::iceberg
