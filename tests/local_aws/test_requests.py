"""Requests: sizes that AWS's models allow, and errors that a test asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws
from local_aws.extensions.requests import json_call

from .conftest import Machines, RoleMaker, allow, client_of

SYNC = {"Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": "j"}}


@pytest.mark.parametrize(
    ("service", "method", "arguments", "message"),
    [
        (
            "glue",
            "create_table",
            {
                "DatabaseName": "d",
                "TableInput": {
                    "Name": "t",
                    "StorageDescriptor": {"Columns": [{"Name": "a"}, {"Name": "b", "Comment": "x" * 256}]},
                },
            },
            "ValidationException.*'tableInput.storageDescriptor.columns.2.member.comment'.*less than or equal to 255",
        ),
        (
            "glue",
            "create_table",
            {"DatabaseName": "d", "TableInput": {"Name": "t", "Parameters": {"k" * 256: "v"}}},
            "ValidationException.*Member must have length less than or equal to 255",
        ),
        (
            "glue",
            "get_partitions",
            {"DatabaseName": "d", "TableName": "t", "MaxResults": 1001},
            "ValidationException.*'maxResults'.*value less than or equal to 1000",
        ),
        ("glue", "get_tables", {"DatabaseName": "d", "MaxResults": 101}, "ValidationException.*'maxResults'"),
        (
            "glue",
            "start_job_run",
            {"JobName": "j", "Timeout": 10_081},
            "ValidationException.*'timeout'.*less than or equal to 10080",
        ),
        (
            "athena",
            "start_query_execution",
            {"QueryString": "x" * 262_145},
            "InvalidRequestException.*'queryString'.*less than or equal to 262144",
        ),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:m", "input": "x" * 262_145},
            "ValidationException.*'input'.*less than or equal to 262144",
        ),
        (
            "logs",
            "create_log_group",
            {"logGroupName": "x" * 513},
            "InvalidParameterException.*'logGroupName'.*less than or equal to 512",
        ),
    ],
)
def it_refuses_what_is_larger_than_the_model_allows(
    aws: LocalAws, service: str, method: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match=message):
        getattr(aws.client(service), method)(**arguments)


def it_takes_what_is_as_large_as_the_model_allows(aws: LocalAws, database: str) -> None:
    columns = [{"Name": "a" * 255, "Type": "string", "Comment": "x" * 255}]
    table = {"Name": "t", "StorageDescriptor": {"Columns": columns}, "Parameters": {"k" * 255: "v" * 500_000}}
    glue = aws.client("glue")
    glue.create_table(DatabaseName=database, TableInput=table)
    assert glue.get_table(DatabaseName=database, Name="t")["Table"]["StorageDescriptor"]["Columns"] == columns


def it_knows_a_call_by_its_target() -> None:
    call = json_call({"x-amz-target": "AWSGlue.GetTable"}, b'{"Name": "t"}')
    assert call is not None
    assert (call.service, call.operation, call.arguments) == ("glue", "GetTable", {"Name": "t"})
    for headers, body in (
        ({"x-amz-target": "AWSGlue.Nothing"}, b"{}"),
        ({"x-amz-target": "DynamoDB_20120810.GetItem"}, b"{}"),
        ({"x-amz-target": "AWSGlue.GetTable"}, b"{"),
        ({}, b"{}"),
    ):
        assert json_call(headers, body) is None


@pytest.fixture
def faulty(aws: LocalAws) -> Iterator[LocalAws]:
    yield aws
    aws.fail_calls({})


def it_fails_the_next_calls_as_asked_and_no_others(faulty: LocalAws, database: str) -> None:
    faulty.fail_calls({"glue:GetDatabase": ["OperationTimeoutException", "ResourceNotReadyException"]})
    glue = faulty.client("glue")
    for name in ("OperationTimeoutException", "ResourceNotReadyException"):
        assert glue.get_tables(DatabaseName=database)["TableList"] == []
        with pytest.raises(botocore.exceptions.ClientError, match=name):
            glue.get_database(Name=database)
    assert glue.get_database(Name=database)["Database"]["Name"] == database


def it_throttles_a_caller_who_then_tries_again(faulty: LocalAws, database: str, role: RoleMaker) -> None:
    faulty.fail_calls({"glue:GetDatabase": ["ThrottlingException"]})
    glue = client_of(faulty, role("glue.amazonaws.com", allow("glue:*")), "glue")
    answer = glue.get_database(Name=database)["ResponseMetadata"]
    assert (answer["HTTPStatusCode"], answer["RetryAttempts"]) == (200, 1)


def it_names_the_throttling_of_a_state_as_documented(faulty: LocalAws, machines: Machines) -> None:
    faulty.fail_calls({"glue:StartJobRun": ["ThrottlingException"]})
    assert machines.run_states({"Type": "Task", **SYNC}).error == "Glue.ThrottlingException"
