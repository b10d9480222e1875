"""The exact way: a text read value by value, by the grammar alone and without Arrow's parser."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pyarrow as pa

from csv_columns import Problem, Reading, WantedColumns
from csv_dialect import Dialect
from csv_grammar import Field, OpenRecordError, grammar_of
from csv_records import Records


class ExactReader:
    """Reads the texts of files of one layout."""

    def __init__(self, wanted: WantedColumns, dialect: Dialect) -> None:
        self._wanted, self._grammar = wanted, grammar_of(dialect)
        self._columns = [
            (number, place, group.nulls.is_null_text if group.is_string(place) else group.nulls.is_written_null)
            for group in wanted.groups
            for number, place in group.place_of.items()
        ]

    def read(self, text: bytes, records: Records) -> Reading:
        """Read all wanted columns as texts."""
        columns: dict[int, list[bytes | None]] = {number: [] for number, _, _ in self._columns}
        rows: list[int] = []
        problems: dict[int, Problem] = {}
        for row, (start, end) in enumerate(zip(records.starts.tolist(), records.ends.tolist(), strict=True)):
            record = self._record(text[start:end])
            if isinstance(record, tuple):
                problems[row] = record
                continue
            rows.append(row)
            for number, place, is_null in self._columns:
                field = record[place]
                columns[number].append(None if is_null(field) else field.text)
        texts = {number: pa.array(values, pa.binary()).cast(pa.string()) for number, values in columns.items()}
        return Reading(texts, np.array(rows, np.int64), problems, len(records))

    def _record(self, raw: bytes) -> list[Field] | Problem:
        """Return the values of a record, or what is wrong with it."""
        fields = self._grammar.fields(raw)
        try:
            # Not more values are held than are wanted, however many there are.
            record = list(islice(fields, self._wanted.width))
            width = len(record) + sum(1 for _ in fields)
        except OpenRecordError:
            return "unterminated quote", None
        if width != self._wanted.width:
            return self._wanted.width_problem(width)
        problem = None if raw.isascii() else self._wanted.encoding_problem(lambda place: record[place].text)
        return problem or record
