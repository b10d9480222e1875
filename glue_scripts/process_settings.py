"""What the libraries of a process are told: to keep freed memory, and to start no threads that nothing here uses.

A page that comes from the system costs more than to fill it: 4 MiB are copied in 0.2 ms into memory that a process
has, and in up to 3.7 ms into what it has to ask for, with Python's lock held (docs/benchmarks.md).
"""

from __future__ import annotations

import ctypes
import os

# What libraries read when they are loaded, which is why this module is imported before them.
LIBRARY_SETTINGS = {
    # Arrow's allocator keeps what is freed: https://microsoft.github.io/mimalloc/environment.html
    "MIMALLOC_PURGE_DELAY": "-1",
    # NumPy's algebra, which nothing here uses, would start a thread for each further core. They look out for work for a
    # tenth of a second before they sleep, in every process: https://github.com/OpenMathLib/OpenBLAS/blob/develop/README.md
    "OPENBLAS_NUM_THREADS": "1",
}
# From how many bytes on freed memory goes back to the system, and what is so big that it comes from the system each
# time, at most: https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD, _NEVER = -1, 2**31 - 1
_M_MMAP_THRESHOLD, _MOST_BYTES = -3, 32 * 1024 * 1024

for _name, _value in LIBRARY_SETTINGS.items():
    os.environ.setdefault(_name, _value)


def keep_freed_memory() -> None:
    """Tell the C library, where it can be told, which is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
        mallopt(_M_MMAP_THRESHOLD, _MOST_BYTES)
