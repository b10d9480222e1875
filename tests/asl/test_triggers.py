"""The schedule and the upload trigger: who starts what, and how uploads become few executions."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from scripts.offline_plan import ACCOUNT, REGION
from tests.asl.expressions import evaluate
from tests.asl.rendering import TRIGGERS, Planned, statements
from tests.asl.test_graph import validate

STATES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine"
START = datetime(2026, 1, 31, 23, 59, 0, tzinfo=timezone.utc)


@pytest.fixture
def collector(planned: Planned) -> dict[str, Any]:
    """The state machine that turns uploads into executions."""
    definition: dict[str, Any] = json.loads(planned.triggers["aws_sfn_state_machine.upload[0]"]["definition"])
    return definition


def asked(collector: dict[str, Any], moment: datetime) -> dict[str, str]:
    """What an upload at this moment asks Step Functions for."""
    context = {"Execution": {"StartTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}}
    arguments: dict[str, str] = evaluate(
        collector["States"]["Start one execution per window"]["Arguments"], {"context": context}
    )
    return arguments


def it_asks_for_one_execution_per_window(collector: dict[str, Any]) -> None:
    asked_for = {asked(collector, START + timedelta(milliseconds=60 * step))["Name"] for step in range(1000)}
    assert asked_for == {"upload-20260201T000000Z"}
    later = {asked(collector, START + timedelta(seconds=30, milliseconds=60 * step))["Name"] for step in range(1000)}
    assert later == {"upload-20260201T000000Z", "upload-20260201T000100Z"}


@pytest.mark.parametrize("seconds", [0, 0.001, 30, 59.999])
def it_waits_until_the_window_has_ended(collector: dict[str, Any], seconds: float) -> None:
    moment = START + timedelta(seconds=seconds)
    arguments = asked(collector, moment)
    assert json.loads(arguments["Input"]) == {"wait_until": "2026-02-01T00:00:00Z"}
    assert datetime.fromisoformat("2026-02-01T00:00:00+00:00") > moment
    assert arguments["StateMachineArn"] == TRIGGERS["state_machine_arn"]


def it_is_content_with_an_execution_that_exists(collector: dict[str, Any]) -> None:
    state = collector["States"]["Start one execution per window"]
    assert state["Catch"][0] == {
        "ErrorEquals": ["Sfn.ExecutionAlreadyExistsException"],
        "Output": {},
        "Next": "Already asked for",
    }
    error = {"Error": "Sfn.AccessDeniedException", "Cause": "no"}
    failed = collector["States"]["Could not start"]
    assert failed["Error"] == "UploadNotTaken"
    told = evaluate(failed["Cause"], {"input": error})
    assert told.startswith("The upload did not start flights-dev: Sfn.AccessDeniedException: no. ")


def it_passes_the_validator(collector: dict[str, Any], tmp_path: Path) -> None:
    done = validate(json.dumps(collector), tmp_path)
    assert done.returncode == 0, done.stdout


def it_listens_to_uploads_of_the_datasets_only(planned: Planned) -> None:
    pattern = json.loads(planned.triggers["aws_cloudwatch_event_rule.upload[0]"]["event_pattern"])
    assert pattern == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": ["elsewhere", "raw"]},
            "object": {"key": [{"prefix": "airlines/"}, {"prefix": "flights/"}]},
        },
    }
    assert {name for name in planned.triggers if "notification" in name} == {
        'aws_s3_bucket_notification.this["raw"]',
        'aws_s3_bucket_notification.this["elsewhere"]',
    }


def it_listens_to_whole_buckets_where_the_prefixes_do_not_fit(planned: Planned) -> None:
    text = planned.many_prefixes["aws_cloudwatch_event_rule.upload[0]"]["event_pattern"]
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    assert len(text) <= 2048
    assert json.loads(text)["detail"] == {"bucket": {"name": ["raw"]}}


def it_logs_into_a_brought_log_group_and_into_no_other(planned: Planned) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/platform:*"
    machine = planned.many_prefixes["aws_sfn_state_machine.upload[0]"]
    assert machine["logging_configuration"][0]["log_destination"] == arn
    assert not [name for name in planned.many_prefixes if "log_group" in name]
    allowed = statements(planned.many_prefixes["aws_iam_role_policy.collector[0]"]["policy"])
    assert [entry["Resource"] for entry in allowed if "logs:PutLogEvents" in entry["Action"]] == [[arn]]


def it_creates_nothing_for_a_schedule_that_is_not_wanted(planned: Planned) -> None:
    assert not [name for name in planned.many_prefixes if "schedule" in name]


def it_starts_the_pipeline_by_the_clock(planned: Planned) -> None:
    schedule = planned.triggers["aws_scheduler_schedule.this[0]"]
    assert schedule["schedule_expression"] == "cron(0 6 * * ? *)"
    assert schedule["schedule_expression_timezone"] == "Europe/Berlin"
    assert schedule["state"] == "ENABLED"
    assert schedule["flexible_time_window"] == [{"mode": "FLEXIBLE", "maximum_window_in_minutes": 15}]
    assert schedule["target"][0]["arn"] == TRIGGERS["state_machine_arn"]
    assert json.loads(schedule["target"][0]["input"]) == {}


def it_starts_the_pipeline_for_one_dataset_by_its_own_clock(planned: Planned, outer: dict[str, Any]) -> None:
    schedule = planned.triggers['aws_scheduler_schedule.dataset["flights"]']
    assert (schedule["name"], schedule["schedule_expression"]) == ("flights-dev-flights", "rate(1 hour)")
    assert (schedule["state"], schedule["flexible_time_window"][0]["mode"]) == ("DISABLED", "OFF")
    assert schedule["target"][0]["arn"] == TRIGGERS["state_machine_arn"]
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    given = schedule["target"][0]["input"].replace("<aws.scheduler.scheduled-time>", "2022-03-22T18:59:43Z")
    started = {"input": json.loads(given), "context": {"Execution": {"Name": "n"}}}
    assigned = evaluate(outer["Check input"]["Assign"], started)
    assert (assigned["problems"], assigned["selected"]) == ([], ["flights"])
    # It waits for an older execution, which may be over other datasets.
    assert not evaluate(outer["Another one running?"]["Choices"][2]["Condition"], started, nextExecutions="", older=1)


@pytest.mark.parametrize(
    ("role", "service", "starts"),
    [
        ("schedule", "scheduler.amazonaws.com", f"{STATES}:flights-dev"),
        ("rule", "events.amazonaws.com", f"{STATES}:flights-dev-uploads"),
        ("collector", "states.amazonaws.com", f"{STATES}:flights-dev"),
    ],
)
def it_lets_each_role_start_one_state_machine(planned: Planned, role: str, service: str, starts: str) -> None:
    (trust,) = statements(planned.triggers[f"aws_iam_role.{role}[0]"]["assume_role_policy"])
    assert trust["Principal"] == {"Service": service}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert "aws:SourceArn" in trust["Condition"]["ArnLike"]
    allowed = statements(planned.triggers[f"aws_iam_role_policy.{role}[0]"]["policy"])
    started = [statement for statement in allowed if "states:StartExecution" in statement["Action"]]
    assert [statement["Resource"] for statement in started] == [[starts]]
    others = [action for statement in allowed if statement not in started for action in statement["Action"]]
    assert all(action.startswith("logs:") for action in others)
    assert bool(others) == (role == "collector")
