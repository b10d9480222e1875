"""Roles that a request hands over to a service, which whoever makes it has to be allowed: iam:PassRole.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

import json
from typing import Any

# Where a request names roles, by service and operation; a list stands for each of its entries.
PLACES: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("glue", "CreateJob"): (("Role",),),
    ("glue", "UpdateJob"): (("JobUpdate", "Role"),),
    ("glue", "CreateCrawler"): (("Role",),),
    ("glue", "UpdateCrawler"): (("Role",),),
    ("states", "CreateStateMachine"): (("roleArn",),),
    ("states", "UpdateStateMachine"): (("roleArn",),),
    ("events", "PutRule"): (("RoleArn",),),
    ("events", "PutTargets"): (("Targets", "RoleArn"),),
    ("scheduler", "CreateSchedule"): (("Target", "RoleArn"),),
    ("scheduler", "UpdateSchedule"): (("Target", "RoleArn"),),
}
# EventBridge Scheduler names its operations by method and path.
SCHEDULES = {"POST": "CreateSchedule", "PUT": "UpdateSchedule"}


def passed_roles(service: str, method: str, headers: dict[str, str], path: str, body: bytes) -> list[str]:
    """Return the roles, by ARN or name, that a request hands over to the service that it is made to."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "scheduler" and path.startswith("/schedules/"):
        operation = SCHEDULES.get(method, "")
    places = PLACES.get((service, operation), ())
    try:
        request = json.loads(body) if places and body else {}
    except ValueError:
        return []
    return [role for place in places for role in texts_at(request, place)]


def texts_at(value: Any, place: tuple[str, ...]) -> list[str]:
    """Return the texts at a place of a request."""
    if isinstance(value, list):
        return [text for item in value for text in texts_at(item, place)]
    if not place:
        return [value] if isinstance(value, str) and value else []
    return texts_at(value.get(place[0]), place[1:]) if isinstance(value, dict) else []
