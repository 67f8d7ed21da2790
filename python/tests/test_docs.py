"""The pages in docs/: what can be run is run, and what is generated is current."""

import contextlib
import importlib.util
import io
import os
import pathlib
import re
import runpy
import shlex
import sys
from datetime import datetime, timezone

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

import rides
from feast import Field
from feast.cli.cli import cli
from feast.driver_test_data import create_driver_hourly_stats_df
from feast.repo_config import RepoConfig
from feast.types import Map

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """[(language, text)] of a page."""
    return BLOCK.findall((ROOT / "docs" / page).read_text())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder, and no trace in the process of what ran there."""
    path, modules = list(sys.path), set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        source = getattr(sys.modules[name], "__file__", None) or ""
        if source.startswith(str(tmp_path)):
            del sys.modules[name]


def run_command(line):
    """What a line of a shell block prints; feast and python run in this process, where
    both are loaded already."""
    line = line.replace(
        "$(date -u +%Y-%m-%dT%H:%M:%S)",
        datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    command, *arguments = shlex.split(line)
    if command == "cd":
        os.chdir(arguments[0])
        return ""
    if command == "python":
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(arguments[0])
        return printed.getvalue()
    assert command == "feast", f"what runs the docs knows no '{line}'"
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, f"{line}: {result.output} {result.exception!r}"
    return result.output


def run_blocks(page):
    """Runs a page: a block that begins with a file's name is that file. What it prints."""
    printed = []
    for language, text in blocks(page):
        name = re.match(r"# ([\w./]+\.(?:py|yaml))$", text, re.MULTILINE)
        if language == "sh":
            printed += [run_command(line) for line in text.splitlines()]
        elif name:
            pathlib.Path(name[1]).write_text(text)
        elif language == "python":
            compile(text, page, "exec")
    return "".join(printed)


def test_the_quickstart_runs(folder):
    printed = run_blocks("quickstart.md")
    assert re.search(r"^\d+ rows$", printed, re.MULTILINE)
    answers = re.findall(r"'avg_daily_trips': (\[.*?\])", printed)
    assert answers and "None" not in answers[-1]


def test_the_migrations_load_what_they_say(folder):
    (folder / "repo" / "data").mkdir(parents=True)
    os.chdir("repo")
    settings = "project: p\nprovider: local\nregistry: data/registry.db\n"
    now = pd.Timestamp.now().floor("s")
    frame = create_driver_hourly_stats_df([1001], now - pd.Timedelta(days=2), now)
    frame.to_parquet("data/driver_stats.parquet", allow_truncated_timestamps=True)
    pathlib.Path("feature_store.yaml").write_text(
        settings + "offline_store: {type: floe.IcebergOfflineStore}\n"
    )
    run_blocks("migration.md")
    runpy.run_path("../move_history.py")
    for language, text in blocks("migration.md"):
        if language == "yaml":
            RepoConfig(**yaml.safe_load(settings + text), repo_path=folder)


def test_the_settings_shown_are_accepted(folder):
    for language, text in blocks("configuration.md"):
        if language == "yaml":
            shown = yaml.safe_load(text)
            RepoConfig(
                **{"project": "p", "provider": "local", "registry": "r.db"} | shown,
                repo_path=folder,
            )


def test_a_map_is_read_with_pyiceberg_as_the_page_on_types_says(make_store, catalog_of):
    store = make_store()
    objects, view, _ = rides.objects()
    view.features = [Field(name="attributes", dtype=Map)]
    online_store = store._get_provider().online_store
    online_store.update(store.config, [], [view], [], [], partial=True)
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [rides.START]})
    frame["attributes"] = [{"colour": "red", "doors": 4}]
    rides.write_table(catalog_of(store))
    store.apply(objects)
    store.write_to_online_store("driver_stats", frame.assign(created=rides.START))
    described = catalog_of(store).describe("feast_online.rides_driver_stats_online")
    names = {"metadata_location": described["metadata_location"]}
    (python,) = [text for language, text in blocks("types.md") if language == "python"]
    exec(compile(python, "types.md", "exec"), names)
    assert names["first"] == {"colour": "red", "doors": 4}


def generator():
    spec = importlib.util.spec_from_file_location(
        "generate_configuration", ROOT / "python" / "generate_configuration.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_reference_is_current():
    generate = generator()
    text = generate.DOCUMENT.read_text()
    assert generate.document(text) == text, "run python/generate_configuration.py"
    assert generate.formatted(generate.header()) == generate.HEADER.read_text()


def test_the_page_of_costs_has_the_programs_prices():
    header = (ROOT / "src/cli/store_prices.h").read_text()
    row = r'\{"([^"]+)", ([\d.]+), ([\d.]+), ([\d.]+), "([^"]+)",\s*"([^"]+)"\}'
    prices = [
        (store, *map(float, numbers), as_of, source)
        for store, *numbers, as_of, source in re.findall(row, header)
    ]
    assert len(prices) == 4
    table = (ROOT / "docs/costs.md").read_text().split("## Prices")[1]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines() if line.startswith("| ")
    ][1:]
    assert prices == [
        (store, *map(float, numbers), as_of, source)
        for store, *numbers, as_of, source in cells
    ]


def test_links_between_pages_lead_somewhere():
    for page in [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
