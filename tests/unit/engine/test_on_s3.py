"""On S3 the engine reads ahead and stores behind; what comes out is what comes out of a local disk."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import conversion_runners
import storage
import storage_ahead
from conversion import Effort, UnitResult, convert_units
from conversion_opening import Content
from conversion_plan import Settings, Task, UnitWork
from conversion_runners import ATTEMPTS, Runner, in_process, in_threads
from conversion_task import PartReport, PlaceLines, TaskContext
from sources import SourceFile
from storage import REQUESTS_AT_ONCE, S3Storage, StorageRefusedError, StorageUnavailableError
from storage_ahead import ByteRange, ReadAhead
from tests.unit.engine.helpers import a_contract, columns, convert
from tests.unit.engine.test_packing import zip_of_one
from tests.unit.job.fake_s3 import FakeS3
from tests.waiting import wait_for

DECLARED = columns(n="int", text="string")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(storage, "s3_client", lambda: fake)
    return fake


def rows(count: int, first: int = 0) -> bytes:
    lines = [
        f'{number},"a quoted ""text"",\nof two lines"' if number % 7 == 0 else f"{'x' * (number % 50 == 0)}{number},é"
        for number in range(first, first + count)
    ]
    return ("n,text\n" + "\n".join(lines) + "\n").encode()


FILES: dict[str, bytes] = {
    "a.csv": rows(4000),
    "b.csv": rows(3, 5000),
    "c.csv": b"",
    "d.csv.gz": gzip.compress(rows(2000, 6000)),
    "e.csv": b"n,text\n",
    "f.csv": rows(900, 9000),
}


def on_s3(
    s3: FakeS3,
    folder: Path,
    units: list[Mapping[str, bytes]],
    split: int = 1 << 26,
    csv: dict[str, Any] | None = None,
    effort: Effort | None = None,
    runner: Runner | None = None,
) -> list[UnitResult]:
    work = []
    for number, files in enumerate(units):
        sources = []
        for name, data in files.items():
            key = f"raw/{number}/{name}"
            s3.objects[key] = data
            sources.append(SourceFile(f"s3://b/{key}", name, len(data), f'"{len(data)}"'))
        work.append(UnitWork((), tuple(sources), f"s3://b/data/{number}/", f"s3://b/bad/{number}/"))
    settings = Settings(split_bytes=split, whole_bytes=split * 3 // 2, window_bytes=2048)
    contract = a_contract(folder, DECLARED, csv, lake_uri="s3://b/")
    return convert_units(None, contract, work, run_id="r1", settings=settings, slots=4, effort=effort, runner=runner)


def stored_rows(s3: FakeS3, folder: str) -> list[dict[str, Any]]:
    found = [data for key, data in sorted(s3.objects.items()) if key.startswith(folder)]
    return [row for data in found for row in pq.read_table(pa.BufferReader(data)).to_pylist()]


@pytest.mark.parametrize("split", [1 << 26, 20_000, 3000])
@pytest.mark.parametrize(
    ("encoding", "runner"), [("utf-8", in_process), ("utf-8", in_threads(3)), ("utf-16", in_process)]
)
def it_yields_on_s3_what_it_yields_on_a_local_disk(
    s3: FakeS3, tmp_path: Path, split: int, encoding: str, runner: Runner
) -> None:
    def encoded(name: str, data: bytes) -> bytes:
        if encoding == "utf-8" or not data:
            return data
        text = gzip.decompress(data) if name.endswith(".gz") else data
        again = text.decode().encode(encoding)
        return gzip.compress(again) if name.endswith(".gz") else again

    files = {name: encoded(name, data) for name, data in FILES.items()}
    local = convert(files, DECLARED, {"encoding": encoding}, split=split, window=2048)
    s3.seconds = 0.002
    (there,) = on_s3(s3, tmp_path, [files], split, {"encoding": encoding}, runner=runner)
    assert [(item.rows_read, item.rows_written, item.rows_quarantined) for item in there.sources] == local.accounts()
    assert stored_rows(s3, "data/") == local.rows
    bad = sorted(stored_rows(s3, "bad/"), key=lambda row: (row["source_file"], row["line_number"]))
    assert bad == local.bad
    assert len(local.bad) > 100
    assert [(file.rows, file.size) for file in there.files] == [
        (pq.read_metadata(pa.BufferReader(s3.objects[file.uri[7:]])).num_rows, len(s3.objects[file.uri[7:]]))
        for file in there.files
    ]


@pytest.mark.parametrize("split", [1 << 26, 20_000, 3000])
@pytest.mark.parametrize(
    "csv", [{}, {"skip_lines": 1, "footer_lines": 1}, {"skip_lines": 1, "footer_pattern": "Total"}]
)
def it_reads_packed_files_and_footers_between_others(
    s3: FakeS3, tmp_path: Path, split: int, csv: dict[str, Any]
) -> None:
    def report(data: bytes) -> bytes:
        return b"A report\n" + data + b"Total,1\n" if csv else data

    packed = {
        "a.csv": report(rows(4000)),
        "b.csv": zip_of_one(report(rows(2000, 4000))),
        "c.csv": gzip.compress(report(rows(3000, 6000))),
        "d.csv.zst": pa.compress(report(rows(1000, 9000)), codec="zstd", asbytes=True),
        "e.csv.zip": zip_of_one(report(rows(500, 10000))),
        "f.csv": report(rows(900, 11000)),
    }
    local = convert(packed, DECLARED, csv, split=split, window=2048)
    assert len(local.rows) + len(local.bad) == 11400
    (there,) = on_s3(s3, tmp_path, [packed], split, csv)
    assert [(item.rows_read, item.rows_written, item.rows_quarantined) for item in there.sources] == local.accounts()
    assert [item.skipped_lines for item in there.sources] == [2 if csv else 0] * 6
    assert stored_rows(s3, "data/") == local.rows


def it_waits_for_many_small_units_at_once(s3: FakeS3, tmp_path: Path) -> None:
    s3.seconds = 0.1
    begun = time.monotonic()
    results = on_s3(s3, tmp_path, [{"a.csv": b"n,text\n%d,t\n" % number} for number in range(60)])
    assert [result.sources[0].rows_written for result in results] == [1] * 60
    # One after the other they would take 60 times two requests.
    assert time.monotonic() - begun < 60 * 2 * 0.1 / 2
    assert 4 < s3.most_at_once <= REQUESTS_AT_ONCE
    assert sorted(row["n"] for row in stored_rows(s3, "data/")) == list(range(60))


def it_leaves_nothing_half_written_when_a_file_cannot_be_read(s3: FakeS3, tmp_path: Path) -> None:
    units: list[Mapping[str, bytes]] = [{"a.csv": rows(2000)}, {"b.csv": rows(2000)}]
    on_s3(s3, tmp_path, units)
    for key in [key for key in s3.objects if not key.startswith("raw/")]:
        del s3.objects[key]
    # Overwritten since it was listed, with the second unit's splits on their way.
    changed = SourceFile("s3://b/raw/1/b.csv", "b.csv", len(units[1]["b.csv"]), '"another"')
    same = SourceFile("s3://b/raw/0/a.csv", "a.csv", len(units[0]["a.csv"]), f'"{len(units[0]["a.csv"])}"')
    work = [
        UnitWork((), (source,), f"s3://b/data/{number}/", f"s3://b/bad/{number}/")
        for number, source in enumerate((same, changed))
    ]
    with pytest.raises(storage.ObjectChangedError, match=r"raw/1/b\.csv.*run again"):
        convert_units(
            None,
            a_contract(tmp_path, DECLARED, lake_uri="s3://b/"),
            work,
            settings=Settings(split_bytes=3000, whole_bytes=4500),
            slots=4,
        )
    assert not s3.uploads
    for key in [key for key in s3.objects if key.startswith("data/1/")]:
        pytest.fail(f"{key} was stored although its source could not be read")


# ------------------------------------------------------------------------------------------------------- reading ahead
def ranges(count: int, size: int) -> list[ByteRange]:
    return [ByteRange("s3://b/k", f'"{count * size}"', size * number, size * (number + 1)) for number in range(count)]


def it_reads_ranges_in_order_and_big_ones_in_pieces(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_ahead, "PIECE_BYTES", 7)
    s3.objects["k"] = bytes(range(200))
    s3.seconds = 0.001
    wanted = [ByteRange("s3://b/k", '"200"', *bounds) for bounds in ((0, 3), (3, 150), (5, 5), (150, 157), (199, 200))]
    found = [b"".join(pieces) for pieces in ReadAhead(wanted)]
    assert found == [s3.objects["k"][piece.start : piece.end] for piece in wanted]
    assert max(int(call.split("-")[1].split()[0]) - int(call[10:].split("-")[0]) for call in s3.calls) == 6


def it_finds_in_the_pieces_of_a_range_what_it_would_read_without_them(s3: FakeS3) -> None:
    data = bytes(range(30))
    source = SourceFile("s3://b/k", "k", 30, '"30"')
    pieces = [data[10:13], data[13:20], data[20:22]]
    content = Content(source, data[:4], 10, pieces)
    for start, end in combinations_with_replacement(range(10, 23), 2):
        assert content.between(start, end) == data[start:end]
    assert content.between(13, 20) is pieces[1]
    assert content.take(11, 21) == data[11:21]
    assert s3.calls == []
    s3.objects["k"] = data
    assert (content.between(11, 21), len(s3.calls)) == (data[11:21], 1)


def it_fetches_no_more_ahead_than_it_may_hold(s3: FakeS3) -> None:
    s3.objects["k"] = bytes(1000)
    ahead = ReadAhead(ranges(100, 10), ahead_bytes=50)

    def fetched(count: int) -> bool:
        return len(s3.calls) >= count

    for taken in range(1, 20):
        next(ahead)
        wait_for(partial(fetched, taken + 5), poll_seconds=0.001)
        # Whatever it fetched beyond that, it would fetch at once.
        time.sleep(0.01)
        assert len(s3.calls) == taken + 5


def it_fetches_nothing_more_once_it_is_closed(s3: FakeS3) -> None:
    s3.objects["k"] = bytes(10_000)
    s3.seconds = 0.05
    ahead = ReadAhead(ranges(1000, 10))
    next(ahead)
    ahead.close()
    begun = len(s3.calls)
    time.sleep(0.2)
    assert begun <= len(s3.calls) <= 2 * REQUESTS_AT_ONCE
    assert list(ahead) == []


def it_raises_what_a_range_cannot_be_read_for_when_it_is_its_turn(s3: FakeS3) -> None:
    s3.objects["k"] = bytes(10)
    ahead = ReadAhead([ByteRange("s3://b/k", '"10"', 0, 5), ByteRange("s3://b/secret", '"1"', 0, 1)])
    assert next(ahead) == (bytes(5),)
    with pytest.raises(StorageRefusedError, match="s3://b/secret: AccessDenied"):
        next(ahead)


def it_fetches_the_next_file_while_it_stores_the_last_one(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files at most are held before they are converted; one that is being stored is not among them."""
    monkeypatch.setattr(conversion_runners, "AHEAD_BYTES", 1000)
    storing, fetched, keys = threading.Event(), threading.Event(), set()
    get, put = s3.get_object, s3.put_object

    def get_object(Key: str, **arguments: str) -> dict[str, Any]:  # noqa: N803 - the name of the API
        keys.add(Key)
        if len(keys) == 3:
            fetched.set()
        return get(Key=Key, **arguments)

    def put_object(**arguments: Any) -> dict[str, str]:
        storing.set()
        assert fetched.wait(10), "the third file is not fetched before one of the first two is stored"
        return put(**arguments)

    monkeypatch.setattr(s3, "get_object", get_object)
    monkeypatch.setattr(s3, "put_object", put_object)
    files: list[Mapping[str, bytes]] = [
        {name: rows(300, 1000 * number)} for number, name in enumerate(("a.csv", "b.csv", "c.csv", "d.csv"))
    ]
    results = on_s3(s3, tmp_path, files)
    assert storing.is_set()
    assert len(results) == len(files)


def it_fetches_no_third_file_before_one_of_two_is_converted(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion_runners, "AHEAD_BYTES", 1000)
    context = TaskContext(a_contract(tmp_path, DECLARED, lake_uri="s3://b/"), Settings(), "r1")
    tasks = [Task(f"s3://b/data/{number}/", f"s3://b/bad/{number}/", "part-00000", (), 1000) for number in range(9)]
    begun, converting, most = [0], [0], [0]

    def do(_: TaskContext, task: Task | PlaceLines, slot: AbstractContextManager[object]) -> list[PartReport]:
        begun[0] += 1
        most[0] = max(most[0], begun[0] - converting[0])
        time.sleep(0.01)
        with slot:
            time.sleep(0.01)
            converting[0] += 1
        return [PartReport(tasks.index(task), 0)] if isinstance(task, Task) else []

    monkeypatch.setattr(conversion_runners, "run_task", do)
    assert sorted(report.unit for report in in_process(context, tasks)) == list(range(9))
    assert most[0] == 2


def it_converts_no_more_than_it_can_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that takes bytes slowly must not fill the memory with files that wait for it."""
    monkeypatch.setattr(conversion_runners, "AHEAD_BYTES", 1000)
    context = TaskContext(a_contract(tmp_path, DECLARED, lake_uri="s3://b/"), Settings(), "r1")
    tasks = [Task(f"s3://b/data/{number}/", f"s3://b/bad/{number}/", "part-00000", (), 1000) for number in range(9)]
    stored, converted = threading.Event(), []

    def do(_: TaskContext, task: Task | PlaceLines, slot: AbstractContextManager[object]) -> list[PartReport]:
        with slot:
            converted.append(task)
        stored.wait(30)
        return [PartReport(0, 0)]

    monkeypatch.setattr(conversion_runners, "run_task", do)
    with ThreadPoolExecutor(1) as other:
        reports = other.submit(lambda: list(in_process(context, tasks)))
        wait_for(lambda: len(converted) == 3)
        # Whatever would be converted beyond that, would be at once.
        time.sleep(0.2)
        assert len(converted) == 3
        stored.set()
        assert len(reports.result(30)) == len(converted) == 9


# --------------------------------------------------------------------------------------------------------- trying again
@pytest.mark.parametrize("failures", [1, ATTEMPTS - 1, ATTEMPTS])
def it_tries_a_task_in_the_driver_as_often_as_spark_does(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    put, left = s3.put_object, [failures]

    def fail(**arguments: Any) -> Any:
        if arguments["Key"].startswith("data/") and left[0]:
            left[0] -= 1
            raise s3.error("SlowDown")
        return put(**arguments)

    monkeypatch.setattr(s3, "put_object", fail)
    if failures < ATTEMPTS:
        (there,) = on_s3(s3, tmp_path, [{"a.csv": rows(50)}], runner=in_threads(2))
        assert (there.sources[0].rows_written, len(stored_rows(s3, "data/"))) == (50, 50)
        return
    with pytest.raises(StorageUnavailableError, match="SlowDown"):
        on_s3(s3, tmp_path, [{"a.csv": rows(50)}], runner=in_threads(2))
    assert not [key for key in s3.objects if key.startswith("data/")]


# ------------------------------------------------------------------------------------------------------ storing behind
def it_uploads_parts_side_by_side_and_bounded(s3: FakeS3) -> None:
    s3.seconds = 0.3
    data = bytes(range(256)) * (7 * storage.PART_BYTES // 256)
    with S3Storage().open_write("s3://b/big") as stream:
        stream.write(data)
        assert "big" not in s3.objects
    assert s3.objects["big"] == data
    # The last part goes with those that are still on their way.
    assert 1 < s3.most_at_once <= storage.PARTS_AT_ONCE + 1


def it_aborts_the_upload_whose_part_was_refused(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**arguments: object) -> None:
        raise s3.error("AccessDenied")

    monkeypatch.setattr(s3, "upload_part", refuse)
    with pytest.raises(StorageRefusedError, match=r"UploadPart s3://b/big: AccessDenied"):  # noqa: SIM117
        with S3Storage().open_write("s3://b/big") as stream:
            stream.write(bytes(3 * storage.PART_BYTES))
    assert (s3.uploads, s3.objects) == ({}, {})


def it_tells_how_much_of_the_time_it_waits(s3: FakeS3, tmp_path: Path) -> None:
    s3.seconds, effort, begin = 0.3, Effort(), time.perf_counter()
    on_s3(s3, tmp_path, [{"a.csv": rows(20)}], effort=effort)
    assert 0 < effort.working_seconds <= effort.slot_seconds <= time.perf_counter() - begin
    # One file is read and one is stored, one after the other.
    assert effort.slot_seconds - effort.working_seconds >= 2 * s3.seconds
    assert effort.waiting_percent == pytest.approx(100 * (1 - effort.working_seconds / effort.slot_seconds))
    assert (effort.slots_at_start, effort.slots_at_end) == (4, 4)
