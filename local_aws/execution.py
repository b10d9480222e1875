"""Following an execution of the state machine: a line per state as it happens, and the result as one object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from local_aws.errors import LocalAwsError
from local_aws.state_graph import EXPECTED_ERRORS, caught_errors

POLL_SECONDS = 0.3


@dataclass(frozen=True)
class VisitedState:
    """One state that was left, or that the execution ended in.

    Attributes:
        name: as in the definition.
        dataset: the Map iteration it belongs to, None outside of any.
        seconds: from entering to leaving it.
        error: name of the last error its task met, also one that was caught; empty without.
        expected: whether the state names that error in a Catch, as an answer like any other: "there is no such table".
    """

    name: str
    dataset: str | None
    seconds: float
    error: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Happening:
    """Something that happened in an execution, as soon as it is known.

    Attributes:
        kind: a state was entered, or a Map iteration has begun to work on something or is done with it.
        state: the state; of an iteration that is done, the last one it left.
        item: what the iteration works on, None outside of any.
        group: name of the Map state that the iteration belongs to, None outside of any.
        moment: when it happened.
        result: of an iteration that is done: what it returned.
        failed: of an iteration that is done: whether it ended the execution.
    """

    kind: Literal["entered", "begun", "done"]
    state: str
    item: str | None
    group: str | None
    moment: datetime
    result: Any = None
    failed: bool = False


@dataclass(frozen=True)
class ExecutionResult:
    """How an execution ended.

    Attributes:
        status: SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        output: the decoded output, None unless it succeeded.
        glue_runs: number of Glue job runs it started.
        states: the states in the order they were left.
        results: what each Map iteration returned, by what it worked on; also of an execution that failed.
    """

    execution_arn: str
    status: str
    output: Any
    error: str
    cause: str
    seconds: float
    glue_runs: int
    states: tuple[VisitedState, ...]
    results: Mapping[str, Any] = field(default_factory=dict)

    def visited(self, dataset: str | None = None) -> list[str]:
        """Return the names of the states of one dataset, or of those outside of any."""
        return [state.name for state in self.states if state.dataset == dataset]


@dataclass
class Follower:
    """Turns the events of a history into visited states and lines, whatever order branches interleave in.

    Attributes:
        on_line: gets a line for each state that is left.
        on_happening: gets everything that happens.
        expected: by state, the errors that are answers.
    """

    on_line: Callable[[str], None]
    on_happening: Callable[[Happening], None] = lambda happening: None
    expected: Mapping[str, set[str]] = field(default_factory=dict)
    states: list[VisitedState] = field(default_factory=list)
    glue_runs: int = 0
    results: dict[str, Any] = field(default_factory=dict)
    _branches: dict[int, int] = field(default_factory=dict)
    _labels: dict[int, str] = field(default_factory=dict)
    _entered: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    _errors: dict[int, str] = field(default_factory=dict)
    _groups: dict[int, str] = field(default_factory=dict)
    _begun: dict[int, datetime] = field(default_factory=dict)
    _last: dict[int, tuple[str, Any]] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> None:
        """Take the next event of the history."""
        kind, number = event["type"], event["id"]
        # A branch is known by the event that started it; 0 is the main line.
        started = kind == "MapIterationStarted"
        branch = number if started else self._branches.get(event.get("previousEventId", 0), 0)
        self._branches[number] = branch
        if started:
            details = event["mapIterationStartedEventDetails"]
            self._labels[branch] = f"#{details['index']}"
            self._groups[branch] = details.get("name", "")
            self._begun[branch] = event["timestamp"]
        elif kind.endswith("StateEntered"):
            self._enter(branch, event)
        elif kind.endswith("StateExited"):
            name = self._entered.get(branch, ("", None))[0]
            self._last[branch] = name, event.get("stateExitedEventDetails", {}).get("output")
            self._leave(branch, event["timestamp"])
        elif kind == "MapIterationSucceeded":
            name, output = self._last.get(branch, ("", None))
            result = json.loads(output or "null")
            self.results[self._labels[branch]] = result
            self._tell("done", branch, name, event["timestamp"], result=result)
        elif kind in ("TaskFailed", "TaskTimedOut"):
            details = event["taskFailedEventDetails" if kind == "TaskFailed" else "taskTimedOutEventDetails"]
            self._errors[branch] = details.get("error", "")
        elif kind == "TaskSubmitted":
            self._submitted(branch, event["taskSubmittedEventDetails"])
        elif kind in ("MapIterationFailed", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"):
            self._leave(branch, event["timestamp"], failed=True)
            if kind == "MapIterationFailed":
                self._tell("done", branch, self._last.get(branch, ("", None))[0], event["timestamp"], failed=True)

    def _enter(self, branch: int, event: dict[str, Any]) -> None:
        details = event["stateEnteredEventDetails"]
        if begun := self._begun.pop(branch, None):
            self._labels[branch] = item_name(details.get("input", "null")) or self._labels[branch]
            self._tell("begun", branch, details["name"], begun)
        self._entered[branch] = details["name"], event["timestamp"]
        self._errors.pop(branch, None)
        self._tell("entered", branch, details["name"], event["timestamp"])

    def _leave(self, branch: int, moment: datetime, *, failed: bool = False) -> None:
        entered = self._entered.pop(branch, None)
        if entered is None:
            return
        name, since = entered
        seconds = (moment - since).total_seconds()
        error = self._errors.pop(branch, "")
        expected = not failed and error in self.expected.get(name, ())
        state = VisitedState(name, self._labels.get(branch), seconds, error, expected)
        self.states.append(state)
        ending = f"  {EXPECTED_ERRORS.get(error, error) if expected else error}" if error else ""
        self.on_line(f"{self._prefix(branch)}{name}  {seconds:.1f} s{ending}{'  failed' if failed else ''}")

    def _tell(
        self,
        kind: Literal["entered", "begun", "done"],
        branch: int,
        state: str,
        moment: datetime,
        *,
        result: Any = None,
        failed: bool = False,
    ) -> None:
        item, group = self._labels.get(branch), self._groups.get(branch)
        self.on_happening(Happening(kind, state, item, group, moment, result, failed))

    def _submitted(self, branch: int, details: dict[str, Any]) -> None:
        if details["resourceType"] == "glue":
            self.glue_runs += 1
            name = self._entered.get(branch, ("", None))[0]
            run = json.loads(details["output"]).get("JobRunId", "")
            self.on_line(f"{self._prefix(branch)}{name}: Glue run {run} started")

    def _prefix(self, branch: int) -> str:
        label = self._labels.get(branch)
        return f"{label}: " if label else ""


def item_name(state_input: str) -> str:
    """Return what a Map iteration works on: its input when that is a text, else the input's `dataset` or `name`."""
    value = json.loads(state_input)
    if isinstance(value, dict):
        value = value.get("dataset", value.get("name"))
    return value if isinstance(value, str) else ""


def follow(
    client: Any,
    execution_arn: str,
    on_line: Callable[[str], None],
    timeout: float,
    poll_seconds: float = POLL_SECONDS,
    on_happening: Callable[[Happening], None] = lambda happening: None,
) -> ExecutionResult:
    """Follow an execution to its end.

    Args:
        client: a Step Functions client.
        execution_arn: the execution.
        on_line: gets a line for each state.
        timeout: seconds after which waiting is given up.
        poll_seconds: seconds between two looks at it.
        on_happening: gets what happens, as it happens.

    Raises:
        LocalAwsError: when the execution has not ended by then.
    """
    machine = client.describe_state_machine_for_execution(executionArn=execution_arn)
    follower = Follower(on_line, on_happening, caught_errors(json.loads(machine["definition"])))
    deadline = time.monotonic() + timeout
    seen = 0
    while True:
        described = client.describe_execution(executionArn=execution_arn)
        for event in events(client, execution_arn, seen):
            follower.take(event)
            seen = event["id"]
        if described["status"] != "RUNNING":
            break
        if time.monotonic() > deadline:
            raise LocalAwsError(f"the execution {execution_arn} has not ended after {timeout:.0f} seconds")
        time.sleep(poll_seconds)
    output = described.get("output")
    return ExecutionResult(
        execution_arn=execution_arn,
        status=described["status"],
        output=json.loads(output) if described["status"] == "SUCCEEDED" and output else None,
        error=described.get("error", ""),
        cause=described.get("cause", ""),
        seconds=(described["stopDate"] - described["startDate"]).total_seconds(),
        glue_runs=follower.glue_runs,
        states=tuple(follower.states),
        results=follower.results,
    )


def events(client: Any, execution_arn: str, after: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a history that come after the event with the number `after`."""
    newest: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = client.get_execution_history(
            executionArn=execution_arn, maxResults=1000, reverseOrder=True, includeExecutionData=True, **token
        )
        newest += [event for event in page["events"] if event["id"] > after]
        if not page.get("nextToken") or not page["events"] or page["events"][-1]["id"] <= after:
            break
        token = {"nextToken": page["nextToken"]}
    yield from reversed(newest)
