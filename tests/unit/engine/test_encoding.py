"""Which columns are written with a dictionary: those that Arrow makes a smaller file of with one, asked both ways."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conversion_encoding import DICTIONARY_BYTES, columns_with_dictionary

ROWS = 300_000
RANDOM = np.random.default_rng(7)


def drawn(distinct: int, kind: Any = None) -> Any:
    """Return a column of values that are drawn from so many."""
    return pa.array(RANDOM.integers(0, distinct, ROWS)).cast(kind or pa.int64())


COLUMNS: dict[str, Any] = {
    "few numbers": drawn(1_000),
    "numbers that just fit": drawn(90_000),
    "numbers that just do not": drawn(180_000),
    "numbers of their own": pa.array(np.arange(ROWS)),
    "numbers of their own, ten times each": pa.array(np.arange(ROWS) // 10),
    "numbers of half the size": drawn(180_000, pa.int32()),
    "short texts that repeat": drawn(50_000, pa.string()),
    "long texts that hardly do": pa.array([f"{number:060d}" for number in RANDOM.integers(0, 50_000, ROWS)]),
    "nearly all nulls": pa.array([None if number % 10 else number for number in range(ROWS)], pa.int64()),
    "nothing but nulls": pa.nulls(ROWS, pa.int64()),
}


def size(table: Any, dictionary: list[str] | bool) -> int:
    """Return the size of a Parquet file of one row group."""
    sink = io.BytesIO()
    pq.write_table(
        table, sink, row_group_size=ROWS, use_dictionary=dictionary, dictionary_pagesize_limit=DICTIONARY_BYTES
    )
    return len(sink.getvalue())


@pytest.mark.parametrize("name", COLUMNS)
def test_what_is_chosen_is_about_the_smaller_file(name: str) -> None:
    table = pa.table({"c": COLUMNS[name]})
    chosen, ways = columns_with_dictionary(table), (size(table, True), size(table, False))
    assert size(table, chosen) <= 1.15 * min(ways)


def test_texts_that_hardly_repeat_are_spared_the_lookup() -> None:
    assert columns_with_dictionary(pa.table({name: COLUMNS[name] for name in COLUMNS if "texts" in name})) == [
        "short texts that repeat"
    ]


def test_few_rows_keep_their_dictionaries() -> None:
    assert columns_with_dictionary(pa.table({"a": np.arange(1_000), "b": np.arange(1_000)})) == ["a", "b"]


def test_an_empty_table_has_nothing_to_say() -> None:
    assert columns_with_dictionary(pa.table({"a": pa.array([], pa.int64())})) == ["a"]
