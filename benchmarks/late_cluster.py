"""`python -m benchmarks.late_cluster`: how busy a cluster is that comes late, with 10,000 units of 10 KiB on a slow S3.

A standalone Spark cluster without workers gets the job; 20 seconds after that its only worker joins, which has two
slots. Spark's event log tells which part of the slots' time, from the registration of the executor to the end of the
last task, tasks ran; the job's own account tells which part of that they did not wait for S3. Once the job is told of
its two slots, once it is not and believes what Spark sees of them when it starts. Never a test.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.conversion import FOLDER, say, table
from benchmarks.engines import engine_work
from benchmarks.measuring import ROOT, BenchmarkError, cpu_seconds
from benchmarks.slow_s3 import LATENCY_MS, MEGABYTES_PER_SECOND, SlowS3, s3_uri, slow_s3
from benchmarks.taxi_data import COLUMNS, partitions
from local_aws.processes import session_members
from local_aws.spark_cluster import SLOTS, Cluster, Program, packages, plain_environment, start
from process_settings import LIBRARY_SETTINGS

UNIT_BYTES = 10_240
LATE_SECONDS = 20
# Of one run.
TIMEOUT_SECONDS = 900


# --------------------------------------------------------------------------------------------------- the driver's side
def drive(raw: str, out: str, slots: int | None) -> None:
    """Convert in this process's Spark and print figures as one line of JSON."""
    contract, work = engine_work(raw, out, COLUMNS)
    from pyspark.sql import SparkSession

    from conversion import Effort, convert_units

    spark = SparkSession.builder.appName("late cluster").getOrCreate()
    effort, begin = Effort(), time.perf_counter()
    results = convert_units(spark, contract, work, run_id="benchmark", slots=slots, effort=effort)
    figures = {
        "seconds": time.perf_counter() - begin,
        "waiting_percent": effort.waiting_percent,
        "slots_at_start": effort.slots_at_start,
        "rows": sum(source.rows_written for result in results for source in result.sources),
    }
    spark.stop()
    sys.stdout.write(f"FIGURES {json.dumps(figures)}\n")


# ------------------------------------------------------------------------------------------------------- all the rest
@dataclass(frozen=True)
class Run:
    """What came of one run: shares are Spark's tasks, parts are of one, seconds count from the executor's arrival."""

    shares: int
    seconds: float
    busy: float
    waiting: float
    slots_seen: int
    rows: int
    worker_cpu: float
    server_cpu: float

    @property
    def working(self) -> float:
        """Return the part of the slots' time in which tasks run and do not wait for S3."""
        return self.busy * (1 - self.waiting)


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the events that Spark has logged so far, the last line of which may be half written."""
    for path in folder.iterdir():
        for line in path.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return


def load_late(raw: Path, out: Path, server: SlowS3, slots: int | None, late_seconds: float) -> Run:
    """Run the job on a cluster whose worker comes late."""
    shutil.rmtree(out, ignore_errors=True)
    with TemporaryDirectory() as name, Cluster(Path(name), server.environment) as cluster:
        folder = Path(name)
        log = folder / "events"
        log.mkdir()
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.memory": "512m",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": log.as_uri(),
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
            **{f"spark.executorEnv.{variable}": value for variable, value in LIBRARY_SETTINGS.items()},
        }
        submit = " ".join(f"--conf {key}={value}" for key, value in settings.items())
        environment = plain_environment(
            folder / "driver",
            PYSPARK_PYTHON=sys.executable,
            PYTHONPATH=":".join([*packages(), str(ROOT)]),
            PYSPARK_SUBMIT_ARGS=f"--master {cluster.url} {submit} pyspark-shell",
            **LIBRARY_SETTINGS,
            **server.environment,
        )
        command = [sys.executable, "-m", "benchmarks.late_cluster", "--drive", s3_uri(raw), s3_uri(out)]
        served = cpu_seconds(server.pid)
        driver = start(folder / "driver", environment, [*command, *(["--slots", str(slots)] if slots else [])])
        try:
            wait_for_job(log, driver)
            time.sleep(late_seconds)
            with cluster.worker() as worker:
                worker_cpu = follow(driver, worker)
        finally:
            driver.end()
        said = re.findall(r"^FIGURES (.*)$", driver.log, re.MULTILINE)
        return account(list(events(log)), json.loads(said[-1]), worker_cpu, cpu_seconds(server.pid) - served)


def follow(driver: Program, worker: Program) -> float:
    """Wait until the driver ends; return how long processors have worked for the worker and all that it started."""
    deadline, seen = time.monotonic() + TIMEOUT_SECONDS, dict[int, float]()
    while driver.process.poll() is None:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"the job has not ended after {TIMEOUT_SECONDS} seconds: {driver.log}")
        for pid in session_members(worker.process.pid):
            seen[pid] = max(seen.get(pid, 0.0), cpu_seconds(pid))
        time.sleep(0.2)
    if driver.process.returncode:
        raise BenchmarkError(driver.log)
    return sum(seen.values())


def wait_for_job(log: Path, driver: Program) -> None:
    """Wait until Spark has been given the job."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not any(event["Event"] == "SparkListenerJobStart" for event in events(log)):
        if time.monotonic() > deadline or driver.process.poll() is not None:
            raise BenchmarkError(f"the driver gave Spark nothing to do: {driver.log}")
        time.sleep(0.1)


def account(seen: list[dict[str, Any]], figures: dict[str, Any], worker_cpu: float, server_cpu: float) -> Run:
    """Return what Spark's events and the job's own figures say of a run."""
    begin = min(event["Timestamp"] for event in seen if event["Event"] == "SparkListenerExecutorAdded")
    tasks = [event["Task Info"] for event in seen if event["Event"] == "SparkListenerTaskEnd"]
    end = max(task["Finish Time"] for task in tasks)
    held = sum(task["Finish Time"] - task["Launch Time"] for task in tasks)
    return Run(
        shares=len(tasks),
        seconds=(end - begin) / 1000,
        busy=held / (SLOTS * (end - begin)),
        waiting=figures["waiting_percent"] / 100,
        slots_seen=figures["slots_at_start"],
        rows=figures["rows"],
        worker_cpu=worker_cpu,
        server_cpu=server_cpu,
    )


def main() -> None:
    """Run the job, told and not told, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--late_seconds", type=float, default=LATE_SECONDS)
    parser.add_argument("--latency_ms", type=float, default=LATENCY_MS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--drive", nargs=2, metavar=("RAW", "OUT"), help=argparse.SUPPRESS)
    parser.add_argument("--slots", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        raw, out = arguments.drive
        drive(raw, out, arguments.slots)
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = partitions(FOLDER, arguments.units, UNIT_BYTES)
    say(f"load {os.getloadavg()[0]:.1f}, {arguments.units} units of {UNIT_BYTES} bytes, {os.cpu_count()} cores\n")
    rows = []
    with slow_s3(FOLDER, arguments.latency_ms, MEGABYTES_PER_SECOND) as server:
        for _ in range(arguments.repeats):
            for title, slots in (("told", SLOTS), ("not told", None)):
                run = load_late(folder, FOLDER / "out", server, slots, arguments.late_seconds)
                say(f"{title}: {run}")
                rows.append(
                    [
                        title,
                        str(run.slots_seen),
                        str(run.shares),
                        f"{run.seconds:.1f}",
                        f"{100 * run.busy:.0f} %",
                        f"{100 * run.waiting:.0f} %",
                        f"{100 * run.working:.0f} %",
                        f"{run.worker_cpu:.0f}",
                        f"{run.server_cpu:.0f}",
                    ]
                )
    table(
        [
            "slots",
            "seen at start",
            "Spark tasks",
            "s",
            "busy",
            "waiting of that",
            "working",
            "worker's CPU s",
            "server's CPU s",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
