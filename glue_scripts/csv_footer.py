"""Footers: lines behind the data of a file, by their number or from the first line on that a pattern matches."""

from __future__ import annotations

import re

from conversion_errors import UnreadableFileError
from csv_dialect import Dialect
from csv_parts import RecordCounter

_LINE_ENDS = b"\r\n"


def footer_start(text: bytes, lines: int) -> int:
    """Return the offset of the last lines of a text that are not blank; 0 when it has no more than that many."""
    start = len(text)
    for _ in range(lines):
        end = start
        while end and text[end - 1] in _LINE_ENDS:
            end -= 1
        newline = text.rfind(b"\n", 0, end)
        start = max(newline, text.rfind(b"\r", newline + 1, end)) + 1
        if not start:
            break
    return start


def lines_in(text: bytes) -> int:
    """Return the number of lines, the last one included where it does not end."""
    counter = RecordCounter(None)
    counter.feed(text, 0, len(text))
    return counter.lines + counter.unterminated


def footer_too_long(key: str, dialect: Dialect, largest_bytes: int) -> UnreadableFileError:
    """Return the error about a footer that is bigger than may be held."""
    return UnreadableFileError(
        f"{key}: its last {dialect.footer_lines} lines (csv.footer_lines) take more than {largest_bytes} bytes, which "
        "is more than a record may have"
    )


class FooterCutter:
    """Passes on the text of a file up to its footer; `lines` counts those of the footer once all has been fed.

    With a number of lines the last ones fed are held back, at most `largest_bytes`, until it is known whether others
    follow. With a pattern every line is tested but those before the data: skipped ones and the header.
    """

    def __init__(self, key: str, dialect: Dialect, largest_bytes: int) -> None:
        self._key, self._dialect, self._largest = key, dialect, largest_bytes
        self._pattern = re.compile(dialect.footer_pattern) if dialect.footer_pattern is not None else None
        self._held = b""
        self._lines_before: int | None = 0
        self._header_due = dialect.header
        self._in_line = False
        self._footer: RecordCounter | None = None

    @property
    def lines(self) -> int:
        """Return the number of lines of the footer, once everything has been fed."""
        return self._footer.lines + self._footer.unterminated if self._footer else lines_in(self._held)

    def feed(self, text: bytes, *, final: bool) -> bytes:
        """Take the next text; return what is certainly no part of the footer. `final`: the file ends with the text."""
        if self._footer is not None:
            self._footer.feed(text, 0, len(text))
            return b""
        if self._pattern is not None:
            return self._up_to_match(self._held + text, self._pattern, final=final)
        held = self._held + text
        start = footer_start(held, self._dialect.footer_lines)
        self._held = held[start:]
        if len(self._held) > self._largest:
            raise footer_too_long(self._key, self._dialect, self._largest)
        return held[:start]

    def _up_to_match(self, text: bytes, pattern: re.Pattern[str], *, final: bool) -> bytes:
        # The last byte may be the first half of a \r\n.
        end = len(text) if final else max(text.rfind(b"\n"), text.rfind(b"\r", 0, max(len(text) - 1, 0))) + 1
        position = 0
        for line in text[:end].splitlines(keepends=True):
            if self._may_be_footer(line) and pattern.match(line.rstrip(_LINE_ENDS).decode("utf-8", "replace")):
                self._footer, self._held = RecordCounter(None), b""
                self._footer.feed(text, position, len(text))
                return text[:position]
            position += len(line)
        if len(text) - end > self._largest:
            # No record may be so long, which whoever reads it will say.
            self._held, self._in_line = b"", True
            return text
        self._held = text[end:]
        return text[:end]

    def _may_be_footer(self, line: bytes) -> bool:
        if self._in_line:
            self._in_line = False
            return False
        if self._lines_before is not None:
            self._lines_before += 1
            if self._dialect.decoded.is_skipped(line, self._lines_before):
                return False
            self._lines_before = None
        if self._header_due:
            self._header_due = not line.rstrip(_LINE_ENDS)
            return False
        return True
