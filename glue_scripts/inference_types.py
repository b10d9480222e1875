"""The type of a column, from all of its values: what each part of a file shows, and what the whole of it allows.

A type is possible as long as the engine's own reading accepts every value, so a column of the proposed type has no bad
value. Of the possible types the one is chosen that loses nothing of what the text says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from contract import Column, CsvOptions
from csv_dates import formatted_type
from csv_dialect import BLANKS
from csv_values import value_type

DateOrder = Literal["day", "month"]

# What people and programs write for a missing value.
NULL_WORDS = (
    "", "NA", "N/A", "n/a", "na", "#N/A", "NULL", "Null", "null", "None", "none", "NaN", "nan", "NAN", r"\N", "-", "--",
    ".", "?", "NIL", "nil", "<NA>", "missing", "(null)",
)  # fmt: skip
# More digits behind the point than this are measurements, whose last digits mean nothing: they are read as double.
MOST_DECIMALS = 6
# Precisions that Parquet keeps in 4, 8 and 16 bytes: https://parquet.apache.org/docs/file-format/types/logicaltypes/
_PRECISIONS = (9, 18, 38)
# An int column leaves room for numbers ten times as large as the largest there is.
_LARGEST_INT = 2**31 // 10
_LONGEST_MOMENT = 40
_SHOWN_CHARACTERS = 40

_WHOLE = "^[+-]?[0-9]+$"
_PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"
_LEADING_ZERO = "^[+-]?0[0-9]"
_WITH_SIGN = {"+": "^[+]", "-": "^-"}
# An exponent with a sign or a point before it; 12E45 may be a code.
_EXPONENT_OF_A_CODE = "^[+-]?[0-9]+[eE][0-9]+$"
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:[,.' ][0-9]{3})+(?:[.,][0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_WITH_UNIT = re.compile(r"[$€£¥]\s*[+-]?[0-9][0-9.,]*|[+-]?[0-9][0-9.,]*\s*[%€$£]")

_NUMERIC_DATES = tuple(
    separator.join(order)
    for separator in "/-."
    for order in (
        ("%Y", "%m", "%d"), ("%d", "%m", "%Y"), ("%m", "%d", "%Y"),
        ("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d"),
    )
)  # fmt: skip
_NAMED_DATES = (
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%b %d %Y", "%b %d, %Y", "%b-%d-%Y", "%B %d, %Y",
    "%B %d %Y", "%Y-%b-%d",
)  # fmt: skip
_CLOCKS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "T%H:%M")
DATE_FORMATS = ("%Y%m%d", *_NUMERIC_DATES, *_NAMED_DATES)
TIMESTAMP_FORMATS = (
    *(date + clock for date in (*_NUMERIC_DATES, *_NAMED_DATES) for clock in _CLOCKS),
    "%d/%b/%Y:%H:%M:%S %z",
)
# What a format accepts besides being read by it: eight digits in a row are only taken for a day of this century or the
# last, and short numbers between points or hyphens for a version or a range.
_GUARDS = {"%Y%m%d": "^(?:19|20)[0-9]{6}$"}
_SHORT_YEAR = "^[0-9]{2}[-.][0-9]{2}[-.][0-9]{2}(?:[ T]|$)"

_KINDS = ("boolean", "integer", "decimal", "double", "date", "timestamp")


@dataclass(frozen=True)
class TypeChoice:
    """The type that was chosen for a column, its format if it needs one, and why in a few words."""

    type: str
    format: str | None
    reason: str


@dataclass
class ColumnEvidence:
    """What the values seen so far say about a column; all of it can be merged with what others say.

    `possible` holds the types and `type:format`s that every value fits, None before the first value. `nulls` counts the
    spellings that may mean a missing value, `spoiler` is the first value that ended a column of numbers. Of the types
    in `told`, also with a format, the first that all values fit is taken before any other.
    """

    null_words: tuple[str, ...] = NULL_WORDS
    told: tuple[str, ...] = ()
    values: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    possible: frozenset[str] | None = None
    leading_zero: str | None = None
    plus: str | None = None
    minus: str | None = None
    lowest: int | None = None
    highest: int | None = None
    whole_digits: int = 0
    decimals: int = 0
    spoiler: str | None = None

    def observe(self, texts: Any) -> None:
        """Take in an array of texts, one for each row."""
        counted = pc.value_counts(pc.utf8_trim(texts, characters=BLANKS))
        words, counts = counted.field("values"), counted.field("counts")
        is_null = pc.is_in(words, pa.array(self.null_words, pa.string()))
        for word, count in zip(words.filter(is_null).to_pylist(), counts.filter(is_null).to_pylist(), strict=True):
            self.nulls[word] += count
        rest = words.filter(pc.invert(is_null))
        if not len(rest):
            return
        self.values += pc.sum(counts.filter(pc.invert(is_null))).as_py()
        if self.example is None:
            self.example = rest[0].as_py()
        before = _candidates(rest[0].as_py(), self.told) if self.possible is None else self.possible
        self.possible = frozenset(kind for kind in before if _fits(kind, rest))
        if self.spoiler is None and "double" not in self.possible:
            self.spoiler = (_first_not(rest, "double") if "double" in before else None) or rest[0].as_py()
        if "decimal" in self.possible:
            self._measure(rest)

    def _measure(self, numbers: Any) -> None:
        """Take in the sizes of plain numbers."""
        self.leading_zero = self.leading_zero or _first_matching(numbers, _LEADING_ZERO)
        self.plus = self.plus or _first_matching(numbers, _WITH_SIGN["+"])
        self.minus = self.minus or _first_matching(numbers, _WITH_SIGN["-"])
        parts = pc.extract_regex(numbers, r"^[+-]?0*(?P<whole>[0-9]*)\.?(?P<decimals>[0-9]*)$")
        self.whole_digits = max(self.whole_digits, pc.max(pc.utf8_length(parts.field("whole"))).as_py())
        self.decimals = max(self.decimals, pc.max(pc.utf8_length(parts.field("decimals"))).as_py())
        if "integer" in (self.possible or ()):
            bounds = pc.min_max(_reader("integer").convert(numbers).values)
            self._span(bounds["min"].as_py(), bounds["max"].as_py())

    def _span(self, lowest: int | None, highest: int | None) -> None:
        if lowest is not None and highest is not None:
            self.lowest = lowest if self.lowest is None else min(self.lowest, lowest)
            self.highest = highest if self.highest is None else max(self.highest, highest)

    def merge(self, other: ColumnEvidence) -> None:
        """Take in what others have seen of the same column, in rows behind these."""
        if other.possible is not None:
            self.possible = other.possible if self.possible is None else self.possible & other.possible
        self.values += other.values
        self.nulls.update(other.nulls)
        self._span(other.lowest, other.highest)
        self.whole_digits = max(self.whole_digits, other.whole_digits)
        self.decimals = max(self.decimals, other.decimals)
        for name in ("example", "leading_zero", "plus", "minus", "spoiler"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(other, name))

    def decide(self, dates: DateOrder | None = None) -> TypeChoice:
        """Choose the type."""
        if self.possible is None:
            spelled = ", ".join(repr(word) for word in self.nulls if word)
            return TypeChoice("string", None, f"no value but {spelled}" if spelled else "empty in all rows")
        for told in self.told:
            if told in self.possible:
                return TypeChoice(told.partition(":")[0], None, f"every value fits {told.partition(':')[2]}, as told")
        if "boolean" in self.possible:
            return TypeChoice("boolean", None, "true and false")
        if "date:%Y%m%d" in self.possible:
            return TypeChoice("date", "%Y%m%d", "every value is a day, written %Y%m%d")
        if "decimal" in self.possible:
            return self._number()
        if "double" in self.possible:
            return TypeChoice("double", None, "numbers with exponents")
        return self._moment(dates)

    def _number(self) -> TypeChoice:
        if self.leading_zero is not None:
            return TypeChoice("string", None, f"leading zeros, as in {_shown(self.leading_zero)}, would be lost")
        if self.plus is not None and self.minus is None:
            return TypeChoice("string", None, f"plus signs, as in {_shown(self.plus)}, would be lost")
        if "integer" in (self.possible or ()):
            largest = max(abs(self.lowest or 0), abs(self.highest or 0))
            kind = "int" if largest < _LARGEST_INT else "bigint"
            return TypeChoice(kind, None, f"whole numbers from {self.lowest} to {self.highest}")
        if not self.decimals:
            return TypeChoice("string", None, f"whole numbers of {self.whole_digits} digits, more than bigint has")
        if self.decimals > MOST_DECIMALS and "double" in (self.possible or ()):
            return TypeChoice("double", None, f"up to {self.decimals} digits behind the point: measured or computed")
        for precision in _PRECISIONS:
            if self.whole_digits + 1 + self.decimals <= precision:
                reason = (
                    f"at most {self.decimals} digit{'s' if self.decimals > 1 else ''} behind the point: kept exactly"
                )
                return TypeChoice(f"decimal({precision},{self.decimals})", None, reason)
        return TypeChoice("string", None, "numbers of more digits than any type keeps")

    def _moment(self, dates: DateOrder | None) -> TypeChoice:
        for kind in ("date", "timestamp"):
            if kind in (self.possible or ()):
                return TypeChoice(kind, None, "ISO 8601")
        for kind, formats in (("date", DATE_FORMATS), ("timestamp", TIMESTAMP_FORMATS)):
            found = [text for text in formats if f"{kind}:{text}" in (self.possible or ())]
            meanings = {text.replace("%B", "%b"): text for text in reversed(found)}
            if len(meanings) == 1:
                return TypeChoice(kind, found[0], f"every value fits {found[0]} and no other order")
            if meanings:
                return self._ordered(kind, list(meanings.values())[::-1], dates)
        return TypeChoice("string", None, self._text_reason())

    def _ordered(self, kind: str, formats: Sequence[str], dates: DateOrder | None) -> TypeChoice:
        """Choose between formats that all fit, by what the caller says."""
        told = f"{' or '.join(formats)}"
        for text in formats:
            if dates is not None and _order_of(text) == dates:
                return TypeChoice(kind, text, f"{told}: {dates} first, as told")
        reason = f"ambiguous: all values could be {told}; say whether day or month comes first"
        return TypeChoice("string", None, reason)

    def _text_reason(self) -> str:
        odd = self.spoiler
        if odd is None:
            return "text"
        if _THOUSANDS.fullmatch(odd):
            return f"numbers with thousands separators, as in {_shown(odd)}, stay text"
        if _DECIMAL_COMMA.fullmatch(odd):
            return f"numbers with decimal commas, as in {_shown(odd)}, stay text"
        if _WITH_UNIT.fullmatch(odd):
            return f"numbers with a unit, as in {_shown(odd)}, stay text"
        if odd != self.example:
            return f"not all are numbers: {_shown(odd)}"
        return "text"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")


def _order_of(text: str) -> DateOrder | None:
    """Say whether day or month comes first in a format; None where the year does."""
    if text.startswith(("%y", "%Y")):
        return None
    return "day" if text.startswith("%d") else "month"


# --------------------------------------------------------------------------------------------- what a type accepts
def _candidates(first: str, told: Sequence[str]) -> frozenset[str]:
    """Return what the first value of a column fits: nothing else has to be tried on the others."""
    tried = [*told, *_KINDS]
    if len(first) <= _LONGEST_MOMENT:
        tried += [kind for kind, shape in _shapes().items() if shape.fullmatch(first)]
    return frozenset(kind for kind in tried if _fits(kind, pa.array([first], pa.string())))


@lru_cache(maxsize=1)
def _shapes() -> dict[str, re.Pattern[str]]:
    """Return what texts of each format look like, roughly: to tell in no time what need not be tried."""
    kinds = [f"date:{text}" for text in DATE_FORMATS] + [f"timestamp:{text}" for text in TIMESTAMP_FORMATS]
    codes = {"%Y": "[0-9]{4}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]+", "%p": "[AaPp][Mm]", "%z": r"\S+", "%f": "[0-9]+"}
    return {
        kind: re.compile(
            "".join(
                (codes.get(piece, "[0-9]{1,2}") if piece.startswith("%") else re.escape(piece))
                for piece in re.split("(%.)", kind.partition(":")[2])
            )
        )
        for kind in kinds
    }


def _fits(kind: str, texts: Any) -> bool:
    """Say whether all texts, none of them null or empty, are of a type."""
    if kind == "boolean":
        return bool(pc.all(pc.is_in(pc.ascii_lower(texts), pa.array(["true", "false"]))).as_py())
    pattern = {"integer": _WHOLE, "decimal": _PLAIN}.get(kind)
    if pattern is not None and not _all_match(texts, pattern):
        return False
    if kind == "decimal":
        return True
    if kind == "double" and _first_matching(texts, _EXPONENT_OF_A_CODE) is not None:
        return False
    guard = _guard(kind.partition(":")[2])
    if guard is not None and not _all_match(texts, guard):
        return False
    return not len(_reader(kind).convert(texts).bad_rows)


def _guard(text: str) -> str | None:
    if "%y" in text and text[2:3] in ("-", "."):
        return _SHORT_YEAR if "%b" not in text else None
    return _GUARDS.get(text)


@lru_cache(maxsize=1024)
def _reader(kind: str) -> Any:
    """Return the engine's own reader of a type, for which no spelling is null."""
    name, _, text = kind.partition(":")
    column = Column("x", {"integer": "bigint"}.get(name, name), "x", format=text or None)
    options = CsvOptions(null_values=())
    return formatted_type("x", column, options) or value_type(column, options)


def _all_match(texts: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _first_matching(texts: Any, pattern: str) -> str | None:
    found = texts.filter(pc.match_substring_regex(texts, pattern))
    return found[0].as_py() if len(found) else None


def _first_not(texts: Any, kind: str) -> str | None:
    """Return the first text that is not of a type by its reader; None where another rule refused it."""
    bad = _reader(kind).convert(texts).bad_rows
    return texts[int(bad[0])].as_py() if len(bad) else None
