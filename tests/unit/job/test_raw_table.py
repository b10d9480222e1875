"""The raw table shows the files as they lie there: never a value under another column's name."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.job.support import World

COLUMNS = [{"name": "b", "type": "int"}, {"name": "a"}]


def write(world: World, key: str, text: str) -> None:
    path = world.raw / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(world: World) -> list[str]:
    return [column["Name"] for column in world.table("raw_trips")["StorageDescriptor"]["Columns"]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, columns=COLUMNS, schema_drift="ignore")


def it_has_numbered_columns_until_the_first_header_is_read(world: World) -> None:
    world.run()
    assert names(world) == ["column_1", "column_2"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a,b", ["a", "b"]),
        (" A , B", ["a", "b"]),
        ("a,x y,b", ["a", "x_y", "b"]),
        ("a", ["a"]),
        ("a,,c-d,C D,b", ["a", "column_2", "c_d", "column_4", "b"]),
        ("a,month,b,column_2", ["a", "column_2", "b", "column_4"]),
        ("a,b,é", ["a", "b", "column_3"]),
        # Glue's model: a name has at most 255 characters.
        ("a,b," + "x" * 255, ["a", "b", "x" * 255]),
        ("a,b," + "x" * 256, ["a", "b", "column_3"]),
        ("a,column_4,column_4_,", ["a", "column_4", "column_4_", "column_4__"]),
    ],
)
def it_takes_the_order_of_the_files_and_not_of_the_contract(world: World, header: str, expected: list[str]) -> None:
    write(world, "month=01/a.csv", f"{header}\n" + ",".join("1" * len(expected)) + "\n")
    world.run()
    assert names(world) == expected
    assert set(expected).isdisjoint({"month"})


def sourced(**sources: str) -> dict[str, Any]:
    """Return columns that are found by their sources."""
    return {"columns": [{"name": name, "source": source} for name, source in sources.items()]}


@pytest.mark.parametrize(
    ("contract", "texts", "expected"),
    [
        pytest.param(sourced(amount="Total (EUR)", id="ID"), ["ID,Total (EUR)\n1,2\n"], ["id", "amount"], id="renamed"),
        pytest.param(
            sourced(first="#3", gross="amount.1", index="", net="amount"),
            [",amount,A,amount\n1,2,3,4\n"],
            ["index", "net", "first", "gross"],
            id="found by number or turn",
        ),
        pytest.param({"csv": {"header": False}}, ["1,x\n"], ["b", "a"], id="no header"),
        pytest.param(
            {"csv": {"match_columns": "position"}},
            ["Nummer,Text\n1,x\n", "number,text\n1,x\n"],
            ["b", "a"],
            id="headers that do not count",
        ),
        pytest.param(
            {}, ["a,b\nx,1\n", "b,a,more\n1,x,y\n"], ["column_1", "column_2", "column_3"], id="headers that differ"
        ),
    ],
)
def it_names_the_columns_by_what_they_are_found_by(
    world: World, contract: dict[str, Any], texts: list[str], expected: list[str]
) -> None:
    world.save(**contract)
    for month, text in enumerate(texts):
        write(world, f"month={month}/a.csv", text)
    world.run()
    assert names(world) == expected


def it_numbers_the_columns_when_a_later_file_differs_and_names_them_when_all_are_alike_again(world: World) -> None:
    write(world, "month=01/a.csv", "a,b\nx,1\n")
    world.run()
    assert names(world) == ["a", "b"]
    write(world, "month=02/a.csv", "b,a\n1,x\n")
    world.run()
    assert names(world) == ["column_1", "column_2"]
    write(world, "month=03/a.csv", "a,b\nx,1\n")
    world.run()
    assert names(world) == ["column_1", "column_2"]
    write(world, "month=02/a.csv", "a,b\nx,1\n")
    world.run(force=True)
    assert names(world) == ["a", "b"]


def it_touches_nothing_when_nothing_is_read(world: World) -> None:
    write(world, "month=01/a.csv", "a,b\nx,1\n")
    world.run()
    before = world.table("raw_trips")
    assert world.run().status == "unchanged"
    assert world.table("raw_trips") == before


def it_follows_a_renamed_column_of_the_contract(world: World) -> None:
    write(world, "month=01/a.csv", "a,b\nx,1\n")
    world.run()
    world.save(columns=[{"name": "number", "source": "b", "type": "int"}, {"name": "a"}])
    world.run()
    assert names(world) == ["a", "number"]


@pytest.mark.parametrize("lost", ["table", "columns", "parameters"])
def it_reads_the_headers_again_where_the_table_has_lost_its_columns(world: World, lost: str) -> None:
    write(world, "month=01/a.csv", "a,b\nx,1\n")
    (world.raw / "month=02").mkdir()
    (world.raw / "month=02/a.csv.gz").write_bytes(gzip.compress(b"a,b\ny,2\n"))
    world.run()
    place = world.lake / "catalog/default/raw_trips.json"
    content = json.loads(place.read_text())
    if lost == "table":
        world.lose_tables("raw_trips")
    elif lost == "columns":
        del content["table"]["StorageDescriptor"]["Columns"][1:]
        place.write_text(json.dumps(content))
    else:
        content["table"]["Parameters"] = {}
        place.write_text(json.dumps(content))
    assert world.run().status == "unchanged"
    assert names(world) == ["a", "b"]
