"""Small files of our own, one or more for each option, with the right answer beside them, written by hand."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from csv_parts import Sizes
from tests.unit.engine.helpers import convert

CORPUS = Path(__file__).parent / "corpus"


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def it_has_an_answer_for_every_file_and_a_file_for_every_answer() -> None:
    assert {path.stem for path in CORPUS.glob("*.csv")} == {path.stem for path in CORPUS.glob("*.json")}


@pytest.mark.parametrize("sizes", [Sizes(), Sizes(block_bytes=16, part_bytes=20)], ids=["whole", "in parts"])
@pytest.mark.parametrize("name", sorted(path.stem for path in CORPUS.glob("*.csv")))
def it_reads_a_file_as_people_mean_it(name: str, sizes: Sizes) -> None:
    answer = json.loads((CORPUS / f"{name}.json").read_text())
    data = (CORPUS / f"{name}.csv").read_bytes()
    found = convert(data, answer["columns"], answer["csv"], sizes=sizes, **answer.get("dataset", {}))
    assert [[plain(value) for value in row.values()] for row in found.rows] == answer["rows"]
    account = found.result.sources[0]
    assert account.rows_skipped == answer.get("skipped", 0)
    assert account.rows_read == len(answer["rows"]) + len(answer["bad"]) + account.rows_skipped
    bad = [[row["line_number"], row["column_name"], row["reason"]] for row in found.bad]
    assert bad == answer["bad"]
    assert [row["raw_text"] for row in found.bad] == [
        data.decode(answer["csv"].get("encoding", "utf-8")).splitlines()[line - 1] for line, _, _ in bad
    ]
