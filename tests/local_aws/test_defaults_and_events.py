"""What Terraform reads back is what AWS would say, and event rules start executions with their target's role."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from local_aws import LocalAws
from tests.waiting import wait_for

from .conftest import Machines, RoleMaker, allow

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def it_completes_a_crawler(aws: LocalAws, database: str, role: RoleMaker) -> None:
    glue = aws.client("glue")
    name = f"c-{uuid.uuid4().hex[:8]}"
    arn = role("glue.amazonaws.com")
    glue.create_crawler(Name=name, Role=arn, DatabaseName=database, Targets={"S3Targets": [{"Path": "s3://b/"}]})
    glue.update_crawler(Name=name, Description="new")
    crawler = glue.get_crawler(Name=name)["Crawler"]
    assert crawler["LineageConfiguration"] == {"CrawlerLineageSettings": "DISABLE"}
    assert crawler["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVERYTHING"}
    assert crawler["SchemaChangePolicy"]["DeleteBehavior"] == "DEPRECATE_IN_DATABASE"


def it_keeps_every_field_of_a_job(aws: LocalAws, role: RoleMaker) -> None:
    glue = aws.client("glue")
    name = f"j-{uuid.uuid4().hex[:8]}"
    definition = {
        "Role": role("glue.amazonaws.com"),
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/x.py"},
        "ExecutionClass": "FLEX",
        "MaintenanceWindow": "Sun:10",
        "DefaultArguments": {"--a": "1"},
    }
    glue.create_job(Name=name, **definition)
    job = glue.get_job(JobName=name)["Job"]
    assert job["ExecutionClass"] == "FLEX"
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    update = {key: definition[key] for key in ("Role", "Command")}
    glue.update_job(JobName=name, JobUpdate={**update, "ExecutionProperty": {"MaxConcurrentRuns": 4}})
    job = glue.get_job(JobName=name)["Job"]
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 4}
    assert job["DefaultArguments"] == {}


def it_lets_a_state_machine_be_deleted_again(aws: LocalAws) -> None:
    sfn = aws.client("stepfunctions")
    gone = "arn:aws:states:us-east-1:000000000000:stateMachine:gone"
    assert sfn.delete_state_machine(stateMachineArn=gone)["ResponseMetadata"]["HTTPStatusCode"] == 200


def it_describes_the_tracing_of_a_state_machine(aws: LocalAws, machines: Machines, role: RoleMaker) -> None:
    sfn = aws.client("stepfunctions")
    arn = machines.create({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    assert sfn.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": False}
    sfn.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": True})
    assert sfn.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": True}


def rule_to(aws: LocalAws, machine: str, role_arn: str) -> str:
    """Make a rule for events of a source of its own and return that source."""
    events = aws.client("events")
    source = f"test.{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": machine, "RoleArn": role_arn}])
    return source


def it_has_dashboards_and_roles_once_over_all_regions(aws: LocalAws) -> None:
    name = f"n-{uuid.uuid4().hex[:8]}"
    aws.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    iam = aws.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    elsewhere = {service: aws.client(service, region="eu-west-1") for service in ("cloudwatch", "iam")}
    assert elsewhere["cloudwatch"].get_dashboard(DashboardName=name)["DashboardBody"] == '{"widgets": []}'
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException, match=f"{name} already exists"):
        elsewhere["iam"].create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Description="another")


def it_starts_an_execution_with_the_targets_role(aws: LocalAws, machines: Machines, role: RoleMaker) -> None:
    machine = machines.create({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    allowed = role("events.amazonaws.com", allow("states:StartExecution", machine))
    denied = role("events.amazonaws.com")
    untrusted = role("scheduler.amazonaws.com", allow("states:StartExecution", machine))
    sources = [rule_to(aws, machine, arn) for arn in (denied, untrusted, allowed)]
    entries = [{"Source": source, "DetailType": "t", "Detail": json.dumps({"from": source})} for source in sources]
    for entry in entries:
        aws.client("events").put_events(Entries=[entry])
    sfn = aws.client("stepfunctions")
    wait_for(lambda: len(sfn.list_executions(stateMachineArn=machine)["executions"]) == 1)
    execution = sfn.list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]
    assert json.loads(sfn.describe_execution(executionArn=execution)["input"])["source"] == sources[-1]
    log = aws.settings.log_file.read_text()
    assert f"rule/{sources[0]} could not reach {machine}" in log
    assert "events.amazonaws.com is not authorized to assume" in log


def statement_for(service: str, topic: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": topic}
    return {**allowed, "Condition": condition} if condition else allowed


@dataclass
class Mailbox:
    """A topic with a queue that hears it."""

    aws: LocalAws
    topic: str
    queue: str

    def allow(self, *statements: dict[str, Any]) -> None:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.aws.client("sns").set_topic_attributes(TopicArn=self.topic, AttributeName="Policy", AttributeValue=policy)

    def encrypt(self, *statements: dict[str, Any]) -> str:
        owner = {"AWS": "arn:aws:iam::000000000000:root"}
        own = {"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})
        key = str(self.aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])
        self.aws.client("sns").set_topic_attributes(
            TopicArn=self.topic, AttributeName="KmsMasterKeyId", AttributeValue=key
        )
        return key

    def received(self) -> list[str]:
        """What arrived since the last time."""
        found = self.aws.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        for message in found.get("Messages", []):
            self.aws.client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["Message"] for message in found.get("Messages", [])]

    def failure(self, source: str, times: int = 1) -> bool:
        return self.aws.settings.log_file.read_text().count(f"{source} could not reach {self.topic}") >= times


@pytest.fixture
def mailbox(aws: LocalAws) -> Mailbox:
    name = f"t-{uuid.uuid4().hex[:8]}"
    topic = aws.client("sns").create_topic(Name=name)["TopicArn"]
    queue = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return Mailbox(aws, topic, queue)


ABOUT_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "000000000000"}}
KEY_FOR_EVENTS: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
    "Resource": "*",
}


def send_event(aws: LocalAws, target: str, **more: str) -> str:
    """Send an event to a target by a rule of its own; return the rule's ARN."""
    events, source = aws.client("events"), f"test.{uuid.uuid4().hex[:8]}"
    arn = str(events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))["RuleArn"])
    events.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": target, **more}])
    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])
    return arn


def it_publishes_events_where_the_topics_policy_lets_it(aws: LocalAws, mailbox: Mailbox) -> None:
    refused = send_event(aws, mailbox.topic)
    wait_for(lambda: mailbox.failure(refused))
    mailbox.allow(statement_for("events.amazonaws.com", mailbox.topic))
    send_event(aws, mailbox.topic)
    wait_for(lambda: len(mailbox.received()) == 1)


@pytest.mark.parametrize("key", ["aws:SourceAccount", "aws:SourceArn"])
def it_meets_no_condition_on_where_an_event_comes_from(aws: LocalAws, mailbox: Mailbox, key: str) -> None:
    condition = {"ArnLike": {key: "arn:aws:events:*"}} if key == "aws:SourceArn" else ABOUT_ACCOUNT
    mailbox.allow(statement_for("events.amazonaws.com", mailbox.topic, condition))
    refused = send_event(aws, mailbox.topic)
    wait_for(lambda: mailbox.failure(refused))
    mailbox.allow(statement_for("events.amazonaws.com", mailbox.topic))
    mailbox.encrypt({**KEY_FOR_EVENTS, "Condition": condition})
    refused = send_event(aws, mailbox.topic)
    wait_for(lambda: mailbox.failure(refused))
    mailbox.encrypt(KEY_FOR_EVENTS)
    send_event(aws, mailbox.topic)
    wait_for(lambda: len(mailbox.received()) == 1)


def it_publishes_events_with_the_role_of_a_target(aws: LocalAws, mailbox: Mailbox, role: RoleMaker) -> None:
    key = mailbox.encrypt()
    publish = allow("sns:Publish", mailbox.topic)
    refused = send_event(aws, mailbox.topic, RoleArn=role("events.amazonaws.com", publish))
    wait_for(lambda: mailbox.failure(refused))
    allowed = role("events.amazonaws.com", publish, allow(["kms:GenerateDataKey*", "kms:Decrypt"], key))
    send_event(aws, mailbox.topic, RoleArn=allowed)
    wait_for(lambda: len(mailbox.received()) == 1)


def it_tells_of_alarms_where_topic_and_key_let_it(aws: LocalAws, mailbox: Mailbox) -> None:
    cloudwatch, name = aws.client("cloudwatch"), f"a-{uuid.uuid4().hex[:8]}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[mailbox.topic],
    )
    alarm = f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}"

    def ring() -> None:
        for state in ("OK", "ALARM"):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")

    mailbox.allow(statement_for("events.amazonaws.com", mailbox.topic))
    ring()
    wait_for(lambda: mailbox.failure(alarm))
    about_alarm = {**ABOUT_ACCOUNT, "ArnLike": {"aws:SourceArn": f"{alarm[:-2]}*"}}
    mailbox.allow(statement_for("cloudwatch.amazonaws.com", mailbox.topic, about_alarm))
    ring()
    wait_for(lambda: len(mailbox.received()) == 1)
    mailbox.encrypt()
    ring()
    wait_for(lambda: mailbox.failure(alarm, 2))
    assert mailbox.received() == []
    for_alarms = {**KEY_FOR_EVENTS, "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Condition": about_alarm}
    mailbox.encrypt(for_alarms)
    ring()
    wait_for(lambda: len(mailbox.received()) == 1)
