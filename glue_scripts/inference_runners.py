"""Reading files to their ends on Spark, to infer columns from them: each worker reads whole files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from conversion_errors import REPORTED_ERRORS, error_of_kind
from conversion_plan import even_groups
from conversion_spark import collect, use_one_thread
from inference import READ_AT_ONCE, read_each
from inference_reading import FileEvidence, Question, fold
from sources import SourceFile
from storage import act_in_region, aws_region

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Shares for each slot, so that one with a big file does not keep the others waiting.
_ROUNDS = 4


def read_on_spark(
    spark: SparkSession, slots: int, sources: Sequence[SourceFile], question: Question
) -> Iterator[FileEvidence]:
    """Read files on Spark; what they show comes in their order, files of one header in one share as one.

    Raises SparkFailedError when Spark gives up, and what reading a file raises.
    """
    shares = shares_in_order(sources, slots * _ROUNDS)
    for answer in collect(spark, shares, partial(read_share, question, aws_region())):
        if isinstance(answer, tuple):
            raise error_of_kind(*answer)
        yield answer


def shares_in_order(sources: Sequence[SourceFile], most: int) -> list[list[SourceFile]]:
    """Return at most so many shares of neighbouring files, about equally big as far as whole files allow."""
    return list(even_groups(sources, [source.size for source in sources], most))


def read_share(
    question: Question, region: str | None, sources: Sequence[SourceFile]
) -> Sequence[FileEvidence | tuple[str, str]]:
    """Read a share of the files in a worker of Spark; return what they show, or kind and text of what it ended with."""
    use_one_thread()
    act_in_region(region)
    try:
        return fold(read_each(sources, question, READ_AT_ONCE))
    except REPORTED_ERRORS as error:
        return [(type(error).__name__, str(error))]
