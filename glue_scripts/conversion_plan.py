"""Planning: which bytes of which files go into which output file, and where a big file is cut."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Any, TypeVar

from csv_dialect import Dialect
from csv_parts import Sizes
from sources import SourceFile

MEBIBYTE = 1024 * 1024
# Bytes of CSV that become one byte of Snappy Parquet; 3 to 6 on the data measured (docs/benchmarks.md).
CSV_BYTES_PER_PARQUET_BYTE = 4
# What packing makes of CSV, to weigh packed files against plain ones.
PACKING_RATIO = 4
_PACKED_NAMES = {".gz": "gzip", ".bz2": "bzip2", ".zst": "zstd", ".zip": "zip"}
# What a request costs on top of its bytes, in bytes that are converted meanwhile: a file that is read, or written.
REQUEST_BYTES = MEBIBYTE // 2
# Records that are looked at to tell whether a line end lies outside quotes.
_RECORDS_TRIED = 10
_CUTS_TRIED = 50
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Settings:
    """Sizes in bytes: of a split, of a file that is not split, of the look-ahead for a split's end, of a row group.

    Beside them rows per row group, and the sizes of the parsing.
    The memory of pieces of more than 32 MiB is given back and fetched again each time, which takes a tenth of all.
    """

    split_bytes: int = 24 * MEBIBYTE
    whole_bytes: int = 24 * MEBIBYTE
    window_bytes: int = 64 * 1024
    row_group_rows: int = 1024 * 1024
    row_group_bytes: int = 128 * MEBIBYTE
    parsing: Sizes = field(default_factory=Sizes)


@dataclass(frozen=True)
class UnitWork:
    """One partition to convert: its sources, and the folders of this run for its data and its bad rows."""

    values: tuple[str, ...]
    sources: tuple[SourceFile, ...]
    data_uri: str
    quarantine_uri: str


@dataclass(frozen=True)
class Part:
    """A piece of a source: nominal byte bounds, moved to the next record by whoever reads it.

    `unit` and `source_number` say which source of the call it is. A stream is read from its beginning to its end,
    because it cannot be read from its middle, or because guessing where records begin went wrong.
    """

    unit: int
    source_number: int
    source: SourceFile
    start: int
    end: int
    stream: bool = False

    @property
    def whole(self) -> bool:
        """Say whether the part is the whole file."""
        return self.stream or (self.start == 0 and self.end == self.source.size)


@dataclass(frozen=True)
class Task:
    """What one worker does in one go: parts in order into the Parquet file `name` (and its bad rows).

    `weight` is its work, as bytes of CSV.
    """

    data_uri: str
    quarantine_uri: str
    name: str
    parts: tuple[Part, ...]
    weight: int


def packing_by_name(source: SourceFile) -> str | None:
    """Return how a file is packed by the end of its name; None where that does not say so."""
    return next((packing for end, packing in _PACKED_NAMES.items() if source.key.lower().endswith(end)), None)


def plan_tasks(
    work: Sequence[UnitWork], dialect: Dialect, settings: Settings, target_file_mb: int, slots: int
) -> list[Task]:
    """Plan the tasks of all units, heaviest first, so that the last ones to finish are short.

    An output file holds about `target_file_mb`; where that left workers idle files may become down to a quarter of it.
    """
    largest = target_file_mb * MEBIBYTE * CSV_BYTES_PER_PARQUET_BYTE
    # As many rounds of all slots as the largest files need, and all rounds full: half a round more takes a whole one.
    total = work_bytes(work)
    rounds = -(-total // (largest * slots))
    limit = max(-(-total // max(rounds * slots, 1)), largest // 4, 1)
    tasks: list[Task] = []
    for number, unit in enumerate(work):
        groups = list(_groups(number, unit, dialect, settings, limit))
        tasks += [
            Task(unit.data_uri, unit.quarantine_uri, f"part-{position:05d}", tuple(parts), _work(parts))
            for position, parts in enumerate(groups)
        ]
    return sorted(tasks, key=lambda task: -task.weight)


def work_bytes(work: Sequence[UnitWork]) -> int:
    """Return the size of units as bytes of CSV; of packed files it is estimated."""
    return sum(_weight(source) for unit in work for source in unit.sources)


def as_stream(task: Task, part: Part) -> Task:
    """Return the task that reads a file from beginning to end into the output of another task of that file."""
    whole = replace(part, start=0, end=part.source.size, stream=True)
    return replace(task, parts=(whole,), weight=_work([whole]))


def _weight(source: SourceFile) -> int:
    return source.size * (PACKING_RATIO if packing_by_name(source) else 1)


def _group_weight(parts: Sequence[Part]) -> int:
    return sum(_weight(part.source) if part.stream else part.end - part.start for part in parts)


def _work(parts: Sequence[Part]) -> int:
    return _group_weight(parts) + REQUEST_BYTES * (len(parts) + 1)


def _groups(number: int, unit: UnitWork, dialect: Dialect, settings: Settings, limit: int) -> Iterator[list[Part]]:
    """Yield the parts of each output file: neighbouring small files together, big ones in runs of splits."""
    small: list[Part] = []
    for position, source in enumerate(unit.sources):
        stream = packing_by_name(source) is not None or not dialect.splittable
        part = Part(number, position, source, 0, source.size, stream)
        if not stream and source.size > settings.whole_bytes:
            yield from _split(part, settings.split_bytes, limit)
        else:
            small.append(part)
    weights = [_group_weight([part]) for part in small]
    yield from even_groups(small, weights, max(-(-sum(weights) // limit), 1))


def even_groups(items: Sequence[_Item], weights: Sequence[int], most: int) -> Iterator[list[_Item]]:
    """Yield neighbouring items in at most so many groups of about the same weight, none of which is empty.

    Filled up to a limit one after the other, they would leave the last one a rest, which takes a whole round of the
    slots. Here a group has the items whose middles lie in its share of the whole weight.
    """
    total = max(sum(weights), 1)
    turns = [
        min((2 * end - weight) * most // (2 * total), most - 1)
        for end, weight in zip(accumulate(weights), weights, strict=True)
    ]
    for _, group in groupby(zip(turns, items, strict=True), key=itemgetter(0)):
        yield [item for _, item in group]


def _split(part: Part, split_bytes: int, limit: int) -> Iterator[list[Part]]:
    size = part.source.size
    count = -(-size // split_bytes)
    bounds = [size * position // count for position in range(count + 1)]
    parts = [replace(part, start=start, end=end) for start, end in pairwise(bounds)]
    runs = min(count, -(-size // limit))
    for run in range(runs):
        yield parts[count * run // runs : count * (run + 1) // runs]


def cut_in_window(window: bytes, dialect: Dialect, width: int, *, at_end: bool) -> int | None:
    """Return the offset in the window of the first record that begins in it; None when no line ends in it.

    Whether a line end lies inside quotes cannot be known from the middle of a file. It is guessed by looking whether
    records of the right number of columns follow, and checked afterwards: a split that is parsed from a right cut
    ends outside quotes exactly when the next cut is right.
    """
    # A lone \r ends a line as well, but at the end of the window it may belong to a \r\n.
    mark, stop = (b"\n", len(window)) if b"\n" in window else (b"\r", len(window) - (not at_end))
    first = window.find(mark, 0, stop)
    if first < 0:
        return None
    marks = [mark for mark in (dialect.quote, dialect.escape) if mark is not None]
    if dialect.quoted_newlines and any(mark in window for mark in marks):
        cut = first
        for _ in range(_CUTS_TRIED):
            if _records_follow(window[cut + 1 :], dialect, width, at_end=at_end):
                return cut + 1
            cut = window.find(mark, cut + 1, stop)
            if cut < 0:
                break
    return first + 1


def _records_follow(text: bytes, dialect: Dialect, width: int, *, at_end: bool) -> bool:
    """Say whether the text begins with records of the right width; the last one may be cut off."""
    reader = csv.reader(io.StringIO(text.decode("latin-1"), newline=""), **_csv_reader_options(dialect))
    widths: list[int] = []
    try:
        for row in reader:
            if row:
                widths.append(len(row))
            if len(widths) > _RECORDS_TRIED:
                break
    except csv.Error:
        return False
    complete = widths if at_end or len(widths) > _RECORDS_TRIED else widths[:-1]
    return bool(complete) and all(found == width for found in complete)


def _csv_reader_options(dialect: Dialect) -> dict[str, Any]:
    """Return the arguments that make Python's csv module read the dialect."""
    return {
        "delimiter": dialect.delimiter.decode(),
        "quotechar": dialect.quote.decode() if dialect.quote else None,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        "escapechar": dialect.escape.decode() if dialect.escape else None,
        "doublequote": True,
        "skipinitialspace": dialect.skip_initial_space,
    }
