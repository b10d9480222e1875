"""One task: parts of CSV files in, one Parquet file and its bad rows out, one report per part."""

from __future__ import annotations

import gzip
import zlib
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import pyarrow as pa

from contract import DatasetContract
from conversion_errors import ConversionError, UnreadableFileError, UnterminatedQuoteError
from conversion_parquet import ParquetFolder, WrittenFile
from conversion_plan import MEBIBYTE, Part, Settings, Task, cut_in_window, is_compressed
from conversion_quarantine import UNPLACED, place_lines, quarantine_table, quarantine_writer
from csv_dialect import Dialect, dialect_of, to_utf8
from csv_headers import FileColumns, file_columns
from csv_parsing import ColumnMemory, OpenPiece, ParsedPiece, PieceParser, UnterminatedInPieceError, table_schema
from csv_stream import TextStream
from sources import SourceFile
from storage import act_in_region, aws_region, open_storage

SAMPLES = 3
# Files up to this size are read in one request, of bigger ones this much at first: it holds the header.
SMALL_FILE_BYTES = 256 * 1024


@dataclass(frozen=True)
class TaskContext:
    """What all tasks of a run share; `region` is the driver's, which a worker need not know otherwise."""

    contract: DatasetContract
    settings: Settings
    run_id: str
    region: str | None = field(default_factory=aws_region)


@dataclass(frozen=True)
class PlaceLines:
    """A task that turns line numbers of a split of a source into those of the file; all are taken to cost the same."""

    unit: int
    source_number: int
    unplaced_uri: str
    lines_before: int
    weight: int = 1


@dataclass(frozen=True)
class PartReport:
    """The accounting of one part. Offsets and lines are those really read, `end` exclusive.

    `closed` is False when the part ends inside quotes; `open_line` is then where, counted from the part's first line.
    `sample_lines` (from 1 at the part's first line) and `sample_reasons` show the first bad rows. The files of a
    task stand in the report of its first part. A failed task has one report, with `error_kind` and `error_text`.
    """

    unit: int
    source_number: int
    start: int
    end: int
    lines: int = 0
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    closed: bool = True
    open_line: int = 0
    header: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    sample_lines: tuple[int, ...] = ()
    sample_reasons: tuple[str, ...] = ()
    files: tuple[WrittenFile, ...] = ()
    bad_files: tuple[WrittenFile, ...] = ()
    error_kind: str = ""
    error_text: str = ""


def run_task(context: TaskContext, task: Task | PlaceLines) -> list[PartReport]:
    """Do one task; errors of the data come back as a report, errors of the machine as exceptions."""
    act_in_region(context.region)
    if isinstance(task, PlaceLines):
        placed = place_lines(task.unplaced_uri, task.lines_before)
        return [PartReport(task.unit, task.source_number, 0, 0, bad_files=(placed,))]
    try:
        return _Conversion(context, task).run()
    except ConversionError as error:
        part = task.parts[0]
        kind, text = type(error).__name__, str(error)
        return [PartReport(part.unit, part.source_number, part.start, part.end, error_kind=kind, error_text=text)]
    finally:
        pa.default_memory_pool().release_unused()


@dataclass
class _Tally:
    """The growing report of one part."""

    layout: FileColumns | None = None
    start: int = 0
    end: int = 0
    lines: int = 0
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    closed: bool = True
    open_line: int = 0
    samples: list[tuple[int, str]] = field(default_factory=list)

    def report(self, part: Part) -> PartReport:
        return PartReport(
            unit=part.unit,
            source_number=part.source_number,
            start=self.start,
            end=self.end,
            lines=self.lines,
            rows_read=self.rows_read,
            rows_written=self.rows_written,
            rows_quarantined=self.rows_quarantined,
            closed=self.closed,
            open_line=self.open_line,
            header=self.layout.header if self.layout else (),
            missing=self.layout.missing if self.layout else (),
            extra=self.layout.extra if self.layout else (),
            sample_lines=tuple(line for line, _ in self.samples),
            sample_reasons=tuple(reason for _, reason in self.samples),
        )


class _Conversion:
    """The state of one task."""

    def __init__(self, context: TaskContext, task: Task) -> None:
        self._context, self._task = context, task
        self._dialect = dialect_of(context.contract)
        # A file that is spread over tasks: what precedes this task's splits is counted by others.
        self._unplaced = not task.parts[0].stream and task.parts[0].start > 0
        self._lines_before = 0
        self._memory = ColumnMemory()
        self._parsers: dict[tuple[Dialect, FileColumns], PieceParser] = {}
        self._data: ParquetFolder
        self._quarantine: ParquetFolder

    def run(self) -> list[PartReport]:
        contract, settings, task = self._context.contract, self._context.settings, self._task
        name = f"{task.name}{UNPLACED}" if self._unplaced else task.name
        data = ParquetFolder(
            task.data_uri, task.name, table_schema(contract), settings, contract.target_file_mb * MEBIBYTE
        )
        quarantine = quarantine_writer(task.quarantine_uri, name, settings)
        reports: list[PartReport] = []
        with data as self._data, quarantine as self._quarantine:
            for part in task.parts:
                reports.append(self._convert_part(part))
                if not reports[-1].closed:
                    break
        reports[0] = replace(reports[0], files=tuple(data.files), bad_files=tuple(quarantine.files))
        return reports

    def _convert_part(self, part: Part) -> PartReport:
        if part.whole or part is self._task.parts[0]:
            self._lines_before = 0
        tally = _Tally()
        if part.stream:
            self._convert_stream(part, tally)
        else:
            self._convert_split(part, tally)
        self._lines_before += tally.lines
        return tally.report(part)

    # ------------------------------------------------------------------------------------------------------ one split
    def _convert_split(self, part: Part, tally: _Tally) -> None:
        source, dialect = part.source, self._dialect
        content = _Content(source)
        layout = file_columns(self._context.contract, dialect, source.key, content.head)
        if layout is None:
            tally.start, tally.end = part.start, part.end
            return
        finder = _CutFinder(content, dialect, layout, self._context.settings.window_bytes)
        start, end = finder.cut(part.start), finder.cut(part.end)
        tally.layout, tally.start, tally.end = layout, start, end
        body = content.between(start, end)
        if part.start == 0:
            tally.lines = layout.header_lines
        if not body:
            return
        if not dialect.is_utf8 and not body.isascii():
            body = to_utf8(body, dialect.encoding)
        parser = self._parser(dialect, layout)
        piece = self._parse(part, parser, body, tally)
        if isinstance(piece, OpenPiece):
            if part.whole:
                self._refuse_open_quote(part, tally.lines + piece.line)
            tally.closed, tally.open_line = False, tally.lines + piece.line
            return
        self._take(part, piece, tally)

    # ----------------------------------------------------------------------------------------------------- one stream
    def _convert_stream(self, part: Part, tally: _Tally) -> None:
        source, settings = part.source, self._context.settings
        tally.end = source.size
        dialect = replace(self._dialect, encoding="utf-8")
        with closing(open_storage(source.uri).open_read(source.uri, source.etag)) as raw:
            stream = TextStream(_plain(source, raw), self._dialect, settings.split_bytes)
            try:
                layout = file_columns(self._context.contract, dialect, source.key, stream.peek)
                if layout is None:
                    return
                tally.layout, tally.lines = layout, layout.header_lines
                stream.skip(layout.data_start)
                parser = self._parser(dialect, layout)
                self._convert_pieces(part, stream, parser, tally)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise UnreadableFileError(f"{source.key} is not a whole gzip file: {error}") from error

    def _convert_pieces(self, part: Part, stream: TextStream, parser: PieceParser, tally: _Tally) -> None:
        settings, too_short = self._context.settings, 0
        while body := stream.next_lines(too_short + settings.split_bytes, more_than=too_short):
            piece = self._parse(part, parser, body, tally)
            if isinstance(piece, OpenPiece) and piece.complete:
                stream.put_back(body[piece.complete :])
                piece = self._parse(part, parser, body[: piece.complete], tally)
            if isinstance(piece, OpenPiece):
                # Not even one record is complete: read on until one is.
                too_short = len(body)
                if stream.at_end or too_short > settings.largest_record_bytes:
                    self._refuse_open_quote(part, tally.lines)
                stream.put_back(body)
                continue
            too_short = 0
            self._take(part, piece, tally)

    def _parser(self, dialect: Dialect, layout: FileColumns) -> PieceParser:
        """Return the parser of a layout; thousands of small files mostly share one."""
        known = self._parsers.get((dialect, layout))
        if known is None:
            known = PieceParser(self._context.contract, dialect, layout, self._memory)
            self._parsers[dialect, layout] = known
        return known

    # -------------------------------------------------------------------------------------------------------- results
    def _parse(self, part: Part, parser: PieceParser, body: bytes, tally: _Tally) -> ParsedPiece | OpenPiece:
        try:
            return parser.parse(body)
        except UnterminatedInPieceError as error:
            if part.whole:
                self._refuse_open_quote(part, tally.lines + error.line)
            # The split may have begun inside quotes; read from its beginning the file will tell.
            return OpenPiece(0, error.line)

    def _refuse_open_quote(self, part: Part, line: int) -> None:
        raise open_quote_error(part.source.key, self._lines_before + line + 1)

    def _take(self, part: Part, piece: ParsedPiece, tally: _Tally) -> None:
        """Write a piece's rows and count them."""
        self._data.write(piece.table)
        before = tally.lines
        if len(piece.bad):
            lines_before = self._lines_before + before
            self._quarantine.write(quarantine_table(piece.bad, part.source.key, lines_before, self._context.run_id))
            for line, reason, column in zip(
                piece.bad.lines.tolist(), piece.bad.reasons, piece.bad.columns, strict=True
            ):
                if len(tally.samples) == SAMPLES:
                    break
                tally.samples.append((before + line + 1, f"{column}: {reason}" if column else reason))
        tally.lines += piece.lines
        tally.rows_read += piece.rows_read
        tally.rows_written += piece.table.num_rows
        tally.rows_quarantined += len(piece.bad)


def open_quote_error(key: str, line: int) -> UnterminatedQuoteError:
    """Return the error about a quote that is never closed; lines count from 1."""
    return UnterminatedQuoteError(
        f"{key}, line {line}: a quote is opened in this record and not closed where a value ends; mend the file, "
        "or set csv.quoted_newlines = false to quarantine such lines, or csv.quote = null if quotes mean nothing here"
    )


def _plain(source: SourceFile, raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if is_compressed(source) else raw


class _Content:
    """The bytes of a plain file; a small one is read once, of a big one exactly what is asked for."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self._storage = open_storage(source.uri)
        self._known = self._read(0, min(source.size, SMALL_FILE_BYTES))

    def head(self, size: int) -> bytes:
        """Return the first bytes of the file, fewer when it is shorter."""
        return self.between(0, min(size, self.source.size))

    def between(self, start: int, end: int) -> bytes:
        """Return the bytes [start, end)."""
        return self._known[start:end] if end <= len(self._known) else self._read(start, end)

    def _read(self, start: int, end: int) -> bytes:
        return self._storage.read_range(self.source.uri, start, end, self.source.etag)


class _CutFinder:
    """Moves nominal bounds of splits to beginnings of records; both neighbours of a bound come to the same answer."""

    def __init__(self, content: _Content, dialect: Dialect, layout: FileColumns, window: int) -> None:
        self._content, self._dialect, self._layout, self._window = content, dialect, layout, window

    def cut(self, nominal: int) -> int:
        """Return the offset of the first record that begins at or behind a nominal bound."""
        size, data_start = self._content.source.size, self._layout.data_start
        if nominal <= data_start or nominal >= size:
            return data_start if nominal <= data_start else size
        # A record begins at the bound itself when the byte before it ends a line.
        position = max(nominal - 1, data_start - 1)
        while position < size:
            window = self._content.between(position, min(position + self._window, size))
            at_end = position + len(window) >= size
            found = cut_in_window(window, self._dialect, self._layout.width, at_end=at_end)
            if found is not None:
                return position + found
            position += len(window)
        return size
