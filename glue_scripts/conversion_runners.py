"""Where tasks run without Spark: one after the other, or in threads of this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

from conversion_plan import Task
from conversion_task import UNSHARED, PartReport, PlaceLines, TaskContext, run_task
from process_settings import keep_freed_memory
from storage import ONE_REQUEST_BYTES, is_local
from storage_ahead import AHEAD_BYTES

# Tasks on S3 that a slot has begun: one of them converts.
TASKS_AT_ONCE = 16
# How often a task is begun in the driver until its error counts, as many times as on Spark (spark.task.maxFailures):
# https://spark.apache.org/docs/latest/configuration.html#scheduling
ATTEMPTS = 4

AnyTask = Task | PlaceLines
Tasks = Sequence[AnyTask]
Runner = Callable[[TaskContext, Tasks], Iterable[PartReport]]
_Do = Callable[[TaskContext, AnyTask, AbstractContextManager[object]], list[PartReport]]
_logger = logging.getLogger("csv_to_parquet")


def in_process(context: TaskContext, tasks: Tasks) -> Iterator[PartReport]:
    """Run tasks one after the other in this process; whoever called it tries again what fails."""
    return _in_slots(context, tasks, 1, run_task)


def in_threads(slots: int) -> Callable[[TaskContext, Iterable[AnyTask]], Iterator[PartReport]]:
    """Return a runner that converts so many tasks at the same time in this process, and tries again what fails.

    What takes long, Arrow's reader and writer and numpy, runs without Python's lock. A task is taken when it can begin.
    """
    return lambda context, tasks: _in_slots(context, tasks, slots, _patiently)


def _patiently(context: TaskContext, task: AnyTask, slot: AbstractContextManager[object]) -> list[PartReport]:
    """Do one task, again where a repetition may help; what it cannot mend comes back as a report."""
    for attempt in range(1, ATTEMPTS):
        try:
            return run_task(context, task, slot)
        except Exception:
            _logger.warning("attempt %d of %d of a task has failed", attempt, ATTEMPTS, exc_info=True)
    return run_task(context, task, slot)


def _in_slots(context: TaskContext, tasks: Iterable[AnyTask], slots: int, do: _Do) -> Iterator[PartReport]:
    keep_freed_memory()
    begin, last = time.perf_counter(), None
    for report in _reports(context, tasks, slots, do):
        if last is not None:
            yield last
        last = report
    if last is not None:
        yield replace(last, slot_seconds=slots * (time.perf_counter() - begin))
    # Not after every task: the next one uses the same memory.
    pa.default_memory_pool().release_unused()


def _reports(context: TaskContext, tasks: Iterable[AnyTask], slots: int, do: _Do) -> Iterator[PartReport]:
    """Yield the reports of tasks: while some convert, the next ones fetch and the last ones store their files."""
    # A disk need not be waited for.
    most = slots * (1 if is_local(context.contract.lake_uri) else TASKS_AT_ONCE)
    if most == 1:
        for task in tasks:
            yield from do(context, task, UNSHARED)
        return
    begun, left = _Begun(slots), iter(tasks)
    threads = ThreadPoolExecutor(most, thread_name_prefix="task")
    try:
        while True:
            while begun.tasks == most:
                yield from begun.next_reports()
            following = next(left, None)
            if following is None:
                break
            weight = min(following.weight, AHEAD_BYTES)
            while begun.tasks and begun.is_full(weight):
                yield from begun.next_reports()
            turn = begun.begin(weight)
            threads.submit(do, context, following, turn).add_done_callback(turn.note)
        while begun.tasks:
            yield from begun.next_reports()
    finally:
        threads.shutdown(cancel_futures=True)


class _Begun:
    """The tasks that have begun, and how many bytes they hold at most: fetched for converting, and to be stored."""

    def __init__(self, slots: int) -> None:
        self.tasks = self._fetched = self._stored = 0
        self._slots, self._slot = slots, threading.BoundedSemaphore(slots)
        self._events: SimpleQueue[tuple[_Turn, Future[list[PartReport]] | None]] = SimpleQueue()

    def is_full(self, weight: int) -> bool:
        """Say whether a task of some weight has to wait until others have converted, or have stored their files."""
        return self._fetched + weight > 2 * self._slots * AHEAD_BYTES or self._stored > self._slots * AHEAD_BYTES

    def begin(self, weight: int) -> _Turn:
        self.tasks += 1
        self._fetched += weight
        return _Turn(self._slot, weight, self._events)

    def next_reports(self) -> list[PartReport]:
        """Wait until a task has converted or has ended; return the reports of one that has ended."""
        turn, task = self._events.get()
        # A task that is tried again has several turns, and one that converts nothing has none.
        self._fetched, turn.fetched = self._fetched - turn.fetched, 0
        if task is None:
            self._stored, turn.stored = self._stored - turn.stored + turn.weight, turn.weight
            return []
        self.tasks, self._stored = self.tasks - 1, self._stored - turn.stored
        return task.result()


class _Turn(AbstractContextManager[None]):
    """A task's hold of a slot; `weight` is what it holds of its file while that is stored, beside the parts sent."""

    def __init__(self, slot: threading.Semaphore, weight: int, events: SimpleQueue[Any]) -> None:
        self._slot, self._events = slot, events
        self.fetched, self.stored, self.weight = weight, 0, min(weight, ONE_REQUEST_BYTES)

    def __enter__(self) -> None:
        self._slot.acquire()

    def __exit__(self, *_: object) -> None:
        self._slot.release()
        self._events.put((self, None))

    def note(self, task: Future[list[PartReport]]) -> None:
        """Note that the task has ended."""
        self._events.put((self, task))
