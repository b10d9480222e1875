"""No plan loses data by accident: an upgrade, a module that has to wait, a destroy, a bucket that changes hands.

One instance, made by the first release with a value for every one of its variables, lives through all of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws import LocalAws, free_port
from local_aws.settings import REGION
from local_aws.terraform import ROOT, Terraform, TerraformError
from tests.e2e.conftest import TABLES, Pipeline

RELEASE = ROOT / "tests" / "fixtures" / "v0.1.0"
# Six applies of two releases; what a plan can show of it stands in tests/variants.tftest.hcl.
pytestmark = pytest.mark.long
KEY_USERS = {
    "logs.us-east-1.amazonaws.com": [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
    ],
    "events.amazonaws.com": ["kms:Decrypt", "kms:GenerateDataKey*"],
    "cloudwatch.amazonaws.com": ["kms:Decrypt", "kms:GenerateDataKey*"],
}
OUTPUTS = ("state_machine_arn", "raw_bucket", "lake_bucket", "artifacts_bucket", "database_name", "athena_workgroup")
# Files of the job come and go with a release; nothing else may.
SCRIPT = re.compile(r"^module\.lake\.module\.job\[0\]\.aws_s3_object\.script\[")


@dataclass
class Instance:
    """The module's instance, and the folder of the configuration that calls it."""

    pipeline: Pipeline
    folder: Path
    deployer: dict[str, str]
    variables: dict[str, Any]

    @property
    def terraform(self) -> Terraform:
        return self.pipeline.aws.terraform(self.folder)

    def write(self, source: Path, change: dict[str, Any] | None = None, waits_for: str = "") -> None:
        """Write the configuration: the module of a folder, other variables, something that it waits for."""
        lake: dict[str, Any] = {
            "source": os.path.relpath(source, self.folder.resolve()),
            **self.variables,
            **(change or {}),
        }
        if waits_for:
            lake["depends_on"] = ["terraform_data.elsewhere"]
        # The account's root user may do anything, so somebody else deploys.
        provider = {**self.deployer, "region": REGION, "s3_use_path_style": True, "skip_metadata_api_check": True}
        configuration = {
            "provider": {"aws": provider},
            **({"resource": {"terraform_data": {"elsewhere": {"input": waits_for}}}} if waits_for else {}),
            "module": {"lake": lake},
            "output": {name: {"value": f"${{module.lake.{name}}}"} for name in OUTPUTS},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(configuration))

    @contextmanager
    def without_trigger(self) -> Iterator[None]:
        """Keep uploads from starting executions of their own, for which the tests would have to wait."""
        events, rule = self.pipeline.aws.client("events"), f"{self.variables['name']}-uploads"
        events.disable_rule(Name=rule)
        yield
        events.enable_rule(Name=rule)

    def closed(self) -> dict[str, Any]:
        """Return what closes each bucket."""
        s3 = self.pipeline.aws.client("s3")
        return {
            bucket: {
                "access": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
                "owner": s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"],
                "key": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
                "policy": json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
                "versions": s3.get_bucket_versioning(Bucket=bucket).get("Status"),
            }
            for bucket in self.buckets
        }

    @property
    def buckets(self) -> list[str]:
        return [self.pipeline.outputs[f"{role}_bucket"] for role in ("raw", "lake", "artifacts")]

    def contents(self) -> dict[str, list[str]]:
        """Return the keys of all objects that Terraform has not put there, by bucket."""
        s3 = self.pipeline.aws.client("s3")
        return {
            bucket: [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
            for bucket in self.buckets[:2]
        }


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance of release 0.1.0 with the first files loaded."""
    folder, first = tmp_path_factory.mktemp("kept"), tmp_path_factory.mktemp("release")
    with tarfile.open(RELEASE / "module.tar.xz") as archive:
        archive.extractall(first, filter="data")
    variables = json.loads((RELEASE / "lake.tfvars.json").read_text())
    declared = "".join(file.read_text() for file in first.glob("variables*.tf"))
    assert set(variables) == set(re.findall(r'^variable "(\w+)"', declared, re.MULTILINE))
    aws = LocalAws(directory=tmp_path_factory.mktemp("safety"), port=free_port())
    aws.start()
    try:
        for name in ("kms_key_arn", "kms_keys"):
            variables[name] = {"read": [create_key(aws)]} if name == "kms_keys" else create_key(aws)
        instance = Instance(Pipeline(aws, {}), folder, create_deployer(aws), variables)
        instance.write(first)
        instance.pipeline.outputs = aws.apply(folder)
        with instance.without_trigger():
            instance.pipeline.load()
        yield instance
    finally:
        aws.stop()


def create_key(aws: LocalAws) -> str:
    """Create a KMS key with the policy that docs/security.md asks for."""
    users: list[tuple[dict[str, str], list[str]]] = [({"AWS": "arn:aws:iam::000000000000:root"}, ["kms:*"])]
    users += [({"Service": service}, actions) for service, actions in KEY_USERS.items()]
    statements = [{"Effect": "Allow", "Principal": who, "Action": what, "Resource": "*"} for who, what in users]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return str(aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def create_deployer(aws: LocalAws) -> dict[str, str]:
    """Create a user who may do everything, and return the credentials as the provider takes them."""
    iam = aws.client("iam")
    iam.create_user(UserName="deployer")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="deployer", PolicyName="all", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def lost(changes: dict[str, set[str]]) -> list[str]:
    """Return what a plan destroys or replaces, but for files of the job."""
    return [address for address, actions in changes.items() if "delete" in actions and not SCRIPT.match(address)]


def it_upgrades_from_the_first_release_without_replacing_or_converting_anything(kept: Instance) -> None:
    before = {name: kept.pipeline.table(name) for name in TABLES}
    stored = kept.contents()
    kept.write(ROOT)
    changes = kept.terraform.plan()
    assert lost(changes) == []
    kept.pipeline.outputs = kept.terraform.apply_planned()
    assert kept.pipeline.succeed().glue_runs == 0
    assert {name: kept.pipeline.table(name) for name in TABLES} == before
    kept.pipeline.check_tables()
    assert {bucket: set(keys) - set(kept.contents()[bucket]) for bucket, keys in stored.items()} == {
        bucket: set() for bucket in stored
    }


def it_replaces_nothing_while_the_module_waits_for_something_else(kept: Instance) -> None:
    kept.write(ROOT, waits_for="a change to come")
    changes = kept.terraform.plan()
    assert changes["terraform_data.elsewhere"] == {"create"}
    assert [address for address, actions in changes.items() if "delete" in actions] == []
    # Only what has the account in it waits: policies and what calls by ARN.
    assert len(changes) > 1


def it_hands_a_created_bucket_over_to_its_owner_without_touching_it(kept: Instance) -> None:
    state = kept.terraform.state_file
    saved = shutil.copy(state, state.with_suffix(".saved"))
    raw, lake, _ = kept.buckets
    brought = {"raw": {"create": False, "name": raw}, "lake": {"create": False, "name": lake}}
    kept.write(ROOT, {"buckets": {**brought, "artifacts": {"prefix": "lakes/kept"}}})
    try:
        kept.terraform.forget(
            'module.lake.module.bucket["raw"]',
            'module.lake.module.bucket["lake"]',
            'module.lake.module.triggers[0].aws_s3_bucket_notification.this["raw"]',
        )
        assert kept.terraform.plan() == {}
    finally:
        shutil.copy(saved, state)


def it_reads_what_is_under_old_keys_when_the_key_changes_and_goes(kept: Instance) -> None:
    pipeline, s3 = kept.pipeline, kept.pipeline.aws.client("s3")
    first, second = kept.variables["kms_key_arn"], create_key(pipeline.aws)
    without = {**kept.variables["glue"], "create_security_configuration": False}
    steps: list[tuple[dict[str, Any], str | None]] = [
        ({"kms_key_arn": second, "kms_keys": {"read": [first]}}, second),
        ({"kms_key_arn": None, "kms_keys": {"read": [first, second]}, "glue": without}, None),
    ]
    for month, (change, key) in enumerate(steps, 3):
        kept.write(ROOT, change)
        # A security configuration is replaced: Glue knows no change of one.
        assert [address for address in lost(kept.terraform.plan()) if "security_configuration" not in address] == []
        kept.terraform.apply_planned()
        name = f"orders/month=2024-{month:02}/a.csv"
        with kept.without_trigger():
            pipeline.upload(name, f"order_id,region_id,amount\n{month}0,1,70\n")
            assert s3.head_object(Bucket=kept.buckets[0], Key=name).get("SSEKMSKeyId") == key
            pipeline.succeed("orders", force=True)
        pipeline.check_tables()


def it_leaves_the_buckets_as_closed_as_they_were_when_destroy_is_refused(kept: Instance) -> None:
    kept.write(ROOT)
    closed, stored = kept.closed(), kept.contents()
    assert all(bucket["access"]["BlockPublicPolicy"] for bucket in closed.values())
    with pytest.raises(TerraformError, match=r"s3:DeleteBucketPolicy.*explicit deny in a resource-based policy"):
        kept.terraform.destroy()
    assert kept.closed() == closed
    assert kept.contents() == stored
