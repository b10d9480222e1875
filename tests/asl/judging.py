"""What both interpreters are asked and answer, one line of JSON each way.

Asked: {"machines": {"pipeline": definition, "listing": definition}, "lake_bucket", "objects", "steps": [step, …]};
a step is a change of the world (judged_world.World.change) and the execution's "input". Answered: a list with what each
execution came to: {"status", "output" or "error" and "cause", "entered": [state, …], "calls": [[state, operation,
parameters], …]}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from tests.asl.judged_world import EXECUTION, Clients, World

Run = Callable[[str, str, Any], tuple[dict[str, Any], list[str]]]


def answer_scenarios(clients: Clients, run: Run) -> None:
    """Answer scenarios until there are no more; whatever an interpreter prints does not get between the answers."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps(executions(clients, run, json.loads(line)), default=str) + "\n")
        answers.flush()


def executions(clients: Clients, run: Run, scenario: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the executions of one scenario, one after the other, over one world."""
    world = clients.world = World(scenario["lake_bucket"], scenario["objects"])
    entered: list[str] = []

    def run_listing(given: Any) -> dict[str, Any]:
        ended, states = run(json.dumps(scenario["machines"]["listing"]), f"{EXECUTION}-listing", given)
        entered.extend(states)
        return ended

    world.run_listing = run_listing
    found = []
    for step in scenario["steps"]:
        world.change(step)
        entered.clear()
        ended, states = run(json.dumps(scenario["machines"]["pipeline"]), EXECUTION, step["input"])
        found.append({**ended, "entered": [*states, *entered], "calls": world.calls})
    return found
