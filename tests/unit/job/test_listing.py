"""Listing S3: all keys in order, many pages at once where folders tell where they begin, and no request too many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import storage
import storage_listing
from storage import S3Storage, StorageRefusedError
from storage_listing import FIRST_PAGES, PAGES_AT_ONCE
from tests.unit.job.fake_s3 import FakeS3
from tests.waiting import wait_for


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(storage, "s3_client", lambda: fake)
    return fake


def listed(prefix: str = "p/") -> list[str]:
    return [item.key for item in S3Storage().list(f"s3://b/{prefix}")]


def fill(s3: FakeS3, keys: Sequence[str], page_keys: int = 2) -> list[str]:
    """Put objects; return their keys below p/ in S3's order."""
    s3.objects = dict.fromkeys(keys, b"")
    s3.page_keys = page_keys
    return sorted((key for key in keys if key.startswith("p/")), key=str.encode)


def days(count: int, files: int) -> list[str]:
    return [f"p/day={day:04}/{file:02}.csv" for day in range(count) for file in range(files)]


def hours(count: int, files: int) -> list[str]:
    """Return keys of folders in folders in folders; of the innermost, 24 make up one above, 30 of these one more."""
    return [
        f"p/m={hour // 720:03}/d={hour // 24 % 30:02}/h={hour % 24:02}/{file}.csv"
        for hour in range(count)
        for file in range(files)
    ]


# ------------------------------------------------------------------------------------------------------ what is listed
class AtOnce(Executor):
    """Does what is submitted before it returns: then every page is there when the next request is considered."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments, **named))
        except BaseException as error:
            done.set_exception(error)
        return done


# Folders whose names are prefixes of each other, with characters of one to four bytes on both sides of the slash.
NAMES = ["a", "aa", "a!", "a0", "b", "0", "=", "é", "￿", "😀", ""]


def some_keys(numbers: Random, count: int, depth: int) -> set[str]:
    """Return keys of objects and of folders, in few folders or in many; some lie beside the prefix."""
    folders = [f"{number:02}" for number in range(numbers.choice([1, 3, 40]))] + NAMES
    return {
        numbers.choice(["p/"] * 20 + ["p", "o/", "q/"])
        + "".join(f"{numbers.choice(folders)}/" for _ in range(numbers.randrange(depth + 1)))
        + numbers.choice(NAMES)
        + numbers.choice(["", str(numbers.randrange(30))])
        for _ in range(count)
    }


@settings(max_examples=150, deadline=None)
@given(
    numbers=st.randoms(use_true_random=False),
    count=st.sampled_from([0, 1, 20, 100, 300]),
    depth=st.integers(0, 3),
    page_keys=st.integers(1, 8),
    first_pages=st.integers(1, 3),
    least_objects=st.integers(1, 3),
    most_parents=st.integers(1, 9),
    pages_at_once=st.integers(1, 6),
    threads=st.booleans(),
    names_begun_folder=st.booleans(),
)
def it_lists_all_keys_in_order(
    numbers: Random,
    count: int,
    depth: int,
    page_keys: int,
    first_pages: int,
    least_objects: int,
    most_parents: int,
    pages_at_once: int,
    threads: bool,
    names_begun_folder: bool,
) -> None:
    keys = some_keys(numbers, count, depth)
    fake = FakeS3()
    fake.names_begun_folder = names_begun_folder
    expected = fill(fake, list(keys), page_keys)
    pool = ThreadPoolExecutor(4) if threads else AtOnce()
    with (
        pool,
        patch.multiple(storage, s3_client=lambda: fake, request_threads=lambda: pool),
        patch.multiple(
            storage_listing,
            FIRST_PAGES=first_pages,
            LEAST_OBJECTS=least_objects,
            MOST_PARENTS=most_parents,
            PAGES_AT_ONCE=pages_at_once,
        ),
    ):
        assert listed() == expected
        assert listed("") == sorted(keys, key=str.encode)


def it_cuts_no_range_before_one_that_it_has_cut(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fill(s3, days(400, 10), 50)
    answer = s3.list_objects_v2

    def repeat(**request: Any) -> dict[str, Any]:
        found = answer(**request)
        return (
            {
                **found,
                "CommonPrefixes": [
                    *found.get("CommonPrefixes", []),
                    *answer(**request | {"StartAfter": "p/", "ContinuationToken": ""})["CommonPrefixes"],
                ],
            }
            if "Delimiter" in request
            else found
        )

    pool = AtOnce()
    monkeypatch.setattr(storage, "request_threads", lambda: pool)
    monkeypatch.setattr(s3, "list_objects_v2", repeat)
    assert listed() == expected


# --------------------------------------------------------------------------------------------------------- what it asks
@pytest.mark.parametrize("files", [0, 1, 9, 10, 11, 39, 40])
def it_asks_for_nothing_but_the_pages_of_a_short_listing(s3: FakeS3, files: int) -> None:
    expected = fill(s3, days(math.ceil(files / 5), 5)[:files], 10)
    assert listed() == expected
    assert s3.calls == ["list", *(f"list {expected[first - 1]}" for first in range(10, files, 10))]


@pytest.mark.parametrize(
    ("keys", "most_extra"),
    [
        # An answer names 50 keys or folders.
        (days(200, 10), 14),
        (days(500, 4), 18),
        (hours(1500, 3), 24),
        # Folders of one file, or none at all, and one that begins with four: nothing to be gained.
        (days(1000, 1), 0),
        ([f"p/part-{number:05}.csv" for number in range(1000)], 0),
        ([*days(50, 4), *(f"p/x={day:04}/a.csv" for day in range(1000))], 12),
        ([*days(50, 4), *(f"p/x-{day:04}.csv" for day in range(1000))], 12),
    ],
)
def it_asks_for_few_folders(s3: FakeS3, keys: list[str], most_extra: int) -> None:
    expected = fill(s3, keys, 50)
    assert listed() == expected
    assert 0 <= len(s3.calls) - math.ceil(len(keys) / 50) <= most_extra
    if not most_extra:
        assert not [call for call in s3.calls if call.startswith("folders")]


@pytest.mark.parametrize("keys", [days(400, 10), hours(1300, 3)])
def it_has_many_pages_on_their_way(s3: FakeS3, keys: list[str]) -> None:
    expected = fill(s3, keys, 50)
    s3.seconds = 0.01
    assert listed() == expected
    # And a request for folders.
    assert 4 < s3.most_at_once <= PAGES_AT_ONCE + 1


def it_fetches_the_next_page_of_a_flat_folder_meanwhile(s3: FakeS3) -> None:
    fill(s3, [f"p/{number:03}.csv" for number in range(500)], 50)
    objects = S3Storage().list("s3://b/p/")
    next(objects)
    wait_for(lambda: len(s3.calls) == 2, poll_seconds=0.001)
    time.sleep(0.02)
    assert len(s3.calls) == 2


def it_holds_no_more_pages_than_may_be_on_their_way(s3: FakeS3) -> None:
    expected = fill(s3, days(400, 10), 50)
    objects = S3Storage().list("s3://b/p/")
    for taken in range(10):
        assert [item.key for item in islice(objects, 50)] == expected[50 * taken : 50 * (taken + 1)]
        time.sleep(0.02)
        assert len([call for call in s3.calls if call.startswith("list")]) <= 2 * (taken + 1) + PAGES_AT_ONCE
    assert len(s3.calls) > 10 + PAGES_AT_ONCE // 2


# --------------------------------------------------------------------------------------------------- how it goes wrong
@contextmanager
def refusing(s3: FakeS3, after: str) -> Iterator[None]:
    """Let requests for objects behind a key be refused."""
    answer = s3.list_objects_v2

    def refuse(**request: Any) -> dict[str, Any]:
        behind = request.get("StartAfter") or request.get("ContinuationToken", "").removeprefix("behind ")
        if behind > after and "Delimiter" not in request:
            raise s3.error("AccessDenied")
        return answer(**request)

    with patch.object(s3, "list_objects_v2", refuse):
        yield


@pytest.mark.parametrize("page", [0, 2, 30])
def it_raises_what_a_page_fails_with_behind_those_before(s3: FakeS3, page: int) -> None:
    expected = fill(s3, days(400, 10), 50)
    found = []
    with (
        refusing(s3, expected[50 * page]),
        pytest.raises(StorageRefusedError, match=r"^S3 ListObjectsV2 s3://b/p/: AccessDenied: no$"),
    ):
        for item in S3Storage().list("s3://b/p/"):
            found.append(item.key)
    assert found == expected[: len(found)]
    assert 50 * page < len(found) < len(expected)


def it_needs_no_right_to_ask_for_folders(s3: FakeS3) -> None:
    expected = fill(s3, days(100, 10), 50)
    s3.hides_folders = True
    assert listed() == expected
    assert [call for call in s3.calls if call.startswith("folders")] == [f"folders {expected[50 * FIRST_PAGES - 1]}"]


def it_asks_for_nothing_more_once_it_is_closed(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(s3, days(400, 10), 50)
    s3.seconds = 0.02
    # So that some pages have to wait for others.
    pool = ThreadPoolExecutor(2)
    monkeypatch.setattr(storage, "request_threads", lambda: pool)
    objects = S3Storage().list("s3://b/p/")
    list(islice(objects, 500))
    objects.close()
    begun = len(s3.calls)
    time.sleep(10 * s3.seconds)
    # Two threads may just have taken the next ones.
    assert len(s3.calls) <= begun + 2
