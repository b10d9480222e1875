"""The raw table: the CSV files as they lie there, column by column in their own order.

Athena reads CSV by position, whatever names a table or a partition gives its columns, so the table must have the
columns of the files and not those of the contract:
https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html. The state machine makes the table with
numbered columns; the job names them once it has read the headers. Where the headers of a dataset's files differ no name
is right for all of them, and the columns stay numbered.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from catalog import Catalog, Partition, Table, numbered_columns, require_table
from catalog_publication import update_table
from column_names import place_columns
from contract import DatasetContract, Values
from sources import SourceFile, Unit

# Whose names the columns have: the digest of the one header that all files read so far have, or MIXED; and behind a
# slash the digest of the columns made of it, which tells when somebody else has changed them.
HEADER = "raw_header"
MIXED = "mixed"
# So many files are read again where the columns of the table got lost; of more the columns are numbered.
MOST_FILES = 1000
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
MOST_CHARACTERS = 255

Header = tuple[str, ...]


def align_raw_table(
    catalog: Catalog,
    contract: DatasetContract,
    units: Mapping[Values, Unit],
    headers: Sequence[Header] | None,
    read: Callable[[SourceFile], Header],
) -> None:
    """Let the raw table have the columns of the files and exactly the Hive folders that hold some.

    `headers` are those of the files read in this run, None where a crawler names the columns; `read` is asked for those
    of the others where the table has lost what it knew.
    """
    table = require_table(catalog, contract.database, contract.raw_table)
    complete = False
    if headers is not None and contract.csv.by_name:
        sources = [source for unit in units.values() for source in unit.sources if not source.archived]
        complete = len(headers) == len(sources)
        if _known(table) is None and not complete:
            headers = [read(source) for source in sources[:MOST_FILES]]
            complete = len(sources) <= MOST_FILES
        headers = [header for header in headers if header]
    if headers and contract.csv.by_name:
        table = update_table(
            catalog, contract.database, contract.raw_table, lambda found: _named(contract, found, headers, complete)
        )
    if contract.partition_pattern is None and contract.partition_keys:
        _align_partitions(catalog, contract, table, units)


def _named(contract: DatasetContract, table: Table, headers: Collection[Header], complete: bool) -> Table | None:
    """Return the table with the columns of the headers; None when it has them already."""
    known = _known(table)
    distinct = {_normal(header): header for header in headers}
    single = len(distinct) == 1 and (complete or known == _digest(next(iter(distinct))))
    if single:
        normal, header = next(iter(distinct.items()))
        columns, told = header_columns(contract, header), _digest(normal)
    else:
        there = 0 if complete or known is None else len(table.columns)
        columns, told = numbered_columns(max(there, *map(len, headers))), MIXED
    value = f"{told}/{_digest(_names(columns))}"
    if table.parameters.get(HEADER) == value and _names(table.columns) == _names(columns):
        return None
    return table.with_changes({HEADER: value}, columns)


def _known(table: Table) -> str | None:
    """Return whose names the columns have; None where that is not known or somebody else has changed them."""
    told, _, digest = table.parameters.get(HEADER, "").partition("/")
    return told if digest == _digest(_names(table.columns)) else None


def _names(columns: Sequence[Mapping[str, str]]) -> Header:
    return tuple(column["Name"] for column in columns)


def header_columns(contract: DatasetContract, header: Header) -> list[dict[str, str]]:
    """Return the columns of files with a header: the contract's name where it reads the column, else the file's own.

    A name that is empty, there twice, a partition key's or too long is replaced by the number of the column.
    """
    found = zip(contract.columns, place_columns(contract, header).positions, strict=True)
    ours = {place: column for column, place in reversed(list(found))}
    taken = {key.name for key in contract.partition_keys}
    columns = []
    for place, source in enumerate(header, 1):
        column = ours.get(place - 1)
        name = column.name.lower() if column else re.sub(r"[^a-z0-9_]+", "_", source.strip().lower())
        if not name.strip("_") or name in taken or len(name) > MOST_CHARACTERS:
            name = f"column_{place}"
        while name in taken:
            name += "_"
        taken.add(name)
        comment = {"Comment": column.comment} if column and column.comment else {}
        columns.append({"Name": name, "Type": "string", **comment})
    return columns


def _normal(header: Header) -> Header:
    return tuple(name.strip().casefold() for name in header)


def _digest(header: Header) -> str:
    return hashlib.sha256(json.dumps(header).encode()).hexdigest()


def _align_partitions(catalog: Catalog, contract: DatasetContract, table: Table, units: Mapping[Values, Unit]) -> None:
    if len(table.partition_keys) != len(contract.partition_keys):
        return  # a crawler saw other folders; its table can hold no partition of ours
    there = catalog.list_partitions(contract.raw_table)
    known = {partition.folder for partition in there.values()}
    folders = {unit.raw_folder: unit.values for unit in units.values() if unit.raw_folder is not None}
    missing = [Partition(values, folder, {}) for folder, values in folders.items() if folder not in known]
    catalog_calls = (
        (catalog.create_partitions, [item for item in missing if item.values not in there]),
        (catalog.update_partitions, [item for item in missing if item.values in there]),
    )
    for write, partitions in catalog_calls:
        if partitions:
            write(table, partitions)  # a refusal means that another run did just the same
    stale = [
        values
        for values, partition in there.items()
        if values not in units
        and partition.location.startswith(contract.source_uri)
        and partition.folder not in folders
    ]
    if stale:
        catalog.delete_partitions(contract.raw_table, stale)
