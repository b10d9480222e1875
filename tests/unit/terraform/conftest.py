"""What is planned for several instances, once per test session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.terraform.instances import plan_instances


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The planned resources of each instance."""
    return plan_instances(tmp_path_factory.mktemp("instances"))


@pytest.fixture(scope="session")
def policies(planned: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """The policy of each role of the instance with everything on, by the policy's name."""
    return {
        entry["values"]["name"]: entry["values"]["policy"]
        for entry in planned["everything"] + planned["triggers"]
        if entry["type"] == "aws_iam_role_policy" and "policy" in entry["values"]
    }
