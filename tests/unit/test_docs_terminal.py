"""The picture of the demo: the last state of the screen, shortened, each letter in its column."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree

from scripts import docs
from scripts.docs_terminal import LETTER, RECORDING, picture, record, screen, shortened, svg

SVG = "{http://www.w3.org/2000/svg}"
PLAIN = re.compile(r"\x1b\[[0-9;]*m")


def it_is_up_to_date() -> None:
    assert docs.stale_pictures() == {}, "a picture shows something older: make docs"


def it_keeps_what_stands_on_the_screen_in_the_end() -> None:
    sent = (
        "before\n\x1b[?25lflights  load  \n\r\x1b[2K\x1b[1A\x1b[2K\x1b[1mflights\x1b[0m  done  \nviews\n\x1b[?25hafter"
    )
    assert screen(sent) == ["before", "\x1b[1mflights\x1b[0m  done", "views", "after"]


def it_keeps_of_a_program_at_a_terminal_what_a_person_sees_in_the_end() -> None:
    program = (
        "import time; from rich.console import Console; from rich.live import Live; from rich.text import Text\n"
        "with Live(Text('one'), auto_refresh=False, console=Console()) as live:\n"
        "    live.update(Text('two\\nthree', 'green'), refresh=True)\n"
        "print('end')"
    )
    status, sent = record([sys.executable, "-c", program])
    assert status == 0
    assert "one" in sent
    assert [PLAIN.sub("", line) for line in screen(sent) if line] == ["two", "three", "end"]
    assert "\x1b[32m" in "".join(screen(sent))


def it_shortens_a_part_and_says_so() -> None:
    part = ["== Ask the view", *(f"   row {number}" for number in range(9)), "   all agree", "   done in 1 s"]
    lines = shortened(["== Start the local AWS", "   answers", "", *part, "", "Summary", "   first"])
    assert lines == [
        *("$ make demo", "   …", "", "== Ask the view", "   row 0", "   row 1", "   row 2", "   row 3", "   …"),
        *("   all agree", "   done in 1 s", "", "Summary", "   first"),
    ]


def it_gives_every_letter_its_column_and_escapes_what_it_shows() -> None:
    root = ElementTree.fromstring(svg(["   a\x1b[32m <b> & c\x1b[0m  d"], "T"))  # noqa: S314 - our own
    texts = [(text.text, text.get("class"), float(text.get("x", "")) - 20) for text in root.iter(f"{SVG}text")]
    assert [text for text, _, _ in texts] == ["a", "<b>\u00a0&\u00a0c", "d"]
    assert [style for _, style, _ in texts] == [None, "green", None]
    assert [round(x / LETTER) for _, _, x in texts] == [3, 5, 14]
    # As wide as its longest line, of fifteen letters.
    assert float(root.get("width", "")) == round(15 * LETTER + 40)


def it_shows_nothing_that_the_demo_did_not_print() -> None:
    recorded = PLAIN.sub("", RECORDING.read_text())
    root = ElementTree.fromstring(picture())  # noqa: S314 - our own
    shown = [(text.text or "").replace("\u00a0", " ") for text in root.iter(f"{SVG}text")]
    assert len(shown) > 30
    assert [text for text in shown if text not in recorded] == ["$ make demo"] + ["…"] * shown.count("…")
    assert any("no Glue job was started" in text for text in shown)
