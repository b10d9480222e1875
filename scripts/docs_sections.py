"""The generated part of a page: what stands between two markers, everything around them is written by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DocsError(Exception):
    """A page cannot be made; the message says which, and what it lacks."""


@dataclass(frozen=True)
class Section:
    """The generated part of one page: where the page lies, what the part is called, and its text."""

    page: str
    name: str
    text: str

    @property
    def begin(self) -> str:
        """The line before the text."""
        return f"<!-- BEGIN {self.name}: written by scripts/docs.py (make docs) -->"

    @property
    def end(self) -> str:
        """The line after the text."""
        return f"<!-- END {self.name} -->"

    def place(self, document: str) -> str:
        """Return the page's document with the text between its markers.

        Raises:
            DocsError: when the document does not hold both markers once, in this order.
        """
        if document.count(self.begin) != 1 or document.count(self.end) != 1:
            raise DocsError(f"{self.page} needs the lines '{self.begin}' and '{self.end}', once each")
        before, _, rest = document.partition(self.begin)
        _, closed, after = rest.partition(self.end)
        if not closed:
            raise DocsError(f"{self.page} needs the line '{self.begin}' before '{self.end}'")
        return f"{before}{self.begin}\n{self.text}\n{self.end}{after}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; a text may hold what would end its cell."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, ["---"] * len(heads), *lines])
