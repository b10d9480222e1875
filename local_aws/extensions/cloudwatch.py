"""CloudWatch alarms as they were put, and dashboards that an account has once over all regions.

ministack's answer in the query protocol, which Terraform's provider speaks, leaves out most of an alarm. Here both
directions follow botocore's model of the service, so every field of an alarm comes back. Dashboards it keeps by region;
AWS has them "global, not region-specific":
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, Shape, StructureShape

from local_aws.extensions.hooks import Emulator

# An alarm on expressions has none of the fields of an alarm on one metric.
SINGLE_METRIC_FIELDS = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


class CloudWatch:
    """Completes putting and describing metric alarms in the query protocol; makes dashboards global."""

    def __init__(self, emulator: Emulator) -> None:
        self._cloudwatch = emulator.module(
            "services.cloudwatch", "_alarms", "_dashboards", "_put_metric_alarm", "_describe_alarms", "_xml", "_p"
        )
        self._responses = emulator.module("core.responses", "AccountScopedDict")
        model = botocore.session.get_session().get_service_model("cloudwatch")
        self._input = model.operation_model("PutMetricAlarm").input_shape
        self._filter = model.operation_model("DescribeAlarms").input_shape
        self._alarm = model.shape_for("MetricAlarm")

    def install(self) -> None:
        """Put the replacements in place."""
        self._put = self._cloudwatch.replace("_put_metric_alarm", self.put_metric_alarm)
        self._describe = self._cloudwatch.replace("_describe_alarms", self.describe_alarms)
        self._cloudwatch.replace("_dashboards", self._responses.AccountScopedDict())

    def put_metric_alarm(self, params: dict[str, Any], data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        """Put an alarm and keep its metric queries too."""
        answer = self._put(params, data, is_cbor, is_json)
        if answer[0] == 200 and not is_cbor and not is_json:
            given = from_query(first_values(params), "", self._input) or {}
            alarm = self._cloudwatch._alarms[given["AlarmName"]]
            alarm["Metrics"] = given.get("Metrics")
            if alarm["Metrics"]:
                alarm.update(dict.fromkeys(SINGLE_METRIC_FIELDS))
        return answer

    def describe_alarms(self, params: dict[str, Any], data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        """Describe metric alarms in full; other protocols and composite alarms stay ministack's."""
        kinds = [self._cloudwatch._p(params, f"AlarmTypes.member.{number}") for number in (1, 2)]
        if is_cbor or is_json or "CompositeAlarm" in kinds:
            return self._describe(params, data, is_cbor, is_json)
        asked = from_query(first_values(params), "", self._filter) or {}
        wanted, prefix = asked.get("AlarmNames"), asked.get("AlarmNamePrefix", "")
        found = [
            alarm
            for name, alarm in sorted(self._cloudwatch._alarms.items())
            if (not wanted or name in wanted) and name.startswith(prefix)
        ]
        members = "".join(f"<member>{to_xml(alarm, self._alarm)}</member>" for alarm in found)
        body = f"<DescribeAlarmsResult><MetricAlarms>{members}</MetricAlarms></DescribeAlarmsResult>"
        return self._cloudwatch._xml(200, "DescribeAlarmsResponse", body)


def first_values(params: dict[str, Any]) -> dict[str, str]:
    """Return each parameter's only value; they may come as lists of one."""
    return {name: value[0] if isinstance(value, list) else value for name, value in params.items()}


def from_query(flat: dict[str, str], prefix: str, shape: Shape | None) -> Any:
    """Rebuild a value from the flattened names of the query protocol, None when it was not given.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/making-api-requests.html
    """
    if isinstance(shape, StructureShape):
        members = {
            name: from_query(flat, f"{prefix}.{name}" if prefix else name, member)
            for name, member in shape.members.items()
        }
        return {name: value for name, value in members.items() if value is not None} or None
    if isinstance(shape, ListShape):
        items: list[Any] = []
        while (item := from_query(flat, f"{prefix}.member.{len(items) + 1}", shape.member)) is not None:
            items.append(item)
        return items or None
    return flat.get(prefix)


def to_xml(value: Any, shape: Shape) -> str:
    """Write a value as the query protocol's XML; members that are None are left out."""
    if isinstance(shape, StructureShape):
        return "".join(
            f"<{name}>{to_xml(value[name], member)}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if isinstance(shape, ListShape):
        return "".join(f"<member>{to_xml(item, shape.member)}</member>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if shape.type_name == "timestamp" and isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value))
