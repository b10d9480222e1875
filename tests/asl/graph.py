"""Walks through a state machine definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# What JSONata itself and Step Functions provide: https://docs.jsonata.org/string-functions and the pages beside it.
BUILT_IN = {
    "append", "boolean", "ceil", "contains", "count", "distinct", "each", "exists", "floor", "hash", "join", "keys",
    "length", "lookup", "map", "match", "max", "merge", "min", "not", "number", "parse", "reduce", "replace", "sift",
    "states", "string", "substring", "sum", "toMillis", "type",
}  # fmt: skip

# What stands in quotes, and regular expressions: they are arguments.
TEXTS = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?<=\()|(?<=, ))/(?:[^/\\]|\\.)+/"""


def machines(*definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The state machines and every machine inside their Map states, by the name of the Map."""
    for definition in definitions:
        yield "", definition
        for name, state in definition["States"].items():
            if state["Type"] == "Map":
                for inner_name, machine in machines(state["ItemProcessor"]):
                    yield f"{name}/{inner_name}".rstrip("/"), machine


def tasks(*definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Task state, by name."""
    for _, machine in machines(*definitions):
        for name, state in machine["States"].items():
            if state["Type"] == "Task":
                yield name, state


def successors(state: dict[str, Any]) -> set[str]:
    """The names of the states that may follow."""
    rules = [*state.get("Choices", []), *state.get("Catch", [])]
    return {entry["Next"] for entry in [*rules, state] if "Next" in entry} | (
        {state["Default"]} if "Default" in state else set()
    )


def expressions(value: Any) -> Iterator[str]:
    """Every JSONata expression in a part of a definition, not descending into the states of a Map."""
    if isinstance(value, str) and value.startswith("{%"):
        yield value.removeprefix("{%").removesuffix("%}")
    elif isinstance(value, dict):
        for name, entry in value.items():
            if name != "ItemProcessor":
                yield from expressions(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from expressions(entry)


def assigned(machine: dict[str, Any]) -> set[str]:
    """The variables that the states of one machine assign, those of nested machines left out."""
    names: set[str] = set()
    for state in machine["States"].values():
        for part in [state, *state.get("Choices", []), *state.get("Catch", [])]:
            names |= set(part.get("Assign", {}))
    return names


def read(expression: str) -> set[str]:
    """The variables an expression reads: what is neither bound in it nor a function of JSONata."""
    without_texts = re.sub(TEXTS, "", expression)
    bound = set(re.findall(r"\$(\w+)\s*:=", without_texts))
    for parameters in re.findall(r"function\(([^)]*)\)", without_texts):
        bound |= set(re.findall(r"\$(\w+)", parameters))
    return set(re.findall(r"\$([A-Za-z]\w*)", without_texts)) - bound - BUILT_IN
