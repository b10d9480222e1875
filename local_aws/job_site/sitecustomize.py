"""What Python imports by itself when a Glue job starts: notes the exception that ends the job, whole and exactly.

The folder of this file is on the job's PYTHONPATH, nothing else of the local AWS is.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType

ERROR_FILE = "LOCAL_AWS_ERROR_FILE"


def note(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Write an uncaught exception to the file that the environment names, then report it as Python does."""
    with open(os.environ[ERROR_FILE], "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - quick to import
        file.write(f"{kind.__name__}: {error}")
    sys.__excepthook__(kind, error, traceback)


if ERROR_FILE in os.environ:
    sys.excepthook = note
