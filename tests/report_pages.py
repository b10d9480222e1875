"""A report with figures of all kinds, and its page read back: the elements, the figures, the report it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from local_aws import ExecutionResult, VisitedState
from local_aws.report_facts import execution_facts

HOSTILE = "<script>alert('&amp;')</script>\u2028<!-- \"x\" ]]>"
DATASET = {
    "Check table": {
        "Type": "Task",
        "Catch": [{"ErrorEquals": ["Glue.EntityNotFoundException"], "Next": "Create table"}],
        "Next": "New data?",
    },
    "Create table": {"Type": "Task", "Next": "New data?"},
    "New data?": {"Type": "Choice", "Choices": [{"Next": "Load"}], "Default": "Nothing new"},
    "Load": {"Type": "Task", "End": True},
    "Nothing new": {"Type": "Pass", "End": True},
}
DEFINITION: dict[str, Any] = {
    "StartAt": "Datasets",
    "States": {
        "Datasets": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "Check table", "States": DATASET},
            "Next": "Succeeded",
        },
        "Succeeded": {"Type": "Succeed"},
    },
}


def a_report() -> dict[str, Any]:
    """Two executions with figures of all kinds, and values that would like to be markup."""
    orders = {
        "dataset": "orders",
        "status": "loaded",
        "units_inserted": 12,
        "units_replaced": 3,
        "units_removed": 0,
        "units_kept": 1234,
        "rows_read": 1234567,
        "rows_written": 1234560,
        "rows_quarantined": 7,
        "output_files": 15,
        "seconds": 41.26,
        "units": [{"values": {"month": HOSTILE}, "action": "inserted", "reason": HOSTILE, "rows": 4567}],
    }
    tides = {"dataset": "tides", "status": "failed", "error": "JobFailed", "cause": HOSTILE}
    states = (
        VisitedState("Check table", "orders", 0.25, "Glue.EntityNotFoundException", True),
        VisitedState("Create table", "orders", 0.5),
        VisitedState("New data?", "orders", 0.0),
        VisitedState("Check table", "tides", 0.25, "Glue.EntityNotFoundException", True),
        VisitedState("Create table", "tides", 0.25, "Glue.X"),
        VisitedState("Load", "orders", 40.0),
        VisitedState("Datasets", None, 41.0),
    )
    results = {"tides": {"report": tides}, "orders": {"report": orders}, "v": {"name": HOSTILE, "status": "created"}}
    first = ExecutionResult("arn:1", "FAILED", None, "PipelineFailed", HOSTILE, 45.5, 1, states, results)
    unchanged: dict[str, Any] = {
        **dict.fromkeys(orders, 0),
        "dataset": "orders",
        "status": "unchanged",
        "units_kept": None,
        "units": [],
    }
    second = ExecutionResult("arn:2", "SUCCEEDED", {}, "", "", 1.25, 0, (), {"orders": {"report": unchanged}})
    bad = dict.fromkeys(("source_file", "column_name", "reason", "raw_text"), HOSTILE)
    return {
        "executions": [execution_facts("first load", first), execution_facts("again", second)],
        "sizes": {
            "orders": {"csv_files": 1, "csv_bytes": 123456789, "parquet_files": 2, "parquet_bytes": 999},
            "tides": {"csv_files": 0, "csv_bytes": 0, "parquet_files": 0, "parquet_bytes": 0},
        },
        "bad_rows": {
            "orders": {
                "count": 1007,
                "rows": [{**bad, "line_number": "12"}, {**bad, "raw_text": None, "line_number": None}],
            }
        },
        "checks": [{"title": HOSTILE, "passed": False}],
        "problem": HOSTILE,
        "steps": [{"title": HOSTILE, "seconds": 12.5}],
    }


VOID = {"meta", "link"}
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


class ReadPage(HTMLParser):
    """What a page consists of.

    Attributes:
        elements: every element with its attributes, in the order they begin.
        texts: the text of every element that is shown, those inside it included.
        figures: what is shown for each figure of the report.
        held: the report inside the page.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.figures: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(page)
        self.close()
        assert not self._open, f"{self._open[-1][0]} is not closed"
        scripts = [text for name, text in self.texts if name == "script"]
        assert len(scripts) == 1
        self.held: dict[str, Any] = json.loads(scripts[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        name, attributes, parts = self._open.pop()
        assert name == tag, f"{name} is closed by {tag}"
        text = "".join(parts)
        self.texts.append((tag, text))
        if where := attributes.get("data-figure"):
            assert where not in self.figures, f"{where} is shown twice"
            self.figures[where] = text
        if self._open:
            self._open[-1][2].append(text)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)

    def cells(self) -> list[str]:
        return [text for name, text in self.texts if name == "td"]


def figure_of(report: Mapping[str, Any], where: str) -> Any:
    """Return the figure of a report that a way leads to; names of datasets hold no dot."""
    value: Any = report
    for step in where.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def check_figures(figures: Mapping[str, str], report: Mapping[str, Any]) -> None:
    """Compare every figure that is shown with the report: commas aside, sizes as they are rounded."""
    for where, text in figures.items():
        value = figure_of(report, where)
        shown = re.fullmatch(r"([0-9,]+)(\.[0-9])?(?: (B|kB|MB|GB))?", text)
        assert shown, (where, text)
        number = float(shown[1].replace(",", "") + (shown[2] or ""))
        unit = UNITS[shown[3] or "B"]
        assert abs(number * unit - value) <= (0.051 * unit if shown[2] else 0), (where, text, value)
    missing = {
        f"executions.{number}.datasets.{name}.{figure}"
        for number, execution in enumerate(report["executions"])
        for name, dataset in execution["datasets"].items()
        for figure in (
            "rows_read",
            "rows_written",
            "rows_quarantined",
            "units_inserted",
            "units_replaced",
            "units_kept",
        )
        if dataset.get(figure) is not None
    } - set(figures)
    assert not missing
    sizes = {f"sizes.{name}.{figure}" for name, size in report.get("sizes", {}).items() for figure in size}
    assert sizes <= set(figures)
