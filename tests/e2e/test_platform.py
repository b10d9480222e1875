"""The stacks of a platform team, of dev and prod, and of their consumers, as the examples have them: applied, queried,
changed, destroyed.

What belongs to another account is applied with both sides in the one account there is.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from local_aws import ExecutionResult, LocalAws, LocalAwsError, free_port
from local_aws.execution import follow
from local_aws.queries import run_query
from local_aws.terraform import ROOT, Terraform
from tests.local_aws.conftest import assuming_client

# A dozen applies of four stacks; what a plan can show of them stands in tests/examples.tftest.hcl.
pytestmark = pytest.mark.long
EXAMPLES = ROOT / "examples"
LANDING = "acme-risk-landing"
ACCOUNT = "arn:aws:iam::000000000000:root"
EXECUTION_SECONDS = 600.0
FIRST_FILES = {
    "sales": {
        "orders/month=2024-01/a.csv": "order_id,customer,amount\n1,ada,10.5\n2,bob,20.5\n",
        "orders/month=2024-02/a.csv": "order_id,customer,amount\n3,ada,30.5\n",
        "customers/a.csv": "customer,country\nada,DE\nbob,FR\n",
    },
    "risk": {"ratings/a.csv": "customer,rating\nada,1\nbob,3\n"},
}
ORDERS = {
    "partition_keys": [{"name": "month"}],
    "columns": [{"name": "order_id", "type": "bigint"}, {"name": "customer"}, {"name": "amount", "type": "double"}],
}
CUSTOMERS = {"columns": [{"name": "customer"}, {"name": "country"}]}
RETURNS = {"columns": [{"name": "order_id", "type": "bigint"}]}
# What goes with a dataset's entry, or with a bucket's: never a bucket, a table or a key.
CONTRACT = re.compile(r'module\.job\[0\]\.aws_s3_object\.contract\["(\w+)"\]$')
Rows = list[tuple[str | None, ...]]


@dataclass
class Stack:
    """A stack of several lakes, and the files that were uploaded to each."""

    aws: LocalAws
    terraform: Terraform
    variables: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    def apply(self) -> None:
        """Apply, and insist that nothing is left to do."""
        self.outputs = self.terraform.apply(self.variables)
        assert self.terraform.plan_is_clean(self.variables), self.terraform.output_of("plan")[-3000:]

    def change(self) -> list[str]:
        """Plan, apply the plan, insist that nothing is left to do, and return what was destroyed or replaced."""
        changes = self.terraform.plan(self.variables)
        self.outputs = self.terraform.apply_planned()
        assert self.terraform.plan_is_clean(self.variables), self.terraform.output_of("plan")[-3000:]
        return [address for address, actions in changes.items() if "delete" in actions]

    def upload(self, lake: str, files: dict[str, str]) -> None:
        """Upload files to a lake's raw bucket, by their keys."""
        bucket = self.outputs["lakes"][lake]["raw_bucket"]
        for key, text in files.items():
            self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
        self.files.setdefault(lake, {}).update(files)

    def execute(self, lake: str) -> ExecutionResult:
        """Execute a lake's state machine, and insist on success."""
        client = self.aws.client("stepfunctions")
        started = client.start_execution(stateMachineArn=self.outputs["state_machine_arns"][lake])["executionArn"]
        result = follow(client, started, lambda line: None, EXECUTION_SECONDS)
        assert result.status == "SUCCEEDED", f"{result.error}: {result.cause}"
        return result

    def settle(self, lake: str) -> int:
        """Execute twice, insist that the second starts no job, and return how many the first did."""
        runs = self.execute(lake).glue_runs
        assert self.execute(lake).glue_runs == 0
        return runs

    def rows(self, lake: str, query: str) -> Rows:
        """Return the rows of a query, sorted: SQL promises no order."""
        found = run_query(self.aws.client("athena"), query, lake, self.outputs["lakes"][lake]["database_name"])
        return sorted((tuple(row.values()) for row in found), key=str)

    def expected(self, lake: str, folder: str, *columns: str) -> Rows:
        """Return columns of the rows in the uploaded files of a folder, as Python's csv reads them."""
        rows: Rows = []
        for key, text in self.files[lake].items():
            if key.startswith(f"{folder}/"):
                rows += [tuple(row.get(column) for column in columns) for row in csv.DictReader(io.StringIO(text))]
        return sorted(rows, key=str)


@dataclass
class Consumer:
    """A stack that queries one lake."""

    aws: LocalAws
    terraform: Terraform
    lake: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Any]:
        return {"lake": self.lake, "assumed_by": [ACCOUNT]}

    def apply(self, **more: Any) -> None:
        """Apply, and insist that nothing is left to do."""
        variables = {**self.variables, **more}
        self.outputs = self.terraform.apply(variables)
        assert self.terraform.plan_is_clean(variables), self.terraform.output_of("plan")[-3000:]

    def client(self, service: str) -> Any:
        return assuming_client(self.aws, self.outputs["role_arn"], service)

    def count(self, table: str, database: str = "") -> int:
        """Count the rows of a table with the consumer's role, in its own workgroup."""
        database = database or self.lake["database_name"]
        query = f"SELECT count(*) AS found FROM {table}"  # noqa: S608 - names of this file
        (row,) = run_query(self.client("athena"), query, self.outputs["workgroup_name"], database)
        return int(row["found"] or -1)

    def refusal(self, table: str, database: str = "") -> str:
        """Return why the consumer may not read a table."""
        with pytest.raises((LocalAwsError, botocore.exceptions.ClientError)) as refused:
            self.count(table, database)
        return str(refused.value)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(directory=tmp_path_factory.mktemp("platform"), port=free_port())
    server.start()
    try:
        server.client("s3").create_bucket(Bucket=LANDING)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def platform(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The platform team's stack with the teams of the example, their first files loaded."""
    teams = tmp_path_factory.mktemp("teams")
    shutil.copytree(EXAMPLES / "platform-wrapper" / "teams", teams, dirs_exist_ok=True)
    terraform = aws.terraform(EXAMPLES / "platform-wrapper")
    stack = Stack(aws, terraform, {"teams_folder": str(teams), "keep_data": "false"})
    stack.apply()
    for lake, files in FIRST_FILES.items():
        stack.upload(lake, files)
        assert stack.settle(lake) > 0
    return stack


@pytest.fixture(scope="module")
def consumer(aws: LocalAws, platform: Stack) -> Consumer:
    """A stack that queries the lake of sales."""
    stack = Consumer(aws, aws.terraform(EXAMPLES / "consumer"), platform.outputs["lakes"]["sales"])
    stack.apply()
    return stack


def say(platform: Stack, team: str, settings: dict[str, Any]) -> None:
    """Write a team's file; JSON is YAML too."""
    (Path(platform.variables["teams_folder"]) / f"{team}.yaml").write_text(json.dumps(settings))


def it_gives_every_role_the_path_and_the_boundary(platform: Stack) -> None:
    iam = platform.aws.client("iam")
    roles = [
        iam.get_role(RoleName=role["RoleName"])["Role"]
        for role in iam.list_roles(PathPrefix="/data-platform/")["Roles"]
    ]
    bounded = {role["RoleName"]: role["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles}
    boundary = "arn:aws:iam::000000000000:policy/data-platform/data-platform-lakes"
    names = ("sales-job", "sales-workflow", "platform-risk-job", "platform-risk-workflow", "risk-schedule")
    assert bounded == dict.fromkeys(names, boundary)


def it_loads_every_team(platform: Stack) -> None:
    assert platform.rows("sales", "SELECT order_id, customer, amount FROM orders") == platform.expected(
        "sales", "orders", "order_id", "customer", "amount"
    )
    assert platform.rows("risk", "SELECT customer, rating FROM ratings") == platform.expected(
        "risk", "ratings", "customer", "rating"
    )
    # Nothing of a brought bucket is changed.
    s3 = platform.aws.client("s3")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=LANDING)["Contents"]] == list(FIRST_FILES["risk"])
    with pytest.raises(botocore.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=LANDING)


def it_lets_the_consumer_read_its_lake_and_no_other(platform: Stack, consumer: Consumer) -> None:
    assert {table: consumer.count(table) for table in ("orders", "v_orders", "customers")} == {
        "orders": 3,
        "v_orders": 3,
        "customers": 2,
    }
    assert "is not authorized to perform: glue:GetTable" in consumer.refusal("raw_orders")
    assert "is not authorized to perform: glue:" in consumer.refusal("ratings", "risk")
    s3, sales = consumer.client("s3"), platform.outputs["lakes"]["sales"]
    for bucket in (sales["raw_bucket"], sales["lake_bucket"]):
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key="tables/orders/x", Body=b"")
    # Its own workgroup only, and so its own results.
    with pytest.raises(botocore.exceptions.ClientError, match="athena:StartQueryExecution"):
        run_query(consumer.client("athena"), "SELECT 1 AS one", "sales", "sales")


def it_lets_a_consumer_of_one_dataset_read_no_other(consumer: Consumer) -> None:
    consumer.apply(only=["customers"])
    assert consumer.count("customers") == 2
    assert "is not authorized to perform: glue:GetTable" in consumer.refusal("orders")
    consumer.apply()
    assert consumer.count("orders") == 3


def it_takes_a_dataset_more_and_other_columns(platform: Stack) -> None:
    drifting = {"schema_drift": "ignore"}
    customers = {"columns": [{"name": "customer"}, {"name": "segment"}], **drifting}
    say(platform, "sales", {"datasets": {"orders": ORDERS, "customers": customers, "returns": RETURNS}})
    assert platform.change() == []
    platform.upload("sales", {"returns/a.csv": "order_id\n2\n", "customers/b.csv": "customer,segment\ncid,new\n"})
    assert platform.settle("sales") > 0
    assert platform.rows("sales", "SELECT customer, segment FROM customers") == platform.expected(
        "sales", "customers", "customer", "segment"
    )
    assert platform.rows("sales", "SELECT count(*) AS found FROM orders") == [("3",)]
    assert platform.rows("sales", "SELECT order_id FROM returns") == [("2",)]


def it_renames_and_removes_datasets_and_converts_nothing(platform: Stack, consumer: Consumer) -> None:
    s3, lake = platform.aws.client("s3"), platform.outputs["lakes"]["sales"]["lake_bucket"]
    stored = {entry["Key"] for entry in s3.list_objects_v2(Bucket=lake, Prefix="tables/")["Contents"]}
    renamed = {**ORDERS, "renamed_from": "orders", "prefix": "orders"}
    say(platform, "sales", {"datasets": {"purchases": renamed, "returns": RETURNS}})
    gone = {match[1] for address in platform.change() if (match := CONTRACT.search(address))}
    assert gone == {"orders", "customers"}
    platform.settle("sales")
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=lake, Prefix="tables/")["Contents"]} == stored
    expected = platform.expected("sales", "orders", "order_id", "customer", "amount")
    assert platform.rows("sales", "SELECT order_id, customer, amount FROM purchases") == expected
    # What left the configuration is kept as it was.
    assert platform.rows("sales", "SELECT count(*) AS found FROM customers") == [("3",)]
    consumer.lake = platform.outputs["lakes"]["sales"]
    consumer.apply()
    assert (consumer.count("purchases"), consumer.count("v_purchases")) == (3, 3)


def it_hands_the_raw_bucket_over(platform: Stack) -> None:
    bucket = platform.outputs["lakes"]["sales"]["raw_bucket"]
    platform.terraform.forget('module.team["sales"].module.lake.module.bucket["raw"]')
    renamed = {**ORDERS, "renamed_from": "orders", "prefix": "orders"}
    say(platform, "sales", {"landing": {"bucket": bucket}, "datasets": {"purchases": renamed, "returns": RETURNS}})
    assert platform.change() == []
    assert platform.settle("sales") == 0
    platform.upload("sales", {"orders/month=2024-03/a.csv": "order_id,customer,amount\n4,cid,40.5\n"})
    assert platform.settle("sales") == 1
    assert platform.rows("sales", "SELECT count(*) AS found FROM purchases") == [("4",)]


def it_destroys_each_stack_and_nothing_of_the_others(platform: Stack, consumer: Consumer) -> None:
    consumer.terraform.destroy(consumer.variables)
    assert platform.rows("sales", "SELECT count(*) AS found FROM purchases") == [("4",)]
    handed_over = platform.outputs["lakes"]["sales"]["raw_bucket"]
    platform.terraform.destroy(platform.variables)
    s3 = platform.aws.client("s3")
    kept = {
        bucket["Name"]: {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket["Name"])["Contents"]}
        for bucket in s3.list_buckets()["Buckets"]
    }
    assert kept == {LANDING: set(platform.files["risk"]), handed_over: set(platform.files["sales"])}


# --- dev and prod


def it_keeps_prod_and_its_consumer_while_dev_comes_and_goes(aws: LocalAws, tmp_path: Path) -> None:
    folder = EXAMPLES / "multi-environment"
    stacks = {}
    for name in ("prod", "dev"):
        values = (folder / "environments" / f"{name}.tfvars",)
        stacks[name] = Stack(aws, Terraform(folder, tmp_path / name, aws.endpoint, values), {"emails": []})
        stacks[name].apply()
    lakes = {}
    for name, stack in stacks.items():
        lakes[name] = f"sales-{name}"
        stack.upload(
            "sales", {"orders/a.csv": "order_id,customer\n1,ada\n", "customers/a.csv": "customer,country\nada,DE\n"}
        )
        assert stack.settle("sales") > 0
    consumer = Consumer(
        aws,
        Terraform(EXAMPLES / "consumer", tmp_path / "consumer", aws.endpoint),
        stacks["prod"].outputs["lakes"]["sales"],
    )
    consumer.apply()
    assert "is not authorized to perform: glue:" in consumer.refusal("orders", "sales_dev")
    stacks["dev"].terraform.destroy(stacks["dev"].variables)
    assert stacks["prod"].terraform.plan_is_clean(stacks["prod"].variables)
    assert consumer.count("orders") == 1
    assert stacks["prod"].execute("sales").glue_runs == 0


# --- two accounts


def it_reads_what_lands_in_another_accounts_bucket(aws: LocalAws, tmp_path: Path) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = aws.client("iam").create_role(RoleName="landing", AssumeRolePolicyDocument=json.dumps(document))["Role"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    aws.client("iam").put_role_policy(RoleName="landing", PolicyName="all", PolicyDocument=json.dumps(everything))
    stack = Stack(
        aws,
        Terraform(EXAMPLES / "cross-account-landing", tmp_path, aws.endpoint),
        {"landing_role_arn": role["Arn"]},
    )
    stack.apply()
    assert stack.outputs["let_in"] == stack.outputs["lake_role_arns"]
    assert_let_in(aws, stack.outputs["let_in"])


def assert_let_in(aws: LocalAws, roles: dict[str, str]) -> None:
    """Insist that the landing account allows each role what the role's own policy allows there."""
    bucket = "arn:aws:s3:::acme-orders-landing"
    landing = json.loads(aws.client("s3").get_bucket_policy(Bucket="acme-orders-landing")["Policy"])["Statement"]
    key = json.loads(key_policy(aws))["Statement"]
    let_in = [statement for statement in landing + key if "aws:PrincipalArn" in json.dumps(statement)]
    for kind, arn in roles.items():
        iam, name = aws.client("iam"), arn.rpartition("/")[2]
        own = iam.get_role_policy(RoleName=name, PolicyName=kind)["PolicyDocument"]["Statement"]
        wanted = {
            action
            for statement in own
            if any(resource.startswith(bucket) for resource in as_list(statement["Resource"]))
            for action in as_list(statement["Action"])
        }
        # Each may use the key for whatever is under it; of the landing bucket's objects only who reads them needs it.
        if "s3:GetObject" in wanted:
            wanted |= {
                action
                for statement in own
                if statement["Sid"] == "ReadUnderOtherKeys"
                for action in as_list(statement["Action"])
            }
        allowed = {
            action
            for statement in let_in
            if arn in as_list(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"])
            for action in as_list(statement["Action"])
        }
        assert (kind, allowed) == (kind, wanted)


def key_policy(aws: LocalAws) -> str:
    """Return the policy of the key that the landing bucket's files are under."""
    rules = aws.client("s3").get_bucket_encryption(Bucket="acme-orders-landing")["ServerSideEncryptionConfiguration"]
    key = rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    return str(aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
