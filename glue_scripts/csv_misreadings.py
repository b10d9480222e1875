"""What Arrow's CSV reader is known to misread, and how each is kept from it: the one list.

- A NUL byte: delimiters, quotes and line ends near it are overlooked. Read exactly.
  https://github.com/apache/arrow/issues/50481
- A CRLF inside quotes or behind an escape that two blocks share: its LF is lost. Read in blocks of another size.
  https://github.com/apache/arrow/issues/51368
- A line of far too many values, before Arrow 20: memory is overwritten. Read in blocks too small to hold so many.
  https://github.com/apache/arrow/issues/45497
- A header of millions of values: counts overflow. Refused, by the limit of a header (csv_headers).
  https://github.com/apache/arrow/issues/50275
- A byte order mark, or the beginning of one, where a text begins: taken off, or an error. A line end is put before it.
  https://github.com/apache/arrow/pull/4392
- Hexadecimal digits in a column of integers: 0x1F is read as 31. The column is read as text.
  https://github.com/apache/arrow/pull/11161
- A negative exponent in a column of decimals: the process crashes, or memory is read that means nothing. The column is
  read as text. https://github.com/apache/arrow/issues/50057
- A whole number of more than 38 digits once it is scaled, in a column of decimals: the product wraps round and may look
  like a good value. Columns of types in which that can happen are read as text, and cast to wider decimals.
  https://github.com/apache/arrow/blob/main/cpp/src/arrow/util/basic_decimal.cc (RescaleWouldCauseDataLoss)
- An escape before a line end where quotes may not span lines: the line end becomes part of a value. Such
  records are taken out before the text is read (csv_arrow).

Values that are converted to something else than their text says (overflow to infinity, year 0) are found afterwards:
see `doubtful` in csv_values. What is not on this list is left to the second count of the records (csv_parts).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from csv_dialect import UTF8_BOM, Dialect
from csv_records import CR, LF

_OVERWRITES_MEMORY = int(pa.__version__.split(".")[0]) < 20
# Values that the parser of those versions has room for at once, at least; rows at once, at least.
_ROOM_FOR_VALUES, _ROOM_FOR_ROWS = 32768, 512
_BLOCKS_TRIED = 1000
# Pairs of bytes that are looked at in one go, so that they stay in the second-level cache.
_CHECKED_PAIRS = 1 << 16
# The bit that tells a small letter from its capital.
_SMALL_LETTER = 0x20


def must_be_read_exactly(text: bytes) -> bool:
    """Say whether the text holds what no way of asking makes Arrow read rightly."""
    return b"\0" in text


def put_before(text: bytes) -> bytes:
    """Return what has to stand before a text so that its first bytes are read as they are: a blank line, or nothing."""
    return b"\n" if text.startswith(UTF8_BOM[:1]) else b""


def block_bytes(data: bytes, dialect: Dialect, width: int, wanted: int, *, single: bool) -> int | None:
    """Return the size of the blocks to read `data` in, about as wanted or all of it as one (`single`).

    None when no size is safe.
    """
    block = len(data) + 1 if single else wanted
    if _OVERWRITES_MEMORY:
        fitting = _block_of_few_values(data, dialect, width, block)
        if fitting is None or (single and fitting < block):
            return None
        block = fitting
    bytes_ = np.frombuffer(data, np.uint8)
    for size in range(block, block + _BLOCKS_TRIED):
        last = np.arange(size - 1, len(data) - 1, size)
        if not (bytes_[last] == CR).any():
            return size
    return None if _OVERWRITES_MEMORY else len(data) + 1


def _block_of_few_values(data: bytes, dialect: Dialect, width: int, block: int) -> int | None:
    room = max(_ROOM_FOR_VALUES // width, _ROOM_FOR_ROWS) * width
    bytes_ = np.frombuffer(data, np.uint8)
    ends = (bytes_ == dialect.delimiter[0]) | (bytes_ == LF) | (bytes_ == CR)
    while block > 0:
        numbers = np.add.reduceat(ends, np.arange(0, len(ends), block), dtype=np.int64) if len(ends) else np.zeros(1)
        # A line that two blocks share is parsed with what stands in both.
        if (numbers[:-1] + numbers[1:]).max(initial=numbers.max()) < room:
            return block
        block //= 2
    return None


def is_misread_as(text: bytes, arrow_type: Any) -> bool:
    """Say whether a text may hold something that Arrow takes for a value of a type, and that is none or is fatal."""
    if pa.types.is_integer(arrow_type):
        return _has_hexadecimal(text)
    return pa.types.is_decimal(arrow_type) and _has_negative_exponent(text)


def _has_hexadecimal(text: bytes) -> bool:
    return (b"x" in text or b"X" in text) and _has_pair(text, b"0x")


def _has_negative_exponent(text: bytes) -> bool:
    return (b"e" in text or b"E" in text) and b"-" in text and _has_pair(text, b"e-")


def _has_pair(text: bytes, pair: bytes) -> bool:
    """Say whether the text holds two characters in a row, a letter of them in any case; numbers of 16 bits tell."""
    wanted = np.frombuffer(pair, np.uint16)[0]
    small_letter = np.frombuffer(bytes(_SMALL_LETTER if byte > ord("9") else 0 for byte in pair), np.uint16)[0]
    for start in (0, 1):
        numbers = np.frombuffer(text, np.uint16, (len(text) - start) // 2, start)
        for first in range(0, len(numbers), _CHECKED_PAIRS):
            if ((numbers[first : first + _CHECKED_PAIRS] | small_letter) == wanted).any():
                return True
    return False
