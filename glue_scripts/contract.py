"""The dataset contract: the one JSON document that says what a dataset is, as typed, checked, frozen values."""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from errors import TerminalError
from storage import folder_uri, open_storage

# The partition values of a unit, one for each partition key, in the spelling of the catalog.
Values = tuple[str, ...]

SCALAR_TYPES = ("string", "boolean", "int", "bigint", "float", "double", "date", "timestamp")
# Names and types of the quarantine table's columns.
QUARANTINE_COLUMNS = (
    ("source_file", "string"),
    ("line_number", "bigint"),
    ("reason", "string"),
    ("column_name", "string"),
    ("raw_text", "string"),
    ("run_id", "string"),
)
# How the names of data files end where nothing else is said.
SUFFIXES = (".csv", ".csv.gz")
# Lines that may be skipped before the header, or left out at the end.
MOST_LINES = 1000
PARTITION_TYPES = ("string", "int", "bigint", "date")
DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
# For the state machine; of it the job reads the crawler's name only.
_FOREIGN_KEYS = ("workflow",)


class ContractError(TerminalError):
    """The contract breaks a rule; the message names the dataset, the setting, its value and what is allowed."""


@dataclass(frozen=True)
class Column:
    """One column of the Parquet table; `source` says which one of the files it is, `format` is a strptime format."""

    name: str
    type: str
    source: str
    required: bool = False
    format: str | None = None
    comment: str = ""


@dataclass(frozen=True)
class CsvOptions:
    """How the files are written; `escape=None` means that a quote inside quotes is doubled."""

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)
    comment: str | None = None
    date_format: str | None = None
    timestamp_format: str | None = None
    quoted_newlines: bool = True
    trim: bool = False
    match_columns: str = "name"
    skip_lines: int = 0
    footer_lines: int = 0
    footer_pattern: str | None = None

    @property
    def by_name(self) -> bool:
        """Say whether the columns of a file are found by the names in its header."""
        return self.header and self.match_columns == "name"


@dataclass(frozen=True)
class PartitionKey:
    """One partition key of the table, in order."""

    name: str
    type: str = "string"


@dataclass(frozen=True)
class DatasetContract:
    """A dataset; URIs of folders end in a slash.

    `columns` is empty for a crawled dataset until it is resolved; `crawled_table` then names the table they are from.
    """

    dataset: str
    fingerprint: str
    source_uri: str
    lake_uri: str
    database: str
    raw_table: str
    parquet_table: str
    quarantine_table: str
    partition_keys: tuple[PartitionKey, ...]
    partition_pattern: str | None
    columns: tuple[Column, ...]
    csv: CsvOptions
    schema_drift: str
    max_bad_fraction: float
    max_bad_rows: int | None
    on_source_removed: str
    on_unmatched: str
    on_contract_change: str
    target_file_mb: int
    retain_superseded_hours: float
    suffixes: tuple[str, ...]
    renamed_from: str | None = None
    crawler_name: str | None = None
    crawled_table: str | None = None

    @property
    def lake_name(self) -> str:
        """The dataset's name in the lake, which it keeps for good: there it was called so first."""
        return self.renamed_from or self.dataset

    @property
    def crawled(self) -> bool:
        """Say whether the columns are still to be taken from the raw table that a crawler has made."""
        return not self.columns

    def with_columns(self, columns: Sequence[tuple[str, str]]) -> DatasetContract:
        """Return the contract with the raw table's columns (name, type), its fingerprint folded over them.

        The state machine folds the same way before it folds the listing, so both sides see a changed raw table.
        """
        if not columns:
            raise ContractError(
                f"dataset {self.dataset}: no columns are declared and the raw table {self.database}.{self.raw_table} "
                "has none either: declare columns or let the crawler find files"
            )
        resolved = tuple(_column(self.dataset, {"name": name, "type": kind}) for name, kind in columns)
        _check_names(self.dataset, resolved, self.partition_keys)
        digest = self.fingerprint
        for name, kind in columns:
            digest = hashlib.sha256(f"{digest}{name}:{kind}".encode()).hexdigest()
        table = f"{self.database}.{self.raw_table}"
        return replace(self, columns=resolved, fingerprint=digest, crawled_table=table)


def load_contract(uri: str) -> DatasetContract:
    """Read and check the contract at a URI (s3:// or a local file)."""
    text = open_storage(uri).read_bytes(uri)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ContractError(f"contract {uri} is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise ContractError(f"contract {uri} holds {type(document).__name__}; expected one JSON object")
    return parse_contract(document)


def parse_contract(document: Mapping[str, Any]) -> DatasetContract:
    """Turn the JSON document into a contract, filling defaults and refusing whatever is unknown or contradictory."""
    dataset = document.get("dataset")
    if not isinstance(dataset, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", dataset):
        raise ContractError(f"dataset is {dataset!r}; expected a name of lower-case letters, digits and _")
    known = {field.name for field in fields(DatasetContract)} - {"crawler_name", "crawled_table"}
    _refuse_unknown(dataset, "", document, [*known, *_FOREIGN_KEYS])
    for name in ("source_uri", "lake_uri"):
        if not document.get(name):
            raise ContractError(f"dataset {dataset}: {name} is missing; expected s3://bucket/prefix/ or a local folder")
    columns = tuple(_column(dataset, column) for column in _list(dataset, "columns", document.get("columns")))
    keys = tuple(
        _partition_key(dataset, key) for key in _list(dataset, "partition_keys", document.get("partition_keys"))
    )
    csv = _csv_options(dataset, document.get("csv") or {})
    schema_drift = _choice(dataset, document, "schema_drift", ("fail", "ignore"))
    pattern, suffixes = document.get("partition_pattern"), _suffixes(dataset, document.get("suffixes"))
    _check_names(dataset, columns, keys)
    _check_pattern(dataset, pattern, keys)
    _check_sources(dataset, columns, csv)
    if csv.skip_lines and not columns:
        raise ContractError(
            f"dataset {dataset}: csv.skip_lines is {csv.skip_lines} and no columns are declared: a crawler cannot skip "
            "lines, so declare the columns"
        )
    return DatasetContract(
        dataset=dataset,
        fingerprint=document.get("fingerprint") or _fingerprint(columns, csv, keys, pattern, schema_drift, suffixes),
        source_uri=folder_uri(document["source_uri"]),
        lake_uri=folder_uri(document["lake_uri"]),
        database=document.get("database") or "default",
        raw_table=document.get("raw_table") or f"raw_{dataset}",
        parquet_table=document.get("parquet_table") or dataset,
        quarantine_table=document.get("quarantine_table") or f"{dataset}_quarantine",
        partition_keys=keys,
        partition_pattern=pattern,
        columns=columns,
        csv=csv,
        schema_drift=schema_drift,
        max_bad_fraction=_number(dataset, document, "max_bad_fraction", 0.01, 0, 1),
        max_bad_rows=_optional_count(dataset, document, "max_bad_rows"),
        on_source_removed=_choice(dataset, document, "on_source_removed", ("keep", "mirror")),
        on_unmatched=_choice(dataset, document, "on_unmatched", ("fail", "skip")),
        on_contract_change=_choice(dataset, document, "on_contract_change", ("reconvert", "new_data_only")),
        target_file_mb=int(_number(dataset, document, "target_file_mb", 128, 1, 4096)),
        retain_superseded_hours=_number(dataset, document, "retain_superseded_hours", 24, 0, 24 * 3650),
        suffixes=suffixes,
        renamed_from=_earlier_name(dataset, document.get("renamed_from")),
        crawler_name=(document.get("workflow") or {}).get("crawler_name"),
    )


def _earlier_name(dataset: str, value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]*", value)):
        raise ContractError(
            f"dataset {dataset}: renamed_from is {value!r}; allowed is null or a name of lower-case letters, digits "
            "and _"
        )
    return value


def _refuse_unknown(dataset: str, where: str, document: Mapping[str, Any], allowed: Sequence[str]) -> None:
    if unknown := sorted(set(document) - set(allowed)):
        near = [difflib.get_close_matches(name.lower(), allowed, 1) for name in unknown]
        said = [f"{name} (near {match[0]})" if match else name for name, match in zip(unknown, near, strict=True)]
        raise ContractError(
            f"dataset {dataset}: unknown {where}setting {', '.join(said)}; allowed are {', '.join(sorted(allowed))}"
        )


def _list(dataset: str, name: str, value: Any) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; expected a list of objects")
    return value


def _suffixes(dataset: str, value: Any) -> tuple[str, ...]:
    """Return the endings of the names of data files; the empty one ends every name."""
    if value is None:
        return SUFFIXES
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and "/" not in item for item in value):
        raise ContractError(
            f"dataset {dataset}: suffixes is {value!r}; allowed is a list of endings of names, such as .csv and .txt, "
            'without slashes ("" ends every name), or null'
        )
    return tuple(value)


def _choice(dataset: str, document: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed words; the first is the default."""
    value = document.get(name)
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; allowed are {', '.join(allowed)}")
    return str(value)


def _number(dataset: str, document: Mapping[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = document.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; allowed is a number from {low} to {high}")
    return value


def _check_lines(dataset: str, document: Mapping[str, Any], name: str) -> None:
    value = document.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_LINES:
        raise ContractError(
            f"dataset {dataset}: csv.{name} is {value!r}; allowed is a whole number from 0 to {MOST_LINES}"
        )


def _optional_count(dataset: str, document: Mapping[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; allowed is null or a whole number from 0")
    return value


def _column(dataset: str, document: Mapping[str, Any]) -> Column:
    _refuse_unknown(dataset, "column ", document, [field.name for field in fields(Column)])
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise ContractError(f"dataset {dataset}: a column has no name: {dict(document)!r}")
    kind = str(document.get("type") or "string").lower().replace(" ", "")
    _check_type(dataset, name, kind)
    column_format = document.get("format")
    if column_format is not None and kind not in ("date", "timestamp"):
        raise ContractError(
            f"dataset {dataset}: column {name} has format {column_format!r} and type {kind}; "
            "a format is allowed for date and timestamp"
        )
    comment = document.get("comment") or ""
    # What Glue takes: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
    if len(comment) > 255 or re.search(r"[\x00-\x08\x0a-\x1f]", comment):
        raise ContractError(
            f"dataset {dataset}: the comment of column {name} has {len(comment)} characters: {comment[:40]!r}…; "
            "allowed are at most 255 without a line break"
        )
    return Column(
        name=name,
        type=kind,
        source=_source(dataset, name, document.get("source")),
        required=_flag(dataset, document, "required", False),
        format=column_format,
        comment=comment,
    )


def _source(dataset: str, name: str, source: Any) -> str:
    """Return what a column is called in the files; the empty text is a column without a name."""
    if source is not None and not isinstance(source, str):
        raise ContractError(f"dataset {dataset}: column {name} has source {source!r}; allowed is a text, or null")
    return name if source is None else source


def _check_sources(dataset: str, columns: Sequence[Column], csv: CsvOptions) -> None:
    named = [column.name for column in columns if column.source != column.name]
    if named and not csv.by_name:
        raise ContractError(
            f"dataset {dataset}: column {named[0]} has a source, and columns are found by position (csv.header = false "
            'or csv.match_columns = "position"): leave source out'
        )


def _check_type(dataset: str, name: str, kind: str) -> None:
    decimal = DECIMAL.fullmatch(kind)
    if decimal and 1 <= int(decimal[1]) <= 38 and int(decimal[2]) <= int(decimal[1]):
        return
    if kind not in SCALAR_TYPES:
        raise ContractError(
            f"dataset {dataset}: column {name} has type {kind}; allowed are {', '.join(SCALAR_TYPES)} and "
            "decimal(p,s) with 1 <= p <= 38 and s <= p"
        )


def _partition_key(dataset: str, document: Mapping[str, Any]) -> PartitionKey:
    _refuse_unknown(dataset, "partition key ", document, [field.name for field in fields(PartitionKey)])
    name, kind = document.get("name"), document.get("type") or "string"
    if not isinstance(name, str) or not IDENTIFIER.fullmatch(name):
        raise ContractError(f"dataset {dataset}: partition key {name!r}; expected lower-case letters, digits and _")
    if kind not in PARTITION_TYPES:
        raise ContractError(
            f"dataset {dataset}: partition key {name} has type {kind}; allowed are {', '.join(PARTITION_TYPES)}"
        )
    return PartitionKey(name, kind)


def _csv_options(dataset: str, document: Mapping[str, Any]) -> CsvOptions:
    _refuse_unknown(dataset, "csv ", document, [field.name for field in fields(CsvOptions)])
    given = {name: value for name, value in document.items() if value is not None or name in _NULLABLE_CSV}
    if not isinstance(given.get("null_values", []), list):
        raise ContractError(
            f"dataset {dataset}: csv.null_values is {given['null_values']!r}; expected a list of strings"
        )
    if "null_values" in given:
        given["null_values"] = tuple(str(value) for value in given["null_values"])
    for name in ("header", "quoted_newlines", "trim"):
        _flag(dataset, given, name, False)
    if given.get("match_columns") not in (None, "name", "position"):
        raise ContractError(
            f"dataset {dataset}: csv.match_columns is {given['match_columns']!r}; allowed are name, position"
        )
    for name in ("skip_lines", "footer_lines"):
        _check_lines(dataset, given, name)
    options = CsvOptions(**given)
    _check_footer(dataset, options)
    _check_characters(dataset, options)
    try:
        codecs.lookup(options.encoding)
    except LookupError as error:
        raise ContractError(
            f"dataset {dataset}: csv.encoding is {options.encoding!r}; allowed is any encoding that Python knows"
        ) from error
    return options


_NULLABLE_CSV = ("quote", "escape", "comment", "date_format", "timestamp_format", "footer_pattern")


def _check_footer(dataset: str, options: CsvOptions) -> None:
    pattern = options.footer_pattern
    if pattern is None:
        return
    if options.footer_lines:
        raise ContractError(
            f"dataset {dataset}: csv.footer_lines is {options.footer_lines} and csv.footer_pattern is {pattern!r}; "
            "allowed is one of both"
        )
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ContractError(
            f"dataset {dataset}: csv.footer_pattern {pattern!r} is not a regular expression: {error}"
        ) from error
    if not pattern:
        raise ContractError(f"dataset {dataset}: csv.footer_pattern is empty, which every line matches")


def _check_characters(dataset: str, options: CsvOptions) -> None:
    special = {name: getattr(options, name) for name in ("delimiter", "quote", "escape", "comment")}
    for name, value in special.items():
        if value is not None and (not isinstance(value, str) or len(value) != 1 or value in "\r\n"):
            raise ContractError(f"dataset {dataset}: csv.{name} is {value!r}; allowed is one character, no line break")
    used = [(value, name) for name, value in special.items() if value is not None]
    for position, (value, name) in enumerate(used):
        for other, other_name in used[:position]:
            # The escape character may be the quote itself: that is what doubling means.
            if value == other and {name, other_name} != {"quote", "escape"}:
                raise ContractError(f"dataset {dataset}: csv.{other_name} and csv.{name} are both {value!r}")


def _flag(dataset: str, document: Mapping[str, Any], name: str, default: bool) -> bool:
    value = document.get(name, default)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; allowed are true and false")
    return value


def _check_names(dataset: str, columns: Sequence[Column], keys: Sequence[PartitionKey]) -> None:
    names = [column.name.lower() for column in columns] + [key.name for key in keys]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ContractError(
            f"dataset {dataset}: {', '.join(repeated)} named more than once; columns and partition keys need names "
            "that differ, also in more than upper and lower case"
        )
    taken = [name for name, _ in QUARANTINE_COLUMNS]
    if clashing := [key.name for key in keys if key.name in taken]:
        raise ContractError(
            f"dataset {dataset}: partition key {clashing[0]} has the name of a column of the quarantine table, which "
            f"has the same partition keys; any other name than {', '.join(taken)} is allowed"
        )


def _check_pattern(dataset: str, pattern: Any, keys: Sequence[PartitionKey]) -> None:
    if pattern is None:
        return
    try:
        groups = set(re.compile(pattern).groupindex)
    except (re.error, TypeError) as error:
        raise ContractError(
            f"dataset {dataset}: partition_pattern {pattern!r} is not a regular expression: {error}"
        ) from error
    names = {key.name for key in keys}
    if groups != names:
        raise ContractError(
            f"dataset {dataset}: partition_pattern {pattern!r} has the named groups {sorted(groups)}; "
            f"they must be the partition keys {sorted(names)}"
        )


def _fingerprint(
    columns: Sequence[Column],
    csv: CsvOptions,
    keys: Sequence[PartitionKey],
    pattern: str | None,
    schema_drift: str,
    suffixes: tuple[str, ...],
) -> str:
    """Return the SHA-256 of what decides the converted bytes, as contracts.tf computes it.

    An option at its default is absent, so that options which come later leave the fingerprints of all as they are.
    """
    parts = {
        "columns": [_said(column, Column("", "string", column.name, comment=column.comment)) for column in columns],
        "csv": _said(csv, CsvOptions()),
        "partition_keys": [_said(key, PartitionKey("")) for key in keys],
        "partition_pattern": pattern,
        "schema_drift": None if schema_drift == "fail" else schema_drift,
        "suffixes": None if suffixes == SUFFIXES else list(suffixes),
    }
    said = {name: part for name, part in parts.items() if part}
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # What Terraform's jsonencode escapes: https://developer.hashicorp.com/terraform/language/functions/jsonencode
    for character in "<>&\u2028\u2029":
        canonical = canonical.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(canonical.encode()).hexdigest()


def _said(options: Column | CsvOptions | PartitionKey, unsaid: Column | CsvOptions | PartitionKey) -> dict[str, Any]:
    """Return the options that differ from those that go without saying."""
    defaults = asdict(unsaid)
    return {name: value for name, value in asdict(options).items() if value != defaults[name]}
