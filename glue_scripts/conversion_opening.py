"""Opening a source file: its bytes as they lie there, or unpacked as a stream, as its first bytes tell."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

import pyarrow as pa

from conversion_errors import UnreadableFileError
from conversion_gzip import GzipStream
from conversion_plan import MEBIBYTE, packing_by_name
from csv_dialect import Dialect
from csv_footer import footer_start, footer_too_long, lines_in
from csv_foreign import FIRST_BYTES
from sources import SourceFile
from storage import open_storage

# Files up to this size are read in one request, of bigger ones this much at first: it holds the header.
SMALL_FILE_BYTES = 256 * 1024
# A zip file is read by ranges of this size.
_ZIP_BYTES = 4 * MEBIBYTE
# https://www.rfc-editor.org/rfc/rfc1952, https://www.rfc-editor.org/rfc/rfc8878,
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT; bzip2: "BZh", a level and the digits of pi, or of its
# root where nothing is packed.
_PACKINGS = (
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
    (re.compile(rb"BZh[1-9](\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)"), "bzip2"),
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "zip"),
)
# How Arrow calls what it unpacks; unlike Python's bz2 it does not pass over what follows the packed bytes.
_ARROW_CODECS = {"zstd": "zstd", "bzip2": "bz2"}
try:
    from lzma import LZMAError
except ImportError:  # a Python that was built without it unpacks no such zip file
    LZMAError = zlib.error  # type: ignore[assignment, misc]

# What unpacking damaged bytes raises, or reading the names in a zip file; an OSError with a number is the disk's.
_DAMAGED = (EOFError, zlib.error, LZMAError, zipfile.BadZipFile, UnicodeDecodeError, OSError)


def packing_of(source: SourceFile, head: bytes) -> str | None:
    """Return how a file is packed by its first bytes; refuse one whose name says that it is and whose bytes do not."""
    packing = next((packing for pattern, packing in _PACKINGS if pattern.match(head)), None)
    promised = packing_by_name(source)
    if packing is None and promised is not None and head:
        raise _damaged(source, promised, "it does not begin as one")
    return packing


def open_source(source: SourceFile) -> BinaryIO:
    """Open the file as it lies there, packed or not."""
    return open_storage(source.uri).open_read(source.uri, source.etag)


@contextmanager
def open_unpacked(source: SourceFile, raw: BinaryIO) -> Iterator[SourceStream]:
    """Unpack the stream of a file's bytes, to be read once; no more of it is held than is asked for.

    A zip file is read by its own ranges, because what is in it stands at its end.
    """
    packing = packing_of(source, cast(io.BufferedReader, raw).peek(FIRST_BYTES)[:FIRST_BYTES])
    if packing == "gzip":
        yield SourceStream(source, packing, GzipStream(raw))
    elif packing == "zip":
        with _open_member(source) as member:
            yield SourceStream(source, packing, member)
    elif packing is not None:
        # Closing it would close the stream below it, too.
        yield SourceStream(source, packing, pa.CompressedInputStream(raw, _ARROW_CODECS[packing]))
    else:
        yield SourceStream(source, None, raw)


class SourceStream:
    """A stream of unpacked bytes that names its file where it is damaged; `head` are the first of them."""

    def __init__(self, source: SourceFile, packing: str | None, stream: Any) -> None:
        self._source, self._packing, self._stream = source, packing, stream
        self._first = b""
        self.head = self._first = self.read(FIRST_BYTES)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size` of them; none at the end."""
        if self._first:
            first, self._first = self._first[:size], self._first[size:]
            return first
        if self._packing is None:
            return bytes(self._stream.read(size))
        with _naming(self._source, self._packing):
            return bytes(self._stream.read(size))


def _damaged(source: SourceFile, packing: str, reason: object) -> UnreadableFileError:
    return UnreadableFileError(f"{source.key} is not a whole {packing} file: {reason}")


@contextmanager
def _naming(source: SourceFile, packing: str) -> Iterator[None]:
    """Name the file where it is damaged."""
    try:
        yield
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the data
        raise _damaged(source, packing, error) from error


def _open_member(source: SourceFile) -> IO[bytes]:
    """Open the one file in a zip file; it holds what the archive is read from."""
    try:
        with _naming(source, "zip"):
            archive = zipfile.ZipFile(io.BufferedReader(_Ranges(source), _ZIP_BYTES))
            return archive.open(_only_member(source, archive))
    except NotImplementedError as error:
        raise UnreadableFileError(
            f"{source.key} is a zip file that is packed in an unusual way ({error}): pack it by the method deflate, as "
            "programs do unless they are told otherwise"
        ) from error


def _only_member(source: SourceFile, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file in a zip file; what macOS adds beside it does not count."""
    names = set(archive.namelist())
    if "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names:
        raise UnreadableFileError(
            f"{source.key} is a spreadsheet or another office document (.xlsx, .ods) by its content, whatever its name "
            "says: export it as CSV"
        )
    files = [item for item in archive.infolist() if not item.is_dir() and not item.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        shown = ", ".join(repr(item.filename) for item in files[:5]) + (", …" if len(files) > 5 else "")
        raise UnreadableFileError(
            f"{source.key} is a zip file that holds {len(files)} files{f' ({shown})' if files else ''}; allowed is "
            "exactly one: upload the files themselves, or each in a zip file of its own"
        )
    if files[0].flag_bits & 1:
        raise UnreadableFileError(f"{source.key} is a zip file with a password: upload it without one")
    return files[0]


class _Ranges(io.RawIOBase):
    """A file that is read where it is asked for."""

    def __init__(self, source: SourceFile) -> None:
        super().__init__()
        self._source, self._storage, self._position = source, open_storage(source.uri), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._source.size)
        data = self._storage.read_range(self._source.uri, self._position, end, self._source.etag)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class Content:
    """The bytes of a file that is not packed: its head and a part of it are held, others are read when asked for.

    The part begins at `begin`, and comes in pieces that follow each other. `end` is where the data ends, and
    `footer_lines` are the lines behind that.
    """

    def __init__(
        self, source: SourceFile, head: bytes | None = None, begin: int = 0, pieces: Sequence[bytes] = ()
    ) -> None:
        self.source = source
        self._storage = open_storage(source.uri)
        self._known: list[tuple[int, Sequence[bytes]]] = [(begin, pieces)]
        self._known.append((0, [self._read(0, min(source.size, SMALL_FILE_BYTES)) if head is None else head]))
        self.end, self.footer_lines = source.size, 0

    def leave_out_footer(self, dialect: Dialect, largest_bytes: int) -> None:
        """Let the data end before the last lines, if the dialect has a number of them."""
        size, start, text, found = self.source.size, self.source.size, b"", 0
        while dialect.footer_lines and start and not found:
            if len(text) > largest_bytes:
                break
            start = max(size - max(4 * len(text), SMALL_FILE_BYTES), 0)
            text = self.between(start, size)
            found = footer_start(text, dialect.footer_lines)
        if len(text) - found > largest_bytes:
            raise footer_too_long(self.source.key, dialect, largest_bytes)
        self.end = start + found
        self.footer_lines = lines_in(text[found:])

    def head(self, size: int) -> bytes:
        """Return the first bytes of the file, fewer when it is shorter."""
        return self.between(0, min(size, self.end))

    def between(self, start: int, end: int) -> bytes:
        """Return the bytes [start, end)."""
        for begin, pieces in self._known:
            if begin <= start and end <= begin + sum(map(len, pieces)):
                return _between(pieces, start - begin, end - begin)
        return self._read(start, end)

    def take(self, start: int, end: int) -> bytes:
        """Return the bytes [start, end), the last that are asked for: the others are forgotten."""
        taken = self.between(start, end)
        self._known.clear()
        return taken

    def _read(self, start: int, end: int) -> bytes:
        return self._storage.read_range(self.source.uri, start, end, self.source.etag)


def _between(pieces: Sequence[bytes], start: int, end: int) -> bytes:
    """Return the bytes [start, end) of byte strings that follow each other, each copied once at most."""
    found: list[memoryview] = []
    for piece in pieces:
        if start >= 0 and end <= len(piece):
            return piece[start:end]
        if end > 0:
            found.append(memoryview(piece)[max(start, 0) : end])
        start, end = start - len(piece), end - len(piece)
    return b"".join(found)
