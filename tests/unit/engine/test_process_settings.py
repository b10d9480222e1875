"""What the libraries of a process are told: the system is asked for the pages and threads that it has given."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

GLUE_SCRIPTS = Path(__file__).resolve().parents[3] / "glue_scripts"
THREADS = Path("/proc/self/task")
TIMES = 4
# Two copies of 4 MiB at the same time, as of a part of a text and of what Arrow reads of it.
OF_PYTHON = """
    data = bytes(4 << 20)

    def take_and_free():
        part = data[1:]
        b"".join((part, b"x"))
"""
# Arrow's allocator gives back what has been free for a while when it is asked for more.
OF_ARROW = """
    import ctypes, time
    import pyarrow as pa

    def take_and_free():
        [filled(1 << 20) for _ in range(16)]
        for _ in range(4):
            time.sleep(0.1)
            filled(2000), filled(100_000), filled(4 << 20)

    def filled(size):
        buffer = pa.allocate_buffer(size)
        ctypes.memset(buffer.address, 0, size)
        return buffer
"""


def pages_given(preparation: str, what: str) -> int:
    """Return how many pages a new process gets for what it takes and frees again and again, but for the first time."""
    script = f"""
import resource, sys
sys.path.insert(0, {str(GLUE_SCRIPTS)!r})
{preparation}
{textwrap.dedent(what)}
take_and_free()
begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({TIMES}):
    take_and_free()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin)
"""
    return number_printed_by(script)


def number_printed_by(script: str) -> int:
    """Run a script in a process without the settings, which this one may have."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MIMALLOC_", "OPENBLAS_"))}
    command = [sys.executable, "-c", script]
    return int(subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep what is freed")
def it_takes_no_new_pages_for_what_python_has_freed() -> None:
    kept = pages_given("from process_settings import keep_freed_memory; keep_freed_memory()", OF_PYTHON)
    assert 4 * kept < pages_given("", OF_PYTHON)


@pytest.mark.skipif(pa.default_memory_pool().backend_name != "mimalloc", reason="it is mimalloc that is told")
def it_takes_no_new_pages_for_what_arrow_has_freed() -> None:
    assert 2 * pages_given("import csv_to_parquet", OF_ARROW) < pages_given("", OF_ARROW)


@pytest.mark.skipif(not THREADS.is_dir(), reason="only Linux lists the threads of a process there")
def it_has_no_threads_for_an_algebra_that_it_does_not_use() -> None:
    """They bear the name of the process, other than the one that looks after the memory of Arrow."""
    script = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(GLUE_SCRIPTS)!r})
import csv_to_parquet
names = [(thread / "comm").read_text() for thread in Path({str(THREADS)!r}).iterdir()]
print(names.count(Path("/proc/self/comm").read_text()))
"""
    assert number_printed_by(script) == 1
