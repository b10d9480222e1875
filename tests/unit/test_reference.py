"""The reference page says what the module's variables and outputs say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import reference

ROOT = Path(__file__).resolve().parents[2]


def declared(kind: str) -> list[str]:
    files = reference.variable_files() if kind == "variable" else [ROOT / "outputs.tf"]
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [line.split('"')[1] for line in lines if line.startswith(f'{kind} "')]


def it_names_every_variable_with_its_description() -> None:
    page = reference.PAGE.read_text()
    for name in declared("variable"):
        assert f"| [`{name}`](#{name}) |" in page, f"variable {name} is missing: python -m scripts.reference"
        assert f"\n### {name}\n" in page


def it_names_every_output() -> None:
    page = reference.PAGE.read_text()
    for name in declared("output"):
        assert f"\n| `{name}` |" in page, f"output {name} is missing: python -m scripts.reference"


def it_names_nothing_else() -> None:
    page = reference.PAGE.read_text()
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == declared("variable")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == declared("output")


def it_is_up_to_date() -> None:
    assert reference.PAGE.read_text() == reference.render(), "run: python -m scripts.reference"


def it_reads_type_default_and_the_attributes_of_a_description(tmp_path: Path) -> None:
    file = tmp_path / "variables.tf"
    file.write_text(
        'variable "lake" {\n  type = object({\n    kind = optional(string)\n  })\n  default     = {}\n'
        "  description = <<-EOT\n    The lake. It has\n    - `kind`: sweet | salt.\n  EOT\n\n"
        '  validation {\n    condition     = true\n    error_message = "none"\n  }\n}\n'
    )
    (entry,) = reference.read_entries(file)
    assert (entry.name, entry.type, entry.default) == ("lake", "object", "{}")
    assert entry.description == "The lake. It has\n- `kind`: sweet | salt."
    assert entry.summary == "The lake."


def it_takes_a_variable_without_default_for_required(tmp_path: Path) -> None:
    file = tmp_path / "variables.tf"
    file.write_text('variable "name" {\n  type        = string\n  description = "The \\"name\\"."\n}\n')
    (entry,) = reference.read_entries(file)
    assert (entry.default, entry.summary) == (None, 'The "name".')


def it_refuses_a_variable_without_description(tmp_path: Path) -> None:
    file = tmp_path / "variables.tf"
    file.write_text('variable "name" {\n  type = string\n}\n')
    with pytest.raises(reference.DescriptionError, match="variable name has no description"):
        reference.read_entries(file)
