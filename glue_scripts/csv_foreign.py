"""Files that are no CSV text in the declared encoding: what their first bytes say they are, and what to do about it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from conversion_errors import UnreadableFileError
from csv_dialect import Dialect

# So many bytes are looked at.
FIRST_BYTES = 512
# Of UTF-32 first: the mark of UTF-16 is the beginning of one of them.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What no text begins with, with a control or zero byte behind where the rest are letters:
# https://parquet.apache.org/docs/file-format/, https://orc.apache.org/specification/ORCv1/,
# https://avro.apache.org/docs/1.11.1/specification/#object-container-files,
# https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-cfb/05060311-bfce-4b12-874d-71fd4ce63aea
_FORMATS = (
    (re.compile(rb"PAR1[\x00-\x08\x0e-\x1f]"), "a Parquet file", "move it away: only CSV is converted"),
    (re.compile(rb"(?s)ORC.{1,256}\x00"), "an ORC file", "move it away: only CSV is converted"),
    (re.compile(rb"Obj\x01"), "an Avro file", "move it away: only CSV is converted"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Excel workbook (.xls)", "export it as CSV"),
)
_OTHER_DELIMITERS = (";", "\t", "|", ",")


def refuse_foreign(key: str, head: bytes, dialect: Dialect) -> None:
    """Raise when the first bytes of a file, unpacked, are those of something else than text in the encoding."""
    for pattern, what, remedy in _FORMATS:
        if pattern.match(head):
            raise UnreadableFileError(f"{key} is {what} by its first bytes, whatever its name says: {remedy}")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            # UTF-16 that begins with a NUL begins as UTF-32 does: what is declared goes first.
            if encoding == "utf-32" and dialect.encoding.startswith("utf-16"):
                return
            # In a single-byte encoding the mark may be text, as long as no zero byte follows.
            if not dialect.encoding.startswith(encoding) and (dialect.is_utf8 or b"\0" in head[:FIRST_BYTES]):
                raise UnreadableFileError(
                    f"{key} begins with the byte order mark of {encoding.upper()}, and csv.encoding is "
                    f'"{dialect.encoding}": set csv.encoding = "{encoding}"'
                )
            return
    refuse_unmarked(key, head, dialect)


def refuse_unmarked(key: str, head: bytes, dialect: Dialect) -> None:
    """Raise where a file does not begin with the mark by which its encoding is read; Python's decoder names no file."""
    marks = tuple(mark for mark, encoding in _BYTE_ORDER_MARKS if encoding == dialect.encoding)
    if head and marks and not head.startswith(marks):
        name = dialect.encoding
        raise UnreadableFileError(
            f"{key} does not begin with the byte order mark of {name.upper()}, without which nobody knows which byte "
            f'comes first: set csv.encoding = "{name}-le" or "{name}-be"'
        )


def likely_mistake(head: bytes, names: Sequence[str], dialect: Dialect) -> str:
    """Return a sentence about why a header may not name the columns that are wanted; empty without a guess."""
    text = head.lstrip().lower()
    if text.startswith((b"{", b"[")):
        return " The file looks like JSON: export it as CSV."
    if text.startswith((b"<!doctype html", b"<html", b"<?xml", b"<error")):
        return " The file looks like HTML or XML, such as an error page that was saved: get the CSV file itself."
    if any("\0" in name for name in names):
        encoding = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        return f' The header holds zero bytes, as UTF-16 does: perhaps csv.encoding = "{encoding}" is meant.'
    return _other_delimiter(names, dialect.delimiter.decode())


def _other_delimiter(names: Sequence[str], delimiter: str) -> str:
    if len(names) != 1:
        return ""
    found = max(_OTHER_DELIMITERS, key=names[0].count)
    if found == delimiter or found not in names[0]:
        return ""
    shown = "\\t" if found == "\t" else found
    return f' The header is one single column with {found!r} in its name: perhaps csv.delimiter = "{shown}" is meant.'
