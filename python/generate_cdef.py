"""Writes python/floe/_cdef.py, what cffi needs of include/floe/floe.h.

`python python/generate_cdef.py`; with --check it only says whether the file is current.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "floe" / "floe.h"
TARGET = ROOT / "python" / "floe" / "_cdef.py"
HEAD = '''"""The declarations of include/floe/floe.h, written by python/generate_cdef.py."""

CDEF = """\\
'''


def cdef_of(header):
    """The declarations of a header without comments, macros and the C++ wrapping."""
    text = re.sub(r"//[^\n]*", "", header)
    text = re.sub(
        r"#ifdef __cplusplus\n.*?#endif[^\n]*\n", "", text, flags=re.DOTALL
    )
    text = re.sub(r"^[ \t]*#[^\n]*\n", "", text, flags=re.MULTILINE)
    text = text.replace("FLOE_EXPORT ", "")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines) + "\n"


def module_of(header):
    return HEAD + cdef_of(header) + '"""\n'


def main(arguments):
    wanted = module_of(HEADER.read_text())
    if "--check" in arguments:
        current = TARGET.exists() and TARGET.read_text() == wanted
        print(f"{TARGET.relative_to(ROOT)} is {'current' if current else 'out of date'}")
        return 0 if current else 1
    TARGET.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
