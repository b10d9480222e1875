"""Both state machines on every path, judged by two interpreters that have nothing in common.

The interpreter of the local AWS and LocalStack's run the same scenarios over the same world. They have to enter the
same states, make the same calls and come to the same end, and together the scenarios take every transition that the
rendered definitions have. Where the two differ by their nature, docs/limitations.md says which one AWS's documents
confirm.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from scripts.offline_plan import ROOT
from tests.asl.expressions import NODE
from tests.asl.graph import machines, tasks
from tests.asl.rendering import Rendered

JUDGE = ROOT / "build" / "judge"


def missing() -> str:
    """Why this machine cannot have the second interpreter, as set-up noted it; empty when it is there.

    Where set-up has not run nothing is skipped: that is an error.
    """
    if (JUDGE / "bin" / "python").exists():
        return ""
    note = JUDGE / "missing.txt"
    if not note.exists():
        raise RuntimeError("the second interpreter is not set up: make setup-test")
    return note.read_text().strip()


# No server, but the interpreter of the local AWS: too long for `make check`.
pytestmark = pytest.mark.server
if missing():
    # All tests in one line of the summary.
    pytest.skip(missing(), allow_module_level=True)
ANSWER_SECONDS = 300
# What no service answers with: the SDK itself and Step Functions' clock raise these.
NO_ANSWERS = ("SdkClientException", "States.Timeout")
# More attempts than these are not used up: that takes long and proves nothing more.
MOST_ATTEMPTS = 20
THE_END = ("status", "output", "error", "cause")
EVERYTHING = (*THE_END, "entered", "calls")
Step = dict[str, Any]
Execution = dict[str, Any]
# What both interpreters say about the executions of a scenario.
Verdict = tuple[list[Execution], list[Execution]]


@dataclass(frozen=True)
class Scenario:
    """Executions one after the other; each step says what happens before and what the execution is given.

    `compared` is what both interpreters have to agree in.
    """

    steps: tuple[Step, ...]
    ends: tuple[str, ...]
    compared: tuple[str, ...] = EVERYTHING


# ----------------------------------------------------------------------------------------------------------- scenarios
COLUMNS = [{"Name": "carrier", "Type": "string"}, {"Name": "delay", "Type": "int"}]
FLIGHTS, WEATHER = {"datasets": ["flights"]}, {"datasets": ["weather"]}
OBJECTS = {"flights/": ["flights/a.csv", "flights/b.csv"], "airlines/": [], "weather/": ["weather/w.csv"]}
SUCCEEDED: Step = {"State": "READY", "LastCrawl": {"Status": "SUCCEEDED"}}
CRAWLED = {
    "DatabaseName": "flights_dev",
    "TableInput": {
        "Name": "raw_weather",
        "StorageDescriptor": {"Location": "s3://raw/weather/", "Columns": [{"Name": "temp", "Type": "double"}]},
    },
}
# As the job freezes them.
INFERRED = json.dumps({"contract": "c", "raw": "r", "rows": 2, "columns": [{"name": "temp", "type": "decimal(9,1)"}]})
ELSEWHERE = {"StorageDescriptor": {"Location": "s3://somebody-elses/", "Columns": COLUMNS}}
SELF = "arn:aws:states:eu-central-1:123456789012:execution:flights-dev:run-1"
OLDER = SELF.replace("run-1", "run-0")
ALONE, AFTER_ANOTHER = {"is": [[SELF, 0]]}, {"is": [[OLDER, 60], [SELF, 0]]}
# Of a dataset and views that are gone: what this pipeline made, what may be its own, what is not, and what it crawled.
OWN = {"managed_by": "flights-dev"}
GONE = {
    **{
        f"{before}boats{behind}": {"StorageDescriptor": {"Location": location}, "Parameters": OWN}
        for before, behind, location in (
            ("raw_", "", "s3://raw/boats/"),
            ("", "", "s3://lake/tables/boats/"),
            ("", "_quarantine", "s3://lake/quarantine/boats/run=1/"),
        )
    },
    "v_boats": {"TableType": "VIRTUAL_VIEW", "Parameters": OWN},
    "raw_rain": {
        "StorageDescriptor": {"Location": "s3://elsewhere/rain/"},
        "Parameters": {"UPDATED_BY_CRAWLER": "flights-dev-rain"},
    },
}
STAYING = {
    "made_before": {"StorageDescriptor": {"Location": "s3://lake/tables/old/"}},
    "theirs": {"StorageDescriptor": {"Location": "s3://lake/tables/x/"}, "Parameters": {"managed_by": "flights"}},
    "far_away": {"StorageDescriptor": {"Location": "s3://lake-2/tables/boats/"}, "Parameters": OWN},
    "a_view": {"TableType": "VIRTUAL_VIEW"},
}
WORKERS = {
    "parameters": {"WorkerType": "G.2X", "NumberOfWorkers": 3, "Timeout": 5},
    "arguments": {"--task_slots": "16"},
}
LATER = {**FLIGHTS, "wait_until": "2026-01-01T12:01:00Z"}

SCENARIOS: dict[str, Scenario] = {
    "everything is made and loaded, then all drifts, then nothing is new, then something is": Scenario(
        (
            {"raw": OBJECTS, "input": FLIGHTS},
            {
                "patch": {
                    "raw_flights": {"StorageDescriptor": {"Columns": COLUMNS[:1]}},
                    "flights_quarantine": {"StorageDescriptor": {"Columns": []}},
                    "flights": {"StorageDescriptor": {"Columns": []}},
                    "v_flights": {"Parameters": {"view_digest": None}},
                },
                "input": FLIGHTS,
            },
            {"input": FLIGHTS},
            {"raw": {"flights/": ["flights/a.csv", "flights/c.csv"]}, "input": FLIGHTS},
            {"input": {**FLIGHTS, "partitions": {"flights": [{"month": "2013-02"}]}, "force": True}},
        ),
        ("SUCCEEDED",) * 5,
    ),
    "tables of another shape": Scenario(
        (
            {
                "raw": OBJECTS,
                "patch": {
                    "raw_flights": {"StorageDescriptor": {"Location": "s3://raw/flights", "Columns": []}},
                    "flights_quarantine": {"StorageDescriptor": {"Columns": []}},
                },
                "input": FLIGHTS,
            },
        ),
        ("SUCCEEDED",),
    ),
    "all but the Parquet table was deleted": Scenario(
        (
            {
                "raw": OBJECTS,
                "patch": {"flights": {"StorageDescriptor": {"Columns": COLUMNS}, "Parameters": {"run_id": "run-0"}}},
                "input": FLIGHTS,
            },
        ),
        ("SUCCEEDED",),
    ),
    "two datasets at a time": Scenario(
        ({"raw": OBJECTS, "input": {"datasets": ["flights", "airlines"]}},),
        ("SUCCEEDED",),
    ),
    "the crawler finds the columns": Scenario(
        (
            {
                "raw": OBJECTS,
                "crawler": [{"State": "RUNNING"}, {"State": "STOPPING"}, SUCCEEDED],
                "crawled": CRAWLED,
                "input": WEATHER,
            },
            {"input": WEATHER},
            {"patch": {"weather": {"Parameters": {"inferred_columns": INFERRED}}}, "input": WEATHER},
            {"patch": {"weather": {"StorageDescriptor": {"Columns": COLUMNS}}}, "input": WEATHER},
        ),
        ("SUCCEEDED",) * 4,
    ),
    "the crawler fails": Scenario(
        (
            {
                "crawler": [{"State": "READY", "LastCrawl": {"Status": "FAILED", "ErrorMessage": "no"}}],
                "input": WEATHER,
            },
            {"crawler": [{"State": "READY"}], "input": WEATHER},
        ),
        ("FAILED", "FAILED"),
    ),
    "the crawler does not end": Scenario(({"crawler": [{"State": "RUNNING"}], "input": WEATHER},), ("FAILED",)),
    "the crawler finds nothing": Scenario(({"crawler": [SUCCEEDED], "input": WEATHER},), ("FAILED",)),
    "a dry run before the crawler": Scenario(({"input": {**WEATHER, "dry_run": True}},), ("SUCCEEDED",)),
    "a dry run before anything is there": Scenario(
        ({"raw": OBJECTS, "input": {**FLIGHTS, "dry_run": True}},), ("SUCCEEDED",)
    ),
    "the raw table is somebody else's": Scenario(
        (
            {"patch": {"raw_flights": ELSEWHERE}, "input": FLIGHTS},
            {"patch": {"flights": {"StorageDescriptor": {"Columns": []}}}, "input": FLIGHTS},
            {"patch": {"flights_quarantine": {"StorageDescriptor": {"Columns": []}}}, "input": FLIGHTS},
        ),
        ("FAILED", "FAILED", "FAILED"),
    ),
    "more pages than one call lists": Scenario(
        (
            {
                "raw": {"flights/": [f"flights/{number:03}.csv" for number in range(253)]},
                "page_size": 1,
                "input": FLIGHTS,
            },
        ),
        ("SUCCEEDED",),
    ),
    "wrong input": Scenario(
        (
            {"input": {"datasets": ["boats"], "colour": "red"}},
            {"input": {"force": "yes", "partitions": {"flights": []}}},
        ),
        ("FAILED", "FAILED"),
    ),
    "an older execution": Scenario(
        (
            {"executions": [AFTER_ANOTHER], "input": FLIGHTS},
            {"executions": [AFTER_ANOTHER, ALONE], "raw": OBJECTS, "input": LATER},
            {"executions": [{**ALONE, "next": "more"}, {"is": [[OLDER, 60]]}], "input": FLIGHTS},
        ),
        ("SUCCEEDED", "SUCCEEDED", "SUCCEEDED"),
    ),
    "the job fails": Scenario(
        (
            {
                "raw": OBJECTS,
                "job": {"JobRunState": "FAILED", "ErrorMessage": 'flights/a.csv, line 2: "x" is\nno int'},
                "input": FLIGHTS,
            },
            {"job": {"JobRunState": "TIMEOUT"}, "input": FLIGHTS},
        ),
        ("FAILED", "FAILED"),
    ),
    # No document says whether startJobRun.sync succeeds then. The two take different ways and have to tell the same.
    "somebody stops the run": Scenario(
        ({"raw": OBJECTS, "job": {"JobRunState": "STOPPED"}, "input": FLIGHTS},), ("FAILED",), THE_END
    ),
    "a query fails": Scenario(
        (
            {
                "raw": OBJECTS,
                "query": {"State": "FAILED", "StateChangeReason": 'line 1:8: Column "x" cannot be resolved'},
                "input": FLIGHTS,
            },
        ),
        ("FAILED",),
    ),
    "datasets were removed": Scenario(
        (
            {"raw": OBJECTS, "patch": {**GONE, **STAYING}, "input": {**FLIGHTS, "dry_run": True}},
            {"input": FLIGHTS},
            {"input": FLIGHTS},
            {"patch": GONE, "undeletable": {"boats": "OperationTimeoutException"}, "input": FLIGHTS},
        ),
        ("SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED"),
    ),
    "a report too long to carry": Scenario(
        ({"raw": OBJECTS, "report": {"rows_read": 7, "units": ["x" * 100] * 2000}, "input": FLIGHTS},), ("SUCCEEDED",)
    ),
}


def contract(name: str, dataset: dict[str, Any]) -> dict[str, Any]:
    """The contract of a dataset, as far as the state machine reads it."""
    raw = {"Columns": COLUMNS, "Location": f"s3://{dataset['source_bucket']}/{dataset['source_prefix']}"}
    parquet = {"Columns": COLUMNS, "Location": f"s3://lake/tables/{name}/run=none/"}
    bad_rows = {"Columns": [{"Name": "reason", "Type": "string"}], "Location": f"s3://lake/quarantine/{name}/run=none/"}
    return {
        "dataset": name,
        "fingerprint": f"fingerprint of {name}",
        "database": "flights_dev",
        **{table: dataset[table] for table in ("raw_table", "parquet_table", "quarantine_table")},
        "workflow": {
            **({"job_run": WORKERS} if name == "airlines" else {}),
            **{key: dataset[key] for key in ("source_bucket", "source_prefix", "crawler_name")},
            "raw_table_input": {"Name": dataset["raw_table"], "StorageDescriptor": raw},
            "parquet_table_input": {
                "Name": dataset["parquet_table"],
                "Parameters": {"classification": "parquet"},
                "PartitionKeys": [{"Name": "month", "Type": "string"}],
                "StorageDescriptor": parquet,
            },
            "quarantine_table_input": {"Name": dataset["quarantine_table"], "StorageDescriptor": bad_rows},
        },
    }


# -------------------------------------------------------------------------------------------------------- interpreters
class Interpreter:
    """One of the two, in a process of its own."""

    def __init__(self, log: Path, *command: str) -> None:
        self._log = log
        self._answers: queue.Queue[str] = queue.Queue()
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [*command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**os.environ, "NODE": NODE},
            )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def ask(self, question: dict[str, Any]) -> list[Execution]:
        """What each execution of a scenario came to."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._answers.get(timeout=ANSWER_SECONDS)
        assert answer, self._log.read_text()[-2000:]
        found: list[Execution] = json.loads(answer)
        return found

    def stop(self) -> None:
        """End the process: there are no more questions."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


class Court:
    """Both interpreters over the same machines."""

    def __init__(self, rendered: Rendered, folder: Path) -> None:
        variables = rendered.variables
        self._objects = {
            f"{entry.get('contract_bucket', variables['artifacts_bucket'])}/{entry['contract_key']}": json.dumps(
                contract(name, entry)
            )
            for name, entry in variables["datasets"].items()
        }
        self._lake_bucket = variables["lake_bucket"]
        self.machines = {"pipeline": probed(rendered.definition), "listing": probed(rendered.listing)}
        self._interpreters = (
            Interpreter(folder / "first.log", sys.executable, "-m", "tests.asl.first_interpreter"),
            Interpreter(folder / "second.log", str(JUDGE / "bin" / "python"), "-m", "tests.asl.second_interpreter"),
        )

    def judge(self, *all_steps: tuple[Step, ...], machines: tuple[Any, Any] | None = None) -> list[Verdict]:
        """What each of the two says about scenarios, in their order."""
        both = machines or (self.machines, self.machines)

        def ask(interpreter: Interpreter, its_machines: Any) -> list[list[Execution]]:
            question = {"machines": its_machines, "lake_bucket": self._lake_bucket, "objects": self._objects}
            return [interpreter.ask({**question, "steps": steps}) for steps in all_steps]

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(ask, self._interpreters, both)
        return list(zip(first, second, strict=True))

    def stop(self) -> None:
        for interpreter in self._interpreters:
            interpreter.stop()


def comparable(ended: Execution) -> Execution:
    """An execution without the order in which iterations of a Map happened to run.

    Nor with what follows a service's message in parentheses: what stands there is documented for neither kind of call.
    """
    calls = sorted(json.dumps(call, sort_keys=True) for call in ended["calls"])
    cause = re.sub(r" \(Service: [^)]*\)", "", ended.get("cause", ""))
    return {**ended, "entered": Counter(ended["entered"]), "calls": calls, "cause": cause}


def differences(
    name: str, first: list[Execution], second: list[Execution], compared: tuple[str, ...] = EVERYTHING
) -> list[str]:
    """Where the two do not say the same, one sentence each."""
    found = []
    for number, (one, other) in enumerate(zip(map(comparable, first), map(comparable, second), strict=True), 1):
        for what in compared:
            if one.get(what) != other.get(what):
                said = f"{one.get(what)}\n    the second says {other.get(what)}"
                found.append(f"{name}, execution {number}, {what}: the first says {said}")
    return found


# -------------------------------------------------------------------------------------------------------------- probes
def probed(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with a state of its own on every transition: it hands its input on, and the history names it."""
    copied = copy.deepcopy(definition)
    for _, machine in list(machines(copied)):
        probes: dict[str, Any] = {}
        for name, state in machine["States"].items():
            for label, holder, key in transitions(state):
                probe = f"{name} > {label}"
                probes[probe] = {"Type": "Pass", "Next": holder[key]}
                holder[key] = probe
        machine["States"].update(probes)
    return copied


def transitions(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every way out of a state: a label, and where the name of the next state stands."""
    for key in ("Next", "Default"):
        if key in state:
            yield key, state, key
    for part in ("Choices", "Catch"):
        for number, rule in enumerate(state.get(part, []), 1):
            yield f"{part} {number}", rule, "Next"


def all_states(definitions: dict[str, dict[str, Any]]) -> set[str]:
    return {name for _, machine in machines(*definitions.values()) for name in machine["States"]}


# -------------------------------------------------------------------------------------------------------------- faults
def faults_of(state: dict[str, Any]) -> Iterator[list[str]]:
    """The errors that a Task's call is answered with, once for each rule of its Retry and Catch.

    An error that is retried occurs once, that of the first rule also so often that the attempts are used up.
    """
    sdk = "aws-sdk" in state["Resource"]
    for number, retrier in enumerate(state["Retry"]):
        for code in [code for name in retrier["ErrorEquals"] if (code := code_of(name, sdk))][:1]:
            yield [code]
            if number == 0 and retrier["MaxAttempts"] < MOST_ATTEMPTS:
                yield [code] * (retrier["MaxAttempts"] + 1)
    for catcher in state["Catch"]:
        for name in catcher["ErrorEquals"]:
            caught = unnamed_code(state) if name == "States.ALL" else code_of(name, sdk)
            if caught:
                yield [caught]


def code_of(error: str, sdk: bool) -> str | None:
    """The code with which a service answers so that Step Functions names the error so; None where none does.

    How an optimized integration names an error that the service's model does not know is documented nowhere.
    """
    prefix, _, exception = error.partition(".")
    if error in NO_ANSWERS or exception in NO_ANSWERS:
        return None
    shapes = model_of(prefix.lower()).error_shapes
    known = {f"{shape.name.removesuffix('Exception')}Exception": shape.name for shape in shapes}
    # The general exception of a service stands for every code that its model does not know.
    return known.get(exception, "SlowDown" if sdk and exception == f"{prefix}Exception" else None)


def unnamed_code(state: dict[str, Any]) -> str:
    """The code of an error that the service's model knows for this call and no rule of the state names."""
    service, action = state["Resource"].split(":::")[1].removeprefix("aws-sdk:").removesuffix(".sync").split(":")
    operation = model_of(service).operation_model(action[0].upper() + action[1:])
    named = {name for rule in [*state["Retry"], *state["Catch"]] for name in rule["ErrorEquals"]}
    prefix = service.capitalize()
    return next(
        str(shape.name)
        for shape in operation.error_shapes
        if f"{prefix}.{shape.name.removesuffix('Exception')}Exception" not in named
    )


# Reading the model of Glue takes a quarter of a second, and every rule of every state asks for it.
@functools.cache
def model_of(service: str) -> Any:
    return botocore.session.get_session().get_service_model({"sfn": "stepfunctions"}.get(service, service))


def broken(verdicts: dict[str, list[Execution]], rendered: Rendered) -> dict[str, tuple[Step, ...]]:
    """For every Task a run that passes through it, with each of its errors."""
    found: dict[str, tuple[Step, ...]] = {}
    for name, state in tasks(*rendered.definitions):
        steps = shortest(verdicts, name)
        for codes in faults_of(state):
            last = {**steps[-1], "faults": {name: codes}}
            found[f"{name}: {len(codes)} x {codes[0]}"] = (*steps[:-1], last)
    return found


def shortest(verdicts: dict[str, list[Execution]], state: str) -> tuple[Step, ...]:
    """The steps of the scenario that comes to a state with the fewest states before."""
    ways: list[tuple[int, tuple[Step, ...]]] = []
    for name, ended in verdicts.items():
        costs = 0
        for number, execution in enumerate(ended, 1):
            costs += len(execution["entered"])
            if state in execution["entered"]:
                ways.append((costs, SCENARIOS[name].steps[:number]))
                break
    assert ways, f"no scenario comes to {state}"
    return min(ways, key=lambda way: way[0])[1]


# --------------------------------------------------------------------------------------------------------------- tests
@pytest.fixture(scope="module")
def court(all_rendered: dict[str, Rendered], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    court = Court(all_rendered["complete"], tmp_path_factory.mktemp("interpreters"))
    yield court
    court.stop()


@pytest.fixture(scope="module")
def verdicts(court: Court) -> dict[str, Verdict]:
    """What both say about each scenario."""
    return dict(zip(SCENARIOS, court.judge(*(scenario.steps for scenario in SCENARIOS.values())), strict=True))


@pytest.fixture(scope="module")
def failures(
    court: Court,
    verdicts: dict[str, Verdict],
    all_rendered: dict[str, Rendered],
) -> dict[str, Verdict]:
    """What both say when calls fail."""
    cases = broken({name: second for name, (_, second) in verdicts.items()}, all_rendered["complete"])
    assert len(cases) > 50
    return dict(zip(cases, court.judge(*cases.values()), strict=True))


@pytest.mark.parametrize("name", SCENARIOS)
def it_comes_to_the_same_end_in_both_interpreters(verdicts: dict[str, Verdict], name: str) -> None:
    first, second = verdicts[name]
    assert differences(name, first, second, SCENARIOS[name].compared) == []
    assert tuple(execution["status"] for execution in second) == SCENARIOS[name].ends


def it_drops_what_it_made_of_removed_datasets_and_names_what_else_lies_in_the_lake(
    verdicts: dict[str, Verdict],
) -> None:
    _, (dry, first, second, failed) = verdicts["datasets were removed"]
    assert dry["output"]["removed"] == {"status": "kept", "kept": [*sorted(GONE), "made_before"], "dropped": []}
    assert first["output"]["removed"] == {"status": "dropped", "kept": ["made_before"], "dropped": sorted(GONE)}
    assert second["output"]["removed"] == {"status": "kept", "kept": ["made_before"], "dropped": []}
    assert failed["cause"].splitlines() == [
        "1 of 7 failed:",
        "Removed datasets: TablesNotDropped: 1 of 5 tables could not be dropped, first boats: "
        "OperationTimeoutException: not boats. Start the execution again.",
    ]


def it_comes_to_the_same_end_whatever_call_fails(
    failures: dict[str, Verdict],
) -> None:
    found = [line for name, both in failures.items() for line in differences(name, *both)]
    assert not found, "\n".join(found)


def it_takes_every_transition(
    court: Court,
    verdicts: dict[str, Verdict],
    failures: dict[str, Verdict],
) -> None:
    both = [*verdicts.values(), *failures.values()]
    entered = {state for _, second in both for execution in second for state in execution["entered"]}
    assert all_states(court.machines) - entered == set()


def it_tells_apart_what_is_not_the_same(court: Court) -> None:
    changed = copy.deepcopy(court.machines)
    changed["pipeline"]["States"]["Leave it to the other"]["Output"]["status"] = "left"
    steps = SCENARIOS["an older execution"].steps[:1]
    (verdict,) = court.judge(steps, machines=(court.machines, changed))
    assert [line.split(":")[0] for line in differences("case", *verdict)] == ["case, execution 1, output"]
