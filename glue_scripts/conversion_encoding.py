"""Which columns of a Parquet file are worth a dictionary: those whose values repeat enough.

Arrow looks every value of a column up, gives the dictionary up once it is bigger than a limit, and writes the rest as
plain values: for texts that hardly repeat that is a third of the time of writing. Whether it will happen is told from a
sample of the rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# https://arrow.apache.org/docs/python/generated/pyarrow.parquet.ParquetWriter.html (dictionary_pagesize_limit)
DICTIONARY_BYTES = 1024 * 1024
# Rows in a row that are looked at, and how often, a quarter of all rows at most: neighbours tell of values that repeat
# nearby, distant ones of others.
_RUN_ROWS, _RUNS = 1024, 16
# Fewer rows make a dictionary that is small, or not worth the thought.
_LEAST_ROWS = 4096
# Rows of a run that are looked at first. Where the fullest dictionary makes at least eight repetitions among them, no
# more than a quarter of those come by chance in 1.4 of 100 cases (Poisson).
_FIRST_ROWS, _TELLING_REPETITIONS = 128, 8


def columns_with_dictionary(table: Any) -> list[str]:
    """Return the names of a table's columns, a row group or more, that are probably smaller with a dictionary."""
    if table.num_rows < _LEAST_ROWS:
        return list(table.column_names)
    run = min(_RUN_ROWS, table.num_rows // (4 * _RUNS))
    first = _sample(table, min(_FIRST_ROWS, run))
    names: list[str] = [name for name in table.column_names if not _hardly_repeats(first[name])]
    sample = _sample(table.select(names), run)
    return [name for name in names if _repeats(sample[name], table.num_rows)]


def _sample(table: Any, rows: int) -> Any:
    """Return so many rows in a row of every part of a table."""
    begins = np.linspace(0, table.num_rows - rows, _RUNS).astype(np.int64)
    return pa.concat_tables([table.slice(int(begin), rows) for begin in begins])


def _hardly_repeats(column: Any) -> bool:
    """Say whether so few values come twice that all of them have no room in a dictionary.

    Of n values, all equally likely, s draws are expected to repeat one s² / 2n times.
    """
    values = column.combine_chunks().drop_null()
    fullest = len(values) ** 2 / 2 * _bytes_per_value(values) / DICTIONARY_BYTES if len(values) else 0
    return fullest >= _TELLING_REPETITIONS and len(values) - len(pc.unique(values)) <= fullest / 4


def _repeats(column: Any, rows: int) -> bool:
    values = column.combine_chunks().drop_null()
    if not len(values):
        return True
    written = rows * len(values) // len(column)
    distinct = _distinct(len(values), len(pc.unique(values)), written)
    width = _bytes_per_value(values)
    dictionary, indices = distinct * width, written * math.log2(max(distinct, 2)) / 8
    return dictionary <= DICTIONARY_BYTES and dictionary + indices < written * width


def _distinct(sampled: int, found: int, wanted: int) -> float:
    """Return how many distinct values so many `wanted` ones have, of which `sampled` ones had as many as `found`.

    As if each were drawn from the same number of values, all equally likely: of n, s draws find n (1 - exp(-s / n)).
    """
    if found == sampled:
        return wanted
    least, most = float(found), float(sampled) ** 2
    for _ in range(50):
        middle = (least + most) / 2
        least, most = (middle, most) if middle * -math.expm1(-sampled / middle) < found else (least, middle)
    return most * -math.expm1(-wanted / most)


def _bytes_per_value(values: Any) -> float:
    """Return the size of a value in a dictionary; texts have four bytes of length each."""
    if pa.types.is_string(values.type):
        return 4 + float(pc.mean(pc.binary_length(values)).as_py())
    return float(values.type.bit_width / 8)
