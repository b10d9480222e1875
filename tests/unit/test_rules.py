"""tests/rules holds the root's variables by links: a file that is not linked there is not tested, without a word."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "tests" / "rules"


def it_links_every_file_of_variables_and_what_they_compare_with() -> None:
    wanted = {file.name for file in ROOT.glob("variables*.tf")} | {"locals.tf"}
    links = {file.name: file for file in RULES.glob("*.tf")}
    assert set(links) == wanted
    for name, link in links.items():
        assert link.is_symlink(), f"tests/rules/{name} is a copy, which grows old"
        assert link.resolve() == ROOT / name


def it_refuses_and_accepts_something_for_every_variable_with_rules() -> None:
    runs = "".join(file.read_text() for file in RULES.glob("*.tftest.hcl"))
    refused = set(re.findall(r"expect_failures = \[var\.(\w+)\]", runs))
    declared = "".join(file.read_text() for file in ROOT.glob("variables*.tf"))
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', declared, re.MULTILINE | re.DOTALL)
    assert refused == {name for name, body in blocks if "validation {" in body}
    assert runs.count('run "refuses_') >= declared.count("  validation {")
    assert runs.count('run "accepts_') >= declared.count("  validation {")
