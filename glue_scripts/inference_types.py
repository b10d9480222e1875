"""The type of a column, from all of its values: what each part of a file shows, and what the whole of it allows.

A type is possible as long as the engine's own reading accepts every value, so a column of the proposed type has no bad
value. Of the possible types the one is chosen that loses nothing of what the text says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from contract import Column, CsvOptions
from csv_dates import formatted_type
from csv_dialect import BLANKS
from csv_numbers import NumberFormat
from csv_values import value_type
from inference_numbers import (
    NumberEvidence,
    choose_number,
    first_unreadable,
    marks_of,
    merge_numbers,
    observe_numbers,
    possible_formats,
    shown,
)

DateOrder = Literal["day", "month"]
# What stands in the place of a format where it may be any of those that a dataset has.
ANY_FORMAT = "*"

# What people and programs write for a missing value.
NULL_WORDS = (
    "", "NA", "N/A", "n/a", "na", "#N/A", "NULL", "Null", "null", "None", "none", "NaN", "nan", "NAN", r"\N", "-", "--",
    ".", "?", "NIL", "nil", "<NA>", "missing", "(null)",
)  # fmt: skip
_LONGEST_MOMENT = 40

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

_KINDS = ("boolean", "date", "timestamp")


# Pairs of words that say true and false, where both occur; single letters and digits are codes or numbers.
WORD_PAIRS = (
    ("true", "false"), ("yes", "no"), ("ja", "nein"), ("oui", "non"), ("sí", "no"), ("si", "no"), ("sim", "não"),
    ("wahr", "falsch"), ("vrai", "faux"), ("on", "off"),
)  # fmt: skip


@dataclass(frozen=True)
class TypeChoice:
    """The type that was chosen for a column, its format if it needs one, and why in a few words.

    `written` is how its numbers are written where not as the dataset says, `words` are those of a boolean.
    """

    type: str
    format: str | None
    reason: str
    written: NumberFormat | None = None
    words: tuple[str, str] | None = None


@dataclass
class ColumnEvidence:
    """What the values seen so far say about a column; all of it can be merged with what others say.

    `possible` holds the types and `type:format`s that every value fits, None before the first value; `numbers` the ways
    to read them as numbers. `nulls` counts the spellings that may mean a missing value, `spoiler` is the first value
    that ended a column of numbers, `ended` says what all values were before, in words, and which one is not. Of the
    types in `told`, also with a format, the first that all values fit is taken before any other; `csv` is what somebody
    has said of the files, None where nobody has.
    """

    null_words: tuple[str, ...] = NULL_WORDS
    told: tuple[str, ...] = ()
    csv: CsvOptions | None = None
    values: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    possible: frozenset[str] | None = None
    numbers: dict[NumberFormat, NumberEvidence] | None = None
    spoiler: str | None = None
    ended: tuple[str, str] | None = None
    truths: frozenset[str] = frozenset()

    def observe(self, texts: Any) -> None:
        """Take in an array of texts, one for each row; null is what the files' own spellings say is null."""
        counted = pc.value_counts(pc.utf8_trim(texts.drop_null(), characters=BLANKS))
        words, counts = counted.field("values"), counted.field("counts")
        is_null = pc.is_in(words, pa.array(self.null_words, pa.string()))
        for word, count in zip(words.filter(is_null).to_pylist(), counts.filter(is_null).to_pylist(), strict=True):
            self.nulls[word] += count
        rest = words.filter(pc.invert(is_null))
        if not len(rest):
            return
        self.values += pc.sum(counts.filter(pc.invert(is_null))).as_py()
        first = rest[0].as_py()
        if self.example is None:
            self.example = first
        if self.possible is None or self.numbers is None:
            self.possible = self._candidates(first)
            self.numbers = dict.fromkeys(possible_formats(first, self.csv), NumberEvidence())
        kinds = self.possible
        self.possible = frozenset(kind for kind in kinds if _fits(kind, rest, self.csv))
        if kinds and not self.possible:
            self.ended = self._end_of(kinds, rest)
        if "boolean" in self.possible:
            self.truths |= frozenset(pc.utf8_lower(rest).to_pylist())
        if self.numbers:
            before, self.numbers = tuple(self.numbers), observe_numbers(self.numbers, rest, told=self._told_marks)
            if not self.numbers:
                self.spoiler = first_unreadable(before, rest)

    def _candidates(self, first: str) -> frozenset[str]:
        """Return what the first value of a column fits: nothing else has to be tried on the others."""
        tried = [*self.told, *_KINDS]
        if len(first) <= _LONGEST_MOMENT:
            tried += [kind for kind, shape in _shapes().items() if shape.fullmatch(first)]
        return frozenset(kind for kind in tried if _fits(kind, pa.array([first], pa.string()), self.csv))

    def _end_of(self, kinds: frozenset[str], texts: Any) -> tuple[str, str]:
        """Return what all values were said to be for longest, in words, and the first value that is not."""
        last = {kind: _first_misfit(kind, texts, self.csv) for kind in sorted(kinds)}
        kind = max(last, key=lambda kind: last[kind])
        name, value = kind.partition(":")[0], str(texts[last[kind]])
        words = "true or false" if name == "boolean" else f"{name}s"
        another = any(other.partition(":")[0] == name for other in self._candidates(value))
        return f"{words} of one format" if another else words, value

    @property
    def _told_marks(self) -> bool:
        """Say whether somebody has said how numbers are written."""
        return self.csv is not None and not marks_of(self.csv).is_plain

    @property
    def regular(self) -> bool:
        """Say whether all values are numbers or moments, as far as there are any."""
        return bool((self.possible or frozenset()) - {"boolean"} or self.numbers)

    def merge(self, other: ColumnEvidence) -> None:
        """Take in what others have seen of the same column, in rows behind these."""
        if other.possible is not None:
            self.possible = other.possible if self.possible is None else self.possible & other.possible
        self.numbers = merge_numbers(self.numbers, other.numbers)
        self.truths |= other.truths
        self.values += other.values
        self.nulls.update(other.nulls)
        for name in ("example", "spoiler", "ended"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(other, name))

    def decide(self, dates: DateOrder | None = None) -> TypeChoice:
        """Choose the type."""
        possible = self.possible
        if possible is None:
            spelled = ", ".join(repr(word) for word in self.nulls if word)
            return TypeChoice("string", None, f"no value but {spelled}" if spelled else "empty in all rows")
        for told in self.told:
            if told in possible:
                kind, _, text = told.partition(":")
                if text == ANY_FORMAT:
                    return TypeChoice(kind, None, "every value fits the formats told")
                return TypeChoice(kind, None, f"every value fits {text}, as told")
        if "boolean" in possible and (boolean := self._boolean()) is not None:
            return boolean
        if "date:%Y%m%d" in possible:
            return TypeChoice("date", "%Y%m%d", "every value is a day, written %Y%m%d")
        number = choose_number(self.numbers or {}, told=self._told_marks)
        if number is not None:
            return TypeChoice(number.type, None, number.reason, number.written)
        return self._moment(dates)

    def _boolean(self) -> TypeChoice | None:
        usual = self.csv or CsvOptions()
        words = {*usual.true_words, *usual.false_words}
        said = usual.true_values is not None or usual.false_values is not None
        if self.truths <= {"true", "false"} & words or (said and self.truths <= words):
            return TypeChoice("boolean", None, " and ".join(sorted(self.truths, reverse=True)))
        for pair in WORD_PAIRS:
            # Who has said how the files are written is not told otherwise.
            if self.truths == set(pair) and (self.csv is None or self.truths <= words):
                return TypeChoice("boolean", None, f"every value is {pair[0]} or {pair[1]}", words=pair)
        return None

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
        if self.spoiler is not None and self.spoiler != self.example:
            return f"not all are numbers: {shown(self.spoiler)}"
        if self.ended is not None:
            return f"not all are {self.ended[0]}: {shown(self.ended[1])}"
        return "text"


def _order_of(text: str) -> DateOrder | None:
    """Say whether day or month comes first in a format; None where the year does."""
    if text.startswith(("%y", "%Y")):
        return None
    return "day" if text.startswith("%d") else "month"


# --------------------------------------------------------------------------------------------- what a type accepts
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


def _fits(kind: str, texts: Any, csv: CsvOptions | None) -> bool:
    """Say whether all texts, none of them null or empty, are of a type."""
    accepted = _accepted(kind, texts, csv)
    if accepted is not None and not pc.all(accepted).as_py():
        return False
    return kind == "boolean" or not len(_reader(kind, csv).convert(texts).bad_rows)


def _accepted(kind: str, texts: Any, csv: CsvOptions | None) -> Any:
    """Return which texts may be of a type before the engine reads them, None where all may."""
    if kind == "boolean":
        return pc.is_in(pc.utf8_lower(texts), pa.array(_truths(csv), pa.string()))
    guard = _guard(kind.partition(":")[2])
    return None if guard is None else pc.match_substring_regex(texts, guard)


def _first_misfit(kind: str, texts: Any, csv: CsvOptions | None) -> int:
    """Return the place of the first text that is not of a type, where there is one."""
    accepted = _accepted(kind, texts, csv)
    rows = [] if accepted is None else [int(pc.index(accepted, False).as_py())]
    if kind != "boolean":
        rows += map(int, _reader(kind, csv).convert(texts).bad_rows)
    return min(row for row in rows if row >= 0)


def _truths(csv: CsvOptions | None) -> tuple[str, ...]:
    """Return all words that may say true or false."""
    words = tuple(word for pair in WORD_PAIRS for word in pair)
    return words if csv is None else (*words, *csv.true_words, *csv.false_words)


def _guard(text: str) -> str | None:
    if "%y" in text and text[2:3] in ("-", "."):
        return _SHORT_YEAR if "%b" not in text else None
    return _GUARDS.get(text)


@lru_cache(maxsize=1024)
def _reader(kind: str, csv: CsvOptions | None) -> Any:
    """Return the engine's own reader of a type, for which no spelling is null."""
    name, _, text = kind.partition(":")
    column = Column("x", name, "x", format=text if text and text != ANY_FORMAT else None)
    plain = CsvOptions(null_values=())
    options = replace(csv, null_values=()) if csv is not None and text == ANY_FORMAT else plain
    return formatted_type("x", column, options) or value_type(column, options)
