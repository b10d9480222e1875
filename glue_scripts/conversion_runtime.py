"""Where a run took place: versions, region, slots and arguments as the job finds them, for a report that asks."""

from __future__ import annotations

import platform
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore
import pyarrow as pa
import urllib3

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Tasks for each slot: so many that every executor gets one.
ROUNDS = 4


class Runtime:
    """Takes notes while a run goes on; where Spark was never started, it knows of the driver only."""

    def __init__(self, argv: Sequence[str]) -> None:
        # Their values may be secrets.
        self._arguments = sorted(word for word in argv if word.startswith("--"))
        self._spark: SparkSession | None = None
        self._slots_at_start: int | None = None

    def spark_started(self, spark: SparkSession) -> None:
        """Note the session, and how many slots it has by now."""
        self._spark, self._slots_at_start = spark, spark.sparkContext.defaultParallelism

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the place: for this, Spark runs one more stage of tasks that do nothing."""
        found: dict[str, Any] = {"arguments": self._arguments, "driver": facts()}
        if self._spark is None:
            return found
        context = self._spark.sparkContext
        slots = context.defaultParallelism
        tasks = slots * ROUNDS
        answers = context.parallelize(range(tasks), tasks).map(worker_facts).collect()
        kinds: list[Mapping[str, Any]] = []
        for _, answer in answers:
            if answer not in kinds:
                kinds.append(answer)
        found |= {"slots_at_start": self._slots_at_start, "slots_at_end": slots, "spark": context.version}
        return found | {"hosts": len({host for host, _ in answers}), "workers": kinds}


def facts() -> dict[str, Any]:
    """Return the versions and the region that this process has by itself, and what it takes our modules from."""
    return {
        "python": platform.python_version(),
        "pyarrow": pa.__version__,
        "boto3": boto3.__version__,
        "botocore": botocore.__version__,
        "urllib3": vars(urllib3).get("__version__"),
        "region": boto3.Session().region_name,
        "modules": Path(__file__).parent.name,
    }


def worker_facts(_: int) -> tuple[str, dict[str, Any]]:
    """Return host and facts of the worker that this runs in."""
    return socket.gethostname(), facts()
