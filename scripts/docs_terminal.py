"""The picture of the demo: what `make demo` printed at a terminal, shortened, as SVG for light and dark.

    python -m scripts.docs_terminal   # runs the demo at a terminal of its own and writes docs/pictures/demo.ansi

`make docs` makes docs/pictures/demo.svg of that recording.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from local_aws.markup import Markup, element

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "docs" / "pictures" / "demo.ansi"
PICTURE = "docs/pictures/demo.svg"
COLUMNS, ROWS = 120, 50
LETTER, LINE, MARGIN, BAR = 7.8, 19.0, 20.0, 34.0
# Parts of the demo that the picture shows, by the beginning of their title, with how many lines of each.
SHOWN = {"== Upload": 8, "== Add": 9, "== Execute": 8, "== Ask": 5, "Summary": 9}
# What rich asks of a terminal: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
_SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
_CLASSES = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow"}
_STYLE = """
.paper { fill: #fbfbfa; stroke: #d9dad6; } circle { fill: #d9dad6; }
text { fill: #24292f; font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.bold { font-weight: 700; } .dim { fill: #6a737d; }
.green { fill: #176b3a; } .red { fill: #b3261e; } .yellow { fill: #7a5b00; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #161a1e; stroke: #353b41; } circle { fill: #353b41; }
  text { fill: #e3e6e8; } .dim { fill: #939ca5; }
  .green { fill: #79cf9b; } .red { fill: #ff9a91; } .yellow { fill: #e2c16b; }
}
"""


def screen(recorded: str) -> list[str]:
    """Return the lines that stood on the screen in the end, with their colours, of all that was sent to it."""
    lines, row = [""], 0
    for part in re.split(r"(\r|\n|\x1b\[\??[0-9;]*[A-Za-z])", recorded):
        sequence = _SEQUENCE.fullmatch(part)
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif sequence and sequence[2] == "A":
            row -= int(sequence[1] or 1)
        elif sequence and sequence[2] == "K":
            lines[row] = ""
        elif part != "\r" and not (sequence and sequence[2] != "m"):
            # Whatever goes back to the beginning of a line clears it before it writes.
            lines[row] += part
    return [line.rstrip() for line in lines]


def shortened(lines: Sequence[str]) -> list[str]:
    """Return the lines of the parts that are shown, an ellipsis where lines are left out, and a line between parts."""
    parts: list[list[str]] = []
    for line in lines:
        if line.startswith(("== ", "Summary")):
            parts.append([])
        if parts:
            parts[-1].append(line)
    kept = ["$ make demo", "   …"]
    for part in parts:
        wanted = next((count for title, count in SHOWN.items() if part[0].startswith(title)), 0)
        told = [line for line in part if line]
        if not wanted:
            continue
        if len(told) > wanted + 2:
            told = [*told[:wanted], "   …", *told[-2:]]
        kept += ["", *told]
    return kept


def svg(lines: Sequence[str], title: str) -> str:
    """Return the picture of a terminal with these lines."""
    width = max(len(_SEQUENCE.sub("", line)) for line in lines) * LETTER + 2 * MARGIN
    height = len(lines) * LINE + BAR + MARGIN
    texts = [text for row, line in enumerate(lines) for text in _texts(line, BAR + LINE * (row + 0.75))]
    picture = element(
        "svg",
        element("title", title),
        element("style", Markup(_STYLE)),
        element("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=8, class_="paper"),
        *(element("circle", cx=MARGIN + 18 * place, cy=BAR / 2, r=5) for place in range(3)),
        *texts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        role="img",
    )
    return re.sub(r"(<(?:text|rect|circle|style|title|/svg))", r"\n\1", picture) + "\n"


def _texts(line: str, y: float) -> Iterator[Markup]:
    """Yield the pieces of a line, each of one colour; every letter has its column, whatever the font is."""
    column, style = 0, ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if sequence := _SEQUENCE.fullmatch(part):
            codes = sequence[1].split(";")
            style = " ".join(_CLASSES[code] for code in codes if code in _CLASSES)
            continue
        text = part.strip()
        if text:
            x = MARGIN + LETTER * (column + len(part) - len(part.lstrip()))
            # Blanks between words would be made one.
            spaced = text.replace(" ", "\u00a0")
            yield element("text", spaced, x=x, y=y, textLength=LETTER * len(text), class_=style or None)
        column += len(part)


def picture() -> str:
    """Return the picture of the recording."""
    return svg(shortened(screen(RECORDING.read_text())), "What make demo prints")


def record(command: Sequence[str]) -> tuple[int, str]:
    """Run a command at a terminal of its own; return its status and what it sent there."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "VERBOSE": ""}
    process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    sent = b""
    while True:
        try:
            sent += os.read(master, 65536)
        except OSError:  # the other end is closed
            break
    os.close(master)
    return process.wait(), sent.decode().replace("\r\n", "\n")


def main() -> int:
    """Record the demo."""
    status, sent = record([sys.executable, "-m", "scripts.demo", *sys.argv[1:]])
    if status == 0:
        RECORDING.parent.mkdir(parents=True, exist_ok=True)
        RECORDING.write_text("\n".join(screen(sent)) + "\n")
    else:
        sys.stderr.write(sent)
    return status


if __name__ == "__main__":
    sys.exit(main())
