"""What Terraform reads back is what AWS would say, and event rules start executions with their target's role."""

from __future__ import annotations

import json
import uuid

from local_aws import LocalAws

from .conftest import Machines, RoleMaker, allow, wait_for


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
    assert f"rule/{sources[0]} could not start {machine}" in log
    assert "events.amazonaws.com is not authorized to assume" in log
