"""Where tasks run: on Spark, in this process, or in a pool of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from conversion_tasks import Job, PartReport, PlaceLines, run_task
from splits import Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Tasks = Sequence[Task | PlaceLines]
Runner = Callable[[Job, Tasks], Iterable[PartReport]]


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
    """Return a runner that gives each task to a Spark task of its own.

    An RDD and not a DataFrame: docs/benchmarks.md shows what mapInArrow costs, and no table goes through Spark here.
    """

    def run(job: Job, tasks: Tasks) -> list[PartReport]:
        if not tasks:
            return []
        share_modules(spark)
        return spark.sparkContext.parallelize(tasks, len(tasks)).flatMap(partial(_run_in_worker, job)).collect()

    return run


def _run_in_worker(job: Job, task: Task | PlaceLines) -> list[PartReport]:
    # One thread: Spark runs as many tasks as there are cores.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    return run_task(job, task)


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
