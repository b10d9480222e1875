"""What commands say at a terminal or into a pipe, and how a signal ends them."""

from __future__ import annotations

import sys


def say(text: str, *, aside: bool = False) -> None:
    """Print at once, also into a pipe; what is no result, such as an error, goes aside to standard error."""
    print(text, file=sys.stderr if aside else sys.stdout, flush=True)


def interrupt(signal_number: int, frame: object) -> None:
    """Turn a termination signal into the same orderly end as Ctrl-C."""
    raise KeyboardInterrupt
