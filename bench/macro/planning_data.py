"""The table of the planning benchmark: manifests of many data files that do not exist.

PyIceberg's own manifest writers write it, in one commit: 20 columns, counts and bounds of
each for every file, partitioned by day. A manifest's files lie in a quarter of the year, as
those of writers that catch up do, so that a week's filter leaves a third of the manifests
and a file in forty.
"""

import os
import random
import shutil
import struct
import uuid

NAMESPACE, TABLE = "bench", "planned"
MANIFESTS, FILES_PER_MANIFEST, COLUMNS = 100, 100, 20
FIRST_DAY, DAYS = 20_000, 365  # From 2024-10-04 on.
SPAN_DAYS = 90  # Days that one manifest's files lie in.
WEEK = ("2025-04-01T00:00:00+00:00", "2025-04-08T00:00:00+00:00")
SNAPSHOT_ID = 4_242_424_242


def open_catalog(folder):
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog(
        "bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse"
    )


def schema_and_spec():
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import DayTransform
    from pyiceberg.types import DoubleType, LongType, NestedField, StringType, TimestamptzType

    kinds = [LongType(), DoubleType(), StringType()]
    schema = Schema(
        NestedField(1, "ts", TimestamptzType()),
        *(NestedField(i, f"c{i}", kinds[i % 3]) for i in range(2, COLUMNS + 1)),
    )
    spec = PartitionSpec(
        PartitionField(source_id=1, field_id=1000, transform=DayTransform(), name="ts_day")
    )
    return schema, spec


def bounds(day, column, rng):
    """The least and the greatest value of a column of a file, as Iceberg's bytes."""
    if column == 1:
        start = day * 86_400_000_000
        first = start + rng.randrange(43_200_000_000)
        return struct.pack("<q", first), struct.pack("<q", first + 43_000_000_000)
    if column % 3 == 0:
        low = rng.randrange(10**9)
        return struct.pack("<q", low), struct.pack("<q", low + rng.randrange(10**9))
    if column % 3 == 1:
        low = rng.random()
        return struct.pack("<d", low), struct.pack("<d", low + rng.random())
    low = f"{rng.randrange(10**8):08d}"
    return f"a{low}-text".encode(), f"n{low}-text".encode()


def data_file(folder, day, rng):
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    columns = range(1, COLUMNS + 1)
    pairs = {column: bounds(day, column, rng) for column in columns}
    rows = rng.randrange(100_000, 1_000_000)
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"file://{folder}/warehouse/bench/planned/data/ts_day={day}/"
        f"{uuid.UUID(int=rng.getrandbits(128))}.parquet",
        file_format=FileFormat.PARQUET,
        partition=Record(day),
        record_count=rows,
        file_size_in_bytes=rows * 90,
        column_sizes={column: rng.randrange(10**7) for column in columns},
        value_counts=dict.fromkeys(columns, rows),
        null_value_counts={column: rng.randrange(1000) for column in columns},
        nan_value_counts={column: 0 for column in columns if column % 3 == 1},
        lower_bounds={column: pair[0] for column, pair in pairs.items()},
        upper_bounds={column: pair[1] for column, pair in pairs.items()},
        key_metadata=None,
        split_offsets=[4, 4 + rows * 45],
        equality_ids=None,
        sort_order_id=None,
    )
    file.spec_id = 0
    return file


def write_manifests(folder, table, manifests, files):
    from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus, write_manifest

    rng = random.Random(17)
    written = []
    for number in range(manifests):
        first = FIRST_DAY + rng.randrange(DAYS - SPAN_DAYS + 1)
        output = table.io.new_output(f"{table.location()}/metadata/manifest-{number}.avro")
        with write_manifest(2, table.spec(), table.schema(), output, SNAPSHOT_ID, "deflate") as writer:
            for _ in range(files):
                file = data_file(folder, first + rng.randrange(SPAN_DAYS), rng)
                writer.add(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.ADDED,
                        snapshot_id=SNAPSHOT_ID,
                        sequence_number=None,
                        file_sequence_number=None,
                        data_file=file,
                    )
                )
        written.append(writer.to_manifest_file())
    return written


def write_table(folder, manifests, files):
    from pyiceberg.manifest import write_manifest_list
    from pyiceberg.table.refs import SnapshotRefType
    from pyiceberg.table.snapshots import Operation, Snapshot, Summary
    from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate

    catalog = open_catalog(folder)
    catalog.create_namespace(NAMESPACE)
    schema, spec = schema_and_spec()
    table = catalog.create_table(f"{NAMESPACE}.{TABLE}", schema, partition_spec=spec)
    location = f"{table.location()}/metadata/snap-{SNAPSHOT_ID}.avro"
    with write_manifest_list(
        2, table.io.new_output(location), SNAPSHOT_ID, None, 1, "deflate"
    ) as writer:
        writer.add_manifests(write_manifests(folder, table, manifests, files))
    snapshot = Snapshot(
        snapshot_id=SNAPSHOT_ID,
        parent_snapshot_id=None,
        manifest_list=location,
        sequence_number=1,
        summary=Summary(Operation.APPEND),
        schema_id=table.metadata.current_schema_id,
    )
    main = SetSnapshotRefUpdate(
        snapshot_id=SNAPSHOT_ID, ref_name="main", type=SnapshotRefType.BRANCH
    )
    catalog.commit_table(table, (), (AddSnapshotUpdate(snapshot=snapshot), main))


def prepare(root, manifests=MANIFESTS, files=FILES_PER_MANIFEST):
    """The folder of the table, written once under `root`."""
    folder = os.path.abspath(os.path.join(root, f"planning-{manifests}x{files}"))
    done = os.path.join(folder, "written")
    if not os.path.exists(done):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        write_table(folder, manifests, files)
        with open(done, "w", encoding="ascii"):
            pass
    return folder
