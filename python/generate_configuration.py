"""Writes what follows from the settings classes of python/floe, the one table of keys:
the tables in docs/configuration.md and src/capi/config_keys.h, what the C interface's
parsers accept.

`python python/generate_configuration.py`; with --check it only says whether both are
current. A key is a field of a settings class with a docstring below it.
"""

import ast
import importlib
import inspect
import pathlib
import re
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "configuration.md"
HEADER = ROOT / "src" / "capi" / "config_keys.h"

# Section of feature_store.yaml, or of the keys two sections share: its settings class.
SECTIONS = {
    "catalog": ("floe.config", "CatalogSettings"),
    "offline_store": ("floe.offline_store", "IcebergOfflineStoreConfig"),
    "online_store": ("floe.online_store", "IcebergOnlineStoreConfig"),
    "batch_engine": ("floe.engine", "IcebergEngineConfig"),
}

# The sections that the C interface takes as they are.
NATIVE = ("catalog", "online_store")


def settings_class(section):
    module, name = SECTIONS[section]
    return getattr(importlib.import_module(module), name)


def own_fields(section):
    """{key: pydantic field} of the section; those of the catalog are a section apart."""
    fields = settings_class(section).model_fields
    if section == "catalog":
        return fields
    shared = settings_class("catalog").model_fields
    return {name: field for name, field in fields.items() if name not in shared}


def docstrings(section):
    """{key: the docstring below it}, as one line."""
    tree = ast.parse(inspect.getsource(settings_class(section)))
    found = {}
    body = tree.body[0].body
    for field, below in zip(body, body[1:]):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and is_text:
            found[field.target.id] = " ".join(below.value.value.split())
    return found


def bounds(field):
    """(least, greatest) of an integer, as its annotation says."""
    least, greatest = None, None
    for rule in field.metadata:
        if getattr(rule, "gt", None) is not None:
            least = rule.gt + 1
        if getattr(rule, "ge", None) is not None:
            least = rule.ge
        if getattr(rule, "le", None) is not None:
            greatest = rule.le
    return least, greatest


def type_text(field):
    annotation = field.annotation
    if typing.get_origin(annotation) is typing.Union:
        (annotation,) = [a for a in typing.get_args(annotation) if a is not type(None)]
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) is typing.Literal:
        return " \\| ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    if annotation is int:
        least, greatest = bounds(field)
        if greatest is not None:
            return f"integer, {least} to {greatest}"
        return "integer" if least is None else f"integer ≥ {least}"
    name = getattr(annotation, "__name__", str(annotation))
    if typing.get_origin(annotation) is dict:
        name = "dict"
    return {"str": "text", "SecretStr": "text, kept secret", "bool": "true or false"}.get(
        name, {"dict": "mapping", "float": "number"}.get(name, name)
    )


def default_text(field):
    default = field.get_default(call_default_factory=True)
    if default is None or default == {}:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def table_of(section):
    texts = docstrings(section)
    lines = ["| key | type | default | what |", "|---|---|---|---|"]
    for name, field in own_fields(section).items():
        if name == "type":
            continue
        if name not in texts:
            raise SystemExit(f"{section}.{name} has no docstring below it")
        lines.append(
            f"| `{name}` | {type_text(field)} | {default_text(field)} | {texts[name]} |"
        )
    return "\n".join(lines)


def document(text):
    for section in SECTIONS:
        block = re.compile(
            rf"(<!-- keys of {section} -->\n).*?(<!-- end of keys -->)", re.DOTALL
        )
        if not block.search(text):
            raise SystemExit(f"{DOCUMENT} lacks the block of '{section}'")
        text = block.sub(lambda match: match[1] + table_of(section) + "\n" + match[2], text)
    return text


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def header():
    lines = [
        "#pragma once",
        "",
        "#include <string>",
        "#include <vector>",
        "",
        "/// Written by python/generate_configuration.py from the settings classes of",
        "/// python/floe, where each key is described: what the parsers accept.",
        "namespace floe::capi {",
    ]
    for section in NATIVE:
        names = ", ".join(f'"{key}"' for key in own_fields(section) if key != "type")
        lines += [
            "",
            f"inline std::vector<std::string> {camel(section)}Keys() {{",
            f"  return {{{names}}};",
            "}",
        ]
    return "\n".join([*lines, "", "}  // namespace floe::capi", ""])


def formatted(text):
    """As clang-format has it, which the check of formatting demands."""
    import subprocess

    return subprocess.run(
        ["clang-format-19", f"--assume-filename={HEADER}"],
        input=text,
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def main(arguments):
    # Where the package is installed, floe.pth has loaded that one already.
    for name in [name for name in sys.modules if name.split(".")[0] == "floe"]:
        del sys.modules[name]
    sys.path.insert(0, str(ROOT / "python"))
    wanted = {DOCUMENT: document(DOCUMENT.read_text()), HEADER: formatted(header())}
    status = 0
    for path, text in wanted.items():
        if "--check" not in arguments:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.relative_to(ROOT)} is out of date; run {pathlib.Path(__file__).name}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
