"""`python -m benchmarks.slow_s3`: what waiting for S3 costs, as the time of the same conversion on a local disk.

The job's own boto3 path against benchmarks/slow_s3_server.py, in turn with the same files on the local disk: twelve
monthly files, 2,000 files of 200 KB, and 1,000 partitions of 10 KiB. Ratios of one run; never a test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.conversion import FOLDER, MEGABYTE, best, say, table
from benchmarks.measuring import OURS, ROOT, Measured, cpu_seconds, csv_bytes, measure
from benchmarks.taxi_data import equal_files, months, partitions

LATENCY_MS = 30
MEGABYTES_PER_SECOND = 80


@dataclass(frozen=True)
class SlowS3:
    """A running server: its process, and the environment that leads boto3 to it."""

    pid: int
    environment: dict[str, str]


@contextmanager
def slow_s3(root: Path, latency_ms: float, megabytes_per_second: float) -> Iterator[SlowS3]:
    """Serve what a folder holds as buckets."""
    command = [sys.executable, "-m", "benchmarks.slow_s3_server", str(root.resolve())]
    command += ["--latency_ms", str(latency_ms), "--megabytes_per_second", str(megabytes_per_second)]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip() if server.stdout else ""
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }
        yield SlowS3(server.pid, environment)
    finally:
        server.kill()
        server.wait()


def s3_uri(path: Path) -> str:
    """Return how the served folder is called on S3."""
    return f"s3://{path.relative_to(FOLDER)}"


def compare(title: str, raw: Path, server: SlowS3, repeats: int, engine: str) -> list[str]:
    """Convert from and to both places in turn; return a row of the table."""
    runs: dict[str, list[Measured]] = {"disk": [], "s3": []}
    served: list[float] = []
    for _ in range(repeats):
        runs["disk"].append(measure(engine, raw, FOLDER / "out"))
        before = cpu_seconds(server.pid)
        runs["s3"].append(measure(engine, raw, FOLDER / "out", uri=s3_uri, environment=server.environment))
        served.append(cpu_seconds(server.pid) - before)
        for place, done in runs.items():
            say(f"{title}, {place}: {done[-1].seconds:.2f} s, {done[-1].cpu_seconds:.1f} s of CPU")
    disk, slow = best(runs["disk"]), best(runs["s3"])
    if disk.content != slow.content:
        raise SystemExit(f"{title}: the contents differ: {disk.content} on disk, {slow.content} on S3")
    return [
        title,
        f"{csv_bytes(raw) / MEGABYTE:.0f}",
        f"{disk.seconds:.1f}",
        f"{slow.seconds:.1f}",
        f"{slow.seconds / disk.seconds:.2f}",
        f"{disk.cpu_seconds:.1f}",
        f"{slow.cpu_seconds:.1f}",
        f"{served[runs['s3'].index(slow)]:.1f}",
        f"{slow.worker_memory / MEGABYTE:.0f}",
    ]


def main() -> None:
    """Run all shapes and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=828)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--latency_ms", type=float, default=LATENCY_MS)
    parser.add_argument("--megabytes_per_second", type=float, default=MEGABYTES_PER_SECOND)
    parser.add_argument("--only", nargs="+", choices=("months", "small", "partitions"))
    parser.add_argument("--engine", default=OURS)
    arguments = parser.parse_args()
    shapes = {
        "months": ("twelve monthly files", partial(months, FOLDER, arguments.megabytes)),
        "small": ("2,000 files of 200 KB", partial(equal_files, FOLDER, 2000, 200)),
        "partitions": ("1,000 partitions of 10 KiB", partial(partitions, FOLDER, 1000, 10_240)),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    with slow_s3(FOLDER, arguments.latency_ms, arguments.megabytes_per_second) as server:
        for title, make in [shapes[name] for name in arguments.only or shapes]:
            rows.append(compare(title, make(), server, arguments.repeats, arguments.engine))
    say("CPU seconds are of all processes of the job, its start-up included, and of the server.")
    table(["input", "MB", "disk s", "S3 s", "ratio", "disk CPU s", "S3 CPU s", "server CPU s", "worker MB"], rows)


if __name__ == "__main__":
    main()
