#include "feast/message_from_arrow.h"

#include <utility>
#include <vector>

#include "arrow/array.h"
#include "arrow/compute/cast.h"
#include "arrow/extension_type.h"
#include "base/error.h"
#include "feast/types/Value.pb.h"
#include "feast/value_codec.h"
#include "feast/value_json.h"

namespace floe::feast {

namespace {

namespace proto = ::feast::types;
using arrow::Type;
using ArrayPtr = std::shared_ptr<arrow::Array>;

/// Makes Values of one array's rows, whatever its type.
class RowValues {
 public:
  virtual ~RowValues() = default;
  /// Leaves `value` unset for a null row.
  virtual arrow::Status Set(int64_t row, proto::Value* value) const = 0;

  static arrow::Result<std::unique_ptr<RowValues>> Make(const std::string& column,
                                                        ArrayPtr array);
};

using RowValuesPtr = std::unique_ptr<RowValues>;

bool IsList(const arrow::DataType& type) {
  return type.id() == Type::LIST || type.id() == Type::LARGE_LIST ||
         type.id() == Type::FIXED_SIZE_LIST;
}

bool IsStringLike(const arrow::DataType& type) {
  return type.id() == Type::STRING || type.id() == Type::LARGE_STRING ||
         type.id() == Type::STRING_VIEW;
}

arrow::Status WrongType(const std::string& column, const arrow::DataType& type,
                        std::string_view wanted) {
  return MakeError(ErrorCode::kInvalidArgument,
                   "column '{}' is {} and cannot be stored as Feast's {}: the types do "
                   "not fit; change the field's dtype or the column",
                   column, type.ToString(), wanted);
}

/// What a column reader can give: scalars and lists of scalars.
class FlatValues final : public RowValues {
 public:
  explicit FlatValues(std::unique_ptr<ValueColumnReader> reader)
      : reader_(std::move(reader)) {}
  arrow::Status Set(int64_t row, proto::Value* value) const override {
    return reader_->Get(row, value);
  }

 private:
  std::unique_ptr<ValueColumnReader> reader_;
};

class NullValues final : public RowValues {
 public:
  arrow::Status Set(int64_t /*row*/, proto::Value* /*value*/) const override {
    return arrow::Status::OK();
  }
};

/// Rows of a struct or of a map with string keys, as a Map message.
class MapMaker {
 public:
  static arrow::Result<MapMaker> Make(const std::string& column, const ArrayPtr& array) {
    MapMaker maker;
    maker.array_ = array;
    if (array->type_id() == Type::STRUCT) {
      const auto& rows = static_cast<const arrow::StructArray&>(*array);
      for (int i = 0; i < rows.num_fields(); ++i) {
        maker.names_.push_back(array->type()->field(i)->name());
        ARROW_ASSIGN_OR_RAISE(auto values, RowValues::Make(column, rows.field(i)));
        maker.members_.push_back(std::move(values));
      }
      return maker;
    }
    if (array->type_id() != Type::MAP) return WrongType(column, *array->type(), "MAP");
    const auto& rows = static_cast<const arrow::MapArray&>(*array);
    ARROW_ASSIGN_OR_RAISE(ArrayPtr keys,
                          ToStorage(ValueType::kString, column, rows.keys()));
    maker.keys_ = std::static_pointer_cast<arrow::StringArray>(keys);
    ARROW_ASSIGN_OR_RAISE(auto values, RowValues::Make(column, rows.items()));
    maker.members_.push_back(std::move(values));
    return maker;
  }

  bool IsNull(int64_t row) const { return array_->IsNull(row); }

  arrow::Status Fill(int64_t row, proto::Map* map) const {
    auto& entries = *map->mutable_val();
    if (keys_ == nullptr) {
      for (size_t i = 0; i < names_.size(); ++i) {
        ARROW_RETURN_NOT_OK(members_[i]->Set(row, &entries[names_[i]]));
      }
      return arrow::Status::OK();
    }
    const auto& rows = static_cast<const arrow::MapArray&>(*array_);
    for (int64_t i = rows.value_offset(row); i < rows.value_offset(row + 1); ++i) {
      ARROW_RETURN_NOT_OK(members_[0]->Set(i, &entries[keys_->GetString(i)]));
    }
    return arrow::Status::OK();
  }

 private:
  ArrayPtr array_;
  std::vector<std::string> names_;            ///< Of a struct's fields.
  std::shared_ptr<arrow::StringArray> keys_;  ///< Of a map.
  std::vector<RowValuesPtr> members_;
};

class MapValues final : public RowValues {
 public:
  MapValues(MapMaker maker, bool is_struct)
      : maker_(std::move(maker)), is_struct_(is_struct) {}
  arrow::Status Set(int64_t row, proto::Value* value) const override {
    if (maker_.IsNull(row)) return arrow::Status::OK();
    return maker_.Fill(
        row, is_struct_ ? value->mutable_struct_val() : value->mutable_map_val());
  }

 private:
  MapMaker maker_;
  bool is_struct_;
};

class MapListValues final : public RowValues {
 public:
  MapListValues(std::shared_ptr<arrow::ListArray> lists, MapMaker maker, bool is_struct)
      : lists_(std::move(lists)), maker_(std::move(maker)), is_struct_(is_struct) {}
  arrow::Status Set(int64_t row, proto::Value* value) const override {
    if (lists_->IsNull(row)) return arrow::Status::OK();
    proto::MapList* list =
        is_struct_ ? value->mutable_struct_list_val() : value->mutable_map_list_val();
    for (int64_t i = lists_->value_offset(row); i < lists_->value_offset(row + 1); ++i) {
      proto::Map* map = list->add_val();
      if (!maker_.IsNull(i)) ARROW_RETURN_NOT_OK(maker_.Fill(i, map));
    }
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<arrow::ListArray> lists_;
  MapMaker maker_;
  bool is_struct_;
};

class NestedListValues final : public RowValues {
 public:
  NestedListValues(std::shared_ptr<arrow::ListArray> lists, RowValuesPtr elements,
                   bool is_set)
      : lists_(std::move(lists)), elements_(std::move(elements)), is_set_(is_set) {}
  arrow::Status Set(int64_t row, proto::Value* value) const override {
    if (lists_->IsNull(row)) return arrow::Status::OK();
    proto::RepeatedValue* list =
        is_set_ ? value->mutable_set_val() : value->mutable_list_val();
    for (int64_t i = lists_->value_offset(row); i < lists_->value_offset(row + 1); ++i) {
      ARROW_RETURN_NOT_OK(elements_->Set(i, list->add_val()));
    }
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<arrow::ListArray> lists_;
  RowValuesPtr elements_;
  bool is_set_;
};

class ScalarMapValues final : public RowValues {
 public:
  ScalarMapValues(std::shared_ptr<arrow::MapArray> maps, RowValuesPtr keys,
                  RowValuesPtr items)
      : maps_(std::move(maps)), keys_(std::move(keys)), items_(std::move(items)) {}

  arrow::Status Set(int64_t row, proto::Value* value) const override {
    if (maps_->IsNull(row)) return arrow::Status::OK();
    proto::ScalarMap* map = value->mutable_scalar_map_val();
    for (int64_t i = maps_->value_offset(row); i < maps_->value_offset(row + 1); ++i) {
      proto::ScalarMapEntry* entry = map->add_val();
      proto::Value key;
      ARROW_RETURN_NOT_OK(keys_->Set(i, &key));
      ARROW_RETURN_NOT_OK(SetKey(key, entry->mutable_key()));
      ARROW_RETURN_NOT_OK(items_->Set(i, entry->mutable_value()));
    }
    return arrow::Status::OK();
  }

 private:
  static arrow::Status SetKey(const proto::Value& value, proto::MapKey* key) {
    switch (value.val_case()) {
      case proto::Value::kInt32Val:
        key->set_int32_key(value.int32_val());
        break;
      case proto::Value::kInt64Val:
        key->set_int64_key(value.int64_val());
        break;
      case proto::Value::kFloatVal:
        key->set_float_key(value.float_val());
        break;
      case proto::Value::kDoubleVal:
        key->set_double_key(value.double_val());
        break;
      case proto::Value::kBoolVal:
        key->set_bool_key(value.bool_val());
        break;
      case proto::Value::kBytesVal:
        key->set_bytes_key(value.bytes_val());
        break;
      case proto::Value::kUuidVal:
        key->set_uuid_key(value.uuid_val());
        break;
      case proto::Value::kDecimalVal:
        key->set_decimal_key(value.decimal_val());
        break;
      case proto::Value::kUnixTimestampVal:
        key->set_unix_timestamp_key(value.unix_timestamp_val());
        break;
      default:
        return MakeError(ErrorCode::kInvalidArgument,
                         "a SCALAR_MAP's keys are numbers, booleans, bytes, timestamps, "
                         "uuids or decimals; maps with string keys are of dtype MAP");
    }
    return arrow::Status::OK();
  }

  std::shared_ptr<arrow::MapArray> maps_;
  RowValuesPtr keys_;
  RowValuesPtr items_;
};

arrow::Result<std::shared_ptr<arrow::ListArray>> AsList(const std::string& column,
                                                        const ArrayPtr& array,
                                                        std::string_view wanted) {
  if (!IsList(*array->type())) return WrongType(column, *array->type(), wanted);
  if (array->type_id() == Type::LIST) {
    return std::static_pointer_cast<arrow::ListArray>(array);
  }
  ARROW_ASSIGN_OR_RAISE(
      ArrayPtr list, arrow::compute::Cast(*array, arrow::list(array->type()->field(0))));
  return std::static_pointer_cast<arrow::ListArray>(list);
}

arrow::Result<RowValuesPtr> MakeScalarMap(const std::string& column,
                                          const ArrayPtr& array) {
  if (array->type_id() != Type::MAP) {
    return WrongType(column, *array->type(), "SCALAR_MAP");
  }
  auto maps = std::static_pointer_cast<arrow::MapArray>(array);
  ARROW_ASSIGN_OR_RAISE(auto keys, RowValues::Make(column, maps->keys()));
  ARROW_ASSIGN_OR_RAISE(auto items, RowValues::Make(column, maps->items()));
  return std::make_unique<ScalarMapValues>(std::move(maps), std::move(keys),
                                           std::move(items));
}

arrow::Result<RowValuesPtr> MakeMapList(const std::string& column, const ArrayPtr& array,
                                        bool is_struct) {
  ARROW_ASSIGN_OR_RAISE(auto lists,
                        AsList(column, array, is_struct ? "STRUCT_LIST" : "MAP_LIST"));
  ARROW_ASSIGN_OR_RAISE(MapMaker maker, MapMaker::Make(column, lists->values()));
  return std::make_unique<MapListValues>(std::move(lists), std::move(maker), is_struct);
}

arrow::Result<RowValuesPtr> MakeNestedList(const std::string& column,
                                           const ArrayPtr& array, bool is_set) {
  ARROW_ASSIGN_OR_RAISE(auto lists,
                        AsList(column, array, is_set ? "VALUE_SET" : "VALUE_LIST"));
  ARROW_ASSIGN_OR_RAISE(auto elements, RowValues::Make(column, lists->values()));
  return std::make_unique<NestedListValues>(std::move(lists), std::move(elements),
                                            is_set);
}

arrow::Result<RowValuesPtr> RowValues::Make(const std::string& column, ArrayPtr array) {
  const arrow::DataType& type = *array->type();
  if (type.id() == Type::NA) return std::make_unique<NullValues>();
  if (type.id() == Type::STRUCT ||
      (type.id() == Type::MAP &&
       IsStringLike(*static_cast<const arrow::MapType&>(type).key_type()))) {
    // Feast infers a dictionary inside a value to be a map, never a struct.
    ARROW_ASSIGN_OR_RAISE(MapMaker maker, MapMaker::Make(column, array));
    return std::make_unique<MapValues>(std::move(maker), false);
  }
  if (type.id() == Type::MAP) return MakeScalarMap(column, array);
  if (IsList(type)) {
    const arrow::DataType& element = *type.field(0)->type();
    if (element.id() == Type::STRUCT || element.id() == Type::MAP) {
      return MakeMapList(column, array, false);
    }
    if (IsList(element)) return MakeNestedList(column, array, false);
  }
  arrow::Result<ValueType> inferred = InferValueType(type);
  if (!inferred.ok()) return WithContext(inferred.status(), "column", column);
  ARROW_ASSIGN_OR_RAISE(ArrayPtr stored, ToStorage(*inferred, column, array));
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        ValueColumnReader::Make(*inferred, column, std::move(stored)));
  return std::make_unique<FlatValues>(std::move(reader));
}

arrow::Result<RowValuesPtr> MakeTopLevel(ValueType type, const std::string& column,
                                         const ArrayPtr& array) {
  switch (type) {
    case ValueType::kMap:
    case ValueType::kStruct: {
      ARROW_ASSIGN_OR_RAISE(MapMaker maker, MapMaker::Make(column, array));
      return std::make_unique<MapValues>(std::move(maker), type == ValueType::kStruct);
    }
    case ValueType::kMapList:
      return MakeMapList(column, array, false);
    case ValueType::kStructList:
      return MakeMapList(column, array, true);
    case ValueType::kValueList:
      return MakeNestedList(column, array, false);
    case ValueType::kValueSet:
      return MakeNestedList(column, array, true);
    default:
      return MakeScalarMap(column, array);
  }
}

}  // namespace

arrow::Result<ArrayPtr> MessagesFromArrow(const ValueTypeInfo& info,
                                          const std::string& column,
                                          const ArrayPtr& array,
                                          arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto builder, ValueColumnBuilder::Make(info.type, column, pool));
  const bool is_message = array->type_id() == Type::BINARY ||
                          array->type_id() == Type::LARGE_BINARY ||
                          array->type_id() == Type::BINARY_VIEW;
  const bool is_json = IsStringLike(*array->type());
  ArrayPtr messages = array;
  RowValuesPtr values;
  if (is_message || is_json) {
    ARROW_ASSIGN_OR_RAISE(messages, arrow::compute::Cast(*array, arrow::binary()));
  } else {
    ARROW_ASSIGN_OR_RAISE(values, MakeTopLevel(info.type, column, array));
  }
  for (int64_t row = 0; row < array->length(); ++row) {
    if (array->IsNull(row)) {
      ARROW_RETURN_NOT_OK(builder->AppendNull());
    } else if (is_message) {
      ARROW_RETURN_NOT_OK(builder->AppendSerialized(
          static_cast<const arrow::BinaryArray&>(*messages).GetView(row)));
    } else {
      proto::Value value;
      const arrow::Status made =
          is_json ? ValueFromJson(
                        info.type,
                        static_cast<const arrow::BinaryArray&>(*messages).GetView(row),
                        &value)
                  : values->Set(row, &value);
      if (!made.ok()) return WithContext(made, "column", column);
      ARROW_RETURN_NOT_OK(builder->Append(value));
    }
  }
  return builder->Finish();
}

}  // namespace floe::feast
