"""`make try` up to the point where the pipeline begins: files found and named, what is written, and what is said."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from contract import parse_contract
from scripts.try_csv import dataset_name, main
from scripts.try_documents import datasets_block, text_in_hcl
from scripts.try_files import FilesError, find_files, pipeline_name, propose_partitions, stage
from sources import list_units

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def look(path: Path | str, target: Path, *more: str) -> int:
    """Run what `make try` does before it starts anything."""
    return main([str(path), "--only-look", "--directory", str(target), *more])


# --------------------------------------------------------------------------------------------------------------- files
def it_finds_a_file_a_folder_and_a_pattern(tmp_path: Path) -> None:
    names = ("b.csv", "a.TSV", "sub/c.csv.gz", "sub/d.txt", "README.md", ".hidden.csv", "_x/e.csv")
    write(tmp_path, dict.fromkeys(names, b"a\n"))
    folder, files = find_files(str(tmp_path))
    assert (folder, [file.relative_to(tmp_path).as_posix() for file in files]) == (
        tmp_path,
        ["a.TSV", "b.csv", "sub/c.csv.gz", "sub/d.txt"],
    )
    assert find_files(str(tmp_path / "README.md")) == (tmp_path, [tmp_path / "README.md"])
    assert find_files(f"{tmp_path}/**/*.csv")[1] == [tmp_path / "_x/e.csv", tmp_path / "b.csv"]


def it_says_what_it_looked_for_and_did_not_find(tmp_path: Path) -> None:
    write(tmp_path, {"only.md": b"", "x/a.csv": b"a\n"})
    with pytest.raises(FilesError, match=r"there is no file or folder .*nowhere\.csv"):
        find_files(str(tmp_path / "nowhere.csv"))
    with pytest.raises(FilesError, match=r"no file matches .*\*\.csv"):
        find_files(str(tmp_path / "*.csv"))
    with pytest.raises(FilesError, match=r"there is no file or folder ~nobody-of-this-name/a\.csv"):
        find_files("~nobody-of-this-name/a.csv")
    with pytest.raises(FilesError, match="say which files"):
        find_files("")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FilesError, match=r"pipe\.csv is a pipe or a device"):
        find_files(str(tmp_path / "pipe.csv"))
    (tmp_path / "x" / "a.csv").unlink()
    with pytest.raises(FilesError, match=r"no CSV files in .*: looked for .*, and found only\.md"):
        find_files(str(tmp_path))


def it_names_files_as_the_pipeline_wants_them(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n1\n")
    write(tmp_path, {"a.TSV": b"a\n", "b.csv": packed, "c.tsv.gz": packed, "d.CSV.GZ": packed, "e": b"a\n"})
    names = {file.name: pipeline_name(file) for file in tmp_path.iterdir()}
    assert names == {
        "a.TSV": "a.TSV.csv",
        "b.csv": "b.csv.gz",
        "c.tsv.gz": "c.tsv.csv.gz",
        "d.CSV.GZ": "d.CSV.gz",
        "e": "e.csv",
    }
    staged = stage(tmp_path, sorted(tmp_path.iterdir()), tmp_path / "staged")
    contract = {"dataset": "t", "source_uri": f"{tmp_path}/staged", "lake_uri": f"{tmp_path}/lake"}
    listing = list_units(parse_contract(contract))
    assert (len(listing.units[()].sources), listing.unmatched, len(staged)) == (5, {}, 5)


def it_loses_no_file_because_of_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Readers of Hive tables skip names that begin with _ or a dot, and two files must not get one name."""
    row = b"a,b\n1,2\n"
    packed = gzip.compress(row)
    names = {"_a.csv": row, ".b.csv": row, "_x/..c.csv": row, "a.csv": packed, "a.csv.gz": packed, "a_csv.csv": row}
    write(tmp_path / "in", names)
    staged = stage(tmp_path / "in", [tmp_path / "in" / name for name in names], tmp_path / "staged")
    assert list(staged) == ["a.csv", "b.csv", "x/c.csv", "a.csv.gz", "copy2_a.csv.gz", "a_csv.csv"]
    contract = {"dataset": "t", "source_uri": f"{tmp_path}/staged", "lake_uri": f"{tmp_path}/lake"}
    listing = list_units(parse_contract(contract))
    assert (len(listing.units[()].sources), listing.hidden_files) == (len(names), 0)
    assert look(tmp_path / "in" / "_a.csv", tmp_path / "try") == 0
    assert "note: _a.csv is loaded as a.csv: names that begin with _ or . are hidden" in capsys.readouterr().out


def it_says_which_files_of_a_folder_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = b"a,b\n1,2\n"
    write(tmp_path / "in", {"a.csv": row, "b": row, "_c.csv": row, "x/d.xlsx": row, "e.csv.bz2": bz2.compress(row)})
    assert look(tmp_path / "in", tmp_path / "try") == 0
    printed = capsys.readouterr().out
    assert "2 rows in 2 files" in printed
    assert "note: left out of the folder: _c.csv, b, x/d.xlsx" in printed
    assert look(tmp_path / "in/a.csv", tmp_path / "try") == 0
    printed = capsys.readouterr().out
    assert ("1 row in 1 file" in printed, "left out" in printed) == (True, False)


# ------------------------------------------------------------------------------------------------------ names of files
@pytest.mark.parametrize(
    ("names", "keys", "pattern"),
    [
        (["sales_2026-01.csv", "sales_2026-02.csv"], [("month", "string")], r"_(?P<month>\d{4}-\d{2})\.csv"),
        (["2026-01-31.csv.gz"], [("day", "date")], r"(?P<day>\d{4}-\d{2}-\d{2})\.csv"),
        (["x20260131_a.csv", "x20260201_b.csv"], [("day", "string")], r"(?P<day>\d{8})"),
        (["2019/a.csv", "2020/a.csv"], [("year", "int")], r"(?P<year>\d{4})"),
        (["month=2026-01/a.csv", "month=2026-02/b.csv"], [("month", "string")], None),
        (["y=2026/m=01/a.csv"], [("y", "string"), ("m", "string")], None),
        (["Region=EU/a.csv", "Region=US/b.csv"], [("region", "string")], None),
        (["x/y=1/a.csv", "x/y=2/a.csv"], [("y", "string")], r"(?:^|/)y=(?P<y>[^/]+)/"),
        (["order=1/a.csv"], [("order_1", "string")], r"(?:^|/)order=(?P<order_1>[^/]+)/"),
        (["reason=1/a.csv"], [("reason_2", "string")], r"(?:^|/)reason=(?P<reason_2>[^/]+)/"),
        (
            ["a=1/x/a=2/a.csv"],
            [("a", "string"), ("a_2", "string")],
            r"(?:^|/)a=(?P<a>[^/]+)/(?:[^/]+/)*?a=(?P<a_2>[^/]+)/",
        ),
        (["Jahr=2026/a b.csv", "jahr=2025/a.csv"], [("jahr", "string")], None),
        (["s_2026-02-31.csv", "s_2026-02-01.csv"], [("month", "string")], r"_(?P<month>\d{4}-\d{2})"),
        (["sales_2026-01.csv", "sales.csv"], None, None),
        (["sales_2026-13.csv"], [("year", "int")], r"_(?P<year>\d{4})"),
        (["2019_2020.csv"], None, None),
        (["a.csv"], None, None),
    ],
)
def it_proposes_partitions_by_which_every_file_finds_its_place(
    names: list[str], keys: list[tuple[str, str]] | None, pattern: str | None, tmp_path: Path
) -> None:
    found = propose_partitions(names)
    assert (found and list(found.keys), found and found.pattern) == (keys, pattern)
    if found is None:
        return
    write(tmp_path / "raw", dict.fromkeys(names, b"a\n1\n"))
    contract = parse_contract(
        {
            "dataset": "t",
            "source_uri": f"{tmp_path}/raw",
            "lake_uri": f"{tmp_path}/lake",
            "partition_keys": [{"name": name, "type": kind} for name, kind in found.keys],
            "partition_pattern": found.pattern,
        }
    )
    listing = list_units(contract)
    assert (sum(len(unit.sources) for unit in listing.units.values()), listing.unmatched) == (len(names), {})


@pytest.mark.parametrize("names", [["a=1/a.csv", "b.csv"], ["a=/a.csv", "a=1/b.csv"], ["a=1/a.csv", "b=1/a.csv"]])
def it_refuses_folders_of_partitions_that_not_all_files_have(names: list[str]) -> None:
    with pytest.raises(FilesError, match=rf"the same partitions: {names[0]}.*; give every file folders of the same"):
        propose_partitions(names)


def it_does_not_call_a_partition_like_a_column() -> None:
    order = propose_partitions(["order=1/a.csv"], ["order_1"])
    assert order is not None
    assert order.keys == (("order_2", "string"),)
    both = propose_partitions(["a_2026-01.csv"], ["month", "file_month"])
    assert both is not None
    assert both.keys == (("file_month_2", "string"),)
    found = propose_partitions(["a_2026-01.csv"], ["month"])
    assert found is not None
    assert (found.keys, found.pattern) == ((("file_month", "string"),), r"_(?P<file_month>\d{4}-\d{2})\.csv")


@pytest.mark.parametrize(
    ("path", "files", "name"),
    [
        ("/x/Sales 2026-01.csv", ["/x/Sales 2026-01.csv"], "sales"),
        ("/x/*.csv", ["/x/sales_2026-01.csv", "/x/sales_2026-02.csv"], "sales"),
        ("/x/order.csv", ["/x/order.csv"], "order_data"),
        ("/x/2020.csv", ["/x/2020.csv"], "x"),
    ],
)
def it_names_the_dataset_after_its_files(path: str, files: list[str], name: str) -> None:
    assert dataset_name(path, [Path(file) for file in files]) == name


# ----------------------------------------------------------------------------------------------------- what is written
def it_writes_a_block_that_terraform_finds_formatted(tmp_path: Path) -> None:
    awkward = 'a "b" ${c} %{d} \\ \t é \u00a0\u202f\ufeff\x9b😀\U000e0020'
    block = datasets_block(
        "sales",
        {
            "partition_keys": [{"name": "month"}],
            "partition_pattern": r"(?P<month>\d{4})",
            "csv": {"delimiter": ";", "quote": None, "null_values": ["", "NA"]},
            "columns": [{"name": "a", "source": awkward}, {"name": "b", "type": "int"}],
        },
    )
    # What nobody sees, or a terminal obeys, would not survive being copied.
    assert [char for char in block if not (char.isprintable() or char == "\n")] == []
    (tmp_path / "x.tfvars").write_text(block)
    (tmp_path / "x.tf").write_text(f'output "x" {{\n  value = {text_in_hcl(awkward)}\n}}\n')
    terraform = [os.environ.get("TERRAFORM", "terraform"), f"-chdir={tmp_path}"]
    checked = subprocess.run([*terraform, "fmt", "-check", "-diff"], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stdout) == (0, "")
    subprocess.run([*terraform, "apply", "-auto-approve", "-no-color"], check=True, capture_output=True, timeout=60)
    told = subprocess.run([*terraform, "output", "-json"], check=True, capture_output=True, text=True, timeout=60)
    assert json.loads(told.stdout)["x"]["value"] == awkward


def it_writes_a_contract_that_the_job_loads_the_files_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(
        tmp_path / "in",
        {
            "sales_2026-01.csv": b"ZIP;Amount;When\n00501;1.50;31/01/2026\n10001;NA;01/01/2026\n",
            "sales_2026-02.csv": b"ZIP;Amount;When\n00502;20.5;01/02/2026\n",
        },
    )
    assert look(data, tmp_path / "try", "--name", "sales") == 0
    printed = capsys.readouterr().out
    assert "leading zeros, as in '00501', would be lost" in printed
    assert "partitioned by month: a month in the name of each file" in printed
    (block,) = re.findall(r"^datasets = .*?^}\n", printed, re.DOTALL | re.MULTILINE)
    assert (tmp_path / "try/sales/datasets.tfvars").read_text() == block
    job = [sys.executable, "glue_scripts/csv_to_parquet.py", "--run_id", "r1"]
    job += ["--dataset_config", str(tmp_path / "try/sales/contract.json"), "--run_mode", "plan"]
    done = subprocess.run(job, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    contract = parse_contract(json.loads((tmp_path / "try/sales/contract.json").read_text()))
    assert [(column.name, column.type, column.format) for column in contract.columns] == [
        ("zip", "string", None),
        ("amount", "decimal(9,2)", None),
        ("when_1", "date", "%d/%m/%Y"),
    ]
    assert len(list_units(contract).units) == 2


def it_takes_what_comes_first_in_a_date_from_the_caller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "in", {"a.csv": b"d,n\n01/02/2026,1\n"})
    assert look(data / "a.csv", tmp_path / "try") == 0
    assert "ambiguous: all values could be %d/%m/%Y or %m/%d/%Y" in capsys.readouterr().out
    assert look(data / "a.csv", tmp_path / "try", "--dates", "month") == 0
    assert 'format = "%m/%d/%Y"' in capsys.readouterr().out


def it_takes_the_encoding_from_the_caller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "in", {"a.csv": "Jméno,n\nŘehoř,1\n".encode("cp1250")})
    assert look(data / "a.csv", tmp_path / "try") == 0
    assert "note: the files are not UTF-8" in capsys.readouterr().out
    assert look(data / "a.csv", tmp_path / "try", "--encoding", "cp1250") == 0
    printed = capsys.readouterr().out
    assert ("Řehoř" in printed, 'csv = { encoding = "cp1250" }' in printed, "note:" in printed) == (True, True, False)
    assert look(data / "a.csv", tmp_path / "try", "--encoding", "nonsense") == 1
    assert "try: " in capsys.readouterr().out.splitlines()[-1]


def it_shows_control_characters_of_a_file_and_does_not_obey_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"a.csv": b"\x1b[2Jid,n\x07,b\n1,\x1b]0;x\x07,x\n", "b.csv": b"\x1b[2Jid,n\x07\n1,\x9b31m\n"}
    assert look(write(tmp_path / "in", files), tmp_path / "try") == 0
    printed = capsys.readouterr().out
    assert [char for char in printed if not (char.isprintable() or char == "\n")] == []
    assert (r"\x1b[2Jid" in printed, r"\x1b]0;x\x07" in printed) == (True, True)


def it_shows_rows_of_another_width_and_ends_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "in", {"a.csv": b"a,b\n" + b"1,2\n" * 8 + b"3\n"})
    assert look(data / "a.csv", tmp_path / "try") == 1
    printed = capsys.readouterr().out
    assert "a.csv, line 10: expected 2 columns, found 1: '3'" in printed
    assert "max_bad_fraction = 0.12" in printed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is nothing in it"),
        (b"PK\x03\x04", "is not a whole zip file"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
def it_ends_in_one_sentence(content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "in", {"a.csv": content})
    assert look(data / "a.csv", tmp_path / "try") == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("try: ")
    assert words in last


def it_refuses_a_name_that_no_table_can_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "in", {"a.csv": b"a\n1\n"})
    for name in ("Select", "9lives", "a-b", "select"):
        assert look(data, tmp_path / "try", "--name", name) == 1
        assert f"try: NAME={name} is no name of a table" in capsys.readouterr().out


def it_reads_the_traps_of_a_sniffer_as_the_files_mean_them(tmp_path: Path) -> None:
    """DuckDB's sniffer settles 01/02 without a word and takes a zip code for a number; both are told apart here."""
    data = write(tmp_path / "in", {"a.csv": b"zip,d\n10001,01/02/2026\n10002,03/04/2026\n00501,05/06/2026\n"})
    assert look(data / "a.csv", tmp_path / "try", "--name", "t") == 0
    contract = parse_contract(json.loads((tmp_path / "try/t/contract.json").read_text()))
    assert [column.type for column in contract.columns] == ["string", "string"]
    with duckdb.connect() as sniffer:
        sniffed = sniffer.execute(f"DESCRIBE FROM read_csv('{data}/a.csv')").fetchall()
    assert [row[1] for row in sniffed] != ["VARCHAR", "VARCHAR"]


@pytest.mark.parametrize("path", ["it's.csv", 'a "b" c.csv', "-x.csv", "`x`.csv"])
def it_takes_any_path_from_make(tmp_path: Path, path: str) -> None:
    # Only the recipe: what it says to the program that make would start.
    root = Path(__file__).parents[2]
    recipe = root.joinpath("Makefile").read_text().partition("\ntry:")[2].partition("\n\n")[0].partition("\n")[2]
    makefile = tmp_path / "Makefile"
    exported = next(line for line in root.joinpath("Makefile").read_text().splitlines() if line.startswith("export "))
    makefile.write_text(f"BIN := {tmp_path}\n{exported}\ntry:\n{recipe}\n")
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "python").chmod(0o755)
    # Also where a make runs the tests, which then would tell of its directories.
    command = ["make", "--no-print-directory", "-f", str(makefile), "try", f"CSV={path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == [path], done.stderr
