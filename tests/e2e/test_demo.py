"""The demo, run as a user runs it, judged by its report and by what it leaves behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from local_aws import free_port
from scripts.flights_data import package_data
from tests.readme import missing
from tests.report_pages import ReadPage, check_figures

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 900


def start_demo(directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scripts.demo", "--port", str(free_port()), "--directory", str(directory)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Tests that run in the background of a shell, or under nohup, inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def processes_that_mention(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


def it_loads_january_adds_february_and_then_finds_nothing_new(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    output, _ = demo.communicate(timeout=TIMEOUT_SECONDS)
    assert demo.returncode == 0, output
    report = json.loads((tmp_path / "report.json").read_text())
    first, second, third = report["executions"]
    assert [execution["status"] for execution in (first, second, third)] == ["SUCCEEDED"] * 3
    # 27,004 and 24,951 flights: `month` is the second column of the published file.
    assert flights_of(package_data(), "1") == 27004
    assert first["datasets"]["flights"]["rows_written"] == flights_of(package_data(), "1")
    assert first["datasets"]["flights"]["rows_read"] == flights_of(package_data(), "1")
    assert first["datasets"]["flights"]["rows_quarantined"] == 0
    assert second["datasets"]["flights"]["rows_written"] == flights_of(package_data(), "2")
    assert (second["datasets"]["flights"]["units_inserted"], second["datasets"]["flights"]["units_kept"]) == (1, 1)
    assert first["glue_runs"] == 3
    assert second["glue_runs"] == 1
    assert third["glue_runs"] == 0
    assert {dataset["status"] for dataset in third["datasets"].values()} == {"unchanged"}
    assert report["view_matches_csv"] is True
    assert report["plan_clean"] is True
    page = ReadPage((tmp_path / "report.html").read_text())
    check_figures(page.figures, report)
    assert page.held == report
    csv = sum((tmp_path / f"data/flights/flight_month=2013-0{month}/flights.csv").stat().st_size for month in (1, 2))
    assert (report["sizes"]["flights"]["csv_files"], report["sizes"]["flights"]["csv_bytes"]) == (2, csv)
    assert 0 < report["sizes"]["flights"]["parquet_bytes"] < csv / 2
    assert processes_that_mention(str(tmp_path)) == []
    assert missing("make demo", output) == []


def flights_of(data: Path, month: str) -> int:
    """Count the rows of a month with zipfile and str.split alone."""

    with zipfile.ZipFile(data / "flights.csv.zip").open("flights.csv") as lines:
        return sum(line.split(b",", 2)[1] == month.encode() for line in lines)


def it_leaves_no_process_behind_when_interrupted(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "execute: the first load" in line:
            break
    time.sleep(3)
    assert processes_that_mention(str(tmp_path)), "the demo should be running"
    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "demo: interrupted" in rest
    assert processes_that_mention(str(tmp_path)) == []


def it_says_in_one_sentence_that_the_port_is_taken(tmp_path: Path) -> None:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "scripts.demo", "--port", str(port), "--directory", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    last = done.stdout.strip().splitlines()[-1]
    assert str(port) in last
    assert "Traceback" not in done.stdout + done.stderr
