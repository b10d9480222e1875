"""Step Functions: executions that act with the state machine's own role, stop what they started and keep AWS's limits.

ministack's engine evaluates JSONata, choices, waits and paths. Replaced here are the walk through the states (history
also inside Map and Parallel, payload limit, stop and timeout), the Task state and the service integrations.
"""

from __future__ import annotations

import contextvars
import copy
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from local_aws.extensions import sdk_calls
from local_aws.extensions.definitions import problems_of
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import Iam
from local_aws.extensions.keys import Keys
from local_aws.extensions.machine_keys import MachineKeys
from local_aws.extensions.roles import Credentials, RoleError, RoleSessions

Json = Any
Definition = dict[str, Any]
Context = dict[str, Any]

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
PAYLOAD_LIMIT = 256 * 1024
HISTORY_LIMIT = 25_000
HISTORY_FULL = f"The execution reached the maximum number of history events ({HISTORY_LIMIT})."
# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
MAX_ITERATIONS_AT_ONCE = 40
DEFAULT_TASK_SECONDS = 99_999_999
POLL_SECONDS = 0.2
# States.ALL does not catch these: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
# A time with a fraction of a second: what stands before it, its digits, and the offset.
ISO_TIME = re.compile(r"^(.*T\d\d:\d\d:\d\d)\.(\d+)(.*)$")
TERMINAL_ERRORS = ("States.DataLimitExceeded", "States.Runtime")
STOPPED = "LocalAws.ExecutionStopped"
LAST_EVENTS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
# What AWS documents as needed for the .sync form, whether or not a run happens to come to it:
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html and .../connect-athena.html
GLUE_JOB_ACTIONS = ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")
ATHENA_QUERY_ACTIONS = ("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution")
ATHENA_CATALOG_ACTIONS = ("athena:GetDataCatalog",)
# Every end of a run but SUCCEEDED: https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html
FAILED_JOB_RUN_STATES = ("FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED")
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
LOG_DELIVERY_ACTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
# The two on the same page that know resources.
LOG_WRITING_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
TRACING_ACTIONS = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)


@dataclass(frozen=True)
class Run:
    """The execution that the current thread works for."""

    execution: dict[str, Any]
    credentials: Credentials

    @property
    def ended(self) -> bool:
        """Whether somebody stopped the execution or its time ran out."""
        return bool(self.execution["status"] != "RUNNING")


class StepFunctions:
    """Replaces ministack's walk through the states and its integrations."""

    def __init__(
        self,
        emulator: Emulator,
        sessions: RoleSessions,
        iam: Iam,
        keys: Keys,
        spelling: sdk_calls.Spelling = sdk_calls.DOCUMENTED,
    ) -> None:
        self._sessions = sessions
        self._keys = MachineKeys(iam, keys)
        self._spelling = spelling
        self._iam = iam
        self._sfn = emulator.module(
            "services.stepfunctions",
            "_ExecutionError",
            "_SERVICE_DISPATCH",
            "_add_event",
            "_apply_catcher",
            "_apply_input_path",
            "_apply_jsonata_arguments",
            "_apply_jsonata_output",
            "_apply_jsonata_template",
            "_apply_output_path",
            "_apply_parameters",
            "_apply_result_path",
            "_apply_result_selector",
            "_apply_state_assign",
            "_create_state_machine",
            "_describe_state_machine",
            "_emit_execution_status_event",
            "_error_matches",
            "_execute_choice",
            "_execute_map",
            "_execute_parallel",
            "_execute_pass",
            "_execute_task",
            "_execute_wait",
            "_executions",
            "_fail_state_error",
            "_find_matching_catcher",
            "_find_matching_retrier",
            "_invoke_aws_sdk_integration",
            "_invoke_resource",
            "_jsonata_state_field",
            "_next_or_end",
            "_resolve_path_or_ctx",
            "_resolve_params_obj",
            "_run_execution",
            "_run_map_items",
            "_run_parallel_branches",
            "_run_sub_machine",
            "_scaled_sleep",
            "_sfn_jsonata_to_millis",
            "_SFN_WAIT_SCALE",
            "_state_machines",
            "_state_query_language",
            "_update_state_machine",
            "_validate_state_machine_definition",
            "jsonata",
        )
        self._responses = emulator.module("core.responses", "error_response_json", "json_response", "now_iso")
        self._run: contextvars.ContextVar[Run] = contextvars.ContextVar("run")
        self._cancelled: contextvars.ContextVar[threading.Event] = contextvars.ContextVar("cancelled")
        self._last_event: contextvars.ContextVar[int] = contextvars.ContextVar("last_event", default=0)
        self._events_lock = threading.RLock()

    def to_millis(self, timestamp: object = None, picture: object = None) -> object:
        """Read a time that Python's own reader may not know, by any Python that is supported."""
        if isinstance(timestamp, str) and picture is None:
            timestamp = plain_time(timestamp)
        return self._to_millis(timestamp, picture)

    def install(self) -> None:
        """Put the replacements in place."""
        sfn = self._sfn
        sfn.replace("_run_execution", self.run_execution)
        sfn.replace("_run_sub_machine", self.walk)
        sfn.replace("_add_event", self.add_event)
        sfn.replace("_error_matches", error_matches)
        sfn.replace("_apply_state_assign", self.assign)
        sfn.replace("_scaled_sleep", self.sleep)
        self._to_millis = sfn.replace("_sfn_jsonata_to_millis", self.to_millis)
        sfn.replace("_invoke_aws_sdk_integration", self.aws_sdk)
        sfn.replace("_run_parallel_branches", self.parallel)
        self._task_with_token = sfn.replace("_execute_task", self.task)
        self._distributed_map = sfn.replace("_run_map_items", self.map)
        self._create = sfn.replace("_create_state_machine", self.create_state_machine)
        self._update = sfn.replace("_update_state_machine", self.update_state_machine)
        sfn.replace("_validate_state_machine_definition", self.validate_definition)
        # An expression has a second, which a busy machine must not spend on others.
        sfn.jsonata.timebox.Timebox.current_milli_time = staticmethod(milliseconds_of_work)
        sfn._SERVICE_DISPATCH["arn:aws:states:::glue:startJobRun"] = self.glue_job
        sfn._SERVICE_DISPATCH["arn:aws:states:::athena:startQueryExecution"] = self.athena_query
        sfn._SERVICE_DISPATCH["arn:aws:states:::athena:stopQueryExecution"] = self.plain_athena
        sfn._SERVICE_DISPATCH["arn:aws:states:::athena:getQueryExecution"] = self.plain_athena
        sfn._SERVICE_DISPATCH["arn:aws:states:::athena:getQueryResults"] = self.plain_athena
        sfn._SERVICE_DISPATCH["arn:aws:states:::sns:publish"] = self.plain_sns
        sfn._SERVICE_DISPATCH["arn:aws:states:::events:putEvents"] = self.plain_events

    # Definitions

    def create_state_machine(self, data: dict[str, Any]) -> Any:
        """Create a state machine if it is sound and its role may be assumed and may deliver what is to be logged."""
        return self._refusal(data) or self._create(data)

    def update_state_machine(self, data: dict[str, Any]) -> Any:
        """Update a state machine under the same conditions."""
        machine = self._sfn._state_machines.get(data.get("stateMachineArn")) or {}
        return self._refusal({**machine, **data}) or self._update(data)

    def validate_definition(self, data: dict[str, Any]) -> Any:
        """Answer ValidateStateMachineDefinition, which Terraform asks while planning."""
        problems = problems_of(data.get("definition", ""))
        diagnostics = [
            {"severity": "ERROR", "code": problem.partition(":")[0], "message": problem} for problem in problems
        ]
        return self._responses.json_response({"result": "FAIL" if problems else "OK", "diagnostics": diagnostics})

    def _refusal(self, data: dict[str, Any]) -> Any:
        problems = problems_of(data.get("definition", ""))
        if problems:
            message = "Invalid State Machine Definition: " + "; ".join(problems)
            return self._responses.error_response_json("InvalidDefinition", message, 400)
        arn = f"arn:aws:states:{self._sessions.region}:{self._sessions.account_id}:stateMachine:{data.get('name')}"
        try:
            credentials = self._sessions.assume(data.get("roleArn", ""), "states.amazonaws.com", "create", arn)
        except RoleError as error:
            return self._responses.error_response_json("AccessDeniedException", str(error), 400)
        needed: list[tuple[str, str]] = []
        logging = data.get("loggingConfiguration") or {}
        if logging.get("level", "OFF") != "OFF":
            needed += [(action, "*") for action in LOG_DELIVERY_ACTIONS]
            for destination in logging.get("destinations") or []:
                group = destination["cloudWatchLogsLogGroup"]["logGroupArn"]
                stream = f"{group.removesuffix(':*')}:log-stream:{data.get('name')}"
                needed += [(action, stream) for action in LOG_WRITING_ACTIONS]
        if (data.get("tracingConfiguration") or {}).get("enabled"):
            needed += [(action, "*") for action in TRACING_ACTIONS]
        for action, resource in needed:
            denial = self._iam.denial(credentials.access_key, action, resource)
            if denial:
                message = f"The state machine IAM Role is not authorized to access the Log Destination: {denial}"
                return self._responses.error_response_json("AccessDeniedException", message, 400)
        refused = self._keys.creation_refusal(data, arn, credentials.access_key)
        return self._responses.error_response_json(*refused, 400) if refused else None

    # Executions

    def run_execution(self, execution_arn: str) -> None:
        """Run an execution to its end in the current thread."""
        execution = self._sfn._executions.get(execution_arn)
        machine = self._sfn._state_machines.get(execution["stateMachineArn"])
        self._last_event.set(len(execution["events"]))
        try:
            definition = json.loads(machine["definition"])
            credentials = self._sessions.assume(
                machine["roleArn"], "states.amazonaws.com", execution["name"][:64], execution["stateMachineArn"]
            )
        except (RoleError, ValueError) as error:
            self._end(execution, "FAILED", error="States.Runtime", cause=str(error))
            return
        refused = self._keys.execution_refusal(machine, execution["stateMachineArn"], credentials.access_key)
        if refused:
            self._end(execution, "FAILED", error="KmsAccessDeniedException", cause=refused)
            return
        self._run.set(Run(execution, credentials))
        timer = self._start_timer(execution, definition.get("TimeoutSeconds"))
        try:
            given = json.loads(execution["input"])
            ctx: Context = {
                "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
                "Execution": {
                    "Id": execution_arn,
                    "Input": given,
                    "Name": execution["name"],
                    "RoleArn": machine["roleArn"],
                    "StartTime": execution["startDate"],
                },
                "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
                "variables": {},
            }
            output = self.walk(definition["States"], definition["StartAt"], given, execution, ctx)
            self._end(execution, "SUCCEEDED", output=output)
        except self._sfn._ExecutionError as error:
            self._end(execution, "FAILED", error=error.error, cause=error.cause)
        except Exception as error:
            self._end(execution, "FAILED", error="States.Runtime", cause=f"{type(error).__name__}: {error}")
            raise
        finally:
            if timer:
                timer.cancel()

    def _start_timer(self, execution: dict[str, Any], seconds: float | None) -> threading.Timer | None:
        if not seconds:
            return None
        context = contextvars.copy_context()
        cause = f"The execution took longer than {seconds} seconds"
        timer = threading.Timer(
            seconds, context.run, (self._end, execution, "TIMED_OUT"), {"error": "States.Timeout", "cause": cause}
        )
        timer.daemon = True
        timer.start()
        return timer

    def _end(
        self, execution: dict[str, Any], status: str, output: Json = None, error: str = "", cause: str = ""
    ) -> None:
        """Put an execution into its final status, unless it has one already."""
        with self._events_lock:
            if execution["status"] != "RUNNING":
                return
            execution["stopDate"] = self._responses.now_iso()
            if status == "SUCCEEDED":
                execution["output"] = json.dumps(output)
                details = {"executionSucceededEventDetails": {"output": execution["output"]}}
            else:
                execution["error"], execution["cause"] = error, cause
                key = "executionFailedEventDetails" if status == "FAILED" else "executionTimedOutEventDetails"
                details = {key: {"error": error, "cause": cause}}
            event = {"SUCCEEDED": "ExecutionSucceeded", "FAILED": "ExecutionFailed", "TIMED_OUT": "ExecutionTimedOut"}
            self.add_event(execution, event[status], details)
            execution["status"] = status
        self._sfn._emit_execution_status_event(execution)

    def add_event(self, execution: dict[str, Any], kind: str, details: Json = None) -> dict[str, Any]:
        """Append to the history; previousEventId leads back along the branch that the event belongs to.

        A full history ends the execution: https://docs.aws.amazon.com/step-functions/latest/dg/bp-history-limit.html
        Nothing follows its end.
        """
        last = kind in LAST_EVENTS
        with self._events_lock:
            if not last:
                self._stop_if_ended()
            full = not last and self._is_full(execution)
            event = {
                "id": len(execution["events"]) + 1,
                "previousEventId": self._last_event.get(),
                "type": kind,
                "timestamp": self._responses.now_iso(),
                **(details or {}),
            }
            if not full:
                execution["events"].append(event)
        if full:
            self._end(execution, "FAILED", error="States.Runtime", cause=HISTORY_FULL)
            raise self._sfn._ExecutionError(STOPPED, HISTORY_FULL)
        self._last_event.set(event["id"])
        return event

    def _is_full(self, execution: dict[str, Any]) -> bool:
        """Whether only the last event still fits into a history; that of an Express execution has no end."""
        if len(execution["events"]) < HISTORY_LIMIT - 1:
            return False
        machine = self._sfn._state_machines.get(execution["stateMachineArn"]) or {}
        return bool(machine.get("type") != "EXPRESS")

    def walk(
        self, states: dict[str, Definition], start: str, given: Json, execution: dict[str, Any], ctx: Context
    ) -> Json:
        """Go through the states of a state machine, a Map iteration or a Parallel branch; return its output."""
        name: str | None = start
        data = copy.deepcopy(given)
        self._check_size(data, f"The state/task '{start}' got an input")
        while name:
            if name not in states:
                raise self._sfn._ExecutionError("States.Runtime", f"The state {name!r} does not exist")
            self._stop_if_ended()
            state = states[name]
            kind = state["Type"]
            ctx["State"] = {"Name": name, "EnteredTime": self._responses.now_iso(), "RetryCount": 0}
            entered = {"name": name, "input": json.dumps(data)}
            self.add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
            if kind == "Fail":
                raise self._sfn._ExecutionError(*self._sfn._fail_state_error(state, data, ctx))
            if kind == "Succeed":
                data, following = self._succeed(state, data, ctx), None
            elif kind in ("Task", "Map", "Parallel"):
                run: Callable[..., tuple[Json, str | None]] = getattr(self._sfn, f"_execute_{kind.lower()}")
                data, following = run(state, data, execution, ctx)
            elif kind in ("Pass", "Choice", "Wait"):
                run = getattr(self._sfn, f"_execute_{kind.lower()}")
                data, following = run(state, data, ctx)
            else:
                raise self._sfn._ExecutionError("States.Runtime", f"{kind} is not a type of state")
            self._check_size(data, f"The state/task '{name}' returned a result")
            left = {"name": name, "output": json.dumps(data)}
            self.add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": left})
            name = following
        return data

    def _succeed(self, state: Definition, data: Json, ctx: Context) -> Json:
        if self._sfn._state_query_language(state, ctx) == "JSONata":
            return self._sfn._apply_jsonata_output(state, data, ctx, default=data)
        return self._sfn._apply_output_path(state, self._sfn._apply_input_path(state, data, ctx), ctx)

    def _stop_if_ended(self) -> None:
        run = self._run.get(None)
        if run and run.ended:
            raise self._sfn._ExecutionError(STOPPED, f"The execution is {run.execution['status']}")

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than the execution lives."""
        end = time.monotonic() + seconds * self._sfn._SFN_WAIT_SCALE
        while (left := end - time.monotonic()) > 0:
            self._stop_if_ended()
            time.sleep(min(left, POLL_SECONDS))

    def _check_size(self, value: Json, what: str) -> None:
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        if size > PAYLOAD_LIMIT:
            raise self._sfn._ExecutionError(
                "States.DataLimitExceeded",
                f"{what} with a size exceeding the maximum number of bytes service limit.",
            )

    def assign(
        self, state: Definition, given: Json, ctx: Context | None, result: Json = None, error_output: Json = None
    ) -> None:
        """Evaluate all of a state's Assign with the values before it, then assign them together."""
        template = state.get("Assign")
        if ctx is None or not isinstance(template, dict) or self._sfn._state_query_language(state, ctx) != "JSONata":
            return
        values = self._sfn._apply_jsonata_template(template, given, ctx, result=result, error_output=error_output)
        for name, value in values.items():
            self._check_size(value, f"The state/task '{ctx['State']['Name']}' assigned the variable '{name}'")
        ctx.setdefault("variables", {}).update(values)

    # Map and Parallel

    def map(self, state: Definition, given: Json, execution: dict[str, Any], ctx: Context) -> tuple[Json, str | None]:
        """Run an inline Map, each iteration with its own variables and its own branch of the history."""
        sfn = self._sfn
        processor = state.get("ItemProcessor") or state.get("Iterator") or {}
        if (processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED":
            output, following = self._distributed_map(state, given, execution, ctx)
            return output, following
        jsonata = sfn._state_query_language(state, ctx) == "JSONata"
        effective = sfn._apply_input_path(state, given, ctx)
        if jsonata and "Items" in state:
            items = sfn._jsonata_state_field(state, "Items", "array", given, ctx)
        else:
            items = sfn._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
        limit = state.get("MaxConcurrency", 0)
        if jsonata and isinstance(limit, str):
            limit = sfn._jsonata_state_field(state, "MaxConcurrency", "number", given, ctx)
        at_once = min(int(limit) or MAX_ITERATIONS_AT_ONCE, MAX_ITERATIONS_AT_ONCE)
        name = ctx["State"]["Name"]
        self.add_event(execution, "MapStateStarted", {"mapStateStartedEventDetails": {"length": len(items)}})

        def iteration(index: int) -> Json:
            item_ctx = copy.deepcopy(ctx)
            item_ctx["Map"] = {"Item": {"Index": index, "Value": items[index]}}
            selector = state.get("ItemSelector") or state.get("Parameters")
            if not selector:
                chosen = items[index]
            elif jsonata:
                chosen = sfn._apply_jsonata_template(selector, given, item_ctx)
            else:
                chosen = sfn._resolve_params_obj(selector, effective, item_ctx)
            details = {"name": name, "index": index}
            self.add_event(execution, "MapIterationStarted", {"mapIterationStartedEventDetails": details})
            try:
                output = self.walk(processor["States"], processor["StartAt"], chosen, execution, item_ctx)
            except sfn._ExecutionError:
                self.add_event(execution, "MapIterationFailed", {"mapIterationFailedEventDetails": details})
                raise
            self.add_event(execution, "MapIterationSucceeded", {"mapIterationSucceededEventDetails": details})
            return output

        results = self._all([partial(iteration, index) for index in range(len(items))], at_once)
        self.add_event(execution, "MapStateSucceeded")
        return self._branches_output(state, given, results, ctx)

    def parallel(
        self, state: Definition, given: Json, execution: dict[str, Any], ctx: Context
    ) -> tuple[Json, str | None]:
        """Run the branches of a Parallel, each with its own variables."""
        sfn = self._sfn
        if sfn._state_query_language(state, ctx) == "JSONata":
            effective = sfn._apply_jsonata_arguments(state, given, ctx)
        else:
            effective = sfn._apply_parameters(state, sfn._apply_input_path(state, given, ctx), ctx)
        self.add_event(execution, "ParallelStateStarted")

        def branch(definition: Definition) -> Json:
            return self.walk(definition["States"], definition["StartAt"], effective, execution, copy.deepcopy(ctx))

        results = self._all([partial(branch, definition) for definition in state["Branches"]], 0)
        self.add_event(execution, "ParallelStateSucceeded")
        return self._branches_output(state, given, results, ctx)

    def _all(self, tasks: list[Callable[[], Json]], limit: int) -> list[Json]:
        """Run tasks in threads, at most `limit` at a time (0: all); the first failure ends the wait."""
        if not tasks:
            return []
        with ThreadPoolExecutor(limit or len(tasks)) as pool:
            futures: list[Future[Json]] = [pool.submit(contextvars.copy_context().run, task) for task in tasks]
            pending = set(futures)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                if any(future.exception() for future in done):
                    for future in pending:
                        future.cancel()
        for future in futures:
            if not future.cancelled() and (error := future.exception()):
                raise error
        return [future.result() for future in futures]

    def _branches_output(
        self, state: Definition, given: Json, results: list[Json], ctx: Context
    ) -> tuple[Json, str | None]:
        sfn = self._sfn
        if sfn._state_query_language(state, ctx) == "JSONata":
            output = sfn._apply_jsonata_output(state, given, ctx, result=results, default=results)
            self.assign(state, given, ctx, result=results)
        else:
            output = sfn._apply_result_path(state, given, sfn._apply_result_selector(state, results))
            output = sfn._apply_output_path(state, output, ctx)
        return output, sfn._next_or_end(state)

    # Task

    def task(self, state: Definition, given: Json, execution: dict[str, Any], ctx: Context) -> tuple[Json, str | None]:
        """Run a Task with its Retry and Catch."""
        sfn = self._sfn
        resource = state["Resource"]
        if ".waitForTaskToken" in resource or ":activity:" in resource:
            output, following = self._task_with_token(state, given, execution, ctx)
            return output, following
        jsonata = sfn._state_query_language(state, ctx) == "JSONata"
        retries: dict[int, int] = {}
        while True:
            ctx["State"]["RetryCount"] = sum(retries.values())
            try:
                result = self._attempt(state, given, execution, ctx)
                if jsonata:
                    output = sfn._apply_jsonata_output(state, given, ctx, result=result, default=result)
                    self.assign(state, given, ctx, result=result)
                else:
                    output = sfn._apply_result_path(state, given, sfn._apply_result_selector(state, result))
                    output = sfn._apply_output_path(state, output, ctx)
                return output, sfn._next_or_end(state)
            except sfn._ExecutionError as error:
                retrier, index = sfn._find_matching_retrier(state.get("Retry", []), error.error, retries)
                if retrier is not None:
                    self.sleep(retry_delay(retrier, retries.get(index, 0)))
                    retries[index] = retries.get(index, 0) + 1
                    continue
                catcher = sfn._find_matching_catcher(state.get("Catch", []), error.error)
                if catcher is None:
                    raise
                language = "JSONata" if jsonata else "JSONPath"
                caught = {"Error": error.error, "Cause": error.cause}
                return sfn._apply_catcher(catcher, given, ctx, language, caught), catcher["Next"]

    def _attempt(self, state: Definition, given: Json, execution: dict[str, Any], ctx: Context) -> Json:
        sfn = self._sfn
        resource = state["Resource"]
        if sfn._state_query_language(state, ctx) == "JSONata":
            arguments = sfn._apply_jsonata_arguments(state, given, ctx)
            seconds = state.get("TimeoutSeconds", DEFAULT_TASK_SECONDS)
            if isinstance(seconds, str):
                seconds = sfn._jsonata_state_field(state, "TimeoutSeconds", "number", given, ctx)
        else:
            arguments = sfn._apply_parameters(state, sfn._apply_input_path(state, given, ctx), ctx)
            seconds = state.get("TimeoutSeconds", DEFAULT_TASK_SECONDS)
            if "TimeoutSecondsPath" in state:
                seconds = sfn._resolve_path_or_ctx(state["TimeoutSecondsPath"], given, ctx)
        self._check_size(arguments, f"The state/task '{ctx['State']['Name']}' got arguments")
        kind = event_resource(resource)
        scheduled = {**kind, "region": self._sessions.region, "parameters": json.dumps(arguments)}
        self.add_event(execution, "TaskScheduled", {"taskScheduledEventDetails": scheduled})
        self.add_event(execution, "TaskStarted", {"taskStartedEventDetails": kind})
        try:
            result = self._invoke(resource, arguments, seconds)
            self._check_size(result, f"The state/task '{resource}' returned a result")
        except sfn._ExecutionError as error:
            timed_out = error.error == "States.Timeout"
            key = "taskTimedOutEventDetails" if timed_out else "taskFailedEventDetails"
            details = {**kind, "error": error.error, "cause": error.cause}
            self.add_event(execution, "TaskTimedOut" if timed_out else "TaskFailed", {key: details})
            raise
        succeeded = {**kind, "output": json.dumps(result)}
        self.add_event(execution, "TaskSucceeded", {"taskSucceededEventDetails": succeeded})
        return result

    def _invoke(self, resource: str, arguments: Json, seconds: float) -> Json:
        """Call the integration in a thread of its own, so that the timeout holds for every kind of call."""
        cancelled = threading.Event()
        outcome: Future[Json] = Future()
        context = contextvars.copy_context()
        context.run(self._cancelled.set, cancelled)

        def work() -> None:
            try:
                outcome.set_result(context.run(self._sfn._invoke_resource, resource, arguments))
            except BaseException as error:
                outcome.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        done, _ = wait([outcome], timeout=seconds)
        if not done:
            cancelled.set()
            raise self._sfn._ExecutionError("States.Timeout", f"The task took longer than {seconds} seconds")
        return outcome.result()

    # Integrations

    def aws_sdk(self, resource: str, arguments: Json) -> Json:
        """Make the call of an `aws-sdk` resource with the state machine's role."""
        service, action = resource.partition(":::aws-sdk:")[2].split(":")[:2]
        return self._call(service, action, arguments)

    def _call(self, service: str, action: str, arguments: Json, *, optimized: bool = False) -> Json:
        client = self._sessions.client(sdk_calls.BOTOCORE_SERVICES.get(service, service), self._run.get().credentials)
        try:
            return sdk_calls.call(
                client, service, action, arguments or {}, optimized=optimized, spelling=self._spelling
            )
        except sdk_calls.SdkCallError as error:
            raise self._sfn._ExecutionError(error.error, error.cause) from error

    def plain_athena(self, resource: str, arguments: Json) -> Json:
        """Make one of Athena's request-response calls."""
        return self._call("athena", resource.rpartition(":")[2], arguments, optimized=True)

    def plain_sns(self, resource: str, arguments: Json) -> Json:
        """Publish to SNS."""
        return self._call("sns", "publish", arguments)

    def plain_events(self, resource: str, arguments: Json) -> Json:
        """Put events on an EventBridge bus."""
        return self._call("eventbridge", "putEvents", arguments)

    def glue_job(self, resource: str, arguments: Json) -> Json:
        """Start a Glue job; in the .sync form wait for its end, and stop it when the task or execution ends first."""
        sync = resource.endswith(".sync")
        name = arguments.get("JobName", "")
        if sync:
            self._check_sync_rights(GLUE_JOB_ACTIONS, "glue", f"job/{name}", "Glue.AccessDeniedException")
        started = self._call("glue", "startJobRun", arguments, optimized=True)
        self._submitted(resource, started)
        if not sync:
            return started
        run = {"JobName": name, "RunId": started["JobRunId"]}
        stop = {"JobName": name, "JobRunIds": [started["JobRunId"]]}
        with self._stopping("glue", "batchStopJobRun", stop):
            while True:
                found = self._call("glue", "getJobRun", run, optimized=True)["JobRun"]
                if found["JobRunState"] == "SUCCEEDED":
                    return found
                if found["JobRunState"] in FAILED_JOB_RUN_STATES:
                    raise self._sfn._ExecutionError("States.TaskFailed", json.dumps(found))
                self._pause()

    def athena_query(self, resource: str, arguments: Json) -> Json:
        """Start an Athena query; in the .sync form wait for its end."""
        sync = resource.endswith(".sync")
        if sync:
            group = arguments.get("WorkGroup", "primary")
            catalog = (arguments.get("QueryExecutionContext") or {}).get("Catalog", "AwsDataCatalog")
            error = "Athena.AthenaException"
            self._check_sync_rights(ATHENA_QUERY_ACTIONS, "athena", f"workgroup/{group}", error)
            self._check_sync_rights(ATHENA_CATALOG_ACTIONS, "athena", f"datacatalog/{catalog}", error)
        started = self._call("athena", "startQueryExecution", arguments, optimized=True)
        self._submitted(resource, started)
        if not sync:
            return started
        with self._stopping("athena", "stopQueryExecution", started):
            while True:
                found = self._call("athena", "getQueryExecution", started, optimized=True)
                state = found["QueryExecution"]["Status"]["State"]
                if state == "SUCCEEDED":
                    return found
                if state in ("FAILED", "CANCELLED"):
                    raise self._sfn._ExecutionError("States.TaskFailed", json.dumps(found))
                self._pause()

    def _check_sync_rights(self, actions: tuple[str, ...], service: str, resource: str, error: str) -> None:
        arn = f"arn:aws:{service}:{self._sessions.region}:{self._sessions.account_id}:{resource}"
        for action in actions:
            denial = self._iam.denial(self._run.get().credentials.access_key, action, arn)
            if denial:
                raise self._sfn._ExecutionError(error, denial)

    def _submitted(self, resource: str, output: Json) -> None:
        details = {**event_resource(resource), "output": json.dumps(output)}
        self.add_event(self._run.get().execution, "TaskSubmitted", {"taskSubmittedEventDetails": details})

    @contextmanager
    def _stopping(self, service: str, action: str, arguments: Json) -> Iterator[None]:
        """Make the stopping call when the wait inside ends because the task or the execution did."""
        try:
            yield
        except self._sfn._ExecutionError as error:
            if error.error == STOPPED:
                self._call(service, action, arguments)
            raise

    def _pause(self) -> None:
        self._stop_if_ended()
        if self._cancelled.get().wait(POLL_SECONDS):
            raise self._sfn._ExecutionError(STOPPED, "The task took too long")


def plain_time(text: str) -> str:
    """Return an ISO 8601 time as Python 3.10 reads it too: an offset for Z, and six digits of a second.

    https://docs.python.org/3.10/library/datetime.html#datetime.datetime.fromisoformat
    """
    return ISO_TIME.sub(lambda found: f"{found[1]}.{found[2][:6]:0<6}{found[3]}", re.sub("Z$", "+00:00", text))


def milliseconds_of_work() -> int:
    """Return how long a processor has worked for this thread."""
    return time.thread_time_ns() // 1_000_000


def error_matches(wanted: list[str], error: str) -> bool:
    """Whether a Retry's or Catch's ErrorEquals covers an error."""
    if error == STOPPED:
        return False
    if error in wanted:
        return True
    if error in TERMINAL_ERRORS:
        return False
    return "States.ALL" in wanted or ("States.TaskFailed" in wanted and error != "States.Timeout")


def retry_delay(retrier: dict[str, Any], attempts: int) -> float:
    """Return the seconds before the next attempt: https://states-language.net/spec.html#errors."""
    delay = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** attempts
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    if retrier.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)  # noqa: S311 - spreads load, protects nothing
    return delay


def event_resource(resource: str) -> dict[str, str]:
    """Return how the history names a resource: `aws-sdk:s3` and `getObject`, or `glue` and `startJobRun.sync`."""
    kind, _, action = resource.partition(":::")[2].rpartition(":")
    return {"resourceType": kind or resource, "resource": action or resource}
