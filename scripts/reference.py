"""Write docs/inputs-outputs.md from the descriptions in the root's variables and outputs.

    python -m scripts.reference

The page cannot be wrong about what those files say: tests/unit/test_reference.py fails when it is out of date.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "inputs-outputs.md"

# Blocks of a file that `terraform fmt` has formatted begin and end at the left margin.
BLOCK = re.compile(r'^(variable|output) "(?P<name>\w+)" \{\n(?P<body>.*?)^\}$', re.DOTALL | re.MULTILINE)
HEREDOC = re.compile(r"^  description = <<-EOT\n(.*?)^  EOT$", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r'^  description = "(.*)"$', re.MULTILINE)
TYPE = re.compile(r"^  type\s+= (\S+?)[({\n]", re.MULTILINE)
DEFAULT = re.compile(r"^  default\s+= (.*)$", re.MULTILINE)


class DescriptionError(Exception):
    """A variable or an output that the page cannot describe."""


@dataclass(frozen=True)
class Entry:
    """A variable or an output: name, description as Markdown, and for a variable its type and default."""

    name: str
    description: str
    type: str = ""
    default: str | None = None

    @property
    def summary(self) -> str:
        """The description's first paragraph, on one line, without its list of attributes and what introduces that."""
        text = " ".join(re.split(r"\n\n|\n(?=- )", self.description)[0].split())
        return text if text.endswith(".") else text[: text.rfind(". ") + 1]


def read_entries(file: Path) -> list[Entry]:
    """Return the variables or outputs of a file, in its order.

    Raises:
        DescriptionError: when one has no description, or a variable no type.
    """
    entries = []
    for block in BLOCK.finditer(file.read_text()):
        name, body = block["name"], block["body"]
        heredoc, quoted = HEREDOC.search(body), QUOTED.search(body)
        if heredoc:
            description = textwrap.dedent(heredoc[1]).strip()
        elif quoted:
            description = quoted[1].replace('\\"', '"')
        else:
            raise DescriptionError(f"{file.name}: {block[1]} {name} has no description")
        kind, default = TYPE.search(body), DEFAULT.search(body)
        if block[1] == "variable" and not kind:
            raise DescriptionError(f"{file.name}: variable {name} has no type")
        entries.append(Entry(name, description, kind[1] if kind else "", default[1] if default else None))
    return entries


def variable_files(folder: Path = ROOT) -> list[Path]:
    """Return a module's files of variables, variables.tf first."""
    return sorted(folder.glob("variables*.tf"), key=lambda file: file.stem)


def render() -> str:
    """Return the page."""
    variables = [entry for file in variable_files() for entry in read_entries(file)]
    outputs = read_entries(ROOT / "outputs.tf")
    lines = [
        "# Inputs and outputs",
        "",
        "<!-- Written by `python -m scripts.reference` from variables*.tf and outputs.tf; edit those. -->",
        "",
        "Every wrong value is refused by `terraform plan` with a sentence that says what is allowed. What can be",
        "brought instead of created has a switch of its own (`create…`): names and ARNs may be unknown while planning.",
        "",
        "## Inputs",
        "",
        "| name | type | default | what it is |",
        "|---|---|---|---|",
    ]
    for entry in variables:
        default = "required" if entry.default is None else f"`{entry.default}`"
        lines.append(f"| [`{entry.name}`](#{entry.name}) | {entry.type} | {default} | {cell(entry.summary)} |")
    lines += ["", "## Outputs", "", "| name | what it is |", "|---|---|"]
    lines += [f"| `{entry.name}` | {cell(entry.summary)} |" for entry in outputs]
    lines += ["", "With `create = false` every output is null or empty.", "", "## Inputs in detail"]
    for entry in variables:
        lines += ["", f"### {entry.name}", "", entry.description]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Return a text that does not end its table cell."""
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render())


if __name__ == "__main__":
    main()
