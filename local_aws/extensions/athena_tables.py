"""The rows of a Glue table as Athena would read them: which files, which columns, which types.

Only what the catalog names is read: the Location of each registered partition, or of an unpartitioned table. A
partition's values come from the catalog and not from folder names. All reads use the caller's rights.
"""

# ruff: noqa: S608 - the SQL is put together from the catalog, with every name and text quoted

from __future__ import annotations

import csv
import gzip
import io
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions
import duckdb
import pyarrow as pa

BAD_DATA = "HIVE_BAD_DATA"
PARQUET_SERDE = "parquet"
CSV_SERDE = "opencsvserde"
LAZY_SERDE = "lazysimpleserde"
DUCKDB_TYPES = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "string": "VARCHAR",
    "binary": "BLOB",
}
# What a Parquet column may be stored as, besides its own type:
# https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html
WIDENED = {"BIGINT": {"INTEGER", "SMALLINT", "TINYINT"}, "INTEGER": {"SMALLINT", "TINYINT"}, "DOUBLE": {"FLOAT"}}
# Objects that Athena skips, unless the table says that restored ones are to be read:
# https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
# Hive's name of the partition whose rows have no value in the key (hive.exec.default.partition.name); it reads as null:
# https://cwiki.apache.org/confluence/display/hive/configuration+properties
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class QueryError(Exception):
    """A query fails; the message starts with Athena's error name."""


@dataclass(frozen=True)
class Part:
    """One place that rows come from: a partition, or a whole unpartitioned table."""

    location: str
    values: tuple[str, ...]


@dataclass
class TableReader:
    """Makes one Glue table readable under its name in a DuckDB connection."""

    s3: Any
    folder: Path
    connection: duckdb.DuckDBPyConnection
    bytes_read: int = 0

    def create_view(self, table: dict[str, Any], parts: list[Part], name: str) -> None:
        """Create a DuckDB view called `name` (already quoted) over the table's rows.

        Raises:
            QueryError: as Athena would fail on data or definition.
        """
        check_names(table)
        if (table.get("Parameters") or {}).get("projection.enabled") == "true":
            raise QueryError("NOT_SUPPORTED: the local Athena does not project partitions")
        library = (table["StorageDescriptor"].get("SerdeInfo") or {}).get("SerializationLibrary", "").lower()
        if PARQUET_SERDE in library:
            select = self._parquet(table, parts)
        elif CSV_SERDE in library or LAZY_SERDE in library:
            select = self._text(table, parts, quoted_fields=CSV_SERDE in library)
        else:
            raise QueryError(f"NOT_SUPPORTED: the local Athena does not read {library or 'a table without SerDe'}")
        self.connection.execute(f"CREATE VIEW {name} AS {select}")

    # Parquet

    def _parquet(self, table: dict[str, Any], parts: list[Part]) -> str:
        files: list[tuple[str, tuple[str, ...]]] = []
        for part in parts:
            for _, body in self._objects(table, part.location):
                file = self.folder / f"{uuid.uuid4().hex}.parquet"
                file.write_bytes(body)
                files.append((str(file), part.values))
        if not files:
            return empty_select(table)
        reader = f"read_parquet({sql_list([file for file, _ in files])}, union_by_name = true, filename = true)"
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()
        stored = {row[0].lower(): str(row[1]) for row in described}
        columns = [parquet_column(column, stored) for column in table["StorageDescriptor"]["Columns"]]
        keys = table.get("PartitionKeys") or []
        if not keys:
            return f"SELECT {', '.join(columns)} FROM {reader}"
        places = f"p_{uuid.uuid4().hex}"
        names = ["file", *(f"v{index}" for index in range(len(keys)))]
        rows = {
            field: [file if field == "file" else values[index - 1] for file, values in files]
            for index, field in enumerate(names)
        }
        self._store(places, rows)
        columns += [partition_column(key, f"p.v{index}") for index, key in enumerate(keys)]
        return f"SELECT {', '.join(columns)} FROM {reader} AS d JOIN {places} AS p ON d.filename = p.file"

    # Text

    def _text(self, table: dict[str, Any], parts: list[Part], *, quoted_fields: bool) -> str:
        """Read text files line by line, as TextInputFormat does: a line break always ends a row."""
        columns = table["StorageDescriptor"]["Columns"]
        keys = table.get("PartitionKeys") or []
        skip = int((table.get("Parameters") or {}).get("skip.header.line.count", 0))
        names = [f"c{index}" for index in range(len(columns))] + [f"v{index}" for index in range(len(keys))]
        rows: dict[str, list[str | None]] = {name: [] for name in names}
        for part in parts:
            for key, body in self._objects(table, part.location):
                lines = decoded_lines(key, body)[skip:]
                for fields in split_lines(lines, table, quoted_fields=quoted_fields):
                    for index in range(len(columns)):
                        rows[f"c{index}"].append(fields[index] if index < len(fields) else None)
                    for index, value in enumerate(part.values):
                        rows[f"v{index}"].append(value)
        data = f"t_{uuid.uuid4().hex}"
        self._store(data, rows)
        read = open_csv_column if quoted_fields else lazy_column
        selected = [read(column, f"c{index}") for index, column in enumerate(columns)]
        selected += [partition_column(key, f"v{index}") for index, key in enumerate(keys)]
        return f"SELECT {', '.join(selected)} FROM {data}"

    def _store(self, name: str, columns: dict[str, Any]) -> None:
        """Keep text columns as a table of the connection."""
        arrow = pa.table({key: pa.array(values, pa.string()) for key, values in columns.items()})
        self.connection.register(f"{name}_arrow", arrow)
        self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_arrow")
        self.connection.unregister(f"{name}_arrow")

    def _objects(self, table: dict[str, Any], location: str) -> Iterator[tuple[str, bytes]]:
        """Yield key and content of a table's objects below a location; names that start with _ or . are hidden."""
        bucket, _, path = location.removeprefix("s3://").partition("/")
        prefix = path.rstrip("/") + "/" if path else ""
        restored = (table.get("Parameters") or {}).get("read_restored_glacier_objects") == "true"
        try:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for entry in page.get("Contents", []):
                    key = entry["Key"]
                    hidden = any(part.startswith(("_", ".")) for part in key[len(prefix) :].split("/"))
                    if hidden or not entry["Size"]:
                        continue
                    if entry["StorageClass"] in ARCHIVES and not (restored and self._is_restored(bucket, key)):
                        continue
                    body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                    self.bytes_read += len(body)
                    yield key, body
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            if details["Code"] in ("AccessDenied", "403"):
                raise QueryError(
                    f"PERMISSION_DENIED: Permission denied on S3 path: s3://{bucket}/{prefix}. {details['Message']}"
                ) from error
            raise QueryError(f"HIVE_CANNOT_OPEN_SPLIT: {details['Code']}: {details['Message']}") from error

    def _is_restored(self, bucket: str, key: str) -> bool:
        """Whether an archived object can be read for a while."""
        return 'ongoing-request="false"' in self.s3.head_object(Bucket=bucket, Key=key).get("Restore", "")


def parquet_column(column: dict[str, str], stored: dict[str, str]) -> str:
    """Return the SQL that reads one column by name; one that no file has is null.

    Raises:
        QueryError: when the files hold another type than the table declares.
    """
    name, wanted = column["Name"], duckdb_type(column["Type"])
    found = stored.get(name.lower())
    if found is None:
        return f"CAST(NULL AS {wanted}) AS {identifier(name)}"
    if wanted == "TIMESTAMP" and found.startswith("TIMESTAMP"):
        value = f"timezone('UTC', {identifier(name)})" if found.endswith("TIME ZONE") else identifier(name)
        return f"{milliseconds(f'CAST({value} AS TIMESTAMP)')} AS {identifier(name)}"
    if found != wanted and found not in WIDENED.get(wanted, ()):
        raise QueryError(
            f"{BAD_DATA}: Field {name}'s type {found} in parquet file is incompatible with type {column['Type']} "
            "defined in table schema"
        )
    return f"CAST({identifier(name)} AS {wanted}) AS {identifier(name)}"


def partition_column(key: dict[str, str], source: str) -> str:
    """Return the SQL of a partition key's value."""
    value = f"nullif({source}, {sql_text(NO_VALUE)})"
    return f"CAST({value} AS {duckdb_type(key['Type'])}) AS {identifier(key['Name'])}"


def lazy_column(column: dict[str, str], source: str) -> str:
    """Return the SQL of a column of LazySimpleSerDe: what is not of its type is null.

    https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html
    """
    kind = duckdb_type(column["Type"])
    value = f"TRY_CAST({source} AS {kind})"
    return f"{milliseconds(value) if kind == 'TIMESTAMP' else value} AS {identifier(column['Name'])}"


def open_csv_column(column: dict[str, str], source: str) -> str:
    """Return the SQL of a column of OpenCSVSerde: what is not of its type ends the query.

    Dates are days and timestamps milliseconds since 1970, as numbers:
    https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
    """
    name, kind = column["Name"], duckdb_type(column["Type"])
    values = {
        "VARCHAR": source,
        "DATE": f"DATE '1970-01-01' + TRY_CAST({source} AS INTEGER)",
        "TIMESTAMP": f"epoch_ms(TRY_CAST({source} AS BIGINT))",
    }
    value = values.get(kind, f"TRY_CAST({source} AS {kind})")
    reason = sql_text(f"{BAD_DATA}: Error parsing field value of {name}: ")
    bad = f"error({reason} || {source})"
    return f"CASE WHEN {value} IS NULL AND {source} IS NOT NULL THEN {bad} ELSE {value} END AS {identifier(name)}"


def milliseconds(timestamp: str) -> str:
    """Return the SQL of a timestamp as Athena knows it: to the millisecond, half up.

    A timestamp ends at milliseconds: https://docs.aws.amazon.com/athena/latest/ug/data-types.html. That a finer one is
    rounded and not cut is Trino's way, whose engine Athena's is: https://github.com/trinodb/trino/issues/9141
    """
    return f"date_trunc('millisecond', {timestamp} + INTERVAL 500 MICROSECOND)"


def check_names(table: dict[str, Any]) -> None:
    """Refuse a table that has a column twice, keys of partitions included, in the words of Athena's engine.

    https://github.com/trinodb/trino/blob/master/plugin/trino-hive/src/main/java/io/trino/plugin/hive/HiveMetadata.java

    Raises:
        QueryError: when it has.
    """
    columns = [*table["StorageDescriptor"]["Columns"], *(table.get("PartitionKeys") or [])]
    names = [column["Name"].lower() for column in columns]
    if len(set(names)) < len(names):
        raise QueryError(
            f"HIVE_INVALID_METADATA: Hive metadata for table {table['Name']} is invalid: Table descriptor contains "
            "duplicate columns"
        )


def empty_select(table: dict[str, Any]) -> str:
    """Return a query of no rows with the table's columns."""
    columns = [*table["StorageDescriptor"]["Columns"], *(table.get("PartitionKeys") or [])]
    nulls = [f"CAST(NULL AS {duckdb_type(column['Type'])}) AS {identifier(column['Name'])}" for column in columns]
    return f"SELECT {', '.join(nulls)} WHERE FALSE"


def decoded_lines(key: str, body: bytes) -> list[str]:
    """Return the lines of a text object; `.gz` is decompressed, as TextInputFormat does."""
    if key.endswith(".gz"):
        body = gzip.decompress(body)
    lines = body.decode("utf-8", "replace").split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def split_lines(lines: list[str], table: dict[str, Any], *, quoted_fields: bool) -> Iterator[list[str | None]]:
    """Split each line into its fields by the table's SerDe parameters."""
    parameters = (table["StorageDescriptor"].get("SerdeInfo") or {}).get("Parameters") or {}
    if not quoted_fields:
        delimiter = parameters.get("field.delim", "\x01")
        null = parameters.get("serialization.null.format", "\\N")
        for line in lines:
            yield [None if field == null else field for field in line.split(delimiter)]
        return
    escape = parameters.get("escapeChar", "\\")
    quote = parameters.get("quoteChar", '"')
    for line in lines:
        reader = csv.reader(
            io.StringIO(line),
            delimiter=parameters.get("separatorChar", ","),
            quotechar=quote,
            escapechar=escape if escape not in (quote, "\0") else None,
        )
        yield list(next(reader, [""]))


def duckdb_type(athena_type: str) -> str:
    """Return DuckDB's name of a Glue column type.

    Raises:
        QueryError: for a nested or unknown type.
    """
    kind = athena_type.lower().strip()
    if match := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", kind):
        return f"DECIMAL({match[1]},{match[2]})"
    if re.fullmatch(r"(var)?char(\(\d+\))?", kind):
        return "VARCHAR"
    if kind not in DUCKDB_TYPES:
        raise QueryError(f"NOT_SUPPORTED: the local Athena does not know the type {athena_type}")
    return DUCKDB_TYPES[kind]


def identifier(name: str) -> str:
    """Quote a name for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(value: str) -> str:
    """Write a text for DuckDB."""
    return "'" + value.replace("'", "''") + "'"


def sql_list(values: list[str]) -> str:
    """Write a list of texts for DuckDB."""
    return "[" + ", ".join(map(sql_text, values)) + "]"
