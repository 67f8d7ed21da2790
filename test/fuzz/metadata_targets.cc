#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/check.h"
#include "fuzz/fuzz_target.h"
#include "iceberg/avro/container.h"
#include "iceberg/expr/predicate.h"
#include "iceberg/spec/json_reader.h"
#include "iceberg/spec/manifest.h"
#include "iceberg/spec/metadata_json.h"
#include "iceberg/spec/name_mapping.h"
#include "iceberg/spec/schema.h"
#include "iceberg/spec/table_metadata.h"

namespace floe::fuzz {

using namespace iceberg;  // NOLINT: what is fuzzed.

void FuzzAvro(std::string_view bytes) {
  auto container = avro::ContainerReader::Open(bytes);
  if (!container.ok()) return;
  while (true) {
    auto block = container->Next();
    if (!block.ok() || !block->has_value()) return;
    avro::Decoder decoder((*block)->data);
    for (int64_t i = 0; i < (*block)->record_count && decoder.ok(); ++i) {
      decoder.Skip(*container->schema());
    }
    FLOE_CHECK(decoder.ok() || !decoder.status().ok());
  }
}

void FuzzMetadata(std::string_view bytes) {
  (void)NameMapping::FromJsonText(bytes);
  auto metadata = ParseTableMetadata(bytes);
  if (!metadata.ok()) return;
  (void)(*metadata)->SnapshotAsOf(0);
  // What was read is written, and read again as the same.
  auto json = TableMetadataToJson(**metadata);
  if (!json.ok()) return;
  auto again = ParseTableMetadata(*json);
  FLOE_CHECK(again.ok());
  auto json_again = TableMetadataToJson(**again);
  FLOE_CHECK(json_again.ok() && *json_again == *json);
}

namespace {

/// The partition type a manifest says it has; none where it says nothing of use.
TypePtr PartitionTypeOf(std::string_view bytes) {
  const TypePtr none = Type::Struct({});
  auto container = avro::ContainerReader::Open(bytes);
  if (!container.ok()) return none;
  const auto schema_json = container->metadata().find("schema");
  const auto spec_json = container->metadata().find("partition-spec");
  if (schema_json == container->metadata().end() ||
      spec_json == container->metadata().end()) {
    return none;
  }
  auto schema = SchemaFromJsonText(schema_json->second);
  auto fields_json = ParseJson(spec_json->second, "the partition spec");
  if (!schema.ok() || !fields_json.ok()) return none;
  auto fields = PartitionFieldsFromJson(*fields_json, "the partition spec");
  if (!fields.ok()) return none;
  PartitionSpec spec;
  spec.fields = *std::move(fields);
  return spec.PartitionType(**schema).ValueOr(none);
}

}  // namespace

void FuzzManifest(std::string_view bytes) {
  (void)ReadManifestList(bytes);
  ManifestFile manifest;
  manifest.sequence_number = 3;
  manifest.first_row_id = 1000;
  const TypePtr partition_type = PartitionTypeOf(bytes);
  ManifestReadOptions options;
  options.include_deleted = true;
  (void)ReadManifest(bytes, manifest, *partition_type, options);
  options.metrics_field_ids = {1, 3};
  options.include_deleted = false;
  options.partition_filter = [](const std::vector<Literal>& partition) {
    return partition.empty() || !partition[0].is_null();
  };
  (void)ReadManifest(bytes, manifest, *partition_type, options);
}

void FuzzPredicate(std::string_view bytes) {
  auto predicate = ParsePredicate(bytes);
  if (!predicate.ok()) return;
  auto again = ParsePredicate((*predicate)->ToString());
  (void)again;
}

}  // namespace floe::fuzz
