"""The exact way: a text read value by value, by the grammar alone and without Arrow's parser."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pyarrow as pa

from csv_columns import EMPTY_ROW, UNTERMINATED, Problem, Reading, WantedColumns
from csv_dialect import BLANKS, Dialect
from csv_grammar import Field, OpenRecordError, grammar_of
from csv_records import Records


class ExactReader:
    """Reads the texts of files of one layout."""

    def __init__(self, wanted: WantedColumns, dialect: Dialect) -> None:
        self._wanted, self._grammar = wanted, grammar_of(dialect)
        self._nothing = dialect.delimiter + BLANKS.encode()
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
                columns[number].append(None if field is None or is_null(field) else field.text)
        texts = {number: pa.array(values, pa.binary()).cast(pa.string()) for number, values in columns.items()}
        return Reading(texts, np.array(rows, np.int64), problems, len(records))

    def _record(self, raw: bytes) -> list[Field | None] | Problem:
        """Return the values of a record, None for those that it lacks, or what is wrong with it."""
        if not self._wanted.keeps_empty and not raw.strip(self._nothing):
            return EMPTY_ROW
        fields = self._grammar.fields(raw)
        try:
            # Not more values are held than are wanted, however many there are.
            record: list[Field | None] = list(islice(fields, self._wanted.width))
            width = len(record) + sum(1 for _ in fields)
        except OpenRecordError:
            return UNTERMINATED
        if (problem := self._wanted.width_problem(width)) is not None:
            return problem
        record += [None] * (self._wanted.width - len(record))
        if not raw.isascii():
            texts = [field.text if field else b"" for field in record]
            problem = self._wanted.encoding_problem(texts.__getitem__)
        return problem or record
