#pragma once

#include <span>
#include <string_view>

namespace floe::fuzz {

/// A parser of bytes from outside. It takes any bytes: it answers or refuses them, in
/// time and memory that the input's size bounds, and ends the process where an answer
/// breaks what it promises.
struct FuzzTarget {
  std::string_view name;
  void (*run)(std::string_view bytes);
};

/// All of them. seeds.txt says where each one's first inputs lie.
std::span<const FuzzTarget> FuzzTargets();

/// nullptr when there is none of the name.
const FuzzTarget* FindFuzzTarget(std::string_view name);

void FuzzAvro(std::string_view bytes);
void FuzzMetadata(std::string_view bytes);
void FuzzManifest(std::string_view bytes);
void FuzzPredicate(std::string_view bytes);
void FuzzPuffin(std::string_view bytes);
void FuzzDeletionVector(std::string_view bytes);
void FuzzVariant(std::string_view bytes);
void FuzzParquet(std::string_view bytes);
void FuzzOrc(std::string_view bytes);
void FuzzAvroData(std::string_view bytes);

}  // namespace floe::fuzz
