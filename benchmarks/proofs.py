"""What the proofs of a conversion cost: the second count of the records, and the checksum of the bytes.

`python -m benchmarks.proofs [--megabytes 50] [--repeats 9]` converts files of several shapes in this process and prints
for each shape how many times as much CPU a conversion takes with the proof as without: the median over the rounds, with
the least and the greatest. What a proof takes is measured within the conversion that it belongs to, so that both are
disturbed alike: the difference of two conversions is less certain than a proof is dear.

Where quotes hold line breaks, the second count also finds what tells whether the quotes are regular. That spares the
conversion the search, which is measured by searching again in every second conversion, and counted in its favour.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "glue_scripts"))

import numpy as np

import conversion_task
import csv_parsing
from benchmarks.taxi_data import COLUMNS, write_csv
from contract import DatasetContract, parse_contract
from conversion import UnitResult, convert_units
from conversion_plan import UnitWork
from csv_parts import RecordCounter
from sources import SourceFile
from storage import open_storage

FOLDER = Path("build/benchmarks/proofs")
MEGABYTE = 1_000_000
# What a conversion with the second count may take of one without.
BUDGET = 1.08


# ---------------------------------------------------------------------------------------------------------- the shapes
def taxi(path: Path, size: int) -> dict[str, str]:
    """Write trips: 18 columns, numbers and times, no quotes."""
    write_csv(path, "2020-01", size // 96, 1)
    return COLUMNS


def texts(path: Path, size: int, pattern: str) -> dict[str, str]:
    """Write rows of a number, two texts and a decimal, by a pattern of `{number}` and `{word}`."""
    words = np.random.default_rng(1).integers(10**11, 10**12, 4096)
    rows = "".join(pattern.format(number=number, word=words[number % 4096]) for number in range(20_000)).encode()
    path.write_bytes(b"id,title,note,price\n" + rows * (size // len(rows) + 1))
    return {"id": "int", "title": "string", "note": "string", "price": "decimal(9,2)"}


def narrow(path: Path, size: int) -> dict[str, str]:
    """Write rows of two short numbers: more records in a megabyte than of any other shape."""
    rows = b"".join(b"%d,%d\n" % (number % 997, number % 89) for number in range(100_000))
    path.write_bytes(b"a,b\n" + rows * (size // len(rows) + 1))
    return {"a": "int", "b": "int"}


SHAPES: dict[str, Callable[[Path, int], dict[str, str]]] = {
    "18 columns, no quotes": taxi,
    "texts in quotes": lambda path, size: texts(path, size, '{number},"a, title {word}","note {word}",{number}.25\n'),
    "quotes over lines": lambda path, size: texts(path, size, '{number},"title\n{word}","note\r\n{word}",1.25\r\n'),
    "two short numbers": narrow,
}


# ------------------------------------------------------------------------------------------- what is spent in a proof
@dataclass
class Spent:
    """CPU seconds of one conversion, and of those the ones within a proof, or within what a proof spares."""

    conversion: float = 0
    count: float = 0
    regular: float = 0
    checksum: float = 0


@contextmanager
def timed(owner: Any, name: str, spent: Spent, field: str, *, arguments: int | None = None) -> Iterator[None]:
    """Add up the CPU seconds that a function takes; it is given only the first so many arguments."""
    original = getattr(owner, name)

    def measured(*given: Any) -> Any:
        before = time.thread_time()
        try:
            return original(*given[:arguments])
        finally:
            setattr(spent, field, getattr(spent, field) + time.thread_time() - before)

    setattr(owner, name, measured)
    try:
        yield
    finally:
        setattr(owner, name, original)


class Conversion:
    """One file, converted again and again."""

    def __init__(self, shape: str, megabytes: int) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        raw = FOLDER / "raw"
        raw.mkdir(parents=True)
        types = SHAPES[shape](raw / "file.csv", megabytes * MEGABYTE)
        columns = [{"name": name, "type": kind} for name, kind in types.items()]
        document = {"dataset": "t", "source_uri": str(raw), "lake_uri": str(FOLDER / "lake"), "columns": columns}
        self._contract: DatasetContract = parse_contract(document)
        (item,) = open_storage(str(raw)).list(f"{raw}/")
        self._source = SourceFile(item.uri, item.key, item.size, item.etag)
        self._run()

    def _run(self) -> UnitResult:
        folder = FOLDER / "out"
        shutil.rmtree(folder, ignore_errors=True)
        work = UnitWork((), (self._source,), f"{folder}/data/", f"{folder}/bad/")
        (result,) = convert_units(None, self._contract, [work])
        return result

    def spent(self, *, search_again: bool = False) -> Spent:
        """Convert once; `search_again`: quotes are searched for again where the second count has found them."""
        spent = Spent()
        with (
            timed(RecordCounter, "feed", spent, "count"),
            timed(conversion_task, "_checksum", spent, "checksum"),
            # Text and dialect; the third argument is what the count has found.
            timed(csv_parsing, "quotes_are_regular", spent, "regular", arguments=2 if search_again else None),
        ):
            before = time.process_time()
            self._run()
            spent.conversion = time.process_time() - before
        return spent


def measure(shape: str, megabytes: int, repeats: int) -> dict[str, list[float]]:
    """Return the ratios of a shape, one per round and proof: with it, by without."""
    conversion = Conversion(shape, megabytes)
    ratios: dict[str, list[float]] = {"second count": [], "checksum": []}
    for _ in range(repeats):
        spent, again = conversion.spent(), conversion.spent(search_again=True)
        count = spent.count - (again.regular - spent.regular)
        ratios["second count"].append(spent.conversion / (spent.conversion - count))
        ratios["checksum"].append(spent.conversion / (spent.conversion - spent.checksum))
    return ratios


def main() -> None:
    """Measure each shape and print one line per shape and proof."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print("| file | proof | with it, by without (median) | least | greatest |\n|---|---|---|---|---|")
    for shape in SHAPES:
        for proof, ratios in measure(shape, options.megabytes, options.repeats).items():
            middle = statistics.median(ratios)
            note = f" (more than {BUDGET}x)" if proof == "second count" and round(middle, 2) > BUDGET else ""
            print(f"| {shape} | {proof} | {middle:.3f}x{note} | {min(ratios):.3f} | {max(ratios):.3f} |", flush=True)


if __name__ == "__main__":
    main()
