"""Crawlers: columns, types, partitions and classifiers, with the crawler's rights, one crawl at a time."""

from __future__ import annotations

import gzip
import random
import uuid
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws
from local_aws.extensions.glue_crawlers import (
    CrawlError,
    CsvDialect,
    glob_pattern,
    infer_columns,
    infer_type,
    looks_like_header,
    partition_key_names,
)
from tests.waiting import wait_for

from .conftest import RoleMaker, allow


@dataclass
class Crawlers:
    """Creates crawlers over a bucket and runs them."""

    aws: LocalAws
    bucket: str
    database: str
    role: RoleMaker

    def put(self, key: str, body: bytes) -> None:
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def create(self, prefix: str, role_arn: str | None = None, **more: Any) -> str:
        name = f"c-{uuid.uuid4().hex[:12]}"
        self.aws.client("glue").create_crawler(
            Name=name,
            Role=role_arn or self.role("glue.amazonaws.com", allow("*")),
            DatabaseName=self.database,
            Targets={"S3Targets": [{"Path": f"s3://{self.bucket}/{prefix}"}]},
            TablePrefix="raw_",
            **more,
        )
        return name

    def run(self, name: str) -> dict[str, Any]:
        glue = self.aws.client("glue")
        glue.start_crawler(Name=name)
        wait_for(lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
        last: dict[str, Any] = glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]
        return last

    def table(self, name: str) -> dict[str, Any]:
        table: dict[str, Any] = self.aws.client("glue").get_table(DatabaseName=self.database, Name=name)["Table"]
        return table


@pytest.fixture
def crawlers(aws: LocalAws, bucket: str, database: str, role: RoleMaker) -> Crawlers:
    return Crawlers(aws, bucket, database, role)


def columns_of(table: dict[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def it_reads_the_start_of_gzip_files_of_any_size(crawlers: Crawlers) -> None:
    numbers = random.Random(1)  # noqa: S311 - data that compresses badly, no secret
    lines = b"".join(b"%d,%x\n" % (numbers.getrandbits(50), numbers.getrandbits(64)) for _ in range(100_000))
    big = gzip.compress(b"number,text\n" + lines)
    assert len(big) > 1024 * 1024
    crawlers.put("big/a.csv.gz", big)
    crawlers.put("members/a.csv.gz", gzip.compress(b"number,text\n") + gzip.compress(b"1,") + gzip.compress(b"ff\n"))
    crawlers.put("dense/a.csv.gz", gzip.compress(b"number,text\n" + b"1,ff\n" * 50_000_000, 1))
    for name in ("big", "members", "dense"):
        last = crawlers.run(crawlers.create(f"{name}/"))
        assert last["Status"] == "SUCCEEDED", last
        table = crawlers.table(f"raw_{name}")
        assert columns_of(table) == {"number": "bigint", "text": "string"}
    crawlers.put("plain/a.csv.gz", b"number,text\n1,ff\n")
    assert "is not gzip" in crawlers.run(crawlers.create("plain/"))["ErrorMessage"]


def it_makes_a_table_of_what_it_finds(crawlers: Crawlers) -> None:
    crawlers.put("air/month=2013-01/a.csv", b"FAA,lat,alt,name\nJFK,40.6,13,Kennedy\nLGA,,22,\n")
    crawlers.put("air/month=2013-02/b.csv", b"faa,lat,alt,name\nEWR,40.7,18,Newark\n")
    last = crawlers.run(crawlers.create("air/"))
    assert last["Status"] == "SUCCEEDED", last
    table = crawlers.table("raw_air")
    assert columns_of(table) == {"faa": "string", "lat": "double", "alt": "bigint", "name": "string"}
    assert table["PartitionKeys"] == [{"Name": "month", "Type": "string"}]
    assert table["Parameters"]["skip.header.line.count"] == "1"
    partitions = crawlers.aws.client("glue").get_partitions(DatabaseName=crawlers.database, TableName="raw_air")
    assert sorted(part["Values"] for part in partitions["Partitions"]) == [["2013-01"], ["2013-02"]]


def it_updates_the_table_when_it_runs_again(crawlers: Crawlers) -> None:
    crawlers.put("t/a.csv", b"a,b\n1,x\n")
    name = crawlers.create("t/")
    crawlers.run(name)
    crawlers.put("t/a.csv", b"a,b,c\n1,x,2.5\n")
    assert crawlers.run(name)["Status"] == "SUCCEEDED"
    assert columns_of(crawlers.table("raw_t")) == {"a": "bigint", "b": "string", "c": "double"}


def it_honours_a_csv_classifier(crawlers: Crawlers) -> None:
    glue = crawlers.aws.client("glue")
    name = f"cls-{uuid.uuid4().hex[:8]}"
    glue.create_classifier(
        CsvClassifier={
            "Name": name,
            "Delimiter": ";",
            "QuoteSymbol": "'",
            "ContainsHeader": "ABSENT",
            "Header": ["code", "label"],
        }
    )
    glue.update_classifier(CsvClassifier={"Name": name, "Delimiter": "|"})
    crawlers.put("t/a.csv", b"1|'a|b'\n2|c\n")
    crawlers.run(crawlers.create("t/", Classifiers=[name]))
    table = crawlers.table("raw_t")
    assert columns_of(table) == {"code": "bigint", "label": "string"}
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"separatorChar": "|", "quoteChar": "'"}
    assert "skip.header.line.count" not in table["Parameters"]


def it_reads_gzip(crawlers: Crawlers) -> None:
    crawlers.put("t/a.csv.gz", gzip.compress(b"a,b\n1,x\n"))
    crawlers.run(crawlers.create("t/"))
    assert columns_of(crawlers.table("raw_t")) == {"a": "bigint", "b": "string"}


def it_fails_naming_the_right_that_its_role_lacks(crawlers: Crawlers, role: RoleMaker) -> None:
    crawlers.put("t/a.csv", b"a,b\n1,x\n")
    needed = ["s3:GetBucketLocation", "s3:ListBucket", "s3:GetObject"]
    for missing in needed:
        rights = allow([action for action in needed if action != missing])
        last = crawlers.run(crawlers.create("t/", role("glue.amazonaws.com", rights)))
        assert last["Status"] == "FAILED"
        assert missing in last["ErrorMessage"]


def it_updates_what_an_earlier_crawl_made(crawlers: Crawlers) -> None:
    glue = crawlers.aws.client("glue")
    crawlers.put("t/m=1/a.csv", b"a,b\n1,x\n")
    crawlers.put("t/m=2/a.csv", b"a,b\n2,y\n")
    name = crawlers.create("t/")
    crawlers.run(name)
    crawlers.put("t/m=2/a.csv", b"a,b,c\n2,y,3\n")
    crawlers.put("t/m=3/a.csv", b"a,b,c\n3,z,4\n")
    crawlers.aws.client("s3").delete_object(Bucket=crawlers.bucket, Key="t/m=1/a.csv")
    assert crawlers.run(name)["Status"] == "SUCCEEDED"
    assert columns_of(crawlers.table("raw_t")) == {"a": "bigint", "b": "string", "c": "bigint"}
    partitions = glue.get_partitions(DatabaseName=crawlers.database, TableName="raw_t")["Partitions"]
    columns = {entry["Values"][0]: list(columns_of(entry)) for entry in partitions}
    # The one whose file is gone stays as it was.
    assert columns == {"1": ["a", "b"], "2": ["a", "b", "c"], "3": ["a", "b", "c"]}


def it_logs_with_the_rights_of_its_role(crawlers: Crawlers, role: RoleMaker) -> None:
    crawlers.put("t/a.csv", b"a,b\n1,x\n")
    name = crawlers.create("t/")
    crawlers.run(name)
    logs = crawlers.aws.client("logs")
    events = logs.get_log_events(logGroupName="/aws-glue/crawlers", logStreamName=name)["events"]
    assert [event["message"] for event in events] == ["SUCCEEDED"]

    arn = role("glue.amazonaws.com", allow(["s3:*", "glue:*"]))
    name = crawlers.create("t/", arn)
    assert crawlers.run(name)["Status"] == "SUCCEEDED"
    refused = [call["action"] for call in crawlers.aws.iam_calls() if call["role"] == arn and not call["allowed"]]
    assert refused == ["logs:CreateLogGroup"]
    log = crawlers.aws.settings.log_file.read_text()
    assert f"the logs of {name} could not be delivered to /aws-glue/crawlers: An error occurred (AccessDenied" in log


def it_refuses_to_start_while_it_runs(crawlers: Crawlers) -> None:
    for index in range(20):
        crawlers.put(f"t/{index}.csv", b"a,b\n1,x\n")
    name = crawlers.create("t/")
    glue = crawlers.aws.client("glue")
    glue.start_crawler(Name=name)
    with pytest.raises(botocore.exceptions.ClientError, match="CrawlerRunningException"):
        glue.start_crawler(Name=name)
    wait_for(lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", ""], "bigint"),
        (["1", "2.5", "1e3"], "double"),
        (["1", "x"], "string"),
        (["", ""], "string"),
        (["12345678901234567890"], "double"),
    ],
)
def it_infers_types(values: list[str], kind: str) -> None:
    assert infer_type(values) == kind


def it_merges_columns_of_differing_files() -> None:
    dialect = CsvDialect(",", '"', header=True)
    samples = ["a,b\n1,x\n", "b,c\ny,2\n"]
    assert infer_columns(samples, dialect) == [("a", "bigint"), ("b", "string"), ("c", "bigint")]


def it_tells_a_header_from_data() -> None:
    assert looks_like_header(["a,b\n1,2\n"], ",")
    assert not looks_like_header(["1,2\n3,4\n"], ",")
    assert not looks_like_header(["a,a\n1,2\n"], ",")


def it_makes_partition_keys_of_folders() -> None:
    assert partition_key_names(["Year=2020/m=1", "year=2021/m=2"]) == ["year", "m"]
    assert partition_key_names(["2020/01"]) == ["partition_0", "partition_1"]
    assert partition_key_names([""]) == []
    with pytest.raises(CrawlError, match="do not form the partitions of one table"):
        partition_key_names(["", "m=1"])


def it_understands_exclusions() -> None:
    assert glob_pattern("*.tmp").fullmatch("a.tmp")
    assert not glob_pattern("*.tmp").fullmatch("x/a.tmp")
    assert glob_pattern("**.tmp").fullmatch("x/a.tmp")
