"""The role of the state machine: everything it does is allowed, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from scripts.offline_plan import ACCOUNT, REGION
from tests.asl.graph import tasks
from tests.asl.rendering import Rendered

GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
ATHENA = f"arn:aws:athena:{REGION}:{ACCOUNT}"
# What an integration calls beside the action in its name.
INTEGRATIONS = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
    "glue:startJobRun.sync": {"glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"},
    # The first four: https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
    # What Athena then does with the caller's rights to create a view and to leave its result in S3:
    # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    # https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
    "athena:startQueryExecution.sync": {
        "athena:StartQueryExecution",
        "athena:GetQueryExecution",
        "athena:StopQueryExecution",
        "athena:GetDataCatalog",
        "glue:GetDatabase",
        "glue:GetDatabases",
        "glue:CreateDatabase",
        "glue:GetTable",
        "glue:CreateTable",
        "glue:UpdateTable",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:PutObject",
    },
    # The IAM action is named differently: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    "aws-sdk:s3:listObjectsV2": {"s3:ListBucket"},
    "aws-sdk:sfn:listExecutions": {"states:ListExecutions"},
    "aws-sdk:sfn:startSyncExecution": {"states:StartSyncExecution"},
}
# Seen to be needed by the logs of an Express state machine that another state machine starts synchronously:
# https://github.com/terraform-aws-modules/terraform-aws-step-functions/issues/76
OWN_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
LOGGING = {
    f"logs:{action}"
    for action in (
        "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
        "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups",
    )
}  # fmt: skip
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
TRACING = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}
ENCRYPTION = {"kms:Decrypt", "kms:GenerateDataKey"}
DROPPING = {"glue:BatchDeleteTable"}
CRAWLING = {"glue:StartCrawler", "glue:GetCrawler"}


def needed(rendered: Rendered) -> set[str]:
    """Every action that the definition and its settings make the role use."""
    actions = LOGGING | OWN_LOGS
    for _, task in tasks(*rendered.definitions):
        integration = task["Resource"].split(":::")[1]
        actions |= INTEGRATIONS.get(integration) or {sdk_action(integration)}
    if rendered.variables.get("tracing"):
        actions |= TRACING
    if rendered.variables.get("kms_key_arn"):
        actions |= ENCRYPTION
    if not rendered.variables.get("crawler_names"):
        # Without a crawler the states that would start one are never entered.
        actions -= CRAWLING
    if rendered.variables.get("on_dataset_removed") != "drop_tables":
        actions -= DROPPING
    return actions


def sdk_action(integration: str) -> str:
    """The IAM action of an AWS SDK integration: `aws-sdk:glue:getTable` needs `glue:GetTable`."""
    _, service, operation = integration.split(":")
    return f"{service}:{operation[0].upper()}{operation[1:]}"


def allows(rendered: Rendered, action: str, resource: str, **context: str) -> bool:
    """Whether a statement of the policy allows an action on a resource."""
    for statement in rendered.policy:
        conditions = [
            context.get(key) in (values if isinstance(values, list) else [values])
            for operator, entry in statement.get("Condition", {}).items()
            for key, values in entry.items()
            if operator == "StringEquals"
        ]
        covered = any(fnmatchcase(resource, allowed) for allowed in statement["Resource"])
        if action in statement["Action"] and covered and all(conditions):
            return True
    return False


def it_allows_exactly_what_is_used(rendered: Rendered) -> None:
    allowed = {action for statement in rendered.policy for action in statement["Action"]}
    assert allowed == needed(rendered)


def it_names_resources_wherever_the_service_knows_them(rendered: Rendered) -> None:
    for statement in rendered.policy:
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= LOGGING | TRACING, statement["Sid"]
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])


def it_reaches_the_things_of_the_datasets(complete: Rendered) -> None:
    assert allows(complete, "glue:StartJobRun", f"{GLUE}:job/flights-dev-csv-to-parquet")
    assert allows(complete, "glue:BatchStopJobRun", f"{GLUE}:job/flights-dev-csv-to-parquet")
    assert allows(complete, "glue:StartCrawler", f"{GLUE}:crawler/flights-dev-weather")
    assert allows(complete, "s3:GetObject", "arn:aws:s3:::artifacts/contracts/flights.json")
    assert allows(complete, "s3:GetObject", "arn:aws:s3:::other-artifacts/contracts/airlines.json")
    assert allows(complete, "s3:GetObject", "arn:aws:s3:::lake/reports/flights/run.json")
    assert allows(complete, "s3:PutObject", "arn:aws:s3:::lake/athena-results/query.txt")
    assert allows(complete, "s3:ListBucket", "arn:aws:s3:::raw", **{"s3:prefix": "flights/"})
    assert allows(complete, "s3:ListBucket", "arn:aws:s3:::elsewhere", **{"s3:prefix": "airlines/"})
    assert allows(complete, "athena:StartQueryExecution", f"{ATHENA}:workgroup/flights-dev")
    for table in ("raw_flights", "flights", "flights_quarantine", "delays"):
        for action in ("glue:GetTable", "glue:CreateTable"):
            for resource in ("catalog", "database/flights_dev", f"table/flights_dev/{table}"):
                assert allows(complete, action, f"{GLUE}:{resource}")


def it_reaches_nothing_else(complete: Rendered) -> None:
    assert not allows(complete, "glue:StartJobRun", f"{GLUE}:job/another")
    assert not allows(complete, "glue:StartCrawler", f"{GLUE}:crawler/another")
    assert not allows(complete, "glue:GetTable", f"{GLUE}:table/another/flights")
    assert not allows(complete, "glue:CreateTable", f"{GLUE}:database/default")
    assert not allows(complete, "s3:ListBucket", "arn:aws:s3:::raw", **{"s3:prefix": "secrets/"})
    assert not allows(complete, "s3:ListBucket", "arn:aws:s3:::raw")
    assert not allows(complete, "s3:GetObject", "arn:aws:s3:::raw/flights/x.csv")
    assert not allows(complete, "s3:GetObject", "arn:aws:s3:::lake/tables/flights/part.parquet")
    assert not allows(complete, "s3:PutObject", "arn:aws:s3:::lake/tables/flights/part.parquet")
    assert not allows(complete, "s3:PutObject", "arn:aws:s3:::artifacts/contracts/flights.json")
    assert not allows(complete, "athena:StartQueryExecution", f"{ATHENA}:workgroup/primary")


def it_is_assumed_only_by_its_two_state_machines(rendered: Rendered) -> None:
    (statement,) = rendered.trust
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    sources = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    names = {machine["name"] for address, machine in rendered.resources.items() if "aws_sfn_state_machine" in address}
    assert len(names) == 2
    assert {source.partition(f":{ACCOUNT}:stateMachine:")[2] for source in sources} == names


def it_passes_the_settings_on(complete: Rendered) -> None:
    role: dict[str, Any] = complete.resources["aws_iam_role.this[0]"]
    assert (role["path"], role["permissions_boundary"]) == ("/lakes/", f"arn:aws:iam::{ACCOUNT}:policy/boundary")
    for name in ("this", "listing"):
        machine = complete.resources[f"aws_sfn_state_machine.{name}"]
        assert machine["tracing_configuration"] == [{"enabled": True}]
        assert machine["logging_configuration"][0]["level"] == "ALL"
        assert machine["logging_configuration"][0]["include_execution_data"] is True
    group = complete.resources["aws_cloudwatch_log_group.this[0]"]
    assert group["kms_key_id"] == complete.variables["kms_key_arn"]
    assert group["name"].startswith("/aws/vendedlogs/states/")


def it_logs_into_a_brought_log_group_and_into_no_other(all_rendered: dict[str, Rendered]) -> None:
    brought = all_rendered["crawler_only"]
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/platform:*"
    for name in ("this", "listing"):
        machine = brought.resources[f"aws_sfn_state_machine.{name}"]
        assert machine["logging_configuration"][0]["log_destination"] == arn
    assert not [name for name in brought.resources if "log_group" in name]
    assert [entry["Resource"] for entry in brought.policy if "logs:PutLogEvents" in entry["Action"]] == [[arn]]


def it_logs_no_data_by_default(all_rendered: dict[str, Rendered]) -> None:
    for name in ("this", "listing"):
        machine = all_rendered["minimal"].resources[f"aws_sfn_state_machine.{name}"]
        assert machine["logging_configuration"][0]["include_execution_data"] is False
