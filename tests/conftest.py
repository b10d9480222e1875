"""Marks the tests that start Spark or a server, so that `make check` can leave them to `make test`.

A test is marked by the fixtures it uses. One that starts such a thing by itself carries the mark in its own file.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

END_TO_END = Path(__file__).parent / "e2e"
STARTING_FIXTURES = {"spark": {"spark"}, "server": {"aws", "own_aws", "court"}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Add the marks `spark` and `server` (pyproject.toml says what they mean)."""
    for item in items:
        for mark, fixtures in STARTING_FIXTURES.items():
            if fixtures.intersection(getattr(item, "fixturenames", ())):
                item.add_marker(mark)
        if item.path.is_relative_to(END_TO_END):
            item.add_marker("server")


def pytest_collection_finish() -> None:
    """Take what was imported and collected out of what is searched for references.

    On Python 3.10 Arrow's CSV reader asks the collector at every call who refers to a frame, which looks at all objects
    but the frozen ones: https://github.com/apache/arrow/pull/10609, https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
