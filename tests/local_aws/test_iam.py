"""IAM: on which resources calls are checked, and the log of what roles called."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws
from local_aws.extensions.iam import cbor_text_after, glue_resources, logs_resources, metric_namespace

from .conftest import Machines, RoleMaker, allow, assuming_client, client_of

BASE = "arn:aws:glue:us-east-1:000000000000:"


@pytest.mark.parametrize(
    ("action", "data", "resources"),
    [
        ("GetTable", {"DatabaseName": "d", "Name": "t"}, ["table/d/t", "database/d", "catalog"]),
        ("CreateTable", {"DatabaseName": "d", "TableInput": {"Name": "t"}}, ["table/d/t", "database/d", "catalog"]),
        ("BatchGetPartition", {"DatabaseName": "d", "TableName": "t"}, ["table/d/t", "database/d", "catalog"]),
        ("GetDatabase", {"Name": "d"}, ["database/d", "catalog"]),
        ("StartCrawler", {"Name": "c"}, ["crawler/c"]),
        ("StartJobRun", {"JobName": "j"}, ["job/j"]),
        (
            "BatchDeleteTable",
            {"DatabaseName": "d", "TablesToDelete": ["t", "u"]},
            ["table/d/t", "table/d/u", "database/d", "catalog"],
        ),
    ],
)
def it_checks_glue_calls_on_every_resource(action: str, data: dict[str, Any], resources: list[str]) -> None:
    assert glue_resources(action, data, BASE) == [BASE + resource for resource in resources]


def it_checks_calls_without_a_resource_on_all() -> None:
    assert glue_resources("GetClassifier", {"Name": "c"}, BASE) == ["*"]
    assert glue_resources("ListCrawlers", {}, BASE) == ["*"]


def it_checks_log_calls_on_the_stream() -> None:
    data = {"logGroupName": "/aws-glue/jobs", "logStreamName": "s"}
    assert logs_resources("PutLogEvents", data, "b:") == ["b:log-group:/aws-glue/jobs:log-stream:s"]
    assert logs_resources("DescribeLogGroups", {}, "b:") == []


def it_finds_the_namespace_of_metrics_in_each_encoding() -> None:
    assert metric_namespace(b"", {"Namespace": ["A/B"]}) == "A/B"
    assert metric_namespace(b'{"Namespace": "A/B", "MetricData": []}', {}) == "A/B"
    cbor = b"\xa2\x69Namespace\x63A/B\x6aMetricData\x80"
    assert metric_namespace(cbor, {}) == "A/B"
    long = b"x" * 30
    assert cbor_text_after(b"\xa1\x69Namespace\x78\x1e" + long, "Namespace") == "x" * 30
    assert metric_namespace(b"{}", {}) is None


@pytest.mark.parametrize("missing", ["catalog", "database/DB", "table/DB/t"])
def it_needs_catalog_database_and_table(database: str, machines: Machines, role: RoleMaker, missing: str) -> None:
    resources = [f"{BASE}{name}".replace("DB", database) for name in ("catalog", "database/DB", "table/DB/t")]
    arn = role(
        "states.amazonaws.com",
        *(allow("glue:GetTable", item) for item in resources if not item.endswith(missing.replace("DB", database))),
    )
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:getTable",
        "Arguments": {"DatabaseName": database, "Name": "t"},
    }
    assert machines.run_states(state, role_arn=arn).error == "Glue.AccessDeniedException"
    full = role("states.amazonaws.com", *(allow("glue:GetTable", item) for item in resources))
    assert machines.run_states(state, role_arn=full).error == "Glue.EntityNotFoundException"


def it_writes_down_what_roles_call(aws: LocalAws, bucket: str, machines: Machines, role: RoleMaker) -> None:
    arn = role("states.amazonaws.com", allow("s3:ListBucket"))
    for action, arguments in (("listObjectsV2", {"Bucket": bucket}), ("getObject", {"Bucket": bucket, "Key": "k"})):
        machines.run_states(
            {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:s3:{action}", "Arguments": arguments}, role_arn=arn
        )
    calls = [(call["action"], call["resource"], call["allowed"]) for call in aws.iam_calls() if call["role"] == arn]
    assert calls == [
        ("s3:ListBucket", f"arn:aws:s3:::{bucket}", True),
        ("s3:GetObject", f"arn:aws:s3:::{bucket}/k", False),
    ]


def it_lets_tls_only_bucket_policies_pass(aws: LocalAws, bucket: str, machines: Machines, role: RoleMaker) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document)
    arn = role("states.amazonaws.com", allow("s3:ListBucket"))
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
        "Arguments": {"Bucket": bucket},
    }
    assert machines.run_states(state, role_arn=arn).status == "SUCCEEDED"


def it_checks_the_key_of_encrypted_objects(aws: LocalAws, bucket: str, machines: Machines, role: RoleMaker) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    aws.client("s3").put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]},
    )
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Arguments": {"Bucket": bucket, "Key": "k", "Body": "x"},
    }
    get = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": {"Bucket": bucket, "Key": "k"},
    }
    objects = allow(["s3:PutObject", "s3:GetObject"])
    nothing, write_only = role("states.amazonaws.com", objects), allow("kms:GenerateDataKey", key)
    denied = machines.run_states(put, role_arn=nothing)
    assert f"kms:GenerateDataKey on resource: {key}" in denied.cause
    denied = machines.run_states(put, get, role_arn=role("states.amazonaws.com", objects, write_only))
    assert f"kms:Decrypt on resource: {key}" in denied.cause
    full = role("states.amazonaws.com", objects, write_only, allow("kms:Decrypt", key))
    assert machines.run_states(put, get, role_arn=full).status == "SUCCEEDED"


def it_lets_wildcards_match_line_ends(aws: LocalAws, bucket: str, machines: Machines, role: RoleMaker) -> None:
    key = "folder/two\nlines\n.csv\n"
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
        "Arguments": {"Bucket": bucket, "Key": key},
    }
    arn = f"arn:aws:s3:::{bucket}/"
    for allowed in (f"{arn}folder/*", f"{arn}folder/two?lines?.csv?", f"{arn}{key}"):
        assert machines.run_states(state, role_arn=role("states.amazonaws.com", allow("s3:*", allowed))).error == ""
    for other in (f"{arn}folder/two*.csv", f"{arn}folder/two", f"{arn}folder/two?lines?.csv"):
        result = machines.run_states(state, role_arn=role("states.amazonaws.com", allow("s3:*", other)))
        assert result.status == "FAILED", other


@dataclass
class Encrypted:
    """A bucket with an object under a key of its own."""

    aws: LocalAws
    bucket: str
    key: str

    def use(self, key: str) -> None:
        by_default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        rules = {"Rules": [by_default]}
        self.aws.client("s3").put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration=rules)


@pytest.fixture
def encrypted(aws: LocalAws, bucket: str) -> Encrypted:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    found = Encrypted(aws, bucket, key)
    found.use(key)
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    return found


def it_asks_for_the_key_that_an_object_was_written_under(encrypted: Encrypted, role: RoleMaker) -> None:
    aws, place = encrypted.aws, {"Bucket": encrypted.bucket, "Key": "k"}
    later = aws.client("kms").create_key()["KeyMetadata"]
    # Named by its id, as a bucket may do.
    encrypted.use(later["KeyId"])
    both = ["kms:Decrypt", "kms:GenerateDataKey"]
    new_only = client_of(aws, role("glue.amazonaws.com", allow("s3:*"), allow(both, later["Arn"])), "s3")
    with pytest.raises(botocore.exceptions.ClientError, match=f"kms:Decrypt on resource: {encrypted.key}"):
        new_only.get_object(**place)
    with pytest.raises(botocore.exceptions.ClientError, match=f"kms:Decrypt on resource: {encrypted.key}"):
        new_only.copy_object(Bucket=encrypted.bucket, Key="copy", CopySource=place)
    new_only.put_object(**place, Body=b"y")
    assert new_only.get_object(**place)["Body"].read() == b"y"


def it_needs_no_key_to_look_at_an_object_and_one_for_its_checksum(encrypted: Encrypted, role: RoleMaker) -> None:
    place = {"Bucket": encrypted.bucket, "Key": "k"}
    s3 = client_of(encrypted.aws, role("glue.amazonaws.com", allow("s3:*")), "s3")
    assert s3.head_object(**place)["ContentLength"] == 1
    assert s3.get_object_attributes(**place, ObjectAttributes=["ETag"])["ETag"]
    with pytest.raises(botocore.exceptions.ClientError, match="403"):
        s3.head_object(**place, ChecksumMode="ENABLED")
    with pytest.raises(botocore.exceptions.ClientError, match="kms:Decrypt"):
        s3.get_object_attributes(**place, ObjectAttributes=["ETag", "Checksum"])


def it_needs_to_decrypt_what_it_uploads_in_parts(encrypted: Encrypted, role: RoleMaker) -> None:
    place = {"Bucket": encrypted.bucket, "Key": "parts"}
    write_only = allow("kms:GenerateDataKey", encrypted.key)
    s3 = client_of(encrypted.aws, role("glue.amazonaws.com", allow("s3:*"), write_only), "s3")
    s3.put_object(**place, Body=b"x")
    with pytest.raises(botocore.exceptions.ClientError, match="kms:Decrypt"):
        s3.create_multipart_upload(**place)


def it_asks_for_the_key_of_a_version(encrypted: Encrypted, role: RoleMaker) -> None:
    aws, place = encrypted.aws, {"Bucket": encrypted.bucket, "Key": "v"}
    root = aws.client("s3")
    root.put_bucket_versioning(Bucket=encrypted.bucket, VersioningConfiguration={"Status": "Enabled"})
    first = root.put_object(**place, Body=b"1")["VersionId"]
    encrypted.use(aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    root.put_object(**place, Body=b"2")
    s3 = client_of(aws, role("glue.amazonaws.com", allow("s3:*"), allow("kms:Decrypt", encrypted.key)), "s3")
    assert s3.get_object(**place, VersionId=first)["Body"].read() == b"1"
    with pytest.raises(botocore.exceptions.ClientError, match="kms:Decrypt"):
        s3.get_object(**place)


def it_lets_the_policy_of_a_key_decide(aws: LocalAws, bucket: str, role: RoleMaker) -> None:
    arn = role("glue.amazonaws.com", allow(["s3:*", "kms:*"]))
    named = {"Effect": "Allow", "Principal": {"AWS": role("glue.amazonaws.com")}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [named]})
    key = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    with pytest.raises(botocore.exceptions.ClientError, match="kms:Decrypt"):
        client_of(aws, arn, "s3").get_object(Bucket=bucket, Key="k")


def it_reads_nothing_under_a_key_that_is_switched_off_or_gone(encrypted: Encrypted) -> None:
    s3, kms = encrypted.aws.client("s3"), encrypted.aws.client("kms")
    place = {"Bucket": encrypted.bucket, "Key": "k"}
    kms.disable_key(KeyId=encrypted.key)
    with pytest.raises(botocore.exceptions.ClientError, match=r"KMS\.DisabledException.*is disabled"):
        s3.get_object(**place)
    kms.schedule_key_deletion(KeyId=encrypted.key, PendingWindowInDays=7)
    with pytest.raises(botocore.exceptions.ClientError, match=r"KMS\.KMSInvalidStateException"):
        s3.put_object(**place, Body=b"y")
    encrypted.use("arn:aws:kms:us-east-1:000000000000:key/none")
    with pytest.raises(botocore.exceptions.ClientError, match=r"KMS\.NotFoundException.*Invalid keyId"):
        s3.put_object(**place, Body=b"y")


def it_publishes_to_an_encrypted_topic_with_rights_on_its_key_only(aws: LocalAws, role: RoleMaker) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    attributes = {"KmsMasterKeyId": key}
    topic = aws.client("sns").create_topic(Name=f"t-{uuid.uuid4().hex[:8]}", Attributes=attributes)["TopicArn"]
    publish = allow("sns:Publish", topic)
    for missing, rights in (("kms:Decrypt", ["kms:GenerateDataKey*"]), ("kms:GenerateDataKey", ["kms:Decrypt"])):
        sns = client_of(aws, role("glue.amazonaws.com", publish, allow(rights, key)), "sns")
        with pytest.raises(sns.exceptions.KMSAccessDeniedException, match=f"{missing} on resource: {key}"):
            sns.publish(TopicArn=topic, Message="m")
    full = role("glue.amazonaws.com", publish, allow(["kms:GenerateDataKey*", "kms:Decrypt"], key))
    assert client_of(aws, full, "sns").publish(TopicArn=topic, Message="m")["MessageId"]


@dataclass(frozen=True)
class Pathed:
    """A role below a path, which service principals and its own account may assume."""

    arn: str
    name: str


@pytest.fixture
def pathed(aws: LocalAws) -> Pathed:
    services = ["glue.amazonaws.com", "states.amazonaws.com"]
    principals: list[dict[str, Any]] = [{"Service": services}, {"AWS": "arn:aws:iam::000000000000:root"}]
    trust = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} for principal in principals]
    name, iam = f"r-{uuid.uuid4().hex[:12]}", aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    created = iam.create_role(RoleName=name, Path="/lake/", AssumeRolePolicyDocument=document)
    everything = json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=everything)
    assert created["Role"]["Arn"] == f"arn:aws:iam::000000000000:role/lake/{name}"
    return Pathed(created["Role"]["Arn"], name)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
@pytest.mark.parametrize("place", ["", "other/", "lake/deep/"])
def it_knows_a_role_by_its_whole_arn_only(aws: LocalAws, pathed: Pathed, machines: Machines, place: str) -> None:
    wrong = f"arn:aws:iam::000000000000:role/{place}{pathed.name}"
    definition = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    with pytest.raises(botocore.exceptions.ClientError, match="cannot be found"):
        machines.create(definition, wrong)
    with pytest.raises(botocore.exceptions.ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        aws.client("sts").assume_role(RoleArn=wrong, RoleSessionName="test")
    assert aws.follow(machines.start(machines.create(definition, pathed.arn)), timeout=20).status == "SUCCEEDED"
    aws.client("sts").assume_role(RoleArn=pathed.arn, RoleSessionName="test")


def hand_over(aws: LocalAws, deployer: str, given: str, name: str) -> list[Callable[[], Any]]:
    """Return the calls by which whoever deploys hands a role over to a service."""
    glue, states, events, scheduler = (
        assuming_client(aws, deployer, service) for service in ("glue", "stepfunctions", "events", "scheduler")
    )
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    events.put_rule(Name=name, EventPattern='{"source": ["x"]}')
    script = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    return [
        lambda: glue.create_job(Name=name, Role=given, Command=script),
        lambda: glue.update_job(JobName=name, JobUpdate={"Role": given, "Command": script}),
        lambda: glue.create_crawler(Name=name, Role=given, Targets={"S3Targets": [{"Path": "s3://b/"}]}),
        lambda: glue.update_crawler(Name=name, Role=given),
        lambda: states.create_state_machine(name=name, definition=definition, roleArn=given),
        lambda: events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": machine, "RoleArn": given}]),
        lambda: scheduler.create_schedule(
            Name=name,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            State="DISABLED",
            Target={"Arn": machine, "RoleArn": given},
        ),
    ]


# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
def it_lets_nobody_hand_over_a_role_without_the_right_to(aws: LocalAws, role: RoleMaker) -> None:
    acting = allow(["glue:*", "states:*", "events:*", "scheduler:*"])
    services = ["glue.amazonaws.com", "states.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com"]
    given = role("states.amazonaws.com")

    def deployer(*statements: dict[str, Any]) -> str:
        arn = role("states.amazonaws.com", acting, *statements)
        client_of(aws, arn, "glue")
        return arn

    def to(*names: str) -> dict[str, Any]:
        return {"Condition": {"StringEquals": {"iam:PassedToService": list(names)}}}

    for statement in (
        allow("iam:GetRole", given),
        allow("iam:PassRole", f"{given}-other"),
        allow("iam:PassRole", given, **to("lambda.amazonaws.com")),
    ):
        for call in hand_over(aws, deployer(statement), given, f"n-{uuid.uuid4().hex[:12]}"):
            with pytest.raises(botocore.exceptions.ClientError, match=rf"AccessDenied.*iam:PassRole.*{given}"):
                call()
    for call in hand_over(
        aws, deployer(allow("iam:PassRole", given, **to(*services))), given, f"n-{uuid.uuid4().hex[:12]}"
    ):
        call()


def it_takes_the_name_of_a_role_for_the_role(aws: LocalAws, pathed: Pathed, role: RoleMaker) -> None:
    script = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    for reference in (pathed.name, f"lake/{pathed.name}"):
        rights = allow("iam:PassRole", pathed.arn)
        glue = client_of(aws, role("states.amazonaws.com", allow("glue:*"), rights), "glue")
        glue.create_job(Name=f"n-{uuid.uuid4().hex[:12]}", Role=reference, Command=script)
        glue = client_of(aws, role("states.amazonaws.com", allow("glue:*")), "glue")
        with pytest.raises(botocore.exceptions.ClientError, match=rf"iam:PassRole.*{pathed.arn}"):
            glue.create_job(Name=f"n-{uuid.uuid4().hex[:12]}", Role=reference, Command=script)
