"""A Glue Data Catalog in memory, for GlueCatalog: the documented limits, partial errors and conditional updates."""

# ruff: noqa: N803 - the names of the API

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

Values = tuple[str, ...]
Entry = dict[str, Any]


def client_error(operation: str, code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeGlue:
    """The calls that the job makes. `hiccup` may name an error code for an entry of a batch, or None."""

    def __init__(self, hiccup: Callable[[str, Values], str | None] = lambda operation, values: None) -> None:
        self.tables: dict[str, Entry] = {}
        self.partitions: dict[str, dict[Values, Entry]] = {}
        self.calls: list[tuple[str, int]] = []
        self.hiccup = hiccup

    def add_table(self, definition: Entry) -> None:
        self.tables[definition["Name"]] = {**copy.deepcopy(definition), "VersionId": "0"}
        self.partitions.setdefault(definition["Name"], {})

    def _table(self, operation: str, name: str) -> Entry:
        if name not in self.tables:
            raise client_error(operation, "EntityNotFoundException", f"Table {name} not found")
        return self.tables[name]

    def _limit(self, operation: str, size: int, limit: int, least: int = 0) -> None:
        self.calls.append((operation, size))
        if not least <= size <= limit:
            raise client_error(operation, "InvalidInputException", f"{size} entries, allowed {least} to {limit}")

    def get_table(self, DatabaseName: str, Name: str) -> Entry:
        table = copy.deepcopy(self._table("GetTable", Name))
        more = {"DatabaseName": DatabaseName, "CatalogId": "1", "IsRegisteredWithLakeFormation": False}
        return {"Table": {**table, **more}}

    def get_tables(self, DatabaseName: str, MaxResults: int, NextToken: str = "0") -> Entry:
        self._limit("GetTables", MaxResults, 100, 1)
        return self._page("TableList", [self.tables[name] for name in sorted(self.tables)], MaxResults, NextToken)

    def update_table(self, DatabaseName: str, TableInput: Entry, SkipArchive: bool, VersionId: str) -> None:
        table = self._table("UpdateTable", TableInput["Name"])
        if unknown := set(TableInput) & {"DatabaseName", "CatalogId", "VersionId", "IsRegisteredWithLakeFormation"}:
            raise client_error("UpdateTable", "InvalidInputException", f"unknown {unknown}")
        if VersionId != table["VersionId"]:
            raise client_error("UpdateTable", "ConcurrentModificationException", "stale version")
        version = str(int(VersionId) + 1)
        self.tables[TableInput["Name"]] = {**copy.deepcopy(TableInput), "VersionId": version}

    def get_partitions(
        self, DatabaseName: str, TableName: str, ExcludeColumnSchema: bool, MaxResults: int, NextToken: str = "0"
    ) -> Entry:
        self._table("GetPartitions", TableName)
        self._limit("GetPartitions", MaxResults, 1000, 1)
        return self._page("Partitions", list(self.partitions[TableName].values()), MaxResults, NextToken)

    @staticmethod
    def _page(name: str, items: Sequence[Entry], size: int, token: str) -> Entry:
        """Return a page of the items, copied, and where the next one begins if there is one."""
        first, behind = int(token), int(token) + size
        page: Entry = {name: copy.deepcopy(items[first:behind])}
        return {**page, "NextToken": str(behind)} if behind < len(items) else page

    def batch_get_partition(self, DatabaseName: str, TableName: str, PartitionsToGet: list[Entry]) -> Entry:
        self._limit("BatchGetPartition", len(PartitionsToGet), 1000)
        there = self.partitions[TableName]
        wanted = [tuple(item["Values"]) for item in PartitionsToGet]
        found = [item for item in wanted if item in there and not self.hiccup("BatchGetPartition", item)]
        # Those that do not exist, and those that Glue did not get to this time: nothing tells one from the other.
        missing = [{"Values": list(item)} for item in wanted if item not in found]
        return {"Partitions": [dict(there[item]) for item in found], "UnprocessedKeys": missing}

    def batch_create_partition(self, DatabaseName: str, TableName: str, PartitionInputList: list[Entry]) -> Entry:
        self._limit("BatchCreatePartition", len(PartitionInputList), 100)
        there, inputs = self.partitions[TableName], {tuple(item["Values"]): item for item in PartitionInputList}

        def create(values: Values) -> str | None:
            return "AlreadyExistsException" if there.setdefault(values, inputs[values]) is not inputs[values] else None

        return self._each("BatchCreatePartition", "PartitionValues", list(inputs), create)

    def batch_update_partition(self, DatabaseName: str, TableName: str, Entries: list[Entry]) -> Entry:
        self._limit("BatchUpdatePartition", len(Entries), 100, 1)
        there = self.partitions[TableName]
        inputs = {tuple(entry["PartitionValueList"]): entry["PartitionInput"] for entry in Entries}

        def update(values: Values) -> str | None:
            if values not in there:
                return "EntityNotFoundException"
            there[values] = inputs[values]
            return None

        return self._each("BatchUpdatePartition", "PartitionValueList", list(inputs), update)

    def batch_delete_partition(self, DatabaseName: str, TableName: str, PartitionsToDelete: list[Entry]) -> Entry:
        self._limit("BatchDeletePartition", len(PartitionsToDelete), 25)
        there, doomed = self.partitions[TableName], [tuple(entry["Values"]) for entry in PartitionsToDelete]

        def delete(values: Values) -> str | None:
            return None if there.pop(values, None) else "EntityNotFoundException"

        return self._each("BatchDeletePartition", "PartitionValues", doomed, delete)

    def _each(
        self, operation: str, values_field: str, entries: Sequence[Values], act: Callable[[Values], str | None]
    ) -> Entry:
        """Act on each entry that has no hiccup; return the errors as Glue does."""
        codes = [(values, self.hiccup(operation, values) or act(values)) for values in entries]
        return {
            "Errors": [
                {values_field: list(values), "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "no"}}
                for values, code in codes
                if code is not None
            ]
        }
