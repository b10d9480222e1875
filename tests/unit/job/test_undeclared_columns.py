"""Datasets that declare no columns: inferred from all rows, frozen in the table, widened or refused in later files."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_local import LocalCatalog
from contract import ContractError, parse_contract
from conversion_errors import SchemaDriftError, TooManyBadRows
from inference_dataset import FROZEN, read_in_process
from inference_reading import FileEvidence, Question
from job import Arguments, run_job
from sources import SourceFile
from tests.unit.job.killing import killed
from tests.unit.job.support import World, convert


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A dataset of monthly files that says nothing of its columns."""
    return World(tmp_path, columns=None, schema_drift="ignore", max_bad_fraction=0.01)


def put(world: World, key: str, text: str) -> Path:
    """Upload a file of this text, newer than all before."""
    path = world.put(key)
    times = path.stat()
    path.write_bytes(text.encode())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return path


def columns(world: World) -> dict[str, str]:
    """Return the columns of the Parquet table in the catalog."""
    return {column["Name"]: column["Type"] for column in world.table()["StorageDescriptor"]["Columns"]}


def frozen(world: World) -> dict[str, Any]:
    """Return what is frozen in the table."""
    document: dict[str, Any] = json.loads(world.table()["Parameters"][FROZEN])
    return document


# Spellings of Parquet's types that are not the catalog's.
ARROW = {"int32": "int", "int64": "bigint", "date32[day]": "date", "bool": "boolean"}
ARROW["timestamp[us,tz=UTC]"] = "timestamp"


def published_types(world: World) -> set[tuple[str, ...]]:
    """Return the types of the columns of each partition: those that the catalog names, and those in the files."""
    found = set()
    for partition in world.partitions().values():
        found.add(tuple(column["Type"] for column in partition["StorageDescriptor"]["Columns"]))
        for path in Path(partition["StorageDescriptor"]["Location"]).glob("*.parquet"):
            names = (str(field.type) for field in pq.read_schema(path))
            spelt = (name.replace("decimal128(", "decimal(").replace(", ", ",") for name in names)
            found.add(tuple(ARROW.get(name, name) for name in spelt))
    return found


FIRST = "ZIP,Cost Total $,day,note,NOTE \n00501,10,2024-01-31,x,a\n10001,7,2024-02-01,,b\n"


def it_infers_types_and_names_from_all_rows(world: World) -> None:
    put(world, "month=1/a.csv", FIRST)
    put(world, "month=2/b.csv", FIRST.replace(",7,", ",7.25,"))
    report = world.run()
    assert (report.rows_written, report.rows_quarantined) == (4, 0)
    assert columns(world) == {
        "zip": "string", "cost_total": "decimal(9,2)", "day": "date", "note": "string", "note_2": "string"
    }  # fmt: skip
    assert world.rows(column="zip") == {"1": ["00501", "10001"], "2": ["00501", "10001"]}
    assert world.rows(column="cost_total") == {
        "1": [Decimal("7.00"), Decimal("10.00")], "2": [Decimal("7.25"), Decimal("10.00")]
    }  # fmt: skip
    assert [(column["name"], column.get("source")) for column in frozen(world)["columns"]] == [
        ("zip", None), ("cost_total", "Cost Total $"), ("day", None), ("note", None), ("note_2", "NOTE")
    ]  # fmt: skip


def it_is_idle_the_second_time(world: World) -> None:
    put(world, "month=1/a.csv", FIRST)
    world.run()
    before = world.table(), world.partitions()
    assert world.digest()
    report = world.run(converter=None)
    assert (report.status, report.converged) == ("unchanged", True)
    assert (world.table(), world.partitions()) == before


def it_reads_only_new_files_once_columns_are_frozen(world: World) -> None:
    put(world, "month=1/a.csv", "n\n1\n")
    world.run()
    put(world, "month=1/b.csv", "n\n2\n")
    put(world, "month=2/c.csv", "n\n3\n")
    read: list[str] = []

    def noted(sources: Sequence[SourceFile], question: Question) -> Iterable[FileEvidence]:
        read.extend(source.key for source in sources)
        return read_in_process(sources, question)

    run_job(Arguments(str(world.config), "again"), convert, read=noted)
    assert read == ["month=1/b.csv", "month=2/c.csv"]
    found: dict[str, Any] = dict(world.rows(column="n"))
    assert found == {"1": [1, 2], "2": [3]}


@pytest.mark.parametrize(
    ("first", "later", "kind", "rows"),
    [
        (["10"], ["10.5"], "decimal(18,1)", [Decimal("10.0"), Decimal("10.5")]),
        (["10"], ["3000000000"], "bigint", [10, 3000000000]),
        (["3000000000"], ["0.25"], "decimal(38,2)", [Decimal("0.25"), Decimal("3000000000.00")]),
        (["1.5"], ["1.125"], "decimal(18,3)", [Decimal("1.125"), Decimal("1.500")]),
        (["10"], ["1e-3"], "double", [0.001, 10.0]),
        (["501"], ["00501"], "string", ["00501", "501"]),
        (["10"], ["99999999999999999999"], "string", ["10", "99999999999999999999"]),
        (["10"], ["ten"], "string", ["10", "ten"]),
        (["true"], ["perhaps"], "string", ["perhaps", "true"]),
    ],
)
def it_widens_a_column_where_drift_is_ignored(
    world: World, first: list[str], later: list[str], kind: str, rows: list[Any]
) -> None:
    put(world, "month=1/a.csv", "\n".join(["v", *first, ""]))
    world.run()
    put(world, "month=2/b.csv", "\n".join(["v", *later, ""]))
    report = world.run()
    assert (report.units_inserted, report.units_replaced, report.rows_quarantined) == (1, 1, 0)
    assert columns(world) == {"v": kind}
    found = world.rows(column="v")
    assert sorted(found["1"] + found["2"]) == rows
    # What readers are told of a partition, and what its files hold, is what the table says.
    assert published_types(world) == {(kind,)}
    assert world.run(converter=None).status == "unchanged"


def it_widens_dates_to_timestamps(world: World) -> None:
    put(world, "month=1/a.csv", "v\n2024-01-31\n")
    world.run()
    put(world, "month=2/b.csv", "v\n2024-01-31 10:30:00\n")
    world.run()
    assert columns(world) == {"v": "timestamp"}


def it_leaves_strays_to_the_quarantine_as_long_as_they_are_few(world: World) -> None:
    put(world, "month=1/a.csv", "v,w\n" + "1,2\n" * 10)
    world.run()
    put(world, "month=2/b.csv", "v,w\n" + "1.5,2\n" * 199 + "abc,2\n")
    report = world.run()
    assert report.rows_quarantined == 1
    assert columns(world) == {"v": "decimal(18,1)", "w": "int"}


def it_refuses_wider_values_where_drift_fails_and_widens_when_forced(world: World) -> None:
    world.save(schema_drift="fail")
    put(world, "month=1/a.csv", "v\n10\n")
    world.run()
    before = world.table(), world.partitions()
    put(world, "month=2/b.csv", "v\n10.5\n")
    words = r"""month=2/b\.csv: column v has '10\.5', which is no int, .* decimal\(18,1\) .*\{"force": true\}"""
    with pytest.raises(SchemaDriftError, match=words):
        world.run()
    assert (world.table(), world.partitions()) == before
    report = world.run(force=True)
    assert (report.units_inserted, report.units_replaced) == (1, 1)
    assert columns(world) == {"v": "decimal(9,1)"}
    assert world.run(converter=None).status == "unchanged"


def it_refuses_too_many_strays_where_drift_fails(world: World) -> None:
    world.save(schema_drift="fail")
    put(world, "month=1/a.csv", "v\n10\n")
    world.run()
    put(world, "month=2/b.csv", "v\nabc\n")
    with pytest.raises(TooManyBadRows, match=r"month=2/b\.csv.*\"force\": true"):
        world.run()


def crawl(world: World, **found: str) -> None:
    """Let the raw table have columns, as a crawler leaves it."""
    contract = parse_contract(world.contract)
    catalog = LocalCatalog(contract.lake_uri, contract.database)
    catalog.prepare(contract)
    table = catalog.find_table(contract.raw_table)
    assert table is not None
    named = [{"Name": name, "Type": kind} for name, kind in found.items()]
    catalog.update_table(table.with_changes(columns=named))


def load_as_releases_before(world: World) -> None:
    """Leave the Parquet table as a run that took the crawler's columns did, and load everything by these."""
    contract = parse_contract(world.contract)
    catalog = LocalCatalog(contract.lake_uri, contract.database)
    table = catalog.find_table(contract.parquet_table)
    assert table is not None
    catalog.update_table(table.with_changes({"run_id": "r0"}))
    world.run()
    assert FROZEN not in world.table()["Parameters"]


def it_keeps_what_a_crawler_found_until_a_run_is_forced(world: World) -> None:
    put(world, "month=1/a.csv", "ZIP,Cost $\n00501,1\n")
    crawl(world, zip="bigint", **{"cost $": "bigint"})
    load_as_releases_before(world)
    assert columns(world) == {"zip": "bigint", "cost $": "bigint"}
    before = world.table(), world.partitions()
    assert world.run(converter=None).status == "unchanged"
    assert (world.table(), world.partitions()) == before
    # A selection leaves the other units as they are, so it changes no types.
    world.run(force=True, partitions='[{"month": "1"}]')
    assert columns(world) == {"zip": "bigint", "cost $": "bigint"}
    world.run(force=True)
    assert columns(world) == {"zip": "string", "cost": "int"}
    assert world.rows(column="zip") == {"1": ["00501"]}
    assert world.run(converter=None).status == "unchanged"


def it_infers_again_when_a_crawl_found_other_columns(world: World) -> None:
    put(world, "month=1/a.csv", "sku,price\nA,1\n")
    crawl(world, sku="string", price="bigint")
    world.run()
    put(world, "month=1/a.csv", "sku,price,colour\nA,1,red\n")
    assert world.run().extra_columns == {"month=1/a.csv": ("colour",)}
    crawl(world, sku="string", price="bigint", colour="string")
    world.run()
    assert columns(world) == {"sku": "string", "price": "int", "colour": "string"}
    assert world.run(converter=None).status == "unchanged"


def it_says_of_a_column_that_is_new_how_to_get_it(world: World) -> None:
    world.save(schema_drift="fail")
    put(world, "month=1/a.csv", "sku\nA\n")
    world.run()
    put(world, "month=2/a.csv", "sku,price\nA,1\n")
    with pytest.raises(SchemaDriftError, match=r"has 'price' besides.* start an execution with \{\"force\": true\}"):
        world.run()


def it_infers_again_when_the_options_change(world: World) -> None:
    put(world, "month=1/a.csv", "n,d\n1,31.01.2024\n--,01.02.2024\nx,\n")
    world.run()
    assert columns(world) == {"n": "string", "d": "date"}
    world.save(csv={"null_values": ["", "--", "x"], "date_format": "%d.%m.%Y"})
    world.run()
    assert columns(world) == {"n": "int", "d": "date"}
    world.save(csv={"null_values": ["", "--", "x", "1"]})
    world.save(on_contract_change="new_data_only")
    assert world.run(converter=None).status == "unchanged"
    assert columns(world) == {"n": "int", "d": "date"}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def it_reads_what_the_dataset_says_of_its_files(world: World, encoding: str) -> None:
    world.save(csv={"encoding": encoding, "decimal": ",", "delimiter": ";"})
    text = "Größe;Maß\n1,5;ä\n2;ö\n"
    put(world, "month=1/a.csv", "").write_bytes(text.encode(encoding))
    world.run()
    assert columns(world) == {"grosse": "decimal(9,1)", "ma_": "string"} or columns(world) == {
        "grosse": "decimal(9,1)",
        "mass": "string",
    }
    assert world.rows(column="grosse") == {"1": [Decimal("1.5"), Decimal("2.0")]}


def it_changes_no_type_of_a_unit_that_nobody_can_convert_again(world: World) -> None:
    gone = put(world, "month=1/a.csv", "v\n10\n")
    world.run()
    gone.unlink()
    put(world, "month=2/b.csv", "v\n10.5\n")
    with pytest.raises(SchemaDriftError, match=r"v would become decimal\(18,1\) and is int in month=1, whose source"):
        world.run()
    with pytest.raises(SchemaDriftError, match="v would become"):
        world.run(force=True)
    world.save(on_source_removed="mirror")
    world.run()
    assert world.rows(column="v") == {"2": [Decimal("10.5")]}


def it_gives_no_column_the_name_of_a_partition_key(world: World) -> None:
    put(world, "month=1/a.csv", "Month,month \nJanuary,1\n")
    world.run()
    assert columns(world) == {"month_2": "string", "month_3": "int"}


def it_decides_nothing_while_there_is_no_row(world: World) -> None:
    put(world, "month=1/a.csv", "v\n")
    crawl(world, v="string")
    world.run()
    put(world, "month=2/b.csv", "v\n5\n")
    world.run()
    assert columns(world) == {"v": "int"}
    assert world.run(converter=None).status == "unchanged"


@pytest.mark.parametrize("step", ["claimed", "published", "sealing"])
def it_goes_on_with_the_same_columns_after_a_crash(world: World, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, "month=1/a.csv", "v\n10\n")
    world.run()
    put(world, "month=2/b.csv", "v\n10.5\n")
    killed(world, monkeypatch, step)
    assert [(column["name"], column["type"]) for column in frozen(world)["columns"]] == [("v", "decimal(18,1)")]
    assert world.digest() is None
    world.run()
    assert columns(world) == {"v": "decimal(18,1)"}
    assert world.rows(column="v") == {"1": [Decimal("10.0")], "2": [Decimal("10.5")]}
    assert world.run(converter=None).status == "unchanged"


def it_plans_without_reading_a_file(world: World) -> None:
    put(world, "month=1/a.csv", "v\n10\n")
    assert world.run(mode="plan", converter=None).units_inserted == 1
    world.run()
    put(world, "month=2/b.csv", "v\n10.5\n")
    report = world.run(mode="plan", converter=None)
    assert (report.units_inserted, report.units_kept) == (1, 1)


def it_says_of_a_parameter_that_somebody_has_changed_what_to_do(world: World) -> None:
    put(world, "month=1/a.csv", "v\n10\n")
    world.run()
    catalog = LocalCatalog(str(world.lake), "default")
    table = catalog.find_table("trips")
    assert table is not None
    catalog.update_table(table.with_changes({FROZEN: "{"}))
    with pytest.raises(ContractError, match=r"default\.trips: its parameter inferred_columns is not as a run"):
        world.run()


VALUES = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.integers(0, 300).map(str),
    st.decimals(-(10**6), 10**6, places=3, allow_nan=False).map(str),
    st.integers(0, 99999).map("{:05d}".format),
    st.floats(-1e6, 1e6).map(str),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(str),
    st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)).map(lambda moment: str(moment.replace(microsecond=0))),
    st.sampled_from(["true", "false", "yes", "no", "x", "", "NA", "1,5", "1.234,5", "$5", "12 %", "1e5", "+7"]),
)


@pytest.mark.random
@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=2, max_size=3))
def it_loses_no_value_of_any_file_however_columns_have_to_widen(files: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name), columns=None, schema_drift="ignore", max_bad_fraction=0)
        for place, values in enumerate(files, 1):
            lines = io.StringIO()
            csv.writer(lines, lineterminator="\n").writerows([["n", "v"], *enumerate(values)])
            put(world, f"month={place}/a.csv", lines.getvalue())
            assert world.run().rows_quarantined == 0
        assert world.run(converter=None).status == "unchanged"
        assert len(published_types(world)) == 1
        found = in_order(world)
        column = frozen(world)["columns"][1]
        for place, values in enumerate(files, 1):
            for value, text in zip(found[str(place)], values, strict=True):
                assert reads_as(value, text, column), (value, text, column)


def in_order(world: World) -> dict[str, list[Any]]:
    """Return the values of each partition in the order of their rows."""
    found = {}
    for values, partition in world.partitions().items():
        folder = Path(partition["StorageDescriptor"]["Location"])
        rows = [row for path in folder.glob("*.parquet") for row in pq.read_table(path, partitioning=None).to_pylist()]
        found[values] = [row["v"] for row in sorted(rows, key=lambda row: int(row["n"]))]
    return found


def reads_as(value: Any, text: str, column: dict[str, Any]) -> bool:
    """Say whether a loaded value is what Python makes of its text."""
    kind = column["type"]
    if value is None:
        return text in column.get("null_values", [""])
    if kind == "string":
        return bool(value == text)
    if kind == "boolean":
        return bool(value is (text in ("true", "yes")))
    if kind == "date":
        return bool(value == date.fromisoformat(text))
    if kind == "timestamp":
        return bool(value.replace(tzinfo=None) == datetime.fromisoformat(text))
    for taken in (*column.get("strip", []), column.get("thousands") or ""):
        text = text.replace(taken, "").strip()
    text = text.replace(column.get("decimal") or ".", ".")
    return bool(value == (float(text) if kind == "double" else Decimal(text)))
