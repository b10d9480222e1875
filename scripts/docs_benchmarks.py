"""Table and picture of the ten shapes in docs/benchmarks.md, from what benchmarks/shapes.py has recorded."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.markup import Markup, element
from scripts.docs_sections import table

RECORD = "benchmarks/measured/shapes.json"
PICTURE = "docs/pictures/shapes.svg"
OURS, ON_SPARK, DUCKDB, POLARS = "this job", "this job, all on Spark", "duckdb", "polars"
# What is to be reached: of the whole conversion of the smaller size, and of what more data costs.
WHOLE_TARGET, MORE_TARGET, MEDIAN_TARGET = 0.6, 1.0, 1.2
_STYLE = """\
  svg { color-scheme: light dark }
  svg { --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --whole: #8250df; --more: #0969da; --page: #ffffff }
  @media (prefers-color-scheme: dark) {
    svg { --text: #f0f6fc; --quiet: #9198a1; --line: #3d444d; --whole: #ab7df8; --more: #4493f8; --page: #0d1117 }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--text) }
  .quiet { fill: var(--quiet); font-size: 12px }
  .figure { stroke: var(--page); stroke-width: 4px; paint-order: stroke }
  .title { font-size: 15px; font-weight: 600 }
  line { stroke: var(--line) } .one { stroke: var(--quiet); stroke-width: 1.5 }
  .whole { fill: none; stroke: var(--whole); stroke-width: 2 } .more { fill: var(--more) }"""
_LEFT, _TOP, _WIDTH, _ROW, _MARGIN = 230, 78, 430, 26, 70
# What the scale reaches at least.
_MOST = 2.0


@dataclass(frozen=True)
class Ratios:
    """DuckDB's seconds over an engine's for a shape: of all of the smaller size, and of what comes on top.

    Ours as the job does it by itself, and with everything left to Spark's workers.
    """

    shape: str
    whole: float
    more: float
    spark_whole: float
    spark_more: float
    polars_more: float | None


def read_ratios(root: Path) -> tuple[Mapping[str, Any], list[Ratios]]:
    """Return the record, and the ratios of each shape in it."""
    record = json.loads((root / RECORD).read_text())
    return record, [_ratios(item["shape"], item["engines"]) for item in record["shapes"]]


def _ratios(shape: str, engines: Mapping[str, Sequence[Mapping[str, float]]]) -> Ratios:
    def whole(engine: str) -> float:
        return engines[DUCKDB][0]["conversion"] / engines[engine][0]["conversion"]

    def more(engine: str) -> float:
        costs = {name: engines[name][1]["process"] - engines[name][0]["process"] for name in (DUCKDB, engine)}
        return costs[DUCKDB] / costs[engine]

    polars = more(POLARS) if POLARS in engines else None
    return Ratios(shape, whole(OURS), more(OURS), whole(ON_SPARK), more(ON_SPARK), polars)


def shapes_table(root: Path) -> str:
    """Return the table, and what it comes to, as Markdown; without a record, how to make one."""
    if not (root / RECORD).exists():
        return "No run is on record yet: `python -m benchmarks.shapes --record`, on a machine with nothing else to do."
    record, ratios = read_ratios(root)
    few, many = record["megabytes"]
    rows = [
        (
            item.shape,
            _judged(item.whole, WHOLE_TARGET),
            _judged(item.more, MORE_TARGET),
            f"{item.spark_whole:.2f}",
            f"{item.spark_more:.2f}",
            "" if item.polars_more is None else f"{item.polars_more:.2f}",
        )
        for item in ratios
    ]
    head = (
        "shape",
        f"{few} MB (target {WHOLE_TARGET})",
        f"{many - few} MB more (target {MORE_TARGET:.1f})",
        f"{few} MB, all on Spark",
        f"{many - few} MB more, all on Spark",
        f"Polars, {many - few} MB more",
    )
    middle = statistics.median(item.more for item in ratios)
    return (
        f"![DuckDB's seconds over this job's, for ten shapes of data](pictures/{Path(PICTURE).name})\n\n"
        f"{table(head, rows)}\n\n"
        f"Measured on {record['measured']}. The median of {many - few} MB more is **{middle:.2f}x**"
        f"{'' if middle >= MEDIAN_TARGET else ': missed'} (target {MEDIAN_TARGET}). Above 1, the engine is faster."
    )


def _judged(ratio: float, target: float) -> str:
    return f"{ratio:.2f}" if round(ratio, 2) >= target else f"{ratio:.2f}: missed"


def shapes_picture(root: Path) -> str:
    """Return the picture as SVG that reads well on light and on dark pages."""
    record, ratios = read_ratios(root)
    few, many = record["megabytes"]
    bottom = _TOP + _ROW * len(ratios)
    most = max(_MOST, *(math.ceil(2 * max(item.whole, item.more)) / 2 for item in ratios))
    title = f"DuckDB's seconds over this job's, for {len(ratios)} shapes of data"
    picture = element(
        "svg",
        element("title", title),
        element("style", Markup(f"\n{_STYLE}\n")),
        element("text", "How many times as fast as DuckDB's COPY, for each shape of data", x=0, y=18, class_="title"),
        element("circle", cx=7, cy=40, r=5, class_="more"),
        element("text", f"{many - few} MB more", x=18, y=44, class_="quiet"),
        element("circle", cx=127, cy=40, r=5, class_="whole"),
        element("text", f"all of {few} MB", x=138, y=44, class_="quiet"),
        *(part for halves in range(int(2 * most) + 1) for part in _scale(halves / 2, most, bottom)),
        *(part for number, item in enumerate(ratios) for part in _shape(item, most, _TOP + _ROW * number)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_LEFT + _WIDTH + _MARGIN} {bottom + 34}",
        role="img",
    )
    return re.sub(r"(<(?:text|line|circle|style|title|/svg))", r"\n\1", picture) + "\n"


def _scale(ratio: float, most: float, bottom: int) -> Iterator[Markup]:
    x = _x(ratio, most)
    yield element("line", x1=x, y1=_TOP - 12, x2=x, y2=bottom, class_="one" if ratio == 1 else None)
    yield element("text", f"{ratio:g}x", x=x, y=bottom + 18, text_anchor="middle", class_="quiet")


def _shape(item: Ratios, most: float, y: int) -> Iterator[Markup]:
    # The figure stands on the side where the other mark is not.
    side, anchor = (-12, "end") if item.more < item.whole else (12, "start")
    more = _x(item.more, most)
    yield element("text", item.shape.replace("`", ""), x=_LEFT - 14, y=y + 4, text_anchor="end")
    yield element("circle", cx=_x(item.whole, most), cy=y, r=5, class_="whole")
    yield element("circle", cx=more, cy=y, r=6, class_="more")
    yield element("text", f"{item.more:.2f}", x=more + side, y=y + 4, text_anchor=anchor, class_="quiet figure")


def _x(ratio: float, most: float) -> float:
    return round(_LEFT + _WIDTH * ratio / most, 1)
