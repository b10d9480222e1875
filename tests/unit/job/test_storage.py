"""Storage: whole files or none, versions by ETag, S3's order, and errors that name call and object."""

import time
from collections.abc import Callable
from datetime import timezone
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

import storage
from catalog_glue import glue_client
from storage import (
    COPIES_AT_ONCE,
    ONE_REQUEST_BYTES,
    PART_BYTES,
    LocalStorage,
    ObjectChangedError,
    ObjectMissingError,
    Once,
    S3Storage,
    StorageError,
    copy_all,
    folder_uri,
    open_storage,
    request_threads,
    s3_client,
    split_s3_uri,
)
from tests.unit.job.fake_s3 import FakeS3


# --------------------------------------------------------------------------------------------------------------- local
def it_lists_local_files_by_the_bytes_of_their_key(tmp_path: Path) -> None:
    for key in ("b.csv", "a/z.csv", "a.csv", "a-b.csv", "é.csv"):
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_text(key)
    found = list(LocalStorage().list(folder_uri(str(tmp_path))))
    assert [item.key for item in found] == ["a-b.csv", "a.csv", "a/z.csv", "b.csv", "é.csv"]
    assert found[0].size == 7
    assert found[0].modified.tzinfo is timezone.utc
    assert found[2].uri == f"{tmp_path}/a/z.csv"


def it_lists_nothing_below_a_missing_folder(tmp_path: Path) -> None:
    assert list(LocalStorage().list(str(tmp_path / "no"))) == []


def it_reads_ranges_that_end_where_the_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    local = LocalStorage()
    assert local.read_range(str(path), 2, 5) == b"234"
    assert local.read_range(path.as_uri(), 8, 99) == b"89"
    assert local.read_range(str(path), 99, 100) == b""
    assert local.read_range(str(path), 5, 5) == b""


def it_refuses_to_read_another_version_than_was_listed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("one")
    local = LocalStorage()
    etag = next(local.list(str(tmp_path))).etag
    assert etag.startswith('"') and etag.endswith('"')
    assert local.read_bytes(str(path), etag) == b"one"
    path.write_text("other")
    with pytest.raises(ObjectChangedError, match="overwritten while the job ran: run again"):
        local.read_range(str(path), 0, 2, etag)


def it_leaves_no_file_when_writing_fails(tmp_path: Path) -> None:
    uri = str(tmp_path / "sub/f")

    def write() -> None:
        with LocalStorage().open_write(uri) as stream:
            stream.write(b"half")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        write()
    assert list((tmp_path / "sub").iterdir()) == []


def it_deletes_files_and_the_folders_that_become_empty(tmp_path: Path) -> None:
    local = LocalStorage()
    local.write_bytes(str(tmp_path / "keep"), b"")
    local.write_bytes(str(tmp_path / "a/b/f"), b"")
    local.copy(str(tmp_path / "a/b/f"), str(tmp_path / "a/b/g"))
    assert (tmp_path / "a/b/g").exists()
    local.delete([str(tmp_path / "a/b/f"), str(tmp_path / "a/b/f"), str(tmp_path / "a/b/g")])
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]


def it_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissingError, match="no: the file does not exist"):
        LocalStorage().read_bytes(str(tmp_path / "no"))


def it_opens_a_storage_by_scheme() -> None:
    assert isinstance(open_storage("s3://b/k"), S3Storage)
    assert isinstance(open_storage("file:///tmp"), LocalStorage)
    assert folder_uri("file:///data/a%20b") == "/data/a b/"
    assert split_s3_uri("s3://b/a?b#c%20") == ("b", "a?b#c%20")
    with pytest.raises(StorageError, match="gs:// is unknown, allowed are s3://, file:// and local paths"):
        open_storage("gs://b/k")


# ------------------------------------------------------------------------------------------------------------------ S3
@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(storage, "s3_client", lambda: fake)
    return fake


def it_reads_ranges_from_s3(s3: FakeS3) -> None:
    s3.objects["k"] = b"0123456789"
    assert S3Storage().read_range("s3://b/k", 2, 5) == b"234"
    assert S3Storage().read_range("s3://b/k", 8, 99) == b"89"
    assert S3Storage().read_range("s3://b/k", 99, 100) == b""
    assert s3.calls[0] == "get bytes=2-4"


def it_asks_s3_for_the_version_that_was_listed(s3: FakeS3) -> None:
    s3.objects["k"] = b"abc"
    assert S3Storage().read_bytes("s3://b/k", '"3"') == b"abc"
    with pytest.raises(ObjectChangedError, match=r"S3 GetObject s3://b/k: PreconditionFailed: no .*run again"):
        S3Storage().open_read("s3://b/k", '"4"')


def it_resumes_a_broken_download_on_the_same_version(s3: FakeS3) -> None:
    s3.objects["k"] = b"0123456789"
    s3.break_at = 4
    assert S3Storage().read_bytes("s3://b/k") == b"0123456789"
    assert s3.calls == ["get", 'get bytes=4- "10"']


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda s: s.read_bytes("s3://b/secret"), StorageError, "S3 GetObject s3://b/secret: AccessDenied: no"),
        (lambda s: s.read_bytes("s3://b/no"), ObjectMissingError, "S3 GetObject s3://b/no: NoSuchKey"),
        (lambda s: s.delete(["s3://b/a", "s3://b/locked"]), StorageError, "DeleteObjects s3://b/locked: AccessDenied"),
    ],
)
def it_names_the_call_and_the_object(
    s3: FakeS3, action: Callable[[S3Storage], None], error: type[StorageError], message: str
) -> None:
    with pytest.raises(error, match=message):
        action(S3Storage())


def it_writes_small_objects_in_one_request_and_big_ones_in_parts(s3: FakeS3) -> None:
    with S3Storage().open_write("s3://b/small") as stream:
        stream.write(b"ab")
        stream.write(memoryview(b"cd"))
        assert stream.tell() == 4
        assert "small" not in s3.objects
    assert s3.objects["small"] == b"abcd"
    block = b"x" * (PART_BYTES - 1)
    with S3Storage().open_write("s3://b/big") as stream:
        for _ in range(5):
            stream.write(block)
    assert s3.objects["big"] == block * 5
    assert stream.etag == '"many-5"'


@pytest.mark.parametrize("shared", [s3_client, glue_client, request_threads])
def it_makes_one_of_what_all_threads_of_a_process_share(shared: Once[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A client takes tenths of a second of CPU: sixteen threads that ask for the first one at once get the same."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    before, barrier, found = shared(), Barrier(16), []

    def ask() -> None:
        barrier.wait()
        found.append(shared())

    shared.forget()
    threads = [Thread(target=ask) for _ in range(barrier.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == barrier.parties
    assert {id(one) for one in found} == {id(found[0])} != {id(before)}


def it_writes_parts_that_s3_takes(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of one size, which S3 wants at least 5 MiB of; nothing is left over for a long last one."""
    sizes = []
    upload = s3.upload_part

    def note(**arguments: Any) -> dict[str, str]:
        sizes.append((arguments["PartNumber"], len(arguments["Body"])))
        return upload(**arguments)

    monkeypatch.setattr(s3, "upload_part", note)
    for more in (0, 1, PART_BYTES - 1, PART_BYTES):
        sizes.clear()
        with S3Storage().open_write("s3://b/big") as stream:
            stream.write(bytes(ONE_REQUEST_BYTES + more))
        *before, last = [size for _, size in sorted(sizes)] or [0]
        assert (len(s3.objects["big"]), bool(sizes)) == (ONE_REQUEST_BYTES + more, more > 0)
        assert set(before) <= {PART_BYTES}
        assert last <= PART_BYTES
    assert PART_BYTES >= 5 * 1024 * 1024


def it_aborts_an_upload_that_fails(s3: FakeS3) -> None:
    def write() -> None:
        with S3Storage().open_write("s3://b/big") as stream:
            stream.write(b"x" * 3 * PART_BYTES)
            assert "big" in s3.uploads
            raise KeyError("stop")

    with pytest.raises(KeyError):
        write()
    assert (s3.uploads, s3.objects) == ({}, {})


def it_deletes_a_thousand_objects_per_request(s3: FakeS3) -> None:
    S3Storage().delete(f"s3://b/{number}" for number in range(2001))
    assert s3.calls == ["delete 1000", "delete 1000", "delete 1"]


def it_lists_all_pages(s3: FakeS3) -> None:
    s3.objects = {"p/a": b"1", "p/b": b"22", "p/c": b"333"}
    assert [(item.uri, item.size) for item in S3Storage().list("s3://b/p/")] == [
        ("s3://b/p/a", 1),
        ("s3://b/p/b", 2),
        ("s3://b/p/c", 3),
    ]
    s3.objects = {}
    assert list(S3Storage().list("s3://b/p/")) == []


# --------------------------------------------------------------------------------------------------------- many copies
def it_copies_several_objects_at_once_and_in_their_order(s3: FakeS3) -> None:
    s3.seconds = 0.02
    s3.objects = {f"from/{number}": bytes(number) for number in range(30)}
    copies = [(f"s3://b/from/{number}", f"s3://b/to/{number}") for number in range(30)]
    assert copy_all(copies) == [f'"{number}"' for number in range(30)]
    assert {key: data for key, data in s3.objects.items() if key.startswith("to/")} == {
        f"to/{number}": bytes(number) for number in range(30)
    }
    assert 4 < s3.most_at_once <= COPIES_AT_ONCE


def it_begins_no_copy_behind_one_that_failed(s3: FakeS3) -> None:
    s3.seconds = 0.02
    s3.objects = {f"from/{number}": b"" for number in range(100)}
    names = [*(f"from/{number}" for number in range(5)), "secret", "gone", *(f"from/{number}" for number in range(100))]
    with pytest.raises(StorageError, match=r"^S3 CopyObject s3://b/secret: AccessDenied: no$"):
        copy_all((f"s3://b/{name}", f"s3://b/to/{number}") for number, name in enumerate(names))
    begun = len(s3.calls)
    assert 6 <= begun <= 6 + COPIES_AT_ONCE
    time.sleep(3 * s3.seconds)
    assert len(s3.calls) == begun


def it_copies_local_files_one_after_the_other(tmp_path: Path) -> None:
    local = LocalStorage()
    for name in ("a", "b"):
        local.write_bytes(str(tmp_path / name), name.encode())
    copies = [(str(tmp_path / name), str(tmp_path / "to" / name)) for name in ("a", "b")]
    etags = copy_all(copies)
    assert etags == [item.etag for item in local.list(str(tmp_path / "to"))]
    with pytest.raises(ObjectMissingError, match=r"no: the file does not exist"):
        copy_all([(str(tmp_path / "no"), str(tmp_path / "x")), *copies])
