"""Showing an execution: a live table at a terminal, a line per dataset without one, every state when asked for."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local_aws import LocalAws
from local_aws.execution import Happening
from local_aws.progress import Board, Row, outcome, table
from tests.local_aws.conftest import Machines

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOADED = {"status": "loaded", "units_inserted": 1, "units_kept": 2, "rows_written": 27004, "rows_quarantined": 3}


def happening(
    kind: Any, second: int, state: str, item: str | None = None, group: str | None = None, **more: Any
) -> Any:
    return Happening(kind, state, item, group, START + timedelta(seconds=second), **more)


def an_execution() -> list[Happening]:
    """Two datasets, one of which fails, and two views."""
    datasets, views = "Process datasets", "Create Athena views"
    return [
        happening("entered", 0, datasets),
        happening("begun", 1, "Check raw table", "flights", datasets),
        happening("begun", 1, "Check raw table", "tides", datasets),
        happening("entered", 2, "Convert to Parquet", "flights", datasets),
        happening(
            "done", 3, "Dataset failed", "tides", datasets, result={"report": {"status": "failed", "error": "No"}}
        ),
        happening("done", 9, "Read table", "flights", datasets, result={"report": LOADED}),
        happening("entered", 10, views),
        happening("begun", 10, "Check view", "a", views),
        happening("done", 11, "View unchanged", "a", views, result={"status": "unchanged"}),
        happening("begun", 11, "Check view", "b", views),
        happening("done", 12, "Create view", "b", views, result={"status": "created"}),
        happening("entered", 13, "Collect report"),
    ]


def it_says_one_line_per_dataset_and_one_of_all_views() -> None:
    lines: list[str] = []
    board = Board(lambda row: lines.append(row.line()))
    for each in an_execution():
        board.take(each)
    assert lines == [
        "tides: failed: No, 2.0 s",
        "flights: loaded (1 inserted, 2 kept), 27,004 rows written, 3 quarantined, 8.0 s",
        "views: 1 unchanged, 1 created, 3.0 s",
    ]


def printed(board: Board, seconds: int, width: int = 100) -> list[list[str]]:
    """Return the cells of the table as it stands at a moment."""
    screen = io.StringIO()
    Console(file=screen, width=width).print(table(board, START + timedelta(seconds=seconds)))
    return [re.split(r" {2,}", line.strip()) for line in screen.getvalue().splitlines()]


def it_shows_step_time_and_rows_of_each_dataset_as_they_stand() -> None:
    board = Board()
    for each in an_execution()[:5]:
        board.take(each)
    assert printed(board, 7) == [
        ["dataset", "step", "time", "rows"],
        ["flights", "Convert to Parquet", "6.0 s"],
        ["tides", "failed: No", "2.0 s"],
    ]
    for each in an_execution()[5:]:
        board.take(each)
    assert printed(board, 99) == [
        ["dataset", "step", "time", "rows", "quarantined"],
        ["flights", "loaded (1 inserted, 2 kept)", "8.0 s", "27,004", "3"],
        ["tides", "failed: No", "2.0 s"],
        ["views", "1 unchanged, 1 created", "3.0 s"],
    ]


def it_shows_what_an_execution_waits_for_before_any_dataset_has_begun() -> None:
    board = Board()
    board.take(happening("entered", 0, "Wait for the other"))
    assert printed(board, 1)[1] == ["…", "Wait for the other"]


def it_cuts_a_long_step_rather_than_the_figures() -> None:
    board = Board(rows={"flights": Row("flights", "x" * 99, START, 1.5, "loaded", 27004)})
    last = printed(board, 2, width=70)[1]
    assert (last[0], last[1][-1], last[2:]) == ("flights", "…", ["1.5 s", "27,004"])


def it_names_the_units_that_there_are() -> None:
    assert outcome({"status": "unchanged", "units_inserted": 0, "units_kept": None}) == "unchanged"
    assert outcome({"status": "failed"}) == "failed"


@pytest.fixture
def applied(aws: LocalAws, machines: Machines) -> Iterator[LocalAws]:
    """Yield the local AWS as if a pipeline had been applied that looks for a table which is not there."""
    look = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:getTable",
        "Arguments": {"DatabaseName": "none", "Name": "none"},
        "Catch": [{"ErrorEquals": ["Glue.EntityNotFoundException"], "Next": "Load"}],
        "Next": "Load",
    }
    load = {"Type": "Pass", "Output": {"report": {"status": "loaded", "rows_written": 12345}}, "End": True}
    datasets = {
        "Type": "Map",
        "Items": [{"dataset": "flights"}],
        "ItemProcessor": {"StartAt": "Check table", "States": {"Check table": look, "Load": load}},
        "End": True,
    }
    arn = machines.create({"StartAt": "Process datasets", "States": {"Process datasets": datasets}})
    file = aws.settings.directory / "applied.json"
    file.write_text(json.dumps({"state_machine_arn": arn}))
    try:
        yield aws
    finally:
        file.unlink()


def run_command(aws: LocalAws) -> list[str]:
    return [sys.executable, "-m", "local_aws", "--directory", str(aws.settings.directory), "run"]


def it_prints_a_line_per_dataset_without_a_terminal_and_every_state_when_asked(applied: LocalAws) -> None:
    quiet = {name: value for name, value in os.environ.items() if name != "VERBOSE"}
    shown = {}
    for verbose in ("", "1"):
        environment = {**quiet, "VERBOSE": verbose, "FORCE_COLOR": "1"}
        done = subprocess.run(
            run_command(applied), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
        shown[verbose] = [re.sub(r"[0-9.]+ s", "0 s", line) for line in done.stdout.splitlines()]
    line, end = "flights: loaded, 12,345 rows written, 0 s", "SUCCEEDED in 0 s, 0 Glue run(s)"
    assert shown[""] == [line, end]
    states = ["flights: Check table  0 s  missing", "flights: Load  0 s", line, "Process datasets  0 s"]
    assert shown["1"] == [*states, end]


def it_shows_a_live_table_at_a_terminal(applied: LocalAws) -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "VERBOSE": ""}
    process = subprocess.Popen(run_command(applied), cwd=ROOT, stdout=slave, stderr=slave, stdin=slave, env=environment)
    os.close(slave)
    seen = b""
    try:
        while True:
            try:
                seen += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        os.close(master)
    screen = seen.decode()
    # Drawn at once, and again in its place: the lines are cleared before.
    assert "\x1b[2K" in screen
    text = [re.split(r" {2,}", line.strip()) for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen).splitlines()]
    assert ["dataset", "step", "time", "rows"] in text
    assert [row[0] for row in text if row[1:2] == ["loaded"] and row[3:] == ["12,345"]]
    assert "EntityNotFound" not in screen
