"""A gzip file as a stream of what is packed in it."""

from __future__ import annotations

import zlib
from typing import BinaryIO

# zlib reads header and checksums of gzip itself: https://docs.python.org/3/library/zlib.html#zlib.decompressobj
_OF_GZIP = 16 + zlib.MAX_WBITS
_PACKED_BYTES = 1024 * 1024


class GzipStream:
    """Unpacks the members of a gzip file, which follow each other, and passes over zeros behind them.

    gzip.GzipFile of the standard library reads the same and, up to Python 3.11, takes Python's lock several times for
    every 8 KiB that it unpacks, which slows down all threads (docs/benchmarks.md). A tape leaves zeros
    behind what it holds: https://www.gnu.org/software/gzip/manual/html_node/Tapes.html
    """

    def __init__(self, packed: BinaryIO) -> None:
        """Read from a stream that returns fewer bytes than asked for at its end only."""
        self._packed, self._held = packed, b""
        self._member = zlib.decompressobj(_OF_GZIP)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size` of them, none at the end.

        Raises zlib.error where the file is damaged, also by what follows, and EOFError where its end is missing.
        """
        while True:
            if self._member.eof and not self._next_member():
                return b""
            packed = self._held or self._packed.read(_PACKED_BYTES)
            if not packed:
                # The checksum at the end of a member is read last: what is missing is not merely on its way.
                raise EOFError("it ends in the middle of what is packed")
            text = self._member.decompress(packed, size)
            self._held = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if text:
                return text

    def _next_member(self) -> bool:
        """Go on to what follows a member; say whether that is anything but zeros."""
        while not (held := self._held.lstrip(b"\0")):
            self._held = self._packed.read(_PACKED_BYTES)
            if not self._held:
                return False
        self._held, self._member = held, zlib.decompressobj(_OF_GZIP)
        return True
