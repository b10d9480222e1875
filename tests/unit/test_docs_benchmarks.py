"""Table and picture of the ten shapes say what was recorded, and say plainly what was missed."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from scripts.docs_benchmarks import RECORD, shapes_picture, shapes_table

SVG = "{http://www.w3.org/2000/svg}"


def seconds(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"conversion": conversion, "process": process} for conversion, process in pairs]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a record of two shapes."""
    record = {
        "measured": "2026-11-25",
        "megabytes": [400, 1600],
        "shapes": [
            {
                "shape": "fast & <plain>",
                "engines": {
                    "this job": seconds((1.5, 5.0), (6.0, 9.0)),
                    "this job, all on Spark": seconds((2.0, 2.0), (5.0, 5.0)),
                    "duckdb": seconds((1.5, 2.0), (7.0, 8.0)),
                    "polars": seconds((3.0, 3.0), (10.0, 15.0)),
                },
            },
            {
                "shape": "slow",
                "engines": {
                    "this job": seconds((5.0, 7.0), (13.0, 17.0)),
                    "this job, all on Spark": seconds((4.0, 3.0), (12.0, 13.0)),
                    "duckdb": seconds((2.0, 2.0), (9.0, 10.0)),
                },
            },
        ],
    }
    (tmp_path / RECORD).parent.mkdir(parents=True)
    (tmp_path / RECORD).write_text(json.dumps(record))
    return tmp_path


def it_shows_duckdbs_seconds_over_those_of_an_engine(root: Path) -> None:
    lines = shapes_table(root).splitlines()
    assert lines[4] == "| fast & <plain> | 1.00 | 1.50 | 0.75 | 2.00 | 0.50 |"
    assert lines[5] == "| slow | 0.40: missed | 0.80: missed | 0.50 | 0.80 |  |"
    assert lines[-1] == (
        "Measured on 2026-11-25. The median of 1200 MB more is **1.15x**: missed (target 1.2). "
        "Above 1, the engine is faster."
    )


def it_draws_each_ratio_where_the_scale_has_it(root: Path) -> None:
    picture = ElementTree.fromstring(shapes_picture(root))  # noqa: S314 - our own
    scale = {
        str(text.text): float(text.get("x", ""))
        for text in picture.iter(f"{SVG}text")
        if str(text.text).endswith("x") and text.get("text-anchor") == "middle"
    }
    assert list(scale) == ["0x", "0.5x", "1x", "1.5x", "2x"]
    width = scale["1x"] - scale["0x"]
    drawn = [
        (circle.get("class"), round((float(circle.get("cx", "")) - scale["0x"]) / width, 2))
        for circle in picture.iter(f"{SVG}circle")
    ][2:]
    assert drawn == [("whole", 1.0), ("more", 1.5), ("whole", 0.4), ("more", 0.8)]
    assert "fast & <plain>" in {text.text for text in picture.iter(f"{SVG}text")}


def it_draws_on_a_scale_that_holds_them_all_and_writes_each_figure_at_its_mark(root: Path) -> None:
    path = root / RECORD
    record = json.loads(path.read_text())
    record["shapes"][0]["engines"]["this job"] = seconds((1.5, 5.0), (6.0, 7.4))
    record["shapes"][1]["engines"]["this job"] = seconds((2.0, 7.0), (13.0, 17.0))
    record["shapes"][1]["shape"] = "`;`"
    path.write_text(json.dumps(record))
    picture = ElementTree.fromstring(shapes_picture(root))  # noqa: S314 - our own
    texts = {str(text.text): text for text in picture.iter(f"{SVG}text")}
    assert "2.5x" in texts
    assert "3x" not in texts
    assert ";" in texts
    marks = [float(circle.get("cx", "")) for circle in picture.iter(f"{SVG}circle") if circle.get("class") == "more"][
        1:
    ]
    right, left = texts["2.50"], texts["0.80"]
    assert (right.get("text-anchor"), float(right.get("x", "")) - marks[0]) == ("start", 12)
    assert (left.get("text-anchor"), float(left.get("x", "")) - marks[1]) == ("end", -12)


def it_says_how_to_make_a_record_where_there_is_none(root: Path) -> None:
    (root / RECORD).unlink()
    assert "python -m benchmarks.shapes --record" in shapes_table(root)
