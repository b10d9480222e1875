"""The inputs and outputs of a Terraform module, as its variables and outputs describe them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from scripts.docs_sections import DocsError, table

OPTIONS = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
HEREDOC = re.compile(r"<<-(?P<mark>\w+)\n(?P<text>.*)\n\s*(?P=mark)", re.DOTALL)
# Parsing takes its time: files without any of these blocks are left out.
HOLDS_ENTRIES = re.compile(r'^(variable|output) "', re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A variable or an output: name, description as Markdown, and for a variable its type and default, both as HCL."""

    name: str
    description: str
    type: str = ""
    default: str | None = None

    @property
    def summary(self) -> str:
        """The description's first paragraph, on one line, without its list of attributes and what introduces that."""
        text = " ".join(re.split(r"\n\n|\n(?=- )", self.description)[0].split())
        return text if text.endswith(".") else text[: text.rfind(". ") + 1]

    @property
    def is_told_by_its_summary(self) -> bool:
        """Whether the description holds nothing more."""
        return self.summary == " ".join(self.description.split())


@dataclass(frozen=True)
class Reference:
    """What goes into a Terraform module and what comes out of it, in the order it is declared."""

    inputs: tuple[Entry, ...]
    outputs: tuple[Entry, ...]


def read_reference(folder: Path) -> Reference:
    """Return the variables and outputs of all files of a folder; variables.tf comes before variables-….tf.

    Raises:
        DocsError: when a file is no HCL, an entry has no description, or a variable no type.
    """
    found: dict[str, list[Entry]] = {"variable": [], "output": []}
    for file in sorted(folder.glob("*.tf"), key=lambda path: path.stem):
        text = file.read_text()
        if HOLDS_ENTRIES.search(text):
            for kind, entries in found.items():
                for block in _parsed(file, text).get(kind, []):
                    entries += [_entry(file, kind, name, body) for name, body in block.items()]
    return Reference(tuple(found["variable"]), tuple(found["output"]))


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return hcl2.loads(text, serialization_options=OPTIONS)
    except Exception as error:
        raise DocsError(f"{file}: {error}") from error


def _entry(file: Path, kind: str, name: str, body: dict[str, Any]) -> Entry:
    description = body.get("description")
    if not description:
        raise DocsError(f"{file}: {kind} {name} has no description")
    if heredoc := HEREDOC.fullmatch(description):
        description = textwrap.dedent(heredoc["text"])
    if kind == "output":
        return Entry(name, description)
    if "type" not in body:
        raise DocsError(f"{file}: variable {name} has no type")
    # Of an object or a map of objects the attributes are in the description.
    outermost = re.split(r"\W", body["type"].removeprefix("${"))[0]
    return Entry(name, description, outermost, as_hcl(body["default"]) if "default" in body else None)


def as_hcl(value: Any) -> str:
    """Return a default as it is written in HCL."""
    if isinstance(value, str) and value.startswith("${"):
        return value.removeprefix("${").removesuffix("}")
    return json.dumps(value)


def inputs_table(entries: Sequence[Entry], page: str = "") -> str:
    """Return the table of inputs; a name leads to its details where it has some, in another page or the same one."""
    rows = []
    for entry in entries:
        name = f"`{entry.name}`" if entry.is_told_by_its_summary else f"[`{entry.name}`]({page}#{entry.name})"
        default = "required" if entry.default is None else f"`{entry.default}`"
        rows.append((name, entry.type, default, entry.summary))
    return table(("name", "type", "default", "what it is"), rows)


def outputs_table(entries: Sequence[Entry]) -> str:
    """Return the table of outputs."""
    rows = [(f"`{entry.name}`", " ".join(entry.description.split())) for entry in entries]
    return table(("name", "what it is"), rows)


def details(entries: Sequence[Entry]) -> str:
    """Return the whole descriptions of the inputs whose attributes do not fit into a table."""
    return "\n\n".join(f"### {entry.name}\n\n{entry.description}" for entry in entries)


def whole(reference: Reference) -> str:
    """Return all of it: tables, and the details of the inputs that have some."""
    parts = []
    if reference.inputs:
        parts += ["## Inputs", inputs_table(reference.inputs)]
    if reference.outputs:
        parts += ["## Outputs", outputs_table(reference.outputs)]
    if told := [entry for entry in reference.inputs if not entry.is_told_by_its_summary]:
        parts += ["## Inputs in detail", details(told)]
    return "\n\n".join(parts)


def brief(reference: Reference, page: str) -> str:
    """Return the table of inputs and the names of the outputs, with the rest in another page."""
    outputs = ", ".join(f"`{entry.name}`" for entry in reference.outputs)
    return f"{inputs_table(reference.inputs, page)}\n\nOutputs ([what each is]({page}#outputs)): {outputs}."
