"""`python -m benchmarks.shapes`: ten shapes of CSV, this job against DuckDB and Polars, in one run and in turn.

Each shape is measured at two sizes, of the whole process: what the *additional* megabytes cost is free of start-up. One
shape is on disk at a time. "this job" converts in threads of the driver, for Spark has no more cores than those here;
"all on Spark" leaves everything to Spark's workers. Row counts and checksums of all engines must agree. The seconds
are left in build/benchmarks/shapes.json, and by `--record` in benchmarks/measured/shapes.json as well, from which
`make docs` writes table and picture of docs/benchmarks.md. Never a test.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.conversion import FOLDER, say, table
from benchmarks.measuring import OURS, BenchmarkError, Measured, measure
from benchmarks.shapes_data import SHAPES, WIDE_COLUMNS, Shape, generate

ON_SPARK, DUCKDB, POLARS = "this job, all on Spark", "duckdb", "polars"
ENGINES = (OURS, ON_SPARK, DUCKDB, POLARS)
RECORD = Path("benchmarks/measured/shapes.json")


def content(shape: Shape, out: Path) -> tuple[object, ...]:
    """Return count and checksums that all engines' files must agree on."""
    if len(shape.columns) == WIDE_COLUMNS:
        sums = "sum(CAST(round(c000 * 1000) AS BIGINT)), sum(CAST(round(c199 * 1000) AS BIGINT))"
    else:
        sums = (
            "sum(id), sum(epoch_us(moment) // 1000000), sum(CAST(amount * 100 AS BIGINT)), sum(length(title)), "
            "sum(hash(title) % 1000003), sum(hash(remark) % 1000003), sum(CAST(paid AS INT))"
        )
    with duckdb.connect(config={"threads": 2}) as connection:
        row = connection.execute(f"SELECT count(*), {sums} FROM read_parquet('{out}/**/*.parquet')").fetchone()  # noqa: S608
    return tuple(row or ())


def can(engine: str, shape: Shape) -> bool:
    """Say whether an engine reads a shape as it is."""
    if engine == POLARS:
        plain = shape.encoding == "utf-8" and not shape.compressed and shape.timestamp_format is None
        return plain and importlib.util.find_spec("polars") is not None
    return True


def measure_shape(name: str, megabytes: int, repeats: int, engines: list[str]) -> dict[str, Measured]:
    """Write a shape, run the engines in turn, remove it; return the best run of each."""
    shape = SHAPES[name]
    raw = generate(shape, FOLDER / "shape", megabytes)
    found: dict[str, Measured] = {}
    for _ in range(repeats):
        for engine in [engine for engine in engines if can(engine, shape)]:
            run = measure(
                engine,
                raw,
                FOLDER / "out",
                {"shape": name},
                module="benchmarks.shapes_engines",
                content=partial(content, shape),
            )
            times = f"{run.seconds:.1f} s, whole process {run.process_seconds:.1f} s"
            say(f"{shape.title}, {megabytes} MB, {engine}: {times}")
            if engine not in found or run.process_seconds < found[engine].process_seconds:
                found[engine] = run
    shutil.rmtree(raw)
    contents = {engine: run.content for engine, run in found.items()}
    if len(set(contents.values())) > 1:
        raise BenchmarkError(f"{shape.title}: the engines disagree about the content: {contents}")
    return found


def ratio(small: dict[str, Measured], big: dict[str, Measured] | None, engine: str) -> str:
    """Return DuckDB's seconds over an engine's: of the conversion, or of what the additional megabytes cost."""
    if engine not in small or DUCKDB not in small:
        return ""
    if big is None:
        return f"{small[DUCKDB].seconds / small[engine].seconds:.2f}"
    more = {name: big[name].process_seconds - small[name].process_seconds for name in (DUCKDB, engine)}
    return f"{more[DUCKDB] / more[engine]:.2f}"


def recorded(
    few: int, many: int, found: dict[str, tuple[dict[str, Measured], dict[str, Measured]]]
) -> dict[str, object]:
    """Return what was measured as a document: for each shape and engine the seconds at both sizes.

    "conversion" is the conversion alone, without imports and the start of a session, "process" the whole process.
    """
    shapes = []
    for name, sizes in found.items():
        engines = {
            engine: [
                {"conversion": round(of[engine].seconds, 2), "process": round(of[engine].process_seconds, 2)}
                for of in sizes
            ]
            for engine in sizes[0]
        }
        shapes.append({"shape": SHAPES[name].title, "engines": engines})
    return {"measured": date.today().isoformat(), "megabytes": [few, many], "shapes": shapes}


def main() -> None:
    """Measure the chosen shapes and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, nargs=2, default=[400, 1600])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--record", action="store_true", help=f"keep the seconds in {RECORD}")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    few, many = arguments.megabytes
    rows = []
    found = {}
    for name in arguments.shapes:
        small, big = (measure_shape(name, size, arguments.repeats, arguments.engines) for size in (few, many))
        found[name] = (small, big)
        for place in [FOLDER / RECORD.name, *([RECORD] if arguments.record else [])]:
            place.parent.mkdir(exist_ok=True)
            place.write_text(json.dumps(recorded(few, many, found), indent=2) + "\n")
        rows.append(
            [
                SHAPES[name].title,
                ratio(small, None, OURS),
                ratio(small, big, OURS),
                ratio(small, None, ON_SPARK),
                ratio(small, big, ON_SPARK),
                ratio(small, big, POLARS),
            ]
        )
    say("\nDuckDB's seconds over an engine's: above 1, the engine is faster. What more costs is of whole processes.\n")
    table(
        [
            "shape",
            f"{few} MB",
            f"{many - few} MB more",
            f"all on Spark, {few} MB",
            f"{many - few} MB more",
            f"Polars, {many - few} MB more",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
