"""The contract document: defaults, refusals that name what is allowed, and the fingerprint."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from contract import Column, ContractError, CsvOptions, PartitionKey, load_contract, parse_contract

# What is hashed of a dataset; tests/contracts.tftest.hcl compares what Terraform does.
FINGERPRINTS = Path(__file__).parents[2] / "fixtures" / "fingerprints.json"


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "dataset": "trips",
        "source_uri": "s3://raw/trips/",
        "lake_uri": "s3://lake",
        "columns": [{"name": "id", "type": "bigint"}, {"name": "fare", "type": "decimal(10, 2)", "required": True}],
    }
    return {**base, **changes}


def it_fills_what_a_short_contract_leaves_out() -> None:
    contract = parse_contract(document(partition_keys=[{"name": "month"}]))
    assert contract.lake_uri == "s3://lake/"
    assert (contract.database, contract.raw_table, contract.parquet_table) == ("default", "raw_trips", "trips")
    assert contract.quarantine_table == "trips_quarantine"
    assert contract.columns == (
        Column("id", "bigint", "id", False, None, ""),
        Column("fare", "decimal(10,2)", "fare", True, None, ""),
    )
    assert contract.partition_keys == (PartitionKey("month", "string"),)
    assert contract.csv == CsvOptions()
    assert (contract.on_source_removed, contract.on_unmatched, contract.on_contract_change) == (
        "keep",
        "fail",
        "reconvert",
    )
    assert (contract.max_bad_fraction, contract.max_bad_rows) == (0.01, None)
    assert (contract.target_file_mb, contract.retain_superseded_hours) == (128, 24)


def it_keeps_null_where_null_means_none_and_takes_the_default_elsewhere() -> None:
    options = parse_contract(document(csv={"quote": None, "delimiter": None, "null_values": ["", "NA"]})).csv
    assert options.quote is None
    assert options.delimiter == ","
    assert options.null_values == ("", "NA")


def it_lets_a_column_differ_from_its_dataset_in_how_numbers_are_written() -> None:
    columns = [
        {"name": "a", "type": "double"},
        {"name": "b", "type": "double", "decimal": ".", "thousands": "'"},
        {"name": "c", "type": "int", "thousands": "", "null_values": []},
    ]
    contract = parse_contract(document(columns=columns, csv={"decimal": ",", "thousands": ".", "null_values": ["-"]}))
    csv = contract.csv
    assert [
        (csv.decimal_of(column), csv.thousands_of(column), csv.nulls_of(column)) for column in contract.columns
    ] == [
        (",", ".", ("-",)),
        (".", "'", ("-",)),
        (",", None, ()),
    ]


def it_ignores_the_part_that_only_the_state_machine_reads() -> None:
    assert parse_contract(document(workflow={"crawler_name": None})).dataset == "trips"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "Trips"}, "dataset is 'Trips'; expected a name"),
        ({"source_uri": ""}, "source_uri is missing"),
        ({"colums": []}, r"unknown setting colums \(near columns\); allowed are columns, csv, "),
        ({"columns": {"id": "int"}}, "columns is .* allowed is a list of objects"),
        ({"columns": [{"type": "int"}]}, "a column has no name"),
        (
            {"columns": [{"name": "a", "typ": "int"}]},
            r"unknown column setting typ \(near type\); allowed are comment, decimal, format, ",
        ),
        ({"columns": [{"name": "a", "type": "integer"}]}, "column a has type integer; allowed are string, boolean"),
        ({"columns": [{"name": "a", "type": "decimal(39,2)"}]}, "type decimal.39,2.; allowed"),
        ({"columns": [{"name": "a", "type": "decimal(3,4)"}]}, "type decimal.3,4.; allowed"),
        ({"columns": [{"name": "a", "type": "int", "format": "%d"}]}, "a format is allowed for date and timestamp"),
        ({"columns": [{"name": "a", "comment": "x" * 256}]}, "comment of column a has 256 characters: .* at most 255"),
        ({"columns": [{"name": "a", "comment": "one\ntwo"}]}, "allowed are at most 255 without a line break"),
        ({"columns": [{"name": "a", "required": "yes"}]}, "required of column a is 'yes'; allowed are true and false"),
        ({"columns": [{"name": "a"}, {"name": "A"}]}, "a named more than once"),
        ({"partition_keys": [{"name": "id"}]}, "id named more than once"),
        (
            {"partition_keys": [{"name": "run_id"}]},
            "partition key run_id has the name of a column of the quarantine table",
        ),
        ({"partition_keys": [{"name": "Month"}]}, "partition key 'Month'; expected lower-case"),
        ({"partition_keys": [{"name": "m", "type": "double"}]}, "type double; allowed are string, int, bigint, date"),
        ({"partition_pattern": "(?P<y>"}, "not a regular expression"),
        ({"partition_pattern": r"(?P<y>\d+)"}, r"named groups \['y'\]; they must be the partition keys \[\]"),
        ({"csv": {"Delimeter": ";", "xyz": 1}}, r"unknown csv setting Delimeter \(near delimiter\), xyz; allowed are"),
        ({"csv": {"delimiter": ";;"}}, "csv.delimiter is ';;'; allowed is one character"),
        ({"csv": {"delimiter": '"'}}, "csv.delimiter and csv.quote are both"),
        ({"csv": {"encoding": "utf-9"}}, "csv.encoding is 'utf-9'; allowed is any encoding that Python knows"),
        ({"csv": {"null_values": "NA"}}, "csv.null_values is 'NA'; allowed is a list of strings"),
        ({"csv": {"decimal": "e"}}, "csv.decimal is 'e'; allowed is one ASCII character that is printed"),
        ({"csv": {"decimal": " "}}, "csv.decimal is ' '; allowed is one ASCII character that is printed"),
        ({"csv": {"decimal": "·"}}, "csv.decimal is '·'; allowed is one ASCII character that is printed"),
        ({"csv": {"thousands": "x"}}, "csv.thousands is 'x'; allowed is one character that is no letter"),
        ({"csv": {"thousands": ""}}, "csv.thousands is ''; allowed is one character that is no letter"),
        ({"csv": {"thousands": "."}}, "csv.decimal and thousands are both '.'; they must differ"),
        ({"csv": {"quote": "'", "thousands": "'"}}, 'csv.decimal or thousands is "\'", as csv.quote or csv.escape is'),
        ({"columns": [{"name": "a", "decimal": ","}]}, "decimal of column a is set and its type is string; allowed"),
        (
            {"columns": [{"name": "a", "type": "int", "thousands": ","}], "csv": {"decimal": ","}},
            "decimal and thousands of column a are both ','",
        ),
        (
            {"columns": [{"name": "a", "null_values": "NA"}]},
            "null_values of column a is 'NA'; allowed is a list of strings, or null",
        ),
        ({"csv": {"quoted_nulls": 1}}, "csv.quoted_nulls is 1; allowed are true and false"),
        ({"csv": {"strip": ["m2"]}}, "csv.strip has 'm2'; allowed is any text without digits"),
        ({"csv": {"strip": ["."]}}, "csv.strip has '.'; allowed is any text without digits"),
        ({"csv": {"strip": "$"}}, "csv.strip is '[$]'; allowed is a list of strings"),
        ({"csv": {"true_values": [""]}}, "csv.true_values has ''; allowed is any text without blanks around it"),
        ({"csv": {"true_values": ["N"]}}, "csv.true_values and csv.false_values both have 'n', in any case"),
        ({"csv": {"empty_rows": "drop"}}, "empty_rows is 'drop'; allowed are keep, skip, quarantine"),
        ({"columns": [{"name": "a", "formats": ["%d"]}]}, "column a has format .'%d',. and type string"),
        (
            {"columns": [{"name": "a", "type": "date", "format": "%Y%m%d", "formats": ["%d.%m.%Y"]}]},
            "format and formats of column a are both set; allowed is one of them",
        ),
        (
            {"csv": {"date_format": "%Y%m%d", "date_formats": ["%d.%m.%Y"]}},
            "csv.date_format and csv.date_formats are both set; allowed is one of them",
        ),
        ({"csv": {"short_rows": "drop"}}, "short_rows is 'drop'; allowed are quarantine, null"),
        ({"csv": {"skip_initial_space": True, "delimiter": " "}}, "blank is one of the special characters"),
        ({"csv": {"match_columns": "number"}}, "csv.match_columns is 'number'; allowed are name, position"),
        ({"columns": [{"name": "a", "source": 3}]}, "source of column a is 3; allowed is a text"),
        (
            {"columns": [{"name": "a", "source": "A"}], "csv": {"match_columns": "position"}},
            r"column a has a source, and columns are found by position \(csv.header = false or .*: leave source out",
        ),
        ({"columns": [{"name": "a", "source": ""}], "csv": {"header": False}}, "column a has a source, and"),
        ({"suffixes": []}, r"suffixes is \[\]; allowed is a list of endings of names, such as .csv"),
        ({"suffixes": ".csv"}, r"suffixes is '.csv'; allowed is a list"),
        ({"suffixes": ["a/.csv"]}, r"allowed is a list of endings .* without slashes"),
        ({"schema_drift": "warn"}, "schema_drift is 'warn'; allowed are fail, ignore"),
        ({"max_bad_fraction": 2}, "max_bad_fraction is 2; allowed is a number from 0 to 1"),
        ({"max_bad_rows": -1}, "max_bad_rows is -1; allowed is a number from 0"),
        ({"target_file_mb": 0}, "target_file_mb is 0; allowed"),
        # As planning refuses them.
        ({"target_file_mb": 1.5}, "target_file_mb is 1.5; allowed is a whole number"),
        ({"columns": [{"name": "a", "type": "int", "decimal": ""}]}, "decimal of column a is ''; allowed is one ASCII"),
        # What no Terraform writes, and a contract by hand may hold.
        ({"source_uri": 5}, "source_uri is 5; allowed is a text"),
        ({"database": ["a"]}, r"database is \['a'\]; allowed is a text"),
        ({"csv": "utf-8"}, "csv is 'utf-8'; allowed is an object"),
        ({"csv": {"encoding": 8}}, "csv.encoding is 8; allowed is a text"),
        ({"csv": {"encoding": "a\0b"}}, r"csv.encoding is 'a\\x00b'; allowed is any encoding that Python knows"),
        ({"csv": {"comment": 1}}, "csv.comment is 1; allowed is a text, or null"),
        ({"csv": {"date_format": {}}}, "csv.date_format is {}; allowed is a text, or null"),
        ({"columns": [{"name": "a", "comment": 5}]}, "comment of column a is 5; allowed is a text"),
        ({"columns": [{"name": 5}]}, "name of column 5 is 5; allowed is a text"),
        (
            {"columns": [{"name": "a", "type": "date", "format": 1}]},
            "format of column a is 1; allowed is a text, or null",
        ),
        ({"partition_keys": [{"name": 1}]}, "name of a partition key is 1; allowed is a text"),
        ({"partition_pattern": "a{99999999999}"}, "is not a regular expression: the repetition number is too large"),
        ({"partition_pattern": 3}, "partition_pattern is 3; allowed is a text, or null"),
        ({"max_bad_fraction": float("nan")}, "max_bad_fraction is nan; allowed is a number from 0 to 1"),
        ({"max_bad_rows": True}, "max_bad_rows is True; allowed is a whole number, or null"),
        ({"retain_superseded_hours": "1"}, "retain_superseded_hours is '1'; allowed"),
        ({"on_source_removed": "delete"}, "on_source_removed is 'delete'; allowed are keep, mirror"),
    ],
)
def it_refuses_what_breaks_a_rule_and_names_what_is_allowed(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        parse_contract(document(**change))


def it_allows_the_quote_as_its_own_escape() -> None:
    assert parse_contract(document(csv={"escape": '"'})).csv.escape == '"'


def it_fingerprints_what_decides_the_bytes_and_nothing_else() -> None:
    base = parse_contract(document()).fingerprint
    same: list[dict[str, Any]] = [{"on_unmatched": "skip"}, {"lake_uri": "s3://other/"}, {"target_file_mb": 64}]
    columns = document()["columns"]
    same.append({"columns": [{**columns[0], "comment": "the key"}, columns[1]]})
    for change in same:
        assert parse_contract(document(**change)).fingerprint == base
    others: list[dict[str, Any]] = [{"csv": {"trim": True}}, {"columns": columns[:1]}, {"schema_drift": "ignore"}]
    for change in others:
        assert parse_contract(document(**change)).fingerprint != base
    assert parse_contract(document(suffixes=[".csv", ".csv.gz"])).fingerprint == base
    assert parse_contract(document(suffixes=[".csv"])).fingerprint != base
    assert parse_contract(document(fingerprint="f" * 64)).fingerprint == "f" * 64


@pytest.mark.parametrize(
    ("option", "default", "other"),
    [
        ("match_columns", "name", "position"),
        ("skip_lines", 0, 1),
        ("skip_pattern", None, "#"),
        ("footer_lines", 0, 1),
        ("footer_pattern", None, "Total"),
    ],
)
def it_leaves_options_of_files_at_their_defaults_out_of_the_fingerprint(option: str, default: Any, other: Any) -> None:
    base = parse_contract(document()).fingerprint
    assert parse_contract(document(csv={option: default})).fingerprint == base
    assert parse_contract(document(csv={option: other})).fingerprint != base


@pytest.mark.parametrize("dataset", json.loads(FINGERPRINTS.read_text()))
def it_hashes_for_ever_what_it_once_did_and_what_terraform_does(dataset: str) -> None:
    entry = json.loads(FINGERPRINTS.read_text())[dataset]
    settings = {name: value for name, value in entry["settings"].items() if name != "prefix"}
    # What Terraform writes for the text that says "none".
    if settings.get("csv", {}).get("quote") == "":
        settings["csv"] = {**settings["csv"], "quote": None}
    contract = parse_contract({**document(), "columns": None, **settings})
    assert contract.fingerprint == hashlib.sha256(entry["hashed"].encode()).hexdigest()


def it_takes_the_columns_of_a_crawled_table_and_folds_them_as_the_state_machine_does() -> None:
    contract = parse_contract(document(columns=None, fingerprint="abc"))
    assert contract.crawled
    resolved = contract.with_columns([("id", "bigint"), ("fare", "double")])
    digest = hashlib.sha256(b"abcid:bigint").hexdigest()
    assert resolved.fingerprint == hashlib.sha256(f"{digest}fare:double".encode()).hexdigest()
    assert [(column.name, column.type) for column in resolved.columns] == [("id", "bigint"), ("fare", "double")]


def it_refuses_a_crawled_table_without_columns() -> None:
    with pytest.raises(ContractError, match=r"raw table default\.raw_trips has none either"):
        parse_contract(document(columns=None)).with_columns([])


def it_loads_a_contract_from_a_file_and_names_a_broken_one(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(document()))
    assert load_contract(str(path)) == parse_contract(document())
    path.write_text("{")
    with pytest.raises(ContractError, match=r"contract .*c\.json is not valid JSON"):
        load_contract(str(path))
    path.write_text("[]")
    with pytest.raises(ContractError, match="holds list; expected one JSON object"):
        load_contract(path.as_uri())
