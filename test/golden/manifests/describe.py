"""Writes NAME.expected.txt beside each NAME.list.avro: what PyIceberg reads from the list
and from NAME.manifest.avro. Run with no arguments after adding a file; manifest_test.cc
holds Floe's reading against the text."""

import pathlib

from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import ManifestContent, ManifestFile, read_manifest_list

HERE = pathlib.Path(__file__).parent
IO = PyArrowFileIO()


def text(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def row(kind, **values):
    return " ".join([kind] + [f"{key}={text(value)}" for key, value in values.items()])


def describe_manifest_file(manifest):
    yield row(
        "manifest",
        path=manifest.manifest_path,
        length=manifest.manifest_length,
        spec=manifest.partition_spec_id,
        content=int(manifest.content),
        sequence=manifest.sequence_number,
        min_sequence=manifest.min_sequence_number,
        snapshot=manifest.added_snapshot_id,
        added=manifest.added_files_count,
        existing=manifest.existing_files_count,
        deleted=manifest.deleted_files_count,
        added_rows=manifest.added_rows_count,
        existing_rows=manifest.existing_rows_count,
        deleted_rows=manifest.deleted_rows_count,
    )
    for summary in manifest.partitions or []:
        yield row(
            "  partition",
            null=summary.contains_null,
            nan=summary.contains_nan,
            lower=summary.lower_bound,
            upper=summary.upper_bound,
        )


def describe_entry(entry):
    file = entry.data_file
    yield row(
        "entry",
        status=int(entry.status),
        snapshot=entry.snapshot_id,
        sequence=entry.sequence_number,
        file_sequence=entry.file_sequence_number,
        content=int(file.content),
        path=file.file_path,
        format=file.file_format.value,
        records=file.record_count,
        size=file.file_size_in_bytes,
        splits=",".join(map(str, file.split_offsets or [])),
        equality=",".join(map(str, file.equality_ids or [])),
        sort=file.sort_order_id,
    )
    yield "  tuple " + " ".join(text(file.partition[i]) for i in range(len(file.partition)))
    maps = {
        "size": file.column_sizes,
        "values": file.value_counts,
        "nulls": file.null_value_counts,
        "nans": file.nan_value_counts,
        "lower": file.lower_bounds,
        "upper": file.upper_bounds,
    }
    columns = sorted({column for values in maps.values() for column in values or {}})
    for column in columns:
        values = {key: (values or {}).get(column) for key, values in maps.items()}
        yield row(f"  column {column}", **values)


def describe(list_path):
    name = list_path.name.removesuffix(".list.avro")
    manifests = list(read_manifest_list(IO.new_input(str(list_path))))
    lines = [line for manifest in manifests for line in describe_manifest_file(manifest)]
    path = HERE / f"{name}.manifest.avro"
    size = path.stat().st_size
    owner = next(m for m in manifests if m.manifest_length == size)
    arguments = {
        key: getattr(owner, key)
        for key in ("partition_spec_id", "added_snapshot_id", "sequence_number",
                    "min_sequence_number")
    }
    content = ManifestContent(int(owner.content))
    manifest = ManifestFile.from_args(manifest_path=str(path), manifest_length=size,
                                      content=content, **arguments)
    for entry in manifest.fetch_manifest_entry(IO, discard_deleted=False):
        lines.extend(describe_entry(entry))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path in sorted(HERE.glob("*.list.avro")):
        expected = HERE / path.name.replace(".list.avro", ".expected.txt")
        expected.write_text(describe(path), encoding="utf-8")
