"""The columns of a dataset that declares none: inferred from all its rows at first, then frozen in its table.

What is frozen decides from then on, and later files are compared with it. Where they hold wider values the dataset's
`schema_drift` says what is to be done: "fail" stops, "ignore" widens the columns. Anew from all files they are inferred
when somebody asks for it: by a forced run, another contract, or a crawl that finds other columns.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from catalog import Partition, Table
from contract import Column, ContractError, DatasetContract, Values, parse_column
from conversion_errors import SchemaDriftError
from csv_headers import FORCED, INFERRED
from inference import READ_AT_ONCE, ReadFiles, infer, read_each
from inference_dialect import NotCsvError
from inference_misfits import Misfits, merge_misfits, widened
from inference_reading import Question, fold
from lake_manifests import ManifestUnit
from sources import SourceFile, Unit, partition_label, unit_fingerprint

_logger = logging.getLogger("csv_to_parquet")

# The parameter of the Parquet table that holds them. Glue takes 512,000 bytes
# (https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html), but the state machine looks at the table, and a
# state receives 256 KiB: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
FROZEN = "inferred_columns"
MOST_FROZEN_BYTES = 100_000
read_in_process: ReadFiles = partial(read_each, piece_bytes=READ_AT_ONCE)


@dataclass(frozen=True)
class FrozenColumns:
    """Columns as they were inferred, and from what: the contract as it was declared, the columns of the raw table.

    `rows` is how many rows said so; where there were none, nothing is known yet.
    """

    contract: str
    raw: str
    rows: int
    columns: tuple[Column, ...]

    def to_json(self) -> str:
        """Return the columns as a parameter of the table holds them; those of a contract, each option that is said."""
        columns = [_said(column) for column in self.columns]
        text = json.dumps(
            {"contract": self.contract, "raw": self.raw, "rows": self.rows, "columns": columns},
            separators=(",", ":"),
        )
        if len(text) > MOST_FROZEN_BYTES:
            raise ContractError(
                f"{len(self.columns)} columns were inferred, which take {len(text)} bytes to note in the "
                f"catalog; allowed are {MOST_FROZEN_BYTES}: declare the columns"
            )
        return text


def parse_frozen(table: Table | None) -> FrozenColumns | None:
    """Return the columns that are frozen in a table, None where none are."""
    text = table.parameters.get(FROZEN) if table is not None else None
    if table is None or text is None:
        return None
    try:
        document = json.loads(text)
        columns = tuple(parse_column(table.name, column) for column in document["columns"])
        return FrozenColumns(document["contract"], document["raw"], int(document["rows"]), columns)
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(
            f"table {table.database}.{table.name}: its parameter {FROZEN} is not as a run of this job has left it "
            f"({error!r}): remove the parameter, and force a run to infer the columns again"
        ) from error


def _said(column: Column) -> dict[str, Any]:
    usual, said = Column(column.name, "", column.name), {}
    for name, value in vars(column).items():
        if name == "name" or value != getattr(usual, name):
            said[name] = list(value) if isinstance(value, tuple) else value
    return said


@dataclass(frozen=True)
class Surroundings:
    """What the columns are decided by: the raw table's columns, the Parquet table, what lies there and is published."""

    raw: Sequence[tuple[str, str]]
    table: Table | None
    units: Mapping[Values, Unit]
    published: Mapping[Values, Partition]
    recorded: Callable[[Partition], ManifestUnit | None]
    anew: bool
    read: ReadFiles


def resolve_columns(contract: DatasetContract, world: Surroundings) -> tuple[DatasetContract, FrozenColumns | None]:
    """Return the contract with the columns that the dataset has in this run, and what is to be frozen of them.

    A table that was loaded before columns were inferred keeps those of the raw table until a run is forced.
    """
    frozen = parse_frozen(world.table)
    loaded = world.table is not None and "run_id" in world.table.parameters
    if frozen is None and loaded and not world.anew:
        return contract.with_columns(world.raw), None
    raw = _digest(world.raw)
    if frozen is None or world.anew or _is_stale(contract, frozen, raw):
        found = _infer(contract, world, raw)
        before = frozen.columns if frozen is not None else _columns_of(world.table) if loaded else ()
        return _resolved(contract, world, found, before)
    found = _widen(contract, world, frozen)
    return _resolved(contract, world, found, frozen.columns)


def _digest(columns: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(list(columns)).encode()).hexdigest()


def _columns_of(table: Table | None) -> tuple[Column, ...]:
    columns = table.columns if table is not None else ()
    return tuple(Column(column["Name"], column["Type"], column["Name"]) for column in columns)


def _is_stale(contract: DatasetContract, frozen: FrozenColumns, raw: str) -> bool:
    """Say whether nobody would infer the same any more: nothing was there, a crawl found others, options changed."""
    if not frozen.rows or frozen.raw != raw:
        return True
    return frozen.contract != contract.fingerprint and not contract.keeps_earlier_contracts


def _infer(contract: DatasetContract, world: Surroundings, raw: str) -> FrozenColumns:
    sources = [source for unit in world.units.values() for source in unit.sources if not source.archived]
    taken = [key.name for key in contract.partition_keys]
    try:
        found = infer(sources, contract.csv, taken=taken, read=world.read)
    except NotCsvError:
        if any(source.size for source in sources):
            raise
        return FrozenColumns(contract.fingerprint, raw, 0, contract.with_columns(world.raw).columns)
    for column in found.columns:
        _logger.info("column %s is %s: %s", column.name, column.type, column.reason)
    columns = tuple(parse_column(contract.dataset, options) for options in found.column_options())
    return FrozenColumns(contract.fingerprint, raw, found.rows, columns)


def _resolved(
    contract: DatasetContract, world: Surroundings, found: FrozenColumns, before: Sequence[Column]
) -> tuple[DatasetContract, FrozenColumns]:
    """Return the contract with its columns, unless units that nobody can make anew have others."""
    now = {column.name: column.type for column in found.columns}
    changed = [column for column in before if now.get(column.name) != column.type]
    gone = [values for values in world.published if values not in world.units]
    if changed and gone and contract.on_source_removed == "keep":
        label = partition_label(contract.partition_keys, gone[0])
        raise SchemaDriftError(
            f"dataset {contract.dataset}: column {changed[0].name} would become {now.get(changed[0].name, 'another')} "
            f"and is {changed[0].type} in {label}, whose source files are gone and which cannot be converted again "
            f"({len(gone)} unit(s)): put the files back, set on_source_removed to mirror, which gives up their rows, "
            "or declare the columns"
        )
    return contract.with_inferred(found.columns), found


# ------------------------------------------------------------------------------------------------------------ widening
def _widen(contract: DatasetContract, world: Surroundings, frozen: FrozenColumns) -> FrozenColumns:
    """Return the columns as they have to be for the files that are new."""
    sources = _new_sources(contract.with_inferred(frozen.columns), world)
    if not sources:
        return frozen
    question = Question(contract.csv, len(frozen.columns), as_told=True, columns=frozen.columns)
    misfits: dict[str, Misfits] = {}
    rows = 0
    for file in fold(world.read(sources, question)):
        rows += file.rows
        merge_misfits(misfits, file.misfits)
    columns = tuple(_settled(contract, column, misfits.get(column.name), rows) for column in frozen.columns)
    return replace(frozen, columns=columns)


def _new_sources(contract: DatasetContract, world: Surroundings) -> list[SourceFile]:
    """Return the files that the published units were not made of."""
    found = []
    for values, unit in world.units.items():
        current = world.published.get(values)
        known: set[tuple[int, str]] = set()
        if current is not None:
            if current.fingerprint == unit_fingerprint(unit.sources, contract.fingerprint):
                continue
            record = world.recorded(current)
            known = {(source.size, source.etag) for source in record.sources} if record is not None else set()
        found += [item for item in unit.sources if not item.archived and (item.size, item.etag) not in known]
    return found


def _settled(contract: DatasetContract, column: Column, misfits: Misfits | None, rows: int) -> Column:
    if misfits is None:
        return column
    widening = contract.schema_drift == "ignore" and not contract.keeps_earlier_contracts
    if misfits.wider.number and not widening:
        raise SchemaDriftError(_refusal(contract, column, misfits))
    kind, why = column.type, misfits.wider
    if misfits.wider.number:
        kind = misfits.wider_type()
    if widening and contract.exceeded_limits(misfits.strays.number, rows):
        kind, why = "string", misfits.strays
    if kind == column.type:
        return column
    _logger.warning("column %s is widened from %s to %s: %r in %s", column.name, column.type, kind, why.first, why.key)
    return widened(column, kind)


def _refusal(contract: DatasetContract, column: Column, misfits: Misfits) -> str:
    reason = "schema_drift is fail"
    remedy = 'set schema_drift to "ignore", by which columns are widened'
    if contract.schema_drift == "ignore":
        reason = "on_contract_change is new_data_only, by which what was loaded keeps its types"
        remedy = 'set on_contract_change to "reconvert"'
    return (
        f"{misfits.wider.key}: column {column.name} has {misfits.wider.first!r}, which is no {column.type}, as all its "
        f"values were before; {misfits.wider_type()} would take both, and {reason}. {INFERRED} start an execution with "
        f"{FORCED} to infer them again and convert all files, {remedy}, or declare the columns"
    )
