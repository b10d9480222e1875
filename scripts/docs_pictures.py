"""Pictures of a state machine: Mermaid flowcharts of a rendered definition.

The error paths that every Task shares (any error to "… failed") are left out: they would hide the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scripts.docs_sections import DocsError

SHAPES = {"Choice": ("{", "}"), "Succeed": ("([", "])"), "Fail": ("([", "])"), "Wait": ("(", ")")}
# Error names on arrows, in words.
ERRORS = {
    "Glue.EntityNotFoundException": "missing",
    "Glue.AlreadyExistsException": "somebody was faster",
    "Glue.CrawlerRunningException": "already running",
}
# The steps that an outline shows; whatever lies between two of them is left out.
STEPS = (
    "Process datasets",
    "Check raw table",
    "Create raw table",
    "Start crawler",
    "Check Parquet table",
    "Create Parquet table",
    "Check quarantine table",
    "Create quarantine table",
    "Check S3 for new data",
    "New data?",
    "Convert to Parquet with Snappy",
    "Insert only new data",
    "Nothing new",
    "Create Athena views",
    "Check view",
    "Create Athena view",
    "View unchanged",
    "Pipeline succeeded",
    "Pipeline failed",
)


def mermaid(definition: dict[str, Any]) -> str:
    """Return the flowchart of a definition, nested machines as boxes inside."""
    return _flowchart(definition, set(_names(definition)))


def outline(definition: dict[str, Any]) -> str:
    """Return the flowchart of the main steps; an arrow may stand for a way through states that are not drawn."""
    missing = set(STEPS) - set(_names(definition))
    if missing:
        raise DocsError(f"the outline shows states that do not exist: {', '.join(sorted(missing))}")
    return _flowchart(definition, set(STEPS))


def _flowchart(definition: dict[str, Any], drawn: set[str]) -> str:
    identifiers: dict[str, str] = {}
    lines = ["flowchart TD", *_machine(definition, drawn, identifiers, "  ")]
    return "\n".join(lines) + "\n"


def _names(machine: dict[str, Any]) -> Iterator[str]:
    for name, state in machine["States"].items():
        yield name
        if state["Type"] == "Map":
            yield from _names(state["ItemProcessor"])


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
        for target, label in _drawn_arrows(states, name, drawn):
            middle = f'-- "{label}" -->' if label else "-->"
            yield f"{indent}{identifiers[name]} {middle} {identifiers[target]}"


def _drawn_arrows(states: dict[str, Any], name: str, drawn: set[str]) -> Iterator[tuple[str, str]]:
    """Where a state leads among the drawn ones, through the others; an outline leaves out the ways back."""
    waiting = list(_arrows(states[name]))
    through: set[str] = set()
    labels: dict[str, set[str]] = {}
    while waiting:
        target, label = waiting.pop(0)
        if target in drawn:
            labels.setdefault(target, set()).add(label)
        elif target not in through:
            through.add(target)
            waiting += [(after, label) for after, _ in _arrows(states[target])]
    names = list(states)
    whole = drawn.issuperset(names)
    for target, found in labels.items():
        if whole or names.index(target) > names.index(name):
            # Two ways with different words on them share one arrow without any.
            yield target, found.pop() if len(found) == 1 else ""


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
