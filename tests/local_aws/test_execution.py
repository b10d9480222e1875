"""Following executions: branches that interleave are told apart."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from local_aws.execution import Follower, Happening, VisitedState, item_name

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class History:
    """Numbers events and gives each a second."""

    def __init__(self) -> None:
        self.follower_lines: list[str] = []
        self.follower = Follower(self.follower_lines.append)
        self.count = 0

    def add(self, kind: str, previous: int, **details: Any) -> int:
        self.count += 1
        event = {"id": self.count, "previousEventId": previous, "type": kind}
        event["timestamp"] = START + timedelta(seconds=self.count)
        self.follower.take({**event, **details})
        return self.count

    def enter(self, kind: str, previous: int, name: str, given: Any = None) -> int:
        details = {"name": name, "input": json.dumps(given)}
        return self.add(f"{kind}StateEntered", previous, stateEnteredEventDetails=details)


def it_tells_interleaved_iterations_apart() -> None:
    history = History()
    top = history.enter("Map", 0, "Datasets")
    first = history.add("MapIterationStarted", top, mapIterationStartedEventDetails={"index": 0})
    second = history.add("MapIterationStarted", top, mapIterationStartedEventDetails={"index": 1})
    first = history.enter("Pass", first, "Begin", {"dataset": "flights"})
    second = history.enter("Task", second, "Begin", {"dataset": "airlines"})
    second = history.add("TaskFailed", second, taskFailedEventDetails={"error": "Glue.X"})
    first = history.add("PassStateExited", first)
    second = history.add("TaskStateExited", second)
    history.add("MapStateExited", top)
    assert history.follower.states == [
        VisitedState("Begin", "flights", 3.0),
        VisitedState("Begin", "airlines", 3.0, "Glue.X"),
        VisitedState("Datasets", None, 8.0),
    ]
    assert history.follower_lines == ["flights: Begin  3.0 s", "airlines: Begin  3.0 s  Glue.X", "Datasets  8.0 s"]


def it_takes_an_error_that_a_state_names_for_an_answer_and_any_other_for_an_error() -> None:
    missing = "Glue.EntityNotFoundException"
    lines = []
    for expected in ({"Check table": {missing}}, {"Check table": {"Glue.X"}}):
        history = History()
        history.follower.expected = expected
        task = history.enter("Task", 0, "Check table")
        task = history.add("TaskFailed", task, taskFailedEventDetails={"error": missing})
        history.add("TaskStateExited", task)
        lines += history.follower_lines
    assert lines == ["Check table  2.0 s  missing", f"Check table  2.0 s  {missing}"]


def it_tells_when_an_iteration_begins_and_what_it_returns() -> None:
    history = History()
    told: list[Happening] = []
    history.follower.on_happening = told.append
    top = history.enter("Map", 0, "Datasets")
    begun = history.add("MapIterationStarted", top, mapIterationStartedEventDetails={"index": 0, "name": "Datasets"})
    entered = history.enter("Pass", begun, "Load", {"dataset": "flights"})
    left = history.add("PassStateExited", entered, stateExitedEventDetails={"output": '{"rows": 3}'})
    history.add("MapIterationSucceeded", left)
    assert [(each.kind, each.state, each.item, each.group, each.result) for each in told] == [
        ("entered", "Datasets", None, None, None),
        ("begun", "Load", "flights", "Datasets", None),
        ("entered", "Load", "flights", "Datasets", None),
        ("done", "Load", "flights", "Datasets", {"rows": 3}),
    ]
    assert told[1].moment == START + timedelta(seconds=begun)


def it_counts_glue_runs_and_shows_their_start() -> None:
    history = History()
    task = history.enter("Task", 0, "Convert")
    details = {"resourceType": "glue", "resource": "startJobRun.sync", "output": '{"JobRunId": "jr_1"}'}
    history.add("TaskSubmitted", task, taskSubmittedEventDetails=details)
    assert history.follower.glue_runs == 1
    assert history.follower_lines == ["Convert: Glue run jr_1 started"]


def it_shows_the_state_that_an_execution_failed_in() -> None:
    history = History()
    state = history.enter("Fail", 0, "Pipeline failed")
    history.add("ExecutionFailed", state)
    assert history.follower_lines == ["Pipeline failed  1.0 s  failed"]


def it_names_an_iteration_by_its_input() -> None:
    assert item_name('"flights"') == "flights"
    assert item_name('{"dataset": "flights"}') == "flights"
    assert item_name('{"name": "v_flights"}') == "v_flights"
    assert item_name("[1]") == ""
