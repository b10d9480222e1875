"""Values as people write them: random files over the product of the options, read a second time by Python alone."""

from __future__ import annotations

import csv
import functools
import io
import os
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csv_parts import Sizes
from tests.unit.engine.helpers import columns, convert

CASES = int(os.environ.get("RANDOM_CASES", "1500"))
DATE_FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y", "%d %b %Y"]
KINDS = ("string", "boolean", "int", "double", "decimal(9,2)", "date")


@dataclass(frozen=True)
class Case:
    """A random file, how it is to be read, and which of its values stand in quotes."""

    text: str
    declared: list[dict[str, Any]]
    csv: dict[str, Any]
    quoted: list[list[bool]]
    sizes: Sizes
    split: int


class BadError(Exception):
    pass


# A strategy is made and validated once: doing so for every value takes longer than drawing it.
@functools.cache
def numbers(decimal: str, thousands: str | None, strip: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Draw numbers as they are written with such marks, and some that are written wrongly."""

    def written(number: Decimal, grouped: bool, unit: str, before: bool, blank: str) -> str:
        text = f"{number:,f}" if grouped and thousands else f"{number:f}"
        text = text.replace(",", "\0").replace(".", decimal).replace("\0", thousands or "")
        sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
        return f"{sign}{unit}{blank}{text}" if before and unit else f"{sign}{text}{blank}{unit}"

    right = st.builds(
        written,
        st.one_of(st.decimals(-9999999, 9999999, places=2), st.integers(-(2**33), 2**33).map(Decimal)),
        st.booleans(),
        st.sampled_from(["", *strip]),
        st.booleans(),
        st.sampled_from(["", " "]),
    )
    wrong = st.text("0123456789" + decimal + (thousands or "") + ".,-+ $", min_size=1, max_size=9)
    return st.one_of(right, right, wrong)


def plain(text: str, decimal: str, thousands: str | None, strip: list[str]) -> str:
    """Return a number as Python writes it: the rules of docs/csv.md, character by character."""

    def bare(text: str) -> str:
        text = text.strip(" \t")
        for unit in strip:
            if text.startswith(unit):
                return bare(text[len(unit) :])
            if text.endswith(unit):
                return bare(text[: -len(unit)])
        return text

    text = bare(text)
    if text[:1] in ("+", "-") and any(text[1:].startswith(unit) for unit in strip):
        text = text[0] + bare(text[1:])
    if thousands and thousands in text:
        whole, mark, fraction = text.partition(decimal)
        first, *groups = whole.lstrip("+-").split(thousands)
        sizes_are_right = 1 <= len(first) <= 3 and all(len(group) == 3 for group in groups)
        if not sizes_are_right or thousands in fraction or not re.fullmatch(r"[0-9]*", fraction):
            raise BadError
        text = whole.replace(thousands, "") + mark + fraction
    if decimal != ".":
        if "." in text:
            raise BadError
        text = text.replace(decimal, ".")
    return text


def expected_value(column: dict[str, Any], options: dict[str, Any], text: str, quoted: bool) -> Any:
    """Judge one value."""
    kind, nulls = column["type"], column.get("null_values", options["null_values"])
    if kind == "string":
        return None if text in nulls and (options["quoted_nulls"] or not quoted) else text
    stripped = text.strip(" \t")
    if stripped in nulls:
        return None
    if kind == "boolean":
        words = {word.lower(): True for word in options["true_values"]}
        words |= {word.lower(): False for word in options["false_values"]}
        if stripped.lower() not in words:
            raise BadError
        return words[stripped.lower()]
    if kind == "date":
        found = [moment.date() for form in DATE_FORMATS if (moment := _in_format(stripped, form))]
        if len(found) != 1:
            raise BadError
        return found[0]
    marks = (column.get("decimal", options["decimal"]), column.get("thousands", options["thousands"]))
    number = plain(stripped, *marks, column.get("strip", options["strip"]))
    if not re.fullmatch(r"[+-]?[0-9]+" if kind == "int" else r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", number):
        raise BadError
    if kind == "double":
        return float(number)
    limit, places = (2**31, 0) if kind == "int" else (10**7, 2)
    exact = Decimal(number)
    if exact != round(exact, places) or not -limit <= exact < limit or (kind != "int" and abs(exact) >= limit):
        raise BadError
    return int(exact) if kind == "int" else exact


def _in_format(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    decimal, thousands = draw(
        st.sampled_from([(".", None), (",", None), (",", "."), (".", ","), (",", " "), (".", "'")])
    )
    strip = draw(st.sampled_from([[], ["$", "%"], ["EUR", "€"]]))
    options = {
        "delimiter": ";", "decimal": decimal, "thousands": thousands, "strip": strip, "date_formats": DATE_FORMATS,
        "true_values": draw(st.sampled_from([["true", "1"], ["Ja", "j"]])),
        "false_values": draw(st.sampled_from([["false", "0"], ["Nein"]])),
        "null_values": draw(st.sampled_from([[""], ["", "NA"], ["-"]])),
        "quoted_nulls": draw(st.booleans()), "short_rows": draw(st.sampled_from(["quarantine", "null"])),
        "skip_initial_space": draw(st.booleans()), "empty_rows": draw(st.sampled_from(["keep", "skip", "quarantine"])),
    }  # fmt: skip
    declared: list[dict[str, Any]] = []
    for number, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=5))):
        column: dict[str, Any] = {
            "name": f"c{number}",
            "type": kind,
            "required": draw(st.sampled_from([False] * 5 + [True])),
        }
        if draw(st.sampled_from([False, False, True])):
            column["null_values"] = draw(st.sampled_from([[""], ["NA", "-"], []]))
        if kind in ("double", "decimal(9,2)") and draw(st.sampled_from([False, False, True])):
            column |= {
                "decimal": draw(st.sampled_from([".", ","])),
                "thousands": "",
                "strip": draw(st.sampled_from([[], ["$"]])),
            }
        declared.append(column)
    lines, quoted = [";".join(column["name"] for column in declared)], []
    for _ in range(draw(st.integers(0, 10))):
        texts = [draw(_values(column, options)) for column in declared]
        texts = texts[: draw(st.sampled_from([len(texts)] * 6 + [1, len(texts) - 1]))]
        if draw(st.sampled_from([False] * 6 + [True])):
            texts = [draw(st.sampled_from(["", " "])) for _ in declared]
        marks = [draw(st.sampled_from([False, False, True])) or "\n" in text or ";" in text for text in texts]
        blank = st.sampled_from(["", " ", "  "] if options["skip_initial_space"] else [""])
        lines.append(";".join(draw(blank) + (f'"{t}"' if q else t) for t, q in zip(texts, marks, strict=True)))
        quoted.append(marks)
    sizes = Sizes(draw(st.sampled_from([16, 1 << 20])), draw(st.sampled_from([1, 40, 1 << 22])))
    return Case("\n".join(lines) + "\n", declared, options, quoted, sizes, draw(st.integers(1, 200)))


def _values(column: dict[str, Any], options: dict[str, Any]) -> st.SearchStrategy[str]:
    marks = (column.get("decimal", options["decimal"]), column.get("thousands", options["thousands"]) or None)
    words = (*options["true_values"], *options["false_values"])
    return _written_values(column["type"], words, marks, tuple(column.get("strip", options["strip"])))


@functools.cache
def _written_values(
    kind: str, words: tuple[str, ...], marks: tuple[str, str | None], strip: tuple[str, ...]
) -> st.SearchStrategy[str]:
    odd = st.sampled_from(["", "NA", "-", " NA ", "x"])
    of_kind: dict[str, st.SearchStrategy[str]] = {
        "string": st.text("ab \t\n;,é", max_size=5),
        "boolean": st.sampled_from([*words, "JA", "False", "no"]),
        "date": st.tuples(
            st.dates(date(1970, 1, 1), date(2068, 1, 1)), st.sampled_from([*DATE_FORMATS, "%m/%d/%Y"])
        ).map(lambda drawn: drawn[0].strftime(drawn[1])),
    }
    right = of_kind.get(kind, numbers(*marks, strip))
    return st.one_of(right, right, right, odd)


def expected_rows(case: Case) -> tuple[list[list[Any]], list[tuple[int, str | None]], int]:
    """Return the rows, line and column of the bad ones, and the number of skipped ones."""
    lines = io.StringIO(case.text, newline="").readlines()
    reader = csv.reader(iter(lines), delimiter=";", skipinitialspace=case.csv["skip_initial_space"])
    rows: list[list[Any]] = []
    bad: list[tuple[int, str | None]] = []
    skipped, before = 0, 1
    next(reader)
    marks = iter(case.quoted)
    for record in reader:
        line, before = before + 1, reader.line_num
        if not record:
            next(marks)
            continue
        is_quoted = next(marks)
        if case.csv["empty_rows"] != "keep" and not any(is_quoted) and not lines[line - 1].strip("; \t\n"):
            skipped += case.csv["empty_rows"] == "skip"
            bad += [(line, None)] if case.csv["empty_rows"] == "quarantine" else []
            continue
        if len(record) < len(case.declared) and case.csv["short_rows"] == "quarantine":
            bad.append((line, None))
            continue
        row: list[Any] = []
        try:
            for number, column in enumerate(case.declared):
                if number < len(record):
                    value = expected_value(column, case.csv, record[number], is_quoted[number])
                else:
                    value = None
                if value is None and column["required"]:
                    raise BadError
                row.append(value)
        except BadError:
            bad.append((line, case.declared[len(row)]["name"]))
        else:
            rows.append(row)
    return rows, bad, skipped


@pytest.mark.random
@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def it_reads_values_as_they_are_written(case: Case) -> None:
    rows, bad, skipped = expected_rows(case)
    found = convert(case.text.encode(), case.declared, case.csv, sizes=case.sizes, split=case.split)
    assert found.bad_places() == bad
    assert [list(row.values()) for row in found.rows] == rows
    assert found.result.sources[0].rows_skipped == skipped


NUMBERS = ["1.234.567,89", "0,5", "-12.345", "1234567,8", "999", "-,5", "7,", "1.000.000", "0,0000001"]


def it_reads_decimal_commas_and_thousands_as_duckdb_does(tmp_path: Path) -> None:
    text = "n;amount\n" + "".join(f"{number};{written}\n" for number, written in enumerate(NUMBERS))
    (tmp_path / "a.csv").write_text(text)
    types = "columns = {'n': 'INT', 'amount': 'DOUBLE'}"
    marks = "delim = ';', decimal_separator = ',', thousands = '.'"
    query = f"FROM read_csv('{tmp_path}/a.csv', {marks}, header = true, {types})"
    found = convert(
        text.encode(), columns(n="int", amount="double"), {"delimiter": ";", "decimal": ",", "thousands": "."}
    )
    assert [tuple(row.values()) for row in found.rows] == duckdb.execute(query).fetchall()
