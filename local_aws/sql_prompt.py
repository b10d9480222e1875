r"""`python -m local_aws sql` without a statement: a prompt with a history, listings and aligned output.

A statement ends with a semicolon and may span lines. `\d` lists tables and views, `\d NAME` the columns of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.console import say
from local_aws.errors import MACHINE_ERRORS, LocalAwsError, told
from local_aws.sql_output import Rows, Style, formatted

if TYPE_CHECKING:
    from local_aws.local_aws import LocalAws

FIRST_PROMPT, NEXT_PROMPT = "sql> ", "...> "
HISTORY_LINES = 1000
HELP = r"""\d          list tables and views
\d NAME     list the columns of a table or view
\csv        switch between aligned output and CSV
\?          show this
\q          leave, as Ctrl-D does
Anything else is SQL as Athena takes it, up to a semicolon."""


class SqlPrompt:
    """The state of one session: the lines of a statement that is not finished yet, and the style of the output."""

    def __init__(self, aws: LocalAws, style: Style = "aligned", say: Callable[[str], None] = print) -> None:
        self._aws, self._style, self._say = aws, style, say
        self._lines: list[str] = []

    @property
    def prompt(self) -> str:
        """What to print before the next line."""
        return NEXT_PROMPT if self._lines else FIRST_PROMPT

    def take(self, line: str) -> bool:
        """Take a line and do what it says; return whether to go on. Errors are printed."""
        if not self._lines and line.lstrip().startswith("\\"):
            return self._command(line.split())
        if line.strip() or self._lines:
            self._lines.append(line)
        if line.rstrip().endswith(";"):
            self.finish()
        return True

    def finish(self) -> bool:
        """Run what has been typed so far; return whether it succeeded."""
        statement, self._lines = "\n".join(self._lines).strip().rstrip(";").strip(), []
        if not statement:
            return True
        start = time.monotonic()
        return self._try(lambda: self._show(self._aws.sql(statement), start))

    def forget(self) -> None:
        """Drop a statement that is not finished."""
        self._lines = []

    def _command(self, words: list[str]) -> bool:
        if words[0] == "\\q":
            return False
        if words[0] == "\\d" and len(words) <= 2:
            self._try(lambda: self._say(self._listing(words[1:])))
        elif words == ["\\csv"]:
            self._style = "aligned" if self._style == "csv" else "csv"
            self._say(f"output is {self._style} now")
        elif words == ["\\?"]:
            self._say(HELP)
        else:
            self._say(f"{' '.join(words)} is no command here; there are:\n{HELP}")
        return True

    def _listing(self, names: list[str]) -> str:
        rows: Rows = self._aws.columns(names[0]) if names else self._aws.tables()
        return formatted(rows, self._style) or "there are no tables yet"

    def _show(self, rows: Rows, start: float) -> None:
        if rows:
            self._say(formatted(rows, self._style))
        if self._style == "aligned":
            self._say(f"({len(rows)} row{'' if len(rows) == 1 else 's'}, {time.monotonic() - start:.1f} s)")

    def _try(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except LocalAwsError as error:
            self._say(f"error: {error}")
            return False
        except MACHINE_ERRORS as error:
            self._say(f"error: {told(error)}")
            return False
        return True


def converse(aws: LocalAws, history: Path, style: Style = "aligned") -> None:
    """Read statements from a terminal until the person leaves; the history is kept in a file."""
    prompt = SqlPrompt(aws, style)
    remember = _with_history(history)
    say(r"SQL as Athena takes it, ended by a semicolon. \d lists tables, \? helps, \q leaves.")
    while True:
        try:
            if not prompt.take(input(prompt.prompt)):
                break
        except EOFError:
            print()
            break
        except KeyboardInterrupt:
            print()
            prompt.forget()
    remember()


def run_lines(aws: LocalAws, lines: Iterable[str], style: Style) -> bool:
    """Do what lines say that are not typed by a person; return whether all went well, stopping where it does not."""
    failed: list[str] = []

    def tell(text: str) -> None:
        if text.startswith("error: "):
            failed.append(text)
        say(text, aside=bool(failed))

    prompt = SqlPrompt(aws, style, tell)
    for line in lines:
        if not prompt.take(line.rstrip("\n")) or failed:
            return not failed
    return prompt.finish()


def history_file(directory: Path) -> Path:
    """Return where the lines typed at the prompts of a local AWS are kept; starting it anew does not remove them."""
    return directory / "sql_history"


def _with_history(file: Path) -> Callable[[], None]:
    """Let lines be edited and recalled where Python has readline; return what keeps them for the next session."""
    try:
        import readline
    except ImportError:
        return lambda: None
    readline.set_history_length(HISTORY_LINES)
    if file.exists():
        readline.read_history_file(file)

    def keep() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        readline.write_history_file(file)

    return keep
