"""Whole runs on local folders or a fake Glue: what is inserted, replaced, kept, removed, refused, and repaired."""

import json
import os
import platform
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import csv_to_parquet
import faults
import job
from catalog import TableMissingError
from catalog_local import LocalCatalog
from catalog_publication import ConcurrentRunError
from contract import CsvOptions
from conversion import UnitResult, convert_units
from conversion_errors import AccountingError, TooManyBadRows
from conversion_plan import UnitWork
from conversion_runners import Tasks, in_process
from conversion_runtime import Runtime
from conversion_spark import MODULES
from conversion_task import PartReport, TaskContext
from csv_to_parquet import DRIVER_SLOTS, ArgumentsError, Workplace, parse_args
from diff import UnknownPartitionError
from inference import infer
from job import Arguments, SourceConflictError, new_attempt
from report import Report
from sources import SourceFile, UnmatchedKeysError
from storage import LocalStorage, ObjectChangedError, StorageUnavailableError, open_storage
from tests.unit.job.fake_glue import FakeGlue
from tests.unit.job.support import BAD, World, actions, convert, listing_digest


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---------------------------------------------------------------------------------------------------- inserts and keeps
def it_inserts_only_the_new_partition_and_leaves_the_others_untouched(world: World) -> None:
    world.put("month=01/a.csv", "1", "2")
    assert actions(world.run()) == {"01": "inserted"}
    january, stamp = world.location("01"), next(Path(world.location("01")).iterdir()).stat().st_mtime_ns
    world.put("month=02/a.csv", "3")
    report = world.run()
    assert actions(report) == {"01": "kept", "02": "inserted"}
    assert (report.rows_read, report.rows_written, report.source_files) == (1, 1, 1)
    assert world.location("01") == january
    assert next(Path(january).iterdir()).stat().st_mtime_ns == stamp
    assert world.rows() == {"01": ["1", "2"], "02": ["3"]}


def it_changes_nothing_when_nothing_is_new(world: World) -> None:
    world.put("month=01/a.csv", "1", BAD)
    world.run()
    catalog = {path: path.read_bytes() for path in world.lake.glob("catalog/**/*.json")}

    def no_conversion(*arguments: Any) -> list[UnitResult]:
        raise AssertionError("nothing is to be converted, so no Spark session may be made")

    report = world.run(converter=no_conversion)
    assert (report.status, report.units_kept, report.converged) == ("unchanged", 1, True)
    assert {path: path.read_bytes() for path in world.lake.glob("catalog/**/*.json")} == catalog


def it_loads_nothing_from_an_empty_prefix_and_remembers_that(world: World) -> None:
    report = world.run()
    assert (report.status, report.units, report.converged) == ("unchanged", (), True)
    assert world.digest() is not None


def it_gives_a_unit_without_rows_a_location_that_exists(world: World) -> None:
    world.put("month=01/a.csv")
    assert world.run().units[0].rows == 0
    assert Path(world.location("01")).is_dir()
    assert world.rows() == {"01": []}


def it_describes_each_partition_in_its_parameters(world: World) -> None:
    path = world.put("month=01/a.csv", "1", BAD, "2")
    world.run("r7")
    partition = world.partitions()["01"]
    assert partition["Parameters"] == {
        "fingerprint": partition["Parameters"]["fingerprint"],
        "contract_fingerprint": world.table()["Parameters"]["contract_fingerprint"],
        "source_files": "1",
        "source_bytes": str(path.stat().st_size),
        "rows": "2",
        "quarantined_rows": "1",
        "run_id": "r7",
        "manifest": partition["Parameters"]["manifest"],
        "folder_digest": partition["Parameters"]["folder_digest"],
    }
    manifest = json.loads(Path(partition["Parameters"]["manifest"]).read_text())
    assert [unit["values"] for unit in manifest["units"]] == [["01"]]
    source = manifest["units"][0]["sources"][0]
    assert (source["key"], source["rows_read"], source["rows_written"], source["rows_quarantined"]) == (
        "month=01/a.csv",
        3,
        2,
        1,
    )
    run = world.location("01").rstrip("/").rpartition("/")[2]
    assert run.startswith("run=r7-")
    assert world.location("01", "trips_quarantine") == f"{world.lake}/quarantine/trips/month=01/{run}/"


def it_counts_the_published_units_in_the_table_parameters(world: World) -> None:
    world.run()
    assert world.table()["Parameters"]["units"] == "0"
    world.put("month=01/a.csv", "1")
    world.put("month=02/a.csv", "2")
    world.run()
    assert world.table()["Parameters"]["units"] == "2"


@pytest.mark.parametrize(("folder", "value"), [("a%2Fb", "a/b"), ("x.unplaced", "x.unplaced")])
def it_keeps_each_partition_in_folders_of_its_own(world: World, folder: str, value: str) -> None:
    world.put(f"month={folder}/a.csv", "1", BAD)
    world.run()
    assert f"/tables/trips/month={folder}/run=" in world.location(value)
    assert (world.rows(), world.rows("trips_quarantine", "raw_text")) == ({value: ["1"]}, {value: ["bad,x"]})
    assert world.run().status == "unchanged"


def it_swaps_the_location_of_an_unpartitioned_table(tmp_path: Path) -> None:
    world = World(tmp_path, partition_keys=[])
    world.run()
    assert world.table()["StorageDescriptor"]["Location"] == f"{world.lake}/tables/trips/run=none/"
    world.put("a.csv", "1", BAD)
    world.run()
    first = world.location("")
    assert (world.rows(), len(world.rows("trips_quarantine", "raw_text")[""])) == ({"": ["1"]}, 1)
    world.put("a.csv", "2")
    world.run()
    assert world.location("") != first
    assert (world.rows(), world.rows("trips_quarantine", "raw_text")) == ({"": ["2"]}, {})
    assert world.table("trips_quarantine")["StorageDescriptor"]["Location"].endswith("run=none/")


# ------------------------------------------------------------------------------------------- late, corrected, removed
def it_replaces_a_partition_with_late_corrected_or_renamed_files(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.run()
    world.put("month=01/late.csv", "2")
    assert world.run().units[0].reason == "sources 1 added"
    world.put("month=01/a.csv", "3")
    assert world.run().units[0].reason == "sources 1 changed"
    (world.raw / "month=01/a.csv").rename(world.raw / "month=01/b.csv")
    assert world.run().units[0].reason == "sources 1 renamed"
    assert world.rows() == {"01": ["2", "3"]}


def it_keeps_curated_rows_when_raw_files_expire(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("month=01/b.csv", "2")
    world.put("month=02/a.csv", "3")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    (world.raw / "month=02/a.csv").unlink()
    report = world.run()
    assert actions(report) == {"01": "kept", "02": "kept"}
    assert report.removed_sources == ("month=01/a.csv", "month=02")
    assert world.rows() == {"01": ["1", "2"], "02": ["3"]}
    assert set(world.partitions("raw_trips")) == {"01"}
    assert world.run(force=True).status == "unchanged"


def it_carries_rows_of_expired_files_over_when_new_ones_arrive(world: World) -> None:
    world.put("month=01/a.csv", "1", BAD)
    expired = (world.raw / "month=01/a.csv").read_bytes(), (world.raw / "month=01/a.csv").stat().st_mtime_ns
    world.put("month=01/b.csv", "2")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    world.put("month=01/c.csv", "3")
    report = world.run()
    assert (report.rows_read, report.units[0].rows) == (1, 3)
    assert world.rows() == {"01": ["1", "2", "3"]}
    assert len(world.rows("trips_quarantine", "raw_text")["01"]) == 1
    # Once more, and then the archived file is put back: its rows are there already.
    (world.raw / "month=01/b.csv").unlink()
    world.put("month=01/d.csv", "4")
    world.run()
    assert world.rows() == {"01": ["1", "2", "3", "4"]}
    (world.raw / "month=01/a.csv").write_bytes(expired[0])
    os.utime(world.raw / "month=01/a.csv", ns=(expired[1], expired[1]))
    world.run()
    assert world.rows() == {"01": ["1", "2", "3", "4"]}


def carry_rows_over(world: World) -> None:
    """Let month 01 hold the row of a.csv, which is gone, beside those of b.csv and c.csv."""
    world.put("month=01/a.csv", "1")
    world.put("month=01/b.csv", "2")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    world.put("month=01/c.csv", "3")
    world.run()
    assert world.rows()["01"] == ["1", "2", "3"]


@pytest.mark.parametrize("policy", ["keep", "mirror"])
@pytest.mark.parametrize("how", ["forced", "another contract"])
def it_never_makes_a_unit_anew_that_holds_rows_of_expired_files(tmp_path: Path, policy: str, how: str) -> None:
    world = World(tmp_path)
    carry_rows_over(world)
    world.save(on_source_removed=policy)
    if how == "another contract":
        world.save(columns=[{"name": "id"}, {"name": "n"}])
    report = world.run(force=how == "forced")
    if policy == "keep":
        reason = "sources 1 removed; on_source_removed is keep"
        assert [(unit.action, unit.reason) for unit in report.units] == [("kept", reason)]
        assert world.rows() == {"01": ["1", "2", "3"]}
    else:
        assert actions(report) == {"01": "replaced"}
        assert world.rows() == {"01": ["2", "3"]}
    assert report.converged


@pytest.mark.parametrize("contract_policy", ["reconvert", "new_data_only"])
def it_drops_rows_of_expired_files_when_the_policy_becomes_mirror(tmp_path: Path, contract_policy: str) -> None:
    world = World(tmp_path)
    world.put("month=02/a.csv", "4")
    carry_rows_over(world)
    world.save(on_source_removed="mirror", on_contract_change=contract_policy)
    selected = world.run(partitions='[{"month": "02"}]')
    assert (actions(selected), selected.converged) == ({"01": "kept", "02": "kept"}, False)
    report = world.run()
    reason = "source files are gone; on_source_removed is mirror"
    assert [(unit.action, unit.reason) for unit in report.units] == [("replaced", reason), ("kept", "unchanged")]
    assert world.rows() == {"01": ["2", "3"], "02": ["4"]}
    assert actions(world.run()) == {"01": "kept", "02": "kept"}


def it_carries_over_a_unit_that_had_no_rows(world: World) -> None:
    world.put("month=01/a.csv")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    world.put("month=01/b.csv", "1")
    world.run()
    assert world.rows() == {"01": ["1"]}
    assert [path.name for path in Path(world.location("01")).iterdir()] == ["part-00000.snappy.parquet"]


def it_refuses_to_choose_between_a_correction_and_rows_of_expired_files(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("month=01/b.csv", "2")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    world.put("month=01/b.csv", "3")
    world.put("month=02/a.csv", "4")
    with pytest.raises(SourceConflictError, match=r"default\.trips: 1 unit.* month=01: sources 1 changed, 1 removed"):
        world.run()
    assert world.rows() == {"01": ["1", "2"], "02": ["4"]}
    assert world.digest() is None
    world.save(on_source_removed="mirror")
    world.run()
    assert world.rows() == {"01": ["3"], "02": ["4"]}


def it_follows_deletions_when_told_to_mirror(tmp_path: Path) -> None:
    world = World(tmp_path, on_source_removed="mirror")
    world.put("month=01/a.csv", "1", BAD)
    world.put("month=02/a.csv", "2")
    world.put("month=02/b.csv", "3")
    world.run()
    (world.raw / "month=01/a.csv").unlink()
    (world.raw / "month=02/a.csv").unlink()
    assert actions(world.run()) == {"01": "removed", "02": "replaced"}
    assert world.rows() == {"02": ["3"]}
    assert world.partitions("trips_quarantine") == {}


# ------------------------------------------------------------------------------------------------ plan, force, backfill
def it_plans_without_writing_anything_but_the_report(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("stray.csv", "1")
    report = world.run(mode="plan")
    assert (report.status, actions(report), report.converged) == ("planned", {"01": "inserted"}, False)
    assert list(report.unmatched_keys) == ["stray.csv"]
    written = [path.relative_to(world.lake).as_posix() for path in world.lake.rglob("*") if path.is_file()]
    assert written == ["reports/trips/r1.json"]


def it_plans_exactly_what_the_next_run_does(world: World) -> None:
    for month in ("01", "02", "03"):
        world.put(f"month={month}/a.csv", month)
    world.run()
    world.put("month=01/a.csv", "corrected")
    (world.raw / "month=03/a.csv").unlink()
    world.put("month=04/a.csv", "new")

    def lake() -> dict[str, bytes]:
        files = (path for path in world.lake.rglob("*") if path.is_file() and "reports" not in path.parts)
        return {str(path): path.read_bytes() for path in files}

    before = lake()
    planned = world.run(mode="plan")
    assert {unit.values["month"]: (unit.action, unit.reason) for unit in planned.units} == {
        "01": ("replaced", "sources 1 changed"),
        "02": ("kept", "unchanged"),
        "03": ("kept", "all its source files are gone; on_source_removed is keep"),
        "04": ("inserted", "new"),
    }
    assert lake() == before
    assert actions(world.run()) == actions(planned)


def it_forces_and_limits_to_partitions(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("month=02/a.csv", "2")
    report = world.run(partitions='[{"month": "01"}]')
    assert (actions(report), report.converged) == ({"01": "inserted", "02": "kept"}, False)
    assert (world.rows(), world.digest()) == ({"01": ["1"]}, None)
    world.run()
    before = world.location("01"), world.location("02")
    report = world.run(force=True, partitions='[{"month": "02"}]')
    assert (actions(report), report.converged) == ({"01": "kept", "02": "replaced"}, True)
    assert world.location("01") == before[0]
    assert world.location("02") != before[1]
    assert world.rows() == {"01": ["1"], "02": ["2"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "not valid JSON"),
        ('{"month": "01"}', r"expected a list such as \[\{"),
        ('[{"year": "01"}]', r"expected a list such as \[\{"),
        ('[{"month": "07"}]', r"names month=07, which has neither .* there are \(1 in all\): month=01"),
        ('[{"month": ""}]', "has 0 characters"),
    ],
)
def it_refuses_partitions_that_do_not_exist(world: World, text: str, message: str) -> None:
    world.put("month=01/a.csv", "1")
    with pytest.raises(UnknownPartitionError, match=message):
        world.run(partitions=text)


def it_fails_on_unmatched_keys_before_it_publishes_and_skips_them_when_told(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("stray.csv", "9")
    with pytest.raises(UnmatchedKeysError, match=r"stray\.csv: it does not lie in a folder month=…/"):
        world.run()
    assert world.rows() == {}
    world.save(on_unmatched="skip")
    assert list(world.run().unmatched_keys) == ["stray.csv"]
    assert (world.rows(), world.digest() is not None) == ({"01": ["1"]}, True)


def it_reads_files_of_the_suffixes_told_and_leaves_others_to_on_unmatched(world: World) -> None:
    for key in ("month=01/a.TXT", "month=01/b.tsv", "month=01/c", "month=01/README.md", "month=01/d.csv"):
        world.put(key, key[9:])
    world.save(suffixes=[".txt", ".tsv"])
    with pytest.raises(UnmatchedKeysError, match=r"README\.md: the name ends in none of \.txt, \.tsv"):
        world.run()
    world.save(on_unmatched="skip")
    assert list(world.run().unmatched_keys) == ["month=01/README.md", "month=01/c", "month=01/d.csv"]
    assert world.rows() == {"01": ["a.TXT", "b.tsv"]}
    world.save(suffixes=[".csv", ""])
    assert world.run().unmatched_keys == ()
    assert world.rows() == {"01": ["README.md", "a.TXT", "b.tsv", "c", "d.csv"]}


def it_reports_the_lines_that_it_was_told_to_skip(world: World) -> None:
    path = world.put("month=01/a.csv", "1")
    path.write_text("a report\n" + path.read_text() + "Total,1\n")
    world.save(csv={"skip_lines": 1, "footer_lines": 1})
    report = world.run()
    assert (report.rows_read, dict(report.skipped_lines)) == (1, {path.relative_to(world.raw).as_posix(): 2})
    assert json.loads(report.to_json())["skipped_lines_count"] == 2


def it_publishes_nothing_when_too_many_rows_are_bad(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.run()
    digest = world.digest()
    world.save(max_bad_fraction=0.1)
    world.put("month=01/a.csv", "2", BAD)
    with pytest.raises(TooManyBadRows) as told:
        world.run()
    assert (world.rows(), world.digest()) == ({"01": ["1"]}, digest)
    named = re.search(r"in the Parquet files of (\S+/quarantine/trips/month=01/run=\S+/),", str(told.value))
    assert named is not None
    (left,) = Path(named[1]).glob("*.parquet")
    assert [row["raw_text"] for row in pq.read_table(left, partitioning=None).to_pylist()] == ["bad,x"]
    world.save(max_bad_fraction=1, retain_superseded_hours=24)
    world.run(later=timedelta(hours=23))
    assert left.exists()
    world.run(later=timedelta(hours=25))
    assert not left.exists()


def it_says_why_it_failed_also_where_it_cannot_say_that_it_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("month=01/a.csv", "1")

    def fail(*arguments: Any) -> list[UnitResult]:
        monkeypatch.setattr(LocalStorage, "write_bytes", unavailable)
        raise AccountingError("the first one")

    def unavailable(*arguments: Any) -> str:
        raise StorageUnavailableError("the second one")

    with pytest.raises(AccountingError, match="the first one"):
        world.run(converter=fail)


def it_refuses_a_conversion_that_forgets_a_file(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("month=01/b.csv", "2")

    def forgetful(context: TaskContext, tasks: Tasks) -> list[PartReport]:
        return list(in_process(context, tasks))[:-1]

    with pytest.raises(AccountingError, match=r"month=01/b\.csv: 9 bytes were listed and not all of them were read"):
        world.run(converter=lambda contract, work, run_id: convert_units(None, contract, work, runner=forgetful))
    assert world.rows() == {}


# ---------------------------------------------------------------------------------------------- concurrency and repair
def _during(world: World, deed: Callable[[], None]) -> Callable[..., list[UnitResult]]:
    """Return a converter that lets something happen after the diff and before anything is published."""

    def converter(contract: Any, work: list[UnitWork], run_id: str) -> list[UnitResult]:
        result = convert(contract, work, run_id)
        deed()
        return result

    return converter


@pytest.mark.parametrize("keys", [[], [{"name": "month"}]])
@pytest.mark.parametrize("known", [False, True])
def it_leaves_alone_what_a_faster_run_has_published(tmp_path: Path, keys: list[Any], known: bool) -> None:
    world = World(tmp_path, partition_keys=keys)
    path = "month=01/a.csv" if keys else "a.csv"
    if known:
        world.put(path, "0")
        world.run()
    world.put(path, "1")

    def faster() -> None:
        world.put(path, "2")
        world.run("fast")

    with pytest.raises(ConcurrentRunError, match=r"default\.trips: another run published .*\(1 unit"):
        world.run("slow", converter=_during(world, faster))
    assert list(world.rows().values()) == [["2"]]
    assert world.digest() is None
    assert world.run().status == "unchanged"
    assert world.digest() is not None


def it_agrees_with_a_faster_run_that_did_the_same(world: World) -> None:
    world.put("month=01/a.csv", "1")
    report = world.run("slow", converter=_during(world, lambda: _ignore(world.run("fast"))))
    assert report.converged
    assert world.rows() == {"01": ["1"]}
    assert world.digest() is not None


def _ignore(report: Report) -> None:
    assert report.converged


def it_writes_no_digest_when_another_run_published_what_it_knows_nothing_of(tmp_path: Path) -> None:
    world = World(tmp_path, on_source_removed="mirror")
    world.put("month=01/a.csv", "1")

    def meanwhile() -> None:
        world.put("month=02/a.csv", "2")
        world.run("fast")
        (world.raw / "month=02/a.csv").unlink()

    with pytest.raises(ConcurrentRunError):
        world.run("slow", converter=_during(world, meanwhile))
    assert world.digest() is None
    world.run()
    assert world.rows() == {"01": ["1"]}


def it_leaves_to_the_next_run_what_arrives_during_a_run(world: World) -> None:
    world.put("month=01/a.csv", "1")

    def upload() -> None:
        world.put("month=01/late.csv", "2")
        world.put("month=02/a.csv", "3")

    assert world.run(converter=_during(world, upload)).converged
    assert world.rows() == {"01": ["1"]}
    fingerprint = world.table()["Parameters"]["contract_fingerprint"]
    # The digest is that of what this run has listed, so the next execution finds that there is something to do.
    assert world.digest() not in (None, listing_digest(world.raw, fingerprint))
    world.run()
    assert world.rows() == {"01": ["1", "2"], "02": ["3"]}
    assert world.digest() == listing_digest(world.raw, fingerprint)


def it_refuses_a_file_that_is_overwritten_between_listing_and_reading(world: World) -> None:
    world.put("month=01/a.csv", "1")

    def late(contract: Any, work: list[UnitWork], run_id: str) -> list[UnitResult]:
        world.put("month=01/a.csv", "22")
        return convert(contract, work, run_id)

    with pytest.raises(ObjectChangedError, match=r"a\.csv: the file was overwritten while the job ran"):
        world.run(converter=late)
    assert world.rows() == {}


@pytest.mark.parametrize("name", ["trips_quarantine", "raw_trips"])
def it_registers_lost_partitions_again_without_converting(world: World, name: str) -> None:
    world.put("month=01/a.csv", "1", BAD)
    world.put("month=02/a.csv", "2")
    world.run()
    before = world.partitions(name)
    catalog = LocalCatalog(str(world.lake), "default")
    catalog.delete_partitions(name, list(catalog.list_partitions(name)))
    assert world.partitions(name) == {} != before
    assert world.run().status == "unchanged"
    assert world.partitions(name) == before


def it_says_which_table_is_missing_on_glue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, FakeGlue())
    assert world.glue is not None
    monkeypatch.setattr(job, "open_catalog", world.open_catalog)
    del world.glue.tables["trips_quarantine"]
    with pytest.raises(TableMissingError, match=r"default\.trips_quarantine does not exist; the state machine creates"):
        world.run()
    assert world.run(mode="plan").status == "planned"


# ------------------------------------------------------------------------------------------------------------- sweeping
def it_keeps_superseded_folders_for_queries_that_still_read_them(tmp_path: Path) -> None:
    world = World(tmp_path, retain_superseded_hours=2)
    path = world.put("month=01/a.csv", "1", BAD)
    world.run()
    old = world.run_folders()
    for folder in old:
        for file in Path(folder).iterdir():
            os.utime(file, (1, 1))  # written long ago, superseded only now
    path.write_text("id,n\n2,1\n")
    world.run()
    assert old < world.run_folders()
    world.run(later=timedelta(hours=1, minutes=59))
    assert old < world.run_folders()
    assert world.run(later=timedelta(hours=2, minutes=1)).folders_swept == 2
    assert world.run_folders() == {world.location("01")}


def it_never_sweeps_what_a_running_job_has_written(world: World) -> None:
    world.put("month=01/a.csv", "1")
    world.put("month=02/a.csv", "2")

    def quick() -> None:
        world.run("quick", partitions='[{"month": "02"}]', later=timedelta(days=1))

    world.run("slow", partitions='[{"month": "01"}]', converter=_during(world, quick))
    assert world.rows() == {"01": ["1"], "02": ["2"]}


# ---------------------------------------------------------------------------------------------------------------- entry
def it_reads_arguments_and_ignores_those_of_glue() -> None:
    argv = ["--JOB_NAME", "j", "--dataset_config", "s3://a/c.json", "--run_id", "r", "--enable-metrics", "true"]
    assert parse_args([*argv, "--run_mode", "apply"]) == Arguments("s3://a/c.json", "r")
    for nothing in ("", "[]", "[ ]\n"):
        more = ["--run_mode", "plan", "--force", "true", "--partitions", nothing]
        assert parse_args([*argv, *more]) == Arguments("s3://a/c.json", "r", "plan", True, None)
    assert parse_args([*argv, "--run_mode", "apply", "--force"]).force
    assert parse_args([*argv, "--run_mode", "apply", "--task_slots", "36"]).task_slots == 36
    assert parse_args([*argv, "--run_mode", "apply", "--spark_from_mb", "0"]).spark_from_mb == 0


def it_loads_local_folders_by_default() -> None:
    assert parse_args(["--dataset_config", "c.json", "--run_id", "r"]) == Arguments("c.json", "r")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--run_id", "r"], "required: --dataset_config"),
        (["--dataset_config", "c", "--run_id", "a/b"], "--run_id is 'a/b'; allowed are"),
        (["--dataset_config", "c", "--run_id", "r", "--run_mode", "try"], "invalid choice: 'try'"),
        (["--dataset_config", "c", "--run_id", "r", "--mode", "plan"], "unknown arguments: --mode plan"),
        (["--dataset_config", "s3://a/c.json", "--run_id", "r"], "--run_mode is missing.*apply or plan"),
        (["--dataset_config", "s3://a/c.json", "--run_id", "r", "--mode", "plan"], "--run_mode is missing"),
        (["--dataset_config", "c", "--run_id", "r", "--task_slots", "0"], "'0' is not a whole number from 1 to 999999"),
        (
            ["--dataset_config", "c", "--run_id", "r", "--spark_from_mb", "x"],
            "'x' is not a whole number from 0 to 9999",
        ),
    ],
)
def it_refuses_wrong_arguments(argv: list[str], message: str) -> None:
    with pytest.raises(ArgumentsError, match=message):
        parse_args(argv)


def it_gives_every_attempt_a_folder_of_its_own() -> None:
    assert new_attempt("a:b c") != new_attempt("a:b c")
    assert new_attempt("a:b c").startswith("a-b-c-")


def it_converts_on_spark(world: World, spark: SparkSession) -> None:
    world.put("month=01/a.csv", "1", "2")
    place = Workplace(Arguments("c.json", "r", spark_from_mb=0))
    effort = place.effort
    report = world.run(converter=place.convert, effort=effort)
    slots = spark.sparkContext.defaultParallelism
    assert (report.slots_at_start, report.slots_at_end) == (slots, slots)
    assert 0 < effort.working_seconds <= effort.slot_seconds <= slots * report.converting_seconds
    assert 0 <= report.waiting_percent < 100
    seen = spark.read.parquet(world.location("01"))
    assert sorted(row.id for row in seen.collect()) == ["1", "2"]


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a session is told so."""

    def refuse(name: str) -> NoReturn:
        raise InterruptedError(name)

    monkeypatch.setattr(csv_to_parquet, "open_spark", refuse)


def it_converts_what_is_small_without_spark(world: World, no_spark: None) -> None:
    place = Workplace(Arguments("c.json", "r", spark_from_mb=1))
    world.put("month=01/a.csv", "1", "2" * 600_000)
    report = world.run(converter=place.convert, effort=place.effort)
    assert (report.rows_written, report.slots_at_start, report.slots_at_end) == (2, DRIVER_SLOTS, DRIVER_SLOTS)
    world.put("month=02/b.csv", "3" * 600_000)
    world.put("month=03/c.csv", "4" * 600_000)
    with pytest.raises(InterruptedError, match=world.contract["dataset"]):
        world.run(converter=place.convert)


def it_infers_from_what_is_small_without_spark(tmp_path: Path, no_spark: None) -> None:
    read = Workplace(Arguments("c.json", "r", spark_from_mb=1)).read

    def source(rows: int) -> SourceFile:
        (tmp_path / "a.csv").write_text("a,b\n" + "1,x\n" * rows)
        (item,) = open_storage(str(tmp_path)).list(f"{tmp_path}/")
        return SourceFile(item.uri, item.key, item.size, item.etag)

    with pytest.raises(InterruptedError, match="inference"):
        infer([source(100_000)], CsvOptions(), read=read)
    found = infer([source(1)], CsvOptions(), read=read)
    assert [(column.name, column.type) for column in found.columns] == [("a", "int"), ("b", "string")]


def it_tells_where_the_time_went(world: World) -> None:
    world.put("month=01/a.csv", "1", "2")
    loaded, idle, planned = world.run(), world.run(), world.run(mode="plan")
    for report in (loaded, idle, planned):
        phases = (report.listing_seconds, report.planning_seconds, report.converting_seconds, report.publishing_seconds)
        assert sum(phases) == pytest.approx(report.seconds, abs=0.002)
        assert min(phases) >= 0
    assert loaded.converting_seconds > 0
    assert loaded.publishing_seconds > 0
    # The report rounds: half a unit of the last digit of each.
    speed = loaded.source_bytes / 1e6 / loaded.converting_seconds
    assert loaded.megabytes_per_second == pytest.approx(speed, abs=0.06)
    assert (idle.megabytes_per_second, idle.waiting_percent, idle.slots_at_end) == (0, 0, 0)
    assert (planned.converting_seconds, planned.publishing_seconds) == (0, 0)


def it_tells_where_it_ran_only_when_asked(world: World, spark: SparkSession) -> None:
    world.put("month=01/a.csv", "1")
    assert parse_args(["--dataset_config", "c.json", "--run_id", "r", "--report_runtime", "true"]).report_runtime
    assert "runtime" not in json.loads(world.run().to_json())
    runtime = Runtime(["--run_id", "secret", "--report_runtime", "true"])
    assert set(runtime.describe()) == {"arguments", "driver"}
    world.put("month=01/a.csv", "2")
    place = Workplace(Arguments("c.json", "r"), runtime)
    report = world.run(converter=place.convert, runtime=runtime.describe)
    told = json.loads(report.to_json())["runtime"]
    slots = spark.sparkContext.defaultParallelism
    assert (told["slots_at_start"], told["slots_at_end"], told["hosts"]) == (slots, slots, 1)
    assert told["arguments"] == ["--report_runtime", "--run_id"]
    own = ("python", platform.python_version()), ("pyarrow", pa.__version__), ("boto3", boto3.__version__)
    for place in (told["driver"], *told["workers"]):
        assert set(own) <= set(place.items())
    # The workers take our modules from what the job sent them, or from where the driver has them.
    assert {place["modules"] for place in told["workers"]} <= {MODULES, "glue_scripts"}


def it_refuses_an_unknown_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faults.VARIABLE, "lunch")
    with pytest.raises(faults.UnknownFaultError, match="names the step 'lunch'; allowed are listed, planned"):
        world.run()
