"""The dialect of files that nobody has described, from the first bytes of one of them.

A delimiter is right when it cuts the records into the same number of values; quotes and escapes are those with which it
does so best. The engine's own grammar cuts, so what is found here is what a conversion will read.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import pyarrow as pa

from contract import MOST_LINES, Column, CsvOptions, DatasetContract, parse_contract
from conversion_errors import ConversionError
from csv_dialect import BLANKS, UTF8_BOM, dialect_of, readable_text
from csv_foreign import refuse_foreign, refuse_unmarked
from csv_grammar import OpenRecordError, grammar_of
from csv_records import find_records
from inference_types import ColumnEvidence

# The usual ones, the better first; and those that are tried where none of them will do, as they are part of values too.
_USUAL, _RARE = ("\x01", "\x1f", "\t", ",", ";", "|"), (" ", ":", "~", "^")
_RECORDS_TRIED = 2000
# Of the records so many must have the usual number of values for a delimiter to be believed.
_BELIEVED = 0.6
_YEARS_IN_HEADER = 3
# A row of a single value is none of a table that is at least so wide.
_WIDTH_OF_TABLES = 3
# First bytes of what is no CSV file, and what to do about it.
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"\xfd7zXZ", "compressed with xz: unpack it, or compress it with gzip"),
    (b"SQLite format 3", "a SQLite database: export its tables as CSV"),
    (b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS: fetch the file itself with git lfs pull"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
# Tables that web applications call an Excel or CSV export begin with one of the others.
_HTML = re.compile(
    rb"\s*<(?:!doctype\b|!--|\?xml\b|(?:html|head|body|meta|style|script|table|div|pre)[\s>])", re.IGNORECASE
)
# What Excel writes before a table, and obeys, is no part of it.
_DELIMITER_LINE = re.compile(rb"\"?sep=([^\r\n\0\x80-\xff])\"?[;,\t ]*(?:\r\n?|\n|$)", re.IGNORECASE)
_COMMENTS = re.compile(rb"(?:#[^\r\n]*[\r\n]+)+[^#]")
_JSON = re.compile(rb"\s*(?:\{\s*(?:\"|\})|\[\s*[\[{])")


class NotCsvError(ConversionError):
    """A file is no CSV, or not in a form from which its columns can be told; the message says what it is instead."""


@dataclass(frozen=True)
class Guess:
    """A dialect, the share of the records that it cuts into `width` values, and the first of them.

    `starts` are the offsets of these records in the text, `trailing` counts those with text behind a closing quote.
    """

    csv: CsvOptions
    width: int
    share: float
    records: tuple[tuple[str, ...], ...]
    starts: tuple[int, ...] = ()
    trailing: int = 0

    @property
    def header_fits(self) -> bool:
        """Say whether the first record has as many values as the others."""
        return bool(self.records) and len(self.records[0]) == self.width


def guess_dialect(
    key: str, head: bytes, csv: CsvOptions | None = None, *, encoding: str | None = None, whole: bool = True
) -> Guess:
    """Return the dialect of a file by its first bytes, decompressed; where `csv` tells it, only the width.

    `encoding` is what somebody has said of it beside that; `whole`: the bytes are all that the file holds. Raises
    NotCsvError, and UnsupportedOptionError of an encoding that is none.
    """
    refuse_other_formats(key, head)
    encoding = (encoding or guess_encoding(head)) if csv is None else csv.encoding
    refuse_unmarked(key, head, dialect_of(text_contract(CsvOptions(encoding=encoding), 0)))
    text = as_utf8(head, encoding)
    if csv is not None:
        return _guess(text, csv, whole=whole)
    line = _DELIMITER_LINE.match(text)
    text, told = (text[line.end() :], line[1].decode()) if line else (text, None)
    if not text.strip():
        raise NotCsvError(f"{key}: there is nothing in it but how values are delimited")
    found = _best(text, encoding, whole=whole, told=told)
    if found is None:
        raise NotCsvError(
            f"{key} is no CSV file: none of comma, tab, semicolon, bar and blank cuts its lines into the same "
            "number of values"
        )
    above = _lines_above(found)
    if above:
        table = _behind_title(text, found, above, encoding, whole=whole, told=told)
        if table is None and not found.header_fits and above == 1 and len(found.records[0]) > 1:
            raise NotCsvError(
                f"{key}: its first line has {len(found.records[0])} values, {found.records[0][0][:60]!r} at first, and "
                f"most others {found.width}, so which column is which is not certain: let every line end with a "
                "delimiter, or none, or take that line out if it is a title"
            )
        if table is None and not found.header_fits:
            others = f"{above} other line{'s' if above > 1 else ''}"
            raise NotCsvError(
                f"{key}: the table of {found.width} columns begins behind {others}, "
                f"the first of which is {found.records[0][0][:60]!r}, and which line names its columns is not certain: "
                "take what stands above the header out of the file"
            )
        found = table or found
    skipped = found.csv.skip_lines + (1 if line else 0)
    return replace(found, csv=replace(found.csv, header=has_header(found.records), skip_lines=skipped))


def refuse_other_formats(key: str, head: bytes) -> None:
    """Raise where the first bytes tell that a file is something else than text."""
    encoding = guess_encoding(head)
    refuse_foreign(key, head, dialect_of(text_contract(CsvOptions(encoding=encoding), 0)))
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            raise NotCsvError(f"{key} is no CSV file but {what}")
    text = as_utf8(head, encoding)
    if _HTML.match(text):
        raise NotCsvError(f"{key} is no CSV file but a web page or XML: perhaps an error page was saved in its place")
    if _JSON.match(text):
        raise NotCsvError(f"{key} is no CSV file but JSON: convert it to CSV, one record a line")
    if not _is_wide(head) and head.count(b"\0") * 10 > len(head):
        raise NotCsvError(f"{key} is no CSV file: its first bytes are binary")


def guess_encoding(head: bytes) -> str:
    """Return UTF-16 or UTF-32 where the first bytes tell, else UTF-8 until it is disproved."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _is_wide(head):
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    return "utf-8"


def _is_wide(head: bytes) -> bool:
    """Say whether the bytes look like UTF-16 of mostly Latin letters: every second one is zero."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    sample = head[:1000]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    return max(even, odd) > 0.7 * half and min(even, odd) < 0.1 * half


def as_utf8(head: bytes, encoding: str) -> bytes:
    """Return the first bytes of a file as UTF-8, without a byte order mark."""
    if encoding == "utf-8":
        return head.removeprefix(UTF8_BOM)
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).encode("utf-8", "replace")


def _best(text: bytes, encoding: str, *, whole: bool, told: str | None) -> Guess | None:
    """Return the best dialect of a text, None where none fits; where its delimiter is told, of that one alone."""
    for delimiters in (_USUAL, _RARE) if told is None else ((told,),):
        guesses = [
            _guess(text, replace(options, delimiter=delimiter, encoding=encoding), whole=whole)
            for delimiter in delimiters
            if delimiter.encode() in text
            for options in _quotings(text, delimiter.encode())
        ]
        believed = [
            guess
            for guess in guesses
            # That quotes mean nothing is only believed of a file that is right without them.
            if guess.width > 1 and guess.share >= (_BELIEVED if guess.csv.quote else 1)
            if guess.header_fits or delimiters != _RARE
        ]
        if believed:
            # The first of equals is the one that is more usual. Text behind a closing quote says that it is none.
            return max(
                believed,
                key=lambda guess: (guess.header_fits, round(guess.share, 3), guess.width, -guess.trailing),
            )
    single = _guess(text, CsvOptions(encoding=encoding, delimiter=told or CsvOptions.delimiter), whole=whole)
    return single if single.width == 1 and single.share == 1 else None


def _quotings(text: bytes, delimiter: bytes) -> Iterator[CsvOptions]:
    """Yield how values may be quoted, the usual way first."""
    plain = CsvOptions()
    yield plain
    if b'\\"' in text:
        yield replace(plain, escape="\\")
    if b"'" + delimiter + b"'" in text:
        yield replace(plain, quote="'")
    if _COMMENTS.match(text):
        yield replace(plain, comment="#")
    if b'"' in text:
        # A quote that is never closed costs its own row.
        yield replace(plain, quoted_newlines=False)
        if not quotes_enclose(text, delimiter):
            yield replace(plain, quote=None)


def quotes_enclose(text: bytes, delimiter: bytes) -> bool:
    """Say whether quotes plainly mean something: values of the first line, or of every other one, stand in them.

    Single values may do so in texts of which they are a part, as the title of a song.
    """
    mark = re.escape(delimiter)
    enclosed = re.compile(b'(?:^|%b)"[^"]*"(?:%b|$)' % (mark, mark))
    lines = text.splitlines()
    found = [number for number, line in enumerate(lines) if b'"' in line and enclosed.search(line)]
    return found[:1] == [0] or (bool(found) and 2 * len(found) >= len(lines))


def _guess(text: bytes, csv: CsvOptions, *, whole: bool) -> Guess:
    """Cut the text by a dialect; the record that the end of the bytes cuts off is left out."""
    dialect = dialect_of(text_contract(replace(csv, encoding="utf-8"), 0))
    found = find_records(text, dialect, by_line=not csv.quoted_newlines, final=whole)
    grammar, trailing = grammar_of(dialect), 0
    records: list[tuple[str, ...]] = []
    pairs = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    for start, end in islice(pairs, _RECORDS_TRIED):
        try:
            records.append(tuple(readable_text(field.text) for field in grammar.fields(text[start:end])))
            bounds = grammar.bounds(text[start:end], 0)
            trailing += bounds is not None and bounds.trailing
        except OpenRecordError:
            if csv.quoted_newlines:
                break
            records.append((readable_text(text[start:end]),))
    widths = Counter(map(len, records))
    width, number = widths.most_common(1)[0] if widths else (0, 0)
    # What an unclosed quote swallows is not cut at all.
    swallowed = int(found.swallowing is not None or (whole and found.complete < len(text)))
    starts = tuple(found.starts[: len(records)].tolist())
    return Guess(csv, width, number / max(len(records) + swallowed, 1), tuple(records), starts, trailing)


def text_contract(csv: CsvOptions, width: int, *, as_told: bool = False) -> DatasetContract:
    """Return a contract by which the engine reads files of `width` columns as texts.

    None of them is null, but for what is written so where the options are `as_told`.
    """
    nulls = csv.null_values if as_told else ()
    return replace(
        parse_contract({"dataset": "files", "source_uri": "files", "lake_uri": "files"}),
        columns=tuple(Column(f"c{place}", "string", f"c{place}") for place in range(width)),
        csv=replace(csv, null_values=nulls, trim=False, date_format=None, timestamp_format=None),
    )


def _lines_above(found: Guess) -> int:
    """Return how many records stand above the table: of another width, or with no value but a text at first."""
    for above, record in enumerate(found.records):
        is_title = found.width >= _WIDTH_OF_TABLES and not any(record[1:]) and not _kind(record[:1])
        if len(record) == found.width and not is_title:
            return above
    return 0


def _behind_title(
    text: bytes, found: Guess, above: int, encoding: str, *, whole: bool, told: str | None
) -> Guess | None:
    """Return the dialect of the table below some records, which are lines to be skipped.

    None where what stands below them has no header, so that they may be anything.
    """
    start = found.starts[above]
    lines = len(text[:start].splitlines())
    table = _best(text[start:], encoding, whole=whole, told=told)
    if table is None or lines > MOST_LINES or not table.header_fits or _lines_above(table):
        return None
    if len(table.records) < 2 or not has_header(table.records):
        return None
    return replace(table, csv=replace(table.csv, skip_lines=lines))


# ------------------------------------------------------------------------------------------------------------- header
def has_header(records: Sequence[Sequence[str]]) -> bool:
    """Say whether the first record names the columns.

    It does unless it holds numbers or dates and every column goes on as it begins in it. Numbers that count on, as the
    years of a table that is laid out in width, are names.
    """
    first, rest = records[0], [record for record in records[1:] if len(record) == len(records[0])]
    if not rest:
        return not any(_kind([value]) for value in first)
    columns = list(zip(*rest, strict=True))
    kinds = [_kind([value]) for value in first]
    if not any(kinds) or _counts_on(first):
        return True
    return any(_kind(column) and not kind and value for kind, column, value in zip(kinds, columns, first, strict=True))


def _kind(values: Sequence[str]) -> bool:
    """Say whether values are all numbers or moments, as far as there are any."""
    evidence = ColumnEvidence()
    evidence.observe(pa.array([value.strip(BLANKS) for value in values], pa.string()))
    return evidence.regular


def _counts_on(names: Sequence[str]) -> bool:
    numbers = [int(name) for name in names if re.fullmatch("[0-9]{1,9}", name)]
    return len(numbers) >= _YEARS_IN_HEADER and all(after == before + 1 for before, after in pairwise(numbers))
