"""One conversion of one shape in a process: `python -m benchmarks.shapes_engines ENGINE RAW OUT --types JSON`.

`RAW` is the folder of a shape that benchmarks/shapes_data.py has written and `--types` holds its name. Prints one JSON
line like benchmarks/engines.py, whose sessions it uses.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.engines import THREADS, spark_session
from benchmarks.shapes_data import SHAPES, Shape


def _work(shape: Shape, raw: Path, out: Path) -> tuple[Any, list[Any]]:
    sys.path.insert(0, str(Path(__file__).parent.parent / "glue_scripts"))
    from contract import parse_contract
    from conversion_plan import UnitWork
    from sources import SourceFile
    from storage import open_storage

    csv: dict[str, Any] = {"delimiter": shape.delimiter, "encoding": shape.encoding}
    if shape.timestamp_format:
        csv["timestamp_format"] = shape.timestamp_format
    contract = parse_contract(
        {
            "dataset": "shape",
            "source_uri": str(raw),
            "lake_uri": str(out),
            "columns": [{"name": name, "type": kind} for name, kind in shape.columns.items()],
            "csv": csv,
        }
    )
    listed = open_storage(str(raw)).list(f"{raw}/")
    sources = tuple(SourceFile(item.uri, item.key, item.size, item.etag) for item in listed)
    return contract, [UnitWork((), sources, f"{out}/", f"{out}-quarantine/")]


def _ours(shape: Shape, raw: Path, out: Path, driver_slots: int = THREADS) -> float:
    contract, work = _work(shape, raw, out)
    from conversion import convert_units

    spark = spark_session()
    begin = time.perf_counter()
    convert_units(spark, contract, work, run_id="benchmark", driver_slots=driver_slots)
    return time.perf_counter() - begin


def _duckdb(shape: Shape, raw: Path, out: Path) -> float:
    import duckdb

    out.mkdir(parents=True)
    connection = duckdb.connect(config={"threads": THREADS})
    columns = json.dumps({name: kind.upper() for name, kind in shape.columns.items()}).replace('"', "'")
    options = f"header = true, columns = {columns}, delim = '{shape.delimiter}', quote = '\"', escape = '\"'"
    if shape.timestamp_format:
        options += f", timestampformat = '{shape.timestamp_format}'"
    if shape.encoding != "utf-8":
        options += f", encoding = '{shape.encoding}'"
    begin = time.perf_counter()
    connection.execute(
        f"COPY (SELECT * FROM read_csv('{raw}/*', {options})) "  # noqa: S608 - the paths are our own
        f"TO '{out}/part.parquet' (FORMAT parquet, COMPRESSION snappy)"
    )
    return time.perf_counter() - begin


def _polars(shape: Shape, raw: Path, out: Path) -> float:
    polars: Any = importlib.import_module("polars")

    kinds = {
        "bigint": polars.Int64,
        "timestamp": polars.Datetime("us"),
        "decimal(12,2)": polars.Decimal(12, 2),
        "string": polars.String,
        "boolean": polars.Boolean,
        "double": polars.Float64,
    }
    out.mkdir(parents=True)
    begin = time.perf_counter()
    frame = polars.scan_csv(
        f"{raw}/*", schema={name: kinds[kind] for name, kind in shape.columns.items()}, separator=shape.delimiter
    )
    frame.sink_parquet(out / "part.parquet", compression="snappy")
    return time.perf_counter() - begin


ENGINES: dict[str, Callable[[Shape, Path, Path], float]] = {
    "this job": _ours,
    "this job, all on Spark": partial(_ours, driver_slots=0),
    "duckdb": _duckdb,
    "polars": _polars,
}


def main() -> None:
    """Run one engine and print its result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--types", type=json.loads)
    arguments = parser.parse_args()
    seconds = ENGINES[arguments.engine](SHAPES[arguments.types["shape"]], arguments.raw, arguments.out)
    sys.stdout.write(json.dumps({"seconds": seconds, "version": ""}) + "\n")


if __name__ == "__main__":
    main()
