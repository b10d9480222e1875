"""The catalog or published files are lost or altered: nothing curated is deleted, and what can be is put right."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from job import SourceConflictError
from storage import LocalStorage, StorageRefusedError, StoredObject
from tests.unit.job.killing import killed
from tests.unit.job.support import BAD, World

LATER = timedelta(days=30)


@pytest.fixture(params=["partitioned", "whole"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Return a loaded world of two files, one of which has expired, and of a corrected one."""
    keys = [{"name": "month"}] if request.param == "partitioned" else []
    loaded = World(tmp_path, partition_keys=keys)
    loaded.put(place(loaded, "01", "a.csv"), "1", BAD)
    if keys:
        loaded.put("month=02/a.csv", "2")
    loaded.run()
    (loaded.raw / place(loaded, "01", "a.csv")).unlink()
    return loaded


def place(world: World, month: str, name: str) -> str:
    return f"month={month}/{name}" if world.contract["partition_keys"] else name


def lose_catalog(world: World, *names: str) -> None:
    """Forget tables, with all their partitions, as DROP TABLE or a new database does."""
    world.lose_tables(*(names or ("trips", "trips_quarantine", "raw_trips")))


def published_files(world: World, name: str = "trips") -> list[Path]:
    return [
        path
        for partition in world.partitions(name).values()
        for path in sorted(Path(partition["StorageDescriptor"]["Location"]).iterdir())
    ]


# ------------------------------------------------------------------------------------------------------- a lost catalog
@pytest.mark.parametrize("lost", [(), ("trips",), ("trips", "trips_quarantine")])
def it_publishes_again_what_a_lost_catalog_named(world: World, lost: tuple[str, ...]) -> None:
    rows, bad, folders = world.rows(), world.rows("trips_quarantine", "raw_text"), world.run_folders()
    lose_catalog(world, *lost)
    report = world.run(later=LATER)
    assert (report.status, report.converged, report.units_restored) == ("loaded", True, len(rows))
    assert (world.rows(), world.rows("trips_quarantine", "raw_text")) == (rows, bad)
    assert (world.run_folders(), report.rows_read, report.kept_folders) == (folders, 0, {})
    assert world.run(later=LATER).status == "unchanged"


def it_publishes_again_into_a_database_of_another_name(world: World) -> None:
    rows, folders = world.rows(), world.run_folders()
    world.save(database="renamed")
    world.run(later=LATER)
    (world.lake / "catalog/default").rename(world.lake / "catalog/old")
    (world.lake / "catalog/renamed").rename(world.lake / "catalog/default")
    assert (world.rows(), world.run_folders()) == (rows, folders)


def it_publishes_under_another_name_what_a_renamed_dataset_has_converted(world: World) -> None:
    rows, bad, folders = world.rows(), world.rows("trips_quarantine", "raw_text"), world.run_folders()
    names = {"raw_table": "raw_rides", "parquet_table": "rides", "quarantine_table": "rides_quarantine"}
    world.save(dataset="rides", renamed_from="trips", **names)
    report = world.run(later=LATER)
    assert (report.units_restored, report.rows_read, report.kept_folders) == (len(rows), 0, {})
    assert (world.rows("rides"), world.rows("rides_quarantine", "raw_text")) == (rows, bad)
    # What was there is there, under both names, and nothing else.
    assert (world.rows(), world.run_folders()) == (rows, folders)
    assert world.run(later=LATER).status == "unchanged"


def it_publishes_again_after_the_lake_has_moved(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("month=01/a.csv", "1", BAD)
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    lose_catalog(world)
    moved = world.lake.rename(tmp_path / "moved")
    for path in moved.rglob("*.parquet"):
        os.utime(path, (1, 1))  # a copy has another time, and so another ETag
    world.lake = moved
    world.save(lake_uri=str(moved))
    assert world.run(later=LATER).units_restored == 1
    assert (world.rows(), list(world.rows("trips_quarantine", "raw_text"))) == ({"01": ["1"]}, ["01"])


def it_takes_the_newest_of_several_folders_of_a_partition(world: World) -> None:
    unit = next(iter(world.rows()))
    world.put(place(world, "01", "late.csv"), "3")
    world.run(later=timedelta(seconds=1))
    assert world.rows()[unit] == ["1", "3"]
    (world.raw / place(world, "01", "late.csv")).unlink()
    lose_catalog(world)
    world.run(later=LATER)
    assert world.rows()[unit] == ["1", "3"]
    assert len([folder for folder in world.run_folders() if "tables" in folder]) == len(world.rows())


@pytest.mark.parametrize("step", ["published", "raw", "sealed"])
def it_survives_a_kill_between_publication_and_note_followed_by_the_loss_of_the_catalog(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    unit = next(iter(world.rows()))
    world.put(place(world, "01", "late.csv"), "3")
    killed(world, monkeypatch, step)
    assert world.rows()[unit] == ["1", "3"]
    (world.raw / place(world, "01", "late.csv")).unlink()
    lose_catalog(world)
    world.run("again", later=LATER)
    assert world.rows()[unit] == ["1", "3"]
    world.run(later=2 * LATER)
    assert world.rows()[unit] == ["1", "3"]
    assert len([folder for folder in world.run_folders() if "tables" in folder]) == len(world.rows())


@pytest.mark.parametrize("step", ["manifested", "claimed"])
def it_loads_once_after_a_kill_before_publication_followed_by_the_loss_of_the_catalog(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    unit = next(iter(world.rows()))
    world.put(place(world, "01", "late.csv"), "3")
    killed(world, monkeypatch, step)
    lose_catalog(world)
    world.run("again", later=LATER)
    assert world.rows()[unit] == ["1", "3"]


@pytest.mark.parametrize("step", ["", "published", "sealed"])
def it_does_not_bring_back_what_was_removed_on_purpose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world = World(tmp_path, on_source_removed="mirror", retain_superseded_hours=1000)
    world.put("month=01/a.csv", "1")
    world.put("month=02/a.csv", "2")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    killed(world, monkeypatch, step) if step else world.run()
    assert world.rows() == {"02": ["2"]}
    lose_catalog(world)
    if not step:
        # Noted in the lake: it stays removed also under the other policy.
        world.save(on_source_removed="keep")
    world.run("again")
    assert world.rows() == {"02": ["2"]}
    world.run(later=timedelta(hours=1001))
    assert world.rows() == {"02": ["2"]}
    assert [Path(folder).parent.name for folder in world.run_folders()] == ["month=02"]


def it_keeps_and_names_what_it_cannot_rebuild(world: World) -> None:
    lost = world.location(next(iter(world.rows())))
    for path in (world.lake / "manifests/trips").glob("*.json"):
        path.unlink()
    lose_catalog(world)
    report = world.run(later=LATER)
    reasons = {folder.rstrip("/"): reason for folder, reason in report.kept_folders.items()}
    assert reasons[lost.rstrip("/")] == "its manifest is lost"
    assert Path(lost).is_dir()
    assert list(Path(lost).iterdir())


def it_keeps_what_it_cannot_rebuild_also_when_files_of_the_partition_are_still_there(world: World) -> None:
    unit = next(iter(world.rows()))
    world.put(place(world, "01", "late.csv"), "3")
    world.run()
    lost = world.location(unit).rstrip("/") + "/"
    for path in (world.lake / "manifests/trips").glob("*.json"):
        path.rename(path.with_suffix(".lost"))
    lose_catalog(world)
    for _ in range(2):
        assert world.run(later=LATER).kept_folders[lost] == "its manifest is lost"
    assert world.rows()[unit] == ["3"]
    # Somebody finds the manifests again, and forgets the catalog once more.
    for path in (world.lake / "manifests/trips").glob("*.lost"):
        path.rename(path.with_suffix(".json"))
    assert list(Path(lost).glob("*.parquet"))


def it_never_deletes_a_folder_because_the_catalog_does_not_name_it(world: World) -> None:
    expired = next(iter(world.rows()))
    folders = {f"{world.location(expired, name)}".rstrip("/") + "/" for name in ("trips", "trips_quarantine")}
    for path in (world.lake / "manifests").rglob("*.json"):
        path.unlink()
    lose_catalog(world)
    for _ in range(3):
        world.run(later=LATER)
    assert folders <= world.run_folders()


def it_publishes_again_when_an_old_catalog_names_a_superseded_folder(tmp_path: Path) -> None:
    world = World(tmp_path, retain_superseded_hours=1000)
    world.put("month=01/a.csv", "1")
    world.run()
    partition = next((world.lake / "catalog/default/trips.partitions").glob("*.json"))
    old = partition.read_text()
    world.put("month=01/b.csv", "2")
    world.run(later=timedelta(seconds=1))
    for path in world.raw.rglob("*.csv"):
        path.unlink()
    partition.write_text(old)
    assert world.rows() == {"01": ["1"]}
    assert world.run().units_restored == 1
    assert world.rows() == {"01": ["1", "2"]}


# ------------------------------------------------------------------------------------------------------- archived files
@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that moves files, by the end of their keys, into an archive: listed, and not readable."""
    archived: list[str] = []
    listed, opened = LocalStorage.list, LocalStorage.open_read

    def seen(self: LocalStorage, prefix_uri: str) -> Iterator[StoredObject]:
        for item in listed(self, prefix_uri):
            yield replace(item, storage_class="GLACIER") if item.uri.endswith(tuple(archived)) else item

    def refused(self: LocalStorage, uri: str, etag: str | None = None) -> BinaryIO:
        if uri.endswith(tuple(archived)):
            raise StorageRefusedError(f"S3 GetObject {uri}: InvalidObjectState")
        return opened(self, uri, etag)

    monkeypatch.setattr(LocalStorage, "list", seen)
    monkeypatch.setattr(LocalStorage, "open_read", refused)
    return archived.append


@pytest.mark.parametrize("policy", ["keep", "mirror"])
def it_takes_archived_files_for_expired_ones(tmp_path: Path, archive: Callable[[str], None], policy: str) -> None:
    world = World(tmp_path, on_source_removed=policy)
    world.put("month=01/a.csv", "1")
    world.run()
    archive("01/a.csv")
    assert world.run().status == "unchanged"
    assert world.run(force=True).status == "unchanged"
    world.save(columns=[{"name": "id"}, {"name": "n", "type": "bigint"}])
    assert world.run().status == "unchanged"
    world.save(columns=[{"name": "id"}, {"name": "n", "type": "int"}])
    world.put("month=01/b.csv", "2")
    assert world.run().converged
    assert world.rows() == {"01": ["1", "2"]}
    assert world.run().status == "unchanged"


@pytest.mark.parametrize("versions", [["9"], ["8", "9"]])
def it_names_archived_files_of_which_this_version_was_never_loaded(
    world: World, archive: Callable[[str], None], versions: list[str]
) -> None:
    for version in versions:
        rows = world.rows()
        world.put(place(world, "01", "cold.csv"), version)
        if version != versions[-1]:
            world.run()
    unit = next(iter(rows))
    archive("cold.csv")
    with pytest.raises(SourceConflictError, match=r"1 archived file\(s\) of it cannot be read, first .*cold\.csv"):
        world.run()
    assert (world.rows()[unit], world.digest()) == (rows[unit], None)


# --------------------------------------------------------------------------------------------- lost and altered objects
def damage(path: Path, how: str) -> None:
    if how == "lost":
        path.unlink()
    elif how == "altered":
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "shortened":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.with_name("added.snappy.parquet").write_bytes(path.read_bytes())


@pytest.mark.parametrize("policy", ["keep", "mirror"])
def it_names_a_damaged_unit_whose_sources_are_archived_and_goes_on_with_others(
    tmp_path: Path, archive: Callable[[str], None], policy: str
) -> None:
    world = World(tmp_path, on_source_removed=policy)
    world.put("month=01/a.csv", "1")
    world.run()
    damage(published_files(world)[0], "lost")
    archive("01/a.csv")
    world.put("month=02/a.csv", "2")
    with pytest.raises(SourceConflictError, match="cannot be made anew because source files are gone or archived"):
        world.run()
    assert world.rows() == {"01": [], "02": ["2"]}


@pytest.mark.parametrize("name", ["trips", "trips_quarantine"])
@pytest.mark.parametrize("how", ["lost", "altered", "shortened", "added"])
def it_makes_a_damaged_unit_anew_from_its_sources(tmp_path: Path, how: str, name: str) -> None:
    world = World(tmp_path)
    world.put("month=01/a.csv", "1", BAD)
    world.put("month=02/a.csv", "2", BAD)
    world.run()
    other = world.location("02")
    damage(published_files(world, name)[0], how)
    report = world.run()
    assert (report.units_replaced, report.units_proved, report.converged) == (1, 1, True)
    assert "its folder " in next(unit.reason for unit in report.units if unit.action == "replaced")
    assert (world.rows(), world.location("02")) == ({"01": ["1"], "02": ["2"]}, other)
    assert {unit: len(rows) for unit, rows in world.rows("trips_quarantine", "raw_text").items()} == {"01": 1, "02": 1}
    assert world.run().status == "unchanged"


@pytest.mark.parametrize("how", ["lost", "altered", "shortened", "added"])
def it_names_a_damaged_unit_whose_sources_are_gone(world: World, how: str) -> None:
    unit = next(iter(world.rows()))
    path = Path(world.location(unit)) / "part-00000.snappy.parquet"
    data, stat = path.read_bytes(), path.stat()
    damage(path, how)
    for _ in range(2):
        with pytest.raises(
            SourceConflictError, match=r"(part-00000|added|empty).*cannot be made anew because source files are gone"
        ):
            world.run(later=LATER)
    assert world.digest() is None
    path.with_name("added.snappy.parquet").unlink(missing_ok=True)
    path.write_bytes(data)
    os.utime(path, (stat.st_atime + 9, stat.st_mtime + 9))
    assert world.run().converged
    assert world.rows()[unit] == ["1"]


def it_gives_up_the_rows_of_a_damaged_unit_under_mirror(world: World) -> None:
    unit = next(iter(world.rows()))
    damage(Path(world.location(unit)) / "part-00000.snappy.parquet", "lost")
    world.save(on_source_removed="mirror")
    assert world.run().converged
    assert unit not in world.rows()


def it_changes_nothing_where_only_the_etags_are_others(world: World) -> None:
    places = {unit: world.location(unit) for unit in world.rows()}
    for path in [*published_files(world), *published_files(world, "trips_quarantine")]:
        os.utime(path, (1, 1))
    report = world.run(later=LATER)
    assert (report.status, report.units_proved, report.converged) == ("unchanged", len(places), True)
    assert {unit: world.location(unit) for unit in world.rows()} == places
    # And it is not read a second time: the digest that was stored is the new one.
    before = json.dumps(world.partitions(), sort_keys=True, default=str)
    assert world.run(later=LATER).units_proved == len(places)
    assert json.dumps(world.partitions(), sort_keys=True, default=str) == before


def it_reads_no_manifest_to_prove_what_is_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_manifest(uri: str) -> Any:
        raise AssertionError(uri)

    monkeypatch.setattr("accounting.read_manifest", no_manifest)
    monkeypatch.setattr("lake_proof.read_manifest", no_manifest)
    assert world.run().units_proved == len(world.rows())


def it_says_in_a_plan_what_is_lost_and_writes_nothing(world: World) -> None:
    lose_catalog(world, "trips")
    report = world.run(mode="plan")
    assert (report.status, report.units_restored) == ("planned", len(report.units))
    assert not (world.lake / "catalog/default/trips.json").exists()
