"""`make bench`: the conversion against other engines, in one run, on the same generated data.

`python -m benchmarks.conversion [--megabytes 828 3000] [--repeats 2] [--only engines growth small bad]`. Engines take
turns, the best of the repeats counts; a noisy machine then hurts all alike. Results: build/benchmarks/results.json
and the Markdown tables on stdout. Never a test: timings decide nothing in CI.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.engines import ENGINES
from benchmarks.measuring import OURS, BenchmarkError, Measured, csv_bytes, measure
from benchmarks.taxi_data import bad_months, equal_files, months

MEGABYTE = 1_000_000
FOLDER = Path("build/benchmarks")
SECTIONS = ("engines", "growth", "small", "bad")
# Bad values go into a column of each type in turn, and into any of 18 columns; `types` redeclares the taxi's columns.
BAD_CASES: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    ("int", ["passengers"], {}),
    ("bigint", ["payment"], {"payment": "bigint"}),
    ("double", ["distance"], {}),
    ("float", ["tip"], {"tip": "float"}),
    ("decimal(9,2)", ["total"], {"total": "decimal(9,2)"}),
    ("boolean", ["store_fwd"], {"store_fwd": "boolean"}),
    ("timestamp", ["pickup"], {}),
    ("any of seven columns", ["passengers", "payment", "distance", "tip", "total", "pickup", "fare"], {}),
)
BAD_MEGABYTES = 200


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def best(runs: Iterable[Measured]) -> Measured:
    """Return the run with the shortest conversion."""
    return min(runs, key=lambda run: run.seconds)


def take_turns(
    names: Sequence[str], raw: Path, repeats: int, types: dict[str, str] | None = None
) -> dict[str, Measured]:
    """Run engines in turn and return the best run of each; all must have written the same content."""
    runs: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            runs[name].append(measure(name, raw, FOLDER / "out", types))
    found = {name: best(measured) for name, measured in runs.items()}
    contents = {name: run.content for name, run in found.items()}
    if len(set(contents.values())) > 1:
        raise BenchmarkError(f"the engines disagree about the content: {contents}")
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table."""
    say("| " + " | ".join(header) + " |")
    say("|" + "---|" * len(header))
    for row in rows:
        say("| " + " | ".join(row) + " |")
    say()


def compare_engines(megabytes: int, repeats: int, slow: bool) -> dict[str, object]:
    """Compare all engines on twelve monthly files."""
    raw = months(FOLDER, megabytes)
    size = csv_bytes(raw)
    names = [name for name in ENGINES if name != "polars" or importlib.util.find_spec("polars")]
    if not slow:
        names = [name for name in names if "inferSchema" not in name]
    found = take_turns(names, raw, repeats)
    ours = found[OURS]
    say(f"## {size / MEGABYTE:.0f} MB in 12 files")
    table(
        [
            "engine",
            "conversion s",
            "MB/s",
            "time / ours",
            "process s",
            "process / ours",
            "memory MB",
            "out MB",
            "files",
        ],
        [
            [
                f"{name} ({run.version})",
                f"{run.seconds:.1f}",
                f"{size / MEGABYTE / run.seconds:.0f}",
                f"{run.seconds / ours.seconds:.2f}",
                f"{run.process_seconds:.1f}",
                f"{run.process_seconds / ours.process_seconds:.2f}",
                f"{run.total_memory / MEGABYTE:.0f}"
                + (f", worker {run.worker_memory / MEGABYTE:.0f}" if run.worker_memory else ""),
                f"{run.output_bytes / MEGABYTE:.0f}",
                str(run.output_files),
            ]
            for name, run in found.items()
        ],
    )
    return {"megabytes": size / MEGABYTE, "runs": [asdict(run) for run in found.values()]}


def measure_growth(repeats: int) -> dict[str, object]:
    """Measure seconds per GB from 0.4 to 3 GB."""
    rows = []
    for megabytes in (400, 800, 1600, 3000):
        raw = months(FOLDER, megabytes)
        run = best(measure(OURS, raw, FOLDER / "out", check=False) for _ in range(repeats))
        rows.append((csv_bytes(raw) / MEGABYTE, run.seconds, run.worker_memory / MEGABYTE))
    say("## Growth")
    table(
        ["MB", "conversion s", "s per GB", "worker MB"],
        [[f"{size:.0f}", f"{time:.1f}", f"{time / size * 1000:.2f}", f"{memory:.0f}"] for size, time, memory in rows],
    )
    return {"rows": rows}


def measure_small_files(repeats: int) -> dict[str, object]:
    """Compare 2,000 files of 200 KB with two files of the same bytes."""
    many, few = equal_files(FOLDER, 2000, 200), equal_files(FOLDER, 2, 200_000)
    pairs = [(measure(OURS, many, FOLDER / "out"), measure(OURS, few, FOLDER / "out")) for _ in range(repeats)]
    small, big = best(pair[0] for pair in pairs), best(pair[1] for pair in pairs)
    say("## Small files")
    table(
        ["input", "conversion s", "ratio", "Parquet files"],
        [
            ["2 x 200 MB", f"{big.seconds:.1f}", "1.00", str(big.output_files)],
            ["2,000 x 200 KB", f"{small.seconds:.1f}", f"{small.seconds / big.seconds:.2f}", str(small.output_files)],
        ],
    )
    return {"small": asdict(small), "big": asdict(big)}


def measure_bad_rows(repeats: int) -> dict[str, object]:
    """Compare clean input with 1 % and 10 % bad values of each type."""
    rows: list[tuple[str, float, float, float]] = []
    for title, names, types in BAD_CASES:
        times: list[float] = []
        for percent in (0, 1, 10):
            raw = bad_months(FOLDER, BAD_MEGABYTES, names if percent else [], percent)
            times.append(best(measure(OURS, raw, FOLDER / "out", types, check=False) for _ in range(repeats)).seconds)
        rows.append((title, times[0], times[1], times[2]))
    say("## Bad values")
    table(
        ["type", "clean s", "1 % bad", "10 % bad"],
        [[title, f"{clean:.2f}", f"{one / clean:.2f}x", f"{ten / clean:.2f}x"] for title, clean, one, ten in rows],
    )
    return {"rows": rows}


def main() -> None:
    """Run the chosen sections and keep the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, nargs="+", default=[828, 3000])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    say(f"{now}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}\n")
    results: dict[str, object] = {"date": now, "load": os.getloadavg()[0]}
    if "engines" in arguments.only:
        smallest = min(arguments.megabytes)
        results["engines"] = [
            compare_engines(size, arguments.repeats, slow=size == smallest) for size in arguments.megabytes
        ]
    if "growth" in arguments.only:
        results["growth"] = measure_growth(arguments.repeats)
    if "small" in arguments.only:
        results["small"] = measure_small_files(arguments.repeats)
    if "bad" in arguments.only:
        results["bad"] = measure_bad_rows(arguments.repeats)
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1, default=str))


if __name__ == "__main__":
    main()
