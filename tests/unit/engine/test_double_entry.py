"""The books of double entry: records are counted without Arrow, and what it misreads is read exactly."""

from __future__ import annotations

import csv
import io
import os
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import csv_misreadings
from conversion_errors import ConversionError, UnterminatedQuoteError
from csv_arrow import ArrowReader
from csv_dialect import Dialect
from csv_exact import ExactReader
from csv_parts import RecordCounter, Sizes
from csv_records import find_records, quotes_are_regular
from tests.unit.engine.helpers import columns, convert

AB = columns(a="string", b="string")
SMALL = Sizes(block_bytes=64, part_bytes=1000)


def rows_of(data: bytes, csv: dict[str, Any] | None = None, **more: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in convert(data, AB, csv, **more).rows]


# ---------------------------------------------------------------------------------------------- what Arrow misreads
@pytest.mark.parametrize("split", [1 << 26, 100_000])
def it_loses_no_row_to_a_nul(split: int) -> None:
    # Arrow searches delimiters eight bytes at a time and overlooks those behind a NUL.
    wanted = [
        (f"alpha bravo {n:06d}" + "\0" * (n % 500 == 0), f"charlie delta {n:06d}" + "\0" * (n % 500 == 0))
        for n in range(22_000)
    ]
    data = "a,b\n" + "".join(f"{a},{b}\n" for a, b in wanted)
    found = convert(data.encode(), AB, split=split)
    assert [tuple(row.values()) for row in found.rows] == wanted
    assert (found.result.sources[0].rows_read, found.bad) == (22_000, [])


@pytest.mark.parametrize("text", ["\0", "a\0", "\0a", "seven77\0", "eight888\0", "\0\0\0\0\0\0\0\0", 'quoted "\0'])
def it_keeps_a_good_row_with_a_nul_in_it(text: str) -> None:
    written = '"' + text.replace('"', '""') + '"'
    for cell in {text if '"' not in text else written, written}:
        data = "n,a,b\n" + f"1,{cell},long enough to be searched by words\n" * 40
        found = convert(data.encode(), columns(n="int", a="string", b="string"))
        assert ([row["a"] for row in found.rows], found.bad) == ([text] * 40, [])


@pytest.mark.parametrize("size", [64, 65, 1 << 20])
def it_keeps_crlf_inside_quotes_wherever_a_block_ends(size: int) -> None:
    # With a block that ends between \r and \n Arrow loses the \n of a value.
    for place in range(size - 3, size + 3):
        data = b"a,b\r\n" + b'"%s\r\nz",1\r\n' % (b"x" * (place - 1)) + b'"p\r\nq",2\r\n' * 50
        found = rows_of(data, sizes=Sizes(block_bytes=size))
        assert found == [("x" * (place - 1) + "\r\nz", "1")] + [("p\r\nq", "2")] * 50


def it_keeps_the_line_end_behind_an_escaped_carriage_return_wherever_a_block_ends() -> None:
    for before in range(40):
        data = b"a,b\n" + b"x" * before + b",y\\\r\nz,1\n" + b"c,d\n" * 20
        found = rows_of(data, {"escape": "\\", "null_values": []}, sizes=Sizes(block_bytes=16))
        assert found == [("x" * before, "y\r"), ("z", "1")] + [("c", "d")] * 20


@pytest.mark.parametrize("text", ["1e-2147483647", "1e-60", "0e-99", "5E-39", "15e-40", "-1e-2147483648", "1.5e-7"])
def it_judges_a_decimal_with_any_exponent(text: str) -> None:
    # Arrow looks such exponents up outside of its table.
    data = f"n,d\n1,2.5\n2,{text}\n3,1e-1\n"
    found = convert(data.encode(), columns(n="int", d="decimal(9,2)"))
    is_zero = text.startswith("0")
    assert [(row["n"], float(row["d"])) for row in found.rows] == [(1, 2.5)] + [(2, 0.0)] * is_zero + [(3, 0.1)]
    assert len(found.bad) == 1 - is_zero


@settings(max_examples=500, deadline=None)
@given(st.text("0xXeE-\x10\rP 9", max_size=14).map(str.encode))
def it_finds_pairs_of_characters_as_a_regular_expression_does(text: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_misreadings, "_CHECKED_PAIRS", 3)
        found = [csv_misreadings.is_misread_as(text, kind) for kind in (pa.int64(), pa.decimal128(9, 2), pa.string())]
    assert found == [bool(re.search(rb"0[xX]", text)), bool(re.search(rb"[eE]-", text)), False]


@pytest.mark.parametrize("extra", [1, 20, 40_000, 400_000])
def it_quarantines_a_line_of_far_too_many_values(extra: int) -> None:
    # Before version 20 Arrow has room for 32,768 values and writes on behind them.
    data = b"a,b\n" + b"1,2\n" * 16_383 + b"1,2" + b",3" * extra + b"\n" + b"1,2\n" * 9
    found = convert(data, columns(a="int", b="int"))
    assert [len(found.rows), *{tuple(row.values()) for row in found.rows}] == [16_392, (1, 2)]
    assert [(row["line_number"], row["reason"]) for row in found.bad] == [
        (16_385, f"expected 2 columns, found {extra + 2}")
    ]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"])
@pytest.mark.parametrize("end", [b"", b"\n", b",x\n"])
def it_reads_the_beginning_of_a_byte_order_mark_as_what_it_is(mark: bytes, end: bytes) -> None:
    found = convert(b"a,b\n1,x\n" + mark + end, AB, sizes=Sizes(part_bytes=1))
    assert len(found.rows) + len(found.bad) == 2
    assert found.rows[0] == {"a": "1", "b": "x"}
    assert [row["line_number"] for row in found.bad] == [] if len(found.rows) == 2 else [3]


# ------------------------------------------------------------------------------------------------------- the two counts
def faulty(read_once: Any, change: str) -> Any:
    """Return a fast way that is wrong about the rows of every text that it reads."""

    def read(reader: ArrowReader, text: bytes, *rest: Any, **more: Any) -> Any:
        table = read_once(reader, text, *rest, **more)
        if table.total < 3:
            return table
        columns = table.columns
        if change == "loses a row":
            columns = {place: pa.chunked_array(column.slice(1)) for place, column in columns.items()}
        if change == "doubles a row":
            columns = {
                place: pa.chunked_array([*column.slice(0, 1).chunks, *column.chunks])
                for place, column in columns.items()
            }
        total = table.total + (1 if change == "doubles a row" else -1)
        return type(table)(columns, total, table.invalid, table.closed)

    return read


@pytest.mark.parametrize("change", ["loses a row", "doubles a row"])
@pytest.mark.parametrize(
    "csv", [{}, {"comment": "#"}, {"escape": "\\"}, {"quoted_newlines": False}, {"encoding": "cp1252"}], ids=str
)
def it_catches_a_row_that_the_fast_way_loses_or_doubles(
    monkeypatch: pytest.MonkeyPatch, change: str, csv: dict[str, Any]
) -> None:
    lines = [b"%d,x\n" % number for number in range(300)] + [b'z,"q"\n', b"bad\n", b"#x\n", b"\\a,b\n", b"\xe9,b\n"]
    data = b"a,b\n" + b"".join(lines)
    right = convert(data, columns(a="int", b="string"), csv, sizes=SMALL)
    monkeypatch.setattr(ArrowReader, "_read_once", faulty(ArrowReader._read_once, change))
    for split in (1 << 20, 200):
        found = convert(data, columns(a="int", b="string"), csv, sizes=SMALL, split=split)
        assert (found.rows, found.bad) == (right.rows, right.bad)
    assert [row["a"] for row in right.rows] == list(range(300))


def it_reads_ordinary_files_the_fast_way_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("read exactly")

    monkeypatch.setattr(ExactReader, "read", refuse)
    files = {
        "plain.csv": b"a,b\n" + b"1,x\n" * 500,
        "windows.csv": b"a,b\r\n" + b'"1","x\r\ny"\r\n' * 500,
        "newlines.csv": b"a,b\n" + b'1,"x\n\n2,""y""\n"\n' * 500,
        "inches.csv": b"a,b\n" + b'5" pipe,"a, b"\n"c",6" x 7"\n' * 500,
        "old_mac.csv": b"a,b\r" + b'1,"x\ry"\r' * 500,
        "ragged.csv": b"a,b\n" + b"1,x\n1\n1,2,3\n\n" * 500,
        "broken.csv": b"a,b\n" + b"1,x\xff\n" * 500,
    }
    for sizes in (Sizes(), SMALL):
        found = convert(files, AB, sizes=sizes)
        assert sum(item.rows_read for item in found.result.sources) == 5000
    nulls = convert(
        b"a\tb\n" + b"\\N\tx\\\ty\\\nz\nN\t\\N\n" * 200, AB, {"delimiter": "\t", "escape": "\\", "null_values": ["\\N"]}
    )
    assert [tuple(row.values()) for row in nulls.rows[:2]] == [(None, "x\ty\nz"), ("N", None)]
    commented = convert(b"#c\na,b\n" + b'1,x\n#c, "d"\n' * 500, AB, {"comment": "#"}, sizes=SMALL)
    assert len(commented.rows) == 500


def expected_records(
    text: str, quote: str | None, escape: str | None, *, skip: bool = False
) -> list[tuple[int, list[str]]] | None:
    """Return line and values of each record as Python's csv reads them; None where a quote is not closed rightly.

    That is where a value with line breaks has text behind its closing quote, or where the data ends inside quotes.
    """
    options: dict[str, Any] = {"quotechar": quote, "escapechar": escape, "skipinitialspace": skip}
    options["quoting"] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(iter(lines), **options)
    found, before = [], 0
    for record in reader:
        line, before = before, reader.line_num
        if record:
            found.append((line + 1, record))
        if before - line > 1:
            try:
                list(csv.reader(iter(lines[line:before]), strict=True, **options))
            except csv.Error:
                return None
    # One more line is a record of its own, unless the data ends inside quotes.
    ended = "" if text.endswith(("\n", "\r")) else "\n"
    *_, last = csv.reader(io.StringIO(f"{text}{ended}z", newline=""), **options)
    return found if last == ["z"] else None


CASES = int(os.environ.get("RANDOM_CASES", "1500"))
SOUPS = ('a,"\n', 'a, "\n', 'a,  "\n', 'a,"\n\r', 'ab,"",\n', "a,\n\r", 'a"\n', 'a, "\n\r\ufeffé')


@pytest.mark.random
@settings(max_examples=CASES, deadline=None)
@given(
    st.sampled_from(SOUPS).flatmap(lambda letters: st.text(letters, max_size=60)),
    st.integers(1, 3),
    st.sampled_from([4, 5, 9, 1 << 20]),
    st.sampled_from([1, 5, 20, 1 << 22]),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
    st.sampled_from([{}, {"short_rows": "null"}, {"short_rows": "null", "null_values": [""]}]),
    st.sampled_from(["keep", "skip", "quarantine"]),
)
def it_reads_any_soup_of_special_characters_as_pythons_csv_does(
    text: str, width: int, block: int, part: int, split: int, nul: bool, skip: bool, options: dict[str, Any], empty: str
) -> None:
    # A byte order mark at the beginning of a file is none of its text; a second one is.
    plain = text.removeprefix("\ufeff")
    expected, lines = expected_records(plain, '"', None, skip=skip), io.StringIO(plain, newline="").readlines()
    text = text.replace("a", "\0" if nul else "a")
    declared = columns(**{f"c{number}": "string" for number in range(width)})
    sizes = Sizes(block_bytes=block, part_bytes=part)
    csv = {"header": False, "null_values": [], "skip_initial_space": skip, "empty_rows": empty, **options}
    try:
        found = convert(text.encode(), declared, csv, split=split, window=7, sizes=sizes)
    except UnterminatedQuoteError:
        assert expected is None
        return
    assert expected is not None
    shortest, nothing = 1 if options else width, set()
    if empty != "keep":
        nothing = {line for line, _ in expected if not lines[line - 1].strip(", \r\n")}
    skipped = found.result.sources[0].rows_skipped
    assert skipped == (len(nothing) if empty == "skip" else 0)
    assert len(found.rows) + len(found.bad) + skipped == len(expected) == found.result.sources[0].rows_read
    kept = [(line, record) for line, record in expected if line not in nothing]
    rows = [[value if value is None else value.replace("\0", "a") for value in row.values()] for row in found.rows]
    wanted = [[*record, *[None] * (width - len(record))] for _, record in kept if shortest <= len(record) <= width]
    if csv["null_values"]:
        # Which empty values were quoted is what Python's csv does not tell.
        rows, wanted = ([[value or None for value in row] for row in found] for found in (rows, wanted))
    assert rows == wanted
    bad = {line for line, record in kept if not shortest <= len(record) <= width}
    bad |= nothing if empty == "quarantine" else set()
    assert found.bad_places() == [(line, None) for line in sorted(bad)]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(['"a""b"', '""', "a", "", '"\n"', '"\r\n,"', 'b"c', "\n"]),
            st.sampled_from([",", "\n", "\r\n"]),
        ),
        max_size=90,
    ),
    st.integers(1, 9),
)
def it_counts_records_as_pythons_csv_does(fields: list[tuple[str, str]], chunk: int) -> None:
    text = "".join(field + end for field, end in fields)
    expected = expected_records(text, '"', None)
    found = find_records(text.encode(), Dialect(b",", b'"', None, None, True, "utf-8", True))
    if expected is not None:
        assert (found.lines + 1).tolist() == [line for line, _ in expected]
    if 'b"c' not in text:
        counter, data = RecordCounter(b'"'), text.encode()
        for start in range(0, len(data), chunk):
            counter.feed(data, start, min(start + chunk, len(data)))
        assert counter.records + counter.unterminated == len(expected or [])
        assert counter.lines == len(text.replace("\r\n", "\n").split("\n")) - 1


VALUE = r'(?:[^",\r\n]*|"(?:[^"]|"")*")'
REGULAR = re.compile(rf"{VALUE}(?:[,\r\n]{VALUE})*")


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(['"a""b"', '""', "a", '"\n"', '"\r\n,"', 'b"c', '"', ",", ",", "\n", "\r\n"]), max_size=150
    ),
    st.integers(1, 70),
)
@example(['"', "\n", "a", "a"], 2)
def it_finds_quotes_regular_by_what_the_counter_has_seen(pieces: list[str], chunk: int) -> None:
    text = "".join(pieces)
    expected, dialect = REGULAR.fullmatch(text) is not None, Dialect(b",", b'"', None, None, True, "utf-8", True)
    counter, data = RecordCounter(b'"'), text.encode()
    for start in range(0, len(data), chunk):
        counter.feed(data, start, min(start + chunk, len(data)))
    assert quotes_are_regular(data, dialect) == expected
    assert quotes_are_regular(data, dialect, counter.quoted or ()) == expected


def it_never_ends_with_another_error_whatever_the_bytes() -> None:
    generator = np.random.default_rng(7)
    for _ in range(150):
        data = generator.choice(np.frombuffer(b'a1,\n"\r\0\xff\xc3\xa9\xef\xbb\xbf\\#', np.uint8), 80).tobytes()
        for options in ({}, {"escape": "\\"}, {"quoted_newlines": False}, {"comment": "#", "quote": None}):
            try:
                convert(
                    data, columns(a="int", b="string"), {**options, "header": False}, split=30, window=8, sizes=SMALL
                )
            except ConversionError as error:
                assert str(error).startswith("a.csv, line ")
