r"""Null spellings that hold the escape character, such as the \N of MySQL and Hive.

A value is null if it is *written* so: `\N` is null and `N` is a text, of which Arrow's reader cannot tell it once
escapes are resolved. So before a text is read such escapes are replaced by bytes that the text does not hold; those are
looked for as nulls, and turned back where they turn out to be part of something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from csv_dialect import BLANKS, Dialect
from csv_grammar import Field
from csv_records import active_escapes

_BLANK_BYTES = BLANKS.encode()


class NullSpellings:
    """Spellings of null, told apart by whether they hold the escape character.

    `quoted`: a text in quotes is null as well; `trim`: blanks are taken off texts.
    """

    def __init__(self, dialect: Dialect, null_values: Iterable[str], *, trim: bool, quoted: bool = False) -> None:
        self._escape, self.trim, self.quoted = (dialect.escape or b"").decode(), trim, quoted
        self._special = b"".join(filter(None, (dialect.delimiter, dialect.quote, dialect.escape, b"\t\r\n")))
        spellings = list(null_values)
        self.escaped = tuple(text for text in spellings if self._escape and self._escape in text)
        self.plain = tuple(text for text in spellings if text not in self.escaped)
        self._written = {text.encode() for text in self.escaped}
        self._resolved = {text.encode() for text in self.plain}

    def is_null_text(self, field: Field) -> bool:
        """Say whether a value of a string column is null: quotes make it a text, unless blanks are taken off it."""
        if (self.quoted or not field.quoted) and (field.raw in self._written or field.text in self._resolved):
            return True
        raw = field.raw.strip(_BLANK_BYTES)
        return self.trim and raw != field.raw and raw in self._written

    def is_written_null(self, field: Field) -> bool:
        """Say whether a value of another type is written as a null spelling with an escape, quoted or not."""
        return bool(self._written) and field.raw.strip(_BLANK_BYTES) in self._written

    def hide(self, text: bytes) -> HiddenEscapes | None:
        """Return the text with the escapes of null spellings hidden; None when no byte is free to stand in for them."""
        if not self.escaped or self._escape.encode() not in text:
            return HiddenEscapes(text, self, "", "")
        free = [byte for byte in range(1, 32) if byte not in self._special and bytes((byte,)) not in text]
        if len(free) < 2:
            return None
        escape, literal = free[:2]
        data = np.frombuffer(text, np.uint8).copy()
        places = active_escapes(data, ord(self._escape))
        places = places[places + 1 < len(data)]
        taken = data[places + 1]
        chosen = places[np.isin(taken, self._taken())]
        data[chosen + 1] = np.where(data[chosen + 1] == ord(self._escape), literal, data[chosen + 1])
        data[chosen] = escape
        return HiddenEscapes(data.tobytes(), self, chr(escape), chr(literal))

    def spelled(self, escape: str, literal: str) -> tuple[str, ...]:
        """Return how the spellings with an escape look where escapes, and those they take literally, are hidden."""
        return tuple(
            text.replace(self._escape * 2, escape + literal).replace(self._escape, escape) for text in self.escaped
        )

    def resolved(self, column: Any, escape: str, literal: str) -> Any:
        """Return a column of texts with the hidden escapes resolved, as all others in it are."""
        return pc.replace_substring(pc.replace_substring(column, escape, ""), literal, self._escape)

    def _taken(self) -> list[int]:
        """Return the bytes that escapes of the spellings take literally."""
        spellings = [np.frombuffer(text.encode(), np.uint8) for text in self.escaped]
        return [int(data[place + 1]) for data in spellings for place in active_escapes(data, ord(self._escape))]


@dataclass(frozen=True)
class HiddenEscapes:
    """A text in which the escapes of null spellings are hidden: `escape` and `literal` stand for them."""

    text: bytes
    nulls: NullSpellings
    escape: str
    literal: str

    @property
    def null_values(self) -> tuple[str, ...]:
        """Return the spellings of null in the text."""
        return self.nulls.plain + (self.nulls.spelled(self.escape, self.literal) if self.escape else ())

    def restore(self, column: Any, *, is_string: bool) -> Any:
        """Return a column of texts with its nulls, and with all escapes resolved.

        None when a value has become a null spelling by that: whether it is null depends on whether it was quoted.
        """
        if not self.escape:
            return column
        if not is_string or self.nulls.trim:
            trimmed = pc.utf8_trim(column, characters=BLANKS)
            is_null = pc.is_in(trimmed, pa.array(self.nulls.spelled(self.escape, self.literal), pa.string()))
            if is_string:
                is_null = pc.and_(is_null, pc.not_equal(trimmed, column))
            column = pc.if_else(pc.fill_null(is_null, False), pa.scalar(None, pa.string()), column)
        touched = pc.match_substring(column, self.escape)
        if not pc.any(touched).as_py():
            return column
        restored = self.nulls.resolved(column, self.escape, self.literal)
        changed = pc.utf8_trim(pc.filter(restored, pc.fill_null(touched, False)), characters=BLANKS)
        if is_string and pc.any(pc.is_in(changed, pa.array(self.nulls.plain, pa.string()))).as_py():
            return None
        return restored
