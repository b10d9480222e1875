"""Where a test may kill the job: `CSV_TO_PARQUET_FAULT=<step>[:n]`. Without the variable nothing here does anything.

Where a step takes long `n` says when: converting:n is n seconds after the conversion has begun, publish:n after n
partitions of the Parquet table, swept:n after n deleted folders. The process dies as if killed from outside: no
exception, no clean-up, no buffers flushed.
"""

from __future__ import annotations

import os
import threading

from errors import TerminalError

VARIABLE = "CSV_TO_PARQUET_FAULT"
# In the order of the run.
STEPS = (
    "listed", "planned", "converting", "converted", "manifested", "claimed", "publish", "published", "raw", "sealing",
    "sealed", "noted", "swept",
)  # fmt: skip


class UnknownFaultError(TerminalError):
    """The variable names a step that does not exist."""


def _configured() -> tuple[str, float]:
    step, _, number = os.environ.get(VARIABLE, "").partition(":")
    if step and step not in STEPS:
        raise UnknownFaultError(f"{VARIABLE} names the step {step!r}; allowed are {', '.join(STEPS)}")
    return step, float(number or 0)


def die() -> None:
    """End the process at once."""
    os._exit(137)


def reach(step: str) -> None:
    """Die here if this step is the one to die at."""
    if _configured()[0] == step:
        die()


def count(step: str) -> int | None:
    """Return how many items of a step may still be done before dying; None when the fault is another one."""
    configured, number = _configured()
    return int(number) if configured == step else None


def arm(step: str) -> None:
    """Die `n` seconds from now, in the middle of whatever runs then."""
    configured, number = _configured()
    if configured == step:
        timer = threading.Timer(number, die)
        timer.daemon = True
        timer.start()
