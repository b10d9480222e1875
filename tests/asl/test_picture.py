"""The picture of the graph says what the definition says."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.graph import BEGIN, END, GraphError, main, mermaid, place
from tests.asl.graph import machines, successors
from tests.asl.rendering import ROOT, Rendered


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


def it_replaces_only_what_stands_between_the_markers(tmp_path: Path) -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    placed = place(document, "flowchart TD\n")
    assert placed == f"before\n{BEGIN}\n```mermaid\nflowchart TD\n```\n{END}\nafter\n"
    assert place(placed, "flowchart TD\n") == placed


@pytest.mark.parametrize("document", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def it_refuses_a_document_without_its_markers(document: str) -> None:
    with pytest.raises(GraphError, match="once each"):
        place(document, "")


def it_tells_what_is_wrong_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert main([str(broken)]) == 1
    assert capsys.readouterr().err.startswith("graph: ")


def it_is_up_to_date_in_the_documentation(complete: Rendered) -> None:
    document = (ROOT / "docs" / "state-machine.md").read_text()
    assert place(document, mermaid(complete.definition)) == document, (
        "docs/state-machine.md shows an older state machine: run python -m tests.asl.rendering docs/state-machine.md"
    )
