"""Pictures of a state machine: Mermaid flowcharts of a rendered definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws.state_graph import STEPS, drawn_arrows, state_names
from scripts.docs_sections import DocsError

SHAPES = {"Choice": ("{", "}"), "Succeed": ("([", "])"), "Fail": ("([", "])"), "Wait": ("(", ")")}


def mermaid(definition: dict[str, Any]) -> str:
    """Return the flowchart of a definition, nested machines as boxes inside."""
    return _flowchart(definition, set(state_names(definition)))


def outline(definition: dict[str, Any]) -> str:
    """Return the flowchart of the main steps; an arrow may stand for a way through states that are not drawn."""
    missing = set(STEPS) - set(state_names(definition))
    if missing:
        raise DocsError(f"the outline shows states that do not exist: {', '.join(sorted(missing))}")
    return _flowchart(definition, set(STEPS))


def _flowchart(definition: dict[str, Any], drawn: set[str]) -> str:
    identifiers: dict[str, str] = {}
    lines = ["flowchart TD", *_machine(definition, drawn, identifiers, "  ")]
    return "\n".join(lines) + "\n"


def _machine(machine: dict[str, Any], drawn: set[str], identifiers: dict[str, str], indent: str) -> Iterator[str]:
    states: dict[str, Any] = machine["States"]
    names = [name for name in states if name in drawn]
    for name in names:
        if name in identifiers:
            raise DocsError(f"two states are named '{name}'")
        identifiers[name] = f"s{len(identifiers)}"
    for name in names:
        state = states[name]
        if state["Type"] == "Map":
            yield f'{indent}subgraph {identifiers[name]}["{_text(name)}"]'
            # Without it Mermaid lays a box inside another one from left to right, too wide for a page.
            yield f"{indent}  direction TB"
            yield from _machine(state["ItemProcessor"], drawn, identifiers, indent + "  ")
            yield f"{indent}end"
        else:
            left, right = SHAPES.get(state["Type"], ("[", "]"))
            yield f'{indent}{identifiers[name]}{left}"{_text(name)}"{right}'
    for name in names:
        for target, label in drawn_arrows(states, name, drawn):
            middle = f'-- "{label}" -->' if label else "-->"
            yield f"{indent}{identifiers[name]} {middle} {identifiers[target]}"


def _text(name: str) -> str:
    """A state's name as Mermaid takes it between quotes."""
    return name.replace('"', "#quot;")
