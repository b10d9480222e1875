"""The rendered state machines, planned once per test session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asl.rendering import VARIABLE_SETS, Planned, Rendered, plan_all


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    return plan_all(tmp_path_factory.mktemp("workflow"))


@pytest.fixture(scope="session")
def all_rendered(planned: Planned) -> dict[str, Rendered]:
    return planned.workflows


@pytest.fixture(params=sorted(VARIABLE_SETS))
def rendered(request: pytest.FixtureRequest, all_rendered: dict[str, Rendered]) -> Rendered:
    return all_rendered[request.param]


@pytest.fixture
def complete(all_rendered: dict[str, Rendered]) -> Rendered:
    return all_rendered["complete"]


@pytest.fixture
def outer(complete: Rendered) -> dict[str, Any]:
    """The states of the execution."""
    states: dict[str, Any] = complete.definition["States"]
    return states


@pytest.fixture
def inner(outer: dict[str, Any]) -> dict[str, Any]:
    """The states of one dataset."""
    states: dict[str, Any] = outer["Process datasets"]["ItemProcessor"]["States"]
    return states


@pytest.fixture
def listing_states(complete: Rendered) -> dict[str, Any]:
    """The states that list S3."""
    states: dict[str, Any] = complete.listing["States"]
    return states


@pytest.fixture
def views(outer: dict[str, Any]) -> dict[str, Any]:
    """The states of one view."""
    states: dict[str, Any] = outer["Create Athena views"]["ItemProcessor"]["States"]
    return states
