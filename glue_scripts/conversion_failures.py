"""Failures of Spark itself, each in one sentence: what happened, why most probably, and what to do about it."""

from __future__ import annotations

import re

from py4j.protocol import Py4JError

from errors import TransientError

# What Py4J and PySpark's sockets raise when an action fails. Other errors of the system, such as a full disk of the
# driver, say themselves what they are.
SPARK_ERRORS = (Py4JError, ConnectionError, EOFError)
# How Spark 3.5 and 4 put it that a Python worker or an executor is gone.
_LOST = re.compile(
    r"Python worker exited unexpectedly|Python worker failed to connect back|ExecutorLostFailure|"
    r"java\.lang\.OutOfMemoryError"
)
# The last line of the traceback of a Python task, before the stack of the JVM begins.
_PYTHON_ERROR = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: .*)?)$", re.MULTILINE)

_ADVICE = (
    "nothing was published: choose a larger worker_type, or look for the reason in the job's error log, and run again"
)


class SparkFailedError(TransientError):
    """Spark could not finish the tasks; nothing has been published."""


def spark_failure(error: Exception) -> SparkFailedError:
    """Return the sentence for one of SPARK_ERRORS."""
    text = _java_text(error)
    if text is None:
        return SparkFailedError(
            f"the JVM of Spark's driver has died or cannot be reached any more ({type(error).__name__}), most probably "
            f"killed for lack of memory; {_ADVICE}"
        )
    if _LOST.search(text):
        return SparkFailedError(
            "workers of Spark died while they converted, the same task as often as Spark tries one, most probably "
            f"killed for lack of memory; {_ADVICE}"
        )
    raised = _PYTHON_ERROR.findall(text.partition("Traceback (most recent call last):")[2].partition("\tat ")[0])
    reason = raised[-1] if raised else text.partition("\n")[0]
    return SparkFailedError(f"a task failed as often as Spark tries one; nothing was published: {reason}")


def _java_text(error: Exception) -> str | None:
    """Return what the JVM says of its exception; None when there is no JVM to ask."""
    try:
        return str(error.java_exception.toString())  # type: ignore[attr-defined]
    except (AttributeError, *SPARK_ERRORS):
        return None
