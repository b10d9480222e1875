"""What the job needs of a catalog, for Glue and for local folders alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from contract import QUARANTINE_COLUMNS, DatasetContract, Values
from errors import TerminalError, TransientError

# Codes of the catalog's answer for single entries of a batch.
ALREADY_EXISTS = "AlreadyExistsException"
NOT_FOUND = "EntityNotFoundException"

PARQUET_STORAGE: dict[str, Any] = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
PARQUET_PARAMETERS = {"classification": "parquet", "parquet.compression": "SNAPPY", "EXTERNAL": "TRUE"}


class CatalogError(Exception):
    """A catalog call failed for good; the message names the call, the table and the partition."""


class CatalogRefusedError(CatalogError, TerminalError):
    """The call itself is refused, as without a right: it would be refused again."""


class CatalogUnavailableError(CatalogError, TransientError):
    """The catalog did not answer, or not rightly, however often it was asked."""


class TableMissingError(CatalogError, TerminalError):
    """A table that the job needs does not exist."""


class TableChangedError(CatalogError, TransientError):
    """The table is not the version that was to be updated: somebody else updated it in between."""


@dataclass(frozen=True)
class Partition:
    """One published partition; an unpartitioned table is seen as one partition without values."""

    values: Values
    location: str
    parameters: Mapping[str, str]

    @property
    def fingerprint(self) -> str | None:
        """Return the fingerprint of the sources it was made from, if this job made it."""
        return self.parameters.get("fingerprint")

    @property
    def quarantined_rows(self) -> int:
        """Return how many rows of its sources lie in quarantine."""
        return int(self.parameters.get("quarantined_rows", "0"))

    @property
    def folder(self) -> str:
        """Return the location, ending in a slash."""
        return self.location.rstrip("/") + "/"

    @property
    def run_folder(self) -> str:
        """Return the last folder of the location, `run=…`."""
        return self.folder.split("/")[-2]


@dataclass(frozen=True)
class Table:
    """A table in Glue's own shape (TableInput), with the version that a conditional update needs."""

    database: str
    definition: Mapping[str, Any]
    version: str

    @property
    def name(self) -> str:
        """Return the table's name."""
        return str(self.definition["Name"])

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the table-level parameters."""
        return self.definition.get("Parameters") or {}

    @property
    def columns(self) -> Sequence[Mapping[str, Any]]:
        """Return the columns (Name, Type, perhaps Comment), without the partition keys."""
        return (self.definition.get("StorageDescriptor") or {}).get("Columns") or ()

    @property
    def partition_keys(self) -> tuple[tuple[str, str], ...]:
        """Return names and types of the partition keys."""
        return tuple((key["Name"], key.get("Type", "string")) for key in self.definition.get("PartitionKeys") or ())

    @property
    def location(self) -> str:
        """Return the folder of the table."""
        return str((self.definition.get("StorageDescriptor") or {}).get("Location", ""))

    def with_changes(
        self,
        parameters: Mapping[str, str | None] | None = None,
        columns: Sequence[Mapping[str, Any]] | None = None,
        location: str | None = None,
    ) -> Table:
        """Return the table with parameters set (None removes one), columns or the location replaced."""
        merged = {**self.parameters, **(parameters or {})}
        storage = dict(self.definition.get("StorageDescriptor") or {})
        if columns is not None:
            storage["Columns"] = [dict(column) for column in columns]
        if location is not None:
            storage["Location"] = location
        kept = {name: value for name, value in merged.items() if value is not None}
        return replace(self, definition={**self.definition, "Parameters": kept, "StorageDescriptor": storage})

    def partition_input(self, partition: Partition) -> dict[str, Any]:
        """Return a partition in Glue's shape: stored as the table is, in a folder of its own."""
        storage = {**(self.definition.get("StorageDescriptor") or {}), "Location": partition.location}
        return {
            "Values": list(partition.values),
            "StorageDescriptor": storage,
            "Parameters": dict(partition.parameters),
        }


@dataclass(frozen=True)
class Refusal:
    """One entry of a batch that the catalog did not take because it exists already, or does not exist any more."""

    values: Values
    code: str


class Catalog(Protocol):
    """Tables and partitions of one database."""

    def find_table(self, name: str) -> Table | None:
        """Return the table, or None."""

    def list_locations(self) -> dict[str, str]:
        """Return the location of every table by its name, empty of views."""

    def update_table(self, table: Table) -> None:
        """Replace the table if it still has `table.version`, else raise TableChangedError."""

    def list_partitions(self, table: str) -> dict[Values, Partition]:
        """Return all partitions of a table."""

    def get_partitions(self, table: str, values: Sequence[Values]) -> dict[Values, Partition]:
        """Return those of the named partitions that exist."""

    def create_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Refusal]:
        """Create partitions; those that exist already are left alone and returned."""

    def update_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Refusal]:
        """Replace Location and parameters of each partition in one step; those that do not exist are returned."""

    def delete_partitions(self, table: str, values: Iterable[Values]) -> None:
        """Delete partitions (not their files); what does not exist is no error."""

    def prepare(self, contract: DatasetContract) -> None:
        """Make sure that the dataset's tables exist: create them, or raise TableMissingError where others do that."""


def require_table(catalog: Catalog, database: str, name: str) -> Table:
    """Return a table that must exist."""
    table = catalog.find_table(name)
    if table is None:
        raise TableMissingError(
            f"table {database}.{name} does not exist; the state machine creates it before it starts this job: "
            "start an execution of the state machine"
        )
    return table


def parquet_columns(contract: DatasetContract) -> list[dict[str, str]]:
    """Return the Parquet table's columns in the catalog's shape; Glue's type names are the contract's."""
    return [
        {"Name": column.name, "Type": column.type, **({"Comment": column.comment} if column.comment else {})}
        for column in contract.columns
    ]


def quarantine_columns() -> list[dict[str, str]]:
    """Return the quarantine table's columns in the catalog's shape."""
    return [{"Name": name, "Type": kind} for name, kind in QUARANTINE_COLUMNS]


def raw_columns(contract: DatasetContract) -> list[dict[str, str]]:
    """Return the columns that a raw table is made with: numbered where the files' headers will name them."""
    if contract.csv.by_name:
        return numbered_columns(len(contract.columns))
    return [{"Name": column.name, "Type": "string"} for column in contract.columns]


def numbered_columns(width: int) -> list[dict[str, str]]:
    """Return the columns of CSV files whose headers are unknown, or differ."""
    return [{"Name": f"column_{place}", "Type": "string"} for place in range(1, width + 1)]
