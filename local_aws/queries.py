"""One query of Athena, from its start to the last row of its result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from local_aws.errors import LocalAwsError

QUERY_SECONDS = 300.0
POLL_SECONDS = 0.1


def run_query(athena: Any, query: str, workgroup: str, database: str) -> list[dict[str, str | None]]:
    """Run a query and return its rows, values as Athena's texts, by names of which repeated ones are numbered.

    Args:
        athena: a client of Athena.
        query: the SQL.
        workgroup: the work group to run it in.
        database: the database of names without one.

    Raises:
        LocalAwsError: with Athena's reason when the query fails.
    """
    if not query.strip(" \t\r\n;"):
        raise LocalAwsError("the query was refused: there is no statement in it")
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
    names: list[str] = []
    rows: list[list[str | None]] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        result = page["ResultSet"]
        names = [column["Name"] for column in result["ResultSetMetadata"]["ColumnInfo"]]
        rows += [[field.get("VarCharValue") for field in row["Data"]] for row in result["Rows"]]
    # Athena repeats the column names as the first row of a SELECT's result.
    data = rows[1:] if rows[:1] == [names] else rows
    return [dict(zip(_numbered(names), row, strict=True)) for row in data]


def _numbered(names: Sequence[str]) -> list[str]:
    """Return names of which none is there twice: the second `a` is `a_2`, or the next that is free."""
    found: list[str] = []
    for name in names:
        others = (f"{name}_{number}" for number in count(2))
        free = name if name not in found else next(item for item in others if item not in (*names, *found))
        found.append(free)
    return found
