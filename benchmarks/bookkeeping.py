"""What the bookkeeping costs as a table grows: listing, diff, publishing, sweeping and sealing, without converting.

`python -m benchmarks.bookkeeping [--partitions 1000,10000] [--files 10]` starts a local AWS, uploads so many partitions
of so many files, and runs the job against it through boto3, each run in a process of its own: a first load, a run that
finds nothing new, one more partition, and one corrected file. Prints a line per run. Seconds, CPU seconds and memory
are the job's; the local AWS runs beside it, and the seconds include its answers. A conversion is only pretended: it
writes one small object per partition, and its time is not counted.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "glue_scripts"))

import boto3

from catalog_local import LocalCatalog
from contract import DatasetContract, parse_contract
from conversion import SourceOutcome, UnitResult
from conversion_parquet import WrittenFile
from conversion_plan import UnitWork
from job import Arguments, run_job
from local_aws import LocalAws, free_port
from local_aws.settings import REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from storage import open_storage, s3_client

ROOT = Path(__file__).parents[1]
CONTRACT: dict[str, Any] = {
    "dataset": "trips",
    "database": "bench",
    "source_uri": "s3://bench-raw/trips/",
    "lake_uri": "s3://bench-lake/",
    "partition_keys": [{"name": "day"}],
    "columns": [{"name": f"column_{number}"} for number in range(20)],
    # What a run supersedes is swept by the next one.
    "retain_superseded_hours": 0,
    "lake_datasets": ["trips"],
}
# The job reads headers where it converts nothing, for the raw table.
HEADER = ",".join(column["name"] for column in CONTRACT["columns"]).encode() + b"\n"
UPLOADS = 8
# What reads the whole history, page by page, or all tables.
LISTINGS = ("ListObjectsV2", "GetPartitions", "GetTables")


# ------------------------------------------------------------------------------------------------------- the job's side
def run_once(config: str, run_id: str) -> None:
    """Run the job in this process and print its figures as one line of JSON."""
    calls: Counter[str] = Counter()
    converting = [0.0, 0.0]

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    def pretend(contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
        """Account for every file as if it had been converted."""
        started = time.perf_counter(), time.process_time()
        results = []
        for unit in work:
            outcomes = tuple(SourceOutcome(source, 10, 10, 0, 0, (), (), ()) for source in unit.sources)
            uri = f"{unit.data_uri}part-0.snappy.parquet"
            etag = open_storage(uri).write_bytes(uri, b"PAR1")
            results.append(UnitResult(unit, outcomes, (WrittenFile(uri, 10 * len(outcomes), 4, etag, ""),), ()))
        converting[:] = time.perf_counter() - started[0], time.process_time() - started[1]
        return results

    boto3.DEFAULT_SESSION = boto3.Session()
    boto3.DEFAULT_SESSION.events.register("before-call", count)
    # Made in a session of its own.
    s3_client().meta.events.register("before-call", count)
    started = time.perf_counter(), time.process_time()
    with redirect_stdout(io.StringIO()):  # the report's line
        report = run_job(Arguments(config, run_id), pretend)
    seconds, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    assert report.converged, "the run must bring the table in line"  # noqa: S101
    figures = {
        "written": report.units_inserted + report.units_replaced,
        "seconds": round(seconds - converting[0], 2),
        "cpu": round(cpu - converting[1], 2),
        # ru_maxrss is in KiB on Linux.
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "listings": {name: calls[name] for name in LISTINGS},
        "other_calls": {name: calls[name] for name in sorted(calls) if name not in LISTINGS},
    }
    print(json.dumps(figures))


# ----------------------------------------------------------------------------------------------------- the world's side
def prepare(aws: LocalAws, folder: Path) -> Path:
    """Create buckets and tables; return the contract's file."""
    config = folder / "contract.json"
    config.write_text(json.dumps(CONTRACT))
    for bucket in ("bench-raw", "bench-lake"):
        aws.client("s3").create_bucket(Bucket=bucket)
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "bench"})
    # The tables that the state machine would create are those that the job makes on local folders.
    local = LocalCatalog(str(folder), "bench")
    contract = parse_contract(CONTRACT)
    local.prepare(contract)
    for name in (contract.raw_table, contract.parquet_table, contract.quarantine_table):
        table = local.find_table(name)
        assert table is not None, f"{name} has just been made"  # noqa: S101
        glue.create_table(DatabaseName="bench", TableInput=dict(table.definition))
    return config


def upload(aws: LocalAws, partitions: range, files: int, content: bytes) -> None:
    """Upload the source files of some partitions."""
    client = aws.client("s3")

    def put(partition: int) -> None:
        for file in range(files):
            key = f"trips/day={partition:08d}/part-{file:04d}.csv"
            client.put_object(Bucket="bench-raw", Key=key, Body=content)

    with ThreadPoolExecutor(UPLOADS) as pool:
        for _ in pool.map(put, partitions):
            pass


def measure(partitions: int, files: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of each run over a table of that size."""
    aws = LocalAws(folder / "aws", free_port())
    aws.start()
    try:
        config = prepare(aws, folder)
        variables = {
            **os.environ,
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }
        for run in ("first load", "nothing new", "one more partition", "one corrected file"):
            if run == "first load":
                upload(aws, range(partitions), files, HEADER + b"1")
            elif run == "one more partition":
                upload(aws, range(partitions, partitions + 1), files, HEADER + b"1")
            elif run == "one corrected file":
                upload(aws, range(1), 1, HEADER + b"2")
            command = [sys.executable, "-m", "benchmarks.bookkeeping", "--one", str(config), run.replace(" ", "-")]
            done = subprocess.run(command, env=variables, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            yield {"partitions": partitions, "files": partitions * files, "run": run, **json.loads(done.stdout)}
    finally:
        aws.stop()


def main() -> None:
    """Measure each size and print one line per run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--partitions", default="1000,10000")
    parser.add_argument("--files", type=int, default=10, help="source files per partition")
    parser.add_argument("--one", nargs=2, metavar=("CONTRACT", "RUN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_once(*options.one)
        return
    for size in map(int, options.partitions.split(",")):
        with TemporaryDirectory() as folder:
            for figures in measure(size, options.files, Path(folder)):
                print("  ".join(f"{name}={value}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
