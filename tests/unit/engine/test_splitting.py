"""Files that are cut: the result never depends on where."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion_errors import UnterminatedQuoteError
from conversion_plan import MEBIBYTE, Settings, UnitWork, plan_tasks
from csv_dialect import dialect_of
from sources import SourceFile
from tests.unit.engine.helpers import Converted, a_contract, columns, convert

DECLARED = columns(id="int", note="string", day="date")
TRICKY = (
    "\ufeffnote , ID,day\r\n"
    '"a ""quoted"" note",1,2020-02-29\r\n'
    '"two\r\nlines, and a comma",2,2020-01-01\r\n'
    "\r\n"
    "5\" pipe,3,2020-01-01\r\n"
    '"looks like\n4,5,6\nrecords\n7,8,9\n",x4,2020-01-01\r\n'
    'é漢,"5",2020-02-30\r\n'
    ",6,\r\n"
    '"",7,2020-01-01,too many\r\n'
    '"\n\n",8,2020-01-01\n'
    "last,9,2020-01-01"
).encode()  # fmt: skip


def summary(found: Converted) -> tuple[object, ...]:
    return (
        [tuple(row.values()) for row in found.rows],
        [(row["line_number"], row["reason"], row["column_name"], row["raw_text"]) for row in found.bad],
        found.accounts(),
    )


@pytest.mark.parametrize("window", [2, 16, 1 << 16])
def it_gives_the_same_result_for_a_split_of_every_size(window: int) -> None:
    whole = summary(convert(TRICKY, DECLARED))
    assert whole[2] == [(9, 6, 3)]
    assert [bad[:3] for bad in whole[1]] == [  # type: ignore[attr-defined]
        (7, "not of type int", "id"),
        (12, "no such date: day is out of range for month", "day"),
        (14, "expected 3 columns, found 4", None),
    ]
    for size in range(1, len(TRICKY) + 2):
        assert summary(convert(TRICKY, DECLARED, split=size, window=window, slots=99)) == whole, size


def it_keeps_rows_whose_quoted_text_looks_like_records() -> None:
    # Every line inside the quotes has the right number of columns, so the guess about a cut must go wrong.
    data = b"a,b\n" + b'1,"x\n2,y\n3,z\n4,w"\n' * 40
    whole = convert(data, columns(a="int", b="string"))
    assert len(whole.rows) == 40
    for size in (20, 50, 100, 333):
        assert convert(data, columns(a="int", b="string"), split=size, window=8).rows == whole.rows


def it_reads_a_file_from_its_beginning_when_two_guesses_of_where_a_record_begins_cross() -> None:
    """The look-ahead of one split sees the end of the file and that of the split before it does not."""
    found = convert(
        b'0,"""",0\n0,\n0,,0\n', columns(a="bigint", b="string", c="bigint"), {"header": False}, split=1, window=20
    )
    assert ([row["b"] for row in found.rows], found.bad_places()) == (['"', None], [(2, None)])


@pytest.mark.parametrize("split", [1 << 20, 40, 7])
def it_names_the_line_of_a_quote_that_is_never_closed(split: int) -> None:
    data = b"a,b\n" + b"1,x\n" * 20 + b'2,"open\n' + b"3,y\n" * 20
    with pytest.raises(UnterminatedQuoteError, match=r"a\.csv, line 22: a quote is opened"):
        convert(data, columns(a="int", b="string"), split=split, window=16)


@pytest.mark.parametrize("split", [1 << 20, 40])
def it_refuses_a_forgotten_quote_that_swallows_lines_until_the_next_one(split: int) -> None:
    data = b"a,b\n" + b"1,x\n" * 5 + b'2,"open\n' + b"3,y\n" * 5 + b'4,"fine"\n' + b"5,z\n" * 9
    with pytest.raises(UnterminatedQuoteError, match=r"a\.csv, line 7:"):
        convert(data, columns(a="int", b="string"), split=split, window=16)


def it_quarantines_an_open_quote_alone_where_quotes_do_not_span_lines() -> None:
    data = b'a,b\n1,"x"\n2,"open\n3,y\n4,"z\nz"\n5,w\n'
    found = convert(data, columns(a="int", b="string"), {"quoted_newlines": False})
    assert [row["a"] for row in found.rows] == [1, 3, 5]
    assert [(row["line_number"], row["reason"]) for row in found.bad] == [
        (3, "unterminated quote"),
        (5, "unterminated quote"),
        (6, "expected 2 columns, found 1"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def it_quarantines_a_line_that_ends_in_an_escape_alone_where_records_are_lines(end: str, last: bool) -> None:
    lines = ["a,b", r"1,C:\\dir", *["2,x"] * (not last), "3,C:\\dir\\", *["4,y"] * (not last)]
    data = (end.join(lines) + end).encode()
    found = convert(data, columns(a="int", b="string"), {"quoted_newlines": False, "escape": "\\"})
    expected = [(1, "C:\\dir"), *[(2, "x"), (4, "y")] * (not last)]
    assert [tuple(row.values()) for row in found.rows] == expected
    assert [(row["line_number"], row["reason"]) for row in found.bad] == [(3 if last else 4, "unterminated quote")]


def plan(
    sizes: list[int], slots: int = 2, target: int = 128, names: str = "{}.csv"
) -> list[list[tuple[str, int, int]]]:
    from pathlib import Path

    sources = tuple(SourceFile(f"/raw/{n}", names.format(n), size, '"e"') for n, size in enumerate(sizes))
    contract = a_contract(Path("/nowhere"), DECLARED)
    tasks = plan_tasks([UnitWork((), sources, "d/", "q/")], dialect_of(contract), Settings(), target, slots)
    return [[(part.source.key, part.start, part.end) for part in task.parts] for task in tasks]


def it_packs_small_files_into_a_handful_of_outputs() -> None:
    tasks = plan([200_000] * 2000)
    assert len(tasks) == 2
    assert sorted(part[0] for task in tasks for part in task) == sorted(f"{number}.csv" for number in range(2000))


@pytest.mark.parametrize("slots", [2, 3, 4])
def it_gives_all_slots_the_same_number_of_files_of_one_size(slots: int) -> None:
    # No two are of exactly the same size, so that a share of the bytes is no whole number of files.
    tasks = plan([24_000_000 + 3 * number for number in range(24)], slots)
    assert [len(task) for task in tasks] == [24 // slots] * slots


@given(st.lists(st.integers(0, 30 * MEBIBYTE), max_size=60), st.integers(1, 9), st.sampled_from([1, 16, 128]))
def it_shares_out_small_files_evenly_and_in_their_order(sizes: list[int], slots: int, target: int) -> None:
    small = [size for size in sizes if size <= Settings().whole_bytes]
    tasks = sorted(plan(small, slots, target), key=lambda parts: int(parts[0][0].partition(".")[0]))
    assert [part for task in tasks for part in task] == [(f"{n}.csv", 0, size) for n, size in enumerate(small)]
    of_tasks = [sum(end - start for _, start, end in task) for task in tasks]
    assert max(of_tasks, default=0) - sum(small) / max(len(tasks), 1) <= max(small, default=0)


def it_cuts_a_big_file_into_adjoining_splits() -> None:
    size = 3000 * MEBIBYTE + 1
    tasks = plan([size])
    parts = sorted(part[1:] for task in tasks for part in task)
    assert len(tasks) == 6
    assert (parts[0][0], parts[-1][1]) == (0, size)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(parts))
    assert max(end - start for start, end in parts) <= 64 * MEBIBYTE


def it_makes_smaller_files_rather_than_leave_workers_idle() -> None:
    assert len(plan([3000 * MEBIBYTE], slots=100)) == 24


def it_never_cuts_a_compressed_file() -> None:
    assert plan([500 * MEBIBYTE], names="{}.csv.gz") == [[("0.csv.gz", 0, 500 * MEBIBYTE)]]
