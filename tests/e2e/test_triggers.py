"""What starts an execution by itself: the clock, and uploads, of which many become few executions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.e2e.conftest import Pipeline, until

# Uploading takes less than two windows, on a busy machine too, so that at most three have anything to do.
WINDOW_SECONDS = 30
# A limit for waiting, not what it takes.
PATIENCE_SECONDS = 300.0
FILES = 1000
# Creating the schedule takes less: AWS would never start one whose only moment has passed.
SCHEDULE_AHEAD = timedelta(seconds=20)


@pytest.fixture(scope="module")
def triggered(pipeline: Pipeline) -> Iterator[tuple[Pipeline, Collection[str]]]:
    """The loaded pipeline with a schedule and an upload trigger, and its executions before it had them."""
    pipeline.load()
    # Whatever ran before over this pipeline: nothing may be new when the clock starts it.
    pipeline.succeed()
    pipeline.check_tables()
    before = executions(pipeline).keys()
    due = datetime.now(timezone.utc) + SCHEDULE_AHEAD
    schedule = {"expression": f"at({due:%Y-%m-%dT%H:%M:%S})"}
    pipeline.apply(
        {
            "schedule": schedule,
            "regions_schedule": schedule,
            "trigger_on_upload": {"window_seconds": WINDOW_SECONDS},
        }
    )
    try:
        yield pipeline, before
    finally:
        pipeline.apply({})


def executions(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    """Every execution of the pipeline, by its ARN."""
    pages = (
        pipeline.aws.client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=pipeline.outputs["state_machine_arn"])
    )
    return {entry["executionArn"]: entry for page in pages for entry in page["executions"]}


def it_starts_by_the_clock(triggered: tuple[Pipeline, Collection[str]]) -> None:
    pipeline, before = triggered

    def new() -> set[str]:
        return executions(pipeline).keys() - set(before)

    # One over all datasets, and one over the dataset that has a clock of its own; they run one after the other.
    until(lambda: len(new()) == 2, "the executions that the schedules started")
    results = [pipeline.aws.follow(started) for started in new()]
    assert [result.status for result in results] == ["SUCCEEDED"] * 2, [result.cause for result in results]
    assert sorted(sorted(result.output["datasets"]) for result in results) == [
        ["orders", "products", "regions"],
        ["regions"],
    ]
    assert sum(result.glue_runs for result in results) == 0


def it_turns_a_thousand_uploads_into_at_most_three_glue_runs(triggered: tuple[Pipeline, Collection[str]]) -> None:
    pipeline, _ = triggered
    s3, bucket = pipeline.aws.client("s3"), pipeline.outputs["raw_bucket"]
    known = executions(pipeline)
    files = {
        f"orders/month=2024-08/{number:04}.csv": f"order_id,region_id,amount\n{1000 + number},1,{number}\n"
        for number in range(FILES)
    }
    pipeline.aws.clear_iam_calls()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda file: s3.put_object(Bucket=bucket, Key=file[0], Body=file[1].encode()), files.items()))
    pipeline.files.update(files)

    collector = f"{pipeline.outputs['state_machine_arn'].rsplit(':', 1)[-1]}-uploads"

    def asked() -> int:
        calls = pipeline.aws.iam_calls()
        return len([call for call in calls if call["action"] == "states:StartExecution" and collector in call["role"]])

    # Every single upload was told to the collector; only then is it settled how many executions there will be.
    until(lambda: asked() >= FILES, "an answer to every upload", PATIENCE_SECONDS)

    def ended() -> bool:
        return all(entry["status"] != "RUNNING" for entry in executions(pipeline).values())

    until(ended, "the end of them all", PATIENCE_SECONDS)
    started = executions(pipeline).keys() - known.keys()
    results = [pipeline.aws.follow(execution) for execution in started]
    assert all(result.status == "SUCCEEDED" for result in results)
    assert 1 <= sum(result.glue_runs for result in results) <= 3
    # Nothing is missed, and nothing else had to be started for it.
    pipeline.check_tables()

    keys = [{"Key": key} for key in files]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    for key in files:
        del pipeline.files[key]
    pipeline.succeed("orders")
    pipeline.check_tables()
