"""Headers, drift, dialects, encodings and limits, with the rows in the tests."""

from __future__ import annotations

import gzip
import io
import random
from typing import Any

import pandas as pd
import pytest

from conversion_errors import SchemaDriftError, TooManyBadRows, UnreadableFileError, UnsupportedOptionError
from conversion_runners import in_threads
from tests.unit.engine.helpers import columns, convert

AB = columns(a="int", b="string")


def values(data: bytes, csv: dict[str, Any] | None = None, **more: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in convert(data, AB, csv, **more).rows]


def it_matches_columns_by_name_in_every_file() -> None:
    found = convert({"1.csv": b"a,b\n1,x\n", "2.csv": b' B ,"A"\ny,2\n'}, AB)
    assert found.rows == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def it_takes_a_column_from_its_source_name_also_twice() -> None:
    declared = [
        {"name": "n", "type": "int", "source": "Number"},
        {"name": "text", "type": "string", "source": "NUMBER"},
    ]
    assert convert(b"number\n007\n", declared).rows == [{"n": 7, "text": "007"}]


def it_refuses_a_missing_and_an_extra_column_and_says_what_there_is() -> None:
    with pytest.raises(
        SchemaDriftError, match=r"a\.csv: the header lacks 'b' and has 'c' besides; .*In the file: 'a', 'c'"
    ):
        convert(b"a,c\n1,2\n", AB)


def it_reports_drift_when_told_to_ignore_it() -> None:
    found = convert(b"a,c,d\n1,2,3\n", AB, schema_drift="ignore")
    assert found.rows == [{"a": 1, "b": None}]
    assert (found.result.sources[0].missing_columns, found.result.sources[0].extra_columns) == (("b",), ("c", "d"))


def it_refuses_a_missing_required_column_and_a_file_of_strangers() -> None:
    required: list[dict[str, Any]] = [*columns(a="int"), {"name": "b", "type": "string", "required": True}]
    with pytest.raises(SchemaDriftError, match="'b' is required"):
        convert(b"a\n1\n", required, schema_drift="ignore")
    with pytest.raises(SchemaDriftError, match="it has none of the columns"):
        convert(b"x,y\n1,2\n", AB, schema_drift="ignore")


@pytest.mark.parametrize("header", [b"a,b,a ", b"A,b, A", b"A,b,\xc3\x84,A"])
def it_refuses_a_column_that_may_be_one_of_two(header: bytes) -> None:
    message = (
        r"the header has the column 'a' 2 times \(positions 1, [34]\): say by source which is meant, \"#1\" or "
        r"\"#[34]\"; \"a\.1\" is the second, where one column asks for that \"a\" is the first\. In the file: "
    )
    for drift in ("fail", "ignore"):
        with pytest.raises(SchemaDriftError, match=message):
            convert(header + b"\n", AB, schema_drift=drift)


def it_refuses_one_of_several_columns_without_a_name() -> None:
    with pytest.raises(
        SchemaDriftError, match=r'has 2 columns without a name \(positions 1, 3\): .*, "#1" or "#3"\. In'
    ):
        convert(b",b, \n", [{"name": "index", "source": ""}, {"name": "b"}])


def it_takes_unwanted_namesakes_for_drift_and_unnamed_columns_for_none() -> None:
    with pytest.raises(SchemaDriftError, match="the header has 'x', 'X' besides"):
        convert(b"a,b,x,X\n1,2,3,4\n", AB)
    with pytest.raises(SchemaDriftError, match="the header has 'A' besides"):
        convert(b"a,b,A\n1,2,3\n", AB)
    found = convert(b"a,b,,\n1,2,,\n", AB)
    assert (found.rows, found.result.sources[0].extra_columns) == ([{"a": 1, "b": "2"}], ("#3", "#4"))


@pytest.mark.parametrize("seed", range(20))
def it_finds_namesakes_by_the_names_that_pandas_gives_them(seed: int) -> None:
    header = ["a", *random.Random(seed).choices(["a", "B", "c d"], k=9)]  # noqa: S311
    text = ",".join(header) + "\n0,1,2,3,4,5,6,7,8,9\n"
    named = pd.read_csv(io.StringIO(text))
    declared = [{"name": f"c{place}", "type": "int", "source": name} for place, name in enumerate(named.columns)]
    assert list(convert(text.encode(), declared).rows[0].values()) == named.iloc[0].tolist() == list(range(10))


def it_prefers_a_name_that_is_there_to_a_turn_and_to_a_number() -> None:
    declared = [{"name": "x", "source": "a.1"}, {"name": "y", "source": "#1"}, {"name": "z", "source": "a"}]
    assert convert(b"a,a,a.1,#1\n1,2,3,4\n", declared, schema_drift="ignore").rows == [{"x": "3", "y": "4", "z": "1"}]


def it_takes_columns_by_position_whatever_the_header_says() -> None:
    by_position = {"match_columns": "position"}
    for header in (b"x,y", b"b,a", b",", b"a,a", b'"A","b\nc"'):
        for split in (3, 1 << 20):
            assert convert(header + b"\n1,x\n", AB, by_position, split=split, window=4).rows == [{"a": 1, "b": "x"}]
    with pytest.raises(SchemaDriftError, match="lacks 'b'; schema_drift is fail"):
        convert(b"x\n1\n", AB, by_position)
    with pytest.raises(SchemaDriftError, match="has 'z' besides"):
        convert(b"x,y,z\n1,2,3\n", AB, by_position)
    assert convert(b"x,y,z\n1,2,3\n", AB, by_position, schema_drift="ignore").rows == [{"a": 1, "b": "2"}]
    assert convert(b"x\n1\n", AB, by_position, schema_drift="ignore").rows == [{"a": 1, "b": None}]


def it_quarantines_nulls_in_a_required_column() -> None:
    required = [{"name": "a", "type": "int", "required": True}, {"name": "b", "type": "string", "required": True}]
    found = convert(b'a,b\n1,\n,x\n3,y\n4,""\nz,z\n', required)
    assert [row["a"] for row in found.rows] == [3, 4]
    assert [(row["line_number"], row["reason"], row["column_name"]) for row in found.bad] == [
        (2, "null in a required column", "b"),
        (3, "null in a required column", "a"),
        (6, "not of type int", "a"),
    ]


@pytest.mark.parametrize("data", [b"", b"a,b", b"a,b\n", b"\xef\xbb\xbfa,b\r\n\r\n", b"\n\n"])
def it_reads_no_rows_from_an_empty_or_header_only_file(data: bytes) -> None:
    found = convert(data, AB)
    assert (found.rows, found.result.files, found.result.sources[0].rows_read) == ([], (), 0)


@pytest.mark.parametrize(
    ("data", "csv"),
    [
        (b"a;b\n1;'x;y'\n", {"delimiter": ";", "quote": "'"}),
        (b'a,b\n1,"x;y"\n', {}),
        (b"# made by\n#\na,b\n#1,2\n1,x;y\n#end", {"comment": "#"}),
        (b'a,b\n1,x\\;y\n', {"escape": "\\"}),
        (b"a|b\r\n1|x;y\r\n\r\n\r\n", {"delimiter": "|", "quote": None}),
        (b"1,x;y", {"header": False}),
        (b"a,b\r1,x;y\r", {}),
        ("a,b\n1,x;y\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("a,b\n1,x;y\n".encode("utf-8-sig"), {"encoding": "utf-8-sig"}),
        ("a,b\n1,x;y\n".encode("cp500"), {"encoding": "cp500"}),
    ],
)  # fmt: skip
def it_reads_every_dialect(data: bytes, csv: dict[str, Any]) -> None:
    assert convert(data, AB, csv).rows == [{"a": 1, "b": "x;y"}]
    assert convert(data, AB, csv, split=3, window=4).rows == [{"a": 1, "b": "x;y"}]


def it_tells_null_from_an_empty_string_by_the_quotes() -> None:
    data = b'a,b\n1,\n"",""\n3,NA\n4,"NA"\nNA,null\n'
    assert values(data, {"null_values": ["", "NA"]}) == [(1, None), (None, ""), (3, None), (4, "NA"), (None, "null")]
    assert values(b"a,b\n1,\n2,NaN\n", {"null_values": []}) == [(1, ""), (2, "NaN")]


def it_trims_strings_only_when_told() -> None:
    assert values(b"a,b\n 1 ,\t x \n2, \n") == [(1, "\t x "), (2, " ")]
    assert values(b"a,b\n 1 ,\t x \n2, \n", {"trim": True}) == [(1, "x"), (2, None)]


def it_keeps_a_byte_order_mark_that_is_data() -> None:
    data = "b,a\nx,1\n\ufeffy,2\n".encode()
    for split in (5, 1 << 20):
        assert [row["b"] for row in convert(data, AB, split=split, window=4).rows] == ["x", "\ufeffy"]


@pytest.mark.parametrize(
    ("encoding", "broken"), [("utf-8", b"\xff\xfe"), ("cp1252", b"\x81"), ("shift_jis", b"\xff"), ("ascii", b"\xe9")]
)
def it_quarantines_bytes_that_are_not_of_the_encoding(encoding: str, broken: bytes) -> None:
    data = b"a,b\n1,x\n2,y" + broken + b"\n3" + broken + b",z\n4,w\n5" + broken + b"\n"
    found = convert(data, AB, {"encoding": encoding})
    assert [row["a"] for row in found.rows] == [1, 4]
    assert found.bad_places() == [(3, "b"), (4, "a"), (6, None)]
    assert found.bad[0]["reason"] == f"not valid {encoding}"
    assert found.bad[0]["raw_text"] == "2,y" + "".join(f"\\x{byte:02x}" for byte in broken)


def it_quarantines_the_one_byte_that_is_not_of_the_encoding_among_letters_that_are() -> None:
    found = convert("a,b\n1,é\n2,".encode("cp1252") + b"\x81\n3,y\n", AB, {"encoding": "cp1252"})
    assert [(row["a"], row["b"]) for row in found.rows] == [(1, "é"), (3, "y")]
    assert found.bad_places() == [(3, "b")]


def it_reads_gzip_of_several_members_and_names_a_damaged_file() -> None:
    packed = gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n")
    assert len(convert({"a.csv.gz": packed}, AB).rows) == 2
    for damaged in (packed[:-9], b"a,b\n1,x\n", packed[:20] + b"\0\0\0" + packed[23:]):
        with pytest.raises(UnreadableFileError, match=r"a\.csv\.gz is not a whole gzip file"):
            convert({"a.csv.gz": damaged}, AB)


def it_reads_a_thousand_columns_and_a_very_long_value() -> None:
    names = [f"c{number}" for number in range(1000)]
    long = "x" * 3_000_000
    data = "\n".join([",".join(names), ",".join(names), ",".join([long, *names[1:]])]).encode()
    found = convert(data, columns(**dict.fromkeys(names, "string")), split=100_000)
    assert [len(found.rows), found.rows[0]["c999"], found.rows[1]["c0"] == long] == [2, "c999", True]


def it_shows_the_one_bad_row_of_many() -> None:
    rows = [b"%d,x" % number for number in range(200_000)]
    rows[123_455] = b"123455?,x"
    found = convert(b"a,b\n" + b"\n".join(rows), AB, split=300_000, max_bad_fraction=0.01)
    assert len(found.rows) == 199_999
    assert [(row["line_number"], row["raw_text"]) for row in found.bad] == [(123_457, "123455?,x")]


@pytest.mark.parametrize("header", [b"x,a,b", b"a,x,b", b"a,b,x", b"x,b,y,a,z"])
def it_finds_a_bad_value_beside_columns_that_nobody_wants(header: bytes) -> None:
    names = header.split(b",")
    data = header + b"".join(
        b"\n" + b",".join(b"z" if name == bad else b"1" for name in names) for bad in (b"", b"a", b"", b"b")
    )
    found = convert(data, columns(a="int", b="double"), schema_drift="ignore")
    assert found.bad_places() == [(3, "a"), (5, "b")]
    assert [tuple(row.values()) for row in found.rows] == [(1, 1.0)] * 2


def it_fails_when_too_many_rows_are_bad_and_names_the_first() -> None:
    data = b"a,b\n" + b"1,x\n" * 96 + b"z,x\n1\n2,x\n3,y\n"
    message = (
        r"2 of 100 rows are bad, more than max_bad_fraction = 0\.01 \(2\.0000% are bad\) and max_bad_rows = 1 allows; "
        r"nothing was published\. In all: 1 x a: not of type int; 1 x expected 2 columns, found 1\. First: a\.csv line "
        r"98: a: not of type int: 'z'; a\.csv line 99: expected 2 columns, found 1: '1'\. All bad rows are in the "
        r"Parquet files of .*/bad/, until a run that begins 24 hours later or more sweeps them$"
    )
    for split in (1 << 20, 50):
        with pytest.raises(TooManyBadRows, match=message):
            convert(data, AB, split=split, max_bad_fraction=0.01, max_bad_rows=1)
    assert len(convert(data, AB, max_bad_fraction=0.02, max_bad_rows=2).rows) == 98
    # 0.29 * 100 is 28.999999999999996.
    assert len(convert(b"a,b\n" + b"1,x\n" * 71 + b"z,x\n" * 29, AB, max_bad_fraction=0.29).rows) == 71


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ({"delimiter": "§"}, r"csv\.delimiter is '§'; allowed is one ASCII character"),
        ({"encoding": "base64"}, r"csv\.encoding is 'base64'; allowed is any text encoding"),
        ({"escape": "\\", "null_values": ["N\\"]}, r"null_values has 'N\\\\', in which csv\.escape .* at the end"),
        ({"escape": "\\", "null_values": ["\\,"]}, r"null_values has '\\\\,', in which .* before a delimiter"),
        ({"date_format": "yyyy-MM-dd"}, r"csv\.date_format is 'yyyy-MM-dd'; allowed are Python's strptime codes"),
        ({"date_format": "%F"}, r"it has '%F'"),
        ({"date_format": "%d.%m."}, "a year, a month and a day"),
        ({"date_format": "%Y-%m-%d %H"}, r"it has '%H'"),
    ],
)
def it_refuses_what_it_cannot_honour_by_name(csv: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=message):
        convert(b"d\n", columns(d="date"), csv)


def it_gives_the_same_from_several_threads() -> None:
    data = b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(500)) + b"z,z\n"
    alone, shared = convert(data, AB, split=500), convert(data, AB, split=500, runner=in_threads(2))
    assert (shared.rows, shared.bad, shared.accounts()) == (alone.rows, alone.bad, alone.accounts())
