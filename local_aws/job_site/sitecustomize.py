"""What Python imports by itself in the processes of a Glue job.

It notes the exception that ends the job, whole and exactly, and takes what the workers are not to have. The folder of
this file is on the job's PYTHONPATH, nothing else of the local AWS is.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType

ERROR_FILE = "LOCAL_AWS_ERROR_FILE"
WITHOUT_REGION = "LOCAL_AWS_WORKERS_WITHOUT_REGION"
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
# How Spark starts its Python workers: https://github.com/apache/spark/blob/master/python/pyspark/daemon.py
WORKER_MODULES = ("pyspark.daemon", "pyspark.worker")


def note(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Write an uncaught exception to the file that the environment names, then report it as Python does."""
    with open(os.environ[ERROR_FILE], "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - quick to import
        file.write(f"{kind.__name__}: {error}")
    sys.__excepthook__(kind, error, traceback)


if ERROR_FILE in os.environ:
    sys.excepthook = note
if os.environ.get(WITHOUT_REGION) and set(WORKER_MODULES) & set(sys.orig_argv):
    # No document says that Glue gives its executors a region.
    for variable in REGION_VARIABLES:
        os.environ.pop(variable, None)
