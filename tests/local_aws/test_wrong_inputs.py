"""What Terraform lets pass in a module used alone is refused by the service, as AWS does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import LocalAws
from tests.local_aws.conftest import ended_query


@pytest.mark.parametrize("name", ["my..bucket", "192.168.1.1", "sthree-lake", "lake.mrap", "lake-s3alias"])
def it_creates_no_bucket_of_such_a_name(aws: LocalAws, name: str) -> None:
    with pytest.raises(ClientError, match="InvalidBucketName"):
        aws.client("s3").create_bucket(Bucket=name)


def logging_to(bucket: str) -> dict[str, Any]:
    return {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": ""}}


def it_logs_to_no_bucket_that_does_not_exist(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logging_to("s3://logs"))
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logging_to(bucket))
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetBucket"] == bucket


def schedule(aws: LocalAws, expression: str, zone: str = "UTC") -> str:
    name = f"s-{uuid.uuid4().hex[:8]}"
    aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        ScheduleExpressionTimezone=zone,
        FlexibleTimeWindow={"Mode": "OFF"},
        State="DISABLED",
        Target={
            "Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:m",
            "RoleArn": "arn:aws:iam::000000000000:role/r",
        },
    )
    return name


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 6 * * * *)",
        "cron(0 6 ? * ? *)",
        "cron(0 6 * * *)",
        "cron(60 6 * * ? *)",
        "cron(0 6 1 13 ? *)",
        "cron(0 6 ? * 0 *)",
        "cron(0 6 ? * 2#6 *)",
        "cron(0 ? * * ? *)",
        "cron(0 6 * * ? 1969)",
        "at(2026-13-45T25:61:00)",
        "at(2026-02-30T12:00:00)",
        "rate(5 seconds)",
        "rate(0 hours)",
    ],
)
def it_schedules_no_such_expression(aws: LocalAws, expression: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Invalid Schedule Expression"):
        schedule(aws, expression)
    name = schedule(aws, "rate(1 hour)")
    known = aws.client("scheduler").get_schedule(Name=name)
    kept = {part: known[part] for part in ("FlexibleTimeWindow", "Target")}
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        aws.client("scheduler").update_schedule(Name=name, ScheduleExpression=expression, **kept)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0/15 6-18 ? * MON-FRI *)",
        "cron(30 23 L 1,4,7,10 ? 2026-2030)",
        "cron(0 6 15W * ? *)",
        "cron(0 6 ? * 2#2 *)",
        "cron(*/10 */2 ? jan 6L *)",
        "cron(0 0 LW * ? *)",
        "at(2028-02-29T23:59:59)",
        "rate(1 minutes)",
        "rate(12 hours)",
    ],
)
def it_schedules_such_an_expression(aws: LocalAws, expression: str) -> None:
    name = schedule(aws, expression, "America/Argentina/Ushuaia")
    assert aws.client("scheduler").get_schedule(Name=name)["ScheduleExpression"] == expression


@pytest.mark.parametrize("zone", ["Europe/Bern", "CEST", "europe/berlin"])
def it_schedules_nothing_in_an_unknown_time_zone(aws: LocalAws, zone: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*is not supported"):
        schedule(aws, "rate(1 hour)", zone)


def it_makes_no_table_with_a_column_comment_of_256_characters(aws: LocalAws, database: str) -> None:
    column = {"Name": "order_id", "Type": "string", "Comment": "x" * 256}
    table = {"Name": "orders", "StorageDescriptor": {"Columns": [column]}}
    with pytest.raises(ClientError, match="length less than or equal to 255"):
        aws.client("glue").create_table(DatabaseName=database, TableInput=table)


def make_view(aws: LocalAws, database: str, bucket: str, sql: str) -> str:
    """Start the making of a view; return the id of the query."""
    started = aws.client("athena").start_query_execution(
        QueryString=f'CREATE OR REPLACE VIEW "{database}"."first_view" AS {sql}',
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/"},
    )
    return str(started["QueryExecutionId"])


@pytest.mark.parametrize("sql", ["SELECT 1 AS one; SELECT 2 AS two", "SELECT 1 AS one; -- comment"])
def it_takes_no_view_of_more_than_one_statement(aws: LocalAws, database: str, bucket: str, sql: str) -> None:
    with pytest.raises(ClientError, match="Only one sql statement is allowed"):
        make_view(aws, database, bucket, sql)


@pytest.mark.parametrize("sql", ["SELECT * FROM made_later", "SELECT 1 AS one FROM first_view"])
def it_makes_no_view_of_what_does_not_exist_yet(aws: LocalAws, database: str, bucket: str, sql: str) -> None:
    started = make_view(aws, database, bucket, sql)
    assert ended_query(aws.client("athena"), started)["Status"]["State"] == "FAILED"
