"""Step Functions: integrations with the role's rights, errors by AWS's names, limits, stop and history."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws
from local_aws.extensions.step_functions import error_matches, event_resource, plain_time, retry_delay
from tests.waiting import wait_for

from .conftest import Machines, RoleMaker, allow

SDK = "arn:aws:states:::aws-sdk"


def task(resource: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, **more}


def it_gives_the_body_of_an_object_as_text(aws: LocalAws, bucket: str, machines: Machines) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="a/ü.json", Body='{"x": "ä"}'.encode())
    result = machines.run_states(
        task(f"{SDK}:s3:getObject", {"Bucket": bucket, "Key": "a/ü.json"}, Output="{% $parse($states.result.Body).x %}")
    )
    assert result.output == "ä"


# Runs an expression on a machine where each look at the clock finds it ten seconds later.
EXPRESSION = """
import itertools, json, sys, time
from tests.asl.first_interpreter import Interpreter

later = itertools.count(0, 10)
time.time = lambda: next(later)
state = {"Type": "Pass", "Output": sys.argv[1], "End": True}
definition = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}}
arn = "arn:aws:states:eu-central-1:000000000000:execution:machine:run"
print(json.dumps(Interpreter(None).run(json.dumps(definition), arn, {})[0]))
"""


def evaluate_on_a_busy_machine(expression: str) -> dict[str, Any]:
    command = [sys.executable, "-c", EXPRESSION, f"{{% {expression} %}}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def it_gives_an_expression_a_second_of_work_however_busy_the_machine_is() -> None:
    assert evaluate_on_a_busy_machine("$sum([1..10])") == {"status": "SUCCEEDED", "output": 55}
    endless = evaluate_on_a_busy_machine("($f := function($n) { $f($n + 1) }; $f(1))")
    assert endless["error"] == "States.QueryEvaluationError"
    assert endless["cause"].startswith("D1012")


def it_keeps_the_keys_of_maps_and_respells_members(database: str, machines: Machines) -> None:
    table = {"Name": "t", "Parameters": {"listing_digest": "1", "ETag-like": "2"}, "StorageDescriptor": {"Columns": []}}
    result = machines.run_states(
        task(f"{SDK}:glue:createTable", {"DatabaseName": database, "TableInput": table}),
        task(f"{SDK}:glue:getTable", {"DatabaseName": database, "Name": "t"}, Output="{% $states.result.Table %}"),
    )
    assert result.output["Parameters"] == {"listing_digest": "1", "ETag-like": "2"}
    assert result.output["DatabaseName"] == database


def it_lists_objects_with_their_etags_and_no_contents_when_there_are_none(
    aws: LocalAws, bucket: str, machines: Machines
) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    result = machines.run_states(
        task(
            f"{SDK}:s3:listObjectsV2",
            {"Bucket": bucket, "Prefix": "{% $states.input.prefix %}", "MaxKeys": 5},
            Output={"result": "{% $states.result %}", "empty": "{% $not($exists($states.result.Contents)) %}"},
        ),
        given={"prefix": "a"},
    )
    assert result.output["result"]["Contents"][0]["ETag"] == '"c4ca4238a0b923820dcc509a6f75849b"'
    assert result.output["empty"] is False
    assert result.output["result"]["Contents"][0]["LastModified"].endswith("Z")


@pytest.mark.parametrize(
    ("resource", "arguments", "error"),
    [
        ("glue:getTable", {"DatabaseName": "nowhere", "Name": "t"}, "Glue.EntityNotFoundException"),
        ("s3:getObject", {"Bucket": "BUCKET", "Key": "nothing"}, "S3.NoSuchKeyException"),
        ("glue:startCrawler", {"Name": "nobody"}, "Glue.EntityNotFoundException"),
    ],
)
def it_names_errors_as_aws_does(
    bucket: str, machines: Machines, resource: str, arguments: dict[str, Any], error: str
) -> None:
    arguments = {key: bucket if value == "BUCKET" else value for key, value in arguments.items()}
    result = machines.run_states(task(f"{SDK}:{resource}", arguments))
    assert (result.status, result.error) == ("FAILED", error)


def it_acts_with_the_rights_of_its_role_only(bucket: str, machines: Machines, role: RoleMaker) -> None:
    arn = role("states.amazonaws.com", allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    result = machines.run_states(
        task(f"{SDK}:s3:listObjectsV2", {"Bucket": bucket}),
        task(f"{SDK}:s3:getObject", {"Bucket": bucket, "Key": "x"}),
        role_arn=arn,
    )
    assert result.error == "S3.S3Exception"
    assert "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::" in result.cause
    assert result.visited() == ["S0", "S1"]


def it_names_a_denial_of_glue_with_its_own_exception(database: str, machines: Machines, role: RoleMaker) -> None:
    result = machines.run_states(
        task(f"{SDK}:glue:getTable", {"DatabaseName": database, "Name": "t"}), role_arn=role("states.amazonaws.com")
    )
    assert result.error == "Glue.AccessDeniedException"
    assert "glue:GetTable" in result.cause


def it_checks_who_may_assume_the_role(aws: LocalAws, machines: Machines, role: RoleMaker) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    other_account = {"StringEquals": {"aws:SourceAccount": "999999999999"}}
    for arn in (role("glue.amazonaws.com"), role("states.amazonaws.com", condition=other_account)):
        with pytest.raises(botocore.exceptions.ClientError, match="not authorized to assume"):
            machines.create(definition, arn)
    same_account = {"StringEquals": {"aws:SourceAccount": "000000000000"}}
    arn = machines.create(definition, role("states.amazonaws.com", condition=same_account))
    assert aws.follow(machines.start(arn), timeout=20).status == "SUCCEEDED"


def it_refuses_log_delivery_that_the_role_may_not_set_up(aws: LocalAws, role: RoleMaker) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    with pytest.raises(botocore.exceptions.ClientError, match="logs:CreateLogDelivery"):
        aws.client("stepfunctions").create_state_machine(
            name="logging",
            definition=json.dumps(definition),
            roleArn=role("states.amazonaws.com"),
            loggingConfiguration={
                "level": "ALL",
                "destinations": [
                    {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:x:*"}}
                ],
            },
        )


def it_ends_a_payload_above_256_kib_with_an_error_states_all_does_not_catch(machines: Machines) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "S1"}]
    big = {"Type": "Map", "Items": "{% [1..3000] %}", "Catch": catch, "ItemProcessor": {}}
    big["ItemProcessor"] = {
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "Output": "{% $pad('', 100, 'x') %}", "End": True}},
    }
    result = machines.run_states(
        {
            **big,
            "Items": "{% [1..300] %}",
            "Output": "{% $join($map([1..2700], function($i) { $pad('', 100, 'x') })) %}",
        },
        {"Type": "Succeed"},
    )
    assert result.error == "States.DataLimitExceeded"
    assert "size exceeding the maximum number of bytes service limit" in result.cause


def it_counts_the_payload_in_bytes_of_utf_8(aws: LocalAws, machines: Machines) -> None:
    umlauts = 131_071  # of two bytes each; two quotes around them make 256 KiB
    client = aws.client("stepfunctions")
    arn = machines.create({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    started = client.start_execution(stateMachineArn=arn, input=f'"{"ä" * umlauts}"')
    assert aws.follow(started["executionArn"], timeout=20).status == "SUCCEEDED"
    with pytest.raises(botocore.exceptions.ClientError, match=r"ValidationException.*'input'.*or equal to 262144"):
        client.start_execution(stateMachineArn=arn, input=f'"{"ä" * umlauts}x"')
    for thousands, status in ((32, "SUCCEEDED"), (33, "FAILED")):
        output = f"{{% $join([1..{thousands}].($pad('', 4000, 'ä'))) %}}"
        result = machines.run_states({"Type": "Pass", "Output": output}, {"Type": "Succeed"})
        assert result.status == status
    assert result.error == "States.DataLimitExceeded"


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def it_ends_an_input_of_an_iteration_or_branch_above_256_kib(machines: Machines, kind: str) -> None:
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": 1, "End": True}}}
    big = "{% $join([1..2700].($pad('', 100, 'x'))) %}"
    state = (
        {"Type": "Map", "Items": [1], "ItemSelector": {"big": big}, "ItemProcessor": inner}
        if kind == "Map"
        else {"Type": "Parallel", "Arguments": {"big": big}, "Branches": [inner]}
    )
    assert machines.run_states(state).error == "States.DataLimitExceeded"


def it_takes_a_payload_just_below_the_limit(machines: Machines) -> None:
    output = "{% $join($map([1..2600], function($i) { $pad('', 100, 'x') })) %}"
    result = machines.run_states({"Type": "Pass", "Output": output}, {"Type": "Succeed"})
    assert result.status == "SUCCEEDED"
    assert len(result.output) == 260_000


def it_assigns_all_variables_of_a_state_at_once(machines: Machines) -> None:
    result = machines.run_states(
        {"Type": "Pass", "Assign": {"a": 1, "b": 2}},
        {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}},
        {"Type": "Succeed", "Output": {"a": "{% $a %}", "b": "{% $b %}"}},
    )
    assert result.output == {"a": 2, "b": 1}


def it_keeps_the_variables_of_map_iterations_apart(machines: Machines) -> None:
    processor = {
        "StartAt": "Set",
        "States": {
            "Set": {"Type": "Pass", "Assign": {"x": "{% $states.input %}"}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 0, "Next": "Get"},
            "Get": {"Type": "Pass", "Output": "{% $x %}", "End": True},
        },
    }
    result = machines.run_states(
        {"Type": "Pass", "Assign": {"x": "outer"}},
        {"Type": "Map", "Items": "{% ['p', 'q', 'r'] %}", "ItemProcessor": processor},
        {"Type": "Succeed", "Output": {"items": "{% $states.input %}", "x": "{% $x %}"}},
    )
    assert result.output == {"items": ["p", "q", "r"], "x": "outer"}
    assert result.visited("q") == ["Set", "Wait", "Get"]
    assert result.visited() == ["S0", "S1", "S2"]


def it_runs_parallel_branches_with_jsonata(machines: Machines) -> None:
    branches = [
        {"StartAt": f"B{index}", "States": {f"B{index}": {"Type": "Pass", "Output": index, "End": True}}}
        for index in (1, 2)
    ]
    result = machines.run_states(
        {"Type": "Parallel", "Branches": branches, "Output": "{% $sum($states.result) %}", "Assign": {"n": 5}},
        {"Type": "Succeed", "Output": "{% $states.input + $n %}"},
    )
    assert result.output == 8


def it_times_an_execution_out(machines: Machines) -> None:
    wait = {"Type": "Wait", "Seconds": 30, "End": True}
    result = machines.run({"TimeoutSeconds": 1, "StartAt": "W", "States": {"W": wait}})
    assert result.status == "TIMED_OUT"
    assert result.seconds < 5


def it_stops_an_execution_in_a_wait_at_once(aws: LocalAws, machines: Machines) -> None:
    arn = machines.create({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}})
    execution = machines.start(arn)
    client = aws.client("stepfunctions")
    wait_for(
        lambda: (
            "WaitStateEntered"
            in {each["type"] for each in client.get_execution_history(executionArn=execution)["events"]}
        )
    )
    client.stop_execution(executionArn=execution, cause="enough")
    result = aws.follow(execution, timeout=5)
    assert (result.status, result.cause) == ("ABORTED", "enough")


def it_retries_named_errors_and_counts_the_attempts(database: str, machines: Machines) -> None:
    retry = [{"ErrorEquals": ["Glue.EntityNotFoundException"], "IntervalSeconds": 0, "MaxAttempts": 2}]
    result = machines.run_states(
        task(
            f"{SDK}:glue:getTable",
            {"DatabaseName": database, "Name": "t"},
            Retry=retry,
            Catch=[{"ErrorEquals": ["States.ALL"], "Next": "S1", "Output": "{% $states.errorOutput.Error %}"}],
        ),
        {"Type": "Succeed"},
    )
    assert result.output == "Glue.EntityNotFoundException"


def it_links_each_event_to_the_one_before_it_in_its_branch(aws: LocalAws, machines: Machines) -> None:
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    result = machines.run_states({"Type": "Map", "Items": "{% ['a', 'b'] %}", "ItemProcessor": processor})
    history = aws.client("stepfunctions").get_execution_history(executionArn=result.execution_arn)["events"]
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    by_id = {event["id"]: event for event in history}
    for event in history:
        if event["type"] == "PassStateEntered":
            assert by_id[event["previousEventId"]]["type"] == "MapIterationStarted"


# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
@pytest.mark.parametrize(("limit", "at_once"), [({}, 40), ({"MaxConcurrency": 50}, 40), ({"MaxConcurrency": 3}, 3)])
def it_runs_at_most_40_iterations_of_an_inline_map_at_once(
    aws: LocalAws, machines: Machines, limit: dict[str, int], at_once: int
) -> None:
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    items = f"{{% [1..{at_once + 1}] %}}"
    result = machines.run_states({"Type": "Map", "Items": items, "ItemProcessor": wait, **limit})
    running = most = 0
    for event in events(aws, result.execution_arn):
        running += {"MapIterationStarted": 1, "MapIterationSucceeded": -1}.get(event["type"], 0)
        most = max(most, running)
    assert (result.status, most) == ("SUCCEEDED", at_once)


def events(aws: LocalAws, execution_arn: str) -> list[dict[str, Any]]:
    pages = aws.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    return [event for page in pages for event in page["events"]]


# "If the event number 25,000 is ExecutionSucceeded, the execution finishes successfully":
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-history-limit.html
# Two events for the execution, two for each state, and two more for the Map and each of its iterations.
@pytest.mark.parametrize(("passes", "status"), [(47, "SUCCEEDED"), (48, "FAILED")])
def it_ends_a_history_at_25_000_events(aws: LocalAws, machines: Machines, passes: int, status: str) -> None:
    inside = [{"Type": "Pass", "Next": f"P{number}"} for number in range(1, 49)]
    states = {f"P{number}": state for number, state in enumerate([*inside, {"Type": "Pass", "End": True}])}
    counted = {
        "Type": "Map",
        "Items": "{% [1..249] %}",
        "ItemProcessor": {"StartAt": "P0", "States": states},
        "Output": 1,
        # Nothing catches the end of a history.
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S1"}, {"ErrorEquals": ["States.Runtime"], "Next": "S1"}],
    }
    result = machines.run_states(counted, *[{"Type": "Pass"}] * passes)
    history = events(aws, result.execution_arn)
    assert (len(history), result.status) == (25_000, status)
    if status == "FAILED":
        assert history[-1]["type"] == "ExecutionFailed"
        assert result.error == "States.Runtime"
        assert result.cause == "The execution reached the maximum number of history events (25000)."


# As somebody measured on AWS: https://github.com/floci-io/floci/pull/2782
def it_writes_nothing_down_after_the_end_of_an_execution(aws: LocalAws, machines: Machines) -> None:
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
    waits = {"Type": "Map", "Items": [1, 2], "ItemProcessor": wait, "End": True}
    execution = machines.start(machines.create({"StartAt": "M", "States": {"M": waits}}))
    wait_for(lambda: [event["type"] for event in events(aws, execution)].count("WaitStateEntered") == 2)
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    time.sleep(1)
    assert events(aws, execution)[-1]["type"] == "ExecutionAborted"


def it_writes_down_the_start_of_each_task(aws: LocalAws, bucket: str, machines: Machines) -> None:
    result = machines.run_states(task(f"{SDK}:s3:listObjectsV2", {"Bucket": bucket}))
    assert [event["type"] for event in events(aws, result.execution_arn)][1:-1] == [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
    ]


@pytest.mark.parametrize(
    ("wanted", "error", "expected"),
    [
        (["States.ALL"], "Glue.X", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.TaskFailed"], "Glue.X", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["Glue.Y"], "Glue.X", False),
    ],
)
def it_matches_errors_like_aws(wanted: list[str], error: str, expected: bool) -> None:
    assert error_matches(wanted, error) is expected


def it_waits_longer_after_each_attempt_up_to_the_limit() -> None:
    retrier = {"IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10}
    assert [retry_delay(retrier, attempt) for attempt in range(3)] == [2, 6, 10]
    assert 0 <= retry_delay({**retrier, "JitterStrategy": "FULL"}, 2) <= 10


def it_names_resources_in_the_history_as_aws_does() -> None:
    assert event_resource("arn:aws:states:::aws-sdk:s3:getObject") == {
        "resourceType": "aws-sdk:s3",
        "resource": "getObject",
    }
    assert event_resource("arn:aws:states:::glue:startJobRun.sync")["resource"] == "startJobRun.sync"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("2026-11-25T19:04:21.949Z", "2026-11-25T19:04:21.949000+00:00"),
        ("2026-11-25T19:04:21.9Z", "2026-11-25T19:04:21.900000+00:00"),
        ("2026-11-25T19:04:21.123456789+01:00", "2026-11-25T19:04:21.123456+01:00"),
        ("2026-11-25T19:04:21Z", "2026-11-25T19:04:21+00:00"),
        ("2026-11-25", "2026-11-25"),
        ("Zeit.1", "Zeit.1"),
    ],
)
def it_writes_a_time_as_every_python_reads_it(written: str, plain: str) -> None:
    assert plain_time(written) == plain
