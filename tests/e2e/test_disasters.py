"""What befalls a lake from outside: lost tables, lost files, expired sources; the rows are there again or are named."""

from __future__ import annotations

from tests.e2e.conftest import FIRST_FILES, TABLES, Pipeline

REGIONS = "regions/regions.csv"
FEBRUARY = "orders/month=2024-02/a.csv"


def lose_the_catalog(pipeline: Pipeline) -> None:
    """Drop every table and view of the database."""
    glue = pipeline.aws.client("glue")
    for table in glue.get_tables(DatabaseName=pipeline.database)["TableList"]:
        glue.delete_table(DatabaseName=pipeline.database, Name=table["Name"])


def published(pipeline: Pipeline, table: str) -> list[str]:
    """Return the keys of the objects that an unpartitioned table points at."""
    location = pipeline.glue_table(table)["StorageDescriptor"]["Location"]
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    assert bucket == pipeline.outputs["lake_bucket"]
    listed = pipeline.aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed["Contents"]]


def it_gives_back_every_row_after_the_catalog_was_lost_and_sources_have_expired(loaded: Pipeline) -> None:
    before = {name: loaded.table(name) for name in TABLES}
    loaded.aws.client("s3").delete_object(Bucket=loaded.outputs["raw_bucket"], Key=REGIONS)
    lose_the_catalog(loaded)
    result = loaded.succeed()
    assert result.output["datasets"]["regions"]["units_restored"] == 1
    assert {name: loaded.table(name) for name in TABLES} == before
    assert loaded.succeed().glue_runs == 0
    loaded.upload(REGIONS, FIRST_FILES[REGIONS])
    loaded.succeed("regions")
    loaded.check_tables()


def it_does_not_bring_back_what_was_removed_on_purpose(loaded: Pipeline) -> None:
    loaded.remove(FEBRUARY)
    loaded.succeed("orders")
    loaded.check_tables()
    lose_the_catalog(loaded)
    loaded.succeed()
    loaded.check_tables()
    loaded.upload(FEBRUARY, FIRST_FILES[FEBRUARY])
    loaded.succeed("orders")
    loaded.check_tables()


def it_makes_lost_objects_anew_or_names_them(loaded: Pipeline) -> None:
    s3, lake = loaded.aws.client("s3"), loaded.outputs["lake_bucket"]
    for key in published(loaded, "regions"):
        s3.delete_object(Bucket=lake, Key=key)
    assert loaded.succeed("regions").glue_runs == 0
    verified = loaded.succeed("regions", verify=True)
    assert verified.output["datasets"]["regions"]["units_replaced"] == 1
    loaded.check_tables()

    s3.delete_object(Bucket=loaded.outputs["raw_bucket"], Key=REGIONS)
    (key,) = published(loaded, "regions")
    s3.delete_object(Bucket=lake, Key=key)
    failed = loaded.run("regions", verify=True)
    assert failed.status == "FAILED"
    assert "its folder is empty, and it cannot be made anew because source files are gone" in str(failed.cause)

    loaded.upload(REGIONS, FIRST_FILES[REGIONS])
    loaded.succeed("regions")
    loaded.check_tables()
