"""Writing to the Parquet files that Feast's file sources and destinations name."""

import pathlib
import uuid

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq

from feast.infra.offline_stores.file_source import FileLoggingDestination
from floe.config import storage_options
from floe.errors import FloeInputError, FloeNotSupportedError
from floe.object_paths import open_path


def append_to_source(location, rows, source_name):
    """Adds rows to a Parquet file (rewritten and swapped in) or a folder of files."""
    filesystem, path = open_path(location.parquet, location.options)
    dataset = ds.dataset(path, format="parquet", filesystem=filesystem)
    if rows.column_names != dataset.schema.names:
        raise FloeInputError(
            f"the rows to write do not fit the data source '{source_name}' "
            f"({location.parquet}): the columns must be, in this order, "
            f"{', '.join(dataset.schema.names)}, but are {', '.join(rows.column_names)}",
            "INVALID_ARGUMENT",
        )
    rows = rows.cast(dataset.schema)
    name = f"{uuid.uuid4().hex}.parquet"
    if filesystem.get_file_info(path).type == fs.FileType.Directory:
        pq.write_table(rows, f"{path.rstrip('/')}/{name}", filesystem=filesystem)
        return
    folder = path.rpartition("/")[0]
    scratch = f"{folder}/.{name}.tmp" if folder else f".{name}.tmp"
    try:
        pq.write_table(
            pa.concat_tables([dataset.to_table(), rows]), scratch, filesystem=filesystem
        )
        filesystem.move(scratch, path)
    finally:
        if filesystem.get_file_info(scratch).type != fs.FileType.NotFound:
            filesystem.delete_file(scratch)


def write_logs(config, data, destination):
    """Adds logged features to a FileLoggingDestination. data: a Table, or a folder of
    Parquet files."""
    if not isinstance(destination, FileLoggingDestination):
        raise FloeNotSupportedError(
            f"cannot log to {type(destination).__name__}; use FileLoggingDestination",
            "NOT_SUPPORTED",
        )
    if isinstance(data, pathlib.Path):
        data = pq.read_table(data)
    filesystem, path = open_path(
        destination.path,
        storage_options(config.offline_store),
        config.repo_path,
        destination.s3_endpoint_override,
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
