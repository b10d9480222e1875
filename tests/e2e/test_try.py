"""`make try`, run as a user runs it without a terminal, on files of the traits that people stumble over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local_aws import free_port
from tests.readme import missing
from tests.report_pages import ReadPage, check_figures

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 900


def it_loads_somebodys_files_shows_bad_rows_and_ends_with_status_1(tmp_path: Path) -> None:
    files = {
        "sales_2026-01.csv": "Zip;Amount €;When;\n00501;1.50;31.01.2026;ä\n10001;NA;01.01.2026;x\n2;too few\n",
        "sales_2026-02.csv": "Zip;Amount €;When;\n00502;20.5;01.02.2026;y\n",
    }
    (tmp_path / "in").mkdir()
    for name, text in files.items():
        (tmp_path / "in" / name).write_bytes(text.encode("cp1252"))
    command = [sys.executable, "-m", "scripts.try_csv", str(tmp_path / "in"), "--name", "sales"]
    command += ["--port", str(free_port()), "--directory", str(tmp_path / "try")]
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    assert missing("make try", done.stdout) == []
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 1, done.stdout + done.stderr
    assert "sales: loaded (2 inserted), 3 rows written, 1 quarantined" in done.stdout
    bad = ["sales/sales_2026-01.csv", "4", "expected", "4", "columns,", "found", "2", "NULL", "2;too", "few"]
    assert bad in lines
    assert ["zip", "amount", "when_1", "column_4", "month"] in lines
    assert ["00501", "1.50", "2026-01-31", "ä", "2026-01"] in lines
    assert ["10001", "NULL", "2026-01-01", "x", "2026-01"] in lines
    assert ["00502", "20.50", "2026-02-01", "y", "2026-02"] in lines
    page = ReadPage((tmp_path / "try" / "sales" / "report.html").read_text())
    check_figures(page.figures, page.held)
    assert page.figures["executions.0.datasets.sales.rows_written"] == "3"
    assert page.figures["bad_rows.sales.count"] == "1"
    assert "2;too few" in page.cells()
