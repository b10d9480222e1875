"""Files that are something else than they should be: each message says what they are and which option helps."""

from __future__ import annotations

import gzip
import io
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as datasets
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from contract import DatasetContract, parse_contract
from conversion import convert_units
from conversion_errors import SchemaDriftError, TooManyBadRows, UnreadableFileError
from conversion_plan import Settings
from tests.unit.engine.helpers import a_contract, a_unit, columns, convert

AB = columns(a="int", b="string")


def in_format(write: Any) -> bytes:
    buffer = io.BytesIO()
    write(pa.table({"a": [1], "b": ["x"]}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a,b\n1,x\n".encode("utf-16"), r'mark of UTF-16, and csv\.encoding is "utf-8": set csv\.encoding = "utf-16"$'),
        (b"\xfe\xff" + "a,b\n1,x\n".encode("utf-16-be"), r'set csv\.encoding = "utf-16"$'),
        ("a,b\n1,x\n".encode("utf-32"), r'set csv\.encoding = "utf-32"$'),
        (in_format(pq.write_table), "is a Parquet file by its first bytes, whatever its name says: move it away"),
        (in_format(orc.write_table), "is an ORC file by its first bytes"),
        (b"Obj\x01\x04\x14avro.codec", "is an Avro file by its first bytes"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"is an Excel workbook \(\.xls\) .*: export it as CSV"),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def it_says_what_a_file_is_that_is_no_text(data: bytes, message: str, header: bool) -> None:
    with pytest.raises(UnreadableFileError, match=rf"a\.csv .*{message}"):
        convert(data, AB, {"header": header})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def it_says_that_the_mark_is_missing_by_which_an_encoding_is_read(encoding: str) -> None:
    """Python's decoder says so, too, but names no file."""
    message = rf'a\.csv .* mark of {encoding.upper()}, .*: set csv\.encoding = "{encoding}-le" or "{encoding}-be"'
    for data in (b"a,b\n1,x\n", "a,b\n1,x\n".encode(f"{encoding}-le"), b"a"):
        with pytest.raises(UnreadableFileError, match=message):
            convert(data, AB, {"encoding": encoding})
        with pytest.raises(UnreadableFileError, match=message):
            convert({"a.csv": gzip.compress(data)}, AB, {"encoding": encoding})
    assert convert(b"", AB, {"encoding": encoding}).rows == []


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("a,b\n1,x\n".encode("utf-16"), "utf-16"),
        ("a,b\n1,x\n".encode("utf-32"), "utf-32"),
        ("a,b\n1,x\n".encode("utf-16-le"), "utf-16-le"),
    ],
)
def it_reads_what_the_messages_advise(data: bytes, encoding: str) -> None:
    assert convert(data, AB, {"encoding": encoding}).rows == [{"a": 1, "b": "x"}]


def it_takes_the_letters_of_a_mark_for_text_where_they_are() -> None:
    named = [{"name": "a", "type": "int", "source": "\xff\xfea"}, *columns(b="string", par1="string")]
    data = "\xff\xfea,b,PAR1\n1,x,y\n".encode("latin-1")
    assert convert(data, named, {"encoding": "latin-1"}).rows == [{"a": 1, "b": "x", "par1": "y"}]
    assert convert(b"PAR1,b\n1,x\n", columns(par1="int", b="string")).rows == [{"par1": 1, "b": "x"}]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            b"a;b\n1;x\n",
            r"""one single column with ';' in its name: perhaps csv\.delimiter = ";" is meant\. In the file""",
        ),
        (b"a\tb\n1\tx\n", r'perhaps csv\.delimiter = "\\t" is meant'),
        (b"a|b\n1|x\n", r'perhaps csv\.delimiter = "\|" is meant'),
        (b'[{"a": 1, "b": "x"}]', "The file looks like JSON: export it as CSV"),
        (b' \n{"a": 1}\n{"a": 2}\n', "The file looks like JSON"),
        (b"<!DOCTYPE html>\n<html><p>Please log in\n", "The file looks like HTML or XML"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "The file looks like HTML or XML"),
        ("a,b\n1,x\n".encode("utf-16-le"), r'zero bytes, .*: perhaps csv\.encoding = "utf-16-le" is meant'),
        ("a,b\n1,x\n".encode("utf-16-be"), r'zero bytes, .*: perhaps csv\.encoding = "utf-16-be" is meant'),
    ],
)
def it_guesses_why_a_header_is_not_the_one_that_is_wanted(data: bytes, told: str) -> None:
    with pytest.raises(SchemaDriftError, match=told) as error:
        convert(data, AB)
    assert str(error.value).isprintable()


def it_guesses_nothing_where_columns_are_just_others() -> None:
    with pytest.raises(SchemaDriftError) as error:
        convert(b"a,c\n1,2\n", AB)
    assert "perhaps" not in str(error.value)
    assert "looks" not in str(error.value)


def it_blames_the_crawled_table_where_nobody_has_declared_columns() -> None:
    document = {
        "dataset": "t",
        "source_uri": "raw/",
        "lake_uri": "lake/",
        "database": "db",
        "workflow": {"crawler_name": "lake-t"},
    }
    message = (
        r"the header lacks 'b'; .*\. In the file: 'a'\. In the table db\.raw_t: 'a', 'b'\. No columns are declared, "
        r".*: run the crawler lake-t again \(aws glue start-crawler --name lake-t\) and start the execution again"
    )
    crawled = parse_contract(document).with_columns([("a", "int"), ("b", "string")])
    assert drift(crawled, b"a\n1\n", message)
    del document["workflow"]
    crawled = parse_contract(document).with_columns([("a", "int"), ("b", "string")])
    assert drift(crawled, b"a\n1\n", r"run the crawler of db\.raw_t again and start")


def drift(contract: DatasetContract, data: bytes, message: str) -> bool:
    with tempfile.TemporaryDirectory() as name, pytest.raises(SchemaDriftError, match=message):
        convert_units(None, contract, [a_unit(Path(name), {"a.csv": data})])
    return True


def it_shows_bad_values_their_places_and_how_many_there_are_of_which_kind(tmp_path: Path) -> None:
    rows = [b'%d,"%d;\n"\n' % (number, number) for number in range(300)]
    rows[100], rows[200], rows[299] = b'x,"it ""is"""\n', b"%b,y\n" % (b"z" * 70), b"1\n"
    rows += [b"1.5,x\n"] * 3
    with pytest.raises(TooManyBadRows) as error:
        convert(b"a,b\n" + b"".join(rows), AB, split=400, window=16, max_bad_fraction=0.01)
    told = str(error.value)
    assert "6 of 303 rows are bad" in told
    assert "In all: 5 x a: not of type int; 1 x expected 2 columns, found 1. First: " in told
    shown = [
        "a.csv line 202: a: not of type int: 'x'",
        f"a.csv line 401: a: not of type int: '{'z' * 60}…'",
        "a.csv line 598: expected 2 columns, found 1: '1'",
        "a.csv line 599: a: not of type int: '1.5'",
        "a.csv line 600: a: not of type int: '1.5'. All bad rows are",
    ]
    assert told[told.index("First: ") :].startswith("First: " + "; ".join(shown))


def it_leaves_too_many_bad_rows_with_their_lines_where_the_message_says(tmp_path: Path) -> None:
    data = b"a,b\n" + b"1,x\n" * 500 + b"bad,x\n" + b"1,x\n" * 500 + b"worse,y\n"
    unit = a_unit(tmp_path, {"a.csv": data})
    contract = a_contract(tmp_path, AB, max_bad_rows=1, retain_superseded_hours=36)
    with pytest.raises(TooManyBadRows, match=rf"files of {unit.quarantine_uri}, until a run .* 36 hours") as error:
        convert_units(
            None, contract, [unit], settings=Settings(split_bytes=300, whole_bytes=450, window_bytes=16), slots=4
        )
    assert "folders" not in str(error.value)
    left = datasets.dataset(unit.quarantine_uri, format="parquet").to_table().sort_by("line_number").to_pylist()
    assert [(row["line_number"], row["raw_text"]) for row in left] == [(502, "bad,x"), (1003, "worse,y")]
