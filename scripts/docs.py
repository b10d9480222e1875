"""`make docs`: write the generated parts of all pages, from what they are about.

    python -m scripts.docs            # writes them
    python -m scripts.docs --check    # says which are out of date and exits 1 then

- inputs and outputs of the root, every module and every example: from their variables and outputs;
- what `make smoke` asks (docs/limitations.md): from the rows of its table;
- the lines of the map (docs/architecture.md): from the docstring of every Python module, the README of every Terraform
  module and the usage of every script;
- the pictures of the state machine: from the definition that the usage block of modules/workflow plans;
- the picture of the demo (docs/pictures/demo.svg): from the recording beside it;
- table and picture of the ten shapes of data (docs/benchmarks.md): from what benchmarks/shapes.py has recorded.

The usage blocks of the READMEs are planned on the way, all in one configuration, so that none can be wrong.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scripts import docs_benchmarks, docs_terminal
from scripts.docs_pictures import mermaid, outline
from scripts.docs_reference import brief, read_reference, whole
from scripts.docs_sections import DocsError, Section, table
from scripts.offline_plan import ROOT, PlanError, plan
from scripts.smoke_rows import rows_as_cells

REFERENCE, GRAPH, SMOKE, SHAPES = "inputs and outputs", "state machine", "what make smoke asks", "ten shapes"
INPUTS_OUTPUTS, MAP, LIMITATIONS = "docs/inputs-outputs.md", "docs/architecture.md", "docs/limitations.md"
BENCHMARKS = "docs/benchmarks.md"
# The rooms of the house whose modules have a line each in the map.
ROOMS = ("glue_scripts", "local_aws", "scripts")
USAGE = re.compile(r"^```hcl\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Where a usage block takes the module from; here it is what lies in this folder.
PUBLISHED = re.compile(r'"github\.com/your-org/terraform-aws-csv-to-parquet(?:/(?P<path>/[^"?]+))?\?ref=v[0-9.]+"')
# Folders that a usage block takes from beside itself, where its reader has a copy of them.
COPIED = ("glue_scripts", "sfn")


def reference_sections(root: Path = ROOT) -> Iterator[Section]:
    """Yield the inputs and outputs of the root, briefly and whole, and of all modules and examples."""
    reference = read_reference(root)
    yield Section("README.md", REFERENCE, brief(reference, INPUTS_OUTPUTS))
    yield Section(INPUTS_OUTPUTS, REFERENCE, whole(reference))
    for folder in (*terraform_modules(root), *_folders(root / "examples")):
        yield Section(f"{folder.relative_to(root)}/README.md", REFERENCE, whole(read_reference(folder)))


def map_sections(root: Path = ROOT) -> Iterator[Section]:
    """Yield the lines of the map: a table per room, with a line for each module."""
    for room in ROOMS:
        files = [file for file in sorted((root / room).rglob("*.py")) if file.name != "__init__.py"]
        names = [file.relative_to(root / room).as_posix() for file in files]
        rows = [
            (f"[`{name}`](../{room}/{name})", purpose_of_python(file)) for name, file in zip(names, files, strict=True)
        ]
        yield Section(MAP, room, table(("module", "what it is for"), rows))
    modules = terraform_modules(root)
    rows = [(f"[`{folder.name}`](../modules/{folder.name})", purpose_of_terraform(folder)) for folder in modules]
    yield Section(MAP, "modules", table(("module", "what it is for"), rows))


def smoke_sections() -> Iterator[Section]:
    """Yield what `make smoke` asks: a line for each row of its table."""
    yield Section(LIMITATIONS, SMOKE, table(("row", "question", "assumed"), rows_as_cells()))


def shapes_sections(root: Path = ROOT) -> Iterator[Section]:
    """Yield what the ten shapes of data cost: picture, table and median."""
    yield Section(BENCHMARKS, SHAPES, docs_benchmarks.shapes_table(root))


def picture_sections(definition: dict[str, Any]) -> Iterator[Section]:
    """Yield the pictures of a rendered state machine: its main steps, and all of it."""
    yield Section("README.md", GRAPH, f"```mermaid\n{outline(definition)}```")
    yield Section("docs/state-machine.md", GRAPH, f"```mermaid\n{mermaid(definition)}```")


def terraform_modules(root: Path) -> list[Path]:
    """Return the folders of the modules that the root is made of."""
    return _folders(root / "modules")


def _folders(parent: Path) -> list[Path]:
    return sorted(folder for folder in parent.iterdir() if any(folder.glob("*.tf")))


def purpose_of_python(file: Path) -> str:
    """Return the first line of a Python module's docstring.

    Raises:
        DocsError: when there is none.
    """
    docstring = ast.get_docstring(ast.parse(file.read_text()))
    if not docstring:
        raise DocsError(f"{file} has no docstring")
    return docstring.splitlines()[0]


def purpose_of_terraform(folder: Path) -> str:
    """Return the first paragraph of a Terraform module's README.

    Raises:
        DocsError: when there is no README, or nothing in it.
    """
    paragraphs = read_page(folder / "README.md").split("\n\n")
    if len(paragraphs) < 2 or not paragraphs[0].startswith("# "):
        raise DocsError(f"{folder}/README.md must begin with a title and a paragraph that says what the module is for")
    return " ".join(paragraphs[1].split())


def read_page(page: Path) -> str:
    """Return the text of a page.

    Raises:
        DocsError: when it does not exist.
    """
    try:
        return page.read_text()
    except FileNotFoundError:
        raise DocsError(f"{page} does not exist: write what people have to say, and the markers") from None


def usage_blocks(root: Path = ROOT) -> dict[str, str]:
    """Return the module call that each README shows, by page.

    Raises:
        DocsError: when a README has none or several, or the call does not name the module by its published address.
    """
    blocks = {}
    for folder in (root, *terraform_modules(root)):
        page = folder / "README.md"
        found = USAGE.findall(read_page(page))
        if len(found) != 1 or len(PUBLISHED.findall(found[0])) != 1:
            raise DocsError(f"{page} needs one block of hcl that calls the module by {PUBLISHED.pattern}")
        blocks[str(page.relative_to(root))] = found[0]
    return blocks


def plan_usage(folder: Path, root: Path = ROOT) -> dict[str, Any]:
    """Plan the usage blocks of all READMEs as one configuration and return the planned values.

    Raises:
        PlanError: when Terraform refuses one of them.
    """
    here = os.path.relpath(root, folder.resolve())
    for name in COPIED:
        (folder / name).symlink_to(root / name)
    for page, block in usage_blocks(root).items():
        name = page.removesuffix("/README.md").replace("/", "_").removesuffix(".md").lower()
        (folder / f"{name}.tf").write_text(PUBLISHED.sub(lambda found: json.dumps(here + (found["path"] or "")), block))
    output = {"definition": {"value": "${module.state_machine.definition}"}}
    (folder / "outputs.tf.json").write_text(json.dumps({"output": output}))
    return plan(folder)


def planned_definition() -> dict[str, Any]:
    """Return the state machine that the usage block of modules/workflow plans."""
    with tempfile.TemporaryDirectory() as folder:
        definition: dict[str, Any] = json.loads(plan_usage(Path(folder))["outputs"]["definition"]["value"])
        return definition


def all_sections() -> list[Section]:
    """Return every generated part; takes the time of a plan."""
    return [
        *reference_sections(),
        *map_sections(),
        *smoke_sections(),
        *shapes_sections(),
        *picture_sections(planned_definition()),
    ]


def stale_pages(sections: Iterable[Section], root: Path = ROOT) -> dict[str, str]:
    """Return the pages that say something else than these sections, as they should be."""
    pages: dict[str, str] = {}
    for section in sections:
        pages[section.page] = section.place(pages.get(section.page) or read_page(root / section.page))
    return {page: text for page, text in pages.items() if (root / page).read_text() != text}


def stale_pictures(root: Path = ROOT) -> dict[str, str]:
    """Return the pictures that show something else than what they are made of, by path, as they should be."""
    wanted = {docs_terminal.PICTURE: docs_terminal.picture()}
    if (root / docs_benchmarks.RECORD).exists():
        wanted[docs_benchmarks.PICTURE] = docs_benchmarks.shapes_picture(root)
    return {
        path: text for path, text in wanted.items() if not (root / path).exists() or (root / path).read_text() != text
    }


def main(argv: list[str] | None = None) -> int:
    """Write all generated parts, or say which are out of date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is out of date")
    check = parser.parse_args(argv).check
    try:
        stale = {**stale_pages(all_sections(), ROOT), **stale_pictures()}
    except (DocsError, PlanError) as error:
        sys.stderr.write(f"docs: {error}\n")
        return 1
    for page, text in stale.items():
        if check:
            sys.stderr.write(f"docs: {page} is out of date: make docs\n")
        else:
            (ROOT / page).write_text(text)
            sys.stdout.write(f"docs: {page} written\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
