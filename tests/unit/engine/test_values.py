"""Single values: what each type accepts, and that the fast ways agree with the exact ones."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import Column, CsvOptions
from conversion import convert_units
from csv_arrow import ArrowReader
from csv_dates import clash, formatted_type
from csv_parts import Sizes
from csv_values import BadValueError, value_type
from tests.unit.engine.helpers import a_contract, a_unit, columns, convert

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
BAD = "bad"
NULL: None = None


def one(kind: str, text: str, **csv: Any) -> Any:
    """Convert one value; the row beside it keeps the column in the fast way."""
    found = convert(f'v;n\n"{text}";1\n'.encode(), columns(v=kind, n="int"), {"delimiter": ";", **csv})
    return found.rows[0]["v"] if found.rows else BAD


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "+5", 5), ("int", " 5\t", 5), ("int", "2147483647", 2**31 - 1), ("int", "2147483648", BAD),
        ("int", "0x1F", BAD), ("int", "1,234", BAD), ("int", "5.0", BAD), ("int", "", NULL), ("int", " ", NULL),
        ("bigint", "9223372036854775807", 2**63 - 1), ("bigint", "-9223372036854775809", BAD),
        ("double", "1e400", BAD), ("double", "-1e400", BAD), ("double", "1e-400", 0.0), ("double", "inf", float("inf")),
        ("double", "+5", 5.0), ("double", "1,234.5", BAD), ("double", "nan(1)", BAD), ("double", ".5", 0.5),
        ("float", "1e39", BAD), ("float", "3.4028235e38", float(np.float32(3.4028235e38))),
        ("boolean", "YES", True), ("boolean", "f", False), ("boolean", "2", BAD), ("boolean", "on", BAD),
        ("date", "2020-02-29", datetime(2020, 2, 29).date()), ("date", "2019-02-29", BAD), ("date", "0000-01-01", BAD),
        ("date", "2020-1-1", BAD), ("date", "2020-01-01T00:00", BAD),
        ("timestamp", "2020-02-30 00:00:00", BAD), ("timestamp", "2020-01-01 24:00:00", BAD),
        ("timestamp", "2020-01-01 10:00:00+02:00", datetime(2020, 1, 1, 8, tzinfo=timezone.utc)),
        ("timestamp", "2020-01-01T10:00:00Z", datetime(2020, 1, 1, 10, tzinfo=timezone.utc)),
        ("timestamp", "2020-01-01 00:00:00.1234567", BAD),
        ("timestamp", "2020-01-01 00:00:00.1230000000", datetime(2020, 1, 1, 0, 0, 0, 123000, tzinfo=timezone.utc)),
        ("decimal(5,2)", "999.99", 999.99), ("decimal(5,2)", "1000", BAD), ("decimal(5,2)", "1.005", BAD),
        ("decimal(5,2)", "1.500", 1.5), ("decimal(5,2)", "NaN", BAD), ("decimal(5,2)", "1e2", 100),
        ("decimal(2,2)", "0.55", 0.55), ("decimal(38,0)", "9" * 38, int("9" * 38)), ("decimal(38,0)", "9" * 39, BAD),
        # Times ten to the power of their scale these are more than 128 bits hold, and the rest looks like a good value.
        ("decimal(38,2)", "3577083736021466858998157599239517232", BAD),
        ("decimal(38,10)", "68557492887219834259403898679", BAD), ("decimal(38,18)", "-58551042082766362461746", BAD),
        ("decimal(38,10)", "9" * 28 + ".0123456789", Decimal("9" * 28 + ".0123456789")),
        ("decimal(38,38)", "0." + "9" * 38, Decimal("0." + "9" * 38)), ("decimal(38,18)", "+1e19", 10**19),
    ],
)  # fmt: skip
def it_decides_about_each_value(kind: str, text: str, value: Any) -> None:
    found = one(kind, text)
    assert found == value or (isinstance(value, float) and float(found) == value)


def it_reads_nan_as_nan() -> None:
    assert str(one("double", "NaN")) == "nan"


NUMBERS = ["int", "bigint", "float", "double", "decimal(9,2)", "decimal(3,3)", "decimal(38,10)"]


@pytest.mark.random
@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(NUMBERS), st.lists(st.text("0123456789+-.eExX naif,", max_size=12), min_size=1, max_size=4))
def it_never_takes_a_number_that_the_exact_definition_refuses(kind: str, texts: list[str]) -> None:
    check_against_exact_definition(kind, texts)


TIMES = (
    r"[ ]?[0-9]{4}-[0-9]{2}-[0-3][0-9]"
    r"([ T][0-2][0-9](:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,8})?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


@pytest.mark.random
@settings(max_examples=700, deadline=None)
@given(st.sampled_from(["date", "timestamp"]), st.lists(st.from_regex(TIMES, fullmatch=True), min_size=1, max_size=4))
def it_never_takes_a_time_that_the_exact_definition_refuses(kind: str, texts: list[str]) -> None:
    check_against_exact_definition(kind, texts)


def check_against_exact_definition(kind: str, texts: list[str]) -> None:
    exact = value_type(Column("v", kind, "v"), CsvOptions())
    assert exact is not None
    expected: list[Any] = []
    for text in texts:
        try:
            stripped = text.strip(" \t")
            expected.append(exact.cast(pa.array([exact.normalise(stripped) if stripped else None], pa.string()))[0])
        except BadValueError:
            continue
    data = "v;n\n" + "".join(f"{text};1\n" for text in texts)
    found = convert(data.encode(), columns(v=kind, n="int"), {"delimiter": ";"})
    assert [str(row["v"]) for row in found.rows] == [str(value.as_py()) for value in expected]


FORMATS = ["%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y", "%y%m%d", "%Y-%j"]
TIME_FORMATS = ["%m/%d/%Y %H:%M:%S", "%Y%m%d%H%M", "%d %B %Y %I:%M %p", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f"]


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(FORMATS + TIME_FORMATS),
    st.lists(
        st.tuples(
            st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 30)), st.sampled_from(["", "", "zero", "swap", "cut"])
        ),
        min_size=1,
        max_size=6,
    ),
)
def it_reads_formats_as_strptime_does(pattern: str, moments: list[tuple[datetime, str]]) -> None:
    kind = "timestamp" if pattern in TIME_FORMATS else "date"
    formatted = formatted_type("t", Column("v", kind, "v", format=pattern), CsvOptions())
    assert formatted is not None
    texts = [spoil(moment.replace(tzinfo=timezone.utc).strftime(pattern), how) for moment, how in moments]
    converted = formatted.convert(pa.array(texts))
    expected: list[Any] = []
    bad = []
    for row, text in enumerate(texts):
        try:
            moment = datetime.strptime(text, pattern)
            moment = moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            expected.append(moment if kind == "timestamp" else moment.date())
        except ValueError:
            bad.append(row)
            expected.append(None)
    assert converted.values.to_pylist() == expected
    assert converted.bad_rows.tolist() == bad


def spoil(text: str, how: str) -> str:
    if how == "zero":
        return text.replace("/0", "/").replace("-0", "-").removeprefix("0")
    if how == "swap":
        return text.replace("1", "3").replace("0", "2")
    return text[:-1] if how == "cut" and text else text


BETWEEN = ["", "", "/", ".", "-", " ", ":", "T", "0", "%%", "+"]


@st.composite
def formats(draw: st.DrawFn) -> str:
    codes = draw(
        st.one_of(
            st.permutations(
                draw(st.sampled_from([["%Y", "%m", "%d"], ["%y", "%m", "%d"], ["%Y", "%j"], ["%Y", "%b", "%d"]]))
            ),
            st.permutations(["%Y", "%m", "%d", "%H", "%M"]),
            st.just(["%Y", "%m", "%d", "%H", "%M", "%S", draw(st.sampled_from(["%f", "%z"]))]),
        )
    )
    return "".join(code + draw(st.sampled_from(BETWEEN)) for code in codes)


@pytest.mark.random
@settings(max_examples=1000, deadline=None)
@given(
    st.tuples(formats(), formats()),
    st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 30)),
    st.sampled_from(["+0000", "-0500", "Z", "+01:30"]),
    st.booleans(),
)
def it_refuses_formats_that_read_one_text_as_two_times(
    pair: tuple[str, str], moment: datetime, zone: str, short: bool
) -> None:
    # What strptime makes of a text that was written in one of them.
    text = moment.replace(tzinfo=timezone.utc).strftime(pair[0].replace("%z", zone))
    if short:
        text = re.sub(r"(?<![0-9])0(?=[0-9])", "", text)
    read = set()
    for pattern in pair:
        with suppress(ValueError):
            found = datetime.strptime(text, pattern)
            read.add(found.astimezone(timezone.utc) if found.tzinfo else found.replace(tzinfo=timezone.utc))
    assert len(read) < 2 or clash(*pair), text


@pytest.mark.parametrize(
    "pair",
    [
        ("%Y-%m-%d", "%d.%m.%Y"), ("%d/%m/%Y", "%d/%m/%y"), ("%m/%d/%Y", "%d/%m/%y"), ("%Y-%m-%d", "%Y-%m-%d %H:%M"),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"), ("%d %b %Y", "%d %B %Y"), ("%d-%b-%Y", "%d-%m-%Y"),
        ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S"), ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S"),
        ("%Y%m%d", "%Y-%m-%d"), ("%d %m %Y", "%Y %m %d"), ("%b %d, %Y", "%d %b %Y"), ("%I:%M %p %d/%m/%Y", "%d/%m/%Y"),
    ],
)  # fmt: skip
def it_allows_formats_that_are_told_apart(pair: tuple[str, str]) -> None:
    assert not clash(*pair)


@pytest.mark.parametrize("text", ["02/30/2020", "13/01/2020", "00/10/2020", "04/31/2020", "02/29/2021"])
def it_refuses_days_that_do_not_exist_in_a_format(text: str) -> None:
    found = convert(
        f"v\n{text}\n02/29/2020\n2/9/2020\n\n 3/1/2020 \n".encode(), columns(v="date"), {"date_format": "%m/%d/%Y"}
    )
    assert [str(row["v"]) for row in found.rows] == ["2020-02-29", "2020-02-09", "2020-03-01"]
    assert found.bad_places() == [(2, "v")]


def it_prefers_the_format_of_the_column() -> None:
    declared = [
        {"name": "a", "type": "date", "format": "%d.%m.%Y"},
        {"name": "b", "type": "date"},
        {"name": "c", "type": "timestamp"},
    ]
    csv = {"date_format": "%Y%m%d", "timestamp_format": "%Y%m%d %H%M"}
    rows = convert(b"a,b,c\n31.12.2020,20201231,20201231 2359\n,,\n", declared, csv).rows
    assert [str(value) for value in rows[0].values()] == ["2020-12-31", "2020-12-31", "2020-12-31 23:59:00+00:00"]
    assert list(rows[1].values()) == [None, None, None]


def it_reads_many_zoned_timestamps_the_fast_way() -> None:
    begin = EPOCH + timedelta(days=18000)
    moments = [begin + timedelta(seconds=number) for number in range(5000)]
    data = "v\n" + "".join(moment.strftime("%Y-%m-%dT%H:%M:%SZ\n") for moment in moments)
    assert [row["v"] for row in convert(data.encode(), columns(v="timestamp")).rows] == moments


def it_reads_a_big_piece_once_although_many_columns_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    read_once = ArrowReader._read_once

    def watched(reader: ArrowReader, text: bytes, *rest: Any, **more: Any) -> Any:
        read.append(len(text))
        return read_once(reader, text, *rest, **more)

    monkeypatch.setattr(ArrowReader, "_read_once", watched)
    good = 3 * Sizes().part_bytes // len(b"1,2.5,3\n")
    data = b"a,b,c\n" + b"x,2.5,3\n1,y,3\n1,2.5,z\n" * 100 + b"1,2.5,3\n" * good
    found = convert(data, columns(a="int", b="double", c="bigint"))
    assert [item.rows_written for item in found.result.sources] == [good]
    assert len(found.bad) == 300
    # The bad columns were found in the first megabyte, which was read once for each; whatever else was read once.
    assert sum(read) < len(data) + 5 * Sizes().block_bytes


# ------------------------------------------------------------------------------------------------ timestamps in millis
MOMENT = datetime(2020, 5, 17, 23, 59, 59)
FINE = "more digits after the point than milliseconds have"


@pytest.mark.parametrize("how", ["iso", "zoned", "mixed", "formatted"])
@pytest.mark.parametrize("among", [0, 3000])
def it_stores_milliseconds_and_quarantines_what_they_cannot_hold(how: str, among: int) -> None:
    fractions = ["0", "5", "123", "1230", "123000", "999", "001", "000001", "1231", "123001", "9999"]
    texts = [f"{MOMENT:%Y-%m-%d %H:%M:%S}.{fraction}" for fraction in [*["250"] * among, *fractions]]
    if how == "zoned" or (how == "mixed"):
        texts = [f"{text}Z" if how == "zoned" or place % 2 else text for place, text in enumerate(texts)]
    csv = {"timestamp_format": "%Y-%m-%d %H:%M:%S.%f"} if how == "formatted" else {}
    data = ("v\n" + "\n".join(texts) + "\n").encode()
    found = convert(data, columns(v="timestamp"), csv, timestamp_unit="ms")
    # By Python: what a Decimal of the fraction says, to the millisecond or not at all.
    exact = [Decimal(f"0.{text.strip('Z').partition('.')[2]}") * 1000 for text in texts]
    good = [MOMENT.replace(microsecond=int(part) * 1000, tzinfo=timezone.utc) for part in exact if part == int(part)]
    assert [row["v"] for row in found.rows] == good
    assert [(row["line_number"], row["reason"]) for row in found.bad] == [
        (place + 2, FINE) for place, part in enumerate(exact) if part != int(part)
    ]


def it_says_milliseconds_to_other_readers(tmp_path: Path) -> None:
    data = b"v,w\n2020-01-01 00:00:00.123,0001-01-01 00:00:00\n9999-12-31 23:59:59.999,\n"
    for unit, wanted in (("ms", "MILLIS"), ("us", "MICROS")):
        contract = a_contract(tmp_path / unit, columns(v="timestamp", w="timestamp"), timestamp_unit=unit)
        (result,) = convert_units(None, contract, [a_unit(tmp_path / unit, {"a.csv": data})])
        (file,) = result.files
        seen = duckdb.connect().execute(f"SELECT v::varchar, w::varchar FROM '{file.uri}'").fetchall()  # noqa: S608 - a test's own path
        assert [tuple(value and value.partition("+")[0] for value in row) for row in seen] == [
            ("2020-01-01 00:00:00.123", "0001-01-01 00:00:00"),
            ("9999-12-31 23:59:59.999", None),
        ]
        stored = duckdb.connect().execute(
            f"SELECT DISTINCT type, logical_type FROM parquet_schema('{file.uri}') WHERE name = 'v'"  # noqa: S608
        )
        ((physical, logical),) = stored.fetchall()
        assert physical == "INT64"
        assert wanted in logical
        assert "isAdjustedToUTC=1" in logical
        assert pq.read_schema(file.uri).field("v").type == pa.timestamp(unit, tz="UTC")
