"""The report of executions as one HTML page that needs nothing else: no script, no font, no request.

It shows what `report_facts` has collected, and holds the same as JSON in an element with the id `report`. A cell that
shows a figure names it by its way through that JSON (`data-figure="executions.0.datasets.flights.rows_read"`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_aws.errors import LocalAwsError
from local_aws.markup import Markup, element, joined
from local_aws.report_facts import BAD_ROW_COLUMNS
from local_aws.report_graph import graph
from local_aws.state_graph import EXPECTED_ERRORS

STYLE = Path(__file__).with_suffix(".css")
# Nothing is fetched and nothing runs, whatever a value says: https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
UNITS = ("inserted", "replaced", "removed", "kept")
ROWS = ("read", "written", "quarantined")
NOTHING = Markup('<span class="nothing">&ndash;</span>')


def page(title: str, report: Mapping[str, Any], definition: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        title: what it is about.
        report: `executions` as `execution_facts` has them, with what `lake_facts` found; `steps` (title, seconds),
            `checks` (title, passed) and a `problem` that ended everything may be added.
        definition: of the state machine that was executed.
    """
    executions = report["executions"]
    body = element(
        "main",
        _head(title, report),
        _executions(executions),
        *(_execution(number, execution, definition) for number, execution in enumerate(executions)),
        _sizes(report.get("sizes", {})),
        _bad_rows(report.get("bad_rows", {})),
        _steps(report.get("steps", [])),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(STYLE.read_text())),
    )
    # Inside a script element nothing is escaped, so what could end it is spelled otherwise.
    data = json.dumps(report, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    held = element("script", Markup(data), type="application/json", id="report")
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body, held), lang='en')}\n"


def write_page(file: Path, title: str, report: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Write the page into a file, whose folder is made.

    Raises:
        LocalAwsError: when the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page(title, report, definition), encoding="utf-8")
    except OSError as error:
        raise LocalAwsError(f"the report cannot be written to {file}: {error.strerror}") from error


# ------------------------------------------------------------------------------------------------------------- sections
def _head(title: str, report: Mapping[str, Any]) -> Markup:
    executions = report["executions"]
    datasets = [dataset for execution in executions for dataset in execution["datasets"].values()]
    sizes = report.get("sizes", {}).values()
    csv, parquet = sum(size["csv_bytes"] for size in sizes), sum(size["parquet_bytes"] for size in sizes)
    written, read, bad = (_total(datasets, f"rows_{kind}") for kind in ("written", "read", "quarantined"))
    working = sum(each["glue_runs"] > 0 for each in executions)
    facts = [
        (
            "Executions",
            f"{len(executions):,}",
            f"{sum(each['status'] == 'SUCCEEDED' for each in executions):,} succeeded",
        ),
        ("Rows written", f"{written:,}", f"of {read:,} read"),
        ("Rows quarantined", f"{bad:,}", f"{_share(bad, read)} of those read" if read else "none were read"),
        (
            "Glue runs",
            f"{sum(each['glue_runs'] for each in executions):,}",
            f"in {working} of {len(executions)} executions",
        ),
    ]
    if parquet and csv:
        facts.append(("Parquet of CSV", f"{parquet / csv:.0%}", f"{_bytes(parquet)} of {_bytes(csv)}"))
    tiles = [
        element("div", element("dt", name), element("dd", figure), element("dd", told, class_="told"))
        for name, figure, told in facts
    ]
    checks = [
        element("li", check["title"], class_="good" if check["passed"] else "bad") for check in report.get("checks", [])
    ]
    return element(
        "header",
        element("h1", title),
        element("p", report["problem"], class_="problem") if report.get("problem") else None,
        element("dl", *tiles, class_="tiles"),
        element("ul", *checks, class_="checks") if checks else None,
    )


def _executions(executions: Sequence[Mapping[str, Any]]) -> Markup:
    if not executions:
        return _section("Executions", element("p", "None has ended.", class_="empty"))
    heads = ["execution", "status", *(f"rows {kind}" for kind in ROWS), *UNITS, "Glue runs", "seconds"]
    rows = []
    for number, execution in enumerate(executions):
        datasets = execution["datasets"].values()
        rows.append(
            [
                element("a", execution["name"], href=f"#execution-{number}"),
                _status(execution["status"]),
                *(_sum(datasets, f"rows_{kind}") for kind in ROWS),
                *(_sum(datasets, f"units_{kind}") for kind in UNITS),
                _figure(execution["glue_runs"], f"executions.{number}.glue_runs"),
                _figure(execution["seconds"], f"executions.{number}.seconds"),
            ]
        )
    note = "Inserted, replaced, removed and kept are units: a partition each, or a whole table without partitions."
    return _section("Executions", _table(heads, rows, texts=2), note=note)


def _execution(number: int, execution: Mapping[str, Any], definition: Mapping[str, Any]) -> Markup:
    where = f"executions.{number}"
    failed = execution["status"] != "SUCCEEDED"
    return element(
        "section",
        element("h2", execution["name"], " ", _status(execution["status"])),
        element("p", element("strong", execution["error"]), element("pre", execution["cause"])) if failed else None,
        _datasets(execution["datasets"], where),
        _units(execution["datasets"], where),
        element(
            "details",
            element("summary", "The path through the state machine"),
            element("div", graph(definition, execution["states"], f"Path of {execution['name']}"), class_="graph"),
            element(
                "p",
                "Filled: what this execution went through, and for whom. Dashed: not needed this time.",
                class_="note",
            ),
            open=number == 0,
        ),
        _views(execution["views"]),
        _states(execution["states"], where),
        id=f"execution-{number}",
    )


def _datasets(datasets: Mapping[str, Mapping[str, Any]], where: str) -> Markup:
    if not datasets:
        return element("p", "No dataset was processed.", class_="empty")
    figures = [*(f"rows_{kind}" for kind in ROWS), *(f"units_{kind}" for kind in UNITS), "output_files", "seconds"]
    heads = ["dataset", "status", *(f"rows {kind}" for kind in ROWS), *UNITS, "files", "seconds"]
    rows = [
        [
            name,
            joined(_status(report["status"]), _cause(report)),
            *(_figure(report.get(figure), f"{where}.datasets.{name}.{figure}") for figure in figures),
        ]
        for name, report in datasets.items()
    ]
    return _table(heads, rows, texts=2)


def _cause(report: Mapping[str, Any]) -> Markup | None:
    if not report.get("error"):
        return None
    return element("div", f"{report['error']}: {report.get('cause', '')}", class_="cause")


def _units(datasets: Mapping[str, Mapping[str, Any]], where: str) -> Markup | None:
    rows = []
    for name, report in datasets.items():
        for number, unit in enumerate(report.get("units") or []):
            values = ", ".join(f"{key}={value}" for key, value in unit["values"].items())
            figure = _figure(unit["rows"], f"{where}.datasets.{name}.units.{number}.rows")
            rows.append([name, values or "whole table", unit["action"], unit["reason"], figure])
    if not rows:
        return None
    return element(
        "details",
        element("summary", f"Units: {len(rows):,}"),
        _table(["dataset", "unit", "action", "because", "rows now"], rows, texts=4),
    )


def _views(views: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not views:
        return None
    told = [
        joined(element("code", str(view["name"])), " ", _status(str(view["status"])), _cause(view)) for view in views
    ]
    return element("p", "Views: ", *(part for text in told for part in (text, " ")), class_="views")


def _states(states: Sequence[Mapping[str, Any]], where: str) -> Markup:
    rows = [
        [
            state["dataset"] or NOTHING,
            state["name"],
            _answer(state),
            _figure(state["seconds"], f"{where}.states.{number}.seconds"),
        ]
        for number, state in enumerate(states)
    ]
    return element(
        "details",
        element("summary", f"All {len(rows):,} states in the order they were left"),
        _table(["dataset or view", "state", "answer", "seconds"], rows, texts=3),
    )


def _answer(state: Mapping[str, Any]) -> Markup:
    if not state["error"]:
        return NOTHING
    if state["expected"]:
        return element(
            "span", EXPECTED_ERRORS.get(state["error"], state["error"]), title=state["error"], class_="expected"
        )
    return element("span", state["error"], class_="bad")


def _sizes(sizes: Mapping[str, Mapping[str, int]]) -> Markup:
    if not sizes:
        return _section("CSV and Parquet", element("p", "There are no tables yet.", class_="empty"))
    largest = max((max(size["csv_bytes"], size["parquet_bytes"]) for size in sizes.values()), default=0) or 1
    rows = []
    for name, size in sizes.items():
        share = size["parquet_bytes"] / size["csv_bytes"] if size["csv_bytes"] else None
        rows.append(
            [
                name,
                _figure(size["csv_files"], f"sizes.{name}.csv_files"),
                _figure(size["csv_bytes"], f"sizes.{name}.csv_bytes", _bytes),
                _figure(size["parquet_files"], f"sizes.{name}.parquet_files"),
                _figure(size["parquet_bytes"], f"sizes.{name}.parquet_bytes", _bytes),
                NOTHING if share is None else Markup(f"{share:.0%}"),
                _bars(size["csv_bytes"] / largest, size["parquet_bytes"] / largest),
            ]
        )
    heads = ["dataset", "CSV files", "CSV", "Parquet files", "Parquet", "of CSV", ""]
    return _section(
        "CSV and Parquet", _table(heads, rows, texts=1), note="What lies in the buckets now, as it is stored."
    )


def _bars(csv: float, parquet: float) -> Markup:
    bars = [
        element("rect", x=0, y=top, width=round(max(120 * share, 1), 1), height=6, rx=1, class_=kind)
        for top, share, kind in ((1, csv, "csv"), (9, parquet, "parquet"))
    ]
    return element("svg", *bars, viewBox="0 0 120 16", width=120, height=16, class_="bars", aria_hidden="true")


def _bad_rows(bad_rows: Mapping[str, Mapping[str, Any]]) -> Markup:
    found = {name: bad for name, bad in bad_rows.items() if bad["count"]}
    if not found:
        return _section("Bad rows", element("p", "There are none.", class_="empty"))
    parts: list[Markup] = []
    for name, bad in found.items():
        rows = [[_bad_cell(column, row[column]) for column in BAD_ROW_COLUMNS] for row in bad["rows"]]
        count = _figure(bad["count"], f"bad_rows.{name}.count")
        more = f", the first {len(rows):,} of them" if len(rows) < bad["count"] else ""
        parts.append(element("h3", name, ": ", count, more))
        parts.append(_table(["file", "line", "column", "reason", "as it stands in the file"], rows, texts=5, right={1}))
    return _section("Bad rows", *parts, note="What went to the quarantine instead of the table, and why.")


def _bad_cell(column: str, value: str | None) -> Markup:
    if value is None:
        return NOTHING
    return element("code", value) if column in ("raw_text", "source_file") else joined(value)


def _steps(steps: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not steps:
        return None
    rows = [[step["title"], _figure(step["seconds"], f"steps.{number}.seconds")] for number, step in enumerate(steps)]
    total = element("strong", f"{sum(step['seconds'] for step in steps):,.1f}")
    return _section("Duration of the steps", _table(["step", "seconds"], [*rows, ["all", total]], texts=1))


# ---------------------------------------------------------------------------------------------------------------- parts
def _section(title: str, *children: Markup, note: str = "") -> Markup:
    told = element("p", note, class_="note") if note else None
    return element("section", element("h2", title), told, *children)


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], texts: int, right: frozenset[int] | set[int] = frozenset()
) -> Markup:
    """Return a table whose first columns are texts and whose other ones are figures, aligned to the right."""

    def line(name: str, cells: Sequence[str]) -> Markup:
        kinds = ["figure" if place >= texts or place in right else None for place in range(len(cells))]
        return element("tr", *(element(name, cell, class_=kind) for cell, kind in zip(cells, kinds, strict=True)))

    body = [line("td", cells) for cells in rows]
    return element(
        "div",
        element("table", element("thead", line("th", heads)), element("tbody", *body)),
        class_="wide",
        tabindex="0",
    )


def _status(status: str) -> Markup:
    kinds = {"SUCCEEDED": "good", "loaded": "good", "created": "good", "unchanged": "calm", "planned": "calm"}
    return element("span", status.lower(), class_=f"status {kinds.get(status, 'bad')}")


def _figure(value: Any, where: str, spelled: Any = None) -> Markup:
    if value is None:
        return NOTHING
    text = spelled(value) if spelled else f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return element("span", text, data_figure=where, class_="zero" if value == 0 else None)


def _total(reports: Iterable[Mapping[str, Any]], figure: str) -> int:
    return sum(report.get(figure) or 0 for report in reports)


def _sum(reports: Iterable[Mapping[str, Any]], figure: str) -> Markup:
    total = _total(reports, figure)
    return element("span", f"{total:,}", class_="zero" if total == 0 else None)


def _share(part: int, whole: int) -> str:
    """Return a share in percent that does not round what there is to nothing."""
    return "less than 0.01%" if 0 < part / whole < 0.0001 else f"{part / whole:.2%}"


def _bytes(size: int) -> str:
    """Return a size in the largest unit that leaves a whole number before the point."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" else f"{size} B"
