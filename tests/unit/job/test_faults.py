"""The job in a process of its own that is really killed, at every step; then one more execution.

Most processes convert without Spark, so that one takes a second. The last cases need Spark's tasks and run the job's
own entry.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import faults
from contract import DatasetContract
from conversion import UnitResult, convert_units
from conversion_plan import UnitWork
from conversion_task import PartReport, run_task
from local_aws.extensions.glue_jobs import JAVA_OPTIONS, find_java_home
from local_aws.processes import end_session, session_members, wait_until_gone
from storage import LocalStorage, open_storage
from tests.unit.job.killing import DIED, ROOT, RUN, SECONDS, environment
from tests.unit.job.support import BAD, World, listing_digest

# ------------------------------------------------------------------------------------------------- every step, no Spark
# The conversion lasts long enough for the timer of `converting:n` to go off in it.
SLOW_RUN = """
import sys, time
from job import Arguments, run_job
from tests.unit.job.support import convert

run_job(Arguments(sys.argv[1], sys.argv[2]), lambda *work: (convert(*work), time.sleep(60))[0])
"""
# The kernel ends the process when the second Parquet file is written and not yet closed: the first task is done.
KILLED_IN_TASK = """
import contextlib, os, signal, sys
import storage
from job import Arguments, run_job
from tests.unit.job.support import convert

write, opened = storage.LocalStorage.open_write, []

@contextlib.contextmanager
def open_write(self, uri):
    with write(self, uri) as stream:
        yield stream
        if "/tables/" in uri:
            opened.append(uri)
            stream.flush()
            if len(opened) == 2:
                os.kill(os.getpid(), signal.SIGKILL)

storage.LocalStorage.open_write = open_write
run_job(Arguments(sys.argv[1], sys.argv[2]), convert)
"""

OLD = {"01": ["1"], "02": ["2"], "03": ["3"]}
# What changes, in the order of publishing: one corrected, one with a late file, one new.
CHANGED = {"01": ["10"], "02": ["2", "20"], "04": ["40"]}
SETTLED = {**OLD, **CHANGED}
NEW_BAD = {"02": 1, "04": 1}

# The step, and how many of the changed units readers then see as they are to be.
STEPS = [
    ("listed", 0),
    ("planned", 0),
    ("converting:0.5", 0),
    ("in the middle of a task", 0),
    ("converted", 0),
    ("manifested", 0),
    ("claimed", 0),
    ("publish:0", 0),
    ("publish:1", 1),
    ("publish:2", 2),
    ("published", 3),
    ("raw", 3),
    ("sealing", 3),
    ("sealed", 3),
    ("noted", 3),
    ("swept:0", 3),
    ("swept:1", 3),
]


def kill_at(world: World, fault: str, run_id: str = "killed") -> None:
    """Run the job in a process of its own until it dies at a step."""
    in_task = fault == "in the middle of a task"
    code = KILLED_IN_TASK if in_task else SLOW_RUN if fault.startswith("converting") else RUN
    command = [sys.executable, "-c", code, str(world.config), run_id]
    variables = environment(**({} if in_task else {faults.VARIABLE: fault}))
    ended = subprocess.run(command, env=variables, timeout=SECONDS, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL if in_task else DIED, "")


def named(world: World) -> set[str]:
    """Return every Location that the catalog names."""
    return {world.location(unit, name) for name in ("trips", "trips_quarantine") for unit in world.partitions(name)}


def check_locations(world: World) -> None:
    """No Location that the catalog names is empty or missing."""
    assert [place for place in named(world) if not list(open_storage(place).list(place))] == []


def nothing_to_do(world: World) -> bool:
    """Say whether an execution would find that there is nothing to do, as the state machine finds it."""
    parameters = world.table()["Parameters"]
    fingerprint = parameters.get("contract_fingerprint", "")
    return bool(world.digest()) and world.digest() == listing_digest(world.raw, fingerprint)


def check_settled(world: World, rows: Mapping[str, list[str]] = SETTLED, bad: Mapping[str, int] = NEW_BAD) -> None:
    """The tables are exactly right, a further run changes nothing, and nothing lies in the lake that has no name."""
    assert world.rows() == rows
    assert {unit: len(found) for unit, found in world.rows("trips_quarantine", "raw_text").items()} == bad
    check_locations(world)
    assert world.run_folders() == named(world)
    assert nothing_to_do(world)
    assert (world.run().status, world.rows()) == ("unchanged", rows)


def loaded_and_changed(folder: Path) -> World:
    """Load three months, then correct one, add a late file to one, and bring a fourth."""
    world = World(folder)
    world.put("month=01/a.csv", "1", BAD)
    world.put("month=02/a.csv", "2")
    world.put("month=03/a.csv", "3")
    world.run()
    assert world.rows() == OLD
    world.put("month=01/a.csv", "10")
    world.put("month=02/late.csv", "20", BAD)
    world.put("month=04/a.csv", "40", BAD)
    return world


@pytest.mark.parametrize(("fault", "published"), STEPS)
def it_dies_at_a_step_and_one_more_run_makes_it_right(tmp_path: Path, fault: str, published: int) -> None:
    world = loaded_and_changed(tmp_path)
    kill_at(world, fault)
    assert world.rows() == {**OLD, **dict(list(CHANGED.items())[:published])}
    check_locations(world)
    assert nothing_to_do(world) == (fault.partition(":")[0] in ("sealed", "noted", "swept"))
    world.run()
    check_settled(world)


@pytest.mark.parametrize(
    ("fault", "new"),
    [("claimed", False), ("publish:0", False), ("published", True), ("raw", True), ("sealing", True)],
)
def it_dies_likewise_where_the_table_is_the_only_unit(tmp_path: Path, fault: str, new: bool) -> None:
    world = World(tmp_path, partition_keys=[])
    world.put("a.csv", "1", BAD)
    world.run()
    world.put("a.csv", "2", BAD, BAD)
    kill_at(world, fault)
    assert world.rows() == {"": ["2" if new else "1"]}
    check_locations(world)
    assert not nothing_to_do(world)
    world.run()
    check_settled(world, {"": ["2"]}, {"": 2})


def it_dies_in_its_first_run_and_leaves_a_table_that_can_be_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("month=01/a.csv", "1")
    world.put("month=02/a.csv", "2")
    kill_at(world, "publish:1")
    assert world.rows() == {"01": ["1"]}
    world.run()
    check_settled(world, {"01": ["1"], "02": ["2"]}, {})


def it_starts_clean_when_glue_retries_the_same_run(tmp_path: Path) -> None:
    world = loaded_and_changed(tmp_path)
    kill_at(world, "publish:1", "glue-run")
    attempt = next(folder for folder in world.run_folders() if "/tables/trips/month=02/run=glue-run-" in folder)
    first = world.location("01")
    pretend_it_ran_elsewhere(world)
    # Another run cannot know that the dead one is dead; the retry of the same run does.
    world.run("other", partitions='[{"month": "03"}]', force=True)
    assert attempt in world.run_folders()
    world.run("glue-run")
    assert world.location("01") == first
    assert "/run=glue-run-" in world.location("02") != attempt
    check_settled(world)


def it_sweeps_after_a_week_what_a_lost_run_left(tmp_path: Path) -> None:
    world = loaded_and_changed(tmp_path)
    kill_at(world, "manifested")
    pretend_it_ran_elsewhere(world)
    world.run()
    assert len(world.run_folders() - named(world)) == 5
    world.run(later=timedelta(days=7, minutes=1))
    check_settled(world)


def what_was_made(reports: Sequence[PartReport]) -> list[PartReport]:
    """Return reports of parts without what differs each time: the ETags of their files, and the seconds."""
    return [
        replace(
            report,
            files=tuple(replace(file, etag="") for file in report.files),
            bad_files=tuple(replace(file, etag="") for file in report.bad_files),
            working_seconds=0.0,
        )
        for report in reports
    ]


def pretend_it_ran_elsewhere(world: World) -> None:
    """Let the dead run have been on another machine, as every run on Glue is: nobody can ask whether it lives."""
    for path in (world.lake / "manifests/trips/runs").glob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere"}))


# ---------------------------------------------------------------------------------------------- tasks that run twice
def it_leaves_one_file_when_a_task_runs_twice_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = loaded_and_changed(tmp_path)
    both_write = threading.Barrier(2)
    write = LocalStorage.open_write
    opened: list[str] = []

    @contextmanager
    def open_write(self: LocalStorage, uri: str) -> Any:
        with write(self, uri) as stream:
            yield stream
            if "run=twice-" in uri:
                opened.append(uri)
                both_write.wait(SECONDS)

    def twice(job: Any, tasks: Sequence[Any]) -> list[Any]:
        """Run each task in two threads; the answer of the slower one is dropped, as Spark does it."""
        reports = []
        with ThreadPoolExecutor(2) as pool:
            for task in tasks:
                slower, faster = (pool.submit(run_task, job, task) for _ in range(2))
                # The slower one writes last, so the ETag is not what the faster one has reported; the content is.
                assert what_was_made(slower.result(SECONDS)) == what_was_made(faster.result(SECONDS))
                reports += faster.result()
        return reports

    def speculative(contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
        with monkeypatch.context() as patch:
            patch.setattr(LocalStorage, "open_write", open_write)
            return convert_units(None, contract, work, run_id=run_id, runner=twice)

    world.run("twice", converter=speculative)
    # Three units and two quarantines, and each of their files was written by both.
    assert (len(opened), len(set(opened))) == (10, 5)
    assert [len(list(Path(folder).iterdir())) for folder in named(world)] == [1] * 6
    check_settled(world)


# ------------------------------------------------------------------------------------------------------- tasks on Spark
# Python runs this at the start of the job and of Spark's workers. The first worker to write a Parquet file of the table
# says so and then sleeps before the file is finished, or dies after that.
IN_WORKERS = """
import contextlib, os, signal, sys, time
from pathlib import Path

import storage

write, marker, deed = storage.LocalStorage.open_write, Path(os.environ["TEST_MARKER"]), os.environ["TEST_DEED"]

@contextlib.contextmanager
def open_write(self, uri):
    with write(self, uri) as stream:
        yield stream
        if deed == "sleep" and "/tables/" in uri and "run=spark-" in uri:
            stream.flush()
            marker.touch()
            time.sleep(60)
    if deed == "die" and "/tables/" in uri and "run=spark-" in uri and not marker.exists():
        marker.touch()
        os._exit(1)
    if deed == "die always" and "/tables/" in uri:
        os._exit(1)
    if deed == "kill the JVM" and "/tables/" in uri:
        daemon = Path("/proc", str(os.getppid()), "stat").read_text()
        os.kill(int(daemon.rpartition(")")[2].split()[1]), signal.SIGKILL)
        time.sleep(60)
    if deed == "raise" and "/tables/" in uri:
        raise ConnectionResetError("the network is down")

storage.LocalStorage.open_write = open_write
"""


def start_on_spark(world: World, deed: str, marker: Path) -> subprocess.Popen[str]:
    """Start the job as it is started without AWS, with tasks that Spark tries three times."""
    customs = marker.with_name("customs")
    customs.mkdir()
    (customs / "sitecustomize.py").write_text(IN_WORKERS)
    path = ":".join(map(str, (customs, ROOT, ROOT / "glue_scripts")))
    submit = (
        "--master local[2,3] --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
        f"--conf spark.driver.bindAddress=127.0.0.1 --driver-java-options '{JAVA_OPTIONS}' pyspark-shell"
    )
    variables = environment(PYTHONPATH=path, PYSPARK_SUBMIT_ARGS=submit, TEST_MARKER=str(marker), TEST_DEED=deed)
    variables.pop("PYSPARK_GATEWAY_PORT", None)
    if java_home := find_java_home():
        variables["JAVA_HOME"] = java_home
    command = [sys.executable, str(ROOT / "glue_scripts/csv_to_parquet.py"), "--dataset_config", str(world.config)]
    return subprocess.Popen(
        [*command, "--run_id", "spark", "--spark_from_mb", "0"],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.spark
def it_is_killed_in_the_middle_of_a_spark_task(tmp_path: Path) -> None:
    world = loaded_and_changed(tmp_path)
    marker = tmp_path / "in-task"
    job = start_on_spark(world, "sleep", marker)
    try:
        deadline = time.monotonic() + SECONDS
        while not marker.exists():
            assert job.poll() is None, job.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for pid in (members := session_members(job.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert wait_until_gone(members, SECONDS)
        assert job.wait(SECONDS) == -signal.SIGKILL
    finally:
        end_session(job.pid)
        job.communicate()
    assert list(world.lake.glob("tables/**/run=spark-*/.*.tmp"))
    assert world.rows() == OLD
    check_locations(world)
    assert not nothing_to_do(world)
    world.run()
    check_settled(world)


@pytest.mark.spark
def it_leaves_one_file_when_a_spark_task_dies_after_writing_it(tmp_path: Path) -> None:
    world = loaded_and_changed(tmp_path)
    marker = tmp_path / "died"
    job = start_on_spark(world, "die", marker)
    try:
        output, _ = job.communicate(timeout=SECONDS)
    finally:
        end_session(job.pid)
    assert job.returncode == 0, output
    # The marker says that a worker died after its file was complete, the log that Spark ran the task again.
    assert marker.exists()
    assert "Lost task" in output
    written = [folder for folder in named(world) if "/run=spark-" in folder]
    assert [len(list(Path(folder).iterdir())) for folder in written] == [1] * 5
    check_settled(world)


@pytest.mark.spark
@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        ("die always", "conversion_failures.SparkFailedError: workers of Spark died while they converted, "),
        ("kill the JVM", "conversion_failures.SparkFailedError: the JVM of Spark's driver has died "),
        ("raise", "nothing was published: ConnectionResetError: the network is down"),
    ],
)
def it_says_in_one_sentence_that_spark_gave_up(tmp_path: Path, deed: str, sentence: str) -> None:
    world = loaded_and_changed(tmp_path)
    job = start_on_spark(world, deed, tmp_path / "marker")
    try:
        output, _ = job.communicate(timeout=SECONDS)
    finally:
        end_session(job.pid)
    assert job.returncode == 1
    # What follows the exception's line is what the JVM logs while it shuts down.
    message = next(line for line in output.splitlines() if line.startswith("conversion_failures."))
    assert sentence in message
    assert len(message) < 400
    assert world.rows() == OLD
    world.run()
    check_settled(world)
