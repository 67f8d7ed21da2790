"""Writes the descriptors of Feast's protobuf messages, as the installed feast package
holds them, for protoc to generate C++ from.

usage: feast_descriptors.py OUT MODULE...    e.g. out.bin types.Value types.EntityKey

Prints the names of the Feast files in OUT, one a line. The package itself is not
imported (that takes seconds): only its generated modules are.
"""

import importlib
import importlib.util
import sys
import types

from google.protobuf import descriptor_pb2


def main(out: str, modules: list[str]) -> None:
    spec = importlib.util.find_spec("feast")
    if spec is None:
        sys.exit("the Python package 'feast' is not installed; run ./dev bootstrap")
    package = types.ModuleType("feast")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["feast"] = package

    files = descriptor_pb2.FileDescriptorSet()
    seen = set()

    def add(descriptor) -> None:
        if descriptor.name in seen:
            return
        for dependency in descriptor.dependencies:
            add(dependency)
        seen.add(descriptor.name)
        descriptor.CopyToProto(files.file.add())

    for module in modules:
        add(importlib.import_module(f"feast.protos.feast.{module}_pb2").DESCRIPTOR)
    with open(out, "wb") as file:
        file.write(files.SerializeToString())
    for file in files.file:
        if file.name.startswith("feast/"):
            print(file.name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
