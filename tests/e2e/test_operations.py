"""Every procedure of docs/operations.md on one stack, in the page's own commands, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import LocalAws, free_port
from local_aws.terraform import ROOT
from tests.e2e.operations import ORDERS, Operator

pytestmark = pytest.mark.long
UPGRADING = ROOT / "docs" / "upgrading.md"
HEAD = "order_id,amount\n"
REGIONS: dict[str, Any] = {"columns": [{"name": "region_id", "type": "int"}, {"name": "name"}]}
JUNE = ("1", "10", "2019-06"), ("2", "20", "2019-06")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A stack with one dataset, whose month of June is loaded."""
    aws = LocalAws(directory=tmp_path_factory.mktemp("operations"), port=free_port())
    aws.start()
    try:
        someone = Operator(aws, tmp_path_factory.mktemp("stack"))
        someone.write(
            name="ops",
            # The local endpoint speaks plain HTTP, and the provider waits a minute per bucket for lifecycle rules.
            require_tls=False,
            lifecycle_rules={"enabled": False},
            workflow={"timeouts": {"overlap_poll_seconds": 1}},
            monitoring={"alarms": True},
            datasets={"orders": ORDERS},
        )
        someone.prepare()
        someone.shell("terraform apply")
        upload(someone, "orders/month=2019-06/2019-06.csv", f"{HEAD}1,10\n2,20\n")
        someone.start("{}")
        someone.report()
        yield someone
    finally:
        aws.stop()


def upload(operator: Operator, key: str, text: str) -> None:
    operator.aws.client("s3").put_object(Bucket=operator.output("raw_bucket"), Key=key, Body=text.encode())


def remove(operator: Operator, key: str) -> None:
    operator.aws.client("s3").delete_object(Bucket=operator.output("raw_bucket"), Key=key)


def at_hand(operator: Operator, name: str, rows: str) -> None:
    """Put a file with these rows into the operator's folder."""
    (operator.folder / name).write_text(f"{HEAD}{rows}")


def units(report: dict[str, Any]) -> tuple[int, int, int]:
    return report["units_inserted"], report["units_replaced"], report["units_kept"]


def it_backfills(operator: Operator) -> None:
    at_hand(operator, "2019-07.csv", "3,30\n")
    operator.follow_page("Backfill")
    assert operator.report()["units_inserted"] == 1
    assert operator.rows() == [*JUNE, ("3", "30", "2019-07")]


def it_forces(operator: Operator) -> None:
    before = operator.rows()
    operator.follow_page("Force")
    report = operator.report()
    assert (report["units_replaced"], report["rows_written"]) == (1, 1)
    assert operator.rows() == before


def it_plans_in_a_dry_run(operator: Operator) -> None:
    before = operator.rows()
    upload(operator, "orders/month=2019-08/a.csv", f"{HEAD}9,90\n")
    operator.follow_page("Dry run")
    report = operator.report()
    assert (report["status"], units(report)) == ("planned", (1, 0, 2))
    assert operator.rows() == before
    remove(operator, "orders/month=2019-08/a.csv")


def it_verifies(operator: Operator) -> None:
    before, lake, s3 = operator.rows(), operator.output("lake_bucket"), operator.aws.client("s3")
    partition = operator.aws.client("glue").get_partition(
        DatabaseName=operator.output("database_name"), TableName="orders", PartitionValues=["2019-07"]
    )["Partition"]
    folder = partition["StorageDescriptor"]["Location"].removeprefix(f"s3://{lake}/")
    for entry in s3.list_objects_v2(Bucket=lake, Prefix=folder)["Contents"]:
        s3.delete_object(Bucket=lake, Key=entry["Key"])
    operator.follow_page("Verify")
    assert units(operator.report()) == (0, 1, 1)
    assert operator.rows() == before


def it_reprocesses_a_mended_file(operator: Operator) -> None:
    at_hand(operator, "2019-07.csv", "3,31\n")
    operator.follow_page("A file was mended")
    assert units(operator.report()) == (0, 1, 1)
    assert operator.rows() == [*JUNE, ("3", "31", "2019-07")]


def it_reads_the_quarantine_and_loads_it_again(operator: Operator) -> None:
    at_hand(operator, "2019-07.csv", "3,31\n4,NA\n")
    operator.follow_page("A file was mended")
    assert operator.report()["rows_quarantined"] == 1
    section = "Read the quarantine and load it again"
    ((bad,),) = operator.query_page(section)
    assert (bad["source_file"], bad["line_number"]) == ("orders/month=2019-07/2019-07.csv", "3")
    assert (bad["column_name"], bad["raw_text"]) == ("amount", "4,NA")
    operator.write(datasets={"orders": {**ORDERS, "csv": {"null_values": ["", "NA"]}}})
    operator.follow_page(section)
    report = operator.report()
    assert (report["status"], report["units_replaced"], report["rows_quarantined"]) == ("loaded", 2, 0)
    assert operator.query_page(section) == [[]]
    assert operator.rows() == [*JUNE, ("3", "31", "2019-07"), ("4", None, "2019-07")]


def it_rolls_a_partition_back_to_an_earlier_folder(operator: Operator) -> None:
    at_hand(operator, "2019-07.csv", "3,31\n4,40\n")
    operator.follow_page("A file was mended")
    operator.report()
    before = operator.rows()
    at_hand(operator, "2019-07-earlier.csv", "3,31\n4,40\n")
    at_hand(operator, "2019-07.csv", "3,999\n")
    operator.follow_page("A file was mended")
    operator.report()
    assert operator.rows() == [*JUNE, ("3", "999", "2019-07")]
    operator.follow_page("Roll a partition back", step=0)
    assert operator.rows() == before
    operator.follow_page("Roll a partition back", step=1)
    assert operator.report()["units_replaced"] == 1
    assert operator.rows() == before
    operator.follow_page("Verify")
    assert units(operator.report()) == (0, 0, 2)
    assert operator.rows() == before


def it_shows_why_an_execution_failed(operator: Operator) -> None:
    before = operator.rows()
    upload(operator, "orders/month=2019-07/wrong.csv", "order,sum\n1,2\n")
    operator.start("{}")
    assert operator.ended().status == "FAILED"
    printed = operator.follow_page("An alarm rings")
    assert "FAILED" in printed
    assert "Dataset orders: " in printed
    assert "wrong.csv" in printed
    assert operator.rows() == before
    remove(operator, "orders/month=2019-07/wrong.csv")
    alarms = operator.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == {"ops-failed", "ops-timed-out", "ops-quarantine-orders"}


def it_stops_an_execution(operator: Operator) -> None:
    before = operator.rows()
    force = """EXECUTION="$(start '{"force": true}')" """
    operator.follow_page("Stop an execution", before=force)
    assert operator.ended().status == "ABORTED"
    operator.start("{}")
    operator.report()
    assert operator.rows() == before


def it_adds_a_dataset(operator: Operator) -> None:
    (operator.folder / "regions.csv").write_text("region_id,name\n1,North\n")
    operator.write(datasets={**operator.lake["datasets"], "regions": REGIONS})
    operator.follow_page("Add a dataset")
    assert operator.report("regions")["units_inserted"] == 1
    assert operator.report("orders")["status"] == "unchanged"
    assert operator.rows("regions") == operator.rows("v_regions") == [("1", "North")]


def it_renames_a_dataset(operator: Operator) -> None:
    before = operator.rows()
    datasets = dict(operator.lake["datasets"])
    renamed = {**datasets.pop("orders"), "renamed_from": "orders", "prefix": "orders"}
    operator.write(datasets={**datasets, "sales": renamed})
    operator.follow_page("Rename or remove a dataset")
    report = operator.report("sales")
    assert (report["units_restored"], report["rows_written"]) == (2, 0)
    assert {"orders", "orders_quarantine"} <= set(report["orphaned_tables"])
    assert operator.rows("sales") == operator.rows("orders") == before


def it_removes_a_dataset(operator: Operator) -> None:
    before = operator.rows("sales")
    datasets = dict(operator.lake["datasets"])
    datasets.pop("regions")
    operator.write(datasets=datasets)
    operator.follow_page("Rename or remove a dataset")
    assert "regions" in operator.report("sales")["orphaned_tables"]
    assert operator.rows("regions") == [("1", "North")]
    # What the page drops are the tables of the earlier name.
    operator.query_page("Removed", page=UPGRADING)
    tables = operator.aws.client("glue").get_tables(DatabaseName=operator.output("database_name"))["TableList"]
    assert not {"orders", "orders_quarantine", "raw_orders", "v_orders"} & {table["Name"] for table in tables}
    assert operator.rows("sales") == before


def it_changes_partition_keys_under_a_new_name(operator: Operator) -> None:
    before = operator.rows("sales")
    sales = operator.lake["datasets"]["sales"]
    by_year = {name: value for name, value in sales.items() if name != "renamed_from"}
    by_year |= {
        "partition_keys": [{"name": "year", "type": "int"}],
        "partition_pattern": r"month=(?P<year>\d{4})-",
    }
    operator.write(datasets={"orders_by_year": by_year})
    operator.follow_page("Change partition keys")
    assert operator.report("orders_by_year")["units_inserted"] == 1
    assert operator.rows("orders_by_year") == [(number, amount, "2019") for number, amount, _ in before]
    assert operator.rows("sales") == before


def it_recovers_a_lost_catalog(operator: Operator) -> None:
    before, glue = operator.rows("orders_by_year"), operator.aws.client("glue")
    database = operator.output("database_name")
    for table in glue.get_tables(DatabaseName=database)["TableList"]:
        glue.delete_table(DatabaseName=database, Name=table["Name"])
    glue.delete_database(Name=database)
    operator.follow_page("Recover a lost catalog")
    report = operator.report("orders_by_year")
    assert (report["units_restored"], report["rows_written"]) == (1, 0)
    assert operator.rows("orders_by_year") == operator.rows("v_orders_by_year") == before


def it_hands_a_bucket_over_and_takes_it_back(operator: Operator) -> None:
    before, raw = operator.rows("orders_by_year"), operator.output("raw_bucket")
    operator.write(trigger_on_upload={})
    operator.shell("terraform apply")
    operator.follow_page("From created to brought", page=UPGRADING)
    operator.write(buckets={"raw": {"create": False, "name": raw}})
    assert operator.lost() == []
    operator.shell("terraform apply")
    operator.start("{}")
    assert operator.report("orders_by_year")["status"] == "unchanged"
    operator.write(buckets={"raw": {"name": raw}})
    operator.follow_page("From brought to created", page=UPGRADING)
    assert operator.lost() == []
    operator.shell("terraform apply")
    assert operator.plan() == {}
    operator.start("{}")
    assert operator.report("orders_by_year")["status"] == "unchanged"
    assert operator.rows("orders_by_year") == before


def it_hands_its_log_groups_over(operator: Operator) -> None:
    (dataset,) = operator.lake["datasets"]
    logs = operator.aws.client("logs")
    operator.write(trigger_on_upload={})
    operator.shell("terraform apply")
    groups = {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}
    operator.follow_page("Bring log groups")
    operator.write(
        workflow={
            **operator.lake["workflow"],
            "create_log_group": False,
            "log_group_name": "/aws/vendedlogs/states/ops",
        },
        glue={"create_log_groups": False, "log_group_prefix": "/aws-glue/ops-csv-to-parquet"},
    )
    assert operator.lost() == []
    operator.shell("terraform apply")
    assert operator.plan() == {}
    assert groups == {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}
    operator.start("{}")
    assert operator.report(dataset)["status"] == "unchanged"


def it_destroys_the_stack_and_keeps_the_data(operator: Operator) -> None:
    (dataset,) = operator.lake["datasets"]
    before, s3 = operator.rows(dataset), operator.aws.client("s3")
    operator.write(trigger_on_upload={})
    operator.shell("terraform apply")
    buckets = {role: operator.output(f"{role}_bucket") for role in ("raw", "lake")}
    stored = {name: [item["Key"] for item in s3.list_objects_v2(Bucket=name)["Contents"]] for name in buckets.values()}
    operator.follow_page("From created to brought", page=UPGRADING)
    operator.shell("""terraform state rm 'module.lake.module.bucket["lake"]'""")
    brought = {role: {"create": False, "name": name} for role, name in buckets.items()}
    operator.write(buckets=brought)
    assert operator.lost() == []
    operator.write(force_destroy=True)
    operator.follow_page("Destroy and keep the data")
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == set(buckets.values())
    for name, keys in stored.items():
        assert set(keys) <= {item["Key"] for item in s3.list_objects_v2(Bucket=name)["Contents"]}
    operator.write(trigger_on_upload=None)
    # The page's first lines read the outputs, which a destroyed stack has not.
    operator.shell("terraform apply")
    operator.follow_page("Recover a lost catalog")
    assert operator.report(dataset)["units_restored"] == len({row[-1] for row in before})
    assert operator.rows(dataset) == before
