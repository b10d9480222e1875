"""The job on a real cluster: its script and modules lie in the driver's folder and nowhere else."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_aws.extensions.glue_jobs import JAVA_OPTIONS
from local_aws.spark_cluster import SECONDS, SLOTS, Cluster, Program, packages, plain_environment, start
from tests.cluster.trips import DAYS, Trips, write_trips

pytestmark = pytest.mark.spark
ROOT = Path(__file__).parents[2]
SCRIPT = "csv_to_parquet.py"
SLOW_DISK = Path(__file__).parent / "slow_disk"


# Two jobs in one session, then a question to the workers.
TWO_JOBS = """
import json, sys
from csv_to_parquet import main
from pyspark.sql import SparkSession

main(["--dataset_config", sys.argv[1], "--spark_from_mb", "0", "--run_id", "r0"])
main(["--dataset_config", sys.argv[1], "--spark_from_mb", "0", "--run_id", "r1", "--force", "true"])

def seen(_):
    import contract, storage
    began_with = open("/proc/self/environ").read().split(chr(0))
    yield storage.s3_client().meta.region_name, contract.__file__, began_with

context = SparkSession.getActiveSession().sparkContext
print("seen:", json.dumps(context.parallelize([0], 1).flatMap(seen).collect()[0]))
"""

# A big job whose driver takes its first partitions at once and converts none before Spark has its part; then how many
# the driver has converted.
TOGETHER = """
import sys, threading
import conversion_runners, conversion_spark, csv_to_parquet

convert, converted, given = conversion_runners.run_task, [], threading.Event()
part_of_spark = conversion_spark._Together._part_of_spark

def patiently(context, task, slot):
    given.wait()
    converted.append(task)
    return convert(context, task, slot)

def give(together):
    tasks = part_of_spark(together)
    given.set()
    return tasks

csv_to_parquet.MEBIBYTE, conversion_runners.run_task = 1, patiently
conversion_spark._Together._part_of_spark = give
csv_to_parquet.main(["--dataset_config", sys.argv[1], "--spark_from_mb", "1", "--run_id", "r1"])
print(f"by the driver: {len(converted)}")
"""


class SlowCluster(Cluster):
    """A cluster of one worker, the disk of whose workers is slow.

    No file of a lake becomes visible before the file `gate` exists.
    """

    def __init__(self, folder: Path) -> None:
        self.gate = folder / "gate"
        super().__init__(folder, {"PYTHONPATH": ":".join([str(SLOW_DISK), *packages()]), "GATE": str(self.gate)})


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowCluster]:
    cluster = SlowCluster(tmp_path_factory.mktemp("cluster"))
    with cluster, cluster.worker():
        yield cluster


@pytest.fixture
def cluster(shared_cluster: SlowCluster) -> SlowCluster:
    """Return a cluster of one worker, whose gate is closed."""
    shared_cluster.gate.unlink(missing_ok=True)
    return shared_cluster


@pytest.fixture
def trips(tmp_path: Path) -> Trips:
    return write_trips(tmp_path)


@contextmanager
def driver(folder: Path, url: str, command: Sequence[str], **variables: str) -> Iterator[Program]:
    """Start Python as Glue does, the job's script and modules having been downloaded to folders of the driver."""
    modules = folder / "modules"
    modules.mkdir(parents=True)
    for module in (ROOT / "glue_scripts").glob("*.py"):
        shutil.copy(module, folder if module.name == SCRIPT else modules)
    submit = f"--master {url} --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
    submit += "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.executor.memory=512m "
    submit += (
        f"--driver-java-options '{JAVA_OPTIONS}' --conf 'spark.executor.extraJavaOptions={JAVA_OPTIONS}' pyspark-shell"
    )
    variables |= {"PYTHONPATH": ":".join([*packages(), str(modules)]), "PYSPARK_SUBMIT_ARGS": submit}
    environment = plain_environment(folder, PYSPARK_PYTHON=sys.executable, **variables)
    program = start(folder, environment, [sys.executable, *command])
    try:
        yield program
    finally:
        program.end()


@contextmanager
def job(folder: Path, cluster: SlowCluster, trips: Trips) -> Iterator[Program]:
    """Start the job."""
    command = [str(folder / SCRIPT), "--dataset_config", str(trips.config), "--run_id", "r1", "--spark_from_mb", "0"]
    with driver(folder, cluster.url, command) as program:
        yield program


def wait_for_busy_slots(trips: Trips, slots: int, program: Program) -> None:
    """Wait until so many slots write a file."""
    deadline = time.monotonic() + SECONDS
    while trips.unfinished_files() < slots:
        assert program.process.poll() is None, program.log
        assert time.monotonic() < deadline, f"{trips.unfinished_files()} of {slots} slots are busy"
        time.sleep(0.05)


def check(trips: Trips, program: Program) -> None:
    """Check that the job ends well and that the published rows are those of the files."""
    assert program.process.wait(SECONDS) == 0, program.log
    expected = trips.rows_of_files()
    assert trips.visible_rows() == expected
    report = json.loads((trips.lake / "reports/trips/r1.json").read_text())
    assert (report["rows_written"], report["rows_quarantined"]) == (len(expected), trips.bad_rows_of_files())


def printed(title: str, program: Program) -> str:
    """Return what stands behind a title in a line of its own, wherever in Spark's log that came."""
    (found,) = re.findall(f"^{title}: (.*)$", program.log, re.MULTILINE)
    return str(found)


def it_loads_on_a_cluster_whose_second_worker_comes_late(cluster: SlowCluster, trips: Trips, tmp_path: Path) -> None:
    with job(tmp_path / "driver", cluster, trips) as program:
        wait_for_busy_slots(trips, SLOTS, program)
        with cluster.worker():
            wait_for_busy_slots(trips, 2 * SLOTS, program)
            cluster.gate.touch()
            check(trips, program)


def it_loads_when_a_worker_is_killed_in_the_middle(cluster: SlowCluster, trips: Trips, tmp_path: Path) -> None:
    with cluster.worker() as doomed, job(tmp_path / "driver", cluster, trips) as program:
        wait_for_busy_slots(trips, 2 * SLOTS, program)
        doomed.kill()
        cluster.gate.touch()
        check(trips, program)
        assert "Lost executor" in program.log


def it_runs_twice_in_a_session_and_tells_workers_the_region(cluster: SlowCluster, trips: Trips, tmp_path: Path) -> None:
    cluster.gate.touch()
    folder = tmp_path / "driver"
    command = ["-c", TWO_JOBS, str(trips.config)]
    with driver(folder, cluster.url, command, AWS_DEFAULT_REGION="eu-central-1") as program:
        check(trips, program)
        region, module, environment = json.loads(printed("seen", program))
    assert region == "eu-central-1"
    assert Path(module).parent.suffix == ".zip"
    assert str(folder) not in module
    # Before Arrow is loaded, which keeps what it frees then.
    assert "MIMALLOC_PURGE_DELAY=-1" in environment


def it_converts_in_the_driver_and_on_workers(cluster: SlowCluster, trips: Trips, tmp_path: Path) -> None:
    cluster.gate.touch()
    with driver(tmp_path / "driver", cluster.url, ["-c", TOGETHER, str(trips.config)]) as program:
        check(trips, program)
        assert 0 < int(printed("by the driver", program)) < len(DAYS)
