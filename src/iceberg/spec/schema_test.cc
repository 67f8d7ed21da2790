#include "iceberg/spec/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/spec/literal.h"
#include "iceberg/spec/name_mapping.h"

namespace floe::iceberg {
namespace {

using testing::HasSubstr;

SchemaPtr NestedSchema() {
  return Schema::Make(
             {NestedField::Required(1, "id", Type::Long()),
              NestedField::Optional(
                  2, "tags",
                  Type::List(NestedField::Required(3, "element", Type::String()))),
              NestedField::Optional(
                  4, "props",
                  Type::Map(NestedField::Required(5, "key", Type::String()),
                            NestedField::Optional(6, "value", Type::Double()))),
              NestedField::Optional(
                  7, "place",
                  Type::Struct({NestedField::Required(8, "lat", Type::Float()),
                                NestedField::Optional(9, "dec", Type::Decimal(9, 2))})),
              NestedField::Optional(10, "at", Type::TimestampTz()),
              NestedField::Optional(11, "u", Type::Uuid())},
             3, {1})
      .ValueOrDie();
}

TEST(SchemaTest, JsonRoundTrips) {
  const SchemaPtr schema = NestedSchema();
  const std::string json = SchemaToJsonText(*schema);
  const SchemaPtr parsed = SchemaFromJsonText(json).ValueOrDie();
  EXPECT_TRUE(parsed->SameFields(*schema)) << json;
  EXPECT_EQ(parsed->schema_id(), 3);
  EXPECT_EQ(parsed->identifier_field_ids(), std::vector<int32_t>{1});
  EXPECT_EQ(parsed->highest_field_id(), 11);
}

TEST(SchemaTest, ReadsEveryTypeOfTheSpecification) {
  const std::string json = R"json({"type": "struct", "schema-id": 1, "fields": [
    {"id": 1, "name": "a", "required": true, "type": "decimal(9,2)", "doc": "money"},
    {"id": 2, "name": "b", "required": false, "type": "fixed[16]"},
    {"id": 3, "name": "c", "required": false, "type": "timestamptz_ns"},
    {"id": 4, "name": "d", "required": false, "type": "geometry(srid:4326)"},
    {"id": 5, "name": "e", "required": false, "type": "geography"},
    {"id": 6, "name": "f", "required": false, "type": "variant"},
    {"id": 7, "name": "g", "required": false, "type": "unknown"},
    {"id": 8, "name": "h", "required": true, "type": "int", "initial-default": 7,
     "write-default": 8}]})json";
  const SchemaPtr schema = SchemaFromJsonText(json).ValueOrDie();
  EXPECT_EQ(schema->FindField(1)->type->ToString(), "decimal(9, 2)");
  EXPECT_EQ(schema->FindField(1)->doc, "money");
  EXPECT_EQ(schema->FindField(4)->type->crs(), "srid:4326");
  EXPECT_EQ(schema->FindField(5)->type->ToString(), "geography");
  EXPECT_EQ(*schema->FindField(8)->initial_default, Literal::Int(7));
  EXPECT_EQ(*schema->FindField(8)->write_default, Literal::Int(8));
  const SchemaPtr again = SchemaFromJsonText(SchemaToJsonText(*schema)).ValueOrDie();
  EXPECT_TRUE(again->SameFields(*schema));
}

TEST(SchemaTest, RefusesWhatIsNoSchema) {
  const auto message = [](const std::string& fields) {
    const auto schema =
        SchemaFromJsonText(R"({"type": "struct", "fields": [)" + fields + "]}");
    return schema.ok() ? "accepted" : ErrorText(schema.status());
  };
  EXPECT_THAT(message(R"({"id": 1, "name": "a", "type": "int"})"),
              HasSubstr("has no \"required\""));
  EXPECT_THAT(message(R"({"id": 1.5, "name": "a", "required": true, "type": "int"})"),
              HasSubstr("\"id\" of the schema.fields[0] must be a 32-bit whole number"));
  EXPECT_THAT(message(R"({"id": 3000000000, "name": "a", "required": true,
                          "type": "int"})"),
              HasSubstr("32-bit"));
  EXPECT_THAT(message(R"({"id": 1, "name": "a", "required": true, "type": "int8"})"),
              HasSubstr("type 'int8'"));
  EXPECT_THAT(message(R"({"id": 1, "name": "a", "required": true, "type": "int"},
                         {"id": 1, "name": "b", "required": true, "type": "int"})"),
              HasSubstr("same field id 1"));
  EXPECT_THAT(message(R"({"id": 1, "name": "a", "required": true, "type": "int"},
                         {"id": 2, "name": "a", "required": true, "type": "int"})"),
              HasSubstr("two columns are named 'a'"));
  EXPECT_THAT(message(R"({"id": 1, "name": "a", "required": true, "type": "int",
                          "write-default": "x"})"),
              HasSubstr("is no value of type int"));
  EXPECT_FALSE(SchemaFromJsonText(std::string(100000, '[')).ok());
  EXPECT_FALSE(SchemaFromJsonText("{").ok());
}

TEST(SchemaTest, RefusesWhatJsonCouldNotHold) {
  NestedField field = NestedField::Optional(1, "a\xff", Type::Double());
  EXPECT_THAT(ErrorText(Schema::Make({field}).status()), HasSubstr("not UTF-8"));
  field.name = "a";
  field.write_default = std::make_shared<Literal>(Literal::Double(std::nan("")));
  EXPECT_THAT(ErrorText(Schema::Make({field}).status()), HasSubstr("no JSON form"));
  field.write_default = std::make_shared<Literal>(Literal::Int(1));
  EXPECT_THAT(ErrorText(Schema::Make({field}).status()),
              HasSubstr("has a default of type int"));
}

TEST(SchemaTest, FindsFieldsByFullNameAndSuggestsNearOnes) {
  const SchemaPtr schema = NestedSchema();
  EXPECT_EQ(schema->FindField("tags.element")->id, 3);
  EXPECT_EQ(schema->FindField("props.value")->id, 6);
  EXPECT_EQ(schema->FindField("place.lat")->id, 8);
  EXPECT_EQ(schema->FullName(9), "place.dec");
  const auto missing = schema->GetField("place.lst");
  EXPECT_TRUE(IsError(missing.status(), ErrorCode::kNoSuchColumn));
  EXPECT_THAT(ErrorText(missing.status()), HasSubstr("did you mean 'place.lat'?"));
  const SchemaPtr selected = schema->Select({"at", "id"}).ValueOrDie();
  EXPECT_EQ(selected->ColumnNames(), (std::vector<std::string>{"at", "id"}));
  EXPECT_EQ(selected->FindField("at")->id, 10);
}

TEST(SchemaTest, ArrowRoundTripKeepsIds) {
  const SchemaPtr schema = NestedSchema();
  const auto arrow_schema = ToArrowSchema(*schema).ValueOrDie();
  EXPECT_TRUE(arrow_schema->field(4)->type()->Equals(
      arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
  EXPECT_FALSE(arrow_schema->field(0)->nullable());
  const SchemaPtr back = FromArrowSchema(*arrow_schema).ValueOrDie();
  EXPECT_EQ(back->FindField("place.dec")->id, 9);
  EXPECT_EQ(back->FindField("props.value")->id, 6);
  EXPECT_EQ(back->FindField("u")->type->ToString(), "fixed[16]");
}

TEST(SchemaTest, ArrowTypesWithoutAnIcebergTypeAreNamed) {
  const arrow::Schema good(
      {arrow::field("a", arrow::int8()), arrow::field("b", arrow::uint32()),
       arrow::field("c", arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Oslo")),
       arrow::field("d", arrow::large_list(arrow::field("item", arrow::large_utf8()))),
       arrow::field("e", arrow::dictionary(arrow::int8(), arrow::utf8()))});
  const SchemaPtr schema = FromArrowSchema(good).ValueOrDie();
  EXPECT_EQ(schema->ToString(),
            "struct<1: a int, 2: b long, 3: c timestamptz, 4: d list<string>, "
            "6: e string>");
  EXPECT_EQ(FromArrowSchema(good, 3).ValueOrDie()->FindField("c")->type->id(),
            TypeId::kTimestampTzNs);
  const arrow::Schema bad({arrow::field("big", arrow::uint64())});
  const auto refused = FromArrowSchema(bad);
  EXPECT_TRUE(IsError(refused.status(), ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(refused.status()), HasSubstr("column 'big'"));
}

TEST(TypeTest, PromotionsOfTheSpecification) {
  const auto allowed = [](const TypePtr& from, const TypePtr& to, int version) {
    return IsPromotionAllowed(*from, *to, version);
  };
  EXPECT_TRUE(allowed(Type::Int(), Type::Long(), 2));
  EXPECT_FALSE(allowed(Type::Long(), Type::Int(), 2));
  EXPECT_TRUE(allowed(Type::Float(), Type::Double(), 1));
  EXPECT_TRUE(allowed(Type::Decimal(9, 2), Type::Decimal(18, 2), 2));
  EXPECT_FALSE(allowed(Type::Decimal(9, 2), Type::Decimal(18, 3), 2));
  EXPECT_FALSE(allowed(Type::Date(), Type::Timestamp(), 2));
  EXPECT_TRUE(allowed(Type::Date(), Type::Timestamp(), 3));
  EXPECT_FALSE(allowed(Type::Date(), Type::TimestampTz(), 3));
  EXPECT_TRUE(allowed(Type::Unknown(), Type::String(), 3));
}

TEST(TypeTest, PrimitiveNamesRoundTrip) {
  for (const char* name : {"boolean",
                           "int",
                           "long",
                           "float",
                           "double",
                           "date",
                           "time",
                           "timestamp",
                           "timestamptz",
                           "timestamp_ns",
                           "timestamptz_ns",
                           "string",
                           "uuid",
                           "binary",
                           "unknown",
                           "variant",
                           "decimal(38, 10)",
                           "fixed[3]",
                           "geometry",
                           "geometry(srid:3857)",
                           "geography",
                           "geography(OGC:CRS84, karney)"}) {
    EXPECT_EQ(Type::FromString(name).ValueOrDie()->ToString(), name);
  }
  for (const char* name : {"decimal(39, 1)", "decimal(9, 10)", "decimal(9)", "fixed[-1]",
                           "fixed", "fixed(3)", "decimal[9, 2]", "strings", "", "list"}) {
    EXPECT_FALSE(Type::FromString(name).ok()) << name;
  }
}

TEST(NameMappingTest, JsonRoundTrips) {
  const std::string json =
      R"([{"field-id":1,"names":["id","record_id"]},)"
      R"({"field-id":2,"fields":[{"field-id":3,"names":["lat"]}],"names":["place"]},)"
      R"({"names":["unmapped"]}])";
  const NameMapping mapping = NameMapping::FromJsonText(json).ValueOrDie();
  EXPECT_EQ(mapping.fields[0].names[1], "record_id");
  EXPECT_EQ(mapping.fields[1].fields[0].field_id, 3);
  EXPECT_EQ(mapping.fields[2].field_id, -1);
  EXPECT_EQ(mapping.ToJsonText(), json);
  EXPECT_FALSE(NameMapping::FromJsonText(R"([{"field-id":1}])").ok());
}

}  // namespace
}  // namespace floe::iceberg
