"""Ten shapes of CSV, generated: the same bytes for the same size, whoever asks, and no two chunks alike.

Nine have a bigint, a timestamp, a decimal(12,2), two texts of 3 to 10 words and a boolean; the tenth has 200 doubles.
"""

from __future__ import annotations

import gzip
import io
import shutil
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

CHUNK_ROWS = 100_000
FILES = 8
WIDE_COLUMNS = 200
COLUMNS = {
    "id": "bigint",
    "moment": "timestamp",
    "amount": "decimal(12,2)",
    "title": "string",
    "remark": "string",
    "paid": "boolean",
}
OWN_FORMAT = "%d/%m/%Y %H:%M"
_ASCII = (
    "harbour",
    "seven",
    "morning",
    "paper",
    "quick",
    "orange",
    "window",
    "river",
    "of",
    "a",
    "to",
    "under",
    "grain",
)
_LATIN = ("café", "größer", "naïve", "señor", "forêt", "ångström", *_ASCII)
_WIDE = ("東京", "Ελλάδα", "żółw", "данные", "naïve", *_ASCII)


@dataclass(frozen=True)
class Shape:
    """One shape: how its texts are made, how they are written, and how a reader is told."""

    title: str
    words: tuple[str, ...] = _ASCII
    separators: tuple[str, ...] = (" ",)
    quoted: str = "none"
    delimiter: str = ","
    encoding: str = "utf-8"
    timestamp_format: str | None = None
    files: int = FILES
    compressed: bool = False
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))

    @property
    def suffix(self) -> str:
        """Return how its files end."""
        return ".csv.gz" if self.compressed else ".csv"


SHAPES: dict[str, Shape] = {
    "quoted": Shape("all quoted", quoted="all_valid"),
    "doubled": Shape("doubled quotes", words=('"so called"', *_ASCII), quoted="needed"),
    "newlines": Shape("quoted newlines", separators=(" ", " ", "\n"), quoted="needed"),
    "plain": Shape("plain text"),
    "unicode": Shape("non-ASCII", words=_WIDE),
    "latin1": Shape("latin-1", words=_LATIN, encoding="latin-1"),
    "dates": Shape("own date format, decimals, `;`", delimiter=";", timestamp_format=OWN_FORMAT),
    "gzip": Shape("gzip", compressed=True),
    "single": Shape("one big quoted file", quoted="all_valid", files=1),
    "wide": Shape(f"{WIDE_COLUMNS} doubles", columns={f"c{number:03d}": "double" for number in range(WIDE_COLUMNS)}),
}


def generate(shape: Shape, folder: Path, megabytes: int) -> Path:
    """Write a shape of about so many megabytes of plain CSV into an empty folder and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(shape.files):
        _write_file(shape, folder / f"part-{number}{shape.suffix}", megabytes * 1_000_000 // shape.files, number)
    return folder


def _write_file(shape: Shape, path: Path, size: int, number: int) -> None:
    with path.open("wb") as raw:
        file: BinaryIO = gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3, mtime=0) if shape.compressed else raw  # type: ignore[assignment]
        written = chunk = 0
        while written < size:
            text = _chunk(shape, number * 10_000 + chunk, header=chunk == 0)
            # Cut to size at a line: the first rows of a chunk are as random as the others.
            rest = size - written
            if len(text) > rest:
                text = text[: _row_end(shape, text, rest)]
            file.write(text)
            written, chunk = written + len(text), chunk + 1
        if shape.compressed:
            file.close()


def _row_end(shape: Shape, text: bytes, near: int) -> int:
    """Return the end of a row near an offset: rows end with a boolean or a number, and texts with neither."""
    ends = (b"true\n", b"false\n", b'true"\n', b'false"\n')
    if len(shape.columns) == WIDE_COLUMNS:
        return text.find(b"\n", near) + 1 or len(text)
    return min((found + len(end) for end in ends if (found := text.find(end, near)) >= 0), default=len(text))


def _chunk(shape: Shape, seed: int, *, header: bool) -> bytes:
    random = np.random.default_rng(seed)
    table = _numbers(random) if len(shape.columns) == WIDE_COLUMNS else _rows(shape, random, seed)
    sink = io.BytesIO()
    options = arrow_csv.WriteOptions(
        include_header=header, delimiter=shape.delimiter, quoting_style=shape.quoted, quoting_header="none"
    )
    arrow_csv.write_csv(table, sink, options)
    data = sink.getvalue()
    return data if shape.encoding == "utf-8" else data.decode().encode(shape.encoding)


def _numbers(random: np.random.Generator) -> Any:
    rows = CHUNK_ROWS // 20
    values = np.round(random.normal(0, 1000, (WIDE_COLUMNS, rows)), 3)
    return pa.table({f"c{number:03d}": values[number] for number in range(WIDE_COLUMNS)})


def _rows(shape: Shape, random: np.random.Generator, seed: int) -> Any:
    moments = np.datetime64("2020-01-01T00:00:00", "s") + random.integers(0, 86400 * 365, CHUNK_ROWS)
    cents = pa.array(random.integers(0, 10**9, CHUNK_ROWS)).cast(pa.decimal128(21, 0))
    amounts = pc.multiply(cents, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(12, 2))
    stamps: Any = pa.array(moments.astype("datetime64[s]"))
    if shape.timestamp_format:
        stamps = pc.strftime(stamps, shape.timestamp_format)
    return pa.table(
        {
            "id": pa.array(np.arange(CHUNK_ROWS) + seed * CHUNK_ROWS),
            "moment": stamps,
            "amount": amounts,
            "title": _texts(shape, random),
            "remark": _texts(shape, random),
            "paid": pa.array(random.random(CHUNK_ROWS) < 0.5),
        }
    )


def _texts(shape: Shape, random: np.random.Generator) -> Any:
    counts = random.integers(3, 11, CHUNK_ROWS)
    words = pa.array(shape.words)
    columns = []
    for place in range(10):
        chosen = pa.array(random.integers(0, len(shape.words), CHUNK_ROWS), mask=counts <= place)
        columns.append(words.take(chosen))
    separator: Any = " "
    if len(shape.separators) > 1:
        separator = pa.array(shape.separators).take(pa.array(random.integers(0, len(shape.separators), CHUNK_ROWS)))
    return pc.binary_join_element_wise(*columns, separator, null_handling="skip")
