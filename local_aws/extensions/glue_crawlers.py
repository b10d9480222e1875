"""Glue crawlers that read the data: columns, types and partitions found with the crawler role's rights.

What AWS's crawler does is described in https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html and
https://docs.aws.amazon.com/glue/latest/dg/crawler-running.html; here it is done for CSV in S3.
"""

from __future__ import annotations

import contextvars
import csv
import io
import re
import threading
import time
import uuid
import zlib
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from local_aws.extensions.glue_catalog import pages
from local_aws.extensions.glue_logs import GlueLogs
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.roles import Credentials, RoleError, RoleSessions

SAMPLE_BYTES = 1024 * 1024
SAMPLE_ROWS = 1000
SAMPLE_FILES = 20
PARTITION_BATCH = 100
# A group of the account, whose name cannot be chosen: https://docs.aws.amazon.com/glue/latest/dg/console-crawlers.html
LOG_GROUP = "/aws-glue/crawlers"
DELIMITERS = ",|\t;\x01"
INTEGER = re.compile(r"[+-]?\d{1,18}")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV_SERDE = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class CrawlError(Exception):
    """The crawler cannot make a table of what it found."""


@dataclass(frozen=True)
class CsvDialect:
    """How the files of a target are to be read."""

    delimiter: str
    quote: str
    header: bool
    names: tuple[str, ...] = ()
    custom: bool = False


class GlueCrawlers:
    """Replaces starting a crawler."""

    def __init__(self, emulator: Emulator, sessions: RoleSessions, logs: GlueLogs) -> None:
        self._sessions = sessions
        self._logs = logs
        self._glue = emulator.module("services.glue", "_crawlers", "_classifiers", "_start_crawler", "_stop_crawler")
        self._responses = emulator.module("core.responses", "json_response", "error_response_json")

    def install(self) -> None:
        """Put the replacement in place."""
        self._glue.replace("_start_crawler", self.start_crawler)

    def start_crawler(self, data: dict[str, Any]) -> Any:
        """Crawl in a thread; refuse while a crawl is going on."""
        name = data.get("Name")
        crawler = self._glue._crawlers.get(name)
        if crawler is None:
            return self._responses.error_response_json("EntityNotFoundException", f"Crawler {name} not found.", 400)
        if crawler["State"] != "READY":
            message = f"Crawler with name {name} has already started"
            return self._responses.error_response_json("CrawlerRunningException", message, 400)
        crawler["State"] = "RUNNING"
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._crawl, crawler), daemon=True).start()
        return self._responses.json_response({})

    def _crawl(self, crawler: dict[str, Any]) -> None:
        start = time.time()
        status, message = "SUCCEEDED", ""
        credentials: Credentials | None = None
        try:
            arn = f"arn:aws:glue:{self._sessions.region}:{self._sessions.account_id}:crawler/{crawler['Name']}"
            credentials = self._sessions.assume(crawler["Role"], "glue.amazonaws.com", "AWS-Crawler", arn)
            s3, glue = self._sessions.client("s3", credentials), self._sessions.client("glue", credentials)
            for target in crawler["Targets"].get("S3Targets", []):
                self._crawl_target(crawler, target, s3, glue)
        except (CrawlError, RoleError, botocore.exceptions.ClientError) as error:
            status, message = "FAILED", str(error)
        except Exception as error:
            status, message = "FAILED", f"Internal Service Exception: {type(error).__name__}: {error}"
            raise
        finally:
            if credentials:
                self._deliver_log(crawler, f"{status} {message}".strip(), credentials)
            crawler["LastCrawl"] = {
                "Status": status,
                "ErrorMessage": message,
                "LogGroup": LOG_GROUP,
                "LogStream": crawler["Name"],
                "MessagePrefix": str(uuid.uuid4()),
                "StartTime": start,
            }
            crawler["CrawlElapsedTime"] = int((time.time() - start) * 1000)
            crawler["State"] = "READY"

    def _deliver_log(self, crawler: dict[str, Any], line: str, credentials: Credentials) -> None:
        security_configuration = crawler.get("CrawlerSecurityConfiguration")
        self._logs.deliver(LOG_GROUP, crawler["Name"], [line], security_configuration, credentials)

    def _crawl_target(self, crawler: dict[str, Any], target: dict[str, Any], s3: Any, glue: Any) -> None:
        bucket, _, path = target["Path"].removeprefix("s3://").partition("/")
        prefix = path.rstrip("/") + "/" if path else ""
        keys = self._data_keys(s3, bucket, prefix, target.get("Exclusions") or [])
        if not keys:
            return
        samples = [self._sample(s3, bucket, key) for key in keys[:SAMPLE_FILES]]
        dialect = self._dialect(crawler.get("Classifiers") or [], samples)
        folders: dict[str, int] = {}
        for key in keys:
            folder = key[len(prefix) :].rpartition("/")[0]
            folders[folder] = folders.get(folder, 0) + 1
        partition_keys = partition_key_names(list(folders))
        columns = [
            {"Name": name, "Type": kind} for name, kind in infer_columns(samples, dialect) if name not in partition_keys
        ]
        name = crawler.get("TablePrefix", "") + re.sub(r"\W", "_", (prefix.rstrip("/").rpartition("/")[2] or bucket))
        storage = storage_descriptor(columns, f"s3://{bucket}/{prefix}", dialect)
        table = {
            "Name": name.lower(),
            "Owner": "owner",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage,
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in partition_keys],
            "Parameters": table_parameters(crawler["Name"], dialect, len(keys)),
        }
        self._write_table(glue, crawler["DatabaseName"], table)
        if partition_keys:
            inputs = [
                {
                    "Values": [part.partition("=")[2] if "=" in part else part for part in folder.split("/")],
                    "StorageDescriptor": {**storage, "Location": f"s3://{bucket}/{prefix}{folder}/"},
                }
                for folder in sorted(folders)
            ]
            self._write_partitions(glue, crawler["DatabaseName"], table["Name"], inputs)

    def _write_table(self, glue: Any, database: str, table: dict[str, Any]) -> None:
        glue.get_database(Name=database)
        try:
            glue.get_table(DatabaseName=database, Name=table["Name"])
        except glue.exceptions.EntityNotFoundException:
            glue.create_table(DatabaseName=database, TableInput=table)
        else:
            glue.update_table(DatabaseName=database, TableInput=table)

    def _write_partitions(self, glue: Any, database: str, table: str, inputs: list[dict[str, Any]]) -> None:
        """Create the partitions that are not there and update those that differ; others are never deleted."""
        place = {"DatabaseName": database, "TableName": table}
        listed = {
            tuple(entry["Values"])
            for entry in pages(glue.get_partitions, "Partitions", ExcludeColumnSchema=True, **place)
        }
        missing = [entry for entry in inputs if tuple(entry["Values"]) not in listed]
        for start in range(0, len(missing), PARTITION_BATCH):
            glue.batch_create_partition(PartitionInputList=missing[start : start + PARTITION_BATCH], **place)
        known = [entry for entry in inputs if tuple(entry["Values"]) in listed]
        for start in range(0, len(known), PARTITION_BATCH):
            batch = known[start : start + PARTITION_BATCH]
            asked = [{"Values": entry["Values"]} for entry in batch]
            answer = glue.batch_get_partition(PartitionsToGet=asked, **place)
            found = {tuple(entry["Values"]): entry for entry in answer["Partitions"]}
            for entry in batch:
                if found[tuple(entry["Values"])]["StorageDescriptor"] != entry["StorageDescriptor"]:
                    glue.update_partition(PartitionValueList=entry["Values"], PartitionInput=entry, **place)

    def _data_keys(self, s3: Any, bucket: str, prefix: str, exclusions: list[str]) -> list[str]:
        listing = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in listing for entry in page.get("Contents", []) if entry["Size"]]
        patterns = [glob_pattern(exclusion) for exclusion in exclusions]
        return [key for key in keys if not any(pattern.fullmatch(key[len(prefix) :]) for pattern in patterns)]

    def _sample(self, s3: Any, bucket: str, key: str) -> str:
        body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{SAMPLE_BYTES - 1}")["Body"].read()
        whole = len(body) < SAMPLE_BYTES
        if key.endswith(".gz"):
            body = start_of_gzip(body)
            whole = whole and len(body) < SAMPLE_BYTES
        text = str(body.decode("utf-8-sig", "replace"))
        return text if whole else text.rpartition("\n")[0]

    def _dialect(self, names: list[str], samples: list[str]) -> CsvDialect:
        """Return the first named CSV classifier's settings, else what the built-in one would find."""
        for name in names:
            settings = (self._glue._classifiers.get(name) or {}).get("CsvClassifier")
            if settings:
                header = tuple(settings.get("Header") or ())
                presence = settings.get("ContainsHeader", "UNKNOWN")
                return CsvDialect(
                    delimiter=settings.get("Delimiter") or ",",
                    quote=settings.get("QuoteSymbol") or '"',
                    header=looks_like_header(samples, ",") if presence == "UNKNOWN" else presence == "PRESENT",
                    names=header,
                    custom=True,
                )
        lines = [line for sample in samples for line in sample.splitlines()[:1]]
        delimiter = max(DELIMITERS, key=lambda character: sum(line.count(character) for line in lines))
        if not any(delimiter in line for line in lines):
            raise CrawlError("Unable to classify the data: no delimiter is found in the first lines of the files")
        return CsvDialect(delimiter, '"', looks_like_header(samples, delimiter))


def start_of_gzip(body: bytes) -> bytes:
    """Return the first bytes of what a gzip file holds, of which only the start may be given.

    Raises:
        CrawlError: when it is no gzip file.
    """
    found = b""
    try:
        while body and len(found) < SAMPLE_BYTES:
            # A file may consist of several members, each compressed by itself.
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            found += member.decompress(body, SAMPLE_BYTES - len(found))
            body = member.unused_data
    except zlib.error as error:
        raise CrawlError(f"Unable to classify the data: the content of a .gz file is not gzip: {error}") from error
    return found


def partition_key_names(folders: list[str]) -> list[str]:
    """Return the partition keys that folders below the target stand for: `k=v` names them, others get numbers.

    Raises:
        CrawlError: when folders differ in depth or in their keys, from which AWS would make several tables.
    """
    shapes = {
        tuple(
            part.partition("=")[0].lower() if "=" in part else f"partition_{index}"
            for index, part in enumerate(folder.split("/"))
        )
        if folder
        else ()
        for folder in folders
    }
    if len(shapes) > 1:
        raise CrawlError(f"The folders {sorted(folders)[:5]} do not form the partitions of one table")
    return list(shapes.pop())


def infer_columns(samples: list[str], dialect: CsvDialect) -> list[tuple[str, str]]:
    """Return names (in lower case, as Glue stores them) and types of the columns found in samples of the files."""
    values: dict[str, list[str]] = {}
    for sample in samples:
        reader = csv.reader(io.StringIO(sample), delimiter=dialect.delimiter, quotechar=dialect.quote)
        rows = [row for _, row in zip(range(SAMPLE_ROWS), reader, strict=False) if row]
        if not rows:
            continue
        found = rows[0] if dialect.header else [f"col{index}" for index in range(len(rows[0]))]
        names = [name.strip().lower() for name in (dialect.names or found)]
        for name in names:
            values.setdefault(name, [])
        for row in rows[1 if dialect.header else 0 :]:
            for name, value in zip(names, row, strict=False):
                values[name].append(value)
    return [(name, infer_type(found)) for name, found in values.items()]


def infer_type(values: list[str]) -> str:
    """Return bigint, double or string, whichever first fits all values that are not empty."""
    present = [value for value in values if value]
    if present and all(INTEGER.fullmatch(value) for value in present):
        return "bigint"
    if present and all(NUMBER.fullmatch(value) for value in present):
        return "double"
    return "string"


def looks_like_header(samples: list[str], delimiter: str) -> bool:
    """Whether the first rows hold names: distinct texts, no numbers, and later rows differ in kind or are as short.

    The built-in classifier asks that every column of the header parses as a string and that some later row differs.
    """
    for sample in samples:
        rows = list(csv.reader(io.StringIO(sample), delimiter=delimiter))[:SAMPLE_ROWS]
        if not rows or len(set(rows[0])) < len(rows[0]) or any(NUMBER.fullmatch(field) for field in rows[0]):
            return False
    return True


def storage_descriptor(columns: list[dict[str, str]], location: str, dialect: CsvDialect) -> dict[str, Any]:
    """Return the StorageDescriptor of a crawled CSV table."""
    if dialect.custom and dialect.quote != '"':
        serde: dict[str, Any] = {
            "SerializationLibrary": OPEN_CSV_SERDE,
            "Parameters": {"separatorChar": dialect.delimiter, "quoteChar": dialect.quote},
        }
    else:
        serde = {"SerializationLibrary": LAZY_SERDE, "Parameters": {"field.delim": dialect.delimiter}}
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": TEXT_INPUT,
        "OutputFormat": TEXT_OUTPUT,
        "SerdeInfo": serde,
        "Compressed": False,
        "NumberOfBuckets": -1,
        "StoredAsSubDirectories": False,
    }


def table_parameters(crawler: str, dialect: CsvDialect, files: int) -> dict[str, str]:
    """Return the parameters a crawler leaves on a CSV table."""
    parameters = {
        "classification": "csv",
        "delimiter": dialect.delimiter,
        "areColumnsQuoted": "false",
        "objectCount": str(files),
        "UPDATED_BY_CRAWLER": crawler,
    }
    if dialect.header:
        parameters["skip.header.line.count"] = "1"
    return parameters


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """Translate an exclusion: https://docs.aws.amazon.com/glue/latest/dg/define-crawler.html (`**` crosses folders)."""
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    translated = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(translated.get(part, re.escape(part)) for part in parts))
