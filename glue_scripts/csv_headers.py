"""How the columns of one file, named by its header, map onto the columns of the contract."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contract import DatasetContract
from conversion_errors import SchemaDriftError, UnterminatedQuoteError
from csv_dialect import BLANKS, UTF8_BOM, Dialect, readable_text, to_utf8
from csv_records import count_lines, record_pattern

FIRST_HEADER_READ = 64 * 1024


@dataclass(frozen=True)
class FileColumns:
    """The layout of a file: its number of columns and, per contract column, the position in the file (None: missing).

    `data_start` is the byte offset of the first record behind the header, `header_lines` the line ends before it,
    `header` the names in the file's order and spelling.
    """

    width: int
    positions: tuple[int | None, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    data_start: int
    header_lines: int
    header: tuple[str, ...] = ()


def csv_reader_options(dialect: Dialect) -> dict[str, Any]:
    """Return the arguments that make Python's csv module read the dialect."""
    return {
        "delimiter": dialect.delimiter.decode(),
        "quotechar": dialect.quote.decode() if dialect.quote else None,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        "escapechar": dialect.escape.decode() if dialect.escape else None,
        "doublequote": True,
    }


def split_fields(record: str, dialect: Dialect) -> list[str]:
    """Return the values of one record."""
    csv.field_size_limit(max(csv.field_size_limit(), len(record) + 1))
    return next(csv.reader(io.StringIO(record, newline=""), **csv_reader_options(dialect)), [])


def file_columns(
    contract: DatasetContract, dialect: Dialect, key: str, read_until: Callable[[int], bytes]
) -> FileColumns | None:
    """Read the header of a file and map it; None for a file that holds nothing.

    `read_until(n)` returns the first n bytes of the file, fewer when it is shorter.
    """
    size = FIRST_HEADER_READ
    while True:
        head = read_until(size)
        whole = len(head) < size
        start = len(UTF8_BOM) if head.startswith(UTF8_BOM) else 0
        if not dialect.header:
            return _by_position(contract, start) if len(head) > start else None
        found = _first_record(head, start, dialect, whole)
        if found is not None:
            begin, end = found
            break
        if whole:
            if head[start:].strip(b"\r\n") and not _only_comments(head[start:], dialect):
                raise UnterminatedQuoteError(f"{key}, line 1: a quote is opened in the header and never closed")
            return None
        size *= 4
    record = head[begin:end]
    text = readable_text(record if dialect.is_utf8 else to_utf8(record, dialect.encoding))
    names = split_fields(text.rstrip("\r\n"), dialect)
    return _by_name(contract, key, names, end, count_lines(head[:end]))


def _first_record(head: bytes, start: int, dialect: Dialect, whole: bool) -> tuple[int, int] | None:
    """Return the byte range of the first record that is neither blank nor a comment; None when it is not all there."""
    pattern = record_pattern(dialect)
    position = start
    while position < len(head):
        if head[position] in b"\r\n":
            position += 1
            continue
        if dialect.comment and head.startswith(dialect.comment, position):
            ends = [end for end in (head.find(b"\n", position), head.find(b"\r", position)) if end >= 0]
            position = min(ends) if ends else len(head)
            continue
        match = pattern.match(head, position)
        if match is None or (match.end() == len(head) and not whole):
            return None
        return position, match.end()
    return None


def _only_comments(text: bytes, dialect: Dialect) -> bool:
    return bool(dialect.comment) and all(
        not line or line.startswith(dialect.comment or b"") for line in text.replace(b"\r", b"\n").split(b"\n")
    )


def _by_position(contract: DatasetContract, start: int) -> FileColumns:
    width = len(contract.columns)
    return FileColumns(width, tuple(range(width)), (), (), start, 0)


def _normal(name: str) -> str:
    return name.strip(BLANKS).casefold()


def _by_name(contract: DatasetContract, key: str, names: list[str], end: int, lines: int) -> FileColumns:
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if _normal(name) in places:
            raise SchemaDriftError(
                f"{key}: the header names column {name.strip(BLANKS)!r} twice "
                f"(positions {places[_normal(name)] + 1} and {place + 1}); names must differ "
                "in more than case and surrounding blanks"
            )
        places[_normal(name)] = place
    wanted = [_normal(column.source) for column in contract.columns]
    missing = tuple(column.source for column, name in zip(contract.columns, wanted, strict=True) if name not in places)
    extra = tuple(name.strip(BLANKS) for name in names if _normal(name) not in set(wanted))
    _check_drift(contract, key, names, missing, extra)
    return FileColumns(len(names), tuple(places.get(name) for name in wanted), missing, extra, end, lines, tuple(names))


def _check_drift(
    contract: DatasetContract, key: str, names: list[str], missing: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    required = [column.source for column in contract.columns if column.required and column.source in missing]
    if contract.schema_drift == "ignore" and not required and len(missing) < len(contract.columns):
        return
    if not missing and (not extra or contract.schema_drift == "ignore"):
        return
    problems = []
    if missing:
        problems.append(f"lacks {', '.join(map(repr, missing))}")
    if extra:
        problems.append(f"has {', '.join(map(repr, extra))} besides")
    reason = "schema_drift is fail"
    if contract.schema_drift == "ignore":
        reason = f"{', '.join(map(repr, required))} is required" if required else "it has none of the columns"
    raise SchemaDriftError(
        f"{key}: the header {' and '.join(problems)}; {reason}. "
        f"In the file: {', '.join(name.strip(BLANKS) for name in names)}. "
        f"In the contract: {', '.join(column.source for column in contract.columns)}"
    )
