"""The Glue catalog where ministack's differs from AWS: partition calls it lacks, limits, paging, atomic calls."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from local_aws.extensions.hooks import Emulator

PAGE_SIZE = 1000
# Lists that come by pages of at most so many: https://docs.aws.amazon.com/glue/latest/webapi/API_GetTables.html,
# .../API_GetDatabases.html and .../API_GetJobRuns.html
PAGED = {"GetTables": ("TableList", 100), "GetDatabases": ("DatabaseList", 100), "GetJobRuns": ("JobRuns", 200)}
# What UpdateTable replaces as a whole: a field left out of the TableInput is cleared.
TABLE_DEFAULTS: dict[str, Any] = {
    "Description": "",
    "Owner": "",
    "Parameters": {},
    "PartitionKeys": [],
    "StorageDescriptor": {},
    "TableType": "EXTERNAL_TABLE",
    "ViewOriginalText": None,
    "ViewExpandedText": None,
}
UNSET_FIELDS = ("Description", "Owner", "ViewOriginalText", "ViewExpandedText", "ViewDefinition", "IsMultiDialectView")
# Quick calls on the catalog run one at a time, as each is atomic on AWS.
UNLOCKED = ("StartJobRun", "BatchStopJobRun")

Handler = Callable[[dict[str, Any]], Any]


class GlueCatalog:
    """Adds and corrects catalog calls in front of ministack's dispatch."""

    def __init__(self, emulator: Emulator) -> None:
        self._glue = emulator.module(
            "services.glue", "_handle_request_sync", "_tables", "_partitions", "_databases", "_classifiers"
        )
        self._responses = emulator.module("core.responses", "json_response", "error_response_json", "get_account_id")
        self._lock = threading.RLock()
        self._handlers: dict[str, Handler] = {
            "CreatePartition": self.create_partition,
            "UpdatePartition": self.update_partition,
            "DeletePartition": self.delete_partition,
            "BatchCreatePartition": self.batch_create_partition,
            "BatchUpdatePartition": self.batch_update_partition,
            "BatchDeletePartition": self.batch_delete_partition,
            "BatchGetPartition": self.batch_get_partition,
            "GetPartitions": self.get_partitions,
            "UpdateClassifier": self.update_classifier,
        }

    def install(self) -> None:
        """Put the dispatch in place."""
        self._original = self._glue.replace("_handle_request_sync", self.handle)

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        """Answer one Glue request."""
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        with contextlib.nullcontext() if action in UNLOCKED else self._lock:
            data = json.loads(body) if body else {}
            refusal = self._refusal(action, data)
            if refusal:
                return refusal
            if action == "UpdateTable":
                data["TableInput"] = {**TABLE_DEFAULTS, **data.get("TableInput", {})}
                body = json.dumps(data).encode()
            handler = self._handlers.get(action)
            if handler:
                return handler(data)
            answer = self._original(method, path, headers, body, query)
            if action in ("GetTable", "GetTables"):
                answer = without_unset_fields(answer)
            return one_page(answer, data, *PAGED[action]) if action in PAGED else answer

    def _refusal(self, action: str, data: dict[str, Any]) -> Any:
        if "Partition" in action and "DatabaseName" in data and self._key(data) not in self._glue._tables:
            return self._error("EntityNotFoundException", f"Table {data.get('TableName')} not found.")
        if action == "GetTables" and data.get("DatabaseName") not in self._glue._databases:
            return self._error("EntityNotFoundException", f"Database {data.get('DatabaseName')} not found.")
        if action in ("CreateTable", "UpdateTable"):
            name = (data.get("TableInput") or {}).get("Name", "")
            if name != name.lower():
                return self._error("InvalidInputException", f"The table name {name!r} has to be in lower case")
        return None

    # Partitions

    def create_partition(self, data: dict[str, Any]) -> Any:
        """Add one partition."""
        errors = self._create(data, [data["PartitionInput"]])
        return self._first_error(errors)

    def update_partition(self, data: dict[str, Any]) -> Any:
        """Replace one partition."""
        entry = {"PartitionValueList": data["PartitionValueList"], "PartitionInput": data["PartitionInput"]}
        return self._first_error(self._update(data, [entry]))

    def delete_partition(self, data: dict[str, Any]) -> Any:
        """Remove one partition."""
        return self._first_error(self._delete(data, [data["PartitionValues"]]))

    def batch_create_partition(self, data: dict[str, Any]) -> Any:
        """Add partitions; those that exist are reported and the others added."""
        return self._responses.json_response({"Errors": self._create(data, data["PartitionInputList"])})

    def batch_update_partition(self, data: dict[str, Any]) -> Any:
        """Replace partitions; missing ones are reported and the others replaced."""
        return self._responses.json_response({"Errors": self._update(data, data["Entries"])})

    def batch_delete_partition(self, data: dict[str, Any]) -> Any:
        """Remove partitions; missing ones are reported and the others removed."""
        values = [entry["Values"] for entry in data["PartitionsToDelete"]]
        return self._responses.json_response({"Errors": self._delete(data, values)})

    def batch_get_partition(self, data: dict[str, Any]) -> Any:
        """Return the partitions that exist; AWS leaves out the others and names no error."""
        known = self._by_values(data)
        wanted = [known.get(tuple(entry["Values"])) for entry in data["PartitionsToGet"]]
        found = [partition for partition in wanted if partition is not None]
        return self._responses.json_response({"Partitions": found, "UnprocessedKeys": []})

    def get_partitions(self, data: dict[str, Any]) -> Any:
        """List partitions by pages, as AWS does; filter expressions are not offered."""
        if data.get("Expression"):
            return self._error("InvalidInputException", "the local AWS does not evaluate partition expressions")
        partitions = list(self._partitions(data))
        if segment := data.get("Segment"):
            partitions = partitions[segment["SegmentNumber"] :: segment["TotalSegments"]]
        start = int(data.get("NextToken") or 0)
        end = start + min(int(data.get("MaxResults") or PAGE_SIZE), PAGE_SIZE)
        page = partitions[start:end]
        if data.get("ExcludeColumnSchema"):
            page = [without_columns(partition) for partition in page]
        answer: dict[str, Any] = {"Partitions": page}
        if end < len(partitions):
            answer["NextToken"] = str(end)
        return self._responses.json_response(answer)

    def _create(self, data: dict[str, Any], inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = self._by_values(data)
        width = len(self._glue._tables[self._key(data)].get("PartitionKeys") or [])
        errors = []
        for partition in inputs:
            values = partition.get("Values", [])
            if len(values) != width:
                errors.append(entry_error(values, "InvalidInputException", f"{width} partition values are needed"))
            elif tuple(values) in known:
                errors.append(entry_error(values, "AlreadyExistsException", "Partition already exists."))
            else:
                record = {**partition, **self._record_fields(data), "CreationTime": time.time()}
                known[tuple(values)] = record
                self._partitions(data).append(record)
        return errors

    def _update(self, data: dict[str, Any], entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = self._by_values(data)
        errors = []
        for entry in entries:
            values = entry["PartitionValueList"]
            record = known.get(tuple(values))
            if record is None:
                errors.append(update_error(values, "EntityNotFoundException", "Partition not found."))
            elif entry["PartitionInput"].get("Values", values) != values:
                # https://docs.aws.amazon.com/glue/latest/webapi/API_UpdatePartition.html
                errors.append(update_error(values, "InvalidInputException", "Values of a partition cannot be changed."))
            else:
                created = record["CreationTime"]
                record.clear()
                record.update({**entry["PartitionInput"], **self._record_fields(data), "CreationTime": created})
                record.setdefault("Values", values)
        return errors

    def _delete(self, data: dict[str, Any], values: list[list[str]]) -> list[dict[str, Any]]:
        known = self._by_values(data)
        unwanted = {tuple(item) for item in values}
        self._glue._partitions[self._key(data)] = [partition for key, partition in known.items() if key not in unwanted]
        return [
            entry_error(item, "EntityNotFoundException", "Partition not found.")
            for item in values
            if tuple(item) not in known
        ]

    def _partitions(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        partitions: list[dict[str, Any]] = self._glue._partitions.setdefault(self._key(data), [])
        return partitions

    def _by_values(self, data: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
        return {tuple(partition["Values"]): partition for partition in self._partitions(data)}

    def _record_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "DatabaseName": data["DatabaseName"],
            "TableName": data["TableName"],
            "CatalogId": self._responses.get_account_id(),
        }

    # Classifiers

    def update_classifier(self, data: dict[str, Any]) -> Any:
        """Change a classifier's settings."""
        kind, settings = next(iter(data.items()))
        known = self._glue._classifiers.get(settings.get("Name"))
        if known is None:
            return self._error("EntityNotFoundException", f"Classifier {settings.get('Name')} not found.")
        record = known[kind]
        record.update({**settings, "LastUpdated": time.time(), "Version": record["Version"] + 1})
        return self._responses.json_response({})

    def _first_error(self, errors: list[dict[str, Any]]) -> Any:
        if not errors:
            return self._responses.json_response({})
        detail = errors[0]["ErrorDetail"]
        return self._error(detail["ErrorCode"], detail["ErrorMessage"])

    def _key(self, data: dict[str, Any]) -> str:
        return f"{data.get('DatabaseName')}/{data.get('TableName')}"

    def _error(self, code: str, message: str) -> Any:
        return self._responses.error_response_json(code, message, 400)


def without_unset_fields(answer: Any) -> Any:
    """Leave out of tables what was never given: AWS does, and refuses such empty fields in an UpdateTable."""
    status, headers, body = answer
    data = json.loads(body)
    for table in [data["Table"]] if "Table" in data else data.get("TableList", []):
        for field in [field for field in UNSET_FIELDS if table.get(field) in ("", None)]:
            table.pop(field, None)
    return status, headers, json.dumps(data).encode()


def one_page(answer: Any, data: dict[str, Any], field: str, size: int) -> Any:
    """Return the page that was asked for of a list, with the token of the next one."""
    status, headers, body = answer
    if status != 200:
        return answer
    content = json.loads(body)
    start = int(data.get("NextToken") or 0)
    end = start + min(int(data.get("MaxResults") or size), size)
    if end < len(content[field]):
        content["NextToken"] = str(end)
    content[field] = content[field][start:end]
    return status, headers, json.dumps(content).encode()


def entry_error(values: list[str], code: str, message: str) -> dict[str, Any]:
    """Return the error of one entry of a batch."""
    return {"PartitionValues": values, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": message}}


def update_error(values: list[str], code: str, message: str) -> dict[str, Any]:
    """Return the error of one entry of BatchUpdatePartition, which calls the values by another name."""
    error = entry_error(values, code, message)
    return {"PartitionValueList": error.pop("PartitionValues"), **error}


def without_columns(partition: dict[str, Any]) -> dict[str, Any]:
    """Return a partition as GetPartitions does when asked to leave out the columns."""
    storage = partition.get("StorageDescriptor")
    if not storage:
        return partition
    return {**partition, "StorageDescriptor": {key: value for key, value in storage.items() if key != "Columns"}}


def pages(call: Callable[..., dict[str, Any]], field: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield the entries of a paged Glue call."""
    token: dict[str, str] = {}
    while True:
        answer = call(**arguments, **token)
        yield from answer[field]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}
