"""Numbers as people write them, with decimal commas, separated thousands and units: turned into plain ones, or refused.

As in DuckDB's `decimal_separator` and `thousands` and in pandas' `decimal` and `thousands`, but for what is no number:
groups must be whole. `1.234.567,89` is a number, `12.34,5` and `1.23` with a point for thousands are mistakes, which a
reader that just drops the points would turn into 1234.5 and 123.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contract import Column, CsvOptions
from csv_dialect import BLANKS


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written: what stands before the fraction, and between thousands; what is taken off (`strip`).

    That may stand before and behind a number and between it and its sign, as often as it likes.
    """

    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Say whether numbers are written as programs write them."""
        return self == PLAIN

    def described(self, kind: str) -> str:
        """Return what a value should be, for messages."""
        marks = [f"decimal {self.decimal!r}"] if self.decimal != "." else []
        marks += [f"thousands {self.thousands!r}"] if self.thousands else []
        return f"{kind} with {' and '.join(marks)}" if marks else kind

    def plain_text(self, text: str) -> str | None:
        """Return a number without blanks around it as programs write it; None where it cannot be one."""
        if self.strip:
            text = str(self.bare(pa.array([text]))[0])
        if self.thousands is not None and self.thousands in text:
            if not re.fullmatch(self._grouped, text):
                return None
            text = text.replace(self.thousands, "")
        if self.decimal != ".":
            if "." in text:
                return None
            text = text.replace(self.decimal, ".")
        return text

    def plain_texts(self, texts: Any, nulls: Sequence[str]) -> tuple[Any, npt.NDArray[np.int64]]:
        """Return an array of texts as programs write them, and the rows of which that cannot be said."""
        plain = pc.utf8_trim(texts, characters=BLANKS)
        # Null is what is written so, before anything is taken off.
        odd = _true(pc.is_in(plain, pa.array(nulls, pa.string())))
        if self.strip:
            plain = self.bare(plain)
        if self.thousands is not None:
            grouped = _true(pc.match_substring(plain, self.thousands))
            if grouped.any():
                odd |= grouped & ~_true(pc.match_substring_regex(plain, f"^(?:{self._grouped})$"))
                plain = pc.replace_substring(plain, self.thousands, "")
        if self.decimal != ".":
            odd |= _true(pc.match_substring(plain, "."))
            plain = pc.replace_substring(plain, self.decimal, ".")
        return plain, np.flatnonzero(odd).astype(np.int64)

    def bare(self, texts: Any) -> Any:
        """Return texts without blanks around them as numbers without what is to be taken off."""
        if all(len(text) == 1 for text in self.strip):
            texts = pc.utf8_trim(texts, characters=BLANKS + "".join(self.strip))
        else:
            for pattern in (f"^(?:[{BLANKS}]|{self._stripped})+", f"(?:[{BLANKS}]|{self._stripped})+$"):
                texts = pc.replace_substring_regex(texts, pattern, "")
        behind_sign = f"^([+-])(?:{self._stripped})(?:[{BLANKS}]|{self._stripped})*"
        return pc.replace_substring_regex(texts, behind_sign, r"\1")

    @functools.cached_property
    def _stripped(self) -> str:
        """What is to be taken off, the longest first."""
        return "|".join(re.escape(text) for text in sorted(self.strip, key=len, reverse=True))

    @functools.cached_property
    def _grouped(self) -> str:
        """A number with separated thousands, for Python's expressions and for Arrow's."""
        return rf"[+-]?[0-9]{{1,3}}(?:{re.escape(self.thousands or '')}[0-9]{{3}})+(?:{re.escape(self.decimal)}[0-9]*)?"


PLAIN = NumberFormat()


def _true(mask: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False), np.bool_)


def number_format(column: Column, csv: CsvOptions) -> NumberFormat:
    """Return how the numbers of a column are written."""
    return NumberFormat(csv.decimal_of(column), csv.thousands_of(column), csv.strip_of(column))
