"""The SQL prompt: what a person types, at a real terminal and without one, against a real local AWS."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import LocalAws
from local_aws.__main__ import main
from local_aws.sql_output import Rows, aligned, as_csv
from local_aws.sql_prompt import SqlPrompt

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def applied(aws: LocalAws, bucket: str, database: str) -> Iterator[LocalAws]:
    """Yield the local AWS as if a configuration with one table and one view had been applied."""
    athena, group = aws.client("athena"), f"g-{uuid.uuid4().hex[:8]}"
    athena.create_work_group(
        Name=group, Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/results/"}}
    )
    aws.client("s3").put_object(Bucket=bucket, Key="t/a.csv", Body=b"1,x\n2,\n")
    columns = [{"Name": "n", "Type": "string", "Comment": "a number"}, {"Name": "word", "Type": "string"}]
    storage = {
        "Columns": columns,
        "Location": f"s3://{bucket}/t/",
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
    }
    table = {"Name": "things", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    aws.client("glue").create_table(DatabaseName=database, TableInput=table)
    file = aws.settings.directory / "applied.json"
    file.write_text(json.dumps({"database_name": database, "athena_workgroup": group}))
    aws.sql("CREATE VIEW numbers AS SELECT n FROM things")
    try:
        yield aws
    finally:
        file.unlink()


def session(aws: LocalAws, *lines: str) -> tuple[str, list[bool]]:
    """Type lines at a prompt; return what it says, and whether it goes on after each."""
    said: list[str] = []
    prompt = SqlPrompt(aws, say=said.append)
    going = [prompt.take(line) for line in lines]
    return "\n".join(said), going


def it_runs_a_statement_of_several_lines_when_its_semicolon_comes(applied: LocalAws) -> None:
    said, going = session(applied, "SELECT n", "", "FROM things", "ORDER BY n;")
    assert said.splitlines()[:4] == ["n", "-", "1", "2"]
    assert said.splitlines()[4].startswith("(2 rows, ")
    assert going == [True] * 4


def it_lists_tables_and_the_columns_of_one(applied: LocalAws) -> None:
    said, _ = session(applied, r"\d", r"\d things", r"\d nothing")
    assert [line.split() for line in said.splitlines()[2:4]] == [["numbers", "view"], ["things", "table"]]
    assert ["n", "string", "a", "number"] in [line.split() for line in said.splitlines()]
    assert said.splitlines()[-1] == "error: there is no table nothing; there are: numbers, things"


def it_goes_on_after_an_error(applied: LocalAws) -> None:
    said, going = session(applied, "SELECT nothing FROM things;", r"\x", "SELECT 1 AS one;", r"\q")
    lines = said.splitlines()
    assert lines[0].startswith("error: the query failed: ")
    assert r"\x is no command here; there are:" in lines
    assert (lines[-4:-1], going) == (["one", "---", "  1"], [True, True, True, False])


def it_switches_to_csv(applied: LocalAws) -> None:
    said, _ = session(applied, r"\csv", "SELECT * FROM things ORDER BY n;")
    assert said.splitlines() == ["output is csv now", "n,word", "1,x", '2,""']


def it_shows_every_column_of_those_that_share_a_name(applied: LocalAws) -> None:
    """As `SELECT *` of a join has them; a row that is looked up by names would have lost all but the last."""
    said, _ = session(applied, "SELECT 1 AS a, 2 AS a_2, 3 AS a, 'x' AS b;")
    assert [line.split() for line in said.splitlines()[:3:2]] == [["a", "a_2", "a_3", "b"], ["1", "2", "3", "x"]]
    said, _ = session(applied, "SELECT 'a' AS a, 'a' AS a;")
    assert [line.split() for line in said.splitlines()[:3:2]] == [["a", "a_2"], ["a", "a"]]


def it_says_that_there_is_no_statement(applied: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(applied.settings.directory)
    for nothing in ("", "  ", " ; "):
        assert main(["--directory", directory, "sql", nothing]) == 1
        assert capsys.readouterr().err == "local AWS: the query was refused: there is no statement in it\n"


def it_shows_control_characters_and_does_not_obey_them() -> None:
    rows: Rows = [{"n\x1b[2J": "a\x1b]0;title\x07\r\n\x9b31m\x7f\u2028é😀"}]
    assert aligned(rows).splitlines() == [
        r"n\x1b[2J",
        "-" * 40,
        r"a\x1b]0;title\x07\r\n\x9b31m\x7f\u2028é😀",
    ]


def it_aligns_numbers_and_cuts_what_is_long() -> None:
    rows: Rows = [{"n": "1.5", "t": "x\ny"}, {"n": "-20", "t": None}, {"n": None, "t": "z" * 99}]
    assert aligned(rows).splitlines() == [
        "   n  t",
        "----  " + "-" * 60,
        " 1.5  x\\ny",
        " -20  NULL",
        "NULL  " + "z" * 59 + "…",
    ]


def it_writes_csv_that_pythons_reader_reads_and_that_tells_null_from_empty() -> None:
    rows: Rows = [{"a": 'x "y", z', "b": "1\n2"}, {"a": None, "b": ""}]
    text = as_csv(rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], ['x "y", z', "1\n2"], ["", ""]]
    assert text.splitlines()[-1] == ',""'


def it_takes_statements_from_standard_input(applied: LocalAws) -> None:
    command = [sys.executable, "-m", "local_aws", "--directory", str(applied.settings.directory), "sql", "--csv"]
    done = subprocess.run(
        command, cwd=ROOT, input="SELECT 1 AS a;\nSELECT 2 AS b", capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n1\nb\n2\n", "")
    bad = subprocess.run(
        command, cwd=ROOT, input="SELECT x;\nSELECT 2 AS b;", capture_output=True, text=True, timeout=120
    )
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("error: the query failed: ")


def it_prints_one_statement_in_each_style(applied: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    directory = ["--directory", str(applied.settings.directory), "sql"]
    printed = {}
    for style in ("--json", "--csv"):
        assert main([*directory, "SELECT 1 AS a, 'x' AS b", style]) == 0
        printed[style] = capsys.readouterr().out
    assert json.loads(printed["--json"]) == [{"a": "1", "b": "x"}]
    assert printed["--csv"] == "a,b\n1,x\n"


def it_converses_at_a_terminal_and_remembers(applied: LocalAws) -> None:
    screen = at_a_terminal(applied, ["SELECT 41 + 1 AS answer;", r"\q"])
    assert "sql> " in screen
    assert "answer" in screen
    assert "    42" in screen
    history = applied.settings.directory / "sql_history"
    assert history.read_text().splitlines()[-2:] == ["SELECT 41 + 1 AS answer;", r"\q"]
    # Ctrl-P brings back the lines of the session before.
    assert "    42" in at_a_terminal(applied, ["\x10\x10", r"\q"])


def it_lists_aligns_and_writes_csv_at_a_terminal(applied: LocalAws) -> None:
    query = "SELECT n, word FROM things ORDER BY 1;"
    screen = at_a_terminal(applied, [r"\d", r"\d things", query, r"\csv", query, r"\q"])
    shown = [line.strip() for line in screen.split("sql> ")[1:]]
    rows = [[line.rstrip() for line in answer.splitlines()[1:]] for answer in shown]
    assert rows[0] == ["name     kind", "-------  -----", "numbers  view", "things   table"]
    assert [line.split() for line in rows[1][2:]] == [["n", "string", "a", "number"], ["word", "string"]]
    assert rows[2][:4] == ["n  word", "-  ----", "1  x", "2"]
    assert rows[3] == ["output is csv now"]
    assert rows[4] == ["n,word", "1,x", '2,""']
    asked = at_a_terminal(applied, [query, r"\q"], "--csv").split("sql> ")[1]
    assert asked.splitlines()[1:4] == ["n,word", "1,x", '2,""']


def at_a_terminal(aws: LocalAws, lines: list[str], *options: str) -> str:
    """Start the prompt at a pseudo terminal, type lines when it asks, and return what stands on the screen."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "local_aws", "--directory", str(aws.settings.directory), "sql", *options]
    environment = {**os.environ, "TERM": "dumb", "INPUTRC": "/dev/null"}
    process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    seen, deadline = b"", time.monotonic() + 120
    try:
        for number, line in enumerate(lines, 1):
            while seen.count(b"sql> ") < number and time.monotonic() < deadline:
                seen += os.read(master, 4096)
            os.write(master, line.encode() + b"\n")
        while process.poll() is None and time.monotonic() < deadline:
            try:
                seen += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return seen.decode()
