"""The report of a run: one JSON object beside the data, one line on stdout, and CloudWatch metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contract import DatasetContract
from errors import TransientError
from lake import report_uri
from storage import CLIENT_CONFIG, aws_region, is_local, open_storage

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

NAMESPACE = "CsvToParquet"
# Entries of the report's lists; fewer where keys and names are so long that the report would grow too big.
LISTED = (100, 30, 10, 3, 0)
# Step Functions reads the report as a string and passes it on; a state's payload is at most 256 KiB:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LARGEST = 150_000
METRICS = {
    "units_inserted": "Count",
    "units_replaced": "Count",
    "units_removed": "Count",
    "units_kept": "Count",
    "source_files": "Count",
    "source_bytes": "Bytes",
    "rows_read": "Count",
    "rows_written": "Count",
    "rows_quarantined": "Count",
    "output_files": "Count",
    "seconds": "Seconds",
}
# Of runs that converted something.
CONVERSION_METRICS = {"megabytes_per_second": "Megabytes/Second", "waiting_percent": "Percent"}


class MetricsError(TransientError):
    """The run's metrics could not be sent."""


@dataclass(frozen=True)
class UnitReport:
    """What happened to one unit and why; `rows` are those in the Parquet table now."""

    values: Mapping[str, str]
    action: str
    reason: str
    rows: int | None


@dataclass(frozen=True)
class Report:
    """The figures of one run; rows and source files are those converted in this run.

    `converged` is false when the table still differs from the raw data: units not selected, units whose sources
    contradict each other, or another run that published at the same time. The phases of `seconds`: listing the raw
    files, planning (catalog and lake are read, and compared with them), converting, and publishing, which is all that
    follows. Slots are tasks at the same time, as the conversion saw them at its beginning and end; `waiting_percent` of
    their time they waited for S3. A megabyte is 1,000,000 bytes of source files, as they lie there.
    """

    dataset: str
    run_id: str
    mode: str
    status: str
    converged: bool
    units_inserted: int
    units_replaced: int
    units_removed: int
    units_kept: int
    source_files: int
    source_bytes: int
    rows_read: int
    rows_written: int
    rows_quarantined: int
    output_files: int
    seconds: float
    rows_skipped: int = 0
    hidden_files: int = 0
    folders_swept: int = 0
    units_restored: int = 0
    units_proved: int = 0
    listing_seconds: float = 0.0
    planning_seconds: float = 0.0
    converting_seconds: float = 0.0
    publishing_seconds: float = 0.0
    slots_at_start: int = 0
    slots_at_end: int = 0
    megabytes_per_second: float = 0.0
    waiting_percent: float = 0.0
    kept_folders: Mapping[str, str] = field(default_factory=dict)
    orphaned_tables: Sequence[str] = ()
    missing_columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extra_columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    skipped_lines: Mapping[str, int] = field(default_factory=dict)
    unmatched_keys: Sequence[str] = ()
    removed_sources: Sequence[str] = ()
    units: Sequence[UnitReport] = ()
    runtime: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the report as one line of JSON, long lists cut to their first entries, changed units first."""
        texts = (json.dumps(self._document(limit), ensure_ascii=False) for limit in LISTED)
        return next((text for text in texts if len(text.encode()) <= LARGEST), json.dumps(self._document(0)))

    def _document(self, limit: int) -> dict[str, Any]:
        ordered = sorted(self.units, key=lambda unit: str(unit.action) == "kept")
        content = asdict(replace(self, units=ordered[:limit]))
        for name in ("missing_columns", "extra_columns"):
            content[name] = {key: list(names)[:limit] for key, names in list(content[name].items())[:limit]}
        content["skipped_lines_count"] = sum(self.skipped_lines.values())
        content["skipped_lines"] = dict(list(self.skipped_lines.items())[:limit])
        content["kept_folders_count"] = len(self.kept_folders)
        content["kept_folders"] = dict(list(self.kept_folders.items())[:limit])
        for name in ("unmatched_keys", "removed_sources", "orphaned_tables"):
            content[f"{name}_count"] = len(content[name])
            content[name] = list(content[name])[:limit]
        content["units_truncated"] = len(ordered) > limit
        if not self.runtime:
            del content["runtime"]
        return content


def write_report(contract: DatasetContract, report: Report) -> None:
    """Write the report to the lake and as one line to stdout."""
    text = report.to_json()
    uri = report_uri(contract, report.run_id)
    open_storage(uri).write_bytes(uri, text.encode())
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def send_metrics(contract: DatasetContract, report: Report, client: CloudWatchClient | None = None) -> None:
    """Send the report's figures to CloudWatch; a run on local folders or a plan sends none.

    At most 1,000 metrics fit into a request:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
    """
    if report.mode != "apply" or is_local(contract.lake_uri):
        return
    dimensions = [{"Name": "Database", "Value": contract.database}, {"Name": "Dataset", "Value": contract.dataset}]
    data: Any = [
        {"MetricName": name, "Dimensions": dimensions, "Value": float(getattr(report, name)), "Unit": unit}
        for name, unit in (METRICS | (CONVERSION_METRICS if report.source_files else {})).items()
    ]
    cloudwatch = client or boto3.client("cloudwatch", region_name=aws_region(), config=CLIENT_CONFIG)
    try:
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except (ClientError, BotoCoreError) as error:
        raise MetricsError(f"CloudWatch PutMetricData namespace {NAMESPACE}: {error}") from error
