"""Running an engine as a process, with its time, its memory and the truth of what it has written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1] / "glue_scripts"))
from process_settings import LIBRARY_SETTINGS

ROOT = Path(__file__).parent.parent
# The heaviest engine needs about 3 minutes for 3 GB on two busy cores.
TIMEOUT_SECONDS = 1800
# How the engines are called that are the job.
OURS = "this job"


class BenchmarkError(Exception):
    """An engine failed, or has written something else than the others."""


@dataclass(frozen=True)
class Measured:
    """One run: seconds of the conversion alone and of the whole process; memory and sizes in bytes.

    `cpu_seconds` are of all processes from their beginning to within a tenth of a second of their end.
    """

    engine: str
    version: str
    seconds: float
    process_seconds: float
    total_memory: int
    worker_memory: int
    cpu_seconds: float
    output_bytes: int
    output_files: int
    content: tuple[object, ...]


def csv_bytes(raw: Path) -> int:
    """Return the size of all CSV files of a folder."""
    return sum(path.stat().st_size for path in raw.rglob("*.csv"))


def measure(
    engine: str,
    raw: Path,
    out: Path,
    types: dict[str, str] | None = None,
    *,
    check: bool = True,
    module: str = "benchmarks.engines",
    content: Callable[[Path], tuple[object, ...]] | None = None,
    uri: Callable[[Path], str] = str,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """Run an engine once into an empty folder; `uri` is how it is told of a folder.

    `content` returns what all engines' files must agree on, by default that of the trips.
    """
    for folder in (out, Path(f"{out}-quarantine")):
        shutil.rmtree(folder, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        module,
        engine,
        uri(raw),
        uri(out),
        "--types",
        json.dumps(types or {}),
    ]
    # What was written before, the input first of all, must not be written while this run is.
    os.sync()
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**_environment(engine), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    usage = _Usage(process.pid)
    try:
        output, problems = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
        usage.stop()
    elapsed = time.perf_counter() - begin
    if process.returncode:
        raise BenchmarkError(f"{engine}: {problems.strip().splitlines()[-1] if problems.strip() else 'failed'}")
    found = json.loads(output.strip().splitlines()[-1])
    files = [path for path in out.rglob("*.parquet") if not path.name.startswith(".")]
    return Measured(
        engine=engine,
        version=found["version"],
        seconds=found["seconds"],
        process_seconds=elapsed,
        total_memory=usage.total_memory,
        worker_memory=usage.worker_memory,
        cpu_seconds=sum(usage.cpu_seconds.values()),
        output_bytes=sum(path.stat().st_size for path in files),
        output_files=len(files),
        content=(content or _content)(out) if check else (),
    )


def _environment(engine: str) -> dict[str, str]:
    """Return what an engine finds in its environment: the job's settings of Arrow if it is the job, no others' ever.

    The job's entry sets them before Arrow is loaded, which the modules of a benchmark have done by then.
    """
    environment = {name: value for name, value in os.environ.items() if name not in LIBRARY_SETTINGS}
    return environment | (LIBRARY_SETTINGS if engine.startswith(OURS) else {})


def _content(out: Path) -> tuple[object, ...]:
    """Return count and checksums that any engine's files must agree on."""
    query = f"""
        SELECT count(*), sum(vendor_id), sum(pickup_zone * dropoff_zone), sum(CAST(round(total * 100) AS BIGINT)),
               sum(epoch_us(pickup)), sum(epoch_us(dropoff) % 1000000007), sum(CAST(round(distance * 100) AS BIGINT)),
               sum(ascii(store_fwd)), count(DISTINCT month)
        FROM read_parquet('{out}/**/*.parquet', hive_partitioning = true)
    """  # noqa: S608 - the path is our own
    with duckdb.connect(config={"threads": 2}) as connection:
        row = connection.execute(query).fetchone()
    return tuple(row or ())


def cpu_seconds(pid: int) -> float:
    """Return how long processors have worked for a process, without those that it has started; 0 if it is gone.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    try:
        # Behind the name, which may hold anything; fields 14 and 15 are the times.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Usage:
    """Samples what a process and its descendants use of memory and of processors."""

    def __init__(self, root: int) -> None:
        self._root, self._ended = root, threading.Event()
        self.total_memory = self.worker_memory = 0
        self.cpu_seconds: dict[int, float] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            sizes = _resident(self._root)
            self.total_memory = max(self.total_memory, sum(size for _, size in sizes))
            # Spark's and the pool's workers are the Python processes below the first one.
            workers = [size for pid, size in sizes if pid != self._root and "python" in _name(pid)]
            self.worker_memory = max(self.worker_memory, *workers, 0)
            for pid, _ in sizes:
                self.cpu_seconds[pid] = max(self.cpu_seconds.get(pid, 0.0), cpu_seconds(pid))


def _resident(root: int) -> list[tuple[int, int]]:
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields["PPid"])
        sizes[pid] = int(fields.get("VmRSS", "0 kB").split()[0]) * 1024
    family = []
    for pid, size in sizes.items():
        ancestor = pid
        while ancestor in parents and ancestor != root:
            ancestor = parents[ancestor]
        if ancestor == root:
            family.append((pid, size))
    return family


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
