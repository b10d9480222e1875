"""Blanks before values, taken off a whole text: Arrow's CSV reader keeps them, and then sees no quote behind them."""

from __future__ import annotations

import numpy as np

from csv_dialect import Dialect
from csv_records import CR, LF, SPACE, quotes_are_regular, run_starts


def without_initial_spaces(text: bytes, dialect: Dialect) -> bytes | None:
    """Return a text of whole records without the blanks before its values; None where that takes the grammar."""
    data = np.frombuffer(text, np.uint8)
    spaces = np.flatnonzero(data == SPACE)
    if not len(spaces):
        return text
    starts = run_starts(spaces)
    before = data[np.maximum(starts - 1, 0)]
    is_initial = (starts == 0) | (before == dialect.delimiter[0]) | (before == LF) | (before == CR)
    initial = spaces[is_initial]
    if not len(initial):
        return text
    if dialect.escape is not None and dialect.escape in text:
        return None
    has_quotes = dialect.quote is not None and dialect.quote in text
    if has_quotes:
        if not dialect.quoted_newlines:
            return None
        quotes = np.flatnonzero(data == (dialect.quote or b"\0")[0])
        initial = initial[np.searchsorted(quotes, initial) % 2 == 0]
    kept = np.ones(len(data), np.bool_)
    kept[initial] = False
    result = data[kept].tobytes()
    # Only where every quote opens or closes a value does their number tell what is inside of them.
    return None if has_quotes and not quotes_are_regular(result, dialect) else result
