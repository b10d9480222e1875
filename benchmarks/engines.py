"""One conversion by one engine in a process of its own: `python -m benchmarks.engines ENGINE RAW OUT [--types JSON]`.

Every engine turns `RAW/month=…/*.csv` into typed Snappy Parquet in `OUT/month=…/` with two threads, and prints one
JSON line: the seconds of the conversion alone, without imports and session start, and the version.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.taxi_data import COLUMNS

THREADS = 2
SPARK_TYPES = {"int": "int", "double": "double", "string": "string", "timestamp": "timestamp"}


def spark_session() -> Any:
    """Return a session with as many task slots as the other engines have threads."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{THREADS}]").appName("benchmark")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "3g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _spark_infer(raw: str, out: str, types: dict[str, str]) -> tuple[float, str]:
    return _spark_inferring(raw, out, one_file=False)


def _spark_infer_coalesce(raw: str, out: str, types: dict[str, str]) -> tuple[float, str]:
    return _spark_inferring(raw, out, one_file=True)


def _spark_inferring(raw: str, out: str, *, one_file: bool) -> tuple[float, str]:
    spark = spark_session()
    begin = time.perf_counter()
    frame = spark.read.csv(raw, header=True, inferSchema=True)
    frame = frame.coalesce(1) if one_file else frame
    frame.write.partitionBy("month").parquet(out, mode="overwrite")
    return time.perf_counter() - begin, f"pyspark {spark.version}"


def _spark_tuned(raw: str, out: str, types: dict[str, str]) -> tuple[float, str]:
    spark = spark_session()
    begin = time.perf_counter()
    ddl = ", ".join(f"{name} {SPARK_TYPES[kind]}" for name, kind in types.items())
    reader = spark.read.schema(f"{ddl}, month string, _corrupt string")
    frame = reader.csv(
        raw, header=True, mode="PERMISSIVE", columnNameOfCorruptRecord="_corrupt",
        timestampFormat="yyyy-MM-dd HH:mm:ss",
    )  # fmt: skip
    good = frame.filter("_corrupt is null").drop("_corrupt")
    good.write.partitionBy("month").parquet(out, mode="overwrite")
    return time.perf_counter() - begin, f"pyspark {spark.version}"


def engine_work(raw: str, out: str, types: dict[str, str]) -> tuple[Any, list[Any]]:
    """Return the contract of the trips, and the units of a folder or prefix, as the job would convert them."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "glue_scripts"))
    from contract import parse_contract
    from conversion_plan import UnitWork
    from sources import SourceFile
    from storage import open_storage

    contract = parse_contract(
        {
            "dataset": "trips",
            "source_uri": raw,
            "lake_uri": out,
            "columns": [{"name": name, "type": kind} for name, kind in types.items()],
            "partition_keys": [{"name": "month"}],
            "max_bad_fraction": 0.2,
        }
    )
    months: dict[str, list[SourceFile]] = {}
    for item in open_storage(raw).list(f"{raw}/"):
        if item.key.endswith(".csv"):
            months.setdefault(item.uri.split("/")[-2], []).append(SourceFile(item.uri, item.key, item.size, item.etag))
    work = [
        UnitWork((name.removeprefix("month="),), tuple(files), f"{out}/{name}/", f"{out}-quarantine/{name}/")
        for name, files in months.items()
    ]
    return contract, work


def _ours(raw: str, out: str, types: dict[str, str], driver_slots: int = THREADS) -> tuple[float, str]:
    contract, work = engine_work(raw, out, types)
    from conversion import convert_units

    spark = spark_session()
    begin = time.perf_counter()
    convert_units(spark, contract, work, run_id="benchmark", driver_slots=driver_slots)
    return time.perf_counter() - begin, f"pyspark {spark.version}"


def _duckdb(raw: str, out: str, types: dict[str, str]) -> tuple[float, str]:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    columns = json.dumps({name: kind.upper() for name, kind in types.items()}).replace('"', "'")
    begin = time.perf_counter()
    for folder in sorted(Path(raw).glob("month=*")):
        target = Path(out) / folder.name
        target.mkdir(parents=True, exist_ok=True)
        connection.execute(
            f"COPY (SELECT * FROM read_csv('{folder}/*.csv', header = true, columns = {columns})) "  # noqa: S608
            f"TO '{target}/part.parquet' (FORMAT parquet, COMPRESSION snappy)"
        )
    return time.perf_counter() - begin, f"duckdb {duckdb.__version__}"


def _polars(raw: str, out: str, types: dict[str, str]) -> tuple[float, str]:
    polars: Any = importlib.import_module("polars")

    kinds = {"int": polars.Int32, "double": polars.Float64, "string": polars.String, "timestamp": polars.Datetime("us")}
    begin = time.perf_counter()
    for folder in sorted(Path(raw).glob("month=*")):
        target = Path(out) / folder.name
        target.mkdir(parents=True, exist_ok=True)
        schema: Any = {name: kinds[kind] for name, kind in types.items()}
        frame = polars.scan_csv(f"{folder}/*.csv", schema=schema)
        frame.sink_parquet(target / "part.parquet", compression="snappy")
    return time.perf_counter() - begin, f"polars {polars.__version__}"


def _pyarrow(raw: str, out: str, types: dict[str, str]) -> tuple[float, str]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as pq

    pa.set_cpu_count(THREADS)
    kinds = {"int": pa.int32(), "double": pa.float64(), "string": pa.string(), "timestamp": pa.timestamp("us")}
    options = arrow_csv.ConvertOptions(column_types={name: kinds[kind] for name, kind in types.items()})
    begin = time.perf_counter()
    for folder in sorted(Path(raw).glob("month=*")):
        target = Path(out) / folder.name
        target.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.csv"):
            table = arrow_csv.read_csv(file, convert_options=options)
            pq.write_table(table, target / f"{file.stem}.parquet", compression="snappy")
    return time.perf_counter() - begin, f"pyarrow {pa.__version__}"


Engine = Callable[[str, str, dict[str, str]], tuple[float, str]]
ENGINES: dict[str, Engine] = {
    "this job": _ours,
    "spark inferSchema": _spark_infer,
    "spark inferSchema coalesce(1)": _spark_infer_coalesce,
    "spark tuned": _spark_tuned,
    "duckdb": _duckdb,
    "polars": _polars,
    "pyarrow": _pyarrow,
    # As with spark_from_mb = 0, and as most of the tasks of a cluster.
    "this job, all on Spark": partial(_ours, driver_slots=0),
}


def main() -> None:
    """Run one engine and print its result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("raw")
    parser.add_argument("out")
    parser.add_argument("--types", type=json.loads, default={})
    arguments = parser.parse_args()
    seconds, version = ENGINES[arguments.engine](arguments.raw, arguments.out, {**COLUMNS, **arguments.types})
    sys.stdout.write(json.dumps({"seconds": seconds, "version": version}) + "\n")


if __name__ == "__main__":
    main()
