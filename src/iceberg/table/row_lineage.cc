#include "iceberg/table/row_lineage.h"

#include <vector>

namespace floe::iceberg {

arrow::Result<SchemaPtr> WithLineageColumns(const Schema& schema) {
  std::vector<NestedField> fields = schema.fields();
  fields.push_back(NestedField::Optional(kRowIdFieldId, kRowIdColumn, Type::Long()));
  fields.push_back(
      NestedField::Optional(kLastUpdatedFieldId, kLastUpdatedColumn, Type::Long()));
  return Schema::Make(std::move(fields), schema.schema_id(),
                      schema.identifier_field_ids());
}

}  // namespace floe::iceberg
