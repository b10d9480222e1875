"""Laying out a graph in layers, from top to bottom: where each node stands, and through which points each way leads.

The method is Sugiyama's: nodes are put into layers by their longest way from a beginning, ways that pass a layer get a
place in it, and the places of a layer are ordered and moved towards those that they are connected with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Way = tuple[str, str]
Point = tuple[float, float]
# A way that only passes a layer takes so little room there.
PASSING_WIDTH = 12.0
SWEEPS = 12


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels from the upper left corner; the places of nodes are their centres."""

    places: Mapping[str, Point]
    ways: Mapping[Way, tuple[Point, ...]]
    width: float
    height: float


@dataclass
class _Layers:
    """The layers with the nodes and the passing ways in them, and what is connected with what."""

    rows: list[list[str]]
    widths: dict[str, float]
    above: dict[str, list[str]]
    below: dict[str, list[str]]
    chains: dict[Way, list[str]]


def lay_out(
    sizes: Mapping[str, Point], ways: Sequence[Way], gap: Point, passing_width: float = PASSING_WIDTH
) -> Layout:
    """Return where nodes stand.

    Args:
        sizes: width and height of each node; their order decides where nothing else does.
        ways: from a node to one that comes later in that order.
        gap: room between neighbours, and between layers.
        passing_width: room for a way that only passes a layer.
    """
    layers = _in_layers(sizes, ways, passing_width)
    _order(layers)
    centres = _across(layers, gap[0])
    tops, heights, below = [], [], 0.0
    for row in layers.rows:
        tops.append(below)
        heights.append(max((sizes[name][1] for name in row if name in sizes), default=0.0))
        below += heights[-1] + gap[1]
    middle = {name: tops[place] + heights[place] / 2 for place, row in enumerate(layers.rows) for name in row}
    half_heights = {name: heights[place] / 2 for place, row in enumerate(layers.rows) for name in row}
    routes: dict[Way, tuple[Point, ...]] = {}
    for way, chain in layers.chains.items():
        # A way goes straight down past all of a layer, and changes its place between two layers only.
        upper, lower = ([middle[name] + sign * half_heights[name] for name in chain] for sign in (-1, 1))
        upper[0] = middle[chain[0]] + sizes[chain[0]][1] / 2
        lower[-1] = middle[chain[-1]] - sizes[chain[-1]][1] / 2
        ends = [(centres[name], y) for name, *both in zip(chain, upper, lower, strict=True) for y in both]
        routes[way] = tuple(dict.fromkeys(ends))
    places = {name: (centres[name], middle[name]) for name in sizes}
    return Layout(places, routes, _width(layers, centres), below - gap[1] if layers.rows else 0.0)


def _in_layers(sizes: Mapping[str, Point], ways: Sequence[Way], passing_width: float) -> _Layers:
    layer = dict.fromkeys(sizes, 0)
    order = {name: place for place, name in enumerate(sizes)}
    for origin, target in sorted(ways, key=lambda way: order[way[0]]):
        layer[target] = max(layer[target], layer[origin] + 1)
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name, place in layer.items():
        rows[place].append(name)
    widths = {name: width for name, (width, _) in sizes.items()}
    chains = {}
    for origin, target in ways:
        passing = [f"{origin}>{target}>{place}" for place in range(layer[origin] + 1, layer[target])]
        for place, name in enumerate(passing, layer[origin] + 1):
            rows[place].append(name)
            widths[name] = passing_width
        chains[origin, target] = [origin, *passing, target]
    above: dict[str, list[str]] = {name: [] for name in widths}
    below: dict[str, list[str]] = {name: [] for name in widths}
    for chain in chains.values():
        for upper, lower in pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    return _Layers(rows, widths, above, below, chains)


def _order(layers: _Layers) -> None:
    """Put the places of each layer into the order of what they are connected with, so that few ways cross."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        rows = layers.rows[1:] if down else layers.rows[-2::-1]
        near = layers.above if down else layers.below
        place = {name: index for row in layers.rows for index, name in enumerate(row)}
        for row in rows:
            mean = {name: _mean([place[other] for other in near[name]], place[name]) for name in row}
            row.sort(key=lambda name: mean[name])
            place.update({name: index for index, name in enumerate(row)})


def _across(layers: _Layers, gap: float) -> dict[str, float]:
    """Return the centre of each place from left to right: near what it is connected with, and beside its neighbours."""
    centres: dict[str, float] = {}
    for row in layers.rows:
        centres.update(zip(row, _apart([0.0] * len(row), _distances(layers, row, gap)), strict=True))
    for sweep in range(SWEEPS):
        rows = layers.rows if sweep % 2 == 0 else layers.rows[::-1]
        for row in rows:
            wanted = [
                _mean([centres[other] for other in (*layers.above[name], *layers.below[name])], centres[name])
                for name in row
            ]
            centres.update(zip(row, _apart(wanted, _distances(layers, row, gap)), strict=True))
    left = min((centre - layers.widths[name] / 2 for name, centre in centres.items()), default=0.0)
    return {name: centre - left for name, centre in centres.items()}


def _distances(layers: _Layers, row: Sequence[str], gap: float) -> list[float]:
    widths = [layers.widths[name] for name in row]
    return [(one + other) / 2 + gap for one, other in pairwise(widths)]


def _apart(wanted: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Return places as near as can be, by least squares, to the wanted ones, with at least these distances between.

    With the distances taken off, they have to be in order: https://en.wikipedia.org/wiki/Isotonic_regression
    """
    offsets = [sum(distances[:index]) for index in range(len(wanted))]
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        total, count = place - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    levelled = [total / count for total, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(levelled, offsets, strict=True)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _width(layers: _Layers, centres: Mapping[str, float]) -> float:
    return max((centre + layers.widths[name] / 2 for name, centre in centres.items()), default=0.0)
