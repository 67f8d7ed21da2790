#include "iceberg/format/shredded_variant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/buffer.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/spec/variant.h"

namespace floe::iceberg {
namespace {

using ::testing::HasSubstr;
using ArrayPtr = std::shared_ptr<arrow::Array>;

/// Metadata of the names given, which must be sorted.
std::string MetadataOf(const std::vector<std::string>& names) {
  std::string bytes("\x01", 1);
  bytes.push_back(static_cast<char>(names.size()));
  size_t offset = 0;
  bytes.push_back('\0');
  for (const std::string& name : names) {
    offset += name.size();
    bytes.push_back(static_cast<char>(offset));
  }
  for (const std::string& name : names) bytes += name;
  return bytes;
}

ArrayPtr Binary(const std::vector<std::optional<std::string>>& values) {
  arrow::BinaryBuilder builder;
  for (const auto& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return *builder.Finish();
}

std::shared_ptr<arrow::StructArray> Group(const std::vector<std::string>& names,
                                          const arrow::ArrayVector& children) {
  return *arrow::StructArray::Make(children, names);
}

std::vector<std::string> Texts(const arrow::StructArray& column) {
  const auto type = arrow::struct_({arrow::field("metadata", arrow::binary(), false),
                                    arrow::field("value", arrow::binary(), false)});
  auto assembled = AssembleVariant(column, type, arrow::default_memory_pool());
  EXPECT_TRUE(assembled.ok()) << assembled.status().ToString();
  std::vector<std::string> texts;
  if (!assembled.ok()) return texts;
  const auto& parts = static_cast<const arrow::StructArray&>(**assembled);
  for (int64_t row = 0; row < parts.length(); ++row) {
    if (parts.IsNull(row)) {
      texts.emplace_back("NULL");
      continue;
    }
    const auto text = VariantToJson(
        static_cast<const arrow::BinaryArray&>(*parts.field(0)).GetView(row),
        static_cast<const arrow::BinaryArray&>(*parts.field(1)).GetView(row));
    EXPECT_TRUE(text.ok()) << text.status().ToString();
    texts.push_back(text.ok() ? *text : "?");
  }
  return texts;
}

template <typename Builder, typename Value>
ArrayPtr Numbers(const std::vector<std::optional<Value>>& values) {
  Builder builder;
  for (const auto& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return *builder.Finish();
}

TEST(ShreddedVariantTest, TakesTypedValuesOrTheOthers) {
  const std::string none = MetadataOf({});
  const auto column =
      Group({"metadata", "value", "typed_value"},
            {Binary({none, none, none}),
             Binary({std::nullopt, variant::String("text"), std::nullopt}),
             Numbers<arrow::Int32Builder, int32_t>({34, std::nullopt, std::nullopt})});
  EXPECT_THAT(Texts(*column), ::testing::ElementsAre("34", "\"text\"", "null"));
}

// {"a": <shredded>, ...}: with all fields shredded, with others besides, with one
// missing, with a field of another type, and a value that is no object at all.
TEST(ShreddedVariantTest, PutsObjectsTogether) {
  const std::string names = MetadataOf({"a", "b", "c"});
  const auto metadata = *VariantMetadata::Parse(names);
  const std::string rest = *variant::Object(metadata, {{"c", variant::Boolean(true)}});
  const auto a = Group({"value", "typed_value"},
                       {Binary({std::nullopt, std::nullopt, std::nullopt,
                                variant::String("x"), std::nullopt}),
                        Numbers<arrow::Int64Builder, int64_t>(
                            {1, 2, std::nullopt, std::nullopt, std::nullopt})});
  const auto b =
      Group({"typed_value"},
            {Numbers<arrow::DoubleBuilder, double>({0.5, 1.5, 2.5, 3.5, std::nullopt})});
  auto typed = *arrow::StructArray::Make(
      arrow::ArrayVector{a, b}, std::vector<std::string>{"a", "b"},
      arrow::Buffer::FromString(std::string("\x0F", 1)), 1);
  const auto column =
      Group({"metadata", "value", "typed_value"},
            {Binary({names, names, names, names, names}),
             Binary({std::nullopt, rest, std::nullopt, std::nullopt,
                     variant::Array({variant::Integer(7, 1), variant::Null()})}),
             typed});
  EXPECT_THAT(Texts(*column), ::testing::ElementsAre(
                                  "{\"a\":1,\"b\":0.5}", "{\"a\":2,\"b\":1.5,\"c\":true}",
                                  "{\"b\":2.5}", "{\"a\":\"x\",\"b\":3.5}", "[7,null]"));
  // A slice is the same rows.
  const auto slice = std::static_pointer_cast<arrow::StructArray>(column->Slice(1, 2));
  EXPECT_THAT(Texts(*slice),
              ::testing::ElementsAre("{\"a\":2,\"b\":1.5,\"c\":true}", "{\"b\":2.5}"));
}

TEST(ShreddedVariantTest, RefusesWhatNoWriterMakes) {
  const std::string names = MetadataOf({"a"});
  const auto refused = [](const arrow::StructArray& column) {
    const auto type = arrow::struct_({arrow::field("metadata", arrow::binary(), false),
                                      arrow::field("value", arrow::binary(), false)});
    return AssembleVariant(column, type, arrow::default_memory_pool()).status();
  };
  const auto both = Group({"metadata", "value", "typed_value"},
                          {Binary({names}), Binary({variant::Boolean(true)}),
                           Numbers<arrow::Int32Builder, int32_t>({1})});
  EXPECT_TRUE(IsError(refused(*both), ErrorCode::kCorruptData));
  const auto unnamed = Group(
      {"metadata", "typed_value"},
      {Binary({names}),
       Group({"z"},
             {Group({"typed_value"}, {Numbers<arrow::Int32Builder, int32_t>({1})})})});
  EXPECT_TRUE(IsError(refused(*unnamed), ErrorCode::kCorruptData));
  EXPECT_THAT(ErrorText(refused(*unnamed)), HasSubstr("'z'"));
}

}  // namespace
}  // namespace floe::iceberg
