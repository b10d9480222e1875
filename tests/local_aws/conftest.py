"""One local AWS for all tests of its parts, and small things to put into it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_aws import ExecutionResult, LocalAws, free_port
from tests.waiting import wait_for

RoleMaker = Callable[..., str]


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    local = LocalAws(tmp_path_factory.mktemp("local_aws"), free_port())
    with pytest.MonkeyPatch.context() as patch:
        # A minute of a Glue job's timeout takes three seconds.
        patch.setenv("LOCAL_AWS_TIMEOUT_SCALE", "0.05")
        local.start()
    try:
        yield local
    finally:
        local.stop()


@pytest.fixture
def bucket(aws: LocalAws) -> str:
    name = f"b-{uuid.uuid4().hex[:12]}"
    aws.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def database(aws: LocalAws) -> str:
    name = f"db_{uuid.uuid4().hex[:12]}"
    aws.client("glue").create_database(DatabaseInput={"Name": name})
    return name


def allow(actions: list[str] | str, resource: list[str] | str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


@pytest.fixture
def role(aws: LocalAws) -> RoleMaker:
    """Make a role that a service may assume, allowed what the statements say."""

    def make(service: str, *statements: dict[str, Any], condition: dict[str, Any] | None = None) -> str:
        iam = aws.client("iam")
        name = f"r-{uuid.uuid4().hex[:12]}"
        trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        if condition:
            trust["Condition"] = condition
        created = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        return str(created["Role"]["Arn"])

    return make


def client_of(aws: LocalAws, role_arn: str, service: str) -> Any:
    """Return a client with a role's rights; the role is made to trust its own account for it."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws.client("iam").update_assume_role_policy(RoleName=role_arn.rpartition("/")[2], PolicyDocument=document)
    return assuming_client(aws, role_arn, service)


def assuming_client(aws: LocalAws, role_arn: str, service: str) -> Any:
    """Return a client with the rights of a role that lets its own account assume it."""
    keys = aws.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
    # The stubs overload this for each service by its literal name, which is not known here.
    create: Callable[..., Any] = boto3.client
    return create(
        service,
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(s3={"addressing_style": "path"}),
    )


def ended_query(athena: Any, query_id: str) -> dict[str, Any]:
    """Wait for the end of a query and return its execution."""

    def execution() -> dict[str, Any]:
        found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        return found

    wait_for(lambda: execution()["Status"]["State"] not in ("QUEUED", "RUNNING"))
    return execution()


@dataclass
class Machines:
    """Creates and runs state machines."""

    aws: LocalAws
    role: RoleMaker

    def create(self, definition: dict[str, Any], role_arn: str | None = None) -> str:
        created = self.aws.client("stepfunctions").create_state_machine(
            name=f"m-{uuid.uuid4().hex[:12]}",
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn=role_arn or self.role("states.amazonaws.com", allow("*")),
        )
        return str(created["stateMachineArn"])

    def start(self, arn: str, given: Any = None) -> str:
        client = self.aws.client("stepfunctions")
        return str(client.start_execution(stateMachineArn=arn, input=json.dumps(given or {}))["executionArn"])

    def run(self, definition: dict[str, Any], given: Any = None, role_arn: str | None = None) -> ExecutionResult:
        return self.aws.follow(self.start(self.create(definition, role_arn), given), timeout=60)

    def run_states(self, *states: dict[str, Any], given: Any = None, role_arn: str | None = None) -> ExecutionResult:
        """Run states S0, S1, … one after the other."""
        named = {f"S{index}": dict(state) for index, state in enumerate(states)}
        for index in range(len(states)):
            if index + 1 < len(states):
                named[f"S{index}"].setdefault("Next", f"S{index + 1}")
            elif named[f"S{index}"]["Type"] not in ("Succeed", "Fail", "Choice"):
                named[f"S{index}"]["End"] = True
        return self.run({"StartAt": "S0", "States": named}, given, role_arn)


@pytest.fixture
def machines(aws: LocalAws, role: RoleMaker) -> Machines:
    return Machines(aws, role)
