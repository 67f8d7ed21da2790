"""Each check is given a tree it must reject, and one it must accept."""

import pathlib
import shutil
import subprocess
import tomllib

import count_tests
import layers
import leaked_symbols
import pytest
import size_report
import tidy

RULES = tomllib.loads(layers.RULES.read_text())


def plant(root, **files):
    """Writes files below root; a double underscore in a name stands for a slash."""
    for name, text in files.items():
        write(root, name.replace("__", "/"), text)


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def found(findings):
    return sorted(f"{f.path}:{f.line}: {f.what}" for f in findings)


@pytest.mark.parametrize(
    ("path", "text", "line", "words"),
    [
        ("src/base/a.h", '#include "io/b.h"\n', 1, "base includes io/b.h"),
        ("src/exec/a.cc", '\n#include "iceberg/spec/type.h"\n', 2, "may not include iceberg/spec"),
        ("src/offline/a.cc", '#include "online/reader.h"\n', 1, "may not include online"),
        ("src/iceberg/spec/a.cc", '#include "iceberg/expr/p.h"\n', 1, "may not include"),
        ("src/iceberg/table/a.cc", '#include "iceberg/catalog/sql/c.h"\n', 1, "may not"),
        ("src/online/a.cc", '#include "exec/merge_internal.h"\n', 1, "internal to exec"),
        ("src/unheard_of/a.cc", "", 1, "no layer"),
        ("src/feast/a.cc", "// x\n#include <soci/soci.h>\n", 2, "SOCI"),
        ("src/online/a.cc", '#include "parquet/types.h"\n', 1, "Parquet"),
        ("src/cli/a.cc", "#include <fstream>\n", 1, "opening files"),
        ("src/exec/a.cc", 'void F() {\n  int fd = ::open("x", 0);\n}\n', 2, "opening files"),
        ("src/io/a.cc", 'auto* v = std::getenv("X");\n', 1, "environment"),
        ("src/online/a.cc", "auto t = std::chrono::system_clock::now();\n", 1, "wall clock"),
        ("src/offline/a.cc", 'extern "C" int F();\n', 1, 'extern "C"'),
        ("src/io/a.cc", "#include <thrift/Thrift.h>\n", 1, "libparquet also exports"),
        ("src/exec/a.h", '#include "arrow/api.h"\n', 1, "header includes arrow/api.h"),
        (
            "src/base/CMakeLists.txt",
            "floe_module(base DEPS floe_base)\nfloe_module(base2 DEPS\n  floe_io)\n",
            2,
            "links floe_io",
        ),
    ],
)
def test_layers_reject(tmp_path, path, text, line, words):
    write(tmp_path, "src/io/CMakeLists.txt", "floe_module(io DEPS floe_base)\n")
    write(tmp_path, path, text)
    findings, _ = layers.check(tmp_path, RULES)
    assert [f.line for f in findings] == [line], found(findings)
    assert words in found(findings)[0]


def test_layers_accept(tmp_path):
    plant(
        tmp_path,
        **{
            "src__base__a.h": "#include <string>\n",
            "src__io__a.cc": '#include "base/a.h"\n#include <fstream>\n',
            "src__offline__a.cc": '#include "iceberg/table/scan.h"\n#include "exec/asof.h"\n'
            '#include "arrow/api.h"\n// #include <fstream>, system_clock::now()\n'
            'const char* kText = "std::ifstream ::open( getenv(";\n',
            "src__iceberg__catalog__sql__a.cc": '#include "soci/soci.h"\n',
            "src__iceberg__table__a_test.cc": '#include "iceberg/catalog/sql/c.h"\n'
            '#include "parquet/types.h"\n',
            "src__capi__a.cc": 'extern "C" int floe_x();\n',
            "src__base__clock.cc": "auto t = std::chrono::system_clock::now();\n",
        },
    )
    findings, checked = layers.check(tmp_path, RULES)
    assert found(findings) == []
    assert checked == 7


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("src/io/a.cc", "auto v = r.ValueOrDie();\n", "ValueOrDie"),
        ("src/io/a.cc", "auto v = r.ValueUnsafe();\n", "ValueUnsafe"),
        ("src/io/a_test.cc", "std::this_thread::sleep_for(1ms);\n", "sleeps"),
        ("python/tests/test_a.py", "import time\ntime.sleep(1)\n", "sleeps"),
        ("src/io/a.cc", "try {\n} catch (...) {\n}\n", "catch (...)"),
        ("src/io/a.cc", "throw std::runtime_error(x);\n", "exceptions"),
        ("src/io/a.cc", "assert(x);\n", "assert"),
        ("src/io/a.h", "#pragma once\nusing namespace std;\n", "using namespace"),
        ("src/io/a.h", "int F();\n", "#pragma once"),
        ("src/io/a.cc", 'std::cout << "x";\n', "printing"),
        ("src/io/a.cc", "// TO" "DO: later\n", "unfinished"),
        ("docs/a.md", "see /ro" "ot/data/x\n", "one machine"),
        ("src/io/string_utils.cc", "", "names no concept"),
        ("src/io/StringMap.cc", "", "snake_case"),
        ("docs/a.md", "[x](b.md)\n", "not there"),
        ("docs/a.md", "# A\n[x](#b)\n", "no such heading"),
        ("docs/a.md", "# A\n# B\n", "more than one"),
    ],
)
def test_tidy_rejects(tmp_path, path, text, words):
    write(tmp_path, "src/io/README.md", "# io\n")
    write(tmp_path, path, text)
    findings, _ = tidy.check(tmp_path)
    assert len(findings) == 1, found(findings)
    assert words in found(findings)[0]


def test_tidy_wants_a_readme_per_folder(tmp_path):
    write(tmp_path, "src/io/deep/a.h", "#pragma once\n")
    write(tmp_path, "src/io/deep/a.cc", "")
    write(tmp_path, "src/cli/main/main.cc", "")
    assert found(tidy.check(tmp_path)[0]) == ["src/io/deep/README.md:1: missing"]


def test_tidy_accepts(tmp_path):
    write(tmp_path, "src/io/README.md", "# The io layer\n[up](../../README.md#what-it-is)\n")
    write(tmp_path, "README.md", "# Floe\n## What it is\n```\n# [x](y)\n```\n")
    write(tmp_path, "src/io/a.cc", '// ValueOrDie( is banned\nconst char* k = "throw x";\n')
    assert found(tidy.check(tmp_path)[0]) == []


def test_sizes_reject(tmp_path):
    body = "  a();\n" * size_report.FUNCTION_LINES_MAX
    write(tmp_path, "src/io/long_function.cc", f"void F() {{\n{body}}}\n")
    write(tmp_path, "src/io/long_file.cc", "// x\n" * (size_report.FILE_LINES_MAX + 1))
    findings, checked, _, _ = size_report.check(tmp_path)
    assert [f.path for f in sorted(findings)] == [
        "src/io/long_file.cc",
        "src/io/long_function.cc",
    ]
    assert checked == 2


@pytest.fixture(name="build")
def fixture_build(tmp_path):
    """A build folder with a library made like the wheel's, which exports zlib's crc32."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc")
    wheel = tmp_path / "pyarrow"
    compile_c(wheel / "libparquet.so", "int crc32(void) { return 1; }", "-shared", "-fPIC")
    return tmp_path / "build", wheel


def compile_c(path, text, *options):
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["gcc", "-x", "c", "-", "-o", str(path), "-Wl,--no-as-needed", *options],
        input=text,
        text=True,
        check=True,
    )


def test_leaked_symbols_reject_a_clash(build):
    folder, wheel = build
    compile_c(
        folder / "program",
        "int main(void) { return 0; }",
        "-x", "none", str(wheel / "libparquet.so"), f"-Wl,-rpath,{wheel}", "-l:libz.so.1",
    )  # fmt: skip
    (finding,) = leaked_symbols.clashes(str(folder / "program"))
    assert "libz.so.1 and" in finding and "crc32" in finding


def test_leaked_symbols_reject_own_names(build):
    folder, wheel = build
    compile_c(
        folder / "libfloe.so",
        "int crc32(void) { return 2; } int floe_version(void) { return 1; }",
        "-shared", "-fPIC",
        "-x", "none", str(wheel / "libparquet.so"), f"-Wl,-rpath,{wheel}",
    )  # fmt: skip
    (finding,) = leaked_symbols.clashes(str(folder / "libfloe.so"))
    assert "itself and" in finding
    (finding,) = leaked_symbols.stray_exports(str(folder / "libfloe.so"))
    assert "crc32" in finding and "floe_version" not in finding
    assert [p.name for p in leaked_symbols.built_objects(folder)] == ["libfloe.so"]


def test_leaked_symbols_accept(build):
    folder, wheel = build
    compile_c(
        folder / "libfloe.so",
        "int floe_version(void) { return 1; }",
        "-shared", "-fPIC",
        "-x", "none", str(wheel / "libparquet.so"), f"-Wl,-rpath,{wheel}",
    )  # fmt: skip
    assert leaked_symbols.clashes(str(folder / "libfloe.so")) == []
    assert leaked_symbols.stray_exports(str(folder / "libfloe.so")) == []


GTEST = """<testsuites><testsuite name="A">
<testcase name="Works" status="run" result="completed" classname="A"/>
<testcase name="Fails" status="run" result="completed" classname="A"><failure/></testcase>
<testcase name="Skips" status="run" result="skipped" classname="A"><skipped/></testcase>
<testcase name="FilteredOut" status="notrun" result="suppressed" classname="A"/>
</testsuite></testsuites>"""
CTEST = """<testsuite>
<testcase name="floe_a_test" status="fail"><failure/></testcase>
<testcase name="floe_crashed_test" status="fail"><failure/></testcase>
<testcase name="floe_b_test" status="run"/>
</testsuite>"""
PYTEST = """<testsuites><testsuite>
<testcase classname="t" name="works"/>
<testcase classname="t" name="breaks"><error/></testcase>
</testsuite></testsuites>"""


def test_count_sums_all_runners(tmp_path, capsys):
    write(tmp_path, "gtest/floe_a_test.xml", GTEST)
    write(tmp_path, "ctest.xml", CTEST)
    write(tmp_path, "pytest.xml", PYTEST)
    assert count_tests.main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "failed: floe_crashed_test (crashed or timed out)" in lines
    assert "skipped: A.Skips" in lines
    assert lines[-1] == "2 passed, 3 failed"


def test_count_fails_when_nothing_ran(tmp_path, capsys):
    (tmp_path / "gtest").mkdir(parents=True)
    assert count_tests.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"


def test_count_fails_when_a_runner_broke(tmp_path, capsys):
    write(tmp_path, "pytest.xml", PYTEST.replace("<error/>", ""))
    assert count_tests.main([str(tmp_path), "--runner-status", "2"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 1 failed"


def test_this_repository_has_one_bash_entry_point():
    root = pathlib.Path(layers.ROOT)
    scripts = [root / "dev", root / ".ci/run", *sorted((root / "tools/dev").glob("*.sh"))]
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True)
    text = subprocess.run(
        [str(root / "dev"), "help"], check=True, capture_output=True, text=True
    ).stdout
    for command in ("build", "test", "demo", "bench", "lint"):
        assert f"  {command}" in text
