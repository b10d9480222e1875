"""A Glue Data Catalog in memory, for GlueCatalog: the documented limits, partial errors and conditional updates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Values = tuple[str, ...]


def client_error(operation: str, code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeGlue:
    """The calls that the job makes. `hiccup` may name an error code for an entry of a batch, or None."""

    def __init__(self, hiccup: Callable[[str, Values], str | None] = lambda operation, values: None) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.partitions: dict[str, dict[Values, dict[str, Any]]] = {}
        self.calls: list[tuple[str, int]] = []
        self.hiccup = hiccup

    def add_table(self, definition: dict[str, Any]) -> None:
        self.tables[definition["Name"]] = {**copy.deepcopy(definition), "VersionId": "0"}
        self.partitions.setdefault(definition["Name"], {})

    def _table(self, operation: str, name: str) -> dict[str, Any]:
        if name not in self.tables:
            raise client_error(operation, "EntityNotFoundException", f"Table {name} not found")
        return self.tables[name]

    def get_table(self, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803 - the names of the API
        table = copy.deepcopy(self._table("GetTable", Name))
        return {
            "Table": {**table, "DatabaseName": DatabaseName, "CatalogId": "1", "IsRegisteredWithLakeFormation": False}
        }

    def get_tables(self, DatabaseName: str, MaxResults: int, NextToken: str = "") -> dict[str, Any]:  # noqa: N803
        names = sorted(self.tables)
        first, self.calls = int(NextToken or 0), [*self.calls, ("GetTables", MaxResults)]
        if not 1 <= MaxResults <= 100:
            raise client_error("GetTables", "InvalidInputException", "MaxResults")
        page = [copy.deepcopy(self.tables[name]) for name in names[first : first + MaxResults]]
        more = {"NextToken": str(first + MaxResults)} if first + MaxResults < len(names) else {}
        return {"TableList": page, **more}

    def update_table(
        self,
        DatabaseName: str,  # noqa: N803
        TableInput: dict[str, Any],  # noqa: N803
        SkipArchive: bool,  # noqa: N803
        VersionId: str,  # noqa: N803
    ) -> None:
        table = self._table("UpdateTable", TableInput["Name"])
        if unknown := set(TableInput) & {"DatabaseName", "CatalogId", "VersionId", "IsRegisteredWithLakeFormation"}:
            raise client_error("UpdateTable", "InvalidInputException", f"unknown {unknown}")
        if VersionId != table["VersionId"]:
            raise client_error("UpdateTable", "ConcurrentModificationException", "stale version")
        version = str(int(VersionId) + 1)
        self.tables[TableInput["Name"]] = {**copy.deepcopy(TableInput), "VersionId": version}

    def get_partitions(
        self,
        DatabaseName: str,  # noqa: N803
        TableName: str,  # noqa: N803
        ExcludeColumnSchema: bool,  # noqa: N803
        MaxResults: int,  # noqa: N803
        NextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self._table("GetPartitions", TableName)
        first, items = int(NextToken), list(self.partitions[TableName].values())
        self._limit("GetPartitions", MaxResults, 1000, 1)
        page: dict[str, Any] = {"Partitions": [dict(item) for item in items[first : first + MaxResults]]}
        return {**page, "NextToken": str(first + MaxResults)} if first + MaxResults < len(items) else page

    def batch_get_partition(
        self,
        DatabaseName: str,  # noqa: N803
        TableName: str,  # noqa: N803
        PartitionsToGet: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        self._limit("BatchGetPartition", len(PartitionsToGet), 1000)
        there = self.partitions[TableName]
        wanted = [tuple(item["Values"]) for item in PartitionsToGet]
        found = [item for item in wanted if item in there and not self.hiccup("BatchGetPartition", item)]
        # Those that do not exist, and those that Glue did not get to this time: nothing tells one from the other.
        missing = [{"Values": list(item)} for item in wanted if item not in found]
        return {"Partitions": [dict(there[item]) for item in found], "UnprocessedKeys": missing}

    def _limit(self, operation: str, size: int, limit: int, least: int = 0) -> None:
        self.calls.append((operation, size))
        if not least <= size <= limit:
            raise client_error(operation, "InvalidInputException", f"{size} entries, allowed {least} to {limit}")

    def batch_create_partition(
        self,
        DatabaseName: str,  # noqa: N803
        TableName: str,  # noqa: N803
        PartitionInputList: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        self._limit("BatchCreatePartition", len(PartitionInputList), 100)
        errors = []
        for item in PartitionInputList:
            values = tuple(item["Values"])
            code = self.hiccup("BatchCreatePartition", values)
            if code is None and values in self.partitions[TableName]:
                code = "AlreadyExistsException"
            if code is None:
                self.partitions[TableName][values] = dict(item)
            else:
                errors.append(
                    {"PartitionValues": list(values), "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "no"}}
                )
        return {"Errors": errors}

    def batch_update_partition(
        self,
        DatabaseName: str,  # noqa: N803
        TableName: str,  # noqa: N803
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        self._limit("BatchUpdatePartition", len(Entries), 100, 1)
        errors = []
        for entry in Entries:
            values = tuple(entry["PartitionValueList"])
            code = self.hiccup("BatchUpdatePartition", values)
            if code is None and values not in self.partitions[TableName]:
                code = "EntityNotFoundException"
            if code is None:
                self.partitions[TableName][values] = dict(entry["PartitionInput"])
            else:
                errors.append(
                    {"PartitionValueList": list(values), "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "no"}}
                )
        return {"Errors": errors}

    def batch_delete_partition(
        self,
        DatabaseName: str,  # noqa: N803
        TableName: str,  # noqa: N803
        PartitionsToDelete: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        self._limit("BatchDeletePartition", len(PartitionsToDelete), 25)
        errors = []
        for entry in PartitionsToDelete:
            values = tuple(entry["Values"])
            code = self.hiccup("BatchDeletePartition", values)
            if code is None and self.partitions[TableName].pop(values, None) is None:
                code = "EntityNotFoundException"
            if code is not None:
                errors.append(
                    {"PartitionValues": list(values), "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "no"}}
                )
        return {"Errors": errors}
