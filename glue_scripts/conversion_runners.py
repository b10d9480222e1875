"""Where tasks run: on Spark, in this process, or in a pool of processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from conversion_tasks import Job, PartReport, PlaceLines, run_task
from splits import Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Tasks = Sequence[Task | PlaceLines]
Runner = Callable[[Job, Tasks], Iterable[PartReport]]

_ARROW_TYPES: dict[str, Any] = {
    "int": pa.int64(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "tuple[int, ...]": pa.list_(pa.int64()),
    "tuple[str, ...]": pa.list_(pa.string()),
}
_SPARK_TYPES = {
    "int": "bigint",
    "bool": "boolean",
    "str": "string",
    "tuple[int, ...]": "array<bigint>",
    "tuple[str, ...]": "array<string>",
}
REPORT_SCHEMA = pa.schema([(item.name, _ARROW_TYPES[str(item.type)]) for item in fields(PartReport)])
REPORT_DDL = ", ".join(f"`{item.name}` {_SPARK_TYPES[str(item.type)]}" for item in fields(PartReport))


def in_process(job: Job, tasks: Tasks) -> Iterator[PartReport]:
    """Run tasks one after the other in this process."""
    for task in tasks:
        yield from run_task(job, task)


def process_pool(workers: int) -> Runner:
    """Return a runner that spreads tasks over processes of this machine."""

    def run(job: Job, tasks: Tasks) -> Iterator[PartReport]:
        # Not forked: Arrow's threads and locks of this process must not be copied.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for reports in pool.map(partial(run_task, job), tasks):
                yield from reports

    return run


def on_spark(spark: SparkSession) -> Runner:
    """Return a runner that gives each task to a Spark task of its own."""

    def run(job: Job, tasks: Tasks) -> Iterator[PartReport]:
        if not tasks:
            return
        for row in accounting(spark, job, tasks).collect():
            values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
            yield PartReport(*values)

    return run


def accounting(spark: SparkSession, job: Job, tasks: Tasks) -> DataFrame:
    """Return the lazy DataFrame that does the tasks: one row per part of a source, columns as in PartReport."""
    share_modules(spark)
    # Every Spark task receives all payloads (Spark broadcasts them once per machine) and unpickles only its own.
    payloads = [pickle.dumps(task) for task in tasks]

    def convert(batches: Iterable[Any]) -> Iterator[Any]:
        # One thread per task: Spark runs as many tasks as there are cores.
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        for batch in batches:
            for number in batch.column(0).to_pylist():
                reports = run_task(job, pickle.loads(payloads[number]))  # noqa: S301 - written by the driver above
                yield report_batch(reports)

    numbers = spark.range(0, len(tasks), 1, len(tasks))
    return numbers.mapInArrow(convert, REPORT_DDL)


def report_batch(reports: Sequence[PartReport]) -> Any:
    """Return reports as an Arrow record batch."""
    rows = [astuple(report) for report in reports]
    columns = [
        pa.array([row[place] for row in rows], REPORT_SCHEMA.field(place).type) for place in range(len(REPORT_SCHEMA))
    ]
    return pa.RecordBatch.from_arrays(columns, schema=REPORT_SCHEMA)


def share_modules(spark: SparkSession) -> None:
    """Make the modules beside this one importable by the workers of a local session.

    On a cluster `--extra-py-files` has done that; a local session started with `python csv_to_parquet.py` knows only
    its own path.
    """
    context = spark.sparkContext
    if str(context.master).startswith("local"):
        folder = str(Path(__file__).parent)
        known = context.environment.get("PYTHONPATH", "")
        if folder not in known.split(":"):
            context.environment["PYTHONPATH"] = f"{known}:{folder}" if known else folder
