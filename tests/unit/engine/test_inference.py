"""Columns inferred from all rows: what is decided, why, and that a conversion accepts whatever was proposed."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import CsvOptions
from conversion_errors import (
    SchemaDriftError,
    UnreadableFileError,
    UnsupportedOptionError,
    UnterminatedQuoteError,
)
from inference import Inference, InferredColumn, infer
from inference_dialect import NotCsvError
from inference_names import RESERVED_WORDS, column_names
from inference_types import DateOrder
from scripts.try_csv import csv_options
from tests.unit.engine.helpers import Converted, a_unit, convert

ROOT = Path(__file__).resolve().parents[3]


def look(
    data: bytes | Mapping[str, bytes], told: CsvOptions | None = None, dates: DateOrder | None = None, **more: Any
) -> Inference:
    """Infer the columns of files."""
    files = {"a.csv": data} if isinstance(data, bytes) else data
    with tempfile.TemporaryDirectory() as name:
        return infer(a_unit(Path(name), files).sources, told, dates=dates, **more)


def load(data: bytes | Mapping[str, bytes], found: Inference) -> Converted:
    """Convert files by what was inferred of them."""
    drift = "ignore" if found.drifting else "fail"
    return convert(data, found.column_options(), csv_options(found.csv), schema_drift=drift)


def types(data: bytes | Mapping[str, bytes], **more: Any) -> list[str]:
    """Return the types inferred, each with its format, if any."""
    return [" ".join(filter(None, (column.type, column.format))) for column in look(data, **more).columns]


def of_values(*values: str, **more: Any) -> tuple[str, str | None, str]:
    """Return type, format and reason of one column of values."""
    column = look("\n".join(["v", *values, ""]).encode(), **more).columns[0]
    return column.type, column.format, column.reason


# --------------------------------------------------------------------------------------------------------------- types
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "0"], "int"),
        (["1", "214748364"], "bigint"),
        (["1", "9223372036854775807"], "bigint"),
        (["1", "9223372036854775808"], "string"),
        (["00501", "10001"], "string"),
        (["0", "10"], "int"),
        (["+49301234567", "+4930765432"], "string"),
        (["+5", "-3"], "int"),
        (["10", "10.5"], "decimal(9,1)"),
        (["12345678.90"], "decimal(18,2)"),
        (["-0.05", ".5"], "decimal(9,2)"),
        (["12345678901234567890123456789012345.12"], "decimal(38,2)"),
        (["007.5", "1.5"], "string"),
        (["0.12345678901234567", "1.5"], "double"),
        (["1.5e-3", "2"], "double"),
        (["12E45", "99E01"], "string"),
        (["true", "False"], "boolean"),
        (["yes", "No"], "boolean"),
        (["yes", "yes"], "string"),
        (["y", "n"], "string"),
        (["yes", "no", "maybe"], "string"),
        (["0", "1"], "int"),
        (["2020-02-29"], "date"),
        (["2021-02-29"], "string"),
        (["2020-01-01", "2020-01-01 10:00:00"], "timestamp"),
        (["2020-01-01T10:00:00Z"], "timestamp"),
        (["19580329", "20200101"], "date %Y%m%d"),
        (["19580329", "20201301"], "int"),
        (["2012/01/01"], "date %Y/%m/%d"),
        (["31.12.2020", "01.01.2020"], "date %d.%m.%Y"),
        (["12/31/2020", "1/1/2020"], "date %m/%d/%Y"),
        (["13/1/20 9:05", "31/1/99 19:05"], "timestamp %d/%m/%y %H:%M"),
        (["Jan 1 2000", "May 31 2001"], "date %b %d %Y"),
        (["1-May-2000"], "date %d-%b-%Y"),
        (["12/31/2020 11:59 PM"], "timestamp %m/%d/%Y %I:%M %p"),
        (["10/Oct/2000:13:55:36 -0700"], "timestamp %d/%b/%Y:%H:%M:%S %z"),
        (["1.10.12", "13.2.11"], "string"),
        (["31.12.2020", "12/31/2020"], "string"),
        (["a", "1"], "string"),
    ],
)
def it_takes_the_type_that_loses_nothing(values: list[str], kind: str) -> None:
    found = of_values(*values)
    assert " ".join(filter(None, found[:2])) == kind


def it_says_of_each_column_why() -> None:
    assert of_values("00501", "10001")[2] == "leading zeros, as in '00501', would be lost"
    assert of_values("1", "2", "x")[2] == "not all are numbers: 'x'"
    assert of_values("1,5".join('""'), "2")[2] == (
        "numbers with decimal ',', as in '1,5': at most 1 digit behind the point: kept exactly"
    )
    assert of_values("$5", "$6")[2] == "numbers in $, which is taken off: whole numbers from 5 to 6"
    assert of_values('""', '""')[2] == "empty in all rows"
    assert of_values("NA", '""')[2] == "no value but 'NA'"


@pytest.mark.parametrize(
    ("values", "kind", "options"),
    [
        (["1,5", "2"], "decimal(9,1)", {"decimal": ","}),
        (["1.234,56", "7"], "decimal(9,2)", {"decimal": ",", "thousands": "."}),
        (["1.234", "1,5"], "decimal(9,1)", {"decimal": ",", "thousands": "."}),
        (["1,234.5", "7"], "decimal(9,1)", {"thousands": ","}),
        (["1,234,567"], "int", {"thousands": ","}),
        (["1'234", "5"], "int", {"thousands": "'"}),
        (["1 234,5"], "decimal(9,1)", {"decimal": ",", "thousands": " "}),
        (["1\u00a0234"], "int", {"thousands": "\u00a0"}),
        (["$1,234.50", "$2"], "decimal(9,2)", {"thousands": ",", "strip": ["$"]}),
        (["-5 %", "12.5%"], "decimal(9,1)", {"strip": ["%"]}),
        (["1,5 €", "20 €"], "decimal(9,1)", {"decimal": ",", "strip": ["€"]}),
        (["EUR 12", "EUR -3"], "int", {"strip": ["EUR"]}),
        # As they are read everywhere, and what could be read in two ways.
        (["1.234"], "decimal(9,3)", {}),
        (["1,234", "2,345"], "string", {}),
        (["$1,234"], "string", {}),
        (["1 234", "5"], "string", {}),
        (["1.234.567"], "string", {}),
        (["1,5", "1.5"], "string", {}),
        (["$5", "€6"], "string", {}),
        (["$5", "6"], "string", {}),
        (["12,34", "1,2,3"], "string", {}),
        (["00,5", "1,5"], "string", {}),
    ],
)
def it_finds_out_how_numbers_are_written(values: list[str], kind: str, options: dict[str, Any]) -> None:
    data = "\n".join(["v;w", *(f"{value};x" for value in values), ""]).encode()
    for piece_bytes in (1, 1 << 20):
        found = look(data, piece_bytes=piece_bytes)
        assert found.column_options()[0] == {"name": "v", "type": kind, **options}
        assert load(data, found).bad == []


def it_says_of_numbers_that_could_be_two_ways_which() -> None:
    words = "ambiguous: '1,234' could be 1.234 or 1234; say what decimal and thousands are"
    assert of_values('"1,234"', '"2,345"')[2] == words


def it_says_of_points_beside_decimal_commas_that_they_may_be_thousands() -> None:
    """1.234 is a thousand where another column of the file has decimal commas, and no value here tells."""
    data = b"a;b;c;d;e\n1.234;12,50;1.5;1.234;2\n2.500;1.000,25;2.5;1.5;3\n"
    found = look(data)
    assert [column.type for column in found.columns] == [
        "string", "decimal(9,2)", "decimal(9,1)", "decimal(9,3)", "int"
    ]  # fmt: skip
    words = "ambiguous: '1.234' could be 1.234 or 1234, and b has decimal ','; say what decimal and thousands are"
    assert found.columns[0].reason == words
    assert load(data, found).rows[0]["a"] == "1.234"
    # Where somebody has said how numbers are written, and where no column has commas, nothing is in doubt.
    told = look(data, CsvOptions(delimiter=";", decimal=",", thousands="."))
    assert [column.type for column in told.columns][:2] == ["int", "decimal(9,2)"]
    assert look(b"a;b\n1.234;1.5\n").columns[0].type == "decimal(9,3)"


def it_leaves_out_marks_that_mean_something_else() -> None:
    told = CsvOptions(delimiter=";", quote="'")
    assert look(b"v;w\n1\x27234;x\n", told).columns[0].type == "string"
    assert look(b"v;w\n1\x27234;x\n", CsvOptions(delimiter=";")).columns[0].type == "int"


def it_reads_numbers_as_a_dataset_says() -> None:
    told = CsvOptions(delimiter=";", decimal=",", thousands=".", strip=("EUR",))
    found = look(b"a;b;c\n1.234;1.5;1,5 EUR\n", told)
    assert [column.type for column in found.columns] == ["int", "string", "decimal(9,1)"]
    assert [column.options() for column in found.columns][2] == {"name": "c", "type": "decimal(9,1)"}


def it_reads_booleans_and_times_as_a_dataset_says() -> None:
    told = CsvOptions(true_values=("x",), false_values=("-",), date_formats=("%d.%m.%Y", "%Y-%m-%d"))
    found = look(b"a,b,c\nx,31.01.2024,yes\n-,2024-02-01,no\n", told)
    assert [(column.type, column.format) for column in found.columns] == [
        ("boolean", None), ("date", None), ("string", None)
    ]  # fmt: skip
    assert load(b"a,b,c\nx,31.01.2024,yes\n-,2024-02-01,no\n", found).bad == []


def it_finds_words_that_say_true_and_false() -> None:
    data = b"a,b,c\nJa,yes,oui\nnein,no,oui\n"
    found = look(data)
    assert [column.type for column in found.columns] == ["boolean", "boolean", "string"]
    assert found.csv.true_values == ("true", "t", "yes", "y", "1", "ja")
    assert [row["a"] for row in load(data, found).rows] == [True, False]
    assert [column.type for column in look(data, CsvOptions()).columns] == ["string", "boolean", "string"]


def it_leaves_a_date_that_could_be_either_way_a_text_unless_told() -> None:
    kind, form, reason = of_values("01/02/2020", "03/04/2021")
    assert (kind, form) == ("string", None)
    assert "%d/%m/%Y or %m/%d/%Y" in reason
    assert "ambiguous" in reason
    assert of_values("01/02/2020", "03/04/2021", dates="day")[:2] == ("date", "%d/%m/%Y")
    assert of_values("01/02/2020", "03/04/2021", dates="month")[:2] == ("date", "%m/%d/%Y")
    # What the values say themselves is not overruled.
    assert of_values("13/02/2020", dates="month")[:2] == ("date", "%d/%m/%Y")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["2024-01-01", "2024-01-02", "Summe"], "not all are dates: 'Summe'"),
        (["2024-01-01", "0000-00-00", "x"], "not all are dates: '0000-00-00'"),
        (["31.12.2024", "2024-12-31"], "not all are dates of one format: '2024-12-31'"),
        (["2024-01-01 10:00", "2024-01-01 24:00"], "not all are timestamps: '2024-01-01 24:00'"),
        (["2024-01-01", "2024-01-01 24:00"], "not all are dates: '2024-01-01 24:00'"),
        (["ja", "nein", "vielleicht"], "not all are true or false: 'vielleicht'"),
        (["20240101", "20240102", "5", "x"], "not all are numbers: 'x'"),
        (["ja", "ja"], "text"),
        (["x", "2024-01-01"], "text"),
    ],
)
def it_says_which_value_ended_a_column_of_dates(values: list[str], reason: str) -> None:
    data = "\n".join(["v,w", *(f"{value},y" for value in values), ""]).encode()
    for piece_bytes in (1, 1 << 20):
        column = look(data, piece_bytes=piece_bytes).columns[0]
        assert (column.type, column.reason) == ("string", reason)
    files = {f"{place}.csv": f"v\n{value}\n".encode() for place, value in enumerate(values)}
    assert look(files, CsvOptions()).columns[0].reason in (reason, "text")


def it_looks_at_the_last_row_too() -> None:
    rows = b"a,b\n" + b"10,2020-01-01\n" * 50_000
    assert types(rows) == ["int", "date"]
    assert types(rows + b"10.5,none of these\n", piece_bytes=1 << 16) == ["decimal(9,1)", "string"]


def it_keeps_little_in_memory_of_a_file() -> None:
    rows = b"".join(b"%d,%d\n" % (number, number % 7) for number in range(200_000))
    with tempfile.TemporaryDirectory() as name:
        (source,) = a_unit(Path(name), {"a.csv": b"a,b\n" + rows}).sources
        small, large = (infer([source], piece_bytes=size) for size in (1 << 14, 1 << 24))
    assert (small, small.rows) == (large, 200_000)


# --------------------------------------------------------------------------------------------------------------- nulls
def it_finds_the_spellings_of_null_among_numbers_and_dates_only() -> None:
    data = b"a,b,c\n1,NA,2020-01-01\nNA,x,n/a\n,y,\n"
    found = look(data)
    assert found.csv.null_values == ("", "n/a")
    assert found.column_options()[0] == {"name": "a", "type": "int", "null_values": ["", "n/a", "NA"]}
    assert found.notes == ("'NA' is null in a, and a text in b",)
    assert load(data, found).rows == [
        {"a": 1, "b": "NA", "c": date(2020, 1, 1)},
        {"a": None, "b": "x", "c": None},
        {"a": None, "b": "y", "c": None},
    ]
    assert look(b"code,country\nNA,Namibia\nDE,Germany\n").csv.null_values == ("",)


def it_finds_spellings_of_null_column_by_column_where_a_dataset_says_none() -> None:
    data = b"a,b\n1,5\nNA,x\n"
    found = look(data, CsvOptions())
    assert found.column_options() == [
        {"name": "a", "type": "int", "null_values": ["", "NA"]},
        {"name": "b", "type": "string"},
    ]
    assert load(data, found).bad == []


def it_counts_only_what_a_dataset_says_is_null() -> None:
    told = CsvOptions(null_values=("", "-"), delimiter=";", date_format="%d.%m.%Y")
    found = look(b"a;b;d\n1;NA;01.02.2020\n-;1;02.03.2020\n", told)
    assert [column.type for column in found.columns] == ["int", "string", "date"]
    assert (found.csv.null_values, found.columns[2].format) == (("", "-"), None)


# -------------------------------------------------------------------------------------------------------------- header
def it_makes_names_that_need_no_quotes() -> None:
    header = ["Cost Total $", "cost_total", "order", "1960", "Übergröße", "", "a.b", "A B", "名前", "order_1"]
    assert column_names(header) == (
        "cost_total", "cost_total_2", "order_1", "c1960", "ubergrosse", "column_6", "a_b", "a_b_2", "column_9",
        "order_1_2",
    )  # fmt: skip
    assert column_names(["month", "Month "], ["month"]) == ("month_2", "month_3")


@given(st.lists(st.text(max_size=300), max_size=20), st.lists(st.sampled_from(["a", "b", "order_1", "column_1"])))
def it_makes_names_that_planning_accepts(header: list[str], taken: list[str]) -> None:
    names = column_names(header, taken)
    assert len(set(names) | set(taken)) == len(header) + len(set(taken))
    assert all(re.fullmatch("[a-z_][a-z0-9_]{0,254}", name) and name not in RESERVED_WORDS for name in names)


def it_knows_the_reserved_words_of_planning() -> None:
    declared = re.search(r"reserved_words = toset\(\[(.*?)\]\)", (ROOT / "locals.tf").read_text(), re.DOTALL)
    assert declared is not None
    assert set(re.findall(r'"(\w+)"', declared[1])) == RESERVED_WORDS


def it_keeps_the_names_of_the_files_as_sources() -> None:
    data = b",Cost Total $,ZIP,order\n1,2,00501,x\n"
    found = look(data)
    assert found.column_options() == [
        {"name": "column_1", "type": "int", "source": ""},
        {"name": "cost_total", "type": "int", "source": "Cost Total $"},
        {"name": "zip", "type": "string"},
        {"name": "order_1", "type": "string", "source": "order"},
    ]
    assert load(data, found).rows == [{"column_1": 1, "cost_total": 2, "zip": "00501", "order_1": "x"}]


@pytest.mark.parametrize(
    ("header", "sources"),
    [
        ("a,a,b,a", ["a", "a.1", None, "a.2"]),
        ("a,a.1,a", ["#1", "a.1", "#3"]),
        ("a,A,b", ["a", "A", None]),
        ("a,A,a", ["#1", "A", "#3"]),
        (",b,", ["#1", None, "#3"]),
        ("b,", [None, ""]),
        ("Name,n1.1", ["Name", "n1.1"]),
    ],
)
def it_finds_columns_that_share_a_name(header: str, sources: list[str | None]) -> None:
    width = header.count(",") + 1
    data = f"{header}\n{','.join(map(str, range(width)))}\n".encode()
    found = look(data)
    if "Name" not in header:
        assert [column.source for column in found.columns] == sources
    assert list(load(data, found).rows[0].values()) == list(range(width))


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"a,b\n1,2\n", True),
        (b"a,b\nx,y\n", True),
        (b"1,2\n3,4\n", False),
        (b"x,2\ny,4\n", False),
        (b"x,2020-01-01\ny,2020-01-02\n", False),
        (b"country,1960,1961,1962\nAruba,4.8,4.6,4.4\n", True),
        (b"a,b\n", True),
        (b"id,2020\n1,x\n", True),
    ],
)
def it_tells_a_header_from_a_row(data: bytes, header: bool) -> None:
    assert look(data).csv.header is header


def it_names_the_columns_of_files_without_a_header_by_position() -> None:
    data = b"x,1\ny,2\n"
    found = look(data)
    assert [(column.name, column.type, column.written) for column in found.columns] == [
        ("column_1", "string", ""),
        ("column_2", "int", ""),
    ]
    assert load(data, found).rows == [{"column_1": "x", "column_2": 1}, {"column_1": "y", "column_2": 2}]


# ------------------------------------------------------------------------------------------------------------- dialect
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"a;b\n1,5;x\n2,5;y\n", {"delimiter": ";"}),
        (b"a\tb, c\n1\tx, y\n", {"delimiter": "\t"}),
        (b"a|b\n1|x\n", {"delimiter": "|"}),
        (b"a\x01b\n1\x01x\n", {"delimiter": "\x01"}),
        (b"a b\n1 x\n2 y\n", {"delimiter": " "}),
        (b"t,b\n2020-01-01 10:00:00,x y\n", {}),
        (b"a,b\n'x,y','z'\n'1','2'\n", {"quote": "'"}),
        (b'a,b\n"x \\"y\\", z",1\n', {"escape": "\\"}),
        (b"# made by hand\n# twice\na,b\n1,2\n", {"comment": "#"}),
        (b"#id,b\n1,2\n", {}),
        (b"a\nx y\nz\n", {}),
        ("a,b\nä,1\n".encode("cp1252"), {"encoding": "cp1252"}),
        (b"a,b\n\x81\xe4,1\n", {"encoding": "latin-1"}),
        ("a,b\nä,1\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("a,b\nä,1\n".encode("utf-16-le"), {"encoding": "utf-16-le"}),
        ("\ufeffa,b\nä,1\n".encode(), {}),
        (b'a,b\n5" pipe,1\n"6 pipe,2\n', {"quote": None}),
        # Text behind a closing quote says that it is none, where another reading knows better.
        (b'a,b\n1,"x \\" y"\n2,"z"\n', {"escape": "\\"}),
        (b'a,b\n"Weird Al" Yankovic,1\nx,2\ny,3\n', {"quote": None}),
        (b'"a","b"\n"Weird Al" Yankovic,1\n"x","2"\n', {}),
        (b'a,b\n1,"C:\\dir\\"\n2,"z"\n', {}),
        (b"a,b\r\n1,2\n3,4\r\n", {}),
    ],
)
def it_finds_out_how_files_are_written(data: bytes, options: dict[str, Any]) -> None:
    found = look(data)
    usual = CsvOptions(null_values=found.csv.null_values)
    assert found.csv == CsvOptions(**{"null_values": usual.null_values, **options})
    assert load(data, found).bad == []


@pytest.mark.parametrize(
    ("data", "options", "note"),
    [
        (b"Rates\nmade 2020\n\na,b\n1,2\n3,4\n5,6\n7,8\n", {"skip_lines": 3}, "3 lines above the header skipped"),
        (b"Rates; all\na;b;c\n1;2;3\n3;4;5\n", {"skip_lines": 1, "delimiter": ";"}, "a line above"),
        (b"Rates,,\n,,\na,b,c\n1,2,3\n", {"skip_lines": 2}, "2 lines above the header skipped"),
        (b"\xef\xbb\xbfRates\r\na,b\r\n1,2\r\n3,4\r\n5,6\r\n", {"skip_lines": 1}, "a line above"),
        # What Excel writes, and reads back, of the delimiter; and how DOS ended a file.
        (b"\xef\xbb\xbfsep=;\r\na;b\r\n1;2\r\n3;4\r\n", {"skip_lines": 1, "delimiter": ";"}, "a line above"),
        (b'"sep=\t"\na\tb\n1\t2\n', {"skip_lines": 1, "delimiter": "\t"}, "a line above"),
        ("SEP=;\na;b\n1;2\n".encode("utf-16"), {"skip_lines": 1, "encoding": "utf-16"}, "a line above"),
        (b"sep=;\na;b\n1,5;2,5\n2,5;3,5\n", {"skip_lines": 1, "delimiter": ";"}, "a line above"),
        (b"sep=;\nRates\n\na;b;c\n1;2;3\n3;4;5\n", {"skip_lines": 3, "delimiter": ";"}, "3 lines above"),
        (b"sep=;\n1;2\n3;4\n", {"skip_lines": 1, "header": False}, "a line above"),
        (b"a,b\n1,2\n3,4\n\x1a", {"footer_lines": 1}, "a line at the end left out"),
        (b"a,b\n1,2\n3,4\nTotal: 4\n", {"footer_lines": 1}, "a line at the end left out"),
        (b"a,b\n1,2\n3,4\n\nSource: us\n(2 rows)\n", {"footer_lines": 2}, "2 lines at the end left out"),
        (b"Rates\na,b\n1,2\n3,4\n5,6\nTotal 9\n", {"skip_lines": 1, "footer_lines": 1}, "a line above"),
    ],
)
def it_leaves_out_what_stands_above_and_below_a_table(data: bytes, options: dict[str, Any], note: str) -> None:
    found = look(data)
    assert {name: getattr(found.csv, name) for name in options} == options
    assert (found.odd, note in " ".join(found.notes)) == (0, True)
    lines = [line for line in data.decode(encoding_of(data)).splitlines() if re.match(r"\d+[,;\t]", line)]
    loaded = load(data, found)
    assert (loaded.bad, len(loaded.rows)) == ([], len(lines))
    delimiter, decimal = found.csv.delimiter, "," if ";" in lines[0] else "."
    values = [[str(value).replace(".", decimal) for value in row.values()] for row in loaded.rows]
    assert values == [line.split(delimiter) for line in lines]


def encoding_of(data: bytes) -> str:
    return "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


@pytest.mark.parametrize(
    "nothing", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n", b"\xff\xfe", "\ufeff \r\n".encode("utf-16-le")]
)
def it_begins_with_the_first_file_that_holds_something(nothing: bytes) -> None:
    with pytest.raises(NotCsvError, match=r"1\.csv: there is nothing in it, not even a header"):
        look({"1.csv": nothing})


def it_says_of_a_line_about_the_delimiter_alone_that_nothing_follows() -> None:
    with pytest.raises(NotCsvError, match="there is nothing in it"):
        look(b"sep=;\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n3\n",  # cut off
        b"a,b\n1,2\nTotal\n3,4\n",  # in the middle
        b"a,b\n1,2\nTotally new\n",
    ],
)
def it_takes_no_row_for_a_footer_that_may_be_one(data: bytes) -> None:
    found = look(data)
    assert (found.csv.footer_lines, found.odd) == (0, 1)


def it_leaves_out_footers_only_where_all_files_have_one() -> None:
    found = look({"1.csv": b"a,b\n1,2\nTotal 2\n", "2.csv": b"a,b\n3,4\n"})
    assert (found.csv.footer_lines, found.odd) == (0, 1)
    found = look({"1.csv": b"a,b\n1,2\nTotal 2\n", "2.csv": b"a,b\n3,4\nTotal 4\n"})
    assert (found.csv.footer_lines, found.odd, found.rows) == (1, 0, 2)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Total,9,9", "Total"),
        ("GESAMT:,9,9", "GESAMT:"),
        (",Grand Total,9", "Grand Total"),
        ("Totals Ltd,9,9", None),
        ("x,Sum,9", None),
    ],
)
def it_says_that_the_last_row_may_sum_up_the_others(row: str, told: str | None) -> None:
    """It has a value for each column, so it stays a row; sums over the table would count all twice."""
    for piece_bytes in (1, 1 << 20):
        data = f"a,b,c\nx,2,3\ny,7,6\n{row}\n".encode()
        found = look({"1.csv": data, "2.csv": b"a,b,c\nz,1,1\n"}, piece_bytes=piece_bytes)
        notes = (
            ()
            if told is None
            else (f"the last row of 1.csv begins with {told!r}: if that sums up, it is loaded anyway",)
        )
        assert (found.notes, found.rows) == (notes, 4)
    assert look(b"a,b\nTotal,2\nx,3\n").notes == ()


def it_keeps_a_first_row_with_few_values() -> None:
    assert look(b"5,,\n1,2,3\n4,5,6\n").rows == 3


def it_finds_bytes_that_are_not_utf8_beyond_the_first_ones() -> None:
    data = b"a,b\n" + b"x,1\n" * 400_000 + "ä,2\n".encode("cp1252")
    found = look(data, piece_bytes=1 << 18)
    assert (found.csv.encoding, found.rows) == ("cp1252", 400_001)


@pytest.mark.parametrize("rows", [1, 50, 300_000])
@pytest.mark.parametrize("value", ["c", "c, d"])
def it_gives_up_a_row_and_not_the_quotes_of_all_others(rows: int, value: str) -> None:
    """Without quotes all rows would fit, with the quotes as parts of their values: wrong in every one of them."""
    data = b'"id","n"\n' + b'"1","a"\n' * rows + b'"2","b\n' + f'"3","{value}"\n'.encode() * rows
    found = look(data, piece_bytes=1 << 20)
    assert [(column.name, column.type) for column in found.columns] == [("id", "int"), ("n", "string")]
    assert [(row.line, row.reason, row.text) for row in found.odd_rows] == [(rows + 2, "unterminated quote", '"2","b')]
    assert (found.rows, found.odd) == (2 * rows + 1, 1)
    loaded = load(data, found)
    assert ([row["n"] for row in loaded.rows], len(loaded.bad)) == (["a"] * rows + [value] * rows, 1)


def it_leaves_the_quotes_of_files_that_quote_nothing() -> None:
    data = b'title\tyear\n"Heroes"\t1977\n"Weird Al" Yankovic\t1983\n"Even Worse\t1988\nx\t1\ny\t2\nz\t3\n'
    found = look(data)
    assert (found.csv.quote, found.odd) == (None, 0)
    assert load(data, found).rows[0] == {"title": '"Heroes"', "year": 1977}


def it_finds_bytes_that_are_not_utf8_in_the_header_alone() -> None:
    found = look("Größe;n\n1;2\n".encode("cp1252"))
    assert (found.csv.encoding, [column.written for column in found.columns]) == ("cp1252", ["Größe", "n"])
    files = {"1.csv": "Größe;n\n1;2\n".encode("cp1252"), "2.csv": "Größe;n\n3;4\n".encode()}
    with pytest.raises(NotCsvError, match=r"1\.csv is not UTF-8 and 2\.csv is"):
        look(files)
    # A few broken bytes in the other one do not make it like the first.
    files["2.csv"] += "Köln;Ulm\nK\udcc3;1\n".encode(errors="surrogateescape")
    with pytest.raises(NotCsvError, match=r"1\.csv is not UTF-8 and 2\.csv is"):
        look(files)


@pytest.mark.parametrize("broken", ["Köl".encode() + b"\xc3", "K\u00f6ln".encode("cp1252")])
def it_takes_a_file_for_utf8_in_which_most_letters_are(broken: bytes) -> None:
    """A letter that some program has cut in two, or a row of another encoding, spoils its own row and no other."""
    data = "a,b\n1,Grün\n2,".encode() + broken + "\n3,Köln\n".encode()
    found = look(data)
    assert (found.csv.encoding, [row.line for row in found.odd_rows]) == ("utf-8", [3])
    assert [row["b"] for row in load(data, found).rows] == ["Grün", "Köln"]


@pytest.mark.parametrize("encoding", ["cp932", "cp1251", "cp1250", "euc_kr", "gb18030", "euc_jp"])
def it_says_that_an_encoding_is_a_guess_and_takes_another_from_the_caller(encoding: str) -> None:
    words = {"cp1251": "Имя Москва", "cp1250": "Řehoř Děčín", "euc_kr": "한국어 도시", "gb18030": "中文 城市"}
    name, value = words.get(encoding, "日本語 ソ能表").split()
    data = f"{name};n\n{value};1\n{value};2\n".encode(encoding)
    guessed = look(data)
    assert guessed.csv.encoding in ("cp1252", "latin-1")
    assert any(f"taken for {guessed.csv.encoding}" in note and "ENCODING=" in note for note in guessed.notes)
    told = look(data, encoding=encoding)
    assert (told.csv.encoding, told.notes) == (encoding, ())
    assert [row[told.columns[0].name] for row in load(data, told).rows] == [value, value]


def it_refuses_an_encoding_that_nobody_knows() -> None:
    with pytest.raises(UnsupportedOptionError, match="cp99999"):
        look(b"a,b\n1,2\n", encoding="cp99999")
    marked, unmarked = "a,b\n1,2\n".encode("utf-16"), "a,b\n1,2\n".encode("utf-16-le")
    for files in ({"1.csv": unmarked}, {"1.csv": marked, "2.csv": unmarked}):
        with pytest.raises(UnreadableFileError, match=r"does not begin with the byte order mark of UTF-16"):
            look(files, encoding="utf-16")


# --------------------------------------------------------------------------------------------------------- many files
def it_puts_the_columns_of_all_files_together() -> None:
    files = {"1.csv": b"a,b\n1,x\n", "2.csv": b"B,A\ny,2.5\n", "3.csv.gz": gzip.compress(b"a,b\n3,z\n"), "4.csv": b""}
    found = look(files)
    assert [(column.name, column.type) for column in found.columns] == [("a", "decimal(9,1)"), ("b", "string")]
    assert (found.rows, found.drifting) == (3, False)
    assert [row["a"] for row in load(files, found).rows] == [Decimal("1.0"), Decimal("2.5"), Decimal("3.0")]


def it_says_that_a_file_lacks_columns() -> None:
    files = {"1.csv": b"a,b\n1,x\n", "2.csv": b"a,b,c\n2,y,3\n"}
    found = look(files)
    assert (found.drifting, found.notes) == (True, ("the files differ: 1.csv lacks c, which is null there",))
    assert load(files, found).rows[0] == {"a": 1, "b": "x", "c": None}


def it_counts_rows_of_another_width_and_shows_them() -> None:
    data = b"a,b\n1,2\n3\n" + b"4,5\n" * 3 + b"6,7,8\n"
    found = look(data)
    assert [(row.line, row.reason, row.text) for row in found.odd_rows] == [
        (3, "expected 2 columns, found 1", "3"),
        (7, "expected 2 columns, found 3", "6,7,8"),
    ]
    assert (found.rows, found.odd, [column.type for column in found.columns]) == (6, 2, ["int", "int"])


# ----------------------------------------------------------------------------------------------- what is not understood
@pytest.mark.parametrize(
    ("files", "kind", "words"),
    [
        ({"a.csv": b""}, NotCsvError, "a.csv: there is nothing in it"),
        ({"a.csv": b"PK\x03\x04abc"}, UnreadableFileError, "not a whole zip file"),
        ({"a.csv.gz": gzip.compress(b"a,b\n1,2\n" * 99)[:30]}, UnreadableFileError, "not a whole gzip file"),
        ({"a.csv.gz": b"a,b\n1,2\n"}, UnreadableFileError, "not a whole gzip file"),
        ({"a.csv": b'{"a": 1}\n'}, NotCsvError, "JSON"),
        ({"a.csv": b"<!DOCTYPE html><html>"}, NotCsvError, "web page"),
        ({"a.csv": b"\xef\xbb\xbf\n<html>x,y"}, NotCsvError, "web page"),
        ({"a.csv": b"<table border=1><tr><td>a,b</td></tr></table>"}, NotCsvError, "web page"),
        ({"a.csv": b'\xef\xbb\xbf[{"a": 1}]'}, NotCsvError, "JSON"),
        (
            {"a.csv": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n"},
            NotCsvError,
            "git lfs pull",
        ),
        ({"a.csv": b"a;b\n1;2\n", "b.csv": b" \n"}, SchemaDriftError, "it has '', and not 'a', 'b'"),
        ({"a.csv": bytes(range(256)) * 9 + bytes(999)}, NotCsvError, "binary"),
        ({"a.csv": b"Dear all,\nthis, that, and more,\nis no table.\nBye,\n"}, NotCsvError, "is no CSV file: none of"),
        ({"a.csv": b"Rates\nmade 2020\n\n" + b"1,2\n" * 20}, NotCsvError, "begins behind 2 other lines.*'Rates'"),
        ({"a.csv": b"a,b\n" + b"1,2,\n" * 9}, NotCsvError, "first line has 2 values, 'a' at first, and most others 3"),
        ({"a.csv": b"a;b;\n" + b"1;2\n" * 9}, NotCsvError, "let every line end with a delimiter, or none"),
        ({"a.csv": b"a,b\n" + b"1,2\n" * 9 + b'3,"x\ny\n'}, UnterminatedQuoteError, "a quote is opened"),
        ({"1.csv": b"a,b\n1,2\n", "2.csv": b"x,y\n1,2\n"}, SchemaDriftError, "2.csv has none of the columns of 1.csv"),
        ({"1.csv": "a,b\nä,2\n".encode(), "2.csv": b"a,b\n\xe4,2\n"}, NotCsvError, "2.csv is not UTF-8 and 1.csv is"),
        ({"1.csv": b"a,b\n1,2\n", "2.csv": b"a;b\n1;2\n"}, SchemaDriftError, "2.csv has none of the columns"),
    ],
)
def it_says_in_a_sentence_what_a_file_is_instead(files: dict[str, bytes], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        look(files)


# --------------------------------------------------------------------------------------------------------- random files
DAYS = st.dates(date(1950, 1, 1), date(2049, 12, 31))
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1))
KINDS: Sequence[st.SearchStrategy[str]] = (
    st.integers(-(10**20), 10**20).map(str),
    st.integers(0, 10**6).map(str),
    st.integers(0, 99999).map("{:05d}".format),
    st.decimals(-(10**9), 10**9, places=2, allow_nan=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.floats().map(str),
    st.sampled_from(["true", "false", "TRUE"]),
    st.sampled_from(["t", "f", "yes", "no", "1", "0", "on"]),
    DAYS.map(str),
    DAYS.map("{:%d/%m/%Y}".format),
    DAYS.map("{:%m/%d/%y}".format),
    DAYS.map("{:%d.%m.%Y}".format),
    DAYS.map("{:%Y%m%d}".format),
    DAYS.map("{:%b %d, %Y}".format),
    MOMENTS.map(str),
    MOMENTS.map("{:%d/%m/%Y %H:%M}".format),
    MOMENTS.map("{:%m/%d/%Y %I:%M %p}".format),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1c\x1d\x1e\x1f"), max_size=8),
    st.sampled_from(["", "NA", "NULL", "-", "n/a", "nan", "x"]),
    st.sampled_from(["1,234", "12,5", "1.234,5", "2,345.6", "12", "7"]),
    st.sampled_from(["$3", "$12.50", "4%", "12 %", "5"]),
    st.sampled_from(["1,234", "1.5", "$3", "4%", "0x1F", "1e5", "1_000", "٣", " 7 ", "+1", "--1", "1e400", "0.", "."]),
    st.sampled_from(["-.5", "+.5", "1.", "0.0", "-0", "00", "1e-5", "1.5E+3", "inf", "-Infinity"]),
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """Return rows under a header, each column of one or two kinds with some nulls, and a delimiter."""
    width = draw(st.integers(2, 5))
    cells = []
    for _ in range(width):
        chosen = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
        cells.append(st.one_of(*chosen, draw(st.sampled_from([chosen[0], st.just(""), st.just("NA")]))))
    rows = draw(st.lists(st.tuples(*cells).map(list), max_size=30))
    return [[f"name {place}" for place in range(width)], *rows], draw(st.sampled_from(",;\t|"))


@pytest.mark.random
@settings(max_examples=300, deadline=None)
@given(tables(), st.sampled_from(["\n", "\r\n"]), st.integers(1, 1 << 12))
def it_proposes_what_a_conversion_accepts(table: tuple[list[list[str]], str], end: str, piece_bytes: int) -> None:
    rows, delimiter = table
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    data = text.getvalue().encode()
    found = look(data, CsvOptions(delimiter=delimiter), piece_bytes=piece_bytes)
    words = tuple(dict.fromkeys(("", "NA", "-", "NULL", "n/a", "nan")))
    for inferred in (found, look(data, CsvOptions(delimiter=delimiter, null_values=words), piece_bytes=piece_bytes)):
        loaded = load(data, inferred)
        assert loaded.bad == []
        expected = [row for row in csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter) if row][1:]
        assert len(loaded.rows) == len(expected) == inferred.rows
        for row, texts in zip(loaded.rows, expected, strict=True):
            for column, value, told in zip(inferred.columns, row.values(), texts, strict=True):
                nulls = set(column.null_values or inferred.csv.null_values)
                assert same(value, told, column, nulls), (column, value, told)


def same(value: Any, text: str, column: InferredColumn, nulls: set[str]) -> bool:
    """Say whether a loaded value is what Python makes of its text."""
    kind, form = column.type, column.format
    if kind == "string":
        return bool(value == text or (value is None and text in nulls))
    stripped = text.strip(" \t")
    if stripped in nulls or value is None:
        return stripped in nulls and value is None
    if column.numbers is not None:
        for taken in (*column.numbers.strip, column.numbers.thousands):
            stripped = stripped.replace(taken or "", "").strip()
        stripped = stripped.replace(column.numbers.decimal, ".")
    if kind in ("int", "bigint"):
        return bool(value == int(stripped) and (stripped.lstrip("+-") == str(abs(value)) or abs(value) == 0))
    if kind.startswith("decimal"):
        return bool(value == Decimal(stripped))
    if kind == "double":
        return bool(value == float(stripped) or (math.isnan(value) and math.isnan(float(stripped))))
    if kind == "boolean":
        return bool(value is (stripped.lower() in ("true", "yes", "ja")))
    if kind == "date":
        return bool(value == (datetime.strptime(stripped, form).date() if form else date.fromisoformat(stripped)))
    moment = datetime.strptime(stripped, form) if form else datetime.fromisoformat(stripped)
    return bool(value.replace(tzinfo=None) - moment.replace(tzinfo=None) == timedelta(0))
