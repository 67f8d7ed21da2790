#include "iceberg/spec/partition_spec.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "iceberg/spec/date_time.h"

namespace floe::iceberg {
namespace {

/// As java.net.URLEncoder: letters, digits and . - * _ stay, a blank becomes a plus sign.
std::string UrlEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '*' ||
                       c == '_';
    if (plain) {
      encoded.push_back(c);
    } else if (c == ' ') {
      encoded.push_back('+');
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string Base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      text.push_back(j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=');
    }
  }
  return text;
}

std::string YearText(int64_t year) {
  const std::string date = DateToText(DaysFromCivil({year, 1, 1}));
  return date.substr(0, date.size() - std::string_view("-01-01").size());
}

std::string HumanText(const Transform& transform, const Literal& value) {
  if (value.is_null()) return "null";
  if (const int32_t* found = std::get_if<int32_t>(&value.value())) {
    const int32_t part = *found;
    switch (transform.kind()) {
      case Transform::Kind::kYear:
        return YearText(1970 + static_cast<int64_t>(part));
      case Transform::Kind::kMonth: {
        const int64_t year = 1970 + FloorDiv(part, 12);
        return fmt::format("{}-{:02}", YearText(year),
                           part - FloorDiv(part, 12) * 12 + 1);
      }
      case Transform::Kind::kDay:
        return DateToText(part);
      case Transform::Kind::kHour: {
        const int64_t days = FloorDiv(part, 24);
        return fmt::format("{}-{:02}", DateToText(days), part - days * 24);
      }
      default:
        break;
    }
  }
  switch (value.type()->id()) {
    case TypeId::kString:
      return value.as<std::string>();
    case TypeId::kFixed:
    case TypeId::kBinary:
      return Base64(value.as<std::string>());
    default:
      return value.ToString();
  }
}

}  // namespace

bool PartitionSpec::is_unpartitioned() const {
  return std::all_of(fields.begin(), fields.end(), [](const PartitionField& field) {
    return field.transform.kind() == Transform::Kind::kVoid;
  });
}

arrow::Result<TypePtr> PartitionSpec::PartitionType(const Schema& schema) const {
  std::vector<NestedField> types;
  types.reserve(fields.size());
  for (const PartitionField& field : fields) {
    const NestedField* source = schema.FindField(field.source_id);
    TypePtr type = Type::Unknown();
    if (source != nullptr) {
      auto result = field.transform.ResultType(source->type);
      if (!result.ok()) {
        return WithContext(result.status(), "partition field", field.name);
      }
      type = *std::move(result);
    }
    types.push_back(NestedField::Optional(field.field_id, field.name, std::move(type)));
  }
  return Type::Struct(std::move(types));
}

std::string PartitionSpec::PartitionPath(const std::vector<Literal>& partition) const {
  std::string path;
  for (size_t i = 0; i < fields.size() && i < partition.size(); ++i) {
    if (i > 0) path.push_back('/');
    path += UrlEncode(fields[i].name) + "=" +
            UrlEncode(HumanText(fields[i].transform, partition[i]));
  }
  return path;
}

bool PartitionSpec::IsEquivalentTo(const PartitionSpec& other) const {
  return std::equal(fields.begin(), fields.end(), other.fields.begin(),
                    other.fields.end(),
                    [](const PartitionField& left, const PartitionField& right) {
                      return left.source_id == right.source_id &&
                             left.transform == right.transform && left.name == right.name;
                    });
}

}  // namespace floe::iceberg
