"""The job is killed while it works on S3 and Glue, here of the local AWS; then Glue retries the run."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import faults
from catalog_local import LocalCatalog
from contract import parse_contract
from local_aws import LocalAws, free_port
from local_aws.settings import REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from tests.unit.job.killing import DIED, RUN, SECONDS, environment
from tests.unit.job.support import BAD
from tests.unit.job.test_faults import CHANGED, OLD, SETTLED

TABLES = ("trips", "trips_quarantine")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Yield a local AWS with nothing in it."""
    local = LocalAws(tmp_path_factory.mktemp("aws"), free_port())
    local.start()
    yield local
    local.stop()


class Lake:
    """One dataset in buckets and a database of its own."""

    def __init__(self, aws: LocalAws, name: str, folder: Path) -> None:
        self.s3, self.glue, self.name, self.aws = aws.client("s3"), aws.client("glue"), name, aws
        contract: dict[str, Any] = {
            "dataset": "trips",
            "database": name,
            "source_uri": f"s3://{name}-raw/trips/",
            "lake_uri": f"s3://{name}-lake/",
            "partition_keys": [{"name": "month"}],
            "columns": [{"name": "id"}, {"name": "n", "type": "int"}],
            "max_bad_fraction": 1,
            "retain_superseded_hours": 0,
        }
        self.config = folder / "contract.json"
        self.config.write_text(json.dumps(contract))
        for bucket in (f"{name}-raw", f"{name}-lake"):
            self.s3.create_bucket(Bucket=bucket)
        self.glue.create_database(DatabaseInput={"Name": name})
        # The tables that the state machine would create are those that the job makes on local folders.
        local = LocalCatalog(str(folder), name)
        local.prepare(parse_contract(contract))
        for table in (*TABLES, "raw_trips"):
            found = local.find_table(table)
            assert found is not None
            self.glue.create_table(DatabaseName=name, TableInput=dict(found.definition))

    def put(self, key: str, *ids: str) -> None:
        text = "id,n\n" + "".join(f"{item},{'x' if item == BAD else 1}\n" for item in ids)
        self.s3.put_object(Bucket=f"{self.name}-raw", Key=f"trips/{key}", Body=text.encode())

    def run(self, run_id: str, fault: str = "") -> int:
        """Run the job in a process of its own; return how it ended."""
        variables = environment(
            AWS_ENDPOINT_URL=self.aws.endpoint,
            AWS_ACCESS_KEY_ID=ROOT_ACCESS_KEY,
            AWS_SECRET_ACCESS_KEY=ROOT_SECRET_KEY,
            AWS_DEFAULT_REGION=REGION,
            **{faults.VARIABLE: fault},
        )
        command = [sys.executable, "-c", RUN, str(self.config), run_id]
        ended = subprocess.run(command, env=variables, timeout=SECONDS, check=False, capture_output=True, text=True)
        assert ended.stderr == ""
        return ended.returncode

    def locations(self, table: str) -> dict[str, str]:
        found = self.glue.get_partitions(DatabaseName=self.name, TableName=table)["Partitions"]
        return {item["Values"][0]: item["StorageDescriptor"]["Location"] for item in found}

    def keys(self, folder: str = "") -> list[str]:
        """Return the keys of the lake below a folder of it."""
        answer = self.s3.list_objects_v2(
            Bucket=f"{self.name}-lake", Prefix=folder.removeprefix(f"s3://{self.name}-lake/")
        )
        return [item["Key"] for item in answer.get("Contents", [])]

    def rows(self, table: str = "trips", column: str = "id") -> dict[str, list[str]]:
        """Return what a reader sees: the sorted values of a column, per partition."""
        return {
            values: sorted(row for key in self.keys(folder) for row in self._column(key, column))
            for values, folder in sorted(self.locations(table).items())
        }

    def _column(self, key: str, column: str) -> list[str]:
        body = self.s3.get_object(Bucket=f"{self.name}-lake", Key=key)["Body"].read()
        found: list[str] = pq.read_table(io.BytesIO(body))[column].to_pylist()
        return found

    def digest(self) -> str | None:
        table = self.glue.get_table(DatabaseName=self.name, Name="trips")["Table"]
        value: str | None = table["Parameters"].get("listing_digest")
        return value

    def named(self) -> set[str]:
        return {folder for table in TABLES for folder in self.locations(table).values()}

    def folders(self) -> set[str]:
        """Return the folders of both tables that hold an object."""
        keys = [*self.keys("tables/"), *self.keys("quarantine/")]
        return {f"s3://{self.name}-lake/{key.rpartition('/')[0]}/" for key in keys}


@pytest.mark.parametrize(("fault", "published"), [("publish:1", 1), ("swept:1", 3), ("sealing", 3)])
def it_dies_on_s3_and_glue_and_the_retry_makes_it_right(
    aws: LocalAws, tmp_path: Path, fault: str, published: int
) -> None:
    lake = Lake(aws, fault.replace(":", "-"), tmp_path)
    lake.put("month=01/a.csv", "1", BAD)
    lake.put("month=02/a.csv", "2")
    lake.put("month=03/a.csv", "3")
    assert lake.run("first") == 0
    assert lake.rows() == OLD
    digest = lake.digest()
    lake.put("month=01/a.csv", "10")
    lake.put("month=02/late.csv", "20", BAD)
    lake.put("month=04/a.csv", "40", BAD)
    assert lake.run("glue-run", fault) == DIED
    assert lake.rows() == {**OLD, **dict(list(CHANGED.items())[:published])}
    assert all(lake.keys(folder) for folder in lake.named())
    # So the next execution starts the job, but where all that is left is to delete what is superseded.
    assert (lake.digest() is None) == (fault != "swept:1")
    assert lake.run("glue-run") == 0
    assert lake.rows() == SETTLED
    assert lake.rows("trips_quarantine", "raw_text") == {"02": [f"{BAD},x"], "04": [f"{BAD},x"]}
    assert lake.digest() not in (None, digest)
    # The dead attempt's folders are gone too: a retry of its run knows that it is dead.
    assert lake.folders() == lake.named()
