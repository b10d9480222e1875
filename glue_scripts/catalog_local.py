"""A catalog of JSON files, so that the whole job runs on local folders with no AWS.

`<lake>/catalog/<database>/<table>.json` holds the table, `<table>.partitions/` one file per partition. Every file
is replaced by renaming; a lock file makes the conditional update of a table atomic among processes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catalog import (
    ALREADY_EXISTS,
    NOT_FOUND,
    PARQUET_PARAMETERS,
    PARQUET_STORAGE,
    CatalogRefusedError,
    Partition,
    Refusal,
    Table,
    TableChangedError,
    parquet_columns,
    quarantine_columns,
    raw_columns,
)
from contract import DatasetContract, Values
from lake import data_root, escape_value, local_catalog, quarantine_root, table_location
from storage import ObjectMissingError, folder_uri, local_path, open_storage


class LocalCatalog:
    """One database as a folder of JSON files."""

    def __init__(self, lake_uri: str, database: str) -> None:
        self._root = local_path(local_catalog(folder_uri(lake_uri), database))
        self._storage = open_storage(lake_uri)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _read(self, path: Path) -> Any:
        try:
            return json.loads(self._storage.read_bytes(str(path)))
        except ObjectMissingError:
            return None
        except ValueError as error:
            raise CatalogRefusedError(f"catalog file {path} is not valid JSON: {error}") from error

    def _write(self, path: Path, content: Any) -> None:
        self._storage.write_bytes(str(path), json.dumps(content, indent=1, ensure_ascii=False).encode())

    def _folder(self, table: str) -> Path:
        return self._root / f"{table}.partitions"

    def _partition_file(self, table: str, values: Values) -> Path:
        readable = ",".join(escape_value(value) for value in values)
        digest = hashlib.sha256("\0".join(values).encode()).hexdigest()[:12]
        return self._folder(table) / f"{readable[:60]}-{digest}.json"

    def find_table(self, name: str) -> Table | None:
        """Return the table, or None."""
        content = self._read(self._root / f"{name}.json")
        return None if content is None else Table(self._root.name, content["table"], content["version"])

    def list_locations(self) -> dict[str, str]:
        """Return the location of every table by its name."""
        found = (self.find_table(path.stem) for path in sorted(self._root.glob("*.json")))
        return {table.name: table.location for table in found if table is not None}

    def update_table(self, table: Table) -> None:
        """Replace the table if it still has its version."""
        with self._locked():
            current = self.find_table(table.name)
            if current is None or current.version != table.version:
                raise TableChangedError(f"table {table.database}.{table.name} is no longer at version {table.version}")
            self._write_table(table, int(table.version) + 1)

    def _write_table(self, table: Table, version: int) -> None:
        content = {"version": str(version), "table": dict(table.definition)}
        self._write(self._root / f"{table.name}.json", content)

    def list_partitions(self, table: str) -> dict[Values, Partition]:
        """Return all partitions of a table."""
        files = sorted(self._folder(table).glob("*.json"))
        found = (self._load(path) for path in files)
        return {partition.values: partition for partition in found if partition is not None}

    def get_partitions(self, table: str, values: Sequence[Values]) -> dict[Values, Partition]:
        """Return those of the named partitions that exist."""
        found = (self._load(self._partition_file(table, item)) for item in values)
        return {partition.values: partition for partition in found if partition is not None}

    def _load(self, path: Path) -> Partition | None:
        content = self._read(path)
        if content is None:
            return None
        return Partition(tuple(content["Values"]), content["StorageDescriptor"]["Location"], content["Parameters"])

    def create_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Refusal]:
        """Create partitions; those that exist already are left alone and returned."""
        return self._put(table, partitions, exists=False, refusal=ALREADY_EXISTS)

    def update_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Refusal]:
        """Replace partitions; those that do not exist are returned."""
        return self._put(table, partitions, exists=True, refusal=NOT_FOUND)

    def _put(self, table: Table, partitions: Sequence[Partition], *, exists: bool, refusal: str) -> list[Refusal]:
        refused = []
        with self._locked():
            for partition in partitions:
                path = self._partition_file(table.name, partition.values)
                if path.exists() == exists:
                    self._write(path, table.partition_input(partition))
                else:
                    refused.append(Refusal(partition.values, refusal))
        return refused

    def delete_partitions(self, table: str, values: Iterable[Values]) -> None:
        """Delete partitions; what does not exist is no error."""
        with self._locked():
            for item in values:
                self._partition_file(table, item).unlink(missing_ok=True)

    def prepare(self, contract: DatasetContract) -> None:
        """Create the tables that are missing, as the state machine does on AWS."""
        keys = [{"Name": key.name, "Type": key.type} for key in contract.partition_keys]
        raw = {
            "StorageDescriptor": {"Columns": raw_columns(contract), "Location": contract.source_uri},
            "PartitionKeys": [] if contract.partition_pattern is not None else keys,
            "Parameters": {"classification": "csv", "EXTERNAL": "TRUE"},
        }

        def parquet(columns: Sequence[Mapping[str, str]], root: str) -> dict[str, Any]:
            place = {"Columns": columns, "Location": table_location(root, bool(keys))}
            storage = {**PARQUET_STORAGE, **place}
            return {"StorageDescriptor": storage, "PartitionKeys": keys, "Parameters": PARQUET_PARAMETERS}

        wanted = {
            contract.raw_table: raw,
            contract.parquet_table: parquet(parquet_columns(contract), data_root(contract)),
            contract.quarantine_table: parquet(quarantine_columns(), quarantine_root(contract)),
        }
        with self._locked():
            for name, definition in wanted.items():
                if self.find_table(name) is None:
                    self._write_table(
                        Table(self._root.name, {"Name": name, "TableType": "EXTERNAL_TABLE", **definition}, "0"), 1
                    )
