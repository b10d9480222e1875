"""`make demo`: the whole pipeline on real data, on this machine, with no AWS account.

Starts the local AWS, applies examples/local with the real provider, loads January, adds February, runs again with
nothing new, asks the view a question and checks its answer against the CSV files, then takes everything down. Any
deviation ends the demo with a sentence and a non-zero status. `build/demo/report.json` holds what was seen, and
`build/demo/report.html` shows it.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from local_aws import ExecutionResult, LocalAws, LocalAwsError
from local_aws.console import interrupt, say
from local_aws.errors import MACHINE_ERRORS, told
from local_aws.progress import run_watched
from local_aws.report_facts import definition_of, execution_facts, lake_facts
from local_aws.report_page import write_page
from scripts.flights_data import LOOKUPS, write_monthly_csvs

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "local"
FIRST_MONTH, SECOND_MONTH = "2013-01", "2013-02"
SAMPLE_QUERY = "SELECT * FROM carrier_delays LIMIT 5"
QUESTION = "SELECT carrier_name, flight_month, flights, mean_arrival_delay FROM carrier_delays ORDER BY 1, 2"
# The same question, asked of the CSV files by another engine.
CSV_QUESTION = """
    SELECT a.name, f.flight_month, count(*), avg(try_cast(f.arr_delay AS double))
    FROM read_csv('{flights}', all_varchar = true, header = true, hive_partitioning = true,
                  hive_types = {{'flight_month': varchar}}) AS f
    JOIN read_csv('{airlines}', all_varchar = true, header = true) AS a ON a.carrier = f.carrier
    GROUP BY 1, 2 ORDER BY 1, 2
"""


class DemoError(Exception):
    """Something the demo promises did not happen."""


class Demo:
    """The steps of the demo and what they have seen so far."""

    def __init__(self, directory: Path, port: int) -> None:
        self.data = directory / "data"
        self.report_file, self.page_file = directory / "report.json", directory / "report.html"
        self.aws = LocalAws(directory=directory / "aws", port=port)
        self.executions: list[dict[str, Any]] = []
        self.definition: dict[str, Any] | None = None
        self.lake: dict[str, Any] = {}
        self.problem = ""
        self.view_matches_csv = False
        self.plan_clean = False
        self.steps: list[tuple[str, float]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step and say how long it took."""
        say(f"\n== {title}")
        start = time.monotonic()
        yield
        self.steps.append((title, time.monotonic() - start))
        say(f"   done in {self.steps[-1][1]:.1f} s")

    def run(self) -> None:
        """Run every step up to the check of the plan."""
        with self.step("Cut the flights of 2013 into monthly CSV files"):
            shutil.rmtree(self.data, ignore_errors=True)
            months = write_monthly_csvs(self.data)
            say(f"   {sum(months.values()):,} flights in {len(months)} files, and the lookups {', '.join(LOOKUPS)}")
        with self.step("Start the local AWS"):
            self.aws.start()
            say(f"   answers at {self.aws.endpoint}, IAM is enforced")
        with self.step("terraform apply examples/local"):
            outputs = self.aws.apply(EXAMPLE)
            self.definition = definition_of(self.aws)
            say(f"   state machine {outputs['state_machine_arn']}")
        raw = f"s3://{outputs['raw_bucket']}"
        with self.step("Upload January and the lookups, execute: the first load"):
            for lookup in LOOKUPS:
                self.aws.put(self.data / lookup / f"{lookup}.csv", f"{raw}/{lookup}/{lookup}.csv")
            self.upload_month(raw, FIRST_MONTH)
            first = self.execute("first load")
            expect(first, "flights", status="loaded", units_inserted=1, rows_written=months[FIRST_MONTH])
            january = self.published_files(outputs["database_name"], [FIRST_MONTH])
        with self.step("Add February, execute: only February is inserted"):
            self.upload_month(raw, SECOND_MONTH)
            second = self.execute("increment")
            expect(second, "flights", status="loaded", units_inserted=1, units_replaced=0, units_kept=1)
            expect(second, "flights", rows_written=months[SECOND_MONTH])
            for lookup in LOOKUPS:
                expect(second, lookup, status="unchanged")
            both = self.published_files(outputs["database_name"], [FIRST_MONTH, SECOND_MONTH])
            if both[FIRST_MONTH] != january[FIRST_MONTH]:
                raise DemoError(f"January's files changed: {january[FIRST_MONTH]} became {both[FIRST_MONTH]}")
            say("   January was left untouched: same Location, same ETags")
        with self.step("Execute again: nothing is new"):
            third = self.execute("nothing new")
            if third.glue_runs != 0:
                raise DemoError(f"nothing was new, yet {third.glue_runs} Glue run(s) were started")
            say("   no Glue job was started")
        with self.step("Ask the view by Athena SQL and the CSV files by DuckDB"):
            self.compare_view_with_csv()
            self.lake = lake_facts(self.aws, ["flights", *LOOKUPS])
        with self.step("terraform plan: does the configuration still describe what is there?"):
            self.plan_clean = self.aws.plan_is_clean(EXAMPLE)
            if not self.plan_clean:
                raise DemoError("terraform plan -detailed-exitcode found changes after the executions")
            say("   no changes")

    def take_down(self) -> None:
        """Destroy what was applied and stop the local AWS."""
        with self.step("terraform destroy"):
            self.aws.destroy(EXAMPLE)
        with self.step("Stop the local AWS"):
            self.aws.stop()

    def upload_month(self, raw: str, month: str) -> None:
        """Upload the CSV file of one month."""
        key = f"flights/flight_month={month}/flights.csv"
        self.aws.put(self.data / key, f"{raw}/{key}")

    def execute(self, name: str) -> ExecutionResult:
        """Run the state machine, show its progress, keep its report."""
        result = run_watched(self.aws, margin="   ", say=say)
        self.executions.append(execution_facts(name, result))
        if result.status != "SUCCEEDED":
            raise DemoError(f"the execution '{name}' ended as {result.status}: {result.cause}")
        return result

    def published_files(self, database: str, months: list[str]) -> dict[str, tuple[str, dict[str, str]]]:
        """Return Location and ETags per month, after checking partitions, types and compression of flights."""
        glue, s3 = self.aws.client("glue"), self.aws.client("s3")
        table = glue.get_table(DatabaseName=database, Name="flights")["Table"]
        declared = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
        partitions = glue.get_partitions(DatabaseName=database, TableName="flights")["Partitions"]
        listed = sorted(partition["Values"][0] for partition in partitions)
        if listed != months:
            raise DemoError(f"the catalog lists the partitions {listed}, loaded were {months}")
        published = {}
        for partition in partitions:
            location = partition["StorageDescriptor"]["Location"]
            bucket, _, prefix = location.removeprefix("s3://").partition("/")
            objects = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
            published[partition["Values"][0]] = (location, {entry["Key"]: entry["ETag"] for entry in objects})
            for entry in objects:
                body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                check_parquet(body, declared, f"s3://{bucket}/{entry['Key']}")
        files = sum(len(etags) for _, etags in published.values())
        say(f"   checked: partitions {', '.join(listed)}; {files} Parquet file(s), SNAPPY, types as declared")
        return published

    def compare_view_with_csv(self) -> None:
        """Ask the view and the CSV files the same question and compare every figure."""
        from_view = self.aws.sql(QUESTION)
        loaded = [str(self.data / f"flights/flight_month={month}/*.csv") for month in (FIRST_MONTH, SECOND_MONTH)]
        airlines = self.data / "airlines" / "airlines.csv"
        with duckdb.connect() as csv_files:
            answers = [
                csv_files.execute(CSV_QUESTION.format(flights=pattern, airlines=airlines)).fetchall()
                for pattern in loaded
            ]
        expected = sorted(row for answer in answers for row in answer)
        print_table(from_view)
        if len(from_view) != len(expected) or not from_view:
            raise DemoError(f"the view has {len(from_view)} rows and the CSV files give {len(expected)}")
        for row, (carrier, month, flights, delay) in zip(from_view, expected, strict=True):
            same = (
                (row["carrier_name"], row["flight_month"]) == (carrier, month)
                and int(row["flights"] or -1) == flights
                and math.isclose(float(row["mean_arrival_delay"] or math.nan), delay, rel_tol=1e-9)
            )
            if not same:
                raise DemoError(f"the view says {row}, the CSV files say {(carrier, month, flights, delay)}")
        self.view_matches_csv = True
        say(f"   all {len(expected)} rows agree, {sum(row[2] for row in expected):,} flights counted")

    def write_report(self) -> None:
        """Write what was seen, also when the demo stopped half-way, and the page that shows it."""
        self.report_file.parent.mkdir(parents=True, exist_ok=True)
        checks = {
            "The view says what the CSV files say": self.view_matches_csv,
            "terraform plan finds nothing to change": self.plan_clean,
        }
        report = {
            "executions": self.executions,
            **self.lake,
            "view_matches_csv": self.view_matches_csv,
            "plan_clean": self.plan_clean,
            "checks": [{"title": title, "passed": passed} for title, passed in checks.items()],
            "problem": self.problem,
            "steps": [{"title": title, "seconds": round(seconds, 1)} for title, seconds in self.steps],
        }
        self.report_file.write_text(json.dumps(report, indent=2) + "\n")
        if self.definition is not None:
            write_page(self.page_file, f"Flights of {FIRST_MONTH} and {SECOND_MONTH}", report, self.definition)

    def summarise(self) -> None:
        """Print one line per execution."""
        say("\nSummary")
        for execution in self.executions:
            flights = execution["datasets"]["flights"]
            say(
                f"   {execution['name']:<12} {execution['status']:<10} {execution['glue_runs']} Glue run(s); flights: "
                f"{flights['units_inserted']} inserted, {flights['units_replaced']} replaced, "
                f"{flights['units_kept']} kept, {flights['rows_written']:,} rows written, "
                f"{flights['rows_quarantined']:,} quarantined"
            )
        say(f"   {len(self.steps)} steps in {sum(seconds for _, seconds in self.steps):.0f} s")
        say(f"   report: {shown(self.page_file)} (its figures: {shown(self.report_file)})")


def expect(result: ExecutionResult, dataset: str, **wanted: object) -> None:
    """Compare figures of a dataset's report with what has to be there."""
    report = result.output["datasets"][dataset]
    for name, value in wanted.items():
        if report[name] != value:
            raise DemoError(f"{dataset}: {name} should be {value!r} and is {report[name]!r}")


def check_parquet(body: bytes, declared: dict[str, str], uri: str) -> None:
    """Compare a Parquet file's own metadata with the catalog: Snappy throughout, and the declared types."""

    # What each declared type has to be in the file: https://docs.aws.amazon.com/athena/latest/ug/data-types.html
    arrow_types = {"string": "string", "int": "int32", "bigint": "int64", "double": "double"}
    arrow_types["timestamp"] = "timestamp[us, tz=UTC]"
    file = pq.ParquetFile(pa.BufferReader(body))
    columns = {field.name: str(field.type) for field in file.schema_arrow}
    wanted = {name: arrow_types[type_name] for name, type_name in declared.items()}
    if columns != wanted:
        raise DemoError(f"{uri} holds {columns}, declared is {wanted}")
    groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
    codecs = {group.column(index).compression for group in groups for index in range(group.num_columns)}
    if codecs != {"SNAPPY"}:
        raise DemoError(f"{uri} is compressed with {sorted(codecs)}, not with SNAPPY")


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows as aligned columns."""
    names = list(rows[0]) if rows else []
    texts = [names] + [[str(row[name]) for name in names] for row in rows]
    widths = [max(len(line[index]) for line in texts) for index in range(len(names))]
    for line in texts:
        say("   " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def shown(path: Path) -> Path:
    """Return a path as a person in the project's folder would write it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def main() -> int:
    """Run the demo; return 0 only when every promise held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=4566, help="the port of the local AWS")
    parser.add_argument("--keep", action="store_true", help="leave everything running for queries")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "demo", help="where data and report go")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    demo = Demo(arguments.directory.resolve(), arguments.port)
    try:
        finished = attempt(demo, keep=arguments.keep)
    except OSError as error:
        say(f"\ndemo: {told(error)}")
        return 1
    if not finished:
        return 1
    demo.summarise()
    if arguments.keep:
        command = f".venv/bin/python -m local_aws --directory {shown(arguments.directory.resolve() / 'aws')}"
        say("\nStill running. To query it and to stop it:")
        say(f'   {command} sql "{SAMPLE_QUERY}"')
        say(f"   {command} down")
    return 0


def attempt(demo: Demo, keep: bool) -> bool:
    """Run the demo and leave nothing running unless told to; return whether it came to its end."""
    finished = False
    try:
        demo.run()
        if not keep:
            demo.take_down()
        finished = True
    except (DemoError, LocalAwsError) as error:
        demo.problem = str(error)
        say(f"\ndemo: {error}")
    except MACHINE_ERRORS as error:
        demo.problem = told(error)
        say(f"\ndemo: {demo.problem}")
    except KeyboardInterrupt:
        demo.problem = "interrupted"
        say("\ndemo: interrupted")
    finally:
        if not (finished and keep):
            demo.aws.stop()
        demo.write_report()
    return finished


if __name__ == "__main__":
    sys.exit(main())
