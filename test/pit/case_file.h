#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace floe::pit {

/// A parsed case of test/pit/cases; README.md there describes the format.
struct CaseFile {
  struct Key {
    std::string entity_column;
    std::string source_column;
  };
  struct Feature {
    std::string source_column;
    std::string output_name;
  };
  struct View {
    std::string name;
    std::string table;
    std::string timestamp = "event_timestamp";
    std::string created;
    std::vector<Key> keys;
    int64_t ttl_us = 0;
    std::vector<Feature> features;
  };
  struct Pull {
    std::string kind;  ///< "pull_latest" or "pull_all".
    View source;
    std::optional<int64_t> start_us;
    std::optional<int64_t> end_us;
  };
  struct Error {
    std::string code;
    std::vector<std::string> contains;
  };
  using TablePtr = std::shared_ptr<arrow::Table>;

  std::string name;
  std::vector<std::pair<std::string, TablePtr>> tables;
  std::vector<View> views;
  std::optional<Pull> pull;
  TablePtr entities;
  std::string entity_timestamp = "event_timestamp";
  bool filter_by_created = false;
  std::optional<int64_t> start_us;
  std::optional<int64_t> end_us;
  TablePtr expect;
  bool unordered = false;
  std::optional<Error> error;

  const TablePtr& table(const std::string& wanted) const;
};

/// Invalid, naming the line, where the text is not a case.
arrow::Result<CaseFile> ParseCase(const std::string& name, const std::string& text);

/// A row as text, exact for every type of the format; what tests compare and print.
std::vector<std::string> RowsAsText(const arrow::Table& table);

}  // namespace floe::pit
