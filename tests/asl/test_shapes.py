"""What the Tasks give to the services and read of their answers is what botocore's models of the services have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.asl.graph import tasks
from tests.asl.rendering import Planned, Rendered
from tests.asl.shapes import Walk, argument_problems, check, operation_of


def checked(rendered: Rendered, contract: dict[str, Any], right: str = "", wrong: str = "") -> Walk:
    """What the models say, after a mistake was made in the definitions."""
    definitions = json.dumps(rendered.definitions)
    assert right in definitions
    definition, listing = json.loads(definitions.replace(right, wrong) if right else definitions)
    return check(definition, listing, contract)


@pytest.fixture(scope="session")
def crawled(planned: Planned) -> dict[str, Any]:
    """The contract of a dataset whose columns the crawler finds."""
    contract = planned.contract
    return {**contract, "workflow": {**contract["workflow"], "crawler_name": "flights"}}


def it_names_only_members_that_the_services_have(rendered: Rendered, planned: Planned, crawled: dict[str, Any]) -> None:
    both = [checked(rendered, contract) for contract in (planned.contract, crawled)]
    assert [walk.problems for walk in both] == [{}, {}]
    assert both[0].tasks | both[1].tasks == {name for name, _ in tasks(*rendered.definitions)}


@pytest.mark.parametrize(
    ("right", "wrong", "state", "problem"),
    [
        ('"DatabaseName"', '"Database"', "Check raw table", 'Unknown parameter in input: "Database"'),
        ("'ContinuationToken'", "'Token'", "List a page", 'Unknown parameter in input: "Token"'),
        ("'StatusFilter'", "'Status'", "Look for other executions", 'Unknown parameter in input: "Status"'),
        ("'RUNNING'", "'ACTIVE'", "Look for other executions", "ListExecutions.statusFilter is 'ACTIVE'"),
        ("'MaxKeys': 100", "'MaxKeys': '100'", "List a page", "Invalid type for parameter MaxKeys"),
        ('"SkipArchive": true', '"SkipArchive": "yes"', "Update raw table", "Invalid type for parameter SkipArchive"),
        ('"Catalog"', '"Catalogue"', "Create Athena view", 'Unknown parameter in QueryExecutionContext: "Catalogue"'),
        (
            '\\"Retention\\",',
            '\\"Retention\\", \\"VersionId\\",',
            "Update raw table",
            "Unknown parameter in TableInput",
        ),
        ('\\"--force\\": \\"true\\"', '\\"--force\\": true', "Insert only new data", "Invalid type for parameter Arg"),
        ("Table.VersionId", "Table.Version", "Check Parquet table", "there is no result.Table.Version"),
        ("$column.Name", "$column.Label", "Read loaded table", "there is no result.Table.StorageDescriptor.Columns[]"),
        ("LastCrawl.Status", "LastCrawl.State", "Check crawler", "there is no result.Crawler.LastCrawl.State"),
        ("result.JobRunState", "result.JobState", "Insert only new data", "there is no result.JobState"),
        ("$object.Key", "$object.Name", "List a page", "there is no result.Contents[].Name"),
        ("IsTruncated", "Truncated", "List a page", "there is no result.Truncated"),
        ("[ExecutionArn =", "[Arn =", "Look for other executions", "there is no result.Executions[].Arn"),
        ("$parse($states.result.Output).digest", "$states.result.digest", "Check S3 for new data", "no result.digest"),
        ("errorOutput.Cause", "errorOutput.Reason", "Check view", "there is no errorOutput.Reason"),
        ("context.State.Name", "context.State.Id", "Check view", "there is no context.State.Id"),
    ],
)
def it_would_notice_a_member_that_no_service_has(
    complete: Rendered, planned: Planned, crawled: dict[str, Any], right: str, wrong: str, state: str, problem: str
) -> None:
    contract = crawled if "crawler" in state else planned.contract
    problems = checked(complete, contract, right, wrong).problems
    assert any(problem in found for found in problems.get(state, [])), problems


@pytest.mark.parametrize(
    ("part", "change", "problem"),
    [
        ("raw_table_input", {"Nmae": "x"}, 'Unknown parameter in TableInput: "Nmae"'),
        (
            "parquet_table_input",
            {"PartitionKeys": [{"Name": "m", "Typ": "int"}]},
            "Unknown parameter in TableInput.Par",
        ),
        ("quarantine_table_input", {"Parameters": {"a": 1}}, "Invalid type for parameter TableInput.Parameters.a"),
    ],
)
def it_would_notice_a_contract_that_glue_does_not_take(
    complete: Rendered, planned: Planned, part: str, change: dict[str, Any], problem: str
) -> None:
    workflow = planned.contract["workflow"]
    contract = {**planned.contract, "workflow": {**workflow, part: {**workflow[part], **change}}}
    problems = checked(complete, contract).problems
    name = {"raw": "raw", "parquet": "Parquet", "quarantine": "quarantine"}[part.partition("_")[0]]
    assert any(problem in found for found in problems[f"Create {name} table"])


def it_holds_the_upload_trigger_against_the_model(planned: Planned) -> None:
    uploads = json.loads(planned.triggers["aws_sfn_state_machine.upload[0]"]["definition"])
    ((_, task),) = tasks(uploads)
    assert argument_problems(dict.fromkeys(task["Arguments"], "text"), operation_of(task["Resource"])) == []
    assert argument_problems({"StateMachine": "text"}, operation_of(task["Resource"])) != []
