"""What the local AWS does for a role, it does with that role's rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws import LocalAws, free_port
from scripts.flights_data import package_data

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAws, dict[str, Any]]]:
    aws = LocalAws(directory=tmp_path_factory.mktemp("aws"), port=free_port())
    aws.start()
    try:
        outputs = aws.apply(ROOT / "examples" / "local")
        airlines = package_data() / "airlines.csv"
        aws.put(airlines, f"s3://{outputs['raw_bucket']}/airlines/airlines.csv")
        yield aws, outputs
    finally:
        aws.stop()


def without_action(document: dict[str, Any], action: str) -> dict[str, Any]:
    statements = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        kept = [name for name in actions if name != action]
        if kept:
            statements.append({**statement, "Action": kept})
    return {**document, "Statement": statements}


def it_fails_naming_the_call_when_the_job_role_may_not_read(applied: tuple[LocalAws, dict[str, Any]]) -> None:
    aws, outputs = applied
    iam = aws.client("iam")
    role = outputs["job_role_arn"].rsplit("/", 1)[-1]
    originals = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    for name, document in originals.items():
        reduced = without_action(document, "s3:GetObject")
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(reduced))
    denied = aws.run({"datasets": ["airlines"]})
    assert denied.status == "FAILED"
    assert "airlines" in denied.cause
    assert "AccessDenied" in denied.cause
    assert "s3:GetObject" in denied.cause

    for name, document in originals.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    allowed = aws.run({"datasets": ["airlines"]})
    assert allowed.status == "SUCCEEDED", allowed.cause
    rows = (package_data() / "airlines.csv").read_text().strip().count("\n")
    assert aws.sql("SELECT count(*) AS airlines FROM airlines") == [{"airlines": str(rows)}]
