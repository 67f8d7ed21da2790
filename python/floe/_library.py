"""libfloe.so: loading it once and calling it. The only module that knows cffi."""

import atexit
import json
import os
import pathlib
import threading

import cffi
import pyarrow as pa

from floe._cdef import CDEF
from floe.errors import FloeError, from_stream_error, make_error

ffi = cffi.FFI()
ffi.cdef(CDEF)

_lock = threading.Lock()
_loaded = None


def library_path():
    """FLOE_LIBRARY if set, else the library installed inside this package."""
    path = os.environ.get("FLOE_LIBRARY")
    return pathlib.Path(path) if path else pathlib.Path(__file__).with_name("libfloe.so")


def lib():
    """The loaded library."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def _load():
    path = library_path()
    if not path.exists():
        raise FloeError(
            f"the native library {path} is missing: install the package with `pip install "
            ".` or `./dev build`, or set FLOE_LIBRARY to a built libfloe.so",
            "NO_SUCH_FILE",
        )
    # The library's own libarrow is the one pyarrow has loaded (same file, same name).
    loaded = ffi.dlopen(str(path))
    # Without this the library's background threads outlive what they use.
    atexit.register(loaded.floe_shutdown)
    return loaded


def check(error):
    """Raises what `error` says unless it is NULL, and frees it."""
    if error == ffi.NULL:
        return
    library = lib()
    try:
        code = ffi.string(library.floe_error_code_name(error)).decode()
        message = ffi.string(library.floe_error_message(error)).decode(errors="replace")
        retryable = bool(library.floe_error_retryable(error))
    finally:
        library.floe_error_free(error)
    raise make_error(code, message, retryable)


def version():
    """The native library's version."""
    return ffi.string(lib().floe_version()).decode()


def text(value):
    """A C string of `value`; the caller keeps the result for the call's time."""
    return ffi.new("char[]", value.encode())


def json_text(value):
    """A C string of a JSON request; None is NULL."""
    return ffi.NULL if value is None else text(json.dumps(value))


def take_text(pointer):
    """The text behind a char**, freed; None where the call left it NULL."""
    if pointer[0] == ffi.NULL:
        return None
    try:
        return ffi.string(pointer[0]).decode()
    finally:
        lib().floe_string_free(pointer[0])


def take_bytes(out):
    """The bytes behind a floe_bytes*, freed."""
    try:
        return ffi.buffer(out.data, out.size)[:]
    finally:
        lib().floe_bytes_free(out)


def _address(pointer):
    return int(ffi.cast("uintptr_t", pointer))


class StreamIn:
    """Rows given to a call as an ArrowArrayStream, which the call consumes.

    Rows are a pyarrow Table, RecordBatch, RecordBatchReader or None (a NULL stream).
    """

    def __init__(self, rows):
        self.pointer = ffi.NULL
        if rows is None:
            return
        self.pointer = ffi.new("struct ArrowArrayStream*")
        as_reader(rows)._export_to_c(_address(self.pointer))

    def __enter__(self):
        return self.pointer

    def __exit__(self, *_):
        # Only where the call was never made is there something left to release.
        if self.pointer != ffi.NULL and self.pointer.release != ffi.NULL:
            self.pointer.release(self.pointer)


def as_reader(rows):
    """Rows in any of Arrow's forms as a RecordBatchReader."""
    if isinstance(rows, pa.RecordBatchReader):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(rows.schema, [rows])
    if isinstance(rows, pa.Table):
        return rows.to_reader()
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(rows)
    raise TypeError(
        f"rows must be a pyarrow Table, RecordBatch or RecordBatchReader, not {type(rows)}"
    )


def export_schema(schema):
    """An ArrowSchema of a pyarrow Schema, for a call to consume."""
    pointer = ffi.new("struct ArrowSchema*")
    schema._export_to_c(_address(pointer))
    return pointer


def import_schema(pointer):
    return pa.Schema._import_from_c(_address(pointer))


def import_stream(pointer):
    """A RecordBatchReader over a stream the library made, whose errors are Floe's."""
    return Reader(pa.RecordBatchReader._import_from_c(_address(pointer)))


class Reader:
    """A stream of record batches, as pyarrow.RecordBatchReader, raising FloeError."""

    def __init__(self, reader):
        self._reader = reader
        self.schema = reader.schema

    def __iter__(self):
        return self

    def __next__(self):
        return self.read_next_batch()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __arrow_c_stream__(self, requested_schema=None):
        return self._reader.__arrow_c_stream__(requested_schema)

    def read_next_batch(self):
        try:
            return self._reader.read_next_batch()
        except (pa.ArrowException, OSError) as error:
            raise from_stream_error(error) from None

    def read_all(self):
        """All remaining rows as a Table."""
        try:
            return self._reader.read_all()
        except (pa.ArrowException, OSError) as error:
            raise from_stream_error(error) from None

    def close(self):
        self._reader.close()
