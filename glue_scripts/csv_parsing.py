"""One piece of a CSV file to one typed Arrow table and its bad records.

The fast way is Arrow's CSV reader with the column types of the contract. It gives up at the first bad value of a
column; that column alone is then read as text and judged vectorised (csv_values), in this piece and in those that
follow, so a piece with bad values is parsed once, not bisected.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from contract import DatasetContract
from csv_dates import FormattedTimes, formatted_type
from csv_dialect import BLANKS, UTF8_BOM, Dialect, readable_text
from csv_headers import FileColumns, split_fields
from csv_records import (
    Records,
    comment_ranges,
    count_lines,
    exact_records,
    line_records,
    record_pattern,
    records_of,
    swallowing_line,
    without_ranges,
)
from csv_values import FALSE_VALUES, NO_ROWS, TRUE_VALUES, Converted, Rows, ValueType, value_type
from errors import TerminalError

# Fits the second-level cache; measured best between 1 and 4 MiB.
BLOCK_BYTES = 1 << 20
_CONVERSION_PROBLEM = re.compile(r"In CSV column #(\d+)")


@dataclass(frozen=True)
class BadRecords:
    """Bad records of a piece, in their order: line numbers count from 0 at the piece's first byte."""

    lines: Rows
    reasons: tuple[str, ...]
    columns: tuple[str | None, ...]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of bad records."""
        return len(self.lines)


@dataclass(frozen=True)
class ParsedPiece:
    """What a piece holds. `rows_read` counts every data record: those in `table` and those in `bad`."""

    table: Any
    rows_read: int
    bad: BadRecords
    lines: int


@dataclass(frozen=True)
class OpenPiece:
    """The piece ends inside quotes; `complete` is the offset behind its last whole record, `line` the next one's."""

    complete: int
    line: int


class UnterminatedInPieceError(TerminalError):
    """A quote closes in the middle of a value many lines later; `line` counts from 0 at the piece's first byte."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class _InvalidEncodingError(TerminalError):
    """Some record holds bytes that are not valid in the file's encoding."""


def contract_types(contract: DatasetContract) -> tuple[ValueType | FormattedTimes | None, ...]:
    """Return the type of each column, None for strings; a format that cannot be honoured is refused by name."""
    return tuple(
        formatted_type(contract.dataset, column, contract.csv) or value_type(column, contract.csv)
        for column in contract.columns
    )


def table_schema(contract: DatasetContract) -> Any:
    """Return the Arrow schema of the dataset's Parquet files."""
    types = contract_types(contract)
    return pa.schema(
        [
            pa.field(column.name, kind.arrow if kind else pa.string())
            for column, kind in zip(contract.columns, types, strict=True)
        ]
    )


@dataclass
class _Exclusions:
    """Records taken out before the typed parse; `survivors` maps the numbers of the rest to the original ones."""

    numbers: list[int]
    reasons: list[str]
    columns: list[str | None]
    survivors: Rows | None = None


@dataclass(frozen=True)
class _Read:
    columns: list[Any]
    total: int
    invalid: list[tuple[int, int]]
    closed: bool


class ColumnMemory:
    """Which columns turned out to hold bad values, across the files of a task: per contract column, how to read it.

    The number counts the ways of reading (`read_as`) that have failed.
    """

    def __init__(self) -> None:
        self.failed: dict[int, int] = {}


class PieceParser:
    """Parses the pieces of files of one layout."""

    def __init__(
        self, contract: DatasetContract, dialect: Dialect, layout: FileColumns, memory: ColumnMemory | None = None
    ) -> None:
        self._contract, self._dialect, self._layout = contract, dialect, layout
        self._types = contract_types(contract)
        self._schema = table_schema(contract)
        self._null_values = list(contract.csv.null_values)
        self._memory = memory or ColumnMemory()
        counts = Counter(layout.positions)
        # A column that is wanted twice, in two types, is read as text.
        self._shared = {place for place, count in counts.items() if count > 1}
        self._column_at = {place: number for number, place in enumerate(layout.positions) if place is not None}
        self._wanted = sorted(self._column_at)

    def parse(self, body: bytes) -> ParsedPiece | OpenPiece:
        """Parse bytes in UTF-8 that begin at a record and end at a line end or at the end of the file."""
        comments = comment_ranges(body, self._dialect)
        text = without_ranges(body, comments) if comments else body
        excluded = _Exclusions([], [], [])
        read = None
        while read is None:
            try:
                read = self._read(text)
            except _InvalidEncodingError:
                if any(reason.startswith("not valid") for reason in excluded.reasons):
                    raise
                text = self._exclude(text, excluded, self._undecodable(text))
                continue
            if not self._dialect.quoted_newlines and self._spans_lines(text, read):
                text = self._exclude(text, excluded, self._open_lines(text))
                read = None
        if not read.closed:
            whole = exact_records(body, self._dialect)
            return OpenPiece(whole.complete, count_lines(body[: whole.complete]))
        lines = count_lines(body) + (0 if not body or body.endswith((b"\n", b"\r")) else 1)
        self._refuse_swallowed(body, read.total + len(excluded.numbers), lines)
        return self._judge(body, read, excluded, lines)

    # ------------------------------------------------------------------------------------------------- Arrow's parser
    def _read(self, text: bytes) -> _Read:
        """Parse with as many typed columns as the data allows."""
        hexadecimal = _has_hexadecimal(text)
        if len(text) > 8 * BLOCK_BYTES:
            # Arrow reads on to the end after a failed conversion, so columns with many bad values are found beforehand.
            self._read_typed(text[: text.find(b"\n", BLOCK_BYTES) + 1], hexadecimal)
        return self._read_typed(text, hexadecimal)

    def _read_typed(self, text: bytes, hexadecimal: bool) -> _Read:
        block = BLOCK_BYTES
        while True:
            try:
                read = self._read_once(text, block, hexadecimal)
                doubtful = self._doubtful_column(read)
                if doubtful is None:
                    return read
                # On to the next way of reading; a zone offset does not mend year 0, but text does.
                self._give_up(doubtful)
            except pa.ArrowInvalid as error:
                message = str(error)
                if "straddl" in message:
                    block = len(text) + len(self._sentinel) + 2
                elif "Empty CSV file" in message:
                    return _Read([pa.nulls(0, pa.string())] * self._layout.width, 0, [], True)
                elif "invalid UTF8" in message or "CSV parse error: Row" in message:
                    raise _InvalidEncodingError from error
                elif found := _CONVERSION_PROBLEM.search(message):
                    self._give_up(self._wanted[int(found[1])])
                else:
                    raise

    def _doubtful_column(self, read: _Read) -> int | None:
        """Return the position of a column that was cast to values which need not be what the text says."""
        for place in self._wanted:
            kind, column = self._type_at(place), read.columns[place]
            if isinstance(kind, ValueType) and kind.doubtful and not pa.types.is_string(column.type):
                doubtful = kind.doubtful
                if any(len(doubtful(chunk)) for chunk in column.chunks):
                    return place
        return None

    @property
    def _sentinel(self) -> bytes:
        """A record with one column too many: seen as such only when no quote is open before it."""
        return self._dialect.delimiter * self._layout.width

    def _give_up(self, place: int) -> None:
        number = self._column_at[place]
        self._memory.failed[number] = self._memory.failed.get(number, 0) + 1

    def _read_once(self, text: bytes, block: int, hexadecimal: bool) -> _Read:
        dialect = self._dialect
        quoted = dialect.quote is not None and dialect.quote in text
        escaped = dialect.escape is not None and dialect.escape in text
        invalid: list[tuple[int, int]] = []
        last: list[str] = []

        def note(row: Any) -> str:
            invalid.append((row.number - 1, row.actual_columns))
            last[:] = [row.text]
            return "skip"

        table = arrow_csv.read_csv(
            pa.BufferReader(self._input(text, guarded=quoted or escaped)),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=block, column_names=[str(place) for place in range(self._layout.width)]
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter.decode(),
                quote_char=dialect.quote.decode() if quoted and dialect.quote else False,
                escape_char=dialect.escape.decode() if escaped and dialect.escape else False,
                newlines_in_values=quoted or escaped,
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={str(place): self._read_type(place, hexadecimal) for place in self._wanted},
                include_columns=[str(place) for place in self._wanted],
                null_values=self._null_values,
                true_values=TRUE_VALUES,
                false_values=FALSE_VALUES,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        columns: list[Any] = [None] * self._layout.width
        for place, column in zip(self._wanted, table.columns, strict=True):
            columns[place] = column
        closed, total = True, table.num_rows + len(invalid)
        if quoted or escaped:
            closed = last == [self._sentinel.decode()] and invalid[-1] == (total - 1, self._layout.width + 1)
            if closed:
                invalid.pop()
                total -= 1
        return _Read(columns, total, invalid, closed)

    def _input(self, text: bytes, *, guarded: bool) -> Any:
        # Arrow takes a byte order mark off whatever it is given; here it is the first character of a value.
        before = b"\n" if text.startswith(UTF8_BOM) else b""
        line_end = b"" if text.endswith(b"\n") else b"\n"
        after = b"".join((line_end, self._sentinel, b"\n")) if guarded else b""
        return pa.py_buffer(b"".join((before, text, after)) if before or after else text)

    def _read_type(self, place: int, hexadecimal: bool) -> Any:
        kind = self._type_at(place)
        failed = self._memory.failed.get(self._column_at[place], 0)
        if kind is None or failed >= len(kind.read_as) or place in self._shared:
            return pa.string()
        if hexadecimal and pa.types.is_integer(kind.arrow):
            return pa.string()
        return kind.read_as[failed]

    def _type_at(self, place: int) -> ValueType | FormattedTimes | None:
        return self._types[self._column_at[place]]

    # ------------------------------------------------------------------------- records that must go before the parse
    def _exclude(
        self, text: bytes, excluded: _Exclusions, found: tuple[Records, list[tuple[int, str, str | None]]]
    ) -> bytes:
        records, problems = found
        if not problems:
            raise AssertionError("a piece was refused by the parser and no record of it is at fault")
        numbers = np.array([number for number, _, _ in problems], np.int64)
        survivors = excluded.survivors if excluded.survivors is not None else np.arange(len(records))
        excluded.numbers += survivors[numbers].tolist()
        excluded.reasons += [reason for _, reason, _ in problems]
        excluded.columns += [column for _, _, column in problems]
        excluded.survivors = np.delete(survivors, numbers)
        return without_ranges(text, [(int(records.starts[number]), int(records.ends[number])) for number in numbers])

    def _all_records(self, text: bytes) -> Records:
        special = [mark for mark in (self._dialect.quote, self._dialect.escape) if mark is not None and mark in text]
        found = None if special and self._dialect.quoted_newlines else line_records(text, self._dialect)
        if found is not None:
            return found
        return exact_records(text, self._dialect, by_line=not self._dialect.quoted_newlines)

    def _undecodable(self, text: bytes) -> tuple[Records, list[tuple[int, str, str | None]]]:
        """Find the records whose number of columns or whose wanted values suffer from undecodable bytes."""
        records = self._all_records(text)
        positions = np.flatnonzero(np.frombuffer(text, np.uint8) >= 128)
        candidates = np.unique(np.searchsorted(records.starts, positions, side="right") - 1)
        candidates = candidates[candidates >= 0]
        problems: list[tuple[int, str, str | None]] = []
        for number in candidates.tolist():
            raw = text[records.starts[number] : records.ends[number]]
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                fields = split_fields(raw.decode("utf-8", "surrogateescape"), self._dialect)
                if (problem := self._field_problem(fields)) is not None:
                    problems.append((number, *problem))
        return records, problems

    def _field_problem(self, fields: list[str]) -> tuple[str, str | None] | None:
        if len(fields) != self._layout.width:
            return self._width_problem(len(fields)), None
        for column, place in zip(self._contract.columns, self._layout.positions, strict=True):
            if place is not None and re.search("[\udc80-\udcff]", fields[place]):
                return f"not valid {self._contract.csv.encoding}", column.name
        return None

    def _width_problem(self, actual: int) -> str:
        return f"expected {self._layout.width} columns, found {actual}"

    def _spans_lines(self, text: bytes, read: _Read) -> bool:
        """Say whether a quote is open at a line end, where quotes may not span lines."""
        quote = self._dialect.quote
        if quote is None or quote not in text:
            return False
        return not read.closed or len(self._all_records(text)) != read.total

    def _open_lines(self, text: bytes) -> tuple[Records, list[tuple[int, str, str | None]]]:
        records, pattern = self._all_records(text), record_pattern(self._dialect)
        bounds = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
        open_lines = [number for number, (start, end) in enumerate(bounds) if not pattern.fullmatch(text, start, end)]
        return records, [(number, "unterminated quote", None) for number in open_lines]

    def _refuse_swallowed(self, body: bytes, total: int, lines: int) -> None:
        """Refuse a quote that swallows lines until the next quote happens to close it."""
        quote = self._dialect.quote
        if quote is not None and quote in body and total < lines and self._dialect.quoted_newlines:
            line = swallowing_line(body, self._dialect)
            if line is not None:
                raise UnterminatedInPieceError(line)

    # ------------------------------------------------------------------------------------------------ values and rows
    def _judge(self, body: bytes, read: _Read, excluded: _Exclusions, lines: int) -> ParsedPiece:
        kept = np.arange(read.total)
        if read.invalid:
            kept = np.delete(kept, [number for number, _ in read.invalid])
        if excluded.survivors is not None:
            kept = excluded.survivors[kept]
        values: list[Any] = []
        faults: list[tuple[Rows, tuple[str, ...], str]] = []
        for column, kind, place in zip(self._contract.columns, self._types, self._layout.positions, strict=True):
            if place is None:
                converted = Converted(pa.nulls(len(kept), kind.arrow if kind else pa.string()), NO_ROWS, ())
            else:
                converted = self._convert(kind, read.columns[place])
            values.append(converted.values)
            if len(converted.bad_rows):
                faults.append((converted.bad_rows, converted.reasons, column.name))
            if column.required and converted.values.null_count > len(converted.bad_rows):
                nulls = np.flatnonzero(np.asarray(pc.is_null(converted.values)))
                nulls = np.setdiff1d(nulls, converted.bad_rows)
                faults.append((nulls, ("null in a required column",) * len(nulls), column.name))
        table = pa.table(values, schema=self._schema)
        if faults:
            good = np.ones(len(kept), np.bool_)
            for rows, _, _ in faults:
                good[rows] = False
            table = table.filter(pa.array(good))
        bad = self._bad_records(body, read, excluded, kept, faults)
        return ParsedPiece(table, read.total + len(excluded.numbers), bad, lines)

    def _convert(self, kind: ValueType | FormattedTimes | None, column: Any) -> Converted:
        if kind is None:
            return Converted(self._string_values(column), NO_ROWS, ())
        if pa.types.is_string(column.type):
            texts = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            return kind.convert(texts.chunk(0) if isinstance(texts, pa.ChunkedArray) else texts)
        return Converted(column.cast(kind.arrow), NO_ROWS, ())

    def _string_values(self, column: Any) -> Any:
        if not self._contract.csv.trim:
            return column
        trimmed = pc.utf8_trim(column, characters=BLANKS)
        emptied = pc.and_(pc.is_in(trimmed, pa.array(self._null_values, pa.string())), pc.not_equal(trimmed, column))
        return pc.if_else(pc.fill_null(emptied, False), pa.scalar(None, pa.string()), trimmed)

    def _bad_records(
        self,
        body: bytes,
        read: _Read,
        excluded: _Exclusions,
        kept: Rows,
        faults: list[tuple[Rows, tuple[str, ...], str]],
    ) -> BadRecords:
        problems: dict[int, tuple[str, str | None]] = {}
        for number, reason, column in zip(excluded.numbers, excluded.reasons, excluded.columns, strict=True):
            problems[number] = (reason, column)
        for number, actual in read.invalid:
            original = number if excluded.survivors is None else int(excluded.survivors[number])
            problems[original] = (self._width_problem(actual), None)
        for rows, reasons, name in faults:
            # The first bad column of a row, in the contract's order, is the one reported.
            for number, reason in zip(kept[rows].tolist(), reasons, strict=True):
                problems.setdefault(number, (reason, name))
        if not problems:
            return BadRecords(NO_ROWS, (), (), ())
        numbers = np.array(sorted(problems), np.int64)
        records = records_of(body, self._dialect, read.total + len(excluded.numbers))
        texts = tuple(readable_text(raw) for raw in records.texts(body, numbers))
        ordered = [problems[number] for number in numbers.tolist()]
        return BadRecords(
            records.lines[numbers], tuple(reason for reason, _ in ordered), tuple(name for _, name in ordered), texts
        )


def _has_hexadecimal(text: bytes) -> bool:
    """Say whether a hexadecimal number may be in the text: Arrow reads 0x1F as 31, a contract's int does not."""
    if b"x" not in text and b"X" not in text:
        return False
    data = np.frombuffer(text, np.uint8)
    positions = np.flatnonzero((data | 0x20) == ord("x"))
    positions = positions[positions > 0]
    return bool((data[positions - 1] == ord("0")).any())
