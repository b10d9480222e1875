"""Where the records of a text begin and end, by the grammar and without any parser.

Most lines are a record each, which numpy finds at memory speed; only lines with quotes of no regular shape, and records
that span lines, are read byte by byte (csv_grammar).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from csv_bits import CHUNK_BYTES, Places, QuotedChunk, behind_last, is_set, moved_up, quoted_chunk
from csv_dialect import Dialect
from csv_grammar import grammar_of, line_bounds

Offsets = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
NO_OFFSETS: Offsets = np.empty(0, np.int64)
LF, CR, SPACE = 10, 13, 32


@dataclass(frozen=True)
class Records:
    """The data records of a text: byte ranges without line ends, and line numbers that count from 0.

    `complete` is the offset behind the last complete record; it lies before the end when that is left open.
    `comments` are the byte ranges of comment lines with their line ends. `swallowing` is the line of the first record
    that spans lines and has text behind a closing quote: what a forgotten closing quote looks like, as the value runs
    on until the next quoted value opens, and there it ends in the middle of a field.
    """

    starts: Offsets
    ends: Offsets
    lines: Offsets
    complete: int
    comments: tuple[tuple[int, int], ...] = ()
    swallowing: int | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.starts)

    def texts(self, text: bytes, numbers: Offsets) -> list[bytes]:
        """Return the raw bytes of some records."""
        pairs = zip(self.starts[numbers].tolist(), self.ends[numbers].tolist(), strict=True)
        return [text[start:end] for start, end in pairs]


def count_lines(text: bytes) -> int:
    r"""Return the number of line ends; \r\n is one, and so is a lone \r."""
    data = np.frombuffer(text, np.uint8)
    newlines = data == LF
    count = int(np.count_nonzero(newlines))
    if b"\r" in text:
        returns = data == CR
        count += int(np.count_nonzero(returns) - np.count_nonzero(returns[:-1] & newlines[1:]))
    return count


def without_ranges(text: bytes, ranges: Sequence[tuple[int, int]]) -> bytes:
    """Return the bytes without some ascending ranges."""
    view, position, kept = memoryview(text), 0, []
    for start, end in ranges:
        kept.append(view[position:start])
        position = end
    kept.append(view[position:])
    return b"".join(kept)


def quotes_are_regular(text: bytes, dialect: Dialect, known: Iterable[QuotedChunk] = ()) -> bool:
    """Say whether the quotes alternate between opening a value and closing one; a doubled quote does both at once.

    `known`: the quotes of the whole text, if somebody has looked for them already.
    """
    if dialect.quote is None:
        return True
    if dialect.escape is not None and dialect.escape in text:
        return False
    data = np.frombuffer(text, np.uint8)
    if dialect.skip_initial_space:
        return _are_regular_behind_spaces(data, dialect)
    finder = Places()
    others = [byte for byte in (*dialect.delimiter, LF, CR) if byte in text]
    inside = after_closing = False
    after_boundary, start = True, 0
    for found in known or _quoted_chunks(data, dialect.quote[0]):
        chunk = data[start : start + found.length]
        start += found.length
        inside, boundaries = found.inside, found.quotes.copy()
        for byte in others:
            boundaries |= finder.of(chunk, byte)
        # What follows the last byte is seen with the next chunk; behind the text anything is allowed.
        boundaries[-1] |= behind_last(found.length)
        closing = found.quotes & ~found.opened
        if (found.quotes & found.opened & ~moved_up(boundaries, after_boundary)).any():
            return False
        if (moved_up(closing, after_closing) & ~boundaries).any():
            return False
        after_closing = is_set(closing, found.length - 1)
        after_boundary = is_set(boundaries, found.length - 1)
    return not inside


def _quoted_chunks(data: Bytes, quote: int) -> Iterator[QuotedChunk]:
    places, inside = Places(), False
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = quoted_chunk(places, data[start : start + CHUNK_BYTES], quote, inside)
        inside = chunk.inside
        yield chunk


def _are_regular_behind_spaces(data: Bytes, dialect: Dialect) -> bool:
    places = np.flatnonzero(data == (dialect.quote or b"")[0])
    if len(places) % 2:
        return False
    boundary = _boundary(dialect)
    opening, closing = places[::2], places[1::2]
    after = closing[closing + 1 < len(data)] + 1
    return bool(_behind_boundary(data, opening, boundary, dialect).all() and boundary[data[after]].all())


def _behind_boundary(data: Bytes, places: Offsets, boundary: Mask, dialect: Dialect) -> Mask:
    """Say of which places a value could begin there: behind a boundary and the blanks that the dialect skips."""
    before = places - 1
    if dialect.skip_initial_space:
        spaces = np.flatnonzero(data == SPACE)
        if len(spaces):
            run = run_starts(spaces)[np.minimum(np.searchsorted(spaces, before), len(spaces) - 1)]
            before = np.where((before >= 0) & (data[np.maximum(before, 0)] == SPACE), run - 1, before)
    behind: Mask = (before < 0) | boundary[data[np.maximum(before, 0)]]
    return behind


def run_starts(places: Offsets) -> Offsets:
    """Return, for each of some ascending places, where the run of neighbours begins that it belongs to."""
    begins = np.ones(len(places), np.bool_)
    begins[1:] = np.diff(places) != 1
    starts: Offsets = places[np.maximum.accumulate(np.where(begins, np.arange(len(places)), 0))]
    return starts


def spans_lines(record: bytes, dialect: Dialect) -> bool:
    """Say whether a record holds a line end that is not escaped."""
    data = np.frombuffer(record, np.uint8)
    escaped = active_escapes(data, dialect.escape[0]) + 1 if dialect.escape else NO_OFFSETS
    return len(_lines(data, record, escaped).starts) > 1


def active_escapes(data: Bytes, escape: int) -> Offsets:
    """Return the offsets of the escapes that take a byte literally: those that are not taken themselves."""
    places = np.flatnonzero(data == escape)
    if not len(places):
        return places
    # In a run of escapes every second one is taken by the one before it.
    active: Offsets = places[(places - run_starts(places)) % 2 == 0]
    return active


def empty_records(text: bytes, records: Records, dialect: Dialect) -> Offsets:
    """Return the numbers of the records that hold nothing but delimiters, blanks and tabs; the text has no comments."""
    nothing = np.zeros(256, np.bool_)
    nothing[[*dialect.delimiter, SPACE, ord("\t"), LF, CR]] = True
    if not len(records):
        return NO_OFFSETS
    something = np.add.reduceat(~nothing[np.frombuffer(text, np.uint8)], records.starts, dtype=np.int64)
    found: Offsets = np.flatnonzero(something == 0)
    return found


# ------------------------------------------------------------------------------------------------------------- records
def find_records(text: bytes, dialect: Dialect, *, by_line: bool = False, final: bool = True) -> Records:
    """Return the records of a text that begins at one.

    `by_line`: quotes may not span lines, so that every line is a record. `final`: the file ends with the text, so that
    its last record needs no line end.
    """
    has_escapes = not by_line and dialect.escape is not None and dialect.escape in text
    has_comments = dialect.comment is not None and dialect.comment in text
    if has_escapes and has_comments:
        # In a comment an escape means nothing, and what is a comment depends on escaped line ends.
        return _scan(text, dialect, final)
    data = np.frombuffer(text, np.uint8)
    escaped = active_escapes(data, (dialect.escape or b"\0")[0]) + 1 if has_escapes else NO_OFFSETS
    lines = _lines(data, text, escaped)
    is_comment = np.zeros(len(lines.starts), np.bool_)
    if has_comments:
        is_comment = lines.keep & (data[np.minimum(lines.starts, len(data) - 1)] == (dialect.comment or b"")[0])
    complete, swallowing = len(text), None
    if not by_line and dialect.quote is not None and dialect.quote in text:
        doubtful = _doubtful(data, lines, escaped, dialect) & ~is_comment
        complete, swallowing = _join(text, dialect, lines, np.flatnonzero(doubtful))
    if not final or (len(escaped) and escaped[-1] == len(text)):
        complete = _drop_unterminated(text, lines, complete)
    numbers: Offsets = np.arange(len(lines.starts))
    if len(escaped):
        # An escaped line end is one to the editor.
        numbers = np.searchsorted(_lines(data, text, NO_OFFSETS).behind, lines.starts, side="right")
    comments, rows = np.flatnonzero(is_comment & lines.keep), np.flatnonzero(~is_comment & lines.keep)
    ranges = zip(lines.starts[comments].tolist(), lines.behind[comments].tolist(), strict=True)
    swallowing = None if swallowing is None else int(numbers[swallowing])
    return Records(lines.starts[rows], lines.ends[rows], numbers[rows], complete, tuple(ranges), swallowing)


@dataclass
class _Lines:
    """A text cut at its line ends: [start, end) without the line end, `behind` it; those to keep as records."""

    starts: Offsets
    ends: Offsets
    behind: Offsets
    keep: Mask


def _lines(data: Bytes, text: bytes, escaped: Offsets) -> _Lines:
    newlines = _mask(data, LF, escaped)
    if b"\r" in text:
        returns = _mask(data, CR, escaped)
        pairs = returns[:-1] & newlines[1:]
        returns |= newlines
        returns[1:] &= ~pairs
        ends = np.flatnonzero(returns)
        behind = ends + 1 + np.append(pairs, False)[ends]
    else:
        ends = np.flatnonzero(newlines)
        behind = ends + 1
    if len(data) and (not len(behind) or behind[-1] < len(data)):
        ends, behind = np.append(ends, len(data)), np.append(behind, len(data))
    starts = np.concatenate((np.zeros(1, np.int64), behind[:-1])) if len(behind) else behind
    return _Lines(starts, ends, behind, ends > starts)


def _mask(data: Bytes, byte: int, escaped: Offsets) -> Mask:
    found: Mask = data == byte
    if len(escaped):
        found[escaped[escaped < len(data)]] = False
    return found


def _boundary(dialect: Dialect) -> Mask:
    boundary = np.zeros(256, np.bool_)
    boundary[[*dialect.delimiter, *(dialect.quote or b""), LF, CR]] = True
    return boundary


def _doubtful(data: Bytes, lines: _Lines, escaped: Offsets, dialect: Dialect) -> Mask:
    """Say of which lines it is not certain that they end outside quotes if they begin outside.

    Certain are those without a quote that could open a value, and those whose quotes alternate between opening a value
    and closing one.
    """
    count, quote = len(lines.starts), (dialect.quote or b"\0")[0]
    quotes = np.flatnonzero(_mask(data, quote, escaped))
    line = np.searchsorted(lines.behind, quotes, side="right")
    opening = (np.arange(len(quotes)) - np.searchsorted(quotes, lines.starts)[line]) % 2 == 0
    boundary = _boundary(dialect)
    after = boundary[data[np.minimum(quotes + 1, len(data) - 1)]] | (quotes + 1 == len(data))
    boundary[quote] = False
    at_start = _behind_boundary(data, quotes, boundary, dialect)
    doubled = np.zeros(len(quotes), np.bool_)
    doubled[1:] = np.diff(quotes) == 1
    irregular = np.where(opening, ~(at_start | doubled), ~after)
    numbers = np.bincount(line, minlength=count)
    doubtful: Mask = (np.bincount(line, irregular, count) > 0) | (numbers % 2 == 1)
    doubtful &= np.bincount(line, at_start, count) > 0
    if len(escaped):
        # What stands before a quote may be an escaped delimiter.
        with_escape = np.zeros(count, np.bool_)
        with_escape[np.searchsorted(lines.behind, escaped - 1, side="right")] = True
        doubtful |= with_escape & (numbers > 0)
    return doubtful


def _join(text: bytes, dialect: Dialect, lines: _Lines, doubtful: Offsets) -> tuple[int, int | None]:
    """Join the lines of records that span several; return what is complete, and the first line that swallows others."""
    grammar, covered, swallowing = grammar_of(dialect), 0, None
    for number in doubtful.tolist():
        start = int(lines.starts[number])
        if start < covered:
            continue
        bounds = grammar.bounds(text, start)
        if bounds is None:
            lines.keep[number:] = False
            return start, swallowing
        covered = bounds.behind
        last = int(np.searchsorted(lines.behind, covered))
        if last > number:
            lines.keep[number + 1 : last + 1] = False
            lines.ends[number] = bounds.end
            swallowing = number if bounds.trailing and swallowing is None else swallowing
    return len(text), swallowing


def _drop_unterminated(text: bytes, lines: _Lines, complete: int) -> int:
    """Leave out a last record without a line end; return what is complete then."""
    kept = np.flatnonzero(lines.keep)
    if complete < len(text) or not len(kept) or lines.ends[kept[-1]] < len(text):
        return complete
    lines.keep[kept[-1]] = False
    return int(lines.starts[kept[-1]])


def _scan(text: bytes, dialect: Dialect, final: bool) -> Records:
    """Return the records of a text, read byte by byte."""
    grammar = grammar_of(dialect)
    starts: list[int] = []
    ends: list[int] = []
    lines: list[int] = []
    comments: list[tuple[int, int]] = []
    position, line, swallowing = 0, 0, None
    while position < len(text):
        is_comment = dialect.comment is not None and text.startswith(dialect.comment, position)
        bounds = line_bounds(text, position) if is_comment else grammar.bounds(text, position)
        if bounds is None or (bounds.end == bounds.behind and not final):
            break
        if is_comment:
            comments.append((position, bounds.behind))
        elif bounds.end > position:
            starts.append(position)
            ends.append(bounds.end)
            lines.append(line)
            if bounds.trailing and swallowing is None and spans_lines(text[position : bounds.end], dialect):
                swallowing = line
        position, line = bounds.behind, line + count_lines(text[position : bounds.behind])
    return Records(
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        np.array(lines, np.int64),
        position,
        tuple(comments),
        swallowing,
    )
