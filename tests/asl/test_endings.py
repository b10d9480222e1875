"""How datasets, views and executions end that fail: by what it is, in a sentence that says what to do."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest

from tests.asl.expressions import evaluate
from tests.asl.graph import machines, tasks
from tests.asl.rendering import Planned, Rendered

STARTS = ("Convert to Parquet with Snappy", "Insert only new data")
CONTRACT = {"database": "flights_dev", "raw_table": "raw_weather", "workflow": {"crawler_name": "weather"}}
AGAIN = "Start the execution again"
# https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html
UNFINISHED = {"STARTING", "RUNNING", "WAITING", "SUCCEEDED"}


def caught(task: dict[str, Any], error: str, cause: str | None = None, limit: int = 2000) -> dict[str, str]:
    """What the last Catch of a Task hands on."""
    states = {
        "errorOutput": {"Error": error, **({} if cause is None else {"Cause": cause})},
        "context": {"State": {"Name": "Some state"}},
    }
    handed_on: dict[str, str] = evaluate(task["Catch"][-1]["Output"], states, causeLimit=limit)
    return handed_on


def ended(inner: dict[str, Any], state: str, run: dict[str, Any], limit: int = 2000) -> dict[str, str]:
    """What the end of a Glue run hands on."""
    handed_on: dict[str, str] = evaluate(inner[state]["Output"], {"result": run}, causeLimit=limit)
    return handed_on


def leads_to(inner: dict[str, Any], state: str, handed_on: dict[str, str]) -> str:
    """Where the state after this one leads."""
    choice = inner[inner[state]["Next"]]
    taken = [rule["Next"] for rule in choice["Choices"] if evaluate(rule["Condition"], {"input": handed_on})]
    return str(taken[0] if taken else choice["Default"])


# --- the Glue run


@pytest.mark.parametrize("state", STARTS)
def it_reads_the_report_of_a_run_that_succeeded(inner: dict[str, Any], state: str) -> None:
    run = {"Id": "jr_1", "JobName": "job", "JobRunState": "SUCCEEDED", "Arguments": {"--run_id": "r"}}
    assert ended(inner, state, run) == {}
    assert inner[state]["Next"] == "Job succeeded?"
    assert leads_to(inner, state, {}) == "Read job report"


@pytest.mark.parametrize("state", STARTS)
def it_asks_for_the_report_where_a_run_does_not_say_how_it_ended(inner: dict[str, Any], state: str) -> None:
    assert ended(inner, state, {"Id": "jr_1", "JobName": "job"}) == {}


ENDINGS = [
    ("STOPPED", "JobStopped", "The Glue run jr_1 was stopped before its end."),
    ("STOPPING", "JobStopped", "The Glue run jr_1 was stopped before its end."),
    ("TIMEOUT", "JobTimedOut", "The Glue run jr_1 took longer than it may (glue.timeout_minutes)."),
    ("EXPIRED", "JobExpired", "The Glue run jr_1 got no workers and was given up."),
    ("ERROR", "JobNotRun", "The Glue run jr_1 could not be run."),
    ("FAILED", "JobFailed", "The Glue run jr_1 ended as FAILED without a reason."),
]


def it_knows_every_state_that_a_run_can_end_in() -> None:
    shape = botocore.session.get_session().get_service_model("glue").shape_for("JobRunState")
    assert set(shape.enum) - UNFINISHED == {ending[0] for ending in ENDINGS}  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", STARTS)
@pytest.mark.parametrize(("run_state", "error", "sentence"), ENDINGS)
def it_ends_a_dataset_as_its_run_ended(
    inner: dict[str, Any], state: str, run_state: str, error: str, sentence: str
) -> None:
    run = {"Id": "jr_1", "JobName": "job", "JobRunState": run_state, "Arguments": {"--Id": '"Id":"x"'}}
    # Whether Step Functions calls that a success or a failure of the task.
    as_result = ended(inner, state, run)
    as_failure = caught(inner[state], "States.TaskFailed", json.dumps(run))
    assert as_result == as_failure
    assert as_result["error"] == error
    assert as_result["cause"].startswith(sentence)
    assert AGAIN in as_result["cause"] or "Its log" in as_result["cause"]
    assert leads_to(inner, state, as_result) == "Dataset failed"
    assert len(ended(inner, state, run, limit=20)["cause"]) == 20
    told = ended(inner, state, {**run, "ErrorMessage": 'Glue: "so"'})
    assert told["cause"].endswith('Glue: "so"')


@pytest.mark.parametrize(
    ("cause", "error", "readable"),
    [
        ("Not authorized (Service: Glue, Status Code: 400)", "TaskFailed", None),
        (
            r'{"Id":"jr_1","JobRunState":"FAILED","ErrorMessage":"SchemaDrift: line \"3\" has\tno column \u00e9\/\\"}',
            "JobFailed",
            'SchemaDrift: line "3" has\tno column \u00e9/\\',
        ),
        ("{no json at all}", "TaskFailed", None),
        ('{"ErrorMessage":"cut off in the mid', "TaskFailed", None),
        (r'{"ErrorMessage":"an odd \x escape"}', "TaskFailed", None),
    ],
)
def it_says_what_the_job_says(inner: dict[str, Any], cause: str, error: str, readable: str | None) -> None:
    handed_on = caught(inner["Insert only new data"], "States.TaskFailed", cause)
    assert handed_on == {"error": error, "cause": readable or f"States.TaskFailed: {cause}"}


def it_tells_a_missing_report_from_a_stopped_run(inner: dict[str, Any]) -> None:
    rule = inner["Read job report"]["Catch"][0]
    assert rule["ErrorEquals"] == ["S3.NoSuchKeyException"]
    handed_on = evaluate(rule["Output"], dataset="flights", runId="run-1")
    assert handed_on["error"] == "ReportMissing"
    assert "s3://lake/reports/flights/run-1.json" in handed_on["cause"]
    assert "start the execution again" in handed_on["cause"]


def it_names_a_contract_that_is_missing(inner: dict[str, Any]) -> None:
    rule = inner["Read dataset contract"]["Catch"][0]
    assert rule["ErrorEquals"] == ["S3.NoSuchKeyException"]
    given = {"dataset": "flights", "contract": {"bucket": "artifacts", "key": "contracts/flights.json"}}
    handed_on = evaluate(rule["Output"], {"input": given})
    assert handed_on["error"] == "ContractMissing"
    assert (
        handed_on["cause"] == "The contract s3://artifacts/contracts/flights.json is not there. Apply Terraform again."
    )
    assert evaluate(rule["Assign"], {"input": given}) == {"dataset": "flights"}


# --- any error


def it_hands_on_no_error_name_of_step_functions(rendered: Rendered) -> None:
    for name, task in tasks(rendered.definition):
        for error in ("States.Timeout", "States.TaskFailed", "States.Permissions"):
            handed_on = caught(task, error, "because")
            assert not handed_on["error"].startswith("States."), name
            if error != "States.Timeout":
                assert handed_on == {"error": "TaskFailed", "cause": f"{error}: because"}
        assert caught(task, "Glue.AccessDeniedException", "because")["cause"] == "because"


def it_gives_every_fail_an_error_of_its_own_name(rendered: Rendered, planned: Planned) -> None:
    uploads = json.loads(planned.triggers["aws_sfn_state_machine.upload[0]"]["definition"])
    failing = [
        state
        for _, machine in machines(*rendered.definitions, uploads)
        for state in machine["States"].values()
        if state["Type"] == "Fail"
    ]
    assert len(failing) == 5
    for state in failing:
        assert re.fullmatch("[A-Z][A-Za-z]+", state["Error"])


@pytest.mark.parametrize("cause", [None, ""])
def it_names_the_state_where_an_error_gives_no_cause(inner: dict[str, Any], cause: str | None) -> None:
    handed_on = caught(inner["Check raw table"], "Glue.GlueException", cause)
    assert handed_on == {"error": "Glue.GlueException", "cause": 'The state "Some state" gave no cause.'}


@pytest.mark.parametrize("cause", [None, "the task timed out"])
def it_says_which_limit_ran_out(inner: dict[str, Any], cause: str | None) -> None:
    handed_on = caught(inner["Check raw table"], "States.Timeout", cause)
    assert handed_on["error"] == "TimedOut"
    assert handed_on["cause"].startswith('The state "Some state" took longer than it may (workflow.timeouts).')


def it_bounds_a_cause(inner: dict[str, Any]) -> None:
    assert len(caught(inner["Check raw table"], "E", "x" * 5000, limit=750)["cause"]) == 750


def it_says_that_others_could_not_be_looked_for(outer: dict[str, Any]) -> None:
    handed_on = caught(outer["Look for other executions"], "Sfn.SfnException", "denied")
    cause = evaluate(outer["Overlap unknown"]["Cause"], {"input": handed_on})
    assert "Sfn.SfnException: denied" in cause
    assert cause.endswith("Start the execution again.")


# --- the view


@pytest.mark.parametrize(
    ("cause", "error", "sentence"),
    [
        (
            '{"QueryExecution":{"QueryExecutionId":"q-1","Status":{"State":"FAILED","StateChangeReason":"no table"}}}',
            "QueryFailed",
            "no table",
        ),
        (
            '{"QueryExecutionId":"q-1","Status":{"State":"CANCELLED"}}',
            "QueryFailed",
            "The query q-1 ended as CANCELLED without a reason. Start the execution again.",
        ),
        ("Insufficient permissions", "TaskFailed", "States.TaskFailed: Insufficient permissions"),
    ],
)
def it_names_a_failed_view(outer: dict[str, Any], views: dict[str, Any], cause: str, error: str, sentence: str) -> None:
    handed_on = caught(views["Create Athena view"], "States.TaskFailed", cause)
    report = evaluate(views["View failed"]["Output"], {"input": handed_on}, view={"name": "delays"})
    assert report == {"name": "delays", "status": "failed", "error": error, "cause": sentence}
    reports = [{"dataset": "flights", "status": "loaded"}]
    assert evaluate(outer["Any failure?"]["Choices"][0]["Condition"], reports=reports, viewReports=[report])
    told = evaluate(outer["Pipeline failed"]["Cause"], reports=reports, viewReports=[report])
    assert told.splitlines() == ["1 of 2 failed:", f"View delays: {error}: {sentence}"]


# --- the crawler


@pytest.mark.parametrize(
    ("crawler", "waited", "leads_to"),
    [
        ({"State": "RUNNING"}, 30, "Wait for crawler"),
        ({"State": "STOPPING", "LastCrawl": {"Status": "SUCCEEDED"}}, 30, "Wait for crawler"),
        ({"State": "READY", "LastCrawl": {"Status": "SUCCEEDED"}}, 100, "Read crawled table"),
        ({"State": "READY", "LastCrawl": {"Status": "FAILED", "ErrorMessage": "no access"}}, 30, "Crawler failed"),
        ({"State": "READY", "LastCrawl": {"Status": "CANCELLED"}}, 30, "Crawler failed"),
        ({"State": "READY"}, 30, "Crawler failed"),
        ({"State": "RUNNING"}, 99, "Wait for crawler"),
        ({"State": "RUNNING"}, 100, "Crawler took too long"),
    ],
)
def it_waits_for_the_crawler_within_bounds(
    inner: dict[str, Any], crawler: dict[str, Any], waited: int, leads_to: str
) -> None:
    looked = evaluate(inner["Check crawler"]["Output"], {"result": {"Crawler": crawler}})
    state = inner["Crawler finished?"]
    reached = next(
        (
            rule["Next"]
            for rule in state["Choices"]
            if evaluate(rule["Condition"], {"input": looked}, crawlWaited=waited)
        ),
        state["Default"],
    )
    assert reached == leads_to


@pytest.mark.parametrize(
    ("crawl", "cause"),
    [
        ({"Status": "FAILED", "ErrorMessage": "no access"}, "The crawler weather ended as FAILED: no access"),
        ({"Status": "CANCELLED"}, "The crawler weather ended as CANCELLED, without a message. Its log tells more."),
        (None, "The crawler weather is ready and has not crawled yet. Start the execution again."),
    ],
)
def it_hands_the_crawlers_message_on(inner: dict[str, Any], crawl: dict[str, str] | None, cause: str) -> None:
    crawler = {"State": "READY", **({} if crawl is None else {"LastCrawl": crawl})}
    looked = evaluate(inner["Check crawler"]["Output"], {"result": {"Crawler": crawler}})
    variables = {"dataset": "weather", "contract": CONTRACT, "causeLimit": 2000}
    report = evaluate(inner["Crawler failed"]["Output"], {"input": looked}, **variables)["report"]
    assert (report["error"], report["cause"]) == ("CrawlerFailed", cause)


def it_says_how_long_it_waited_for_the_crawler(inner: dict[str, Any]) -> None:
    report = evaluate(
        inner["Crawler took too long"]["Output"],
        {"input": {"state": "RUNNING"}},
        dataset="weather",
        contract=CONTRACT,
    )["report"]
    assert report["cause"].startswith("The crawler weather was still RUNNING after 100 seconds")
    assert AGAIN in report["cause"]
