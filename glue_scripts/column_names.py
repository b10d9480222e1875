"""Which column of a file is meant by a column of the contract: by its name, its number, or its turn among namesakes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contract import DatasetContract

# What does not matter around a name: what Arrow's CSV reader skips around values.
_BLANKS = " \t"
_NUMBER = re.compile(r"#([1-9][0-9]{0,6})")
# The second of two columns `amount` is `amount.1`, as pandas calls it:
# https://pandas.pydata.org/docs/user_guide/io.html#duplicate-names-parsing
_NAMESAKE = re.compile(r"(.+)\.([1-9][0-9]{0,6})", re.DOTALL)


@dataclass(frozen=True)
class Placement:
    """Where the columns of a contract stand in files of one header, from 0; None for one that is missing.

    `ambiguous` has what several columns are called, with their places; `extra` the places of the named columns that
    nobody wants, `unnamed` those of the columns without a name.
    """

    positions: tuple[int | None, ...]
    ambiguous: tuple[tuple[str, tuple[int, ...]], ...]
    extra: tuple[int, ...]
    unnamed: tuple[int, ...]


def place_columns(contract: DatasetContract, names: Sequence[str]) -> Placement:
    """Find the columns of a contract among the names of a header."""
    if contract.csv.by_name:
        known = _Names(names, contract)
        found = [known.find(column.source) for column in contract.columns]
    else:
        found = [(place,) if place < len(names) else () for place in range(len(contract.columns))]
    ambiguous = {
        column.source: places for column, places in zip(contract.columns, found, strict=True) if len(places) > 1
    }
    wanted = {place for places in found for place in places}
    rest = [place for place in range(len(names)) if place not in wanted]
    return Placement(
        tuple(places[0] if places else None for places in found),
        tuple(ambiguous.items()),
        tuple(place for place in rest if bare_name(names[place])),
        tuple(place for place in rest if not bare_name(names[place])),
    )


def bare_name(name: str) -> str:
    """Return a name without the blanks around it."""
    return name.strip(_BLANKS)


class _Names:
    """The names of a header, to be found as they are spelt or else in any case."""

    def __init__(self, names: Sequence[str], contract: DatasetContract) -> None:
        self._width = len(names)
        self._spelt: dict[str, tuple[int, ...]] = {}
        self._folded: dict[str, tuple[int, ...]] = {}
        for place, name in enumerate(map(bare_name, names)):
            for known, key in ((self._spelt, name), (self._folded, name.casefold())):
                known[key] = (*known.get(key, ()), place)
        matches = (_NAMESAKE.fullmatch(bare_name(column.source)) for column in contract.columns)
        # Who asks for amount.1 knows that there are two, and means the first by amount.
        self._known_to_be_several = {match[1].casefold() for match in matches if match}

    def find(self, source: str) -> tuple[int, ...]:
        """Return the places of all columns that a source may mean."""
        source = bare_name(source)
        found = self._named(source)
        if found:
            return found[:1] if source.casefold() in self._known_to_be_several else found
        if match := _NUMBER.fullmatch(source):
            return (int(match[1]) - 1,) if int(match[1]) <= self._width else ()
        if match := _NAMESAKE.fullmatch(source):
            turn = int(match[2])
            return self._named(match[1])[turn : turn + 1]
        return ()

    def _named(self, name: str) -> tuple[int, ...]:
        return self._spelt.get(name) or self._folded.get(name.casefold(), ())
