"""Values of later files that do not fit a column as it was inferred from earlier ones, and the type that takes both.

Two kinds of them are told apart. A number that is longer, has a fraction or a leading zero, and a time behind a date,
are of a wider type: 10 and then 10.5. Anything else among numbers or dates is a stray, as a word in one row is, and no
reason to make a text of a million numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contract import DECIMAL, Column, CsvOptions
from csv_dates import formatted_type
from csv_dialect import BLANKS
from csv_numbers import number_format
from csv_values import value_type
from inference_numbers import LEADING_ZERO, MOST_DECIMALS, PRECISIONS, NumberEvidence, number_reader

# Digits that a type of whole numbers may have, and a double keeps:
# https://en.wikipedia.org/wiki/Double-precision_floating-point_format
_DIGITS = {"int": 10, "bigint": 19}
_DOUBLE_DIGITS = 15


@dataclass
class Counted:
    """Values of one kind: how many there are, the first of them, and the key of the file that it stands in."""

    number: int = 0
    first: str = ""
    key: str = ""

    def add(self, number: int, first: str, key: str) -> None:
        """Take in values behind those that are known."""
        if number and not self.number:
            self.first, self.key = first, key
        self.number += number


@dataclass
class Misfits:
    """The values that do not fit a column, `wider` ones and `strays`; `key` is the file that is looked at."""

    column: Column
    csv: CsvOptions
    key: str
    wider: Counted = field(default_factory=Counted)
    strays: Counted = field(default_factory=Counted)
    numbers: NumberEvidence | None = None

    def observe(self, texts: Any) -> None:
        """Take in an array of texts, one for each row; every one of them fits a string."""
        if self.column.type == "string":
            return
        counted = pc.value_counts(pc.utf8_trim(texts.drop_null(), characters=BLANKS))
        nulls = pa.array(self.csv.nulls_of(self.column), pa.string())
        some = counted.filter(pc.invert(pc.is_in(counted.field("values"), nulls)))
        words, counts = some.field("values"), some.field("counts")
        reader = formatted_type("", self.column, self.csv) or value_type(self.column, self.csv)
        if reader is None or not len(words):
            return
        bad = np.zeros(len(words), np.bool_)
        bad[reader.convert(words).bad_rows] = True
        wide = self._wider_numbers(words, bad) if self.column.is_number else self._wider_moments(words, bad)
        for found, mask in ((self.wider, wide), (self.strays, bad & ~wide)):
            if mask.any():
                first = words[int(np.flatnonzero(mask)[0])].as_py()
                found.add(int(counts.to_numpy()[mask].sum()), first, self.key)

    def _wider_numbers(self, words: Any, bad: Any) -> Any:
        """Return which words are numbers that the type does not hold, leading zeros among them."""
        plain, odd = number_format(self.column, self.csv).plain_texts(words, ())
        no_number = np.zeros(len(words), np.bool_)
        no_number[odd] = True
        no_number[number_reader("double").convert(plain).bad_rows] = True
        # NaN and infinity are words like others here.
        no_number |= ~_matching(plain, "[0-9]")
        # Where measured numbers are read as double a zero more is none that was written on purpose.
        zeros = _matching(plain, LEADING_ZERO) & (self.column.type != "double")
        wide = (bad | zeros) & ~no_number
        if wide.any():
            found = (self.numbers or NumberEvidence()).seen(plain.filter(pa.array(wide)))
            if found is None:
                return np.zeros(len(words), np.bool_)
            self.numbers = found
        return wide

    def _wider_moments(self, words: Any, bad: Any) -> Any:
        """Return which words are times where the type is that of dates."""
        if self.column.type != "date" or self.csv.formats_of(self.column)[1] or not bad.any():
            return np.zeros(len(words), np.bool_)
        wide = bad.copy()
        reader = value_type(Column("x", "timestamp", "x"), CsvOptions(null_values=()))
        if reader is not None:
            wide[reader.convert(words).bad_rows] = False
        return wide

    def merge(self, other: Misfits) -> None:
        """Take in what others have seen of the same column, in files behind these."""
        for found, others in ((self.wider, other.wider), (self.strays, other.strays)):
            found.add(others.number, others.first, others.key)
        if other.numbers is not None:
            self.numbers = other.numbers if self.numbers is None else self.numbers.merged(other.numbers)

    def wider_type(self) -> str:
        """Return the type that takes the column's values and the wider ones, `string` where no other one does."""
        if self.column.type == "date":
            return "timestamp"
        return _joined(self.column.type, self.numbers or NumberEvidence())


def merge_misfits(known: dict[str, Misfits], later: Mapping[str, Misfits]) -> None:
    """Take in what later files have of columns, by their names."""
    for name, misfits in later.items():
        if name in known:
            known[name].merge(misfits)
        else:
            known[name] = misfits


def _matching(texts: Any, pattern: str) -> Any:
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), np.bool_)


def _joined(kind: str, seen: NumberEvidence) -> str:
    if seen.leading_zero is not None or not seen.kinds:
        return "string"
    decimal = DECIMAL.fullmatch(kind)
    precision, scale = (int(decimal[1]), int(decimal[2])) if decimal else (_DIGITS.get(kind, 0), 0)
    if "decimal" not in seen.kinds:
        return "double" if precision <= _DOUBLE_DIGITS else "string"
    if kind == "int" and "integer" in seen.kinds:
        return "bigint"
    digits, decimals = max(precision - scale, seen.whole_digits), max(scale, seen.decimals)
    if not decimals:
        return "string"
    if decimals > MOST_DECIMALS and digits + decimals <= _DOUBLE_DIGITS:
        return "double"
    fitting = (item for item in PRECISIONS if digits + decimals <= item)
    return next((f"decimal({item},{decimals})" for item in fitting), "string")


def widened(column: Column, kind: str) -> Column:
    """Return a column with another type; of a text nothing is said of numbers, dates and spellings of null."""
    if kind != "string":
        return replace(column, type=kind)
    return Column(column.name, "string", column.source, column.required, comment=column.comment)
