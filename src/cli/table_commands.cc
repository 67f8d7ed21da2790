#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/command.h"
#include "cli/timestamp_text.h"
#include "iceberg/catalog/catalog_abilities.h"
#include "iceberg/spec/schema.h"

namespace floe::cli {
namespace {

using iceberg::Namespace;
using iceberg::Table;
using iceberg::TablePtr;
using nlohmann::json;

arrow::Status PrintTables(const GlobalOptions& global, const std::string& name_space) {
  ARROW_ASSIGN_OR_RAISE(const auto catalog, OpenCatalog(global.catalog));
  std::vector<Namespace> namespaces;
  if (name_space.empty()) {
    ARROW_ASSIGN_OR_RAISE(namespaces, iceberg::ListAllNamespaces(*catalog));
  } else {
    ARROW_ASSIGN_OR_RAISE(namespaces.emplace_back(), iceberg::ParseNamespace(name_space));
  }
  std::vector<std::string> names;
  for (const Namespace& levels : namespaces) {
    ARROW_ASSIGN_OR_RAISE(const auto tables, catalog->ListTables(levels));
    for (const auto& table : tables) names.push_back(table.ToString());
  }
  if (global.json) {
    std::cout << json(names) << "\n";
    return arrow::Status::OK();
  }
  for (const std::string& name : names) std::cout << name << "\n";
  if (names.empty()) std::cerr << "floe: the catalog has no tables yet\n";
  return arrow::Status::OK();
}

json SnapshotJson(const iceberg::Snapshot& snapshot) {
  json entry = {{"snapshot_id", snapshot.snapshot_id},
                {"timestamp_ms", snapshot.timestamp_ms},
                {"timestamp", TimestampText(snapshot.timestamp_ms)},
                {"sequence_number", snapshot.sequence_number},
                {"operation", snapshot.operation()},
                {"summary", snapshot.summary}};
  entry["parent_snapshot_id"] =
      snapshot.parent_snapshot_id ? json(*snapshot.parent_snapshot_id) : json(nullptr);
  return entry;
}

std::string SummaryValue(const iceberg::Snapshot& snapshot, const char* key) {
  auto found = snapshot.summary.find(key);
  return found == snapshot.summary.end() ? "-" : found->second;
}

arrow::Status PrintSnapshots(const GlobalOptions& global, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const TablePtr table, LoadTable(global.catalog, name));
  if (global.json) {
    json list = json::array();
    for (const auto& snapshot : table->metadata()->snapshots) {
      list.push_back(SnapshotJson(snapshot));
    }
    std::cout << list << "\n";
    return arrow::Status::OK();
  }
  const auto current = table->metadata()->current_snapshot_id;
  std::cout << fmt::format("  {:<20} {:<24} {:<10} {:>12} {:>12}\n", "snapshot id",
                           "committed", "operation", "added rows", "total rows");
  for (const auto& snapshot : table->metadata()->snapshots) {
    std::cout << fmt::format(
        "{} {:<20} {:<24} {:<10} {:>12} {:>12}\n",
        snapshot.snapshot_id == current ? '*' : ' ', snapshot.snapshot_id,
        TimestampText(snapshot.timestamp_ms), snapshot.operation(),
        SummaryValue(snapshot, "added-records"), SummaryValue(snapshot, "total-records"));
  }
  return arrow::Status::OK();
}

json DescribeJson(const Table& table) {
  const auto& metadata = *table.metadata();
  json partition = json::array();
  for (const auto& field : metadata.default_spec().fields) {
    partition.push_back({{"name", field.name},
                         {"source", metadata.schema()->FullName(field.source_id)},
                         {"transform", field.transform.ToString()}});
  }
  json refs = json::object();
  for (const auto& [name, ref] : metadata.refs) {
    refs[name] = {{"snapshot_id", ref.snapshot_id},
                  {"type", ref.type == iceberg::RefType::kBranch ? "branch" : "tag"}};
  }
  json described = {{"name", table.name()},
                    {"uuid", metadata.table_uuid},
                    {"format_version", metadata.format_version},
                    {"location", metadata.location},
                    {"metadata_location", table.metadata_location()},
                    {"schema", json::parse(iceberg::SchemaToJsonText(*table.schema()))},
                    {"partition", partition},
                    {"properties", metadata.properties},
                    {"refs", refs},
                    {"snapshots", metadata.snapshots.size()}};
  const iceberg::Snapshot* current = metadata.current_snapshot();
  described["current_snapshot"] =
      current == nullptr ? json(nullptr) : SnapshotJson(*current);
  return described;
}

void PrintDescription(const Table& table) {
  const auto& metadata = *table.metadata();
  std::cout << fmt::format("table      {}\nuuid       {}\nformat     version {}\n",
                           table.name(), metadata.table_uuid, metadata.format_version)
            << fmt::format("location   {}\nmetadata   {}\n", metadata.location,
                           table.metadata_location());
  const iceberg::Snapshot* current = metadata.current_snapshot();
  if (current == nullptr) {
    std::cout << "snapshot   none yet\n";
  } else {
    std::cout << fmt::format("snapshot   {} ({}, {} rows in {} files)\n",
                             current->snapshot_id, TimestampText(current->timestamp_ms),
                             SummaryValue(*current, "total-records"),
                             SummaryValue(*current, "total-data-files"));
  }
  std::cout << "columns\n";
  for (const auto& field : table.schema()->fields()) {
    std::cout << fmt::format("  {:>3} {:<32} {}{}\n", field.id, field.name,
                             field.type->ToString(), field.required ? " required" : "");
  }
  std::cout << "partition\n";
  for (const auto& field : metadata.default_spec().fields) {
    std::cout << fmt::format("  {} = {}({})\n", field.name, field.transform.ToString(),
                             metadata.schema()->FullName(field.source_id));
  }
  if (metadata.default_spec().fields.empty()) std::cout << "  none\n";
  if (!metadata.properties.empty()) std::cout << "properties\n";
  for (const auto& [key, value] : metadata.properties) {
    std::cout << fmt::format("  {} = {}\n", key, value);
  }
  if (!metadata.refs.empty()) std::cout << "refs\n";
  for (const auto& [name, ref] : metadata.refs) {
    std::cout << fmt::format("  {} {} -> {}\n",
                             ref.type == iceberg::RefType::kBranch ? "branch" : "tag",
                             name, ref.snapshot_id);
  }
}

arrow::Status Describe(const GlobalOptions& global, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const TablePtr table, LoadTable(global.catalog, name));
  if (global.json) {
    std::cout << DescribeJson(*table).dump(2) << "\n";
  } else {
    PrintDescription(*table);
  }
  return arrow::Status::OK();
}

constexpr char kTableHelp[] = "namespace.table, or the path of a metadata.json";

}  // namespace

void AddTableCommands(CLI::App& app, const GlobalOptions& global, Action* action) {
  auto argument = std::make_shared<std::string>();
  CLI::App* tables = app.add_subcommand("tables", "List the tables of the catalog");
  tables->add_option("namespace", *argument, "Only of this namespace");
  tables->callback([&global, argument, action] {
    *action = [&global, argument] { return PrintTables(global, *argument); };
  });
  CLI::App* describe =
      app.add_subcommand("describe", "Show a table's schema, partitioning and state");
  describe->add_option("table", *argument, kTableHelp)->required();
  describe->callback([&global, argument, action] {
    *action = [&global, argument] { return Describe(global, *argument); };
  });
  CLI::App* snapshots =
      app.add_subcommand("snapshots", "List a table's snapshots; * is the current one");
  snapshots->add_option("table", *argument, kTableHelp)->required();
  snapshots->callback([&global, argument, action] {
    *action = [&global, argument] { return PrintSnapshots(global, *argument); };
  });
}

}  // namespace floe::cli
