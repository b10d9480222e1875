"""The job on a real cluster: its script and modules lie in the driver's folder and nowhere else."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.standalone import SECONDS, SLOTS, Cluster, Program, packages, plain_environment, start
from tests.cluster.trips import Trips, write_trips

ROOT = Path(__file__).parents[2]
SCRIPT = "csv_to_parquet.py"
SLOW_DISK = Path(__file__).parent / "slow_disk"


@pytest.fixture
def trips(tmp_path: Path) -> Trips:
    return write_trips(tmp_path)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return the file that the workers' disk waits for."""
    return tmp_path / "gate"


@pytest.fixture
def cluster(tmp_path: Path, gate: Path) -> Iterator[Cluster]:
    """Yield a cluster of one worker."""
    with Cluster(tmp_path / "cluster") as cluster:
        cluster.start_worker(SLOW_DISK, GATE=str(gate))
        yield cluster


@contextmanager
def driver(folder: Path, url: str, *arguments: str) -> Iterator[Program]:
    """Start the job as Glue does, script and modules having been downloaded to folders of the driver."""
    modules = folder / "modules"
    modules.mkdir(parents=True)
    for module in (ROOT / "glue_scripts").glob("*.py"):
        shutil.copy(module, folder if module.name == SCRIPT else modules)
    submit = f"--master {url} --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
    submit += "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.executor.memory=512m pyspark-shell"
    environment = plain_environment(
        folder,
        PYTHONPATH=":".join([*packages(), str(modules)]),
        PYSPARK_PYTHON=sys.executable,
        PYSPARK_SUBMIT_ARGS=submit,
    )
    program = start(folder, environment, [sys.executable, str(folder / SCRIPT), *arguments])
    try:
        yield program
    finally:
        program.end()


def wait_for_busy_slots(trips: Trips, slots: int, job: Program) -> None:
    """Wait until so many slots write a file."""
    deadline = time.monotonic() + SECONDS
    while trips.unfinished_files() < slots:
        assert job.process.poll() is None, job.log
        assert time.monotonic() < deadline, f"{trips.unfinished_files()} of {slots} slots are busy"
        time.sleep(0.05)


def check(trips: Trips, job: Program) -> None:
    """Check that the job ends well and that the published rows are those of the files."""
    assert job.process.wait(SECONDS) == 0, job.log
    expected = trips.rows_of_files()
    assert trips.visible_rows() == expected
    report = json.loads((trips.lake / "reports/trips/r1.json").read_text())
    assert (report["rows_written"], report["rows_quarantined"]) == (len(expected), trips.bad_rows_of_files())


def it_loads_on_a_cluster_whose_second_worker_comes_late(
    cluster: Cluster, trips: Trips, gate: Path, tmp_path: Path
) -> None:
    arguments = ("--dataset_config", str(trips.config), "--run_id", "r1")
    with driver(tmp_path / "driver", cluster.url, *arguments) as job:
        wait_for_busy_slots(trips, SLOTS, job)
        cluster.start_worker(SLOW_DISK, GATE=str(gate))
        wait_for_busy_slots(trips, 2 * SLOTS, job)
        gate.touch()
        check(trips, job)


def it_loads_when_a_worker_is_killed_in_the_middle(cluster: Cluster, trips: Trips, gate: Path, tmp_path: Path) -> None:
    doomed = cluster.start_worker(SLOW_DISK, GATE=str(gate))
    arguments = ("--dataset_config", str(trips.config), "--run_id", "r1")
    with driver(tmp_path / "driver", cluster.url, *arguments) as job:
        wait_for_busy_slots(trips, 2 * SLOTS, job)
        doomed.kill()
        gate.touch()
        check(trips, job)
        assert "Lost executor" in job.log
