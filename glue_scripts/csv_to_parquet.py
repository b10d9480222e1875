"""Entry of the Glue job: brings a Parquet table in line with the CSV files of its source prefix. Wiring only.

Glue passes the arguments; on local folders:
`python glue_scripts/csv_to_parquet.py --dataset_config contract.json --run_id r1`.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NoReturn

# Before Arrow and NumPy are loaded, which read their settings then.
from process_settings import LIBRARY_SETTINGS

# isort: split
from contract import DatasetContract
from conversion import Effort, UnitResult, convert_units
from conversion_plan import MEBIBYTE, UnitWork, work_bytes
from conversion_runners import in_threads
from conversion_runtime import Runtime
from errors import TerminalError
from inference_dataset import read_in_process
from inference_reading import FileEvidence, Question
from inference_runners import read_on_spark
from job import Arguments, run_job
from sources import SourceFile
from storage import is_local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


# Conversions at the same time in the driver; each takes up to 700 MB of memory (docs/benchmarks.md), and the smallest
# worker has 4 cores and 16 GB: https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
DRIVER_SLOTS = max(1, min(os.cpu_count() or 1, 4))
# To infer columns a file is read more slowly than to convert it (docs/csv.md).
_READING_WEIGHT = 8

_logger = logging.getLogger("csv_to_parquet")


class ArgumentsError(TerminalError):
    """A job argument is missing or has a value that is not allowed."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentsError(f"{message}; {' '.join(self.format_usage().split())}")


def parse_args(argv: Sequence[str]) -> Arguments:
    """Read the job's arguments.

    Glue adds arguments of its own; on local folders nobody does, so unknown ones are refused there. An argument that is
    lost on its way to Glue must not turn a dry run into a load, so with a contract in S3 the mode has to be given.
    """
    parser = _Parser(prog="csv_to_parquet.py", allow_abbrev=False, add_help=False)
    parser.add_argument("--dataset_config", required=True, metavar="URI")
    parser.add_argument("--run_id", required=True, metavar="ID")
    # Not --mode: Glue keeps that name for itself and says never to use it,
    # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
    parser.add_argument("--run_mode", choices=("apply", "plan"))
    parser.add_argument("--force", nargs="?", const="true", default="false", choices=("true", "false"))
    parser.add_argument("--partitions", metavar="JSON")
    parser.add_argument("--task_slots", type=_positive, metavar="N")
    parser.add_argument("--spark_from_mb", type=_natural, default=Arguments.spark_from_mb, metavar="MB")
    parser.add_argument("--report_runtime", choices=("true", "false"), default="false")
    known, unknown = parser.parse_known_args(list(argv))
    if is_local(known.dataset_config) and unknown:
        parser.error(f"unknown arguments: {' '.join(unknown)}")
    if not is_local(known.dataset_config) and known.run_mode is None:
        parser.error("--run_mode is missing, which a contract in S3 needs: apply or plan")
    if not re.fullmatch(r"[^/\s]{1,200}", known.run_id):
        raise ArgumentsError(f"--run_id is {known.run_id!r}; allowed are 1 to 200 characters, no slash and no blank")
    # None and an empty list are no choice: all partitions.
    chosen = None if re.fullmatch(r"\s*(\[\s*\])?\s*", known.partitions or "") else known.partitions
    return Arguments(
        known.dataset_config,
        known.run_id,
        known.run_mode or "apply",
        known.force == "true",
        chosen,
        known.task_slots,
        known.spark_from_mb,
        known.report_runtime == "true",
    )


def _positive(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999")
    return int(text)


def _natural(text: str) -> int:
    if not re.fullmatch(r"0*[0-9]{1,6}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 999999")
    return int(text)


class Workplace:
    """Where a run converts and reads: in threads of the driver what is small, everything else on Spark as well.

    The session is made only when something is big enough for it, or when the report shall tell of it.
    """

    def __init__(self, arguments: Arguments, runtime: Runtime | None = None) -> None:
        self.effort = Effort()
        self._slots, self._runtime = arguments.task_slots, runtime
        self._spark_from = 0 if runtime is not None else arguments.spark_from_mb * MEBIBYTE

    def convert(self, contract: DatasetContract, work: Sequence[UnitWork], run_id: str) -> list[UnitResult]:
        """Convert units; on Spark for the slots of all its workers, also of those that are not there yet."""
        convert = partial(convert_units, contract=contract, work=work, run_id=run_id, effort=self.effort)
        size = work_bytes(work)
        _logger.info(
            "converting %d bytes of CSV %s", size, "in the driver" if size < self._spark_from else "with Spark"
        )
        if size < self._spark_from:
            return convert(None, runner=in_threads(DRIVER_SLOTS), slots=DRIVER_SLOTS)
        spark = open_spark(contract.dataset)
        if self._runtime is not None:
            self._runtime.spark_started(spark)
        return convert(spark, slots=self._slots, driver_slots=DRIVER_SLOTS if self._spark_from else 0)

    def read(self, sources: Sequence[SourceFile], question: Question) -> Iterable[FileEvidence]:
        """Read files to infer their columns."""
        if _READING_WEIGHT * sum(source.size for source in sources) < self._spark_from:
            return read_in_process(sources, question)
        spark = open_spark("inference")
        return read_on_spark(spark, max(self._slots or 1, spark.sparkContext.defaultParallelism), sources, question)


def open_spark(name: str) -> SparkSession:
    """Return the session of this run, which is made when it is first asked for."""
    from pyspark.sql import SparkSession

    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        # Started by plain `python` and not by spark-submit or Glue: the workers need this same interpreter.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(f"csv_to_parquet {name}")
    for variable, value in LIBRARY_SETTINGS.items():
        builder = builder.config(f"spark.executorEnv.{variable}", value)
    return builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()


def main(argv: Sequence[str]) -> None:
    """Run the job; an exception ends it, so that its message becomes the job run's error message."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    arguments = parse_args(argv)
    runtime = Runtime(argv) if arguments.report_runtime else None
    place = Workplace(arguments, runtime)
    describe = runtime.describe if runtime is not None else dict
    run_job(arguments, place.convert, runtime=describe, read=place.read, effort=place.effort)


if __name__ == "__main__":
    main(sys.argv[1:])
