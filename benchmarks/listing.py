"""`python -m benchmarks.listing`: how long the job takes to list 100,000 objects of an S3 that takes its time.

In turn with boto3's own paginator, which asks for page after page and reads dates as botocore does, each in a process
of its own against benchmarks/slow_s3_server.py. Four ways to lay out the objects; ratios of one run, the best of some
repeats; never a test.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "glue_scripts"))

import boto3

from benchmarks.conversion import FOLDER, say, table
from benchmarks.measuring import ROOT, cpu_seconds
from benchmarks.slow_s3 import LATENCY_MS, MEGABYTES_PER_SECOND, SlowS3, slow_s3
from sources import fold_digest
from storage import CLIENT_CONFIG, S3Storage, s3_client

LAYOUTS: dict[str, Callable[[int], str]] = {
    "folders of ten": lambda number: f"day={number // 10:06}/part-{number % 10}.csv",
    "year, month, day, 100 files a day": lambda number: (
        f"year={2000 + number // 33600:04}/month={number // 2800 % 12 + 1:02}/day={number // 100 % 28 + 1:02}/"
        f"part-{number % 100:02}.csv"
    ),
    "folders of one": lambda number: f"day={number:06}/part.csv",
    "one folder": lambda number: f"part-{number:06}.csv",
}
BUCKET = "listed-{}"


# ------------------------------------------------------------------------------------------------------- one listing
def by_paginator(client: Any, bucket: str) -> Iterator[tuple[str, str]]:
    """Yield keys and ETags, page after page."""
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="trips/", OptionalObjectAttributes=["RestoreStatus"]
    )
    for page in pages:
        for item in page.get("Contents", []):
            yield item["Key"], item["ETag"]


def list_once(who: str, bucket: str) -> None:
    """List a bucket in this process and print figures as one line of JSON."""
    calls: Counter[str] = Counter()
    client = s3_client() if who == "job" else boto3.client("s3", config=CLIENT_CONFIG)
    client.meta.events.register("before-call", lambda model, **_: calls.update([model.name]))
    # Whoever asks first waits until the server knows its keys, and until the connection stands.
    client.list_objects_v2(Bucket=bucket, Prefix="trips/", MaxKeys=1)
    calls.clear()
    begin = time.perf_counter(), time.process_time()
    found = (
        ((item.key, item.etag) for item in S3Storage().list(f"s3://{bucket}/trips/"))
        if who == "job"
        else by_paginator(client, bucket)
    )
    count, digest = 0, ""
    for key, etag in found:
        count, digest = count + 1, fold_digest(digest, key, etag)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - begin[0],
                "cpu": time.process_time() - begin[1],
                "calls": sum(calls.values()),
                "found": [count, digest],
            }
        )
    )


# ------------------------------------------------------------------------------------------------------- all of them
def compare(title: str, bucket: str, server: SlowS3, repeats: int) -> list[str]:
    """List in both ways in turn; return a row of the table."""
    runs: dict[str, list[dict[str, Any]]] = {"paginator": [], "job": []}
    for _ in range(repeats):
        for who, done in runs.items():
            served = cpu_seconds(server.pid)
            command = [sys.executable, "-m", "benchmarks.listing", "--one", who, bucket]
            environment = {**os.environ, **server.environment}
            answer = subprocess.run(
                command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            done.append({**json.loads(answer), "served": cpu_seconds(server.pid) - served})
            say(f"{title}, {who}: {done[-1]}")
    if len({str(run["found"]) for done in runs.values() for run in done}) > 1:
        raise SystemExit(f"{title}: what was listed differs")
    least = {
        who: {name: min(run[name] for run in done) for name in ("seconds", "cpu", "calls", "served")}
        for who, done in runs.items()
    }
    before, after = least["paginator"], least["job"]
    return [
        title,
        f"{before['calls']}, {after['calls']}",
        f"{before['seconds']:.2f}, {after['seconds']:.2f}",
        f"{after['seconds'] / before['seconds']:.2f}",
        f"{before['cpu']:.2f}, {after['cpu']:.2f}",
        f"{after['cpu'] / before['cpu']:.2f}",
        f"{before['served']:.2f}, {after['served']:.2f}",
    ]


def main() -> None:
    """List all layouts and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--latency_ms", type=float, default=LATENCY_MS)
    parser.add_argument("--only", nargs="+", choices=list(LAYOUTS), default=list(LAYOUTS))
    parser.add_argument("--one", nargs=2, metavar=("WHO", "BUCKET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        list_once(*arguments.one)
        return
    say(f"load {os.getloadavg()[0]:.1f}, {arguments.objects} objects, answers after {arguments.latency_ms} ms\n")
    root = FOLDER / "listings"
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    with slow_s3(root, arguments.latency_ms, MEGABYTES_PER_SECOND) as server:
        for position, layout in enumerate(arguments.only):
            bucket = BUCKET.format(position)
            keys = [f"trips/{LAYOUTS[layout](number)}" for number in range(arguments.objects)]
            (root / bucket).write_text("\n".join(keys))
            rows.append(compare(layout, bucket, server, arguments.repeats))
    table(["layout", "requests", "s", "ratio", "CPU s", "ratio", "server's CPU s"], rows)


if __name__ == "__main__":
    main()
