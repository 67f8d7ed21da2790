#include "fuzz/fuzz_target.h"

namespace floe::fuzz {

std::span<const FuzzTarget> FuzzTargets() {
  static constexpr FuzzTarget kTargets[] = {
      {"avro", FuzzAvro},         {"metadata", FuzzMetadata},
      {"manifest", FuzzManifest}, {"predicate", FuzzPredicate},
      {"puffin", FuzzPuffin},     {"deletion_vector", FuzzDeletionVector},
      {"variant", FuzzVariant},   {"parquet", FuzzParquet},
      {"orc", FuzzOrc},           {"avro_data", FuzzAvroData},
  };
  return kTargets;
}

const FuzzTarget* FindFuzzTarget(std::string_view name) {
  for (const FuzzTarget& target : FuzzTargets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace floe::fuzz
