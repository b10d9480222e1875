"""Lines before the header and behind the data: left out wherever files are cut, counted, and never part of a record."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import random
from typing import Any

import pytest

from contract import ContractError
from conversion_errors import SchemaDriftError, UnreadableFileError, UnterminatedQuoteError
from csv_parts import Sizes
from tests.unit.engine.helpers import Converted, columns, convert
from tests.unit.engine.test_splitting import DECLARED, TRICKY, summary

AB = columns(a="string", b="string")


def rows_of(text: str) -> list[list[str]]:
    """Return the rows as Python's csv reads them, blank lines left out."""
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row]


def rows_found(found: Converted) -> list[list[str]]:
    return [[row["a"], row["b"]] for row in found.rows]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n\n"])
def it_skips_lines_before_and_behind_as_slicing_them_off_does(end: str, last: str) -> None:
    before, behind = ['Report, of "May"', "", "x", "a,b"], ["", "Total,9", "", 'made by, "us', "x,y"]
    data = ["a,b", "1,x", "", '2,"y,y"', '3,"z', 'z"']
    wanted = rows_of(end.join(data))[1:]
    for skip, footer, header in itertools.product((0, 3), (0, 2, 3), (True, False)):
        kept = before[-skip:] if skip else []
        left = [line for line in behind if line][-footer:] if footer else []
        text = (end.join([*kept, *(data if header else data[1:]), *left]) + last.replace("\n", end)).encode()
        options: dict[str, Any] = {"skip_lines": skip, "footer_lines": footer, "header": header}
        blank = max(len(last) - 1, 0) if footer else 0
        for split, name in ((2, "a.csv"), (11, "a.csv"), (1 << 20, "a.csv"), (1 << 20, "a.csv.gz")):
            packed = gzip.compress(text) if name.endswith("gz") else text
            found = convert({name: packed}, AB, options, split=split, window=4, sizes=Sizes(16, 24))
            assert rows_found(found) == wanted, (options, split, name)
            assert found.result.sources[0].skipped_lines == len(kept) + len(left) + blank


@pytest.mark.parametrize("options", [{"footer_lines": 2}, {"footer_pattern": "total|Ende"}])
def it_gives_the_same_for_a_split_of_every_size(options: dict[str, Any]) -> None:
    rows, bad, accounts = summary(convert(TRICKY, DECLARED))
    data = b"\xef\xbb\xbfA report\r\n\r\nid,note,day\n" + TRICKY[3:] + b"\r\nEnde: 9,9,9\r\n5,6,7\r\n\r\n"
    moved = [(line + 3, *rest) for line, *rest in bad]  # type: ignore[attr-defined]
    for size in (*range(1, len(data), 7), len(data)):
        found = convert(data, DECLARED, {"skip_lines": 3, **options}, split=size, window=8, slots=99)
        assert summary(found) == (rows, moved, accounts), size
        assert found.result.sources[0].skipped_lines == 6


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("pattern", ["total", r"^$", r"\d+ rows", "ä"])
def it_ends_the_data_at_the_first_line_that_matches(seed: int, pattern: str) -> None:
    dice = random.Random(seed)  # noqa: S311
    lines = ["a,b", *(f"{dice.randrange(9)},{'xyz'[: dice.randrange(4)]}" for _ in range(dice.randrange(60)))]
    ending = {"total": "total,4", "^$": "", r"\d+ rows": "7 rows", "ä": "ä,x"}[pattern]
    end = dice.choice(["\n", "\r\n", "\r"])
    text = end.join([*lines, ending, *dice.choices([*lines, ending, '"'], k=dice.randrange(9))])
    for name, split in itertools.product(("a.csv", "a.csv.gz"), (3, 1 << 20)):
        packed = gzip.compress(text.encode()) if name.endswith("gz") else text.encode()
        options = {"footer_pattern": pattern, "null_values": []}
        found = convert({name: packed}, AB, options, split=split, window=4, sizes=Sizes(16, 24))
        assert rows_found(found) == rows_of("\n".join(lines))[1:]
        assert found.result.sources[0].skipped_lines == len(text.removesuffix(end).split(end)) - len(lines)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pattern", ["#", r"$", r"Report|\s*$|as of \d+", "ä"])
def it_skips_lines_as_long_as_they_match(seed: int, pattern: str) -> None:
    dice = random.Random(seed)  # noqa: S311
    matching = {"#": ["# x", "#"], "$": [""], "ä": ["ä,b", 'ä "x']}.get(pattern, ["Report, of May", "", "as of 2024"])
    above = dice.choices(matching, k=dice.randrange(5))
    lines = ["a,b", *(f"{dice.randrange(9)},{'xyz'[: dice.randrange(4)]}" for _ in range(dice.randrange(60)))]
    if pattern != "$":
        lines += dice.choices([line for line in matching if line.count(",") == 1 and '"' not in line] or ["5,x"], k=2)
    end = dice.choice(["\n", "\r\n", "\r"])
    for encoding, mark in (("utf-8", ""), ("utf-8", "\ufeff"), ("cp1252", ""), ("utf-16", "")):
        text = (mark + end.join([*above, *lines])).encode(encoding)
        for name, split in itertools.product(("a.csv", "a.csv.gz"), (3, 1 << 20)):
            packed = gzip.compress(text) if name.endswith("gz") else text
            options = {"skip_pattern": pattern, "null_values": [], "encoding": encoding}
            found = convert({name: packed}, AB, options, split=split, window=4, sizes=Sizes(16, 24))
            assert rows_found(found) == rows_of("\n".join(lines))[1:]
            assert found.result.sources[0].skipped_lines == len(above), (encoding, name, split)


def it_counts_the_lines_of_a_file_of_nothing_else_that_match() -> None:
    for text, number in ((b"# x\n#\n", 2), (b"\xef\xbb\xbf#\n# y", 2), (b"", 0)):
        for data in ({"a.csv": text}, {"a.csv.gz": gzip.compress(text)}):
            found = convert(data, AB, {"skip_pattern": "#"})
            assert (found.rows, found.result.sources[0].skipped_lines) == ([], number)


def it_skips_no_more_matching_lines_than_may_be_skipped() -> None:
    with pytest.raises(SchemaDriftError, match="lacks 'a', 'b'"):
        convert(b"#\n" * 1001 + b"a,b\n1,x\n", AB, {"skip_pattern": "#"})
    assert convert(b"#\n" * 1000 + b"a,b\n1,x\n", AB, {"skip_pattern": "#"}).rows == [{"a": "1", "b": "x"}]


def it_takes_no_line_that_is_skipped_for_the_footer() -> None:
    data = b"# x\n# Total\na,b\n1,x\n# Total\n2,y\n"
    options = {"skip_pattern": "#", "footer_pattern": "# Total"}
    for encoding in ("utf-8", "utf-16"):
        found = convert(data.decode().encode(encoding), AB, {**options, "encoding": encoding})
        assert (found.rows, found.result.sources[0].skipped_lines) == ([{"a": "1", "b": "x"}], 4)


def it_does_not_take_a_header_or_a_skipped_line_for_the_footer() -> None:
    data = b"Total report\nTotal,b\n1,x\nTotal,9\n"
    declared = columns(Total="string", b="string")
    options = {"skip_lines": 1, "footer_pattern": "Total"}
    assert convert(data, declared, options).rows == [{"Total": "1", "b": "x"}]
    assert convert(data, declared, {**options, "header": False, "skip_lines": 2}).rows == [{"Total": "1", "b": "x"}]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def it_reads_nothing_where_all_is_skipped_and_says_so(name: str) -> None:
    def outcome(text: bytes, **options: Any) -> tuple[int, int]:
        found = convert({name: gzip.compress(text) if name.endswith("gz") else text}, AB, options)
        return found.result.sources[0].rows_read, found.result.sources[0].skipped_lines

    assert outcome(b"x\ny\n", skip_lines=3) == (0, 2)
    assert outcome(b"x\ny", skip_lines=2) == (0, 2)
    assert outcome(b"a,b\n", skip_lines=0, footer_lines=2) == (0, 1)
    assert outcome(b"a,b\nTotal", footer_lines=1) == (0, 1)
    assert outcome(b"", skip_lines=3, footer_lines=3) == (0, 0)
    assert outcome(b"x\na,b\n1,2\ny", skip_lines=1, footer_lines=2) == (0, 3)


def it_decodes_a_file_before_it_looks_for_lines() -> None:
    data = "Bericht\na,b\n1,ä\nSumme,1\n".encode("utf-16")
    for options in ({"footer_lines": 1}, {"footer_pattern": "Summe"}):
        found = convert(data, AB, {"encoding": "utf-16", "skip_lines": 1, **options})
        assert (rows_found(found), found.result.sources[0].skipped_lines) == ([["1", "ä"]], 2)


def it_never_cuts_a_record_silently() -> None:
    for options in ({"footer_lines": 1}, {"footer_pattern": "Total"}):
        with pytest.raises(UnterminatedQuoteError, match=r"a\.csv, line 3"):
            convert(b'a,b\n1,x\n2,"y\nTotal"\n', AB, options)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def it_holds_no_more_of_a_footer_than_a_record_may_have(name: str) -> None:
    def read(text: bytes, **options: Any) -> None:
        packed = gzip.compress(text) if name.endswith("gz") else text
        convert({name: packed}, AB, options, sizes=Sizes(largest_record_bytes=300_000), split=100_000)

    with pytest.raises(
        UnreadableFileError, match=r"its last 5 lines \(csv\.footer_lines\) take more than 300000 bytes"
    ):
        read(b"a,b\n" + b"1,2\n" * 100_000 + (b"x" * 99_999 + b"\n") * 5, footer_lines=5)
    with pytest.raises(SchemaDriftError, match=r"csv\.skip_lines = 4 skips lines of more than 300000 bytes"):
        read((b"x" * 99_999 + b"\n") * 9, skip_lines=4)
    with pytest.raises(SchemaDriftError, match=r"csv\.skip_pattern = 'x' skips lines of more than 300000 bytes"):
        read((b"x" * 99_999 + b"\n") * 9, skip_pattern="x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skip_lines": -1}, "csv.skip_lines is -1; allowed is a number from 0 to 1000"),
        ({"skip_lines": 1001}, "csv.skip_lines is 1001; allowed"),
        ({"footer_lines": True}, "csv.footer_lines is True; allowed"),
        ({"footer_lines": 0.5}, "csv.footer_lines is 0.5; allowed"),
        ({"skip_pattern": "("}, r"csv.skip_pattern '\(' is not a regular expression: missing \)"),
        ({"skip_pattern": ""}, "csv.skip_pattern is empty, which every line matches"),
        ({"skip_pattern": "x", "skip_lines": 2}, "skip_lines is 2 and csv.skip_pattern is 'x'; allowed is one of"),
        ({"footer_pattern": "("}, r"csv.footer_pattern '\(' is not a regular expression: missing \)"),
        ({"footer_pattern": 3}, "csv.footer_pattern is 3; allowed is a text, or null"),
        ({"footer_pattern": ""}, "csv.footer_pattern is empty, which every line matches"),
        (
            {"footer_pattern": "x", "footer_lines": 1},
            "footer_lines is 1 and csv.footer_pattern is 'x'; allowed is one of",
        ),
    ],
)
def it_refuses_what_is_no_number_of_lines_and_no_pattern(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        convert(b"a,b\n", AB, options)


def it_refuses_lines_to_skip_of_a_crawled_dataset() -> None:
    with pytest.raises(ContractError, match="no columns are declared: a crawler cannot skip lines"):
        convert(b"a,b\n", [], {"skip_lines": 1})
    with pytest.raises(ContractError, match=r"csv\.skip_pattern is '#' and no columns are declared"):
        convert(b"a,b\n", [], {"skip_pattern": "#"})
