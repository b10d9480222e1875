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

from conversion_plan import Task
from conversion_task import UNSHARED, PartReport, PlaceLines, TaskContext, run_task
from storage import ONE_REQUEST_BYTES, is_local
from storage_ahead import AHEAD_BYTES

# Tasks on S3 that a slot has begun: one of them converts.
TASKS_AT_ONCE = 16
# How often a task is begun in the driver until its error counts, as many times as on Spark (spark.task.maxFailures):
# https://spark.apache.org/docs/latest/configuration.html#scheduling
ATTEMPTS = 4

Tasks = Sequence[Task | PlaceLines]
Runner = Callable[[TaskContext, Tasks], Iterable[PartReport]]
_Do = Callable[[TaskContext, Task | PlaceLines, AbstractContextManager[object]], list[PartReport]]
_logger = logging.getLogger("csv_to_parquet")


def in_process(context: TaskContext, tasks: Tasks) -> Iterator[PartReport]:
    """Run tasks one after the other in this process; whoever called it tries again what fails."""
    return _in_slots(context, tasks, 1, run_task)


def in_threads(slots: int) -> Runner:
    """Return a runner that converts so many tasks at the same time in this process, and tries again what fails.

    What takes long, Arrow's reader and writer and numpy, runs without Python's lock.
    """
    return lambda context, tasks: _in_slots(context, tasks, slots, _patiently)


def _patiently(context: TaskContext, task: Task | PlaceLines, slot: AbstractContextManager[object]) -> list[PartReport]:
    """Do one task, again where a repetition may help; what it cannot mend comes back as a report."""
    for attempt in range(1, ATTEMPTS):
        try:
            return run_task(context, task, slot)
        except Exception:
            _logger.warning("attempt %d of %d of a task has failed", attempt, ATTEMPTS, exc_info=True)
    return run_task(context, task, slot)


def _in_slots(context: TaskContext, tasks: Tasks, slots: int, do: _Do) -> Iterator[PartReport]:
    begin, last = time.perf_counter(), None
    for report in _reports(context, tasks, slots, do):
        if last is not None:
            yield last
        last = report
    if last is not None:
        yield replace(last, slot_seconds=slots * (time.perf_counter() - begin))


def _reports(context: TaskContext, tasks: Tasks, slots: int, do: _Do) -> Iterator[PartReport]:
    """Yield the reports of tasks: while some convert, the next ones fetch and the last ones store their files."""
    if slots == 1 and all(is_local(_place(task)) for task in tasks):
        for task in tasks:
            yield from do(context, task, UNSHARED)
        return
    most, begun = slots * TASKS_AT_ONCE, _Begun(slots)
    threads = ThreadPoolExecutor(most, thread_name_prefix="task")
    try:
        for task in tasks:
            weight = min(task.weight, AHEAD_BYTES)
            while begun.tasks == most or (begun.tasks and begun.is_full(weight)):
                yield from begun.next_reports()
            turn = begun.begin(weight)
            threads.submit(do, context, task, turn).add_done_callback(turn.note)
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


def _place(task: Task | PlaceLines) -> str:
    return task.unplaced_uri if isinstance(task, PlaceLines) else task.data_uri
