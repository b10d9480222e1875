"""One task: parts of CSV files in, one Parquet file and its bad rows out, one report per part."""

from __future__ import annotations

import io
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import BinaryIO, cast

from contract import DatasetContract
from conversion_bad_rows import SAMPLES, BadSample, add_counts, bad_samples
from conversion_errors import REPORTED_ERRORS, ConversionError, UnterminatedQuoteError, record_too_long
from conversion_opening import SMALL_FILE_BYTES, Content, open_source, open_unpacked, packing_of
from conversion_parquet import ParquetFolder, WrittenFile
from conversion_plan import MEBIBYTE, Part, Settings, Task, cut_in_window, packing_by_name
from conversion_quarantine import UNPLACED, place_lines, quarantine_table, quarantine_writer
from csv_arrow import ColumnMemory
from csv_columns import Problem, table_schema
from csv_dialect import Dialect, dialect_of
from csv_footer import lines_in
from csv_foreign import FIRST_BYTES, refuse_foreign
from csv_headers import FileColumns, behind_skipped, file_columns
from csv_parsing import OpenPart, ParsedPart, PieceParser, UnterminatedInPartError
from csv_parts import OverlongRecordError
from csv_records import count_lines
from csv_stream import TextStream
from sources import SourceFile
from sources_proof import CheckedStream, checksum_text
from storage import act_in_region, aws_region, is_local, waited_seconds
from storage_ahead import ByteRange, ReadAhead, piecewise, stream_of

# Of a line whose end is searched, at most as much is looked at in one go.
LARGEST_WINDOW_BYTES = 4 * MEBIBYTE
# A stream is read in pieces of this size: two are held while the second is put together. Memory for more comes from the
# system again and again, which takes a fourteenth of all (docs/benchmarks.md).
STREAM_PIECE_BYTES = 4 * MEBIBYTE
# The slot of a task that runs alone.
UNSHARED = nullcontext()


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


@dataclass
class PartReport:
    """The accounting of one part, which grows while it is converted.

    Offsets and lines are those really read, `end` exclusive. `closed` is False when the part ends inside quotes, or
    when a record in it is too long (`too_long`); `open_line` is then where, counted from the part's first line.
    `packed` says that nothing was read of a part of a packed file. `samples` are the first bad rows, their lines from 1
    at the part's first line; `bad_counts` counts all by what is wrong. The files of a task stand in the report of its
    first part. A failed task has one report, with `error_kind` and `error_text`. `checksum` is that of its bytes, the
    header's included in the first part. `working_seconds`, in the report of a task's first part, is how long it has
    held its slot without waiting for a storage; `slot_seconds`, in the last report of some tasks that shared a slot, is
    how long they had it.
    """

    unit: int
    source_number: int
    start: int = 0
    end: int = 0
    lines: int = 0
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    closed: bool = True
    open_line: int = 0
    too_long: bool = False
    checksum: str = ""
    packed: bool = False
    skipped_lines: int = 0
    header: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    samples: list[BadSample] = field(default_factory=list)
    bad_counts: Counter[Problem] = field(default_factory=Counter)
    files: tuple[WrittenFile, ...] = ()
    bad_files: tuple[WrittenFile, ...] = ()
    error_kind: str = ""
    error_text: str = ""
    working_seconds: float = 0.0
    slot_seconds: float = 0.0

    def name_columns(self, layout: FileColumns) -> None:
        """Note what the header of the file says."""
        self.header, self.missing, self.extra = layout.header, layout.missing, layout.extra

    def leave_open(self, line: int, *, too_long: bool = False) -> None:
        """Note that a record does not end as it should; `line` counts from those counted so far."""
        self.closed, self.open_line, self.too_long = False, self.lines + line, too_long


def run_task(
    context: TaskContext, task: Task | PlaceLines, slot: AbstractContextManager[object] = UNSHARED
) -> list[PartReport]:
    """Do one task; errors that a repetition cannot mend come back as a report, others as exceptions.

    `slot` is held while the task converts, and not while it waits for its first bytes and for its files to be stored.
    """
    act_in_region(context.region)
    try:
        if isinstance(task, PlaceLines):
            placed = place_lines(task.unplaced_uri, task.lines_before)
            return [PartReport(task.unit, task.source_number, bad_files=(placed,))]
        return _Conversion(context, task).run(slot)
    except REPORTED_ERRORS as error:
        return [PartReport(0, 0, error_kind=type(error).__name__, error_text=str(error))]


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
        # A local disk need not be waited for.
        self._ahead = None if is_local(task.parts[0].source.uri) else ReadAhead(self._ranges())
        self._head, self._head_of = b"", ""
        self._working_seconds = 0.0

    def run(self, slot: AbstractContextManager[object]) -> list[PartReport]:
        contract, settings, task = self._context.contract, self._context.settings, self._task
        name = f"{task.name}{UNPLACED}" if self._unplaced else task.name
        data = ParquetFolder(
            task.data_uri, task.name, table_schema(contract), settings, contract.target_file_mb * MEBIBYTE
        )
        quarantine = quarantine_writer(task.quarantine_uri, name, settings)
        reports: list[PartReport] = []
        if self._ahead is not None:
            self._ahead.wait()
        with slot, self._work(), data as self._data, quarantine as self._quarantine:
            try:
                for part in task.parts:
                    reports.append(self._convert_part(part))
                    if not reports[-1].closed:
                        break
            finally:
                if self._ahead is not None:
                    self._ahead.close()
        reports[0] = replace(
            reports[0],
            files=tuple(data.files()),
            bad_files=tuple(quarantine.files()),
            working_seconds=self._working_seconds,
        )
        return reports

    @contextmanager
    def _work(self) -> Iterator[None]:
        """Count the time in which the task works, and does not wait for a storage."""
        begin, waited = time.perf_counter(), waited_seconds()
        yield
        self._working_seconds = time.perf_counter() - begin - (waited_seconds() - waited)

    def _convert_part(self, part: Part) -> PartReport:
        if part.whole or part is self._task.parts[0]:
            self._lines_before = 0
        tally = PartReport(part.unit, part.source_number)
        if part.stream:
            self._convert_stream(part, tally, self._open(part.source))
        else:
            self._convert_split(part, tally)
        self._lines_before += tally.lines
        return tally

    # ---------------------------------------------------------------------------------------------------------- bytes
    def _ranges(self) -> Iterator[ByteRange]:
        """Yield what the task reads, in this order: `_content` and `_open` take it."""
        head_of = ""
        for part in self._task.parts:
            source = part.source
            whole = ByteRange(source.uri, source.etag, 0, source.size)
            if part.stream:
                yield from piecewise(whole)
                continue
            if part.start > 0 and head_of != source.uri:
                yield replace(whole, end=min(source.size, SMALL_FILE_BYTES))
            head_of = source.uri
            yield replace(
                whole, start=_first_byte(part), end=min(part.end + self._context.settings.window_bytes, source.size)
            )

    def _content(self, part: Part) -> Content:
        """Return the bytes of a split, and of what is looked at to find its beginning and its end."""
        source, ahead = part.source, self._ahead
        if ahead is None:
            return Content(source)
        if part.start > 0 and self._head_of != source.uri:
            (self._head,) = next(ahead)
        pieces = next(ahead)
        if part.start == 0:
            self._head = pieces[0][:SMALL_FILE_BYTES]
        self._head_of = source.uri
        return Content(source, self._head, _first_byte(part), pieces)

    def _open(self, source: SourceFile) -> BinaryIO:
        """Open a file that is read from its beginning to its end."""
        if self._ahead is None:
            return open_source(source)
        pieces = piecewise(ByteRange(source.uri, source.etag, 0, source.size))
        return stream_of(chain.from_iterable(self._ahead), len(pieces))

    # ------------------------------------------------------------------------------------------------------ one split
    def _convert_split(self, part: Part, tally: PartReport) -> None:
        source, dialect, settings = part.source, self._dialect, self._context.settings
        content, largest = self._content(part), settings.parsing.largest_record_bytes
        head = content.head(FIRST_BYTES)
        if packing_of(source, head) is not None:
            self._convert_packed(part, tally)
            return
        refuse_foreign(source.key, head, dialect)
        content.leave_out_footer(dialect, largest)
        layout = file_columns(self._context.contract, dialect, source.key, content.head, largest)
        tally.start, tally.end = part.start, part.end
        tally.skipped_lines = _skipped_at_start(part, dialect, layout, content.head, largest)
        tally.skipped_lines += content.footer_lines if part.end == source.size else 0
        if layout is None:
            tally.checksum = _checksum(content.between(part.start, part.end))
            return
        tally.name_columns(layout)
        finder = _CutFinder(content, dialect, layout, settings.window_bytes, largest)
        tally.lines = layout.header_lines if part.start == 0 else 0
        try:
            tally.start = finder.cut(part.start)
            tally.end = end = finder.cut(part.end)
        except OverlongRecordError:
            # The line that holds the bound does not end; where it begins is told by the lines before.
            tally.leave_open(count_lines(content.between(tally.start, part.end)), too_long=True)
            return
        head = content.between(0, tally.start) if part.start == 0 else b""
        footer = content.between(end, source.size) if part.end == source.size else b""
        body = content.take(tally.start, end)
        tally.checksum = _checksum(head, body, footer)
        # The footer has been read, too.
        tally.end = source.size if part.end == source.size else end
        consumed = self._convert_body(part, self._parser(dialect, layout), body, tally, final=end == content.end)
        if consumed < len(body) and tally.closed:
            tally.leave_open(0)
        if not tally.closed and part.whole:
            line = self._lines_before + tally.open_line + 1
            raise open_record_error(source.key, line, largest, too_long=tally.too_long)

    def _convert_packed(self, part: Part, tally: PartReport) -> None:
        """Convert a packed file whose name does not say that it is one; a part of it means nothing."""
        if part.whole:
            self._convert_stream(part, tally, open_source(part.source))
        else:
            tally.start, tally.end, tally.packed = part.start, part.end, True

    # ----------------------------------------------------------------------------------------------------- one stream
    def _convert_stream(self, part: Part, tally: PartReport, raw: BinaryIO) -> None:
        source, settings = part.source, self._context.settings
        tally.end = source.size
        dialect, largest = self._dialect.decoded, settings.parsing.largest_record_bytes
        checked = CheckedStream(raw)
        buffered = cast(BinaryIO, io.BufferedReader(checked, MEBIBYTE))
        with closing(raw), open_unpacked(source, buffered) as unpacked:
            refuse_foreign(source.key, unpacked.head, self._dialect)
            piece = min(settings.split_bytes, STREAM_PIECE_BYTES)
            stream = TextStream(source.key, unpacked, self._dialect, piece, largest)
            layout = file_columns(self._context.contract, dialect, source.key, stream.peek, largest)
            tally.skipped_lines = _skipped_at_start(part, dialect, layout, stream.peek, largest)
            if layout is not None:
                tally.name_columns(layout)
                tally.lines = layout.header_lines
                stream.skip(layout.data_start)
                self._convert_pieces(part, stream, self._parser(dialect, layout), tally)
            tally.skipped_lines += stream.footer_lines
            # Reads to the end, whatever was wanted of it: what is read ahead comes in turn.
            tally.checksum = checked.checksum()
        if not tally.closed:
            line = self._lines_before + tally.open_line + 1
            raise open_record_error(source.key, line, largest, too_long=tally.too_long)

    def _convert_pieces(self, part: Part, stream: TextStream, parser: PieceParser, tally: PartReport) -> None:
        piece, left = min(self._context.settings.split_bytes, STREAM_PIECE_BYTES), 0
        while tally.closed:
            try:
                body = stream.next_lines(left + piece, more_than=left)
            except OverlongRecordError:
                tally.leave_open(0, too_long=True)
                return
            if not body:
                return
            final = stream.at_end
            consumed = self._convert_body(part, parser, body, tally, final=final)
            left = len(body) - consumed
            if left and final and tally.closed:
                tally.leave_open(0)
            # The record that the piece ends in is read again, with what follows.
            stream.put_back(body[consumed:])

    def _convert_body(self, part: Part, parser: PieceParser, body: bytes, tally: PartReport, *, final: bool) -> int:
        """Convert the whole records of a piece; return how many bytes that were.

        Records that cannot be read leave the tally open: if a split has begun inside quotes the rest means nothing, and
        read from its beginning the file will tell.
        """
        try:
            for parsed in parser.parse(body, final=final):
                if isinstance(parsed, OpenPart):
                    return parsed.start
                self._take(part, parsed, parser.layout, tally)
        except UnterminatedInPartError as error:
            tally.leave_open(error.line)
        except OverlongRecordError as error:
            tally.leave_open(error.line, too_long=True)
        return len(body)

    def _parser(self, dialect: Dialect, layout: FileColumns) -> PieceParser:
        """Return the parser of a layout; thousands of small files mostly share one."""
        known = self._parsers.get((dialect, layout))
        if known is None:
            known = PieceParser(self._context.contract, dialect, layout, self._memory, self._context.settings.parsing)
            self._parsers[dialect, layout] = known
        return known

    # -------------------------------------------------------------------------------------------------------- results
    def _take(self, part: Part, piece: ParsedPart, layout: FileColumns, tally: PartReport) -> None:
        """Write a piece's rows and count them."""
        self._data.write(piece.table)
        before = tally.lines
        if len(piece.bad):
            lines_before = self._lines_before + before
            self._quarantine.write(quarantine_table(piece.bad, part.source.key, lines_before, self._context.run_id))
            add_counts(tally.bad_counts, piece.bad)
            contract, left = self._context.contract, SAMPLES - len(tally.samples)
            tally.samples += bad_samples(contract, self._dialect, layout, piece.bad, before, left)
        tally.lines += piece.lines
        tally.rows_read += piece.rows_read
        tally.rows_written += piece.table.num_rows
        tally.rows_quarantined += len(piece.bad)
        tally.rows_skipped += piece.rows_skipped


def _skipped_at_start(
    part: Part, dialect: Dialect, layout: FileColumns | None, head: Callable[[int], bytes], largest: int
) -> int:
    """Return how many of the lines to be skipped a part holds, also of a file that holds nothing else."""
    if part.start > 0 or not (dialect.skip_lines or dialect.skip_pattern is not None):
        return 0
    if layout is not None:
        return layout.skipped
    text = head(largest)
    found = behind_skipped(text, 0, dialect, whole=True)
    return found[1] if found is not None else lines_in(text)


def read_header(contract: DatasetContract, source: SourceFile) -> tuple[str, ...]:
    """Return the names in the header of a file; none of a file that holds nothing."""
    dialect, largest = dialect_of(contract), Settings().parsing.largest_record_bytes
    if dialect.splittable and packing_by_name(source) is None:
        content = Content(source)
        if packing_of(source, content.head(FIRST_BYTES)) is None:
            content.leave_out_footer(dialect, largest)
            layout = file_columns(contract, dialect, source.key, content.head, largest)
            return layout.header if layout is not None else ()
    with closing(open_source(source)) as raw, open_unpacked(source, raw) as unpacked:
        stream = TextStream(source.key, unpacked, dialect, SMALL_FILE_BYTES, largest)
        layout = file_columns(contract, dialect.decoded, source.key, stream.peek, largest)
    return layout.header if layout is not None else ()


def open_record_error(key: str, line: int, largest_bytes: int, *, too_long: bool) -> ConversionError:
    """Return the error about a record that does not end as it should; lines count from 1."""
    if too_long:
        return record_too_long(key, line, largest_bytes)
    return UnterminatedQuoteError(
        f"{key}, line {line}: a quote is opened in this record and not closed where a value ends; mend the file, "
        "or set csv.quoted_newlines = false to quarantine such lines, or csv.quote = null if quotes mean nothing here"
    )


def _checksum(*pieces: bytes) -> str:
    crc32 = 0
    for piece in pieces:
        crc32 = zlib.crc32(piece, crc32)
    return checksum_text(sum(map(len, pieces)), crc32)


def _first_byte(part: Part) -> int:
    """Return where reading begins: the byte before a bound tells whether a record begins there."""
    return max(part.start - 1, 0)


class _CutFinder:
    """Moves nominal bounds of splits to beginnings of records; both neighbours of a bound come to the same answer."""

    def __init__(self, content: Content, dialect: Dialect, layout: FileColumns, window: int, largest: int) -> None:
        self._content, self._dialect, self._layout = content, dialect, layout
        self._window, self._largest = window, largest

    def cut(self, nominal: int) -> int:
        """Return the offset of the first record that begins at or behind a nominal bound.

        Raises OverlongRecordError when the line that holds the bound does not end.
        """
        size, data_start = self._content.end, self._layout.data_start
        if nominal <= data_start or nominal >= size:
            return data_start if nominal <= data_start else size
        # A record begins at the bound itself when the byte before it ends a line.
        position, width = max(nominal - 1, data_start - 1), self._window
        while position < size:
            if position - nominal > self._largest:
                raise OverlongRecordError(0)
            window = self._content.between(position, min(position + width, size))
            at_end = position + len(window) >= size
            found = cut_in_window(window, self._dialect, self._layout.width, at_end=at_end)
            if found is not None:
                return position + found
            position += len(window)
            # A request takes its time, however few bytes it is for.
            width = min(2 * width, max(self._window, LARGEST_WINDOW_BYTES))
        return size
