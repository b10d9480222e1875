"""tests/rules holds the root's variables by links: a file that is not linked there is not tested, without a word."""

from __future__ import annotations

import codecs
import encodings
import encodings.aliases
import json
import os
import pkgutil
import re
from importlib import resources
from pathlib import Path

import contract
import csv_dates
from local_aws.terraform import execute, with_cli_configuration

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "tests" / "rules"


def it_links_every_file_of_variables_and_what_they_compare_with() -> None:
    wanted = {file.name for pattern in ("variables*.tf", "locals*.tf") for file in ROOT.glob(pattern)}
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


def it_judges_formats_by_the_rule_of_the_job() -> None:
    text = (ROOT / "locals.tf").read_text()
    alternatives = re.search(r"format_alternatives = (\[\[.*\]\])", text)
    needs = re.search(r"format_needs\s*= \{(.*)\}", text)
    assert alternatives
    assert needs
    assert tuple(map(tuple, json.loads(alternatives[1]))) == csv_dates.ALTERNATIVES
    found = [(code, "".join(json.loads(others))) for code, others in re.findall(r"(\w) = (\[[^]]*\])", needs[1])]
    assert tuple(found) == csv_dates.NEEDS


FORMATS = [
    "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%Y%m%d", "%d%m%Y", "%y%m%d",
    "%Y%j", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%d %m %Y", "%Y %m %d", "%Y %m%d", "%d-%b-%Y", "%d-%m-%Y",
    "%Y%m%d0", "%d%%%m%%%Y", "%Y%m0%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%SZ",
    "%Y\u00a0%m\t%d", "%Y-%j", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S-%f", "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p",
]  # fmt: skip


def it_judges_lists_of_formats_by_the_rule_of_the_job(tmp_path: Path) -> None:
    # The expression that stands in the validation, evaluated by Terraform for every pair.
    text = (ROOT / "variables-datasets.tf").read_text()
    start = text.index("for pair in setproduct(formats, formats)")
    end, depth = text.index("[", start) + 1, 1
    while depth:
        depth += {"[": 1, "]": -1}.get(text[end], 0)
        end += 1
    pairs = [[one, other] for one in FORMATS for other in FORMATS]
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    (tmp_path / "main.tf").write_text(
        'output "verdicts" {\n  value = jsonencode([for formats in jsondecode(file("pairs.json")) : '
        f"anytrue(flatten([{text[start:end]}]))])\n}}\n"
    )
    environment = with_cli_configuration(os.environ, tmp_path)
    assert execute([f"-chdir={tmp_path}", "apply", "-auto-approve", "-no-color"], environment, tmp_path / "log")[0] == 0
    state = json.loads((tmp_path / "terraform.tfstate").read_text())
    verdicts = json.loads(state["outputs"]["verdicts"]["value"])
    assert verdicts == [csv_dates.clash(one, other) for one, other in pairs]
    assert 50 < sum(verdicts) < len(verdicts) / 2


def it_has_the_spellings_of_booleans_of_the_job() -> None:
    text = (ROOT / "locals.tf").read_text()
    found = [json.loads(words) for words in re.findall(r"(?:true|false)_words\s*= (\[.*\])", text)]
    assert [tuple(words) for words in found] == [contract.TRUE_WORDS, contract.FALSE_WORDS]


def it_refuses_every_argument_that_the_module_gives_the_job_itself() -> None:
    given = set(re.findall(r'"(--[\w-]+)"\s*=', (ROOT / "modules" / "job" / "main.tf").read_text()))
    given |= set(re.findall(r'"(--[\w-]+)":', (ROOT / "sfn" / "jsonata" / "job_run.jsonata").read_text()))
    refused = re.search(r"^  own_arguments = \[(.*?)\]$", (ROOT / "locals.tf").read_text(), re.MULTILINE | re.DOTALL)
    assert refused
    assert given <= set(re.findall(r'"(--[\w-]+)"', refused[1]))
    assert {"--run_mode", "--extra-py-files"} <= given


def known_names(local: str) -> str:
    """Return the text of one of the lists in locals-names.tf."""
    found = re.search(
        rf"^  {local} = (.*?)^  (\}}|\),)", (ROOT / "locals-names.tf").read_text(), re.MULTILINE | re.DOTALL
    )
    assert found
    return found[1]


def it_knows_the_time_zones_of_the_iana_database() -> None:
    areas = re.findall(
        r'^    ("[^"]*"|\w+)\s+= <<-EOT\n(.*?)^    EOT', known_names("time_zone_names"), re.MULTILINE | re.DOTALL
    )
    known = {f"{area}/{name}".removeprefix('""/') for area, names in areas for name in names.split()}
    database = set((resources.files("tzdata") / "zones").read_text().split())
    # What a system without a zone is set to; a placeholder, no zone.
    assert known == database - {"Factory"}


def decodes_piece_by_piece(name: str) -> bool:
    """Say whether the job could read a file of this encoding."""
    try:
        "a".encode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        return False
    return True


def it_knows_the_encodings_of_python() -> None:
    known = set(known_names("encodings").partition("<<-EOT")[2].partition("EOT")[0].split())
    names = {*encodings.aliases.aliases, *(module.name for module in pkgutil.iter_modules(encodings.__path__))}
    normal = {encodings.normalize_encoding(name).lower() for name in names}
    assert known == {name for name in normal if decodes_piece_by_piece(name)}
