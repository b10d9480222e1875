"""Publishing: moving the catalog to new run folders so that readers see whole old or whole new partitions.

Glue has an optimistic lock on tables and none on partitions. Two rules close the gap:
- Whoever publishes *claims* the Parquet table first: one conditional update removes `listing_digest`. Before every
  batch it looks whether the table is still at that version and claims again if not. So no digest survives next to
  partitions that somebody was still moving when it was written.
- Every partition is read again right before it is replaced. One that moved since the diff is left alone.
At the end the table is *sealed*: all partitions are read once more, and only if each carries the wanted fingerprint
the digest is written, on the condition that the table did not change since the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import faults
from catalog import (
    Catalog,
    Partition,
    Table,
    TableChangedError,
    parquet_columns,
    quarantine_columns,
    require_table,
)
from contract import DatasetContract, Values
from errors import TransientError
from lake import EMPTY_RUN, data_folder, manifest_uri, quarantine_folder, run_folder
from lake_manifests import Manifest, ManifestUnit

DIGEST = "listing_digest"
PUBLISHER = "publishing_run"
FOLDER_DIGEST = "folder_digest"
# What a partition carries; for an unpartitioned dataset these stand among the table's own parameters.
UNIT_PARAMETERS = (
    "fingerprint",
    "contract_fingerprint",
    "source_files",
    "source_bytes",
    "rows",
    "quarantined_rows",
    "run_id",
    "manifest",
    "folder_digest",
)
# The table itself has two parameters of these names, of the run that sealed it; the unit's must survive beside them.
WHOLE_TABLE_NAMES = {
    name: f"unit_{name}" if name in ("contract_fingerprint", "run_id") else name for name in UNIT_PARAMETERS
}
BATCH = 100
CONDITIONAL_ATTEMPTS = 10


class ConcurrentRunError(TransientError):
    """Another run published to the same table at the same time; nothing of its work was overwritten."""


def update_table(catalog: Catalog, database: str, name: str, change: Callable[[Table], Table | None]) -> Table:
    """Apply a change to a table's newest version, again if somebody else was faster; None means nothing to do."""
    for _ in range(CONDITIONAL_ATTEMPTS):
        table = require_table(catalog, database, name)
        changed = change(table)
        if changed is None:
            return table
        try:
            catalog.update_table(changed)
        except TableChangedError:
            continue
        return changed
    raise ConcurrentRunError(
        f"table {database}.{name} was changed by others {CONDITIONAL_ATTEMPTS} times in a row while this run tried to "
        "update it; run again when the other runs have ended"
    )


class PublishedTable(Protocol):
    """A table seen as its published units, with or without partition keys."""

    def read(self) -> dict[Values, Partition]:
        """Return what is published now."""

    def find(self, values: Sequence[Values]) -> dict[Values, Partition]:
        """Return those of the named units that are published now."""

    def put(self, partitions: Sequence[Partition], seen: Mapping[Values, Partition]) -> list[Values]:
        """Publish units that are still as they were seen; return the others, which are left as they are."""

    def remove(self, partitions: Sequence[Partition]) -> list[Values]:
        """Take units out of the table that are still as they were seen; return the others."""


def _moved(now: Partition | None, seen: Partition | None) -> bool:
    """Say whether a unit is no longer what was seen; every publication has a Location of its own."""
    return (now.location if now else None) != (seen.location if seen else None)


class PartitionedTable:
    """Units are partitions; Location and parameters of each move in one step."""

    def __init__(self, catalog: Catalog, database: str, name: str, columns: Sequence[Mapping[str, Any]]) -> None:
        self._catalog, self._database, self._name, self._columns = catalog, database, name, columns

    def read(self) -> dict[Values, Partition]:
        """Return all partitions."""
        return self._catalog.list_partitions(self._name)

    def find(self, values: Sequence[Values]) -> dict[Values, Partition]:
        """Return some partitions: what that costs does not depend on how many there are."""
        return self._catalog.get_partitions(self._name, values) if values else {}

    def put(self, partitions: Sequence[Partition], seen: Mapping[Values, Partition]) -> list[Values]:
        """Read one batch again, then write it."""
        table = require_table(self._catalog, self._database, self._name).with_changes(columns=self._columns)
        left_alone: list[Values] = []
        for first in range(0, len(partitions), BATCH):
            batch = partitions[first : first + BATCH]
            now = self._catalog.get_partitions(self._name, [item.values for item in batch])
            free = [item for item in batch if not _moved(now.get(item.values), seen.get(item.values))]
            left_alone += [item.values for item in batch if _moved(now.get(item.values), seen.get(item.values))]
            created = [item for item in free if item.values not in now]
            updated = [item for item in free if item.values in now]
            refused = self._catalog.create_partitions(table, created) if created else []
            refused += self._catalog.update_partitions(table, updated) if updated else []
            left_alone += [refusal.values for refusal in refused]
        return left_alone

    def remove(self, partitions: Sequence[Partition]) -> list[Values]:
        """Read the partitions again, then delete them."""
        now = self.find([item.values for item in partitions])
        there = [item for item in partitions if item.values in now]
        moved = [item.values for item in there if _moved(now[item.values], item)]
        doomed = [item.values for item in there if item.values not in moved]
        if doomed:
            self._catalog.delete_partitions(self._name, doomed)
        return moved


class WholeTable:
    """The table is the one unit: its Location and parameters move in one conditional update."""

    def __init__(
        self, catalog: Catalog, database: str, name: str, columns: Sequence[Mapping[str, Any]], empty_uri: str
    ) -> None:
        self._catalog, self._database, self._name, self._columns = catalog, database, name, columns
        self._empty_uri = empty_uri

    def read(self) -> dict[Values, Partition]:
        """Return the one unit, or nothing before the first load."""
        return self._unit(require_table(self._catalog, self._database, self._name))

    def find(self, values: Sequence[Values]) -> dict[Values, Partition]:
        """Return the one unit if it is asked for."""
        return {unit: partition for unit, partition in self.read().items() if unit in values}

    @staticmethod
    def _unit(table: Table) -> dict[Values, Partition]:
        there = table.parameters
        parameters = {name: there[stored] for name, stored in WHOLE_TABLE_NAMES.items() if stored in there}
        return {(): Partition((), table.location, parameters)} if "fingerprint" in parameters else {}

    def put(self, partitions: Sequence[Partition], seen: Mapping[Values, Partition]) -> list[Values]:
        """Move the table."""
        if not partitions:
            return []
        target = partitions[0]
        parameters = {WHOLE_TABLE_NAMES[name]: value for name, value in target.parameters.items()}
        return self._move(seen.get(()), parameters, target.location)

    def remove(self, partitions: Sequence[Partition]) -> list[Values]:
        """Let the table point at a folder in which nothing lies."""
        if not partitions:
            return []
        return self._move(partitions[0], dict.fromkeys(WHOLE_TABLE_NAMES.values()), self._empty_uri)

    def _move(self, seen: Partition | None, parameters: Mapping[str, str | None], location: str) -> list[Values]:
        """Move the table; a digest that another run wrote since the claim does not cover what it moves to."""
        left_alone: list[Values] = []

        def change(table: Table) -> Table | None:
            if _moved(self._unit(table).get(()), seen):
                left_alone.append(())
                return None
            return table.with_changes({**parameters, DIGEST: None}, self._columns, location)

        update_table(self._catalog, self._database, self._name, change)
        return left_alone


def open_tables(catalog: Catalog, contract: DatasetContract) -> tuple[PublishedTable, PublishedTable]:
    """Return the Parquet table and the quarantine table of a dataset."""
    database, columns, bad_columns = contract.database, parquet_columns(contract), quarantine_columns()
    if contract.partition_keys:
        return (
            PartitionedTable(catalog, database, contract.parquet_table, columns),
            PartitionedTable(catalog, database, contract.quarantine_table, bad_columns),
        )
    empty, no_bad_rows = data_folder(contract, (), EMPTY_RUN), quarantine_folder(contract, (), EMPTY_RUN)
    return (
        WholeTable(catalog, database, contract.parquet_table, columns, empty),
        WholeTable(catalog, database, contract.quarantine_table, bad_columns, no_bad_rows),
    )


class Claim:
    """This run's right to publish to a table: the version at which it took the digest away.

    `noted` are parameters of the table that hold from the claim on.
    """

    def __init__(
        self, catalog: Catalog, contract: DatasetContract, attempt: str, noted: Mapping[str, str] | None = None
    ) -> None:
        self.noted = dict(noted or {})
        self._catalog, self._database, self._name = catalog, contract.database, contract.parquet_table
        self._attempt = attempt
        self._version: str | None = None

    def hold(self) -> Table:
        """Return the table at the claimed version, claiming it (again) if it is at another one."""
        table = require_table(self._catalog, self._database, self._name)
        for _ in range(CONDITIONAL_ATTEMPTS):
            if table.version == self._version:
                return table
            update_table(self._catalog, self._database, self._name, self._take)
            table = require_table(self._catalog, self._database, self._name)
            if table.parameters.get(PUBLISHER) == self._attempt and DIGEST not in table.parameters:
                self._version = table.version
        raise ConcurrentRunError(
            f"other runs took table {self._database}.{self._name} {CONDITIONAL_ATTEMPTS} times in a row from this one; "
            "run again when they have ended"
        )

    def _take(self, table: Table) -> Table:
        return table.with_changes({DIGEST: None, PUBLISHER: self._attempt, **self.noted})


def publish(
    claim: Claim, parquet: PublishedTable, partitions: Sequence[Partition], seen: Mapping[Values, Partition]
) -> list[Values]:
    """Publish units batch by batch under the claim; return those that another run has moved since the diff."""
    allowance = faults.count("publish")
    left_alone: list[Values] = []
    for first in range(0, len(partitions), BATCH):
        batch = partitions[first : first + BATCH]
        claim.hold()
        if allowance is not None and allowance < first + len(batch):
            parquet.put(batch[: allowance - first], seen)
            faults.die()
        left_alone += parquet.put(batch, seen)
    return left_alone


def unit_partition(contract: DatasetContract, manifest: Manifest, unit: ManifestUnit) -> Partition:
    """Return a unit as it is to be published: where it lies, and what it was made of."""
    parameters = {
        "fingerprint": unit.fingerprint,
        "contract_fingerprint": manifest.contract_fingerprint,
        "source_files": len(unit.sources),
        "source_bytes": sum(source.size for source in unit.sources),
        "rows": unit.rows,
        "quarantined_rows": unit.quarantined_rows,
        "run_id": manifest.run_id,
        "manifest": manifest_uri(contract, manifest.attempt),
        FOLDER_DIGEST: unit.digest,
    }
    location = data_folder(contract, unit.values, run_folder(manifest.attempt))
    return Partition(unit.values, location, {name: str(value) for name, value in parameters.items()})


def wanted_quarantine(contract: DatasetContract, published: Iterable[Partition]) -> dict[Values, Partition]:
    """Return what the quarantine table must hold, given what the Parquet table holds."""
    names = ("fingerprint", "quarantined_rows", "run_id", "manifest")
    return {
        partition.values: Partition(
            partition.values,
            quarantine_folder(contract, partition.values, partition.run_folder),
            {name: partition.parameters[name] for name in names if name in partition.parameters},
        )
        for partition in published
        if partition.quarantined_rows
    }


def align_quarantine(
    contract: DatasetContract,
    quarantine: PublishedTable,
    published: Mapping[Values, Partition],
    there: Mapping[Values, Partition],
) -> list[Values]:
    """Make the quarantine table fit the Parquet table; return the units that another run moved meanwhile.

    `published` and `there` are what the two tables hold now. Mends what a crash between the two updates left, and a
    quarantine table that somebody deleted.
    """
    wanted = wanted_quarantine(contract, published.values())
    moved = quarantine.remove([item for values, item in there.items() if values not in wanted])
    astray = [item for values, item in wanted.items() if _moved(there.get(values), item)]
    return [*moved, *quarantine.put(astray, there)]


def seal(
    claim: Claim,
    catalog: Catalog,
    contract: DatasetContract,
    parameters: Mapping[str, str | None],
    digest: str,
    is_right: Callable[[], bool],
) -> None:
    """Write the table-level parameters last of all; the digest only if the partitions are right now.

    The condition on the version makes check and write one step: a run that publishes in between claims the table.
    """
    for _ in range(CONDITIONAL_ATTEMPTS):
        table = claim.hold()
        right = is_right()
        faults.reach("sealing")
        changed = table.with_changes(
            {**parameters, DIGEST: digest if right else None, PUBLISHER: None}, parquet_columns(contract)
        )
        try:
            catalog.update_table(changed)
        except TableChangedError:
            continue
        return
    raise ConcurrentRunError(
        f"other runs changed table {contract.database}.{contract.parquet_table} {CONDITIONAL_ATTEMPTS} times in a row; "
        "run again when they have ended"
    )
