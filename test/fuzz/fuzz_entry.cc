#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "fuzz/fuzz_target.h"

// libFuzzer's entry points. FLOE_FUZZ_TARGET names the target (./dev fuzz sets it).

namespace {
const floe::fuzz::FuzzTarget* chosen = nullptr;
}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("FLOE_FUZZ_TARGET");
  chosen = floe::fuzz::FindFuzzTarget(name == nullptr ? "" : name);
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "set FLOE_FUZZ_TARGET to one of:");
  for (const auto& target : floe::fuzz::FuzzTargets()) {
    std::fprintf(stderr, " %.*s", static_cast<int>(target.name.size()),
                 target.name.data());
  }
  std::fprintf(stderr, "\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
