"""What the Terraform files use of the AWS provider: arguments and blocks they set, and attributes they read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

OPTIONS = hcl2.SerializationOptions(with_comments=False, explicit_blocks=True, strip_string_quotes=True)
# What Terraform itself knows, whatever the resource:
# https://developer.hashicorp.com/terraform/language/meta-arguments
META = {"count", "for_each", "provider", "depends_on", "lifecycle", "provisioner", "connection"}
# aws_x.name.attribute, data.aws_x.name[0].attribute, aws_x.name[*].attribute
READ = re.compile(r"(?<![\w.])((?:data\.)?aws_\w+)\.\w+(?:\[[^\]]*\])?\.([a-z_]\w*)")
SELF = re.compile(r"(?<![\w.])self\.([a-z_]\w*)")
FOLDERS = (".", "modules/*", "examples/**", "scripts/smoke_pipeline")
MARK = "__is_block__"


def provider_usage(root: Path) -> dict[str, set[str]]:
    """Return the paths in use of each type of resource (`aws_x`) and data source (`data.aws_x`).

    A block is a path of its own, and what it holds is behind a dot: `rule`, `rule.filter`, `rule.filter.prefix`.
    """
    found: dict[str, set[str]] = {}
    for file in terraform_files(root):
        text = file.read_text()
        if "aws_" not in text:
            continue
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for entry in hcl2.loads(text, serialization_options=OPTIONS).get(kind, []):
                for name, (body, *_) in ((name, list(bodies.values())) for name, bodies in entry.items()):
                    if name.startswith("aws_"):
                        paths = found.setdefault(f"{prefix}{name}", set())
                        paths.update(set_paths(body))
                        paths.update(SELF.findall(str(body)))
        for name, attribute in READ.findall(without_comments(text)):
            found.setdefault(name, set()).add(attribute)
    return found


def terraform_files(root: Path) -> list[Path]:
    """Return the files of the module, its modules, its examples and the smoke test's configuration."""
    files = {file for folder in FOLDERS for file in root.glob(f"{folder}/*.tf") if ".terraform" not in file.parts}
    return sorted(files)


def without_comments(text: str) -> str:
    """Take the lines away that are comments."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def set_paths(body: dict[str, Any], outer: str = "") -> Iterator[str]:
    """Yield the paths of all that is set in a block."""
    for name, value in body.items():
        if name == MARK or (not outer and name in META):
            continue
        if name == "dynamic":
            for block in value:
                for inner, dynamic in block.items():
                    if inner != MARK:
                        yield from block_paths(f"{outer}{inner}", dynamic["content"])
        elif isinstance(value, list) and value and all(isinstance(part, dict) and MARK in part for part in value):
            yield from block_paths(f"{outer}{name}", value)
        else:
            yield f"{outer}{name}"


def block_paths(path: str, blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a block's path and those in it."""
    yield path
    for block in blocks:
        yield from set_paths(block, f"{path}.")
