#include "iceberg/spec/type.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "iceberg/spec/literal.h"

namespace floe::iceberg {
namespace {

constexpr std::string_view kDefaultCrs = "OGC:CRS84";
constexpr std::string_view kDefaultAlgorithm = "spherical";
constexpr int32_t kMaxFixedLength = 1 << 30;

struct NamedType {
  std::string_view name;
  TypeId id;
};

/// The types that their name alone describes.
constexpr std::array<NamedType, 16> kNamedTypes = {{
    {"boolean", TypeId::kBoolean},
    {"int", TypeId::kInt},
    {"long", TypeId::kLong},
    {"float", TypeId::kFloat},
    {"double", TypeId::kDouble},
    {"date", TypeId::kDate},
    {"time", TypeId::kTime},
    {"timestamp", TypeId::kTimestamp},
    {"timestamptz", TypeId::kTimestampTz},
    {"timestamp_ns", TypeId::kTimestampNs},
    {"timestamptz_ns", TypeId::kTimestampTzNs},
    {"string", TypeId::kString},
    {"uuid", TypeId::kUuid},
    {"binary", TypeId::kBinary},
    {"unknown", TypeId::kUnknown},
    {"variant", TypeId::kVariant},
}};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Splits "name(a, b)" into the arguments "a" and "b"; nullopt when `text` is not of
/// `name`, an empty list when there are no parentheses. `brackets` holds the two kinds.
std::optional<std::vector<std::string_view>> Arguments(std::string_view text,
                                                       std::string_view name,
                                                       std::string_view brackets = "()") {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  text = Trim(text);
  std::vector<std::string_view> arguments;
  if (text.empty()) return arguments;
  if (text.size() < 2 || text.front() != brackets[0] || text.back() != brackets[1]) {
    return std::nullopt;
  }
  text = text.substr(1, text.size() - 2);
  while (true) {
    const size_t comma = text.find(',');
    arguments.push_back(Trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return arguments;
    text.remove_prefix(comma + 1);
  }
}

std::optional<int32_t> ToInt(std::string_view text) {
  int32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool SameDefault(const std::shared_ptr<const Literal>& left,
                 const std::shared_ptr<const Literal>& right) {
  if (left == nullptr || right == nullptr) return left == right;
  return *left == *right;
}

}  // namespace

NestedField NestedField::Required(int32_t id, std::string name, TypePtr type) {
  NestedField field;
  field.id = id;
  field.name = std::move(name);
  field.type = std::move(type);
  field.required = true;
  return field;
}

NestedField NestedField::Optional(int32_t id, std::string name, TypePtr type) {
  NestedField field = Required(id, std::move(name), std::move(type));
  field.required = false;
  return field;
}

bool NestedField::Equals(const NestedField& other) const {
  return id == other.id && name == other.name && required == other.required &&
         doc == other.doc && type->Equals(*other.type) &&
         SameDefault(initial_default, other.initial_default) &&
         SameDefault(write_default, other.write_default);
}

#define FLOE_SIMPLE_TYPE(NAME)                                         \
  TypePtr Type::NAME() {                                               \
    static const TypePtr* const type =                                 \
        new TypePtr(std::shared_ptr<Type>(new Type(TypeId::k##NAME))); \
    return *type;                                                      \
  }
FLOE_SIMPLE_TYPE(Boolean)
FLOE_SIMPLE_TYPE(Int)
FLOE_SIMPLE_TYPE(Long)
FLOE_SIMPLE_TYPE(Float)
FLOE_SIMPLE_TYPE(Double)
FLOE_SIMPLE_TYPE(Date)
FLOE_SIMPLE_TYPE(Time)
FLOE_SIMPLE_TYPE(Timestamp)
FLOE_SIMPLE_TYPE(TimestampTz)
FLOE_SIMPLE_TYPE(TimestampNs)
FLOE_SIMPLE_TYPE(TimestampTzNs)
FLOE_SIMPLE_TYPE(String)
FLOE_SIMPLE_TYPE(Uuid)
FLOE_SIMPLE_TYPE(Binary)
FLOE_SIMPLE_TYPE(Unknown)
FLOE_SIMPLE_TYPE(Variant)
#undef FLOE_SIMPLE_TYPE

TypePtr Type::Decimal(int32_t precision, int32_t scale) {
  std::shared_ptr<Type> type(new Type(TypeId::kDecimal));
  type->precision_ = precision;
  type->scale_ = scale;
  return type;
}

TypePtr Type::Fixed(int32_t length) {
  std::shared_ptr<Type> type(new Type(TypeId::kFixed));
  type->length_ = length;
  return type;
}

TypePtr Type::Geometry(std::string crs) {
  std::shared_ptr<Type> type(new Type(TypeId::kGeometry));
  type->crs_ = crs.empty() ? std::string(kDefaultCrs) : std::move(crs);
  return type;
}

TypePtr Type::Geography(std::string crs, std::string algorithm) {
  std::shared_ptr<Type> type(new Type(TypeId::kGeography));
  type->crs_ = crs.empty() ? std::string(kDefaultCrs) : std::move(crs);
  type->algorithm_ =
      algorithm.empty() ? std::string(kDefaultAlgorithm) : std::move(algorithm);
  return type;
}

TypePtr Type::Struct(std::vector<NestedField> fields) {
  std::shared_ptr<Type> type(new Type(TypeId::kStruct));
  type->fields_ = std::move(fields);
  return type;
}

TypePtr Type::List(NestedField element) {
  std::shared_ptr<Type> type(new Type(TypeId::kList));
  element.name = "element";
  type->fields_.push_back(std::move(element));
  return type;
}

TypePtr Type::Map(NestedField key, NestedField value) {
  std::shared_ptr<Type> type(new Type(TypeId::kMap));
  key.name = "key";
  key.required = true;
  value.name = "value";
  type->fields_.push_back(std::move(key));
  type->fields_.push_back(std::move(value));
  return type;
}

arrow::Result<TypePtr> Type::FromString(std::string_view text) {
  for (const NamedType& named : kNamedTypes) {
    if (named.name == text) return TypePtr(new Type(named.id));
  }
  if (auto arguments = Arguments(text, "decimal"); arguments && arguments->size() == 2) {
    const auto precision = ToInt((*arguments)[0]);
    const auto scale = ToInt((*arguments)[1]);
    if (precision && scale && *precision >= 1 && *precision <= 38 && *scale >= 0 &&
        *scale <= *precision) {
      return Decimal(*precision, *scale);
    }
    return MakeError(ErrorCode::kInvalidArgument,
                     "type '{}': the precision must be 1 to 38 and the scale 0 to the "
                     "precision",
                     text);
  }
  if (auto arguments = Arguments(text, "fixed", "[]");
      arguments && arguments->size() == 1) {
    const auto length = ToInt((*arguments)[0]);
    if (length && *length >= 0 && *length <= kMaxFixedLength) return Fixed(*length);
    return MakeError(ErrorCode::kInvalidArgument,
                     "type '{}': the length must be 0 to {} bytes", text,
                     kMaxFixedLength);
  }
  if (auto arguments = Arguments(text, "geometry"); arguments && arguments->size() < 2) {
    return Geometry(arguments->empty() ? "" : std::string((*arguments)[0]));
  }
  if (auto arguments = Arguments(text, "geography"); arguments && arguments->size() < 3) {
    return Geography(arguments->empty() ? "" : std::string((*arguments)[0]),
                     arguments->size() < 2 ? "" : std::string((*arguments)[1]));
  }
  return MakeError(ErrorCode::kNotSupported,
                   "type '{}' is not one of the Iceberg format versions 1 to 3", text);
}

std::string Type::ToString() const {
  for (const NamedType& named : kNamedTypes) {
    if (named.id == id_) return std::string(named.name);
  }
  switch (id_) {
    case TypeId::kDecimal:
      return fmt::format("decimal({}, {})", precision_, scale_);
    case TypeId::kFixed:
      return fmt::format("fixed[{}]", length_);
    case TypeId::kGeometry:
      return crs_ == kDefaultCrs ? "geometry" : fmt::format("geometry({})", crs_);
    case TypeId::kGeography:
      if (algorithm_ != kDefaultAlgorithm) {
        return fmt::format("geography({}, {})", crs_, algorithm_);
      }
      return crs_ == kDefaultCrs ? "geography" : fmt::format("geography({})", crs_);
    case TypeId::kList:
      return fmt::format("list<{}>", element().type->ToString());
    case TypeId::kMap:
      return fmt::format("map<{}, {}>", key().type->ToString(), value().type->ToString());
    default:
      break;
  }
  FLOE_CHECK(id_ == TypeId::kStruct);
  std::string text = "struct<";
  for (const NestedField& field : fields_) {
    if (text.back() != '<') text += ", ";
    text += fmt::format("{}: {} {}{}", field.id, field.name, field.type->ToString(),
                        field.required ? " not null" : "");
  }
  return text + ">";
}

bool Type::Equals(const Type& other) const {
  if (this == &other) return true;
  if (id_ != other.id_ || precision_ != other.precision_ || scale_ != other.scale_ ||
      length_ != other.length_ || crs_ != other.crs_ || algorithm_ != other.algorithm_ ||
      fields_.size() != other.fields_.size()) {
    return false;
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (!fields_[i].Equals(other.fields_[i])) return false;
  }
  return true;
}

bool IsPromotionAllowed(const Type& from, const Type& to, int format_version) {
  if (from.is_nested() || to.is_nested()) return false;
  if (from.Equals(to)) return true;
  switch (from.id()) {
    case TypeId::kInt:
      return to.id() == TypeId::kLong;
    case TypeId::kFloat:
      return to.id() == TypeId::kDouble;
    case TypeId::kDecimal:
      return to.id() == TypeId::kDecimal && to.scale() == from.scale() &&
             to.precision() >= from.precision();
    case TypeId::kDate:
      return format_version >= 3 &&
             (to.id() == TypeId::kTimestamp || to.id() == TypeId::kTimestampNs);
    case TypeId::kUnknown:
      return format_version >= 3;
    default:
      return false;
  }
}

}  // namespace floe::iceberg
