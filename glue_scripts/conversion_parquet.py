"""Snappy Parquet files of a chosen size with big row groups, written through the storage."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from conversion_encoding import DICTIONARY_BYTES, columns_with_dictionary
from conversion_plan import Settings
from storage import ObjectWriter, in_background, open_storage

# Spark reads dates before 1582 of files with this key as they are; of files without it, Spark 3 refuses them because
# it cannot know their calendar. Arrow writes the proleptic Gregorian calendar, as Spark from version 3.0 does.
# https://spark.apache.org/docs/3.5.6/sql-data-sources-parquet.html (datetimeRebaseModeInRead)
_CALENDAR = {"org.apache.spark.version": "3.5.4"}


@dataclass(frozen=True)
class WrittenFile:
    """A finished Parquet file; `size` is in bytes, `sha256` of its content in hexadecimal digits."""

    uri: str
    rows: int
    size: int
    etag: str
    sha256: str


class _HashingSink(io.RawIOBase):
    """Passes bytes on and hashes them: what was written can be proved later, whatever became of the ETag."""

    def __init__(self, writer: ObjectWriter) -> None:
        super().__init__()
        self.writer = writer
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self.writer.write(data)

    def tell(self) -> int:
        return self.writer.tell()


class ParquetFolder:
    """Writes tables to `<folder><name>.snappy.parquet`, and to `<name>-001` and so on when files grow too big.

    No file becomes visible unless its writing ended without an exception; no rows make no file. A file that is full is
    finished in the background; `files` waits for that.
    """

    def __init__(self, folder_uri: str, name: str, schema: Any, settings: Settings, target_bytes: int) -> None:
        self._folder, self._name = folder_uri, name
        self._schema = schema
        self._settings, self._target = settings, target_bytes
        self._waiting: list[Any] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._writer: Any = None
        self._stack = ExitStack()
        self._rows = 0
        self._opened = 0
        self._finishing: list[Future[WrittenFile]] = []

    def __enter__(self) -> ParquetFolder:
        """Return the writer; files are opened when there are rows for them."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the last file, or discard it."""
        if kind is None:
            self._flush()
            self._finish()
        else:
            # The storage's context sees the exception and discards what was written.
            self._stack.__exit__(kind, error, trace)

    def files(self) -> list[WrittenFile]:
        """Return the files that were written, once they are finished."""
        return [finishing.result() for finishing in self._finishing]

    def write(self, table: Any) -> None:
        """Add rows; they are written once they fill a row group."""
        if not table.num_rows:
            return
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        self._waiting_bytes += table.get_total_buffer_size()
        if self._waiting_rows >= self._settings.row_group_rows or self._waiting_bytes >= self._settings.row_group_bytes:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
        if self._writer is None:
            self._open(table)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._rows += table.num_rows
        if self._sink.tell() >= self._target:
            self._finish()

    def _open(self, first: Any) -> None:
        """Open the next file; its first row group tells how its columns are best written."""
        number = f"-{self._opened:03d}" if self._opened else ""
        self._opened += 1
        self._uri = f"{self._folder}{self._name}{number}.snappy.parquet"
        self._stack = ExitStack()
        self._sink = _HashingSink(self._stack.enter_context(open_storage(self._uri).open_write(self._uri)))
        self._writer = pq.ParquetWriter(
            self._sink,
            self._schema,
            compression="snappy",
            use_dictionary=columns_with_dictionary(first),
            dictionary_pagesize_limit=DICTIONARY_BYTES,
            use_deprecated_int96_timestamps=False,
            store_schema=False,
        )

    def _finish(self) -> None:
        if self._writer is None:
            return
        self._writer.add_key_value_metadata(_CALENDAR)
        self._writer.close()
        finish = partial(_finish_file, self._uri, self._rows, self._sink, self._stack)
        self._finishing.append(in_background(self._uri, finish))
        self._writer, self._rows = None, 0


def _finish_file(uri: str, rows: int, sink: _HashingSink, stack: ExitStack) -> WrittenFile:
    size = sink.tell()
    stack.close()
    return WrittenFile(uri, rows, size, sink.writer.etag, sink.digest.hexdigest())
