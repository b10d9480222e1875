"""Reading files to their ends on Spark, to infer columns from them: each worker reads whole files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from conversion_errors import REPORTED_ERRORS, error_of_kind
from conversion_runners import share_modules
from inference import READ_AT_ONCE, read_each
from inference_dialect import NotCsvError
from inference_reading import FileEvidence, Question, fold
from sources import SourceFile
from storage import act_in_region, aws_region

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Shares for each slot, so that one with a big file does not keep the others waiting.
_ROUNDS = 4

# What a share shows, or the kind and text of what it ended with.
_Answer = list[FileEvidence] | tuple[str, str]


def read_on_spark(
    spark: SparkSession, slots: int, sources: Sequence[SourceFile], question: Question
) -> Iterator[FileEvidence]:
    """Read files on Spark; what they show comes in their order, files of one header in one share as one.

    Raises SparkFailedError when Spark gives up, and what reading a file raises.
    """
    from conversion_failures import SPARK_ERRORS, spark_failure

    try:
        driver = spark.sparkContext
        share_modules(driver)
        shares = shares_in_order(sources, slots * _ROUNDS)
        read = partial(read_share, question, aws_region())
        answers: list[_Answer] = driver.parallelize(shares, len(shares)).map(read).collect()
    except SPARK_ERRORS as error:
        raise spark_failure(error) from None
    for answer in answers:
        if isinstance(answer, tuple):
            kind, text = answer
            raise NotCsvError(text) if kind == NotCsvError.__name__ else error_of_kind(kind, text)
        yield from answer


def shares_in_order(sources: Sequence[SourceFile], most: int) -> list[list[SourceFile]]:
    """Return at most so many shares of neighbouring files, about equally big as far as whole files allow."""
    limit = sum(source.size for source in sources) / most
    shares: list[list[SourceFile]] = [[]]
    weight = 0
    for source in sources:
        if shares[-1] and weight + source.size / 2 > limit and len(shares) < most:
            shares.append([])
            weight = 0
        shares[-1].append(source)
        weight += source.size
    return shares


def read_share(question: Question, region: str | None, sources: Sequence[SourceFile]) -> _Answer:
    """Read a share of the files in a worker of Spark."""
    # One thread: Spark runs as many tasks as there are cores.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    act_in_region(region)
    try:
        return fold(read_each(sources, question, READ_AT_ONCE))
    except REPORTED_ERRORS as error:
        return type(error).__name__, str(error)
