"""Every example and environment, with the real provider: it plans, applies, stays as applied, and is destroyed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import LocalAws, free_port
from local_aws.terraform import Terraform

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
HCL_BLOCK = re.compile(r"^```hcl\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MODULE_SOURCE = re.compile(r'^( +source += )"[^"]+"$', re.MULTILINE)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(directory=tmp_path_factory.mktemp("aws"), port=free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def creations(terraform: Terraform) -> int:
    """Plan a configuration that was never applied and return how many objects it would create."""
    terraform.init()
    assert not terraform.plan_is_clean()
    found = re.search(r"^Plan: (\d+) to add, 0 to change, 0 to destroy", terraform.output_of("plan"), re.MULTILINE)
    assert found, terraform.output_of("plan")[-2000:]
    return int(found[1])


@pytest.mark.parametrize("example", ["minimal", "complete", "bring-your-own"])
def it_applies_stays_as_applied_and_is_destroyed(aws: LocalAws, tmp_path: Path, example: str) -> None:
    terraform = Terraform(EXAMPLES / example, tmp_path, aws.endpoint)
    outputs = terraform.apply()
    assert outputs["start_command"].startswith("aws stepfunctions start-execution ")
    assert terraform.plan_is_clean(), terraform.output_of("plan")
    terraform.destroy()
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("stepfunctions").list_state_machines()["stateMachines"] == []


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("configuration", [ROOT, EXAMPLES / "multi-environment"], ids=["root", "multi-environment"])
def it_plans_each_environment(aws: LocalAws, tmp_path: Path, configuration: Path, environment: str) -> None:
    values = configuration / "environments" / f"{environment}.tfvars"
    assert creations(Terraform(configuration, tmp_path, aws.endpoint, (values,))) > 30


def it_plans_what_the_readme_shows(aws: LocalAws, tmp_path: Path) -> None:
    blocks = HCL_BLOCK.findall((ROOT / "README.md").read_text())
    assert blocks
    source = os.path.relpath(ROOT, tmp_path)
    (tmp_path / "main.tf").write_text(MODULE_SOURCE.sub(rf'\1"{source}"', "\n".join(blocks)))
    assert creations(Terraform(tmp_path, tmp_path / "work", aws.endpoint)) > 30
