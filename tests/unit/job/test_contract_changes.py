"""A contract that changes: what becomes of published partitions, and what a reader by column name sees of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from job import PartitionKeysChangedError, SourceConflictError
from tests.unit.job.support import BAD, World, actions

WITH_EXTRA = [{"name": "id"}, {"name": "n", "type": "int"}, {"name": "extra", "type": "date"}]
WITH_TEXT = [{"name": "id"}, {"name": "n"}]
# The file of month 01 has the rows (1, 1) and (bad, x). For each change: what it is, the columns then, the rows of
# month 01 that are good under it, and the columns in which a Parquet file shows that it was made with it.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, str], list[tuple[Any, ...]]]] = {
    "a column more": (
        {"columns": WITH_EXTRA, "schema_drift": "ignore"},
        {"id": "string", "n": "int", "extra": "date"},
        [("1", 1, None)],
    ),
    "another type": ({"columns": WITH_TEXT}, {"id": "string", "n": "string"}, [("1", "1"), (BAD, "x")]),
    "another CSV option": (
        {"csv": {"null_values": ["x"]}},
        {"id": "string", "n": "int"},
        [("1", 1), (BAD, None)],
    ),
}
OLD_COLUMNS = {"id": "string", "n": "int"}


def columns(definition: dict[str, Any]) -> dict[str, str]:
    """Return name and type of the columns that a table or a partition declares."""
    return {column["Name"]: column["Type"] for column in definition["StorageDescriptor"]["Columns"]}


def content(world: World, unit: str) -> list[tuple[Any, ...]]:
    """Return the rows of one partition, columns in the order of its own files."""
    files = sorted(Path(world.location(unit)).glob("*.parquet"))
    found = [pq.read_table(path, partitioning=None).to_pylist() for path in files]
    return sorted((tuple(row.values()) for rows in found for row in rows), key=str)


def seen_by_name(world: World, names: list[str]) -> list[tuple[Any, ...]]:
    """Return the rows of all partitions as an engine sees them that matches columns by name and converts types."""
    folders = [world.location(unit) for unit in sorted(world.partitions())]
    files = [str(path) for folder in folders for path in sorted(Path(folder).glob("*.parquet"))]
    query = f"SELECT {', '.join(names)} FROM read_parquet({files}, union_by_name=true) ORDER BY id"  # noqa: S608
    return duckdb.connect().execute(query).fetchall()


@pytest.mark.parametrize("change", CHANGES)
def it_makes_everything_anew(tmp_path: Path, change: str) -> None:
    world = World(tmp_path)
    world.put("month=01/a.csv", "1", BAD)
    world.run()
    old = world.location("01")
    changed, wanted, rows = CHANGES[change]
    world.save(**changed)
    report = world.run()
    assert (report.units[0].action, report.units[0].reason) == ("replaced", "the contract changed")
    assert world.location("01") != old
    assert content(world, "01") == rows
    # Table and partition declare the same, and what the files hold.
    assert columns(world.table()) == columns(world.partitions()["01"]) == wanted
    assert len(world.partitions("trips_quarantine")) == (2 - len(rows))
    assert world.run().status == "unchanged"


@pytest.mark.parametrize("change", CHANGES)
def it_leaves_published_partitions_as_they_are_when_told_so(tmp_path: Path, change: str) -> None:
    world = World(tmp_path, on_contract_change="new_data_only")
    world.put("month=01/a.csv", "1", BAD)
    world.run()
    old = world.partitions()["01"], world.partitions("trips_quarantine")["01"]
    changed, wanted, rows = CHANGES[change]
    world.save(**changed)
    world.put("month=02/a.csv", "2", BAD)
    assert actions(world.run()) == {"01": "kept", "02": "inserted"}
    # The kept partition still declares the columns of its own files, and nothing of it was written again.
    assert (world.partitions()["01"], world.partitions("trips_quarantine")["01"]) == old
    assert columns(world.partitions()["01"]) == OLD_COLUMNS
    assert content(world, "01") == [("1", 1)]
    # The new one and the table declare those of the contract.
    assert columns(world.partitions()["02"]) == columns(world.table()) == wanted
    assert content(world, "02") == [("2", *row[1:]) if row[0] == "1" else row for row in rows]
    # Settled: the next execution finds nothing to do.
    assert world.digest() is not None
    assert actions(world.run()) == {"01": "kept", "02": "kept"}
    # A unit is of one contract: with a late file all its files are read by the new one.
    world.put("month=01/late.csv", "3")
    assert actions(world.run())["01"] == "replaced"
    assert len(content(world, "01")) == len(rows) + 1
    assert columns(world.partitions()["01"]) == wanted


def it_shows_an_added_column_as_null_in_kept_partitions(tmp_path: Path) -> None:
    world = World(tmp_path, on_contract_change="new_data_only")
    world.put("month=01/a.csv", "1")
    world.run()
    world.save(columns=WITH_EXTRA)
    path = world.put("month=02/a.csv")
    path.write_text("id,n,extra\n2,2,2020-02-03\n")
    world.run()
    assert seen_by_name(world, ["id", "n", "CAST(extra AS VARCHAR)"]) == [("1", 1, None), ("2", 2, "2020-02-03")]


def it_shows_the_wider_type_over_partitions_of_both(tmp_path: Path) -> None:
    world = World(tmp_path, on_contract_change="new_data_only")
    world.put("month=01/a.csv", "1")
    world.run()
    world.save(columns=[{"name": "id"}, {"name": "n", "type": "bigint"}])
    world.put("month=02/a.csv").write_text("id,n\n2,5000000000\n")
    world.run()
    assert seen_by_name(world, ["id", "n", "typeof(n)"]) == [("1", 1, "BIGINT"), ("2", 5_000_000_000, "BIGINT")]


@pytest.mark.parametrize("policy", ["reconvert", "new_data_only"])
@pytest.mark.parametrize("change", CHANGES)
def it_always_makes_a_table_anew_that_is_one_unit(tmp_path: Path, change: str, policy: str) -> None:
    world = World(tmp_path, partition_keys=[], on_contract_change=policy)
    world.put("a.csv", "1", BAD)
    world.run()
    changed, wanted, rows = CHANGES[change]
    world.save(**changed)
    assert actions(world.run()) == {"": "replaced"}
    assert (columns(world.table()), content(world, "")) == (wanted, rows)
    assert world.run().status == "unchanged"


@pytest.mark.parametrize("keys", [[], [{"name": "month"}]])
def it_never_mixes_rows_of_two_contracts_in_one_unit(tmp_path: Path, keys: list[Any]) -> None:
    """Rows of an expired file are carried over only into files of the contract they were made with."""
    world = World(tmp_path, partition_keys=keys)
    folder = "month=01/" if keys else ""
    expired = world.put(f"{folder}a.csv", "1")
    world.put(f"{folder}b.csv", "2")
    world.run()
    expired.unlink()
    world.save(columns=WITH_TEXT)
    assert list(actions(world.run()).values()) == ["kept"]
    world.put(f"{folder}c.csv", "3")
    with pytest.raises(SourceConflictError, match="1 added, 1 removed: its rows cannot be made anew"):
        world.run()
    assert list(world.rows().values()) == [["1", "2"]]


@pytest.mark.parametrize(("before", "after", "folder"), [("string", "int", "01"), ("int", "string", "1")])
def it_loads_each_row_once_when_tables_are_dropped_for_other_partition_keys(
    tmp_path: Path, before: str, after: str, folder: str
) -> None:
    world = World(tmp_path, partition_keys=[{"name": "month", "type": before}])
    world.put("month=01/a.csv", "1")
    expired = world.put("month=02/a.csv", "2")
    world.run()
    world.lose_tables("raw_trips", "trips", "trips_quarantine")
    expired.unlink()
    world.save(partition_keys=[{"name": "month", "type": after}])
    world.run()
    # What has no source any more is still there, under the name it had.
    assert sorted(value for values in world.rows().values() for value in values) == ["1", "2"]
    assert folder not in {key for key in world.rows() if world.rows()[key] == ["1"]}


def it_refuses_other_partition_keys_than_the_table_has(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("month=01/a.csv", "1")
    world.run()
    world.save(partition_keys=[{"name": "month", "type": "int"}])
    with pytest.raises(PartitionKeysChangedError, match=r"\[\('month', 'string'\)\], the contract has"):
        world.run()
