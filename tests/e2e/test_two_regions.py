"""Two instances of one name in two regions of one account, applied side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import LocalAws, free_port
from local_aws.terraform import Terraform

CONFIGURATION = Path(__file__).parent / "two_regions"
# Two applies of everything; that no name clashes is planned in tests/unit/terraform/test_two_instances.py.
pytestmark = pytest.mark.long
REGIONS = ("us-east-1", "eu-west-1")
SUFFIX = "-eu-west-1"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(directory=tmp_path_factory.mktemp("aws"), port=free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def it_stands_twice_under_one_name(aws: LocalAws, tmp_path: Path) -> None:
    terraform = Terraform(CONFIGURATION, tmp_path, aws.endpoint)
    terraform.apply({"global_suffix": SUFFIX})
    # Neither has taken anything from the other.
    assert terraform.plan_is_clean({"global_suffix": SUFFIX}), terraform.output_of("plan")
    for region in REGIONS:
        machines = aws.client("stepfunctions", region).list_state_machines()["stateMachines"]
        assert {machine["name"] for machine in machines} == {"twice", "twice-listing", "twice-uploads"}
        assert aws.client("glue", region).get_database(Name="twice")["Database"]["Name"] == "twice"
    dashboards = aws.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert {dashboard["DashboardName"] for dashboard in dashboards} == {"twice", f"twice{SUFFIX}"}
    roles = {role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]}
    own = {name for name in roles if not name.endswith(SUFFIX)}
    assert (len(own), roles - own) == (6, {f"{name}{SUFFIX}" for name in own})
