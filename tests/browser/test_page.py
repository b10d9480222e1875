"""The page of a report in a headless Chromium: no complaint, no request, readable in both schemes, true figures."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_aws.report_page import write_page
from tests.report_pages import DEFINITION, a_report, check_figures

ROOT = Path(__file__).resolve().parents[2]
# What text needs at least against its ground: https://www.w3.org/TR/WCAG22/#contrast-minimum
LEAST_CONTRAST = 4.5


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is seen of the page: light and dark, wide and narrow."""
    page = tmp_path_factory.mktemp("page") / "report.html"
    write_page(page, "Orders", json.loads(json.dumps(a_report())), DEFINITION)
    unpacked = ROOT / "build" / "browser"
    unpacked.mkdir(parents=True, exist_ok=True)
    search = os.pathsep.join([os.environ.get("PATH", ""), str(ROOT / ".venv" / "bin")])
    node = shutil.which("node", path=search)
    assert node, "no Node.js: make test-page installs it"
    done = subprocess.run(
        [node, str(Path(__file__).with_name("open_page.mjs")), str(page), str(ROOT / "build" / "page")],
        env={**os.environ, "TMPDIR": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert [(view["scheme"], view["width"]) for view in found] == [
        ("light", 1200),
        ("light", 390),
        ("dark", 1200),
        ("dark", 390),
    ]
    return found


def it_complains_of_nothing_and_asks_for_nothing_but_itself(views: list[dict[str, Any]]) -> None:
    for view in views:
        assert (view["console"], view["failed"]) == ([], [])
        assert {request.split(":")[0] for request in view["requests"]} <= {"file", "data"}
        assert [request for request in view["requests"] if request.startswith("file:")] == [view["requests"][0]]


def it_shows_the_figures_of_the_report(views: list[dict[str, Any]]) -> None:
    for view in views:
        check_figures(view["figures"], json.loads(json.dumps(a_report())))


def it_is_no_wider_than_a_phone(views: list[dict[str, Any]]) -> None:
    assert [view["wider"] for view in views] == [False] * 4


def it_is_readable_in_light_and_dark(views: list[dict[str, Any]]) -> None:
    light, dark = (next(view["colours"] for view in views if view["scheme"] == scheme) for scheme in ("light", "dark"))
    assert luminance(light["paper"]) > 0.9
    assert luminance(dark["paper"]) < 0.1
    for colours in (light, dark):
        for name in ("text", "soft", "link", "bad"):
            brighter, darker = sorted((luminance(colours[name]), luminance(colours["paper"])), reverse=True)
            assert (brighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST, (name, colours)


def luminance(colour: str) -> float:
    """Return the relative luminance of `rgb(r, g, b)`: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(part) / 255 for part in re.findall(r"[0-9]+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
