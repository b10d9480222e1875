"""The report as a page: what it shows is what the report says, and no value of a file becomes part of the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_aws import ExecutionResult, LocalAwsError
from local_aws.report_facts import execution_facts
from local_aws.report_graph import taken_path
from local_aws.report_page import page, write_page
from tests.report_pages import DEFINITION, HOSTILE, ReadPage, a_report, check_figures


def it_shows_the_figures_of_the_report_and_holds_the_report() -> None:
    report = json.loads(json.dumps(a_report()))
    read = ReadPage(page("Orders", report, DEFINITION))
    check_figures(read.figures, report)
    assert read.figures["executions.0.datasets.orders.rows_written"] == "1,234,560"
    assert read.figures["executions.0.datasets.orders.units_kept"] == "1,234"
    assert read.figures["executions.0.datasets.orders.units.0.rows"] == "4,567"
    assert read.figures["executions.0.seconds"] == "45.5"
    assert read.figures["bad_rows.orders.count"] == "1,007"
    assert (read.figures["sizes.orders.csv_bytes"], read.figures["sizes.orders.parquet_bytes"]) == ("123.5 MB", "999 B")
    assert read.held == report


def it_shows_every_value_of_a_file_as_it_stands_there_and_none_as_markup() -> None:
    text = page(HOSTILE, a_report(), DEFINITION)
    read = ReadPage(text)
    assert [name for name, _ in read.elements].count("script") == 1
    assert read.cells().count(HOSTILE) >= 7
    assert "alert" not in "".join(str(attributes) for name, attributes in read.elements if name != "title")
    assert text.count("<!--") == 0
    assert text.count("<script") == 1


def it_asks_for_nothing_and_runs_nothing() -> None:
    read = ReadPage(page("Orders", a_report(), DEFINITION))
    addresses = {
        value for _, each in read.elements for name, value in each.items() if name in ("href", "src", "srcset")
    }
    assert addresses == {"data:,", "#execution-0", "#execution-1"}
    policies = [each["content"] for _, each in read.elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert {name for _, each in read.elements for name in each if name.startswith("on")} == set()
    style = next(text for name, text in read.texts if name == "style")
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def it_shows_each_dataset_in_the_order_of_their_names_with_what_failed() -> None:
    read = ReadPage(page("Orders", a_report(), DEFINITION))
    cells = read.cells()
    assert cells.index("orders") < cells.index("tides")
    assert f"failedJobFailed: {HOSTILE}" in cells


def it_tells_an_expected_answer_in_a_word_and_an_error_by_its_name() -> None:
    read = ReadPage(page("Orders", a_report(), DEFINITION))
    assert [cell for cell in read.cells() if cell in ("missing", "Glue.X", "Glue.EntityNotFoundException")] == [
        "missing",
        "missing",
        "Glue.X",
    ]


def it_says_so_where_there_is_nothing() -> None:
    empty = ReadPage(page("Nothing", {"executions": []}, DEFINITION))
    paragraphs = [text for name, text in empty.texts if name == "p"]
    assert paragraphs == ["None has ended.", "There are no tables yet.", "There are none."]
    none = execution_facts("none", ExecutionResult("arn", "SUCCEEDED", {}, "", "", 1.0, 0, ()))
    assert "No dataset was processed." in dict.fromkeys(
        text for _, text in ReadPage(page("", {"executions": [none]}, DEFINITION)).texts
    )


def it_draws_the_path_that_was_taken_and_where_it_failed() -> None:
    states = a_report()["executions"][0]["states"]
    path = taken_path(states, {"Check table", "Create table", "Load", "Datasets"})
    # "New data?" is not drawn: the way leads through it.
    assert path.ways == {("Check table", "Create table"), ("Create table", "Load")}
    assert path.items["Check table"] == {"orders", "tides"}
    assert path.failed == {"Create table"}
    read = ReadPage(page("Orders", a_report(), DEFINITION))
    groups = [each["class"] for name, each in read.elements if name == "g"]
    assert groups[:6] == ["state box taken", "state taken", "state taken failed", "state taken", "state taken", "state"]
    titles = [text for name, text in read.texts if name == "title"]
    assert "Create table: orders, tides" in titles
    assert "Nothing new: not taken" in titles
    ways = [each["class"] for name, each in read.elements if name == "path"]
    assert ways.count("way taken") == 3
    assert ways.count("head way taken") == 3


def it_refuses_a_place_that_it_cannot_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalAwsError, match=r"the report cannot be written to .*file/report\.html: "):
        write_page(tmp_path / "file" / "report.html", "Orders", a_report(), DEFINITION)
    write_page(tmp_path / "new" / "report.html", "Orders", a_report(), DEFINITION)
    assert ReadPage((tmp_path / "new" / "report.html").read_text()).held["problem"] == HOSTILE
