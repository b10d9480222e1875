"""Runs the engine on rows that stand in a test: files in, Parquet rows and quarantine rows out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from contract import DatasetContract, parse_contract
from conversion import UnitResult, convert_units
from conversion_parquet import WrittenFile
from conversion_plan import Settings, UnitWork
from conversion_runners import Runner
from csv_parts import Sizes
from sources import SourceFile
from storage import open_storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Columns = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Converted:
    """The outcome of one conversion: rows in the order of files and of the records in them."""

    result: UnitResult
    rows: list[dict[str, Any]]
    bad: list[dict[str, Any]]

    def accounts(self) -> list[tuple[int, int, int]]:
        """Return rows read, written and quarantined of each file."""
        return [(item.rows_read, item.rows_written, item.rows_quarantined) for item in self.result.sources]

    def bad_places(self) -> list[tuple[int, str | None]]:
        """Return line number and column of each quarantined row."""
        return [(row["line_number"], row["column_name"]) for row in self.bad]


def columns(**types: str) -> list[dict[str, Any]]:
    """Return contract columns of given types."""
    return [{"name": name, "type": kind} for name, kind in types.items()]


def a_contract(folder: Path, declared: Columns, csv: Mapping[str, Any] | None = None, **more: Any) -> DatasetContract:
    """Return a contract over two sub-folders, by default one that lets every row be bad."""
    document = {
        "dataset": "t",
        "source_uri": str(folder / "raw"),
        "lake_uri": str(folder / "lake"),
        "columns": list(declared),
        "csv": dict(csv or {}),
        "max_bad_fraction": 1,
    }
    return parse_contract({**document, **more})


def a_unit(folder: Path, files: Mapping[str, bytes]) -> UnitWork:
    """Write files and return them as one unit of work."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (raw / name).write_bytes(data)
    listed = open_storage(str(raw)).list(f"{raw}/")
    sources = tuple(SourceFile(item.uri, item.key, item.size, item.etag) for item in listed)
    return UnitWork((), sources, f"{folder}/data/", f"{folder}/bad/")


def read_table(path: Path) -> Any:
    """Return what one Parquet file holds: pq.read_table does that ten times as slowly, as a dataset of one file."""
    with pq.ParquetFile(path) as file:
        return file.read()


def read_rows(files: Sequence[WrittenFile]) -> list[dict[str, Any]]:
    """Return the rows of Parquet files, in order."""
    return [row for file in files for row in read_table(Path(file.uri)).to_pylist()]


def convert(
    data: bytes | Mapping[str, bytes],
    declared: Columns,
    csv: Mapping[str, Any] | None = None,
    *,
    split: int = 1 << 26,
    window: int = 1 << 16,
    slots: int = 4,
    sizes: Sizes | None = None,
    spark: SparkSession | None = None,
    driver_slots: int = 0,
    runner: Runner | None = None,
    **more: Any,
) -> Converted:
    """Convert files (bytes alone are `a.csv`), cut into splits, parts and blocks; return what comes out."""
    files = {"a.csv": data} if isinstance(data, bytes) else data
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unit = a_unit(folder, files)
        settings = Settings(
            split_bytes=split, whole_bytes=split * 3 // 2, window_bytes=window, parsing=sizes or Sizes()
        )
        (result,) = convert_units(
            spark,
            a_contract(folder, declared, csv, **more),
            [unit],
            run_id="r1",
            settings=settings,
            slots=slots,
            driver_slots=driver_slots,
            runner=runner,
        )
        in_folder = sorted(str(path) for path in (folder / "data").glob("*")) if (folder / "data").exists() else []
        assert in_folder == [file.uri for file in result.files]
        bad = [row for path in sorted((folder / "bad").glob("*")) for row in read_table(path).to_pylist()]
        bad.sort(key=lambda row: (row["source_file"], row["line_number"]))
        return Converted(result, read_rows(result.files), bad)
