#include "pit/case_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <string_view>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "arrow/scalar.h"
#include "arrow/table.h"
#include "arrow/type.h"
#include "base/check.h"
#include "base/hex.h"

namespace floe::pit {
namespace {

using TablePtr = CaseFile::TablePtr;

std::string Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

struct Cell {
  std::string text;
  bool quoted = false;
};

/// CSV with spaces after commas skipped.
std::vector<Cell> SplitRow(std::string_view line) {
  std::vector<Cell> cells;
  size_t at = 0;
  for (;;) {
    while (at < line.size() && line[at] == ' ') ++at;
    Cell cell;
    if (at < line.size() && line[at] == '"') {
      cell.quoted = true;
      for (++at; at < line.size(); ++at) {
        if (line[at] == '"') {
          if (at + 1 == line.size() || line[at + 1] != '"') break;
          ++at;
        }
        cell.text += line[at];
      }
      at = std::min(line.find(',', at), line.size());
    } else {
      const size_t end = std::min(line.find(',', at), line.size());
      cell.text = Trim(line.substr(at, end - at));
      at = end;
    }
    cells.push_back(std::move(cell));
    if (at >= line.size()) return cells;
    ++at;
  }
}

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  if (Trim(text).empty()) return items;
  for (Cell& cell : SplitRow(text)) items.push_back(std::move(cell.text));
  return items;
}

template <typename Integer>
arrow::Result<Integer> ParseInteger(std::string_view text) {
  Integer value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return arrow::Status::Invalid("'", text, "' is not an integer of this width");
  }
  return value;
}

arrow::Result<double> ParseFloat(const std::string& text) {
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return arrow::Status::Invalid("'", text, "' is not a number");
  }
  return value;
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's algorithm).
int64_t DaysOf(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
         day_of_year - 719468;
}

/// Counts of 10^-digits seconds since the epoch.
arrow::Result<int64_t> ParseTime(const std::string& text, int digits) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  const int fields = std::sscanf(text.c_str(), "%4d-%2d-%2d%nT%2d:%2d:%2d%n", &year,
                                 &month, &day, &used, &hour, &minute, &second, &used);
  std::string fraction;
  if (fields == 6 && text[static_cast<size_t>(used)] == '.') {
    fraction = text.substr(static_cast<size_t>(used) + 1);
    used = static_cast<int>(text.size());
  }
  if ((fields != 3 && fields != 6) || static_cast<size_t>(used) != text.size() ||
      fraction.size() > 9) {
    return arrow::Status::Invalid("'", text, "' is not a time");
  }
  fraction.resize(9, '0');
  ARROW_ASSIGN_OR_RAISE(int64_t nanos, ParseInteger<int64_t>(fraction));
  int64_t scale = 1;
  for (int i = 0; i < digits; ++i) scale *= 10;
  const int64_t seconds =
      DaysOf(year, month, day) * 86'400 + hour * 3'600 + minute * 60 + second;
  const int64_t parts = nanos / (1'000'000'000 / scale);
  if (parts * (1'000'000'000 / scale) != nanos) {
    return arrow::Status::Invalid("'", text, "' has too many digits");
  }
  return seconds * scale + parts;
}

int DigitsOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 0;
    case arrow::TimeUnit::MILLI:
      return 3;
    case arrow::TimeUnit::MICRO:
      return 6;
    case arrow::TimeUnit::NANO:
      return 9;
  }
  return 6;
}

arrow::Result<std::shared_ptr<arrow::DataType>> ParseType(const std::string& text) {
  static const std::map<std::string, std::shared_ptr<arrow::DataType>> kTypes = {
      {"int32", arrow::int32()},
      {"int64", arrow::int64()},
      {"float32", arrow::float32()},
      {"float64", arrow::float64()},
      {"bool", arrow::boolean()},
      {"string", arrow::utf8()},
      {"bytes", arrow::binary()},
      {"date", arrow::date32()},
      {"ts_s", arrow::timestamp(arrow::TimeUnit::SECOND)},
      {"ts_ms", arrow::timestamp(arrow::TimeUnit::MILLI)},
      {"ts_us", arrow::timestamp(arrow::TimeUnit::MICRO)},
      {"ts_ns", arrow::timestamp(arrow::TimeUnit::NANO)},
      {"tstz_s", arrow::timestamp(arrow::TimeUnit::SECOND, "UTC")},
      {"tstz_ms", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")},
      {"tstz_us", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
      {"tstz_ns", arrow::timestamp(arrow::TimeUnit::NANO, "UTC")}};
  auto found = kTypes.find(text);
  if (found == kTypes.end()) return arrow::Status::Invalid("no type '", text, "'");
  return found->second;
}

arrow::Result<std::shared_ptr<arrow::Scalar>> ParseCell(
    const std::shared_ptr<arrow::DataType>& type, const Cell& cell) {
  if (!cell.quoted && cell.text == "null") return arrow::MakeNullScalar(type);
  switch (type->id()) {
    case arrow::Type::INT32: {
      ARROW_ASSIGN_OR_RAISE(int32_t value, ParseInteger<int32_t>(cell.text));
      return arrow::MakeScalar(type, value);
    }
    case arrow::Type::INT64: {
      ARROW_ASSIGN_OR_RAISE(int64_t value, ParseInteger<int64_t>(cell.text));
      return arrow::MakeScalar(type, value);
    }
    case arrow::Type::FLOAT: {
      ARROW_ASSIGN_OR_RAISE(double value, ParseFloat(cell.text));
      return arrow::MakeScalar(type, static_cast<float>(value));
    }
    case arrow::Type::DOUBLE: {
      ARROW_ASSIGN_OR_RAISE(double value, ParseFloat(cell.text));
      return arrow::MakeScalar(type, value);
    }
    case arrow::Type::BOOL:
      return arrow::MakeScalar(cell.text == "true");
    case arrow::Type::BINARY: {
      ARROW_ASSIGN_OR_RAISE(std::string bytes, HexDecode(cell.text));
      return std::make_shared<arrow::BinaryScalar>(std::move(bytes));
    }
    case arrow::Type::DATE32: {
      ARROW_ASSIGN_OR_RAISE(int64_t seconds, ParseTime(cell.text, 0));
      return arrow::MakeScalar(type, static_cast<int32_t>(seconds / 86'400));
    }
    case arrow::Type::TIMESTAMP: {
      const auto unit = static_cast<const arrow::TimestampType&>(*type).unit();
      ARROW_ASSIGN_OR_RAISE(int64_t value, ParseTime(cell.text, DigitsOf(unit)));
      return arrow::MakeScalar(type, value);
    }
    default:
      return std::make_shared<arrow::StringScalar>(cell.text);
  }
}

arrow::Result<TablePtr> ParseTable(const std::vector<std::string>& lines) {
  if (lines.empty()) return arrow::Status::Invalid("a table without a header");
  arrow::FieldVector fields;
  for (const Cell& cell : SplitRow(lines[0])) {
    const size_t colon = cell.text.rfind(':');
    if (colon == std::string::npos) {
      return arrow::Status::Invalid("'", cell.text, "' is not name:type");
    }
    ARROW_ASSIGN_OR_RAISE(auto type, ParseType(Trim(cell.text.substr(colon + 1))));
    fields.push_back(arrow::field(Trim(cell.text.substr(0, colon)), std::move(type)));
  }
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(builders[i], arrow::MakeBuilder(fields[i]->type()));
  }
  for (size_t row = 1; row < lines.size(); ++row) {
    const std::vector<Cell> cells = SplitRow(lines[row]);
    if (cells.size() != fields.size()) {
      return arrow::Status::Invalid("'", lines[row], "' has ", cells.size(),
                                    " values for ", fields.size(), " columns");
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto value, ParseCell(fields[i]->type(), cells[i]));
      ARROW_RETURN_NOT_OK(builders[i]->AppendScalar(*value));
    }
  }
  arrow::ArrayVector columns;
  for (auto& builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
    columns.push_back(std::move(column));
  }
  return arrow::Table::Make(arrow::schema(std::move(fields)), columns,
                            static_cast<int64_t>(lines.size()) - 1);
}

arrow::Result<int64_t> ParseTtl(const std::string& text) {
  static const std::map<std::string, int64_t> kUnits = {
      {"us", 1},         {"ms", 1'000},        {"s", 1'000'000},
      {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}};
  if (text == "none") return 0;
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string::npos) return arrow::Status::Invalid("no unit in ", text);
  auto unit = kUnits.find(text.substr(digits));
  if (unit == kUnits.end()) return arrow::Status::Invalid("no such unit in ", text);
  ARROW_ASSIGN_OR_RAISE(int64_t count, ParseInteger<int64_t>(text.substr(0, digits)));
  return count * unit->second;
}

arrow::Status SetOfView(const std::string& key, const std::string& value,
                        CaseFile::View* view) {
  if (key == "table") {
    view->table = value;
  } else if (key == "timestamp") {
    view->timestamp = value;
  } else if (key == "created") {
    view->created = value;
  } else if (key == "ttl") {
    ARROW_ASSIGN_OR_RAISE(view->ttl_us, ParseTtl(value));
  } else if (key == "keys") {
    for (const std::string& item : SplitList(value)) {
      const size_t equals = item.find('=');
      view->keys.push_back(
          equals == std::string::npos
              ? CaseFile::Key{item, item}
              : CaseFile::Key{item.substr(0, equals), item.substr(equals + 1)});
    }
  } else if (key == "features") {
    for (const std::string& item : SplitList(value)) {
      const size_t as = item.find(" as ");
      view->features.push_back(
          as == std::string::npos
              ? CaseFile::Feature{item, item}
              : CaseFile::Feature{item.substr(0, as), item.substr(as + 4)});
    }
  } else {
    return arrow::Status::Invalid("a view has no setting '", key, "'");
  }
  return arrow::Status::OK();
}

/// One section's lines put into the case.
class SectionParser {
 public:
  explicit SectionParser(CaseFile* out) : out_(out) {}

  arrow::Status Parse(const std::string& header, const std::vector<std::string>& lines) {
    const size_t space = header.find(' ');
    const std::string kind = header.substr(0, space);
    const std::string name = space == std::string::npos ? "" : header.substr(space + 1);
    if (kind == "table") {
      ARROW_ASSIGN_OR_RAISE(auto table, ParseTable(lines));
      out_->tables.emplace_back(name, std::move(table));
    } else if (kind == "entities") {
      ARROW_ASSIGN_OR_RAISE(out_->entities, ParseTable(lines));
    } else if (kind == "expect") {
      out_->unordered = name == "unordered";
      ARROW_ASSIGN_OR_RAISE(out_->expect, ParseTable(lines));
    } else {
      return ParseSettings(kind, name, lines);
    }
    return arrow::Status::OK();
  }

  bool full_feature_names() const { return full_feature_names_; }

 private:
  arrow::Status ParseSettings(const std::string& kind, const std::string& name,
                              const std::vector<std::string>& lines) {
    if (kind == "view") {
      out_->views.push_back({});
      out_->views.back().name = name;
      out_->views.back().table = name;
    } else if (kind == "pull_latest" || kind == "pull_all") {
      out_->pull.emplace();
      out_->pull->kind = kind;
      out_->pull->source.name = name;
      out_->pull->source.table = name;
    } else if (kind == "expect_error") {
      out_->error.emplace();
    } else if (kind != "options") {
      return arrow::Status::Invalid("no section [", kind, "]");
    }
    for (const std::string& line : lines) {
      const size_t colon = line.find(':');
      if (colon == std::string::npos) {
        return arrow::Status::Invalid("'", line, "' is not key: value");
      }
      ARROW_RETURN_NOT_OK(
          Set(kind, Trim(line.substr(0, colon)), Trim(line.substr(colon + 1))));
    }
    return arrow::Status::OK();
  }

  arrow::Status Set(const std::string& kind, const std::string& key,
                    const std::string& value) {
    if (kind == "view") return SetOfView(key, value, &out_->views.back());
    if (kind == "expect_error") {
      if (key == "code") {
        out_->error->code = value;
      } else {
        out_->error->contains.push_back(value);
      }
      return arrow::Status::OK();
    }
    const bool is_pull = kind != "options";
    if (key == "start" || key == "end") {
      ARROW_ASSIGN_OR_RAISE(int64_t micros, ParseTime(value, 6));
      auto& start = is_pull ? out_->pull->start_us : out_->start_us;
      auto& end = is_pull ? out_->pull->end_us : out_->end_us;
      (key == "start" ? start : end) = micros;
      return arrow::Status::OK();
    }
    if (is_pull) return SetOfView(key, value, &out_->pull->source);
    if (key == "timestamp") {
      out_->entity_timestamp = value;
    } else if (key == "filter_by_created") {
      out_->filter_by_created = value == "true";
    } else if (key == "full_feature_names") {
      full_feature_names_ = value == "true";
    } else if (key != "feast") {
      return arrow::Status::Invalid("no option '", key, "'");
    }
    return arrow::Status::OK();
  }

  CaseFile* out_;
  bool full_feature_names_ = false;
};

/// Doubles and floats with all their digits; the rest as Arrow prints it.
std::string ScalarText(const arrow::Scalar& value) {
  if (!value.is_valid) return "null";
  switch (value.type->id()) {
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: {
      const double number = value.type->id() == arrow::Type::FLOAT
                                ? static_cast<const arrow::FloatScalar&>(value).value
                                : static_cast<const arrow::DoubleScalar&>(value).value;
      char text[40];
      std::snprintf(text, sizeof(text), "%.17g", number);
      return std::isnan(number) ? "nan" : text;
    }
    case arrow::Type::BINARY:
      return "x'" +
             HexEncode(static_cast<const arrow::BinaryScalar&>(value).value->ToString()) +
             "'";
    case arrow::Type::STRING:
      return '"' + static_cast<const arrow::StringScalar&>(value).value->ToString() + '"';
    default:
      return value.ToString();
  }
}

}  // namespace

const TablePtr& CaseFile::table(const std::string& wanted) const {
  auto found = std::find_if(tables.begin(), tables.end(),
                            [&](const auto& entry) { return entry.first == wanted; });
  FLOE_CHECK(found != tables.end());
  return found->second;
}

arrow::Result<CaseFile> ParseCase(const std::string& name, const std::string& text) {
  CaseFile out;
  out.name = name;
  SectionParser parser(&out);
  std::istringstream stream(text);
  std::string header;
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    const std::string trimmed = Trim(line);
    if (trimmed.empty() || trimmed[0] == '#') continue;
    if (trimmed[0] != '[' || trimmed.back() != ']') {
      lines.push_back(trimmed);
      continue;
    }
    if (!header.empty()) ARROW_RETURN_NOT_OK(parser.Parse(header, lines));
    header = trimmed.substr(1, trimmed.size() - 2);
    lines.clear();
  }
  ARROW_RETURN_NOT_OK(parser.Parse(header, lines));
  if (parser.full_feature_names()) {
    for (CaseFile::View& view : out.views) {
      for (CaseFile::Feature& feature : view.features) {
        feature.output_name = view.name + "__" + feature.output_name;
      }
    }
  }
  if ((out.expect == nullptr) == !out.error) {
    return arrow::Status::Invalid(name, " needs either [expect] or [expect_error]");
  }
  return out;
}

std::vector<std::string> RowsAsText(const arrow::Table& table) {
  std::vector<std::string> rows(static_cast<size_t>(table.num_rows()));
  for (const auto& column : table.columns()) {
    size_t row = 0;
    for (const auto& chunk : column->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i, ++row) {
        auto value = chunk->GetScalar(i);
        FLOE_CHECK(value.ok());
        rows[row] += (rows[row].empty() ? "" : " | ") + ScalarText(**value);
      }
    }
  }
  return rows;
}

}  // namespace floe::pit
