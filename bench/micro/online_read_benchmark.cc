// How long reads of online features take straight from the Iceberg table (the cold path)
// through the protobuf buffers of the C ABI: 100,000 entities x 20 features (12 double,
// 5 int64, 3 string), an SQLite catalog and a local warehouse.
//
//   online_read_benchmark [--entities N] [--requests N] [--partitions 32,256]
//                         [--batches 1,20] [--folder DIR] [--keep] [--cold]
//
// Each batch is one commit with its share of the entities (--overlap: with all of them).
// Keys are drawn uniformly with a fixed seed. "warm" is OnlineReader::Warm of a fresh
// reader and fresh caches (--cold leaves it out), "first" the first request after it; the
// percentiles are of the requests after --warm-up ones; "cpu" is processor time a request
// on all threads, which tells more than the clock where the machine is shared.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/record_batch.h"
#include "base/error.h"
#include "feast/entity_key.h"
#include "feast/types/EntityKey.pb.h"
#include "iceberg/catalog/sql/sql_catalog.h"
#include "iceberg/format/parquet/parquet_file.h"
#include "online/online_reader.h"
#include "online/online_table.h"
#include "online/online_writer.h"
#include "online/proto_rows.h"

namespace floe::online {
namespace {

constexpr int kDoubles = 12;
constexpr int kIntegers = 5;
constexpr int kStrings = 3;

struct Options {
  int64_t entities = 100'000;
  int requests = 300;
  int warm_up = 100;
  std::vector<int> partitions = {32, 256};
  std::vector<int> batches = {1, 20};
  std::string folder = "/tmp/floe_online_read";
  bool overlap = false;
  bool keep = false;
  bool warm = true;
};

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() -
                                                   since)
      .count();
}

::feast::types::EntityKey KeyOf(int64_t entity) {
  ::feast::types::EntityKey key;
  key.add_join_keys("driver_id");
  key.add_entity_values()->set_int64_val(entity);
  return key;
}

OnlineView View() {
  OnlineView view{"bench", "drivers", 0, {"driver_id"}, {}};
  for (int i = 0; i < kDoubles; ++i) {
    view.features.push_back({"double_" + std::to_string(i), feast::ValueType::kDouble});
  }
  for (int i = 0; i < kIntegers; ++i) {
    view.features.push_back({"int_" + std::to_string(i), feast::ValueType::kInt64});
  }
  for (int i = 0; i < kStrings; ++i) {
    view.features.push_back({"string_" + std::to_string(i), feast::ValueType::kString});
  }
  return view;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> Rows(const OnlineView& view,
                                                        int64_t begin, int64_t end,
                                                        int64_t step, int64_t event_ts) {
  std::mt19937_64 random(static_cast<uint64_t>(begin + 1));
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  auto add = [&](const std::string& name, std::shared_ptr<arrow::Array> column) {
    fields.push_back(arrow::field(name, column->type()));
    columns.push_back(std::move(column));
  };
  const auto times = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  arrow::BinaryBuilder keys;
  arrow::TimestampBuilder event_times(times, arrow::default_memory_pool());
  int64_t rows = 0;
  for (int64_t entity = begin; entity < end; entity += step, ++rows) {
    ARROW_ASSIGN_OR_RAISE(std::string key, feast::SerializeEntityKey(KeyOf(entity)));
    ARROW_RETURN_NOT_OK(keys.Append(key));
    ARROW_RETURN_NOT_OK(event_times.Append(event_ts));
  }
  ARROW_ASSIGN_OR_RAISE(auto key_column, keys.Finish());
  add(kEntityKeyColumn, key_column);
  ARROW_ASSIGN_OR_RAISE(auto time_column, event_times.Finish());
  add(kEventTsColumn, time_column);
  for (const OnlineFeature& feature : view.features) {
    ARROW_ASSIGN_OR_RAISE(auto type, feast::ToArrowType(feature.type));
    ARROW_ASSIGN_OR_RAISE(auto builder, arrow::MakeBuilder(type));
    for (int64_t i = 0; i < rows; ++i) {
      const uint64_t bits = random();
      switch (feature.type) {
        case feast::ValueType::kDouble:
          ARROW_RETURN_NOT_OK(static_cast<arrow::DoubleBuilder&>(*builder).Append(
              static_cast<double>(bits) * 0x1p-64));
          break;
        case feast::ValueType::kInt64:
          ARROW_RETURN_NOT_OK(static_cast<arrow::Int64Builder&>(*builder).Append(
              static_cast<int64_t>(bits % 1'000'000)));
          break;
        default: {
          char text[13];
          std::snprintf(text, sizeof text, "%012llx",
                        static_cast<unsigned long long>(bits >> 16));
          ARROW_RETURN_NOT_OK(static_cast<arrow::StringBuilder&>(*builder).Append(text));
        }
      }
    }
    ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
    add(feature.name, column);
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), rows, columns);
}

std::string Request(std::mt19937_64* random, int64_t entities, uint32_t count) {
  std::string request(reinterpret_cast<const char*>(&count), sizeof count);
  for (uint32_t i = 0; i < count; ++i) {
    const std::string key =
        KeyOf(static_cast<int64_t>((*random)() % static_cast<uint64_t>(entities)))
            .SerializeAsString();
    const auto size = static_cast<uint32_t>(key.size());
    request.append(reinterpret_cast<const char*>(&size), sizeof size);
    request.append(key);
  }
  return request;
}

/// All keys of a response were found: each key's event_ts is set.
arrow::Status CheckFound(const std::string& response, size_t features, uint32_t count) {
  size_t position = 0;
  for (uint32_t key = 0; key < count; ++key) {
    int64_t event_ts = 0;
    std::memcpy(&event_ts, response.data() + position, sizeof event_ts);
    position += sizeof event_ts;
    if (event_ts == kNoTimestamp) {
      return MakeError(ErrorCode::kInternal, "key {} was not found", key);
    }
    for (size_t i = 0; i < features; ++i) {
      uint32_t size = 0;
      std::memcpy(&size, response.data() + position, sizeof size);
      position += sizeof size + size;
    }
  }
  return arrow::Status::OK();
}

/// What was measured for one number of entities a request.
struct Timing {
  double write_seconds = 0;
  double warm_ms = 0;
  double first_ms = 0;
  double processor_ms = 0;
  std::vector<double> times;
};

/// Sorts the times.
void PrintTiming(int partitions, int batches, uint32_t count, Timing& timing) {
  std::vector<double>& times = timing.times;
  std::sort(times.begin(), times.end());
  auto at = [&](double part) {
    return times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))];
  };
  std::printf("%10d %8d %9u %9.1f %9.2f %9.3f %9.3f %9.3f %9.3f %9.3f %10.1f\n",
              partitions, batches, count, timing.warm_ms, timing.first_ms, times.front(),
              at(0.5), at(0.95), at(0.99), timing.processor_ms, timing.write_seconds);
  std::fflush(stdout);
}

arrow::Result<double> WriteTable(const Options& options,
                                 const std::shared_ptr<iceberg::Catalog>& catalog,
                                 const OnlineStoreConfig& config, const OnlineView& view,
                                 int batches) {
  ARROW_RETURN_NOT_OK(CreateOrUpdateOnlineTable(catalog, config, view).status());
  OnlineWriter writer(catalog, config);
  double seconds = 0;
  for (int batch = 0; batch < batches; ++batch) {
    ARROW_ASSIGN_OR_RAISE(
        auto rows, options.overlap ? Rows(view, 0, options.entities, 1, batch)
                                   : Rows(view, batch, options.entities, batches, batch));
    const auto start = std::chrono::steady_clock::now();
    ARROW_RETURN_NOT_OK(writer.Write(view, rows).status());
    seconds += Milliseconds(start) / 1000;
  }
  return seconds;
}

arrow::Status MeasureReads(const Options& options, OnlineReader& reader,
                           const OnlineView& view, uint32_t count,
                           std::mt19937_64* random, Timing* timing) {
  std::vector<std::string> features;
  for (const OnlineFeature& feature : view.features) features.push_back(feature.name);
  timing->times.clear();
  std::clock_t processor = std::clock();
  for (int i = 0; i < options.warm_up + options.requests; ++i) {
    const std::string request = Request(random, options.entities, count);
    if (i == options.warm_up) processor = std::clock();
    const auto start = std::chrono::steady_clock::now();
    ARROW_ASSIGN_OR_RAISE(auto response, ReadProtoRows(reader, view, request, features));
    const double passed = Milliseconds(start);
    if (i == 0) timing->first_ms = passed;
    if (i >= options.warm_up) timing->times.push_back(passed);
    ARROW_RETURN_NOT_OK(CheckFound(response, features.size(), count));
  }
  timing->processor_ms = 1000.0 * static_cast<double>(std::clock() - processor) /
                         CLOCKS_PER_SEC / options.requests;
  return arrow::Status::OK();
}

arrow::Status Measure(const Options& options, int partitions, int batches) {
  const OnlineView view = View();
  const auto folder = std::filesystem::path(options.folder) /
                      (std::to_string(partitions) + "_" + std::to_string(batches));
  const bool is_there = std::filesystem::exists(folder);
  std::filesystem::create_directories(folder);
  iceberg::CatalogConfig catalog_config;
  catalog_config.uri = "sqlite:///" + (folder / "catalog.db").string();
  catalog_config.warehouse = (folder / "warehouse").string();
  iceberg::CatalogRegistry registry;
  iceberg::RegisterSqlCatalog(registry);
  ARROW_ASSIGN_OR_RAISE(auto catalog, registry.OpenNew(catalog_config, {}));
  OnlineStoreConfig config;
  config.partition_count = partitions;
  config.read_timeout_ms = 0;
  Timing timing;
  if (!is_there) {
    ARROW_ASSIGN_OR_RAISE(timing.write_seconds,
                          WriteTable(options, catalog, config, view, batches));
  }
  iceberg::TableContext context;
  context.cache = std::make_shared<iceberg::MetadataCache>();
  iceberg::ParquetFile::ProcessCache().Clear();
  ARROW_ASSIGN_OR_RAISE(auto reader, OnlineReader::Make(catalog, config, context));
  if (options.warm) {
    const auto start = std::chrono::steady_clock::now();
    ARROW_RETURN_NOT_OK(reader->Warm(view));
    timing.warm_ms = Milliseconds(start);
  }
  std::mt19937_64 random(7);
  for (uint32_t count : {1, 10, 100}) {
    ARROW_RETURN_NOT_OK(MeasureReads(options, *reader, view, count, &random, &timing));
    PrintTiming(partitions, batches, count, timing);
  }
  if (!options.keep) std::filesystem::remove_all(folder);
  return arrow::Status::OK();
}

std::vector<int> Numbers(const std::string& text) {
  std::vector<int> numbers;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    numbers.push_back(std::stoi(part));
  }
  return numbers;
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--keep") {
      options.keep = true;
    } else if (name == "--cold") {
      options.warm = false;
    } else if (name == "--overlap") {
      options.overlap = true;
    } else if (i + 1 == argc) {
      std::fprintf(stderr, "%s needs a value\n", name.c_str());
      return 2;
    } else if (name == "--entities") {
      options.entities = std::stoll(argv[++i]);
    } else if (name == "--requests") {
      options.requests = std::stoi(argv[++i]);
    } else if (name == "--warm-up") {
      options.warm_up = std::stoi(argv[++i]);
    } else if (name == "--partitions") {
      options.partitions = Numbers(argv[++i]);
    } else if (name == "--batches") {
      options.batches = Numbers(argv[++i]);
    } else if (name == "--folder") {
      options.folder = argv[++i];
    } else {
      std::fprintf(stderr, "unknown option %s\n", name.c_str());
      return 2;
    }
  }
  std::printf("%10s %8s %9s %9s %9s %9s %9s %9s %9s %9s %10s\n", "partitions", "batches",
              "entities", "warm_ms", "first_ms", "min_ms", "p50_ms", "p95_ms", "p99_ms",
              "cpu_ms", "written_s");
  for (int partitions : options.partitions) {
    for (int batches : options.batches) {
      const arrow::Status status = Measure(options, partitions, batches);
      if (!status.ok()) {
        std::fprintf(stderr, "%s\n", ErrorText(status).c_str());
        return 1;
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace floe::online

int main(int argc, char** argv) { return floe::online::Main(argc, argv); }
