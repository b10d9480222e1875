"""A dataset of many small partitions, and what Python's csv and DuckDB see of it before and after the job."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

DAYS = [f"2013-01-{day:02d}" for day in range(1, 25)]
_ROWS = 60
_NAMES = ("plain", "a, comma", 'a "quote"', "two\nlines", "ünïcode", "trailing blank ")


@dataclass(frozen=True)
class Trips:
    """Raw files, contract and lake of the dataset."""

    raw: Path
    lake: Path
    config: Path

    def visible_rows(self) -> list[tuple[Any, ...]]:
        """Return what a reader of the published partitions sees, by DuckDB."""
        found = (self.lake / "catalog/default/trips.partitions").glob("*.json")
        partitions = [json.loads(path.read_text()) for path in found]
        rows = []
        for partition in partitions:
            folder = partition["StorageDescriptor"]["Location"]
            query = f"SELECT ?, id, amount::VARCHAR, name FROM read_parquet('{folder}*.parquet')"  # noqa: S608
            rows += duckdb.execute(query, [partition["Values"][0]]).fetchall()
        return sorted(rows)

    def rows_of_files(self) -> list[tuple[Any, ...]]:
        """Return the good rows of the raw files, by Python's csv."""
        return sorted(
            (path.parent.name.partition("=")[2], int(row["id"]), row["amount"], row["name"])
            for path, row in self._records()
            if row["amount"] != "?"
        )

    def bad_rows_of_files(self) -> int:
        """Return the number of the others."""
        return sum(row["amount"] == "?" for _, row in self._records())

    def _records(self) -> list[tuple[Path, dict[str, str]]]:
        found = []
        for path in sorted(self.raw.rglob("*.csv")):
            with path.open(encoding="utf-8", newline="") as stream:
                found += [(path, row) for row in csv.DictReader(stream)]
        return found

    def unfinished_files(self) -> int:
        """Return how many Parquet files are written at this moment: every slot that is busy holds one."""
        return len(list(self.lake.glob("tables/**/.part-*.tmp")))


def write_trips(folder: Path) -> Trips:
    """Write two files per day, with a bad row in some."""
    numbers = random.Random(13)  # noqa: S311 - the same rows in every run
    trips = Trips(folder / "raw", folder / "lake", folder / "contract.json")
    for day in DAYS:
        for name in ("early.csv", "late.csv"):
            path = trips.raw / f"day={day}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(("id", "amount", "name"))
                for _ in range(numbers.randrange(1, _ROWS)):
                    amount = "?" if numbers.random() < 0.02 else f"{numbers.randrange(10**6) / 100:.2f}"
                    writer.writerow((numbers.randrange(2**62), amount, numbers.choice(_NAMES)))
    contract = {
        "dataset": "trips",
        "source_uri": f"file://{trips.raw}",
        "lake_uri": f"file://{trips.lake}",
        "partition_keys": [{"name": "day", "type": "date"}],
        "columns": [
            {"name": "id", "type": "bigint"},
            {"name": "amount", "type": "decimal(9,2)"},
            {"name": "name", "type": "string"},
        ],
        "max_bad_fraction": 1,
    }
    trips.config.write_text(json.dumps(contract))
    return trips
