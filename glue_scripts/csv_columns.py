"""What is wanted of the files of one layout, and what a reader returns of a text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from contract import Column, DatasetContract
from csv_dates import FormattedTimes, formatted_type
from csv_dialect import Dialect
from csv_headers import FileColumns
from csv_nulls import NullSpellings
from csv_values import Rows, ValueType, usual_cases, value_type

ColumnType = ValueType | FormattedTimes | None
# Why a record is bad, and the column of the contract that is at fault, if it is one.
Problem = tuple[str, str | None]
EMPTY_ROW: Problem = ("nothing but delimiters and blanks", None)
# Where quotes may not span lines: that of a line with an open one.
UNTERMINATED: Problem = ("unterminated quote", None)


# Asked three times for every file, of which there may be ten thousand small ones.
@lru_cache(maxsize=8)
def contract_types(contract: DatasetContract) -> tuple[ColumnType, ...]:
    """Return the type of each column, None for strings; a format that cannot be honoured is refused by name."""
    return tuple(
        formatted_type(contract.dataset, column, contract.csv, contract.timestamp_unit)
        or value_type(column, contract.csv, contract.timestamp_unit)
        for column in contract.columns
    )


@lru_cache(maxsize=8)
def table_schema(contract: DatasetContract) -> Any:
    """Return the Arrow schema of the dataset's Parquet files."""
    types = contract_types(contract)
    return pa.schema(
        [
            pa.field(column.name, kind.arrow if kind else pa.string())
            for column, kind in zip(contract.columns, types, strict=True)
        ]
    )


@dataclass(frozen=True)
class Reading:
    """The columns of a text by their number in the contract, typed or as texts; `rows` number the records in them.

    All other records are in `problems`; `total` counts both.
    """

    columns: dict[int, Any]
    rows: Rows
    problems: dict[int, Problem]
    total: int


class ColumnGroup:
    """Columns with the same spellings of null, of which Arrow's reader knows one set for a whole text.

    `at` says which column of the contract stands at a position of the file.
    """

    def __init__(self, numbers: list[int], types: Sequence[ColumnType], layout: FileColumns, nulls: NullSpellings):
        placed = [(place, number) for number in numbers if (place := layout.positions[number]) is not None]
        counts = Counter(place for place, _ in placed)
        # A column that is wanted twice, in two types, is read as text.
        self.shared = {place for place, count in counts.items() if count > 1}
        self.at = dict(placed)
        self.places, self.place_of = sorted(self.at), {number: place for place, number in placed}
        self.nulls = nulls
        self._types = types
        kinds = [kind for number in numbers if isinstance(kind := types[number], ValueType)]
        points = Counter(kind.numbers.decimal for kind in kinds if kind.has_fractions)
        # What stands before fractions in most of the columns; Arrow's reader knows one such character.
        self.decimal = points.most_common(1)[0][0] if points else "."

    def type_at(self, place: int) -> ColumnType:
        """Return the type of the column at a position."""
        return self._types[self.at[place]]

    def is_foreign(self, kind: ColumnType) -> bool:
        """Say whether Arrow's reader would take another character for what stands before fractions of a type."""
        return isinstance(kind, ValueType) and kind.has_fractions and kind.numbers.decimal != self.decimal

    def is_string(self, place: int) -> bool:
        """Say whether quotes tell null from text in the column at a position."""
        return self.type_at(place) is None or place in self.shared


class WantedColumns:
    """The columns of the contract and where they stand in the files of one layout."""

    def __init__(self, contract: DatasetContract, dialect: Dialect, layout: FileColumns) -> None:
        self.contract, self.layout = contract, layout
        self.types = contract_types(contract)
        self.true_values, self.false_values = map(usual_cases, (contract.csv.true_words, contract.csv.false_words))
        self.width = layout.width
        # Whether what a short record lacks is null.
        self.pads = contract.csv.short_rows == "null"
        # Whether records of nothing but delimiters are data; they are a problem otherwise, be it one to skip.
        self.keeps_empty = contract.csv.empty_rows == "keep"
        self.nulls = tuple(_null_spellings(contract, dialect, column) for column in contract.columns)
        alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, (column, place) in enumerate(zip(contract.columns, layout.positions, strict=True)):
            if place is not None:
                alike[contract.csv.nulls_of(column)].append(number)
        self.groups = [ColumnGroup(numbers, self.types, layout, self.nulls[numbers[0]]) for numbers in alike.values()]

    def width_problem(self, found: int) -> Problem | None:
        """Return what is wrong with a record of some number of values, if anything is."""
        if found == self.width or (self.pads and found < self.width):
            return None
        return f"expected {self.width} columns, found {found}", None

    def encoding_problem(self, value: Callable[[int], bytes]) -> Problem | None:
        """Return what is wrong with a record some of whose values are not UTF-8; None if those are not wanted."""
        for column, place in zip(self.contract.columns, self.layout.positions, strict=True):
            if place is not None and not is_valid_utf8(value(place)):
                return f"not valid {self.contract.csv.encoding}", column.name
        return None


def _null_spellings(contract: DatasetContract, dialect: Dialect, column: Column) -> NullSpellings:
    csv = contract.csv
    return NullSpellings(dialect, csv.nulls_of(column), trim=csv.trim, quoted=csv.quoted_nulls)


def is_valid_utf8(value: bytes) -> bool:
    """Say whether bytes are whole letters of UTF-8."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
