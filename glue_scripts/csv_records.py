"""Where the records of a piece of CSV begin and end, exactly as Arrow's CSV parser sees them.

The parser says which *record* is bad; the quarantine wants its line number and text. Most pieces have one record per
line, which numpy finds at memory speed; only pieces with line breaks inside quotes need the regular expression.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from csv_dialect import Dialect

Offsets = npt.NDArray[np.int64]
_NEWLINE = r"(?:\r\n|\r|\n)"


@functools.lru_cache(maxsize=64)
def record_pattern(dialect: Dialect, *, strict: bool = False) -> re.Pattern[bytes]:
    """Return the pattern of one record with its line end (or the end of the data).

    The grammar is Arrow's: a quote matters only as the first character of a field; text after the closing quote
    belongs to the field; an escape takes the next character literally, also outside quotes. Each part matches in one
    way only, so an unterminated quote is found in linear time. The strict pattern allows no text behind a quote.
    """
    delimiter = re.escape(dialect.delimiter.decode())
    escape = re.escape(dialect.escape.decode()) if dialect.escape else ""
    bare = rf"[^{delimiter}{escape}\r\n]*"
    if escape:
        bare = rf"{bare}(?:{escape}.{bare})*"
    field = bare
    if dialect.quote:
        quote = re.escape(dialect.quote.decode())
        inside = rf"[^{quote}{escape}]*"
        special = rf"(?:{quote}{quote}|{escape}.)" if escape else f"{quote}{quote}"
        behind = "" if strict else bare
        field = rf"(?:{quote}{inside}(?:{special}{inside})*{quote}(?!{quote}){behind}|(?!{quote}){bare})"
    return re.compile(rf"{field}(?:{delimiter}{field})*(?:{_NEWLINE}|\Z)".encode(), re.DOTALL)


_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True)
class Records:
    """The data records of a piece: byte ranges without line ends, and line numbers that count from 0.

    `complete` is the offset behind the last complete record; it lies before the end when a quote is left open.
    `comments` are the byte ranges of comment lines with their line ends, where they were looked for.
    """

    starts: Offsets
    ends: Offsets
    lines: Offsets
    complete: int
    comments: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.starts)

    def texts(self, body: bytes, numbers: Offsets) -> list[bytes]:
        """Return the raw bytes of some records."""
        pairs = zip(self.starts[numbers].tolist(), self.ends[numbers].tolist(), strict=True)
        return [body[start:end] for start, end in pairs]


def count_lines(body: bytes) -> int:
    r"""Return the number of line ends; \r\n is one, and so is a lone \r."""
    data = np.frombuffer(body, np.uint8)
    count = int(np.count_nonzero(data == 10))
    if b"\r" in body:
        returns = np.flatnonzero(data == 13)
        followed = returns[returns + 1 < len(data)]
        count += len(returns) - int(np.count_nonzero(data[followed + 1] == 10))
    return count


def line_records(body: bytes, dialect: Dialect) -> Records | None:
    r"""Return the records where every line is one, or None when lone \r make lines ambiguous to numpy."""
    data = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(data == 10)
    if len(data) and data[-1] != 10:
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    if b"\r" in body:
        returns = np.flatnonzero(data == 13)
        before_newline = (returns + 1 < len(data)) & (data[np.minimum(returns + 1, len(data) - 1)] == 10)
        if not before_newline.all():
            return None
        ends = ends - ((ends > starts) & (data[np.maximum(ends - 1, 0)] == 13))
    keep = ends > starts
    if dialect.comment:
        keep &= data[np.minimum(starts, max(len(data) - 1, 0))] != dialect.comment[0]
    lines = np.flatnonzero(keep)
    return Records(starts[lines], ends[lines], lines, len(body))


def exact_records(body: bytes, dialect: Dialect, *, by_line: bool = False) -> Records:
    """Return the records by the grammar, or every line as a record where quotes may not span lines."""
    match_record = (_LINE if by_line else record_pattern(dialect)).match
    starts: list[int] = []
    ends: list[int] = []
    lines: list[int] = []
    comments: list[tuple[int, int]] = []
    position = line = 0
    while position < len(body):
        is_comment = dialect.comment is not None and body.startswith(dialect.comment, position)
        match = _LINE.match(body, position) if is_comment else match_record(body, position)
        if match is None:
            break
        end = match.end()
        text_end = end - _line_end_length(body, end)
        if is_comment:
            comments.append((position, end))
        elif text_end > position:
            starts.append(position)
            ends.append(text_end)
            lines.append(line)
        line += _inner_lines(body[position:text_end]) + 1
        position = end
    return Records(
        np.array(starts, np.int64), np.array(ends, np.int64), np.array(lines, np.int64), position, tuple(comments)
    )


def _inner_lines(text: bytes) -> int:
    return count_lines(text) if b"\n" in text or b"\r" in text else 0


def _line_end_length(body: bytes, end: int) -> int:
    if body.endswith(b"\r\n", 0, end):
        return 2
    return 1 if body.endswith((b"\n", b"\r"), 0, end) else 0


def records_of(body: bytes, dialect: Dialect, expected: int) -> Records:
    """Return the records of a piece of which the parser has counted `expected`.

    There is at least one line per record that is not blank, so where both counts agree each such line is one record.
    That reasoning does not hold where a line end can be escaped, or where a line inside quotes can look like a comment.
    """
    found = line_records(body, dialect)
    if found is not None and not dialect.quoted_newlines:
        return found
    in_doubt = (dialect.escape is not None and dialect.escape in body) or (
        dialect.comment is not None and dialect.quote is not None and dialect.quote in body
    )
    if found is not None and not in_doubt and len(found) == expected:
        return found
    return exact_records(body, dialect, by_line=not dialect.quoted_newlines)


def without_ranges(body: bytes, ranges: Sequence[tuple[int, int]]) -> bytes:
    """Return the bytes without some ascending ranges."""
    view, position, kept = memoryview(body), 0, []
    for start, end in ranges:
        kept.append(view[position:start])
        position = end
    kept.append(view[position:])
    return b"".join(kept)


def comment_ranges(body: bytes, dialect: Dialect) -> list[tuple[int, int]]:
    """Return the byte ranges, with line ends, of the comment lines."""
    comment = dialect.comment
    if comment is None or not (body.startswith(comment) or b"\n" + comment in body or b"\r" + comment in body):
        return []
    # A line inside quotes may begin with the comment character, so only the grammar can tell.
    return list(exact_records(body, dialect, by_line=not dialect.quoted_newlines).comments)


def swallowing_line(body: bytes, dialect: Dialect) -> int | None:
    """Return the line, from 0, of a record that spans lines and has text behind a closing quote; None without one.

    That is what a forgotten closing quote looks like: the value runs on until the next quoted value opens, and there
    it ends in the middle of a field.
    """
    if dialect.quote is None:
        return None
    special = (dialect.escape is not None and dialect.escape in body) or bool(comment_ranges(body, dialect))
    if not special and _quotes_are_regular(np.frombuffer(body, np.uint8), dialect.quote[0], dialect.delimiter[0]):
        return None
    records, strict = exact_records(body, dialect), record_pattern(dialect, strict=True)
    for start, end, line in zip(records.starts.tolist(), records.ends.tolist(), records.lines.tolist(), strict=True):
        if _inner_lines(body[start:end]) and not strict.fullmatch(body, start, end):
            return int(line)
    return None


def _quotes_are_regular(data: npt.NDArray[np.uint8], quote: int, delimiter: int) -> bool:
    """Say whether the quotes alternate between opening a field and closing one; a doubled quote does both at once."""
    places = np.flatnonzero(data == quote)
    if len(places) % 2:
        return False
    boundary = np.zeros(256, np.bool_)
    boundary[[quote, delimiter, 10, 13]] = True
    opening, closing = places[::2], places[1::2]
    before = opening[opening > 0] - 1
    after = closing[closing + 1 < len(data)] + 1
    return bool(boundary[data[before]].all() and boundary[data[after]].all())
