"""Each path through the state machine, executed: states visited, Glue runs started, and what the tables hold then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local_aws.__main__ import main
from local_aws.report_facts import execution_facts
from tests.e2e.conftest import FIRST_FILES, TABLES, Pipeline, Rows, until
from tests.report_pages import ReadPage, check_figures

IDLE = [
    "Read dataset contract",
    "Check raw table",
    "Check Parquet table",
    "Check quarantine table",
    "Check S3 for new data",
    "New data?",
    "Nothing new",
]
INCREMENT = [
    *IDLE[:-1],
    "Insert only new data",
    "Job succeeded?",
    "Read job report",
    "Only planned?",
    "Read loaded table",
]
FIRST = [
    "Read dataset contract",
    "Check raw table",
    "How to create the raw table?",
    "Create raw table",
    "Check Parquet table",
    "Create the Parquet table?",
    "Create Parquet table",
    "Check quarantine table",
    "Create the quarantine table?",
    "Create quarantine table",
    "Check S3 for new data",
    "New data?",
    "Convert to Parquet with Snappy",
    "Job succeeded?",
    "Read job report",
    "Only planned?",
    "Read loaded table",
]
CRAWL = ["Start crawler", "Wait for crawler", "Check crawler", "Crawler finished?", "Read crawled table"]
JANUARY = "orders/month=2024-01/a.csv"
SALES = "SELECT region, month, amount FROM sales"
VIEWS = ["v_orders", "v_products", "v_regions", "sales"]
# What creates a dataset's raw, Parquet and quarantine table, with declared columns and without.
CREATES = [
    ("Create raw table", "Start crawler"),
    ("Create Parquet table", "Create Parquet table"),
    ("Create quarantine table", "Create quarantine table"),
]
# The execution's own twelve states, seven for each of three datasets, four for each of four views.
IDLE_TRANSITIONS = 12 + 3 * 7 + 4 * 4


def tables_of(dataset: str) -> list[str]:
    return [f"raw_{dataset}", dataset, f"{dataset}_quarantine"]


def units(report: dict[str, Any]) -> tuple[int, int, int, int]:
    names = ("units_inserted", "units_replaced", "units_removed", "units_kept")
    inserted, replaced, removed, kept = (report[name] for name in names)
    return inserted, replaced, removed, kept


def answers(pipeline: Pipeline) -> dict[str, Rows]:
    """What every table and view of the database answers; of bad rows without the run that found them."""
    found = {}
    for name in [table for dataset in TABLES for table in tables_of(dataset)] + VIEWS:
        columns = "source_file, line_number, reason, raw_text" if name.endswith("_quarantine") else "*"
        found[name] = pipeline.rows(f"SELECT {columns} FROM {name}")  # noqa: S608 - names of this file
    assert all(found[name] for name in (*TABLES, *VIEWS, "orders_quarantine"))
    return found


def put_empty_objects(pipeline: Pipeline, keys: list[str]) -> None:
    s3, bucket = pipeline.aws.client("s3"), pipeline.outputs["raw_bucket"]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b""), keys))


def remove_objects(pipeline: Pipeline, keys: list[str]) -> None:
    for first in range(0, len(keys), 1000):
        listed = [{"Key": key} for key in keys[first : first + 1000]]
        pipeline.aws.client("s3").delete_objects(Bucket=pipeline.outputs["raw_bucket"], Delete={"Objects": listed})


def it_creates_and_loads_everything_at_first(loaded: Pipeline) -> None:
    first = loaded.load()
    assert first.visited("orders") == first.visited("regions") == FIRST
    # Polls may repeat the wait for the crawler; each state once is the path.
    crawled = list(dict.fromkeys(first.visited("products")))
    assert crawled == [*FIRST[:3], *CRAWL, *FIRST[4:]]
    assert first.glue_runs == 3
    assert {view["status"] for view in first.output["views"]} == {"created"}
    assert [view["name"] for view in first.output["views"]] == VIEWS
    loaded.check_tables()
    assert loaded.rows(SALES) == [("North", "2024-01", "40"), ("South, far", "2024-02", "40")]


def it_shows_bad_rows_in_the_quarantine_table(loaded: Pipeline) -> None:
    quarantine = loaded.rows("SELECT source_file, line_number, column_name, raw_text, month FROM orders_quarantine")
    assert quarantine == [(JANUARY, "3", "amount", "2,2,ten", "2024-01")]
    assert loaded.load().output["datasets"]["orders"]["rows_quarantined"] == 1


def it_starts_no_glue_run_when_nothing_is_new(loaded: Pipeline) -> None:
    result = loaded.succeed()
    assert result.glue_runs == 0
    for dataset in TABLES:
        assert result.visited(dataset) == IDLE
        assert result.output["datasets"][dataset]["status"] == "unchanged"
        assert result.output["datasets"][dataset]["verified"] is False
        assert result.output["datasets"][dataset]["units_kept"] == (2 if dataset == "orders" else 1)
    assert {view["status"] for view in result.output["views"]} == {"unchanged"}
    assert result.output["removed"] == {"status": "none", "kept": [], "dropped": []}
    assert len(result.states) <= IDLE_TRANSITIONS


def it_writes_the_report_of_an_execution_as_a_page(
    loaded: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new" / "report.html"
    assert main(["--directory", str(loaded.aws.settings.directory), "run", "--report", str(file)]) == 0
    assert capsys.readouterr().err == f"report: {file}\n"
    page = ReadPage(file.read_text())
    check_figures(page.figures, page.held)
    assert [execution["status"] for execution in page.held["executions"]] == ["SUCCEEDED"]
    assert {name: page.figures[f"sizes.{name}.csv_bytes"] for name in TABLES} == {
        name: f"{sum(len(text) for key, text in loaded.files.items() if key.startswith(f'{name}/'))} B"
        for name in TABLES
    }
    assert page.figures["bad_rows.orders.count"] == "1"
    assert "2,2,ten" in page.cells()


def it_adds_corrects_and_removes_partition_by_partition(loaded: Pipeline) -> None:
    march, late = "orders/month=2024-03/a.csv", "orders/month=2024-02/late.csv"
    loaded.upload(march, "order_id,region_id,amount\n5,1,50\n")
    increment = loaded.succeed()
    assert increment.visited("orders") == INCREMENT
    assert increment.visited("regions") == increment.visited("products") == IDLE
    assert increment.glue_runs == 1
    assert units(increment.output["datasets"]["orders"]) == (1, 0, 0, 2)
    loaded.check_tables()

    loaded.upload(late, "order_id,region_id,amount\n6,2,60\n")
    loaded.upload(march, "order_id,region_id,amount\n5,1,51\n7,1,70\n")
    changed = loaded.succeed("orders")
    assert changed.glue_runs == 1
    assert units(changed.output["datasets"]["orders"]) == (0, 2, 0, 1)
    loaded.check_tables()

    loaded.remove(march)
    loaded.remove(late)
    removed = loaded.succeed("orders")
    assert removed.glue_runs == 1
    assert units(removed.output["datasets"]["orders"]) == (0, 1, 1, 1)
    loaded.check_tables()


@pytest.mark.parametrize("table", [table for dataset in TABLES for table in tables_of(dataset)])
def it_repairs_a_table_that_somebody_deleted(loaded: Pipeline, table: str) -> None:
    (dataset,) = (name for name in TABLES if table in tables_of(name))
    before = answers(loaded)
    loaded.delete_table(table)
    result = loaded.succeed()
    assert CREATES[tables_of(dataset).index(table)][dataset == "products"] in result.visited(dataset)
    for other in set(TABLES) - {dataset}:
        assert result.visited(other) == IDLE
    assert result.glue_runs == 1
    assert answers(loaded) == before


@pytest.mark.parametrize("view", VIEWS)
def it_repairs_a_view_that_somebody_deleted(loaded: Pipeline, view: str) -> None:
    before = answers(loaded)
    loaded.delete_table(view)
    result = loaded.succeed()
    assert result.glue_runs == 0
    assert {entry["name"]: entry["status"] for entry in result.output["views"]} == {
        name: "created" if name == view else "unchanged" for name in VIEWS
    }
    assert answers(loaded) == before


def it_repairs_tables_that_are_half_made(loaded: Pipeline) -> None:
    before = answers(loaded)

    def without_columns_or_parameters(table: dict[str, Any]) -> None:
        table["Parameters"] = {}
        table["StorageDescriptor"]["Columns"] = table["StorageDescriptor"]["Columns"][:1]

    for table in tables_of("orders"):
        made = loaded.glue_table(table)
        loaded.delete_table(table)
        half = {key: made[key] for key in ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")}
        without_columns_or_parameters(half)
        loaded.aws.client("glue").create_table(DatabaseName=loaded.database, TableInput=half)
    result = loaded.succeed()
    updates = ["Update raw table", "New data?", "Update quarantine table", "New data?"]
    assert result.visited("orders") == [
        *IDLE[:-1],
        *updates,
        "Convert to Parquet with Snappy",
        *INCREMENT[len(IDLE) :],
    ]
    assert result.glue_runs == 1
    assert answers(loaded) == before
    assert loaded.succeed().glue_runs == 0


def it_leaves_a_raw_table_alone_that_belongs_to_somebody_else(loaded: Pipeline) -> None:
    def move(table: dict[str, Any]) -> None:
        table["StorageDescriptor"]["Location"] = "s3://somebody-elses/files/"

    before = loaded.table("regions")
    loaded.update_table("raw_regions", move)
    foreign = loaded.glue_table("raw_regions")
    result = loaded.run("regions")
    assert result.status == "FAILED"
    assert "RawTableElsewhere" in result.cause
    assert "s3://somebody-elses/files/" in result.cause
    assert f"s3://{loaded.outputs['raw_bucket']}/regions/" in result.cause
    assert result.visited("regions")[-1] == "Raw table is elsewhere"
    assert result.glue_runs == 0
    assert loaded.glue_table("raw_regions") == foreign
    assert loaded.table("regions") == before
    loaded.delete_table("raw_regions")
    loaded.succeed("regions")
    loaded.check_tables()


def it_crosses_one_state_for_all_pages_of_a_listing(loaded: Pipeline) -> None:
    # They count in the listing and are no data: folders and hidden files, keys with what needs escaping somewhere.
    keys = ["regions/", "regions/a folder/"]
    keys += [f"regions/_more/{number:04} +%2B&=\"'<\u00e9\U0001f600>" for number in range(999)]
    put_empty_objects(loaded, keys)
    changed = loaded.succeed("regions")
    assert (changed.glue_runs, changed.visited("regions")) == (1, INCREMENT)

    loaded.aws.clear_iam_calls()
    idle = loaded.succeed("regions")
    pages = [call for call in loaded.aws.iam_calls() if "ListBucket" in call["action"]]
    # 100 objects a page; 1,001 keys and the file of regions itself.
    assert len(pages) == 11
    assert idle.glue_runs == 0
    # The digest that was folded over eleven pages is the one that the job stored.
    assert idle.visited("regions") == IDLE
    assert len(idle.visited("regions")) <= 6 + len(pages)
    assert idle.output["datasets"]["regions"]["source_files"] == len(keys) + 1

    remove_objects(loaded, keys)
    loaded.succeed("regions")
    loaded.check_tables()


def it_lists_keys_of_any_length(loaded: Pipeline) -> None:
    # Below 1,024 bytes, as S3 allows; a page of a thousand would have more than the 256 KiB that a state may be given.
    keys = [f"regions/_{number:03}{'x' * 990}" for number in range(300)]
    put_empty_objects(loaded, keys)
    assert loaded.succeed("regions").visited("regions") == INCREMENT
    assert loaded.succeed("regions").visited("regions") == IDLE
    remove_objects(loaded, keys)
    loaded.succeed("regions")
    loaded.check_tables()


def it_puts_drifted_definitions_back_without_a_glue_run(loaded: Pipeline) -> None:
    wanted = {name: loaded.glue_table(name) for name in ("raw_orders", "orders", "orders_quarantine")}

    def lose_a_column(table: dict[str, Any]) -> None:
        table["StorageDescriptor"]["Columns"] = table["StorageDescriptor"]["Columns"][1:]

    def lose_the_reader(table: dict[str, Any]) -> None:
        table["StorageDescriptor"]["SerdeInfo"]["Parameters"] = {}

    # The columns of the raw table are the job's, once it has read the files.
    for name in wanted:
        loaded.update_table(name, lose_the_reader if name == "raw_orders" else lose_a_column)
    result = loaded.succeed()
    assert result.glue_runs == 0
    updates = [state for state in result.visited("orders") if state.startswith("Update ")]
    assert updates == ["Update raw table", "Update quarantine table", "Update Parquet table"]
    for name, table in wanted.items():
        found = loaded.glue_table(name)
        # The job leaves an empty comment out, the state machine writes it as the contract has it.
        for described in (found, table):
            for column in described["StorageDescriptor"]["Columns"]:
                column.setdefault("Comment", "")
        assert found["StorageDescriptor"] == table["StorageDescriptor"]
        assert found["Parameters"] == table["Parameters"]
    loaded.check_tables()


def it_reports_a_crawler_that_fails_or_finds_nothing(loaded: Pipeline) -> None:
    key = "products/products.csv"
    text = loaded.files[key]
    loaded.delete_table("raw_products")
    with loaded.without_statement("crawler", "ReadRawData"):
        denied = loaded.run("products", "regions")
    assert denied.status == "FAILED"
    assert denied.visited("products")[-1] == "Crawler failed"
    assert denied.glue_runs == 0
    assert "CrawlerFailed" in denied.cause
    assert "s3:GetObject" in denied.cause
    assert denied.visited("regions") == IDLE

    loaded.remove(key)
    empty = loaded.run("products")
    assert empty.status == "FAILED"
    assert empty.glue_runs == 0
    assert "CrawlerFoundNothing" in empty.cause
    assert empty.visited("products")[-1] == "Dataset failed"

    # The crawler takes them for numbers; what is loaded is what all rows say.
    loaded.upload(key, "sku,price\n00501,1.5\n10001,2.5\n")
    assert loaded.succeed("products").glue_runs == 1
    assert loaded.rows("SELECT sku, price FROM products") == [("00501", "1.5"), ("10001", "2.5")]
    assert loaded.succeed("products").glue_runs == 0

    loaded.upload(key, "sku,price\n00501,1.25\n")
    refused = loaded.run("products")
    assert refused.status == "FAILED"
    assert "column price has '1.25', which is no decimal(9,1)" in refused.cause
    assert '{"force": true}' in refused.cause
    loaded.upload(key, text)
    assert loaded.succeed("products", force=True).glue_runs == 1
    loaded.check_tables()
    assert loaded.succeed("products").glue_runs == 0
    loaded.check_tables()


def it_loads_the_others_when_the_job_of_one_dataset_fails(loaded: Pipeline) -> None:
    april, regions = "orders/month=2024-04/a.csv", "regions/regions.csv"
    loaded.upload(april, "order_id,region_id,amount\n8,1,80\n")
    good = loaded.files[regions]
    before = loaded.table("regions")
    loaded.upload(regions, "region_id,label\n1,North\n")
    failed = loaded.run()
    assert (failed.status, failed.error) == ("FAILED", "PipelineFailed")
    assert "Dataset regions: " in failed.cause
    assert "name" in failed.cause
    assert "regions.csv" in failed.cause
    assert "Dataset orders" not in failed.cause
    assert failed.visited("regions")[-1] == "Dataset failed"
    assert failed.visited("orders") == INCREMENT
    assert failed.glue_runs == 2
    reports = execution_facts("failed", failed)["datasets"]
    assert {name: report["status"] for name, report in reports.items()} == {
        "orders": "loaded",
        "products": "unchanged",
        "regions": "failed",
    }
    assert reports["regions"]["cause"] in failed.cause
    assert loaded.table("orders") == loaded.expected("orders")
    assert loaded.table("regions") == before

    loaded.upload(regions, good + "three,East\n")
    too_many = loaded.run("regions")
    assert too_many.status == "FAILED"
    assert "TooManyBadRows" in too_many.cause
    assert "regions.csv" in too_many.cause
    assert loaded.table("regions") == before

    loaded.upload(regions, good)
    loaded.remove(april)
    loaded.succeed("orders", "regions")
    loaded.check_tables()


@pytest.mark.parametrize(
    ("execution_input", "told"),
    [
        ({"datasets": ["ordres"]}, "Unknown dataset: ordres. Known datasets: orders, products, regions."),
        (
            {"dataset": ["orders"]},
            "Unknown key: dataset. Known keys: datasets, dry_run, force, partitions, verify, wait_until.",
        ),
    ],
)
def it_rejects_input_it_does_not_know(pipeline: Pipeline, execution_input: dict[str, Any], told: str) -> None:
    result = pipeline.aws.run(execution_input)
    assert (result.status, result.error, result.cause) == ("FAILED", "InvalidInput", told)
    assert result.visited() == ["Check input", "Input accepted?", "Reject input"]
    assert result.glue_runs == 0


def it_converts_again_only_the_partitions_that_are_forced(loaded: Pipeline) -> None:
    january = [{"month": "2024-01"}]
    result = loaded.succeed("orders", force=True, partitions={"orders": january})
    assert result.visited("orders") == INCREMENT
    assert result.glue_runs == 1
    report = result.output["datasets"]["orders"]
    assert (report["units_replaced"], report["units_inserted"]) == (1, 0)
    assert report["rows_written"] == len([row for row in loaded.expected("orders") if row[-1] == "2024-01"])
    loaded.check_tables()


def it_looks_only_at_the_partitions_that_are_named(loaded: Pipeline) -> None:
    june, july = "orders/month=2024-06/a.csv", "orders/month=2024-07/a.csv"
    loaded.upload(june, "order_id,region_id,amount\n10,1,100\n")
    loaded.upload(july, "order_id,region_id,amount\n11,2,110\n")
    named = loaded.succeed("orders", partitions={"orders": [{"month": "2024-06"}]})
    assert named.visited("orders") == INCREMENT
    assert named.glue_runs == 1
    assert units(named.output["datasets"]["orders"])[:3] == (1, 0, 0)
    assert loaded.table("orders") == [row for row in loaded.expected("orders") if row[-1] != "2024-07"]

    # What was left out is not forgotten.
    rest = loaded.succeed("orders")
    assert rest.glue_runs == 1
    assert units(rest.output["datasets"]["orders"])[:3] == (1, 0, 0)
    loaded.check_tables()

    loaded.remove(june)
    loaded.remove(july)
    loaded.succeed("orders")
    loaded.check_tables()


def it_plans_without_writing(loaded: Pipeline) -> None:
    may = "orders/month=2024-05/a.csv"
    before, catalog = loaded.table("orders"), loaded.glue_table("orders")
    loaded.upload(may, "order_id,region_id,amount\n9,1,90\n")
    result = loaded.succeed("orders", dry_run=True)
    assert result.visited("orders") == [*INCREMENT[:-1], "Dataset planned"]
    assert "Create Athena views" not in result.visited()
    report = result.output["datasets"]["orders"]
    assert (report["status"], units(report)) == ("planned", (1, 0, 0, 2))
    assert loaded.table("orders") == before
    assert loaded.glue_table("orders") == catalog
    loaded.remove(may)


def it_waits_for_an_older_execution(loaded: Pipeline) -> None:
    older = loaded.aws.start_execution({"datasets": ["regions"], "force": True})
    younger = loaded.aws.follow(loaded.aws.start_execution({"datasets": ["regions"]}))
    assert loaded.aws.follow(older).status == younger.status == "SUCCEEDED"
    assert "Wait for the other" in younger.visited()
    assert younger.visited("regions") == IDLE
    assert younger.glue_runs == 0
    loaded.check_tables()


def it_stops_the_glue_run_of_an_execution_that_is_stopped(loaded: Pipeline) -> None:
    known = {run["Id"] for run in loaded.job_runs()}
    execution = loaded.aws.start_execution({"datasets": ["regions"], "force": True})
    until(lambda: any(run["Id"] not in known for run in loaded.job_runs()), "a Glue run")
    loaded.aws.client("stepfunctions").stop_execution(executionArn=execution, error="Test", cause="stopped on purpose")
    run = next(run["Id"] for run in loaded.job_runs() if run["Id"] not in known)
    until(lambda: {entry["Id"]: entry for entry in loaded.job_runs()}[run]["JobRunState"] == "STOPPED", "its end")
    assert loaded.aws.follow(execution).status == "ABORTED"
    loaded.succeed("regions")
    loaded.check_tables()


def it_tells_that_somebody_stopped_the_glue_run(loaded: Pipeline) -> None:
    known = {run["Id"] for run in loaded.job_runs()}
    execution = loaded.aws.start_execution({"datasets": ["regions"], "force": True})
    until(lambda: any(run["Id"] not in known for run in loaded.job_runs()), "a Glue run")
    run = next(run["Id"] for run in loaded.job_runs() if run["Id"] not in known)
    loaded.aws.client("glue").batch_stop_job_run(JobName=loaded.outputs["glue_job_name"], JobRunIds=[run])
    stopped = loaded.aws.follow(execution)
    assert stopped.status == "FAILED"
    told = f"Dataset regions: JobStopped: The Glue run {run} was stopped before its end. Start the execution again"
    assert told in stopped.cause
    assert stopped.visited("regions")[-1] == "Dataset failed"
    loaded.succeed("regions")
    loaded.check_tables()


def it_starts_the_job_to_verify_what_is_published(loaded: Pipeline) -> None:
    verified = loaded.succeed("regions", verify=True)
    assert (verified.glue_runs, verified.visited("regions")) == (1, INCREMENT)
    assert loaded.succeed("regions").glue_runs == 0
    loaded.check_tables()


def it_keeps_the_load_when_a_view_fails_and_leaves_quietly_with_skip(loaded: Pipeline) -> None:
    broken = {"name": "broken", "sql": "SELECT no_such_column FROM regions"}
    key = "regions/regions.csv"
    loaded.apply({"on_overlap": "skip", "more_views": [broken]})
    try:
        loaded.upload(key, FIRST_FILES[key] + "3,East\n")
        older = loaded.aws.start_execution({"datasets": ["regions"]})
        skipped = loaded.succeed("regions")
        assert skipped.output["status"] == "skipped"
        assert skipped.visited()[-1] == "Leave it to the other"
        assert skipped.glue_runs == 0

        failed = loaded.aws.follow(older)
        assert (failed.status, failed.error) == ("FAILED", "PipelineFailed")
        assert failed.visited("broken")[-1] == "View failed"
        assert "View broken: " in failed.cause
        assert "no_such_column" in failed.cause
        assert failed.glue_runs == 1
        loaded.check_tables()
    finally:
        loaded.apply({})
    loaded.upload(key, FIRST_FILES[key])
    loaded.succeed("regions")
    loaded.check_tables()
    assert loaded.files == FIRST_FILES
