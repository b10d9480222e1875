"""The graph of the state machine as SVG, with the path that an execution took through it."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws.graph_layout import Layout, Point, Way, lay_out
from local_aws.markup import Markup, element, joined
from local_aws.state_graph import STEPS, drawn_arrows, state_names

LINE, LETTER, PADDING = 16.0, 7.0, 12.0
LONGEST_LINE = 15
GAP, MARGIN, HEAD = (18.0, 38.0), 14.0, 26.0


@dataclass
class TakenPath:
    """What an execution went through, among the states that are drawn.

    Attributes:
        items: by state, the datasets or views that went through it; the empty text stands for the execution itself.
        ways: the ways that were taken.
        failed: the states in which something failed.
    """

    items: dict[str, set[str]] = field(default_factory=dict)
    ways: set[Way] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)


def graph(definition: Mapping[str, Any], states: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """Return the picture of a state machine with the path of an execution.

    Args:
        definition: of the state machine.
        states: the states that were visited, as the report has them: name, dataset, error, expected.
        title: what the picture is called where it cannot be seen.
    """
    names = state_names(definition)
    drawn = set(STEPS) if set(STEPS) <= set(names) else set(names)
    path = taken_path(states, drawn)
    box = _machine(definition, drawn, path)
    width, height = box.layout.width + 2 * MARGIN, box.layout.height + 2 * MARGIN
    return element(
        "svg",
        element("title", title),
        _box(box, path, (MARGIN, MARGIN)),
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        role="img",
        aria_label=title,
    )


def taken_path(states: Sequence[Mapping[str, Any]], drawn: Collection[str]) -> TakenPath:
    """Return the path of an execution among the drawn states, each dataset and view on its own way."""
    path = TakenPath()
    last: dict[str, str] = {}
    for state in states:
        item, name = str(state["dataset"] or ""), str(state["name"])
        if name in drawn:
            path.items.setdefault(name, set()).add(item)
            if item in last:
                path.ways.add((last[item], name))
            last[item] = name
        # What fails between two drawn states is shown where it was last seen.
        if (state["error"] and not state["expected"]) or name.endswith(" failed"):
            path.failed.update({last[item]} if item in last else ())
    return path


@dataclass(frozen=True)
class _Box:
    """One machine with where its states stand, and the machines inside it."""

    states: Mapping[str, Any]
    layout: Layout
    sizes: Mapping[str, Point]
    labels: Mapping[Way, str]
    inner: Mapping[str, _Box]


def _machine(machine: Mapping[str, Any], drawn: set[str], path: TakenPath) -> _Box:
    states = machine["States"]
    names = [name for name in states if name in drawn]
    inner = {
        name: _machine(states[name]["ItemProcessor"], drawn, path) for name in names if "ItemProcessor" in states[name]
    }
    sizes = {name: _room(inner[name]) if name in inner else _size(name) for name in names}
    labels = {(name, target): label for name in names for target, label in drawn_arrows(states, name, drawn)}
    forward = [way for way in labels if names.index(way[0]) < names.index(way[1])]
    return _Box(states, lay_out(sizes, forward, GAP), sizes, labels, inner)


def _size(name: str) -> Point:
    lines = wrapped(name)
    longest = max(map(len, lines))
    # The last line says whose way it is.
    return max(longest, 12) * LETTER + 2 * PADDING, (len(lines) + 1) * LINE + PADDING


def _room(box: _Box) -> Point:
    return box.layout.width + 2 * MARGIN, box.layout.height + 2 * MARGIN + HEAD


def wrapped(name: str) -> list[str]:
    """Return a state's name in lines."""
    return textwrap.wrap(name, LONGEST_LINE, break_long_words=False)


def _box(box: _Box, path: TakenPath, corner: Point) -> Markup:
    # What was taken is drawn over what was not.
    ways = sorted(box.layout.ways.items(), key=lambda found: found[0] in path.ways)
    parts = [_way(box, way, points, path, corner) for way, points in ways]
    parts += [_state(box, name, path, corner) for name in box.layout.places]
    return joined(*parts)


def _way(box: _Box, way: Way, points: Sequence[Point], path: TakenPath, corner: Point) -> Markup:
    moved = [(x + corner[0], y + corner[1]) for x, y in points]
    kind = "way taken" if way in path.ways else "way"
    line = element("path", d=curve(moved), class_=kind)
    (x, y) = moved[-1]
    head = element(
        "path", d=f"M{x - 4:.1f},{y - 8:.1f}L{x:.1f},{y:.1f}L{x + 4:.1f},{y - 8:.1f}Z", class_=f"head {kind}"
    )
    label = box.labels[way]
    if not label:
        return joined(line, head)
    (x1, y1), (x2, y2) = moved[0], moved[1]
    return joined(line, head, element("text", label, x=(x1 + x2) / 2, y=(y1 + y2) / 2 + 3, class_="label"))


def curve(points: Sequence[Point]) -> str:
    """Return a line through points that leaves and reaches each of them from above."""
    (x, y), *others = points
    written = f"M{x:.1f},{y:.1f}"
    for to_x, to_y in others:
        middle = (y + to_y) / 2
        written += f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    return written


def _state(box: _Box, name: str, path: TakenPath, corner: Point) -> Markup:
    (x, y), (width, height) = box.layout.places[name], box.sizes[name]
    left, top = corner[0] + x - width / 2, corner[1] + y - height / 2
    items = path.items.get(name, set())
    kinds = {"state": True, "box": name in box.inner, "taken": bool(items), "failed": name in path.failed}
    kind = " ".join(word for word, holds in kinds.items() if holds)
    ends = box.states[name]["Type"] in ("Succeed", "Fail")
    frame = element("rect", x=left, y=top, width=width, height=height, rx=height / 2 if ends else 6)
    whose = sorted(filter(None, items))
    title = element("title", f"{name}: {', '.join(whose) or ('taken' if items else 'not taken')}")
    if name in box.inner:
        head = element("text", name, x=left + MARGIN, y=top + HEAD - 4, class_="name")
        inside = _box(box.inner[name], path, (left + MARGIN, top + MARGIN + HEAD))
        return joined(element("g", title, frame, head, class_=kind), inside)
    everyone = {item for other in box.sizes for item in path.items.get(other, ())}
    told = _told(whose, len(everyone), width - PADDING)
    return element("g", title, frame, *_words(name, told, (left + width / 2, top + height / 2)), class_=kind)


def _told(whose: Sequence[str], everyone: int, room: float) -> str:
    """Return who went through a state, in so much room."""
    names = ", ".join(whose)
    if len(names) * LETTER * 0.9 <= room:
        return names
    return f"all {everyone}" if len(whose) == everyone else f"{len(whose)} of {everyone}"


def _words(name: str, told: str, middle: Point) -> Iterator[Markup]:
    lines = wrapped(name)
    x, y = middle
    first = y - (len(lines) + bool(told)) * LINE / 2 + LINE * 0.75
    for number, line in enumerate(lines):
        yield element("text", line, x=x, y=first + number * LINE, class_="name")
    if told:
        yield element("text", told, x=x, y=first + len(lines) * LINE, class_="whose")
