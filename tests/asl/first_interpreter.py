"""The interpreter of the local AWS, in process and without a server, over the world of a scenario.

    python -m tests.asl.first_interpreter

Asked and answering as tests/asl/judging.py says. Waits and retries take no time.
"""

from __future__ import annotations

import contextvars
import json
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.keys import Keys
from local_aws.extensions.roles import ROOT
from local_aws.extensions.step_functions import StepFunctions
from tests.asl.judged_world import ACCOUNT, CURRENT_STATE, REGION, ROLE, Clients
from tests.asl.judging import answer_scenarios


class Sessions:
    """Every role may be assumed, and its calls are answered by the world."""

    region, account_id = REGION, ACCOUNT

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def assume(self, *arguments: str) -> Any:
        return ROOT

    def client(self, service: str, credentials: Any) -> Any:
        return self._clients.client(service)


class EverythingAllowed:
    """Rights are judged elsewhere."""

    def denial(self, *arguments: str) -> None:
        return None


class Interpreter(StepFunctions):
    """Tells the world which state calls, and does not sleep."""

    def __init__(self, clients: Clients) -> None:
        emulator = Emulator()
        sessions: Any = Sessions(clients)
        allowed: Any = EverythingAllowed()
        super().__init__(emulator, sessions, allowed, Keys(emulator))
        emulator.check()
        self.install()
        self._sfn.replace("_emit_execution_status_event", lambda execution: None)

    def _attempt(self, state: Any, given: Any, execution: Any, ctx: Any) -> Any:
        CURRENT_STATE.set(ctx["State"]["Name"])
        return super()._attempt(state, given, execution, ctx)

    def sleep(self, seconds: float) -> None:
        """Take no time."""

    def run(self, definition: str, arn: str, given: Any) -> tuple[dict[str, Any], list[str]]:
        """Run one execution to its end; return what became of it and the states it entered."""
        machine = arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        self._sfn._state_machines[machine] = {
            "definition": definition,
            "roleArn": ROLE,
            "name": machine.rpartition(":")[2],
        }
        execution = {
            "executionArn": arn,
            "stateMachineArn": machine,
            "name": arn.rpartition(":")[2],
            "status": "RUNNING",
            "startDate": "2026-01-01T12:00:00.000Z",
            "input": json.dumps(given),
            "events": [],
        }
        self._sfn._executions[arn] = execution
        contextvars.copy_context().run(self.run_execution, arn)
        ended: dict[str, Any] = {"status": execution["status"]}
        if execution["status"] == "SUCCEEDED":
            ended["output"] = json.loads(str(execution["output"]))
        else:
            ended |= {"error": execution["error"], "cause": execution["cause"]}
        events: list[Any] = execution["events"]  # type: ignore[assignment]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        return ended, entered


if __name__ == "__main__":
    CLIENTS = Clients()
    answer_scenarios(CLIENTS, Interpreter(CLIENTS).run)
