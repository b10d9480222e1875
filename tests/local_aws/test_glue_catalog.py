"""The Glue catalog's partition calls: batches, limits, errors per entry, paging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws


def part(value: str, **more: Any) -> dict[str, Any]:
    return {
        "Values": [value],
        "StorageDescriptor": {"Columns": [{"Name": "a"}], "Location": f"s3://b/{value}/"},
        **more,
    }


@pytest.fixture
def table(aws: LocalAws, database: str) -> dict[str, str]:
    aws.client("glue").create_table(
        DatabaseName=database, TableInput={"Name": "t", "PartitionKeys": [{"Name": "m", "Type": "string"}]}
    )
    return {"DatabaseName": database, "TableName": "t"}


def values_of(glue: Any, table: dict[str, str]) -> list[str]:
    return sorted(item["Values"][0] for item in glue.get_partitions(**table)["Partitions"])


def it_reports_errors_per_entry_and_does_the_rest(aws: LocalAws, table: dict[str, str]) -> None:
    glue = aws.client("glue")
    glue.create_partition(**table, PartitionInput=part("1"))
    created = glue.batch_create_partition(**table, PartitionInputList=[part("1"), part("2")])
    assert [(error["PartitionValues"], error["ErrorDetail"]["ErrorCode"]) for error in created["Errors"]] == [
        (["1"], "AlreadyExistsException")
    ]
    updated = glue.batch_update_partition(
        **table,
        Entries=[
            {"PartitionValueList": ["2"], "PartitionInput": part("2", Parameters={"rows": "5"})},
            {"PartitionValueList": ["9"], "PartitionInput": part("9")},
        ],
    )
    assert [error["PartitionValueList"] for error in updated["Errors"]] == [["9"]]
    found = glue.batch_get_partition(**table, PartitionsToGet=[{"Values": ["2"]}, {"Values": ["9"]}])
    assert [item["Parameters"] for item in found["Partitions"]] == [{"rows": "5"}]
    deleted = glue.batch_delete_partition(**table, PartitionsToDelete=[{"Values": ["1"]}, {"Values": ["9"]}])
    assert [error["ErrorDetail"]["ErrorCode"] for error in deleted["Errors"]] == ["EntityNotFoundException"]
    assert values_of(glue, table) == ["2"]


def it_replaces_and_removes_single_partitions(aws: LocalAws, table: dict[str, str]) -> None:
    glue = aws.client("glue")
    glue.create_partition(**table, PartitionInput=part("1"))
    glue.update_partition(**table, PartitionValueList=["1"], PartitionInput=part("1", Parameters={"x": "y"}))
    assert glue.get_partition(**table, PartitionValues=["1"])["Partition"]["Parameters"] == {"x": "y"}
    glue.delete_partition(**table, PartitionValues=["1"])
    calls: tuple[Callable[[], Any], ...] = (
        lambda: glue.delete_partition(**table, PartitionValues=["1"]),
        lambda: glue.update_partition(**table, PartitionValueList=["1"], PartitionInput=part("1")),
        lambda: glue.get_partitions(DatabaseName=table["DatabaseName"], TableName="missing"),
    )
    for call in calls:
        with pytest.raises(glue.exceptions.EntityNotFoundException):
            call()


def it_keeps_the_limits_of_batches(aws: LocalAws, table: dict[str, str]) -> None:
    glue = aws.client("glue")
    with pytest.raises(botocore.exceptions.ClientError, match=r"partitionInputList.*length less than or equal to 100"):
        glue.batch_create_partition(**table, PartitionInputList=[part(str(number)) for number in range(101)])
    with pytest.raises(botocore.exceptions.ClientError, match=r"partitionsToDelete.*length less than or equal to 25"):
        glue.batch_delete_partition(**table, PartitionsToDelete=[{"Values": [str(number)]} for number in range(26)])
    with pytest.raises(botocore.exceptions.ClientError, match=r"partitionsToGet.*length less than or equal to 1000"):
        glue.batch_get_partition(**table, PartitionsToGet=[{"Values": [str(number)]} for number in range(1001)])
    entries: list[Any] = [
        {"PartitionValueList": [str(number)], "PartitionInput": part(str(number))} for number in range(101)
    ]
    with pytest.raises(botocore.exceptions.ClientError, match=r"entries.*length less than or equal to 100"):
        glue.batch_update_partition(**table, Entries=entries)


# "The Values property can't be changed": https://docs.aws.amazon.com/glue/latest/webapi/API_UpdatePartition.html
def it_does_not_change_the_values_of_a_partition(aws: LocalAws, table: dict[str, str]) -> None:
    glue = aws.client("glue")
    glue.batch_create_partition(**table, PartitionInputList=[part("1"), part("2")])
    for values in (["3"], ["2"], ["1", "1"]):
        with pytest.raises(glue.exceptions.InvalidInputException, match="cannot be changed"):
            glue.update_partition(**table, PartitionValueList=["1"], PartitionInput={**part("1"), "Values": values})
    updated = glue.batch_update_partition(
        **table,
        Entries=[
            {"PartitionValueList": ["1"], "PartitionInput": part("3")},
            {"PartitionValueList": ["2"], "PartitionInput": part("2", Parameters={"x": "y"})},
        ],
    )
    assert [(error["PartitionValueList"], error["ErrorDetail"]["ErrorCode"]) for error in updated["Errors"]] == [
        (["1"], "InvalidInputException")
    ]
    assert values_of(glue, table) == ["1", "2"]
    assert glue.get_partition(**table, PartitionValues=["2"])["Partition"]["Parameters"] == {"x": "y"}


def it_finds_no_tables_in_a_database_that_does_not_exist(aws: LocalAws, database: str) -> None:
    glue = aws.client("glue")
    assert glue.get_tables(DatabaseName=database)["TableList"] == []
    with pytest.raises(glue.exceptions.EntityNotFoundException, match="Database nowhere not found"):
        glue.get_tables(DatabaseName="nowhere")


def it_pages_and_leaves_out_columns_when_asked(aws: LocalAws, table: dict[str, str]) -> None:
    glue = aws.client("glue")
    glue.batch_create_partition(**table, PartitionInputList=[part(str(number)) for number in range(7)])
    pages = list(
        glue.get_paginator("get_partitions").paginate(
            **table, ExcludeColumnSchema=True, PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(page["Partitions"]) for page in pages] == [3, 3, 1]
    assert all("Columns" not in item["StorageDescriptor"] for page in pages for item in page["Partitions"])


def it_refuses_the_wrong_number_of_values(aws: LocalAws, table: dict[str, str]) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="1 partition values are needed"):
        aws.client("glue").create_partition(**table, PartitionInput={"Values": ["1", "2"]})


def it_replaces_a_table_as_a_whole(aws: LocalAws, table: dict[str, str]) -> None:
    glue = aws.client("glue")
    name = {"DatabaseName": table["DatabaseName"], "Name": "u"}
    glue.create_table(DatabaseName=name["DatabaseName"], TableInput={"Name": "u", "Parameters": {"a": "1"}})
    version = glue.get_table(**name)["Table"]["VersionId"]
    glue.update_table(DatabaseName=name["DatabaseName"], TableInput={"Name": "u"}, VersionId=version)
    assert glue.get_table(**name)["Table"]["Parameters"] == {}
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName=name["DatabaseName"], TableInput={"Name": "u"}, VersionId=version)


def it_leaves_out_what_a_table_was_never_given(aws: LocalAws, table: dict[str, str]) -> None:
    found = aws.client("glue").get_table(DatabaseName=table["DatabaseName"], Name="t")["Table"]
    assert not {"Owner", "Description", "ViewOriginalText"} & set(found)


def it_lists_tables_and_databases_by_pages(aws: LocalAws, database: str) -> None:
    glue, names = aws.client("glue"), [f"t{number:03}" for number in range(101)]
    for name in names:
        glue.create_table(DatabaseName=database, TableInput={"Name": name})
    first = glue.get_tables(DatabaseName=database)
    assert len(first["TableList"]) == 100
    rest = glue.get_tables(DatabaseName=database, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    found = [table["Name"] for page in (first, rest) for table in page["TableList"]]
    assert sorted(found) == names
    pages = list(glue.get_paginator("get_databases").paginate(PaginationConfig={"PageSize": 1}))
    assert all(len(page["DatabaseList"]) == 1 for page in pages)
    assert database in [page["DatabaseList"][0]["Name"] for page in pages]
