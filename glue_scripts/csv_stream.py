"""A file that is read from its beginning to its end, as UTF-8, in pieces that end with a line."""

from __future__ import annotations

import codecs
from typing import Protocol

from csv_dialect import Dialect
from csv_footer import FooterCutter
from csv_parts import OverlongRecordError

# Bytes that are read, decompressed and transcoded in one go.
_READ_BYTES = 4 * 1024 * 1024


class ByteStream(Protocol):
    """What is read from beginning to end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""


class TextStream:
    """Reads a binary stream, transcodes it, and hands out whole lines; holds no more than was asked for.

    More than that is read for a line that is longer, up to `largest_line_bytes`. A footer is left out.
    """

    def __init__(
        self, key: str, stream: ByteStream, dialect: Dialect, chunk_bytes: int, largest_line_bytes: int
    ) -> None:
        self._stream, self._chunk, self._largest = stream, chunk_bytes, largest_line_bytes
        self._decoder = None if dialect.is_utf8 else codecs.getincrementaldecoder(dialect.encoding)("mark_undecodable")
        has_footer = dialect.footer_lines or dialect.footer_pattern is not None
        self._footer = FooterCutter(key, dialect, largest_line_bytes) if has_footer else None
        self._buffer = b""
        self._exhausted = False

    @property
    def footer_lines(self) -> int:
        """Return how many lines have been left out at the end, once everything has been handed out."""
        return self._footer.lines if self._footer is not None else 0

    @property
    def at_end(self) -> bool:
        """Say whether everything has been handed out."""
        return self._exhausted and not self._buffer

    def peek(self, size: int) -> bytes:
        """Return the next bytes without taking them; fewer at the end of the file."""
        self._fill(size)
        return self._buffer[:size]

    def skip(self, size: int) -> None:
        """Drop bytes that have been peeked at."""
        self._buffer = self._buffer[size:]

    def put_back(self, data: bytes) -> None:
        """Return bytes that were handed out last; they come again first."""
        self._buffer = data + self._buffer

    def next_lines(self, size: int, more_than: int = 0) -> bytes:
        """Return about `size` bytes, and more than some, up to a line end; or the rest of the file, at last nothing.

        Raises OverlongRecordError where a line does not end.
        """
        wanted = max(size, more_than + 1)
        while True:
            self._fill(wanted)
            if self._exhausted and len(self._buffer) <= wanted:
                taken, self._buffer = self._buffer, b""
                return taken
            end = self._line_end(more_than, wanted)
            if end > more_than:
                taken, self._buffer = self._buffer[:end], self._buffer[end:]
                return taken
            if wanted - more_than > self._largest:
                raise OverlongRecordError(0)
            wanted += self._chunk

    def _line_end(self, start: int, stop: int) -> int:
        """Return the offset behind the last line end between two offsets; 0 without one."""
        end = self._buffer.rfind(b"\n", start, stop) + 1
        # Lines may end with a lone \r; the last byte here may be the first half of a \r\n.
        return end or self._buffer.rfind(b"\r", start, min(stop, len(self._buffer)) - 1) + 1

    def _fill(self, size: int) -> None:
        pieces, held = [self._buffer], len(self._buffer)
        while held < size and not self._exhausted:
            raw = self._stream.read(min(max(size - held, 1), _READ_BYTES))
            self._exhausted = not raw
            text = raw
            if self._decoder is not None:
                text = self._decoder.decode(raw, final=not raw).encode("utf-8", "surrogatepass")
            if self._footer is not None:
                text = self._footer.feed(text, final=self._exhausted)
            pieces.append(text)
            held += len(text)
        if len(pieces) > 1:
            self._buffer = b"".join(pieces)
