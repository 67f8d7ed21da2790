"""The C interface as Python loads it."""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

import floe
from floe import _library
from floe._cdef import CDEF
from floe.errors import FloeConfigError, FloeInputError, FloeNotFoundError

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = (ROOT / "include" / "floe" / "floe.h").read_text()


def test_the_declarations_are_those_of_the_header():
    sys.path.insert(0, str(ROOT / "python"))
    try:
        import generate_cdef
    finally:
        sys.path.pop(0)
    assert CDEF == generate_cdef.cdef_of(HEADER), (
        "run `python python/generate_cdef.py`: include/floe/floe.h has changed"
    )


def test_every_function_of_the_header_is_exported_and_nothing_else():
    declared = set(re.findall(r"^FLOE_EXPORT [^(]*?(floe_\w+)\(", HEADER, re.MULTILINE))
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", str(_library.library_path())],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    exported = {line.split()[-1] for line in listing.splitlines()}
    assert len(declared) > 25
    assert exported == declared


def test_the_versions_agree():
    version = (ROOT / "VERSION").read_text().strip()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert _library.version() == floe.__version__ == project["version"] == version


def test_errors_become_exceptions_with_code(tmp_path):
    with pytest.raises(FloeConfigError) as raised:
        floe.Catalog(catalog_type="sqlite", uri="sqlite:///x.db")
    assert raised.value.code == "INVALID_CONFIG"
    assert "sql" in str(raised.value)
    catalog = floe.Catalog(
        uri=f"sqlite:///{tmp_path}/c.db", warehouse=str(tmp_path / "wh")
    )
    with pytest.raises(FloeNotFoundError) as raised:
        catalog.scan("feast.nothing")
    assert raised.value.code == "NO_SUCH_TABLE"
    assert "feast.nothing" in str(raised.value)
    assert not raised.value.retryable


def test_an_unknown_key_of_a_request_is_named_with_the_nearest(tmp_path):
    catalog = floe.Catalog(
        uri=f"sqlite:///{tmp_path}/c.db", warehouse=str(tmp_path / "wh")
    )
    with pytest.raises(FloeInputError, match="'pulled'"):
        catalog.pull_all({"pulled": 1})
    with pytest.raises(FloeInputError, match="did you mean 'features'"):
        catalog.pull_all({"fetures": []})


def test_importing_floe_loads_neither_feast_nor_the_library():
    code = (
        "import floe, sys; "
        "assert 'feast' not in sys.modules and 'cffi' not in sys.modules; "
        "print(sorted(floe.__all__)[0])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_process_that_used_every_part_ends_cleanly(tmp_path):
    code = f"""
import pyarrow as pa, pyarrow.parquet, pyarrow.fs, floe
catalog = floe.Catalog(uri="sqlite:///{tmp_path}/c.db", warehouse="{tmp_path}/wh")
rows = pa.table({{"k": [1, 2], "ts": pa.array([1, 2], pa.timestamp("us"))}})
catalog.create_table("n.t", rows.schema)
catalog.append("n.t", rows)
reader = catalog.scan("n.t")
assert reader.read_all().num_rows == 2
pinned = catalog.scan("n.t")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_header_is_c_as_well_as_cxx(tmp_path):
    for compiler, standard, name in (("cc", "c99", "a.c"), ("c++", "c++11", "a.cc")):
        source = tmp_path / name
        source.write_text("#include <floe/floe.h>\nint main(void) { return 0; }\n")
        flags = [f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic"]
        command = [compiler, *flags, "-fsyntax-only", "-I", str(ROOT / "include")]
        subprocess.run([*command, str(source)], check=True)
