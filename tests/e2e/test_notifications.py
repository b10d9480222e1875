"""What an operator is told of a failed execution, from the event to the subscriber of the topic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws import LocalAws, free_port
from local_aws.terraform import Terraform
from tests.e2e.conftest import until

CONFIGURATION = Path(__file__).parent / "notifications"
CAUSE = '2 of 3 failed:\nDataset "orders": {no}'
Told = tuple[LocalAws, dict[str, Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    server = LocalAws(directory=tmp_path_factory.mktemp("aws"), port=free_port())
    server.start()
    try:
        outputs = Terraform(CONFIGURATION, tmp_path_factory.mktemp("work"), server.endpoint).apply()
        queues = {name: subscribe(server, name, topic) for name, topic in outputs["topic_arns"].items()}
        yield server, {**outputs, "queue_urls": queues}
    finally:
        server.stop()


def subscribe(aws: LocalAws, name: str, topic: str) -> str:
    """Let a queue hear a topic and return its URL: Terraform's provider would wait a minute for it."""
    sqs = aws.client("sqs")
    url = str(sqs.create_queue(QueueName=f"told-{name}")["QueueUrl"])
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return url


def messages(told: Told, topic: str) -> list[str]:
    """What arrived at a topic's queue since the last time."""
    aws, outputs = told
    sqs, url = aws.client("sqs"), outputs["queue_urls"][topic]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"])["Message"] for message in found]


def fail(told: Told) -> str:
    """Let an execution fail and return its ARN."""
    aws, outputs = told
    started = aws.client("stepfunctions").start_execution(stateMachineArn=outputs["state_machine_arn"], input="{}")
    return str(started["executionArn"])


@pytest.mark.parametrize("topic", ["plain", "encrypted"])
def it_tells_which_execution_failed_and_how_to_go_on(told: Told, topic: str) -> None:
    execution = fail(told)
    arrived: list[str] = []

    def came() -> bool:
        arrived.extend(text for text in messages(told, topic) if execution in text)
        return bool(arrived)

    until(came, "the message")
    (text,) = arrived
    # No document says whether a line keeps the quotes that it has in the template; here it does.
    first, look, console, again = (line.strip('"') for line in text.splitlines())
    name = execution.rpartition(":")[2]
    assert re.fullmatch(rf"Execution {name} of told-{topic} ended as FAILED at 20\d\d-\S+Z\.", first)
    assert f"aws stepfunctions describe-execution --execution-arn {execution} --query cause --output text" in look
    assert console.endswith(f"#/v2/executions/details/{execution}")
    assert again.endswith(f"aws stepfunctions start-execution --state-machine-arn {told[1]['state_machine_arn']}")
    # What the command says when somebody runs it.
    described = told[0].client("stepfunctions").describe_execution(executionArn=execution)
    assert (described["error"], described["cause"]) == ("PipelineFailed", CAUSE)


def it_tells_nothing_under_a_key_that_leaves_eventbridge_out(told: Told) -> None:
    execution = fail(told)
    until(lambda: any(execution in text for text in messages(told, "encrypted")), "the same message elsewhere")
    refusal = r"told-locked-execution-ended-badly could not reach \S+: the policy of \S+ does not allow kms:\S+"
    until(lambda: bool(re.search(refusal, told[0].settings.log_file.read_text())), "a note of the refusal")
    assert messages(told, "locked") == []
