"""The Glue Data Catalog, with its batch limits, its partial errors and its optimistic lock on tables."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from catalog import (
    ALREADY_EXISTS,
    NOT_FOUND,
    CatalogError,
    CatalogRefusedError,
    CatalogUnavailableError,
    Partition,
    Refusal,
    Table,
    TableChangedError,
    require_table,
)
from contract import DatasetContract, Values
from storage import CLIENT_CONFIG, Once, aws_region, is_transient

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

# Entries per call:
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html (PartitionInputList: up to 100)
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchUpdatePartition.html (Entries: 1 to 100)
WRITE_BATCH = 100
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchDeletePartition.html (PartitionsToDelete: up to 25)
DELETE_BATCH = 25
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html (PartitionsToGet: up to 1,000)
READ_BATCH = 1000
# https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html (MaxResults: 1 to 1,000)
LIST_PAGE = 1000
# https://docs.aws.amazon.com/glue/latest/webapi/API_GetTables.html (MaxResults: 1 to 100)
TABLE_PAGE = 100
# Entries that failed within an answered batch are not retried by botocore: the call itself succeeded.
ENTRY_ATTEMPTS = 5
# Nor are these answers to a whole call, which pass all the same: they come with status 400 and no mark in the model.
# https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html#API_UpdateTable_Errors and the other calls' pages
CALL_ATTEMPTS = 5
TRANSIENT_CALL_CODES = (
    "OperationTimeoutException",
    "ResourceNotReadyException",
    "ConcurrentModificationException",
    "FederationSourceRetryableException",
)
# "Unprocessed" may be a partition that does not exist or one that Glue did not get to: asked for twice in vain, it is
# taken as absent.
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html
FRUITLESS_READS = 2
TRANSIENT_ENTRY_CODES = (
    "InternalServiceException",
    "OperationTimeoutException",
    "ConcurrentModificationException",
    "ThrottlingException",
    "ResourceNotReadyException",
)
# What UpdateTable takes; GetTable returns more:
# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
TABLE_INPUT_KEYS = (
    "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
    "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip

_Item = TypeVar("_Item")


@Once
def glue_client() -> GlueClient:
    """Return this process's Glue client."""
    return boto3.client("glue", region_name=aws_region(), config=CLIENT_CONFIG)


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _failure(error: ClientError | BotoCoreError) -> type[CatalogError]:
    return CatalogUnavailableError if is_transient(error) else CatalogRefusedError


def _partition(item: Any) -> Partition:
    return Partition(
        tuple(item.get("Values", ())),
        (item.get("StorageDescriptor") or {}).get("Location", ""),
        item.get("Parameters") or {},
    )


def _named(table: str, values: Iterable[Values]) -> str:
    """Name partitions of a table for a message."""
    named = [", ".join(item) for item in values]
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"{table} partition [{named[0]}]{more}"


class GlueCatalog:
    """One database of the Glue Data Catalog."""

    def __init__(self, database: str, client: GlueClient | None = None, pause: float = 0.5) -> None:
        self._database = database
        self._glue = client or glue_client()
        self._pause = pause

    def find_table(self, name: str) -> Table | None:
        """Return the table, or None."""
        try:
            answer = self._call("GetTable", name, self._glue.get_table, Name=name)
        except CatalogError as error:
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) == NOT_FOUND:
                return None
            raise
        table: dict[str, Any] = dict(answer["Table"])
        # An answer may hold "" where a request must hold at least one character (Owner).
        definition = {key: table[key] for key in TABLE_INPUT_KEYS if table.get(key) not in (None, "")}
        return Table(self._database, definition, table.get("VersionId", ""))

    def list_locations(self) -> dict[str, str]:
        """Return the location of every table by its name, empty of views."""
        request: dict[str, Any] = {"MaxResults": TABLE_PAGE}
        found: dict[str, str] = {}
        while True:
            page = self._call("GetTables", "", self._glue.get_tables, **request)
            for table in page.get("TableList", []):
                found[table["Name"]] = (table.get("StorageDescriptor") or {}).get("Location", "")
            if not page.get("NextToken"):
                return found
            request["NextToken"] = page["NextToken"]

    def update_table(self, table: Table) -> None:
        """Replace the table if it still has its version.

        Glue compares VersionId and answers ConcurrentModificationException. SkipArchive keeps no old version:
        their number is limited, https://docs.aws.amazon.com/general/latest/gr/glue.html.
        https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
        """
        changes = {"TableInput": dict(table.definition), "SkipArchive": True, "VersionId": table.version}
        self._call("UpdateTable", table.name, self._glue.update_table, **changes)

    def list_partitions(self, table: str) -> dict[Values, Partition]:
        """Return all partitions, without their column lists: with many columns those are most of the answer."""
        request: dict[str, Any] = {"TableName": table, "ExcludeColumnSchema": True, "MaxResults": LIST_PAGE}
        found: dict[Values, Partition] = {}
        while True:
            # Not by a paginator of botocore: after an error it is at its end, so that asking again would cut the list.
            page = self._call("GetPartitions", table, self._glue.get_partitions, **request)
            for item in page.get("Partitions", []):
                partition = _partition(item)
                found[partition.values] = partition
            if not page.get("NextToken"):
                return found
            request["NextToken"] = page["NextToken"]

    def get_partitions(self, table: str, values: Sequence[Values]) -> dict[Values, Partition]:
        """Return those of the named partitions that exist."""
        found: dict[Values, Partition] = {}
        for batch in _batches(values, READ_BATCH):
            wanted, fruitless = list(batch), 0
            while wanted and fruitless < FRUITLESS_READS:
                keys = [{"Values": list(item)} for item in wanted]
                request = {"TableName": table, "PartitionsToGet": keys}
                answer = self._call("BatchGetPartition", table, self._glue.batch_get_partition, **request)
                read = {item.values: item for item in map(_partition, answer.get("Partitions", []))}
                found.update(read)
                fruitless = 0 if read else fruitless + 1
                wanted = [tuple(key["Values"]) for key in answer.get("UnprocessedKeys", [])]
        return found

    def create_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Refusal]:
        """Create partitions, up to 100 per call."""
        entries = {item.values: table.partition_input(item) for item in partitions}
        create = self._glue.batch_create_partition
        names = "PartitionInputList", "PartitionValues"
        return self._write("BatchCreatePartition", create, table.name, entries, names, ALREADY_EXISTS)

    def update_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Refusal]:
        """Replace partitions, up to 100 per call."""
        entries = {
            item.values: {"PartitionValueList": list(item.values), "PartitionInput": table.partition_input(item)}
            for item in partitions
        }
        update = self._glue.batch_update_partition
        return self._write(
            "BatchUpdatePartition", update, table.name, entries, ("Entries", "PartitionValueList"), NOT_FOUND
        )

    def delete_partitions(self, table: str, values: Iterable[Values]) -> None:
        """Delete partitions, up to 25 per call."""
        entries = {item: {"Values": list(item)} for item in values}
        names = "PartitionsToDelete", "PartitionValues"
        delete = self._glue.batch_delete_partition
        self._write("BatchDeletePartition", delete, table, entries, names, NOT_FOUND, DELETE_BATCH)

    def _write(
        self,
        operation: str,
        write: Callable[..., Any],
        table: str,
        entries: Mapping[Values, Any],
        names: tuple[str, str],
        refusal: str,
        size: int = WRITE_BATCH,
    ) -> list[Refusal]:
        """Write entries in batches, again what failed for a passing reason; return the refused, raise on the rest.

        `names` are what the request calls its entries, and what an error in the answer calls the values of one.
        """
        refused: list[Refusal] = []
        for batch in _batches(list(entries.items()), size):
            left = dict(batch)
            for attempt in range(1, ENTRY_ATTEMPTS + 1):
                request = {"TableName": table, names[0]: list(left.values())}
                answer = self._call(operation, _named(table, left), write, **request)
                errors = answer.get("Errors", [])
                told = {tuple(error.get(names[1]) or ()): error.get("ErrorDetail") or {} for error in errors}
                refused += [Refusal(key, refusal) for key, why in told.items() if why.get("ErrorCode") == refusal]
                failed = {key: why for key, why in told.items() if why.get("ErrorCode") != refusal}
                if not failed:
                    break
                key, why = next(iter(failed.items()))
                code, text = why.get("ErrorCode", "Unknown"), why.get("ErrorMessage", "")
                # Of an entry that Glue does not name rightly nobody knows which one to send again.
                is_known = failed.keys() <= left.keys()
                if code not in TRANSIENT_ENTRY_CODES or attempt == ENTRY_ATTEMPTS or not is_known:
                    raise (CatalogUnavailableError if code in TRANSIENT_ENTRY_CODES else CatalogRefusedError)(
                        f"Glue {operation} {self._database}.{_named(table, [key])}: {code}: {text} "
                        f"({len(failed)} of {len(batch)} partitions of the batch failed)"
                    )
                left = {key: left[key] for key in failed}
                self._wait(attempt)
        return refused

    def _call(self, operation: str, place: str, action: Callable[..., Any], **request: Any) -> Any:
        """Make one Glue request, again while its error is a passing one; name call and object when it fails for good.

        A call that timed out may have been done. That it is repeated harms nothing: what exists already or no longer is
        refused entry by entry, and an update of a table has a condition.
        """
        place = f"{self._database}.{place}" if place else self._database
        for attempt in range(1, CALL_ATTEMPTS + 1):
            try:
                return action(DatabaseName=self._database, **request)
            except ClientError as error:
                code = _code(error)
                message = f"Glue {operation} {place}: {code}: {error.response.get('Error', {}).get('Message', '')}"
                if code == "ConcurrentModificationException" and operation == "UpdateTable":
                    raise TableChangedError(message) from error
                if code not in TRANSIENT_CALL_CODES or attempt == CALL_ATTEMPTS:
                    raise _failure(error)(message) from error
            except BotoCoreError as error:
                raise _failure(error)(f"Glue {operation} {place}: {type(error).__name__}: {error}") from error
            self._wait(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait(self, attempt: int) -> None:
        time.sleep(self._pause * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - jitter is no secret

    def prepare(self, contract: DatasetContract) -> None:
        """Raise unless the tables exist: on AWS the state machine creates them, visibly."""
        for name in (contract.parquet_table, contract.quarantine_table, contract.raw_table):
            require_table(self, self._database, name)
