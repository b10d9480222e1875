"""Each path through the state machine, executed: states visited, Glue runs started, and what the tables hold then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import FIRST_FILES, TABLES, Pipeline, until

IDLE = [
    "Read dataset contract",
    "Check raw table",
    "Check Parquet table",
    "Check quarantine table",
    "Check S3 for new data",
    "New data?",
    "Nothing new",
]
INCREMENT = [*IDLE[:-1], "Insert only new data", "Read job report", "Only planned?", "Read loaded table"]
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
    "Read job report",
    "Only planned?",
    "Read loaded table",
]
CRAWL = ["Start crawler", "Wait for crawler", "Check crawler", "Crawler finished?", "Read crawled table"]
JANUARY = "orders/month=2024-01/a.csv"
SALES = "SELECT region, month, amount FROM sales"
TABLE_QUERIES = {
    "raw_orders": "SELECT order_id, amount, month FROM raw_orders",
    "orders": "SELECT order_id, amount, month FROM orders",
    "orders_quarantine": "SELECT source_file, line_number, raw_text, month FROM orders_quarantine",
    "regions": "SELECT region_id, name FROM regions",
}
# The execution's own ten states, seven for each of three datasets, four for each of four views.
IDLE_TRANSITIONS = 10 + 3 * 7 + 4 * 4


def units(report: dict[str, Any]) -> tuple[int, int, int, int]:
    names = ("units_inserted", "units_replaced", "units_removed", "units_kept")
    inserted, replaced, removed, kept = (report[name] for name in names)
    return inserted, replaced, removed, kept


def it_creates_and_loads_everything_at_first(loaded: Pipeline) -> None:
    first = loaded.load()
    assert first.visited("orders") == first.visited("regions") == FIRST
    # Polls may repeat the wait for the crawler; each state once is the path.
    crawled = list(dict.fromkeys(first.visited("products")))
    assert crawled == [*FIRST[:3], *CRAWL, *FIRST[4:]]
    assert first.glue_runs == 3
    assert {view["status"] for view in first.output["views"]} == {"created"}
    assert [view["name"] for view in first.output["views"]] == ["v_orders", "v_products", "v_regions", "sales"]
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
        assert result.output["datasets"][dataset]["units_kept"] == (2 if dataset == "orders" else 1)
    assert {view["status"] for view in result.output["views"]} == {"unchanged"}
    assert len(result.states) <= IDLE_TRANSITIONS


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


@pytest.mark.parametrize(
    ("table", "creates"),
    [
        ("raw_orders", "Create raw table"),
        ("orders", "Create Parquet table"),
        ("orders_quarantine", "Create quarantine table"),
        ("regions", "Create Parquet table"),
    ],
)
def it_repairs_a_table_that_somebody_deleted(loaded: Pipeline, table: str, creates: str) -> None:
    queries = [SALES, TABLE_QUERIES[table], "SELECT order_id, month FROM v_orders"]
    before = [loaded.rows(query) for query in queries]
    assert all(before)
    loaded.delete_table(table)
    dataset = "regions" if table == "regions" else "orders"
    result = loaded.succeed()
    assert creates in result.visited(dataset)
    assert result.glue_runs == 1
    assert [loaded.rows(query) for query in queries] == before
    loaded.check_tables()


def it_repairs_a_view_that_somebody_deleted(loaded: Pipeline) -> None:
    before = loaded.rows(SALES)
    loaded.delete_table("sales")
    result = loaded.succeed()
    assert result.glue_runs == 0
    assert {view["name"]: view["status"] for view in result.output["views"]} == {
        "v_orders": "unchanged",
        "v_products": "unchanged",
        "v_regions": "unchanged",
        "sales": "created",
    }
    assert loaded.rows(SALES) == before


def it_puts_drifted_definitions_back_without_a_glue_run(loaded: Pipeline) -> None:
    wanted = {name: loaded.glue_table(name) for name in ("raw_orders", "orders", "orders_quarantine")}

    def lose_a_column(table: dict[str, Any]) -> None:
        table["StorageDescriptor"]["Columns"] = table["StorageDescriptor"]["Columns"][1:]

    for name in wanted:
        loaded.update_table(name, lose_a_column)
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

    loaded.upload(key, text)
    assert loaded.succeed("products").glue_runs == 1
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
            "Unknown key: dataset. Known keys: datasets, dry_run, force, partitions, wait_until.",
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


def it_keeps_the_load_when_a_view_fails_and_leaves_quietly_with_skip(loaded: Pipeline) -> None:
    broken = {"name": "broken", "sql": "SELECT no_such_column FROM regions"}
    loaded.apply({"on_overlap": "skip", "more_views": [broken]})
    try:
        key = "regions/more.csv"
        loaded.upload(key, "region_id,name\n3,East\n")
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
    loaded.remove(key)
    assert FIRST_FILES.keys() == loaded.files.keys()
