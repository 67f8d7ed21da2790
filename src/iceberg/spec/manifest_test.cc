#include "iceberg/spec/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/hex.h"
#include "base/random.h"
#include "iceberg/avro/container.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/metadata_json.h"
#include "test/source_folder.h"

namespace floe::iceberg {
namespace {

const std::filesystem::path kGoldens =
    std::filesystem::path(SourceFolder()) / "test" / "golden" / "manifests";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.is_open()) << path;
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

template <typename T>
std::string Text(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "null";
}

std::string HexText(const std::optional<std::string>& value) {
  return value ? HexEncode(*value) : "null";
}

std::string Join(const auto& numbers) {
  std::string text;
  for (const auto number : numbers) {
    text += (text.empty() ? "" : ",") + std::to_string(number);
  }
  return text;
}

/// A partition value as test/golden/manifests/describe.py writes it.
std::string TupleText(const Literal& value) {
  if (const auto* text = std::get_if<std::string>(&value.value())) return *text;
  if (const auto* number = std::get_if<int32_t>(&value.value())) {
    return fmt::format("{}", *number);
  }
  return value.ToString();
}

void Describe(const ManifestFile& manifest, std::string* out) {
  *out += fmt::format(
      "manifest path={} length={} spec={} content={} sequence={} min_sequence={} "
      "snapshot={} added={} existing={} deleted={} added_rows={} existing_rows={} "
      "deleted_rows={}\n",
      manifest.manifest_path, manifest.manifest_length, manifest.partition_spec_id,
      static_cast<int>(manifest.content), manifest.sequence_number,
      manifest.min_sequence_number, manifest.added_snapshot_id,
      Text(manifest.added_files_count), Text(manifest.existing_files_count),
      Text(manifest.deleted_files_count), Text(manifest.added_rows_count),
      Text(manifest.existing_rows_count), Text(manifest.deleted_rows_count));
  for (const PartitionFieldSummary& summary : manifest.partitions) {
    *out += fmt::format("  partition null={} nan={} lower={} upper={}\n",
                        summary.contains_null, Text(summary.contains_nan),
                        HexText(summary.lower_bound), HexText(summary.upper_bound));
  }
}

void Describe(const ManifestEntry& entry, std::string* out) {
  const DataFile& file = entry.file;
  *out += fmt::format(
      "entry status={} snapshot={} sequence={} file_sequence={} content={} path={} "
      "format={} records={} size={} splits={} equality={} sort={}\n",
      static_cast<int>(entry.status), Text(entry.snapshot_id),
      Text(entry.sequence_number), Text(entry.file_sequence_number),
      static_cast<int>(file.content), file.file_path, FileFormatName(file.file_format),
      file.record_count, file.file_size_bytes, Join(file.split_offsets),
      Join(file.equality_ids), Text(file.sort_order_id));
  *out += "  tuple ";
  for (size_t i = 0; i < file.partition.size(); ++i) {
    *out += (i > 0 ? " " : "") + TupleText(file.partition[i]);
  }
  *out += "\n";
  for (const ColumnMetrics& column : file.metrics) {
    *out +=
        fmt::format("  column {} size={} values={} nulls={} nans={} lower={} upper={}\n",
                    column.field_id, Text(column.size_bytes), Text(column.value_count),
                    Text(column.null_count), Text(column.nan_count),
                    HexText(column.lower_bound), HexText(column.upper_bound));
  }
}

/// A manifest of the goldens and what its reading needs, from its own metadata.
struct Golden {
  std::string list_bytes;
  std::string bytes;
  std::vector<ManifestFile> manifests;
  ManifestFile manifest;
  SchemaPtr schema;
  PartitionSpec spec;
  TypePtr partition_type;

  arrow::Result<std::vector<ManifestEntry>> Read(const ManifestReadOptions& options) {
    return ReadManifest(bytes, manifest, *partition_type, options);
  }
};

Golden OpenGolden(const std::string& name) {
  Golden golden;
  golden.list_bytes = ReadFile(kGoldens / (name + ".list.avro"));
  golden.bytes = ReadFile(kGoldens / (name + ".manifest.avro"));
  golden.manifests = ReadManifestList(golden.list_bytes).ValueOrDie();
  for (const ManifestFile& manifest : golden.manifests) {
    if (manifest.manifest_length == static_cast<int64_t>(golden.bytes.size())) {
      golden.manifest = manifest;
    }
  }
  const auto container = avro::ContainerReader::Open(golden.bytes).ValueOrDie();
  golden.schema =
      SchemaFromJsonText(container.metadata().find("schema")->second).ValueOrDie();
  const auto fields =
      ParseJson(container.metadata().find("partition-spec")->second, "spec").ValueOrDie();
  golden.spec.fields = PartitionFieldsFromJson(fields, "spec").ValueOrDie();
  golden.spec.spec_id = golden.manifest.partition_spec_id;
  golden.partition_type = golden.spec.PartitionType(*golden.schema).ValueOrDie();
  return golden;
}

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kGoldens)) {
    const std::string name = file.path().filename();
    const size_t end = name.find(".list.avro");
    if (end != std::string::npos) names.push_back(name.substr(0, end));
  }
  return names;
}

class ManifestGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(ManifestGoldenTest, ReadsWhatPyIcebergReads) {
  Golden golden = OpenGolden(GetParam());
  std::string text;
  for (const ManifestFile& manifest : golden.manifests) Describe(manifest, &text);
  const auto entries = golden.Read({.include_deleted = true});
  ASSERT_TRUE(entries.ok()) << entries.status();
  for (const ManifestEntry& entry : *entries) Describe(entry, &text);
  EXPECT_EQ(text, ReadFile(kGoldens / (GetParam() + ".expected.txt")));
}

TEST_P(ManifestGoldenTest, WritesBackWhatItRead) {
  Golden golden = OpenGolden(GetParam());
  const auto entries = golden.Read({.include_deleted = true}).ValueOrDie();
  const int version = GetParam().find("v1") != std::string::npos   ? 1
                      : GetParam().find("v3") != std::string::npos ? 3
                                                                   : 2;
  const ManifestWriteContext context{version, golden.schema, golden.spec,
                                     golden.manifest.content,
                                     golden.manifest.added_snapshot_id};
  const auto written = WriteManifest(context, entries);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->manifest.added_rows_count, golden.manifest.added_rows_count);
  EXPECT_EQ(written->manifest.existing_files_count, golden.manifest.existing_files_count);
  EXPECT_EQ(written->manifest.deleted_files_count, golden.manifest.deleted_files_count);
  ASSERT_EQ(written->manifest.partitions.size(), golden.manifest.partitions.size());
  for (size_t i = 0; i < golden.manifest.partitions.size(); ++i) {
    EXPECT_EQ(written->manifest.partitions[i].lower_bound,
              golden.manifest.partitions[i].lower_bound);
    EXPECT_EQ(written->manifest.partitions[i].upper_bound,
              golden.manifest.partitions[i].upper_bound);
    EXPECT_EQ(written->manifest.partitions[i].contains_null,
              golden.manifest.partitions[i].contains_null);
  }
  const auto again = ReadManifest(written->bytes, golden.manifest, *golden.partition_type,
                                  {.include_deleted = true});
  ASSERT_TRUE(again.ok()) << again.status();
  std::string before;
  std::string after;
  for (const ManifestEntry& entry : entries) Describe(entry, &before);
  for (const ManifestEntry& entry : *again) Describe(entry, &after);
  EXPECT_EQ(before, after);
}

TEST_P(ManifestGoldenTest, SkipsMetricsThatAreNotAskedFor) {
  Golden golden = OpenGolden(GetParam());
  const auto all = golden.Read({.include_deleted = true}).ValueOrDie();
  const auto none =
      golden.Read({.metrics_field_ids = std::vector<int32_t>(), .include_deleted = true})
          .ValueOrDie();
  const auto some = golden
                        .Read({.metrics_field_ids = std::vector<int32_t>{3, 1},
                               .include_deleted = true})
                        .ValueOrDie();
  ASSERT_EQ(all.size(), none.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(none[i].file.metrics.empty());
    EXPECT_EQ(none[i].file.file_path, all[i].file.file_path);
    for (const int32_t column : {1, 2, 3}) {
      const ColumnMetrics* expected =
          column == 2 ? nullptr : all[i].file.FindMetrics(column);
      const ColumnMetrics* actual = some[i].file.FindMetrics(column);
      ASSERT_EQ(expected == nullptr, actual == nullptr);
      if (expected != nullptr) {
        EXPECT_EQ(expected->lower_bound, actual->lower_bound);
      }
    }
  }
}

TEST_P(ManifestGoldenTest, BrokenBytesGiveErrorsOrValues) {
  Golden golden = OpenGolden(GetParam());
  const std::string bytes = golden.bytes;
  for (size_t size = 0; size < bytes.size(); size += 7) {
    golden.bytes = bytes.substr(0, size);
    const auto entries = golden.Read({.include_deleted = true});
    // A file cut before its first block is a valid empty one.
    EXPECT_TRUE(!entries.ok() || entries->empty()) << size;
  }
  const auto random = Random::Seeded(20261122);
  for (int i = 0; i < 600; ++i) {
    golden.bytes = bytes;
    for (int flips = 0; flips <= i % 3; ++flips) {
      golden.bytes[random->Next() % bytes.size()] ^=
          static_cast<char>(1 << random->Next() % 8);
    }
    EXPECT_NE(golden.Read({.include_deleted = true}).status().code(),
              arrow::StatusCode::UnknownError);
    std::string list = golden.list_bytes;
    list[random->Next() % list.size()] ^= static_cast<char>(1 << random->Next() % 8);
    EXPECT_NE(ReadManifestList(list).status().code(), arrow::StatusCode::UnknownError);
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, ManifestGoldenTest, testing::ValuesIn(GoldenNames()),
                         [](const auto& name) { return name.param; });

TEST(ManifestListTest, ReadsTheListsOfRust) {
  const auto list =
      ReadManifestList(ReadFile(kGoldens / "rust" / "manifest-list-v2-1.avro"));
  ASSERT_TRUE(list.ok()) << ErrorText(list.status());
  // As PyIceberg reads it.
  std::string text;
  for (const ManifestFile& manifest : *list) Describe(manifest, &text);
  EXPECT_EQ(text,
            "manifest path=iceberg-warehouse/people/metadata/"
            "794bd2ee-052c-449c-9a6f-3a88857c747f-m0.avro length=6658 spec=0 content=0 "
            "sequence=1 min_sequence=1 snapshot=6653143792592159268 added=1 existing=0 "
            "deleted=0 added_rows=1 existing_rows=0 deleted_rows=0\n");
  const auto other =
      ReadManifestList(ReadFile(kGoldens / "rust" / "manifest-list-v2-2.avro"));
  ASSERT_TRUE(other.ok()) << ErrorText(other.status());
  EXPECT_EQ(other->front().added_snapshot_id, 3083072880052097243);
}

TEST(ManifestListTest, RefusesAnEncryptedOneByName) {
  const auto list =
      ReadManifestList(ReadFile(kGoldens / "rust" / "manifest-list-v3-encrypted.avro"));
  EXPECT_TRUE(IsError(list.status(), ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(list.status()), testing::HasSubstr("encrypted"));
  ManifestFile manifest;
  manifest.manifest_path = "m0.avro";
  manifest.key_metadata = "key";
  const auto entries = ReadManifest("", manifest, *Type::Struct({}), {});
  EXPECT_TRUE(IsError(entries.status(), ErrorCode::kNotSupported));
  EXPECT_THAT(ErrorText(entries.status()), testing::HasSubstr("m0.avro"));
}

TEST(ManifestTest, BlocksWithFlippedBytesAfterInflationDoNotCrash) {
  // Behind deflate, flipped bits mostly end in a decompression error; here they reach the
  // decoder.
  Golden golden = OpenGolden("pyiceberg_v2_null");
  const size_t header = golden.bytes.find("file:///");
  ASSERT_NE(header, std::string::npos);
  const auto random = Random::Seeded(7);
  int errors = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = golden.bytes;
    const size_t place = header - 20 + random->Next() % (bytes.size() - header);
    bytes[place] = static_cast<char>(random->Next());
    const auto entries = ReadManifest(bytes, golden.manifest, *golden.partition_type, {});
    if (!entries.ok()) {
      ++errors;
      const ErrorCode code = ErrorCodeOf(entries.status());
      EXPECT_TRUE(code == ErrorCode::kCorruptData || code == ErrorCode::kNotSupported)
          << entries.status();
    }
  }
  EXPECT_GT(errors, 250);
}

SchemaPtr TestSchema() {
  return Schema::Make({NestedField::Required(1, "id", Type::Long()),
                       NestedField::Optional(2, "ts", Type::TimestampTz()),
                       NestedField::Optional(3, "x y", Type::Double())})
      .ValueOrDie();
}

ManifestEntry AddedEntry(const std::string& path, int64_t rows,
                         std::vector<Literal> partition) {
  ManifestEntry entry;
  entry.file.file_path = path;
  entry.file.record_count = rows;
  entry.file.file_size_bytes = 10 * rows;
  entry.file.partition = std::move(partition);
  return entry;
}

PartitionSpec DaySpec() {
  PartitionSpec spec;
  spec.spec_id = 5;
  spec.fields.push_back({2, 1000, "ts_day", Transform::Day()});
  spec.fields.push_back({3, 1001, "x y", Transform::Identity()});
  return spec;
}

TEST(ManifestTest, AddedEntriesInheritFromTheManifestList) {
  const ManifestWriteContext context{2, TestSchema(), DaySpec(), ManifestContent::kData,
                                     77};
  const Literal day(Type::Date(), 20779);
  const Literal nan = Literal::Double(std::nan(""));
  auto written =
      WriteManifest(
          context,
          {AddedEntry("a", 3, {day, nan}),
           AddedEntry("b", 4, {Literal::Null(Type::Date()), Literal::Double(1.5)})})
          .ValueOrDie();
  EXPECT_EQ(written.manifest.sequence_number, kUnassignedSequenceNumber);
  EXPECT_EQ(written.manifest.added_files_count, 2);
  EXPECT_EQ(written.manifest.added_rows_count, 7);
  ASSERT_EQ(written.manifest.partitions.size(), 2U);
  EXPECT_TRUE(written.manifest.partitions[0].contains_null);
  EXPECT_EQ(written.manifest.partitions[0].upper_bound, day.ToBytes().ValueOrDie());
  EXPECT_EQ(written.manifest.partitions[1].contains_nan, true);
  written.manifest.manifest_path = "m0";
  const std::string list =
      WriteManifestList({2, 77, std::nullopt, 9, std::nullopt}, {written.manifest})
          .ValueOrDie();
  const auto manifests = ReadManifestList(list).ValueOrDie();
  ASSERT_EQ(manifests.size(), 1U);
  EXPECT_EQ(manifests[0].sequence_number, 9);
  EXPECT_EQ(manifests[0].min_sequence_number, 9);
  EXPECT_EQ(manifests[0].manifest_length, static_cast<int64_t>(written.bytes.size()));
  const auto type = DaySpec().PartitionType(*TestSchema()).ValueOrDie();
  int asked = 0;
  const auto entries = ReadManifest(written.bytes, manifests[0], *type,
                                    {.partition_filter =
                                         [&](const std::vector<Literal>& partition) {
                                           ++asked;
                                           return !partition[0].is_null();
                                         }})
                           .ValueOrDie();
  EXPECT_EQ(asked, 2);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].sequence_number, 9);
  EXPECT_EQ(entries[0].file_sequence_number, 9);
  EXPECT_EQ(entries[0].snapshot_id, 77);
  EXPECT_EQ(entries[0].file.spec_id, 5);
  EXPECT_EQ(entries[0].file.partition[0], day);
}

TEST(ManifestTest, RejectsEntriesThatDoNotFit) {
  ManifestWriteContext context{2, TestSchema(), DaySpec(), ManifestContent::kData, 77};
  const auto code = [&](const ManifestEntry& entry) {
    return ErrorCodeOf(WriteManifest(context, {entry}).status());
  };
  EXPECT_EQ(code(AddedEntry("a", 1, {})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(AddedEntry("a", 1, {Literal::String("x"), Literal::Double(1)})),
            ErrorCode::kInvalidArgument);
  ManifestEntry existing =
      AddedEntry("a", 1, {Literal(Type::Date(), 1), Literal::Double(1)});
  existing.status = EntryStatus::kExisting;
  EXPECT_EQ(code(existing), ErrorCode::kInvalidArgument);
  existing.snapshot_id = 5;
  existing.sequence_number = 3;
  existing.file_sequence_number = 4;
  const auto written = WriteManifest(context, {existing});
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->manifest.min_sequence_number, 3);
  existing.file.content = FileContent::kPositionDeletes;
  EXPECT_EQ(code(existing), ErrorCode::kInvalidArgument);
  context.format_version = 1;
  context.content = ManifestContent::kDeletes;
  EXPECT_EQ(code(existing), ErrorCode::kInvalidArgument);
}

TEST(ManifestTest, FirstRowIdsAreInheritedInOrder) {
  PartitionSpec unpartitioned;
  const ManifestWriteContext context{3, TestSchema(), unpartitioned,
                                     ManifestContent::kData, 77};
  ManifestEntry deleted = AddedEntry("gone", 1000, {});
  deleted.status = EntryStatus::kDeleted;
  deleted.sequence_number = 1;
  deleted.file_sequence_number = 1;
  ManifestEntry kept = AddedEntry("kept", 50, {});
  kept.status = EntryStatus::kExisting;
  kept.snapshot_id = 6;
  kept.sequence_number = 1;
  kept.file_sequence_number = 1;
  kept.file.first_row_id = 400;
  auto written = WriteManifest(context, {AddedEntry("a", 3, {}), deleted, kept,
                                         AddedEntry("b", 4, {}), AddedEntry("c", 5, {})})
                     .ValueOrDie();
  written.manifest.manifest_path = "m0";
  ManifestFile deletes = written.manifest;
  deletes.content = ManifestContent::kDeletes;
  std::vector<ManifestFile> assigned = {deletes, written.manifest, written.manifest};
  EXPECT_EQ(AssignFirstRowIds(10000, &assigned), 10000 + 2 * (3 + 50 + 4 + 5));
  EXPECT_EQ(assigned[0].first_row_id, std::nullopt);
  EXPECT_EQ(assigned[2].first_row_id, 10062);
  const std::string list =
      WriteManifestList({3, 77, 6, 2, 10000}, {deletes, written.manifest}).ValueOrDie();
  const ManifestFile read = ReadManifestList(list).ValueOrDie()[1];
  EXPECT_EQ(read.first_row_id, 10000);
  const auto type = unpartitioned.PartitionType(*TestSchema()).ValueOrDie();
  const auto entries = ReadManifest(written.bytes, read, *type, {}).ValueOrDie();
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].file.first_row_id, 10000);
  EXPECT_EQ(entries[1].file.first_row_id, 400);
  EXPECT_EQ(entries[2].file.first_row_id, 10003);
  EXPECT_EQ(entries[3].file.first_row_id, 10007);
}

TEST(ManifestTest, DeletionVectorsKeepTheirPlace) {
  Golden golden = OpenGolden("spark_v3_deletion_vectors");
  const auto entries = golden.Read({}).ValueOrDie();
  ASSERT_EQ(entries.size(), 1U);
  const DataFile& file = entries[0].file;
  EXPECT_EQ(file.file_format, FileFormat::kPuffin);
  EXPECT_EQ(file.content, FileContent::kPositionDeletes);
  ASSERT_TRUE(file.referenced_data_file.has_value());
  EXPECT_THAT(*file.referenced_data_file, testing::EndsWith(".parquet"));
  EXPECT_TRUE(file.content_offset.has_value());
  EXPECT_TRUE(file.content_size_bytes.has_value());
}

TEST(ManifestTest, MetricsComeSortedHoweverTheyWereWritten) {
  const ManifestWriteContext context{2, TestSchema(), {}, ManifestContent::kData, 77};
  ManifestEntry entry = AddedEntry("a", 1, {});
  for (const int32_t column : {9, 2, 5, 1}) {
    ColumnMetrics metrics;
    metrics.field_id = column;
    if (column != 5) metrics.value_count = column * 10;
    metrics.lower_bound = std::string(static_cast<size_t>(column), 'x');
    entry.file.metrics.push_back(metrics);
  }
  const auto written = WriteManifest(context, {entry, entry}).ValueOrDie();
  const auto entries =
      ReadManifest(written.bytes, written.manifest, *Type::Struct({}), {}).ValueOrDie();
  for (const ManifestEntry& read : entries) {
    ASSERT_EQ(read.file.metrics.size(), 4U);
    EXPECT_EQ(read.file.metrics[0].field_id, 1);
    EXPECT_EQ(read.file.metrics[3].field_id, 9);
    EXPECT_EQ(read.file.FindMetrics(5)->lower_bound, "xxxxx");
    EXPECT_EQ(read.file.FindMetrics(5)->value_count, std::nullopt);
    EXPECT_EQ(read.file.FindMetrics(9)->value_count, 90);
    EXPECT_EQ(read.file.FindMetrics(7), nullptr);
  }
}

}  // namespace
}  // namespace floe::iceberg
