"""The picture of the graph says what the definition says."""

from __future__ import annotations

import json
import re

import pytest

from local_aws.state_graph import STEPS
from scripts.docs import picture_sections, stale_pages
from scripts.docs_pictures import mermaid, outline
from scripts.docs_sections import DocsError
from tests.asl.graph import machines, successors
from tests.asl.rendering import Rendered


def it_draws_every_state_and_every_way_but_the_shared_error_paths(rendered: Rendered) -> None:
    picture = mermaid(rendered.definition)
    identifiers = {}
    for line in picture.splitlines():
        if '["' in line or '{"' in line or '("' in line:
            identifier = line.strip().removeprefix("subgraph ").split("[")[0].split("{")[0].split("(")[0]
            identifiers[line.split('"')[1]] = identifier
    arrows = {(line.split()[0], line.split()[-1]) for line in picture.splitlines() if "-->" in line}
    wanted = set()
    for _, machine in machines(rendered.definition):
        for name, state in machine["States"].items():
            kept = {
                **state,
                "Catch": [entry for entry in state.get("Catch", []) if entry["ErrorEquals"] != ["States.ALL"]],
            }
            wanted |= {(identifiers[name], identifiers[target]) for target in successors(kept)}
    assert arrows == wanted
    assert len(wanted) > 40


def it_is_up_to_date_in_the_documents(complete: Rendered) -> None:
    """They were made from the usage block of modules/workflow: what is drawn does not depend on the settings."""
    stale = stale_pages(picture_sections(complete.definition))
    assert list(stale) == [], "show an older state machine: make docs"


def it_outlines_the_steps_with_what_lies_between_left_out(complete: Rendered) -> None:
    lines = outline(complete.definition).splitlines()
    boxes = {
        line.split('"')[1]: re.split(r"[\[({]", line.split()[0])[0]
        for line in lines
        if "--" not in line and '"' in line
    }
    boxes |= {line.split('"')[1]: line.split()[1].split("[")[0] for line in lines if "subgraph" in line}
    assert set(boxes) == set(STEPS)

    def arrow(origin: str, target: str, label: str = "") -> str:
        return f'{boxes[origin]} -- "{label}" --> {boxes[target]}' if label else f"{boxes[origin]} --> {boxes[target]}"

    drawn = {line.strip() for line in lines if "-->" in line}
    assert arrow("Check raw table", "Create raw table", "missing") in drawn
    assert arrow("Check raw table", "Start crawler", "missing") in drawn
    assert arrow("Start crawler", "Check Parquet table") in drawn
    assert arrow("New data?", "Insert only new data") in drawn
    assert arrow("Process datasets", "Create Athena views") in drawn
    # It is created when it is missing, and when it is there and has changed.
    assert arrow("Check view", "Create Athena view") in drawn
    assert arrow("Create raw table", "Check raw table", "somebody was faster") not in drawn


def it_refuses_to_outline_steps_that_do_not_exist(complete: Rendered) -> None:
    renamed = json.loads(json.dumps(complete.definition).replace('"Nothing new"', '"All old"'))
    with pytest.raises(DocsError, match="Nothing new"):
        outline(renamed)
