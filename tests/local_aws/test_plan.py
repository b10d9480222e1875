"""Terraform reads back what it wrote: after apply a plan is empty, for every kind of resource the module may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import LocalAws, free_port

CONFIGURATION = Path(__file__).parent / "every_resource"


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[LocalAws]:
    local = LocalAws(tmp_path, free_port())
    local.start()
    try:
        yield local
    finally:
        local.stop()


def it_plans_nothing_after_apply_and_destroys_all(own_aws: LocalAws) -> None:
    own_aws.apply(CONFIGURATION)
    assert own_aws.plan_is_clean(CONFIGURATION), own_aws.terraform(CONFIGURATION).output_of("plan")
    own_aws.destroy(CONFIGURATION)
    assert own_aws.client("s3").list_buckets()["Buckets"] == []
    assert own_aws.client("glue").get_jobs()["Jobs"] == []
    assert own_aws.client("stepfunctions").list_state_machines()["stateMachines"] == []
