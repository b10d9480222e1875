"""Draws a state machine: a Mermaid flowchart of a rendered definition, for the README and the docs.

    python -m scripts.graph definition.json              # prints the picture
    python -m scripts.graph definition.json README.md    # replaces what stands between the two markers in README.md
    terraform output -raw state_machine_definition | python -m scripts.graph -

The error paths that every Task shares (any error to "… failed") are left out: they would hide the rest.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGIN = "<!-- BEGIN state machine: made by scripts/graph.py -->"
END = "<!-- END state machine -->"
SHAPES = {"Choice": ("{", "}"), "Succeed": ("([", "])"), "Fail": ("([", "])"), "Wait": ("(", ")")}
# Error names on arrows, in words.
ERRORS = {
    "Glue.EntityNotFoundException": "missing",
    "Glue.AlreadyExistsException": "somebody was faster",
    "Glue.CrawlerRunningException": "already running",
}


class GraphError(Exception):
    """The picture cannot be made or placed."""


def mermaid(definition: dict[str, Any]) -> str:
    """Return the flowchart of a definition, nested machines as boxes inside."""
    identifiers: dict[str, str] = {}
    lines = ["flowchart TD", *_machine(definition, identifiers, "  ")]
    return "\n".join(lines) + "\n"


def _machine(machine: dict[str, Any], identifiers: dict[str, str], indent: str) -> Iterator[str]:
    states: dict[str, Any] = machine["States"]
    for name in states:
        if name in identifiers:
            raise GraphError(f"two states are named '{name}'")
        identifiers[name] = f"s{len(identifiers)}"
    for name, state in states.items():
        if state["Type"] == "Map":
            yield f'{indent}subgraph {identifiers[name]}["{_text(name)}"]'
            yield from _machine(state["ItemProcessor"], identifiers, indent + "  ")
            yield f"{indent}end"
        else:
            left, right = SHAPES.get(state["Type"], ("[", "]"))
            yield f'{indent}{identifiers[name]}{left}"{_text(name)}"{right}'
    for name, state in states.items():
        for target, label in _arrows(state):
            middle = f'-- "{label}" -->' if label else "-->"
            yield f"{indent}{identifiers[name]} {middle} {identifiers[target]}"


def _arrows(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a state leads, each target once, with a word on the arrow where one is known."""
    seen: set[str] = set()
    caught = [
        (catcher["Next"], ERRORS.get(catcher["ErrorEquals"][0], catcher["ErrorEquals"][0]))
        for catcher in state.get("Catch", [])
        if catcher["ErrorEquals"] != ["States.ALL"]
    ]
    following = [(state["Next"], "")] if "Next" in state else []
    chosen = [(rule["Next"], "") for rule in state.get("Choices", [])]
    default = [(state["Default"], "otherwise")] if "Default" in state else []
    for target, label in [*following, *chosen, *default, *caught]:
        if target not in seen:
            seen.add(target)
            yield target, label


def _text(name: str) -> str:
    """A state's name as Mermaid takes it between quotes."""
    return name.replace('"', "#quot;")


def place(document: str, picture: str) -> str:
    """Return a Markdown document with the picture between its markers."""
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(BEGIN) > document.index(END):
        raise GraphError(f"the document needs the lines '{BEGIN}' and '{END}' once each, in this order")
    before, rest = document.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n```mermaid\n{picture}```\n{END}{after}"


def main(argv: list[str] | None = None) -> int:
    """Read a definition, print its picture or put it into a document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("definition", help="a file with the rendered definition, or - for standard input")
    parser.add_argument("document", nargs="?", type=Path, help="a Markdown document that holds the two markers")
    arguments = parser.parse_args(argv)
    try:
        text = sys.stdin.read() if arguments.definition == "-" else Path(arguments.definition).read_text()
        picture = mermaid(json.loads(text))
        if arguments.document is None:
            sys.stdout.write(picture)
        else:
            arguments.document.write_text(place(arguments.document.read_text(), picture))
    except (GraphError, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"graph: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
