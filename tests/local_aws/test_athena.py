"""Athena: what the catalog names is what a query reads, with the caller's rights and Athena's words for failures."""

from __future__ import annotations

import base64
import datetime
import io
import json
import uuid
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_aws import LocalAws
from local_aws.extensions.athena import result_location
from local_aws.extensions.athena_engine import parse, tables_of
from local_aws.extensions.athena_tables import QueryError, split_lines
from local_aws.extensions.limits import violations
from local_aws.extensions.requests import json_call
from tests.waiting import wait_for

from .conftest import Machines, RoleMaker, allow, ended_query

Rows = list[list[str | None]]
PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"


@dataclass
class Lake:
    """A database with its bucket."""

    aws: LocalAws
    bucket: str
    database: str

    def parquet(self, key: str, **columns: Any) -> None:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())

    def text(self, key: str, content: str) -> None:
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content.encode())

    def table(self, name: str, prefix: str, keys: list[str] | None = None, **columns: str) -> None:
        self.create(name, {**PARQUET, **self.columns(prefix, columns)}, keys)

    def csv_table(self, name: str, prefix: str, serde: dict[str, str], skip: int = 1, **columns: str) -> None:
        storage = {
            **self.columns(prefix, columns),
            "SerdeInfo": {"SerializationLibrary": OPEN_CSV, "Parameters": serde},
        }
        self.create(name, storage, None, {"skip.header.line.count": str(skip)})

    def columns(self, prefix: str, columns: dict[str, str]) -> dict[str, Any]:
        listed = [{"Name": name, "Type": kind} for name, kind in columns.items()]
        return {"Columns": listed, "Location": f"s3://{self.bucket}/{prefix}"}

    def create(
        self, name: str, storage: dict[str, Any], keys: list[str] | None, parameters: dict[str, str] | None = None
    ) -> None:
        self.aws.client("glue").create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys or []],
                "Parameters": parameters or {},
            },
        )

    def partition(self, table: str, values: list[str], prefix: str) -> None:
        self.aws.client("glue").create_partition(
            DatabaseName=self.database,
            TableName=table,
            PartitionInput={
                "Values": values,
                "StorageDescriptor": {**PARQUET, "Location": f"s3://{self.bucket}/{prefix}", "Columns": []},
            },
        )

    def start(self, sql: str, client: Any = None) -> dict[str, Any]:
        """Run a query to its end and return the execution."""
        athena = client or self.aws.client("athena")
        query_id = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/results/"},
        )["QueryExecutionId"]
        return ended_query(athena, query_id)

    def rows(self, sql: str) -> Rows:
        execution = self.start(sql)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        result = self.aws.client("athena").get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        rows = [[field.get("VarCharValue") for field in row["Data"]] for row in result["ResultSet"]["Rows"]]
        return rows[1:] if execution["StatementType"] == "DML" else rows

    def failure(self, sql: str) -> str:
        execution = self.start(sql)
        assert execution["Status"]["State"] == "FAILED", execution["Status"]
        return str(execution["Status"]["StateChangeReason"])


@pytest.fixture
def lake(aws: LocalAws, bucket: str, database: str) -> Lake:
    return Lake(aws, bucket, database)


def it_reads_only_registered_partitions_from_their_own_places(lake: Lake) -> None:
    lake.parquet("t/m=1/run=old/a.parquet", x=[1])
    lake.parquet("t/m=1/run=new/a.parquet", x=[2, 3])
    lake.parquet("t/m=2/run=new/a.parquet", x=[4])
    lake.parquet("elsewhere/a.parquet", x=[5])
    lake.table("t", "t/", ["m"], x="bigint")
    lake.partition("t", ["1"], "t/m=1/run=new/")
    lake.partition("t", ["not in the path"], "elsewhere/")
    assert lake.rows("SELECT m, sum(x) FROM t GROUP BY m ORDER BY m") == [["1", "5"], ["not in the path", "5"]]


def it_reads_an_unpartitioned_table_at_its_location_without_hidden_files(lake: Lake) -> None:
    lake.parquet("t/run=1/a.parquet", x=[1])
    lake.parquet("t/run=2/a.parquet", x=[2])
    lake.parquet("t/run=2/_tmp.parquet", x=[3])
    lake.table("t", "t/run=2/", x="bigint")
    assert lake.rows("SELECT x FROM t") == [["2"]]


def it_skips_archived_objects_and_reads_restored_ones_only_when_told_so(lake: Lake) -> None:
    s3 = lake.aws.client("s3")
    for name in ("a", "b", "c"):
        lake.parquet(f"t/{name}.parquet", x=[name])
        place = {"Bucket": lake.bucket, "Key": f"t/{name}.parquet"}
        if name != "a":
            s3.copy_object(**place, CopySource=place, StorageClass="GLACIER")
    s3.restore_object(Bucket=lake.bucket, Key="t/b.parquet", RestoreRequest={"Days": 1})
    wait_for(
        lambda: 'ongoing-request="false"' in s3.head_object(Bucket=lake.bucket, Key="t/b.parquet").get("Restore", "")
    )
    lake.table("t", "t/", x="string")
    told = {**PARQUET, **lake.columns("t/", {"x": "string"})}
    lake.create("told", told, None, {"read_restored_glacier_objects": "true"})
    assert lake.rows("SELECT x FROM t") == [["a"]]
    assert lake.rows("SELECT x FROM told ORDER BY x") == [["a"], ["b"]]


def it_gives_no_rows_of_an_empty_place(lake: Lake) -> None:
    lake.table("t", "nothing/", x="bigint", y="string")
    lake.table("p", "nothing/", ["m"], x="bigint")
    assert lake.rows("SELECT count(*), max(x) FROM t") == [["0", None]]
    assert lake.rows("SELECT x, m FROM p") == []


def it_shows_types_as_athena_does(lake: Lake) -> None:
    moment = datetime.datetime(2013, 1, 1, 5, 0, 0, 123000, tzinfo=datetime.timezone.utc)
    lake.parquet(
        "t/a.parquet",
        ts=pa.array([moment], pa.timestamp("us", "UTC")),
        d=pa.array([datetime.date(2020, 2, 29)]),
        b=[True],
        f=[1.5],
        n=pa.array([None], pa.string()),
        i=pa.array([7], pa.int32()),
    )
    lake.table("t", "t/", ts="timestamp", d="date", b="boolean", f="double", n="string", i="int", absent="int")
    assert lake.rows("SELECT ts, d, b, f, n, i, absent FROM t") == [
        ["2013-01-01 05:00:00.123", "2020-02-29", "true", "1.5", None, "7", None]
    ]


def moments(*texts: str) -> pa.Array:
    return pa.array([datetime.datetime.fromisoformat(text) for text in texts], pa.timestamp("us"))


def it_rounds_timestamps_of_files_to_milliseconds_half_up(lake: Lake) -> None:
    lake.parquet(
        "t/a.parquet",
        n=[1, 2, 3, 4],
        ts=moments(
            "2013-01-01 05:00:00.123499",
            "2013-01-01 05:00:00.123500",
            "2013-12-31 23:59:59.999500",
            "1969-12-31 23:59:59.999500",
        ),
    )
    lake.table("t", "t/", n="bigint", ts="timestamp")
    shown = [
        "2013-01-01 05:00:00.123",
        "2013-01-01 05:00:00.124",
        "2014-01-01 00:00:00.000",
        "1970-01-01 00:00:00.000",
    ]
    assert lake.rows("SELECT ts, CAST(ts AS varchar) FROM t ORDER BY n") == [[text, text] for text in shown]


def it_compares_timestamps_by_milliseconds(lake: Lake) -> None:
    lake.parquet("t/a.parquet", ts=moments("2013-01-01 05:00:00.123456", "2013-01-01 05:00:00.123455"))
    lake.table("t", "t/", ts="timestamp")
    assert lake.rows("SELECT count(*) FROM t WHERE ts = timestamp '2013-01-01 05:00:00.123'") == [["2"]]
    assert lake.rows("SELECT count(*) FROM t WHERE ts = timestamp '2013-01-01 05:00:00.123456'") == [["0"]]
    assert lake.rows("SELECT count(DISTINCT ts) FROM t") == [["1"]]
    assert lake.rows(
        "SELECT CAST('2013-01-01 05:00:00.1235' AS timestamp) = max(ts) + interval '1' millisecond AS same FROM t"
    ) == [["true"]]


def it_does_not_read_a_table_that_names_a_column_twice(lake: Lake) -> None:
    lake.parquet("t/a.parquet", x=[1])
    twice = {**PARQUET, **lake.columns("t/", {"x": "bigint"})}
    twice["Columns"].append({"Name": "X", "Type": "string"})
    lake.create("columns", twice, None)
    lake.table("key", "t/", ["x"], x="bigint")
    for table, sql in (
        ("columns", "SELECT count(*) FROM columns"),
        ("key", "SELECT count(*) FROM key"),
        ("key", "CREATE VIEW v AS SELECT 1 AS one FROM key"),
    ):
        assert lake.failure(sql) == (
            f"HIVE_INVALID_METADATA: Hive metadata for table {table} is invalid: "
            "Table descriptor contains duplicate columns"
        )


def it_reads_names_with_blanks_and_dashes(lake: Lake) -> None:
    lake.parquet("t/a.parquet", **{"cost total $": [1, 2], "order-id": ["a", "b"], "group": [3, 4]})
    lake.table("t", "t/", None, **{"cost total $": "bigint", "order-id": "string", "group": "bigint"})
    assert lake.rows("SELECT * FROM t ORDER BY 1") == [["1", "a", "3"], ["2", "b", "4"]]
    lake.rows('CREATE VIEW v AS SELECT *, "cost total $" / 2 AS half FROM t WHERE "order-id" <> \'a\'')
    assert lake.rows("SELECT * FROM v") == [["2", "b", "4", "1"]]
    assert lake.rows('SELECT x."order-id" FROM (SELECT * FROM v) AS x') == [["b"]]
    described = lake.aws.client("glue").get_table(DatabaseName=lake.database, Name="v")["Table"]
    names = [column["Name"] for column in described["StorageDescriptor"]["Columns"]]
    assert names == ["cost total $", "order-id", "group", "half"]


def it_takes_hives_name_of_no_value_for_null(lake: Lake) -> None:
    for folder in ("1", "__HIVE_DEFAULT_PARTITION__"):
        lake.parquet(f"t/m={folder}/a.parquet", x=[1])
        lake.text(f"raw/m={folder}/a.csv", "1\n")
    lake.table("t", "t/", ["m"], x="bigint")
    serde = {"SerdeInfo": {"SerializationLibrary": OPEN_CSV, "Parameters": {}}}
    lake.create("raw", {**lake.columns("raw/", {"x": "string"}), **serde}, ["m"])
    lake.rows("MSCK REPAIR TABLE t")
    lake.rows("MSCK REPAIR TABLE raw")
    assert lake.rows("SELECT m FROM t ORDER BY m") == [["1"], [None]]
    assert lake.rows("SELECT m FROM raw ORDER BY m") == [["1"], [None]]
    assert lake.rows("SELECT count(*) FROM t JOIN raw ON t.m IS NULL AND raw.m IS NULL") == [["1"]]


def it_takes_numbers_for_dates_and_timestamps_of_opencsvserde(lake: Lake) -> None:
    lake.text("raw/a.csv", "14611,1579059880123\n")
    lake.csv_table("raw", "raw/", {}, 0, d="date", ts="timestamp")
    assert lake.rows("SELECT d, ts FROM raw") == [["2010-01-02", "2020-01-15 03:44:40.123"]]
    lake.text("raw/a.csv", "2010-01-02,2020-01-15 03:44:40.123\n")
    assert lake.failure("SELECT d FROM raw").startswith("HIVE_BAD_DATA: ")
    assert lake.failure("SELECT ts FROM raw").startswith("HIVE_BAD_DATA: ")


def it_fails_when_the_files_hold_another_type_than_the_table_says(lake: Lake) -> None:
    lake.parquet("t/a.parquet", x=["text"])
    lake.table("t", "t/", x="bigint")
    assert lake.failure("SELECT x FROM t").startswith("HIVE_BAD_DATA: Field x's type VARCHAR in parquet file")


def it_divides_integers_as_trino_does(lake: Lake) -> None:
    lake.parquet("t/a.parquet", x=[5])
    lake.table("t", "t/", x="bigint")
    assert lake.rows("SELECT x / 2, 5 / 2, x / 2.0 AS y FROM t") == [["2", "2", "2.5"]]


def it_speaks_trino(lake: Lake) -> None:
    days = "date_diff('day', date '2020-02-28', date '2020-03-01')"
    sql = f"SELECT {days} AS days, arbitrary(1) AS one, try_cast('x' AS int)"
    assert lake.rows(sql) == [["2", "1", None]]


def it_names_unnamed_columns_as_athena_does(lake: Lake) -> None:
    execution = lake.start("SELECT 1, 2 AS two, count(*)")
    result = lake.aws.client("athena").get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    names = [column["Name"] for column in result["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
    assert names == ["_col0", "two", "_col2"]


def it_keeps_views_as_athena_does_and_expands_them(lake: Lake) -> None:
    lake.parquet("t/a.parquet", x=[1, 2, 3])
    lake.table("t", "t/", x="bigint")
    lake.rows("CREATE OR REPLACE VIEW v AS SELECT x * 2 AS y FROM t WHERE x > 1")
    lake.rows('CREATE VIEW "w" AS WITH big AS (SELECT y FROM v) SELECT sum(y) AS total FROM big')
    assert lake.rows("SELECT total FROM w") == [["10"]]
    table = lake.aws.client("glue").get_table(DatabaseName=lake.database, Name="v")["Table"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["StorageDescriptor"]["Columns"] == [{"Name": "y", "Type": "bigint"}]
    text = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    assert json.loads(base64.b64decode(text)) == {
        "originalSql": "SELECT x * 2 AS y FROM t WHERE x > 1",
        "catalog": "awsdatacatalog",
        "schema": lake.database,
        "columns": [{"name": "y", "type": "bigint"}],
    }
    lake.rows("CREATE OR REPLACE VIEW v AS SELECT x AS y FROM t")
    assert lake.rows("SELECT total FROM w") == [["6"]]
    lake.rows("DROP VIEW v")
    assert lake.failure("SELECT * FROM w").startswith("TABLE_NOT_FOUND")


def it_fails_in_athenas_words(lake: Lake) -> None:
    lake.table("t", "t/", x="bigint")
    lake.rows("CREATE VIEW v AS SELECT 1 AS a")
    assert "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog." in lake.failure("SELECT * FROM missing")
    assert "COLUMN_NOT_FOUND: line 1:1: Column 'wrong' cannot be resolved" in lake.failure("SELECT wrong FROM t")
    assert "View already exists" in lake.failure("CREATE VIEW v AS SELECT 2 AS a")
    assert "is a table, not a view" in lake.failure("CREATE OR REPLACE VIEW t AS SELECT 2 AS a")
    assert "SCHEMA_NOT_FOUND" in lake.failure("CREATE VIEW nowhere.v AS SELECT 2 AS a")
    assert "COLUMN_NOT_FOUND" in lake.failure("CREATE VIEW bad AS SELECT wrong FROM t")
    assert "NOT_SUPPORTED" in lake.failure("INSERT INTO t SELECT 1")


def it_refuses_wrong_syntax_at_once(lake: Lake) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidRequestException.*mismatched input"):
        lake.start("SELEC 1")


def it_reads_raw_csv_by_its_serde(lake: Lake) -> None:
    lake.text("raw/a.csv", 'a,b\n1,"x, ""y"""\r\n2,z\n3\n')
    lake.csv_table("raw", "raw/", {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"}, a="string", b="string")
    assert lake.rows("SELECT a, b FROM raw ORDER BY a") == [["1", 'x, "y"'], ["2", "z"], ["3", None]]


def it_breaks_rows_at_quoted_line_ends_as_athena_does(lake: Lake) -> None:
    lake.text("raw/a.csv", 'a,b\n1,"two\nlines"\n')
    lake.csv_table("raw", "raw/", {"separatorChar": ",", "quoteChar": '"'}, a="string", b="string")
    assert len(lake.rows("SELECT a FROM raw")) == 2


def it_registers_hive_folders_by_msck(lake: Lake) -> None:
    lake.parquet("t/m=1/a.parquet", x=[1])
    lake.parquet("t/m=2/a.parquet", x=[2])
    lake.parquet("t/other/a.parquet", x=[3])
    lake.table("t", "t/", ["m"], x="bigint")
    assert lake.rows("SELECT * FROM t") == []
    lake.rows("MSCK REPAIR TABLE t")
    assert lake.rows("SELECT x, m FROM t ORDER BY x") == [["1", "1"], ["2", "2"]]
    assert lake.rows("SHOW PARTITIONS t") == [["m=1"], ["m=2"]]


def it_writes_results_as_csv_where_they_belong(lake: Lake) -> None:
    execution = lake.start("SELECT 1 AS a, CAST(NULL AS varchar) AS b")
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{lake.bucket}/results/{execution['QueryExecutionId']}.csv"
    key = location.removeprefix(f"s3://{lake.bucket}/")
    assert lake.aws.client("s3").get_object(Bucket=lake.bucket, Key=key)["Body"].read() == b'"a","b"\n"1",""\n'


# Rights: each statement below is needed, and the failure names what is missing.


def statements(lake: Lake) -> dict[str, dict[str, Any]]:
    catalog = "arn:aws:glue:us-east-1:000000000000:"
    return {
        "athena": allow(["athena:*"]),
        **{
            f"glue:{action}": allow(f"glue:{action}", [f"{catalog}catalog", f"{catalog}database/default"])
            for action in ("GetDatabase", "GetDatabases", "CreateDatabase")
        },
        "glue:GetTable": allow("glue:GetTable", f"{catalog}*"),
        "glue:GetPartitions": allow("glue:GetPartitions", f"{catalog}*"),
        "s3:ListBucket": allow("s3:ListBucket", f"arn:aws:s3:::{lake.bucket}"),
        "s3:GetObject": allow("s3:GetObject", f"arn:aws:s3:::{lake.bucket}/t/*"),
        **{
            action: allow(action, f"arn:aws:s3:::{lake.bucket}")
            for action in ("s3:GetBucketLocation", "s3:ListBucketMultipartUploads")
        },
        **{
            action: allow(action, f"arn:aws:s3:::{lake.bucket}/results/*")
            for action in ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
        },
        "results": allow("s3:GetObject", f"arn:aws:s3:::{lake.bucket}/results/*"),
    }


def run_as(lake: Lake, machines: Machines, role_arn: str, sql: str) -> Any:
    return machines.run_states(
        {
            "Type": "Task",
            "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
            "Arguments": {
                "QueryString": sql,
                "QueryExecutionContext": {"Database": lake.database},
                "ResultConfiguration": {"OutputLocation": f"s3://{lake.bucket}/results/"},
            },
        },
        role_arn=role_arn,
    )


def it_runs_a_query_with_the_callers_rights(lake: Lake, machines: Machines, role: RoleMaker) -> None:
    lake.parquet("t/m=1/a.parquet", x=[1])
    lake.table("t", "t/", ["m"], x="bigint")
    lake.partition("t", ["1"], "t/m=1/")
    every = statements(lake)
    arn = role("states.amazonaws.com", *every.values())
    assert run_as(lake, machines, arn, "SELECT x FROM t").status == "SUCCEEDED"
    for missing in list(every)[1:]:
        arn = role("states.amazonaws.com", *(statement for name, statement in every.items() if name != missing))
        result = run_as(lake, machines, arn, "SELECT x FROM t")
        assert result.error == "States.TaskFailed", missing
        reason = json.loads(result.cause)["QueryExecution"]["Status"]["StateChangeReason"]
        assert ("s3:GetObject" if missing == "results" else missing) in reason, reason


def it_creates_a_view_with_the_callers_rights(lake: Lake, machines: Machines, role: RoleMaker) -> None:
    lake.parquet("t/m=1/a.parquet", x=[1])
    lake.table("t", "t/", ["m"], x="bigint")
    lake.partition("t", ["1"], "t/m=1/")
    every = statements(lake)
    # Definitions are enough for a view: no partitions, no data.
    del every["glue:GetPartitions"], every["s3:GetObject"]
    arn = role("states.amazonaws.com", *every.values(), allow(["glue:GetDatabase", "glue:CreateTable"]))
    create = "CREATE OR REPLACE VIEW v AS SELECT x FROM t"
    assert run_as(lake, machines, arn, create).status == "SUCCEEDED"
    result = run_as(lake, machines, arn, create)
    reason = json.loads(result.cause)["QueryExecution"]["Status"]["StateChangeReason"]
    assert reason.startswith("Insufficient permissions to execute the query. User: arn:aws:sts::000000000000:")
    assert "glue:UpdateTable on resource: arn:aws:glue:us-east-1:000000000000:table/" in reason


def it_overrides_the_callers_result_place_by_the_work_groups(lake: Lake) -> None:
    name = f"wg-{uuid.uuid4().hex[:8]}"
    athena = lake.aws.client("athena")
    athena.create_work_group(
        Name=name,
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{lake.bucket}/group"},
        },
    )
    query_id = athena.start_query_execution(
        QueryString="SELECT 1", WorkGroup=name, ResultConfiguration={"OutputLocation": f"s3://{lake.bucket}/mine/"}
    )["QueryExecutionId"]
    execution = ended_query(athena, query_id)
    assert execution["ResultConfiguration"]["OutputLocation"] == f"s3://{lake.bucket}/group/{query_id}.csv"
    with pytest.raises(botocore.exceptions.ClientError, match="WorkGroup nobody is not found"):
        athena.start_query_execution(QueryString="SELECT 1", WorkGroup="nobody")


# "The maximum number of results (rows) to return": the names of the columns are the first of them.
# https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
@pytest.mark.parametrize(("size", "pages"), [(1, [1] * 6), (2, [2, 2, 2]), (4, [4, 2]), (6, [6]), (1000, [6])])
def it_gives_pages_of_rows_that_count_the_names_of_the_columns(lake: Lake, size: int, pages: list[int]) -> None:
    query_id = lake.start("SELECT x FROM (VALUES 1, 2, 3, 4, 5) AS t(x) ORDER BY x")["QueryExecutionId"]
    athena = lake.aws.client("athena")
    paginator = athena.get_paginator("get_query_results").paginate(
        QueryExecutionId=query_id, PaginationConfig={"PageSize": size}
    )
    found = [[row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]] for page in paginator]
    assert [len(rows) for rows in found] == pages
    assert [value for rows in found for value in rows] == ["x", "1", "2", "3", "4", "5"]


def it_gives_at_most_1000_rows_at_once(lake: Lake) -> None:
    query_id = lake.start("SELECT x FROM UNNEST(sequence(1, 1001)) AS t(x)")["QueryExecutionId"]
    athena = lake.aws.client("athena")
    assert len(athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]) == 1000
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidRequestException.*'maxResults'"):
        athena.get_query_results(QueryExecutionId=query_id, MaxResults=1001)


def it_measures_a_query_in_bytes(lake: Lake) -> None:
    longest = f"SELECT '{'ä' * 131_067}' "  # 10 bytes, and two for each letter, make 262,144
    assert lake.start(longest)["Status"]["State"] == "SUCCEEDED"
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidRequestException.*'queryString'"):
        lake.start(f"{longest} ")


def it_takes_no_cutoff_below_10_000_000_bytes() -> None:
    call = json_call({"x-amz-target": "AmazonAthena.CreateWorkGroup"}, b"{}")
    assert call is not None
    shape = call.model.input_shape
    least, less = ({"Configuration": {"BytesScannedCutoffPerQuery": size}} for size in (10_000_000, 9_999_999))
    assert list(violations(least, shape, "")) == []
    assert "greater than or equal to 10000000" in next(violations(less, shape, ""))


def it_does_not_take_names_of_with_for_tables() -> None:
    tree = parse(
        "WITH a AS (SELECT * FROM t1), b AS (SELECT * FROM a) SELECT * FROM b JOIN db.a ON true JOIN t2 ON true"
    )
    assert sorted(table.sql() for table in tables_of(tree)) == ["db.a", "t1", "t2"]  # type: ignore[arg-type]


def it_takes_one_statement_at_a_time() -> None:
    with pytest.raises(QueryError, match="Only one sql statement"):
        parse("SELECT 1; SELECT 2")


def it_splits_unquoted_text_by_its_delimiter() -> None:
    table = {"StorageDescriptor": {"SerdeInfo": {"Parameters": {"field.delim": "|"}}}}
    assert list(split_lines(['a|"b|c', "\\N|"], table, quoted_fields=False)) == [["a", '"b', "c"], [None, ""]]


def it_puts_a_slash_before_the_name_of_a_result() -> None:
    assert result_location("s3://b/xid.csv", "id", "csv") == "s3://b/x/id.csv"
    assert result_location("s3://b/x/id.csv", "id", "txt") == "s3://b/x/id.txt"
