"""One local AWS with one small pipeline for all tests that execute it, and a model of what its tables must hold."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws import ExecutionResult, LocalAws, free_port

CONFIGURATION = Path(__file__).parent / "pipeline"
EXECUTION_SECONDS = 600.0
POLL_SECONDS = 0.1
TABLES = {"orders": "order_id, region_id, amount, month", "regions": "region_id, name", "products": "sku, price"}
FIRST_FILES = {
    # The second amount is no number: this row belongs into quarantine.
    "orders/month=2024-01/a.csv": "order_id,region_id,amount\n1,1,10\n2,2,ten\n3,1,30\n",
    "orders/month=2024-02/a.csv": "order_id,region_id,amount\n4,2,40\n",
    "regions/regions.csv": 'region_id,name\n1,North\n2,"South, far"\n',
    "products/products.csv": "sku,price\nA,1\nB,2\n",
}
Rows = list[tuple[str | None, ...]]


@dataclass
class Pipeline:
    """What was applied, and the raw files that were uploaded to it."""

    aws: LocalAws
    outputs: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)
    first: ExecutionResult | None = None

    @property
    def database(self) -> str:
        return str(self.outputs["database_name"])

    def upload(self, key: str, text: str) -> None:
        self.aws.client("s3").put_object(Bucket=self.outputs["raw_bucket"], Key=key, Body=text.encode())
        self.files[key] = text

    def remove(self, key: str) -> None:
        self.aws.client("s3").delete_object(Bucket=self.outputs["raw_bucket"], Key=key)
        del self.files[key]

    def run(self, *datasets: str, **more: Any) -> ExecutionResult:
        """Execute to the end, whatever that is, over all datasets or those named."""
        return self.aws.run({**({"datasets": list(datasets)} if datasets else {}), **more}, timeout=EXECUTION_SECONDS)

    def succeed(self, *datasets: str, **more: Any) -> ExecutionResult:
        """Execute and insist on success."""
        result = self.run(*datasets, **more)
        assert result.status == "SUCCEEDED", f"{result.error}: {result.cause}"
        return result

    def load(self) -> ExecutionResult:
        """Load the first files, once; return that execution."""
        if self.first is None:
            for key, text in FIRST_FILES.items():
                self.upload(key, text)
            self.first = self.succeed()
        return self.first

    def rows(self, query: str) -> Rows:
        """Return the rows of a query, sorted: SQL promises no order."""
        return sorted((tuple(row.values()) for row in self.aws.sql(query)), key=str)

    def table(self, name: str) -> Rows:
        return self.rows(f"SELECT {TABLES[name]} FROM {name}")  # noqa: S608 - names of this file

    def expected(self, dataset: str) -> Rows:
        """Return the rows that the uploaded files hold, read by Python's csv; rows with a bad amount left out."""
        rows: Rows = []
        for key, text in self.files.items():
            if key.startswith(f"{dataset}/"):
                month = [key.split("/")[1].partition("=")[2]] if dataset == "orders" else []
                records = list(csv.reader(io.StringIO(text)))[1:]
                rows += [
                    (*record, *month) for record in records if dataset != "orders" or record[2].lstrip("-").isdigit()
                ]
        return sorted(rows, key=str)

    def check_tables(self) -> None:
        """Compare every table with the uploaded files."""
        for dataset in TABLES:
            assert self.table(dataset) == self.expected(dataset)

    def glue_table(self, name: str) -> dict[str, Any]:
        table: dict[str, Any] = self.aws.client("glue").get_table(DatabaseName=self.database, Name=name)["Table"]
        return table

    def delete_table(self, name: str) -> None:
        self.aws.client("glue").delete_table(DatabaseName=self.database, Name=name)

    def update_table(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a table behind the pipeline's back."""
        keys = ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
        wanted = {key: value for key, value in self.glue_table(name).items() if key in keys}
        change(wanted)
        self.aws.client("glue").update_table(DatabaseName=self.database, TableInput=wanted)

    def role(self, kind: str) -> str:
        return str(self.outputs["role_arns"][kind]).rsplit("/", 1)[-1]

    def policies(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inline policies of a role by name."""
        iam, role = self.aws.client("iam"), self.role(kind)
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}

    @contextmanager
    def without_statement(self, kind: str, sid: str) -> Iterator[None]:
        """Take one statement away from a role's policy and give it back."""
        iam, role = self.aws.client("iam"), self.role(kind)
        originals = self.policies(kind)
        for name, document in originals.items():
            kept = [statement for statement in document["Statement"] if statement["Sid"] != sid]
            assert len(kept) == len(document["Statement"]) - 1
            if kept:
                reduced = {**document, "Statement": kept}
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(reduced))
            else:
                iam.delete_role_policy(RoleName=role, PolicyName=name)
        try:
            yield
        finally:
            for name, document in originals.items():
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    def job_runs(self) -> list[dict[str, Any]]:
        """Return the job's runs, the newest first."""
        found = self.aws.client("glue").get_job_runs(JobName=self.outputs["glue_job_name"])
        runs: list[dict[str, Any]] = found["JobRuns"]
        return runs

    def job_log(self) -> str:
        """Return what the latest run of the job has written into its log."""
        logs, run_id = self.aws.client("logs"), self.job_runs()[0]["Id"]
        said = ""
        for group in [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=run_id)["logStreams"]
            for stream in streams:
                found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
                said += "".join(event["message"] for event in found["events"])
        return said

    def apply(self, variables: Mapping[str, Any]) -> None:
        """Apply again with other values of the variables."""
        self.outputs = self.aws.apply(CONFIGURATION, variables=variables)


def until(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Poll until the condition holds, but not for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline as applied, nothing loaded yet."""
    aws = LocalAws(directory=tmp_path_factory.mktemp("pipeline"), port=free_port())
    aws.start()
    try:
        yield Pipeline(aws, aws.apply(CONFIGURATION))
    finally:
        aws.stop()


@pytest.fixture
def loaded(pipeline: Pipeline) -> Pipeline:
    """The pipeline with the first files loaded."""
    pipeline.load()
    return pipeline
