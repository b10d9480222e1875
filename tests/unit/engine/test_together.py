"""The driver and Spark at the same tasks: every one is done once, whoever comes first and whatever fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

import conversion_runners
import conversion_spark
import conversion_task
from conversion_errors import UnterminatedQuoteError
from conversion_failures import SparkFailedError
from conversion_plan import Settings, Task
from conversion_runners import ATTEMPTS
from conversion_spark import LEAST_SHARE_BYTES, on_spark
from conversion_task import PartReport, PlaceLines, TaskContext
from tests.unit.engine.helpers import a_contract, columns, convert
from tests.waiting import wait_for


class Cluster:
    """A Spark that has workers as soon as `arrived` is set, and does its part by itself."""

    def __init__(self) -> None:
        self.sparkContext = SimpleNamespace(master="spark://nowhere:7077", cancelAllJobs=self.call_off)
        self.arrived, self.called_off = threading.Event(), threading.Event()
        self.failure: Exception | None = None
        self.asked_for = 0
        self.done: list[int] = []

    def call_off(self) -> None:
        self.called_off.set()
        self.arrived.set()

    def collect(self, _: Any, shares: Sequence[Any], work: Callable[[Any], Iterable[PartReport]]) -> list[PartReport]:
        if isinstance(shares, range):
            self.asked_for = len(shares)
            assert self.arrived.wait(30)
            if self.called_off.is_set():
                raise SparkFailedError("called off")
            return []
        if self.failure is not None:
            raise self.failure
        reports = [report for share in shares for report in work(share)]
        self.done = [report.unit for report in reports]
        return reports


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    there = Cluster()
    monkeypatch.setattr(conversion_spark, "collect", there.collect)
    return there


Do = Callable[[int], None]


@pytest.fixture
def run(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Return what runs tasks of some weights, with two slots of the cluster and usually one of the driver."""
    context = TaskContext(a_contract(tmp_path, columns(a="int")), Settings(), "r1")

    def convert_numbered(weights: Sequence[int], in_driver: Do = lambda _: None, driver_slots: int = 1) -> list[int]:
        tasks = [Task(f"data/{number}/", "bad/", "part-00000", (), weight) for number, weight in enumerate(weights)]

        def do(_: TaskContext, task: Task | PlaceLines, slot: AbstractContextManager[object]) -> list[PartReport]:
            number = tasks.index(task) if isinstance(task, Task) else -1
            with slot:
                in_driver(number)
            return [PartReport(number, 0)]

        def share(_: TaskContext, tasks_of_share: Sequence[Task]) -> list[PartReport]:
            return [PartReport(tasks.index(task), 0) for task in tasks_of_share]

        monkeypatch.setattr(conversion_runners, "run_task", do)
        monkeypatch.setattr(conversion_spark, "run_share", share)
        session: Any = cluster
        return [report.unit for report in on_spark(session, 2, driver_slots)(context, tasks)]

    return convert_numbered


def it_converts_in_the_driver_until_spark_has_workers(cluster: Cluster, run: Callable[..., list[int]]) -> None:
    in_driver: list[int] = []

    def do(number: int) -> None:
        in_driver.append(number)
        if len(in_driver) == 3:
            cluster.arrived.set()
            wait_for(lambda: bool(cluster.done), poll_seconds=0.001)

    assert sorted(run([LEAST_SHARE_BYTES] * 100, do)) == list(range(100))
    assert in_driver[:3] == [0, 1, 2]
    # The first of what is left, and as much as three slots of which one is slower by half leave to two of them.
    assert cluster.done == list(range(3, 76))
    assert sorted(in_driver + cluster.done) == list(range(100))
    assert not cluster.called_off.is_set()


def it_does_every_task_once_whenever_the_workers_come(cluster: Cluster, run: Callable[..., list[int]]) -> None:
    for number in range(60):
        cluster.arrived.clear()
        cluster.done = []

        def do(task: int, last: int = number) -> None:
            if task == last:
                cluster.arrived.set()

        assert sorted(run([1] * 50, do)) == list(range(50))
        cluster.arrived.set()
        cluster.called_off.clear()


def it_does_not_wait_for_a_spark_that_nothing_is_left_for(cluster: Cluster, run: Callable[..., list[int]]) -> None:
    assert run([LEAST_SHARE_BYTES] * 5) == list(range(5))
    assert cluster.called_off.is_set()


def it_asks_for_no_more_workers_than_there_are_shares(cluster: Cluster, run: Callable[..., list[int]]) -> None:
    run([1] * 5)
    wait_for(lambda: bool(cluster.asked_for))
    assert cluster.asked_for == 1


def it_ends_at_once_when_the_driver_fails(cluster: Cluster, run: Callable[..., list[int]]) -> None:
    tried = []

    def fail(number: int) -> None:
        tried.append(number)
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        run([1] * 50, fail)
    assert tried == [0] * ATTEMPTS
    assert cluster.called_off.is_set()


@pytest.mark.parametrize("when", ["at once", "later"])
def it_raises_what_spark_fails_with(
    cluster: Cluster, run: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    in_driver, failed = [], threading.Event()

    def collect(session: Any, shares: Sequence[Any], work: Any) -> list[PartReport]:
        if when == "at once" or not isinstance(shares, range):
            failed.set()
            raise SparkFailedError("workers of Spark died")
        return []

    def do(number: int) -> None:
        in_driver.append(number)
        assert failed.wait(30)
        # Until the failure has been noted, the driver may have begun one more.
        threading.Event().wait(0.05)

    monkeypatch.setattr(conversion_spark, "collect", collect)
    with pytest.raises(SparkFailedError, match="workers of Spark died"):
        run([LEAST_SHARE_BYTES] * 500, do)
    assert len(in_driver) < 200


def it_leaves_all_to_the_driver_where_spark_has_no_more_cores(cluster: Cluster, run: Callable[..., list[int]]) -> None:
    cluster.arrived.set()
    cluster.sparkContext.master = "local[2]"
    assert sorted(run([1] * 50, driver_slots=2)) == list(range(50))
    assert (cluster.asked_for, cluster.done) == (0, [])


def it_gives_the_same_together_as_in_one_process(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Spark, whose workers come after a second or two; the driver takes its time."""
    data = b"a,b\n" + b"".join(b'%d,"x\n%d"\n' % (n, n) if n % 7 else b"?,%d\n" % n for n in range(600))
    declared = columns(a="int", b="string")
    alone = convert(data, declared, split=30, window=16)
    real, in_driver = conversion_task.run_task, []

    def slowly(context: TaskContext, task: Task | PlaceLines, *slot: Any) -> list[PartReport]:
        in_driver.append(task)
        threading.Event().wait(0.1)
        return real(context, task, *slot)

    monkeypatch.setattr(conversion_runners, "run_task", slowly)
    together = convert(data, declared, split=30, window=16, spark=spark, driver_slots=1)
    assert (together.rows, together.bad) == (alone.rows, alone.bad)
    assert 0 < len(in_driver) < 200


def it_names_the_line_of_an_open_quote_together(spark: SparkSession) -> None:
    data = b'a\n"x"\n' * 50 + b'"open\n'
    with pytest.raises(UnterminatedQuoteError, match="line 101"):
        convert(data, columns(a="string"), split=30, window=16, spark=spark, driver_slots=1)
