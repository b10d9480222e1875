"""`make smoke` against the local AWS, beside another instance in the same account: its questions can be answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.settings import REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from local_aws.terraform import FOREIGN_VARIABLES
from scripts.smoke_rows import NAMES, ROWS
from tests.e2e.conftest import Pipeline, until

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 900.0
# What this machine and its libraries are is not what a Glue worker is.
OF_GLUE = {
    "Slots at the end",
    "Python of the workers",
    "Spark",
    "pyarrow of the workers",
    "boto3 of the workers",
    "urllib3 of the workers",
}


def start_smoke(pipeline: Pipeline, directory: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    environment |= {"AWS_ENDPOINT_URL": pipeline.aws.endpoint, "AWS_REGION": REGION}
    environment |= {"AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY}
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.smoke", "--settle", "0", "--directory", str(directory), *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def standing(pipeline: Pipeline) -> set[str]:
    """What there is in the account, by name."""
    buckets = pipeline.aws.client("s3").list_buckets()["Buckets"]
    machines = pipeline.aws.client("stepfunctions").list_state_machines()["stateMachines"]
    databases = pipeline.aws.client("glue").get_databases()["DatabaseList"]
    roles = pipeline.aws.client("iam").list_roles()["Roles"]
    names = [item["Name"] for item in (*buckets, *databases)] + [item["name"] for item in machines]
    queues = pipeline.aws.client("sqs").list_queues().get("QueueUrls", [])
    return {*names, *queues, *(role["RoleName"] for role in roles)}


def result_of(directory: Path) -> dict[str, object]:
    (file,) = directory.glob("smoke-*.json")
    content: dict[str, object] = json.loads(file.read_text())
    return content


def it_answers_every_question_or_says_why_not(pipeline: Pipeline, tmp_path: Path) -> None:
    before = standing(pipeline)
    test = start_smoke(pipeline, tmp_path, "--confirm", "yes")
    printed, _ = test.communicate(timeout=TIMEOUT_SECONDS)
    assert test.returncode == 0, printed
    result = result_of(tmp_path)
    rows = {row["name"]: row for row in result["rows"]}  # type: ignore[attr-defined]
    assert (tuple(rows), result["problem"], result["region"]) == (NAMES, "", REGION)
    reasons = {row.name: f"only AWS can tell: {row.only_aws}" for row in ROWS if row.only_aws}
    assert {name: row["verdict"] for name, row in rows.items() if not row["seen"]} == reasons
    assert {name for name, row in rows.items() if row["verdict"] == "differs"} <= OF_GLUE
    assert all(name in printed for name in NAMES)
    assert standing(pipeline) == before


@pytest.mark.parametrize("answer", [[], ["--confirm", "no"]], ids=["none", "no"])
def it_creates_nothing_before_somebody_said_yes(pipeline: Pipeline, tmp_path: Path, answer: list[str]) -> None:
    before = standing(pipeline)
    test = start_smoke(pipeline, tmp_path, *answer)
    printed, _ = test.communicate(timeout=TIMEOUT_SECONDS)
    assert (test.returncode, "0.35 US dollars" in printed, "nothing was created" in printed) == (1, True, True)
    assert standing(pipeline) == before


@pytest.mark.long
def it_destroys_what_stands_already_when_it_is_interrupted(pipeline: Pipeline, tmp_path: Path) -> None:
    before = standing(pipeline)
    test = start_smoke(pipeline, tmp_path, "--confirm", "yes")
    until(lambda: len(standing(pipeline) - before) > 3, "something that Terraform created")
    test.send_signal(signal.SIGINT)
    printed, _ = test.communicate(timeout=TIMEOUT_SECONDS)
    assert (test.returncode, result_of(tmp_path)["problem"]) == (1, "interrupted"), printed
    assert standing(pipeline) == before
    (file,) = tmp_path.glob("smoke-*.json")
    # Once more, as after a run that was killed: there is nothing left to destroy.
    again = start_smoke(pipeline, tmp_path, "--destroy", file.stem)
    printed, _ = again.communicate(timeout=TIMEOUT_SECONDS)
    assert again.returncode == 0, printed
