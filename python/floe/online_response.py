"""The response to an online request, kept as the bytes it came in until it is looked at."""

import struct

from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.type_map import feast_value_type_to_python_type
from feast.value_type import ValueType
from floe.online_tables import features_columns

# What Feast gives as Python's own numbers and texts, unchanged.
_PLAIN = frozenset(
    (
        None,
        ValueType.DOUBLE,
        ValueType.FLOAT,
        ValueType.INT32,
        ValueType.INT64,
        ValueType.BOOL,
        ValueType.STRING,
    )
)

# Forms of a column (floe_features_columns in floe.h): memoryview's code and its width.
_NUMBERS = {1: ("d", 8), 2: ("q", 8), 3: ("?", 1)}
_TEXTS = 4

_unpack_count = struct.Struct("<I").unpack_from
_unpack_head = struct.Struct("<BII").unpack_from
_HEAD_SIZE = struct.calcsize("<BII")


class FloeOnlineResponse(OnlineResponse):
    """As OnlineResponse; the message is parsed when it is first asked for, and to_dict,
    to_df and to_arrow take plain columns whole."""

    def __init__(self, message, feature_types, names):
        """message: the bytes of a GetOnlineFeaturesResponse without the dummy entity;
        names: of its columns."""
        self._message = message
        self._proto = None
        self._feature_types = feature_types
        self._names = names

    @property
    def proto(self):
        if self._proto is None:
            self._proto = GetOnlineFeaturesResponse.FromString(self._message)
            # From now on the object may be changed: it alone says what the answer is.
            self._message = None
        return self._proto

    def to_dict(self, include_event_timestamps=False):
        message = self._message
        if include_event_timestamps or message is None:
            return super().to_dict(include_event_timestamps)
        parsed = None
        response = {}
        columns = _columns(features_columns(message), len(self._names))
        for index, (name, values) in enumerate(zip(self._names, columns)):
            feature_type = self._feature_types.get(name)
            if values is None or feature_type not in _PLAIN:
                if parsed is None:
                    parsed = GetOnlineFeaturesResponse.FromString(message)
                values = [
                    feast_value_type_to_python_type(value, feature_type)
                    for value in parsed.results[index].values
                ]
            response[name] = values
        return response


def _columns(packed, count):
    """A list of values per column, or None where they are not plain."""
    view = memoryview(packed)
    assert _unpack_count(view, 0)[0] == count
    position = 4
    for _ in range(count):
        form, rows, null_count = _unpack_head(view, position)
        position += _HEAD_SIZE
        nulls = view[position : position + 4 * null_count].cast("I")
        position += 4 * null_count
        values = None
        if form in _NUMBERS:
            code, width = _NUMBERS[form]
            values = view[position : position + width * rows].cast(code).tolist()
            position += width * rows
        elif form == _TEXTS:
            lengths = view[position : position + 4 * rows].cast("I")
            position += 4 * rows
            values = []
            for length in lengths:
                end = position + length
                values.append(packed[position:end].decode())
                position = end
        if values is not None:
            for row in nulls:
                values[row] = None
        yield values
