"""A real Spark cluster on this machine: https://spark.apache.org/docs/latest/spark-standalone.html.

Master and workers listen on the loopback interface only. A worker has nothing of the driver's but the interpreter, its
installed packages and the disk: its folder and its environment are its own.
"""

from __future__ import annotations

import os
import re
import signal
import site
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

from local_aws.extensions.glue_jobs import find_java_home
from local_aws.processes import end_session, session_members, wait_until_gone

SPARK_HOME = Path(pyspark.__file__).parent
SECONDS = 60
SLOTS = 2
# Short lives: what the second compiler gains does not come back.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_MASTER_URL = re.compile(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
_REGISTERED = re.compile(r"Successfully registered with master")


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
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        return found

    def kill(self) -> None:
        """Take the machine's power away: the worker, its executors and their Python processes end at once."""
        members = session_members(self.process.pid)
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert wait_until_gone(members, SECONDS)

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
    """A master and the workers that were started so far, each with two slots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._master = _start_daemon(folder / "master", plain_environment(folder), "master.Master")
        self.url = ""
        self.workers: list[Program] = []

    def __enter__(self) -> Cluster:
        try:
            self.url = self._master.wait_for(_MASTER_URL)[1]
        except BaseException:
            self._master.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in (*self.workers, self._master):
            daemon.end()

    def start_worker(self, path: Path, **variables: str) -> Program:
        """Start a worker whose Python processes find the modules in `path`, and wait until the master knows it."""
        folder = self._folder / f"worker-{len(self.workers)}"
        environment = plain_environment(folder, PYTHONPATH=":".join([str(path), *packages()]), **variables)
        worker = _start_daemon(
            folder,
            environment,
            "worker.Worker",
            *("--cores", str(SLOTS), "--memory", "1g", "--work-dir", str(folder / "work"), self.url),
        )
        self.workers.append(worker)
        worker.wait_for(_REGISTERED)
        return worker
