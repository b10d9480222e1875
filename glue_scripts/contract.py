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
# Spark SQL's spellings: https://spark.apache.org/docs/latest/sql-ref-datatypes.html and its cast from string.
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")
NUMBER_TYPES = ("int", "bigint", "float", "double")
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
    """One column of the Parquet table; `source` says which one of the files it is, `format` is a strptime format and
    `formats` are several.

    `decimal`, `thousands`, `strip` and `null_values` go before those of the dataset; None means the dataset's, and a
    `thousands` of "" that there is none.
    """

    name: str
    type: str
    source: str
    required: bool = False
    format: str | None = None
    comment: str = ""
    decimal: str | None = None
    thousands: str | None = None
    strip: tuple[str, ...] | None = None
    null_values: tuple[str, ...] | None = None
    formats: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Say whether the column holds numbers."""
        return self.type in NUMBER_TYPES or DECIMAL.fullmatch(self.type) is not None


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
    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()
    true_values: tuple[str, ...] | None = None
    false_values: tuple[str, ...] | None = None
    quoted_nulls: bool = False
    short_rows: str = "quarantine"
    skip_initial_space: bool = False
    empty_rows: str = "keep"
    date_formats: tuple[str, ...] = ()
    timestamp_formats: tuple[str, ...] = ()
    match_columns: str = "name"
    skip_lines: int = 0
    skip_pattern: str | None = None
    footer_lines: int = 0
    footer_pattern: str | None = None

    def formats_of(self, column: Column) -> tuple[str, tuple[str, ...]]:
        """Return the name of the setting that says how a column's dates or timestamps are written, and the formats."""
        if column.format or column.formats:
            name, single, several = f"format{'' if column.format else 's'} of column", column.format, column.formats
            return f"{name} {column.name}", (single,) if single else several
        is_date = column.type == "date"
        single = self.date_format if is_date else self.timestamp_format
        several = self.date_formats if is_date else self.timestamp_formats
        return f"csv.{column.type}_format{'' if single else 's'}", (single,) if single else several

    def decimal_of(self, column: Column) -> str:
        """Return what stands before the fraction of a column's numbers."""
        return column.decimal or self.decimal

    def thousands_of(self, column: Column) -> str | None:
        """Return what stands between the thousands of a column's numbers; None where nothing does."""
        return (self.thousands if column.thousands is None else column.thousands) or None

    def strip_of(self, column: Column) -> tuple[str, ...]:
        """Return the texts that are taken off a column's numbers."""
        return self.strip if column.strip is None else column.strip

    @property
    def true_words(self) -> tuple[str, ...]:
        """Return the spellings of true, in lower case."""
        return TRUE_WORDS if self.true_values is None else tuple(word.lower() for word in self.true_values)

    @property
    def false_words(self) -> tuple[str, ...]:
        """Return the spellings of false, in lower case."""
        return FALSE_WORDS if self.false_values is None else tuple(word.lower() for word in self.false_values)

    def nulls_of(self, column: Column) -> tuple[str, ...]:
        """Return the spellings of null in a column."""
        return self.null_values if column.null_values is None else column.null_values

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

    `columns` is empty for a crawled dataset until it is resolved; `crawled_table` then names the table that a crawler
    has made, and `inferred` says that the columns were inferred instead of taken from there. `listing_fingerprint` is
    what the digest of the listing begins with where that is another one than the units' own.
    `lake_datasets` are the names of all datasets that share the lake, this one's included; empty where nobody said.
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
    timestamp_unit: str
    max_bad_fraction: float
    max_bad_rows: int | None
    on_source_removed: str
    on_unmatched: str
    on_contract_change: str
    target_file_mb: int
    retain_superseded_hours: float
    suffixes: tuple[str, ...]
    renamed_from: str | None = None
    lake_datasets: tuple[str, ...] = ()
    crawler_name: str | None = None
    crawled_table: str | None = None
    inferred: bool = False
    listing_fingerprint: str | None = None

    @property
    def lake_name(self) -> str:
        """The dataset's name in the lake, which it keeps for good: there it was called so first."""
        return self.renamed_from or self.dataset

    @property
    def crawled(self) -> bool:
        """Say whether the columns are still to be taken from the raw table that a crawler has made."""
        return not self.columns

    @property
    def keeps_earlier_contracts(self) -> bool:
        """Say whether units keep the contract they were made with; a table that is one unit has no old data beside new.

        Nor could it be read: Athena converts types partition by partition, and not in a Parquet table without
        partitions, https://docs.aws.amazon.com/athena/latest/ug/updates-changing-column-type.html.
        """
        return self.on_contract_change == "new_data_only" and bool(self.partition_keys)

    def with_crawled(self, columns: Sequence[tuple[str, str]]) -> DatasetContract:
        """Return the contract knowing the raw table's columns (name, type), over which the listing's digest is folded.

        The state machine folds the same way before it folds the listing, so both sides see a changed raw table.
        """
        digest = self.fingerprint
        for name, kind in columns:
            digest = hashlib.sha256(f"{digest}{name}:{kind}".encode()).hexdigest()
        return replace(self, listing_fingerprint=digest, crawled_table=f"{self.database}.{self.raw_table}")

    def with_inferred(self, columns: Sequence[Column]) -> DatasetContract:
        """Return the contract with columns that were inferred, its fingerprint folded over all that is known of them.

        What a file is called does not change them, so the digest of the listing has nothing of them.
        """
        _check_names(self.dataset, columns, self.partition_keys)
        known = [_said(column, Column("", "string", column.name)) for column in columns]
        text = json.dumps(known, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(f"{self.fingerprint}{text}".encode()).hexdigest()
        return replace(self, columns=tuple(columns), fingerprint=digest, inferred=True)

    def with_columns(self, columns: Sequence[tuple[str, str]]) -> DatasetContract:
        """Return the contract with the raw table's columns (name, type), its fingerprint folded over them."""
        if not columns:
            raise ContractError(
                f"dataset {self.dataset}: no columns are declared and the raw table {self.database}.{self.raw_table} "
                "has none either: declare columns or let the crawler find files"
            )
        resolved = tuple(parse_column(self.dataset, {"name": name, "type": kind}) for name, kind in columns)
        _check_names(self.dataset, resolved, self.partition_keys)
        known = self.with_crawled(columns)
        return replace(known, columns=resolved, fingerprint=known.listing_fingerprint or "")


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
    known = {field.name for field in fields(DatasetContract)} - {
        "crawler_name",
        "crawled_table",
        "inferred",
        "listing_fingerprint",
    }
    _refuse_unknown(dataset, "", document, [*known, *_FOREIGN_KEYS])
    for name in ("source_uri", "lake_uri"):
        if not document.get(name):
            raise ContractError(f"dataset {dataset}: {name} is missing; expected s3://bucket/prefix/ or a local folder")
    columns = tuple(parse_column(dataset, column) for column in _list(dataset, "columns", document.get("columns")))
    keys = tuple(
        _partition_key(dataset, key) for key in _list(dataset, "partition_keys", document.get("partition_keys"))
    )
    csv = _csv_options(dataset, document.get("csv") or {})
    _check_numbers(dataset, columns, csv)
    _check_stripped(dataset, columns, csv)
    schema_drift = _choice(dataset, document, "schema_drift", ("fail", "ignore"))
    unit = _choice(dataset, document, "timestamp_unit", ("us", "ms"))
    pattern, suffixes = document.get("partition_pattern"), _suffixes(dataset, document.get("suffixes"))
    _check_names(dataset, columns, keys)
    _check_pattern(dataset, pattern, keys)
    _check_sources(dataset, columns, csv)
    if (csv.skip_lines or csv.skip_pattern is not None) and not columns:
        name = "skip_lines" if csv.skip_lines else "skip_pattern"
        raise ContractError(
            f"dataset {dataset}: csv.{name} is {getattr(csv, name)!r} and no columns are declared: a crawler cannot "
            "skip lines, so declare the columns"
        )
    return DatasetContract(
        dataset=dataset,
        fingerprint=document.get("fingerprint")
        or _fingerprint(columns, csv, keys, pattern, schema_drift, unit, suffixes),
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
        timestamp_unit=unit,
        max_bad_fraction=_number(dataset, document, "max_bad_fraction", 0.01, 0, 1),
        max_bad_rows=_optional_count(dataset, document, "max_bad_rows"),
        on_source_removed=_choice(dataset, document, "on_source_removed", ("keep", "mirror")),
        on_unmatched=_choice(dataset, document, "on_unmatched", ("fail", "skip")),
        on_contract_change=_choice(dataset, document, "on_contract_change", ("reconvert", "new_data_only")),
        target_file_mb=int(_number(dataset, document, "target_file_mb", 128, 1, 4096)),
        retain_superseded_hours=_number(dataset, document, "retain_superseded_hours", 24, 0, 24 * 3650),
        suffixes=suffixes,
        renamed_from=_earlier_name(dataset, document.get("renamed_from")),
        lake_datasets=_names(dataset, "lake_datasets", document.get("lake_datasets")),
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


def _names(dataset: str, name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; expected a list of strings")
    return tuple(value)


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


def parse_column(dataset: str, document: Mapping[str, Any]) -> Column:
    """Turn a column of the JSON document into a checked one."""
    _refuse_unknown(dataset, "column ", document, [field.name for field in fields(Column)])
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise ContractError(f"dataset {dataset}: a column has no name: {dict(document)!r}")
    kind = str(document.get("type") or "string").lower().replace(" ", "")
    _check_type(dataset, name, kind)
    column_format = document.get("format")
    formats = _texts(dataset, f"formats of column {name}", document.get("formats")) or ()
    if (column_format is not None or formats) and kind not in ("date", "timestamp"):
        raise ContractError(
            f"dataset {dataset}: column {name} has format {column_format or formats!r} and type {kind}; "
            "a format is allowed for date and timestamp"
        )
    _check_one_of_both(dataset, f"format and formats of column {name}", column_format, formats)
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
        formats=formats,
        comment=comment,
        decimal=document.get("decimal"),
        thousands=document.get("thousands"),
        strip=_texts(dataset, f"strip of column {name}", document.get("strip")),
        null_values=_texts(dataset, f"null_values of column {name}", document.get("null_values")),
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
    for name in _CSV_LISTS:
        if name in given:
            given[name] = _texts(dataset, f"csv.{name}", given[name])
    for name in ("header", "quoted_newlines", "trim", "quoted_nulls", "skip_initial_space"):
        _flag(dataset, given, name, False)
    _choice(dataset, given, "short_rows", ("quarantine", "null"))
    _choice(dataset, given, "empty_rows", ("keep", "skip", "quarantine"))
    if given.get("match_columns") not in (None, "name", "position"):
        raise ContractError(
            f"dataset {dataset}: csv.match_columns is {given['match_columns']!r}; allowed are name, position"
        )
    for name in ("skip_lines", "footer_lines"):
        _check_lines(dataset, given, name)
    options = CsvOptions(**given)
    _check_pattern_of_lines(dataset, options, "skip")
    _check_pattern_of_lines(dataset, options, "footer")
    _check_characters(dataset, options)
    _check_words(dataset, options)
    for kind in ("date", "timestamp"):
        single, several = getattr(options, f"{kind}_format"), getattr(options, f"{kind}_formats")
        _check_one_of_both(dataset, f"csv.{kind}_format and csv.{kind}_formats", single, several)
    try:
        codecs.lookup(options.encoding)
    except LookupError as error:
        raise ContractError(
            f"dataset {dataset}: csv.encoding is {options.encoding!r}; allowed is any encoding that Python knows"
        ) from error
    return options


_NULLABLE_CSV = (
    "quote",
    "escape",
    "comment",
    "date_format",
    "timestamp_format",
    "thousands",
    "skip_pattern",
    "footer_pattern",
)
_CSV_LISTS = ("null_values", "strip", "true_values", "false_values", "date_formats", "timestamp_formats")
_STRIPPED = re.compile(r"[^0-9+\x00-\x1f\x7f-]+")


def _texts(dataset: str, name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; expected a list of strings")
    return tuple(value)


def _check_one_of_both(dataset: str, names: str, single: str | None, several: Sequence[str]) -> None:
    if single is not None and several:
        raise ContractError(f"dataset {dataset}: {names} are both set; allowed is one of them")


def _check_words(dataset: str, options: CsvOptions) -> None:
    """Refuse spellings of booleans that cannot be found, or that mean both."""
    for name in ("true_values", "false_values"):
        for word in getattr(options, name) or ():
            if not word or word != word.strip():
                raise ContractError(
                    f"dataset {dataset}: csv.{name} has {word!r}; allowed is any text without blanks around it"
                )
    if both := sorted(set(options.true_words) & set(options.false_words)):
        raise ContractError(
            f"dataset {dataset}: csv.true_values and csv.false_values both have {both[0]!r}, in any case; unless it is "
            f"said otherwise {', '.join(TRUE_WORDS)} are true and {', '.join(FALSE_WORDS)} false"
        )


def _check_stripped(dataset: str, columns: Sequence[Column], csv: CsvOptions) -> None:
    """Refuse texts that cannot be told from a number when they are taken off it."""
    whose = [("csv.strip", csv.strip, {csv.decimal, csv.thousands})]
    for column in columns:
        marks = {csv.decimal_of(column), csv.thousands_of(column)}
        whose.append((f"strip of column {column.name}", csv.strip_of(column) if column.is_number else (), marks))
    for name, texts, marks in whose:
        for text in texts:
            if not _STRIPPED.fullmatch(text) or text != text.strip() or text in marks:
                raise ContractError(
                    f"dataset {dataset}: {name} has {text!r}; allowed is any text without digits, signs, control "
                    "characters and blanks around it that is neither decimal nor thousands"
                )


def _check_numbers(dataset: str, columns: Sequence[Column], csv: CsvOptions) -> None:
    """Refuse marks of numbers that cannot be told from the numbers, from each other or from those of the file."""
    whose: list[tuple[str, Any, Any]] = [("csv.{}", csv.decimal, csv.thousands)]
    for column in columns:
        own = f"{{}} of column {column.name}"
        if column.is_number:
            whose.append((own, csv.decimal_of(column), csv.thousands_of(column)))
        elif found := [name for name in ("decimal", "thousands", "strip") if getattr(column, name) is not None]:
            raise ContractError(
                f"dataset {dataset}: {own.format(found[0])} is set and its type is {column.type}; "
                f"allowed is it for {', '.join(NUMBER_TYPES)} and decimal(p,s)"
            )
    for name, decimal, thousands in whose:
        if not _is_mark(decimal) or not decimal.isascii() or decimal == " ":
            raise ContractError(
                f"dataset {dataset}: {name.format('decimal')} is {decimal!r}; allowed is one ASCII character that is "
                "printed and is no letter, digit, blank or sign"
            )
        if thousands is not None and not _is_mark(thousands):
            raise ContractError(
                f"dataset {dataset}: {name.format('thousands')} is {thousands!r}; allowed is one character that is no "
                "letter of ASCII, digit, sign or control character"
            )
        if clashing := [mark for mark in (decimal, thousands) if mark in (csv.quote, csv.escape) and mark]:
            raise ContractError(
                f"dataset {dataset}: {name.format('decimal or thousands')} is {clashing[0]!r}, as csv.quote or "
                "csv.escape is; allowed is another character"
            )
        if decimal == thousands:
            raise ContractError(
                f"dataset {dataset}: {name.format('decimal and thousands')} are both {decimal!r}; they must differ"
            )


def _is_mark(value: Any) -> bool:
    """Say whether a value is a character that can stand in a number and is no part of one."""
    if not isinstance(value, str) or len(value) != 1 or ord(value) < 32 or ord(value) == 127:
        return False
    return value not in "+-" and not (value.isascii() and value.isalnum())


def _check_pattern_of_lines(dataset: str, options: CsvOptions, kind: str) -> None:
    """Check the pattern of lines that are no data: `skip` before the header, `footer` behind the data."""
    pattern, lines = getattr(options, f"{kind}_pattern"), getattr(options, f"{kind}_lines")
    if pattern is None:
        return
    if lines:
        raise ContractError(
            f"dataset {dataset}: csv.{kind}_lines is {lines} and csv.{kind}_pattern is {pattern!r}; allowed is one of "
            "both"
        )
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ContractError(
            f"dataset {dataset}: csv.{kind}_pattern {pattern!r} is not a regular expression: {error}"
        ) from error
    if not pattern:
        raise ContractError(f"dataset {dataset}: csv.{kind}_pattern is empty, which every line matches")


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
    if options.skip_initial_space and " " in special.values():
        raise ContractError(
            f"dataset {dataset}: csv.skip_initial_space is true and a blank is one of the special characters; blanks "
            "that are skipped must mean nothing else"
        )


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
    timestamp_unit: str,
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
        "timestamp_unit": None if timestamp_unit == "us" else timestamp_unit,
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
