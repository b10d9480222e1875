"""What the report of executions says: their figures, what lies in the lake, and the bad rows, as JSON has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from local_aws.execution import ExecutionResult

if TYPE_CHECKING:
    from local_aws.local_aws import LocalAws

SHOWN_BAD_ROWS = 100
BAD_ROW_COLUMNS = ("source_file", "line_number", "column_name", "reason", "raw_text")


def execution_facts(name: str, result: ExecutionResult) -> dict[str, Any]:
    """Return what is reported of an execution, what ended before it failed included."""
    fields = ("execution_arn", "status", "error", "cause", "seconds", "glue_runs")
    reports = [item["report"] for item in result.results.values() if "report" in item]
    return {
        "name": name,
        **{field: getattr(result, field) for field in fields},
        "datasets": {
            report["dataset"]: report for report in sorted(reports, key=lambda report: str(report["dataset"]))
        },
        "views": [item for item in result.results.values() if "report" not in item],
        "states": [vars(state) for state in result.states],
    }


def lake_facts(aws: LocalAws, datasets: Sequence[str]) -> dict[str, Any]:
    """Return what lies in the lake now: sizes of CSV and Parquet, and the quarantined rows, of each dataset."""
    names = {row["name"] for row in aws.tables()}
    sizes, bad_rows = {}, {}
    for dataset in datasets:
        if {dataset, f"raw_{dataset}"} <= names:
            sizes[dataset] = {
                **_size(aws, "csv", _locations(aws, f"raw_{dataset}", partitions=False)),
                **_size(aws, "parquet", _locations(aws, dataset, partitions=True)),
            }
        if f"{dataset}_quarantine" in names:
            bad_rows[dataset] = _bad_rows(aws, f"{dataset}_quarantine")
    return {"sizes": sizes, "bad_rows": bad_rows}


def definition_of(aws: LocalAws) -> dict[str, Any]:
    """Return the definition of the applied state machine."""
    client = aws.client("stepfunctions")
    described = client.describe_state_machine(stateMachineArn=aws.outputs["state_machine_arn"])
    definition: dict[str, Any] = json.loads(described["definition"])
    return definition


def _locations(aws: LocalAws, name: str, *, partitions: bool) -> list[str]:
    """Return where a table's data lies: its partitions, where it has keys and they are asked for, else its folder."""
    glue, database = aws.client("glue"), aws.outputs["database_name"]
    table = glue.get_table(DatabaseName=database, Name=name)["Table"]
    if not (partitions and table.get("PartitionKeys")):
        return [table["StorageDescriptor"]["Location"]]
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=name)
    return [partition["StorageDescriptor"]["Location"] for page in pages for partition in page["Partitions"]]


def _size(aws: LocalAws, kind: str, locations: Sequence[str]) -> dict[str, int]:
    files, size = 0, 0
    pages = aws.client("s3").get_paginator("list_objects_v2")
    for location in locations:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        for page in pages.paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/"):
            found = [entry["Size"] for entry in page.get("Contents", []) if entry["Size"]]
            files, size = files + len(found), size + sum(found)
    return {f"{kind}_files": files, f"{kind}_bytes": size}


def _bad_rows(aws: LocalAws, table: str) -> dict[str, Any]:
    columns = ", ".join(BAD_ROW_COLUMNS)
    # The names of tables are those of the catalog.
    shown = aws.sql(f'SELECT {columns} FROM "{table}" ORDER BY 1, 2 LIMIT {SHOWN_BAD_ROWS}')  # noqa: S608
    count = aws.sql(f'SELECT count(*) AS n FROM "{table}"')[0]["n"] if shown else 0  # noqa: S608
    return {"count": int(count or 0), "rows": shown}
