"""Generated taxi-like trips as monthly CSV files: the same bytes for the same size, whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

BYTES_PER_ROW = 96
CHUNK_ROWS = 250_000

COLUMNS: dict[str, str] = {
    "vendor_id": "int",
    "pickup": "timestamp",
    "dropoff": "timestamp",
    "passengers": "int",
    "distance": "double",
    "rate_code": "int",
    "store_fwd": "string",
    "pickup_zone": "int",
    "dropoff_zone": "int",
    "payment": "int",
    "fare": "double",
    "extra": "double",
    "mta_tax": "double",
    "tip": "double",
    "tolls": "double",
    "surcharge": "double",
    "total": "double",
    "congestion": "double",
}


def trips(month: str, rows: int, seed: int) -> Any:
    """Return a table of random trips that begin in one month, ordered by their beginning."""
    random = np.random.default_rng(seed)
    begin = np.datetime64(f"{month}-01T00:00:00", "s")
    pickup = begin + np.sort(random.integers(0, 28 * 86400, rows)).astype("timedelta64[s]")
    fare = np.round(random.gamma(3, 5, rows) + 3, 1)
    values = {
        "vendor_id": random.integers(1, 3, rows),
        "pickup": pickup,
        "dropoff": pickup + random.integers(120, 3600, rows).astype("timedelta64[s]"),
        "passengers": random.integers(1, 7, rows),
        "distance": np.round(random.gamma(1.5, 2, rows), 2),
        "rate_code": random.integers(1, 7, rows),
        "store_fwd": random.choice(["N", "Y"], rows, p=[0.99, 0.01]),
        "pickup_zone": random.integers(1, 266, rows),
        "dropoff_zone": random.integers(1, 266, rows),
        "payment": random.integers(1, 5, rows),
        "fare": fare,
        "extra": random.choice([0, 0.5, 1, 2.5], rows),
        "mta_tax": np.full(rows, 0.5),
        "tip": np.round(random.gamma(1, 2, rows), 2),
        "tolls": random.choice([0, 6.12], rows, p=[0.95, 0.05]),
        "surcharge": np.full(rows, 0.3),
        "total": np.round(fare * 1.3, 2),
        "congestion": random.choice([0, 2.5], rows),
    }
    return pa.table({name: pa.array(values[name]) for name in COLUMNS})


def with_bad_values(table: Any, names: list[str], fraction: float, seed: int) -> Any:
    """Return the table with a fraction of the rows holding something that is no value in one of some columns."""
    random = np.random.default_rng(seed)
    victim = np.where(random.random(table.num_rows) < fraction, random.integers(0, len(names), table.num_rows), -1)
    for number, name in enumerate(names):
        texts = pc.cast(table.column(name).combine_chunks(), pa.string())
        places = pa.array(victim == number)
        broken = pc.if_else(places, pa.scalar("n/a?"), texts)
        table = table.set_column(table.schema.get_field_index(name), name, broken)
    return table


def write_csv(path: Path, month: str, rows: int, seed: int, bad: tuple[list[str], float] | None = None) -> None:
    """Write one month, chunk by chunk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number, first in enumerate(range(0, rows, CHUNK_ROWS)):
            table = trips(month, min(CHUNK_ROWS, rows - first), seed * 1000 + number)
            if bad:
                table = with_bad_values(table, *bad, seed * 1000 + number)
            options = arrow_csv.WriteOptions(include_header=number == 0, quoting_style="none")
            arrow_csv.write_csv(table, file, options)


def months(folder: Path, megabytes: int) -> Path:
    """Return a folder of twelve monthly files of about so many megabytes in all, written unless they are there."""
    target = folder / f"trips-{megabytes}mb"
    done = target / "_complete"
    if not done.exists():
        rows = megabytes * 1_000_000 // BYTES_PER_ROW // 12
        for month in range(1, 13):
            name = f"2020-{month:02d}"
            write_csv(target / "raw" / f"month={name}" / "trips.csv", name, rows, month)
        done.touch()
    return target / "raw"


def equal_files(folder: Path, count: int, kilobytes: int) -> Path:
    """Return a folder of so many files of so many kilobytes, of one month."""
    target = folder / f"files-{count}x{kilobytes}kb"
    done = target / "_complete"
    if not done.exists():
        rows = kilobytes * 1000 // BYTES_PER_ROW
        for number in range(count):
            write_csv(target / "raw" / "month=2020-01" / f"trips-{number:05d}.csv", "2020-01", rows, number)
        done.touch()
    return target / "raw"


def partitions(folder: Path, count: int, size: int) -> Path:
    """Return a folder of so many partitions (months from 1900 on) of one file of so many bytes each."""
    target = folder / f"partitions-{count}x{size}"
    done = target / "_complete"
    if not done.exists():
        for number in range(count):
            name = f"{1900 + number // 12}-{number % 12 + 1:02d}"
            write_csv(target / "raw" / f"month={name}" / "trips.csv", name, size // BYTES_PER_ROW, number)
        done.touch()
    return target / "raw"


def bad_months(folder: Path, megabytes: int, names: list[str], percent: int) -> Path:
    """Return a folder of two files in which a percentage of the rows has a bad value in one of some columns."""
    target = folder / f"bad-{megabytes}mb-{'-'.join(names) if len(names) < 4 else 'any'}-{percent}"
    done = target / "_complete"
    if not done.exists():
        rows = megabytes * 1_000_000 // BYTES_PER_ROW // 2
        for number in (1, 2):
            path = target / "raw" / f"month=2020-{number:02d}" / "trips.csv"
            write_csv(path, f"2020-{number:02d}", rows, number, (names, percent / 100) if percent else None)
        done.touch()
    return target / "raw"
