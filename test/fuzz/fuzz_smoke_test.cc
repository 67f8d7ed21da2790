#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "base/env.h"
#include "fuzz/broken_bytes.h"
#include "fuzz/fuzz_target.h"
#include "test/source_folder.h"

/// The fuzz targets without a fuzzer: their seeds, the inputs that once broke them, and
/// mutations of both, the same in every run.
namespace floe::fuzz {
namespace {

namespace fs = std::filesystem;

/// Large seeds are mutated too seldom where it matters.
constexpr uintmax_t kMaxSeedBytes = 256 << 10;
constexpr int64_t kMaxGrowthKilobytes = int64_t{2} << 20;

int64_t Setting(const char* name, int64_t otherwise) {
  const auto text = GetEnv(name);
  return text ? std::stoll(*text) : otherwise;
}

std::string BytesOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void AddFiles(const fs::path& folder, const std::string& ending,
              std::vector<fs::path>* paths) {
  if (!fs::exists(folder)) return;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const bool fits = entry.is_regular_file() &&
                      entry.path().string().ends_with(ending) &&
                      entry.file_size() <= kMaxSeedBytes;
    if (fits) paths->push_back(entry.path());
  }
}

std::vector<fs::path> InputsOf(const FuzzTarget& target) {
  const fs::path tests = fs::path(SourceFolder()) / "test";
  std::vector<fs::path> paths;
  std::ifstream list(tests / "fuzz/seeds.txt");
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string name, folder, ending;
    words >> name >> folder >> ending;
    if (name != target.name) continue;
    AddFiles(tests / folder, ending, &paths);
    AddFiles(fs::path(FLOE_BUILT_TESTS) / folder, ending, &paths);
  }
  AddFiles(tests / "fuzz/regressions" / target.name, "", &paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

int64_t PeakKilobytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class FuzzSmoke : public ::testing::TestWithParam<FuzzTarget> {};

TEST_P(FuzzSmoke, EndsOnEveryInputWithinBounds) {
  const FuzzTarget& target = GetParam();
  const std::vector<fs::path> inputs = InputsOf(target);
  ASSERT_FALSE(inputs.empty()) << "seeds.txt names no seed that is there";
  const int64_t before = PeakKilobytes();
  for (const fs::path& input : inputs) {
    SCOPED_TRACE(input.string());
    target.run(BytesOf(input));
  }
  const int64_t first = Setting("FLOE_FUZZ_SEED", 1);
  const int64_t rounds = Setting("FLOE_FUZZ_ROUNDS", 300);
  for (int64_t round = first; round < first + rounds; ++round) {
    Rng rng(static_cast<uint64_t>(round));
    std::string bytes = BytesOf(inputs[rng() % inputs.size()]);
    for (uint64_t times = 1 + rng() % 3; times > 0; --times) bytes = Broken(bytes, rng);
    SCOPED_TRACE(round);
    target.run(bytes);
  }
  EXPECT_LT(PeakKilobytes() - before, kMaxGrowthKilobytes);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzSmoke,
                         ::testing::ValuesIn(FuzzTargets().begin(), FuzzTargets().end()),
                         [](const auto& target) {
                           return std::string(target.param.name);
                         });

}  // namespace
}  // namespace floe::fuzz
