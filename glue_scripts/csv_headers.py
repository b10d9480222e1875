"""How the columns of one file, named by its header, map onto the columns of the contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from column_names import bare_name, place_columns
from contract import DatasetContract
from conversion_errors import SchemaDriftError, UnterminatedQuoteError, record_too_long
from csv_dialect import UTF8_BOM, Dialect, readable_text, to_utf8
from csv_foreign import FIRST_BYTES, likely_mistake
from csv_grammar import grammar_of, line_bounds
from csv_records import count_lines

FIRST_HEADER_READ = 64 * 1024
# No table has so many columns, and Arrow's reader miscounts with millions: https://github.com/apache/arrow/issues/50275
LARGEST_HEADER_BYTES = 1024 * 1024
# Of the names of columns in a message.
SHOWN_NAMES, SHOWN_CHARACTERS = 50, 100
_BLANK_LINES = re.compile(b"[\r\n]*")


@dataclass(frozen=True)
class FileColumns:
    """The layout of a file: its number of columns and, per contract column, the position in the file (None: missing).

    `extra` are the names of columns that nobody wants, or their numbers (`#3`) where they have none. `data_start` is
    the byte offset of the first record behind the header, `header_lines` the line ends before it, `header` the names
    in the file's order and spelling, `skipped` how many lines are no data before it.
    """

    width: int
    positions: tuple[int | None, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    data_start: int
    header_lines: int
    header: tuple[str, ...] = ()
    skipped: int = 0


# What is said of columns that nobody has declared, and what to start an execution with to have them anew.
INFERRED = "No columns are declared, they were inferred from the files of their time:"
FORCED = '{"force": true}'


@dataclass(frozen=True)
class FileHeader:
    """The names in the header of a file, none where it has no header; `data_start` and `lines` say where it ends.

    `mistake` is a sentence about why it may not name what it should, empty without a guess. `skipped` lines before it
    are no data.
    """

    names: tuple[str, ...]
    data_start: int
    lines: int
    mistake: str = ""
    skipped: int = 0


def file_columns(
    contract: DatasetContract, dialect: Dialect, key: str, read_until: Callable[[int], bytes], largest_bytes: int
) -> FileColumns | None:
    """Read the header of a file and map it; None for a file that holds nothing.

    `read_until(n)` returns the first n bytes of the file, fewer when it is shorter. The header must end within the
    first `largest_bytes`.
    """
    header = file_header(dialect, key, read_until, largest_bytes)
    if header is None:
        return None
    if not dialect.header:
        return replace(_by_position(contract, header.data_start, header.lines), skipped=header.skipped)
    return _by_header(contract, key, header)


def file_header(
    dialect: Dialect, key: str, read_until: Callable[[int], bytes], largest_bytes: int
) -> FileHeader | None:
    """Read the header of a file, as `file_columns` does, whatever it names."""
    limit = min(LARGEST_HEADER_BYTES, largest_bytes)
    size = FIRST_HEADER_READ
    while True:
        head = read_until(size)
        whole = len(head) < size
        start = len(UTF8_BOM) if head.startswith(UTF8_BOM) and not dialect.mark_taken else 0
        behind = behind_skipped(head, start, dialect, whole=whole)
        if behind is None:
            if len(head) > largest_bytes:
                setting = f"lines = {dialect.skip_lines}"
                if dialect.skip_pattern is not None:
                    setting = f"pattern = {dialect.skip_pattern!r}"
                raise SchemaDriftError(
                    f"{key}: csv.skip_{setting} skips lines of more than {largest_bytes} bytes, which is more than a "
                    "record may have"
                )
            size = min(4 * size, largest_bytes + 1)
            continue
        data, skipped = behind
        if not dialect.header:
            return FileHeader((), data, count_lines(head[:data]), skipped=skipped) if len(head) > data else None
        begin = _behind_blanks_and_comments(head, data, dialect)
        bounds = grammar_of(dialect).bounds(head, begin)
        if bounds is not None and (bounds.behind < len(head) or whole):
            break
        if whole:
            line = count_lines(head[:begin]) + 1
            raise UnterminatedQuoteError(f"{key}, line {line}: a quote is opened in the header and never closed")
        if begin == len(head) > largest_bytes:
            raise SchemaDriftError(
                f"{key}: no header in its first {largest_bytes} bytes, which hold nothing but blank and comment lines"
            )
        if len(head) - begin > limit or len(head) > largest_bytes:
            raise record_too_long(key, count_lines(head[:begin]) + 1, limit)
        size = min(4 * size, largest_bytes + 1)
    if begin == len(head):
        return None
    if bounds.end - begin > limit:
        raise record_too_long(key, count_lines(head[:begin]) + 1, limit)
    values = [field.text for field in grammar_of(dialect).fields(head[begin : bounds.end])]
    names = [readable_text(value if dialect.is_utf8 else to_utf8(value, dialect.encoding)[0]) for value in values]
    mistake = likely_mistake(head[start : start + FIRST_BYTES], names, dialect)
    return FileHeader(tuple(names), bounds.behind, count_lines(head[: bounds.behind]), mistake, skipped)


def behind_skipped(head: bytes, start: int, dialect: Dialect, *, whole: bool) -> tuple[int, int] | None:
    """Return where the lines to be skipped end, at most the end of a file, and how many there are.

    None if more must be read to know that.
    """
    skipped = 0
    while start < len(head) or not whole:
        behind = line_bounds(head, start).behind
        # A line end at the very end may be the first half of a \r\n.
        cut_off = behind == len(head) and not whole
        if cut_off and dialect.skip_pattern is None and skipped == dialect.skip_lines:
            break
        if cut_off:
            return None
        if not dialect.is_skipped(head[start:behind], skipped + 1):
            break
        start, skipped = behind, skipped + 1
    return start, skipped


def _behind_blanks_and_comments(head: bytes, start: int, dialect: Dialect) -> int:
    """Return where the first record begins: behind blank lines and comment lines."""
    position = start
    while True:
        blanks = _BLANK_LINES.match(head, position)
        position = blanks.end() if blanks else position
        if position == len(head) or not (dialect.comment and head.startswith(dialect.comment, position)):
            return position
        position = line_bounds(head, position).behind


def _by_position(contract: DatasetContract, start: int, lines: int) -> FileColumns:
    width = len(contract.columns)
    return FileColumns(width, tuple(range(width)), (), (), start, lines)


def _by_header(contract: DatasetContract, key: str, header: FileHeader) -> FileColumns:
    names = list(header.names)
    found = place_columns(contract, names)
    if found.ambiguous:
        raise _ambiguous(key, names, *found.ambiguous[0])
    columns = zip(contract.columns, found.positions, strict=True)
    missing = tuple(column.source for column, place in columns if place is None)
    extra = tuple(bare_name(names[place]) for place in found.extra)
    _check_drift(contract, key, names, header.mistake, missing, extra)
    unnamed = tuple(f"#{place + 1}" for place in found.unnamed)
    return FileColumns(
        len(names),
        found.positions,
        missing,
        (*extra, *unnamed),
        header.data_start,
        header.lines,
        header.names,
        header.skipped,
    )


def _ambiguous(key: str, names: list[str], source: str, places: tuple[int, ...]) -> SchemaDriftError:
    numbers = [f'"#{place + 1}"' for place in places]
    said = f"{len(places)} columns without a name"
    also = ""
    if source:
        said = f"the column {_readable([source])} {len(places)} times"
        also = f'; "{source}.1" is the second, where one column asks for that "{source}" is the first'
    return SchemaDriftError(
        f"{key}: the header has {said} (positions {', '.join(str(place + 1) for place in places)}): say by source "
        f"which is meant, {' or '.join(numbers)}{also}. In the file: {_readable(names)}"
    )


def _check_drift(
    contract: DatasetContract,
    key: str,
    names: list[str],
    mistake: str,
    missing: tuple[str, ...],
    extra: tuple[str, ...],
) -> None:
    required = [column.source for column in contract.columns if column.required and column.source in missing]
    if contract.schema_drift == "ignore" and not required and len(missing) < len(contract.columns):
        return
    if not missing and (not extra or contract.schema_drift == "ignore"):
        return
    problems = []
    if missing:
        problems.append(f"lacks {_readable(missing)}")
    if extra:
        problems.append(f"has {_readable(extra)} besides")
    reason = "schema_drift is fail"
    if contract.schema_drift == "ignore":
        reason = f"{_readable(required)} is required" if required else "it has none of the columns"
    wanted = _readable([column.source for column in contract.columns])
    raise SchemaDriftError(
        f"{key}: the header {' and '.join(problems)}; {reason}.{mistake} "
        f"In the file: {_readable(names)}. {_where_wanted(contract)}: {wanted}{_how_to_crawl(contract)}"
    )


def _where_wanted(contract: DatasetContract) -> str:
    if contract.inferred:
        return "Inferred so far"
    return f"In the table {contract.crawled_table}" if contract.crawled_table else "In the contract"


def _how_to_crawl(contract: DatasetContract) -> str:
    """Return what to do where nobody has declared the columns that the file lacks."""
    if contract.inferred:
        differing = "" if contract.schema_drift == "ignore" else ', with schema_drift = "ignore" where files differ,'
        return f". {INFERRED} start an execution with {FORCED} to infer them again{differing} or declare the columns"
    if contract.crawled_table is None:
        return ""
    crawler = contract.crawler_name or f"of {contract.crawled_table}"
    command = f" (aws glue start-crawler --name {crawler})" if contract.crawler_name else ""
    return (
        f". No columns are declared, a crawler has found them in the files of its time: run the crawler {crawler} "
        f"again{command} and start the execution again once it is ready, or declare the columns"
    )


def _readable(names: Sequence[str]) -> str:
    """Return names for a message, which has to stay readable however many and long they are."""
    shown = [bare_name(name) for name in names[:SHOWN_NAMES]]
    texts = [repr(name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "…") for name in shown]
    return ", ".join(texts) + (f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else "")
