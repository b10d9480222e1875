"""The engine on Spark, and what Spark reads back from its Parquet files."""

from __future__ import annotations

import importlib
import sys
import zipfile
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession

from contract import CsvOptions
from conversion import convert_units
from conversion_errors import UnterminatedQuoteError
from conversion_plan import REQUEST_BYTES, Settings, Task, plan_tasks
from conversion_spark import LEAST_SHARE_BYTES, SHARE_BYTES, on_spark, run_share, shares_of
from conversion_task import PartReport, TaskContext
from csv_dialect import dialect_of
from inference import infer
from inference_dialect import NotCsvError
from inference_runners import read_on_spark, shares_in_order
from tests.unit.engine.helpers import a_contract, a_unit, columns, convert

EVERY_TYPE = columns(
    s="string", b="boolean", i="int", l="bigint", f="float", d="double", n="decimal(12,3)", day="date", t="timestamp"
)
DATA = (
    b"s,b,i,l,f,d,n,day,t\n"
    b'x,true,1,9223372036854775807,0.5,0.1,123456789.125,2020-02-29,2020-02-29 23:59:59.123456\n'
    b'"",no,-1,-1,1e3,NaN,-0.001,1500-01-01,1500-01-01 00:00:00\n'
    b",,,,,,,,\n"
    b'"two\nlines",1,0,0,0,0,0,9999-12-31,2020-01-01T02:00:00+02:00\n'
)  # fmt: skip


def it_gives_spark_exactly_the_declared_rows(spark: SparkSession, tmp_path: Path) -> None:
    unit = a_unit(tmp_path, {"a.csv": DATA})
    convert_units(spark, a_contract(tmp_path, EVERY_TYPE), [unit], run_id="r1")
    schema = "s string, b boolean, i int, l bigint, f float, d double, n decimal(12,3), day date, t timestamp"
    utc = timezone.utc
    expected = [
        ("x", True, 1, 2**63 - 1, 0.5, 0.1, Decimal("123456789.125"), date(2020, 2, 29),
         datetime(2020, 2, 29, 23, 59, 59, 123456, utc)),
        ("", False, -1, -1, 1000.0, float("nan"), Decimal("-0.001"), date(1500, 1, 1),
         datetime(1500, 1, 1, tzinfo=utc)),
        (None,) * 9,
        ("two\nlines", True, 0, 0, 0.0, 0.0, Decimal("0.000"), date(9999, 12, 31), datetime(2020, 1, 1, tzinfo=utc)),
    ]  # fmt: skip
    found = spark.read.parquet(unit.data_uri)
    assert_df_equality(found, spark.createDataFrame(expected, schema), allow_nan_equality=True)


def it_writes_snappy_with_utc_microseconds_and_never_int96(spark: SparkSession, tmp_path: Path) -> None:
    unit = a_unit(tmp_path, {"a.csv": DATA})
    (result,) = convert_units(spark, a_contract(tmp_path, EVERY_TYPE), [unit], run_id="r1")
    metadata = pq.read_metadata(result.files[0].uri)
    group = metadata.row_group(0)
    assert {group.column(place).compression for place in range(group.num_columns)} == {"SNAPPY"}
    types = {group.column(place).path_in_schema: group.column(place).physical_type for place in range(9)}
    assert types["t"] == "INT64"
    assert "timeUnit=microseconds" in str(metadata.schema.column(8).logical_type)
    assert "isAdjustedToUTC=true" in str(metadata.schema.column(8).logical_type)


def it_accounts_for_every_part(spark: SparkSession, tmp_path: Path) -> None:
    data = b"a,b\n1,x\n2,y\nz,z\n4,w\n"
    unit = a_unit(tmp_path, {"a.csv": data, "b.csv": b"b\n", "c.csv": b""})
    contract = a_contract(tmp_path, columns(a="int", b="string"), schema_drift="ignore")
    context = TaskContext(contract, Settings(split_bytes=10, whole_bytes=15), "r1")
    tasks = plan_tasks([unit], dialect_of(contract), context.settings, 128, 2)
    found = on_spark(spark, 2)(context, tasks)

    def counts(report: PartReport) -> tuple[int, ...]:
        return report.start, report.end, report.lines, report.rows_read, report.rows_written, report.rows_quarantined

    assert sorted((report.source_number, *counts(report)) for report in found) == [
        (0, 4, 12, 3, 2, 2, 0),
        (0, 12, 20, 2, 2, 1, 1),
        (1, 2, 2, 1, 0, 0, 0),
        (2, 0, 0, 0, 0, 0, 0),
    ]


def it_starts_no_spark_job_without_tasks(spark: SparkSession, tmp_path: Path) -> None:
    spark.sparkContext.setJobGroup("no tasks", "nothing to convert")
    assert list(on_spark(spark, 2)(TaskContext(a_contract(tmp_path, columns(a="int")), Settings(), "r1"), [])) == []
    assert list(spark.sparkContext.statusTracker().getJobIdsForGroup("no tasks")) == []


def shared_out(weights: list[int], slots: int) -> list[list[int]]:
    tasks = [Task("data/", "bad/", f"part-{number}", (), weight) for number, weight in enumerate(weights)]
    shares = shares_of(tasks, slots)
    assert [task for share in shares for task in share] == tasks
    return [[task.weight for task in share] for share in shares]


@pytest.mark.parametrize(
    ("weights", "slots", "sizes"),
    [
        pytest.param([], 2, [], id="none"),
        pytest.param([7], 2, [1], id="one"),
        pytest.param([LEAST_SHARE_BYTES] * 12, 2, [4, 3, 2, 1, 1, 1], id="equal"),
        pytest.param([LEAST_SHARE_BYTES] * 3, 40, [1, 1, 1], id="more slots than tasks"),
        pytest.param([18 * LEAST_SHARE_BYTES, LEAST_SHARE_BYTES, LEAST_SHARE_BYTES], 1, [1, 2], id="one heavy"),
        pytest.param([LEAST_SHARE_BYTES // 4] * 12, 40, [4, 4, 4], id="too little for more executors"),
        pytest.param([SHARE_BYTES // 2] * 20, 2, [2] * 9 + [1] * 2, id="big"),
    ],
)
def it_shares_tasks_out_in_ever_smaller_shares(weights: list[int], slots: int, sizes: list[int]) -> None:
    assert [len(share) for share in shared_out(weights, slots)] == sizes


def it_gives_spark_few_tasks_for_ten_thousand_small_partitions() -> None:
    task = 10_240 + 2 * REQUEST_BYTES
    assert len(shared_out([task] * 10_000, 2)) < 80
    # And many enough for a cluster of 36 slots, at each of which less than a thirtieth of its work is left at the end.
    shares = shared_out([task] * 10_000, 36)
    assert 72 <= len(shares) < 400
    assert sum(shares[-1]) < 10_000 * task / 36 / 30


def it_leaves_no_archive_for_pyspark_to_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as modules:
        modules.writestr("zipped_before.py", "")
        modules.writestr("zipped_after.py", "")
    monkeypatch.syspath_prepend(str(archive))
    importlib.import_module("zipped_before")
    assert str(archive) in sys.path_importer_cache
    assert list(run_share(TaskContext(a_contract(tmp_path, columns(a="int")), Settings(), "r1"), [])) == []
    assert str(archive) not in sys.path_importer_cache
    importlib.import_module("zipped_after")


@pytest.mark.parametrize("split", [30, 1 << 20])
def it_gives_the_same_on_spark_as_in_one_process(spark: SparkSession, split: int) -> None:
    data = b"a,b\n" + b"".join(b'%d,"x\n%d"\n' % (n, n) if n % 7 else b"?,%d\n" % n for n in range(60))
    declared = columns(a="int", b="string")
    alone = convert(data, declared, split=split, window=16)
    on_spark = convert(data, declared, split=split, window=16, spark=spark)
    assert (on_spark.rows, on_spark.bad) == (alone.rows, alone.bad)
    assert len(on_spark.bad) == 9


def it_brings_an_error_of_the_data_back_from_a_worker(spark: SparkSession) -> None:
    with pytest.raises(UnterminatedQuoteError, match=r"a\.csv, line 3:"):
        convert(b'a,b\n1,x\n2,"y\n', columns(a="int", b="string"), spark=spark)


def it_lets_spark_see_the_quarantine(spark: SparkSession, tmp_path: Path) -> None:
    unit = a_unit(tmp_path, {"a.csv": b"a\n1\nx\n3\n"})
    convert_units(spark, a_contract(tmp_path, columns(a="int")), [unit], run_id="r7")
    expected = spark.createDataFrame(
        [("a.csv", 3, "not of type int", "a", "x", "r7")],
        "source_file string, line_number bigint, reason string, column_name string, raw_text string, run_id string",
    )
    assert_df_equality(spark.read.parquet(unit.quarantine_uri), expected)


def it_reads_files_on_spark_as_in_one_process(spark: SparkSession, tmp_path: Path) -> None:
    files = {f"{place}.csv": b"a,b\n%d,x\n" % place for place in range(30)} | {"30.csv": b"A,b,c\n30.5,00501,\n"}
    sources = a_unit(tmp_path, files).sources
    here = infer(sources, CsvOptions())
    there = infer(sources, CsvOptions(), read=partial(read_on_spark, spark, 2))
    assert here == there
    assert [column.type for column in there.columns] == ["decimal(9,1)", "string", "string"]


def it_raises_what_reading_a_file_on_spark_raised(spark: SparkSession, tmp_path: Path) -> None:
    sources = a_unit(tmp_path, {"a.csv": b"a\n1\n", "b.csv": b'a\n"1\n'}).sources
    with pytest.raises(UnterminatedQuoteError, match=r"b\.csv, line 2"):
        infer(sources, CsvOptions(), read=partial(read_on_spark, spark, 2))
    sources = a_unit(tmp_path / "others", {"a.csv": b"a\n1\n", "b.csv": b"%PDF-1.7\n"}).sources
    with pytest.raises(NotCsvError, match=r"b\.csv is no CSV file but a PDF document"):
        infer(sources, CsvOptions(), read=partial(read_on_spark, spark, 2))


@pytest.mark.parametrize("most", [1, 3, 100])
def it_shares_files_out_in_their_order(most: int, tmp_path: Path) -> None:
    sources = a_unit(
        tmp_path, {f"{place:02}.csv": b"x" * size for place, size in enumerate([9, 1, 1, 50, 0, 7, 7])}
    ).sources
    shares = shares_in_order(sources, most)
    assert [source for share in shares for source in share] == list(sources)
    assert all(shares)
    assert len(shares) <= most
    assert len(shares) > 1 or most == 1
