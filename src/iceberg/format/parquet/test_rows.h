#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "arrow/array.h"
#include "arrow/array/builder_base.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/error.h"
#include "base/random.h"
#include "iceberg/format/parquet/parquet_reader.h"
#include "iceberg/format/parquet/parquet_writer.h"
#include "iceberg/spec/schema.h"
#include "io/file_io.h"

/// Rows and files for the tests of this folder.
namespace floe::iceberg::testing {

#define FLOE_ASSERT_OK(expression)                           \
  do {                                                       \
    const ::arrow::Status _status = (expression);            \
    ASSERT_TRUE(_status.ok()) << ::floe::ErrorText(_status); \
  } while (false)

template <typename T>
T Unwrap(arrow::Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  if (!result.ok()) std::abort();
  return *std::move(result);
}

using Rng = std::mt19937_64;

inline int64_t Below(Rng& rng, int64_t end) {
  return static_cast<int64_t>(rng() % static_cast<uint64_t>(end));
}

inline std::string RandomText(Rng& rng) {
  static const char* const kParts[] = {
      "a", "b", "zz", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xEF\xBF\xBF", "prefix-", ""};
  std::string text;
  for (int64_t i = Below(rng, 8); i > 0; --i) text += kParts[Below(rng, 8)];
  return text;
}

inline std::string RandomBytes(Rng& rng, int64_t length) {
  std::string bytes;
  for (int64_t i = 0; i < length; ++i) bytes += static_cast<char>(rng() & 0xFF);
  return bytes;
}

inline double RandomDouble(Rng& rng) {
  switch (Below(rng, 12)) {
    case 0:
      return std::numeric_limits<double>::quiet_NaN();
    case 1:
      return -0.0;
    case 2:
      return 0.0;
    case 3:
      return std::numeric_limits<double>::infinity();
    default:
      return static_cast<double>(Below(rng, 41) - 20) / 2;
  }
}

inline arrow::Status AppendRandom(const NestedField& field, arrow::ArrayBuilder* builder,
                                  Rng& rng);

inline arrow::Status AppendNested(const NestedField& field, arrow::ArrayBuilder* builder,
                                  Rng& rng) {
  switch (field.type->id()) {
    case TypeId::kStruct: {
      auto* structs = static_cast<arrow::StructBuilder*>(builder);
      ARROW_RETURN_NOT_OK(structs->Append());
      for (size_t i = 0; i < field.type->fields().size(); ++i) {
        ARROW_RETURN_NOT_OK(AppendRandom(
            field.type->fields()[i], structs->field_builder(static_cast<int>(i)), rng));
      }
      return arrow::Status::OK();
    }
    case TypeId::kList: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      for (int64_t i = Below(rng, 4); i > 0; --i) {
        ARROW_RETURN_NOT_OK(
            AppendRandom(field.type->element(), list->value_builder(), rng));
      }
      return arrow::Status::OK();
    }
    case TypeId::kMap: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      ARROW_RETURN_NOT_OK(map->Append());
      for (int64_t i = Below(rng, 3); i > 0; --i) {
        ARROW_RETURN_NOT_OK(AppendRandom(field.type->key(), map->key_builder(), rng));
        ARROW_RETURN_NOT_OK(AppendRandom(field.type->value(), map->item_builder(), rng));
      }
      return arrow::Status::OK();
    }
    default:
      return builder->AppendNull();
  }
}

inline arrow::Status AppendValue(const NestedField& field, arrow::ArrayBuilder* builder,
                                 Rng& rng) {
  const int64_t small = Below(rng, 41) - 20;
  switch (field.type->id()) {
    case TypeId::kBoolean:
      return static_cast<arrow::BooleanBuilder*>(builder)->Append(small > 0);
    case TypeId::kInt:
      return static_cast<arrow::Int32Builder*>(builder)->Append(static_cast<int>(small));
    case TypeId::kDate:
      return static_cast<arrow::Date32Builder*>(builder)->Append(static_cast<int>(small));
    case TypeId::kLong:
      return static_cast<arrow::Int64Builder*>(builder)->Append(small << 33);
    case TypeId::kFloat:
      return static_cast<arrow::FloatBuilder*>(builder)->Append(
          static_cast<float>(RandomDouble(rng)));
    case TypeId::kDouble:
      return static_cast<arrow::DoubleBuilder*>(builder)->Append(RandomDouble(rng));
    case TypeId::kTime:
      return static_cast<arrow::Time64Builder*>(builder)->Append((small + 20) *
                                                                 1'000'001);
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return static_cast<arrow::TimestampBuilder*>(builder)->Append(small *
                                                                    43'200'000'001);
    case TypeId::kDecimal:
      return static_cast<arrow::Decimal128Builder*>(builder)->Append(
          arrow::Decimal128(small * 10'001));
    case TypeId::kString:
      return static_cast<arrow::StringBuilder*>(builder)->Append(RandomText(rng));
    case TypeId::kBinary:
      return static_cast<arrow::BinaryBuilder*>(builder)->Append(
          RandomBytes(rng, Below(rng, 20)));
    case TypeId::kUuid:
      return static_cast<arrow::FixedSizeBinaryBuilder*>(builder)->Append(
          RandomBytes(rng, 16));
    case TypeId::kFixed:
      return static_cast<arrow::FixedSizeBinaryBuilder*>(builder)->Append(
          RandomBytes(rng, field.type->length()));
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      return AppendNested(field, builder, rng);
    default:
      return builder->AppendNull();
  }
}

inline arrow::Status AppendRandom(const NestedField& field, arrow::ArrayBuilder* builder,
                                  Rng& rng) {
  if (!field.required && Below(rng, 5) == 0) return builder->AppendNull();
  return AppendValue(field, builder, rng);
}

/// Random rows of `schema` as ToArrowSchema(schema).
inline std::shared_ptr<arrow::RecordBatch> RandomBatch(const Schema& schema, int64_t rows,
                                                       Rng& rng) {
  auto arrow_schema = Unwrap(ToArrowSchema(schema));
  arrow::ArrayVector columns;
  for (size_t i = 0; i < schema.fields().size(); ++i) {
    const auto& type = arrow_schema->field(static_cast<int>(i))->type();
    std::unique_ptr<arrow::ArrayBuilder> builder;
    EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok());
    for (int64_t row = 0; row < rows; ++row) {
      const arrow::Status status = AppendRandom(schema.fields()[i], builder.get(), rng);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    auto array = Unwrap(builder->Finish());
    // Builders name nested fields their own way.
    auto data = array->data()->Copy();
    data->type = type;
    columns.push_back(arrow::MakeArray(data));
  }
  return arrow::RecordBatch::Make(arrow_schema, rows, std::move(columns));
}

/// A schema with every type Floe writes, optional and required, and nested ones.
inline SchemaPtr EveryTypeSchema() {
  int32_t id = 0;
  std::vector<NestedField> fields;
  const auto add = [&](const std::string& name, TypePtr type) {
    fields.push_back(NestedField::Optional(++id, name, std::move(type)));
  };
  add("boolean", Type::Boolean());
  add("int", Type::Int());
  add("long", Type::Long());
  add("float", Type::Float());
  add("double", Type::Double());
  add("decimal9", Type::Decimal(9, 2));
  add("decimal18", Type::Decimal(18, 4));
  add("decimal38", Type::Decimal(38, 10));
  add("date", Type::Date());
  add("time", Type::Time());
  add("timestamp", Type::Timestamp());
  add("timestamptz", Type::TimestampTz());
  add("string", Type::String());
  add("uuid", Type::Uuid());
  add("fixed", Type::Fixed(5));
  add("binary", Type::Binary());
  fields.push_back(NestedField::Required(++id, "required long", Type::Long()));
  fields.push_back(NestedField::Required(++id, "required.text", Type::String()));
  fields.push_back(NestedField::Optional(
      100, "struct",
      Type::Struct({NestedField::Optional(101, "a", Type::Int()),
                    NestedField::Required(102, "b", Type::String()),
                    NestedField::Optional(103, "inner",
                                          Type::Struct({NestedField::Optional(
                                              104, "x", Type::Double())}))})));
  fields.push_back(NestedField::Optional(
      110, "list", Type::List(NestedField::Optional(111, "element", Type::Double()))));
  fields.push_back(NestedField::Optional(
      120, "map",
      Type::Map(NestedField::Required(121, "key", Type::String()),
                NestedField::Optional(122, "value", Type::Long()))));
  fields.push_back(NestedField::Required(
      130, "list of structs",
      Type::List(NestedField::Required(
          131, "element",
          Type::Struct({NestedField::Optional(132, "p", Type::TimestampTz()),
                        NestedField::Optional(133, "q",
                                              Type::List(NestedField::Required(
                                                  134, "element", Type::String())))})))));
  return Unwrap(Schema::Make(std::move(fields)));
}

/// A folder that goes away with the test.
class TempFolder {
 public:
  TempFolder()
      : path_((std::filesystem::temp_directory_path() /
               ("floe-parquet-" + NewUuid(Random::System())))
                  .string()) {}
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string At(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline DataFile WriteFile(
    const std::shared_ptr<FileIO>& io, DataFileWriterOptions options,
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  auto writer = Unwrap(DataFileWriter::Make(io, std::move(options)));
  for (const auto& batch : batches) {
    const arrow::Status status = writer->Write(*batch);
    EXPECT_TRUE(status.ok()) << ErrorText(status);
  }
  return Unwrap(writer->Close());
}

inline arrow::Result<std::shared_ptr<arrow::Table>> ReadTable(
    const FileIO& io, const std::string& location, const ParquetReadOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto file, ParquetFile::Open(io, location, -1, nullptr));
  ARROW_ASSIGN_OR_RAISE(auto reader, ReadDataFile(file, options));
  ARROW_ASSIGN_OR_RAISE(auto table, reader->ToTable());
  return table->CombineChunks();
}

/// Equal values, NaN equal to NaN, 0.0 unequal to -0.0.
inline bool SameArray(const arrow::Array& a, const arrow::Array& b) {
  return a.Equals(
      b, arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false));
}

}  // namespace floe::iceberg::testing
