"""The dataset contract: the one JSON document that says what a dataset is, as typed, checked, frozen values."""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
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
_DATASET = re.compile(r"[a-z][a-z0-9_]*")
_STRIPPED = re.compile(r"[^0-9+\x00-\x1f\x7f-]+")
# For the state machine; of it the job reads the crawler's name only.
_FOREIGN_KEYS = ("workflow",)
# Fields of a contract that no document says.
_FOUND_OUT = ("crawler_name", "crawled_table", "inferred", "listing_fingerprint")


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
        return self.decimal if column.decimal is None else column.decimal

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

    def exceeded_limits(self, bad: int, rows: int) -> list[str]:
        """Return the limits of bad rows, as messages show them, that so many of so many rows exceed."""
        limits = []
        # 29 of 100 are 0.29, and 0.29 * 100 is less than 29.
        if bad and bad / rows > self.max_bad_fraction:
            limits.append(f"max_bad_fraction = {self.max_bad_fraction:g} ({bad / rows:.4%} are bad)")
        if self.max_bad_rows is not None and bad > self.max_bad_rows:
            limits.append(f"max_bad_rows = {self.max_bad_rows}")
        return limits

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
        known = [_said(column, Column("", "string", column.name)) for column in columns]
        text = json.dumps(known, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(f"{self.fingerprint}{text}".encode()).hexdigest()
        inferred = replace(self, columns=tuple(columns), fingerprint=digest, inferred=True)
        _check_names(inferred)
        return inferred

    def with_columns(self, columns: Sequence[tuple[str, str]]) -> DatasetContract:
        """Return the contract with the raw table's columns (name, type), its fingerprint folded over them."""
        if not columns:
            raise ContractError(
                f"dataset {self.dataset}: no columns are declared and the raw table {self.database}.{self.raw_table} "
                "has none either: declare columns or let the crawler find files"
            )
        resolved = tuple(parse_column(self.dataset, {"name": name, "type": kind}) for name, kind in columns)
        known = self.with_crawled(columns)
        crawled = replace(known, columns=resolved, fingerprint=known.listing_fingerprint or "")
        _check_names(crawled)
        return crawled


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
    if not isinstance(dataset, str) or not _DATASET.fullmatch(dataset):
        raise ContractError(f"dataset is {dataset!r}; expected a name of lower-case letters, digits and _")
    said, workflow = _settings(dataset, DatasetContract, document, foreign=_FOREIGN_KEYS), document.get("workflow")
    for name in ("source_uri", "lake_uri"):
        if not said.get(name):
            raise ContractError(f"dataset {dataset}: {name} is missing; expected s3://bucket/prefix/ or a local folder")

    def number(name: str, default: Any, low: int, high: int | None = None) -> Any:
        return _bounded(dataset, name, said.get(name, default), low, high)

    def choice(name: str, *allowed: str) -> str:
        return _one_of(dataset, name, said.get(name, allowed[0]), allowed)

    contract = DatasetContract(
        dataset=dataset,
        fingerprint=said.get("fingerprint", ""),
        source_uri=folder_uri(said["source_uri"]),
        lake_uri=folder_uri(said["lake_uri"]),
        database=said.get("database") or "default",
        raw_table=said.get("raw_table") or f"raw_{dataset}",
        parquet_table=said.get("parquet_table") or dataset,
        quarantine_table=said.get("quarantine_table") or f"{dataset}_quarantine",
        partition_keys=tuple(_partition_key(dataset, key) for key in said.get("partition_keys", ())),
        partition_pattern=said.get("partition_pattern"),
        columns=tuple(parse_column(dataset, column) for column in said.get("columns", ())),
        csv=_csv_options(dataset, said.get("csv", {})),
        schema_drift=choice("schema_drift", "fail", "ignore"),
        timestamp_unit=choice("timestamp_unit", "us", "ms"),
        max_bad_fraction=number("max_bad_fraction", 0.01, 0, 1),
        max_bad_rows=number("max_bad_rows", None, 0),
        on_source_removed=choice("on_source_removed", "keep", "mirror"),
        on_unmatched=choice("on_unmatched", "fail", "skip"),
        on_contract_change=choice("on_contract_change", "reconvert", "new_data_only"),
        target_file_mb=number("target_file_mb", 128, 1, 4096),
        retain_superseded_hours=number("retain_superseded_hours", 24, 0, 24 * 3650),
        suffixes=said.get("suffixes", SUFFIXES),
        renamed_from=said.get("renamed_from"),
        lake_datasets=said.get("lake_datasets", ()),
        crawler_name=workflow.get("crawler_name") if isinstance(workflow, dict) else None,
    )
    for check in (_check_dataset, _check_numbers, _check_stripped, _check_names, _check_pattern, _check_places):
        check(contract)
    return contract if contract.fingerprint else replace(contract, fingerprint=_fingerprint(contract))


# ------------------------------------------------------------------------------------------------ settings and types
def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


# What JSON has to hold for a field of some type, and how a message puts it.
_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "is a text"),
    "bool": (lambda value: isinstance(value, bool), "are true and false"),
    "int": (lambda value: isinstance(value, int) and not isinstance(value, bool), "is a whole number"),
    "float": (lambda value: isinstance(value, (int, float)) and not isinstance(value, bool), "is a number"),
    "CsvOptions": (lambda value: isinstance(value, dict), "is an object"),
    "tuple[str, ...]": (lambda value: _is_list(value, str), "is a list of strings"),
    "tuple[Column, ...]": (lambda value: _is_list(value, dict), "is a list of objects"),
    "tuple[PartitionKey, ...]": (lambda value: _is_list(value, dict), "is a list of objects"),
}


def _settings(
    dataset: str,
    kind: Any,
    document: Mapping[str, Any],
    what: str = "",
    shown: str = "{}",
    foreign: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what a JSON object says of the fields of a dataclass; refuse other names, and values of other types.

    What is null is as if it were not there, but where None is a value of its own. `what` is said before the name of an
    unknown setting, `shown` is how a message shows a known one.
    """
    declared = {field.name: str(field.type) for field in fields(kind) if field.name not in _FOUND_OUT}
    _refuse_unknown(dataset, what, document, [*declared, *foreign])
    said = {}
    for name, declared_type in declared.items():
        value, (type_name, is_optional, _) = document.get(name), declared_type.partition(" | None")
        is_right, allowed = _TYPES[type_name]
        if value is not None and not is_right(value):
            raise ContractError(
                f"dataset {dataset}: {shown.replace('{}', name)} is {value!r}; allowed {allowed}"
                f"{', or null' if is_optional else ''}"
            )
        if value is not None or (is_optional and name in document):
            said[name] = tuple(value) if isinstance(value, list) else value
    return said


def _refuse_unknown(dataset: str, what: str, document: Mapping[str, Any], allowed: Sequence[str]) -> None:
    if unknown := sorted(set(document) - set(allowed)):
        near = [difflib.get_close_matches(name.lower(), allowed, 1) for name in unknown]
        said = [f"{name} (near {match[0]})" if match else name for name, match in zip(unknown, near, strict=True)]
        raise ContractError(
            f"dataset {dataset}: unknown {what}setting {', '.join(said)}; allowed are {', '.join(sorted(allowed))}"
        )


def _one_of(dataset: str, name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; allowed are {', '.join(allowed)}")
    return value


def _bounded(dataset: str, name: str, value: Any, low: int, high: int | None = None) -> Any:
    """Return a number between bounds, or None."""
    if value is not None and not (low <= value and (high is None or value <= high)):
        up_to = "" if high is None else f" to {high}"
        raise ContractError(f"dataset {dataset}: {name} is {value!r}; allowed is a number from {low}{up_to}")
    return value


def _refuse_both(dataset: str, names: str, single: str | None, several: Sequence[str]) -> None:
    if single is not None and several:
        raise ContractError(f"dataset {dataset}: {names} are both set; allowed is one of them")


def _compiled(dataset: str, name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ContractError(f"dataset {dataset}: {name} {pattern!r} is not a regular expression: {error}") from error


# ------------------------------------------------------------------------------------------- columns, keys, csv options
def parse_column(dataset: str, document: Mapping[str, Any]) -> Column:
    """Turn a column of the JSON document into a checked one."""
    name = document.get("name")
    said = _settings(dataset, Column, document, "column ", f"{{}} of column {name}")
    if not name:
        raise ContractError(f"dataset {dataset}: a column has no name: {dict(document)!r}")
    kind = (said.get("type") or "string").lower().replace(" ", "")
    _check_type(dataset, name, kind)
    column = Column(**{**said, "type": kind, "source": said.get("source", name)})
    if (column.format is not None or column.formats) and kind not in ("date", "timestamp"):
        raise ContractError(
            f"dataset {dataset}: column {name} has format {column.format or column.formats!r} and type {kind}; "
            "a format is allowed for date and timestamp"
        )
    _refuse_both(dataset, f"format and formats of column {name}", column.format, column.formats)
    # What Glue takes: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
    if len(column.comment) > 255 or re.search(r"[\x00-\x08\x0a-\x1f]", column.comment):
        raise ContractError(
            f"dataset {dataset}: the comment of column {name} has {len(column.comment)} characters: "
            f"{column.comment[:40]!r}…; allowed are at most 255 without a line break"
        )
    return column


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
    said = _settings(dataset, PartitionKey, document, "partition key ", "{} of a partition key")
    key = PartitionKey(said.get("name", ""), said.get("type") or "string")
    if not IDENTIFIER.fullmatch(key.name):
        raise ContractError(f"dataset {dataset}: partition key {key.name!r}; expected lower-case letters, digits and _")
    if key.type not in PARTITION_TYPES:
        raise ContractError(
            f"dataset {dataset}: partition key {key.name} has type {key.type}; allowed are {', '.join(PARTITION_TYPES)}"
        )
    return key


def _csv_options(dataset: str, document: Mapping[str, Any]) -> CsvOptions:
    options = CsvOptions(**_settings(dataset, CsvOptions, document, "csv ", "csv.{}"))
    _one_of(dataset, "csv.short_rows", options.short_rows, ("quarantine", "null"))
    _one_of(dataset, "csv.empty_rows", options.empty_rows, ("keep", "skip", "quarantine"))
    _one_of(dataset, "csv.match_columns", options.match_columns, ("name", "position"))
    for kind in ("skip", "footer"):
        _check_lines(dataset, options, kind)
    for kind in ("date", "timestamp"):
        single, several = getattr(options, f"{kind}_format"), getattr(options, f"{kind}_formats")
        _refuse_both(dataset, f"csv.{kind}_format and csv.{kind}_formats", single, several)
    _check_characters(dataset, options)
    _check_words(dataset, options)
    try:
        codecs.lookup(options.encoding)
    except (LookupError, ValueError) as error:
        raise ContractError(
            f"dataset {dataset}: csv.encoding is {options.encoding!r}; allowed is any encoding that Python knows"
        ) from error
    return options


def _check_lines(dataset: str, options: CsvOptions, kind: str) -> None:
    """Check what tells which lines are no data: `skip` before the header, `footer` behind the data."""
    pattern, lines = getattr(options, f"{kind}_pattern"), getattr(options, f"{kind}_lines")
    _bounded(dataset, f"csv.{kind}_lines", lines, 0, MOST_LINES)
    if pattern is None:
        return
    if lines:
        raise ContractError(
            f"dataset {dataset}: csv.{kind}_lines is {lines} and csv.{kind}_pattern is {pattern!r}; allowed is one of "
            "both"
        )
    _compiled(dataset, f"csv.{kind}_pattern", pattern)
    if not pattern:
        raise ContractError(f"dataset {dataset}: csv.{kind}_pattern is empty, which every line matches")


def _check_characters(dataset: str, options: CsvOptions) -> None:
    special = {name: getattr(options, name) for name in ("delimiter", "quote", "escape", "comment")}
    for name, value in special.items():
        if value is not None and (len(value) != 1 or value in "\r\n"):
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


# --------------------------------------------------------------------------------------------- the contract as a whole
def _check_dataset(contract: DatasetContract) -> None:
    if contract.renamed_from is not None and not _DATASET.fullmatch(contract.renamed_from):
        raise ContractError(
            f"dataset {contract.dataset}: renamed_from is {contract.renamed_from!r}; allowed is null or a name of "
            "lower-case letters, digits and _"
        )
    if not contract.suffixes or any("/" in suffix for suffix in contract.suffixes):
        raise ContractError(
            f"dataset {contract.dataset}: suffixes is {list(contract.suffixes)!r}; allowed is a list of endings of "
            'names, such as .csv and .txt, without slashes ("" ends every name), or null'
        )


def _check_stripped(contract: DatasetContract) -> None:
    """Refuse texts that cannot be told from a number when they are taken off it."""
    csv = contract.csv
    whose = [("csv.strip", csv.strip, {csv.decimal, csv.thousands})]
    for column in contract.columns:
        marks = {csv.decimal_of(column), csv.thousands_of(column)}
        whose.append((f"strip of column {column.name}", csv.strip_of(column) if column.is_number else (), marks))
    for name, texts, marks in whose:
        for text in texts:
            if not _STRIPPED.fullmatch(text) or text != text.strip() or text in marks:
                raise ContractError(
                    f"dataset {contract.dataset}: {name} has {text!r}; allowed is any text without digits, signs, "
                    "control characters and blanks around it that is neither decimal nor thousands"
                )


def _check_numbers(contract: DatasetContract) -> None:
    """Refuse marks of numbers that cannot be told from the numbers, from each other or from those of the file."""
    csv = contract.csv
    whose: list[tuple[str, str, str | None]] = [("csv.{}", csv.decimal, csv.thousands)]
    for column in contract.columns:
        own = f"{{}} of column {column.name}"
        if column.is_number:
            whose.append((own, csv.decimal_of(column), csv.thousands_of(column)))
        elif found := [name for name in ("decimal", "thousands", "strip") if getattr(column, name) is not None]:
            raise ContractError(
                f"dataset {contract.dataset}: {found[0]} of column {column.name} is set and its type is {column.type}; "
                f"allowed is it for {', '.join(NUMBER_TYPES)} and decimal(p,s)"
            )
    for name, decimal, thousands in whose:
        if not _is_mark(decimal) or not decimal.isascii() or decimal == " ":
            raise ContractError(
                f"dataset {contract.dataset}: {name.replace('{}', 'decimal')} is {decimal!r}; allowed is one ASCII "
                "character that is printed and is no letter, digit, blank or sign"
            )
        if thousands is not None and not _is_mark(thousands):
            raise ContractError(
                f"dataset {contract.dataset}: {name.replace('{}', 'thousands')} is {thousands!r}; allowed is one "
                "character that is no letter of ASCII, digit, sign or control character"
            )
        if clashing := [mark for mark in (decimal, thousands) if mark in (csv.quote, csv.escape) and mark]:
            raise ContractError(
                f"dataset {contract.dataset}: {name.replace('{}', 'decimal or thousands')} is {clashing[0]!r}, as "
                "csv.quote or csv.escape is; allowed is another character"
            )
        if decimal == thousands:
            raise ContractError(
                f"dataset {contract.dataset}: {name.replace('{}', 'decimal and thousands')} are both {decimal!r}; they "
                "must differ"
            )


def _is_mark(value: str) -> bool:
    """Say whether a text is a character that can stand in a number and is no part of one."""
    if len(value) != 1 or ord(value) < 32 or ord(value) == 127:
        return False
    return value not in "+-" and not (value.isascii() and value.isalnum())


def _check_names(contract: DatasetContract) -> None:
    keys = [key.name for key in contract.partition_keys]
    names = [column.name.lower() for column in contract.columns] + keys
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ContractError(
            f"dataset {contract.dataset}: {', '.join(repeated)} named more than once; columns and partition keys need "
            "names that differ, also in more than upper and lower case"
        )
    taken = [name for name, _ in QUARANTINE_COLUMNS]
    if clashing := [name for name in keys if name in taken]:
        raise ContractError(
            f"dataset {contract.dataset}: partition key {clashing[0]} has the name of a column of the quarantine "
            f"table, which has the same partition keys; any other name than {', '.join(taken)} is allowed"
        )


def _check_pattern(contract: DatasetContract) -> None:
    pattern = contract.partition_pattern
    if pattern is None:
        return
    groups = set(_compiled(contract.dataset, "partition_pattern", pattern).groupindex)
    names = {key.name for key in contract.partition_keys}
    if groups != names:
        raise ContractError(
            f"dataset {contract.dataset}: partition_pattern {pattern!r} has the named groups {sorted(groups)}; "
            f"they must be the partition keys {sorted(names)}"
        )


def _check_places(contract: DatasetContract) -> None:
    """Refuse columns by name where names do not count, and undeclared ones below lines that a crawler cannot skip."""
    csv = contract.csv
    named = [column.name for column in contract.columns if column.source != column.name]
    if named and not csv.by_name:
        raise ContractError(
            f"dataset {contract.dataset}: column {named[0]} has a source, and columns are found by position "
            '(csv.header = false or csv.match_columns = "position"): leave source out'
        )
    skipping = "skip_lines" if csv.skip_lines else "skip_pattern"
    if getattr(csv, skipping) is not None and not contract.columns:
        raise ContractError(
            f"dataset {contract.dataset}: csv.{skipping} is {getattr(csv, skipping)!r} and no columns are declared: a "
            "crawler cannot skip lines, so declare the columns"
        )


def _fingerprint(contract: DatasetContract) -> str:
    """Return the SHA-256 of what decides the converted bytes, as contracts.tf computes it.

    An option at its default is absent, so that options which come later leave the fingerprints of all as they are.
    """
    parts = {
        "columns": [
            _said(column, Column("", "string", column.name, comment=column.comment)) for column in contract.columns
        ],
        "csv": _said(contract.csv, CsvOptions()),
        "partition_keys": [_said(key, PartitionKey("")) for key in contract.partition_keys],
        "partition_pattern": contract.partition_pattern,
        "schema_drift": None if contract.schema_drift == "fail" else contract.schema_drift,
        "timestamp_unit": None if contract.timestamp_unit == "us" else contract.timestamp_unit,
        "suffixes": None if contract.suffixes == SUFFIXES else list(contract.suffixes),
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
