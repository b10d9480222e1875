"""What is wanted of the files of one layout, and what a reader returns of a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from contract import DatasetContract
from csv_dates import FormattedTimes, formatted_type
from csv_headers import FileColumns
from csv_values import Rows, ValueType, value_type

ColumnType = ValueType | FormattedTimes | None
# Why a record is bad, and the column of the contract that is at fault, if it is one.
Problem = tuple[str, str | None]


def contract_types(contract: DatasetContract) -> tuple[ColumnType, ...]:
    """Return the type of each column, None for strings; a format that cannot be honoured is refused by name."""
    return tuple(
        formatted_type(contract.dataset, column, contract.csv, contract.timestamp_unit)
        or value_type(column, contract.csv, contract.timestamp_unit)
        for column in contract.columns
    )


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
    """The columns of a text by position, typed or as texts; `rows` are the numbers of the records in them.

    All other records are in `problems`; `total` counts both.
    """

    columns: dict[int, Any]
    rows: Rows
    problems: dict[int, Problem]
    total: int


class WantedColumns:
    """The columns of the contract and where they stand in the files of one layout."""

    def __init__(self, contract: DatasetContract, layout: FileColumns) -> None:
        self.contract, self.layout = contract, layout
        self.types = contract_types(contract)
        self.width = layout.width
        counts = Counter(layout.positions)
        # A column that is wanted twice, in two types, is read as text.
        self.shared = {place for place, count in counts.items() if count > 1}
        self.column_at = {place: number for number, place in enumerate(layout.positions) if place is not None}
        self.places = sorted(self.column_at)

    def type_at(self, place: int) -> ColumnType:
        """Return the type of the column at a position."""
        return self.types[self.column_at[place]]

    def is_string(self, place: int) -> bool:
        """Say whether quotes tell null from text in the column at a position."""
        return self.type_at(place) is None or place in self.shared

    def width_problem(self, found: int) -> Problem:
        """Return what is wrong with a record of another number of values."""
        return f"expected {self.width} columns, found {found}", None

    def encoding_problem(self, value: Callable[[int], bytes]) -> Problem | None:
        """Return what is wrong with a record some of whose values are not UTF-8; None if those are not wanted."""
        for column, place in zip(self.contract.columns, self.layout.positions, strict=True):
            if place is not None and not _is_utf8(value(place)):
                return f"not valid {self.contract.csv.encoding}", column.name
        return None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
