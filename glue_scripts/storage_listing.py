"""Listing what lies below a prefix of S3: pages in order, fetched ahead and, where there are many, side by side.

An answer holds 1,000 keys, and where the next thousand begins only that answer tells. But a listing begins behind any
key that it is told (`StartAfter`), and a thousand folders take one answer, however much lies in them (`Delimiter`):
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html. So once a listing has proved long, its folders
cut what is left into ranges of about one page, which are fetched at the same time.

That takes folders of several objects each. Without, pages come one after the other, each while the one before is
worked on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# Pages that are on their way or wait for their turn.
PAGES_AT_ONCE = 8
# Pages after which a listing has proved long: a shorter one costs no request for folders.
FIRST_PAGES = 4
# Objects that a folder must hold on average: a request for folders then stands for as many pages.
LEAST_OBJECTS = 4
# Folders in which the first pages may lie if their subfolders are to be asked for, each with a request of its own.
MOST_PARENTS = 1
# Requests for folders are at most two, and one for so many pages.
PAGES_PER_REQUEST = 2
# How full the pages of a range are meant to be, and how much more than expected it may hold: one that holds a little
# more than its pages takes another one.
FILLED = 0.9
MARGIN = 1.03
# Pages that a range of several folders may make up.
RANGE_PAGES = 4
# Pages whose folders are counted, to know how much the next ones hold.
COUNTED_PAGES = 16


class Keyed(Protocol):
    """A listed object."""

    @property
    def key(self) -> str:
        """Return the whole key."""


_Listed = TypeVar("_Listed", bound=Keyed)


@dataclass(frozen=True)
class Page(Generic[_Listed]):
    """An answer: objects by the bytes of their keys, and how to ask for those behind, None at the end."""

    objects: Sequence[_Listed]
    token: str | None


@dataclass(frozen=True)
class Folders:
    """An answer: folders as keys that end in a slash, how many objects lie beside them, how to ask for more."""

    keys: Sequence[str]
    objects: int
    token: str | None


class Source(Protocol[_Listed]):
    """What answers a listing's requests."""

    def page(self, prefix: str, after: str, token: str | None) -> Page[_Listed]:
        """Return objects behind a key, or those that a token continues with."""

    def folders(self, prefix: str, after: str, token: str | None) -> Folders:
        """Return the folders right below a prefix that are greater than a key; none where they may not be seen."""


def pages_in_order(source: Source[_Listed], prefix: str, threads: Executor) -> Generator[Sequence[_Listed], None, None]:
    """Yield all objects below a prefix, those of an answer at a time, in S3's order: by the bytes of the key.

    Python compares texts by code points, which is the order of their UTF-8 as well. What a request fails with is raised
    when it is the turn of its page. Whoever stops early closes the iterator: nothing more is asked for then.
    """
    listing = _InOrder(source, prefix, threads)
    try:
        yield from listing
    finally:
        listing.close()


class _Range(Generic[_Listed]):
    """The keys behind `after` up to and including `until`, without bound where that is None."""

    def __init__(self, after: str) -> None:
        self.after = self.position = after
        self.until: str | None = None
        self.pages: deque[Future[Page[_Listed]]] = deque()
        self.newest: Future[Page[_Listed]] | None = None

    def next_token(self) -> str | None:
        """Return how to ask for the next page; None if there is none, or this cannot be known yet."""
        if self.newest is None or not self.newest.done() or self.newest.exception() is not None:
            return None
        page = self.newest.result()
        if page.objects:
            self.position = page.objects[-1].key
        return page.token if self.until is None or self.position < self.until else None

    def within(self, page: Page[_Listed]) -> Sequence[_Listed]:
        """Return the objects of a page that lie in the range: an answer goes on behind its end."""
        if self.until is None or not page.objects or page.objects[-1].key <= self.until:
            return page.objects
        return [item for item in page.objects if item.key <= self.until]


class _InOrder(Iterator[Sequence[_Listed]]):
    """Ranges in order, the last one open; their pages, as far as these have been asked for."""

    def __init__(self, source: Source[_Listed], prefix: str, threads: Executor) -> None:
        self._source, self._prefix, self._threads = source, prefix, threads
        self._ranges: deque[_Range[_Listed]] = deque()
        self._first_keys: list[str] = []
        self._taken = 0
        self._depth = 0
        self._page_objects = 1
        self._counted_objects = self._counted_folders = 0.0
        self._last_folder: str | None = None
        self._folders_a_range = 1
        self._folder_requests = 0
        self._folders: deque[str] = deque()
        self._furthest = ""
        self._batches: Iterator[Sequence[str]] | None = None
        self._batch: Future[Sequence[str] | None] | None = None
        self._begin("")

    def __next__(self) -> Sequence[_Listed]:
        if not self._ranges:
            raise StopIteration
        head = self._ranges[0]
        page = head.pages.popleft().result()
        objects = head.within(page)
        self._taken += 1
        self._page_objects = max(self._page_objects, len(page.objects))
        self._learn([item.key for item in objects], more=page.token is not None)
        if not head.pages and head.next_token() is None:
            self._ranges.popleft()
        self._ask_ahead()
        return objects

    def close(self) -> None:
        """Ask for nothing more."""
        for each in self._ranges:
            for page in each.pages:
                page.cancel()
        self._ranges.clear()
        if self._batch is not None:
            self._batch.cancel()

    def _begin(self, after: str) -> None:
        self._ranges.append(_Range(after))
        self._ask(self._ranges[-1], None)

    def _ask(self, where: _Range[_Listed], token: str | None) -> None:
        where.newest = self._threads.submit(self._source.page, self._prefix, where.after, token)
        where.pages.append(where.newest)

    def _ask_ahead(self) -> None:
        """Ask for as many pages as may be held; the first range comes first, so that its next page always may."""
        free = PAGES_AT_ONCE - sum(len(each.pages) for each in self._ranges)
        for each in self._ranges:
            if free > 0 and (token := each.next_token()) is not None:
                self._ask(each, token)
                free -= 1
        while free > 0 and (cut := self._next_cut()) is not None:
            self._ranges[-1].until = cut
            self._begin(cut)
            free -= 1

    # -------------------------------------------------------------------------------------------------------- folders
    def _learn(self, keys: Sequence[str], *, more: bool) -> None:
        """Look at the keys of the next page: which folders to ask for, and how many of them make up a range."""
        if self._taken <= FIRST_PAGES:
            self._first_keys += keys
            if self._taken < FIRST_PAGES or not more:
                return
            keys, self._first_keys = self._first_keys, []
            self._depth = _worthwhile_depth(keys, self._prefix)
            if self._depth:
                self._batches = self._walk(self._prefix, self._depth, keys[-1])
        if not self._depth:
            return
        self._count(len(keys), _folders_at(keys, self._prefix, self._depth))
        if self._counted_objects < LEAST_OBJECTS / 2 * self._counted_folders:
            self._batches = None

    def _count(self, objects: int, folders: Sequence[str]) -> None:
        """Work out how many folders a range is to have, so that its requests bring little that is not of it."""
        self._counted_objects += objects
        self._counted_folders += len(folders) - (folders[:1] == [self._last_folder])
        self._last_folder = folders[-1] if folders else self._last_folder
        if self._counted_objects > COUNTED_PAGES * self._page_objects:
            self._counted_objects /= 2
            self._counted_folders /= 2
        pages = self._counted_objects / max(self._counted_folders, 1) / self._page_objects
        filled = {
            count: count * pages / math.ceil(count * pages * MARGIN)
            for count in range(1, max(1, int(RANGE_PAGES / pages)) + 1)
        }
        full = [count for count, part in filled.items() if part >= FILLED]
        self._folders_a_range = full[0] if full else max(filled, key=lambda count: filled[count])

    def _next_cut(self) -> str | None:
        """Return where the open range is to end and another one to begin; None where this is not known."""
        last = self._ranges[-1] if self._ranges else None
        if last is None or (last.newest is not None and last.newest.done() and last.next_token() is None):
            return None
        self._fetch_folders()
        while self._folders and self._folders[0] <= last.position:
            self._folders.popleft()
        if len(self._folders) < self._folders_a_range:
            return None
        for _ in range(self._folders_a_range - 1):
            self._folders.popleft()
        return self._folders.popleft()

    def _fetch_folders(self) -> None:
        """Take the folders that have come, and ask for more if the next ranges need them."""
        if self._batch is not None and self._batch.done():
            found, self._batch = self._batch.result(), None
            if found is None:
                self._batches = None
            else:
                # Some may come again: whether the one that a request begins in is named is documented nowhere. A cut
                # before one that has been made would have keys come twice.
                for folder in found:
                    if folder > self._furthest:
                        self._folders.append(folder)
                        self._furthest = folder
        enough = len(self._folders) >= PAGES_AT_ONCE * self._folders_a_range
        allowed = self._folder_requests < 2 + self._taken // PAGES_PER_REQUEST
        if self._batch is None and self._batches is not None and allowed and not enough:
            self._batch = self._threads.submit(next, self._batches, None)

    def _walk(self, prefix: str, depth: int, after: str) -> Iterator[Sequence[str]]:
        """Yield the folders of a depth below a prefix that are greater than a key, those of an answer at a time."""
        begun = _folder_of(after, prefix, 1)
        if depth > 1 and begun is not None:
            yield from self._walk(begun, depth - 1, after)
        token = None
        while True:
            self._folder_requests += 1
            answer = self._source.folders(prefix, after, token)
            if depth == 1:
                yield answer.keys
            else:
                for folder in answer.keys:
                    yield from self._walk(folder, depth - 1, "")
            # Where it is objects that fill the answers these take as long as the pages.
            if answer.token is None or answer.objects > len(answer.keys):
                return
            token = answer.token


def _worthwhile_depth(keys: Sequence[str], prefix: str) -> int:
    """Return how far below the prefix those folders lie that cut a listing best, as its first keys tell; 0 if none."""
    depth = 0
    above = 1
    while above <= MOST_PARENTS:
        count = len(_folders_at(keys, prefix, depth + 1))
        if not count or len(keys) < LEAST_OBJECTS * count:
            break
        depth, above = depth + 1, count
    return depth


def _folders_at(keys: Sequence[str], prefix: str, depth: int) -> list[str]:
    """Return the folders of a depth below the prefix that keys lie in, in their order."""
    return list(dict.fromkeys(folder for key in keys if (folder := _folder_of(key, prefix, depth)) is not None))


def _folder_of(key: str, prefix: str, depth: int) -> str | None:
    """Return the folder of a depth below the prefix that a key lies in."""
    if not key.startswith(prefix):
        return None
    end = len(prefix) - 1
    for _ in range(depth):
        end = key.find("/", end + 1)
        if end < 0:
            return None
    return key[: end + 1]
