"""The grammar of a record, read byte by byte: what a dialect means, and the judge of every faster way.

A quote matters only as the first character of a value; text behind the closing quote belongs to the value; inside
quotes a doubled quote is one; an escape takes the next character literally, inside and outside quotes. A dialect may
skip blanks before a value, so that a quote behind them matters, as Python's csv does with `skipinitialspace`. Memory
and time grow with the record and with nothing else, whatever it holds.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from csv_dialect import Dialect
from errors import TerminalError


@dataclass(frozen=True)
class Field:
    """One value: `text` with quotes and escapes resolved; `raw` as it is written, without the quotes around it."""

    text: bytes
    raw: bytes
    quoted: bool


@dataclass(frozen=True)
class RecordBounds:
    """Where a record ends (`end`), and where behind its line end the next one begins (`behind`).

    `trailing` says that text follows a closing quote somewhere in it.
    """

    end: int
    behind: int
    trailing: bool


class OpenRecordError(TerminalError):
    """The data ends inside quotes or right behind an escape."""


_LINE_END = re.compile(b"[\r\n]")
_SPACES = re.compile(b" *")


def line_bounds(body: bytes, start: int) -> RecordBounds:
    """Return where the line that begins at `start` ends, whatever stands in it."""
    found = _LINE_END.search(body, start)
    return _bounds_at(body, found.start() if found else len(body), trailing=False)


def _bounds_at(body: bytes, end: int, *, trailing: bool) -> RecordBounds:
    behind = end + 2 if body.startswith(b"\r\n", end) else min(end + 1, len(body))
    return RecordBounds(end, behind, trailing)


class Grammar:
    """Reads single records of a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._quote, self._escape, self._delimiter = dialect.quote, dialect.escape, dialect.delimiter
        self._skips = dialect.skip_initial_space
        escape = re.escape(dialect.escape or b"")
        self._special_outside = re.compile(b"[\r\n" + re.escape(dialect.delimiter) + escape + b"]")
        self._special_inside = None
        if dialect.quote is not None:
            self._special_inside = re.compile(b"[" + re.escape(dialect.quote) + escape + b"]")

    def bounds(self, body: bytes, start: int) -> RecordBounds | None:
        """Return where the record that begins at `start` ends; None when it is still open at the end of the data."""
        position, trailing = self._behind_spaces(body, start), False
        try:
            while True:
                closed = self._closing(body, position, None)
                end = self._bare_end(body, position if closed is None else closed, None)
                trailing = trailing or (closed is not None and end > closed)
                if body[end : end + 1] != self._delimiter:
                    break
                position = self._behind_spaces(body, end + 1)
        except OpenRecordError:
            return None
        return _bounds_at(body, end, trailing=trailing)

    def fields(self, record: bytes) -> Iterator[Field]:
        """Yield the values of one record without its line end; raise OpenRecordError where it is not complete."""
        if not self._is_special(record):
            for written in record.split(self._delimiter):
                text = written.lstrip(b" ") if self._skips else written
                yield Field(text, text, quoted=False)
            return
        position = self._behind_spaces(record, 0)
        while True:
            pieces: list[bytes] = []
            closed = self._closing(record, position, pieces)
            quoted = closed is not None
            end = self._bare_end(record, position if closed is None else closed, pieces)
            raw = record[position + 1 : end - 1] if quoted and end == closed else record[position:end]
            yield Field(b"".join(pieces), raw, quoted)
            if end == len(record):
                return
            # A line end inside the record, where lines are records, cannot be: so this is a delimiter.
            position = self._behind_spaces(record, end + 1)

    def _behind_spaces(self, body: bytes, position: int) -> int:
        """Return where a value begins, behind the blanks that are skipped."""
        found = _SPACES.match(body, position) if self._skips else None
        return found.end() if found else position

    def _is_special(self, record: bytes) -> bool:
        return any(mark is not None and mark in record for mark in (self._quote, self._escape))

    def _closing(self, body: bytes, start: int, pieces: list[bytes] | None) -> int | None:
        """Return the offset behind the closing quote of the value that begins at `start`; None without a quote."""
        if self._special_inside is None or body[start : start + 1] != self._quote:
            return None
        position = start + 1
        while True:
            mark = self._special_inside.search(body, position)
            if mark is None:
                raise OpenRecordError
            at = mark.start()
            if pieces is not None:
                pieces.append(body[position:at])
            following = body[at + 1 : at + 2]
            if mark[0] == self._quote and following != self._quote:
                return at + 1
            if not following:
                raise OpenRecordError
            if pieces is not None:
                pieces.append(following)
            position = at + 2

    def _bare_end(self, body: bytes, start: int, pieces: list[bytes] | None) -> int:
        """Return the offset of the delimiter or line end behind unquoted text, or the end of the data."""
        position = start
        while True:
            mark = self._special_outside.search(body, position)
            at = mark.start() if mark else len(body)
            if pieces is not None:
                pieces.append(body[position:at])
            if mark is None or mark[0] != self._escape:
                return at
            if at + 1 == len(body):
                raise OpenRecordError
            if pieces is not None:
                pieces.append(body[at + 1 : at + 2])
            position = at + 2


@functools.lru_cache(maxsize=64)
def grammar_of(dialect: Dialect) -> Grammar:
    """Return the grammar of a dialect."""
    return Grammar(dialect)
