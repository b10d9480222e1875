"""How long the history of an execution can become: counted along the ways through the definition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from tests.asl.expressions import evaluate
from tests.asl.graph import successors
from tests.asl.rendering import Rendered

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LIMIT = 25_000
CRAWL = ("Start crawler", "Wait for crawler", "Check crawler", "Crawler finished?")
# A table is missing or has drifted, and a Parquet table is only repaired where no job has to run.
EITHER = [
    {"How to create the raw table?", "Update raw table"},
    {"Create the Parquet table?", "Update Parquet table"},
    {"Create the quarantine table?", "Update quarantine table"},
    {"Update Parquet table", "Convert to Parquet with Snappy"},
    {"Update Parquet table", "Insert only new data"},
]


def events_of(state: dict[str, Any]) -> int:
    """How many events one visit leaves, those of a Map's iterations left out.

    The types: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    """
    if state["Type"] == "Fail":
        return 1  # FailStateEntered
    around = 2  # …StateEntered, …StateExited
    if state["Type"] == "Task":
        # TaskScheduled, TaskStarted, TaskSucceeded or TaskFailed; TaskSubmitted in between.
        return around + (4 if state["Resource"].endswith(".sync") else 3)
    return around + (2 if state["Type"] == "Map" else 0)  # MapStateStarted, MapStateSucceeded


def ways(machine: dict[str, Any], without: frozenset[str] = frozenset()) -> Iterator[list[str]]:
    """Every way through a machine that calls no Task twice: nobody interferes, nothing is tried again."""
    states = machine["States"]
    waiting = [[machine["StartAt"]]]
    while waiting:
        way = waiting.pop()
        state = states[way[-1]]
        if state.get("End") or state["Type"] in ("Fail", "Succeed"):
            yield way
        for following in sorted(successors(state) - without):
            longer = [*way, following]
            again = states[following]["Type"] == "Task" and following in way
            if not again and not any(pair <= set(longer) for pair in EITHER):
                waiting.append(longer)


def longest(machine: dict[str, Any], *without: str) -> int:
    """The events of the longest way through a machine."""
    states = machine["States"]
    return max(sum(events_of(states[name]) for name in way) for way in ways(machine, frozenset(without)))


def pauses(states: dict[str, Any], name: str, variables: dict[str, Any], prefix: str, limit: float) -> list[int]:
    """How long a loop pauses, time after time, until it has waited as long as the limit."""
    taken: list[int] = []
    current = {f"{prefix}Waited": variables[f"{prefix}Waited"], f"{prefix}Pause": variables[f"{prefix}Pause"]}
    while current[f"{prefix}Waited"] < limit:
        taken.append(evaluate(states[name]["Seconds"], **current))
        current.update(evaluate(states[name]["Assign"], **current))
    return taken


def overlap_pauses(rendered: Rendered) -> list[int]:
    states = rendered.definition["States"]
    seconds = rendered.definition["TimeoutSeconds"]
    return pauses(states, "Wait for the other", states["Check input"]["Assign"], "overlap", seconds)


def crawl_pauses(rendered: Rendered) -> list[int]:
    states = inner_machine(rendered)["States"]
    seconds = rendered.variables.get("timeouts", {}).get("crawler_seconds", 1800)
    return pauses(states, "Wait for crawler", states["Read dataset contract"]["Assign"], "crawl", seconds)


def inner_machine(rendered: Rendered) -> dict[str, Any]:
    machine: dict[str, Any] = rendered.definition["States"]["Process datasets"]["ItemProcessor"]
    return machine


def view_machine(rendered: Rendered) -> dict[str, Any]:
    machine: dict[str, Any] = rendered.definition["States"]["Create Athena views"]["ItemProcessor"]
    return machine


def it_counts_the_events_that_the_longest_execution_leaves(rendered: Rendered) -> None:
    datasets = rendered.variables["datasets"].values()
    crawled = sum(dataset["crawler_name"] is not None for dataset in datasets)
    # MapIterationStarted, MapIterationSucceeded.
    declared = longest(inner_machine(rendered), *CRAWL) + 2
    with_a_crawl = longest(inner_machine(rendered)) + 2
    view = longest(view_machine(rendered)) + 2
    # ExecutionStarted, and how it ends.
    execution = 1 + longest(rendered.definition) + 1
    look = 2 + 5 + 2
    views = len(rendered.definition["States"]["Create Athena views"]["Items"])
    counted = (
        execution
        + look * len(overlap_pauses(rendered))
        + declared * (len(datasets) - crawled)
        # One look is part of the way.
        + (with_a_crawl + look * (len(crawl_pauses(rendered)) - 1)) * crawled
        + view * views
    )
    # The looks are worked out by a formula, which may be too many by a few.
    assert counted <= rendered.history_events <= counted + 5 * look * (1 + crawled)
    assert rendered.history_events <= LIMIT


@pytest.mark.parametrize(
    "loop", [("Wait for the other", "Look for other executions", "Another one running?"), CRAWL[1:]]
)
def it_leaves_nine_events_for_each_look(complete: Rendered, loop: tuple[str, ...]) -> None:
    states = {**complete.definition["States"], **inner_machine(complete)["States"]}
    assert sum(events_of(states[name]) for name in loop) == 9
    for name, following in zip(loop, [*loop[1:], loop[0]], strict=True):
        assert following in successors(states[name])


def it_pauses_longer_the_longer_it_has_waited(all_rendered: dict[str, Rendered]) -> None:
    minimal = all_rendered["minimal"]
    overlap, crawl = overlap_pauses(minimal), crawl_pauses(minimal)
    # 60 seconds each for the first ten minutes, then a tenth of what it has waited; a day, in some 60 looks.
    assert overlap[:12] == [60] * 11 + [66]
    assert len(overlap) < 70
    assert sum(overlap) >= minimal.definition["TimeoutSeconds"] > sum(overlap[:-1])
    assert crawl[:6] == [15, 15, 15, 23, 34, 51]
    assert sum(crawl) == 1800
    for taken, part in ((overlap, 10), (crawl, 2)):
        for number, pause in enumerate(taken):
            waited = sum(taken[:number])
            assert pause <= max(taken[0], math.ceil(waited / part))
            assert math.floor(pause) == pause > 0


def it_waits_no_longer_for_a_crawler_than_it_may(complete: Rendered) -> None:
    # The last pause is what is left of the 100 seconds.
    assert crawl_pauses(complete) == [30, 30, 30, 10]
