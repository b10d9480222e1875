"""EventBridge Scheduler's rules for the expression and the time zone of a schedule.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import Any

from local_aws.extensions.hooks import Emulator

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# The fields of cron(…) in their order: least and most, and names for the numbers from the least on.
FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, MONTHS),
    (1, 7, DAYS),
    (1970, 2199, ()),
)
DAY_OF_MONTH, DAY_OF_WEEK = 2, 4
RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")


class Schedules:
    """Refuses schedules that EventBridge Scheduler would refuse."""

    def __init__(self, emulator: Emulator) -> None:
        self._scheduler = emulator.module("services.scheduler", "_create_schedule", "_update_schedule", "_error")

    def install(self) -> None:
        """Put the checks in front of what stores a schedule."""
        self._create = self._scheduler.replace("_create_schedule", self.create_schedule)
        self._update = self._scheduler.replace("_update_schedule", self.update_schedule)

    def create_schedule(self, name: str, body: dict[str, Any]) -> Any:
        """Create a schedule whose expression and time zone are right."""
        return self._refusal(body) or self._create(name, body)

    def update_schedule(self, name: str, body: dict[str, Any]) -> Any:
        """Replace a schedule by one whose expression and time zone are right."""
        return self._refusal(body) or self._update(name, body)

    def _refusal(self, body: dict[str, Any]) -> Any:
        expression = str(body.get("ScheduleExpression", ""))
        zone = str(body.get("ScheduleExpressionTimezone", "UTC"))
        if expression and not is_expression(expression):
            return self._scheduler._error(400, "ValidationException", f"Invalid Schedule Expression {expression}.")
        if zone not in zoneinfo.available_timezones():
            message = f"Provided ScheduleExpressionTimezone {zone} is not supported."
            return self._scheduler._error(400, "ValidationException", message)
        return None


def is_expression(expression: str) -> bool:
    """Say whether this is a rate, a cron or an at expression."""
    if expression.startswith("cron(") and expression.endswith(")"):
        return is_cron(expression[5:-1].split(" "))
    if expression.startswith("at(") and expression.endswith(")"):
        try:
            return bool(datetime.datetime.strptime(expression[3:-1], "%Y-%m-%dT%H:%M:%S"))
        except ValueError:
            return False
    return RATE.fullmatch(expression) is not None


def is_cron(fields: list[str]) -> bool:
    """Say whether these are the six fields of a cron expression, one of the two for days a question mark."""
    if len(fields) != len(FIELDS) or (fields[DAY_OF_MONTH] == "?") == (fields[DAY_OF_WEEK] == "?"):
        return False
    return all(is_special(index, field) or is_list(index, field) for index, field in enumerate(fields))


def is_special(index: int, field: str) -> bool:
    """Say whether a field for days holds what only such a field may."""
    if index == DAY_OF_MONTH:
        day = field.removesuffix("W")
        last = field in ("?", "L", "LW") or re.fullmatch(r"L-[1-9][0-9]?", field) is not None
        return last or (day != field and number(index, day) is not None)
    if index == DAY_OF_WEEK:
        day, _, week = field.removesuffix("L").partition("#")
        counted = field.endswith("L") != (week in ("1", "2", "3", "4", "5"))
        return field in ("?", "L") or (counted and number(index, day) is not None)
    return False


def is_list(index: int, field: str) -> bool:
    """Say whether a field is a list of values, ranges and steps."""
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if slash and not re.fullmatch(r"[1-9][0-9]*", step):
            return False
        if span != "*" and not all(number(index, end) is not None for end in span.split("-", 1)):
            return False
    return True


def number(index: int, text: str) -> int | None:
    """Return the number that a value of a field stands for, None when it may not stand there."""
    least, most, names = FIELDS[index]
    if text.upper() in names:
        return least + names.index(text.upper())
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) and least <= int(text) <= most else None
