"""`make smoke`: a small pipeline in a real AWS account, to see whether AWS is what this project assumes.

    AWS_PROFILE=… AWS_REGION=… make smoke               # asks first; CONFIRM=yes answers
    .venv/bin/python -m scripts.smoke --destroy NAME    # after a run that was killed

Applies scripts/smoke_pipeline under a name of its own, loads a small and a 40 MB file, adds, corrects and renames one,
runs idle and dry, queries, lets a dataset fail, and destroys everything, also after a failure or Ctrl-C. Prints a table
of what is assumed and what was seen, and writes it to build/smoke/<name>.json. Whether it differs changes no exit
status: 0 means that everything was done and nothing is left.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from boto3.s3.transfer import TransferConfig

from local_aws import ExecutionResult, LocalAwsError
from local_aws.console import interrupt, say
from local_aws.execution import events, follow
from local_aws.queries import run_query
from local_aws.terraform import Terraform
from scripts.smoke_rows import NAMES, ROWS

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "scripts" / "smoke_pipeline"
DIRECTORY = ROOT / "build" / "smoke"
COST = """This creates things in the account and region above, and costs about 0.35 US dollars:
   5 Glue runs of 2 DPU, 2 minutes each           0.15   (0.44 a DPU-hour)
   1 crawl of 2 DPU, billed as 10 minutes         0.15   (0.44 a DPU-hour)
   S3, Step Functions, Athena, CloudWatch         0.05   at most
Prices of us-east-1 as of October 2026; https://aws.amazon.com/glue/pricing/ has today's. It takes about 15 minutes,
and everything is destroyed at the end."""
PRICE_PER_DPU_HOUR = 0.44
MEBIBYTE = 1024 * 1024
PART_BYTES = 8 * MEBIBYTE
BIG_BYTES = 40 * MEBIBYTE
NOTE = "x" * 160
HEADER = "order_id,ordered_at,amount,note\n"
MOMENT = "2024-02-29 23:59:59.123456"
BIG, SMALL = "orders/month=2024-01/big.csv", "orders/month=2024-02/small.csv"
ADDED, OLD_NAME, NEW_NAME = (
    "orders/month=2024-03/added.csv",
    "orders/month=2024-04/old.csv",
    "orders/month=2024-04/new.csv",
)
STRAY = "strict/stray.csv"
POLL_SECONDS = 1.0
EXECUTION_SECONDS = 1800.0
MESSAGE_SECONDS = 120.0
LOG_SECONDS = 60.0
LEFT_SECONDS = 60.0
# requirements/spark-<version>.txt lists what each Glue version brings.
SPARK_VERSIONS = {"5.0": "3.5.4", "5.1": "3.5.6", "6.0": "4.1.1"}
PYTHON_VERSIONS = {"5.0": "3.11", "5.1": "3.11", "6.0": "3.13"}
OWN_ARGUMENTS = ["--dataset_config", "--report_runtime", "--run_id", "--run_mode", "--spark_from_mb", "--task_slots"]
MISSING_TABLE = "Glue.EntityNotFoundException"


class SmokeError(Exception):
    """The smoke test could not go on; the message says where and why."""


@dataclass(frozen=True)
class Answer:
    """What was seen of one row, whether it is what was assumed, and what exactly that was for this run."""

    seen: str
    agrees: bool
    assumed: str


@dataclass
class Seen:
    """The table, as far as it is known."""

    answers: dict[str, Answer] = field(default_factory=dict)

    def add(self, name: str, seen: object, agrees: bool, assumed: str | None = None) -> None:
        """Answer a row; what is assumed is the row's own text unless it depends on the run."""
        row = ROWS[NAMES.index(name)]
        self.answers[name] = Answer(str(seen), agrees, assumed or row.assumed)

    def table(self) -> list[dict[str, str]]:
        """Return every row: its name, what was assumed and seen, and how the two compare."""
        lines = []
        for row in ROWS:
            answer = self.answers.get(row.name)
            if answer is None:
                why = f"only AWS can tell: {row.only_aws}" if row.only_aws else "the run ended before"
                lines.append({"name": row.name, "assumed": row.assumed, "seen": "", "verdict": why})
            else:
                verdict = "as assumed" if answer.agrees else "differs"
                lines.append({"name": row.name, "assumed": answer.assumed, "seen": answer.seen, "verdict": verdict})
        return lines


@dataclass
class Tasks:
    """What the tasks of the executions answered: the last result of each call, and every error."""

    results: dict[str, Any] = field(default_factory=dict)
    errors: list[tuple[str, str, str]] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event of a history."""
        if event["type"] == "TaskSucceeded":
            details = event["taskSucceededEventDetails"]
            self.results[details["resource"]] = json.loads(details.get("output") or "null")
        elif event["type"] == "TaskFailed":
            details = event["taskFailedEventDetails"]
            self.errors.append((details["resource"], details.get("error", ""), details.get("cause", "")))


class Smoke:
    """One run: what was applied, uploaded and seen.

    Args:
        name: of the instance.
        session: the account and region.
        glue_version: of the job.
        settle_seconds: how long to wait after Terraform, because rights take a while to be known everywhere.
        directory: where state and results go.
    """

    def __init__(
        self, name: str, session: boto3.Session, glue_version: str, settle_seconds: float, directory: Path
    ) -> None:
        self.name, self.session, self.directory = name, session, directory
        self.glue_version, self.settle_seconds = glue_version, settle_seconds
        self.terraform = terraform_of(name, directory)
        self.outputs: dict[str, Any] = {}
        self.queue_url = ""
        self.files: dict[str, str] = {}
        self.seen = Seen()
        self.tasks = Tasks()

    def client(self, service: str) -> Any:
        """Return a client of the person's own session."""
        # The stubs overload this for each service by its literal name, which is not known here.
        create: Callable[..., Any] = self.session.client
        return create(service)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step and say how long it took."""
        say(f"\n== {title}")
        start = time.monotonic()
        yield
        say(f"   done in {time.monotonic() - start:.1f} s")

    def run(self) -> None:
        """Do everything but destroying."""
        with self.step("terraform apply"):
            self.terraform.work.mkdir(parents=True, exist_ok=True)
            variables = {"name": self.name, "glue_version": self.glue_version}
            self.terraform.var_files[0].write_text(json.dumps(variables))
            self.outputs = self.terraform.apply()
            self.subscribe()
            time.sleep(self.settle_seconds)
        with self.step("Load a small and a 40 MB file"):
            self.upload_first()
            self.first(self.execute("orders", "products"))
        with self.step("Add, correct and rename a file; plan it, then do it"):
            self.change()
        with self.step("Execute with nothing new"):
            idle = self.execute("orders", "products")
            self.agree("Idle execution", idle.glue_runs, 0)
        with self.step("Query"):
            self.query()
        with self.step("Let a dataset fail"):
            self.fail()
        with self.step("Look at results, logs and bill"):
            self.look_at_results()
            self.look_at_logs()
            self.look_at_bill()
        with self.step("terraform plan"):
            clean = self.terraform.plan_is_clean()
            self.seen.add("Plan afterwards", "nothing" if clean else self.terraform.output_of("plan")[-300:], clean)

    def take_down(self) -> None:
        """Destroy everything and look for what is left."""
        with self.step("terraform destroy"):
            destroy(self.name, self.session, self.directory)
        # A list may name for a while what is gone already.
        deadline = time.monotonic() + LEFT_SECONDS
        while (left := self.left_over()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.seen.add("Left after destroy", ", ".join(left) or "nothing", not left)

    def agree(self, row: str, seen: object, wanted: object) -> None:
        """Answer a row whose assumption is a value that this run knows."""
        self.seen.add(row, seen, seen == wanted, str(wanted))

    # Files

    def put(self, key: str, text: str) -> str:
        """Upload a text and return its ETag."""
        answer = self.client("s3").put_object(Bucket=self.outputs["raw_bucket"], Key=key, Body=text.encode())
        self.files[key] = text
        return str(answer["ETag"]).strip('"')

    def upload_first(self) -> None:
        """Upload the first files and look at their ETags."""
        s3, raw = self.client("s3"), self.outputs["raw_bucket"]
        small = orders(1, ["10", "ten", "30"])
        etag = self.put(SMALL, small)
        self.agree("ETag of a small object", etag, md5(small.encode()).hex())
        self.put(OLD_NAME, orders(10, ["1", "2"]))
        self.put("products/products.csv", "sku,price\nA,1\nB,2\n")
        big = self.files[BIG] = big_file()
        body = big.encode()
        config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
        s3.upload_fileobj(io.BytesIO(body), raw, BIG, Config=config)
        etag = s3.head_object(Bucket=raw, Key=BIG)["ETag"].strip('"')
        parts = [md5(body[start : start + PART_BYTES]) for start in range(0, len(body), PART_BYTES)]
        self.agree("ETag of an object of parts", etag, f"{md5(b''.join(parts)).hex()}-{len(parts)}")
        place = {"Bucket": self.outputs["artifacts_bucket"], "Key": "smoke/copy.csv"}
        copy = s3.copy_object(**place, CopySource={"Bucket": raw, "Key": BIG})["CopyObjectResult"]["ETag"].strip('"')
        self.agree("ETag of its copy", copy, md5(body).hex())

    # Executions

    def execute(self, *datasets: str, **more: Any) -> ExecutionResult:
        """Execute over some datasets to the end and insist on success."""
        result = self.execution(*datasets, **more)
        if result.status != "SUCCEEDED":
            raise SmokeError(f"the execution {result.execution_arn} ended as {result.status}: {result.cause}")
        return result

    def execution(self, *datasets: str, **more: Any) -> ExecutionResult:
        """Execute over some datasets to the end, whatever that is, and take notes of its tasks."""
        sfn = self.client("stepfunctions")
        arn = self.start(self.outputs["state_machine_arn"], {"datasets": list(datasets), **more})
        result = follow(sfn, arn, lambda line: say(f"   {line}"), EXECUTION_SECONDS, POLL_SECONDS)
        for event in events(sfn, arn, 0):
            self.tasks.take(event)
        return result

    def start(self, state_machine: str, given: Mapping[str, Any]) -> str:
        """Start a state machine and return the execution's ARN."""
        started = self.client("stepfunctions").start_execution(stateMachineArn=state_machine, input=json.dumps(given))
        return str(started["executionArn"])

    def first(self, result: ExecutionResult) -> None:
        """Look at what the first load tells of the place it ran in."""
        runtime = result.output["datasets"]["orders"]["runtime"]
        start, end = runtime["slots_at_start"], runtime["slots_at_end"]
        self.seen.add("Slots when Spark starts", start, start == end, f"{end}, as many as at the end")
        self.seen.add("Slots at the end", f"{end} on {runtime['hosts']} host(s)", end == 4)
        python = PYTHON_VERSIONS[self.glue_version]
        self.compare_workers(runtime, "Python of the workers", "python", python, exact=False)
        wanted = pinned(SPARK_VERSIONS[self.glue_version])
        self.seen.add("Spark", runtime["spark"], runtime["spark"].startswith(wanted["pyspark"]), wanted["pyspark"])
        for package in ("pyarrow", "boto3", "urllib3"):
            self.compare_workers(runtime, f"{package} of the workers", package, wanted[package])
        regions = {worker["region"] for worker in runtime["workers"]}
        expected = {None, self.session.region_name}
        self.seen.add("Region of the workers", ", ".join(map(str, regions)), regions <= expected)
        modules = {worker["modules"] for worker in runtime["workers"]}
        row = "Modules of the workers"
        self.seen.add(row, ", ".join(modules), modules == {"csv_to_parquet_modules.zip"})
        own = [name for name in runtime["arguments"] if name in OWN_ARGUMENTS]
        self.seen.add("Arguments of the job", ", ".join(own), own == OWN_ARGUMENTS)
        table = self.client("glue").get_table(DatabaseName=self.outputs["database_name"], Name="raw_products")["Table"]
        columns = ", ".join(f"{item['Name']} {item['Type']}" for item in table["StorageDescriptor"]["Columns"])
        self.seen.add("Crawled columns", columns, columns == "sku string, price bigint")

    def compare_workers(
        self, runtime: Mapping[str, Any], row: str, member: str, wanted: str, *, exact: bool = True
    ) -> None:
        """Compare a version that every worker tells with the one that is assumed."""
        found = sorted({str(worker[member]) for worker in runtime["workers"]})
        agrees = all(version == wanted if exact else version.startswith(f"{wanted}.") for version in found)
        self.seen.add(row, ", ".join(found), agrees, wanted)

    def change(self) -> None:
        """Add, correct and rename a file; plan it and do it."""
        s3, raw = self.client("s3"), self.outputs["raw_bucket"]
        self.put(ADDED, orders(20, ["5"]))
        self.put(SMALL, orders(1, ["10", "ten", "31"]))
        s3.copy_object(Bucket=raw, Key=NEW_NAME, CopySource={"Bucket": raw, "Key": OLD_NAME})
        s3.delete_object(Bucket=raw, Key=OLD_NAME)
        self.files[NEW_NAME] = self.files.pop(OLD_NAME)
        before = self.locations()
        plan = units(self.execute("orders", dry_run=True))
        untouched = self.locations() == before
        done = units(self.execute("orders"))
        self.seen.add(
            "Dry run",
            f"{'nothing' if untouched else 'something'} changed; {plan}",
            untouched and plan == done,
            f"nothing changed; {done}",
        )
        moved = {month: location for month, location in self.locations().items() if before.get(month) != location}
        expected = "1 inserted, 2 replaced, 1 kept"
        self.seen.add(
            "Added, corrected and renamed files",
            done,
            done == expected and set(moved) == {"2024-02", "2024-03", "2024-04"},
        )

    def locations(self) -> dict[str, str]:
        """Return the published folder of each month."""
        pages = self.client("glue").get_paginator("get_partitions")
        found = pages.paginate(DatabaseName=self.outputs["database_name"], TableName="orders")
        return {
            partition["Values"][0]: partition["StorageDescriptor"]["Location"]
            for page in found
            for partition in page["Partitions"]
        }

    def fail(self) -> None:
        """Let a dataset fail and wait for the message that tells of it."""
        self.put(STRAY, "id\n1\n")
        result = self.execution("strict")
        del self.files[STRAY]
        if result.status != "FAILED":
            raise SmokeError(f"the execution over {STRAY} ended as {result.status} and should have failed")
        failures = [(error, cause) for resource, error, cause in self.tasks.errors if resource == "startJobRun.sync"]
        error, cause = failures[-1] if failures else ("none", "")
        members = [name for name in ("ErrorMessage", "Id", "JobRunState") if f'"{name}"' in cause]
        row = "Failed startJobRun.sync"
        seen = f"{error}: {', '.join(members)}"
        self.seen.add(row, seen, seen == "States.TaskFailed: ErrorMessage, Id, JobRunState")
        message = self.message(result.execution_arn)
        useful = "ended as FAILED" in message and "aws stepfunctions describe-execution" in message
        self.seen.add("Message of a failed execution", message.splitlines()[0] if message else "none came", useful)

    def subscribe(self) -> None:
        """Let a queue hear the topic; not by Terraform, whose provider waits a minute for a queue.

        https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
        """
        sqs, topic = self.client("sqs"), self.outputs["topic_arn"]
        self.queue_url = sqs.create_queue(QueueName=queue_name(self.name))["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"Policy": policy})
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def message(self, execution_arn: str) -> str:
        """Return the text about an execution that the topic's subscriber gets, empty when none comes."""
        sqs, deadline = self.client("sqs"), time.monotonic() + MESSAGE_SECONDS
        while time.monotonic() < deadline:
            found = sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            # Alarms are told to the same topic.
            for entry in found.get("Messages", []):
                text = str(json.loads(entry["Body"])["Message"])
                if execution_arn in text:
                    return text
        return ""

    # What is there afterwards

    def query(self) -> None:
        """Ask Athena and compare with the CSV files, read by Python's csv."""
        rows = self.sql("SELECT count(*) AS orders, sum(amount) AS amount FROM orders")
        good = {key: good_amounts(text) for key, text in self.files.items() if key.startswith("orders/")}
        wanted = [{"orders": str(sum(map(len, good.values()))), "amount": str(sum(map(sum, good.values())))}]
        self.agree("Rows in Athena", rows, wanted)
        rows = self.sql("SELECT month, orders, amount FROM totals ORDER BY month")
        wanted = [
            {"month": key.split("/")[1].partition("=")[2], "orders": str(len(found)), "amount": str(sum(found))}
            for key, found in sorted(good.items())
        ]
        self.agree("View in Athena", rows, wanted)
        rows = self.sql("SELECT ordered_at FROM orders WHERE order_id = 1 AND month = '2024-02'")
        shown = str(rows[0]["ordered_at"]) if len(rows) == 1 else f"{len(rows)} rows"
        self.seen.add("Timestamps in Athena", shown, shown in (MOMENT[:-3], MOMENT))
        rows = self.sql("SELECT source_file, line_number, column_name FROM orders_quarantine")
        wanted = [{"source_file": SMALL, "line_number": "3", "column_name": "amount"}]
        self.agree("Quarantine in Athena", rows, wanted)
        group = self.client("athena").get_work_group(WorkGroup=self.outputs["athena_workgroup"])["WorkGroup"]
        engine = group["Configuration"].get("EngineVersion", {}).get("EffectiveEngineVersion")
        if engine:
            self.seen.add("Athena's engine", engine, engine == "Athena engine version 3")

    def sql(self, query: str) -> list[dict[str, str | None]]:
        """Run a query in the work group."""
        return run_query(self.client("athena"), query, self.outputs["athena_workgroup"], self.outputs["database_name"])

    def look_at_results(self) -> None:
        """Look at how results and errors of tasks were spelt."""
        sfn = self.client("stepfunctions")
        probed = follow(
            sfn, self.start(self.outputs["probe_arn"], {}), lambda line: None, EXECUTION_SECONDS, POLL_SECONDS
        )
        if probed.status != "SUCCEEDED":
            raise SmokeError(f"the execution {probed.execution_arn} ended as {probed.status}: {probed.cause}")
        page = probed.output
        spelt = {name: value for name, value in page["Contents"][0].items() if name.lower() == "etag"}
        seen = ", ".join(f"{name}: {value}" for name, value in spelt.items())
        self.seen.add("ETag in Step Functions", seen, set(spelt) in ({"ETag"}, {"Etag"}))
        tokens = ", ".join(name for name in page if name.lower() == "nextcontinuationtoken")
        self.seen.add("Next page in Step Functions", tokens, tokens == "NextContinuationToken")
        started = self.tasks.results["listExecutions"]["Executions"][0]["StartDate"]
        self.seen.add("StartDate in Step Functions", repr(started), isinstance(started, str | int | float))
        listing = self.tasks.results["startSyncExecution"]
        seen = f"{', '.join(sorted(listing))}; Output: {type(listing.get('Output')).__name__}"
        self.seen.add(
            "Result of StartSyncExecution",
            seen,
            {"Status", "Output"} <= set(listing) and isinstance(listing["Output"], str),
        )
        run = self.tasks.results["startJobRun.sync"]
        self.seen.add("Result of startJobRun.sync", ", ".join(sorted(run)), {"Id", "JobRunState"} <= set(run))
        missing = {error for resource, error, _ in self.tasks.errors if resource == "getTable"}
        self.seen.add(
            "Missing table in Step Functions", ", ".join(sorted(missing)) or "none", missing == {MISSING_TABLE}
        )
        others = {error for resource, error, _ in self.tasks.errors if resource not in ("getTable", "startJobRun.sync")}
        self.seen.add("Other errors of tasks", ", ".join(sorted(others)) or "none", not others)

    def look_at_logs(self) -> None:
        """Look for what the job wrote."""
        logs, deadline = self.client("logs"), time.monotonic() + LOG_SECONDS
        groups = [name for name in self.outputs["log_group_names"] if name.endswith(("/output", "/error"))]
        empty = groups
        while empty and time.monotonic() < deadline:
            empty = [name for name in groups if not logs.describe_log_streams(logGroupName=name)["logStreams"]]
            if empty:
                time.sleep(POLL_SECONDS)
        row = "Log groups of the job"
        self.seen.add(
            row, f"nothing in {', '.join(empty)}" if empty else f"yes: {', '.join(groups)}", bool(groups) and not empty
        )

    def look_at_bill(self) -> None:
        """Add up what Glue says that its runs took."""
        runs = self.client("glue").get_job_runs(JobName=self.outputs["glue_job_name"])["JobRuns"]
        if all("DPUSeconds" in run for run in runs):
            seconds = sum(run["DPUSeconds"] for run in runs)
            dollars = seconds / 3600 * PRICE_PER_DPU_HOUR
            self.seen.add("DPU seconds", f"{seconds:.0f} of {len(runs)} runs, {dollars:.2f} dollars", seconds < 2400)

    def left_over(self) -> list[str]:
        """Return what still bears the instance's name."""
        database = self.name.replace("-", "_")
        logs = self.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePattern=self.name)
        found = {
            "bucket": [item["Name"] for item in self.client("s3").list_buckets()["Buckets"]],
            "state machine": [
                item["name"]
                for page in self.client("stepfunctions").get_paginator("list_state_machines").paginate()
                for item in page["stateMachines"]
            ],
            "role": [
                item["RoleName"]
                for page in self.client("iam").get_paginator("list_roles").paginate()
                for item in page["Roles"]
            ],
            "database": [
                item["Name"]
                for page in self.client("glue").get_paginator("get_databases").paginate()
                for item in page["DatabaseList"]
            ],
            "log group": [item["logGroupName"] for page in logs for item in page["logGroups"]],
        }
        return [
            f"{kind} {name}" for kind, names in found.items() for name in names if self.name in name or name == database
        ]


def terraform_of(name: str, directory: Path) -> Terraform:
    """Return Terraform for an instance, with its state beside the results."""
    work = directory / name
    return Terraform(CONFIGURATION, work, None, (work / "smoke.tfvars.json",))


def queue_name(name: str) -> str:
    """Return the name of the queue that hears an instance's topic."""
    return f"{name}-subscriber"


def destroy(name: str, session: boto3.Session, directory: Path) -> None:
    """Destroy an instance; its topic takes the subscription along."""
    sqs = session.client("sqs")
    with suppress(sqs.exceptions.QueueDoesNotExist):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=queue_name(name))["QueueUrl"])
    terraform_of(name, directory).destroy()


def units(result: ExecutionResult) -> str:
    """Return what became of the units of orders."""
    report = result.output["datasets"]["orders"]
    return ", ".join(f"{report[f'units_{action}']} {action}" for action in ("inserted", "replaced", "kept"))


def orders(first: int, amounts: list[str]) -> str:
    """Return a CSV file of orders, numbered from the first."""
    return HEADER + "".join(f"{first + place},{MOMENT},{amount},n\n" for place, amount in enumerate(amounts))


def big_file() -> str:
    """Return a CSV file of a little more than 40 MB."""
    lines, size, number = [HEADER], 0, 1000
    while size < BIG_BYTES:
        lines.append(f"{number},{MOMENT},{number % 97},{NOTE}\n")
        size, number = size + len(lines[-1]), number + 1
    return "".join(lines)


def good_amounts(text: str) -> list[int]:
    """Return the amounts of a CSV file that are numbers."""
    return [int(row["amount"]) for row in csv.DictReader(io.StringIO(text)) if row["amount"].isdigit()]


def md5(body: bytes) -> bytes:
    """Return the MD5 of some bytes, which is what ETags are made of."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def pinned(spark_version: str) -> dict[str, str]:
    """Return the versions that the requirements of a Spark version name."""
    text = (ROOT / "requirements" / f"spark-{spark_version}.txt").read_text()
    return dict(re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE))


def open_session() -> boto3.Session:
    """Return the person's session, for boto3 and Terraform alike.

    Raises:
        SmokeError: when there is no region or no credentials.
    """
    try:
        region = os.environ.get("AWS_REGION") or boto3.Session().region_name
    except botocore.exceptions.BotoCoreError as error:
        raise SmokeError(f"{error}: AWS_PROFILE names one of `aws configure list-profiles`") from error
    if not region:
        raise SmokeError("no region is set: AWS_REGION=eu-central-1 make smoke, for example")
    # boto3 reads the one, Terraform's provider either.
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    try:
        session = boto3.Session(region_name=region)
        identity = session.client("sts").get_caller_identity()
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError) as error:
        raise SmokeError(
            f"AWS cannot be reached ({error}): is HTTPS_PROXY right, and AWS_ENDPOINT_URL unset?"
        ) from error
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise SmokeError(f"AWS does not know who you are ({error}): set AWS_PROFILE or other credentials") from error
    say(f"Account {identity['Account']}, region {region}, as {identity['Arn']}")
    return session


def confirmed(answer: str | None) -> bool:
    """Say what it costs and ask whether to go on, unless that was answered already."""
    say(COST)
    if answer is None:
        with suppress(EOFError):
            answer = input("Type yes to go on: ")
    return answer == "yes"


def print_table(lines: list[dict[str, str]]) -> None:
    """Print the table, long texts cut."""
    width = max(len(line["name"]) for line in lines)
    for line in lines:
        say(f"\n{line['name'].ljust(width)}  {line['verdict']}")
        say(f"{'':{width}}  assumed: {line['assumed'][:200]}")
        if line["seen"]:
            say(f"{'':{width}}  seen:    {line['seen'][:200]}")


def go_on(signal_number: int, frame: object) -> None:
    """Answer Ctrl-C while everything is being destroyed."""
    say("smoke: still destroying what was created; please wait")


def smoke(test: Smoke) -> int:
    """Run the test and take everything down; return 0 only when both were done."""
    started, problem = datetime.now(timezone.utc), ""
    # Also where it was started in the background of a shell, which lets processes ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        test.run()
    except (SmokeError, LocalAwsError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted"
    signal.signal(signal.SIGINT, go_on)
    signal.signal(signal.SIGTERM, go_on)
    if problem:
        say(f"\nsmoke: {problem}")
    try:
        test.take_down()
    except (LocalAwsError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        say(f"\nsmoke: perhaps not everything is destroyed: {error}")
        say(f"smoke: try again: .venv/bin/python -m scripts.smoke --directory {test.directory} --destroy {test.name}")
        problem = problem or str(error)
    lines = test.seen.table()
    file = test.directory / f"{test.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(timezone.utc) - started).total_seconds()),
        "region": test.session.region_name,
        "glue_version": test.glue_version,
        "problem": problem,
        "rows": lines,
    }
    # Somebody may show it to others: without the account's number.
    file.write_text(re.sub(r"\b[0-9]{12}\b", "<account>", json.dumps(document, indent=2)) + "\n")
    print_table(lines)
    differing = sum(line["verdict"] == "differs" for line in lines)
    say(f"\n{len(lines)} rows, {differing} differ from what is assumed; they are in {file}")
    return 1 if problem else 0


def main(argv: list[str] | None = None) -> int:
    """Ask, run, take down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--confirm", metavar="yes", help="answers the question of whether to go on")
    parser.add_argument("--glue", choices=sorted(SPARK_VERSIONS), default="5.1", help="the Glue version")
    parser.add_argument("--settle", type=float, default=20, help="seconds to wait for rights after Terraform")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where state and results go")
    parser.add_argument("--destroy", metavar="NAME", help="only destroy what a run of this name left")
    arguments = parser.parse_args(argv)
    directory = arguments.directory.resolve()
    try:
        session = open_session()
        if arguments.destroy:
            destroy(arguments.destroy, session, directory)
            return 0
        if not confirmed(arguments.confirm):
            say("smoke: not confirmed, nothing was created")
            return 1
    except (SmokeError, LocalAwsError) as error:
        say(f"smoke: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nsmoke: interrupted, nothing was created")
        return 1
    return smoke(Smoke(f"smoke-{secrets.token_hex(4)}", session, arguments.glue, arguments.settle, directory))


if __name__ == "__main__":
    sys.exit(main())
