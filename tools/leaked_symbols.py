"""Checks that no library in a Floe process takes another's calls.

The pyarrow wheel's libraries export some of what is linked into them (OpenSSL, simdjson
and Thrift from libparquet). Whichever library comes first in a process serves everybody's
calls by that name, so a second version of the same library beside it is undefined
behaviour. For each program and shared library built, this compares what the wheel's
libraries export with what every other library in its link scope exports. Allowed: names
of libssl and libcrypto when they come before the wheel's, and the standard library's
templates. libfloe.so must export floe_* alone. `python tools/leaked_symbols.py BUILD`.
"""

import collections
import functools
import os
import pathlib
import re
import subprocess
import sys

OPENSSL = ("libssl.so", "libcrypto.so")
# Mangled names of the standard library's templates and their instantiations' type
# information: the same in every library, which is what weak symbols are for.
STANDARD = re.compile(r"^_Z(N[KVRO]*St|St|TV.*St|N9__gnu_cxx|TIN?St|TSN?St|TVN?St|[A-Z]*NK?St)")
# Between a Floe object and the wheel, Arrow's own inline functions are one version.
ARROW = re.compile(r"(5arrow|7parquet)")
# Symbols that the linker puts into every object.
LINKER = {"_init", "_fini", "__bss_start", "_edata", "_end", "_IO_stdin_used", "main"}
SHOWN_AT_MOST = 8


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@functools.lru_cache(maxsize=None)
def exports(path):
    """Names that a library or program defines for others, without symbol versions."""
    names = set()
    for line in run("nm", "-D", "--defined-only", path).splitlines():
        kind, _, name = line.partition(" ")[2].partition(" ")
        if kind in "TWVBDRuiGS":
            names.add(name.partition("@")[0])
    return names - LINKER


@functools.lru_cache(maxsize=None)
def needed(path):
    """The names of a library's direct dependencies, in link order."""
    return re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", path))


def link_scope(path):
    """The libraries of a process that starts with path, in the order they are searched."""
    where = {}
    for line in run("ldd", path).splitlines():
        by_path = re.match(r"\s*(/\S+) \(", line)
        if by_path:
            where[by_path[1]] = os.path.realpath(by_path[1])
        match = re.match(r"\s*(\S+) => (\S+)", line)
        if match:
            if match[2] == "not":
                raise SystemExit(f"{path}: {match[1]} is not found; run ./dev build")
            where[match[1]] = os.path.realpath(match[2])
    order, queue = [], collections.deque(needed(path))
    while queue:
        name = queue.popleft()
        if name in where and name not in order:
            order.append(name)
            queue.extend(needed(where[name]))
    return [(name, where[name]) for name in order]


def is_wheel(path):
    return "/pyarrow/" in path


def clashes(path):
    """Lines about names that two libraries in path's link scope both serve."""
    scope = link_scope(path)
    wheel = [index for index, (_, where) in enumerate(scope) if is_wheel(where)]
    if not wheel:
        return []
    found = []
    for wheel_index in wheel:
        wheel_name, wheel_path = scope[wheel_index]
        theirs = {n for n in exports(wheel_path) if not STANDARD.match(n)}
        own = {n for n in exports(path) & theirs if not ARROW.search(n)}
        if own:
            found.append(describe(path, "itself", wheel_name, own))
        for index, (name, where) in enumerate(scope):
            if is_wheel(where):
                continue
            shared = exports(where) & theirs
            if not shared or (name.startswith(OPENSSL) and index < wheel[0]):
                continue
            found.append(describe(path, name, wheel_name, shared))
    return found


def describe(path, name, wheel_name, shared):
    some = ", ".join(sorted(shared)[:SHOWN_AT_MOST])
    remedy = (
        "call floe_link_openssl_first (cmake/FloeModule.cmake) on its target"
        if name.startswith(OPENSSL)
        else "do not link both in one process"
    )
    return f"{path}: {name} and {wheel_name} both export {len(shared)} names ({some}); {remedy}"


def stray_exports(path):
    """Lines about names libfloe.so exports beside its C ABI."""
    stray = {name for name in exports(path) if not name.startswith("floe_")}
    if not stray:
        return []
    some = ", ".join(sorted(stray)[:SHOWN_AT_MOST])
    return [
        f"{path}: exports {len(stray)} names that are not floe_* ({some}); its link needs "
        "the version script of capi/"
    ]


def built_objects(build):
    """Programs and shared libraries below a build folder."""
    for path in sorted(pathlib.Path(build).rglob("*")):
        parts = path.relative_to(build).parts
        if "CMakeFiles" in parts or not path.is_file() or path.is_symlink():
            continue
        if path.suffix in (".a", ".o") or not (path.stat().st_mode & 0o111):
            continue
        with open(path, "rb") as file:
            if file.read(4) == b"\x7fELF":
                yield path


def main(arguments):
    build = pathlib.Path(arguments[0] if arguments else "build/release")
    objects = list(built_objects(build))
    found = []
    for path in objects:
        found += clashes(str(path))
        if path.name.startswith("libfloe.so"):
            found += stray_exports(str(path))
    for line in found:
        print(line)
    print(f"exported symbols: {len(objects)} programs and libraries, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
