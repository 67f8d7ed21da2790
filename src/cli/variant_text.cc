#include "cli/variant_text.h"

#include <algorithm>
#include <string>
#include <utility>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/builder_binary.h"
#include "arrow/type.h"
#include "base/error.h"
#include "iceberg/spec/variant.h"

namespace floe::cli {
namespace {

bool IsVariant(const iceberg::NestedField& field) {
  return field.type->id() == iceberg::TypeId::kVariant;
}

arrow::Result<std::shared_ptr<arrow::Array>> ToText(const arrow::Array& column) {
  const auto& parts = static_cast<const arrow::StructArray&>(column);
  const auto metadata = std::static_pointer_cast<arrow::BinaryArray>(parts.field(0));
  const auto values = std::static_pointer_cast<arrow::BinaryArray>(parts.field(1));
  arrow::StringBuilder texts;
  for (int64_t row = 0; row < parts.length(); ++row) {
    if (parts.IsNull(row)) {
      ARROW_RETURN_NOT_OK(texts.AppendNull());
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(
        const std::string text,
        iceberg::VariantToJson(metadata->GetView(row), values->GetView(row)));
    ARROW_RETURN_NOT_OK(texts.Append(text));
  }
  return texts.Finish();
}

class VariantTextReader final : public arrow::RecordBatchReader {
 public:
  VariantTextReader(std::shared_ptr<arrow::RecordBatchReader> base,
                    iceberg::SchemaPtr schema)
      : base_(std::move(base)), iceberg_schema_(std::move(schema)) {
    arrow::FieldVector fields = base_->schema()->fields();
    for (size_t i = 0; i < fields.size(); ++i) {
      if (IsVariant(iceberg_schema_->fields()[i])) {
        fields[i] = arrow::field(fields[i]->name(), arrow::utf8());
      }
    }
    schema_ = arrow::schema(std::move(fields));
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(base_->ReadNext(out));
    if (*out == nullptr) return arrow::Status::OK();
    arrow::ArrayVector columns = (*out)->columns();
    for (size_t i = 0; i < columns.size(); ++i) {
      const iceberg::NestedField& field = iceberg_schema_->fields()[i];
      if (!IsVariant(field)) continue;
      auto text = ToText(*columns[i]);
      if (!text.ok()) return WithContext(text.status(), "column", field.name);
      columns[i] = *std::move(text);
    }
    *out = arrow::RecordBatch::Make(schema_, (*out)->num_rows(), std::move(columns));
    return arrow::Status::OK();
  }

  arrow::Status Close() override { return base_->Close(); }

 private:
  std::shared_ptr<arrow::RecordBatchReader> base_;
  iceberg::SchemaPtr iceberg_schema_;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> VariantsAsText(
    std::shared_ptr<arrow::RecordBatchReader> reader, iceberg::SchemaPtr schema) {
  const bool has_variants =
      std::any_of(schema->fields().begin(), schema->fields().end(), IsVariant);
  if (!has_variants) return reader;
  return std::make_shared<VariantTextReader>(std::move(reader), std::move(schema));
}

}  // namespace floe::cli
