"""Writing to the Parquet files that Feast's file sources and destinations name."""

import os
import pathlib
import uuid

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from feast.infra.offline_stores.file_source import FileLoggingDestination, FileSource
from floe.errors import FloeInputError, FloeNotSupportedError


def append_to_source(path, rows, source_name):
    """Adds rows to a Parquet file (rewritten and swapped in) or a folder of files."""
    schema = ds.dataset(path, format="parquet").schema
    if rows.column_names != schema.names:
        raise FloeInputError(
            f"the rows to write do not fit the data source '{source_name}' ({path}): the "
            f"columns must be, in this order, {', '.join(schema.names)}, but are "
            f"{', '.join(rows.column_names)}",
            "INVALID_ARGUMENT",
        )
    rows = rows.cast(schema)
    target = pathlib.Path(path)
    if target.is_dir():
        pq.write_table(rows, target / f"{uuid.uuid4().hex}.parquet")
        return
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        pq.write_table(pa.concat_tables([pq.read_table(target), rows]), scratch)
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def write_logs(repo_path, data, destination):
    """Adds logged features to a FileLoggingDestination. data: a Table, or a folder of
    Parquet files."""
    if not isinstance(destination, FileLoggingDestination):
        raise FloeNotSupportedError(
            f"cannot log to {type(destination).__name__}; use FileLoggingDestination",
            "NOT_SUPPORTED",
        )
    if isinstance(data, pathlib.Path):
        data = pq.read_table(data)
    uri = FileSource.get_uri_for_file_path(repo_path, destination.path)
    filesystem, path = FileSource.create_filesystem_and_path(
        str(uri), destination.s3_endpoint_override
    )
    ds.write_dataset(
        data,
        base_dir=path,
        basename_template=f"{uuid.uuid4().hex}-{{i}}.parquet",
        partitioning=destination.partition_by,
        filesystem=filesystem,
        format="parquet",
        existing_data_behavior="overwrite_or_ignore",
    )
