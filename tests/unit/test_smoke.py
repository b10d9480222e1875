"""The smoke test's table and its questions, without any AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.smoke import Seen, Tasks, confirmed, good_amounts, main, orders, pinned
from scripts.smoke_rows import NAMES, ROWS

LIMITATIONS = Path(__file__).resolve().parents[2] / "docs" / "limitations.md"


def it_says_of_each_row_what_became_of_it() -> None:
    seen = Seen()
    seen.add("Spark", "3.5.6", agrees=True, assumed="3.5.6")
    seen.add("Idle execution", 1, agrees=False)
    table = {line["name"]: line for line in seen.table()}
    assert tuple(table) == NAMES
    assert (table["Spark"]["verdict"], table["Spark"]["assumed"]) == ("as assumed", "3.5.6")
    assert (table["Idle execution"]["verdict"], table["Idle execution"]["seen"]) == ("differs", "1")
    assert table["DPU seconds"]["verdict"] == "only AWS can tell: only AWS bills"
    assert table["Dry run"]["verdict"] == "the run ended before"


def it_is_listed_in_the_limitations_row_by_row() -> None:
    page = LIMITATIONS.read_text().partition("<!-- BEGIN what make smoke asks")[2].partition("<!-- END")[0]
    listed = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines()[3:] if line]
    assert tuple(listed) == NAMES
    assert len(set(NAMES)) == len(ROWS)


def it_keeps_the_last_result_of_a_call_and_every_error() -> None:
    tasks = Tasks()
    for number in (1, 2):
        output = json.dumps({"n": number})
        tasks.take({"type": "TaskSucceeded", "taskSucceededEventDetails": {"resource": "a", "output": output}})
    tasks.take({"type": "TaskFailed", "taskFailedEventDetails": {"resource": "b", "error": "E", "cause": "c"}})
    tasks.take({"type": "TaskStarted"})
    assert (tasks.results, tasks.errors) == ({"a": {"n": 2}}, [("b", "E", "c")])


@pytest.mark.parametrize(("answer", "goes_on"), [("yes", True), ("y", False), ("", False)])
def it_goes_on_after_a_whole_yes_only(answer: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    assert confirmed(None) is goes_on
    assert confirmed(answer or "no") is goes_on


def it_needs_a_region(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert main(["--confirm", "yes"]) == 1
    assert capsys.readouterr().out.startswith("smoke: no region is set: AWS_REGION=")


def it_knows_which_amounts_are_good_and_which_versions_are_pinned() -> None:
    assert good_amounts(orders(1, ["10", "ten", "31"])) == [10, 31]
    assert pinned("3.5.4")["pyarrow"] == "17.0.0"
