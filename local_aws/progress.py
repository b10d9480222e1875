"""Showing an execution while it runs: a live table at a terminal, a line per dataset elsewhere, or every state.

`VERBOSE=1` in the environment asks for every state. A line, or a row of the table, is one dataset with its step, its
time and its rows as the run's report counts them; the views are one row together.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from local_aws.execution import ExecutionResult, Happening

if TYPE_CHECKING:
    from local_aws.local_aws import LocalAws

REFRESHES_PER_SECOND = 4
# What a report counts of units, in the order in which it is told.
UNITS = ("inserted", "replaced", "removed", "restored", "kept")
STYLES = {"failed": "red", "skipped": "yellow", "unchanged": "dim", "loaded": "green", "planned": "green"}


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name: the dataset, or the Map state of the views.
        step: what is being done, or how it ended.
        since: when it began.
        seconds: how long it took, None while it runs.
        status: how it ended, empty while it runs.
        rows: rows written, None where no report says so.
        quarantined: rows that went to the quarantine, None where no report says so.
    """

    name: str
    step: str
    since: datetime
    seconds: float | None = None
    status: str = ""
    rows: int | None = None
    quarantined: int | None = None

    def end(self, status: str, step: str, moment: datetime) -> None:
        """Note how it ended."""
        self.status, self.step, self.seconds = status, step, (moment - self.since).total_seconds()

    def line(self) -> str:
        """Return the row as a sentence, once it has ended."""
        told = [self.step]
        if self.rows is not None:
            told.append(f"{self.rows:,} row{'' if self.rows == 1 else 's'} written")
        if self.quarantined:
            told.append(f"{self.quarantined:,} quarantined")
        return f"{self.name}: {', '.join(told)}, {self.seconds or 0:.1f} s"


@dataclass
class Board:
    """What is known of an execution so far: a row for each dataset, and one for the views together.

    Attributes:
        on_end: gets each row as soon as it has ended.
        rows: the rows in the order they began, by what they are about.
        waiting: the state outside of any dataset that the execution is in.
    """

    on_end: Callable[[Row], None] = lambda row: None
    rows: dict[str, Row] = field(default_factory=dict)
    waiting: str = ""
    _views: list[str] = field(default_factory=list)

    def take(self, happening: Happening) -> None:
        """Take what happened next."""
        if happening.item is None:
            self._outside(happening)
        elif happening.group == _GROUP_OF_VIEWS:
            self._view(happening, happening.item)
        else:
            self._dataset(happening, happening.item)

    def _outside(self, happening: Happening) -> None:
        self.waiting = happening.state
        views = self.rows.get(_VIEWS)
        if views and not views.status:
            found = dict.fromkeys(self._views)
            status = "failed" if "failed" in found else "unchanged" if set(found) == {"unchanged"} else "loaded"
            views.end(status, ", ".join(f"{self._views.count(each)} {each}" for each in found), happening.moment)
            self.on_end(views)

    def _view(self, happening: Happening, item: str) -> None:
        row = self.rows.setdefault(_VIEWS, Row(_VIEWS, "", happening.moment))
        row.step = f"{item}: {happening.state}"
        if happening.kind == "done":
            result = happening.result if isinstance(happening.result, Mapping) else {}
            self._views.append(str(result.get("status", "failed")))

    def _dataset(self, happening: Happening, item: str) -> None:
        row = self.rows.setdefault(item, Row(item, "", happening.moment))
        row.step = happening.state
        if happening.kind == "done":
            result = happening.result if isinstance(happening.result, Mapping) else {}
            report = result.get("report", {"status": "failed"})
            if report.get("status") != "unchanged":
                row.rows, row.quarantined = report.get("rows_written"), report.get("rows_quarantined")
            row.end(str(report.get("status", "done")), outcome(report), happening.moment)
            self.on_end(row)


_GROUP_OF_VIEWS, _VIEWS = "Create Athena views", "views"


def outcome(report: Mapping[str, Any]) -> str:
    """Return how a dataset ended: its status and its units, or the error's name."""
    status = str(report.get("status", "done"))
    if status == "failed":
        return f"failed: {report['error']}" if report.get("error") else "failed"
    counts = [f"{report[f'units_{kind}']} {kind}" for kind in UNITS if report.get(f"units_{kind}")]
    return f"{status} ({', '.join(counts)})" if counts else status


def table(board: Board, now: datetime) -> Table:
    """Return the board as a table to print; what has not ended shows its time up to now."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("dataset", no_wrap=True)
    # The one column that gives way where the terminal is narrow; its texts stay in one line.
    shown.add_column("step", min_width=24)
    for name in ("time", "rows"):
        shown.add_column(name, justify="right", no_wrap=True, min_width=8)
    bad = any(row.quarantined for row in board.rows.values())
    if bad:
        shown.add_column("quarantined", justify="right", no_wrap=True)
    for row in board.rows.values():
        seconds = row.seconds if row.seconds is not None else max((now - row.since).total_seconds(), 0)
        cells = [
            Text(row.name),
            Text(row.step, STYLES.get(row.status, ""), no_wrap=True, overflow="ellipsis"),
            Text(f"{seconds:.1f} s"),
            Text("" if row.rows is None else f"{row.rows:,}"),
        ]
        shown.add_row(*cells, *([Text(f"{row.quarantined:,}" if row.quarantined else "")] if bad else []))
    if not board.rows:
        shown.add_row(Text("…", "dim"), Text(board.waiting, "dim"))
    return shown


def run_watched(
    aws: LocalAws,
    execution_input: Mapping[str, Any] | None = None,
    margin: str = "",
    say: Callable[[str], None] = print,
) -> ExecutionResult:
    """Execute the applied state machine to its end and show what happens.

    Args:
        aws: where it is applied.
        execution_input: the execution's input.
        margin: what stands before each line.
        say: prints a line where there is no terminal, or every state is wanted.
    """
    console = Console(file=sys.stdout, highlight=False)
    if is_verbose() or not sys.stdout.isatty() or console.is_dumb_terminal:
        lines = Board(lambda row: say(margin + row.line()))
        on_state = (lambda line: say(margin + line)) if is_verbose() else None
        return aws.run(execution_input, on_progress=on_state, on_happening=lines.take)
    board = Board()

    def now() -> Padding:
        return Padding(table(board, datetime.now(timezone.utc)), (0, 0, 0, len(margin)))

    with Live(console=console, get_renderable=now, refresh_per_second=REFRESHES_PER_SECOND) as live:
        # At once, and not only after the first part of a second.
        live.refresh()
        return aws.run(execution_input, on_happening=board.take)


def is_verbose() -> bool:
    """Whether every state is to be shown."""
    return os.environ.get("VERBOSE", "") not in ("", "0")
