"""A configuration in its years: a dataset is added, renamed, removed and taken back, and the rows are always there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws import ExecutionResult, LocalAws, free_port
from local_aws.terraform import ROOT
from tests.e2e.conftest import Pipeline, Rows

# Five applies of a whole stack; what the state machine says and does in each case stands in tests/asl.
pytestmark = pytest.mark.long
OUTPUTS = ("state_machine_arn", "raw_bucket", "lake_bucket", "database_name", "athena_workgroup", "glue_job_name")
ITEMS = {"columns": [{"name": "id", "type": "int"}, {"name": "name"}], "on_source_removed": "keep"}
MONTHLY = {**ITEMS, "partition_keys": [{"name": "month"}]}
LAKE: dict[str, Any] = {
    "name": "lifecycle",
    "force_destroy": True,
    # The local endpoint speaks plain HTTP.
    "require_tls": False,
    # The provider waits a minute per bucket for lifecycle rules to settle.
    "lifecycle_rules": {"enabled": False},
    "monitoring": {"alarms": False, "dashboard": False},
    "workflow": {"timeouts": {"overlap_poll_seconds": 1}},
}
NONE: tuple[str, list[str], list[str]] = ("none", [], [])
# What a team has in the same database: of a dataset that is not ours, and a view of its own.
THEIRS = ("raw_theirs", "theirs", "v_theirs")


def tables_of(dataset: str) -> list[str]:
    return sorted([f"raw_{dataset}", dataset, f"{dataset}_quarantine", f"v_{dataset}"])


def removed_by(result: ExecutionResult) -> tuple[str, list[str], list[str]]:
    """Return status, kept and dropped names of what an execution says of removed datasets."""
    said = result.output["removed"]
    return said["status"], sorted(said["kept"]), sorted(said["dropped"])


@dataclass
class Instance:
    """The module's instance, and the folder of the configuration that calls it."""

    pipeline: Pipeline
    folder: Path

    def apply(self, datasets: dict[str, Any], **more: Any) -> None:
        """Apply the module with these datasets."""
        source = os.path.relpath(ROOT, self.folder.resolve())
        configuration = {
            "provider": {"aws": {"s3_use_path_style": True, "skip_metadata_api_check": True}},
            "module": {"lake": {"source": source, **LAKE, "datasets": datasets, **more}},
            "output": {name: {"value": f"${{module.lake.{name}}}"} for name in OUTPUTS},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(configuration))
        self.pipeline.outputs = self.pipeline.aws.apply(self.folder)

    def settle(self) -> ExecutionResult:
        """Execute, and once more: the second execution has nothing to do. Return the first one."""
        first = self.pipeline.succeed()
        second = self.pipeline.succeed()
        assert second.glue_runs == 0
        assert second.output["removed"]["dropped"] == []
        assert {view["status"] for view in second.output["views"]} <= {"unchanged"}
        return first

    def rows(self, table: str) -> Rows:
        return self.pipeline.rows(f"SELECT * FROM {table}")  # noqa: S608 - names of this file

    def names(self) -> set[str]:
        """Return the names of all tables and views of the database."""
        found = self.pipeline.aws.client("glue").get_tables(DatabaseName=self.pipeline.database)["TableList"]
        return {table["Name"] for table in found}

    def contents(self) -> set[str]:
        """Return the keys below the folders of the lake that hold data and say what it is."""
        s3, bucket = self.pipeline.aws.client("s3"), self.pipeline.outputs["lake_bucket"]
        keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
        return {key for key in keys if key.split("/")[0] in ("tables", "quarantine", "manifests")}

    def share_the_database(self) -> None:
        """Let another team have tables and a view there, one table in the folder of the same lake."""
        glue, outputs = self.pipeline.aws.client("glue"), self.pipeline.outputs
        for name, location in (
            ("raw_theirs", f"s3://{outputs['raw_bucket']}/theirs/"),
            ("theirs", f"s3://{outputs['lake_bucket']}/tables/theirs/"),
        ):
            table: Any = {
                "Name": name,
                "StorageDescriptor": {"Location": location},
                "Parameters": {"managed_by": "them"},
            }
            glue.create_table(DatabaseName=self.pipeline.database, TableInput=table)
        glue.create_table(
            DatabaseName=self.pipeline.database, TableInput={"Name": "v_theirs", "TableType": "VIRTUAL_VIEW"}
        )


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    aws = LocalAws(directory=tmp_path_factory.mktemp("lifecycle"), port=free_port())
    aws.start()
    try:
        yield Instance(Pipeline(aws, {}), tmp_path_factory.mktemp("configuration"))
    finally:
        aws.stop()


def it_adds_renames_removes_and_takes_back_datasets(instance: Instance) -> None:
    pipeline = instance.pipeline
    both = "SELECT s.name FROM sales AS s JOIN shops AS p ON p.id = s.id"
    view = {"name": "sold", "sql": both}
    instance.apply({"sales": MONTHLY, "shops": ITEMS}, views=[view])
    instance.share_the_database()
    pipeline.upload("sales/month=2024-01/a.csv", "id,name\n1,apple\n")
    pipeline.upload("sales/month=2024-02/a.csv", "id,name\n2,pear\n")
    pipeline.upload("shops/a.csv", "id,name\n1,North\n2,South\n")
    first = instance.settle()
    assert (first.glue_runs, removed_by(first)) == (2, NONE)
    sales = [("1", "apple", "2024-01"), ("2", "pear", "2024-02")]
    assert instance.rows("sales") == sales
    # Rows of a file that has expired have to outlive all that follows.
    pipeline.remove("sales/month=2024-01/a.csv")
    pipeline.succeed()

    # Added, with workers and a clock of its own, and another one gets those, too: nothing of the others is touched.
    larger = {"glue": {"worker_type": "G.2X", "number_of_workers": 3}, "schedule": {"expression": "rate(7 days)"}}
    instance.apply({"sales": {**MONTHLY, **larger}, "shops": ITEMS, "visits": {**ITEMS, **larger}}, views=[view])
    pipeline.upload("visits/a.csv", "id,name\n7,Ann\n")
    added = instance.settle()
    assert (added.glue_runs, removed_by(added)) == (1, NONE)
    assert {name: report["status"] for name, report in added.output["datasets"].items()} == {
        "sales": "unchanged",
        "shops": "unchanged",
        "visits": "loaded",
    }
    assert instance.rows("visits") == [("7", "Ann")]
    latest = pipeline.job_runs()[0]
    assert (latest["WorkerType"], latest["NumberOfWorkers"], latest["Arguments"]["--task_slots"]) == ("G.2X", 3, "16")

    # Renamed: published under the new name, nothing converted; what the old name leaves is named, and kept.
    orders = {**MONTHLY, "renamed_from": "sales", "prefix": "sales"}
    view = {**view, "sql": both.replace("sales", "orders")}
    instance.apply({"orders": orders, "shops": ITEMS, "visits": ITEMS}, views=[view])
    renamed = instance.settle()
    report = renamed.output["datasets"]["orders"]
    assert (renamed.glue_runs, report["units_restored"], report["rows_written"]) == (1, 2, 0)
    assert removed_by(renamed) == ("kept", tables_of("sales"), [])
    assert instance.rows("orders") == instance.rows("sales") == sales

    # Removed, with its view and what the rename has left: by an execution that has nothing else to do.
    stored = instance.contents()
    instance.apply({"shops": ITEMS, "visits": ITEMS}, on_dataset_removed="drop_tables")
    planned = pipeline.succeed(dry_run=True)
    gone = sorted([*tables_of("sales"), *tables_of("orders"), "sold"])
    assert removed_by(planned) == ("kept", gone, [])
    removed = instance.settle()
    assert (removed.glue_runs, removed_by(removed)) == (0, ("dropped", [], gone))
    assert instance.names() == {*tables_of("shops"), *tables_of("visits"), *THEIRS}
    assert instance.contents() == stored
    # Nothing brings it back, not even looking through the lake.
    assert removed_by(pipeline.succeed(verify=True)) == NONE
    assert instance.names() == {*tables_of("shops"), *tables_of("visits"), *THEIRS}

    # Taken back: every row is there again, and what has come in the meantime.
    pipeline.upload("sales/month=2024-03/a.csv", "id,name\n3,plum\n")
    instance.apply({"orders": orders, "shops": ITEMS, "visits": ITEMS}, on_dataset_removed="drop_tables")
    back = instance.settle()
    report = back.output["datasets"]["orders"]
    assert (back.glue_runs, report["units_restored"], report["units_inserted"]) == (1, 2, 1)
    assert removed_by(back) == NONE
    assert instance.rows("orders") == instance.rows("v_orders") == [*sales, ("3", "plum", "2024-03")]
    assert instance.rows("shops") == [("1", "North"), ("2", "South")]
    assert stored <= instance.contents()
