"""All that the Terraform files use is known to provider 6.x, and nothing of it is deprecated there.

The oracle is tests/fixtures/provider_6.json, read from packages that are generated from the provider's schema:
`python -m scripts.provider_facts` renews it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.provider_usage import provider_usage, set_paths, terraform_files

ROOT = Path(__file__).resolve().parents[3]
RENEW = "unknown to provider {provider} as of {read}, unless `python -m scripts.provider_facts` finds it there"


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((ROOT / "tests" / "fixtures" / "provider_6.json").read_text())
    return facts


@pytest.fixture(scope="module")
def usage() -> dict[str, set[str]]:
    return provider_usage(ROOT)


def it_uses_nothing_that_provider_6_does_not_know(facts: dict[str, Any], usage: dict[str, set[str]]) -> None:
    assert len(usage) > 30
    unknown = {name: sorted(paths - known(facts, name, "known")) for name, paths in usage.items()}
    assert {name: paths for name, paths in unknown.items() if paths} == {}, RENEW.format(**facts)


def it_sets_all_that_provider_6_requires(facts: dict[str, Any], usage: dict[str, set[str]]) -> None:
    missing = {name: sorted(known(facts, name, "required") - paths) for name, paths in usage.items()}
    assert {name: paths for name, paths in missing.items() if paths} == {}


def it_uses_nothing_that_provider_6_deprecates(facts: dict[str, Any], usage: dict[str, set[str]]) -> None:
    deprecated = {name: sorted(known(facts, name, "deprecated") & paths) for name, paths in usage.items()}
    assert {name: paths for name, paths in deprecated.items() if paths} == {}


def known(facts: dict[str, Any], name: str, which: str) -> set[str]:
    return set(facts["types"].get(name, {}).get(which, []))


def it_keeps_no_facts_that_nobody_needs(facts: dict[str, Any], usage: dict[str, set[str]]) -> None:
    left_over = {name: known(facts, name, "known") - usage.get(name, set()) for name in facts["types"]}
    assert {name: paths for name, paths in left_over.items() if paths} == {}, "renew the facts"


def it_is_told_on_the_page_as_it_was_found(facts: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text()
    found = sum(len(entry["known"]) for entry in facts["types"].values())
    data = sum(name.startswith("data.") for name in facts["types"])
    assert f"All {found} arguments, blocks and attributes" in page
    assert f"of {len(facts['types']) - data} resources and {data} data" in page
    for package in (facts["schema"], facts["deprecations"]):
        name, _, version = package.partition(" ")
        assert f"[{package}](https://pypi.org/project/{name}/{version}/)" in page
    assert f"provider {facts['provider']}" in page


def it_finds_every_resource_and_data_source_of_the_files(usage: dict[str, set[str]]) -> None:
    declared = set()
    for file in terraform_files(ROOT):
        for kind, name in re.findall(r'^(resource|data) "(aws_\w+)"', file.read_text(), re.MULTILINE):
            declared.add(f"data.{name}" if kind == "data" else name)
    assert set(usage) == declared


def it_finds_what_lies_in_blocks_and_dynamic_blocks() -> None:
    mark = {"__is_block__": True}
    dynamic = {"rule": {"for_each": "${var.x}", "content": [{"days": 1, "then": [{"day": 2, **mark}], **mark}], **mark}}
    body = {
        "count": 1,
        "bucket": "b",
        "tags": {"lifecycle": "x"},
        "rule": [{"id": "a", "filter": [mark], **mark}],
        "dynamic": [{**dynamic, **mark}],
        "lifecycle": [{"ignore_changes": ["bucket"], **mark}],
        **mark,
    }
    assert sorted(set(set_paths(body))) == [
        "bucket", "rule", "rule.days", "rule.filter", "rule.id", "rule.then", "rule.then.day", "tags",
    ]  # fmt: skip
