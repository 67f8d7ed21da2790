#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "iceberg/table/migrate.h"

namespace floe::cli {
namespace {

using iceberg::ForeignFile;
using iceberg::ForeignTable;
using iceberg::NanosecondUse;
using nlohmann::json;

struct MigrateArguments {
  /// The paths, and last the table.
  std::vector<std::string> words;
  std::vector<std::string> partition_types;
  std::vector<std::string> table_properties;
  std::string nanoseconds = "refuse";
  bool append = false;
  bool keep_files = false;
  bool dry_run = false;
};

arrow::Result<NanosecondUse> ParseNanoseconds(const std::string& text) {
  if (text == "refuse") return NanosecondUse::kRefuse;
  if (text == "truncate") return NanosecondUse::kTruncate;
  if (text == "keep") return NanosecondUse::kKeep;
  return MakeError(ErrorCode::kInvalidArgument,
                   "--nanoseconds is '{}': expected refuse, truncate or keep", text);
}

arrow::Result<std::map<std::string, std::string>> ParsePairs(
    const char* flag, const std::vector<std::string>& texts) {
  std::map<std::string, std::string> pairs;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return MakeError(ErrorCode::kInvalidArgument, "{} is '{}': expected KEY=VALUE",
                       flag, text);
    }
    pairs[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return pairs;
}

json DescriptionJson(const std::vector<ForeignFile>& files, const ForeignTable& table) {
  json partition = json::array();
  for (const auto& field : table.spec.fields) partition.push_back(field.name);
  return {{"files", files.size()},
          {"rows", table.row_count},
          {"bytes", table.size_bytes},
          {"format_version", table.format_version},
          {"partition", partition},
          {"schema", json::parse(iceberg::SchemaToJsonText(*table.schema))}};
}

void PrintDescription(const std::vector<ForeignFile>& files, const ForeignTable& table) {
  std::cout << fmt::format("{} files, {} rows, {} bytes; format version {}\ncolumns\n",
                           files.size(), table.row_count, table.size_bytes,
                           table.format_version);
  for (const auto& field : table.schema->fields()) {
    std::cout << fmt::format("  {:>3} {:<32} {}\n", field.id, field.name,
                             field.type->ToString());
  }
  std::cout << "partition\n";
  for (const auto& field : table.spec.fields) std::cout << "  " << field.name << "\n";
  if (table.spec.fields.empty()) std::cout << "  none\n";
}

struct Source {
  std::vector<ForeignFile> files;
  ForeignTable description;
};

arrow::Result<Source> ReadSource(const MigrateArguments& arguments, const FileIO& io,
                                 Progress* progress) {
  Source source;
  const std::vector<std::string> paths(arguments.words.begin(),
                                       arguments.words.end() - 1);
  ARROW_ASSIGN_OR_RAISE(source.files, iceberg::ListForeignFiles(io, paths));
  iceberg::ForeignSchemaOptions options;
  ARROW_ASSIGN_OR_RAISE(options.nanoseconds, ParseNanoseconds(arguments.nanoseconds));
  ARROW_ASSIGN_OR_RAISE(options.partition_types,
                        ParsePairs("--partition-type", arguments.partition_types));
  options.threads = DefaultThreadCount();
  options.progress = [progress](int64_t done, int64_t) { progress->Advance(done); };
  ARROW_ASSIGN_OR_RAISE(source.description, UniteForeignFiles(io, source.files, options));
  return source;
}

arrow::Status RunMigrate(const GlobalOptions& global, const MigrateArguments& arguments) {
  if (arguments.words.size() < 2) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "floe migrate takes folders or files, and then the table to make: "
                     "floe migrate data/trips demo.trips");
  }
  ARROW_ASSIGN_OR_RAISE(const auto identifier,
                        iceberg::TableIdentifier::Parse(arguments.words.back()));
  ARROW_ASSIGN_OR_RAISE(auto properties,
                        ParsePairs("--table-property", arguments.table_properties));
  if (arguments.keep_files) properties.emplace("gc.enabled", "false");
  ARROW_ASSIGN_OR_RAISE(const ResolvedCatalog resolved, ResolveCatalog(global.catalog));
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<FileIO> io,
                        MakeFileIO(resolved.config.properties));
  Progress progress("migrate", global.quiet, "files");
  ARROW_ASSIGN_OR_RAISE(const Source source, ReadSource(arguments, *io, &progress));
  json answer = DescriptionJson(source.files, source.description);
  answer["table"] = identifier.ToString();
  answer["dry_run"] = arguments.dry_run;
  if (!arguments.dry_run) {
    iceberg::AddForeignOptions options;
    options.threads = DefaultThreadCount();
    options.progress = [&](int64_t done, int64_t) { progress.Advance(done); };
    ARROW_ASSIGN_OR_RAISE(const auto catalog, OpenCatalog(global.catalog));
    iceberg::TablePtr table;
    if (arguments.append) {
      ARROW_ASSIGN_OR_RAISE(table, iceberg::Table::Load(catalog, identifier));
      ARROW_ASSIGN_OR_RAISE(table, AddForeignFiles(table, source.files, options));
    } else {
      ARROW_ASSIGN_OR_RAISE(table, MigrateFiles(catalog, identifier, source.files,
                                                source.description, properties, options));
    }
    answer["metadata_location"] = table->metadata_location();
    answer["snapshot_id"] = table->metadata()->current_snapshot()->snapshot_id;
  }
  if (global.json) {
    std::cout << answer << "\n";
    return arrow::Status::OK();
  }
  if (arguments.dry_run) PrintDescription(source.files, source.description);
  std::cout << fmt::format(
      "{} files, {} rows {} {}\n", source.files.size(), source.description.row_count,
      arguments.dry_run ? "would become" : "are now in", identifier.ToString());
  return arrow::Status::OK();
}

}  // namespace

void AddMigrateCommand(CLI::App& app, const GlobalOptions& global, Action* action) {
  auto arguments = std::make_shared<MigrateArguments>();
  CLI::App* command = app.add_subcommand(
      "migrate",
      "Make a table of Parquet files where they lie: only metadata is written");
  command
      ->add_option("paths-and-table", arguments->words,
                   "Folders or Parquet files, then namespace.table; key=value folders "
                   "become identity partitions")
      ->required();
  command
      ->add_option("--partition-type", arguments->partition_types,
                   "KEY=TYPE of a folder's key, e.g. month=string (int, long, date or "
                   "string, as its values look)")
      ->allow_extra_args(false);
  command
      ->add_option("--nanoseconds", arguments->nanoseconds,
                   "Times in nanoseconds: refuse, truncate (to microseconds), or keep "
                   "(format version 3)")
      ->allow_extra_args(false);
  command
      ->add_option("--table-property", arguments->table_properties,
                   "KEY=VALUE of the new table; may be given again")
      ->allow_extra_args(false);
  command->add_flag("--append", arguments->append,
                    "Add the files to a table that exists");
  command->add_flag("--keep-files", arguments->keep_files,
                    "Set gc.enabled=false: upkeep and purges never delete the files");
  command->add_flag("--dry-run", arguments->dry_run,
                    "Read the footers, show the table, and make nothing");
  command->callback([&global, arguments, action] {
    *action = [&global, arguments] { return RunMigrate(global, *arguments); };
  });
}

}  // namespace floe::cli
