"""Whoever applies the module needs docs/deployer-policy.json and nothing else, and needs each of its actions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from local_aws import LocalAws, free_port
from local_aws.settings import REGION
from local_aws.terraform import ROOT, Terraform
from tests.e2e.operations import blocks

# A stack with everything is applied, changed and destroyed.
pytestmark = pytest.mark.long
POLICY = ROOT / "docs" / "deployer-policy.json"
ACCOUNT, NAME = "000000000000", "lake-by-deployer"
# Known from documents only: Terraform empties buckets:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html; lifecycle rules are left out below.
UNUSED = {
    "iam:UpdateAssumeRolePolicy",
    "s3:DeleteObjectVersion",
    "s3:ListBucketVersions",
    "s3:PutLifecycleConfiguration",
    "glue:UpdateCrawler",
}
DATASETS: dict[str, Any] = {
    "orders": {"partition_keys": [{"name": "month"}], "columns": [{"name": "order_id", "type": "int"}]},
    "products": {},
}


def policy(folder: Path) -> dict[str, Any]:
    """Return the policy as docs/operations.md has it filled in."""
    shutil.copy(POLICY, folder)
    (block,) = blocks("Rights of whoever deploys")["sh"]
    fill, _ = block.split("\n", 1)
    values = {"ACCOUNT": ACCOUNT, "REGION": REGION, "NAME": NAME}
    subprocess.run(["/bin/bash", "-euc", fill], cwd=folder, env={**os.environ, **values}, check=True, timeout=60)
    document: dict[str, Any] = json.loads((folder / "policy.json").read_text())
    return document


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(directory=tmp_path_factory.mktemp("aws"), port=free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def credentials_of_deployer(aws: LocalAws, document: dict[str, Any]) -> dict[str, str]:
    """Make a role that may do what the document says; return its credentials as the provider takes them."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="deployer", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]
    iam.put_role_policy(RoleName="deployer", PolicyName="deploy", PolicyDocument=json.dumps(document))
    found = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="pipeline")["Credentials"]
    return {
        "access_key": found["AccessKeyId"],
        "secret_key": found["SecretAccessKey"],
        "token": found["SessionToken"],
    }


def write(folder: Path, credentials: dict[str, str], **change: Any) -> Terraform:
    """Write a stack with all that the module creates by itself, and return Terraform for it."""
    provider = {**credentials, "region": REGION, "s3_use_path_style": True, "skip_metadata_api_check": True}
    lake = {
        "source": os.path.relpath(ROOT, folder.resolve()),
        "name": NAME,
        "force_destroy": True,
        # The provider waits a minute per bucket for lifecycle rules to settle.
        "lifecycle_rules": {"enabled": False},
        "buckets": {"raw": {"versioning": True}},
        "dead_letters": True,
        "monitoring": {"alarms": True, "no_success_hours": 24},
        "notifications": {"enabled": True, "emails": ["data-platform@example.com"]},
        "schedule": {"expression": "rate(1 day)"},
        "trigger_on_upload": {},
        "datasets": DATASETS,
        "tags": {"team": "data"},
        **change,
    }
    (folder / "main.tf.json").write_text(
        json.dumps({"provider": {"aws": provider}, "module": {"lake": lake}}, indent=1)
    )
    return Terraform(folder, folder / "work", None)


def it_applies_plans_and_destroys_with_the_deployers_rights(
    aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    document = policy(tmp_path)
    credentials = credentials_of_deployer(aws, document)
    terraform = write(tmp_path, credentials)
    terraform.apply()
    assert terraform.plan_is_clean(), terraform.output_of("plan")
    # Whatever can be changed in place is; a tag goes and another comes.
    terraform = write(
        tmp_path,
        credentials,
        tags={"owner": "lake"},
        datasets={"orders": {**DATASETS["orders"], "max_bad_rows": 5}, "products": {"csv": {"delimiter": ";"}}},
        schedule={"expression": "rate(2 days)"},
        glue={"number_of_workers": 4},
        athena={"bytes_scanned_cutoff_mb": 200},
        workflow={"log_retention_days": 30, "timeouts": {"crawler_poll_seconds": 20}},
    )
    terraform.apply()
    assert terraform.plan_is_clean(), terraform.output_of("plan")
    terraform.destroy()
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]] == ["deployer"]

    calls = [call for call in aws.iam_calls() if call["role"].endswith("/deployer")]
    assert [call for call in calls if not call["allowed"]] == []
    called = {call["action"] for call in calls}
    allowed = {action for statement in document["Statement"] for action in statement["Action"]}
    unused = {action for action in allowed if not any(fnmatchcase(each, action) for each in called)}
    assert unused == UNUSED
