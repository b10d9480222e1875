"""Every statement of every role is needed, every action in it is used: the local AWS checks and notes each call.

A statement without a case here fails a test, so that nobody adds rights without showing what they are for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from local_aws import LocalAws, free_port
from tests.e2e.conftest import Pipeline, until
from tests.local_aws.conftest import client_of

CONFIGURATION = Path(__file__).parent / "permissions"
NAME = "rights"
ROLES = {
    "job": f"{NAME}-job",
    "crawler": f"{NAME}-crawler",
    "workflow": f"{NAME}-workflow",
    "schedule": f"{NAME}-schedule",
    "rule": f"{NAME}-upload-rule",
    "collector": f"{NAME}-uploads",
}
REFUSAL = "is not authorized to perform: "
# A job of one's own with the module's role and modules: it gives up an upload that is larger than one part.
GIVING_UP = """
import sys
from storage import open_storage

uri = sys.argv[sys.argv.index("--target") + 1]
with open_storage(uri).open_write(uri) as stream:
    stream.write(bytes(40 * 1024 * 1024))
    raise ValueError("the upload is given up")
"""
# What the local AWS makes no use of. Where a job logs that has a security configuration and a prefix of its own is not
# documented, so both places are granted: https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html
SECURED_LOGS = f"arn:aws:logs:us-east-1:000000000000:log-group:/aws-glue/jobs-*-{NAME}/*"
# What a crawler calls is documented only as the managed policy that allows all of Glue; the local one has other ways:
# https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html
OTHER_WAYS = ("glue:BatchUpdatePartition", "glue:CreatePartition", "glue:GetPartition", "glue:GetTables")
UNUSED = [
    *(("crawler", "WriteRawTables", action) for action in OTHER_WAYS),
    ("job", "EncryptLogs", SECURED_LOGS),
    ("job", "WriteLogs", SECURED_LOGS),
]
# The local AWS has no encrypted Data Catalog: what a key of it takes is compared with its documentation by
# tests/unit/test_example_policies.py.
UNPROVEN = {(role, "UseCatalogKey") for role in ("crawler", "job", "workflow")}
Calls = list[dict[str, Any]]
Attempt = Callable[[Pipeline], str]


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline as applied, with no upload starting anything."""
    aws = LocalAws(directory=tmp_path_factory.mktemp("rights"), port=free_port())
    aws.start()
    try:
        outputs = aws.apply(CONFIGURATION)
        outputs["role_arns"] = {**outputs["role_arns"], **ROLES}
        aws.client("events").disable_rule(Name=ROLES["collector"])
        yield Pipeline(aws, outputs)
    finally:
        aws.stop()


@pytest.fixture(scope="module")
def calls(rights: Pipeline) -> Calls:
    """What the roles call from the creation of the pipeline to every kind of change."""
    upload_under_another_key(rights, "orders/month=2024-01/a.csv", "order_id,amount\n1,10\n2,20\n")
    # The amount is no number, so that there is something in quarantine.
    rights.upload("orders/month=2024-02/a.csv", "order_id,amount\n3,thirty\n")
    rights.upload("products/year=2023/a.csv", "sku,price\nZ,1\n")
    rights.upload("products/year=2024/a.csv", "sku,price\nA,1\n")
    write_under_another_key(rights, rights.outputs["artifacts_bucket"], "contracts/products.json")
    rights.succeed()
    # A unit that is replaced, one that is removed, one that is new; columns that a second crawl finds.
    rights.upload("orders/month=2024-01/b.csv", "order_id,amount\n4,40\n")
    rights.upload("orders/month=2024-03/a.csv", "order_id,amount\n5,50\n")
    rights.remove("orders/month=2024-02/a.csv")
    rights.upload("products/year=2023/a.csv", "sku,price,colour\nZ,1,blue\n")
    upload_under_another_key(rights, "products/year=2024/a.csv", "sku,price,colour\nA,1,red\n")
    crawl(rights)
    leave_a_table(rights)
    assert rights.succeed().output["removed"]["dropped"] == ["gone"]
    assert rights.rows("SELECT month, amount FROM sales") == [("2024-01", "70"), ("2024-03", "50")]
    assert rights.rows("SELECT sku, colour FROM products WHERE year = '2024'") == [("A", "red")]
    assert give_up_an_upload(rights) == "ValueError: the upload is given up"
    fire_the_schedule(rights)
    upload_an_event(rights)
    # Two were started above, one by the schedule, one by the upload.
    until(lambda: executions(rights) == ["SUCCEEDED"] * 4, "the end of what the schedule and the upload started")
    return rights.aws.iam_calls()


def leave_a_table(pipeline: Pipeline) -> None:
    """Leave the table of a dataset that the pipeline had once."""
    place = {"Location": f"s3://{pipeline.outputs['lake_bucket']}/tables/gone/run=none/"}
    table: Any = {"Name": "gone", "StorageDescriptor": place, "Parameters": {"managed_by": NAME}}
    pipeline.aws.client("glue").create_table(DatabaseName=pipeline.database, TableInput=table)


def drop_a_table(pipeline: Pipeline) -> str:
    """Execute while there is a table of a dataset that is no longer configured."""
    if not any(table["Name"] == "gone" for table in tables(pipeline)):
        leave_a_table(pipeline)
    return run("orders")(pipeline)


def upload_under_another_key(pipeline: Pipeline, key: str, text: str) -> None:
    """Upload a CSV file as somebody does who has a key of their own."""
    pipeline.upload(key, text)
    write_under_another_key(pipeline, pipeline.outputs["raw_bucket"], key)


def write_under_another_key(pipeline: Pipeline, bucket: str, key: str) -> None:
    """Write an object again as it is, under the other key."""
    s3, key_arn = pipeline.aws.client("s3"), pipeline.outputs["other_key_arn"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn)


def executions(pipeline: Pipeline) -> list[str]:
    """Return the status of every execution of the pipeline."""
    arn = pipeline.outputs["state_machine_arn"]
    found = pipeline.aws.client("stepfunctions").list_executions(stateMachineArn=arn)
    return [execution["status"] for execution in found["executions"]]


def statements(pipeline: Pipeline, kind: str) -> list[dict[str, Any]]:
    """Return the statements of a role, their actions and resources as lists."""
    return [
        {**statement, "Action": as_list(statement["Action"]), "Resource": as_list(statement["Resource"])}
        for document in pipeline.policies(kind).values()
        for statement in document["Statement"]
    ]


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# --- what needs the rights; each returns what is said about it


def run(*datasets: str, **more: Any) -> Attempt:
    """Execute, over the datasets named."""

    def attempt(pipeline: Pipeline) -> str:
        result = pipeline.run(*datasets, **more)
        assert result.status == "FAILED", "nothing was missing"
        return result.cause

    return attempt


def load(pipeline: Pipeline) -> str:
    """Convert everything again."""
    return run("orders", force=True)(pipeline)


def crawl_for_the_first_time(pipeline: Pipeline) -> str:
    """Execute while the raw table is not there, so that the crawler is started."""
    if any(table["Name"] == "raw_products" for table in tables(pipeline)):
        pipeline.delete_table("raw_products")
    return run("products")(pipeline)


def create_the_view(pipeline: Pipeline) -> str:
    """Execute while the view is not there, so that it is created."""
    if any(table["Name"] == "sales" for table in tables(pipeline)):
        pipeline.delete_table("sales")
    return run("orders")(pipeline)


def tables(pipeline: Pipeline) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pipeline.aws.client("glue").get_tables(DatabaseName=pipeline.database)["TableList"]
    return found


def repair(pipeline: Pipeline) -> str:
    """Execute while a table is not there: the job registers its partitions and reports, and converts nothing."""
    pipeline.delete_table("orders_quarantine")
    return run("orders")(pipeline)


def said_in_the_log(step: Callable[[Pipeline], Any]) -> Attempt:
    """Do something that a refusal does not stop: on AWS a metric or a missing stream tells, here the server's log."""

    def attempt(pipeline: Pipeline) -> str:
        log = pipeline.aws.settings.log_file
        start = len(log.read_text())
        step(pipeline)
        until(lambda: REFUSAL in log.read_text()[start:], "a refusal in the server's log", 30)
        return log.read_text()[start:]

    return attempt


def plan(pipeline: Pipeline) -> None:
    """Have the job plan: the shortest of its runs."""
    pipeline.succeed("orders", dry_run=True)


def name_no_orphans(pipeline: Pipeline) -> str:
    """Have the job plan, and return what it wrote into its log: it goes on without this right."""
    plan(pipeline)
    return pipeline.job_log()


def crawl(pipeline: Pipeline) -> None:
    """Start the crawler by hand, and await its success."""
    glue, name = pipeline.aws.client("glue"), pipeline.outputs["crawler_name"]
    glue.start_crawler(Name=name)
    until(lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY", "the end of the crawl")
    last = glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]
    assert last["Status"] == "SUCCEEDED", last["ErrorMessage"]


def update_the_state_machine(pipeline: Pipeline) -> str:
    """Write the state machine again as it is: log delivery and tracing are checked then."""
    client, arn = pipeline.aws.client("stepfunctions"), pipeline.outputs["state_machine_arn"]
    return update(client, arn)


def update_the_collector(pipeline: Pipeline) -> str:
    """Write the collecting state machine again as it is."""
    client, arn = pipeline.aws.client("stepfunctions"), pipeline.outputs["state_machine_arn"]
    return update(client, f"{arn}-uploads")


def update(client: Any, arn: str) -> str:
    known = client.describe_state_machine(stateMachineArn=arn)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDeniedException") as refused:
        client.update_state_machine(stateMachineArn=arn, definition=known["definition"])
    return str(refused.value)


def give_up_an_upload(pipeline: Pipeline) -> str:
    """Start a large upload with the job's role and modules, give it up, and return what the run failed with."""
    glue, name, bucket = pipeline.aws.client("glue"), "giving-up", pipeline.outputs["artifacts_bucket"]
    job = glue.get_job(JobName=pipeline.outputs["glue_job_name"])["Job"]
    pipeline.aws.client("s3").put_object(Bucket=bucket, Key=f"scripts/{name}.py", Body=GIVING_UP.encode())
    glue.create_job(
        Name=name,
        Role=job["Role"],
        Command={**job["Command"], "ScriptLocation": f"s3://{bucket}/scripts/{name}.py"},
        DefaultArguments=job["DefaultArguments"],
        GlueVersion=job["GlueVersion"],
    )
    target = f"s3://{pipeline.outputs['lake_bucket']}/tables/orders/giving-up"
    run_id = glue.start_job_run(JobName=name, Arguments={"--target": target})["JobRunId"]

    def found() -> dict[str, Any]:
        job_run: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return job_run

    until(lambda: found()["JobRunState"] == "FAILED", "the end of the run")
    return str(found()["ErrorMessage"])


def asked(pipeline: Pipeline, kind: str) -> int:
    """Return how often a role has asked for an execution."""
    asking = [call for call in pipeline.aws.iam_calls() if call["role"].endswith(f"/{ROLES[kind]}")]
    return len([call for call in asking if call["action"] == "states:StartExecution"])


def fire_the_schedule(pipeline: Pipeline) -> None:
    """Have the schedule ask every minute, until it has asked once."""
    scheduler, before = pipeline.aws.client("scheduler"), asked(pipeline, "schedule")
    known = scheduler.get_schedule(Name=NAME)
    settings = {key: known[key] for key in ("Name", "FlexibleTimeWindow", "Target", "ScheduleExpression")}
    scheduler.update_schedule(**{**settings, "ScheduleExpression": "rate(1 minute)"})
    try:
        until(lambda: asked(pipeline, "schedule") > before, "the schedule's request", 90)
    finally:
        scheduler.update_schedule(**settings)


def upload_an_event(pipeline: Pipeline) -> None:
    """Upload one object while the rule watches, and await that the pipeline is asked for, or that nobody can ask."""
    events, before = pipeline.aws.client("events"), refused_or_asked(pipeline)
    events.enable_rule(Name=ROLES["collector"])
    try:
        pipeline.aws.client("s3").put_object(Bucket=pipeline.outputs["raw_bucket"], Key="orders/_done", Body=b"")
        until(lambda: refused_or_asked(pipeline) > before, "what follows on an upload", 30)
    finally:
        events.disable_rule(Name=ROLES["collector"])


def refused_or_asked(pipeline: Pipeline) -> int:
    """Count the ends of the way from an upload to the pipeline: it is asked for, or a role may not go on."""
    calls = pipeline.aws.iam_calls()
    return asked(pipeline, "collector") + len(denied(calls, "rule")) + len(denied(calls, "collector"))


def upload_that_starts_nothing(pipeline: Pipeline) -> str:
    """Upload, and return what the collector was told: an Express execution that nobody awaits says it nowhere else."""
    upload_an_event(pipeline)
    (call, *_) = denied(pipeline.aws.iam_calls(), "collector")
    return f"{REFUSAL}{call['action']}"


# --- the cases: role and statement, and what fails without it

CASES: Mapping[tuple[str, str], Attempt] = {
    ("job", "ReadScriptsAndContracts"): load,
    ("job", "FindScripts"): load,
    ("job", "ListRawData"): load,
    ("job", "ListLake"): load,
    ("job", "ReadRawData"): load,
    ("job", "WriteLake"): load,
    ("job", "Publish"): load,
    ("job", "FindOrphans"): name_no_orphans,
    ("job", "ReportMetrics"): repair,
    ("job", "WriteLogs"): said_in_the_log(plan),
    ("job", "EncryptLogs"): said_in_the_log(plan),
    ("job", "SeeSecurityConfiguration"): said_in_the_log(plan),
    ("job", "UseKey"): load,
    ("job", "ReadUnderOtherKeys"): load,
    ("job", "UseConnections"): load,
    ("job", "LookAtNetwork"): load,
    ("job", "AttachToNetwork"): load,
    ("job", "MarkNetworkInterfaces"): load,
    ("workflow", "RunJob"): load,
    ("workflow", "UseCatalog"): run("orders"),
    ("workflow", "FindOrphans"): run("orders"),
    ("workflow", "DropOrphans"): drop_a_table,
    ("workflow", "UseDefaultDatabase"): create_the_view,
    ("workflow", "SeeOwnExecutions"): run("orders"),
    ("workflow", "StartListing"): run("orders"),
    ("workflow", "ReadContracts"): run("orders"),
    ("workflow", "ReadReports"): run("orders", dry_run=True),
    ("workflow", "ListRawData"): run("orders"),
    ("workflow", "RunQueries"): create_the_view,
    ("workflow", "FindQueryResults"): create_the_view,
    ("workflow", "WriteQueryResults"): create_the_view,
    ("workflow", "DeliverLogs"): update_the_state_machine,
    ("workflow", "WriteLogs"): update_the_state_machine,
    ("workflow", "Trace"): update_the_state_machine,
    ("workflow", "UseKey"): run("orders"),
    ("workflow", "ReadUnderOtherKeys"): run("products"),
    ("workflow", "UseStateMachineKey"): run("orders"),
    ("workflow", "EncryptLogs"): update_the_state_machine,
    ("workflow", "Crawl"): crawl_for_the_first_time,
    ("crawler", "FindRawData"): crawl_for_the_first_time,
    ("crawler", "ListRawData"): crawl_for_the_first_time,
    ("crawler", "ReadRawData"): crawl_for_the_first_time,
    ("crawler", "WriteRawTables"): crawl_for_the_first_time,
    ("crawler", "ReadEncrypted"): crawl_for_the_first_time,
    ("crawler", "WriteLogs"): said_in_the_log(crawl),
    ("crawler", "EncryptLogs"): said_in_the_log(crawl),
    ("crawler", "SeeSecurityConfiguration"): said_in_the_log(crawl),
    ("crawler", "ReadUnderOtherKeys"): crawl_for_the_first_time,
    ("schedule", "StartPipeline"): said_in_the_log(fire_the_schedule),
    ("schedule", "UseStateMachineKey"): said_in_the_log(fire_the_schedule),
    ("rule", "StartCollector"): said_in_the_log(upload_an_event),
    ("rule", "UseStateMachineKey"): said_in_the_log(upload_an_event),
    ("collector", "DeliverLogs"): update_the_collector,
    ("collector", "WriteLogs"): update_the_collector,
    ("collector", "StartPipeline"): upload_that_starts_nothing,
    ("collector", "UseStateMachineKey"): upload_that_starts_nothing,
    ("collector", "EncryptLogs"): update_the_collector,
}


def denied(calls: Calls, kind: str) -> Calls:
    return [call for call in calls if call["role"].endswith(f"/{ROLES[kind]}") and not call["allowed"]]


def it_knows_every_role_and_statement(rights: Pipeline) -> None:
    roles = {role["RoleName"] for role in rights.aws.client("iam").list_roles()["Roles"]}
    assert roles == set(ROLES.values())
    found = [(kind, statement["Sid"]) for kind in ROLES for statement in statements(rights, kind)]
    assert sorted(found) == sorted({*CASES, *UNPROVEN})


def it_grants_nothing_that_is_not_used(rights: Pipeline, calls: Calls) -> None:
    assert [call for call in calls if not call["allowed"]] == []
    unused = []
    for kind in ROLES:
        made = [call for call in calls if call["role"].endswith(f"/{ROLES[kind]}")]
        for statement in statements(rights, kind):
            if (kind, statement["Sid"]) in UNPROVEN:
                continue
            actions, resources = statement["Action"], statement["Resource"]
            # Every call on something in the catalog is checked on the catalog too, whichever statement it was for.
            own = [resource for resource in resources if not resource.endswith(":catalog")]
            unused += [
                (kind, statement["Sid"], action)
                for action in actions
                if not any(uses(call, [action], own) for call in made)
            ]
            unused += [
                (kind, statement["Sid"], resource)
                for resource in resources
                if not any(uses(call, actions, [resource]) for call in made)
            ]
    assert sorted(unused) == UNUSED


def uses(call: dict[str, Any], actions: list[str], resources: list[str]) -> bool:
    """Whether a call is one of the actions on one of the resources."""
    return call["action"] in actions and any(fnmatchcase(call["resource"], resource) for resource in resources)


@pytest.mark.parametrize(("kind", "sid"), CASES)
@pytest.mark.usefixtures("calls")
def it_fails_without_the_statement(rights: Pipeline, kind: str, sid: str) -> None:
    (actions,) = (statement["Action"] for statement in statements(rights, kind) if statement["Sid"] == sid)
    rights.aws.clear_iam_calls()
    with rights.without_statement(kind, sid):
        said = CASES[kind, sid](rights)
    refused = {call["action"] for call in denied(rights.aws.iam_calls(), kind)}
    assert refused
    assert refused <= set(actions)
    assert any(f"{REFUSAL}{action}" in said for action in refused), said


def it_works_again_with_all_of_them(rights: Pipeline) -> None:
    rights.aws.clear_iam_calls()
    rights.succeed()
    assert rights.rows("SELECT month, amount FROM sales") == [("2024-01", "70"), ("2024-03", "50")]
    assert [call for call in rights.aws.iam_calls() if not call["allowed"]] == []


# --- strangers, with nothing but the policy that an output holds for them

OF_ORDERS = ("orders", "orders_quarantine", "v_orders")
QUERIES = {name: f"SELECT count(*) AS found FROM {name}" for name in (*OF_ORDERS, "products", "sales")}  # noqa: S608


@dataclass
class Stranger:
    """Somebody who assumes a role that is allowed one document, or what is left of it."""

    pipeline: Pipeline
    name: str
    document: dict[str, Any]

    def may(self, *left_out: str) -> None:
        """Allow what the document says, without the statements named."""
        kept = [statement for statement in self.document["Statement"] if statement["Sid"] not in left_out]
        document = json.dumps({**self.document, "Statement": kept})
        self.pipeline.aws.client("iam").put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=document)

    def client(self, service: str) -> Any:
        return client_of(self.pipeline.aws, f"arn:aws:iam::000000000000:role/{self.name}", service)

    def query(self, sql: str) -> str:
        """Query as a driver does, with its work group, tables and rows; return what was refused, or nothing."""
        athena, glue = self.client("athena"), self.client("glue")
        group, database = self.pipeline.outputs["athena_workgroup"], self.pipeline.database
        try:
            athena.get_work_group(WorkGroup=group)
            started = athena.start_query_execution(
                QueryString=sql, WorkGroup=group, QueryExecutionContext={"Database": database}
            )["QueryExecutionId"]
            status = self.end_of(athena, started)
            if status["State"] == "FAILED":
                return str(status["StateChangeReason"])
            rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
            assert len(rows) == 2
            athena.stop_query_execution(QueryExecutionId=started)
            glue.get_database(Name=database)
            glue.get_partition(DatabaseName=database, TableName="orders", PartitionValues=["2024-01"])
        except botocore.exceptions.ClientError as error:
            return str(error)
        return ""

    def end_of(self, athena: Any, query: str) -> dict[str, Any]:
        """Await the end of a query and return its status."""

        def status() -> dict[str, Any]:
            found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            return found

        until(lambda: status()["State"] not in ("QUEUED", "RUNNING"), "the end of the query", 60)
        return status()

    def upload(self, key: str) -> str:
        """Upload in one piece, and in parts that are given up; return what was refused, or nothing."""
        s3, bucket = self.client("s3"), self.pipeline.outputs["raw_bucket"]
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=b"")
            begun = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            s3.upload_part(Bucket=bucket, Key=key, UploadId=begun, PartNumber=1, Body=b"x")
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=begun)
        except botocore.exceptions.ClientError as error:
            return str(error)
        return ""


StrangerMaker = Callable[[str], Stranger]


@pytest.fixture
def stranger(rights: Pipeline, calls: Calls) -> Iterator[StrangerMaker]:
    """Make a role for a policy among the outputs."""
    assert calls
    iam, trust = rights.aws.client("iam"), {"Version": "2012-10-17", "Statement": []}
    made: list[str] = []

    def make(policy: str) -> Stranger:
        name = f"stranger-{policy.replace('_', '-')}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        made.append(name)
        who = Stranger(rights, name, json.loads(rights.outputs["access_policies"][policy]))
        who.may()
        rights.aws.clear_iam_calls()
        return who

    yield make
    for name in made:
        iam.delete_role_policy(RoleName=name, PolicyName="p")
        iam.delete_role(RoleName=name)


def it_lets_a_consumer_read_every_table_and_nothing_else(rights: Pipeline, stranger: StrangerMaker) -> None:
    who = stranger("consumer")
    assert {name: who.query(sql) for name, sql in QUERIES.items()} == dict.fromkeys(QUERIES, "")
    made = [call for call in rights.aws.iam_calls() if call["role"].endswith(f"/{who.name}")]
    used = {call["action"] for call in made}
    actions = {action for statement in who.document["Statement"] for action in as_list(statement["Action"])}
    assert actions - used == set()
    s3, lake, raw = who.client("s3"), rights.outputs["lake_bucket"], rights.outputs["raw_bucket"]
    attempts: list[Callable[[], Any]] = [
        lambda: s3.get_object(Bucket=raw, Key="orders/month=2024-01/a.csv"),
        lambda: s3.list_objects_v2(Bucket=raw),
        lambda: s3.put_object(Bucket=raw, Key="orders/month=2024-01/b.csv", Body=b""),
        lambda: s3.put_object(Bucket=lake, Key="tables/orders/x", Body=b""),
        lambda: s3.delete_object(Bucket=lake, Key="tables/orders/x"),
        lambda: s3.get_object(Bucket=lake, Key="manifests/orders/x"),
        lambda: who.client("glue").delete_table(DatabaseName=rights.database, Name="orders"),
        lambda: who.client("glue").get_table(DatabaseName=rights.database, Name="raw_orders"),
        lambda: who.client("stepfunctions").start_execution(stateMachineArn=rights.outputs["state_machine_arn"]),
    ]
    for attempt in attempts:
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            attempt()


def it_lets_a_consumer_of_one_dataset_read_that_one_only(stranger: StrangerMaker) -> None:
    who = stranger("orders_consumer")
    said = {name: who.query(sql) for name, sql in QUERIES.items()}
    assert {name for name, refusal in said.items() if not refusal} == set(OF_ORDERS)
    assert REFUSAL in said["products"]
    assert REFUSAL in said["sales"]


@pytest.mark.parametrize("policy", ["consumer", "orders_consumer"])
def it_needs_every_statement_of_a_consumer(stranger: StrangerMaker, policy: str) -> None:
    who = stranger(policy)
    assert who.query(QUERIES["orders"]) == ""
    sids = [statement["Sid"] for statement in who.document["Statement"]]
    # Nothing of these tables lies under another key, and the local AWS has no encrypted catalog.
    assert sids[-1] == "ReadUnderOtherKeys"
    for statement in who.document["Statement"]:
        if statement["Sid"] != "ReadUnderOtherKeys":
            who.may(statement["Sid"])
            said = who.query(QUERIES["orders"])
            assert any(f"{REFUSAL}{action}" in said for action in as_list(statement["Action"])), (
                statement["Sid"],
                said,
            )


def it_lets_an_uploader_upload_and_nothing_else(rights: Pipeline, stranger: StrangerMaker) -> None:
    every, one = stranger("uploader"), stranger("orders_uploader")
    assert every.upload("orders/_from_a_stranger") == every.upload("products/_from_a_stranger") == ""
    assert one.upload("orders/_from_a_stranger") == ""
    assert f"{REFUSAL}s3:PutObject" in one.upload("products/_from_a_stranger")
    assert f"{REFUSAL}s3:PutObject" in every.upload("elsewhere/_from_a_stranger")
    attempts: list[Callable[[], Any]] = [
        lambda: every.client("s3").get_object(Bucket=rights.outputs["raw_bucket"], Key="orders/_from_a_stranger"),
        lambda: every.client("s3").delete_object(Bucket=rights.outputs["raw_bucket"], Key="orders/_from_a_stranger"),
        lambda: every.client("s3").put_object(Bucket=rights.outputs["lake_bucket"], Key="tables/orders/x", Body=b""),
    ]
    for attempt in attempts:
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            attempt()
    for statement in every.document["Statement"]:
        every.may(statement["Sid"])
        said = every.upload("orders/_from_a_stranger")
        assert any(f"{REFUSAL}{action}" in said for action in as_list(statement["Action"])), (statement["Sid"], said)
