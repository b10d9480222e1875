"""All rows of one file, as texts: what each of its columns shows, and the rows that no contract could load."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from column_names import bare_name, place_columns
from contract import Column, CsvOptions, DatasetContract
from conversion_opening import open_source, open_unpacked
from conversion_task import open_record_error
from csv_columns import is_valid_utf8
from csv_dialect import UTF8_BOM, dialect_of
from csv_foreign import refuse_unmarked
from csv_headers import FileColumns, FileHeader, file_header
from csv_parsing import OpenPart, ParsedPart, PieceParser, UnterminatedInPartError
from csv_parts import OverlongRecordError, Sizes
from csv_stream import TextStream
from errors import TerminalError
from inference_dialect import refuse_other_formats, text_contract
from inference_misfits import Misfits, merge_misfits
from inference_types import NULL_WORDS, ColumnEvidence
from sources import SourceFile

# Bytes of a file from which its dialect is told.
HEAD_BYTES = 1 << 20
_SAMPLES = 20
# Letters beyond ASCII, and how Python holds bytes that are none.
_LETTER, _BROKEN = re.compile("[^\x00-\x7f\udc80-\udcff]"), re.compile("[\udc80-\udcff]")


# A column's name in any case, and its turn among namesakes; in files without a header its position.
ColumnIdentity = tuple[str, int]
Observer = ColumnEvidence | Misfits


@dataclass(frozen=True)
class Question:
    """What is known before the files are read: their options, their width, spellings of null, types to prefer.

    `as_told`: the options are what somebody has said, and nothing else may be found out; `encoding_told`: that is. Of
    `columns` that are known already only the values that do not fit them are of interest.
    """

    csv: CsvOptions
    width: int
    null_words: tuple[str, ...] = NULL_WORDS
    told: tuple[str, ...] = ()
    as_told: bool = False
    encoding_told: bool = False
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class OddRow:
    """A row that no contract can load: it has another number of values than the header, or bytes of no text."""

    key: str
    line: int
    reason: str
    text: str


@dataclass
class FileEvidence:
    """What the rows of one file show; `header` is None where the file holds nothing, `ascii` says what it consists of.

    `misfits` are, by the names of columns that are known, the values that do not fit those. `rows` counts all rows,
    `odd` those that no contract can load, of which `odd_rows` are the first; `last` is the first value in the last one
    of the others.
    """

    source: SourceFile
    header: FileHeader | None = None
    columns: list[ColumnEvidence] = field(default_factory=list)
    misfits: dict[str, Misfits] = field(default_factory=dict)
    rows: int = 0
    odd: int = 0
    odd_rows: list[OddRow] = field(default_factory=list)
    ascii: bool = True
    last: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names in the header, as they are written but for the blanks around them."""
        return tuple(map(bare_name, self.header.names)) if self.header else ()

    def identities(self) -> list[ColumnIdentity]:
        """Return what tells each column from the others, and makes it the same in another file."""
        if not self.names:
            return [("", place) for place in range(len(self.columns))]
        seen: Counter[str] = Counter()
        found = []
        for name in map(str.casefold, self.names):
            found.append((name, seen[name]))
            seen[name] += 1
        return found

    def is_like(self, other: FileEvidence) -> bool:
        """Say whether both files have the same columns in the same order, and rows that mostly fit them."""
        same = self.names == other.names and len(self.columns) == len(other.columns)
        return same and not (self.is_strange or other.is_strange)

    @property
    def is_strange(self) -> bool:
        """Say whether most rows do not fit the header."""
        return self.odd * 2 > self.rows

    def absorb(self, other: FileEvidence) -> None:
        """Take in what another file of the same columns shows."""
        for mine, others in zip(self.columns, other.columns, strict=True):
            mine.merge(others)
        merge_misfits(self.misfits, other.misfits)
        self.rows += other.rows
        self.odd += other.odd
        self.odd_rows = [*self.odd_rows, *other.odd_rows][:_SAMPLES]
        self.ascii = self.ascii and other.ascii


def fold(files: Iterable[FileEvidence]) -> list[FileEvidence]:
    """Return what files show, those of the same columns as one, so that little is held of however many."""
    folded: list[FileEvidence] = []
    for file in files:
        if file.header is None:
            continue
        like = next((other for other in folded if other.is_like(file)), None)
        if like is None:
            folded.append(file)
        else:
            like.absorb(file)
    return folded


class UndecodableError(TerminalError):
    """Bytes of a file are no text in the encoding that is tried."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def read_head(source: SourceFile) -> bytes:
    """Return the first bytes of a file, unpacked."""
    pieces, left = [], HEAD_BYTES
    with closing(open_source(source)) as raw, open_unpacked(source, raw) as stream:
        while left and (piece := stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)


def read_evidence(source: SourceFile, question: Question, piece_bytes: int, *, strict: bool = False) -> FileEvidence:
    """Read a file to its end; about `piece_bytes` of it are held at a time.

    With `strict` bytes that are no text in the encoding raise UndecodableError, otherwise their rows are odd.
    """
    found = FileEvidence(source)
    dialect, largest = dialect_of(text_contract(question.csv, 0)), Sizes().largest_record_bytes
    with closing(open_source(source)) as raw, open_unpacked(source, raw) as unpacked:
        refuse_unmarked(source.key, unpacked.head, dialect)
        stream = TextStream(source.key, unpacked, dialect, piece_bytes, largest)
        found.header = file_header(dialect.decoded, source.key, stream.peek, largest)
        if found.header is None:
            return found
        refuse_other_formats(source.key, stream.peek(1000))
        above = stream.peek(found.header.data_start)
        if strict and not is_valid_utf8(above):
            raise UndecodableError(source.key)
        found.ascii = above.removeprefix(UTF8_BOM).isascii()
        stream.skip(len(above))
        width = len(found.header.names) or question.width
        contract = text_contract(question.csv, width, as_told=question.as_told)
        layout = FileColumns(width, tuple(range(width)), (), (), 0, 0)
        parser = PieceParser(contract, dialect.decoded, layout)
        observers = _observers(found, question, contract)
        _read_rows(found, stream, parser, observers, piece_bytes, strict=strict)
    return found


def is_mostly_utf8(source: SourceFile) -> bool:
    """Say whether more letters beyond ASCII are whole in UTF-8 than bytes of a file are none.

    In texts of other encodings few neighbouring bytes happen to be a letter of UTF-8.
    """
    decoder, letters, broken = codecs.getincrementaldecoder("utf-8")("surrogateescape"), 0, 0
    with closing(open_source(source)) as raw, open_unpacked(source, raw) as stream:
        while piece := stream.read(HEAD_BYTES):
            text = decoder.decode(piece)
            letters += len(_LETTER.findall(text))
            broken += len(_BROKEN.findall(text))
    return letters > broken


def _observers(found: FileEvidence, question: Question, contract: DatasetContract) -> list[Observer | None]:
    """Return who looks at the values of each column of a file; None where nobody does."""
    csv = question.csv if question.as_told else None
    if not question.columns:
        found.columns = [ColumnEvidence(question.null_words, question.told, csv) for _ in contract.columns]
        return list(found.columns)
    names = (found.header.names if found.header else ()) or tuple(column.name for column in contract.columns)
    known = replace(contract, columns=question.columns, csv=question.csv)
    found.misfits = {column.name: Misfits(column, question.csv, found.source.key) for column in question.columns}
    observers: list[Observer | None] = [None] * len(contract.columns)
    # Of what a header lacks, or has twice, the conversion complains.
    for column, place in zip(question.columns, place_columns(known, names).positions, strict=True):
        if place is not None:
            observers[place] = found.misfits[column.name]
    return observers


def _read_rows(
    found: FileEvidence,
    stream: TextStream,
    parser: PieceParser,
    observers: Sequence[Observer | None],
    piece_bytes: int,
    *,
    strict: bool,
) -> None:
    key, largest, left = found.source.key, Sizes().largest_record_bytes, 0
    lines = found.header.lines if found.header else 0
    while True:
        try:
            body = stream.next_lines(left + piece_bytes, more_than=left)
            found.ascii = found.ascii and body.isascii()
            consumed = len(body)
            for part in parser.parse(body, final=stream.at_end):
                if isinstance(part, OpenPart):
                    consumed = part.start
                    break
                _observe(found, part, observers, lines, strict=strict)
                lines += part.lines
        except UnterminatedInPartError as error:
            raise open_record_error(key, lines + error.line + 1, largest, too_long=False) from error
        except OverlongRecordError as error:
            raise open_record_error(key, lines + error.line + 1, largest, too_long=True) from error
        left = len(body) - consumed
        if left and stream.at_end:
            raise open_record_error(key, lines + 1, largest, too_long=False)
        if not body:
            return
        stream.put_back(body[consumed:])


def _observe(
    found: FileEvidence, part: ParsedPart, observers: Sequence[Observer | None], lines_before: int, *, strict: bool
) -> None:
    found.rows += part.rows_read
    found.odd += len(part.bad)
    for line, reason, text in zip(part.bad.lines.tolist(), part.bad.reasons, part.bad.texts, strict=True):
        if strict and reason.startswith("not valid"):
            raise UndecodableError(found.source.key)
        if len(found.odd_rows) < _SAMPLES:
            found.odd_rows.append(OddRow(found.source.key, lines_before + line + 1, reason, text))
    if part.table.num_rows:
        values = part.table.slice(part.table.num_rows - 1).to_pylist()[0].values()
        found.last = next((value for value in values if value), None)
    for observer, column in zip(observers, part.table.columns, strict=True):
        if observer is not None:
            observer.observe(column.combine_chunks())
