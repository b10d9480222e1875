"""Dates and timestamps in declared strptime formats, read strictly.

Arrow's strptime rolls 02/30/2020 over into 1 March without a word, and it is slow. Here the digits of values of the
usual width are read as a matrix by numpy, values of other widths by one RE2 pattern, and whatever is left by Python's
own `datetime.strptime`, which is also the definition of what is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contract import Column, CsvOptions
from conversion_errors import UnsupportedOptionError
from csv_dialect import BLANKS
from csv_values import NO_ROWS, TIMESTAMPS, TOO_FINE, Converted, Rows

_DATE_CODES = "YymdbBj"
_TIME_CODES = "HIMSfpz"
# Codes that say the same thing: with two of them a value can contradict itself, and strptime listens to one.
ALTERNATIVES = (("Y", "y"), ("m", "b", "B", "j"), ("d", "j"), ("H", "I"))
# Codes that mean nothing without one of some others: strptime takes 4 PM with %H for 4, and 4 with %I for 4 AM.
NEEDS = (("p", "I"), ("I", "p"), ("M", "HI"), ("S", "M"), ("f", "S"))
# Kinds of what codes read, and what else may look like it, by patterns that are replaced in turn.
_YEAR, _NUMBER, _NAME, _ZONE = "\x01", "\x02", "\x03", "\x04"
_CLASSES = (
    ("%Y", _YEAR),
    ("%[ymdjHIMSf]", _NUMBER),
    ("%[bBp]", _NAME),
    ("%z", _ZONE),
    ("[0-9]", _NUMBER),
    ("[A-Za-z]", _NAME),
    (r"\s+", " "),
)
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_LIMITS = {"Y": (1, 9999), "m": (1, 12), "d": (1, 31), "H": (0, 23), "M": (0, 59), "S": (0, 59)}
_MICROSECONDS_A_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)

Numbers = npt.NDArray[np.int64]
Fields = npt.NDArray[np.int32]


@dataclass(frozen=True)
class _Format:
    """One strptime format; `pieces` are literal texts and one-letter codes in turn."""

    text: str
    pieces: tuple[tuple[str, bool], ...]

    @property
    def is_numeric(self) -> bool:
        """Say whether digits are all that it reads beside literal text."""
        codes = [text for text, is_code in self.pieces if is_code]
        return set(codes) <= set(_WIDTHS) and len(set(codes)) == len(codes)

    @property
    def fast_ways(self) -> tuple[Callable[[Any], tuple[Numbers, npt.NDArray[np.bool_]]], ...]:
        """Return the vectorised ways to read an array of texts, the faster one first."""
        return self._read_fixed_width, self._read_by_pattern

    def moment(self, text: str) -> int | None:
        """Return microseconds since 1970 in UTC of one text; None where it does not have the format."""
        # strptime takes any Unicode digit; files that mean it so are not known, mistakes are.
        if not text.isascii():
            return None
        try:
            moment = datetime.strptime(text, self.text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        except (ValueError, OverflowError):
            return None
        return (moment - _EPOCH) // timedelta(microseconds=1)

    def _read_fixed_width(self, texts: Any) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Read values in which every number has its full width."""
        width = sum(_WIDTHS[text] if is_code else len(text.encode()) for text, is_code in self.pieces)
        offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(
            np.int64
        )
        data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
        good = np.diff(offsets) == width
        starts = offsets[:-1][good]
        if len(starts) and starts[-1] - starts[0] == width * (len(starts) - 1) and len(starts) == len(texts):
            matrix = data[starts[0] : starts[0] + width * len(starts)].reshape(len(starts), width)
        else:
            matrix = data[starts[:, None] + np.arange(width)] if len(starts) else np.empty((0, width), np.uint8)
        fits = np.ones(len(starts), np.bool_)
        fields: dict[str, Fields] = {}
        characters = iter(np.ascontiguousarray(matrix.T))
        for text, is_code in self.pieces:
            if not is_code:
                for byte in text.encode():
                    fits &= next(characters) == byte
                continue
            number = np.zeros(len(starts), np.int32)
            for _ in range(_WIDTHS[text]):
                digit = next(characters) - np.uint8(48)
                fits &= digit <= 9
                number *= 10
                number += digit
            fields[text] = number
        values, exists = _moments(fields, len(starts))
        exists &= fits
        if len(starts) == len(texts):
            return values, exists
        moments = np.zeros(len(texts), np.int64)
        moments[good] = values
        good[good] = exists
        return moments, good

    def _read_by_pattern(self, texts: Any) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Read values whose numbers may lack leading zeros, as strptime lets them."""
        pattern = "".join(
            f"(?P<{text}>[0-9]{{{4 if text == 'Y' else 1},{_WIDTHS[text]}}})" if is_code else re.escape(text)
            for text, is_code in self.pieces
        )
        found = pc.extract_regex(texts, f"^[{BLANKS}]*{pattern}[{BLANKS}]*$")
        good = np.asarray(found.is_valid().to_numpy(zero_copy_only=False)).copy()
        hits = found.drop_null()
        names = [text for text, is_code in self.pieces if is_code]
        fields = {name: pc.cast(hits.field(name), pa.int32()).to_numpy(zero_copy_only=False) for name in names}
        values, exists = _moments(fields, len(hits))
        moments = np.zeros(len(texts), np.int64)
        moments[good] = values
        good[good] = exists
        return moments, good


@dataclass(frozen=True)
class FormattedTimes:
    """A date or timestamp type with formats, of which no two read a text as different moments."""

    name: str
    arrow: Any
    formats: tuple[_Format, ...]
    null_values: tuple[str, ...]

    @property
    def read_as(self) -> tuple[Any, ...]:
        """No type of the CSV reader reads a format strictly, so the column is always read as text."""
        return ()

    def convert(self, texts: Any) -> Converted:
        """Convert an array of strings; the values that no vectorised way understands are judged one by one."""
        moments: Numbers = np.zeros(len(texts), np.int64)
        left: Rows = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False)).astype(np.int64)
        for read in [read for known in self.formats if known.is_numeric for read in known.fast_ways]:
            if len(left):
                rows = left
                values, good = read(texts if len(rows) == len(texts) else texts.take(pa.array(rows)))
                if good.all() and len(rows) == len(texts):
                    moments, left = values, rows[:0]
                    break
                moments[rows[good]] = values[good]
                left = rows[~good]
        nulls = np.asarray(texts.is_null().to_numpy(zero_copy_only=False)).copy()
        bad, reasons = self._judge_each(texts, left, moments, nulls)
        if pa.types.is_date32(self.arrow):
            return Converted(
                pa.array((moments // _MICROSECONDS_A_DAY).astype(np.int32), mask=nulls).cast(self.arrow), bad, reasons
            )
        return Converted(pa.array(moments // self._microseconds, mask=nulls).cast(self.arrow), bad, reasons)

    @property
    def _microseconds(self) -> int:
        """Return how many microseconds the unit of a timestamp has."""
        return 1000 if self.arrow == TIMESTAMPS["ms"] else 1

    def _judge_each(
        self, texts: Any, rows: Rows, moments: Numbers, nulls: npt.NDArray[np.bool_]
    ) -> tuple[Rows, tuple[str, ...]]:
        """Ask strptime about each distinct text of some rows; fill in moments and nulls."""
        if not len(rows):
            return NO_ROWS, ()
        encoded = pc.dictionary_encode(texts.take(pa.array(rows)))
        judged = [self._judge(text) for text in encoded.dictionary.to_pylist()]
        places = encoded.indices.to_numpy()
        values = np.array([value or 0 for value, _ in judged], np.int64)
        empty = np.array([value is None for value, _ in judged], np.bool_)
        is_bad = np.array([problem is not None for _, problem in judged], np.bool_)[places]
        moments[rows] = values[places]
        nulls[rows] = empty[places]
        return rows[is_bad], tuple(str(judged[place][1]) for place in places[is_bad])

    def _judge(self, text: str) -> tuple[int | None, str | None]:
        stripped = text.strip(BLANKS)
        if stripped in self.null_values:
            return None, None
        for known in self.formats:
            if (moment := known.moment(stripped)) is not None:
                too_fine = moment % self._microseconds
                return (None, TOO_FINE["ms"]) if too_fine else (moment, None)
        several = "format" if len(self.formats) == 1 else "any of the formats"
        return None, f"not of type {self.name} in {several} {', '.join(known.text for known in self.formats)}"


def _moments(fields: dict[str, Fields], count: int) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Return microseconds since 1970 of calendar fields, and which of them exist in the calendar."""
    exists = np.ones(count, np.bool_)
    for code, numbers in fields.items():
        lowest, highest = _LIMITS[code]
        exists &= (numbers >= lowest) & (numbers <= highest)
    year, month, day = fields["Y"], fields["m"], fields["d"]
    months = np.where(exists, year * 12 + month - 13, 0)
    first_days = _first_days()
    days = first_days[months]
    exists &= day <= first_days[months + 1] - days
    days += day
    days -= 1
    moments = days.astype(np.int64) * _MICROSECONDS_A_DAY
    if "H" in fields:
        zero = np.zeros(1, np.int32)
        seconds = (fields["H"] * 60 + fields.get("M", zero)) * 60 + fields.get("S", zero)
        moments += seconds.astype(np.int64) * 1_000_000
    return moments, exists


@cache
def _first_days() -> Fields:
    """Return the first day of every month of the years 1 to 9999 and of the month after, as days since 1970."""
    months = np.arange(np.datetime64("0001-01"), np.datetime64("10000-02"))
    return months.astype("datetime64[D]").astype(np.int32)


def formatted_type(dataset: str, column: Column, csv: CsvOptions, timestamp_unit: str = "us") -> FormattedTimes | None:
    """Return the type of a column with formats of its own or the dataset's; None when it has neither."""
    if column.type not in ("date", "timestamp"):
        return None
    setting, texts = csv.formats_of(column)
    if not texts:
        return None
    arrow = pa.date32() if column.type == "date" else TIMESTAMPS[timestamp_unit]
    formats = tuple(_Format(text, _pieces(dataset, setting, text, column.type)) for text in texts)
    for one, other in combinations(texts, 2):
        if clash(one, other):
            raise UnsupportedOptionError(
                f"dataset {dataset}: {setting} are {one!r} and {other!r}, which may read one text as two different "
                "times; allowed are formats that differ in what stands between their codes, or in years of two digits "
                "and of four where that tells them apart"
            )
    return FormattedTimes(column.type, arrow, formats, csv.nulls_of(column))


def clash(one: str, other: str) -> bool:
    """Say whether some text may have both of two formats and mean different times in them.

    Formats that cannot be told apart by what stands between their codes are taken to do so, unless they have the same
    codes and no digits between them. The same rule stands in variables-datasets.tf.
    """
    codes = [re.findall("%[A-Za-z]", text.replace("%%", "").replace("%B", "%b")) for text in (one, other)]
    has_digits = re.search("[0-9]", one + other) is not None
    if one == other or (codes[0] == codes[1] and not has_digits):
        return False
    shapes = [text.replace("%%", "\x7f") for text in (one, other)]
    for pattern, mark in _CLASSES:
        shapes = [re.sub(pattern, mark, shape) for shape in shapes]
    # A year of four digits differs from other numbers, unless a fraction or a digit between the codes may look like it.
    if "%f" in one + other or has_digits:
        shapes = [shape.replace(_YEAR, _NUMBER) for shape in shapes]
    # strptime lets a day begin with a blank: only where blanks stand between all codes do they tell them apart.
    if any(re.search(f"[{_YEAR}{_NUMBER}{_NAME}{_ZONE}]{{2}}", shape) for shape in shapes):
        shapes = [shape.replace(" ", "") for shape in shapes]
    shapes = [re.sub(f"[{_YEAR}{_NUMBER}]{{2,}}", _NUMBER, re.sub(f"{_NAME}+", _NAME, shape)) for shape in shapes]
    if any(_ZONE in shape for shape in shapes):
        offset = f"[+-][{_YEAR}{_NUMBER}](?::[{_YEAR}{_NUMBER}]){{0,2}}(?:[.][{_YEAR}{_NUMBER}])?"
        shapes = [re.sub(offset, _ZONE, shape) for shape in shapes]
    return shapes[0] == shapes[1]


def _pieces(dataset: str, setting: str, text: str, kind: str) -> tuple[tuple[str, bool], ...]:
    allowed = _DATE_CODES + ("" if kind == "date" else _TIME_CODES)
    hint = f"dataset {dataset}: {setting} is {text!r}; allowed are Python's strptime codes %" + ", %".join(allowed)
    pieces: list[tuple[str, bool]] = []
    for found in re.finditer(r"%(.?)|([^%]+)", text, re.DOTALL):
        if found[2] is not None:
            pieces.append((found[2], False))
        elif found[1] == "%":
            pieces.append(("%", False))
        elif found[1] and found[1] in allowed:
            pieces.append((found[1], True))
        else:
            raise UnsupportedOptionError(f"{hint}, %%; it has {found[0]!r}")
    if fault := _contradiction([piece for piece, is_code in pieces if is_code]):
        raise UnsupportedOptionError(f"{hint}, %%; {fault}")
    codes = {piece for piece, is_code in pieces if is_code}
    has_year, has_day = codes & set("Yy"), ("d" in codes and codes & set("mbB")) or "j" in codes
    if not (has_year and has_day):
        raise UnsupportedOptionError(f"{hint}, %%; a year, a month and a day (or %j) are needed")
    try:
        datetime.strptime(datetime(2001, 2, 3, tzinfo=timezone.utc).strftime(text), text)
    except ValueError as error:
        raise UnsupportedOptionError(f"{hint}, %%: {error}") from error
    return tuple(pieces)


def _contradiction(codes: Sequence[str]) -> str | None:
    """Return what a format says twice or only by half, None if it says everything once."""
    for code in codes:
        if codes.count(code) > 1:
            return f"it has %{code} more than once"
    for group in ALTERNATIVES:
        if len(found := [f"%{code}" for code in group if code in codes]) > 1:
            return f"it has {' and '.join(found)}, which say the same thing: one of them is allowed"
    for code, needed in NEEDS:
        if code in codes and not set(needed) & set(codes):
            return f"it has %{code} without %{' or %'.join(needed)}, which it means nothing without"
    return None
