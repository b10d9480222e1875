"""Rules and schedules that start a state machine do so with the role of the target, as EventBridge does."""

from __future__ import annotations

import contextvars
import sys
import threading
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.roles import RoleError, RoleSessions


@dataclass(frozen=True)
class TargetRole:
    """Who delivers an event, as which role, and for which rule or group of schedules."""

    principal: str
    role_arn: str
    source_arn: str


class EventTargets:
    """Replaces the delivery to Step Functions; other targets stay as ministack serves them."""

    def __init__(self, emulator: Emulator, sessions: RoleSessions) -> None:
        self._sessions = sessions
        self._events = emulator.module("services.eventbridge", "_invoke_target", "_dispatch_to_stepfunctions")
        self._role: contextvars.ContextVar[TargetRole] = contextvars.ContextVar("target_role")

    def install(self) -> None:
        """Put the replacements in place."""
        self._invoke_target = self._events.replace("_invoke_target", self.invoke_target)
        self._events.replace("_dispatch_to_stepfunctions", self.start_execution)

    def invoke_target(
        self, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        """Deliver an event, remembering the target's role."""
        scheduled = event.get("Source") == "aws.scheduler"
        arn = rule.get("Arn", "")
        role = TargetRole(
            principal="scheduler.amazonaws.com" if scheduled else "events.amazonaws.com",
            role_arn=target.get("RoleArn", ""),
            source_arn=schedule_group(arn) if scheduled else arn,
        )
        token = self._role.set(role)
        try:
            self._invoke_target(target, event, rule, view)
        finally:
            self._role.reset(token)

    def start_execution(self, arn: str, payload: str) -> None:
        """Start the state machine over HTTP, off the thread that serves requests."""
        role = self._role.get()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._start, role, arn, payload), daemon=True).start()

    def _start(self, role: TargetRole, arn: str, payload: str) -> None:
        try:
            credentials = self._sessions.assume(role.role_arn, role.principal, "delivery", role.source_arn)
            self._sessions.client("stepfunctions", credentials).start_execution(stateMachineArn=arn, input=payload)
        except (RoleError, botocore.exceptions.ClientError) as error:
            # On AWS this shows as the rule's FailedInvocations metric; here it goes to the server's log.
            sys.stderr.write(f"{role.source_arn} could not start {arn}: {error}\n")


def schedule_group(schedule_arn: str) -> str:
    """Return the group of a schedule, which is what EventBridge Scheduler shows a role's trust policy.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    return schedule_arn.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
