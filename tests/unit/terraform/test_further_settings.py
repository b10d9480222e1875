"""Tags of a kind of resources, and policies that roles get beside their own, as the real provider plans them."""

from __future__ import annotations

import json
from typing import Any

from scripts.offline_plan import ACCOUNT, REGION
from tests.unit.terraform.instances import FURTHER


def it_gives_a_kind_of_resources_tags_of_its_own(planned: dict[str, list[dict[str, Any]]]) -> None:
    tags = {entry["address"]: entry["values"].get("tags") for entry in planned["neighbour"]}
    wanted: dict[str, dict[str, str]] = {
        'module.bucket["raw"].aws_s3_bucket.this': {"team": "data", "tier": "1"},
        "module.job[0].aws_glue_job.this": {"team": "data", "tier": "2"},
        "module.workflow[0].aws_sfn_state_machine.this": {"team": "data", "tier": "2", "on-call": "yes"},
    }
    assert {name: tags[f"module.neighbour.{name}"] for name in wanted} == wanted
    assert tags['module.neighbour.module.monitoring[0].aws_cloudwatch_metric_alarm.execution["failed"]'] == {
        "team": "data",
        "tier": "2",
    }


def it_gives_each_role_its_further_policies_beside_its_own(planned: dict[str, list[dict[str, Any]]]) -> None:
    names = [
        (entry["address"].split(".")[3].partition("[")[0], entry["values"]["name"])
        for entry in planned["neighbour"]
        if entry["type"] == "aws_iam_role_policy"
    ]
    own = [("catalog", "crawler"), ("job", "job"), ("workflow", "workflow")]
    assert sorted(names) == sorted([*own, *((module, "further-0") for module, _ in own)])
    further = [entry for entry in planned["neighbour"] if entry["address"].endswith("aws_iam_role_policy.further[0]")]
    assert [json.loads(entry["values"]["policy"]) for entry in further] == [json.loads(FURTHER)] * len(own)


def it_keeps_what_schedule_and_rule_could_not_deliver(planned: dict[str, list[dict[str, Any]]]) -> None:
    entries = {entry["address"].removeprefix("module.triggers."): entry["values"] for entry in planned["triggers"]}
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{entries['aws_sqs_queue.dead_letters[0]']['name']}"
    # The queue's own ARN is not known yet, so that the block is there without it.
    assert len(entries["aws_scheduler_schedule.this[0]"]["target"][0]["dead_letter_config"]) == 1
    assert len(entries["aws_cloudwatch_event_target.upload[0]"]["dead_letter_config"]) == 1
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
    (rule,) = json.loads(entries["aws_sqs_queue_policy.dead_letters[0]"]["policy"])["Statement"]
    assert rule["Principal"] == {"Service": "events.amazonaws.com"}
    assert (rule["Action"], rule["Resource"]) == ("sqs:SendMessage", queue)
    assert rule["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/sales-uploads"}
    }
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    schedule = json.loads(entries["aws_iam_role_policy.schedule[0]"]["policy"])["Statement"]
    assert [statement["Resource"] for statement in schedule if statement["Action"] == "sqs:SendMessage"] == [queue]
