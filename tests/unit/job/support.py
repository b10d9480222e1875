"""A small world for tests of the bookkeeping: local folders or a fake Glue, and readers that know no job code."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from catalog import Catalog
from catalog_glue import GlueCatalog
from catalog_local import LocalCatalog
from contract import DatasetContract, parse_contract
from conversion import UnitResult, convert_units
from conversion_plan import UnitWork
from job import Arguments, run_job
from report import Report
from tests.unit.engine.helpers import read_table
from tests.unit.job.fake_glue import FakeGlue

BAD = "bad"
_CLOCK = itertools.count(1)


def convert(contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
    """Convert with the real engine, in this process instead of on Spark."""
    return convert_units(None, contract, work, run_id=run_id)


class World:
    """A raw folder, a lake folder and a contract, with what a user does to them."""

    def __init__(self, folder: Path, glue: FakeGlue | None = None, **contract: Any) -> None:
        self.raw, self.lake, self.config = folder / "raw", folder / "lake", folder / "contract.json"
        self.raw.mkdir(parents=True)
        self.contract: dict[str, Any] = {
            "dataset": "trips",
            "source_uri": str(self.raw),
            "lake_uri": str(self.lake),
            "partition_keys": [{"name": "month"}],
            "columns": [{"name": "id"}, {"name": "n", "type": "int"}],
            "max_bad_fraction": 1,
            "retain_superseded_hours": 0,
            **contract,
        }
        self.runs = 0
        self.glue = glue
        self.save()
        if glue is not None:
            self._create_tables(glue)

    def _create_tables(self, glue: FakeGlue) -> None:
        """Do what the state machine does on AWS."""
        local = LocalCatalog(str(self.lake), "default")
        local.prepare(parse_contract(self.contract))
        for name in ("trips", "raw_trips", "trips_quarantine"):
            glue.add_table(self._read_table(name))

    def lose_tables(self, *names: str) -> None:
        """Forget tables with all their partitions; where the state machine makes them on AWS, they are there, empty."""
        for name in names:
            (self.lake / f"catalog/default/{name}.json").unlink(missing_ok=True)
            for path in (self.lake / f"catalog/default/{name}.partitions").glob("*.json"):
                path.unlink()
        if self.glue is not None:
            LocalCatalog(str(self.lake), "default").prepare(parse_contract(self.contract))
            for name in names:
                self.glue.partitions[name] = {}
                self.glue.add_table(self._read_table(name))

    def unit_of(self, path: Path) -> str:
        """Return the values of the unit that a file below a run folder belongs to."""
        return "/".join(part.partition("=")[2] for part in path.parts if part.startswith("month="))

    def open_catalog(self, contract: DatasetContract) -> Catalog:
        """Return the catalog under test, to be put in the place of job.open_catalog."""
        if self.glue is None:
            return LocalCatalog(contract.lake_uri, contract.database)
        client: Any = self.glue
        return GlueCatalog(contract.database, client, pause=0)

    def save(self, **changes: Any) -> None:
        """Write the contract, changed."""
        self.contract.update(changes)
        self.config.write_text(json.dumps(self.contract))

    def put(self, key: str, *ids: str) -> Path:
        """Upload a CSV file of two columns; the row `bad` is none. Every upload has a newer time than all before."""
        path = self.raw / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id,n\n" + "".join(f"{item},{'x' if item == BAD else 1}\n" for item in ids))
        stamp = 1_600_000_000 + next(_CLOCK)
        os.utime(path, (stamp, stamp))
        return path

    def run(self, run_id: str | None = None, later: timedelta = timedelta(0), **arguments: Any) -> Report:
        """Run the job in this process, `later` than now."""
        self.runs += 1
        converter, runtime = arguments.pop("converter", convert), arguments.pop("runtime", dict)
        effort = arguments.pop("effort", None)
        return run_job(
            Arguments(str(self.config), run_id or f"r{self.runs}", **arguments),
            converter,
            lambda: datetime.now(timezone.utc) + later,
            runtime,
            effort,
        )

    # ---- readers: the catalog's JSON files and pyarrow only
    def table(self, name: str = "trips") -> dict[str, Any]:
        """Return a table of the catalog."""
        return self._read_table(name) if self.glue is None else self.glue.tables[name]

    def _read_table(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.lake / f"catalog/default/{name}.json").read_text())["table"]
        return content

    def partitions(self, name: str = "trips") -> dict[str, dict[str, Any]]:
        """Return a table's partitions by their values, joined by a slash; an unpartitioned table as partition ''."""
        if not self.contract["partition_keys"]:
            table = self.table(name)
            return {"": table} if "fingerprint" in table["Parameters"] else {}
        if self.glue is not None:
            return {"/".join(values): item for values, item in self.glue.partitions[name].items()}
        files = (self.lake / f"catalog/default/{name}.partitions").glob("*.json")
        found = [json.loads(path.read_text()) for path in files]
        return {"/".join(partition["Values"]): partition for partition in found}

    def rows(self, name: str = "trips", column: str = "id") -> dict[str, list[str]]:
        """Return what a reader of the table sees: the sorted values of a column, per partition."""
        seen = {}
        for values, partition in self.partitions(name).items():
            folder = Path(partition["StorageDescriptor"]["Location"])
            tables = [read_table(path) for path in sorted(folder.glob("*.parquet"))]
            seen[values] = sorted(value for table in tables for value in table[column].to_pylist())
        return seen

    def location(self, values: str, name: str = "trips") -> str:
        """Return a partition's Location."""
        return str(self.partitions(name)[values]["StorageDescriptor"]["Location"])

    def digest(self) -> str | None:
        """Return the digest that tells the state machine that there is nothing to do."""
        value: str | None = self.table()["Parameters"].get("listing_digest")
        return value

    def run_folders(self) -> set[str]:
        """Return all run folders of both tables that hold a file."""
        found = [*self.lake.glob("tables/**/*"), *self.lake.glob("quarantine/**/*")]
        return {f"{path.parent}/" for path in found if path.is_file()}


def actions(report: Report) -> dict[str, str]:
    """Return what a run did with each unit."""
    return {"/".join(unit.values.values()): unit.action for unit in report.units}


def listing_digest(raw: Path, digest: str) -> str:
    """Fold the files below a folder as the state machine folds a listing; written apart from the job's own code."""
    paths = [path for path in raw.rglob("*") if path.is_file()]
    for path in sorted(paths, key=lambda item: os.fsencode(item.relative_to(raw).as_posix())):
        digest = hashlib.sha256(f"{digest}{path.relative_to(raw).as_posix()}{etag(path)}".encode()).hexdigest()
    return digest


def etag(path: Path) -> str:
    """Return the ETag of a local file."""
    status = path.stat()
    content = f"{status.st_size}:{status.st_mtime_ns}"
    return f'"{hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()}"'
