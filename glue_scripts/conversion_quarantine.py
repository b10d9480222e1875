"""The quarantine: bad rows as a table of their own, with where they came from and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contract import QUARANTINE_COLUMNS
from conversion_parquet import ParquetFolder, WrittenFile
from conversion_plan import MEBIBYTE, Settings
from csv_parsing import BadRecords
from storage import open_storage

_ARROW_TYPES = {"string": pa.string(), "bigint": pa.int64()}
QUARANTINE_SCHEMA = pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in QUARANTINE_COLUMNS])
QUARANTINE_FILE_BYTES = 128 * MEBIBYTE
# In the name of a file whose line numbers still count from the beginning of its split.
UNPLACED = ".unplaced"


def quarantine_table(bad: BadRecords, source_file: str, lines_before: int, run_id: str) -> Any:
    """Return bad records as rows of the quarantine; `lines_before` lines of the file precede the piece."""
    count = len(bad)
    return pa.table(
        [
            pa.array([source_file] * count, pa.string()),
            pa.array(bad.lines + (lines_before + 1), pa.int64()),
            pa.array(bad.reasons, pa.string()),
            pa.array(bad.columns, pa.string()),
            pa.array(bad.texts, pa.string()),
            pa.array([run_id] * count, pa.string()),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def quarantine_writer(folder_uri: str, name: str, settings: Settings) -> ParquetFolder:
    """Return the writer of a task's bad rows."""
    return ParquetFolder(folder_uri, name, QUARANTINE_SCHEMA, settings, QUARANTINE_FILE_BYTES)


def is_unplaced(uri: str) -> bool:
    """Say whether the line numbers in a quarantine file still count from the beginning of its split."""
    return UNPLACED in uri.rpartition("/")[2]


def place_lines(unplaced_uri: str, lines_before: int) -> WrittenFile:
    """Write and return the final version of a quarantine file whose line numbers count from a split.

    How many lines precede a split is known only when the splits before it have been counted. The first version stays,
    so that a repeated task adds once; the caller deletes it.
    """
    storage = open_storage(unplaced_uri)
    table = pq.read_table(pa.BufferReader(storage.read_bytes(unplaced_uri)))
    place = table.schema.get_field_index("line_number")
    moved = table.set_column(place, "line_number", pc.add(table.column(place), lines_before))
    folder, _, name = unplaced_uri.rpartition("/")
    placed = name.replace(UNPLACED, "").removesuffix(".snappy.parquet")
    with quarantine_writer(f"{folder}/", placed, Settings()) as writer:
        writer.write(moved)
    return writer.files()[0]
