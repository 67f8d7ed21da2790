"""Sums the test cases of a results folder and ends in one line, `N passed, N failed`.

The folder holds ctest.xml (one case per test binary), gtest/*.xml (one file per
GoogleTest binary) and files of pytest, such as pytest.xml. A binary that ctest saw fail although its own file
reports no failure (it crashed, or never wrote one) counts as one failed test. Exits
non-zero when anything failed or nothing ran.
"""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases_of(path):
    """Yields (name, "passed" | "failed" | "skipped") for each case of a JUnit file."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed"
        elif case.get("status") in ("notrun", "disabled"):
            continue  # Filtered out, or disabled in the source.
        elif case.find("skipped") is not None or case.get("result") == "skipped":
            yield name, "skipped"
        else:
            yield name, "passed"


def failed_binaries(path):
    """The names of the test binaries that ctest reports as failed."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.get("status") not in ("run", "notrun", "disabled") or (
            case.find("failure") is not None
        ):
            yield case.get("name")


def collect(results):
    """Returns {outcome: [test name]} over every file of the results folder."""
    outcomes = {"passed": [], "failed": [], "skipped": []}
    failures_of_binary = {}
    for path in sorted((results / "gtest").glob("*.xml")):
        try:
            cases = list(cases_of(path))
        except ElementTree.ParseError:
            cases = [(f"{path.stem} (unreadable results)", "failed")]
        for name, outcome in cases:
            outcomes[outcome].append(name)
        failures_of_binary[path.stem] = sum(outcome == "failed" for _, outcome in cases)
    ctest = results / "ctest.xml"
    if ctest.exists():
        for binary in failed_binaries(ctest):
            if not failures_of_binary.get(binary):
                outcomes["failed"].append(f"{binary} (crashed or timed out)")
    for path in sorted(results.glob("*.xml")):
        if path == ctest:
            continue
        for name, outcome in cases_of(path):
            outcomes[outcome].append(name)
    return outcomes


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument(
        "--runner-status", type=int, default=0, help="exit status of a runner that broke"
    )
    options = parser.parse_args(arguments)
    outcomes = collect(options.results)
    if options.runner_status:
        outcomes["failed"].append(f"pytest (exit status {options.runner_status})")
    for name in outcomes["skipped"]:
        print(f"skipped: {name}")
    for name in outcomes["failed"]:
        print(f"failed: {name}")
    passed, failed = len(outcomes["passed"]), len(outcomes["failed"])
    if passed + failed == 0:
        print("no tests ran")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
