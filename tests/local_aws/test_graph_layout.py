"""Laying out graphs: nothing stands on anything else, and every way leads downwards."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest

from local_aws.graph_layout import Layout, lay_out


def a_graph(seed: int) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    chance = random.Random(seed)  # noqa: S311 - a test's
    names = [f"n{number}" for number in range(chance.randint(1, 14))]
    sizes = {name: (chance.uniform(30, 160), chance.uniform(20, 60)) for name in names}
    ways = [pair for pair in combinations(names, 2) if chance.random() < 0.25]
    return sizes, ways


@pytest.mark.parametrize("seed", range(60))
def it_lets_nothing_overlap_and_leads_downwards_past_everything(seed: int) -> None:
    sizes, ways = a_graph(seed)
    layout = lay_out(sizes, ways, gap=(10, 30))
    boxes = {name: box(layout, name, sizes[name]) for name in sizes}
    for (left, top, right, bottom), (left2, top2, right2, bottom2) in combinations(boxes.values(), 2):
        assert right < left2 or right2 < left or bottom < top2 or bottom2 < top
    for left, top, right, bottom in boxes.values():
        assert left >= -0.001
        assert top >= -0.001
        assert right <= layout.width + 0.001
        assert bottom <= layout.height + 0.001
    assert set(layout.ways) == set(ways)
    for (origin, target), points in layout.ways.items():
        assert points[0] == (layout.places[origin][0], boxes[origin][3])
        assert points[-1] == (layout.places[target][0], boxes[target][1])
        assert all(y < y2 or (x, y) == (x2, y2) for (x, y), (x2, y2) in pairwise(points))
        # Between two layers a way may go sideways, beside a node it goes straight down.
        for (x, y), (x2, y2) in pairwise(points):
            for name in set(boxes) - {origin, target}:
                left, top, right, bottom = boxes[name]
                if y < bottom - 0.001 and top + 0.001 < y2:
                    assert x == x2, name
                    assert x < left or right < x, name


def box(layout: Layout, name: str, size: tuple[float, float]) -> tuple[float, float, float, float]:
    (x, y), (width, height) = layout.places[name], size
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def it_stands_a_node_below_all_that_lead_to_it_and_between_them() -> None:
    size = dict.fromkeys("abcd", (100.0, 20.0))
    layout = lay_out(size, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], gap=(10, 30))
    assert layout.places == {"a": (105.0, 10.0), "b": (50.0, 60.0), "c": (160.0, 60.0), "d": (105.0, 110.0)}
    assert (layout.width, layout.height) == (210.0, 120.0)


def it_lays_out_nothing() -> None:
    assert lay_out({}, [], gap=(10, 30)).places == {}
