"""A real Spark cluster on this machine: https://spark.apache.org/docs/latest/spark-standalone.html.

Master and workers listen on the loopback interface only. A worker has nothing of the driver's but the interpreter, its
installed packages and the disk: its folder and its environment are its own.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import site
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

from local_aws.errors import LocalAwsError
from local_aws.extensions.glue_jobs import JAVA_OPTIONS, find_java_home
from local_aws.processes import end_session, session_members, wait_until_gone

SPARK_HOME = Path(pyspark.__file__).resolve().parent
# For whatever is waited for: on a busy machine a Java program alone may take twenty.
SECONDS = 120
# Of each worker.
SLOTS = 2
_MASTER_URL = re.compile(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
_REGISTERED = re.compile(r"Successfully registered with master")


class SparkClusterError(LocalAwsError):
    """A program of the cluster has not said or done what it was waited for."""


def packages() -> list[str]:
    """Return the folder that holds pyspark where the interpreter does not find it by itself."""
    folder = str(SPARK_HOME.parent)
    return [] if folder in map(os.path.realpath, site.getsitepackages()) else [folder]


def plain_environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with nothing of this process's but the way to its programs."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": JAVA_OPTIONS,
        "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
        **more,
    }
    if java_home := find_java_home():
        variables["JAVA_HOME"] = java_home
    return variables


@dataclass(frozen=True)
class Program:
    """A master, a worker or a driver, in a session and a folder of its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        """Return what it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait until it says something and return that."""
        deadline = time.monotonic() + SECONDS
        while not (found := pattern.search(self.log)):
            if self.process.poll() is not None:
                raise SparkClusterError(f"it ended before it said {pattern.pattern}: {self.log}")
            if time.monotonic() > deadline:
                raise SparkClusterError(f"it did not say {pattern.pattern} in {SECONDS} seconds: {self.log}")
            time.sleep(0.05)
        return found

    def kill(self) -> None:
        """Take the machine's power away: the worker, its executors and their Python processes end at once."""
        members = session_members(self.process.pid)
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not wait_until_gone(members, SECONDS):
            raise SparkClusterError(f"a process of {members} goes on although it was killed")

    def end(self) -> None:
        """End it and everything that it started."""
        end_session(self.process.pid)
        self.process.wait(SECONDS)


def start(folder: Path, environment: Mapping[str, str], command: Sequence[str]) -> Program:
    """Start a program in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Program(folder, process)


def _start_daemon(folder: Path, environment: Mapping[str, str], kind: str, *arguments: str) -> Program:
    command = [str(SPARK_HOME / "bin/spark-class"), f"org.apache.spark.deploy.{kind}"]
    command += ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0", *arguments]
    return start(folder, environment, command)


class Cluster:
    """A master, and the workers that are started, each with two slots and some variables of the environment."""

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        """Start nothing yet."""
        self.folder = folder
        self.url = ""
        self._variables = dict(variables or {})
        self._running = ExitStack()
        self._workers = itertools.count()

    def __enter__(self) -> Cluster:
        """Start the master."""
        with ExitStack() as running:
            master = _start_daemon(self.folder / "master", plain_environment(self.folder), "master.Master")
            running.callback(master.end)
            self.url = master.wait_for(_MASTER_URL)[1]
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the master."""
        self._running.close()

    @contextmanager
    def worker(self) -> Iterator[Program]:
        """Start a worker and wait until the master knows it; end it in the end."""
        folder = self.folder / f"worker-{next(self._workers)}"
        variables = {"PYTHONPATH": ":".join(packages()), **self._variables}
        worker = _start_daemon(
            folder,
            plain_environment(folder, **variables),
            "worker.Worker",
            *("--cores", str(SLOTS), "--memory", "1g", "--work-dir", str(folder / "work"), self.url),
        )
        try:
            worker.wait_for(_REGISTERED)
            yield worker
        finally:
            worker.end()
