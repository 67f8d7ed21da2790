"""Checks the rules of the house that neither compiler nor formatter holds.

Each finding names the remedy. `python tools/tidy.py [ROOT]`.
"""

import collections
import dataclasses
import pathlib
import re
import sys

from tree import ROOT, Finding, code_only, files, is_test, report

CXX = (".h", ".cc")
TEXT = (
    *CXX, ".py", ".md", ".sh", ".toml", ".json", ".yaml", ".yml", ".txt", ".in", ".cmake",
    "/dev", "/run", ".case", ".proto", ".map",
)
TESTS, NOT_TESTS, EVERYWHERE = "tests", "not tests", "everywhere"


@dataclasses.dataclass(frozen=True)
class Ban:
    """A pattern that may not occur."""

    pattern: str
    what: str
    remedy: str
    suffixes: tuple = CXX
    where: str = EVERYWHERE
    # Whether comments and strings count too.
    in_text: bool = False
    # Files that may; each is a reason in itself.
    except_in: tuple = ()


BANS = (
    Ban(
        r"\bValueOrDie\(",
        "ValueOrDie aborts on bad input",
        "use ARROW_ASSIGN_OR_RAISE",
        where=NOT_TESTS,
    ),
    Ban(
        r"\.ValueUnsafe\(",
        "ValueUnsafe skips the check",
        "use ARROW_ASSIGN_OR_RAISE",
        where=NOT_TESTS,
    ),
    Ban(r"\bsleep_for\(|\bsleep_until\(|\bu?sleep\(", "a test that sleeps",
        "wait for the event, or use a FakeClock", where=TESTS),
    Ban(r"\bcatch\s*\(\s*\.\.\.\s*\)", "catch (...) hides what went wrong",
        "catch const std::exception& in the adapter and say what was attempted"),
    Ban(r"(?<!\w)throw\b(?!\s*\()", "exceptions do not cross modules",
        "return MakeError(...)", where=NOT_TESTS),
    Ban(r"(?<![\w.])assert\(", "assert vanishes or aborts without words",
        "use FLOE_CHECK for bugs, MakeError for input"),
    Ban(r"^\s*using namespace\b", "using namespace", "name what you use", suffixes=(".h",)),
    Ban(r"\bstd::(cout|cerr)\b|(?<![\w:.>])f?printf\(|std::printf\(", "printing from a library",
        "return it; cli/ prints", where=NOT_TESTS,
        except_in=("src/cli/", "src/base/check.h", "src/base/check.cc", "bench/")),
    Ban(r"\btime\.sleep\(", "a test that sleeps", "wait for the event",
        suffixes=(".py",), where=TESTS, except_in=("bench/",)),
    Ban(r"^\s*except\s*:", "a bare except hides what went wrong", "name the exception",
        suffixes=(".py",)),
    Ban(r"\b(TODO|FIXME|XXX|HACK)\b", "an unfinished thought", "finish it, or open an issue",
        suffixes=TEXT, in_text=True, except_in=("tools/tidy.py",)),
    Ban(r"(?<![\w.$}{-])/(work|root|home/\w+|Users/\w+)/\w", "a path of one machine",
        "name it relative to the repository", suffixes=TEXT, in_text=True,
        except_in=("tools/tidy.py", "tools/tests/")),
    Ban(r"(?<![\d.])(10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+)(?![\d.])",
        "an address of one network", "use 127.0.0.1 or a name of RFC 2606",
        suffixes=TEXT, in_text=True,
        except_in=("tools/tidy.py", "tools/tests/", "python/requirements-dev.txt")),
)

VAGUE_NAME = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager)(_|$)")
SNAKE_CASE = re.compile(r"^[a-z0-9_]+$")
LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_bans(path, text):
    """Findings of the table above in one file."""
    code = None
    for ban in BANS:
        if not f"/{path}".endswith(ban.suffixes):
            continue
        if path.startswith(ban.except_in) or (
            ban.where != EVERYWHERE and is_test(path) != (ban.where == TESTS)
        ):
            continue
        if ban.in_text or not path.endswith(CXX):
            searched = text
        else:
            code = code_only(text) if code is None else code
            searched = code
        for match in re.finditer(ban.pattern, searched, re.MULTILINE):
            what = f"{ban.what} ({match[0].strip()})"
            yield Finding(path, line_of(searched, match.start()), what, ban.remedy)


def check_name(path, text):
    """Findings about a source file's name and header guard."""
    stem = pathlib.PurePosixPath(path).stem
    if VAGUE_NAME.search(stem):
        yield Finding(path, 1, f"'{stem}' names no concept", "name it for what it holds")
    if not SNAKE_CASE.match(stem):
        yield Finding(path, 1, f"'{stem}' is not snake_case", "rename it")
    if path.endswith(".h") and path.startswith("src/") and "#pragma once" not in text:
        yield Finding(path, 1, "no #pragma once", "add it as the first line")


def check_readmes(root):
    """Findings about folders of src/ with more than one source but no README.md."""
    sources = collections.Counter(
        path.rpartition("/")[0] for path in files(root, CXX, ["src"])
    )
    for folder in sorted(sources):
        if sources[folder] > 1 and not (root / folder / "README.md").exists():
            yield Finding(
                f"{folder}/README.md", 1, "missing", "say what lives here and what may not"
            )


def anchor(heading):
    """The anchor that a Markdown heading gets, as the common renderers make it."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return words.replace(" ", "-")


def check_markdown(root, path, text):
    """Findings about one document's links and headings."""
    prose = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in LINK.finditer(prose):
        target = match[1]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        file = (root / path).parent / name if name else root / path
        line = line_of(prose, match.start())
        if not file.exists():
            yield Finding(path, line, f"link to {target}, which is not there", "mend the link")
        elif fragment and file.suffix == ".md":
            anchors = {anchor(h) for h in HEADING.findall(FENCE.sub("", file.read_text()))}
            if fragment not in anchors:
                yield Finding(
                    path, line, f"link to {target}, which has no such heading", "mend the link"
                )
    if len(re.findall(r"^# ", prose, re.MULTILINE)) > 1:
        yield Finding(path, 1, "more than one first-level heading", "a page has one title")


def check(root):
    """All findings over the tree and how many files were read."""
    paths = [p for p in files(root, ["", *TEXT]) if f"/{p}".endswith(TEXT)]
    findings = set(check_readmes(root))
    for path in paths:
        text = (root / path).read_text(errors="replace")
        findings.update(check_bans(path, text))
        if path.endswith((*CXX, ".py")):
            findings.update(check_name(path, text))
        if path.endswith(".md"):
            findings.update(check_markdown(root, path, text))
    return findings, len(paths)


def main(arguments):
    root = pathlib.Path(arguments[0]).resolve() if arguments else ROOT
    findings, checked = check(root)
    return report(findings, checked, "rules")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
