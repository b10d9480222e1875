"""The graph of a state machine: which states a picture of it shows, and which ways lead from one to another.

The error paths that every Task shares (any error to "… failed") are left out: they would hide the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Error names that a state expects, in words.
EXPECTED_ERRORS = {
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


def machines(definition: Mapping[str, Any], name: str | None = None) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield the name of each Map state with the machine inside it, after None with the machine itself."""
    states: dict[str, Any] = definition["States"]
    yield name, states
    for inner, state in states.items():
        if state["Type"] == "Map":
            yield from machines(state["ItemProcessor"], inner)


def state_names(definition: Mapping[str, Any]) -> list[str]:
    """Return the names of all states, those inside Map states included."""
    return [name for _, states in machines(definition) for name in states]


def caught_errors(definition: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return, by state, the errors that it names in a Catch: they are answers that it expects."""
    return {
        name: {error for catcher in state.get("Catch", []) for error in catcher["ErrorEquals"]} - {"States.ALL"}
        for _, states in machines(definition)
        for name, state in states.items()
    }


def drawn_arrows(states: Mapping[str, Any], name: str, drawn: set[str]) -> Iterator[tuple[str, str]]:
    """Yield where a state leads among the drawn ones, through the others, each with the word on its arrow.

    An outline leaves out the ways back.
    """
    waiting = list(arrows(states[name]))
    through: set[str] = set()
    labels: dict[str, set[str]] = {}
    while waiting:
        target, label = waiting.pop(0)
        if target in drawn:
            labels.setdefault(target, set()).add(label)
        elif target not in through:
            through.add(target)
            waiting += [(after, label) for after, _ in arrows(states[target])]
    names = list(states)
    whole = drawn.issuperset(names)
    for target, found in labels.items():
        if whole or names.index(target) > names.index(name):
            # Two ways with different words on them share one arrow without any.
            yield target, found.pop() if len(found) == 1 else ""


def arrows(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a state leads, each target once, with a word on the arrow where one is known."""
    seen: set[str] = set()
    caught = [
        (catcher["Next"], EXPECTED_ERRORS.get(catcher["ErrorEquals"][0], catcher["ErrorEquals"][0]))
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
