"""The files of the tree that the checks read, and how a finding is printed."""

import dataclasses
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_OURS = {"build", "dist", "node_modules", "__pycache__"}


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One thing to mend: where it is, what it is, and the remedy."""

    path: str
    line: int
    what: str
    remedy: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}; {self.remedy}"


def files(root, suffixes, under=(".",)):
    """Sorted paths relative to root, with one of the suffixes, below the folders named.

    Hidden folders (but .ci) and what a build makes are left out.
    """
    found = set()
    for folder in under:
        for where, folders, names in os.walk(root / folder):
            folders[:] = [
                name
                for name in folders
                if name not in NOT_OURS
                and (not name.startswith(".") or name == ".ci")
                and not name.endswith(".egg-info")
            ]
            for name in names:
                if name.endswith(tuple(suffixes)):
                    found.add((pathlib.Path(where) / name).relative_to(root).as_posix())
    return sorted(found)


def is_test(path):
    """Whether a path is test code, where some rules are laxer."""
    name = path.rsplit("/", 1)[-1]
    return (
        name.endswith(("_test.cc", "_test.h", "_benchmark.cc", "_fuzz.cc"))
        or name.startswith(("test_", "testing"))
        or path.startswith(("test/", "bench/", "python/tests/", "tools/tests/"))
    )


_TOKEN = re.compile(
    r'R"(?P<tag>[^ ()\\\t\n]*)\(.*?\)(?P=tag)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'  # string
    r"|'(?:\\.|[^'\\\n])+'"  # character
    r"|//[^\n]*|/\*.*?\*/",  # comments
    re.DOTALL,
)


def code_only(text, strings=False):
    """C++ text with comments blanked and, unless strings is set, literals emptied.

    Line numbers stay as they were. Includes keep their file names.
    """

    def blank(match):
        token = match.group(0)
        start = text.rfind("\n", 0, match.start()) + 1
        if text[start : match.start()].lstrip().startswith("#include"):
            return token
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        if strings:
            return token
        return '""' + "\n" * token.count("\n") if token[0] in '"R' else "' '"

    return _TOKEN.sub(blank, text)


def report(findings, checked, what):
    """Prints the findings, or one line that all is well; returns the exit status."""
    for finding in sorted(findings):
        print(finding)
    if findings:
        print(f"{what}: {len(findings)} findings in {checked} files")
        return 1
    print(f"{what}: {checked} files, no findings")
    return 0
