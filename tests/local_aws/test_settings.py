"""Settings: a server of its own that spells SDK results the other way and takes its time with S3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_aws import LocalAws, LocalAwsError, free_port

from .conftest import Machines


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    local = LocalAws(tmp_path_factory.mktemp("other_settings"), free_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_AWS_SDK_SPELLING", "other")
        patch.setenv("LOCAL_AWS_S3_FIRST_BYTE_MS", "100")
        patch.setenv("LOCAL_AWS_S3_MB_PER_SECOND", "4")
        local.start()
    try:
        yield local
    finally:
        local.stop()


def it_spells_etags_and_gives_times_as_numbers(aws: LocalAws, bucket: str, machines: Machines) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    arguments = {"Bucket": bucket}
    result = machines.run_states(
        {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2", "Arguments": arguments}
    )
    (entry,) = result.output["Contents"]
    assert entry["Etag"] == '"c4ca4238a0b923820dcc509a6f75849b"'
    assert "ETag" not in entry
    assert isinstance(entry["LastModified"], int)
    itself = {"StateMachineArn": "{% $states.context.StateMachine.Id %}"}
    result = machines.run_states(
        {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listExecutions", "Arguments": itself}
    )
    assert isinstance(result.output["Executions"][0]["StartDate"], int)


@pytest.mark.parametrize(
    ("service", "call", "arguments", "error"),
    [
        ("glue", "StartJobRun", {"JobName": "j"}, "Glue.AWSGlueException"),
        ("athena", "StartQueryExecution", {"QueryString": "SELECT 1"}, "Athena.AmazonAthenaException"),
    ],
)
def it_names_throttling_by_the_general_error_of_an_optimized_integration(
    aws: LocalAws, machines: Machines, service: str, call: str, arguments: dict[str, str], error: str
) -> None:
    resource = f"arn:aws:states:::{service}:{call[:1].lower()}{call[1:]}"
    for code in ("ThrottlingException", "ExpiredTokenException"):
        aws.fail_calls({f"{service}:{call}": [code]})
        result = machines.run_states({"Type": "Task", "Resource": f"{resource}.sync", "Arguments": arguments})
        assert result.error == error


def it_keeps_the_names_of_an_operations_own_errors(machines: Machines) -> None:
    result = machines.run_states(
        {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun",
            "Arguments": {"JobName": "missing"},
        }
    )
    assert result.error == "Glue.EntityNotFoundException"


def it_takes_its_time_with_each_request_to_s3_and_none_for_others(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")

    def seconds(call: Callable[[], object]) -> float:
        start = time.monotonic()
        call()
        return time.monotonic() - start

    big = b"x" * 2_000_000
    assert seconds(lambda: s3.put_object(Bucket=bucket, Key="big", Body=big)) >= 0.6
    assert seconds(lambda: s3.get_object(Bucket=bucket, Key="big")["Body"].read()) >= 0.6
    assert seconds(lambda: s3.head_object(Bucket=bucket, Key="big")) >= 0.1
    one_after_the_other = seconds(lambda: [s3.head_object(Bucket=bucket, Key="big") for _ in range(8)])
    with ThreadPoolExecutor(8) as pool:
        at_once = seconds(lambda: list(pool.map(lambda _: s3.head_object(Bucket=bucket, Key="big"), range(8))))
    assert one_after_the_other >= 0.8 > at_once
    glue = aws.client("glue")
    glue.get_databases()
    assert min(seconds(glue.get_databases) for _ in range(5)) < 0.1


def it_refuses_a_third_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_AWS_SDK_SPELLING", "OTHER")
    with pytest.raises(LocalAwsError, match="allowed are documented and other"):
        LocalAws(tmp_path, free_port()).start()
