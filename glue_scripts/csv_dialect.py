"""The CSV dialect of a dataset as the engine uses it: special characters as bytes, and what its encoding permits."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from itertools import chain

from contract import MOST_LINES, CsvOptions, DatasetContract
from conversion_errors import UnsupportedOptionError

UTF8_BOM = codecs.BOM_UTF8
# Blanks that never matter around numbers, booleans, dates and column names: what Arrow's CSV reader skips too.
BLANKS = " \t"
_UTF8_NAMES = ("utf-8", "utf-8-sig")
# Encodings whose decoder takes the byte order mark off: a second one is data.
_MARKED_NAMES = ("utf-16", "utf-32")


@dataclass(frozen=True)
class Dialect:
    """Special characters are single ASCII bytes; `escape` is None where quotes are only doubled."""

    delimiter: bytes
    quote: bytes | None
    escape: bytes | None
    comment: bytes | None
    header: bool
    encoding: str
    quoted_newlines: bool
    skip_initial_space: bool = False
    skip_lines: int = 0
    skip_pattern: str | None = None
    footer_lines: int = 0
    footer_pattern: str | None = None
    mark_taken: bool = False

    @property
    def decoded(self) -> Dialect:
        """The dialect of what a file is once it has been transcoded to UTF-8."""
        return replace(self, encoding="utf-8", mark_taken=self.encoding in _MARKED_NAMES)

    @property
    def is_utf8(self) -> bool:
        """Say whether the bytes of a file are what Arrow reads, without transcoding."""
        return self.encoding in _UTF8_NAMES

    def is_skipped(self, line: bytes, number: int) -> bool:
        """Say whether a line at the beginning of a file, the first one is number 1, stands before the header.

        All the lines before it have to be skipped as well.
        """
        if self.skip_pattern is None:
            return number <= self.skip_lines
        text = line.rstrip(b"\r\n").decode(self.encoding, "replace")
        if number == 1:
            text = text.removeprefix("\ufeff")
        return number <= MOST_LINES and re.match(self.skip_pattern, text) is not None

    @property
    def splittable(self) -> bool:
        """Say whether a file can be read from its middle.

        It can when every byte below 128 means its ASCII character wherever it stands, which holds for UTF-8 and for the
        single-byte extensions of ASCII, and not for UTF-16, Shift-JIS (0x5C as second byte) or EBCDIC; and when its end
        is not that of the data, which a pattern tells.
        """
        if self.footer_pattern is not None:
            return False
        return self.is_utf8 or _extends_ascii_bytewise(self.encoding)


def dialect_of(contract: DatasetContract) -> Dialect:
    """Return the dialect of a dataset; an option that cannot be honoured is refused by name."""
    csv = contract.csv
    for name in ("delimiter", "quote", "escape", "comment"):
        _check_character(contract, name, getattr(csv, name))
    _check_encoding(contract, csv)
    if csv.escape not in (None, csv.quote):
        _check_escaped_nulls(contract, str(csv.escape))
    return Dialect(
        delimiter=csv.delimiter.encode("ascii"),
        quote=csv.quote.encode("ascii") if csv.quote else None,
        escape=csv.escape.encode("ascii") if csv.escape and csv.escape != csv.quote else None,
        comment=csv.comment.encode("ascii") if csv.comment else None,
        header=csv.header,
        encoding=codecs.lookup(csv.encoding).name,
        quoted_newlines=csv.quoted_newlines,
        skip_initial_space=csv.skip_initial_space,
        skip_lines=csv.skip_lines,
        skip_pattern=csv.skip_pattern,
        footer_lines=csv.footer_lines,
        footer_pattern=csv.footer_pattern,
    )


def _check_character(contract: DatasetContract, name: str, value: str | None) -> None:
    if value is None and name != "delimiter":
        return
    if value is None or len(value) != 1 or not value.isascii() or value in "\r\n\0":
        raise UnsupportedOptionError(
            f"dataset {contract.dataset}: csv.{name} is {value!r}; allowed is one ASCII character that is neither a "
            "line break nor NUL"
        )


def _check_escaped_nulls(contract: DatasetContract, escape: str) -> None:
    """Refuse null spellings in which an escape takes what never stands in a value as it is written."""
    csv = contract.csv
    special = [mark for mark in (csv.delimiter, csv.quote) if mark is not None]
    for null in chain(csv.null_values, *(column.null_values or () for column in contract.columns)):
        taken = null.replace(escape * 2, "").partition(escape)
        while taken[1]:
            if not taken[2] or taken[2][0] in (*special, "\r", "\n"):
                raise UnsupportedOptionError(
                    f"dataset {contract.dataset}: null_values has {null!r}, in which csv.escape {escape!r} stands "
                    "at the end or before a delimiter, quote or line break; allowed is any other character behind it"
                )
            taken = taken[2].partition(escape)


def _check_encoding(contract: DatasetContract, csv: CsvOptions) -> None:
    try:
        "a".encode(csv.encoding)
        codecs.getincrementaldecoder(csv.encoding)
    except (LookupError, ValueError) as error:
        raise UnsupportedOptionError(
            f"dataset {contract.dataset}: csv.encoding is {csv.encoding!r}; allowed is any text encoding that Python "
            f"can decode piece by piece: {error}"
        ) from error


def _extends_ascii_bytewise(encoding: str) -> bool:
    ascii_bytes, all_bytes = bytes(range(128)), bytes(range(256))
    try:
        # A charmap codec gives exactly one character per byte; a multi-byte codec merges or drops some.
        single = all(len(bytes([byte]).decode(encoding, "replace")) == 1 for byte in all_bytes)
        same = ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
        return single and same and len(all_bytes.decode(encoding, "replace")) == 256
    except UnicodeError:
        return False


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Stand in for each undecodable byte with a lone surrogate, which is not valid UTF-8 and so makes its row bad."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("mark_undecodable", _mark_undecodable)


def to_utf8(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """Transcode; what cannot be decoded becomes bytes that are invalid in UTF-8. Say as well whether all could be."""
    try:
        return data.decode(encoding).encode(), True
    except UnicodeError:
        return data.decode(encoding, "mark_undecodable").encode("utf-8", "surrogatepass"), False


def readable_text(raw: bytes) -> str:
    r"""Return the text of a record for people: bytes that are not valid become \xNN, nothing is lost."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        marked = raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace")
    return re.sub("[\ud800-\udfff]", lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", marked)
