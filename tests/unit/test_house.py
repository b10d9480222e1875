"""The house: where things are, in which direction they import, and that no two things have one name."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import lake
from contract import QUARANTINE_COLUMNS, DatasetContract, parse_contract
from conversion_plan import MEBIBYTE, Settings
from conversion_task import STREAM_PIECE_BYTES
from csv_headers import LARGEST_HEADER_BYTES
from errors import TerminalError, TransientError

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "glue_scripts"
MODULES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
# Rooms from the ground up: a module imports from its own room and from those that stand before it.
ROOMS = (
    r"errors|process_settings|storage_listing",
    r"faults|storage",
    r"storage_(?!listing).*",
    r"contract",
    r"sources|sources_proof|lake|conversion_errors|column_names",
    r"lake_manifests|catalog",
    r"catalog_.*|lake_.*|diff|report",
    r"csv_(?!to_parquet).*",
    r"conversion.*",
    r"inference.*",
    r"accounting",
    r"job",
    r"csv_to_parquet",
)
# Who may import whom among the folders; glue_scripts stands for its modules, which are imported by their bare names.
MAY_IMPORT = {
    "glue_scripts": {"glue_scripts"},
    "local_aws": {"local_aws"},
    "scripts": {"scripts", "local_aws", "glue_scripts"},
    "benchmarks": {"benchmarks", "local_aws", "glue_scripts"},
}
# What the classes below are the kinds of; nobody raises them themselves.
ABSTRACT_ERRORS = {"TerminalError", "TransientError", "StorageError", "CatalogError"}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph(folder: Path) -> dict[str, set[str]]:
    """Return which modules of a folder each of its modules imports."""
    bare = folder == SCRIPTS
    names = {
        ".".join(path.relative_to(folder if bare else ROOT).with_suffix("").parts): path
        for path in folder.rglob("*.py")
        if "__pycache__" not in path.parts
    }
    return {name: {found for found in imports(path) if found in names} - {name} for name, path in names.items()}


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def it_has_no_circle_of_imports(folder: str) -> None:
    left = graph(ROOT / folder)
    while settled := {name for name, needed in left.items() if not needed & set(left)}:
        left = {name: needed for name, needed in left.items() if name not in settled}
    assert not left


def room(module: str) -> int:
    """Return the floor of a module's room."""
    return next(floor for floor, pattern in enumerate(ROOMS) if re.fullmatch(pattern, module))


def it_imports_from_the_ground_up_only() -> None:
    found = graph(SCRIPTS)
    upwards = {(name, other) for name, needed in found.items() for other in needed if room(other) > room(name)}
    assert (len(found) > 20, upwards) == (True, set())


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def it_keeps_the_folders_apart(folder: str) -> None:
    ours = {"tests", "scripts", "benchmarks", "local_aws"}
    for path in (ROOT / folder).rglob("*.py"):
        named = {name.partition(".")[0] for name in imports(path)}
        used = (named & ours) | ({"glue_scripts"} if named & set(MODULES) else set())
        assert used <= MAY_IMPORT[folder], path


def it_gives_no_two_things_one_name() -> None:
    homes = defaultdict(set)
    for path in SCRIPTS.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                homes[node.name.lstrip("_")].add(path.stem)
            elif isinstance(node, ast.FunctionDef):
                homes[node.name].add(path.stem)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    homes[ast.unparse(target)].add(path.stem)
    assert {name: places for name, places in homes.items() if len(places) > 1 and name[0] != "_"} == {}


# --------------------------------------------------------------------------------------------------- paths of the lake
def texts(path: Path) -> Iterator[str]:
    """Yield the text constants of a file that are no docstrings."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def it_spells_paths_of_the_lake_in_one_module_only() -> None:
    spelt = re.compile(rf"(^|/)({'|'.join((*lake.FOLDERS, 'catalog', 'runs'))})/|\brun=")
    found = {path.stem for path in SCRIPTS.glob("*.py") for text in texts(path) if spelt.search(text)}
    assert found == {"lake"}


def a_contract() -> DatasetContract:
    return parse_contract({"dataset": "trips", "source_uri": "s3://raw/trips/", "lake_uri": "s3://lake/"})


def it_agrees_with_terraform_about_the_folders_of_the_lake() -> None:
    declared = re.search(r"lake_folders\s*=\s*\[([^]]*)\]", (ROOT / "locals.tf").read_text())
    assert declared is not None
    assert re.findall(r'"(\w+)/"', declared[1]) == list(lake.FOLDERS)
    paths = (
        lake.data_root(a_contract()),
        lake.quarantine_root(a_contract()),
        lake.manifest_uri(a_contract(), "a"),
        lake.report_uri(a_contract(), "r"),
    )
    assert [path.split("/")[3] for path in paths] == list(lake.FOLDERS)
    written = "".join(path.read_text() for path in (*ROOT.glob("*.tf"), *(ROOT / "modules").rglob("*.tf")))
    for root, location in (("data", "tables"), ("quarantine", "quarantine")):
        assert f"/{location}/${{local.datasets[name].lake_name}}/" in written, root
    assert f'"{lake.EMPTY_RUN}/"' in written


def it_agrees_with_terraform_about_the_quarantine_columns() -> None:
    written = "".join(path.read_text() for path in (*ROOT.glob("*.tf"), *(ROOT / "modules").rglob("*.tf")))
    declared = re.search(r"quarantine_columns\s*=\s*\[(.*?)\n  \]", written, re.DOTALL)
    assert declared is not None
    assert tuple(re.findall(r'Name = "(\w+)", Type = "(\w+)"', declared[1])) == QUARANTINE_COLUMNS


def it_agrees_with_the_state_machine_about_the_report() -> None:
    template = (ROOT / "sfn" / "etl_pipeline.asl.json.tftpl").read_text()
    spelt = re.search(r"'(reports/)' & \$dataset & '(/)' & \$runId & '(\.json)'", template)
    assert spelt is not None
    assert f"s3://lake/{spelt[1]}trips{spelt[2]}run-1{spelt[3]}" == lake.report_uri(a_contract(), "run-1")


def it_agrees_with_the_page_about_csv_on_sizes() -> None:
    page = (ROOT / "docs" / "csv.md").read_text()
    settings = Settings()
    assert f"in splits of up to {settings.split_bytes // MEBIBYTE} MiB;" in page
    assert f"as a stream, {STREAM_PIECE_BYTES // MEBIBYTE} MiB at a time" in page
    record, header = settings.parsing.largest_record_bytes // MEBIBYTE, LARGEST_HEADER_BYTES // MEBIBYTE
    assert f"One record may have {record} MiB, a header {header} MiB" in page


# --------------------------------------------------------------------------------------------------------------- errors
def it_says_of_every_error_whether_trying_again_can_help() -> None:
    kinds = {}
    for module in pkgutil.iter_modules([str(SCRIPTS)]):
        for name, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if issubclass(kind, Exception) and kind.__module__ == module.name and name not in ABSTRACT_ERRORS:
                kinds[name] = (issubclass(kind, TerminalError), issubclass(kind, TransientError))
    assert len(kinds) > 20
    assert {name for name, told in kinds.items() if sum(told) != 1} == set()


def it_raises_no_error_that_does_not_say_it() -> None:
    for path in SCRIPTS.glob("*.py"):
        raised = re.findall(r"raise (\w+)\(", path.read_text())
        assert not ABSTRACT_ERRORS & set(raised), path
