"""What README.md says its commands print, for the tests that run them."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
PRINTED = re.compile(r"`(make \w+)[^`]*` (?:(?!^```).)*?^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def said_of(command: str) -> list[str]:
    """Return the lines that README.md shows of what a command prints."""
    blocks: dict[str, str] = dict(PRINTED.findall(README.read_text()))
    return blocks[command].splitlines()


def missing(command: str, printed: str) -> list[str]:
    """Return what README.md says that a command prints and that it has not printed, or not in that order."""
    lines = iter(printed.splitlines())
    # A line that is found has used up those before it.
    return [line for line in said_of(command) if line not in lines]
