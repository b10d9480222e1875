"""Random tables, written through Python's csv module in random dialects, against Python's csv as oracle."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from csv_parts import Sizes
from tests.unit.engine.helpers import convert

UTC = timezone.utc
# Stands for `#` where a comment begins: a line inside quotes may begin with `#` too, and the oracle must not guess.
COMMENT = "\x01"
# Stands for a NUL where Python's csv may refuse one.
NUL = "\x02"
# What lands is tested with so many cases; HYPOTHESIS_PROFILE=default and another number look for new ones.
CASES = int(os.environ.get("RANDOM_CASES", "1500"))

GOOD = {
    "string": st.text("ab \"';,|\t\r\n\0#\\é漢-", max_size=8),
    "boolean": st.sampled_from(["true", "False", "TRUE", "0", "1", "yes", "N", "t"]),
    "int": st.integers(-(2**31), 2**31 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda number: repr(float(number))),
    "double": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "decimal(9,2)": st.decimals(-9999999, 9999999, places=2).map(lambda number: f"{number:f}"),
    "date": st.dates().map(date.isoformat),
    "timestamp": st.datetimes(min_value=datetime(1, 1, 1)).map(lambda moment: moment.isoformat(" ")),
}
ODD = {
    "string": ["", "NA", " NA", "\\N", "x", "\ufeffx", "'", '"', '""', "a\n\nb", " ", "a\r\nb", "N", "\0", '5" pipe'],
    "boolean": ["", "NA", "2", "tru", " true ", "TrUe", "on"],
    "int": ["", "NA", "+5", " 7 ", "\t8", "2147483648", "-2147483649", "0x1F", "1,000", "1.0", "-", "--1", "1-2",
            "00012", "1e3", "٣", " ", "9" * 40, "-0"],
    "bigint": ["", "+5", "9223372036854775808", "-9223372036854775808", "1_0", "0XFF", "12a", " NA "],
    "float": ["", "1e39", "3.4028235e38", "NaN", "inf", "-Infinity", "nan(1)", "+1.5", "1e-60", "1.5.2", "1e", "abc"],
    "double": ["", "1e400", "-1e400", "NaN", "+5", "1e-400", "1,5", "1_0.5", ".5", "5.", ".", "e5", "+-5", "0x1p3",
               "infinity", "+inf", "1e+5", "- 5", "1d"],
    "decimal(9,2)": ["", "1.005", "1.500", "12345678.5", "1e2", "1e9", "+1.5", ".5", "5.", "1e-2", "1e-3", "0.000",
                     "NaN", "-0", "1e99999", "0e500", "1.0e-1"],
    "date": ["", "2020-02-30", "2019-02-29", "2020-02-29", "0000-01-01", "2020-13-01", "2020-1-1", "20200101",
             " 2020-01-01", "2020-01-01T00:00", "1500-01-01", "9999-12-31", "2020-04-31"],
    "timestamp": ["", "2020-02-30 00:00:00", "2020-01-01T10:00:00Z", "2020-01-01 10:00:00+02:00", "2020-01-01",
                  "2020-01-01 24:00:00", "2020-01-01 23:59:60", "2020-01-01 10:00", "2020-01-01T10",
                  "2020-01-01 10:00:00.1234567", "2020-01-01 10:00:00.1000000", "0000-01-01 00:00:00",
                  "0001-01-01 00:00:00+01:00", " 2020-01-01 10:00:00 ", "2020-01-01t10:00:00", "x",
                  "2020-01-01 10:00:00-0330"],
}  # fmt: skip


class BadCellError(Exception):
    pass


def expected_value(kind: str, text: str, quoted: bool, nulls: list[str]) -> Any:
    """Judge one cell: an implementation of docs/csv.md in plain Python that shares nothing with the engine."""
    if kind == "string":
        return None if text in nulls and not quoted else text
    text = text.strip(" \t")
    if text in nulls:
        return None
    try:
        return _PARSERS[kind](text)
    except (ValueError, ArithmeticError, KeyError) as error:
        raise BadCellError from error


def _ascii(pattern: str, text: str) -> re.Match[str]:
    match = re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE)
    if match is None:
        raise ValueError(text)
    return match


def _int(bits: int, text: str) -> int:
    number = int(_ascii(r"[+-]?\d+", text)[0])
    if number.bit_length() > bits - 1 and number != -(2 ** (bits - 1)):
        raise ValueError(text)
    return number


NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"


def _double(text: str) -> float:
    number = float(_ascii(rf"{NUMBER}|[+-]?(inf|infinity|nan)", text)[0])
    if abs(number) == float("inf") and "n" not in text.lower():
        raise ValueError(text)
    return number


def _float(text: str) -> float:
    with np.errstate(over="ignore"):
        number = float(np.float32(_double(text)))
    if abs(number) == float("inf") and "n" not in text.lower():
        raise ValueError(text)
    return number


def _decimal(text: str) -> Decimal:
    number = Decimal(_ascii(NUMBER, text)[0])
    if number.is_zero():
        return Decimal("0.00")
    if number.adjusted() > 6 or number.normalize().as_tuple().exponent < -2:  # type: ignore[operator]
        raise ValueError(text)
    return number


def _date(text: str) -> date:
    year, month, day = (int(part) for part in _ascii(r"(\d{4})-(\d\d)-(\d\d)", text).groups())
    return date(year, month, day)


def _timestamp(text: str) -> datetime:
    match = re.fullmatch(
        r"([0-9-]{10})(?:[ T]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+?)0*)?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
        text,
    )
    if match is None or len(match[5] or "") > 6:
        raise ValueError(text)
    day = _date(match[1])
    hour, minute, second = (int(match[place] or 0) for place in (2, 3, 4))
    moment = datetime(day.year, day.month, day.day, hour, minute, second, int((match[5] or "0").ljust(6, "0")), UTC)
    if match[6] and match[6] != "Z":
        sign = -1 if match[6][0] == "-" else 1
        moment -= sign * timedelta(hours=int(match[6][1:3]), minutes=int(match[6][-2:]))
    return moment


BOOLEANS = {
    **dict.fromkeys(["true", "t", "yes", "y", "1"], True),
    **dict.fromkeys(["false", "f", "no", "n", "0"], False),
}
_PARSERS: dict[str, Any] = {
    "boolean": lambda text: BOOLEANS[text.lower()],
    "int": lambda text: _int(32, text),
    "bigint": lambda text: _int(64, text),
    "float": _float,
    "double": _double,
    "decimal(9,2)": _decimal,
    "date": _date,
    "timestamp": _timestamp,
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A value as it is written, and whether that is in quotes."""

    written: str
    quoted: bool


@dataclass(frozen=True)
class Case:
    """A random file and how it is to be read; its comment lines begin with COMMENT instead of `#`."""

    text: str
    kinds: list[str]
    places: list[int]
    csv: dict[str, Any]
    cells: list[list[Cell]]
    compress: bool
    split: int
    window: int
    sizes: Sizes


@dataclass(frozen=True)
class Writer:
    """Writes values in a dialect, in all the ways that it allows."""

    delimiter: str
    quote: str
    escape: str | None
    comment: str | None

    def cell(self, draw: st.DrawFn, text: str, first: bool, alone: bool, quote_all: bool) -> Cell:
        special = {self.delimiter, self.escape, "\r", "\n"}
        must = quote_all or (alone and not text) or (first and self.comment is not None and text.startswith("#"))
        if self.escape is None:
            must = must or text.startswith(self.quote) or any(character in special for character in text)
        if must or draw(st.sampled_from([True, False, False])):
            return Cell(self._quoted(text), quoted=True)
        if self.escape is not None:
            special |= {self.quote} if text.startswith(self.quote) or draw(st.booleans()) else set()
            text = "".join(f"{self.escape}{character}" if character in special else character for character in text)
        return Cell(text, quoted=False)

    def _quoted(self, text: str) -> str:
        if self.escape is not None:
            text = text.replace(self.escape, self.escape * 2).replace(self.quote, self.escape + self.quote)
        return self.quote + (text if self.escape else text.replace(self.quote, self.quote * 2)) + self.quote


SIZES = st.builds(
    Sizes,
    # Arrow takes a block of which nothing is left behind a \r, or behind a byte order mark, for the end of its input.
    block_bytes=st.sampled_from([4, 7, 16, 50, 1 << 20]),
    part_bytes=st.sampled_from([1, 10, 60, 300, 1 << 22]),
    part_rows=st.sampled_from([1, 3, 1 << 18]),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kinds = draw(st.lists(st.sampled_from(sorted(GOOD)), min_size=1, max_size=5))
    header = draw(st.booleans())
    places = draw(st.permutations(range(len(kinds)))) if header else list(range(len(kinds)))
    quote_all = draw(st.sampled_from([True, False, False]))
    writer = Writer(
        delimiter=draw(st.sampled_from(",;|\t")),
        quote=draw(st.sampled_from("\"'")),
        escape=draw(st.sampled_from([None, None, "\\"])),
        comment=draw(st.sampled_from([None, None, "#"])),
    )
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r\n", "\r"]))
    nulls = draw(st.sampled_from([[""], [], ["NA"], ["", "NA", "-"], ["", "\\N"], ["\\N", "\\\\N"]]))
    lines: list[str] = []
    cells: list[list[Cell]] = []
    if header:
        lines.append(writer.delimiter.join(f" Col{place} " for place in places))
    good, odd = st.one_of([st.just(False)] * 4 + [st.just(True)]), st.booleans()
    for _ in range(draw(st.integers(0, 12))):
        texts = [
            draw(st.sampled_from(ODD[kinds[place]])) if draw(good) and draw(odd) else draw(GOOD[kinds[place]])
            for place in places
        ]
        width = draw(st.sampled_from([0] * 12 + [-1, 1]))
        texts = [*texts, "extra"] if width > 0 else texts[: len(texts) + width]
        row = [writer.cell(draw, text, number == 0, len(texts) == 1, quote_all) for number, text in enumerate(texts)]
        if writer.escape and nulls and draw(st.sampled_from([False] * 3 + [True])):
            # As it is written and not as a text that is written: an escape in it is one.
            row = [Cell(draw(st.sampled_from([*filter(None, nulls), "N"])), quoted=False) for _ in row]
        if row:
            cells.append(row)
            lines.append(writer.delimiter.join(cell.written for cell in row))
        if writer.comment and draw(st.booleans()):
            lines.append(COMMENT + draw(st.text("ab,'\"\\", max_size=4)))
        if draw(st.sampled_from([False] * 9 + [True])):
            lines.append("")
    options = {
        "delimiter": writer.delimiter,
        "quote": writer.quote,
        "escape": writer.escape,
        "comment": writer.comment,
        "null_values": nulls,
        "header": header,
        "encoding": draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "cp1252", "shift_jis"])),
    }
    text = end.join(lines) + (end if draw(st.booleans()) else "")
    return Case(
        text, kinds, places, options, cells, draw(st.booleans()),
        draw(st.integers(1, 120)), draw(st.sampled_from([3, 20, 1 << 16])), draw(SIZES),
    )  # fmt: skip


def expected_rows(case: Case) -> tuple[list[dict[str, Any]], list[tuple[int, str | None]]]:
    """Read the file with Python's csv; of which cells are quoted, and how they are written, the generator tells."""
    # In UTF-8 a first U+FEFF is a byte order mark and no data; UTF-16 is written with a mark of its own before it.
    text = case.text.removeprefix("\ufeff") if case.csv["encoding"] == "utf-8" else case.text
    # Comment lines become blank: Python's csv knows none, and line numbers must not move.
    if case.csv["comment"]:
        text = re.sub(rf"{COMMENT}[^\r\n]*", "", text)
    reader = csv.reader(
        # Before Python 3.11 its csv refuses NUL.
        io.StringIO(text.replace("\0", NUL), newline=""),
        delimiter=case.csv["delimiter"],
        quotechar=case.csv["quote"],
        escapechar=case.csv["escape"],
    )
    good: list[dict[str, Any]] = []
    bad: list[tuple[int, str | None]] = []
    header, cells = case.csv["header"], iter(case.cells)
    before = 0
    for record in reader:
        line, before = before + 1, reader.line_num
        if not record:
            continue
        if header:
            header = False
            continue
        row, problem = _expected_row(case, [text.replace(NUL, "\0") for text in record], next(cells))
        if problem is None:
            good.append(row)
        else:
            bad.append((line, *problem))
    assert next(cells, None) is None
    return good, bad


def _expected_row(case: Case, record: list[str], cells: list[Cell]) -> tuple[dict[str, Any], tuple[str | None] | None]:
    assert len(record) == len(cells)
    if len(record) != len(case.kinds):
        return {}, (None,)
    row: dict[str, Any] = {}
    for number, kind in enumerate(case.kinds):
        place = case.places.index(number)
        try:
            row[f"col{number}"] = _expected_cell(case, kind, record[place], cells[place])
        except BadCellError:
            return {}, (f"col{number}",)
    return row, None


def _expected_cell(case: Case, kind: str, text: str, cell: Cell) -> Any:
    """Judge a cell: a null spelling with an escape is looked for as it is written."""
    escape = case.csv["escape"]
    escaped = [null for null in case.csv["null_values"] if escape and escape in null]
    written = cell.written[1:-1] if cell.quoted else cell.written
    if (written if kind == "string" else written.strip(" \t")) in escaped and not (cell.quoted and kind == "string"):
        return None
    plain = [null for null in case.csv["null_values"] if null not in escaped]
    return expected_value(kind, text, cell.quoted, plain)


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows as text: NaN equals NaN, -0.0 is not 0.0, decimals compare by value."""
    return [
        str({name: float(v) if isinstance(v, Decimal) else v for name, v in row.items()})
        .replace("timezone.utc", "<UTC>")
        .replace("datetime.", "")
        for row in rows
    ]


@pytest.mark.random
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def it_reads_what_pythons_csv_reads(case: Case) -> None:
    # What the encoding cannot hold becomes a question mark, for the oracle as for the engine.
    encoding = case.csv["encoding"]
    case = replace(case, text=case.text.encode(encoding, "replace").decode(encoding))
    data = case.text.replace(COMMENT, "#").encode(encoding)
    name = "a.csv"
    if case.compress:
        data, name = gzip.compress(data), "a.csv.gz"
    declared = [{"name": f"col{number}", "type": kind} for number, kind in enumerate(case.kinds)]
    good, bad = expected_rows(case)
    event(f"{len(good) > 0=} {len(bad) > 0=}")
    found = convert({name: data}, declared, case.csv, split=case.split, window=case.window, sizes=case.sizes)
    assert found.bad_places() == bad
    assert comparable(found.rows) == comparable(good)
    outcome = found.result.sources[0]
    assert (outcome.rows_read, outcome.rows_written, outcome.rows_quarantined) == (
        len(good) + len(bad),
        len(good),
        len(bad),
    )
