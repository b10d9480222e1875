"""GlueCatalog: batch limits, partial errors, conditional updates, and messages that name call and object."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from catalog import CatalogError, Partition, Table, TableChangedError
from catalog_glue import ENTRY_ATTEMPTS, GlueCatalog
from contract import Values
from tests.unit.job.fake_glue import FakeGlue, client_error

COLUMNS = [{"Name": "id", "Type": "string"}]


def make(hiccup: Callable[[str, Values], str | None] = lambda operation, values: None) -> tuple[FakeGlue, GlueCatalog]:
    glue = FakeGlue(hiccup)
    glue.add_table({"Name": "t", "StorageDescriptor": {"Columns": COLUMNS, "Location": "s3://l/t/"}, "Parameters": {}})
    client: Any = glue
    return glue, GlueCatalog("db", client, pause=0)


def table(catalog: GlueCatalog) -> Table:
    found = catalog.find_table("t")
    assert found is not None
    return found


def partitions(count: int, run: str = "1") -> list[Partition]:
    return [
        Partition((str(number),), f"s3://l/t/p={number}/run={run}/", {"fingerprint": run}) for number in range(count)
    ]


def it_writes_in_batches_that_glue_allows() -> None:
    glue, catalog = make()
    assert catalog.create_partitions(table(catalog), partitions(230)) == []
    assert catalog.update_partitions(table(catalog), partitions(230, "2")) == []
    assert [size for name, size in glue.calls if name == "BatchCreatePartition"] == [100, 100, 30]
    assert [size for name, size in glue.calls if name == "BatchUpdatePartition"] == [100, 100, 30]
    found = catalog.list_partitions("t")
    assert len(found) == 230
    assert found[("7",)] == Partition(("7",), "s3://l/t/p=7/run=2/", {"fingerprint": "2"})
    assert glue.partitions["t"][("7",)]["StorageDescriptor"]["Columns"] == COLUMNS
    catalog.delete_partitions("t", [*list(found)[:60], ("gone",)])
    assert [size for name, size in glue.calls if name == "BatchDeletePartition"] == [25, 25, 11]
    assert len(catalog.list_partitions("t")) == 170


def it_reads_only_the_partitions_that_exist() -> None:
    glue, catalog = make()
    catalog.create_partitions(table(catalog), partitions(2))
    assert set(catalog.get_partitions("t", [("0",), ("9",)])) == {("0",)}
    catalog.get_partitions("t", [(str(number),) for number in range(1500)])
    # What does not exist may only be late, so it is asked for once more.
    assert [size for name, size in glue.calls if name == "BatchGetPartition"] == [2, 1, 1, 1000, 998, 998, 500, 500]


def it_asks_again_for_what_glue_did_not_get_to() -> None:
    late: dict[Values, int] = {("1",): 1, ("2",): 2}

    def hiccup(operation: str, values: Values) -> str | None:
        if operation == "BatchGetPartition" and late.get(values, 0):
            late[values] -= 1
            return "late"
        return None

    glue, catalog = make(hiccup)
    catalog.create_partitions(table(catalog), partitions(3))
    assert set(catalog.get_partitions("t", [("0",), ("1",), ("2",)])) == {("0",), ("1",), ("2",)}
    late[("0",)] = 1
    assert set(catalog.get_partitions("t", [("0",)])) == {("0",)}
    assert [size for name, size in glue.calls if name == "BatchGetPartition"] == [3, 2, 1, 1, 1]


def it_lists_a_thousand_partitions_per_call() -> None:
    glue, catalog = make()
    catalog.create_partitions(table(catalog), partitions(1001))
    assert len(catalog.list_partitions("t")) == 1001
    assert [size for name, size in glue.calls if name == "GetPartitions"] == [1000, 1000]


def it_returns_what_exists_already_and_what_does_not() -> None:
    _, catalog = make()
    catalog.create_partitions(table(catalog), partitions(1))
    assert [refusal.values for refusal in catalog.create_partitions(table(catalog), partitions(2, "2"))] == [("0",)]
    assert catalog.get_partitions("t", [("0",)])[("0",)].fingerprint == "1"
    missing = [Partition(("9",), "s3://l/x/", {})]
    assert [refusal.values for refusal in catalog.update_partitions(table(catalog), missing)] == [("9",)]


WRITES: dict[str, Callable[[GlueCatalog], Any]] = {
    "BatchCreatePartition": lambda catalog: catalog.create_partitions(table(catalog), partitions(5)),
    "BatchUpdatePartition": lambda catalog: catalog.update_partitions(table(catalog), partitions(5, "2")),
    "BatchDeletePartition": lambda catalog: catalog.delete_partitions("t", [item.values for item in partitions(5)]),
}


@pytest.mark.parametrize("operation", WRITES)
def it_retries_entries_that_fail_for_a_passing_reason(operation: str) -> None:
    left: dict[Values, int] = {("1",): 2, ("3",): 1}

    def hiccup(called: str, values: Values) -> str | None:
        if called == operation and left.get(values, 0):
            left[values] -= 1
            return "InternalServiceException"
        return None

    glue, catalog = make(hiccup)
    if operation != "BatchCreatePartition":
        catalog.create_partitions(table(catalog), partitions(5))
    assert not WRITES[operation](catalog)
    assert [size for name, size in glue.calls if name == operation] == [5, 2, 1]
    runs = {"BatchCreatePartition": ["1"] * 5, "BatchUpdatePartition": ["2"] * 5, "BatchDeletePartition": []}
    assert [item.fingerprint for item in catalog.list_partitions("t").values()] == runs[operation]


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    ("code", "calls"), [("InternalServiceException", ENTRY_ATTEMPTS), ("AccessDeniedException", 1)]
)
def it_names_the_partition_that_cannot_be_written(operation: str, code: str, calls: int) -> None:
    glue, catalog = make(lambda called, values: code if (called, values) == (operation, ("3",)) else None)
    if operation != "BatchCreatePartition":
        catalog.create_partitions(table(catalog), partitions(5))
    message = rf"Glue {operation} db\.t partition \[3\]: {code}: no \(1 of 5 partitions of the batch failed\)"
    with pytest.raises(CatalogError, match=message):
        WRITES[operation](catalog)
    assert len([name for name, _ in glue.calls if name == operation]) == calls
    # All others were written: what can be done is done.
    there = {"BatchCreatePartition": 4, "BatchUpdatePartition": 5, "BatchDeletePartition": 1}
    assert len(catalog.list_partitions("t")) == there[operation]


def it_names_the_call_where_glue_does_not_name_the_entry_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What names an entry is optional: https://docs.aws.amazon.com/glue/latest/webapi/API_PartitionError.html"""
    glue, catalog = make()
    answer = {"Errors": [{"ErrorDetail": {"ErrorCode": "InternalServiceException", "ErrorMessage": "no"}}]}
    monkeypatch.setattr(glue, "batch_create_partition", lambda **_: answer)
    with pytest.raises(
        CatalogError, match=r"^Glue BatchCreatePartition db\.t partition \[\]: InternalServiceException: no"
    ):
        catalog.create_partitions(table(catalog), partitions(5))


def it_updates_a_table_only_at_its_version() -> None:
    _, catalog = make()
    first = table(catalog)
    catalog.update_table(first.with_changes({"a": "1"}, location="s3://l/u/"))
    assert (table(catalog).parameters, table(catalog).location) == ({"a": "1"}, "s3://l/u/")
    with pytest.raises(TableChangedError, match=r"Glue UpdateTable db\.t: ConcurrentModificationException"):
        catalog.update_table(first.with_changes({"a": "2"}))
    catalog.update_table(table(catalog).with_changes({"a": None}))
    assert table(catalog).parameters == {}


def it_names_the_call_and_the_table_when_access_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    glue, catalog = make()
    assert catalog.find_table("none") is None

    def denied(**arguments: Any) -> None:
        raise client_error("GetTable", "AccessDeniedException", "not authorized to perform: glue:GetTable")

    monkeypatch.setattr(glue, "get_table", denied)
    with pytest.raises(CatalogError, match=r"Glue GetTable db\.t: AccessDeniedException: not authorized to perform"):
        catalog.find_table("t")

    def offline(**arguments: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://glue")

    monkeypatch.setattr(glue, "get_table", offline)
    with pytest.raises(CatalogError, match=r"Glue GetTable db\.t: EndpointConnectionError"):
        catalog.find_table("t")
