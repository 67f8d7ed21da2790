#include "iceberg/format/avro/avro_column.h"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "arrow/array/array_nested.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/buffer.h"
#include "arrow/buffer_builder.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "base/error.h"
#include "iceberg/format/avro/avro_fields.h"

namespace floe::iceberg {
namespace {

using avro::Kind;
using ArrayPtr = std::shared_ptr<arrow::Array>;
using ColumnPtr = std::unique_ptr<AvroColumn>;

/// Values of a nested column that one batch may have below it, all rows together.
constexpr int64_t kMaxNestedValues = 0x7FFFFFFF;

/// Values decoded by `ReadValue(decoder, builder)` into a builder of Arrow's.
template <typename Builder, typename ReadValue>
class LeafColumn final : public AvroColumn {
 public:
  LeafColumn(const std::shared_ptr<arrow::DataType>& type, arrow::MemoryPool* pool,
             ReadValue read)
      : builder_(type, pool), read_(std::move(read)) {}

  arrow::Status Read(avro::Decoder* decoder) override {
    return read_(decoder, &builder_);
  }
  arrow::Status AppendNull() override { return builder_.AppendNull(); }
  arrow::Result<ArrayPtr> Finish() override { return builder_.Finish(); }

 private:
  Builder builder_;
  ReadValue read_;
};

template <typename Builder, typename ReadValue>
ColumnPtr MakeLeaf(const std::shared_ptr<arrow::DataType>& type, arrow::MemoryPool* pool,
                   ReadValue read) {
  return std::make_unique<LeafColumn<Builder, ReadValue>>(type, pool, std::move(read));
}

std::string_view ReadText(const avro::Schema& schema, avro::Decoder* decoder) {
  return schema.kind == Kind::kFixed ? decoder->ReadRaw(schema.size)
                                     : decoder->ReadBytes();
}

ColumnPtr MakeDecimal(const avro::Schema& schema,
                      const std::shared_ptr<arrow::DataType>& type,
                      arrow::MemoryPool* pool) {
  const int32_t precision = static_cast<const arrow::DecimalType&>(*type).precision();
  auto read = [&schema, precision](avro::Decoder* decoder,
                                   arrow::Decimal128Builder* builder) {
    const std::string_view bytes = ReadText(schema, decoder);
    if (!decoder->ok()) return arrow::Status::OK();
    const auto value =
        arrow::Decimal128::FromBigEndian(reinterpret_cast<const uint8_t*>(bytes.data()),
                                         static_cast<int32_t>(bytes.size()));
    if (!value.ok() || !value->FitsInPrecision(precision)) {
      decoder->Fail("a decimal of no or too many digits");
      return arrow::Status::OK();
    }
    return builder->Append(*value);
  };
  return MakeLeaf<arrow::Decimal128Builder>(type, pool, read);
}

ColumnPtr MakeBytes(const avro::Schema& schema,
                    const std::shared_ptr<arrow::DataType>& type,
                    arrow::MemoryPool* pool) {
  auto append = [&schema](avro::Decoder* decoder, auto* builder) {
    return builder->Append(ReadText(schema, decoder));
  };
  switch (type->id()) {
    case arrow::Type::DECIMAL128:
      return MakeDecimal(schema, type, pool);
    case arrow::Type::STRING:
      return MakeLeaf<arrow::StringBuilder>(type, pool, append);
    case arrow::Type::BINARY:
      return MakeLeaf<arrow::BinaryBuilder>(type, pool, append);
    default:
      return MakeLeaf<arrow::FixedSizeBinaryBuilder>(
          type, pool,
          [size = schema.size](avro::Decoder* decoder,
                               arrow::FixedSizeBinaryBuilder* builder) {
            const std::string_view bytes = decoder->ReadRaw(size);
            return decoder->ok() ? builder->Append(bytes) : arrow::Status::OK();
          });
  }
}

template <typename Builder>
ColumnPtr MakeNumber(const std::shared_ptr<arrow::DataType>& type,
                     arrow::MemoryPool* pool) {
  return MakeLeaf<Builder>(type, pool, [](avro::Decoder* decoder, Builder* builder) {
    using Value = typename Builder::value_type;
    if constexpr (std::is_same_v<Value, float>) {
      return builder->Append(decoder->ReadFloat());
    } else if constexpr (std::is_same_v<Value, double>) {
      return builder->Append(decoder->ReadDouble());
    } else if constexpr (sizeof(Value) == sizeof(int32_t)) {
      return builder->Append(decoder->ReadInt());
    } else {
      return builder->Append(decoder->ReadLong());
    }
  });
}

arrow::Result<ColumnPtr> MakeLeafColumn(const FileField& field,
                                        const avro::Schema& schema,
                                        arrow::MemoryPool* pool) {
  const auto& type = field.field->type();
  switch (type->id()) {
    case arrow::Type::BOOL:
      return MakeLeaf<arrow::BooleanBuilder>(
          type, pool, [](avro::Decoder* decoder, arrow::BooleanBuilder* builder) {
            return builder->Append(decoder->ReadBoolean());
          });
    case arrow::Type::INT32:
      return MakeNumber<arrow::Int32Builder>(type, pool);
    case arrow::Type::DATE32:
      return MakeNumber<arrow::Date32Builder>(type, pool);
    case arrow::Type::TIME32:
      return MakeNumber<arrow::Time32Builder>(type, pool);
    case arrow::Type::INT64:
      return MakeNumber<arrow::Int64Builder>(type, pool);
    case arrow::Type::TIME64:
      return MakeNumber<arrow::Time64Builder>(type, pool);
    case arrow::Type::TIMESTAMP:
      return MakeNumber<arrow::TimestampBuilder>(type, pool);
    case arrow::Type::FLOAT:
      return MakeNumber<arrow::FloatBuilder>(type, pool);
    case arrow::Type::DOUBLE:
      return MakeNumber<arrow::DoubleBuilder>(type, pool);
    case arrow::Type::NA:
      if (schema.kind == Kind::kNull) {
        return MakeLeaf<arrow::NullBuilder>(
            type, pool, [](avro::Decoder*, arrow::NullBuilder* builder) {
              return builder->AppendNull();
            });
      }
      return MakeError(
          ErrorCode::kNotSupported,
          "column '{}' is written with an Avro type that has no Iceberg type",
          field.name);
    default:
      return MakeBytes(schema, type, pool);
  }
}

/// Validity of nested columns; a bitmap only once there is a NULL.
class Validity {
 public:
  explicit Validity(arrow::MemoryPool* pool) : bits_(pool) {}
  arrow::Status Append(bool is_valid) { return bits_.Append(is_valid); }
  int64_t length() const { return bits_.length(); }
  int64_t null_count() const { return bits_.false_count(); }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Finish() {
    const bool has_nulls = bits_.false_count() > 0;
    ARROW_ASSIGN_OR_RAISE(auto buffer, bits_.Finish());
    return has_nulls ? buffer : nullptr;
  }

 private:
  arrow::TypedBufferBuilder<bool> bits_;
};

/// A field that may be NULL: a union of null and another type.
class OptionalColumn final : public AvroColumn {
 public:
  OptionalColumn(ColumnPtr value, int branch)
      : value_(std::move(value)), branch_(branch) {}

  arrow::Status Read(avro::Decoder* decoder) override {
    const int64_t branch = decoder->ReadLong();
    if (branch == branch_) return value_->Read(decoder);
    if (branch != 1 - branch_) decoder->Fail("a union branch that is not there");
    return value_->AppendNull();
  }
  arrow::Status AppendNull() override { return value_->AppendNull(); }
  arrow::Result<ArrayPtr> Finish() override { return value_->Finish(); }

 private:
  ColumnPtr value_;
  const int branch_;
};

class StructColumn final : public AvroColumn {
 public:
  struct Child {
    const avro::Schema* schema;
    std::string name;
    ColumnPtr column;  ///< nullptr: passed over.
  };

  StructColumn(std::vector<Child> children, arrow::MemoryPool* pool)
      : children_(std::move(children)), validity_(pool) {}

  arrow::Status Read(avro::Decoder* decoder) override {
    for (Child& child : children_) {
      if (child.column == nullptr) {
        decoder->Skip(*child.schema);
      } else {
        ARROW_RETURN_NOT_OK(child.column->Read(decoder));
      }
    }
    return validity_.Append(true);
  }

  arrow::Status AppendNull() override {
    for (Child& child : children_) {
      if (child.column != nullptr) ARROW_RETURN_NOT_OK(child.column->AppendNull());
    }
    return validity_.Append(false);
  }

  arrow::Result<ArrayPtr> Finish() override {
    const int64_t length = validity_.length();
    const int64_t nulls = validity_.null_count();
    arrow::ArrayVector arrays;
    arrow::FieldVector fields;
    for (Child& child : children_) {
      if (child.column == nullptr) continue;
      ARROW_ASSIGN_OR_RAISE(auto array, child.column->Finish());
      fields.push_back(arrow::field(child.name, array->type()));
      arrays.push_back(std::move(array));
    }
    ARROW_ASSIGN_OR_RAISE(auto validity, validity_.Finish());
    return std::make_shared<arrow::StructArray>(arrow::struct_(std::move(fields)), length,
                                                std::move(arrays), std::move(validity),
                                                nulls);
  }

 private:
  std::vector<Child> children_;
  Validity validity_;
};

/// Offsets and validity of lists and maps.
class Runs {
 public:
  explicit Runs(arrow::MemoryPool* pool) : offsets_(pool), validity_(pool) {}

  /// Ends a run that brought the number of values to `end`.
  arrow::Status Close(bool is_valid) {
    if (offsets_.length() == 0) ARROW_RETURN_NOT_OK(offsets_.Append(0));
    ARROW_RETURN_NOT_OK(offsets_.Append(static_cast<int32_t>(values_)));
    return validity_.Append(is_valid);
  }
  void AddValue(avro::Decoder* decoder) {
    if (++values_ > kMaxNestedValues)
      decoder->Fail("too many values in lists of a batch");
  }
  struct Finished {
    int64_t length;
    int64_t nulls;
    std::shared_ptr<arrow::Buffer> offsets;
    std::shared_ptr<arrow::Buffer> validity;
  };
  arrow::Result<Finished> Finish() {
    if (offsets_.length() == 0) ARROW_RETURN_NOT_OK(offsets_.Append(0));
    Finished finished{validity_.length(), validity_.null_count(), nullptr, nullptr};
    ARROW_ASSIGN_OR_RAISE(finished.offsets, offsets_.Finish());
    ARROW_ASSIGN_OR_RAISE(finished.validity, validity_.Finish());
    values_ = 0;
    return finished;
  }

 private:
  arrow::TypedBufferBuilder<int32_t> offsets_;
  Validity validity_;
  int64_t values_ = 0;
};

class ListColumn final : public AvroColumn {
 public:
  ListColumn(const avro::Schema& schema, ColumnPtr element, arrow::MemoryPool* pool)
      : schema_(schema), element_(std::move(element)), runs_(pool) {}

  arrow::Status Read(avro::Decoder* decoder) override {
    int64_t count = decoder->ReadBlockCount(*schema_.items);
    for (; count > 0; count = decoder->ReadBlockCount(*schema_.items)) {
      for (; count > 0 && decoder->ok(); --count) {
        ARROW_RETURN_NOT_OK(element_->Read(decoder));
        runs_.AddValue(decoder);
      }
    }
    return runs_.Close(true);
  }
  arrow::Status AppendNull() override { return runs_.Close(false); }

  arrow::Result<ArrayPtr> Finish() override {
    ARROW_ASSIGN_OR_RAISE(auto values, element_->Finish());
    ARROW_ASSIGN_OR_RAISE(Runs::Finished runs, runs_.Finish());
    return std::make_shared<arrow::ListArray>(arrow::list(values->type()), runs.length,
                                              std::move(runs.offsets), std::move(values),
                                              std::move(runs.validity), runs.nulls);
  }

 private:
  const avro::Schema& schema_;
  ColumnPtr element_;
  Runs runs_;
};

/// A map, written as one or as an array of pairs.
class MapColumn final : public AvroColumn {
 public:
  MapColumn(const avro::Schema& schema, ColumnPtr key, ColumnPtr value,
            arrow::MemoryPool* pool)
      : schema_(schema), key_(std::move(key)), value_(std::move(value)), runs_(pool) {}

  arrow::Status Read(avro::Decoder* decoder) override {
    int64_t count = decoder->ReadBlockCount(*schema_.items);
    for (; count > 0; count = decoder->ReadBlockCount(*schema_.items)) {
      for (; count > 0 && decoder->ok(); --count) {
        ARROW_RETURN_NOT_OK(key_->Read(decoder));
        ARROW_RETURN_NOT_OK(value_->Read(decoder));
        runs_.AddValue(decoder);
      }
    }
    return runs_.Close(true);
  }
  arrow::Status AppendNull() override { return runs_.Close(false); }

  arrow::Result<ArrayPtr> Finish() override {
    ARROW_ASSIGN_OR_RAISE(auto keys, key_->Finish());
    ARROW_ASSIGN_OR_RAISE(auto values, value_->Finish());
    ARROW_ASSIGN_OR_RAISE(Runs::Finished runs, runs_.Finish());
    return std::make_shared<arrow::MapArray>(
        arrow::map(keys->type(), values->type()), runs.length, std::move(runs.offsets),
        std::move(keys), std::move(values), std::move(runs.validity), runs.nulls);
  }

 private:
  const avro::Schema& schema_;
  ColumnPtr key_;
  ColumnPtr value_;
  Runs runs_;
};

class Maker {
 public:
  Maker(const std::set<int>& leaves, arrow::MemoryPool* pool)
      : leaves_(leaves), pool_(pool) {}

  arrow::Result<ColumnPtr> Make(const FileField& field,
                                const avro::Schema& schema) const {
    if (!IsWanted(field)) return nullptr;
    return MakeAny(field, schema);
  }

 private:
  bool IsWanted(const FileField& field) const {
    if (field.is_leaf()) return leaves_.count(field.column) > 0;
    for (const FileField& child : field.children) {
      if (IsWanted(child)) return true;
    }
    return false;
  }

  arrow::Result<ColumnPtr> MakeAny(const FileField& field,
                                   const avro::Schema& schema) const {
    int branch = -1;
    const avro::Schema* value = schema.NonNull(&branch);
    if (value == nullptr) {
      return MakeError(ErrorCode::kNotSupported,
                       "column '{}' is written as an Avro union of several types",
                       field.name);
    }
    ARROW_ASSIGN_OR_RAISE(ColumnPtr column, MakeValue(field, *value));
    if (branch < 0) return column;
    return std::make_unique<OptionalColumn>(std::move(column), branch);
  }

  arrow::Result<ColumnPtr> MakeValue(const FileField& field,
                                     const avro::Schema& schema) const {
    if (field.is_leaf()) return MakeLeafColumn(field, schema, pool_);
    if (schema.kind == Kind::kRecord) return MakeStruct(field, schema);
    if (schema.kind == Kind::kArray && !IsAvroPairs(schema)) {
      ARROW_ASSIGN_OR_RAISE(ColumnPtr element, MakeAny(field.children[0], *schema.items));
      return std::make_unique<ListColumn>(schema, std::move(element), pool_);
    }
    // Of a map both sides are decoded: an array of it needs both.
    static const avro::Schema* const text = [] {
      auto* made = new avro::Schema();
      made->kind = Kind::kString;
      return made;
    }();
    const bool is_pairs = IsAvroPairs(schema);
    const avro::Schema& key = is_pairs ? *schema.items->fields[0].type : *text;
    const avro::Schema& item = is_pairs ? *schema.items->fields[1].type : *schema.items;
    ARROW_ASSIGN_OR_RAISE(ColumnPtr keys, MakeAny(field.children[0], key));
    ARROW_ASSIGN_OR_RAISE(ColumnPtr values, MakeAny(field.children[1], item));
    return std::make_unique<MapColumn>(schema, std::move(keys), std::move(values), pool_);
  }

  arrow::Result<ColumnPtr> MakeStruct(const FileField& field,
                                      const avro::Schema& schema) const {
    std::vector<StructColumn::Child> children;
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      const avro::Schema& type = *schema.fields[i].type;
      ARROW_ASSIGN_OR_RAISE(ColumnPtr column, Make(field.children[i], type));
      children.push_back({&type, schema.fields[i].name, std::move(column)});
    }
    return std::make_unique<StructColumn>(std::move(children), pool_);
  }

  const std::set<int>& leaves_;
  arrow::MemoryPool* const pool_;
};

}  // namespace

arrow::Result<std::unique_ptr<AvroColumn>> AvroColumn::Make(const FileField& field,
                                                            const avro::Schema& schema,
                                                            const std::set<int>& leaves,
                                                            arrow::MemoryPool* pool) {
  return Maker(leaves, pool).Make(field, schema);
}

}  // namespace floe::iceberg
