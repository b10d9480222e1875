"""A piece of a file cut into parts of whole records, each with the number of its records.

The number is the second entry of the books: it is counted from the line ends outside quotes, without the parser whose
rows it is compared with. For most texts numpy counts it at memory speed, from the parity of the quotes; where that is
not the whole truth (escapes, comments, quotes within a value) the grammar finds the records (csv_records).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from csv_bits import CHUNK_BYTES, Places, QuotedChunk, Words, behind_last, moved_up, number_of, quoted_chunk
from csv_dialect import Dialect
from csv_grammar import grammar_of
from csv_records import CR, LF, Bytes, Records, count_lines, find_records, spans_lines
from errors import TerminalError

# A block of the usual size has enough rows for so many columns.
_COLUMNS_OF_A_BLOCK = 100
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Sizes:
    """Sizes in bytes of what is parsed: a block of Arrow's reader, a part, a record at most; rows of a part.

    Block and part are the smallest that are read about as fast as any (docs/benchmarks.md). A part bounds what its
    rows, good and bad, take in memory.
    Athena reads rows of up to 32 MB: https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html
    """

    block_bytes: int = 2 << 20
    part_bytes: int = 8 << 20
    part_rows: int = 1 << 18
    largest_record_bytes: int = 32 << 20

    def block_of(self, columns: int) -> int:
        """Return the size of a block of so many columns: each begins anew in every block, which takes its time."""
        return self.block_bytes * max(columns // _COLUMNS_OF_A_BLOCK, 1)


@dataclass(frozen=True)
class CountedPart:
    """A part of a piece: [start, end), the records and lines in it, and whether some record spans lines.

    `found` says where the records are, with offsets from `start`, where that had to be found out. Without it the end of
    the part is a guess, which whoever parses it proves right or wrong. `quoted` are its quotes, if
    the counter kept them.
    """

    start: int
    end: int
    records: int
    lines: int
    spanning: bool
    found: Records | None = None
    quoted: tuple[QuotedChunk, ...] = ()


class OverlongRecordError(TerminalError):
    """A record is longer than allowed; `line` counts from 0 at the beginning of what was to be cut."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class RecordCounter:
    """Counts records and lines of a text that is fed in order and begins outside quotes.

    A record ends where a line end begins behind something that is none, which leaves blank lines out, outside quotes.
    Whether a byte is inside quotes is told by the number of quotes before it, as bits of 64-bit words. `quoted` keeps
    these bits where line ends stand in quotes from the first chunk on, as then somebody asks for them again.
    """

    def __init__(self, quote: bytes | None) -> None:
        self._quote = quote
        self._places = Places()
        self._last = LF
        self.inside = False
        self.quoted: list[QuotedChunk] | None = []
        self.ended_lines = 0
        self.lines = 0
        self._ended_inside = 0

    @property
    def records(self) -> int:
        """Return the number of records that have ended."""
        return self.ended_lines - self._ended_inside

    @property
    def unterminated(self) -> bool:
        """Say whether the text fed so far ends without a line end."""
        return self._last not in (LF, CR)

    def feed(self, body: bytes, start: int, end: int) -> None:
        """Count on, over the bytes [start, end)."""
        data = np.frombuffer(body, np.uint8)
        for position in range(start, end, CHUNK_BYTES):
            stop = min(position + CHUNK_BYTES, end)
            chunk = data[position:stop]
            begins = self._line_ends(chunk, self._last == CR or body.find(b"\r", position, stop) >= 0)
            quoted = None
            if self._quote is not None and body.find(self._quote, position, stop) >= 0:
                quoted = quoted_chunk(self._places, chunk, self._quote[0], self.inside)
                self.inside = quoted.inside
                self._ended_inside += number_of(begins & quoted.opened)
            elif self.inside:
                self._ended_inside += number_of(begins)
            if not self._ended_inside:
                self.quoted = None
            elif self.quoted is not None:
                if quoted is None:
                    none = np.zeros_like(begins)
                    quoted = QuotedChunk(len(chunk), none, none, self.inside)
                self.quoted.append(quoted)

    def _line_ends(self, data: Bytes, has_returns: bool) -> Words:
        """Count line ends; return where one begins behind something that is none.

        Counting bits takes longest, so what most texts have none of is told apart: ends of blank lines, lone returns.
        """
        ends = self._places.of(data, LF)
        lines = number_of(ends)
        pairs = None
        if has_returns:
            returns = self._places.of(data, CR)
            behind = moved_up(returns, self._last == CR)
            alone = behind & ~ends
            alone[-1] &= ~behind_last(len(data))
            # A \n behind a \r ends the same line, so a \r counts here where none follows, the last byte for now.
            lines += (number_of(alone) if alone.any() else 0) - (self._last == CR) + (int(data[-1]) == CR)
            pairs = behind & ends
            ends |= returns
        behind = moved_up(ends, self._last in (LF, CR))
        again = ends & behind
        if pairs is not None:
            again &= ~pairs
        self.lines += lines
        self.ended_lines += lines - (number_of(again) if again.any() else 0)
        self._last = int(data[-1])
        return ends & ~behind


class PartCutter:
    """Cuts pieces of a dialect into parts."""

    def __init__(self, dialect: Dialect, sizes: Sizes) -> None:
        self._dialect, self._sizes = dialect, sizes
        self._by_line = not dialect.quoted_newlines
        self._bytes = sizes.part_bytes

    def next_part(self, body: bytes, start: int, *, final: bool) -> CountedPart | None:
        """Return the part that begins at a record; None when the data ends inside of its first record.

        `final`: the file ends with the body. Raises OverlongRecordError.
        """
        part = self._counted_part(body, start)
        return part or self.certain_part(body, start, final=final)

    def certain_part(self, body: bytes, start: int, *, final: bool) -> CountedPart | None:
        """Do the same by finding where the records are, so that the end of the part is certain."""
        end = self._window_end(body, start)
        text = body[start:end]
        found = find_records(text, self._dialect, by_line=self._by_line, final=final and end == len(body))
        too_long = np.flatnonzero(found.ends - found.starts > self._sizes.largest_record_bytes)
        if len(too_long):
            raise OverlongRecordError(int(found.lines[too_long[0]]))
        if not found.complete:
            return self._single_record(body, start, final=final)
        text = text[: found.complete]
        lines = count_lines(text) + (not text.endswith((b"\n", b"\r")))
        return CountedPart(start, start + found.complete, len(found), lines, spanning=True, found=found)

    def _single_record(self, body: bytes, start: int, *, final: bool) -> CountedPart | None:
        """Return the part of one record that is longer than a part should be."""
        text = body[start : start + self._sizes.largest_record_bytes + 2]
        cut_off = start + len(text) < len(body)
        bounds = grammar_of(self._dialect).bounds(text, 0)
        if bounds is None or (bounds.end == bounds.behind and (cut_off or not final)):
            if len(text) > self._sizes.largest_record_bytes:
                raise OverlongRecordError(0)
            return None
        if bounds.end > self._sizes.largest_record_bytes:
            raise OverlongRecordError(0)
        text = text[: bounds.behind]
        place = np.zeros(1, np.int64)
        swallowing = 0 if bounds.trailing and spans_lines(text[: bounds.end], self._dialect) else None
        found = Records(place, place + bounds.end, place, len(text), swallowing=swallowing)
        lines = count_lines(text) + (not text.endswith((b"\n", b"\r")))
        return CountedPart(start, start + len(text), 1, lines, spanning=True, found=found)

    def _window_end(self, body: bytes, start: int) -> int:
        """Return the end of whole lines of about the wanted size; a line alone that is too long is refused."""
        end = self._line_end(body, start + self._bytes)
        if end - start <= self._bytes + self._sizes.largest_record_bytes:
            return end
        line = max(body.rfind(mark, start, start + self._bytes) for mark in (b"\n", b"\r")) + 1
        if line <= start:
            raise OverlongRecordError(0)
        return line

    def _counted_part(self, body: bytes, start: int) -> CountedPart | None:
        """Return the part with what was counted; None if the parity of the quotes cannot tell its records apart."""
        end = self._line_end(body, start + self._bytes)
        if self._is_special(body, start, end):
            return None
        counter = RecordCounter(None if self._by_line else self._dialect.quote)
        counter.feed(body, start, end)
        furthest, step = start + 2 * self._bytes, 1
        while counter.inside and end < min(furthest, len(body)):
            further = self._line_end(body, end + step)
            if self._is_special(body, end, further):
                return None
            counter.feed(body, end, further)
            end, step = further, 2 * step
        if counter.inside or end - start > self._sizes.largest_record_bytes:
            return None
        records = counter.records + counter.unterminated
        if records > self._sizes.part_rows and self._bytes > 1:
            # Narrow lines: parts are smaller from now on.
            self._bytes = max(min(self._bytes, (end - start) * self._sizes.part_rows // records) // 2, 1)
            return self._counted_part(body, start)
        if records < self._sizes.part_rows // 4:
            self._bytes = min(2 * self._bytes, self._sizes.part_bytes)
        lines, spanning = counter.lines + counter.unterminated, counter.ended_lines > counter.records
        return CountedPart(start, end, records, lines, spanning, quoted=tuple(counter.quoted or ()))

    def _is_special(self, body: bytes, start: int, end: int) -> bool:
        """Say whether the parity of the quotes is not enough to tell records apart."""
        marks = [mark for mark in (self._dialect.escape, self._dialect.comment) if mark is not None]
        return any(body.find(mark, start, end) >= 0 for mark in marks)

    def _line_end(self, body: bytes, position: int) -> int:
        """Return the offset behind the line that holds the byte before a position."""
        found = _LINE_END.search(body, position - 1) if position < len(body) else None
        return found.end() if found else len(body)
