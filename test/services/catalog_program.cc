// Changes of tables in a catalog, for the tests against real servers:
//   floe_catalog_program CONFIG evolve TABLE        adds the column `note`, and renames
//                                                   `name` to `label`
//   floe_catalog_program CONFIG append TABLE COUNT WRITER
//                                                   COUNT commits of one row each, with
//                                                   ids WRITER * 1000 and following
//   floe_catalog_program CONFIG rename FROM TO
//   floe_catalog_program CONFIG properties NAMESPACE  prints them as JSON
//   floe_catalog_program CONFIG drop-namespace NAMESPACE
// CONFIG is JSON: floe.Catalog's arguments. Prints the error's code and text and ends
// with 1 on failure.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/catalog/catalog_config.h"
#include "iceberg/catalog/glue/glue_catalog.h"
#include "iceberg/catalog/hive/hive_catalog.h"
#include "iceberg/catalog/sql/sql_catalog.h"
#include "iceberg/table/data_writer.h"
#include "iceberg/table/table.h"
#include "iceberg/table/update_schema.h"

namespace floe::iceberg {
namespace {

arrow::Result<std::shared_ptr<Catalog>> Open(const std::string& text) {
  auto json = nlohmann::json::parse(text);
  auto field = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>()
                                                       : std::string();
  };
  CatalogConfig config;
  config.catalog_type = field("catalog_type");
  config.catalog_name = field("catalog_name");
  config.uri = field("uri");
  config.warehouse = field("warehouse");
  config.properties = json.value("storage_options", std::map<std::string, std::string>());
  CatalogRegistry registry;
  RegisterGlueCatalog(registry);
  RegisterHiveCatalog(registry);
  RegisterSqlCatalog(registry);
  return registry.Open(config);
}

arrow::Result<TablePtr> Load(std::shared_ptr<Catalog> catalog, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(TableIdentifier identifier, TableIdentifier::Parse(name));
  return Table::Load(std::move(catalog), identifier);
}

arrow::Status Evolve(std::shared_ptr<Catalog> catalog, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(TablePtr table, Load(std::move(catalog), name));
  return UpdateSchema(table)
      .AddColumn("note", Type::String(), "what there is to say")
      .RenameColumn("name", "label")
      .Commit()
      .status();
}

arrow::Status Append(std::shared_ptr<Catalog> catalog, const std::string& name,
                     int64_t count, int64_t writer) {
  ARROW_ASSIGN_OR_RAISE(TablePtr table, Load(std::move(catalog), name));
  for (int64_t i = 0; i < count; ++i) {
    arrow::Int64Builder ids;
    ARROW_RETURN_NOT_OK(ids.Append(writer * 1000 + i));
    ARROW_ASSIGN_OR_RAISE(auto column, ids.Finish());
    auto batch = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64())}), 1, {column});
    ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make({batch}));
    ARROW_ASSIGN_OR_RAISE(table, AppendBatches(table, *reader));
  }
  return arrow::Status::OK();
}

arrow::Status Rename(Catalog& catalog, const std::string& from, const std::string& to) {
  ARROW_ASSIGN_OR_RAISE(TableIdentifier old_name, TableIdentifier::Parse(from));
  ARROW_ASSIGN_OR_RAISE(TableIdentifier new_name, TableIdentifier::Parse(to));
  return catalog.RenameTable(old_name, new_name);
}

arrow::Status PrintProperties(Catalog& catalog, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto properties, catalog.NamespaceProperties({name}));
  std::printf("%s\n", nlohmann::json(properties).dump().c_str());
  return arrow::Status::OK();
}

arrow::Status Run(const std::vector<std::string>& words) {
  auto is_call = [&](const char* command, size_t arguments) {
    return words.size() == arguments + 2 && words[1] == command;
  };
  if (words.size() < 2) return arrow::Status::Invalid("see catalog_program.cc");
  ARROW_ASSIGN_OR_RAISE(auto catalog, Open(words[0]));
  if (is_call("evolve", 1)) return Evolve(catalog, words[2]);
  if (is_call("append", 3)) {
    return Append(catalog, words[2], std::stoll(words[3]), std::stoll(words[4]));
  }
  if (is_call("rename", 2)) return Rename(*catalog, words[2], words[3]);
  if (is_call("properties", 1)) return PrintProperties(*catalog, words[2]);
  if (is_call("drop-namespace", 1)) return catalog->DropNamespace({words[2]});
  return arrow::Status::Invalid("see catalog_program.cc");
}

}  // namespace
}  // namespace floe::iceberg

int main(int count, char** arguments) {
  arrow::Status status =
      floe::iceberg::Run(std::vector<std::string>(arguments + 1, arguments + count));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n",
               std::string(floe::ErrorCodeName(floe::ErrorCodeOf(status))).c_str(),
               floe::ErrorText(status).c_str());
  return 1;
}
