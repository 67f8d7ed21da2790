#include "iceberg/spec/table_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/random.h"
#include "iceberg/spec/json_reader.h"
#include "test/source_folder.h"

namespace floe::iceberg {
namespace {

using testing::HasSubstr;

std::string GoldenFile(const std::string& name) {
  const auto path =
      std::filesystem::path(SourceFolder()) / "test" / "golden" / "metadata" / name;
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.is_open()) << path;
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

std::string Golden(const std::string& name) {
  return GoldenFile("TableMetadata" + name + ".json");
}

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(TableMetadataTest, RejectsWhatTheJavaReferenceRejects) {
  const std::pair<const char*, const char*> cases[] = {
      {"UnsupportedVersion", "format version"},
      {"V1MissingSchemaType", "has no \"type\""},
      {"V2CurrentSchemaNotFound", "\"current-schema-id\" 2 is none of the schemas"},
      {"V2MissingLastPartitionId", "\"last-partition-id\""},
      {"V2MissingPartitionSpecs", "\"partition-specs\""},
      {"V2MissingSchemas", "\"schemas\""},
      {"V2MissingSortOrder", "\"sort-orders\""},
  };
  for (const auto& [name, message] : cases) {
    const auto metadata = ParseTableMetadata(Golden(name));
    ASSERT_FALSE(metadata.ok()) << name;
    EXPECT_THAT(ErrorText(metadata.status()), HasSubstr(message));
  }
}

TEST(TableMetadataTest, ReadsVersion2) {
  const auto metadata = ParseTableMetadata(Golden("V2Valid")).ValueOrDie();
  EXPECT_EQ(metadata->format_version, 2);
  EXPECT_EQ(metadata->table_uuid, "9c12d441-03fe-4693-9a96-a0705ddf69c1");
  EXPECT_EQ(metadata->last_sequence_number, 34);
  EXPECT_EQ(metadata->schema()->schema_id(), 1);
  EXPECT_EQ(metadata->schema()->identifier_field_ids(), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(metadata->default_spec().fields[0].name, "x");
  EXPECT_EQ(metadata->sort_orders[0].fields.size(), 2U);
  EXPECT_EQ(metadata->sort_orders[0].fields[1].direction, SortDirection::kDescending);
  ASSERT_NE(metadata->current_snapshot(), nullptr);
  EXPECT_EQ(metadata->current_snapshot()->snapshot_id, 3055729675574597004);
  EXPECT_EQ(metadata->SnapshotByRef("main").ValueOrDie()->sequence_number, 1);
  EXPECT_EQ(metadata->SnapshotAsOf(1515100955770).ValueOrDie()->snapshot_id,
            3051729675574597004);
  EXPECT_TRUE(IsError(metadata->SnapshotAsOf(1).status(), ErrorCode::kNoSuchSnapshot));
  const auto missing = metadata->SnapshotById(5);
  EXPECT_THAT(ErrorText(missing.status()), HasSubstr("3051729675574597004"));
}

TEST(TableMetadataTest, ReadsVersion1AndWritesBothOfItsForms) {
  const auto metadata = ParseTableMetadata(Golden("V1Valid")).ValueOrDie();
  EXPECT_EQ(metadata->format_version, 1);
  EXPECT_EQ(metadata->schema()->fields().size(), 3U);
  EXPECT_EQ(metadata->last_partition_id, 1000);
  EXPECT_EQ(metadata->current_snapshot(), nullptr);
  const auto json =
      ParseJson(TableMetadataToJson(*metadata).ValueOrDie(), "test").ValueOrDie();
  EXPECT_EQ(json["schema"]["fields"].size(), 3U);
  EXPECT_EQ(json["schemas"].size(), 1U);
  EXPECT_EQ(json["partition-spec"][0]["name"], "x");
  EXPECT_FALSE(json.contains("last-sequence-number"));
}

TEST(TableMetadataTest, WritesBackWhatItRead) {
  for (const char* name : {"V1Valid", "V2Valid", "V2ValidMinimal", "V3ValidMinimal",
                           "StatisticsFiles", "PartitionStatisticsFiles"}) {
    SCOPED_TRACE(name);
    const auto metadata = ParseTableMetadata(Golden(name));
    ASSERT_TRUE(metadata.ok()) << metadata.status();
    const std::string json = TableMetadataToJson(**metadata).ValueOrDie();
    const auto again = ParseTableMetadata(json);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(TableMetadataToJson(**again).ValueOrDie(), json);
    // Nothing of the original may be lost; what is added are defaults.
    const auto before = ParseJson(Golden(name), "test").ValueOrDie();
    const auto after = ParseJson(json, "test").ValueOrDie();
    for (const auto& [key, value] : before.items()) {
      if (key == "current-snapshot-id" && value == -1) continue;
      nlohmann::json expected = value;
      if (key == "schema") expected["schema-id"] = 0;
      EXPECT_EQ(after.value(key, nlohmann::json()), expected) << key;
    }
  }
}

TEST(TableMetadataTest, ReadsWhatPythonRustAndGoRead) {
  for (const char* name :
       {"python/EXAMPLE_TABLE_METADATA_V1.json",
        "python/EXAMPLE_TABLE_METADATA_WITH_SNAPSHOT_V1.json",
        "python/EXAMPLE_TABLE_METADATA_NO_SNAPSHOT_V1.json",
        "python/EXAMPLE_TABLE_METADATA_V2.json", "python/EXAMPLE_TABLE_METADATA_V3.json",
        "python/TABLE_METADATA_V2_WITH_STATISTICS.json",
        "rust/TableMetadataV1Compat.json",
        "rust/TableMetadataV1PartitionSpecsWithoutDefaultId.json",
        "rust/TableMetadataV1SchemasWithoutCurrentId.json",
        "rust/TableMetadataV3ValidEncryption.json", "rust/example_table_metadata_v2.json",
        "rust/example_empty_table_metadata_v2.json",
        "rust/example_table_metadata_v2_deep_history.json",
        "go/TableMetadataV2Valid.zstd.metadata.json",
        "go/TableMetadataV2ValidMinimal.json",
        "go/TableMetadataV3WithPartitionStatistics.json"}) {
    SCOPED_TRACE(name);
    const auto metadata = ParseTableMetadata(GoldenFile(name));
    ASSERT_TRUE(metadata.ok()) << ErrorText(metadata.status());
    const std::string json = TableMetadataToJson(**metadata).ValueOrDie();
    const auto again = ParseTableMetadata(json);
    ASSERT_TRUE(again.ok()) << ErrorText(again.status());
    EXPECT_EQ(TableMetadataToJson(**again).ValueOrDie(), json);
  }
  const auto rejected =
      ParseTableMetadata(GoldenFile("rust/TableMetadataV1NoValidSchema.json"));
  ASSERT_FALSE(rejected.ok());
  EXPECT_THAT(ErrorText(rejected.status()), HasSubstr("\"schema\""));
  // PyIceberg's example lacks what the specification requires of format 2.
  const auto incomplete = ParseTableMetadata(
      GoldenFile("python/TABLE_METADATA_V2_WITH_FIXED_AND_DECIMAL_TYPES.json"));
  ASSERT_FALSE(incomplete.ok());
  EXPECT_THAT(ErrorText(incomplete.status()), HasSubstr("sort-orders"));
}

// In format 1 the ids of the current schema and spec are optional; the Java reference
// asks for them all the same.
TEST(TableMetadataTest, Version1MayLeaveCurrentIdsOut) {
  const auto schemas =
      ParseTableMetadata(GoldenFile("rust/TableMetadataV1SchemasWithoutCurrentId.json"))
          .ValueOrDie();
  EXPECT_EQ(schemas->current_schema_id, 0);
  EXPECT_EQ(schemas->schema()->fields().size(), 3U);
  const auto specs =
      ParseTableMetadata(
          GoldenFile("rust/TableMetadataV1PartitionSpecsWithoutDefaultId.json"))
          .ValueOrDie();
  for (const PartitionSpec& spec : specs->partition_specs) {
    EXPECT_LE(spec.spec_id, specs->default_spec_id);
  }
}

TEST(TableMetadataTest, ReadsGzip) {
  const std::string gzip = Gzip(Golden("V2Valid"));
  EXPECT_EQ((*ParseTableMetadata(gzip).ValueOrDie()).last_sequence_number, 34);
  for (size_t size = 2; size < gzip.size(); ++size) {
    EXPECT_FALSE(ParseTableMetadata(gzip.substr(0, size)).ok()) << size;
  }
}

TEST(TableMetadataTest, ReadsZstd) {
  const std::string text = Golden("V2Valid");
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  ASSERT_TRUE(ParseTableMetadata(packed).ok());
  for (const size_t size : {packed.size() / 2, packed.size() - 1}) {
    EXPECT_TRUE(IsError(ParseTableMetadata(packed.substr(0, size)).status(),
                        ErrorCode::kCorruptData));
  }
}

// No engine writes these yet; the specification's V3 has them.
TEST(TableMetadataTest, CarriesTransformsOfSeveralColumns) {
  nlohmann::json json = nlohmann::json::parse(Golden("V2Valid"));
  json["partition-specs"][0]["fields"] = {{{"name", "both"},
                                           {"transform", "bucket[4]"},
                                           {"source-ids", {1, 2}},
                                           {"field-id", 1000}}};
  const auto metadata = ParseTableMetadata(json.dump());
  ASSERT_TRUE(metadata.ok()) << ErrorText(metadata.status());
  // It is not the bucket of the first column.
  const PartitionField& field = (*metadata)->partition_specs[0].fields[0];
  EXPECT_EQ(field.transform.kind(), Transform::Kind::kUnknown);
  const auto written = TableMetadataToJson(**metadata);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(nlohmann::json::parse(*written)["partition-specs"][0]["fields"],
            json["partition-specs"][0]["fields"]);
}

TEST(TableMetadataTest, StructsMayHaveTheDefaultOfTheirFields) {
  const std::string text = R"({"type":"struct","schema-id":0,"fields":[
      {"id":1,"name":"point","required":true,"initial-default":{},"write-default":{},
       "type":{"type":"struct","fields":[{"id":2,"name":"x","required":false,
               "type":"int","initial-default":7,"write-default":7}]}}]})";
  const auto schema = SchemaFromJsonText(text);
  ASSERT_TRUE(schema.ok()) << ErrorText(schema.status());
  ASSERT_NE((*schema)->fields()[0].initial_default, nullptr);
  EXPECT_EQ(nlohmann::json::parse(SchemaToJsonText(**schema)),
            nlohmann::json::parse(text));
}

TEST(TableMetadataTest, InconsistentPartsAreNamed) {
  const auto message = [](const char* key, const char* value) {
    auto json = ParseJson(Golden("V2Valid"), "test").ValueOrDie();
    json[key] = ParseJson(value, "test").ValueOrDie();
    const auto metadata = ParseTableMetadata(json.dump());
    return metadata.ok() ? "accepted" : ErrorText(metadata.status());
  };
  EXPECT_THAT(message("current-snapshot-id", "12"), HasSubstr("none of the snapshots"));
  EXPECT_THAT(message("current-snapshot-id", "\"12\""), HasSubstr("64-bit whole number"));
  EXPECT_THAT(message("default-spec-id", "7"), HasSubstr("none of the specs"));
  EXPECT_THAT(message("default-sort-order-id", "7"), HasSubstr("none of the orders"));
  EXPECT_THAT(message("last-sequence-number", "0"), HasSubstr("sequence number"));
  EXPECT_THAT(message("properties", "{\"a\": 1}"), HasSubstr("property \"a\""));
  EXPECT_THAT(message("last-column-id", "99999999999"), HasSubstr("32-bit"));
  EXPECT_THAT(message("refs", R"({"t": {"snapshot-id": 1, "type": "tag"}})"),
              HasSubstr("snapshot 1, which is not there"));
  EXPECT_EQ(message("current-snapshot-id", "3055729675574597004"), "accepted");
}

TEST(TableMetadataTest, BrokenBytesGiveErrorsOrValues) {
  const std::string golden = Golden("V2Valid");
  for (size_t size = 0; size + 2 < golden.size(); size += 5) {
    EXPECT_FALSE(ParseTableMetadata(golden.substr(0, size)).ok()) << size;
  }
  const auto random = Random::Seeded(42);
  int values = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = golden;
    bytes[random->Next() % bytes.size()] = static_cast<char>(random->Next());
    const auto metadata = ParseTableMetadata(bytes);
    if (metadata.ok()) {
      ++values;
      EXPECT_TRUE(TableMetadataToJson(**metadata).ok());
    }
  }
  EXPECT_GT(values, 0);
  EXPECT_LT(values, 2000);
}

}  // namespace
}  // namespace floe::iceberg
