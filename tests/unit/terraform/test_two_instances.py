"""Two instances of one name in two regions of an account, and one of another name beside them, do not clash."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scripts.offline_plan import REGION
from tests.unit.terraform.instances import INSTANCES, OTHER_REGION

# What an account has only once over all its regions:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/introduction.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
GLOBAL = {"aws_iam_role": "name", "aws_cloudwatch_dashboard": "dashboard_name", "aws_s3_bucket": "bucket"}
# Names that are one resource's within another: a policy's in its role, an object's and a setting's in its bucket.
INNER = {"aws_iam_role_policy", "aws_s3_object"}
NAMES = ("name", "dashboard_name", "alarm_name", "bucket")


def names(planned: dict[str, list[dict[str, Any]]], instance: str) -> list[tuple[str, str, str]]:
    """The names that an instance takes: kind, name, and the region in which nobody else may have it."""
    region = OTHER_REGION if INSTANCES[instance].get("providers") else REGION
    found = []
    for entry in planned[instance]:
        kind, values = entry["type"], entry.get("values", {})
        name = next((values[key] for key in NAMES if values.get(key)), None)
        if name and kind not in INNER:
            found.append((kind, name, "everywhere" if kind in GLOBAL else region))
    return found


def it_takes_no_name_twice(planned: dict[str, list[dict[str, Any]]]) -> None:
    taken = Counter(name for instance in INSTANCES for name in names(planned, instance))
    # The settings of a bucket are found under its name, each kind once.
    assert [name for name, times in taken.items() if times > 1] == []
    assert {kind for kind, _, _ in taken} >= {*GLOBAL, "aws_sfn_state_machine", "aws_glue_job", "aws_athena_workgroup"}


def it_names_nothing_else_anew_for_a_suffix(planned: dict[str, list[dict[str, Any]]]) -> None:
    here = {(kind, name) for kind, name, _ in names(planned, "everything")}
    there = {(kind, name) for kind, name, _ in names(planned, "twin")}
    assert {kind for kind, _ in here - there if not kind.startswith("aws_s3_")} == {
        "aws_iam_role",
        "aws_cloudwatch_dashboard",
    }
