"""Athena's SQL on DuckDB: statements are parsed as Athena's, translated, and run on what the caller may read.

Tables and views are looked up with the caller's Glue rights. A view is stored as Athena stores it: a table of the type
VIRTUAL_VIEW whose ViewOriginalText holds Presto's JSON in base64.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.exceptions
import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from local_aws.extensions.athena_tables import BAD_DATA, Part, QueryError, TableReader, identifier, milliseconds
from local_aws.extensions.glue_catalog import pages

CATALOG = "awsdatacatalog"
VIEW_TEXT = re.compile(r"/\* Presto View: (\S+) \*/")
VIEW_BODY = re.compile(r"\bVIEW\b.*?\bAS\b\s*(.*?)\s*;?\s*$", re.IGNORECASE | re.DOTALL)
MSCK = re.compile(r"MSCK\s+REPAIR\s+TABLE\s+(\S+?)\s*;?\s*$", re.IGNORECASE)
SHOW_TABLES = re.compile(r"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+(\S+?))?\s*;?\s*$", re.IGNORECASE)
SHOW_PARTITIONS = re.compile(r"SHOW\s+PARTITIONS\s+(\S+?)\s*;?\s*$", re.IGNORECASE)
UNKNOWN_COLUMN = re.compile(r'(?:Referenced column|Column) "([^"]+)" (?:not found|referenced that exists)')
# Athena's names of result types, by DuckDB's; a sum of integers is a bigint in Athena.
ATHENA_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "UBIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "VARCHAR": "varchar",
    "BLOB": "varbinary",
}
# The types of a view's columns in the catalog, which speaks Hive.
HIVE_TYPES = {"varchar": "string", "integer": "int", "varbinary": "binary", "timestamp with time zone": "timestamp"}

logging.getLogger("sqlglot").setLevel(logging.ERROR)


@dataclass(frozen=True)
class QueryResult:
    """Columns, their Athena types and the rows as texts; None is null."""

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)


def parse(sql: str) -> exp.Expression:
    """Parse one Athena statement.

    Raises:
        QueryError: when it is not one.
    """
    try:
        statements = [tree for tree in sqlglot.parse(sql, read="athena") if tree is not None]
    except (ParseError, TokenError) as error:
        first = str(error).splitlines()[0]
        raise QueryError(f"line 1:1: mismatched input: {re.sub(chr(27) + r'.*?m', '', first)}") from error
    if len(statements) != 1:
        raise QueryError(f"Only one sql statement is allowed. Got: {sql}")
    statement = statements[0]
    if not isinstance(statement, exp.Expression):
        raise QueryError(f"NOT_SUPPORTED: {sql[:100]}")
    return statement


class QueryEngine:
    """Runs one statement for one caller."""

    def __init__(self, glue: Any, s3: Any, folder: Path, database: str) -> None:
        self._glue = glue
        self._database = database.lower()
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._reader = TableReader(s3, folder, self._connection)
        self._loaded: set[tuple[str, str]] = set()
        self._definitions_only = False
        self._schema = MappingSchema(dialect="athena", normalize=False)
        self._s3 = s3

    @property
    def bytes_read(self) -> int:
        """Bytes of the objects that were read."""
        return self._reader.bytes_read

    def close(self) -> None:
        """Free DuckDB's memory."""
        self._connection.close()

    def run(self, sql: str) -> QueryResult:
        """Run a statement.

        Raises:
            QueryError: with the reason Athena would give for a failed query.
        """
        statement = parse(sql)
        try:
            if isinstance(statement, exp.Query):
                return self._select(statement, self._database)
            if isinstance(statement, exp.Create) and statement.kind == "VIEW":
                return self._create_view(statement, sql)
            if isinstance(statement, exp.Drop):
                return self._drop(statement)
            if isinstance(statement, exp.Describe):
                return self._describe(statement)
            if isinstance(statement, exp.Command):
                return self._command(sql.strip())
        except botocore.exceptions.ClientError as error:
            raise QueryError(catalog_failure(error)) from error
        raise QueryError(f"NOT_SUPPORTED: the local Athena does not run {statement.key.upper()} statements")

    # Queries

    def _select(self, query: exp.Query, database: str) -> QueryResult:
        described = self._execute(self._translate(query, database))
        rows = [[text_of(value) for value in row] for row in described.fetchall()]
        columns = [str(item[0]) for item in described.description or []]
        types = [athena_type(str(item[1])) for item in described.description or []]
        return QueryResult(columns, types, rows)

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql)
        except duckdb.Error as error:
            raise QueryError(engine_failure(error)) from error

    def _translate(self, query: exp.Query, database: str) -> str:
        """Load what a query reads and return it in DuckDB's SQL."""
        tree = query.copy()
        for table in tables_of(tree):
            name = (table.db or database).lower(), table.name.lower()
            self._load(*name)
            table.set("catalog", None)
            table.set("db", exp.to_identifier(name[0], quoted=True))
            table.set("this", exp.to_identifier(name[1], quoted=True))
        name_columns(tree)
        try:
            # Types decide what a division means: of integers it is one in Athena and none in DuckDB.
            qualified = qualify(
                tree.copy(),
                schema=self._schema,
                dialect="athena",
                validate_qualify_columns=False,
                quote_identifiers=False,
            )
            tree = annotate_types(qualified, schema=self._schema, dialect="athena")
        except OptimizeError:
            # What cannot be typed is left for DuckDB to judge, which names the column.
            pass
        convert_timestamps(tree)
        # A star was expanded to names that are identifiers only in quotes.
        return tree.sql(dialect="duckdb", identify=True)

    def _load(self, database: str, name: str) -> None:
        """Make a table or view of the catalog readable under its name."""
        if (database, name) in self._loaded:
            return
        self._loaded.add((database, name))
        table = self._table(database, name)
        quoted = f"{identifier(database)}.{identifier(name)}"
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(database)}")
        if table.get("TableType") == "VIRTUAL_VIEW":
            view = presto_view(table)
            body = parse(view["originalSql"])
            if not isinstance(body, exp.Query):
                raise QueryError(f"INVALID_VIEW: the view {database}.{name} is not a query")
            self._execute(f"CREATE VIEW {quoted} AS {self._translate(body, view.get('schema') or database)}")
        else:
            parts = [] if self._definitions_only else self._parts(table)
            self._reader.create_view(table, parts, quoted)
        described = self._connection.execute(f"DESCRIBE {quoted}").fetchall()
        self._schema.add_table(
            exp.table_(name, db=database, quoted=True), {str(row[0]): str(row[1]) for row in described}
        )

    def _table(self, database: str, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            raise QueryError(f"TABLE_NOT_FOUND: line 1:1: Table '{CATALOG}.{database}.{name}' does not exist") from None
        return found

    def _parts(self, table: dict[str, Any]) -> list[Part]:
        if not table.get("PartitionKeys"):
            return [Part(table["StorageDescriptor"]["Location"], ())]
        found = pages(
            self._glue.get_partitions, "Partitions", DatabaseName=table["DatabaseName"], TableName=table["Name"]
        )
        return [Part(item["StorageDescriptor"]["Location"], tuple(item["Values"])) for item in found]

    # Views and tables

    def _create_view(self, statement: exp.Create, sql: str) -> QueryResult:
        target = statement.this.find(exp.Table)
        database, name = (target.db or self._database).lower(), target.name.lower()
        try:
            self._glue.get_database(Name=database)
        except self._glue.exceptions.EntityNotFoundException:
            raise QueryError(f"SCHEMA_NOT_FOUND: line 1:1: Schema '{database}' does not exist") from None
        if not isinstance(statement.expression, exp.Query):
            raise QueryError("SYNTAX_ERROR: a view needs a query")
        # A view is checked against definitions: no partition is listed and no data read.
        self._definitions_only = True
        probe = self._select(statement.expression.limit(0), self._database)
        repeated = sorted({column for column in probe.columns if probe.columns.count(column) > 1})
        if repeated:
            raise QueryError(f"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{repeated[0]}' specified more than once")
        body = VIEW_BODY.search(sql)
        columns = list(zip(probe.columns, probe.types, strict=True))
        view = {
            "originalSql": body[1] if body else statement.expression.sql(dialect="athena"),
            "catalog": CATALOG,
            "schema": self._database,
            "columns": [{"name": column, "type": kind} for column, kind in columns],
        }
        encoded = base64.b64encode(json.dumps(view).encode()).decode()
        table = {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "PartitionKeys": [],
            "ViewOriginalText": f"/* Presto View: {encoded} */",
            "ViewExpandedText": "/* Presto View */",
            "StorageDescriptor": {
                "Columns": [{"Name": column, "Type": HIVE_TYPES.get(kind, kind)} for column, kind in columns],
                "Location": "",
                "SerdeInfo": {},
            },
        }
        try:
            existing = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            self._glue.create_table(DatabaseName=database, TableInput=table)
            return QueryResult()
        if existing.get("TableType") != "VIRTUAL_VIEW":
            raise QueryError(f"ALREADY_EXISTS: line 1:1: '{database}.{name}' is a table, not a view")
        if not statement.args.get("replace"):
            raise QueryError(f"ALREADY_EXISTS: line 1:1: View already exists: '{CATALOG}.{database}.{name}'")
        self._glue.update_table(DatabaseName=database, TableInput=table)
        return QueryResult()

    def _drop(self, statement: exp.Drop) -> QueryResult:
        target = statement.find(exp.Table)
        if target is None:
            raise QueryError("SYNTAX_ERROR: DROP needs a name")
        database, name = (target.db or self._database).lower(), target.name.lower()
        try:
            table = self._table(database, name)
        except QueryError:
            if statement.args.get("exists"):
                return QueryResult()
            raise
        if (table.get("TableType") == "VIRTUAL_VIEW") != (statement.args["kind"] == "VIEW"):
            raise QueryError(f"NOT_SUPPORTED: '{database}.{name}' is not a {statement.args['kind']}")
        self._glue.delete_table(DatabaseName=database, Name=name)
        return QueryResult()

    def _describe(self, statement: exp.Describe) -> QueryResult:
        target = statement.this
        table = self._table((target.db or self._database).lower(), target.name.lower())
        columns = [*table["StorageDescriptor"]["Columns"], *(table.get("PartitionKeys") or [])]
        return one_column("col_name", [f"{column['Name']}\t{column['Type']}" for column in columns])

    def _command(self, sql: str) -> QueryResult:
        if match := MSCK.match(sql):
            self._repair(self._table(*self._name(match[1])))
            return QueryResult()
        if match := SHOW_TABLES.match(sql):
            database = match[1].strip('`"') if match[1] else self._database
            found = pages(self._glue.get_tables, "TableList", DatabaseName=database)
            return one_column("tab_name", sorted(table["Name"] for table in found))
        if match := SHOW_PARTITIONS.match(sql):
            table = self._table(*self._name(match[1]))
            keys = [key["Name"] for key in table.get("PartitionKeys") or []]
            folders = [
                "/".join(f"{key}={value}" for key, value in zip(keys, part.values, strict=True))
                for part in self._parts(table)
            ]
            return one_column("partition", folders)
        raise QueryError(f"NOT_SUPPORTED: the local Athena does not run: {sql[:100]}")

    def _repair(self, table: dict[str, Any]) -> None:
        """Register the Hive-style folders below the table's location as partitions."""
        location = table["StorageDescriptor"]["Location"].rstrip("/") + "/"
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        keys = [key["Name"] for key in table.get("PartitionKeys") or []]
        known = {part.values for part in self._parts(table)}
        folders = {}
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                parts = entry["Key"][len(prefix) :].split("/")[:-1][: len(keys)]
                if [part.partition("=")[0] for part in parts] == keys:
                    folders[tuple(part.partition("=")[2] for part in parts)] = location + "/".join(parts) + "/"
        new = [
            {"Values": list(values), "StorageDescriptor": {**table["StorageDescriptor"], "Location": place}}
            for values, place in sorted(folders.items())
            if values not in known
        ]
        for start in range(0, len(new), 100):
            self._glue.batch_create_partition(
                DatabaseName=table["DatabaseName"], TableName=table["Name"], PartitionInputList=new[start : start + 100]
            )

    def _name(self, text: str) -> tuple[str, str]:
        parts = [part.strip('`"').lower() for part in text.split(".")]
        return (parts[-2] if len(parts) > 1 else self._database), parts[-1]


def tables_of(tree: exp.Query) -> list[exp.Table]:
    """Return the references to catalog tables in a query; names bound by WITH are none."""
    found = []
    for table in tree.find_all(exp.Table):
        bound = set()
        ancestor: Any = table
        while ancestor is not None:
            clause = ancestor.args.get("with_") or ancestor.args.get("with")
            if isinstance(clause, exp.With):
                bound |= {cte.alias_or_name.lower() for cte in clause.expressions}
            ancestor = ancestor.parent
        if isinstance(table.this, exp.Identifier) and (table.db or table.name.lower() not in bound):
            found.append(table)
    return found


def name_columns(tree: exp.Query) -> None:
    """Name the unnamed columns of a query as Athena does: _col0 for the first, and so on."""
    select: Any = tree
    while isinstance(select, exp.SetOperation):
        select = select.left
    if not isinstance(select, exp.Select):
        return
    for index, column in enumerate(select.expressions):
        if not isinstance(column, (exp.Alias, exp.Column, exp.Star)):
            select.expressions[index].replace(exp.alias_(column.copy(), f"_col{index}"))


def convert_timestamps(tree: exp.Query) -> None:
    """Round casts to a timestamp, and write one cast to text, as Athena does: with three digits of a second.

    The type without a precision has three digits: https://trino.io/docs/current/language/types.html#timestamp
    """
    # The innermost first, as the outer ones take them along.
    for cast in reversed(list(tree.find_all(exp.Cast))):
        digits = ",".join(parameter.sql() for parameter in cast.to.expressions)
        if cast.to.this == exp.DataType.Type.TIMESTAMP and digits in ("", "3"):
            cast.set("to", exp.DataType.build("timestamp", dialect="duckdb"))
            wrapper, kept = sqlglot.parse_one(milliseconds("value"), read="duckdb"), cast
        elif cast.to.is_type(*exp.DataType.TEXT_TYPES) and cast.this.is_type("timestamp"):
            wrapper, kept = sqlglot.parse_one("strftime(value, '%Y-%m-%d %H:%M:%S.%g')", read="duckdb"), cast.this
        else:
            continue
        cast.replace(wrapper)
        for place in wrapper.find_all(exp.Column):
            place.replace(kept)


def presto_view(table: dict[str, Any]) -> dict[str, Any]:
    """Return the definition that a view of the catalog carries.

    Raises:
        QueryError: when it carries none.
    """
    match = VIEW_TEXT.search(table.get("ViewOriginalText") or "")
    if match is None:
        raise QueryError(f"INVALID_VIEW: the view {table['DatabaseName']}.{table['Name']} holds no Presto definition")
    definition: dict[str, Any] = json.loads(base64.b64decode(match[1]))
    return definition


def athena_type(engine_type: str) -> str:
    """Return Athena's name of a result type."""
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", engine_type):
        return f"decimal({match[1]},{match[2]})"
    return ATHENA_TYPES.get(engine_type, engine_type.lower())


def text_of(value: Any) -> str | None:
    """Write a value as Athena's results do."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return str(value)


def one_column(name: str, values: list[str]) -> QueryResult:
    """Return a result of one text column."""
    return QueryResult([name], ["string"], [[value] for value in values])


def engine_failure(error: duckdb.Error) -> str:
    """Return Athena's kind of message for an error of DuckDB."""
    text = str(error).splitlines()[0]
    if BAD_DATA in text:
        return text[text.index(BAD_DATA) :]
    if match := UNKNOWN_COLUMN.search(text):
        return f"COLUMN_NOT_FOUND: line 1:1: Column '{match[1]}' cannot be resolved"
    if isinstance(error, duckdb.ConversionException):
        return f"INVALID_CAST_ARGUMENT: {text}"
    if isinstance(error, duckdb.CatalogException):
        return f"FUNCTION_NOT_FOUND: line 1:1: {text}"
    return f"SYNTAX_ERROR: line 1:1: {text}"


def catalog_failure(error: botocore.exceptions.ClientError) -> str:
    """Return what Athena says when the catalog refuses the caller."""
    details = error.response["Error"]
    reason = "Insufficient permissions to execute the query. " if "AccessDenied" in details["Code"] else ""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return (
        f"{reason}{details['Message']} (Service: AmazonDataCatalog; Status Code: {status}; "
        f"Error Code: {details['Code']})"
    )
