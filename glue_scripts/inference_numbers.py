"""Which numbers the values of a column are, and how those are written: all readings that fit every value are kept.

`1,234` is a thousand for some and a little more than one for others. Nothing is decided about a single value: a reading
is given up at the first one that it cannot read, and where two are left at the end nobody can know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from contract import Column, CsvOptions
from csv_numbers import NumberFormat
from csv_values import value_type

# More digits behind the point than this are measurements, whose last digits mean nothing: they are read as double.
MOST_DECIMALS = 6
# Precisions that Parquet keeps in 4, 8 and 16 bytes: https://parquet.apache.org/docs/file-format/types/logicaltypes/
PRECISIONS = (9, 18, 38)
# An int column leaves room for numbers ten times as large as the largest there is.
_LARGEST_INT = 2**31 // 10

_WHOLE = "^[+-]?[0-9]+$"
_PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"
LEADING_ZERO = "^[+-]?0[0-9]"
_WITH_SIGN = {"+": "^[+]", "-": "^-"}
# An exponent with a sign or a point before it; 12E45 may be a code.
_EXPONENT_OF_A_CODE = "^[+-]?[0-9]+[eE][0-9]+$"
_KINDS = ("integer", "decimal", "double")

# How people write numbers. A no-break space or an apostrophe between digits separates thousands; a blank may be one of
# a telephone number, and points alone those of a version, so these need a fraction in some value.
_THOUSANDS = (None, ",", ".", "'", " ", "\u00a0", "\u202f", "\u2019")
_MARKS = tuple((decimal, mark) for mark in _THOUSANDS for decimal in (".", ",") if mark != decimal)
_DOUBTFUL_ALONE = (" ", ".")
_UNITS = ("$", "€", "£", "¥", "%", "EUR", "USD", "GBP", "CHF", "JPY")
_UNIT_BEFORE = re.compile(rf"[+-]?({'|'.join(map(re.escape, _UNITS))})[ \u00a0]*[+-]?[0-9]")
_UNIT_BEHIND = re.compile(rf"[0-9][ \u00a0]*({'|'.join(map(re.escape, _UNITS))})")


@dataclass(frozen=True)
class NumberEvidence:
    """What the values seen are, read in one way: which kinds of numbers, how long and between which bounds.

    `grouped` is the first value with separated thousands, `fraction` the first one with a decimal mark.
    """

    kinds: frozenset[str] = frozenset(_KINDS)
    leading_zero: str | None = None
    plus: str | None = None
    minus: str | None = None
    lowest: int | None = None
    highest: int | None = None
    whole_digits: int = 0
    decimals: int = 0
    grouped: str | None = None
    fraction: str | None = None

    def seen(self, plain: Any) -> NumberEvidence | None:
        """Take in numbers as programs write them; None when they are none, or more is to be lost than is gained."""
        kinds = frozenset(kind for kind in self.kinds if _is_of_kind(kind, plain))
        if not kinds:
            return None
        found = replace(self, kinds=kinds)
        return found._measured(plain) if "decimal" in kinds else found

    def _measured(self, numbers: Any) -> NumberEvidence:
        parts = pc.extract_regex(numbers, r"^[+-]?0*(?P<whole>[0-9]*)\.?(?P<decimals>[0-9]*)$")
        measured = NumberEvidence(
            kinds=self.kinds,
            leading_zero=first_matching(numbers, LEADING_ZERO),
            plus=first_matching(numbers, _WITH_SIGN["+"]),
            minus=first_matching(numbers, _WITH_SIGN["-"]),
            whole_digits=pc.max(pc.utf8_length(parts.field("whole"))).as_py(),
            decimals=pc.max(pc.utf8_length(parts.field("decimals"))).as_py(),
        )
        if "integer" in self.kinds:
            bounds = pc.min_max(number_reader("integer").convert(numbers).values)
            measured = replace(measured, lowest=bounds["min"].as_py(), highest=bounds["max"].as_py())
        return self.merged(measured)

    def merged(self, other: NumberEvidence) -> NumberEvidence:
        """Return what both have seen, the other one in later rows."""
        lows = [item for item in (self.lowest, other.lowest) if item is not None]
        highs = [item for item in (self.highest, other.highest) if item is not None]
        return NumberEvidence(
            kinds=self.kinds & other.kinds,
            leading_zero=self.leading_zero or other.leading_zero,
            plus=self.plus or other.plus,
            minus=self.minus or other.minus,
            lowest=min(lows, default=None),
            highest=max(highs, default=None),
            whole_digits=max(self.whole_digits, other.whole_digits),
            decimals=max(self.decimals, other.decimals),
            grouped=self.grouped or other.grouped,
            fraction=self.fraction or other.fraction,
        )

    def type_and_reason(self) -> tuple[str, str]:
        """Choose the type that loses nothing, a string where none does."""
        if "decimal" not in self.kinds:
            return "double", "numbers with exponents"
        if self.leading_zero is not None:
            return "string", f"leading zeros, as in {shown(self.leading_zero)}, would be lost"
        if self.plus is not None and self.minus is None:
            return "string", f"plus signs, as in {shown(self.plus)}, would be lost"
        if "integer" in self.kinds:
            largest = max(abs(self.lowest or 0), abs(self.highest or 0))
            return "int" if largest < _LARGEST_INT else "bigint", f"whole numbers from {self.lowest} to {self.highest}"
        if not self.decimals:
            return "string", f"whole numbers of {self.whole_digits} digits, more than bigint has"
        if self.decimals > MOST_DECIMALS and "double" in self.kinds:
            return "double", f"up to {self.decimals} digits behind the point: measured or computed"
        for precision in PRECISIONS:
            if self.whole_digits + 1 + self.decimals <= precision:
                digits = f"digit{'s' if self.decimals > 1 else ''}"
                return (
                    f"decimal({precision},{self.decimals})",
                    f"at most {self.decimals} {digits} behind the point: kept exactly",
                )
        return "string", "numbers of more digits than any type keeps"


# All readings that are left, None before the first value.
Readings = Mapping[NumberFormat, NumberEvidence]


def marks_of(csv: CsvOptions) -> NumberFormat:
    """Return how a dataset says that its numbers are written."""
    return NumberFormat(csv.decimal, csv.thousands, csv.strip)


def possible_formats(first: str, csv: CsvOptions | None) -> tuple[NumberFormat, ...]:
    """Return how a column that begins with a value may write its numbers.

    Where `csv` says it, that is the only way; a mark that means something else in the files is none of a number.
    """
    if csv is not None and not marks_of(csv).is_plain:
        return (marks_of(csv),)
    taken = () if csv is None else tuple(filter(None, (csv.quote, csv.escape)))
    unit = _UNIT_BEFORE.search(first) or _UNIT_BEHIND.search(first)
    strip = (unit[1],) if unit else ()
    return tuple(
        NumberFormat(decimal, thousands, strip)
        for decimal, thousands in _MARKS
        if decimal not in taken and thousands not in taken
    )


def observe_numbers(readings: Readings, words: Any, *, told: bool) -> dict[NumberFormat, NumberEvidence]:
    """Return the readings that are left after further values, none of them null.

    Readings between which the values make no difference are evaluated together. Unless it is `told`, what is taken off
    numbers has to stand at each of them: whether 5 among $6 is one of dollars nobody knows.
    """
    left: dict[NumberFormat, NumberEvidence] = {}
    strip = next(iter(readings)).strip
    if strip:
        if not told and not pc.all(pc.match_substring(words, strip[0])).as_py():
            return left
        words = NumberFormat(strip=strip).bare(words)
    marks = {mark for written in readings for mark in (written.decimal, written.thousands, ".") if mark is not None}
    there = {mark for mark in marks if pc.any(pc.match_substring(words, mark)).as_py()}
    done: dict[tuple[NumberFormat, NumberEvidence], NumberEvidence | None] = {}
    for written, evidence in readings.items():
        effective = NumberFormat(
            written.decimal if {written.decimal, "."} & there else ".",
            written.thousands if written.thousands in there else None,
        )
        key = (effective, evidence)
        if key not in done:
            done[key] = _read(effective, evidence, words)
        found = done[key]
        if found is not None:
            left[written] = found
    return left


def _read(written: NumberFormat, evidence: NumberEvidence, words: Any) -> NumberEvidence | None:
    plain, odd = written.plain_texts(words, ())
    found = None if len(odd) else evidence.seen(plain)
    if found is None or written.is_plain:
        return found
    return replace(
        found,
        grouped=found.grouped or _first_with(words, written.thousands),
        fraction=found.fraction or _first_with(words, written.decimal),
    )


def merge_numbers(before: Readings | None, later: Readings | None) -> dict[NumberFormat, NumberEvidence] | None:
    """Return the readings that are left of both; None where neither has seen a value."""
    if before is None or later is None:
        known = later if before is None else before
        return None if known is None else dict(known)
    merged = {written: before[written].merged(later[written]) for written in before if written in later}
    return {written: evidence for written, evidence in merged.items() if evidence.kinds}


@dataclass(frozen=True)
class NumberChoice:
    """The type that was chosen for numbers, how they are written, and why; the format is None where none is right."""

    type: str
    written: NumberFormat | None
    reason: str


def choose_number(readings: Readings, *, told: bool) -> NumberChoice | None:
    """Choose between the readings that are left; None when there are none. `told`: somebody has said how to read."""
    for written, evidence in readings.items():
        if told or written.is_plain:
            kind, reason = evidence.type_and_reason()
            return NumberChoice(kind, None, reason)
    # Of marks that never occur nothing is said; where no fraction does, its mark is the point, if it can be.
    needed = {
        written: evidence
        for written, evidence in readings.items()
        if (written.thousands is None or evidence.grouped)
        and (written.decimal == "." or evidence.fraction or written.thousands == ".")
    }
    if not needed:
        return None
    written, evidence = next(iter(needed.items()))
    if len(needed) > 1:
        example = next(filter(None, (item.grouped or item.fraction for item in needed.values())), "")
        meanings = " or ".join(str(other.plain_text(example)) for other in needed)
        reason = f"ambiguous: {shown(example)} could be {meanings}; say what decimal and thousands are"
        return NumberChoice("string", None, reason)
    if written.thousands in _DOUBTFUL_ALONE and not evidence.fraction:
        reason = f"ambiguous: {shown(evidence.grouped or '')} could be a number, or a code; say what thousands is"
        return NumberChoice("string", None, reason)
    kind, reason = evidence.type_and_reason()
    return NumberChoice(kind, None if kind == "string" else written, f"{_described(written, evidence)}: {reason}")


def with_points_for_thousands(readings: Readings) -> str | None:
    """Return the first of the values whose points may as well stand between thousands, before a decimal comma."""
    evidence = readings.get(NumberFormat(",", "."))
    return evidence.grouped if evidence is not None else None


def _described(written: NumberFormat, evidence: NumberEvidence) -> str:
    said = [f"in {unit}, which is taken off" for unit in written.strip]
    if written.decimal != ".":
        said.append(f"with decimal {written.decimal!r}, as in {shown(evidence.fraction or evidence.grouped or '')}")
    if written.thousands is not None:
        said.append(f"with thousands {written.thousands!r}, as in {shown(evidence.grouped or '')}")
    return f"numbers {' and '.join(said)}"


def _is_of_kind(kind: str, texts: Any) -> bool:
    pattern = {"integer": _WHOLE, "decimal": _PLAIN}.get(kind)
    if pattern is not None and not pc.all(pc.match_substring_regex(texts, pattern)).as_py():
        return False
    if kind == "decimal":
        return True
    if kind == "double" and first_matching(texts, _EXPONENT_OF_A_CODE) is not None:
        return False
    return not len(number_reader(kind).convert(texts).bad_rows)


@lru_cache(maxsize=8)
def number_reader(kind: str) -> Any:
    """Return the engine's own reader of plain numbers, for which no spelling is null."""
    return value_type(Column("x", {"integer": "bigint"}.get(kind, kind), "x"), CsvOptions(null_values=()))


def first_matching(texts: Any, pattern: str) -> str | None:
    """Return the first text in which a pattern is found."""
    found = texts.filter(pc.match_substring_regex(texts, pattern))
    return found[0].as_py() if len(found) else None


def _first_with(texts: Any, mark: str | None) -> str | None:
    found = texts.filter(pc.match_substring(texts, mark)) if mark is not None else pa.array([], pa.string())
    return found[0].as_py() if len(found) else None


def first_unreadable(readings: Sequence[NumberFormat], words: Any) -> str | None:
    """Return the first value that is no number in the first of some readings; None where there are none."""
    for written in readings[:1]:
        plain, odd = written.plain_texts(words, ())
        bad = number_reader("double").convert(plain).bad_rows
        rows = [*map(int, odd[:1]), *map(int, bad[:1])]
        return str(words[min(rows, default=0)])
    return None


_SHOWN_CHARACTERS = 40


def shown(text: str) -> str:
    """Return a value for a sentence, cut where it is long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
