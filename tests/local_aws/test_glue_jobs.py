"""Glue jobs: a real process with the role's rights, its states, its logs, its end."""

from __future__ import annotations

import json
import textwrap
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws
from local_aws.processes import command_line
from tests.waiting import wait_for

from .conftest import Machines, RoleMaker, allow


@dataclass
class Jobs:
    """Creates jobs of a script and runs them."""

    aws: LocalAws
    bucket: str
    role: RoleMaker

    def create(self, script: str, role_arn: str | None = None, **more: Any) -> str:
        name = f"j-{uuid.uuid4().hex[:12]}"
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=f"{name}.py", Body=textwrap.dedent(script).encode())
        self.aws.client("glue").create_job(
            Name=name,
            Role=role_arn or self.role("glue.amazonaws.com", allow("*")),
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/{name}.py", "PythonVersion": "3"},
            GlueVersion="5.0",
            **more,
        )
        return name

    def start(self, name: str, **arguments: str) -> str:
        given = {f"--{key}": value for key, value in arguments.items()}
        return str(self.aws.client("glue").start_job_run(JobName=name, Arguments=given)["JobRunId"])

    def get(self, name: str, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.aws.client("glue").get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return run

    def folder(self, run_id: str) -> Path:
        return self.aws.settings.runs / run_id

    def run(self, name: str, **arguments: str) -> dict[str, Any]:
        run_id = self.start(name, **arguments)
        ended = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")
        wait_for(lambda: self.get(name, run_id)["JobRunState"] in ended, 180)
        return self.get(name, run_id)


@pytest.fixture
def jobs(aws: LocalAws, bucket: str, role: RoleMaker) -> Jobs:
    return Jobs(aws, bucket, role)


def running_with(text: str) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if text in command_line(pid)]


def it_runs_the_script_with_its_arguments_and_modules(aws: LocalAws, bucket: str, jobs: Jobs) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="lib/helper.py", Body=b"WORD = 'from a module'")
    name = jobs.create(
        """
        import os, sys, boto3, helper
        boto3.client("s3").put_object(Bucket=sys.argv[sys.argv.index("--bucket") + 1], Key="out",
                                      Body=(helper.WORD + "|" + "|".join(sys.argv[1:])).encode())
        print("to stdout")
        print("to stderr", file=sys.stderr)
        """,
        DefaultArguments={"--extra-py-files": f"s3://{bucket}/lib/helper.py", "--bucket": "overridden", "--n": "1"},
    )
    run = jobs.run(name, bucket=bucket)
    assert run["JobRunState"] == "SUCCEEDED", run
    body = aws.client("s3").get_object(Bucket=bucket, Key="out")["Body"].read().decode()
    assert body.startswith("from a module|")
    assert f"--bucket|{bucket}" in body
    assert "--n|1" in body
    assert f"--JOB_NAME|{name}" in body
    logs = aws.client("logs")
    for group, text in (("output", "to stdout"), ("error", "to stderr")):
        events = logs.get_log_events(logGroupName=f"/aws-glue/jobs/{group}", logStreamName=run["Id"])["events"]
        assert text in [event["message"] for event in events]


def it_logs_below_the_prefix_that_the_job_names_and_checks_the_right_to_encrypt(aws: LocalAws, jobs: Jobs) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    security = f"s-{uuid.uuid4().hex[:8]}"
    encryption = {"CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key}}
    aws.client("glue").create_security_configuration(Name=security, EncryptionConfiguration=encryption)
    prefix = f"/aws-glue/{uuid.uuid4().hex[:8]}"
    arguments = {"--custom-logGroup-prefix": prefix}
    run = jobs.run(jobs.create("print('hello')", DefaultArguments=arguments, SecurityConfiguration=security))
    logs = aws.client("logs")
    events = logs.get_log_events(logGroupName=f"{prefix}/output", logStreamName=run["Id"])["events"]
    assert [event["message"] for event in events] == ["hello"]
    checked = [call["resource"] for call in aws.iam_calls() if call["action"] == "logs:AssociateKmsKey"]
    assert checked == [
        f"arn:aws:logs:us-east-1:000000000000:log-group:{prefix}/{kind}:log-stream:" for kind in ("output", "error")
    ]


@pytest.mark.parametrize("reserved", ["--JOB_NAME", "--debug", "--endpoint", "--mode"])
def it_refuses_the_arguments_that_glue_keeps_for_itself(jobs: Jobs, reserved: str) -> None:
    glue = jobs.aws.client("glue")
    name = jobs.create("print(1)")
    refused = f"InvalidInputException.*{reserved}: AWS Glue uses the arguments .* internally"
    with pytest.raises(botocore.exceptions.ClientError, match=refused):
        jobs.start(name, **{reserved.removeprefix("--"): "x"})
    for field in ("DefaultArguments", "NonOverridableArguments"):
        with pytest.raises(botocore.exceptions.ClientError, match=refused):
            jobs.create("print(1)", None, **{field: {reserved: "x"}})
        job = glue.get_job(JobName=name)["Job"]
        update = {"Role": job["Role"], "Command": job["Command"], field: {reserved: "x"}}
        with pytest.raises(botocore.exceptions.ClientError, match=refused):
            glue.update_job(JobName=name, JobUpdate=update)
    assert glue.get_job_runs(JobName=name)["JobRuns"] == []


SPARK: dict[str, Any] = {"Command": {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}, "GlueVersion": "5.0"}


@pytest.mark.parametrize(
    ("problem", "settings"),
    [
        ("Please set both Worker Type and Number of Workers", {"WorkerType": "G.1X"}),
        ("Please set both Worker Type and Number of Workers", {"NumberOfWorkers": 2}),
        ("set Max Capacity", {"WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2.0}),
        ("minimum allowed value of Number of Workers is 2", {"WorkerType": "G.1X", "NumberOfWorkers": 1}),
        ("'workerType' failed to satisfy", {"WorkerType": "G.1", "NumberOfWorkers": 2}),
        ("'executionClass' failed to satisfy", {"ExecutionClass": "CHEAP"}),
        ("FLEX", {"ExecutionClass": "FLEX", "GlueVersion": "2.0"}),
        ("FLEX", {"ExecutionClass": "FLEX", "Command": {**SPARK["Command"], "Name": "gluestreaming"}}),
        ("glueetl", {"Command": {**SPARK["Command"], "Name": "spark"}}),
    ],
)
def it_refuses_workers_that_glue_does_not_give(aws: LocalAws, problem: str, settings: dict[str, Any]) -> None:
    glue, name = aws.client("glue"), f"j-{uuid.uuid4().hex[:12]}"
    with pytest.raises(botocore.exceptions.ClientError, match=problem):
        glue.create_job(Name=name, Role="r", **{**SPARK, **settings})
    glue.create_job(Name=name, Role="r", **SPARK)
    with pytest.raises(botocore.exceptions.ClientError, match=problem):
        glue.update_job(JobName=name, JobUpdate={"Role": "r", **SPARK, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"WorkerType": "G.2X", "NumberOfWorkers": 2, "ExecutionClass": "FLEX"},
        {"WorkerType": "R.8X", "NumberOfWorkers": 2},
        {"WorkerType": "G.16X", "NumberOfWorkers": 10, "ExecutionClass": "STANDARD", "Timeout": 10_080},
        {"MaxCapacity": 0.0625, "Command": {**SPARK["Command"], "Name": "pythonshell"}},
    ],
)
def it_takes_workers_that_glue_gives(aws: LocalAws, settings: dict[str, Any]) -> None:
    aws.client("glue").create_job(Name=f"j-{uuid.uuid4().hex[:12]}", Role="r", **{**SPARK, **settings})


@pytest.mark.parametrize(
    ("problem", "settings"),
    [
        ("set Max Capacity", {"WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2.0}),
        ("minimum allowed value of Number of Workers is 2", {"WorkerType": "G.1X", "NumberOfWorkers": 1}),
        ("'workerType' failed to satisfy", {"WorkerType": "g.1x", "NumberOfWorkers": 2}),
        ("'executionClass' failed to satisfy", {"ExecutionClass": "flex"}),
    ],
)
def it_starts_no_run_with_workers_that_glue_does_not_give(
    aws: LocalAws, jobs: Jobs, problem: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match=problem):
        aws.client("glue").start_job_run(JobName=jobs.create("pass"), **settings)


def it_knows_no_runs_of_a_job_that_does_not_exist(aws: LocalAws, jobs: Jobs) -> None:
    glue = aws.client("glue")
    assert glue.get_job_runs(JobName=jobs.create("pass"))["JobRuns"] == []
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_runs(JobName="nothing")


def it_refuses_more_arguments_than_glue_takes(jobs: Jobs) -> None:
    name = jobs.create("print(1)", DefaultArguments={"--a": "x" * 90_000, "--b": "x" * 90_000})
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidInputException.*at most 260 KB"):
        jobs.start(name, given="x" * 90_000)
    assert jobs.run(name, given="x" * 100)["JobRunState"] == "SUCCEEDED"


def it_fails_with_the_exception_that_ended_the_script(jobs: Jobs) -> None:
    name = jobs.create("class TooManyBadRows(Exception): pass\nraise TooManyBadRows('12 of 100 rows: file.csv line 3')")
    run = jobs.run(name)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "TooManyBadRows: 12 of 100 rows: file.csv line 3"


def it_reports_all_lines_of_an_exception_and_nothing_that_was_logged(jobs: Jobs) -> None:
    script = """
        import atexit, sys
        atexit.register(lambda: sys.stderr.write("ValueError: raised while the JVM shuts down\\n"))
        try:
            {}["missing"]
        except KeyError:
            raise RuntimeError("line 1: b: 'x'\\nKeyError: a text of the data\\n\\nline 3: ä")
    """
    run = jobs.run(jobs.create(script))
    assert run["ErrorMessage"] == "RuntimeError: line 1: b: 'x'\nKeyError: a text of the data\n\nline 3: ä"
    assert "Traceback (most recent call last)" in (jobs.folder(run["Id"]) / "stderr.log").read_text()


def it_names_the_exit_code_of_a_job_that_ends_without_an_exception(jobs: Jobs) -> None:
    run = jobs.run(jobs.create("import os; os._exit(3)"))
    assert run["ErrorMessage"] == "The job ended with exit code 3 and reported no exception"


def it_fails_when_the_role_may_not_read_the_script(bucket: str, jobs: Jobs, role: RoleMaker) -> None:
    needed = {"s3:GetBucketLocation": f"arn:aws:s3:::{bucket}", "s3:GetObject": f"arn:aws:s3:::{bucket}/"}
    for missing, resource in needed.items():
        rights = allow(["logs:*", *(needed.keys() - {missing})])
        run = jobs.run(jobs.create("print(1)", role_arn=role("glue.amazonaws.com", rights)))
        assert run["JobRunState"] == "FAILED"
        assert "AccessDenied" in run["ErrorMessage"]
        assert f"{missing} on resource: {resource}" in run["ErrorMessage"]


def it_fails_when_the_role_may_not_attach_to_the_network_of_a_connection(jobs: Jobs, role: RoleMaker) -> None:
    here = "us-east-1:000000000000"
    marks = {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}}
    needed = {
        "glue:GetConnection": allow("glue:GetConnection", "*"),
        "ec2:DescribeSubnets": allow("ec2:Describe*"),
        "ec2:CreateNetworkInterface": allow("ec2:CreateNetworkInterface", f"arn:aws:ec2:{here}:*/*"),
        "ec2:DeleteNetworkInterface": allow("ec2:DeleteNetworkInterface", f"arn:aws:ec2:{here}:network-interface/*"),
        "ec2:CreateTags": allow(["ec2:CreateTags", "ec2:DeleteTags"], Condition=marks),
    }
    others = allow(["s3:GetBucketLocation", "s3:GetObject", "logs:*"])
    connections = {"Connections": ["warehouse"]}

    def run(statements: dict[str, Any]) -> dict[str, Any]:
        arn = role("glue.amazonaws.com", others, *statements.values())
        return jobs.run(jobs.create("print(1)", arn, Connections=connections))

    assert run(needed)["JobRunState"] == "SUCCEEDED"
    for missing in needed:
        message = run({action: statement for action, statement in needed.items() if action != missing})["ErrorMessage"]
        wanted = "ec2:Describe" if missing == "ec2:DescribeSubnets" else missing
        assert f"not authorized to perform: {wanted}" in message
    other_tags = {"ForAllValues:StringEquals": {"aws:TagKeys": ["Name"]}}
    needed["ec2:CreateTags"] = allow(["ec2:CreateTags", "ec2:DeleteTags"], Condition=other_tags)
    assert "not authorized to perform: ec2:CreateTags" in run(needed)["ErrorMessage"]


def it_fails_when_glue_may_not_assume_the_role(jobs: Jobs, role: RoleMaker) -> None:
    run = jobs.run(jobs.create("print(1)", role_arn=role("states.amazonaws.com", allow("*"))))
    assert "glue.amazonaws.com is not authorized to assume the role" in run["ErrorMessage"]


def it_gives_the_script_the_rights_of_the_role_only(bucket: str, jobs: Jobs, role: RoleMaker) -> None:
    limited = role("glue.amazonaws.com", allow(["s3:GetBucketLocation", "s3:GetObject", "logs:*"]))
    run = jobs.run(
        jobs.create(f"import boto3; boto3.client('s3').put_object(Bucket='{bucket}', Key='x', Body=b'')", limited)
    )
    assert "s3:PutObject" in run["ErrorMessage"]


def it_runs_spark(aws: LocalAws, bucket: str, jobs: Jobs) -> None:
    name = jobs.create(
        f"""
        import boto3
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.getOrCreate()
        total = spark.range(1000).selectExpr("sum(id) AS s").collect()[0].s
        text = f"{{total}} {{spark.sparkContext.master}}"
        boto3.client("s3").put_object(Bucket="{bucket}", Key="spark", Body=text.encode())
        """
    )
    run = jobs.run(name)
    assert run["JobRunState"] == "SUCCEEDED", run
    assert aws.client("s3").get_object(Bucket=bucket, Key="spark")["Body"].read() == b"499500 local[2]"


def it_refuses_more_runs_than_the_job_allows(jobs: Jobs) -> None:
    name = jobs.create("import time; time.sleep(30)", ExecutionProperty={"MaxConcurrentRuns": 1})
    first = jobs.start(name)
    with pytest.raises(botocore.exceptions.ClientError, match="ConcurrentRunsExceededException"):
        jobs.start(name)
    stopped = jobs.aws.client("glue").batch_stop_job_run(JobName=name, JobRunIds=[first])
    assert [entry["JobRunId"] for entry in stopped["SuccessfulSubmissions"]] == [first]
    wait_for(lambda: jobs.get(name, first)["JobRunState"] == "STOPPED")
    jobs.aws.client("glue").batch_stop_job_run(JobName=name, JobRunIds=[jobs.start(name)])


def it_leaves_no_process_of_a_stopped_run(jobs: Jobs) -> None:
    name = jobs.create(
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)', "
        "__file__], start_new_session=False)"
    )
    run_id = jobs.start(name)
    wait_for(lambda: len(running_with(run_id)) >= 2)
    jobs.aws.client("glue").batch_stop_job_run(JobName=name, JobRunIds=[run_id])
    wait_for(lambda: jobs.get(name, run_id)["JobRunState"] == "STOPPED")
    assert running_with(run_id) == []


def it_adds_the_environment_that_a_test_asks_for(aws: LocalAws, jobs: Jobs) -> None:
    aws.set_job_environment({"FAULT": "here"})
    try:
        run = jobs.run(jobs.create("import os; raise ValueError(os.environ['FAULT'])"))
    finally:
        aws.set_job_environment({})
    assert run["ErrorMessage"] == "ValueError: here"


def it_is_waited_for_by_the_sync_integration(jobs: Jobs, machines: Machines) -> None:
    sync = "arn:aws:states:::glue:startJobRun.sync"
    good, bad = jobs.create("print(1)"), jobs.create("raise KeyError('gone')")
    result = machines.run_states(
        {"Type": "Task", "Resource": sync, "Arguments": {"JobName": good}},
        {
            "Type": "Task",
            "Resource": sync,
            "Arguments": {"JobName": bad},
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "S2", "Output": "{% $states.errorOutput %}"}],
        },
        {"Type": "Succeed", "Output": "{% $parse($states.input.Cause) %}"},
    )
    assert result.output["JobRunState"] == "FAILED"
    assert result.output["ErrorMessage"] == "KeyError: 'gone'"
    assert isinstance(result.output["StartedOn"], int)
    assert result.glue_runs == 2


@pytest.mark.parametrize("how", ["stop", "task timeout"])
def it_is_stopped_with_the_task_that_waits_for_it(aws: LocalAws, jobs: Jobs, machines: Machines, how: str) -> None:
    name = jobs.create("import time; time.sleep(60)")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": name},
        "TimeoutSeconds": 3 if how == "task timeout" else 60,
        "End": True,
    }
    execution = machines.start(machines.create({"StartAt": "J", "States": {"J": state}}))
    glue = aws.client("glue")
    wait_for(lambda: bool(glue.get_job_runs(JobName=name)["JobRuns"]))
    if how == "stop":
        history = aws.client("stepfunctions").get_execution_history
        wait_for(lambda: "TaskSubmitted" in {each["type"] for each in history(executionArn=execution)["events"]})
        aws.client("stepfunctions").stop_execution(executionArn=execution)
    result = aws.follow(execution, timeout=20)
    assert result.status == ("ABORTED" if how == "stop" else "FAILED")
    assert result.error == ("" if how == "stop" else "States.Timeout")
    wait_for(lambda: glue.get_job_runs(JobName=name)["JobRuns"][0]["JobRunState"] == "STOPPED")


@pytest.mark.parametrize("end", ["TIMEOUT", "STOPPED"])
def it_fails_the_sync_form_when_the_run_times_out_or_is_stopped(
    aws: LocalAws, jobs: Jobs, machines: Machines, end: str
) -> None:
    name, glue = jobs.create("import time; time.sleep(60)"), aws.client("glue")
    arguments = {"JobName": name, **({"Timeout": 1} if end == "TIMEOUT" else {})}
    caught = {"ErrorEquals": ["States.TaskFailed"], "Next": "C", "Output": "{% $parse($states.errorOutput.Cause) %}"}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": arguments,
        "Catch": [caught],
        "End": True,
    }
    execution = machines.start(machines.create({"StartAt": "J", "States": {"J": task, "C": {"Type": "Succeed"}}}))
    if end == "STOPPED":
        wait_for(lambda: bool(glue.get_job_runs(JobName=name)["JobRuns"]))
        run_id = glue.get_job_runs(JobName=name)["JobRuns"][0]["Id"]
        glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
    result = aws.follow(execution, timeout=40)
    assert result.status == "SUCCEEDED", result
    assert (result.output["JobRunState"], result.output["JobName"]) == (end, name)
    assert isinstance(result.output["CompletedOn"], int)


def it_gives_the_workers_no_region_when_told_so(aws: LocalAws, bucket: str, jobs: Jobs) -> None:
    name = jobs.create(
        f"""
        import json, os, boto3
        from pyspark.sql import SparkSession

        def seen(_):
            return {{key: os.environ.get(key) for key in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")}}

        driver = seen(0)
        worker = SparkSession.builder.getOrCreate().sparkContext.parallelize([0]).map(seen).collect()[0]
        boto3.client("s3").put_object(Bucket="{bucket}", Key="seen", Body=json.dumps([driver, worker]).encode())
        """
    )

    def run() -> list[dict[str, str | None]]:
        assert jobs.run(name)["JobRunState"] == "SUCCEEDED"
        found: list[dict[str, str | None]] = json.load(aws.client("s3").get_object(Bucket=bucket, Key="seen")["Body"])
        return found

    everywhere = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": aws.endpoint}
    assert run() == [everywhere, everywhere]
    aws.set_job_environment({"LOCAL_AWS_WORKERS_WITHOUT_REGION": "1"})
    try:
        assert run() == [everywhere, {**everywhere, "AWS_REGION": None, "AWS_DEFAULT_REGION": None}]
    finally:
        aws.set_job_environment({})


def it_needs_every_documented_right_for_the_sync_form(jobs: Jobs, machines: Machines, role: RoleMaker) -> None:
    name = jobs.create("print(1)")
    state = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": name}}
    arn = role("states.amazonaws.com", allow(["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns"]))
    result = machines.run_states(state, role_arn=arn)
    assert result.error == "Glue.AccessDeniedException"
    assert "glue:BatchStopJobRun" in result.cause
