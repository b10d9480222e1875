"""Tables of datasets that were renamed or removed: they are named in the report, and nothing of them is touched."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import job
from catalog_glue import GlueCatalog
from catalog_orphans import orphans
from contract import ContractError, parse_contract
from tests.unit.job.fake_glue import FakeGlue, client_error
from tests.unit.job.support import World


def rename_dataset(world: World, name: str) -> None:
    world.save(dataset=name, lake_datasets=[name, "other"])


def it_names_the_tables_of_a_dataset_that_was_renamed(tmp_path: Path) -> None:
    world = World(tmp_path, lake_datasets=["trips", "other"])
    world.put("month=01/a.csv", "1")
    assert world.run().orphaned_tables == ()
    before = world.rows()
    rename_dataset(world, "journeys")
    assert world.run().orphaned_tables == ("raw_trips", "trips", "trips_quarantine")
    assert world.run(mode="plan").orphaned_tables == ("raw_trips", "trips", "trips_quarantine")
    assert world.rows() == before
    assert world.rows("journeys") == before


def it_names_the_tables_of_the_earlier_name_and_not_those_that_took_over_its_data(tmp_path: Path) -> None:
    world = World(tmp_path, lake_datasets=["trips"])
    world.put("month=01/a.csv", "1")
    world.run()
    world.save(dataset="journeys", renamed_from="trips", lake_datasets=["journeys"])
    report = world.run()
    assert (report.units_restored, report.orphaned_tables) == (1, ("raw_trips", "trips", "trips_quarantine"))


def it_names_none_where_nobody_said_which_datasets_there_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("month=01/a.csv", "1")
    world.run()
    world.save(dataset="journeys")
    assert world.run().orphaned_tables == ()


def it_tells_only_of_tables_in_its_own_lake() -> None:
    contract = parse_contract(
        {
            "dataset": "a",
            "source_uri": "s3://raw/a/",
            "lake_uri": "s3://lake/",
            "lake_datasets": ["a", "gone_quarantine"],
        }
    )
    found = {
        "a": "s3://lake/tables/a/run=1/",
        "raw_a": "s3://raw/a/",
        "a_quarantine": "s3://lake/quarantine/a/",
        "gone": "s3://lake/tables/gone/",
        "raw_gone": "s3://raw/gone/",
        # The Parquet table of the other dataset, not the quarantine of one that is gone.
        "gone_quarantine": "s3://lake/tables/gone_quarantine/",
        "raw_gone_quarantine": "s3://raw/gone_quarantine/",
        "old": "s3://lake/quarantine/old/run=none/",
        "raw_old": "s3://elsewhere/old/",
        "theirs": "s3://lake-of-others/tables/theirs/",
        "raw_theirs": "s3://raw/theirs/",
        "by_hand": "s3://lake/reports/a/",
        "a_view": "",
    }
    assert orphans(contract, found) == ("gone", "old", "raw_gone")


def it_lists_all_tables_by_pages_of_a_hundred() -> None:
    glue = FakeGlue()
    for number in range(230):
        glue.add_table({"Name": f"t{number}", "StorageDescriptor": {"Location": f"s3://l/{number}/"}})
    glue.add_table({"Name": "a_view", "TableType": "VIRTUAL_VIEW"})
    client: Any = glue
    found = GlueCatalog("db", client).list_locations()
    assert (len(found), found["t229"], found["a_view"]) == (231, "s3://l/229/", "")
    assert glue.calls == [("GetTables", 100)] * 3


def it_says_in_the_log_that_a_role_may_not_list_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> None:
        raise client_error("GetTables", "AccessDeniedException", "not authorized to perform glue:GetTables")

    glue = FakeGlue()
    world = World(tmp_path, glue, lake_datasets=["trips"])
    monkeypatch.setattr(job, "open_catalog", world.open_catalog)
    monkeypatch.setattr(glue, "get_tables", refuse)
    world.put("month=01/a.csv", "1")
    with caplog.at_level(logging.WARNING):
        assert world.run().orphaned_tables == ()
    assert "cannot be named: Glue GetTables default: AccessDeniedException" in caplog.text
    assert world.rows() == {"01": ["1"]}


@pytest.mark.parametrize("wrong", ["a", [1], {"a": 1}])
def it_refuses_names_that_are_no_list_of_texts(wrong: Any) -> None:
    with pytest.raises(ContractError, match=r"dataset a: lake_datasets is .*; allowed is a list of strings"):
        parse_contract({"dataset": "a", "source_uri": "s3://r/", "lake_uri": "s3://l/", "lake_datasets": wrong})
