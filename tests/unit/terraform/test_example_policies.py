"""Each role is allowed what AWS's own example policies allow for the same integration, or a reason says why not.

The actions are copied from the pages; an asterisk is AWS's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import parliament
import pytest

from tests.unit.terraform.instances import CATALOG_KEY, KEY, MACHINE_KEY, OTHER_KEY

OWN_TABLES = "creating a view changes no database, and of tables only the view itself"
NO_PARTITIONS = "creating a view looks at no partition"
NAMED_BUCKET = "the bucket of the results exists: the module makes it, or it is brought"
CONSOLE = "for the console's lists, or for what Glue makes by itself where nothing is named; here everything is"


@dataclass(frozen=True)
class Example:
    """A policy that AWS publishes.

    Attributes:
        role: name of the role's policy here.
        url: where AWS publishes it.
        actions: what it allows.
        resource: one that the actions must be allowed on; empty for any.
        absent: what is not allowed here, with the reason.
    """

    role: str
    url: str
    actions: tuple[str, ...]
    resource: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)


SERVICE_ROLE = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html"
NETWORK = (
    "ec2:DescribeVpcEndpoints", "ec2:DescribeRouteTables", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute",
    "ec2:CreateTags", "ec2:DeleteTags",
)  # fmt: skip
ROLE_LOOKS = ("iam:ListRolePolicies", "iam:GetRole", "iam:GetRolePolicy")
LOG_WRITING = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
SERVICE_ROLE_ACTIONS = (
    "glue:*", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets", "s3:GetBucketAcl", "s3:CreateBucket",
    "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "cloudwatch:PutMetricData", *NETWORK, *ROLE_LOOKS, *LOG_WRITING,
)  # fmt: skip
PARTITION_CALLS = (
    "glue:BatchCreatePartition", "glue:CreatePartition", "glue:UpdatePartition", "glue:GetPartition",
    "glue:GetPartitions", "glue:BatchGetPartition", "glue:DeletePartition", "glue:BatchDeletePartition",
)  # fmt: skip
OF_NO_ROLE = {
    "glue:*": "only the actions that are called, on the instance's own tables",
    **dict.fromkeys(("s3:ListAllMyBuckets", "s3:GetBucketAcl", "s3:CreateBucket", *ROLE_LOOKS), CONSOLE),
}
STATE_MACHINE_LOGS = (
    "logs:CreateLogDelivery", "logs:CreateLogStream", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutLogEvents", "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
)  # fmt: skip
CATALOG_ENCRYPTION = "https://docs.aws.amazon.com/glue/latest/dg/encrypt-glue-data-catalog.html"
SET_UP_ENCRYPTION = "https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html"
ENCRYPTED_MACHINES = "https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html"
CW_LOGS = "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"

EXAMPLES = [
    Example("job", SERVICE_ROLE, SERVICE_ROLE_ACTIONS, absent=OF_NO_ROLE),
    Example(
        "crawler",
        SERVICE_ROLE,
        SERVICE_ROLE_ACTIONS,
        absent={
            **OF_NO_ROLE,
            "s3:PutObject": "a crawler writes tables and no objects",
            "s3:DeleteObject": "a crawler writes tables and no objects",
            "cloudwatch:PutMetricData": "a crawler has no --enable-metrics",
            **dict.fromkeys(NETWORK, "the crawler has no connection"),
        },
    ),
    Example(
        "crawler",
        "https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html",
        ("s3:GetObject", "s3:PutObject"),
        absent={"s3:PutObject": "a crawler writes tables and no objects"},
    ),
    *(
        Example(role, CATALOG_ENCRYPTION, ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"), CATALOG_KEY)
        for role in ("job", "crawler", "workflow")
    ),
    Example(
        "job",
        SET_UP_ENCRYPTION,
        ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"),
        KEY,
        {
            "kms:Encrypt": "S3 asks for the other two, and the job keeps no bookmarks: "
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
        },
    ),
    *(
        Example(role, SET_UP_ENCRYPTION, ("glue:GetSecurityConfiguration", "logs:AssociateKmsKey"))
        for role in ("job", "crawler")
    ),
    Example(
        "crawler",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
        ("kms:Decrypt",),
        OTHER_KEY,
    ),
    Example(
        "workflow",
        "https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html",
        ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"),
    ),
    Example(
        "workflow",
        "https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html",
        ("athena:startQueryExecution", "athena:stopQueryExecution", "athena:getQueryExecution", "athena:getDataCatalog",
         "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads",
         "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload", "s3:CreateBucket", "s3:PutObject",
         "glue:CreateDatabase", "glue:GetDatabase", "glue:GetDatabases", "glue:UpdateDatabase", "glue:DeleteDatabase",
         "glue:CreateTable", "glue:UpdateTable", "glue:GetTable", "glue:GetTables", "glue:DeleteTable",
         "glue:BatchDeleteTable", *PARTITION_CALLS, "lakeformation:GetDataAccess"),
        absent={
            "s3:CreateBucket": NAMED_BUCKET,
            **dict.fromkeys(
                ("glue:UpdateDatabase", "glue:DeleteDatabase", "glue:DeleteTable", "glue:BatchDeleteTable"), OWN_TABLES
            ),
            **dict.fromkeys(PARTITION_CALLS, NO_PARTITIONS),
            "lakeformation:GetDataAccess": "creating a view reads no data: "
            "https://docs.aws.amazon.com/lake-formation/latest/dg/access-control-underlying-data.html",
        },
    ),
    Example(
        "workflow",
        "https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html",
        ("glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase"),
        "arn:aws:glue:eu-central-1:123456789012:database/default",
    ),
    *(
        Example(role, ENCRYPTED_MACHINES, ("kms:Decrypt", "kms:GenerateDataKey"), MACHINE_KEY)
        for role in ("workflow", "uploads", "schedule", "upload-rule")
    ),
    Example("workflow", CW_LOGS, STATE_MACHINE_LOGS),
    Example("uploads", CW_LOGS, STATE_MACHINE_LOGS),
    Example(
        "workflow",
        "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html",
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
    ),
    Example(
        "uploads",
        "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-nested-workflows.html",
        ("states:StartExecution",),
        "arn:aws:states:eu-central-1:123456789012:stateMachine:sales",
    ),
    Example(
        "schedule",
        "https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html",
        ("states:StartExecution",),
    ),
    Example(
        "upload-rule",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html",
        ("states:StartExecution",),
        "arn:aws:states:eu-central-1:123456789012:stateMachine:sales-uploads",
    ),
]  # fmt: skip


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allows(policy: str, action: str, resource: str) -> bool:
    """Whether a policy allows an action, on a resource if one is given."""
    return any(
        action.lower() in (known.lower() for known in as_list(statement["Action"]))
        and (not resource or any(fnmatchcase(resource, known) for known in as_list(statement["Resource"])))
        for statement in json.loads(policy)["Statement"]
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.role}-{example.url.rpartition('/')[2]}")
def it_allows_what_aws_allows_for_the_same(policies: dict[str, str], example: Example) -> None:
    policy = policies[example.role]
    missing = {action for action in example.actions if not allows(policy, action, example.resource)}
    assert missing == set(example.absent)


def it_compares_every_role(policies: dict[str, str]) -> None:
    assert set(policies) == {example.role for example in EXAMPLES}


# An execution is of a state machine or of a Map's run, and parliament wants both:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
EXPLAINED = [("RESOURCE_MISMATCH", "states:ListExecutions", "arn:*:states:*:*:mapRun:*/*:*")]


def findings(policy: str) -> list[Any]:
    """What parliament finds, by AWS's definitions of its actions, resources and condition keys, and nobody explains."""
    found: list[Any] = []
    for finding in parliament.analyze_policy_string(policy).findings:
        for detail in finding.detail if isinstance(finding.detail, list) else [finding.detail]:
            parts = (detail["action"], detail["required_format"]) if isinstance(detail, dict) else (detail,)
            found.append((finding.issue, *parts))
    return [finding for finding in found if finding not in EXPLAINED]


def it_leaves_a_linter_of_policies_nothing_to_find(policies: dict[str, str]) -> None:
    assert {role: found for role, policy in policies.items() if (found := findings(policy))} == {}


def it_would_hear_of_an_action_without_its_resource() -> None:
    table = {"Effect": "Allow", "Action": "glue:GetTable", "Resource": "arn:aws:glue:eu-central-1:123456789012:catalog"}
    assert findings(json.dumps({"Version": "2012-10-17", "Statement": [table]}))
