"""Listing: which unit a key belongs to, what is refused and why, fingerprints and the digest."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import DatasetContract, PartitionKey, parse_contract
from lake import data_folder, escape_value, partition_path, unit_values
from sources import (
    SourceFile,
    UnmatchedKeyError,
    UnmatchedKeysError,
    assign,
    fold_digest,
    list_units,
    refuse_unmatched,
    unit_fingerprint,
)

MONTH = PartitionKey("month", "string")
DAY = PartitionKey("day", "int")


def a_contract(raw: Path, **more: Any) -> DatasetContract:
    document = {"dataset": "d", "fingerprint": "f", "source_uri": str(raw), "lake_uri": "s3://l/"}
    return parse_contract({**document, "columns": [{"name": "a"}], **more})


@pytest.mark.parametrize(
    ("path", "keys", "values", "folder"),
    [
        ("a.csv", (), (), None),
        ("2020/x/a.CSV.GZ", (), (), None),
        ("month=2020-01/a.csv", (MONTH,), ("2020-01",), "month=2020-01/"),
        ("Month=2020-01/a.csv", (MONTH,), ("2020-01",), "Month=2020-01/"),
        ("month=a%2Fb%20c/a.csv", (MONTH,), ("a/b c",), "month=a%2Fb%20c/"),
        ("month=a+b/a.csv", (MONTH,), ("a+b",), "month=a+b/"),
        ("month=a=b/a.csv", (MONTH,), ("a=b",), "month=a=b/"),
        ("month=%C3%A9/a.csv", (MONTH,), ("é",), "month=%C3%A9/"),
        ("month=1/day=07/more/a.csv", (MONTH, DAY), ("1", "7"), "month=1/day=07/"),
        ("month=__HIVE_DEFAULT_PARTITION__/day=1/a.csv", (MONTH, DAY), ("__HIVE_DEFAULT_PARTITION__", "1"), None),
    ],
)
def it_reads_partition_values_from_hive_folders(
    path: str, keys: tuple[PartitionKey, ...], values: tuple[str, ...], folder: str | None
) -> None:
    found, raw_folder = assign(path, keys, None)
    assert found == values
    if folder is not None:
        assert raw_folder == folder


@pytest.mark.parametrize(
    ("path", "keys", "reason"),
    [
        ("month=1/a.txt", (MONTH,), "ends in none of .csv, .csv.gz"),
        ("a.csv", (MONTH,), "does not lie in a folder month=…/"),
        ("year=1/a.csv", (MONTH,), "does not lie in a folder month=…/"),
        ("month=1/a.csv", (), "month=1 looks like a partition"),
        ("month=1/day=2/a.csv", (MONTH,), "day=2 looks like a partition"),
        ("month=/a.csv", (MONTH,), "has 0 characters; allowed are 1 to 1024"),
        ("month=%FF/a.csv", (MONTH,), "not UTF-8 after URL-decoding"),
        ("day=x/a.csv", (DAY,), "x of day is no int"),
        ("day=2147483648/a.csv", (DAY,), "2147483648 of day is no int"),
        ("day=2020-02-30/a.csv", (PartitionKey("day", "date"),), "2020-02-30 of day is no date"),
        ("day=2020-2-3/a.csv", (PartitionKey("day", "date"),), "expected YYYY-MM-DD"),
    ],
)
def it_says_why_a_key_belongs_to_no_unit(path: str, keys: tuple[PartitionKey, ...], reason: str) -> None:
    with pytest.raises(UnmatchedKeyError, match=re.escape(reason)):
        assign(path, keys, None)


def it_reads_partition_values_by_pattern() -> None:
    pattern = re.compile(r"_(?P<year>\d{4})-(?P<month>\d{2})\.csv")
    keys = (PartitionKey("year", "int"), MONTH)
    assert assign("sub/yellow_2020-01.csv", keys, pattern) == (("2020", "01"), None)
    with pytest.raises(UnmatchedKeyError, match="does not match"):
        assign("yellow.csv", keys, pattern)


def it_sorts_a_listing_into_units_and_folds_every_object(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for key in ("month=2/b.csv", "month=2/a.csv", "month=1/a.csv", "month=1/_tmp/a.csv", "_SUCCESS", "notes.txt"):
        (raw / key).parent.mkdir(parents=True, exist_ok=True)
        (raw / key).write_text(key)
    contract = a_contract(raw, partition_keys=[{"name": "month"}])
    listing = list_units(contract)
    assert {values: [source.key for source in unit.sources] for values, unit in listing.units.items()} == {
        ("1",): ["month=1/a.csv"],
        ("2",): ["month=2/a.csv", "month=2/b.csv"],
    }
    assert listing.units[("1",)].raw_folder == f"{raw}/month=1/"
    assert listing.hidden_files == 2
    assert list(listing.unmatched) == ["notes.txt"]
    with pytest.raises(UnmatchedKeysError, match=r"1 object\(s\) below .* belong to no unit: notes.txt: the name ends"):
        refuse_unmatched(contract, listing.unmatched)
    before = listing.digest
    (raw / "_SUCCESS").write_text("changed")
    assert list_units(contract).digest != before


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [("int", "month=07/", "month=7/"), ("string", "month=caf%C3%A9/", "month=café/"), ("int", "Month=7/", "month=7/")],
)
def it_names_two_folders_that_are_one_partition(tmp_path: Path, kind: str, first: str, second: str) -> None:
    for folder in (first, second):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        (tmp_path / "raw" / folder / "a.csv").write_text("a\n1\n")
    listing = list_units(a_contract(tmp_path / "raw", partition_keys=[{"name": "month", "type": kind}]))
    assert [source.key for unit in listing.units.values() for source in unit.sources] == [f"{first}a.csv"]
    assert listing.unmatched[f"{second}a.csv"].startswith(f"folder {second} is the same partition as folder {first}")


def it_finds_nothing_below_a_prefix_that_does_not_exist(tmp_path: Path) -> None:
    listing = list_units(a_contract(tmp_path / "no"))
    assert (dict(listing.units), listing.digest) == ({}, "f")


def it_folds_as_the_state_machine_does() -> None:
    # $hash($d & $o.Key & $o.ETag, 'SHA-256') with the ETag's quotes
    assert fold_digest("d", "k/é.csv", '"e"') == hashlib.sha256('dk/é.csv"e"'.encode()).hexdigest()


def it_fingerprints_a_unit_by_key_size_etag_and_contract_in_any_order() -> None:
    one, two = SourceFile("u", "a", 1, '"x"'), SourceFile("u", "b", 2, '"y"')
    base = unit_fingerprint([one, two], "c")
    assert base == hashlib.sha256(b'a,1,"x"\nb,2,"y"\nc').hexdigest()
    assert unit_fingerprint([two, one], "c") == base
    changed = [
        unit_fingerprint([one, SourceFile("u", "c", 2, '"y"')], "c"),
        unit_fingerprint([one, SourceFile("u", "b", 3, '"y"')], "c"),
        unit_fingerprint([one, SourceFile("u", "b", 2, '"z"')], "c"),
        unit_fingerprint([one, two], "d"),
        unit_fingerprint([one], "c"),
    ]
    assert len({base, *changed}) == 6


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2))
def it_finds_the_values_of_a_unit_in_the_name_of_its_folder(values: list[str]) -> None:
    contract = a_contract(Path("raw"), partition_keys=[{"name": "month"}, {"name": "day"}])
    folder = data_folder(contract, tuple(values), "run=1")
    assert unit_values(contract, folder) == tuple(values)
    for other in (f"s3://k/{folder[7:]}", folder.replace("/month=", "/year=", 1), "s3://l/tables/d/run=1/"):
        assert unit_values(contract, other) is None


def it_escapes_folder_names_as_hive_does() -> None:
    assert escape_value('a/b:c=d%e"f é') == "a%2Fb%3Ac%3Dd%25e%22f é"
    assert partition_path((MONTH, DAY), ("a/b", "7")) == "month=a%2Fb/day=7/"
