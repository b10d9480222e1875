"""Rows of a query as a person or a program reads them: aligned, CSV or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

Style = Literal["aligned", "csv", "json"]
Rows = Sequence[Mapping[str, str | None]]

# A cell of more characters is cut in aligned output, where one long value would push all others off the screen.
LONGEST_CELL = 60
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# What breaks a line, or makes a terminal obey a value.
_CONTROLS = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{ord(mark): escape for mark, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029)},
}


def formatted(rows: Rows, style: Style) -> str:
    """Return rows in a style, without a line end behind the last line; nothing at all of no rows, but for JSON."""
    if style == "json":
        return json.dumps(list(rows), indent=2)
    if not rows:
        return ""
    return aligned(rows) if style == "aligned" else as_csv(rows)


def aligned(rows: Rows) -> str:
    """Return rows under their names, numbers to the right, null as NULL."""
    names = list(rows[0])
    titles, cells = [printable(name) for name in names], [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(len(line[place]) for line in (titles, *cells)) for place in range(len(names))]
    right = [all(row[name] is None or _NUMBER.fullmatch(row[name] or "") for row in rows) for name in names]
    lines = [titles, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    """Return a text in one line, control characters as escapes."""
    return text.translate(_CONTROLS)


def _cell(value: str | None) -> str:
    text = "NULL" if value is None else printable(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def as_csv(rows: Rows) -> str:
    """Return rows as CSV with a header; null is empty, and an empty text is quoted."""
    lines: list[list[str | None]] = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(",".join(map(_csv_cell, line)) for line in lines)


def _csv_cell(value: str | None) -> str:
    if value is None:
        return ""
    needs_quotes = not value or any(character in value for character in '",\r\n')
    return '"' + value.replace('"', '""') + '"' if needs_quotes else value
