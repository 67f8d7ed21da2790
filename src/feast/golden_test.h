#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace floe::feast {

/// The lines of `source_dir`/test/golden/feast/`file`, split at '|'.
inline std::vector<std::vector<std::string>> ReadGolden(const std::string& source_dir,
                                                        const std::string& file) {
  std::ifstream stream(source_dir + "/test/golden/feast/" + file);
  EXPECT_TRUE(stream.good()) << file;
  std::vector<std::vector<std::string>> cases;
  for (std::string line; std::getline(stream, line);) {
    std::vector<std::string> fields(1);
    for (char c : line) {
      if (c == '|') {
        fields.emplace_back();
      } else {
        fields.back() += c;
      }
    }
    cases.push_back(std::move(fields));
  }
  return cases;
}

}  // namespace floe::feast
