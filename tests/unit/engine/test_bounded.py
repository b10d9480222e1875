"""No input makes a worker hold more than its budget: a record that is too long is refused with file and line."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from conversion_errors import RecordTooLongError, SchemaDriftError
from csv_parts import Sizes
from tests.unit.engine.helpers import columns, convert

ROOT = Path(__file__).resolve().parents[3]
AB = columns(a="string", b="string")
LARGEST = 1000
SIZES = Sizes(block_bytes=128, part_bytes=256, largest_record_bytes=LARGEST)
GIBIBYTE = 1 << 30


def record_of(length: int, *, quoted: bool) -> bytes:
    """Return a record of this many bytes."""
    return b'"' + b"x\n" * ((length - 4) // 2) + b"x" * (length % 2) + b'",y' if quoted else b"x" * (length - 2) + b",y"


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("split", [1 << 20, 300])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def it_reads_a_record_of_the_limit_and_refuses_one_that_is_longer(
    quoted: bool, split: int, name: str, ending: bytes
) -> None:
    for length in (LARGEST, LARGEST + 1, 5 * LARGEST):
        data = b"a,b\n" + b"1,2\n" * 100 + record_of(length, quoted=quoted) + ending
        files = {name: gzip.compress(data) if name.endswith("gz") else data}
        if length <= LARGEST:
            assert len(convert(files, AB, split=split, sizes=SIZES).rows) == 101
            continue
        with pytest.raises(RecordTooLongError, match=rf"^{name}, line 102: more than {LARGEST} bytes"):
            convert(files, AB, split=split, sizes=SIZES)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def it_refuses_a_header_that_is_too_long(name: str) -> None:
    data = b"a,b," + b"x" * LARGEST + b"\n1,2,3\n"
    files = {name: gzip.compress(data) if name.endswith("gz") else data}
    with pytest.raises(RecordTooLongError, match=rf"^{name}, line 1: more than {LARGEST} bytes"):
        convert(files, AB, sizes=SIZES)


@pytest.mark.parametrize("quoted_newlines", [True, False])
def it_refuses_a_quote_that_stays_open_for_longer_than_a_record_may_be(quoted_newlines: bool) -> None:
    data = b"a,b\n" + b'"' + b"x" * 5 * LARGEST
    with pytest.raises(RecordTooLongError, match=r"^a\.csv, line 2: "):
        convert(data, AB, {"quoted_newlines": quoted_newlines}, sizes=SIZES)


def it_names_columns_so_that_a_message_stays_readable() -> None:
    names = ["x" * 5_000, *(f"c{number}" for number in range(1_000))]
    with pytest.raises(SchemaDriftError) as error:
        convert(",".join(names).encode() + b"\n", AB)
    message = str(error.value)
    assert message.startswith(f"a.csv: the header lacks 'a', 'b' and has '{'x' * 100}…', 'c0', ")
    assert "'c48' and 951 more besides; schema_drift is fail. In the file: " in message
    assert len(message) < 1_500


# What outsiders fed it: each needed several times its size in memory, and 17 GB in one case.
HUGE = {
    "a line of 1 GiB in a small gzip file": ("a.csv.gz", b"a,b\n1,2\n", b"x", GIBIBYTE),
    "a line of 1 GiB in a small zip file": ("a.csv", b"a,b\n1,2\n", b"x", GIBIBYTE),
    "a line of 1 GiB in a small zstd file": ("a.csv.zst", b"a,b\n1,2\n", b"x", GIBIBYTE),
    "a header of 1 GiB in a small gzip file": ("a.csv.gz", b"a", b"x", GIBIBYTE),
    "a quote that is never closed over 300 MB": ("a.csv", b'a,b\n1,2\n"', b"x,y\n", 300_000_000),
    "a line of 300 MB": ("a.csv", b"a,b\n1,2\n", b"x", 300_000_000),
    "a header of 300 MB of names": ("a.csv", b"a,b,", b"x,", 300_000_000),
}
CONVERT = """
import resource, sys
from pathlib import Path

from conversion import convert_units
from conversion_errors import RecordTooLongError
from tests.unit.engine.helpers import a_contract, a_unit
from tests.unit.engine.test_bounded import AB

folder = Path(sys.argv[1])
try:
    convert_units(None, a_contract(folder, AB, None), [a_unit(folder, {})], run_id="r1")
except RecordTooLongError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@contextmanager
def writer(path: Path, case: str) -> Iterator[Any]:
    """Open a file to be written, packed as the case says."""
    if "gzip" in case:
        with gzip.open(path, "wb", compresslevel=1) as file:
            yield file
    elif "zip" in case:
        archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        with archive, archive.open("a.csv", "w") as file:
            yield file
    elif "zstd" in case:
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            yield file
    else:
        with path.open("wb") as file:
            yield file


@pytest.mark.parametrize("case", HUGE)
def it_holds_less_than_a_gibibyte_whatever_a_file_holds(case: str, tmp_path: Path) -> None:
    name, before, content, size = HUGE[case]
    block = content * ((1 << 20) // len(content))
    path = tmp_path / "raw" / name
    path.parent.mkdir()
    with writer(path, case) as file:
        file.write(before)
        for _ in range(size // len(block)):
            file.write(block)
    ended = subprocess.run(
        [sys.executable, "-c", CONVERT, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'glue_scripts'}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    message, kibibytes = ended.stdout.splitlines()
    assert message.startswith(f"{name}, line {1 if 'header' in case else 3}: ")
    assert int(kibibytes) * 1024 < GIBIBYTE
