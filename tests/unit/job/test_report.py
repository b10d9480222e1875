"""The report: one line of JSON that never outgrows a state's payload, and metrics in one namespace."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from contract import DatasetContract, parse_contract
from report import CONVERSION_METRICS, LARGEST, METRICS, MetricsError, Report, UnitReport, send_metrics

REPORT = Report("d", "r", "apply", "loaded", True, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1.5)


def contract(lake: str = "s3://l/") -> DatasetContract:
    return parse_contract({"dataset": "d", "database": "db", "source_uri": "s3://r/", "lake_uri": lake})


def it_cuts_long_lists_and_shows_changed_units_first() -> None:
    kept = tuple(UnitReport({"m": str(number)}, "kept", "unchanged", 1) for number in range(200))
    changed = UnitReport({"m": "x"}, "replaced", "sources 1 added", 2)
    report = replace(REPORT, units=(*kept, changed), unmatched_keys=tuple(str(number) for number in range(150)))
    document = json.loads(report.to_json())
    assert document["units"][0] == {"values": {"m": "x"}, "action": "replaced", "reason": "sources 1 added", "rows": 2}
    assert (len(document["units"]), document["units_truncated"]) == (100, True)
    assert (len(document["unmatched_keys"]), document["unmatched_keys_count"]) == (100, 150)
    assert not json.loads(REPORT.to_json())["units_truncated"]


def it_stays_small_however_long_the_names_are() -> None:
    names = {f"{number}{'k' * 1000}": ["c" * 200] * 1000 for number in range(300)}
    report = replace(REPORT, missing_columns=names, unmatched_keys=tuple(names))
    text = report.to_json()
    assert len(text.encode()) <= LARGEST
    assert json.loads(text)["unmatched_keys_count"] == 300


class FakeCloudWatch:
    def __init__(self, error: ClientError | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.error = error

    def put_metric_data(self, **request: Any) -> None:
        if self.error is not None:
            raise self.error
        self.requests.append(request)


def send(report: Report, cloudwatch: FakeCloudWatch, lake: str = "s3://l/") -> None:
    client: Any = cloudwatch
    send_metrics(contract(lake), report, client)


def it_sends_every_figure_as_a_metric() -> None:
    cloudwatch = FakeCloudWatch()
    send(REPORT, cloudwatch)
    (request,) = cloudwatch.requests
    assert request["Namespace"] == "CsvToParquet"
    values = {item["MetricName"]: item["Value"] for item in request["MetricData"]}
    assert values["rows_quarantined"] == 9.0
    assert values["seconds"] == 1.5
    assert request["MetricData"][0]["Dimensions"] == [
        {"Name": "Database", "Value": "db"},
        {"Name": "Dataset", "Value": "d"},
    ]


def it_tells_the_speed_only_of_what_was_converted() -> None:
    cloudwatch = FakeCloudWatch()
    send(replace(REPORT, megabytes_per_second=80.5, waiting_percent=12.5), cloudwatch)
    send(replace(REPORT, source_files=0), cloudwatch)
    converted, idle = (
        {item["MetricName"]: (item["Value"], item["Unit"]) for item in request["MetricData"]}
        for request in cloudwatch.requests
    )
    assert converted["megabytes_per_second"] == (80.5, "Megabytes/Second")
    assert converted["waiting_percent"] == (12.5, "Percent")
    assert set(converted) - set(idle) == {"megabytes_per_second", "waiting_percent"}


def it_sends_units_that_cloudwatch_knows() -> None:
    shape: Any = boto3.client("cloudwatch", region_name="eu-west-1").meta.service_model.shape_for("StandardUnit")
    assert set((METRICS | CONVERSION_METRICS).values()) <= set(shape.enum)


def it_sends_no_metrics_for_a_plan_or_for_local_folders() -> None:
    cloudwatch = FakeCloudWatch()
    send(replace(REPORT, mode="plan"), cloudwatch)
    send(REPORT, cloudwatch, "/lake")
    assert cloudwatch.requests == []


def it_says_why_metrics_could_not_be_sent() -> None:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutMetricData")
    with pytest.raises(MetricsError, match=r"PutMetricData namespace CsvToParquet: .*AccessDenied"):
        send(REPORT, FakeCloudWatch(error))
