"""Whether a file holds the bytes of another, whatever its name and ETag are.

An ETag alone does not tell: under SSE-KMS and SSE-C, and after a multipart upload, it is no digest of the contents, and
a copy has another one, https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html. So a checksum of the bytes that
the conversion reads anyway is recorded with every file.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from sources import SourceFile
from storage import open_storage

_CHUNK_BYTES = 4 * 1024 * 1024
# Bytes of files that are read where converting them again would be right as well: twelve seconds at S3's 85 MB/s,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html. A request counts too.
_SPARED_BYTES = 1024 * 1024 * 1024
_REQUEST_BYTES = 4 * 1024 * 1024


class RecordedSource(Protocol):
    """What is known of a file that was loaded; `checksum` is empty where an earlier version recorded none."""

    @property
    def size(self) -> int:
        """Return its size in bytes."""

    @property
    def etag(self) -> str:
        """Return its ETag, with its quotes."""

    @property
    def checksum(self) -> str:
        """Return the checksums of its pieces."""


class SameContents(Protocol):
    """Tells whether a file holds what recorded files of its size held; None where that cannot be known."""

    def __call__(self, recorded: Sequence[RecordedSource], source: SourceFile, *, needed: bool) -> list[bool | None]:
        """Return an answer for each recorded file; one that is not needed may be left open to save time."""


def nothing_known(recorded: Sequence[RecordedSource], source: SourceFile, *, needed: bool) -> list[bool | None]:
    """Leave every answer open."""
    return [None] * len(recorded)


def checksum_text(size: int, crc32: int) -> str:
    """Return the checksum of a piece of a file: its size in bytes and its CRC32."""
    return f"{size}:{crc32:08x}"


def joined_checksum(pieces: Sequence[str]) -> str:
    """Return the checksum of a file from those of its pieces, in their order."""
    return " ".join(pieces)


class CheckedStream(io.RawIOBase):
    """A binary stream that keeps the checksum of all that was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._size = self._crc32 = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as the stream does."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._size += len(data)
        self._crc32 = zlib.crc32(data, self._crc32)
        return len(data)

    def checksum(self) -> str:
        """Read what is left and return the checksum of the whole."""
        while self.read(_CHUNK_BYTES):
            pass
        return checksum_text(self._size, self._crc32)


class _Pieces:
    """Compares bytes that come by and by with the checksums of pieces."""

    def __init__(self, checksum: str) -> None:
        pieces = [piece.split(":") for piece in checksum.split(" ")]
        self._pieces = [(int(size), int(crc32, 16)) for size, crc32 in pieces if int(size)]
        self._crc32 = self._done = 0
        self._same = True

    def update(self, data: bytes) -> None:
        view = memoryview(data)
        while self._pieces:
            size, wanted = self._pieces[0]
            part = view[: size - self._done]
            self._crc32, self._done = zlib.crc32(part, self._crc32), self._done + len(part)
            view = view[len(part) :]
            if self._done < size:
                return
            self._same = self._same and self._crc32 == wanted
            self._crc32 = self._done = 0
            del self._pieces[0]
        self._same = self._same and not view

    def answer(self) -> bool:
        return self._same and not self._pieces


class _Md5:
    """Compares with an ETag of which nobody knows whether it is an MD5: that it is equal proves, else nothing does."""

    def __init__(self, etag: str) -> None:
        self._wanted = etag.strip('"')
        self._digest = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self._digest.update(data)

    def answer(self) -> bool | None:
        return True if self._digest.hexdigest() == self._wanted else None


@dataclass
class ReadingProof:
    """Reads a file once, in pieces of a few MiB, and compares it with what is recorded."""

    spared_bytes: int = _SPARED_BYTES

    def __call__(self, recorded: Sequence[RecordedSource], source: SourceFile, *, needed: bool) -> list[bool | None]:
        """Return for each recorded file of the same size whether its contents are the file's."""
        if not needed:
            cost = max(source.size, _REQUEST_BYTES)
            if cost > self.spared_bytes or not all(item.checksum for item in recorded):
                return nothing_known(recorded, source, needed=needed)
            self.spared_bytes -= cost
        tests = [_Pieces(item.checksum) if item.checksum else _Md5(item.etag) for item in recorded]
        with open_storage(source.uri).open_read(source.uri, source.etag) as stream:
            while data := stream.read(_CHUNK_BYTES):
                for test in tests:
                    test.update(data)
        return [test.answer() for test in tests]
