"""Rules, schedules and alarms reach their targets with the rights they have there: by a role or a topic's policy."""

from __future__ import annotations

import contextvars
import datetime
import threading
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from local_aws.console import say
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.roles import RoleError, RoleSessions
from local_aws.extensions.topics import Topics

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
ALARM_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


@dataclass(frozen=True)
class TargetRole:
    """Who delivers an event, as which role, and for which rule or group of schedules."""

    principal: str
    role_arn: str
    source_arn: str


class EventTargets:
    """Replaces the delivery to Step Functions and SNS; other targets stay as ministack serves them."""

    def __init__(self, emulator: Emulator, sessions: RoleSessions, topics: Topics) -> None:
        self._sessions = sessions
        self._topics = topics
        self._events = emulator.module(
            "services.eventbridge", "_invoke_target", "_dispatch_to_stepfunctions", "_dispatch_to_sns"
        )
        self._cloudwatch = emulator.module("services.cloudwatch", "_dispatch_alarm_actions")
        self._role: contextvars.ContextVar[TargetRole] = contextvars.ContextVar("target_role")

    def install(self) -> None:
        """Put the replacements in place."""
        self._invoke_target = self._events.replace("_invoke_target", self.invoke_target)
        self._events.replace("_dispatch_to_stepfunctions", self.start_execution)
        self._publish_to_sns = self._events.replace("_dispatch_to_sns", self.publish)
        self._alarm_actions = self._cloudwatch.replace("_dispatch_alarm_actions", self.alarm_actions)

    def invoke_target(
        self, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        """Deliver an event, remembering the target's role."""
        scheduled = event.get("Source") == "aws.scheduler"
        arn = rule.get("Arn", "")
        if scheduled and "Input" in target:
            target = {**target, "Input": filled_in(target["Input"], arn, event)}
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
        self._deliver("stepfunctions", "start_execution", arn, stateMachineArn=arn, input=payload)

    def publish(self, arn: str, payload: str) -> None:
        """Publish to a topic: with the target's role when it has one, else as EventBridge itself, if the topic lets it.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        """
        role = self._role.get()
        if role.role_arn:
            self._deliver("sns", "publish", arn, TopicArn=arn, Message=payload)
        elif refusal := self._topics.refusal(arn, role.principal, {}):
            failed(role.source_arn, arn, refusal)
        else:
            self._publish_to_sns(arn, payload)

    def alarm_actions(self, alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        """Tell the topics of an alarm's actions, those that let CloudWatch publish."""
        source, field = alarm.get("AlarmArn", ""), ALARM_ACTIONS.get(new_state, "")
        context = {"aws:SourceArn": source, "aws:SourceAccount": self._sessions.account_id}
        reached = []
        for arn in alarm.get(field) or []:
            refusal = self._topics.refusal(arn, "cloudwatch.amazonaws.com", context) if ":sns:" in arn else None
            if refusal:
                failed(source, arn, refusal)
            else:
                reached.append(arn)
        self._alarm_actions({**alarm, field: reached}, old_state, new_state, reason)

    def _deliver(self, service: str, method: str, arn: str, **arguments: str) -> None:
        role = self._role.get()

        def call() -> None:
            try:
                credentials = self._sessions.assume(role.role_arn, role.principal, "delivery", role.source_arn)
                getattr(self._sessions.client(service, credentials), method)(**arguments)
            except (RoleError, botocore.exceptions.ClientError) as error:
                failed(role.source_arn, arn, str(error))

        threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True).start()


def failed(source_arn: str, target_arn: str, reason: str) -> None:
    """Note a delivery that failed: on AWS in the rule's FailedInvocations metric, here in the server's log."""
    say(f"{source_arn} could not reach {target_arn}: {reason}", aside=True)


def filled_in(payload: str, schedule_arn: str, event: dict[str, Any]) -> str:
    """Return the payload of a schedule with its context attributes filled in.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    due = datetime.datetime.fromtimestamp(event["Time"], datetime.timezone.utc)
    attributes = {
        "schedule-arn": schedule_arn,
        "scheduled-time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": event["EventId"],
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        payload = payload.replace(f"<aws.scheduler.{name}>", value)
    return payload


def schedule_group(schedule_arn: str) -> str:
    """Return the group of a schedule, which is what EventBridge Scheduler shows a role's trust policy.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    return schedule_arn.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
