"""Arrow types as text, and the Feast value types they stand for.

Feast passes column types about as text. Its own mapping from text
(feast.type_map.pa_to_feast_value_type) fails on the names Iceberg and Parquet give list
elements and on dates and decimals, so this one is used for Iceberg columns throughout.
"""

import pandas as pd
import pyarrow as pa

from feast.value_type import ValueType
from floe.errors import FloeNotSupportedError

_SCALARS = {
    "bool": ValueType.BOOL,
    "int8": ValueType.INT32,
    "int16": ValueType.INT32,
    "int32": ValueType.INT32,
    "uint8": ValueType.INT32,
    "uint16": ValueType.INT32,
    "int64": ValueType.INT64,
    "uint32": ValueType.INT64,
    "float": ValueType.FLOAT,
    "double": ValueType.DOUBLE,
    "string": ValueType.STRING,
    "binary": ValueType.BYTES,
    "uuid": ValueType.UUID,
    "null": ValueType.NULL,
}


def to_pandas(table):
    """table.to_pandas(), also of the lists of uuids that pyarrow cannot convert: they
    become lists of uuid.UUID."""
    odd = [
        index
        for index, field in enumerate(table.schema)
        if _is_list(field.type) and _holds_uuid(field.type.value_type)
    ]
    frame = table.select(
        [index for index in range(table.num_columns) if index not in odd]
    ).to_pandas()
    for index in odd:
        frame.insert(
            index,
            table.schema.field(index).name,
            pd.Series(table.column(index).to_pylist(), dtype=object, index=frame.index),
            allow_duplicates=True,
        )
    return frame


def _holds_uuid(arrow_type):
    if _is_list(arrow_type):
        return _holds_uuid(arrow_type.value_type)
    return isinstance(arrow_type, pa.UuidType)


def type_text(arrow_type):
    """The text of an Arrow type, the same for all spellings of one Iceberg type."""
    if pa.types.is_dictionary(arrow_type):
        return type_text(arrow_type.value_type)
    if isinstance(arrow_type, pa.UuidType):
        return "uuid"
    if isinstance(arrow_type, pa.BaseExtensionType):
        return type_text(arrow_type.storage_type)
    if pa.types.is_large_string(arrow_type) or pa.types.is_string_view(arrow_type):
        return "string"
    if _is_bytes(arrow_type):
        return "binary"
    if _is_list(arrow_type):
        return f"list<item: {type_text(arrow_type.value_type)}>"
    if pa.types.is_map(arrow_type):
        key, item = type_text(arrow_type.key_type), type_text(arrow_type.item_type)
        return f"map<{key}, {item}>"
    if pa.types.is_struct(arrow_type):
        fields = (f"{field.name}: {type_text(field.type)}" for field in arrow_type)
        return f"struct<{', '.join(fields)}>"
    return str(arrow_type)


def _is_bytes(arrow_type):
    return (
        pa.types.is_large_binary(arrow_type)
        or pa.types.is_fixed_size_binary(arrow_type)
        or pa.types.is_binary_view(arrow_type)
    )


def _is_list(arrow_type):
    return (
        pa.types.is_list(arrow_type)
        or pa.types.is_large_list(arrow_type)
        or pa.types.is_fixed_size_list(arrow_type)
        or pa.types.is_list_view(arrow_type)
        or pa.types.is_large_list_view(arrow_type)
    )


def value_type_of(text):
    """The Feast value type of what type_text gives; FloeNotSupportedError names a type
    that Feast has nothing for."""
    if text.startswith("list<item: "):
        element = text[len("list<item: ") : -1]
        if element.startswith("list<"):
            return ValueType.VALUE_LIST
        return ValueType[f"{value_type_of(element).name}_LIST"]
    if text.startswith("map<string, "):
        return ValueType.MAP
    if text.startswith("map<"):
        return ValueType.SCALAR_MAP
    if text.startswith("struct<"):
        return ValueType.STRUCT
    if text.startswith(("timestamp", "date")):
        return ValueType.UNIX_TIMESTAMP
    if text.startswith("decimal"):
        return ValueType.DECIMAL
    value_type = _SCALARS.get(text)
    if value_type is None:
        raise FloeNotSupportedError(
            f"Feast has no value type for a column of type {text}; give the feature view "
            "a schema that leaves the column out",
            "NOT_SUPPORTED",
        )
    return value_type
