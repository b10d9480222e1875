"""What befalls a lake from outside: lost tables, lost files, expired sources; the rows are there again or are named."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.conftest import FIRST_FILES, TABLES, Pipeline

REGIONS = "regions/regions.csv"
FEBRUARY = "orders/month=2024-02/a.csv"
MORE_REGIONS = b"region_id,name\n7,East\n8,Far east\n"


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


def it_loads_no_row_twice_when_files_under_a_key_are_renamed_or_uploaded_in_parts(loaded: Pipeline) -> None:
    s3, raw = loaded.aws.client("s3"), loaded.outputs["raw_bucket"]
    key = a_key_for(loaded)
    encrypted = {"Bucket": raw, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(**encrypted, Key="regions/a.csv", Body=MORE_REGIONS)
    loaded.succeed("regions")
    etag = s3.head_object(Bucket=raw, Key="regions/a.csv")["ETag"]

    # One file expires, one is renamed, one is new.
    s3.delete_object(Bucket=raw, Key=REGIONS)
    s3.copy_object(**encrypted, Key="regions/b.csv", CopySource={"Bucket": raw, "Key": "regions/a.csv"})
    s3.delete_object(Bucket=raw, Key="regions/a.csv")
    assert s3.head_object(Bucket=raw, Key="regions/b.csv")["ETag"] != etag
    s3.put_object(**encrypted, Key="regions/c.csv", Body=b"region_id,name\n9,West\n")
    loaded.succeed("regions")
    regions = sorted([("1", "North"), ("2", "South, far"), ("7", "East"), ("8", "Far east"), ("9", "West")])
    assert loaded.table("regions") == regions

    # The same bytes once more under another name, in parts and without a key.
    upload = s3.create_multipart_upload(Bucket=raw, Key="regions/d.csv", ChecksumAlgorithm="CRC32")["UploadId"]
    place: Any = {"Bucket": raw, "Key": "regions/d.csv", "UploadId": upload}
    part = s3.upload_part(**place, PartNumber=1, Body=MORE_REGIONS, ChecksumAlgorithm="CRC32")
    said = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [said]})
    s3.delete_object(Bucket=raw, Key="regions/b.csv")
    assert s3.head_object(Bucket=raw, Key="regions/d.csv")["ETag"].endswith('-1"')
    result = loaded.succeed("regions")
    assert (result.output["datasets"]["regions"]["units_kept"], loaded.table("regions")) == (1, regions)
    assert loaded.succeed("regions").glue_runs == 0

    # What is kept of files that are gone would stay for the other tests: begin again.
    for name in ("c", "d"):
        s3.delete_object(Bucket=raw, Key=f"regions/{name}.csv")
    for table in ("regions", "regions_quarantine"):
        loaded.delete_table(table)
    lake = loaded.outputs["lake_bucket"]
    for folder in ("tables", "quarantine", "manifests"):
        listed = s3.list_objects_v2(Bucket=lake, Prefix=f"{folder}/regions/")
        for entry in listed.get("Contents", []):
            s3.delete_object(Bucket=lake, Key=entry["Key"])
    loaded.upload(REGIONS, FIRST_FILES[REGIONS])
    loaded.succeed("regions")
    loaded.check_tables()


def a_key_for(pipeline: Pipeline) -> str:
    """Make a key that the job may decrypt with."""
    kms = pipeline.aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    account = key["Arn"].split(":")[4]
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    job = {
        "Effect": "Allow",
        "Principal": {"AWS": pipeline.outputs["role_arns"]["job"]},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [owner, job]})
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    return str(key["Arn"])


def it_names_a_table_in_the_lake_that_belongs_to_no_dataset(loaded: Pipeline) -> None:
    keys = ("StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    regions = {key: value for key, value in loaded.glue_table("regions").items() if key in keys}
    location = f"s3://{loaded.outputs['lake_bucket']}/tables/old_regions/run=1/"
    storage = {**regions["StorageDescriptor"], "Location": location}
    old: Any = {**regions, "Name": "old_regions", "StorageDescriptor": storage}
    loaded.aws.client("glue").create_table(DatabaseName=loaded.database, TableInput=old)
    try:
        report = loaded.succeed("regions", verify=True).output["datasets"]["regions"]
        assert report["orphaned_tables"] == ["old_regions"]
    finally:
        loaded.delete_table("old_regions")
    assert loaded.succeed("regions", verify=True).output["datasets"]["regions"]["orphaned_tables"] == []
