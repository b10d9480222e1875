"""CloudWatch Logs: keys of log groups."""

from __future__ import annotations

import json
import uuid
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws

ACCOUNT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
    "Action": "kms:*",
    "Resource": "*",
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
FOR_LOGS: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
    "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    "Resource": "*",
    "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:000000000000:*"}},
}


def make_key(aws: LocalAws, *statements: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [ACCOUNT, *statements]})
    return str(aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def key_of(aws: LocalAws, group: str) -> str | None:
    (found,) = aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    key: str | None = found.get("kmsKeyId")
    return key


def it_gives_a_log_group_another_key_or_none(aws: LocalAws) -> None:
    logs, group = aws.client("logs"), f"/g/{uuid.uuid4().hex}"
    first, second = make_key(aws, FOR_LOGS), make_key(aws, FOR_LOGS)
    logs.create_log_group(logGroupName=group, kmsKeyId=first)
    assert key_of(aws, group) == first
    logs.associate_kms_key(logGroupName=group, kmsKeyId=second)
    assert key_of(aws, group) == second
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.disassociate_kms_key(resourceIdentifier=arn)
    assert key_of(aws, group) is None
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="does not exist: nowhere"):
        logs.associate_kms_key(logGroupName="nowhere", kmsKeyId=first)


@pytest.mark.parametrize("change", ["none", "other condition", "too few actions"])
def it_refuses_a_key_that_the_service_may_not_use(aws: LocalAws, change: str) -> None:
    other = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:000000000000:log-group:/other"}}
    statements = {
        "none": [],
        "other condition": [{**FOR_LOGS, "Condition": other}],
        "too few actions": [{**FOR_LOGS, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}],
    }
    logs, group, key = aws.client("logs"), f"/g/{uuid.uuid4().hex}", make_key(aws, *statements[change])
    refused = f"AccessDeniedException.*is not allowed to be used with Arn 'arn:aws:logs:us-east-1:.*:log-group:{group}'"
    with pytest.raises(botocore.exceptions.ClientError, match=refused):
        logs.create_log_group(logGroupName=group, kmsKeyId=key)
    logs.create_log_group(logGroupName=group)
    with pytest.raises(botocore.exceptions.ClientError, match=refused):
        logs.associate_kms_key(logGroupName=group, kmsKeyId=key)


def it_refuses_a_key_that_is_not_there_or_is_switched_off(aws: LocalAws) -> None:
    logs, group, key = aws.client("logs"), f"/g/{uuid.uuid4().hex}", make_key(aws, FOR_LOGS)
    for missing in ("arn:aws:kms:us-east-1:000000000000:key/none", key.rpartition("/")[2]):
        with pytest.raises(logs.exceptions.InvalidParameterException, match="could not be found"):
            logs.create_log_group(logGroupName=group, kmsKeyId=missing)
    aws.client("kms").disable_key(KeyId=key)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDeniedException"):
        logs.create_log_group(logGroupName=group, kmsKeyId=key)
