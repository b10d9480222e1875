"""The column types: how Arrow reads them at full speed, and how exactly each single value is judged.

Every type has one exact definition, `normalise`, in plain Python. It is asked only about the few values that do not
look regular; for the regular ones Arrow's vectorised casts give the same answer, which the property tests check.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contract import Column, CsvOptions
from csv_dialect import BLANKS
from csv_numbers import PLAIN, NumberFormat, number_format
from errors import TerminalError

Rows = npt.NDArray[np.int64]
NO_ROWS: Rows = np.empty(0, np.int64)

# What timestamps are stored as, by `timestamp_unit`; they are read to the microsecond either way.
TIMESTAMPS = {unit: pa.timestamp(unit, tz="UTC") for unit in ("us", "ms")}
TOO_FINE = {
    unit: f"more digits after the point than {name} have"
    for unit, name in (("us", "microseconds"), ("ms", "milliseconds"))
}
_TIMESTAMP_READ = TIMESTAMPS["us"]
_NAIVE = pa.timestamp("us")
_DIGITS = b"0123456789"


class BadValueError(TerminalError, ValueError):
    """A value is not of its column's type; the message is the reason shown in the quarantine."""


@dataclass(frozen=True)
class Converted:
    """A column's values, null where the text is bad; the rows that are bad, ascending, and why."""

    values: Any
    bad_rows: Rows
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ValueType:
    """One type.

    `read_as`: the Arrow types to let the CSV reader try, in order, before the column is read as text.
    `alphabet`: the bytes that regular values consist of; `longest`: how many at most.
    `regular`: an RE2 pattern of values certain to be cast.
    `doubtful`: finds rows of an array, or of a chunked one, whose cast value cannot be trusted (infinity, year 0).
    """

    name: str
    arrow: Any
    read_as: tuple[Any, ...]
    alphabet: bytes
    regular: str
    normalise: Callable[[str], str]
    doubtful: Callable[[Any], Rows] | None = None
    longest: int = 1 << 31
    null_values: tuple[str, ...] = ()
    numbers: NumberFormat = PLAIN

    @property
    def has_fractions(self) -> bool:
        """Say whether it matters what stands before a fraction."""
        return bool(pa.types.is_floating(self.arrow) or pa.types.is_decimal(self.arrow))

    def convert(self, texts: Any) -> Converted:
        """Convert an array of strings, vectorised but for the values that are not regular."""
        plain, unclear = texts, NO_ROWS
        if not self.numbers.is_plain:
            plain, unclear = self.numbers.plain_texts(texts, self.null_values)
        odd = _with(unclear, _rows_standing_out(plain, self.alphabet, self.longest))
        matched = False
        while True:
            patched, bad, reasons = self._resolve(texts, plain, odd)
            try:
                values = self.cast(patched)
            except pa.ArrowInvalid:
                if matched:
                    raise
                # The characters are right and their order is not: sort them out by the pattern.
                odd, matched = _with(unclear, _rows_not_matching(plain, self.regular)), True
                continue
            doubtful = np.setdiff1d(self.doubtful(values), odd) if self.doubtful else NO_ROWS
            if not len(doubtful):
                # Where it was cast to something wider all values fit now.
                return Converted(values.cast(self.arrow), bad, reasons)
            odd = np.union1d(odd, doubtful)

    def cast(self, texts: Any) -> Any:
        """Cast regular strings to the type, or to a wider one; ArrowInvalid when one is not regular."""
        return pc.cast(texts, self.arrow)

    def _resolve(self, texts: Any, plain: Any, odd: Rows) -> tuple[Any, Rows, tuple[str, ...]]:
        """Replace the odd ones of the plain texts by regular ones, or by null where the texts are null or bad."""
        if not len(odd):
            return plain, NO_ROWS, ()
        encoded = pc.dictionary_encode(texts.take(pa.array(odd)))
        replacements: list[str | None] = []
        problems: list[str | None] = []
        for text in encoded.dictionary.to_pylist():
            replacement, problem = self._judge(text)
            replacements.append(replacement)
            problems.append(problem)
        codes = encoded.indices
        mask = np.zeros(len(texts), np.bool_)
        mask[odd] = True
        patched = pc.replace_with_mask(plain, pa.array(mask), pa.array(replacements, pa.string()).take(codes))
        places = codes.to_numpy()
        is_bad = np.array([problem is not None for problem in problems], np.bool_)[places]
        return patched, odd[is_bad], tuple(str(problems[place]) for place in places[is_bad])

    def _judge(self, text: str) -> tuple[str | None, str | None]:
        stripped = text.strip(BLANKS)
        if stripped in self.null_values:
            return None, None
        plain, problem = self.numbers.plain_text(stripped), f"not of type {self.name}"
        try:
            if plain is not None:
                return self.normalise(plain), None
        except BadValueError as error:
            problem = str(error)
        return None, problem.replace(f"not of type {self.name}", f"not of type {self.numbers.described(self.name)}")


class _WideDecimalType(ValueType):
    """Decimals of which bad values may have more than 38 digits once they are scaled, which Arrow wraps round."""

    def cast(self, texts: Any) -> Any:
        return pc.cast(texts, pa.decimal256(76, self.arrow.scale))


class _TimestampType(ValueType):
    """ISO timestamps, with a zone offset in all values or in none; mixtures are resolved one by one."""

    def cast(self, texts: Any) -> Any:
        try:
            return pc.cast(pc.cast(texts, _NAIVE), _TIMESTAMP_READ)
        except pa.ArrowInvalid:
            return pc.cast(texts, _TIMESTAMP_READ)


def value_type(column: Column, csv: CsvOptions, timestamp_unit: str = "us") -> ValueType | None:
    """Return the type of a column, or None for a string, which every text is."""
    kind = column.type
    if kind == "string":
        return None
    if kind == "boolean":
        found = _boolean_type(csv)
    elif kind.startswith("decimal"):
        found = _decimal_type(kind)
    elif kind == "timestamp":
        found = _timestamp_type(timestamp_unit)
    else:
        found = _SIMPLE[kind]
    numbers = number_format(column, csv) if column.is_number else PLAIN
    return replace(found, null_values=csv.nulls_of(column), numbers=numbers)


# ------------------------------------------------------------------------------------------------ rows that stand out
def _rows_standing_out(texts: Any, alphabet: bytes, longest: int) -> Rows:
    """Return the rows with a byte outside the alphabet, the empty and the too long ones."""
    offsets = _offsets(texts)
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    foreign = np.ones(256, np.bool_)
    foreign[list(alphabet)] = False
    positions = np.flatnonzero(foreign[data])
    rows = np.unique(np.searchsorted(offsets, positions + offsets[0], side="right") - 1)
    lengths = np.diff(offsets)
    empty = np.flatnonzero((lengths == 0) | (lengths > longest))
    if len(empty) and texts.null_count:
        empty = empty[texts.is_valid().to_numpy(zero_copy_only=False)[empty]]
    return np.union1d(rows, empty).astype(np.int64) if len(empty) else rows.astype(np.int64)


def _with(rows: Rows, others: Rows) -> Rows:
    return np.union1d(rows, others) if len(rows) else others


def _offsets(texts: Any) -> Rows:
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    buffer = texts.buffers()[1]
    if buffer is None or not len(texts):
        return np.zeros(1, np.int64)
    return np.frombuffer(buffer, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)


def _rows_not_matching(texts: Any, pattern: str) -> Rows:
    matches = pc.fill_null(pc.match_substring_regex(texts, f"^(?:{pattern})$"), True)
    return _true_rows(pc.invert(matches))


def _true_rows(mask: Any) -> Rows:
    return np.flatnonzero(np.asarray(mask)).astype(np.int64)


# ---------------------------------------------------------------------------------------------------- the exact types
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"([+-]?)(nan|inf|infinity)", re.IGNORECASE)
_TIMESTAMP = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T](?P<hour>[0-9]{2})(?::?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?"
    r"(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_LAST_DAYS = (
    r"(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-"
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"


def _normalise_integer(kind: str, bits: int) -> Callable[[str], str]:
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def normalise(text: str) -> str:
        if not _INTEGER.fullmatch(text):
            raise BadValueError(f"not of type {kind}")
        digits = text.lstrip("+-").lstrip("0") or "0"
        # int() refuses more than 4300 digits; nothing that long fits anyway.
        number = int(digits) if len(digits) < 30 else 1 << 100
        number = -number if text.startswith("-") else number
        if not lowest <= number <= highest:
            raise BadValueError(f"out of the range of type {kind}")
        return str(number)

    return normalise


def _normalise_float(kind: str, width: type[np.floating[Any]]) -> Callable[[str], str]:
    def normalise(text: str) -> str:
        if special := _NOT_FINITE.fullmatch(text):
            return special[1].replace("+", "") + ("nan" if special[2].lower() == "nan" else "inf")
        if not _NUMBER.fullmatch(text):
            raise BadValueError(f"not of type {kind}")
        with np.errstate(over="ignore"):
            overflows = bool(np.isinf(width(float(text))))
        if overflows:
            raise BadValueError(f"out of the range of type {kind}")
        return text.removeprefix("+")

    return normalise


def _normalise_decimal(kind: str, precision: int, scale: int) -> Callable[[str], str]:
    def normalise(text: str) -> str:
        if not _NUMBER.fullmatch(text):
            raise BadValueError(f"not of type {kind}")
        with localcontext() as context:
            context.prec = max(len(text), 100)
            try:
                number = Decimal(text)
                scaled = number.quantize(Decimal(1).scaleb(-scale)) if abs(number.adjusted()) < 80 else number
            except InvalidOperation as error:
                raise BadValueError(f"out of the range of type {kind}") from error
            if number == 0:
                return "0"
            if scaled != number or number.adjusted() <= -80:
                raise BadValueError(f"more digits after the point than type {kind} has")
            if number.adjusted() >= precision - scale:
                raise BadValueError(f"out of the range of type {kind}")
            return f"{scaled:f}"

    return normalise


def usual_cases(words: Sequence[str]) -> list[str]:
    """Return the cases that words are mostly written in: Arrow's reader takes them, others go through `normalise`."""
    cases = {case for word in words for case in (word, word.upper(), word.capitalize()) if case.lower() == word}
    return sorted(cases)


def _normalise_boolean(true_words: Sequence[str], false_words: Sequence[str]) -> Callable[[str], str]:
    def normalise(text: str) -> str:
        word = text.lower()
        if word in true_words:
            return "true"
        if word in false_words:
            return "false"
        raise BadValueError("not of type boolean")

    return normalise


def _normalise_date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise BadValueError("not of type date (expected YYYY-MM-DD)")
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError as error:
        raise BadValueError(f"no such date: {error}") from error


def _normalise_timestamp(unit: str) -> Callable[[str], str]:
    digits = {"us": 6, "ms": 3}[unit]

    def normalise(text: str) -> str:
        match = _TIMESTAMP.fullmatch(text)
        if not match:
            raise BadValueError("not of type timestamp (expected YYYY-MM-DD hh:mm:ss)")
        fraction = (match["fraction"] or "").rstrip("0")
        if len(fraction) > digits:
            raise BadValueError(TOO_FINE[unit])
        try:
            moment = datetime.fromisoformat(match["date"]).replace(
                hour=int(match["hour"] or 0),
                minute=int(match["minute"] or 0),
                second=int(match["second"] or 0),
                microsecond=int(fraction.ljust(6, "0")),
            )
            return _iso_utc(moment, match["zone"])
        except (ValueError, OverflowError) as error:
            raise BadValueError(f"no such time: {error}") from error

    return normalise


def _iso_utc(moment: datetime, zone: str | None) -> str:
    """Return a naive moment as regular text in UTC; a missing zone means UTC."""
    if zone not in (None, "Z"):
        digits = zone[1:].replace(":", "").ljust(4, "0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            raise ValueError("zone offset out of range")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment = moment + offset if zone.startswith("-") else moment - offset
    return moment.isoformat(" ", "microseconds")


# --------------------------------------------------------------------------------------------- doubts about cast values
def _not_finite(values: Any) -> Rows:
    # What is not finite makes the sum so. The other way round that need not be: finite numbers, too, overflow.
    total = pc.sum(values).as_py()
    if total is None or math.isfinite(total):
        return NO_ROWS
    return _true_rows(pc.fill_null(pc.invert(pc.is_finite(values)), False))


def _outside_years(values: Any) -> Rows:
    """Return the rows outside the years 1 to 9999, the range that Spark, Athena and Python share."""
    unit = pa.int32() if pa.types.is_date32(values.type) else pa.int64()
    numbers = pc.cast(values, unit)
    day = 1 if unit == pa.int32() else 86_400_000_000
    lowest, highest = -719_162 * day, 2_932_897 * day - 1
    bounds = pc.min_max(numbers)
    if bounds["min"].as_py() is None or (bounds["min"].as_py() >= lowest and bounds["max"].as_py() <= highest):
        return NO_ROWS
    outside = pc.or_(pc.less(numbers, lowest), pc.greater(numbers, highest))
    return _true_rows(pc.fill_null(outside, False))


def _outside_years_or_too_fine(values: Any) -> Rows:
    """Return the rows outside the years, and those that milliseconds cannot hold."""
    microseconds = np.asarray(pc.fill_null(pc.cast(values, pa.int64()), 0))
    return np.union1d(_outside_years(values), np.flatnonzero(microseconds % 1000)).astype(np.int64)


def _beyond_precision(precision: int, scale: int) -> Callable[[Any], Rows]:
    """Find decimals with more digits than the type: Arrow checks the digits it reads, not those that scaling adds."""
    largest = Decimal(10**precision - 1).scaleb(-scale, Context(prec=38))

    def find(values: Any) -> Rows:
        bounds = pc.min_max(values)
        if (
            bounds["min"].as_py() is None
            or max(bounds["min"].as_py().copy_abs(), bounds["max"].as_py().copy_abs()) <= largest
        ):
            return NO_ROWS
        limit = pa.scalar(largest, values.type)
        outside = pc.or_(pc.greater(values, limit), pc.less(values, pc.negate(limit)))
        return _true_rows(pc.fill_null(outside, False))

    return find


# ------------------------------------------------------------------------------------------------------- the catalogue
def _integer_type(kind: str, bits: int, arrow: Any) -> ValueType:
    regular = "-?[0-9]{1,9}" if bits == 32 else "-?[0-9]{1,18}"
    return ValueType(kind, arrow, (arrow,), _DIGITS + b"-", regular, _normalise_integer(kind, bits))


def _float_type(kind: str, arrow: Any, width: type[np.floating[Any]]) -> ValueType:
    regular = r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?"
    return ValueType(
        kind, arrow, (arrow,), _DIGITS + b"-+.eE", regular, _normalise_float(kind, width), doubtful=_not_finite
    )


def _decimal_type(kind: str) -> ValueType:
    precision, scale = (int(number) for number in re.findall(r"\d+", kind))
    whole = f"[0-9]{{1,{precision - scale}}}" if precision > scale else "0"
    arrow = pa.decimal128(precision, scale)
    # Whether a value of as many digits as a decimal may have at all, scaled, has more than 38 (csv_misreadings).
    is_wide = precision + scale > 38
    return (_WideDecimalType if is_wide else ValueType)(
        name=kind,
        arrow=arrow,
        read_as=() if is_wide else (arrow,),
        # Exponents are judged one by one: Arrow reads outside of its tables for some (csv_misreadings).
        alphabet=_DIGITS + b"-+.",
        regular=rf"-?{whole}(?:\.[0-9]{{1,{scale}}})?" if scale else rf"-?{whole}",
        normalise=_normalise_decimal(kind, precision, scale),
        doubtful=_beyond_precision(precision, scale),
        # Arrow's cast from string wraps 39 digits around silently; its CSV reader refuses them.
        longest=38,
    )


def _timestamp_type(unit: str) -> ValueType:
    return _TimestampType(
        "timestamp",
        TIMESTAMPS[unit],
        (_NAIVE, _TIMESTAMP_READ),
        _DIGITS + b"-+.: TZ",
        f"{_LAST_DAYS}(?:[ T]{_CLOCK})?",
        _normalise_timestamp(unit),
        _outside_years if unit == "us" else _outside_years_or_too_fine,
    )


def _boolean_type(csv: CsvOptions) -> ValueType:
    normalise = _normalise_boolean(csv.true_words, csv.false_words)
    # An empty alphabet makes every value odd: booleans have few spellings, so they are judged spelling by spelling.
    return ValueType("boolean", pa.bool_(), (pa.bool_(),), b"", "", normalise)


_SIMPLE = {
    "int": _integer_type("int", 32, pa.int32()),
    "bigint": _integer_type("bigint", 64, pa.int64()),
    "float": _float_type("float", pa.float32(), np.float32),
    "double": _float_type("double", pa.float64(), np.float64),
    "date": ValueType(
        "date", pa.date32(), (pa.date32(),), _DIGITS + b"-", _LAST_DAYS, _normalise_date, doubtful=_outside_years
    ),
}
