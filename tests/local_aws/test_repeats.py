"""Lost answers: what a person's SDK asks a second time is not done twice; a role's calls are left to the pipeline."""

from __future__ import annotations

import uuid
from typing import Any

import botocore.exceptions
import pytest
from botocore.httpsession import URLLib3Session

from local_aws import LocalAws

from .conftest import RoleMaker, allow, client_of


def lose_first_answer(client: Any) -> list[str]:
    """Make a client's first request arrive and its answer not; return the ids of the calls as they are made."""
    calls: list[str] = []

    def send(request: Any, **_: Any) -> None:
        calls.append(request.headers["amz-sdk-invocation-id"])
        if len(calls) == 1:
            assert URLLib3Session().send(request).status_code == 200
            raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url)

    client.meta.events.register("before-send", send)
    return calls


def it_answers_a_repeated_creation_as_the_first_time(aws: LocalAws) -> None:
    group, logs = f"/g/{uuid.uuid4().hex}", aws.client("logs")
    calls = lose_first_answer(logs)
    logs.create_log_group(logGroupName=group)
    assert len(calls) == 2
    assert calls[0] == calls[1]
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        aws.client("logs").create_log_group(logGroupName=group)


def it_leaves_lost_answers_of_s3_to_the_caller(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    lose_first_answer(s3)
    with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")


def it_leaves_lost_answers_to_a_role_to_the_pipeline(aws: LocalAws, database: str, role: RoleMaker) -> None:
    glue = client_of(aws, role("glue.amazonaws.com", allow("*")), "glue")
    lose_first_answer(glue)
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_table(DatabaseName=database, TableInput={"Name": "t"})
