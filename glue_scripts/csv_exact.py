"""The exact way: a text read value by value, by the grammar alone and without Arrow's parser."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pyarrow as pa

from csv_columns import Problem, Reading, WantedColumns
from csv_dialect import Dialect
from csv_grammar import Field, OpenRecordError, grammar_of
from csv_nulls import NullSpellings
from csv_records import Records


class ExactReader:
    """Reads the texts of files of one layout."""

    def __init__(self, wanted: WantedColumns, dialect: Dialect, nulls: NullSpellings) -> None:
        self._wanted, self._grammar, self._nulls = wanted, grammar_of(dialect), nulls

    def read(self, text: bytes, records: Records) -> Reading:
        """Read all wanted columns as texts."""
        places = [(place, self._wanted.is_string(place)) for place in self._wanted.places]
        columns: dict[int, list[bytes | None]] = {place: [] for place, _ in places}
        rows: list[int] = []
        problems: dict[int, Problem] = {}
        for number, (start, end) in enumerate(zip(records.starts.tolist(), records.ends.tolist(), strict=True)):
            record = self._record(text[start:end])
            if isinstance(record, tuple):
                problems[number] = record
                continue
            rows.append(number)
            for place, is_string in places:
                field = record[place]
                is_null = self._nulls.is_null_text(field) if is_string else self._nulls.is_written_null(field)
                columns[place].append(None if is_null else field.text)
        texts = {place: pa.array(values, pa.binary()).cast(pa.string()) for place, values in columns.items()}
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
