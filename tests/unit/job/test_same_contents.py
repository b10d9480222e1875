"""A file is what it holds: renamed, copied or uploaded again, with whatever ETag, its rows are in the table once."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import job
import lake_manifests
from contract import DatasetContract
from conversion import UnitResult
from conversion_plan import UnitWork
from job import SourceConflictError
from sources_proof import ReadingProof
from tests.unit.engine.helpers import a_unit, columns, convert
from tests.unit.job.fake_glue import FakeGlue
from tests.unit.job.support import BAD, World, etag, listing_digest


@pytest.fixture(params=["local", "glue", "whole"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world of two loaded files, with the default policy: keep."""
    glue = FakeGlue(lambda *_: None) if request.param == "glue" else None
    keys = [] if request.param == "whole" else [{"name": "month"}]
    loaded = World(tmp_path, glue, partition_keys=keys)
    monkeypatch.setattr(job, "open_catalog", loaded.open_catalog)
    loaded.put(place(loaded, "a.csv"), "1", "2", BAD)
    loaded.put(place(loaded, "b.csv"), "3", "4", BAD)
    loaded.run()
    return loaded


def place(world: World, name: str) -> str:
    return f"month=01/{name}" if world.contract["partition_keys"] else name


def raw(world: World, name: str) -> Path:
    return world.raw / place(world, name)


def touch(path: Path) -> None:
    """Give a file another ETag, as a copy under SSE-KMS has."""
    before = etag(path)
    os.utime(path, (path.stat().st_mtime + 7, path.stat().st_mtime + 7))
    assert etag(path) != before


def rename(world: World, old: str, new: str) -> None:
    touch(raw(world, old).rename(raw(world, new)))


def rows(world: World) -> list[str]:
    (found,) = world.rows().values()
    return found


def refuse(contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
    raise AssertionError("nothing is to be converted")


def forget_checksums(world: World) -> None:
    """Turn the manifests into those of versions that recorded no checksums."""
    for path in (world.lake / "manifests/trips").glob("*.json"):
        document = json.loads(path.read_text())
        for unit in document["units"]:
            for source in unit["sources"]:
                del source["checksum"]
        path.write_text(json.dumps(document))
    lake_manifests._read.cache_clear()


def check_sealed(world: World, contract_fingerprint: str) -> None:
    assert world.digest() == listing_digest(world.raw, contract_fingerprint)


# ---------------------------------------------------------------------------------------------------------- whole runs
def it_does_not_load_a_renamed_file_again_beside_an_expired_one(world: World) -> None:
    raw(world, "a.csv").unlink()
    rename(world, "b.csv", "c.csv")
    world.put(place(world, "d.csv"), "5", "6")
    report = world.run()
    assert rows(world) == ["1", "2", "3", "4", "5", "6"]
    assert len(*world.rows("trips_quarantine", "raw_text").values()) == 2
    assert report.source_files == 1
    assert [unit.reason for unit in report.units] == [
        "sources 1 added, 1 renamed, 1 removed; the rows of removed files are carried over (on_source_removed is keep)"
    ]
    world.put(place(world, "e.csv"), "7")
    rename(world, "c.csv", "f.csv")
    world.run()
    assert rows(world) == ["1", "2", "3", "4", "5", "6", "7"]


def it_keeps_a_unit_whose_only_other_file_was_renamed_and_says_so_once(world: World) -> None:
    raw(world, "a.csv").unlink()
    rename(world, "b.csv", "c.csv")
    report = world.run(converter=refuse)
    assert report.removed_sources == (place(world, "a.csv"),)
    assert [unit.action for unit in report.units] == ["kept"]
    check_sealed(world, world.table()["Parameters"]["contract_fingerprint"])
    # What it is known as now is recorded: nothing is left to be proved.
    assert [unit.reason for unit in world.run(converter=refuse).units] == ["unchanged"]
    assert rows(world) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("policy", ["keep", "mirror"])
def it_converts_nothing_because_a_file_was_uploaded_again(world: World, policy: str) -> None:
    world.save(on_source_removed=policy)
    folder = world.run_folders()
    touch(raw(world, "a.csv"))
    report = world.run(converter=refuse)
    assert [(unit.action, unit.reason) for unit in report.units] == [("kept", "sources 1 uploaded again unchanged")]
    assert world.run_folders() == folder
    check_sealed(world, world.table()["Parameters"]["contract_fingerprint"])
    assert [unit.reason for unit in world.run(converter=refuse).units] == ["unchanged"]


def it_converts_a_correction_of_the_same_size(world: World) -> None:
    world.put(place(world, "a.csv"), "8", "9", BAD)
    world.run()
    assert rows(world) == ["3", "4", "8", "9"]


def it_stays_right_when_the_catalog_is_lost_after_a_rename(world: World) -> None:
    raw(world, "a.csv").unlink()
    rename(world, "b.csv", "c.csv")
    world.run()
    world.lose_tables("trips", "trips_quarantine", "raw_trips")
    world.run(converter=refuse)
    assert rows(world) == ["1", "2", "3", "4"]
    assert [unit.reason for unit in world.run(converter=refuse).units] == ["unchanged"]


def it_loads_no_file_of_which_it_cannot_tell_whether_it_is_loaded_already(world: World) -> None:
    forget_checksums(world)
    raw(world, "a.csv").unlink()
    rename(world, "b.csv", "c.csv")
    with pytest.raises(SourceConflictError, match=r"c\.csv may be \S*a\.csv under another name, as it has its size"):
        world.run()
    with pytest.raises(SourceConflictError):
        world.run(force=True)
    assert rows(world) == ["1", "2", "3", "4"]
    assert world.digest() is None
    rename(world, "c.csv", "b.csv")
    world.put(place(world, "a.csv"), "1", "2", BAD)
    world.run()
    assert rows(world) == ["1", "2", "3", "4"]


def it_takes_a_new_file_with_an_empty_line_at_its_end_for_what_it_is(world: World) -> None:
    forget_checksums(world)
    raw(world, "a.csv").unlink()
    new = world.put(place(world, "c.csv"), "5", "6", BAD)
    with pytest.raises(SourceConflictError):
        world.run()
    new.write_text(new.read_text() + "\n")
    world.run()
    assert rows(world) == ["1", "2", "3", "4", "5", "6"]


# ----------------------------------------------------------------------------------------------------------- the proof
@dataclass(frozen=True)
class Recorded:
    size: int
    etag: str
    checksum: str


DATA = b"id,note\r\n" + b"".join(b'%d,"some\r\ntext"\r\n' % number for number in range(40))


def proof(tmp_path: Path, recorded: Sequence[Recorded], data: bytes, needed: bool = True) -> list[bool | None]:
    (source,) = a_unit(tmp_path, {"x.csv": data}).sources
    return ReadingProof()(recorded, source, needed=needed)


@pytest.mark.parametrize("split", [1, 7, 64, 1 << 20])
def it_records_a_checksum_that_proves_every_byte(tmp_path: Path, split: int) -> None:
    (outcome,) = convert(DATA, columns(id="int", note="string"), split=split, window=8).result.sources
    recorded = [Recorded(len(DATA), "", outcome.checksum)]
    assert sum(int(piece.split(":")[0]) for piece in outcome.checksum.split(" ")) == len(DATA)
    assert proof(tmp_path, recorded, DATA) == [True]
    for place in range(0, len(DATA), 5):
        other = DATA[:place] + bytes([DATA[place] ^ 1]) + DATA[place + 1 :]
        assert proof(tmp_path, recorded, other) == [False], place
    assert proof(tmp_path, recorded, DATA[:-1]) == [False]
    assert proof(tmp_path, recorded, DATA + b"\n") == [False]


@pytest.mark.parametrize("name", ["a.csv.gz", "latin.csv", "empty.csv", "blank.csv", "comments.csv"])
def it_records_a_checksum_of_files_that_are_read_as_streams_or_hold_nothing(tmp_path: Path, name: str) -> None:
    data = {
        "a.csv.gz": gzip.compress(DATA) + gzip.compress(b"41,x\n") + b"\0" * 9,
        "latin.csv": "id,note\n1,é\n".encode("latin-1"),
        "empty.csv": b"",
        "blank.csv": b"\n\n",
        "comments.csv": b"#" * 300_000 + b"\n" + b"#" * 300_000,
    }[name]
    options = {"encoding": "latin-1"} if name.startswith("latin") else {"comment": "#"}
    (outcome,) = convert({name: data}, columns(id="int", note="string"), options).result.sources
    assert proof(tmp_path, [Recorded(len(data), "", outcome.checksum)], data) == [True]


def it_knows_an_md5_when_it_sees_one_and_else_nothing(tmp_path: Path) -> None:
    md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    recorded = [Recorded(len(DATA), f'"{md5}"', ""), Recorded(len(DATA), f'"{"0" * 32}"', "")]
    assert proof(tmp_path, recorded, DATA) == [True, None]
    # What can be converted again instead is not worth reading for it.
    assert proof(tmp_path, recorded, DATA, needed=False) == [None, None]


def it_reads_so_much_and_no_more_to_spare_conversions(tmp_path: Path) -> None:
    (outcome,) = convert(DATA, columns(id="int", note="string")).result.sources
    recorded = [Recorded(len(DATA), "", outcome.checksum)]
    (source,) = a_unit(tmp_path, {"x.csv": DATA}).sources
    prove = ReadingProof(spared_bytes=9 * 1024 * 1024)
    assert [prove(recorded, source, needed=False) for _ in range(3)] == [[True], [True], [None]]
    assert prove(recorded, source, needed=True) == [True]
