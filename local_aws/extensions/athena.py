"""Athena queries with the caller's rights on the catalog, the data and the place of the results.

Athena reads tables and data and writes results as the one who runs the query:
https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html
"""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import json
import shutil
import time
from pathlib import Path
from typing import Any

import botocore.exceptions

from local_aws.extensions.athena_engine import QueryEngine, QueryResult, parse
from local_aws.extensions.athena_tables import QueryError
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import Iam
from local_aws.extensions.roles import Credentials, RoleSessions
from local_aws.settings import Settings

MAX_REASON = 2000
# https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
MAX_ROWS = 1000
# https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html#full-access-to-default-db-per-region
DEFAULT_DATABASE_ACTIONS = ("glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase")
# What AWS documents as needed on the bucket and on the objects of the results, whether or not a result is large enough
# to be uploaded in parts: https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
RESULT_BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
RESULT_OBJECT_ACTIONS = (
    "s3:PutObject",
    "s3:GetObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)


class Athena:
    """Replaces the execution of queries."""

    def __init__(self, emulator: Emulator, settings: Settings, sessions: RoleSessions, iam: Iam) -> None:
        self._settings = settings
        self._sessions = sessions
        self._iam = iam
        self._athena = emulator.module(
            "services.athena",
            "_executions",
            "_workgroups",
            "_start_query_execution",
            "_execute_query",
            "_get_query_results",
            "_parse_ddl",
            "_CreateTable",
            "_create_table_input",
        )
        self._responses = emulator.module("core.responses", "error_response_json")

    def install(self) -> None:
        """Put the replacements in place."""
        self._start = self._athena.replace("_start_query_execution", self.start_query_execution)
        self._athena.replace("_execute_query", self.execute_query)
        self._results = self._athena.replace("_get_query_results", self.get_query_results)

    def start_query_execution(self, data: dict[str, Any]) -> Any:
        """Accept a query, unless its work group or its syntax is wrong."""
        name = data.get("WorkGroup", "primary")
        group = self._athena._workgroups.get(name)
        if group is None or group.get("State") == "DISABLED":
            problem = "is not found" if group is None else "is disabled"
            return self._refuse(f"WorkGroup {name} {problem}.")
        if self._athena._parse_ddl(data.get("QueryString", "")) is None:
            try:
                parse(data.get("QueryString", ""))
            except QueryError as error:
                return self._refuse(str(error))
        configuration = group.get("Configuration") or {}
        # The work group's settings win unless it says otherwise:
        # https://docs.aws.amazon.com/athena/latest/ug/workgroups-settings-override.html
        if configuration.get("EnforceWorkGroupConfiguration", True) and "ResultConfiguration" in configuration:
            data = {key: value for key, value in data.items() if key != "ResultConfiguration"}
        return self._start(data)

    def _refuse(self, message: str) -> Any:
        return self._responses.error_response_json("InvalidRequestException", message, 400)

    def get_query_results(self, data: dict[str, Any]) -> Any:
        """Return a page of rows; the names of a query's columns are one of them, which ministack does not count."""
        execution = self._athena._executions.get(data.get("QueryExecutionId")) or {}
        if execution.get("StatementType") != "DML":
            return self._results(data)
        first, size = int(data.get("NextToken") or 0), int(data.get("MaxResults") or MAX_ROWS)
        status, headers, body = self._results({**data, "NextToken": str(max(first - 1, 0)), "MaxResults": size})
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        names_too_many = 1 if first == 1 else 0
        answer["ResultSet"]["Rows"] = answer["ResultSet"]["Rows"][names_too_many : names_too_many + size]
        answer.pop("NextToken", None)
        if first + size < len(execution["_results"]["rows"]) + 1:
            answer["NextToken"] = str(first + size)
        return status, headers, json.dumps(answer).encode()

    async def execute_query(
        self, query_id: str, query: str, database: str, ddl: Any, catalog: str | None = None
    ) -> None:
        """Run an accepted query off the thread that serves requests."""
        credentials = self._sessions.of_access_key(self._iam.caller)
        await asyncio.to_thread(self._execute, query_id, query, database, ddl, credentials)

    def _execute(self, query_id: str, query: str, database: str, ddl: Any, credentials: Credentials) -> None:
        execution = self._athena._executions[query_id]
        status, statistics = execution["Status"], execution["Statistics"]
        results = execution["ResultConfiguration"]
        results["OutputLocation"] = result_location(
            results["OutputLocation"], query_id, "csv" if execution["StatementType"] == "DML" else "txt"
        )
        status["State"] = "RUNNING"
        start = time.monotonic()
        folder = self._settings.queries / query_id
        folder.mkdir(parents=True)
        try:
            result = self._run(query, database, ddl, credentials, folder, statistics)
            execution["_results"] = {"columns": result.columns, "rows": result.rows}
            execution["_column_types"] = result.types
            self._write_results(result, results["OutputLocation"], credentials)
            outcome, reason = "SUCCEEDED", ""
        except QueryError as error:
            outcome, reason = "FAILED", str(error)
        except Exception as error:
            outcome, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
            raise
        finally:
            shutil.rmtree(folder)
            elapsed = int((time.monotonic() - start) * 1000)
            statistics["EngineExecutionTimeInMillis"] = statistics["TotalExecutionTimeInMillis"] = elapsed
            status["CompletionDateTime"] = time.time()
            if status["State"] != "CANCELLED":
                status["StateChangeReason"] = reason[:MAX_REASON]
                status["State"] = outcome

    def _run(
        self,
        query: str,
        database: str,
        ddl: Any,
        credentials: Credentials,
        folder: Path,
        statistics: dict[str, Any],
    ) -> QueryResult:
        self._check_default_database(credentials)
        glue = self._sessions.client("glue", credentials)
        if isinstance(ddl, self._athena._CreateTable):
            return self._create_table(ddl, database, glue)
        engine = QueryEngine(glue, self._sessions.client("s3", credentials), folder, database)
        try:
            return engine.run(query)
        finally:
            statistics["DataScannedInBytes"] = engine.bytes_read
            engine.close()

    def _check_default_database(self, credentials: Credentials) -> None:
        """Check that the caller may see and create the database `default`, whatever the query; it need not exist."""
        place = f"arn:aws:glue:{self._sessions.region}:{self._sessions.account_id}"
        resources = (f"{place}:database/default", f"{place}:catalog")
        for action, resource in itertools.product(DEFAULT_DATABASE_ACTIONS, resources):
            if denial := self._iam.denial(credentials.access_key, action, resource):
                raise QueryError(f"Insufficient permissions to execute the query. {denial}")

    def _create_table(self, ddl: Any, database: str, glue: Any) -> QueryResult:
        if ddl.iceberg:
            raise QueryError("NOT_SUPPORTED: the local Athena has no Iceberg tables")
        name = ddl.database or database
        try:
            glue.create_table(DatabaseName=name, TableInput=self._athena._create_table_input(ddl))
        except glue.exceptions.AlreadyExistsException:
            if not ddl.if_not_exists:
                raise QueryError(f"TABLE_ALREADY_EXISTS: Table '{name}.{ddl.table}' already exists") from None
        except botocore.exceptions.ClientError as error:
            raise QueryError(f"FAILED: {error.response['Error']['Message']}") from error
        return QueryResult()

    def _write_results(self, result: QueryResult, location: str, credentials: Credentials) -> None:
        """Write the result as CSV with every field quoted, and its metadata, where the query's results belong."""
        text = io.StringIO()
        if result.columns:
            writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(result.columns)
            writer.writerows(result.rows)
        bucket, _, key = location.removeprefix("s3://").partition("/")
        s3 = self._sessions.client("s3", credentials)
        self._check_result_rights(bucket, key, location, credentials)
        try:
            # Athena asks where the bucket is before it writes to it.
            s3.get_bucket_location(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
            s3.put_object(Bucket=bucket, Key=f"{key}.metadata", Body=",".join(result.types).encode())
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            raise result_error(location, f"{details['Code']}: {details['Message']}") from error

    def _check_result_rights(self, bucket: str, key: str, location: str, credentials: Credentials) -> None:
        arn = f"arn:aws:s3:::{bucket}"
        needed = [(action, arn) for action in RESULT_BUCKET_ACTIONS]
        needed += [(action, f"{arn}/{key}") for action in RESULT_OBJECT_ACTIONS]
        for action, resource in needed:
            if denial := self._iam.denial(credentials.access_key, action, resource):
                raise result_error(location, f"AccessDenied: {denial}")


def result_error(location: str, reason: str) -> QueryError:
    """Return the error of a query whose result could not be written."""
    return QueryError(
        f"Access denied when writing output to url: {location} . Please ensure you are allowed to access the S3 "
        f"bucket. {reason}"
    )


def result_location(location: str, query_id: str, suffix: str) -> str:
    """Return where a query's result goes; a prefix without a slash at its end gets one, as on AWS."""
    prefix = location.removesuffix(f"{query_id}.csv")
    return f"{prefix.rstrip('/')}/{query_id}.{suffix}"
