"""The fast way: a text read by Arrow's CSV reader, with the column types of the contract.

It gives up at the first bad value of a column; that column alone is then read as text, to be judged vectorised
(csv_values), in this text and in those that follow. What Arrow is known to misread is kept from it (csv_misreadings).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

import csv_misreadings
from csv_columns import EMPTY_ROW, UNTERMINATED, ColumnGroup, Problem, Reading, WantedColumns
from csv_dialect import Dialect
from csv_grammar import OpenRecordError, grammar_of
from csv_nulls import HiddenEscapes
from csv_parts import Sizes
from csv_records import Records, empty_records, find_records, without_ranges
from csv_spaces import without_initial_spaces
from csv_values import Rows, ValueType
from errors import TerminalError

_CONVERSION_PROBLEM = re.compile(r"In CSV column #(\d+)")


class ColumnMemory:
    """Which columns turned out to hold bad values, across the files of a task: per contract column, how to read it.

    The number counts the ways of reading (`read_as`) that have failed.
    """

    def __init__(self) -> None:
        self.failed: dict[int, int] = {}
        self.is_fresh = True


class NotReadableError(TerminalError):
    """Arrow's reader is not to be trusted with a text, or has not understood it."""


class _InvalidEncodingError(TerminalError):
    """Some record holds bytes that are not valid in the file's encoding."""


@dataclass
class _Exclusions:
    """Records taken out before the typed parse; `survivors` maps the numbers of the rest to the original ones."""

    problems: dict[int, Problem] = field(default_factory=dict)
    survivors: Rows | None = None

    def originals(self, numbers: Rows) -> Rows:
        """Return the original numbers of records by their numbers among the survivors."""
        return numbers if self.survivors is None else self.survivors[numbers]


@dataclass(frozen=True)
class _Parsed:
    columns: dict[int, Any]
    total: int
    invalid: list[tuple[int, int]]
    closed: bool


class ArrowReader:
    """Reads the texts of files of one layout."""

    def __init__(self, wanted: WantedColumns, dialect: Dialect, memory: ColumnMemory, sizes: Sizes) -> None:
        self._wanted, self._dialect = wanted, dialect
        self._memory, self._block_bytes = memory, sizes.block_of(wanted.width)
        self._marks = [mark for mark in (dialect.quote, dialect.escape) if mark is not None]
        # A record with one value too many: seen as such only when no quote is open before it.
        self._sentinel = dialect.delimiter * wanted.width

    def read(self, text: bytes, records: int, *, is_valid: bool = False) -> Reading:
        """Read a text of whole records that should have some number of them; raise NotReadableError.

        `is_valid` says that the text is known to be UTF-8, which need not be checked again.
        """
        if csv_misreadings.must_be_read_exactly(text):
            raise NotReadableError("the text holds what Arrow is known to misread")
        if self._dialect.skip_initial_space:
            spaced = without_initial_spaces(text, self._dialect)
            if spaced is None:
                raise NotReadableError("where values begin takes the grammar")
            text = spaced
        self._try_first_block(text, is_valid)
        excluded = _Exclusions()
        if not self._wanted.keeps_empty:
            text = self._without_empty(text, excluded)
        decoded = lines_checked = padded = False
        while True:
            try:
                table = self._read_typed(text, is_valid)
            except _InvalidEncodingError as error:
                if decoded:
                    raise NotReadableError("records that are not valid are left") from error
                decoded, text = True, self._exclude(text, excluded, self._undecodable(text))
                continue
            if not lines_checked and self._spans_lines(text, table, excluded, records):
                lines_checked, text = True, self._exclude(text, excluded, self._open_lines(text))
            elif not padded and self._wanted.pads and any(width < self._wanted.width for _, width in table.invalid):
                padded, text = True, self._padded(text, table)
            else:
                break
        if not table.closed:
            raise NotReadableError("a quote is open at the end")
        there = table.total if excluded.survivors is None else len(excluded.survivors)
        if table.total != there or any(number >= there for number, _ in table.invalid):
            raise NotReadableError("not as many records were read as there are")
        return self._reading(table, excluded)

    def _reading(self, table: _Parsed, excluded: _Exclusions) -> Reading:
        rows: Rows = np.arange(table.total)
        invalid = np.array([number for number, _ in table.invalid], np.int64)
        problems = dict(excluded.problems)
        for number, (_, width) in zip(excluded.originals(invalid).tolist(), table.invalid, strict=True):
            if (problem := self._wanted.width_problem(width)) is None:
                raise NotReadableError("a record of the right number of values was left out")
            problems[number] = problem
        rows = excluded.originals(np.delete(rows, invalid))
        return Reading(table.columns, rows, problems, table.total + len(excluded.problems))

    # ------------------------------------------------------------------------------------------------- Arrow's parser
    def _try_first_block(self, text: bytes, is_valid: bool) -> None:
        """Find most columns with bad values cheaply: after a failed conversion Arrow reads on to the end of a text."""
        if self._memory.is_fresh and len(text) > 2 * self._block_bytes:
            # Where a record is cut off here a column may be given up in vain, which costs time only.
            with suppress(NotReadableError, _InvalidEncodingError):
                self._read_typed(text[: text.find(b"\n", self._block_bytes) + 1], is_valid)
        self._memory.is_fresh = False

    def _read_typed(self, text: bytes, is_valid: bool) -> _Parsed:
        """Parse with as many typed columns as the data allows, each group of columns by itself."""
        first, *others = (self._read_group(text, group, is_valid) for group in self._wanted.groups)
        for table in others:
            if (table.total, table.invalid, table.closed) != (first.total, first.invalid, first.closed):
                raise NotReadableError("the text was read twice and not the same way")
            first.columns.update(table.columns)
        return first

    def _read_group(self, text: bytes, group: ColumnGroup, is_valid: bool) -> _Parsed:
        single = False
        while True:
            hidden = group.nulls.hide(text)
            if hidden is None:
                raise NotReadableError("no byte is free to hide null spellings")
            try:
                table = self._read_once(text, hidden, group, single=single, is_valid=is_valid)
                doubtful = self._doubtful_column(table)
                if doubtful is None:
                    return self._restored(table, hidden, group)
                # On to the next way of reading; a zone offset does not mend year 0, but text does.
                self._give_up(doubtful)
            except pa.ArrowInvalid as error:
                message = str(error)
                if "straddl" in message and not single:
                    single = True
                elif "Empty CSV file" in message:
                    return _Parsed({number: pa.nulls(0, pa.string()) for number in group.place_of}, 0, [], True)
                elif "invalid UTF8" in message or "CSV parse error: Row" in message:
                    raise _InvalidEncodingError from error
                elif found := _CONVERSION_PROBLEM.search(message):
                    self._give_up(group.at[int(found[1])])
                else:
                    raise NotReadableError(message) from error

    def _doubtful_column(self, table: _Parsed) -> int | None:
        """Return the number of a column that was cast to values which need not be what the text says."""
        for number, column in table.columns.items():
            kind = self._wanted.types[number]
            doubtful = kind.doubtful if isinstance(kind, ValueType) else None
            if doubtful is not None and not pa.types.is_string(column.type) and len(doubtful(column)):
                return number
        return None

    def _give_up(self, number: int) -> None:
        self._memory.failed[number] = self._memory.failed.get(number, 0) + 1

    def _read_once(
        self, text: bytes, hidden: HiddenEscapes, group: ColumnGroup, *, single: bool, is_valid: bool
    ) -> _Parsed:
        dialect, places = self._dialect, group.places
        quote, escape = (mark.decode() if mark and mark in text else False for mark in (dialect.quote, dialect.escape))
        guarded = bool(quote or escape)
        invalid: list[tuple[int, int]] = []
        last: list[str] = []

        def note(row: Any) -> str:
            invalid.append((row.number - 1, row.actual_columns))
            last[:] = [row.text]
            return "skip"

        data = self._input(hidden.text, guarded=guarded)
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=self._block_size(data, single=single),
                column_names=[str(place) for place in range(self._wanted.width)],
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter.decode(),
                quote_char=quote,
                escape_char=escape,
                newlines_in_values=guarded,
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=not is_valid,
                column_types=dict(zip(map(str, places), self._read_types(text, group), strict=True)),
                include_columns=[str(place) for place in places],
                null_values=hidden.null_values,
                true_values=self._wanted.true_values,
                false_values=self._wanted.false_values,
                strings_can_be_null=True,
                quoted_strings_can_be_null=group.nulls.quoted,
                decimal_point=group.decimal,
            ),
        )
        closed, total = True, table.num_rows + len(invalid)
        if guarded:
            closed = last == [self._sentinel.decode()] and invalid[-1] == (total - 1, self._wanted.width + 1)
            if closed:
                invalid.pop()
                total -= 1
        columns = dict(zip(places, table.columns, strict=True))
        return _Parsed({number: columns[place] for number, place in group.place_of.items()}, total, invalid, closed)

    def _input(self, text: bytes, *, guarded: bool) -> bytes:
        before = csv_misreadings.put_before(text)
        line_end = b"" if text.endswith(b"\n") else b"\n"
        after = b"".join((line_end, self._sentinel, b"\n")) if guarded else b""
        return b"".join((before, text, after)) if before or after else text

    def _block_size(self, data: bytes, *, single: bool) -> int:
        size = csv_misreadings.block_bytes(data, self._dialect, self._wanted.width, self._block_bytes, single=single)
        if size is None:
            raise NotReadableError("no size of blocks is safe")
        return size

    def _read_types(self, text: bytes, group: ColumnGroup) -> list[Any]:
        """Return the type to read each column of a group as."""
        types = []
        misread: dict[Any, bool] = {}
        for place in group.places:
            kind = group.type_at(place)
            failed = self._memory.failed.get(group.at[place], 0)
            if kind is None or failed >= len(kind.read_as) or place in group.shared or group.is_foreign(kind):
                types.append(pa.string())
                continue
            arrow = kind.read_as[failed]
            if arrow.id not in misread:
                misread[arrow.id] = csv_misreadings.is_misread_as(text, arrow)
            types.append(pa.string() if misread[arrow.id] else arrow)
        return types

    def _restored(self, table: _Parsed, hidden: HiddenEscapes, group: ColumnGroup) -> _Parsed:
        columns: dict[int, Any] = {}
        for number, column in table.columns.items():
            restored = column
            if pa.types.is_string(column.type):
                restored = hidden.restore(column, is_string=group.is_string(group.place_of[number]))
            if restored is None:
                raise NotReadableError("whether a value is null depends on its quotes")
            columns[number] = restored
        return _Parsed(columns, table.total, table.invalid, table.closed)

    # ------------------------------------------------------------------------- records that must go before the parse
    def _exclude(self, text: bytes, excluded: _Exclusions, found: tuple[Records, dict[int, Problem]]) -> bytes:
        records, problems = found
        if not problems:
            raise NotReadableError("the text was refused and no record of it is at fault")
        numbers = np.array(sorted(problems), np.int64)
        originals = excluded.originals(np.arange(len(records)))
        excluded.problems |= {int(originals[number]): problem for number, problem in problems.items()}
        excluded.survivors = np.delete(originals, numbers)
        ranges = zip(records.starts[numbers].tolist(), records.ends[numbers].tolist(), strict=True)
        return without_ranges(text, list(ranges))

    def _without_empty(self, text: bytes, excluded: _Exclusions) -> bytes:
        """Take out records of nothing but delimiters."""
        records = self._records(text)
        numbers = empty_records(text, records, self._dialect).tolist()
        return self._exclude(text, excluded, (records, dict.fromkeys(numbers, EMPTY_ROW))) if numbers else text

    def _records(self, text: bytes) -> Records:
        return find_records(text, self._dialect, by_line=not self._dialect.quoted_newlines)

    def _undecodable(self, text: bytes) -> tuple[Records, dict[int, Problem]]:
        """Find the records whose number of values or whose wanted values suffer from undecodable bytes."""
        records = self._records(text)
        positions = np.flatnonzero(np.frombuffer(text, np.uint8) >= 128)
        candidates = np.unique(np.searchsorted(records.starts, positions, side="right") - 1)
        problems: dict[int, Problem] = {}
        for number in candidates[candidates >= 0].tolist():
            raw = text[records.starts[number] : records.ends[number]]
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                if (problem := self._problem(raw)) is not None:
                    problems[number] = problem
        return records, problems

    def _problem(self, raw: bytes) -> Problem | None:
        try:
            values = [value.text for value in grammar_of(self._dialect).fields(raw)]
        except OpenRecordError:
            return None
        if (problem := self._wanted.width_problem(len(values))) is not None:
            return problem
        values += [b""] * (self._wanted.width - len(values))
        return self._wanted.encoding_problem(values.__getitem__)

    def _padded(self, text: bytes, table: _Parsed) -> bytes:
        """Return the text with as many values in short records as in others, the added ones empty and so null."""
        records = self._records(text)
        if len(records) != table.total or any("" not in group.nulls.plain for group in self._wanted.groups):
            raise NotReadableError("what a short record lacks cannot be written as a null")
        pieces, position = [], 0
        for number, width in table.invalid:
            if width < self._wanted.width:
                end = int(records.ends[number])
                pieces += [text[position:end], self._dialect.delimiter * (self._wanted.width - width)]
                position = end
        return b"".join([*pieces, text[position:]])

    def _spans_lines(self, text: bytes, table: _Parsed, excluded: _Exclusions, records: int) -> bool:
        """Say whether a record may not end with its line, where quotes may not span lines."""
        if self._dialect.quoted_newlines or not any(mark in text for mark in self._marks):
            return False
        escape = self._dialect.escape
        if escape is not None and (escape + b"\r" in text or escape + b"\n" in text):
            return True
        return not table.closed or table.total + len(excluded.problems) != records

    def _open_lines(self, text: bytes) -> tuple[Records, dict[int, Problem]]:
        records, grammar = self._records(text), grammar_of(self._dialect)
        problems: dict[int, Problem] = {}
        for number, raw in enumerate(records.texts(text, np.arange(len(records)))):
            if grammar.bounds(raw, 0) is None:
                problems[number] = UNTERMINATED
        return records, problems
