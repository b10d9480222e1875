"""What the proofs of a conversion cost: the second count of the records, and the checksum of the bytes.

`python -m benchmarks.proofs [--megabytes 50] [--repeats 9]` converts files of several shapes in this process, with all
proofs, without the second count, and without the checksum, in turn and in changing order, and prints for each shape how
many times as long a conversion takes with the proof as without: the median over the rounds, with the least and the
greatest. The time is the processor's in this process, user mode, which other work on the machine disturbs least.

Without the second count the same parts are cut and compared: the numbers that a first conversion counted are remembered
and given out again. So both sides read, parse, compare and write the same.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "glue_scripts"))

import numpy as np

import conversion_task
import csv_parts
from benchmarks.taxi_data import COLUMNS, write_csv
from contract import DatasetContract, parse_contract
from conversion import UnitResult, convert_units
from conversion_plan import UnitWork
from csv_bits import QuotedChunk
from csv_parts import RecordCounter
from sources import SourceFile
from storage import open_storage

FOLDER = Path("build/benchmarks/proofs")
MEGABYTE = 1_000_000
# What a conversion with the second count may take of one without.
BUDGET = 1.08
Counts = list[tuple[bool, int, bool, int, int]]


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


# --------------------------------------------------------------------------------------------------- with and without
class _Remembering(RecordCounter):
    """Counts, and remembers what it knew after every call."""

    known: Counts

    def feed(self, body: bytes, start: int, end: int) -> None:
        super().feed(body, start, end)
        self.known.append((self.inside, self.records, self.unterminated, self.lines, self.ended_lines))


class _Replaying:
    """Knows without counting what another counter knew."""

    known: Iterator[tuple[bool, int, bool, int, int]]

    def __init__(self, quote: bytes | None) -> None:
        self.inside, self.records, self.unterminated, self.lines, self.ended_lines = False, 0, False, 0, 0
        self.quoted: list[QuotedChunk] | None = None

    def feed(self, body: bytes, start: int, end: int) -> None:
        self.inside, self.records, self.unterminated, self.lines, self.ended_lines = next(self.known)


@contextmanager
def replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    """Put something else in the place of a module's member for a while."""
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


def user_seconds() -> float:
    """Return the time that this process has used in user mode."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


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
        self._known: Counts = []
        self._rows = self._run().sources[0].rows_read
        _Remembering.known = self._known
        with replaced(csv_parts, "RecordCounter", _Remembering):
            self._run()

    def _run(self) -> UnitResult:
        folder = FOLDER / "out"
        shutil.rmtree(folder, ignore_errors=True)
        work = UnitWork((), (self._source,), f"{folder}/data/", f"{folder}/bad/")
        (result,) = convert_units(None, self._contract, [work])
        return result

    def seconds(self, variant: str) -> float:
        """Convert once, with all proofs or without one of them, and return what that took."""
        before = user_seconds()
        if variant == "without count":
            _Replaying.known = iter(self._known)
            with replaced(csv_parts, "RecordCounter", _Replaying):
                result = self._run()
        elif variant == "without checksum":
            with replaced(conversion_task, "_checksum", lambda *pieces: ""):
                result = self._run()
        else:
            result = self._run()
        taken = user_seconds() - before
        assert result.sources[0].rows_read == self._rows, "every variant must read every row"  # noqa: S101
        return taken


VARIANTS = ("all", "without count", "without checksum")


def measure(shape: str, megabytes: int, repeats: int) -> dict[str, list[float]]:
    """Return the ratios of a shape, one per round: all proofs by all but one."""
    conversion = Conversion(shape, megabytes)
    ratios: dict[str, list[float]] = {variant: [] for variant in VARIANTS[1:]}
    for number in range(repeats):
        order = VARIANTS[number % 3 :] + VARIANTS[: number % 3]
        taken = {variant: conversion.seconds(variant) for variant in order}
        for variant, found in ratios.items():
            found.append(taken["all"] / taken[variant])
    return ratios


def main() -> None:
    """Measure each shape and print one line per shape and proof."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print("| file | proof | with it, by without (median) | least | greatest |\n|---|---|---|---|---|")
    for shape in SHAPES:
        for variant, ratios in measure(shape, options.megabytes, options.repeats).items():
            proof = {"without count": "second count", "without checksum": "checksum"}[variant]
            middle = statistics.median(ratios)
            note = f" (more than {BUDGET}x)" if proof == "second count" and middle > BUDGET else ""
            print(f"| {shape} | {proof} | {middle:.3f}x{note} | {min(ratios):.3f} | {max(ratios):.3f} |", flush=True)


if __name__ == "__main__":
    main()
