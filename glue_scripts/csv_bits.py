"""Where bytes stand in a text, as bits of 64-bit words: what whole words can tell at once, numpy tells at memory speed.

Bit n of the words, counted from the lowest of the first one, stands for byte n; bits behind the last byte are not set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
# Bytes to look at in one go, so that they are still in the second-level cache for the next step.
CHUNK_BYTES = 1 << 19
_WORD = np.uint64
_ONE, _TOP = _WORD(1), _WORD(63)
_DISTANCES = tuple(map(_WORD, (2, 4, 8, 16, 32)))
# Since NumPy 2.0: https://numpy.org/doc/stable/reference/generated/numpy.bitwise_count.html
_BITWISE_COUNT = getattr(np, "bitwise_count", None)


class Places:
    """Finds bytes in chunks of a text; its memory serves one chunk after the other."""

    def __init__(self) -> None:
        self._mask = np.empty(CHUNK_BYTES, np.bool_)

    def of(self, data: npt.NDArray[np.uint8], byte: int) -> Words:
        """Return where a byte stands in a chunk of CHUNK_BYTES at most."""
        mask = self._mask[: -(-len(data) // 64) * 64]
        np.equal(data, byte, out=mask[: len(data)])
        mask[len(data) :] = False
        return np.packbits(mask, bitorder="little").view(_WORD)


def moved_up(words: Words, carry: bool) -> Words:
    """Return the bits one place further up, the lowest one set or not."""
    moved = words << _ONE
    moved[1:] |= words[:-1] >> _TOP
    if carry:
        moved[0] |= _ONE
    return moved


def number_of(words: Words) -> int:
    """Return how many bits are set."""
    if _BITWISE_COUNT is not None:
        return int(_BITWISE_COUNT(words).sum(dtype=np.int64))
    return int(np.count_nonzero(np.unpackbits(words.view(np.uint8))))


def parities(words: Words, carry: bool) -> tuple[Words, bool]:
    """Return, for every place, whether the number of bits up to it is odd (one more with `carry`), and so for all."""
    # First within each word, then with all words before.
    moved = words << _ONE
    found = words ^ moved
    for distance in _DISTANCES:
        np.left_shift(found, distance, out=moved)
        np.bitwise_xor(found, moved, out=found)
    of_words = np.bitwise_xor.accumulate(np.right_shift(found, _TOP, out=moved))
    found[1:] ^= np.negative(of_words[:-1])
    if carry:
        np.invert(found, out=found)
    return found, bool(of_words[-1]) != carry


class QuotedChunk(NamedTuple):
    """The quotes of a chunk of `length` bytes, the places up to which their number is odd, and whether all of it is."""

    length: int
    quotes: Words
    opened: Words
    inside: bool


def quoted_chunk(places: Places, data: npt.NDArray[np.uint8], quote: int, inside: bool) -> QuotedChunk:
    """Return what a chunk of CHUNK_BYTES at most has of quotes; it begins inside of them or not."""
    quotes = places.of(data, quote)
    return QuotedChunk(len(data), quotes, *parities(quotes, inside))


def behind_last(length: int) -> np.uint64:
    """Return the bits of the last word that stand for no byte of a chunk of some length."""
    return _WORD(2**64 - (1 << length % 64)) if length % 64 else _WORD(0)


def is_set(words: Words, place: int) -> bool:
    """Say whether the bit of a place is set."""
    return bool(int(words[place // 64]) >> (place % 64) & 1)
