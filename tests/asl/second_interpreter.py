"""LocalStack's interpreter of state machines, in process and without a server, over the world of a scenario.

Runs under the Python of build/judge (scripts/bootstrap.py --judge), never under that of the tests:

    build/judge/bin/python -m tests.asl.second_interpreter

Reads one line of JSON for each scenario and answers each with one, as tests/asl/judging.py says. What LocalStack's open
part lacks is added: JSONata (its own engine is Java's) is evaluated by the reference implementation, and Athena's .sync
integration starts and looks. Waits and retries take no time.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

# The bridge to Java is imported at once and used only for JSONata.
for name in ("jpype", "jpype.imports"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["jpype"].imports = sys.modules["jpype.imports"]  # type: ignore[attr-defined]

from botocore.exceptions import ClientError  # noqa: E402
from localstack.aws.api.stepfunctions import HistoryEventType  # noqa: E402
from localstack.services.stepfunctions.asl.component.common.error_name import (  # noqa: E402
    custom_error_name,
    failure_event,
    states_error_name,
    states_error_name_type,
)
from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl  # noqa: E402
from localstack.services.stepfunctions.asl.component.intrinsic import jsonata as intrinsic  # noqa: E402
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import (  # noqa: E402
    state_task_factory,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (  # noqa: E402
    resource,
    state_task_service,
    state_task_service_aws_sdk,
    state_task_service_callback,
    state_task_service_factory,
    state_task_service_glue,
)
from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function import wait_function  # noqa: E402
from localstack.services.stepfunctions.asl.eval.event import event_detail  # noqa: E402
from localstack.services.stepfunctions.asl.jsonata import jsonata  # noqa: E402
from localstack.services.stepfunctions.asl.utils import encoding  # noqa: E402
from localstack.services.stepfunctions.backend import execution, execution_worker, state_machine  # noqa: E402

from tests.asl.judged_world import ACCOUNT, CURRENT_STATE, REGION, ROLE, STARTED, Clients  # noqa: E402
from tests.asl.judging import answer_scenarios  # noqa: E402

EVALUATOR = Path(__file__).with_name("evaluate.mjs")
CLIENTS = Clients()


class Node:
    """The reference implementation of JSONata, in a process of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._process = subprocess.Popen(
            [os.environ["NODE"], str(EVALUATOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, None where it has none, as LocalStack's own engine does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            # LocalStack asks three times for each expression, and most scenarios begin alike.
            if expression not in self._known:
                self._process.stdin.write(json.dumps({"expression": expression, "bindings": {}}) + "\n")
                self._process.stdin.flush()
                self._known[expression] = self._process.stdout.readline()
            answer = json.loads(self._known[expression])
        if "error" in answer:
            raise jsonata.JSONataException("UNKNOWN", answer["error"])
        return answer.get("value")


def declarations(bindings: dict[str, Any]) -> str:
    """Bind variables as JSON; LocalStack puts texts between quotes as they are."""
    return "".join(f"{name}:={encoding.to_json_str(value, separators=(',', ':'))};" for name, value in bindings.items())


class Athena(state_task_service_callback.StateTaskServiceCallback):  # type: ignore[misc]
    """startQueryExecution.sync: https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html."""

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={resource.ResourceCondition.Sync})

    def _get_supported_parameters(self) -> set[str]:
        return {"QueryString", "QueryExecutionContext", "WorkGroup", "ResultConfiguration"}

    def _wait_for_task_token(self, *arguments: Any) -> NoReturn:
        # LocalStack's class wants it. It can only be called if a state is given another pattern than the one above.
        raise TypeError("startQueryExecution.sync waits for a query, not for a task token")

    def _from_error(self, env: Any, ex: Exception) -> Any:
        if isinstance(ex, ClientError):
            error = ex.response["Error"]
            name = custom_error_name.CustomErrorName(f"Athena.{error['Code']}")
            return self._failure(env, name, name.error_name, error["Message"])
        return super()._from_error(env, ex)

    def _failure(self, env: Any, name: Any, error: str, cause: str) -> Any:
        details = {"resource": "startQueryExecution.sync", "resourceType": "athena", "error": error, "cause": cause}
        return failure_event.FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=event_detail.EventDetails(taskFailedEventDetails=details),
        )

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> None:
        started = client_for("athena").start_query_execution(**normalised_parameters)
        env.stack.append({"QueryExecutionId": started["QueryExecutionId"]})

    def _build_sync_resolver(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> Callable[[], Any]:
        started = env.stack.pop()

        def resolve() -> Any:
            found = client_for("athena").get_query_execution(**started)
            found.pop("ResponseMetadata")
            if found["QueryExecution"]["Status"]["State"] == "SUCCEEDED":
                return found
            kind = states_error_name_type.StatesErrorNameType.StatesTaskFailed
            name = states_error_name.StatesErrorName(typ=kind)
            event = self._failure(env, name, kind.to_name(), encoding.to_json_str(found))
            raise failure_event.FailureEventException(event)

        return resolve


def client_for(service: str, **other: Any) -> Any:
    """Return the client that the world answers."""
    return CLIENTS.client(service)


def install() -> None:
    """Put in place what LocalStack's open part lacks and what needs a server."""
    jsonata._eval_jsonata = Node().evaluate
    jsonata.encode_jsonata_variable_declarations = declarations
    for known in ("$hash", "$parse"):  # the engine itself knows these
        intrinsic._DECLARATION_BY_VARIABLE_REFERENCE.pop(known)
    for module in (state_task_service_aws_sdk, state_task_service_glue):
        module.boto_client_for = client_for
    known_services = state_task_service_factory.state_task_service_for

    def service_for(service_name: str) -> Any:
        return Athena() if service_name == "athena" else known_services(service_name)

    state_task_factory.state_task_service_for = service_for
    # To parse a definition takes a second; what a parsed one remembers, it remembers with the execution.
    parser = execution_worker.AmazonStateLanguageParser
    execution_worker.AmazonStateLanguageParser = SimpleNamespace(parse=functools.cache(parser.parse))
    logging.disable()
    # Execution states run in threads of their own; this is called in the one that makes the call.
    evaluate = state_task_service.StateTaskService._eval_execution

    def evaluate_in(self: Any, env: Any) -> None:
        CURRENT_STATE.set(self.name)
        evaluate(self, env)

    state_task_service.StateTaskService._eval_execution = evaluate_in
    state_task_service_callback.StateTaskServiceCallback._eval_execution = evaluate_in
    execution.Execution.publish_execution_status_change_event = lambda self: None
    wait_function.WaitFunction._wait_interval = lambda self, env, wait_seconds: None
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: None)


def run(definition: str, arn: str, given: Any) -> tuple[dict[str, Any], list[str]]:
    """Run one execution to its end; return what became of it and the states it entered."""
    machine = arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    revision = state_machine.StateMachineRevision(
        machine.rpartition(":")[2], machine, definition, ROLE, None, None, sm_type="STANDARD"
    )
    started = execution.SyncExecution(
        arn.rpartition(":")[2], revision.sm_type, ROLE, arn, ACCOUNT, REGION, revision, STARTED, None, {}, given
    )
    started.start()
    ended: dict[str, Any] = {"status": str(started.exec_status)}
    if started.exec_status == "SUCCEEDED":
        ended["output"] = started.output
    else:
        ended |= {"error": started.error or "", "cause": started.cause or ""}
    events = started.exec_worker.env.event_manager.get_event_history()
    return ended, [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


if __name__ == "__main__":
    install()
    answer_scenarios(CLIENTS, run)
