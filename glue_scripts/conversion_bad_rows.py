"""What is said of bad rows when they are too many: how many of which kind, the first ones, and where all are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from contract import DatasetContract
from conversion_errors import TooManyBadRows
from conversion_plan import UnitWork
from csv_columns import Problem
from csv_dialect import Dialect
from csv_grammar import OpenRecordError, grammar_of
from csv_headers import FORCED, INFERRED, FileColumns
from csv_parsing import BadRecords
from lake import quarantine_root

# First bad rows that a part tells of and the message shows; kinds of bad rows that the message counts.
SAMPLES = 5
_SHOWN_KINDS = 5
_SHOWN_CHARACTERS = 60
# Kinds that a part tells apart: more there are only where every record has a width of its own.
_MOST_KINDS = 1000


@dataclass(frozen=True)
class BadSample:
    """A bad row: its line, what is wrong, the column at fault, and its value, or all of the row without a column."""

    line: int
    reason: str
    column: str | None
    value: str

    def __str__(self) -> str:
        """Return the row as a message shows it, behind its file and line."""
        value = self.value if len(self.value) <= _SHOWN_CHARACTERS else f"{self.value[:_SHOWN_CHARACTERS]}…"
        return f"{_kind((self.reason, self.column))}: {value!r}"


def bad_samples(
    contract: DatasetContract, dialect: Dialect, layout: FileColumns, bad: BadRecords, lines_before: int, most: int
) -> Iterable[BadSample]:
    """Return the first of some bad records; `lines_before` lines precede the first line of their part."""
    places = {column.name: place for column, place in zip(contract.columns, layout.positions, strict=True)}
    for line, reason, column, text in islice(
        zip(bad.lines.tolist(), bad.reasons, bad.columns, bad.texts, strict=True), most
    ):
        place = places.get(column) if column is not None else None
        yield BadSample(
            lines_before + line + 1, reason, column, text if place is None else _value(dialect, text, place)
        )


def _value(dialect: Dialect, text: str, place: int) -> str:
    try:
        return next(islice(grammar_of(dialect).fields(text.encode()), place, None)).text.decode()
    except (OpenRecordError, StopIteration, UnicodeDecodeError):
        return text


def add_counts(counts: Counter[Problem], bad: BadRecords) -> None:
    """Count bad records by what is wrong with which column."""
    counts.update(zip(bad.reasons, bad.columns, strict=True))
    if len(counts) > _MOST_KINDS:
        kept = dict(counts.most_common(_MOST_KINDS - 1))
        others = sum(counts.values()) - sum(kept.values())
        counts.clear()
        counts.update(kept)
        counts["other reasons", None] += others


def too_many_bad_rows(
    contract: DatasetContract,
    limits: Sequence[str],
    rows: tuple[int, int],
    counts: Counter[Problem],
    first: Iterable[tuple[str, BadSample]],
    units: Sequence[UnitWork],
) -> TooManyBadRows:
    """Return the error about bad rows, `rows` being how many of how many.

    `first` are bad rows with the keys of their files, `units` those that have some in their folders.
    """
    kinds = [f"{number} x {_kind(problem)}" for problem, number in counts.most_common(_SHOWN_KINDS)]
    if len(counts) > _SHOWN_KINDS:
        kinds.append(f"{len(counts) - _SHOWN_KINDS} more kinds")
    named = "; ".join(f"{key} line {sample.line}: {sample}" for key, sample in islice(first, SAMPLES))
    others = f" and {len(units) - 1} more folders below {quarantine_root(contract)}" if len(units) > 1 else ""
    inferred = ""
    if contract.inferred:
        inferred = f". {INFERRED} if the rows are right, start an execution with {FORCED} to infer them again"
    return TooManyBadRows(
        f"dataset {contract.dataset}: {rows[0]} of {rows[1]} rows are bad, more than {' and '.join(limits)} allows; "
        f"nothing was published. In all: {'; '.join(kinds)}. First: {named}. All bad rows are in the Parquet files of "
        f"{units[0].quarantine_uri}{others}, until a run that begins {contract.retain_superseded_hours:g} hours later "
        f"or more sweeps them{inferred}"
    )


def _kind(problem: Problem) -> str:
    reason, column = problem
    return f"{column}: {reason}" if column else reason
