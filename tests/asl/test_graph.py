"""The shape of the rendered state machine, for every set of variables."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.asl.expressions import parse
from tests.asl.graph import assigned, expressions, machines, read, successors, tasks
from tests.asl.rendering import Planned, Rendered

VALIDATOR = Path(__file__).parent / "node_modules" / "asl-validator"
NODE = shutil.which("node") or str(Path(sys.executable).with_name("node"))
# Errors that say nothing about whether trying again could help.
BLANKET = {"States.ALL", "States.TaskFailed", "States.Runtime", "States.Permissions"}
# What the first Java SDK, which the optimized integrations were made with, calls any other exception of the service;
# the second one, which calls "aws-sdk" resources, names it after the service alone:
# https://docs.aws.amazon.com/AWSJavaSDK/latest/javadoc/com/amazonaws/services/glue/model/AWSGlueException.html
# https://docs.aws.amazon.com/AWSJavaSDK/latest/javadoc/com/amazonaws/services/athena/model/AmazonAthenaException.html
GENERAL = {"Glue": {"Glue.AWSGlueException"}, "Athena": {"Athena.AmazonAthenaException"}}


def validate(definition: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask npm's asl-validator, which also parses the JSONata, about a definition."""
    file = folder / "definition.json"
    file.write_text(definition)
    program = VALIDATOR / json.loads((VALIDATOR / "package.json").read_text())["bin"]["asl-validator"]
    return subprocess.run(
        [NODE, str(program), "--json-path", str(file)], capture_output=True, text=True, timeout=120, env=os.environ
    )


def it_passes_the_asl_validator(rendered: Rendered, tmp_path: Path) -> None:
    for definition in rendered.definitions:
        # The validator knows the ARNs of the commercial partition only.
        done = validate(json.dumps(definition).replace("arn:aws-cn:states", "arn:aws:states"), tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("$exists($states.input.datasets)", "$exists($states.input.datasets"),
        ('"Type":"Choice"', '"Type":"Chice"'),
        ('"Next":"Any failure?"', '"Next":"Any failures?"'),
    ],
)
def it_would_not_pass_when_broken(complete: Rendered, tmp_path: Path, right: str, wrong: str) -> None:
    text = json.dumps(complete.definition, separators=(",", ":"))
    assert right in text
    assert validate(text.replace(right, wrong), tmp_path).returncode != 0


def it_holds_only_expressions_that_both_engines_can_parse(rendered: Rendered) -> None:
    found = [
        expression
        for _, machine in machines(*rendered.definitions)
        for state in machine["States"].values()
        for expression in expressions(state)
    ]
    assert len(found) > 50
    for expression in set(found):
        assert parse(expression) is None, f"{parse(expression)} in {expression}"


def it_speaks_jsonata_throughout(rendered: Rendered) -> None:
    assert rendered.definition["QueryLanguage"] == "JSONata"
    for _, machine in machines(*rendered.definitions):
        for state in machine["States"].values():
            forbidden = {"InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "QueryLanguage"}
            assert not forbidden & set(state)


def it_reaches_every_state_and_resolves_every_name(rendered: Rendered) -> None:
    for name, machine in machines(*rendered.definitions):
        states = machine["States"]
        reached, waiting = set(), [machine["StartAt"]]
        while waiting:
            current = waiting.pop()
            assert current in states, f"{name}: {current} is named and not there"
            if current not in reached:
                reached.add(current)
                waiting += successors(states[current])
        assert reached == set(states), f"{name}: nothing leads to {set(states) - reached}"


def it_can_end_from_every_state(rendered: Rendered) -> None:
    for _, machine in machines(*rendered.definitions):
        states = machine["States"]
        ending = {name for name, state in states.items() if state.get("End") or state["Type"] in ("Fail", "Succeed")}
        grown = True
        while grown:
            more = {name for name, state in states.items() if successors(state) & ending} - ending
            ending |= more
            grown = bool(more)
        assert ending == set(states)


def it_uses_each_state_name_once(rendered: Rendered) -> None:
    names = [name for _, machine in machines(*rendered.definitions) for name in machine["States"]]
    assert len(names) == len(set(names))


def it_bounds_every_task(rendered: Rendered) -> None:
    for name, task in tasks(*rendered.definitions):
        assert type(task.get("TimeoutSeconds")) is int, name
        assert task["TimeoutSeconds"] > 0, name


def it_tries_again_only_after_named_errors(rendered: Rendered) -> None:
    for name, task in tasks(*rendered.definitions):
        assert task.get("Retry"), name
        for retrier in task["Retry"]:
            assert not BLANKET & set(retrier["ErrorEquals"]), name
            assert retrier["JitterStrategy"] == "FULL", name
            assert retrier["MaxDelaySeconds"] > retrier["IntervalSeconds"], name
            assert 1 <= retrier["MaxAttempts"] <= 1000, name


def it_names_only_errors_that_can_occur(rendered: Rendered, planned: Planned) -> None:
    # The exceptions of botocore's service models are those of the SDK that Step Functions calls with.
    session = botocore.session.get_session()
    models = {"s3": "s3", "glue": "glue", "athena": "athena", "sfn": "stepfunctions"}
    uploads = json.loads(planned.triggers["aws_sfn_state_machine.upload[0]"]["definition"])
    checked = set()
    for name, task in tasks(*rendered.definitions, uploads):
        service = re.split(r"[:.]", task["Resource"].split(":::")[1].removeprefix("aws-sdk:"))[0]
        shapes = session.get_service_model(models[service]).error_shapes
        prefix = service.capitalize()
        known = {f"{prefix}.{shape.name.removesuffix('Exception')}Exception" for shape in shapes}
        known |= {f"{prefix}.SdkClientException", f"{prefix}.{prefix}Exception", "States.ALL", "States.Timeout"}
        known |= GENERAL.get(prefix, set())
        for rule in [*task["Retry"], *task["Catch"]]:
            checked |= set(rule["ErrorEquals"])
            assert set(rule["ErrorEquals"]) <= known, name
    assert {"S3.S3Exception", "Glue.EntityNotFoundException", "Sfn.ExecutionAlreadyExistsException"} <= checked


def it_tries_again_what_was_throttled_under_either_general_name(rendered: Rendered) -> None:
    for name, task in tasks(*rendered.definitions):
        service = re.split(r"[:.]", task["Resource"].split(":::")[1].removeprefix("aws-sdk:"))[0].capitalize()
        retried = {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
        assert {f"{service}.{service}Exception", *GENERAL.get(service, set())} <= retried, name


def it_never_starts_a_job_again_that_may_have_run(rendered: Rendered) -> None:
    started = [task for _, task in tasks(*rendered.definitions) if "startJobRun" in task["Resource"]]
    assert len(started) == 2
    for task in started:
        retried = {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
        assert not {"States.Timeout", "States.HeartbeatTimeout"} & retried


def it_catches_everything_at_every_task(rendered: Rendered) -> None:
    for name, task in tasks(*rendered.definitions):
        assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def it_keeps_a_failing_dataset_or_view_to_itself(rendered: Rendered) -> None:
    for name, machine in machines(rendered.definition):
        if name:
            kinds = {state["Type"] for state in machine["States"].values()}
            assert "Fail" not in kinds, f"a Fail inside {name} would fail the Map"


def it_gives_every_variable_one_scope(rendered: Rendered) -> None:
    # A variable of the execution must not be assigned again inside a Map:
    # https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    outside = assigned(rendered.definition)
    for name, machine in machines(rendered.definition):
        if name:
            assert not assigned(machine) & outside


def it_reads_only_variables_that_are_assigned(rendered: Rendered) -> None:
    outside = assigned(rendered.definition)
    for name, machine in machines(rendered.definition):
        known = outside | assigned(machine)
        for state_name, state in machine["States"].items():
            for expression in expressions(state):
                assert read(expression) <= known, f"{name}/{state_name} reads {read(expression) - known}"


def it_assigns_only_variables_that_are_read(rendered: Rendered) -> None:
    used: set[str] = set()
    for _, machine in machines(*rendered.definitions):
        for state in machine["States"].values():
            for expression in expressions(state):
                used |= read(expression)
    for _, machine in machines(*rendered.definitions):
        assert assigned(machine) <= used


def it_stays_far_below_one_megabyte_with_200_datasets(all_rendered: dict[str, Rendered]) -> None:
    rendered = all_rendered["two_hundred"]
    assert len(rendered.variables["datasets"]) == 200
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    assert len(rendered.text.encode()) < 1_000_000 / 2


def it_uses_the_arns_of_the_partition(all_rendered: dict[str, Rendered]) -> None:
    resources = {task["Resource"].split(":states:")[0] for _, task in tasks(*all_rendered["china"].definitions)}
    assert resources == {"arn:aws-cn"}
    assert "arn:aws:" not in json.dumps(all_rendered["china"].definitions)
    for statement in all_rendered["china"].policy:
        assert all(resource == "*" or resource.startswith("arn:aws-cn:") for resource in statement["Resource"])


def it_passes_the_views_on_as_they_were_written(outer: dict[str, Any]) -> None:
    items = outer["Create Athena views"]["Items"]
    assert [item["name"] for item in items] == ["v_airlines", "v_flights", "v_weather", "delays", "worst"]
    assert [item["sql"] for item in items[3:]] == [
        "SELECT carrier, 'a \"quoted\" ${text} %{and more}' FROM flights",
        "SELECT * FROM delays -- the end",
    ]
    assert outer["Create Athena views"]["MaxConcurrency"] == 1


def it_takes_bounds_from_the_variables(complete: Rendered, outer: dict[str, Any], inner: dict[str, Any]) -> None:
    assert outer["Process datasets"]["MaxConcurrency"] == 2
    assert inner["Insert only new data"]["TimeoutSeconds"] == 7200
    assert inner["Read dataset contract"]["Assign"]["crawlPause"] == 30
    assert any("$crawlWaited >= 100 " in rule["Condition"] for rule in inner["Crawler finished?"]["Choices"])
    assert outer["Check input"]["Assign"]["overlapPause"] == 60
    assert complete.definition["TimeoutSeconds"] == 86400


def it_shows_every_step_of_the_sketch(rendered: Rendered) -> None:
    names = [name for _, machine in machines(*rendered.definitions) for name in machine["States"]]
    for step in (
        "Check raw table",
        "Create raw table",
        "Check Parquet table",
        "Create Parquet table",
        "Convert to Parquet with Snappy",
        "Check S3 for new data",
        "Insert only new data",
        "Create Athena view",
        "Pipeline succeeded",
    ):
        assert step in names
