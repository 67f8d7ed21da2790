"""Checks who includes whom over src/, by the rules of layers.toml.

Four things: an include goes down the layers only; a library or system call stays in the
folders it is confined to; costly headers stay out of headers; a CMake target links only
what its folder may include. `python tools/layers.py [ROOT]`.
"""

import pathlib
import re
import sys
import tomllib

from tree import ROOT, Finding, code_only, files, is_test, report

RULES = pathlib.Path(__file__).with_name("layers.toml")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
MODULE = re.compile(r"\bfloe_module\(\s*(\w+)([^)]*)\)")
TARGET = re.compile(r"\bfloe_(\w+)")


class Layers:
    """The folders of the [layers] table and what each may include."""

    def __init__(self, rules):
        self.allowed = rules["layers"]
        self.allowed_in_tests = rules.get("tests", {})

    def of(self, path):
        """The layer that a path below src/ belongs to, or None."""
        folder = path
        while folder:
            if folder in self.allowed:
                return folder
            folder = folder.rpartition("/")[0]
        return None

    def may(self, layer, other, in_test):
        """Whether layer may include from other."""
        names = [layer, *self.allowed[layer]]
        if in_test:
            names += self.allowed_in_tests.get(layer, [])
        return any(
            other == name
            or (name.endswith("/*") and f"{other}/".startswith(name[:-1]))
            for name in names
        )


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def within(path, folders):
    """Whether a path below src/ is one of, or below one of, the folders."""
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def check_includes(layers, path, text):
    """Findings about one file's includes of Floe's own headers."""
    below = path.removeprefix("src/")
    layer = layers.of(below.rpartition("/")[0])
    if layer is None:
        yield Finding(path, 1, "the folder is no layer", "name it in tools/layers.toml")
        return
    for match in INCLUDE.finditer(text):
        target = match[2]
        line = line_of(text, match.start())
        other = layers.of(target.rpartition("/")[0])
        if match[1] == "<" and other is None:
            continue
        if other is None:
            continue  # Third-party headers in quotes, such as "arrow/result.h".
        if not layers.may(layer, other, is_test(path)):
            yield Finding(
                path,
                line,
                f"{layer} includes {target}, but may not include {other}",
                f"{layer} may use {', '.join(layers.allowed[layer]) or 'nothing'}: move "
                "what both need down, or turn the dependency round",
            )
        if target.endswith("_internal.h") and other != layer:
            yield Finding(
                path,
                line,
                f"{target} is internal to {other}",
                "include its public header",
            )


def check_confinement(rules, path, text):
    """Findings about libraries and calls used outside the folders they belong to."""
    below = path.removeprefix("src/")
    code = code_only(text)
    raw = code_only(text, strings=True)
    for rule in rules.get("confine", []):
        if within(below, rule["only"]) or (rule.get("tests") and is_test(path)):
            continue
        places = []
        if "include" in rule:
            pattern = re.compile(rule["include"])
            places += [m.start() for m in INCLUDE.finditer(raw) if pattern.search(m[2])]
        if "code" in rule:
            places += [m.start() for m in re.finditer(rule["code"], code)]
        if "raw" in rule:
            places += [m.start() for m in re.finditer(rule["raw"], raw, re.MULTILINE)]
        where = ", ".join(f"src/{folder}" for folder in rule["only"]) or "nowhere"
        for place in places:
            yield Finding(
                path,
                line_of(code if "code" in rule else raw, place),
                f"{rule['what']} belongs in {where} only",
                rule["remedy"],
            )
    if path.endswith(".h"):
        for rule in rules.get("header_ban", []):
            for match in INCLUDE.finditer(raw):
                if re.search(rule["include"], match[2]):
                    yield Finding(
                        path,
                        line_of(raw, match.start()),
                        f"a header includes {match[2]}",
                        rule["remedy"],
                    )


def check_links(layers, root):
    """Findings about CMake targets that link more than their folder may include."""
    lists = {
        path: (root / path).read_text() for path in files(root, ["CMakeLists.txt"], ["src"])
    }
    folder_of = {}
    for path, text in lists.items():
        for match in MODULE.finditer(text):
            folder_of[match[1]] = path.removeprefix("src/").rpartition("/")[0]
    for path, text in lists.items():
        for match in MODULE.finditer(text):
            layer = layers.of(folder_of[match[1]])
            if layer is None:
                continue
            libraries, _, test_libraries = match[2].partition("TEST_DEPS")
            for part, in_test in ((libraries, False), (test_libraries, True)):
                for name in TARGET.findall(part):
                    other = layers.of(folder_of.get(name, ""))
                    if other and not layers.may(layer, other, in_test):
                        yield Finding(
                            path,
                            line_of(text, match.start()),
                            f"floe_{match[1]} links floe_{name} of {other}",
                            "link only layers that tools/layers.toml allows",
                        )


def check(root, rules):
    """All findings over root/src and how many files were read."""
    layers = Layers(rules)
    paths = files(root, [".h", ".cc"], ["src"])
    findings = set(check_links(layers, root))
    for path in paths:
        text = (root / path).read_text(errors="replace")
        findings.update(check_includes(layers, path, text))
        findings.update(check_confinement(rules, path, text))
    return findings, len(paths)


def main(arguments):
    root = pathlib.Path(arguments[0]).resolve() if arguments else ROOT
    findings, checked = check(root, tomllib.loads(RULES.read_text()))
    return report(findings, checked, "layers")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
