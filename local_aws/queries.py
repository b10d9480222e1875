"""One query of Athena, from its start to the last row of its result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from local_aws.errors import LocalAwsError

QUERY_SECONDS = 300.0
POLL_SECONDS = 0.1


def run_query(athena: Any, query: str, workgroup: str, database: str) -> list[dict[str, str | None]]:
    """Run a query and return its rows, values as Athena's texts.

    Args:
        athena: a client of Athena.
        query: the SQL.
        workgroup: the work group to run it in.
        database: the database of names without one.

    Raises:
        LocalAwsError: with Athena's reason when the query fails.
    """
    try:
        query_id = athena.start_query_execution(
            QueryString=query, WorkGroup=workgroup, QueryExecutionContext={"Database": database}
        )["QueryExecutionId"]
    except athena.exceptions.InvalidRequestException as error:
        raise LocalAwsError(f"the query was refused: {error.response['Error']['Message']}") from error
    deadline = time.monotonic() + QUERY_SECONDS
    while True:
        status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        if time.monotonic() > deadline:
            raise LocalAwsError(f"the query has not ended after {QUERY_SECONDS:.0f} seconds")
        time.sleep(POLL_SECONDS)
    if status["State"] != "SUCCEEDED":
        raise LocalAwsError(f"the query {status['State'].lower()}: {status.get('StateChangeReason', '')}")
    rows: list[dict[str, str | None]] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        result = page["ResultSet"]
        names = [column["Name"] for column in result["ResultSetMetadata"]["ColumnInfo"]]
        rows += [
            dict(zip(names, (field.get("VarCharValue") for field in row["Data"]), strict=True))
            for row in result["Rows"]
        ]
    # Athena repeats the column names as the first row of a SELECT's result.
    return rows[1:] if rows and is_header(rows[0]) else rows


def is_header(row: Mapping[str, str | None]) -> bool:
    """Whether a result row repeats the column names."""
    return all(name == value for name, value in row.items())
