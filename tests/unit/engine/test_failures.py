"""What the job says when Spark itself fails; the deaths themselves are in tests/unit/job/test_faults.py."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JNetworkError

import conversion_spark
from conversion_failures import spark_failure


class JavaError(Exception):
    """Plays a Py4JJavaError, whose text is asked of the JVM."""

    def __init__(self, text: str | Exception) -> None:
        super().__init__("An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.")
        self.java_exception = SimpleNamespace(toString=lambda: self._answer(text))

    @staticmethod
    def _answer(text: str | Exception) -> str:
        if isinstance(text, Exception):
            raise text
        return text


ABORTED = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, "
PYTHON = (
    "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
    '  File "worker.py", line 1, in main\n{}\n\n\tat org.apache.spark.api.python.BasePythonRunner'
)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (JavaError(ABORTED + "most recent failure: ExecutorLostFailure (executor 1 exited)"), "workers of Spark died"),
        (JavaError(ABORTED + "java.lang.OutOfMemoryError: Java heap space"), "workers of Spark died"),
        (JavaError(ABORTED + "reason: disk\n\tat org.x"), "as Spark tries one; nothing was published: org.apache"),
        (JavaError(ABORTED + PYTHON.format("storage.StorageError: no answer")), "published: storage.StorageError: no"),
        # A word in the data is no sign of what happened.
        (JavaError(ABORTED + PYTHON.format("ValueError: OutOfMemory.csv")), "published: ValueError: OutOfMemory.csv"),
        (JavaError(Py4JNetworkError("Answer from Java side is empty")), "the JVM of Spark's driver has died"),
        (ConnectionRefusedError(111, "Connection refused"), "the JVM of Spark's driver has died"),
        (EOFError(), "the JVM of Spark's driver has died"),
    ],
)
def it_says_what_happened_in_one_line(error: Exception, told: str) -> None:
    sentence = str(spark_failure(error))
    assert told in sentence
    assert "\n" not in sentence


def it_takes_a_full_disk_of_the_driver_for_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def share(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(conversion_spark, "share_modules", share)
    session: Any = SimpleNamespace(sparkContext=None)
    context: Any = None
    task: Any = SimpleNamespace(weight=1)
    with pytest.raises(OSError, match="No space left"):
        conversion_spark.on_spark(session, 2)(context, [task])
