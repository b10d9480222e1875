"""One piece of a CSV file to typed Arrow tables and their bad records, part by part, with books of double entry.

Each part is read the fast way, by Arrow's CSV reader, and its records are counted a second time without it. Where both
differ, or where the part holds what Arrow is known to misread, it is read the exact way, by the grammar alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contract import DatasetContract
from csv_arrow import ArrowReader, ColumnMemory, NotReadableError
from csv_columns import EMPTY_ROW, ColumnType, Reading, WantedColumns, table_schema
from csv_dialect import BLANKS, Dialect, readable_text, to_utf8
from csv_exact import ExactReader
from csv_headers import FileColumns
from csv_nulls import NullSpellings
from csv_parts import CountedPart, PartCutter, Sizes
from csv_records import Records, find_records, quotes_are_regular, without_ranges
from csv_values import NO_ROWS, Converted, Rows
from errors import TerminalError


@dataclass(frozen=True)
class BadRecords:
    """Bad records of a part, in their order: line numbers count from 0 at the part's first byte."""

    lines: Rows
    reasons: tuple[str, ...]
    columns: tuple[str | None, ...]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of bad records."""
        return len(self.lines)


@dataclass(frozen=True)
class ParsedPart:
    """What a part holds. `rows_read` counts every data record: those in `table` and in `bad`, and the skipped ones."""

    table: Any
    rows_read: int
    bad: BadRecords
    lines: int
    rows_skipped: int = 0


@dataclass(frozen=True)
class OpenPart:
    """The rest of a piece, from the offset `start` on, is the beginning of a record that does not end in it."""

    start: int


class UnterminatedInPartError(TerminalError):
    """A quote closes in the middle of a value many lines later; `line` counts from 0 at the part's first byte."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class _WrongEndError(TerminalError):
    """A part does not end with a record."""


class PieceParser:
    """Parses the pieces of files of one `layout`."""

    def __init__(
        self,
        contract: DatasetContract,
        dialect: Dialect,
        layout: FileColumns,
        memory: ColumnMemory | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        self._contract, self._dialect, self.layout = contract, dialect, layout
        self._wanted = WantedColumns(contract, dialect, layout)
        self._schema = table_schema(contract)
        self._cutter = PartCutter(dialect, sizes or Sizes())
        self._fast = ArrowReader(self._wanted, dialect, memory or ColumnMemory(), sizes or Sizes())
        self._exact = ExactReader(self._wanted, dialect)

    def parse(self, body: bytes, *, final: bool = True) -> Iterator[ParsedPart | OpenPart]:
        """Parse bytes that begin at a record and end with a line, part by part, or at the end of the file (`final`).

        Raises UnterminatedInPartError and OverlongRecordError, whose lines count from the end of the part before.
        """
        start = 0
        while start < len(body):
            part = self._cutter.next_part(body, start, final=final)
            try:
                parsed = self._parse_part(body, part, final) if part else None
            except _WrongEndError:
                part = self._cutter.certain_part(body, start, final=final)
                parsed = self._parse_part(body, part, final) if part else None
            if part is None or parsed is None:
                yield OpenPart(start)
                return
            yield parsed
            start = part.end

    def _parse_part(self, body: bytes, part: CountedPart, final: bool) -> ParsedPart:
        text, found, quoted = body[part.start : part.end], part.found, part.quoted
        final, is_valid = final and part.end == len(body), False
        if not self._dialect.is_utf8 and not text.isascii():
            text, is_valid = to_utf8(text, self._dialect.encoding)
            quoted = ()
            found = self._find(text, final) if found else None
        reading = self._read_fast(text, part.records, found, is_valid=is_valid)
        if reading is None or reading.total != part.records:
            found = found or self._find(text, final)
            if found.complete < len(text):
                raise _WrongEndError
            if reading is None or reading.total != len(found):
                reading = self._exact.read(text, found)
        if found is None and part.spanning and not quotes_are_regular(text, self._dialect, quoted):
            found = self._find(text, final)
        if found is not None and found.swallowing is not None:
            raise UnterminatedInPartError(found.swallowing)
        return self._judge(text, reading, found, part.lines)

    def _read_fast(self, text: bytes, records: int, found: Records | None, *, is_valid: bool) -> Reading | None:
        """Read a part with Arrow's reader; None when that cannot be done or is not to be trusted."""
        try:
            return self._fast.read(without_ranges(text, found.comments) if found else text, records, is_valid=is_valid)
        except NotReadableError:
            return None

    def _find(self, text: bytes, final: bool) -> Records:
        return find_records(text, self._dialect, by_line=not self._dialect.quoted_newlines, final=final)

    # ------------------------------------------------------------------------------------------------ values and rows
    def _judge(self, text: bytes, reading: Reading, found: Records | None, lines: int) -> ParsedPart:
        values: list[Any] = []
        faults: list[tuple[Rows, tuple[str, ...], str]] = []
        for number, (column, kind) in enumerate(zip(self._contract.columns, self._wanted.types, strict=True)):
            if number in reading.columns:
                converted = self._convert(kind, reading.columns[number], self._wanted.nulls[number])
            else:
                nulls = pa.nulls(len(reading.rows), kind.arrow if kind else pa.string())
                converted = Converted(nulls, NO_ROWS, ())
            values.append(converted.values)
            if len(converted.bad_rows):
                faults.append((converted.bad_rows, converted.reasons, column.name))
            if column.required and converted.values.null_count > len(converted.bad_rows):
                missing = np.flatnonzero(np.asarray(pc.is_null(converted.values)))
                missing = np.setdiff1d(missing, converted.bad_rows)
                faults.append((missing, ("null in a required column",) * len(missing), column.name))
        table = pa.table(values, schema=self._schema)
        if faults:
            good = np.ones(len(reading.rows), np.bool_)
            for rows, _, _ in faults:
                good[rows] = False
            table = table.filter(pa.array(good))
        problems, skipped = reading.problems, 0
        if self._contract.csv.empty_rows == "skip":
            problems = {number: problem for number, problem in problems.items() if problem != EMPTY_ROW}
            skipped = len(reading.problems) - len(problems)
        bad = self._bad_records(text, replace(reading, problems=problems), found, faults)
        return ParsedPart(table, reading.total, bad, lines, skipped)

    def _convert(self, kind: ColumnType, column: Any, nulls: NullSpellings) -> Converted:
        if kind is None:
            return Converted(_string_values(column, nulls), NO_ROWS, ())
        if pa.types.is_string(column.type):
            texts = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            return kind.convert(texts.chunk(0) if isinstance(texts, pa.ChunkedArray) else texts)
        # Even a cast to the type that is there takes its time, for each of hundreds of columns.
        return Converted(column if column.type == kind.arrow else column.cast(kind.arrow), NO_ROWS, ())

    def _bad_records(
        self, text: bytes, reading: Reading, found: Records | None, faults: list[tuple[Rows, tuple[str, ...], str]]
    ) -> BadRecords:
        problems = dict(reading.problems)
        for rows, reasons, name in faults:
            # The first bad column of a row, in the contract's order, is the one reported.
            for number, reason in zip(reading.rows[rows].tolist(), reasons, strict=True):
                problems.setdefault(number, (reason, name))
        if not problems:
            return BadRecords(NO_ROWS, (), (), ())
        numbers = np.array(sorted(problems), np.int64)
        records = found or self._find(text, final=True)
        texts = tuple(readable_text(raw) for raw in records.texts(text, numbers))
        ordered = [problems[number] for number in numbers.tolist()]
        return BadRecords(
            records.lines[numbers], tuple(reason for reason, _ in ordered), tuple(name for _, name in ordered), texts
        )


def _string_values(column: Any, nulls: NullSpellings) -> Any:
    if not nulls.trim:
        return column
    trimmed = pc.utf8_trim(column, characters=BLANKS)
    emptied = pc.and_(pc.is_in(trimmed, pa.array(nulls.plain, pa.string())), pc.not_equal(trimmed, column))
    return pc.if_else(pc.fill_null(emptied, False), pa.scalar(None, pa.string()), trimmed)
