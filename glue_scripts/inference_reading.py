"""All rows of one file, as texts: what each of its columns shows, and the rows that no contract could load."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

from column_names import bare_name
from contract import CsvOptions
from conversion_opening import open_source, open_unpacked
from conversion_task import open_record_error
from csv_dialect import dialect_of
from csv_headers import FileColumns, FileHeader, file_header
from csv_parsing import OpenPart, ParsedPart, PieceParser, UnterminatedInPartError
from csv_parts import OverlongRecordError, Sizes
from csv_stream import TextStream
from errors import TerminalError
from inference_dialect import refuse_other_formats, text_contract
from inference_types import NULL_WORDS, ColumnEvidence
from sources import SourceFile

# Bytes of a file from which its dialect is told.
HEAD_BYTES = 1 << 20
_SAMPLES = 20


# A column's name in any case, and its turn among namesakes; in files without a header its position.
ColumnIdentity = tuple[str, int]


@dataclass(frozen=True)
class Question:
    """What is known before the files are read: their options, their width, spellings of null, types to prefer."""

    csv: CsvOptions
    width: int
    null_words: tuple[str, ...] = NULL_WORDS
    told: tuple[str, ...] = ()


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

    `rows` counts all rows, `odd` those that no contract can load, of which `odd_rows` are the first.
    """

    source: SourceFile
    header: FileHeader | None = None
    columns: list[ColumnEvidence] = field(default_factory=list)
    rows: int = 0
    odd: int = 0
    odd_rows: list[OddRow] = field(default_factory=list)
    ascii: bool = True

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
        stream = TextStream(source.key, unpacked, dialect, piece_bytes, largest)
        found.header = file_header(dialect.decoded, source.key, stream.peek, largest)
        if found.header is None:
            return found
        refuse_other_formats(source.key, stream.peek(1000))
        stream.skip(found.header.data_start)
        width = len(found.header.names) or question.width
        contract = text_contract(question.csv, width)
        layout = FileColumns(width, tuple(range(width)), (), (), 0, 0)
        parser = PieceParser(contract, dialect.decoded, layout)
        found.columns = [ColumnEvidence(question.null_words, question.told) for _ in range(width)]
        _read_rows(found, stream, parser, piece_bytes, strict=strict)
    return found


def _read_rows(found: FileEvidence, stream: TextStream, parser: PieceParser, piece_bytes: int, *, strict: bool) -> None:
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
                _observe(found, part, lines, strict=strict)
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


def _observe(found: FileEvidence, part: ParsedPart, lines_before: int, *, strict: bool) -> None:
    found.rows += part.rows_read
    found.odd += len(part.bad)
    for line, reason, text in zip(part.bad.lines.tolist(), part.bad.reasons, part.bad.texts, strict=True):
        if strict and reason.startswith("not valid"):
            raise UndecodableError(found.source.key)
        if len(found.odd_rows) < _SAMPLES:
            found.odd_rows.append(OddRow(found.source.key, lines_before + line + 1, reason, text))
    for evidence, column in zip(found.columns, part.table.columns, strict=True):
        evidence.observe(column.combine_chunks())
