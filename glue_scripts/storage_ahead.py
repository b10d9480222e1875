"""Reading ahead: byte ranges of objects are fetched while those before them are worked on.

S3 answers after some ten milliseconds and gives one connection 85 to 90 MB/s, which is less than a task converts
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html). So big ranges are
fetched in pieces side by side, and what comes next is on its way before it is asked for.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from storage import BODY_BYTES, open_storage, request_threads, waiting

# One request fetches this much of a bigger range.
PIECE_BYTES = BODY_BYTES
# What is fetched before it is asked for; a slot holds as much more memory.
AHEAD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class ByteRange:
    """The bytes from `start` up to, not including, `end` of one version of an object."""

    uri: str
    etag: str
    start: int
    end: int


class ReadAhead(Iterator[tuple[bytes, ...]]):
    """The bytes of each of some ranges in turn; up to `ahead_bytes` that follow are being fetched meanwhile.

    They come in the pieces that were fetched, in order: whoever needs a part of them copies that alone.

    Whoever stops early closes it: what is not being fetched by then will not be. A range that cannot be read raises its
    StorageError when it is its turn.
    """

    def __init__(self, ranges: Iterable[ByteRange], ahead_bytes: int = AHEAD_BYTES) -> None:
        """Begin to fetch."""
        self._pieces, self._ahead = _pieces(ranges), ahead_bytes
        self._fetching: deque[tuple[int, bool, Future[bytes]]] = deque()
        self._held = 0
        self._closed = threading.Event()
        self._fetch_ahead()

    def wait(self) -> None:
        """Return when the next range is there, or cannot be read."""
        for _, last, fetched in self._fetching:
            wait([fetched])
            if last:
                return

    def __next__(self) -> tuple[bytes, ...]:
        """Return the bytes of the next range."""
        if not self._fetching:
            raise StopIteration
        taken: list[bytes] = []
        last = False
        while not last:
            size, last, fetched = self._fetching.popleft()
            self._held -= size
            with waiting():
                taken.append(fetched.result())
            self._fetch_ahead()
        return tuple(taken)

    def close(self) -> None:
        """Fetch no more."""
        self._closed.set()
        for _, _, fetched in self._fetching:
            fetched.cancel()
        self._fetching.clear()

    def _fetch_ahead(self) -> None:
        while self._held < self._ahead and (following := next(self._pieces, None)) is not None:
            piece, last = following
            size = piece.end - piece.start
            self._fetching.append((size, last, request_threads().submit(self._fetch, piece)))
            self._held += size

    def _fetch(self, piece: ByteRange) -> bytes:
        if self._closed.is_set():
            return b""
        return open_storage(piece.uri).read_range(piece.uri, piece.start, piece.end, piece.etag)


def stream_of(pieces: Iterator[bytes], count: int) -> BinaryIO:
    """Return the next `count` byte strings of an iterator as one binary stream; the others are left to the caller."""
    return cast(BinaryIO, io.BufferedReader(_PieceReader(pieces, count), buffer_size=1024 * 1024))


def piecewise(whole: ByteRange) -> list[ByteRange]:
    """Return the ranges of the size of one request that make up a range."""
    starts = range(whole.start, whole.end, PIECE_BYTES)
    return [ByteRange(whole.uri, whole.etag, start, min(start + PIECE_BYTES, whole.end)) for start in starts]


def _pieces(ranges: Iterable[ByteRange]) -> Iterator[tuple[ByteRange, bool]]:
    """Yield the pieces of all ranges, and of each whether it is the last one of its range."""
    for whole in ranges:
        pieces = piecewise(whole) or [whole]
        yield from ((piece, piece is pieces[-1]) for piece in pieces)


class _PieceReader(io.RawIOBase):
    """Some byte strings of an iterator, one after the other."""

    def __init__(self, pieces: Iterator[bytes], count: int) -> None:
        super().__init__()
        self._pieces, self._left = pieces, count
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._piece and self._left:
            self._left -= 1
            self._piece = memoryview(next(self._pieces))
        size = min(len(buffer), len(self._piece))
        buffer[:size], self._piece = self._piece[:size], self._piece[size:]
        return size
