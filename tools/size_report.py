"""Holds files and functions to a size that fits a head, and reports what was built.

`python tools/size_report.py` fails on files and functions over the limits below and
names the largest; `--binaries BUILD` prints the sizes of the programs and libraries of
a build folder.
"""

import pathlib
import subprocess
import sys

import lizard

from leaked_symbols import built_objects
from tree import ROOT, Finding, files, report

FILE_LINES_MAX = 900
FUNCTION_LINES_MAX = 70
FOLDERS = ["src", "include", "test", "bench", "python", "tools", "examples"]


def check(root):
    """Findings, the number of files, and the largest file and function."""
    paths = files(root, [".h", ".cc", ".py"], FOLDERS)
    findings, largest_file, largest_function = [], (0, ""), (0, "")
    for path in paths:
        lines = (root / path).read_text(errors="replace").count("\n")
        largest_file = max(largest_file, (lines, path))
        if lines > FILE_LINES_MAX:
            findings.append(
                Finding(
                    path,
                    1,
                    f"{lines} lines, more than {FILE_LINES_MAX}",
                    "split it by concept",
                )
            )
    sources = [str(root / path) for path in paths]
    for analysis in lizard.analyze_files(sources, threads=2):
        path = pathlib.Path(analysis.filename).relative_to(root).as_posix()
        for function in analysis.function_list:
            largest_function = max(
                largest_function, (function.length, f"{function.name} in {path}")
            )
            if function.length > FUNCTION_LINES_MAX:
                findings.append(
                    Finding(
                        path,
                        function.start_line,
                        f"{function.name} has {function.length} lines, more than "
                        f"{FUNCTION_LINES_MAX}",
                        "take steps out into functions with names",
                    )
                )
    return findings, len(paths), largest_file, largest_function


def print_binaries(build):
    """Prints what each program and library of a build weighs, tests in one sum."""
    tests, tests_count = 0, 0
    for path in built_objects(build):
        if path.name.endswith("_test"):
            tests += path.stat().st_size
            tests_count += 1
            continue
        sections = subprocess.run(
            ["size", str(path)], check=True, capture_output=True, text=True
        ).stdout.splitlines()[1]
        text, data, _ = (int(number) for number in sections.split()[:3])
        print(
            f"size: {path}: {path.stat().st_size / 1e6:.1f} MB on disk, "
            f"{(text + data) / 1e6:.1f} MB of code and data"
        )
    print(f"size: {tests_count} test programs: {tests / 1e6:.1f} MB on disk")


def main(arguments):
    if arguments[:1] == ["--binaries"]:
        print_binaries(pathlib.Path(arguments[1]))
        return 0
    root = pathlib.Path(arguments[0]).resolve() if arguments else ROOT
    findings, checked, largest_file, largest_function = check(root)
    print(f"sizes: largest file {largest_file[1]} ({largest_file[0]} lines)")
    print(f"sizes: largest function {largest_function[1]} ({largest_function[0]} lines)")
    return report(findings, checked, "sizes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
