"""What the bookkeeping costs as a table grows: listing, diff, publishing and sealing, without converting anything.

`python -m benchmarks.bookkeeping [--partitions 1000,10000] [--files 10]` measures, for each number of partitions, a
first load, an idle run and an increment of one partition, against a Glue catalog and an S3 listing that are both in
memory: what is left is the job's own time and memory, and the number of calls it makes. Prints one line per run.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "glue_scripts"))

import job
import sources
from catalog import Catalog
from contract import DatasetContract, parse_contract
from conversion import ConversionResult, OutputFile, SourceOutcome, UnitWork
from glue_catalog import GlueCatalog
from job import Arguments, run_job
from local_catalog import LocalCatalog
from storage import StoredObject
from storage import open_storage as real_storage
from tests.unit.job.fake_glue import FakeGlue

NOW = datetime.now(timezone.utc)


class Listing:
    """A raw prefix that exists only as a listing."""

    def __init__(self, root: str, partitions: int, files: int) -> None:
        self.root, self.partitions, self.files = root, partitions, files

    def list(self, prefix_uri: str) -> Iterator[StoredObject]:
        """Yield the files of all partitions in S3's order."""
        for partition in range(self.partitions):
            for file in range(self.files):
                key = f"day={partition:08d}/part-{file:04d}.csv"
                yield StoredObject(f"{self.root}{key}", key, 1000, f'"{partition:032x}"', NOW)


def count_rows(contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> ConversionResult:
    """Account for every file as if it had been converted."""
    outcomes = tuple(
        SourceOutcome(source.key, unit.values, source.size, 10, 10, 0, (), ())
        for unit in work
        for source in unit.sources
    )
    files = tuple(OutputFile(f"{unit.data_uri}part-0.snappy.parquet", unit.values, 10, 100) for unit in work)
    return ConversionResult(outcomes, files)


def measure(partitions: int, files: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of a first load, an idle run and an increment."""
    document = {
        "dataset": "trips",
        "source_uri": str(folder / "raw"),
        "lake_uri": str(folder / "lake"),
        "partition_keys": [{"name": "day"}],
        "columns": [{"name": f"column_{number}"} for number in range(20)],
    }
    config = folder / "contract.json"
    config.write_text(json.dumps(document))
    contract = parse_contract(document)
    local, glue = LocalCatalog(contract.lake_uri, "default"), FakeGlue()
    local.prepare(contract)
    for name in (contract.parquet_table, contract.quarantine_table, contract.raw_table):
        table = local.find_table(name)
        assert table is not None, f"{name} has just been made"  # noqa: S101
        glue.add_table(dict(table.definition))
    client: Any = glue

    def open_catalog(_: DatasetContract) -> Catalog:
        return GlueCatalog("default", client)

    listing = Listing(contract.source_uri, partitions, files)

    # The raw prefix is the listing above; everything else stays on the disk.
    def open_storage(uri: str) -> Any:
        return listing if uri == contract.source_uri else real_storage(uri)

    with (
        mock.patch.object(job, "open_catalog", open_catalog),
        mock.patch.object(sources, "open_storage", open_storage),
    ):
        for name, more in (("first load", 0), ("idle", 0), ("one more partition", 1)):
            listing.partitions += more
            glue.calls.clear()
            started = time.perf_counter()
            with redirect_stdout(io.StringIO()):  # the report's line
                report = run_job(Arguments(str(config), name.replace(" ", "-")), count_rows)
            seconds = time.perf_counter() - started
            assert report.converged, "the run must bring the table in line"  # noqa: S101
            yield {
                "partitions": listing.partitions,
                "files": listing.partitions * files,
                "run": name,
                "seconds": round(seconds, 2),
                # The process's peak so far; ru_maxrss is in KiB on Linux.
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "catalog_writes": sum("Get" not in call for call, _ in glue.calls),
            }


def main() -> None:
    """Measure each size and print one line per run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--partitions", default="1000,2000,5000,10000")
    parser.add_argument("--files", type=int, default=10, help="source files per partition")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    for size in map(int, options.partitions.split(",")):
        with TemporaryDirectory() as folder:
            for figures in measure(size, options.files, Path(folder)):
                print("  ".join(f"{name}={value}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
