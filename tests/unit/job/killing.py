"""Running the job so that it dies: in a process of its own, or, for many times, in this one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import faults
from tests.unit.job.support import World

ROOT = Path(__file__).parents[3]
SECONDS = 120
# How a process ends that dies by faults.py.
DIED = 137
# The job with the real conversion, but not on Spark: such a process takes a second. Arguments: contract, run id.
RUN = """
import sys
from job import Arguments, run_job
from tests.unit.job.support import convert

run_job(Arguments(sys.argv[1], sys.argv[2]), convert)
"""


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a process that can import the job and the tests."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'glue_scripts'}", **more}


class KilledError(BaseException):
    """Stands for the end of the process: no `except Exception` sees it."""


def die() -> None:
    raise KilledError


def killed(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Run the job in this process until it dies at a step."""
    with monkeypatch.context() as patch:
        patch.setattr(faults, "die", die)
        patch.setenv(faults.VARIABLE, step)
        with pytest.raises(KilledError):
            world.run()
